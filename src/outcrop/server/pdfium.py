"""The text of a PDF's pages, by PDFium (pypdfium2), if it is installed.

Rules: PDFium is imported at the first PDF and is used by one thread only, its own, since it isn't
thread-safe; a page that can't be read is an empty page; pages, characters, time and those who wait
are bounded. A page can't be interrupted, so that one that never ends keeps PDFium to itself: who
waits for that gives up in time, and who comes later at once.

Source: pypdfium2's documentation, https://pypdfium2.readthedocs.io (API, "Thread safety").
"""

from __future__ import annotations

import atexit
import importlib
import logging
import queue
import re
import sys
import threading
import time
from concurrent.futures import Future
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

from outcrop.server import deadline
from outcrop.server.deadline import OverdueError

if TYPE_CHECKING:
    from collections.abc import Callable

#: Pages, and characters of a page and of a whole PDF, that are read.
PAGES: Final = 1000
PAGE: Final = 50_000
DOCUMENT: Final = 2_000_000
#: How many PDFs may wait while one is read.
WAITING: Final = 8

_log = logging.getLogger(__name__)
_LINES = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
#: PDFium marks a hyphen at a line's end with U+0002 or U+FFFE.
_HYPHENS = re.compile("[\x02\ufffe]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufeff\uffff]")


class UnreadableError(ValueError):
    """PDFium can't open it."""


@cache
def _pdfium() -> Any:
    """The module, None if it isn't installed; which is told once."""
    try:
        return importlib.import_module("pypdfium2")
    except ImportError:
        _log.warning(
            "PDFs aren't read, only their pages counted. To read them: pip install 'outcrop[pdf]'"
        )
        return None


def is_installed() -> bool:
    """Whether PDFs can be read."""
    return _pdfium() is not None


def read(data: bytes, *, pages: int) -> tuple[str, ...] | None:
    """The text of each page, lines ended by a line feed; None if PDFium isn't there.

    Args:
        data: The file.
        pages: How many pages it has, counted by somebody else: PDFium believes what a PDF says.

    Raises:
        UnreadableError: PDFium can't open it: it is broken, or encrypted.
        OverdueError: It wasn't read by the request's deadline, or PDFium is too busy.
    """
    pdfium = _pdfium()
    if pdfium is None:
        return None
    until = time.monotonic() + min(deadline.SECONDS, deadline.left())
    return _reader().read(partial(_read, pdfium, data, pages, until), until)


Pages = tuple[str, ...]


class Reader:
    """A thread of its own that does one thing after another, with a bound on those who wait.

    The thread is a daemon, since Python would wait for it at the end, and a page may never end.
    """

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[Callable[[], Pages], Future[Pages], float]]
        self._waiting = queue.Queue(WAITING)
        self._until: float | None = None  # the deadline of what is being done
        threading.Thread(target=self._run, name="outcrop-pdfium", daemon=True).start()

    @property
    def is_busy(self) -> bool:
        """Whether it is doing something."""
        return self._until is not None

    def read(self, work: Callable[[], Pages], until: float) -> Pages:
        """What the work gives.

        Args:
            work: Done in the thread.
            until: The time, on the steady clock, until which it is waited for.

        Raises:
            OverdueError: It isn't done by then, or nothing can be before.
        """
        stuck = self._until is not None and self._until < time.monotonic()
        done: Future[Pages] = Future()
        if stuck or not self._put(work, done, until):
            _log.warning("A PDF isn't read: PDFium is busy with others.")
            raise OverdueError("too many PDFs are being read")
        try:
            return done.result(max(0.0, until - time.monotonic()))
        except TimeoutError:
            _log.warning("A PDF isn't read: there was no time left for it.")
            raise OverdueError from None
        finally:
            done.cancel()

    def _put(self, work: Callable[[], Pages], done: Future[Pages], until: float) -> bool:
        try:
            self._waiting.put_nowait((work, done, until))
        except queue.Full:
            return False
        return True

    def _run(self) -> None:
        while True:
            work, done, until = self._waiting.get()
            if done.set_running_or_notify_cancel():
                self._until = until
                try:
                    done.set_result(work())
                except Exception as error:  # noqa: BLE001 - whatever it is, it is raised by `read`
                    done.set_exception(error)
                self._until = None
            del work, done  # a file may be large, and the next may be long in coming


_making = threading.Lock()


def _reader() -> Reader:
    with _making:
        return _make_reader()


@cache
def _make_reader() -> Reader:
    reader = Reader()
    atexit.register(_leave, reader)
    return reader


def _leave(reader: Reader) -> None:
    """At the end, before pypdfium2 closes PDFium: which it mustn't under a page that is read."""
    scope = sys.modules.get("pypdfium2._library_scope")
    if reader.is_busy and scope is not None:
        atexit.unregister(scope.destroy_lib)


def _read(pdfium: Any, data: bytes, pages: int, until: float) -> tuple[str, ...]:
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        raise UnreadableError(str(error)) from error
    texts: list[str] = []
    room = DOCUMENT
    # Closed here, in this thread: what is left to the garbage collector may be closed anywhere.
    try:
        pages = min(pages, len(document), PAGES)
        for at in range(pages):
            if time.monotonic() > until:
                raise OverdueError
            if room <= 0:
                _log.warning("A PDF is read up to page %d of %d only.", at, pages)
                break
            text = _text(pdfium, document, at)[:room]
            room -= len(text)
            texts.append(text)
    finally:
        document.close()
    return (*texts, *[""] * (pages - len(texts)))


def _text(pdfium: Any, document: Any, at: int) -> str:
    try:
        page = document[at]
        try:
            text_page = page.get_textpage()
            try:
                long = text_page.count_chars() > PAGE
                text: str = (
                    text_page.get_text_range(0, PAGE) if long else text_page.get_text_bounded()
                )
            finally:
                text_page.close()
        finally:
            page.close()
    except pdfium.PdfiumError as error:
        _log.warning("Page %d of a PDF can't be read: %s", at + 1, error)
        return ""
    text = _HYPHENS.sub("-", _LINES.sub("\n", text))
    return _CONTROLS.sub("", text).strip()
