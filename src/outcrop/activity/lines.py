"""Files of records as whole lines: unpacked as far as they can be, with what was wrong with them.

Rules: a file that is damaged is read up to its last whole line; nothing is left out without being
told; of a large file no more than a piece is unpacked at a time, whatever it unpacks to. Unpacking
is isal's if it is there (it takes two thirds of zlib's time), zlib's otherwise.
"""

from __future__ import annotations

import re
import zlib
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: Bytes of text that are unpacked at a time.
PIECE: Final = 32 * 1024 * 1024
#: Bytes of a line; a record is much smaller, as longer bodies lie beside it.
MAX_LINE: Final = 64 * 1024 * 1024
_GZIP: Final = b"\x1f\x8b"
#: Format of gzip, for zlib's and isal's functions alike.
_WBITS: Final = 31


class Lines(NamedTuple):
    """What a file gives.

    Attributes:
        text: Whole lines.
        reason: What is wrong with the rest, empty if nothing is.
    """

    text: bytes
    reason: str = ""


def unpack(data: bytes) -> Lines:
    """The lines of a file, gzip or plain, as far as it is sound.

    Args:
        data: The file; gzip may have several members.
    """
    found = list(pieces([data]))
    return Lines(b"".join(piece.text for piece in found), found[-1].reason if found else "")


def pieces(blocks: Iterable[bytes]) -> Iterator[Lines]:
    """The same, some lines at a time; what is wrong is told by the last of them.

    Args:
        blocks: The file, in order; gzip is put together, plain lines aren't.
    """
    rest = iter(blocks)
    first = next(rest, b"")
    if first.startswith(_GZIP):
        texts = _unzip(b"".join([first, *rest]))
    else:
        texts = ((text, "") for text in chain([first], rest))
    begun = b""
    wrong = ""
    for text, reason in texts:
        wrong = reason or wrong
        if not begun and text.endswith(b"\n"):  # as it nearly always is: no copy
            yield Lines(text)
            continue
        whole, end, begun = (begun + text if begun else text).rpartition(b"\n")
        if end:
            yield Lines(whole + end)
        if len(begun) > MAX_LINE:
            yield Lines(b"", f"it has a line of more than {MAX_LINE} bytes")
            return
    if begun and not wrong and _is_whole(begun):
        yield Lines(begun)
    elif begun or wrong:
        yield Lines(b"", wrong or "it ends within a record")


def unpack_all(data: bytes) -> Lines:
    """The same for a file that isn't lines: its end, too, as far as it is sound."""
    if not data.startswith(_GZIP):
        return Lines(data)
    found = list(_unzip(data))
    return Lines(b"".join(text for text, _ in found), found[-1][1])


def needle(text: str) -> str:
    """What the bytes of a record have in them, in lower case, if a text may stand in it.

    JSON may write letters beyond ASCII, quotes and a few others in several ways, so that only the
    longest run without them is looked for; empty if there is none, and every record may have it.

    Args:
        text: As people read it.
    """
    runs = [""]
    for letter in text:
        if letter.isascii() and letter.isprintable() and letter not in "\"\\/<>&'":
            runs[-1] += letter
        else:
            runs.append("")
    longest = max(runs, key=len)
    return longest.lower() if len(longest) > 1 else ""


#: Texts in the pieces of a streamed reply, for RE2 too.
PIECES: Final = r'"(?:text|thinking|partial_json)"\s*:\s*"((?:[^"\\]|\\.)*)"'
_PIECES: Final = re.compile(PIECES.encode())


def having(text: bytes, needle: bytes) -> bytes:
    """The lines that have something in them, upper and lower case alike, or across pieces of text.

    Args:
        text: Whole lines.
        needle: In lower case.
    """
    lower = text.lower()
    kept: list[bytes] = []
    streams = b'"content_block_delta"' in text
    start = 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        if streams:
            found = lower.find(needle, start, end) >= 0 or _across(lower[start:end], needle)
        else:
            at = lower.find(needle, start)  # the next line that has it, at once
            if at < 0:
                break
            start = text.rfind(b"\n", 0, at) + 1
            end = text.find(b"\n", at)
            end = len(text) if end < 0 else end
            found = True
        if found:
            kept.append(text[start:end])
        start = end + 1
    return b"\n".join(kept)


def _across(line: bytes, needle: bytes) -> bool:
    return b'"content_block_delta"' in line and needle in b"".join(_PIECES.findall(line))


#: Escapes of JSON: pairs of halves, lone halves, all others.
_ESCAPES: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


def whole_letters(line: bytes) -> bytes:
    """A line of JSON with U+FFFD for each lone half of a surrogate pair.

    JSON may name such halves ("the ABNF in this specification allows", RFC 8259, section 8.2), as
    in a prompt that was cut within an emoji; no text in UTF-8 has them, and no column either.

    Args:
        line: JSON.
    """
    return _ESCAPES.sub(lambda match: rb"\ufffd" if match["lone"] else match[0], line)


def _is_whole(line: bytes) -> bool:
    """Whether a last line without its end is a record all the same: AWS's files end so."""
    return line.rstrip().endswith(b"}") and line.count(b"{") > 0 and _parses(line)


def _parses(line: bytes) -> bool:
    import msgspec

    try:
        msgspec.json.decode(whole_letters(line))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _unzip(data: bytes) -> Iterator[tuple[bytes, str]]:
    """All members of a gzip file, or the first ones; and with the last piece what is wrong."""
    while data:
        unpacker = _unpacker()(wbits=_WBITS)
        member, done = data, 0
        while not unpacker.eof:
            try:
                text = unpacker.decompress(data, PIECE)
            except Exception as error:  # noqa: BLE001 - zlib's or isal's: they have no common class
                yield from ((text, "") for text in _before_damage(member, done))
                yield b"", f"it isn't sound gzip: {error}"
                return
            if not text and not data:
                yield b"", "it is cut off"
                return
            done += len(text)
            data = unpacker.unconsumed_tail
            yield text, ""
        data = unpacker.unused_data.lstrip(b"\0")


def _before_damage(data: bytes, done: int) -> Iterator[bytes]:
    """What of a damaged member comes before the damage, without the bytes that are known."""
    unpacker = zlib.decompressobj(wbits=_WBITS)
    for at in range(0, len(data), 512):
        try:
            text = unpacker.decompress(data[at : at + 512])
        except zlib.error:
            return
        if len(text) > done:
            yield text[done:]
        done = max(done - len(text), 0)


@cache
def _unpacker() -> Callable[..., Any]:
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib.decompressobj
    unpacker: Any = isal_zlib  # its stubs are incomplete
    return unpacker.decompressobj
