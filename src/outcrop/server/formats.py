"""The text in documents that aren't PDF: txt, md, csv, html, docx, xlsx, and roughly doc and xls.

Rules: the standard library only; nothing is unpacked beyond a bound, whatever an archive claims; no
entity of an XML file is expanded, since office files declare none; what can't be what it is said to
be raises `UnparsableError`.

Sources: ECMA-376 (Office Open XML: WordprocessingML 17.3, SpreadsheetML 18.3, 18.4); MS-CFB 2.2
(the header of the older files).
"""

from __future__ import annotations

import io
import re
import time
import zipfile
import zlib
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from outcrop.server import deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Characters of a text that are kept, and bytes of an archive that are unpacked.
CHARACTERS: Final = 2_000_000
UNPACKED: Final = 32 * 1024 * 1024
_SHARED: Final = 200_000  # strings of a workbook
_CELL: Final = 32_767  # characters of a cell, as Excel has them
_FILES: Final = 10_000  # in an archive
_SECONDS: Final = 5.0  # for HTML
_CHUNK: Final = 64 * 1024

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STRINGS = re.compile(rb"(?:[\x20-\x7e\t\r\n]\x00){6,}|[\x20-\x7e\t\r\n]{6,}")
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SHEET = re.compile(r"xl/worksheets/sheet(\d{1,4})\.xml")


class UnparsableError(ValueError):
    """The bytes aren't of that format."""


def read(data: bytes, format: str) -> str:  # noqa: A002 - Converse's own name for it
    """The text of a document.

    Args:
        data: The file.
        format: As Converse names it: `txt`, `md`, `csv`, `html`, `docx`, `xlsx`, `doc`, `xls`;
            any other is read as text.

    Raises:
        UnparsableError: It isn't of that format.
        OverdueError: There's no time left, by the request's deadline.
    """
    deadline.check()
    return _READERS.get(format, _plain)(data)[:CHARACTERS].strip()


def _plain(data: bytes) -> str:
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), None)
    try:
        if encoding is None and b"\0" in data:
            raise UnparsableError("It isn't a text.")
        return data.decode(encoding or "utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace").replace("\r\n", "\n")


# HTML ────────────────────────────────────────────────────────────────────────────────────────────

_UNSEEN: Final = frozenset({"script", "style", "template", "head", "noscript"})
_LINES: Final = frozenset(
    {
        *("address", "article", "blockquote", "br", "div", "dd", "dl", "dt", "footer", "form"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p"),
        *("pre", "section", "table", "tr", "ul", "title"),
    }
)


class _Html(HTMLParser):
    """Gathers what a reader of the page would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        del attrs
        self._unseen += tag in _UNSEEN
        self._space(tag)

    def handle_endtag(self, tag: str) -> None:
        """See HTMLParser."""
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))
        self._space(tag)

    def handle_data(self, data: str) -> None:
        """See HTMLParser."""
        if not self._unseen:
            self.parts.append(re.sub(r"\s+", " ", data))

    def _space(self, tag: str) -> None:
        if tag in _LINES:
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append("\t")


def _html(data: bytes) -> str:
    text = _plain(data)
    parser = _Html()
    until = time.monotonic() + _SECONDS
    for at in range(0, len(text), _CHUNK):
        parser.feed(text[at : at + _CHUNK])
        deadline.check()
        if time.monotonic() > until:
            break
    else:
        parser.close()
    return _tidy("".join(parser.parts))


def _tidy(text: str) -> str:
    lines = (line.strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


# Office Open XML ─────────────────────────────────────────────────────────────────────────────────


class _Archive:
    """The parts of an office file, unpacked within bounds."""

    def __init__(self, data: bytes) -> None:
        if data.count(b"PK\x01\x02") > _FILES:  # entries of the directory, which is read whole
            raise UnparsableError("It has too many files.")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise UnparsableError("It isn't an archive.") from error
        self._room = UNPACKED
        self.names = self._zip.namelist()

    def parse(self, name: str, hear: _Listener) -> None:
        """Tell a listener what is in a part, as far as there's room for it."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = lambda tag, attributes: hear.start(_local(tag), attributes)
        parser.EndElementHandler = lambda tag: hear.end(_local(tag))
        parser.CharacterDataHandler = hear.text
        parser.StartDoctypeDeclHandler = _no_doctype
        parser.buffer_text = True
        try:
            with self._zip.open(name) as part:
                while self._room > 0 and (chunk := part.read(min(_CHUNK, self._room))):
                    self._room -= len(chunk)
                    parser.Parse(chunk, False)  # noqa: FBT003 - expat takes it by place only
                if self._room > 0:
                    parser.Parse(b"", True)  # noqa: FBT003 - the same
        except KeyError as error:
            raise UnparsableError(f"It has no {name}.") from error
        except (
            *(zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError),
            *(NotImplementedError, expat.ExpatError, ValueError),
        ) as error:
            raise UnparsableError(f"{name} can't be read.") from error


def _no_doctype(*_: object) -> None:
    raise UnparsableError("It declares entities, which office files don't.")


def _local(tag: str) -> str:
    return tag.rpartition(" ")[2]


class _Listener:
    """Gathers text from the elements of a part."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.size = 0
        self._inside = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 - for those that look at them
        """An element begins."""
        self._inside += tag == "t"

    def end(self, tag: str) -> None:
        """An element ends."""
        self._inside = max(0, self._inside - (tag == "t"))

    def text(self, data: str) -> None:
        """Characters."""
        if self._inside:
            self.add(data)

    def add(self, text: str) -> None:
        """Keep a text, if there's room."""
        if self.size < CHARACTERS:
            self.parts.append(text)
            self.size += len(text)


class _Words(_Listener):
    """The paragraphs of a WordprocessingML document."""

    def end(self, tag: str) -> None:
        super().end(tag)
        mark = {"p": "\n", "br": "\n", "cr": "\n", "tab": "\t", "tc": "\t"}.get(tag)
        if mark is not None:
            self.add(mark)


class _Strings(_Listener):
    """The shared strings of a workbook."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[str] = []

    def end(self, tag: str) -> None:
        super().end(tag)
        if tag == "si" and len(self.items) < _SHARED:
            self.items.append("".join(self.parts))
            self.parts.clear()


class _Names(_Listener):
    """The names of a workbook's sheets."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "sheet":
            self.add(attributes.get("name", ""))


class _Cells(_Listener):
    """The rows of a sheet, a comma between cells."""

    def __init__(self, strings: list[str]) -> None:
        super().__init__()
        self._strings = strings
        self._row: list[str] = []
        self._row_size = 0
        self._cell: list[str] = []
        self._shared = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._inside += tag in ("t", "v")
        if tag == "c":
            self._cell = []
            self._shared = attributes.get("t") == "s"

    def text(self, data: str) -> None:
        if self._inside:
            self._cell.append(data)

    def end(self, tag: str) -> None:
        self._inside = max(0, self._inside - (tag in ("t", "v")))
        if tag == "c":
            value = "".join(self._cell)
            if self._shared and value.isascii() and value.isdigit() and len(value) < 9:
                at = int(value)
                value = self._strings[at] if at < len(self._strings) else ""
            # The same shared string may stand in every cell: what is said counts, not what is sent.
            if self.size + self._row_size < CHARACTERS:
                self._row.append(value[:_CELL])
                self._row_size += len(self._row[-1]) + 1
        elif tag == "row":
            self.add(",".join(self._row) + "\n")
            self._row, self._row_size = [], 0


def _docx(data: bytes) -> str:
    words = _Words()
    _Archive(data).parse("word/document.xml", words)
    return _tidy("".join(words.parts))


def _xlsx(data: bytes) -> str:
    archive = _Archive(data)
    strings, names = _Strings(), _Names()
    archive.parse("xl/workbook.xml", names)
    if "xl/sharedStrings.xml" in archive.names:
        archive.parse("xl/sharedStrings.xml", strings)
    found = [(int(match[1]), name) for name in archive.names if (match := _SHEET.fullmatch(name))]
    return "\n".join(_sheets(archive, sorted(found), names.parts, strings.items))


def _sheets(
    archive: _Archive, found: list[tuple[int, str]], names: list[str], strings: list[str]
) -> Iterator[str]:
    size = 0
    for at, (_, path) in enumerate(found):
        cells = _Cells(strings)
        archive.parse(path, cells)
        text = "".join(cells.parts)
        yield f"{names[at]}:\n{text}" if len(found) == len(names) > 1 else text
        size += len(text)
        if size > CHARACTERS:
            break


# Older office files ──────────────────────────────────────────────────────────────────────────────


def _older(data: bytes) -> str:
    """The runs of printable characters: rough, but the words are among them."""
    if not data.startswith((_OLE, b"{\\rtf")):
        raise UnparsableError("It isn't a compound file.")
    lines: list[str] = []
    size = 0
    for run in _STRINGS.finditer(data):
        text = run[0].replace(b"\0", b"").decode("ascii")
        lines.append(re.sub(r"\s+", " ", text).strip())
        size += len(text)
        if size > CHARACTERS:
            break
    return "\n".join(line for line in lines if line)


_READERS: Final[dict[str, Callable[[bytes], str]]] = {
    "html": _html,
    "docx": _docx,
    "xlsx": _xlsx,
    "doc": _older,
    "xls": _older,
}
