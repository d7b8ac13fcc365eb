"""The text of a PDF's pages, by PDFium (pypdfium2), if it is installed.

Rules: PDFium is imported at the first PDF and is used by one thread at a time, since it isn't
thread-safe; a page that can't be read is an empty page; pages, characters and time are bounded. One
page can't be interrupted, so a page that never ends holds its own thread, and nobody else's: those
who wait for PDFium give up in time.

Source: pypdfium2's documentation, https://pypdfium2.readthedocs.io (API, "Thread safety").
"""

from __future__ import annotations

import importlib
import logging
import re
import threading
import time
from functools import cache
from typing import Any, Final

#: Pages, and characters of a page and of a whole PDF, that are read.
PAGES: Final = 1000
PAGE: Final = 50_000
DOCUMENT: Final = 2_000_000
#: How long one PDF may take.
SECONDS: Final = 20.0

_lock = threading.Lock()
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


def read(data: bytes, *, pages: int, seconds: float = SECONDS) -> tuple[str, ...] | None:
    """The text of each page, lines ended by a line feed; None if PDFium isn't there, or too busy.

    Args:
        data: The file.
        pages: How many pages it has, counted by somebody else: PDFium believes what a PDF says.
        seconds: After them the rest of the pages is left empty.

    Raises:
        UnreadableError: PDFium can't open it: it is broken, or encrypted.
    """
    pdfium = _pdfium()
    if pdfium is None:
        return None
    until = time.monotonic() + seconds
    if not _lock.acquire(timeout=seconds):
        _log.warning("A PDF isn't read: PDFium has been busy for %.0f seconds.", seconds)
        return None
    try:
        return _read(pdfium, data, pages, until)
    finally:
        _lock.release()


def _read(pdfium: Any, data: bytes, pages: int, until: float) -> tuple[str, ...]:
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        raise UnreadableError(str(error)) from error
    texts: list[str] = []
    room = DOCUMENT
    # Closed here, under the lock: what is left to the garbage collector may be closed anywhere.
    try:
        pages = min(pages, len(document), PAGES)
        for at in range(pages):
            if room <= 0 or time.monotonic() > until:
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
