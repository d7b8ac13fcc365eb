"""Where the head and the body of an HTTP/1.1 message end: `MessageReader`, for both directions.

Rules: bytes may come cut anywhere, and what is made of them doesn't depend on it; heads, chunk
lines and trailers are bounded, a body is handed out as it comes and never held; what is tolerated
in a head is for the subclasses to say, a body's framing is never guessed.

Specification: RFC 9112 (HTTP/1.1), 2.2 (lines), 6 (bodies), 7.1 (chunks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from outcrop.wire import fields

if TYPE_CHECKING:
    from collections.abc import Callable

    Pieces = list[bytes | memoryview]
    #: (reader, data, where to begin, what is found of the body)
    State = Callable[[Any, bytes, int, Pieces], None]

#: Bytes of all heads of a message together, interim ones included, and of its trailers.
MAX_HEAD: Final = 64 * 1024
#: Bytes of the line that gives a chunk's size, its extensions included.
MAX_CHUNK_LINE: Final = 4096
_BLANK: Final = frozenset({b"\r\n", b"\n"})


class MessageReader:
    """Reads one message; a subclass says what its head means, and what is wrong with it.

    Attributes:
        complete: Whether the whole message has come.
    """

    __slots__ = ("_heads", "_held", "_left", "_read", "_scanned", "complete")

    #: RFC 9112, 2.2: "a recipient MAY recognize a single LF as a line terminator".
    _takes_bare_lf: ClassVar = False

    def __init__(self) -> None:
        # What comes next, as a function: a bound method kept in its own object would be a cycle,
        # which only the garbage collector can take apart.
        self._read: State = MessageReader._read_head
        self._held = bytearray()
        self._scanned = self._heads = self._left = 0
        self.complete = False

    # What a subclass says. ───────────────────────────────────────────────────────────────────────

    def _check_start(self, start: bytes) -> None:
        """Refuses the first bytes of a head that can't become one."""
        raise NotImplementedError

    def _take_head(self, head: bytes) -> bool:
        """Reads a head and says how the body is framed; False if another head follows.

        Args:
            head: Its lines, without the last LF and the empty line.
        """
        raise NotImplementedError

    def _head_too_long(self, start: bytes) -> NoReturn:
        """Refuses a head that is longer than `MAX_HEAD` and begins like this."""
        raise NotImplementedError

    def _refuse(self, why: str) -> NoReturn:
        """Refuses the message: `its head has …`, `a chunk is …`."""
        raise NotImplementedError

    def _finish(self, data: bytes, at: int) -> None:
        """The message has ended; what stands in the data from there on isn't its own."""
        raise NotImplementedError

    # The head. ───────────────────────────────────────────────────────────────────────────────────

    def _read_head(self, data: bytes, at: int, out: Pieces) -> None:
        while True:
            whole: bytes | bytearray = data
            if self._held:
                self._held += memoryview(data)[at:]
                whole, at = self._held, 0
            start = max(at, self._scanned)
            stop = whole.find(b"\n\r\n", start)
            bare = whole.find(b"\n\n", start, stop + 1 if stop >= 0 else len(whole))
            if bare >= 0:
                if not self._takes_bare_lf:
                    self._refuse("a line of its head ends in a lone LF")
                stop, end = bare, bare + 2
            elif stop >= 0:
                end = stop + 3
            else:
                self._hold_head(whole, at)
                return
            self._count_head(end - at, whole, at)
            head = bytes(whole[at:stop])
            at = end
            if whole is not data:
                data = bytes(whole)
                self._held = bytearray()
            self._scanned = 0
            if self._take_head(head):
                self._read(self, data, at, out)
                return

    def _hold_head(self, whole: bytes | bytearray, at: int) -> None:
        """Keeps what has come of a head, unless it can't become one."""
        length = len(whole) - at
        self._check_start(bytes(whole[at : at + 16]))
        if self._heads + length > MAX_HEAD:
            self._count_head(length, whole, at)
        if whole is not self._held:
            self._held = bytearray(memoryview(whole)[at:])
        self._scanned = max(0, length - 2)

    def _count_head(self, length: int, whole: bytes | bytearray, at: int) -> None:
        self._heads += length
        if self._heads > MAX_HEAD:
            self._head_too_long(bytes(whole[at : at + MAX_HEAD]))

    # The body. ───────────────────────────────────────────────────────────────────────────────────

    def _read_sized(self, data: bytes, at: int, out: Pieces) -> None:
        left = self._left
        have = len(data) - at
        if have:
            out.append(data if not at and have <= left else data[at : at + left])
        if have < left:
            self._left = left - have
        else:
            self._finish(data, at + left)

    def _read_chunks(self, data: bytes, at: int, out: Pieces) -> None:
        """At the line that gives a chunk's size; takes whole chunks as far as the data goes."""
        if self._held:
            line, at = self._line(data, at, MAX_CHUNK_LINE)
            if line is not None:
                self._enter_chunk(data, at, out, self._length_of(line))
            return
        size = len(data)
        view: bytes | memoryview = data
        while at < size:
            stop = data.find(b"\r\n", at, at + 14)
            length = fields.size(data[at:stop]) if stop > 0 else -1
            begin = stop + 2
            if length < 0:  # there is more in the line than a size, or less than a line
                line, begin = self._line(data, at, MAX_CHUNK_LINE)
                if line is None:
                    return
                length = self._length_of(line)
            end = begin + length
            if not length or end + 2 > size:  # the last one, or not the whole of it
                self._enter_chunk(data, begin, out, length)
                return
            if end + 2 < size and view is data:
                view = memoryview(data)  # there are many: they are joined, and not copied before
            out.append(view[begin:end])
            if data[end : end + 2] != b"\r\n":
                self._refuse("a chunk is longer than its size")
            at = end + 2

    def _length_of(self, line: bytes) -> int:
        """The size in a chunk's line that may have an extension, and spaces, as some pad it."""
        size, _, _ = line[:-2].partition(b";")
        length = fields.size(size.rstrip(b" \t"))
        if length < 0 or line.find(b"\r") != len(line) - 2:
            self._refuse(f"a chunk begins with {line[:40]!r}")
        return length

    def _enter_chunk(self, data: bytes, at: int, out: Pieces, length: int) -> None:
        self._left = length
        if length:
            self._read = MessageReader._read_chunk
        else:
            self._read = MessageReader._read_trailers
            self._scanned = 0
        self._read(self, data, at, out)

    def _read_chunk(self, data: bytes, at: int, out: Pieces) -> None:
        """Within a chunk."""
        left = self._left
        have = len(data) - at
        if have:
            out.append(data if not at and have <= left else memoryview(data)[at : at + left])
        if have < left:
            self._left = left - have
            return
        self._left = 2
        self._read = MessageReader._read_chunk_end
        if have > left:
            self._read_chunk_end(data, at + left, out)

    def _read_chunk_end(self, data: bytes, at: int, out: Pieces) -> None:
        """At the CRLF after a chunk, or at its second half."""
        left = self._left
        got = data[at : at + left]
        if got != b"\r\n"[2 - left :][: len(got)]:
            self._refuse("a chunk is longer than its size")
        self._left = left - len(got)
        if not self._left:
            self._read = MessageReader._read_chunks
            self._read_chunks(data, at + left, out)

    def _read_trailers(self, data: bytes, at: int, _out: Pieces) -> None:
        """After the last chunk: fields that nobody asked for, then an empty line."""
        while at < len(data):
            line, at = self._line(data, at, MAX_HEAD - self._scanned)
            if line is None:
                return
            self._scanned += len(line)
            if not self._takes_bare_lf and (line[-2:] != b"\r\n" or line.count(b"\r") > 1):
                self._refuse("a trailer doesn't end in CR LF, or holds a lone CR")
            if line in _BLANK:
                self._finish(data, at)
                return

    def _line(self, data: bytes, at: int, most: int) -> tuple[bytes | None, int]:
        """A line with its end, and where that is; None if it hasn't all come, which is held."""
        held = self._held
        stop = data.find(b"\n", at) + 1
        if len(held) + (stop or len(data)) - at > most:
            self._refuse("a line among its chunks is too long")
        if not stop:
            held += memoryview(data)[at:]
            return None, len(data)
        line = bytes(held) + data[at:stop]
        held.clear()
        return line, stop
