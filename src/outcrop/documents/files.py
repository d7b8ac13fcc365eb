"""What is in a file, and of which format it is.

Rules: a string is a path, never a text; what a file begins with outranks its name where it is
unmistakable; no more than `LARGEST` bytes are read.

Sources: ISO 32000-1 (`%PDF-`); PKWARE's APPNOTE, 4.3.7, and ECMA-376 part 2 (Office Open XML);
MS-CFB 2.2 and 2.6 (older office files: their signature, names in UTF-16).
"""

from __future__ import annotations

import io
import zipfile
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from outcrop.bedrock.sources import MEDIA_TYPES
from outcrop.errors import RequestError
from outcrop.messages.media import image_type
from outcrop.messages.pdf import preflight


class Readable(Protocol):
    """An open file, in binary mode."""

    def read(self, size: int = ..., /) -> bytes:
        """Some bytes."""
        ...


#: A path, the bytes themselves, or a file that is open in binary mode.
Source: TypeAlias = str | PathLike[str] | bytes | bytearray | memoryview | Readable

#: Bytes that are read at most, whoever says what.
LARGEST: Final = 100 * 1024 * 1024

_SUFFIXES: Final = {
    **{f".{format_}": format_ for format_ in MEDIA_TYPES},
    ".htm": "html",
    ".log": "txt",
    ".markdown": "md",
    ".text": "txt",
}
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_RTF: Final = b"{\\rtf"
#: What a file of these formats begins with.
_BEGINNINGS: Final = {
    "docx": (_ZIP,),
    "xlsx": (_ZIP,),
    "doc": (_OLE, _RTF),
    "xls": (_OLE,),
}
#: Streams of older office files, by which they can be told apart.
_STREAMS: Final = {"doc": "WordDocument", "xls": "Workbook"}


class File(NamedTuple):
    """What was read, and its name: that of the file, if it has one."""

    data: bytes
    name: str | None

    @property
    def label(self) -> str:
        """What it is called in an error."""
        return self.name or "The data"


def read(source: Source) -> File:
    """The bytes of a source.

    Raises:
        OSError: It can't be read, or isn't there.
        RequestError: It can't be a source, is empty, or is larger than anybody takes.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        file = File(bytes(source), None)
    elif isinstance(source, str | PathLike):
        file = _read_path(source)
    elif callable(getattr(source, "read", None)):
        file = _read_open(source)
    else:
        raise RequestError(
            f"A {type(source).__name__} is no source of a document.",
            mend="Give a path, bytes, or a file opened with 'rb'.",
        )
    if not file.data:
        raise RequestError(f"{file.label} is empty.", mend="Give a file with something in it.")
    if len(file.data) > LARGEST:
        raise RequestError(
            f"{file.label} has more than {LARGEST:,} bytes, and no request can carry so many.",
            mend="Split it, or put it into S3 and use client.converse with an s3Location.",
        )
    return file


def _read_path(source: str | PathLike[str]) -> File:
    place = str(source)
    if "\n" in place:
        raise RequestError(
            "A string with line breaks is no path.", mend="Use documents.text(…) for a text."
        )
    scheme, separator, _ = place.partition("://")
    if separator:
        raise RequestError(
            f"{place!r:.80} is a URL, and Bedrock fetches none over {scheme}.",
            mend="Download it, and give its path or its bytes.",
        )
    path = Path(source)
    with path.open("rb") as file:
        return File(file.read(LARGEST + 1), path.name)


def _read_open(source: Any) -> File:
    given: object = getattr(source, "name", None)
    name = Path(given).name if isinstance(given, str) else None
    data: object = source.read(LARGEST + 1)
    if not isinstance(data, bytes | bytearray):
        raise RequestError(
            f"{name or 'The file'} gives {type(data).__name__}, not bytes.",
            mend="Open it with 'rb'.",
        )
    return File(bytes(data), name)


def format_of(file: File, given: str | None = None) -> str:
    """The format of a document, as Converse names it: pdf, txt, md, csv, html, docx, ….

    Args:
        file: What was read.
        given: What the caller says; it is held to what the bytes can be.

    Raises:
        RequestError: It is of none of them, or not of the one that was given.
    """
    if given is not None:
        named = given.lower().removeprefix(".")
        if named not in MEDIA_TYPES:
            raise RequestError(
                f"format={given!r} is none that Claude on Bedrock reads.",
                mend=f"It is one of {', '.join(MEDIA_TYPES)}.",
            )
    else:
        named = _SUFFIXES.get(Path(file.name or "").suffix.lower(), "")
        if file.data.startswith(b"%PDF-"):
            named = "pdf"
    if kind := image_type(file.data):
        raise RequestError(
            f"{file.label} is an image ({kind}), not a document.", mend="Use documents.image(…)."
        )
    named = named or _sniff(file)
    beginnings = _BEGINNINGS.get(named)
    if beginnings and not file.data.startswith(beginnings):
        raise RequestError(
            f"{file.label} isn't a {named} file: it begins with {file.data[:8]!r}.",
            mend="Give the format that it has, or the right file.",
        )
    return named


def text_of(file: File) -> str:
    """The text of a text file: UTF-8, or UTF-16 with a byte order mark.

    Raises:
        RequestError: It is neither.
    """
    marked = file.data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = file.data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(
            f"{file.label} isn't text in UTF-8: byte {error.start:,} can't be.",
            mend="Save it as UTF-8, or decode it yourself and use documents.text(…).",
        ) from None
    if not text.strip():
        raise RequestError(f"{file.label} holds no text.", mend="Give a file with a text in it.")
    return text.replace("\r\n", "\n")


def _sniff(file: File) -> str:
    data = file.data
    if preflight(data[:1024]).is_pdf:
        return "pdf"
    if data.startswith(_ZIP):
        return _sniff_archive(file)
    if data.startswith(_RTF):
        return "doc"
    if data.startswith(_OLE):
        for format_, stream in _STREAMS.items():
            if stream.encode("utf-16-le") in data:
                return format_
        raise _unknown(file, "an older office file, but neither doc nor xls")
    if (
        data[:512]
        .lstrip(b"\xef\xbb\xbf \t\r\n")[:14]
        .lower()
        .startswith((b"<!doctype html", b"<html"))
    ):
        return "html"
    if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _unknown(file, f"of no known format: it begins with {data[:8]!r}")
    return "txt"


def _sniff_archive(file: File) -> str:
    try:
        names = zipfile.ZipFile(io.BytesIO(file.data)).namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise _unknown(file, "a broken archive") from None
    for format_, part in (("docx", "word/document.xml"), ("xlsx", "xl/workbook.xml")):
        if part in names:
            return format_
    raise _unknown(file, "an archive, but neither docx nor xlsx")


def _unknown(file: File, what: str) -> RequestError:
    return RequestError(
        f"{file.label} is {what}.", mend=f"Give format=…, one of {', '.join(MEDIA_TYPES)}."
    )
