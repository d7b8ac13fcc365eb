"""What the bytes of a PDF tell about it, with the standard library and without reading its pages.

Rules: nothing here raises, however damaged or hostile the data; time is linear in its size, and no
more than `MOST_INFLATED` bytes are ever unpacked. Pages are counted as the
page objects of the file, never by the `/Count` that it states: that is a claim, and files lie. The
count is advice: a file that was edited may still hold pages that were taken out of it.

Source: ISO 32000-1, 7.3.8 (streams), 7.5 (file structure, object streams, incremental updates),
7.6 (encryption), 7.7.3 (page objects); its annex H, 3.4.1 and 3.4.4 for the header within the first
1,024 bytes and `%%EOF` at the end.
"""

from __future__ import annotations

import re
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes that are unpacked at most: the object streams of 10,000 pages fit in a tenth of it.
MOST_INFLATED: Final = 32 * 1024 * 1024
#: Page objects that are counted at most.
MOST_PAGES: Final = 100_000
_MOST_IN_ONE: Final = 8 * 1024 * 1024
_MOST_STREAMS: Final = 8192
_LONGEST_TABLE: Final = 256 * 1024

_HEADER_WITHIN: Final = 1024
_EOF_WITHIN: Final = 1024
_DICTIONARY: Final = 2048  # the longest dictionary of an object stream that is looked for
_PIECE: Final = 4096

_BLANK: Final = rb"[\x00\t\n\f\r ]"  # ISO 32000-1, table 1
_END_OF_NAME: Final = rb"(?![^\x00\t\n\f\r ()<>\[\]{}/%])"
_HEADER = re.compile(rb"%PDF-(\d\.\d)?")
_PAGE = re.compile(rb"/Type" + _BLANK + rb"*/Page" + _END_OF_NAME)
_OBJECT_STREAM = re.compile(rb"/Type" + _BLANK + rb"*/ObjStm" + _END_OF_NAME)
_STREAM = re.compile(rb">>" + _BLANK + rb"*stream\r?\n")
_FIRST = re.compile(rb"/First" + _BLANK + rb"+(\d{1,9})")
_OBJECT = re.compile(rb"(\d{1,10})" + _BLANK + rb"+\d{1,5}" + _BLANK + rb"+\Z")
_ENCRYPT = re.compile(
    rb"/Encrypt" + _BLANK + rb"*(?:<<|\d{1,10}" + _BLANK + rb"+\d{1,5}" + _BLANK + rb"+R)"
)


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a PDF is, before anyone reads it.

    Attributes:
        version: Of the format, as its header has it, such as "1.7"; empty if the header names none,
            None if the data is no PDF at all.
        pages: Page objects in it; 0 if none can be seen, as in most encrypted files.
        encrypted: It is encrypted, whether or not a password is needed to open it.
        complete: It ends as a PDF does; one that was cut off doesn't.
        size: In bytes.
        capped: Counting stopped at a limit; there may be more pages.
    """

    version: str | None
    pages: int
    encrypted: bool
    complete: bool
    size: int
    capped: bool = False

    @property
    def is_pdf(self) -> bool:
        """Whether the data has the header of a PDF."""
        return self.version is not None


def preflight(data: bytes) -> Preflight:
    """What can be told of a PDF from its bytes; of other data, that it is none.

    Args:
        data: The whole file. It isn't copied.
    """
    header = _HEADER.search(data, 0, _HEADER_WITHIN)
    if header is None:
        return Preflight(None, 0, encrypted=False, complete=False, size=len(data))
    pages, capped = count_pages(data)
    return Preflight(
        (header[1] or b"").decode("ascii"),
        pages,
        encrypted=_ENCRYPT.search(data) is not None,
        complete=_is_complete(data),
        size=len(data),
        capped=capped,
    )


def count_pages(data: bytes) -> tuple[int, bool]:
    """How many page objects a PDF has, and whether counting stopped at a limit.

    A page that an incremental update wrote anew counts once.
    """
    pages = dict(islice(_pages(data), MOST_PAGES))
    allowance = MOST_INFLATED
    capped = False
    for number, start in enumerate(_object_streams(data)):
        if allowance <= 0 or number >= _MOST_STREAMS or len(pages) >= MOST_PAGES:
            capped = True
            break
        limit = min(allowance, _MOST_IN_ONE)
        objects, effort = _inflate(data, start.at, limit)
        allowance -= effort
        capped = capped or effort >= limit
        pages.update(_pages_in_stream(objects, start))
    return sum(pages.values()), capped or len(pages) >= MOST_PAGES


def _is_complete(data: bytes) -> bool:
    at = data.rfind(b"%%EOF")
    if at < 0:
        return False
    return len(data) - at <= _EOF_WITHIN or not data[at + 5 :].strip(b"\0\t\n\f\r ")


def _pages(data: bytes) -> Iterator[tuple[object, int]]:
    """Each object that holds pages, by its number, and how many it holds: one, if it is sound.

    What can't be told to belong to an object goes by its place.
    """
    holder: object = None
    count = seen = 0
    for match in _PAGE.finditer(data):
        # The stretches looked at don't overlap, so that this is linear.
        at = data.rfind(b"obj", seen, match.start())
        seen = match.end()
        if at >= 0:
            if count:
                yield holder, count
            number = _OBJECT.search(data, max(0, at - 24), at)
            holder, count = (int(number[1]) if number else ("at", at)), 0
        count += 1
    if count:
        yield holder, count


class _Start(NamedTuple):
    """An object stream: where its packed bytes begin, and its first object in the unpacked ones."""

    at: int
    first: int


def _object_streams(data: bytes) -> Iterator[_Start]:
    """All that look like it; `at` is the end of the data where no stream follows."""
    for match in _OBJECT_STREAM.finditer(data):
        stream = _STREAM.search(data, match.end(), match.end() + _DICTIONARY)
        if stream is None:
            yield _Start(len(data), 0)
            continue
        # Its dictionary is what ends here, so that the last `/First` is its own.
        around = data[max(0, match.start() - _DICTIONARY) : stream.start()]
        firsts = _FIRST.findall(around)
        yield _Start(stream.end(), int(firsts[-1]) if firsts else 0)


def _inflate(data: bytes, at: int, limit: int) -> tuple[bytes, int]:
    """The unpacked beginning of a Flate stream, as far as it is sound; and the bytes gone through.

    No more than the limit is read or unpacked, since a stream may unpack to nothing at length.
    """
    unpacker = zlib.decompressobj()
    pieces: list[bytes] = []
    read = unpacked = 0
    try:
        while max(read, unpacked) < limit and not unpacker.eof:
            # A little at a time: zlib copies whatever of its input it doesn't use.
            packed = unpacker.unconsumed_tail or data[at + read : at + read + _PIECE]
            if not packed:
                break
            read += 0 if unpacker.unconsumed_tail else len(packed)
            piece = unpacker.decompress(packed, limit - unpacked)
            unpacked += len(piece)
            pieces.append(piece)
    except zlib.error:
        pass
    return b"".join(pieces), max(read, unpacked)


def _pages_in_stream(objects: bytes, start: _Start) -> Iterator[tuple[object, int]]:
    """The same as `_pages`, by the table of numbers and offsets that opens an object stream."""
    words = objects[: min(start.first, _LONGEST_TABLE)].split()
    table = [int(word) for word in words if word.isdigit() and len(word) <= 10]
    rows = sorted(zip(table[1::2], table[::2], strict=False))
    offsets = [offset for offset, _ in rows]
    holders: dict[object, int] = {}
    for match in _PAGE.finditer(objects):
        row = bisect_right(offsets, match.start() - start.first) - 1
        holder: object = rows[row][1] if row >= 0 else ("in", start.at, match.start())
        holders[holder] = holders.get(holder, 0) + 1
    yield from holders.items()
