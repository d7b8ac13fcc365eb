"""Files of records as whole lines: unpacked as far as they can be, with what was wrong with them.

Rules: a file that is damaged is read up to its last whole line; nothing is left out without being
told. Unpacking is isal's if it is there (it takes two thirds of zlib's time), zlib's otherwise.
"""

from __future__ import annotations

import zlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

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
    text, reason = _unzip(data) if data.startswith(_GZIP) else (data, "")
    if text and not text.endswith(b"\n"):
        whole, _, last = text.rpartition(b"\n")
        if reason or not _is_whole(last):
            return Lines(whole, reason or "it ends within a record")
    return Lines(text, reason)


def _is_whole(line: bytes) -> bool:
    """Whether a last line without its end is a record all the same: AWS's files end so."""
    return line.rstrip().endswith(b"}") and line.count(b"{") > 0 and _parses(line)


def _parses(line: bytes) -> bool:
    import msgspec

    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _unzip(data: bytes) -> tuple[bytes, str]:
    """All members of a gzip file; the first ones, and what is wrong, if it is damaged."""
    parts: list[bytes] = []
    while data:
        unpacker = _unpacker()(wbits=_WBITS)
        try:
            parts.append(unpacker.decompress(data))
        except Exception as error:  # noqa: BLE001 - zlib's or isal's, which have no common class
            return b"".join([*parts, _piecewise(data)]), f"it isn't sound gzip: {error}"
        if not unpacker.eof:
            return b"".join(parts), "it is cut off"
        data = unpacker.unused_data.lstrip(b"\0")
    return b"".join(parts), ""


def _piecewise(data: bytes) -> bytes:
    """What of a damaged member comes before the damage."""
    unpacker = zlib.decompressobj(wbits=_WBITS)
    parts: list[bytes] = []
    for at in range(0, len(data), 512):
        try:
            parts.append(unpacker.decompress(data[at : at + 512]))
        except zlib.error:
            break
    return b"".join(parts)


@cache
def _unpacker() -> Callable[..., Any]:
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib.decompressobj
    unpacker: Any = isal_zlib  # its stubs are incomplete
    return unpacker.decompressobj
