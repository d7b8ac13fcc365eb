"""Frames of `application/vnd.amazon.eventstream`: `encode` writes them, a `Decoder` reads them.

Rules: both checksums of every frame are checked; lengths are checked from the prelude, before
anything is kept; whatever the bytes, only `EventStreamError` comes out, and after it the decoder
stays failed, for there's no finding the next frame behind a bad one.

    total length u32 │ headers length u32 │ CRC-32 of these 8 bytes │
    headers … │ payload … │ CRC-32 of all before it             (numbers in network byte order)
    header: name length u8 │ name │ type u8 │ value

Specification: https://smithy.io/2.0/aws/amazon-eventstream.html. Judge: `botocore.eventstream`.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID
from zlib import crc32

from outcrop.errors import EventStreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: botocore's `_MAX_HEADERS_LENGTH`.
LONGEST_HEADERS: Final = 128 * 1024
#: botocore's `_MAX_PAYLOAD_LENGTH`. Other readers of AWS's stop at 16 MiB a frame; what boto3 can
#: read, this one can too.
LONGEST_PAYLOAD: Final = 24 * 1024 * 1024
#: "the 32767-byte (INT16_MAX) protocol limit" (AWS SDK for Ruby): writers keep to it, readers take
#: whatever two bytes can say, as botocore does.
LONGEST_VALUE: Final = 32_767

_LONGEST_REMEMBERED_BLOCK = 512
_LENGTHS = struct.Struct(">II")
_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")


class Byte(int):
    """A header value of type 2, one signed byte."""


class Short(int):
    """A header value of type 3, two bytes, signed."""


class Integer(int):
    """A header value of type 4, four bytes, signed."""


class Long(int):
    """A header value of type 5, eight bytes, signed."""


class Timestamp(int):
    """A header value of type 8: milliseconds since the epoch, signed."""


HeaderValue = bool | int | bytes | str | UUID


class Frame(NamedTuple):
    """One message.

    Attributes:
        headers: Names and values in order. The five kinds of numbers come as `Byte`, `Short`,
            `Integer`, `Long` and `Timestamp`, so that a frame that was read can be written again.
        payload: The bytes of the body.
    """

    headers: Mapping[str, HeaderValue]
    payload: bytes


# What `Frame(…)` does, in half the time. Typeshed leaves the type of the values open.
_new_frame: Callable[[type[Frame], tuple[Mapping[str, HeaderValue], bytes]], Frame] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

_NUMBERS: dict[int, tuple[type[int], struct.Struct]] = {
    2: (Byte, struct.Struct(">b")),
    3: (Short, struct.Struct(">h")),
    4: (Integer, struct.Struct(">i")),
    5: (Long, struct.Struct(">q")),
    8: (Timestamp, struct.Struct(">q")),
}
_NUMBER_TYPES = {cls: (number, form) for number, (cls, form) in _NUMBERS.items()}


# Writing. ────────────────────────────────────────────────────────────────────────────────────────


def encode(headers: Mapping[str, HeaderValue], payload: bytes) -> bytes:
    """The frame as bytes.

    A plain `int` is written with four bytes if it fits, else with eight.

    Raises:
        EventStreamError: Something is longer than a frame allows.
    """
    return encode_block(header_block(headers), payload)


def header_block(headers: Mapping[str, HeaderValue]) -> bytes:
    """The headers as bytes, to be kept for frames whose headers are the same.

    Raises:
        EventStreamError: A name, a value or the whole is longer than a frame allows.
    """
    block = b"".join([_header(name, value) for name, value in headers.items()])
    if len(block) > LONGEST_HEADERS:
        raise _unwritable(f"The headers have {len(block)} bytes", LONGEST_HEADERS)
    return block


def encode_block(block: bytes, payload: bytes) -> bytes:
    """The frame as bytes, of headers from `header_block`.

    Raises:
        EventStreamError: The payload is longer than a frame allows.
    """
    size = len(payload)
    if size > LONGEST_PAYLOAD:
        raise _unwritable(f"The payload has {size} bytes", LONGEST_PAYLOAD)
    message = b"".join((_prelude(16 + len(block) + size, len(block)), block, payload))
    return message + _CRC.pack(crc32(message))


@lru_cache(maxsize=1024)  # the frames of a stream are of few lengths
def _prelude(total: int, block: int) -> bytes:
    """The lengths of a frame and of its headers, and their checksum."""
    lengths = _LENGTHS.pack(total, block)
    return lengths + _CRC.pack(crc32(lengths))


def _header(name: str, value: HeaderValue) -> bytes:
    encoded = name.encode()
    if not 1 <= len(encoded) <= 255:
        raise _unwritable(f"The header name {name[:40]!r} has {len(encoded)} bytes", 255, least=1)
    return bytes((len(encoded),)) + encoded + _value(name, value)


def _value(name: str, value: HeaderValue) -> bytes:
    if isinstance(value, bool):
        return b"\0" if value else b"\1"
    if isinstance(value, int):
        cls = type(value)
        if cls not in _NUMBER_TYPES:
            cls = Integer if -(2**31) <= value < 2**31 else Long
        number, form = _NUMBER_TYPES[cls]
        try:
            return bytes((number,)) + form.pack(value)
        except struct.error:
            raise EventStreamError(
                f"The header {name!r} is {value}, too large for a {cls.__name__}.", retryable=False
            ) from None
    if isinstance(value, UUID):
        return b"\x09" + value.bytes
    number, encoded = (7, value.encode()) if isinstance(value, str) else (6, value)
    if len(encoded) > LONGEST_VALUE:
        raise _unwritable(f"The header {name!r} has {len(encoded)} bytes", LONGEST_VALUE)
    return struct.pack(">BH", number, len(encoded)) + encoded


def _unwritable(what: str, most: int, *, least: int = 0) -> EventStreamError:
    return EventStreamError(
        f"{what}.", mend=f"A frame takes {least} to {most} there.", retryable=False
    )


# Reading. ────────────────────────────────────────────────────────────────────────────────────────


class Decoder:
    """Reads frames out of bytes that come in pieces of any size.

    A bad frame doesn't take the good ones before it away: `feed` returns those, `failure` then
    tells what is wrong, and the next `feed` or `finish` raises it. If no good frame stands before
    the bad one, `feed` raises at once.

    Attributes:
        failure: What is wrong with the stream, or None; to be asked after a `feed` that returned.
    """

    __slots__ = ("_buffer", "_needed", "failure")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = 12  # bytes in the buffer before there's anything new to say
        self.failure: EventStreamError | None = None

    def feed(self, data: bytes | bytearray | memoryview) -> list[Frame]:
        """The frames that are complete with these bytes, in order; often none.

        Raises:
            EventStreamError: A wrong checksum, an impossible length, or headers that can't be read.
        """
        if self.failure is not None:
            raise EventStreamError(self.failure.message)
        if buffer := self._buffer:
            buffer += data
            if len(buffer) < self._needed:
                return []
            data = bytes(buffer)
            buffer.clear()
        elif not isinstance(data, bytes):
            data = bytes(data)

        frames: list[Frame] = []
        start, end = 0, len(data)
        self._needed, wrong = 12, ""
        checksum, remembered = _CRC.unpack_from, _remembered_headers
        longest = _LONGEST_REMEMBERED_BLOCK
        append, read_prelude, new = frames.append, _read_prelude, _new_frame
        try:
            while end - start >= 12:
                total, headers_end, prelude_crc = read_prelude(data[start : start + 12])
                if total > end - start:
                    self._needed = total
                    break
                tail = start + total - 4
                # The prelude's checksum is the whole's over its first eight bytes: go on from it.
                if crc32(data[start + 8 : tail], prelude_crc) != checksum(data, tail)[0]:
                    wrong = "The checksum of a frame is wrong."
                    break
                body = start + headers_end
                block = data[start + 12 : body]
                headers = remembered(block) if len(block) <= longest else read_headers(block)
                append(new(Frame, (headers, data[body:tail])))
                start = tail + 4
        except EventStreamError as error:
            wrong = error.message
        if wrong:
            self.failure = EventStreamError(wrong)
            if not frames:
                raise EventStreamError(wrong)
        elif start < end:
            self._buffer += memoryview(data)[start:]
        return frames

    def finish(self) -> None:
        """Nothing, if the stream may end here.

        Raises:
            EventStreamError: It ended in the midst of a frame, or was bad before.
        """
        if self.failure is None and self._buffer:
            size = f" of {self._needed}" if len(self._buffer) >= 12 else ""
            self.failure = EventStreamError(
                f"The stream ended after {len(self._buffer)}{size} bytes of a frame."
            )
        if self.failure is not None:
            raise EventStreamError(self.failure.message)


@lru_cache(maxsize=1024)
def _read_prelude(prelude: bytes) -> tuple[int, int, int]:
    """Of a frame: its length, where its headers end, and the checksum of its first eight bytes.

    The frames of a stream have a few hundred different ones. Errors aren't remembered.

    Raises:
        EventStreamError: The checksum is wrong, or a length is impossible.
    """
    total, header_size, crc = _PRELUDE.unpack(prelude)
    if crc32(prelude[:8]) != crc:
        raise EventStreamError("The checksum of a frame's prelude is wrong.")
    if header_size > LONGEST_HEADERS or not 16 <= total - header_size <= 16 + LONGEST_PAYLOAD:
        raise EventStreamError(f"A frame claims {total} bytes, {header_size} of them headers.")
    return total, 12 + header_size, crc


def read_headers(block: bytes) -> dict[str, HeaderValue]:
    """The headers in a block of `header_block`.

    Raises:
        EventStreamError: They break off, are of no known type, have no name, or one name twice.
    """
    headers: dict[str, HeaderValue] = {}
    at, end = 0, len(block)
    try:
        while at < end:
            size = block[at]
            name = _take(block, at + 1, size).decode()
            at += 1 + size
            if not name or name in headers:
                raise EventStreamError("A frame has a header without a name, or one twice.")
            value, at = _read_value(block, block[at], at + 1)
            headers[name] = value
    except (IndexError, struct.error, UnicodeDecodeError):
        raise EventStreamError("The headers of a frame can't be read.") from None
    return headers


def _read_value(block: bytes, kind: int, at: int) -> tuple[HeaderValue, int]:
    if kind in (6, 7):
        (size,) = struct.unpack_from(">H", block, at)
        value = _take(block, at + 2, size)
        return (value.decode() if kind == 7 else value), at + 2 + size
    if number := _NUMBERS.get(kind):
        cls, form = number
        return cls(form.unpack_from(block, at)[0]), at + form.size
    if kind in (0, 1):
        return kind == 0, at
    if kind == 9:
        return UUID(bytes=_take(block, at, 16)), at + 16
    raise EventStreamError(f"A frame has a header of the unknown type {kind}.")


def _take(block: bytes, at: int, size: int) -> bytes:
    taken = block[at : at + size]
    if len(taken) < size:
        raise EventStreamError("The headers of a frame break off.")
    return taken


# The frames of a stream have two or three different blocks. Errors aren't remembered.
@lru_cache(maxsize=128)
def _remembered_headers(block: bytes) -> Mapping[str, HeaderValue]:
    return MappingProxyType(read_headers(block))
