"""One connection of asyncio's: a callback reads, and wakes the caller when there is reason to.

Rules: no task, queue or timer of its own for an event; a slow reader pauses the peer; what has come
is handed out once, whole; whoever stops waiting ends the connection.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from socket import fromfd
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from outcrop.net.addresses import MAX_WHOLE, broke, no_answer, watch
from outcrop.net.answer import too_long

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from outcrop.wire.http1 import ResponseReader

#: Bytes of a stream that may wait for their reader before the peer is paused.
MAX_UNREAD: Final = 256 * 1024
#: Bytes of a large body handed over at once.
PIECE: Final = 256 * 1024
#: Seconds that an event loop's clock may be early: some count in milliseconds.
CLOCK: Final = 0.002

#: Bytes that are read at once.
READ: Final = 64 * 1024

# What a caller waits for.
HEAD: Final = 0
SOME: Final = 1
WHOLE: Final = 2
ROOM: Final = 3


class Connection(asyncio.BufferedProtocol):
    """One connection to an origin, and the exchange that it is in.

    Attributes:
        reader: Of the reply that is awaited; None while it is idle.
        pieces: What has come of that reply's body and isn't taken yet.
        lost: Whether it is closed, or being closed.
        idle_since: On the steady clock.
    """

    transport: Any  # asyncio.Transport, or what another event loop has for one

    def __init__(self, loop: asyncio.AbstractEventLoop, origin: str, *, tls: bool) -> None:
        self.origin = origin
        self.tls = tls
        self.reader: ResponseReader | None = None
        self.pieces: list[bytes] = []
        self.lost = False
        self.spoilt = False
        self.idle_since = 0.0
        self._loop = loop
        self._buffer = memoryview(bytearray(READ))
        self._size = 0
        self._streamed = False
        self._paused = False
        self._full = False
        self._seconds: float | None = None
        self._wish = SOME
        self._waiter: asyncio.Future[None] | None = None
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._stirs: Callable[[int], list[Any]] | None = None
        self._spare: socket | None = None

    # What the event loop calls. ──────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's guess
        """Where to put what comes: asyncio's own buffer would be 256 KB, made anew each time."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Something came."""
        self.data_received(self._buffer[:nbytes].tobytes())

    def data_received(self, data: bytes) -> None:
        """Something came."""
        reader = self.reader
        if reader is None:  # nobody asked
            self.abort()
            return
        piece = reader.feed(data)
        if piece:
            self.pieces.append(piece)
            self._size += len(piece)
            if self._size > MAX_UNREAD:
                self._hold_back(reader)
            waiter = self._waiter
            if waiter is not None and self._wish == SOME:  # as for most of a stream
                self._waiter = None
                if not waiter.done():
                    waiter.set_result(None)
                return
        self._look()

    def _hold_back(self, reader: ResponseReader) -> None:
        if not self._streamed:
            if self._size > MAX_WHOLE:
                reader.failure = too_long()
        elif not (self._paused or self.lost):
            self._paused = True
            self.transport.pause_reading()

    def eof_received(self) -> None:
        """The peer has nothing more to say; the transport closes itself."""
        self.lost = True
        if self.reader is not None:
            self.reader.end(cut=self.tls and self._is_cut())
            self._look()

    def _is_cut(self) -> bool:
        """Whether TLS ended without its closing alert: then it still waits for something."""
        try:
            return bool(self.transport.get_extra_info("ssl_object").read(1))
        except OSError:
            return True

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        ended, self.lost = self.lost, True
        reader = self.reader
        if reader is not None:
            if self._spare is not None and not reader.begun:
                self._read_spare(self._spare, reader)
            if exc is None or reader.begun:
                # Without an EOF before, the end of TLS was none of the peer's (`eof_received`).
                reader.end(cut=self.tls and not ended)
            elif not reader.complete and reader.failure is None:
                reader.failure = broke(exc, self.origin, self._seconds)
            self._look()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _read_spare(self, spare: socket, reader: ResponseReader) -> None:
        """What the peer said before it hung up, which a transport that can't write doesn't read."""
        with suppress(OSError):  # nothing more, or a reset
            while not reader.complete and (data := spare.recv(PIECE)):
                self.data_received(data)

    def pause_writing(self) -> None:
        """There is no room to write."""
        self._full = True

    def resume_writing(self) -> None:
        """There is again."""
        self._full = False
        if self._wish == ROOM:
            self._look()

    # Waiting. ────────────────────────────────────────────────────────────────────────────────────

    def _has(self, wish: int) -> bool:
        """Whether there is what is wished for, or no hope of it."""
        reader = self.reader
        return (
            reader is None
            or reader.complete
            or reader.failure is not None
            or (wish == SOME and bool(self.pieces))
            or (wish == HEAD and reader.begun)
            or (wish == ROOM and (reader.begun or not self._full))
        )

    def _look(self) -> None:
        """Wakes the caller if there is what it waits for; its time-out begins anew otherwise."""
        waiter = self._waiter
        if waiter is None:
            return
        if self._has(self._wish):
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
        elif self._seconds is not None:
            self._due = self._loop.time() + self._seconds

    async def wait(self, wish: int) -> None:
        """Until there is what is wished for, or it failed; being cancelled ends the connection."""
        waiter = self.waiter(wish)
        if waiter is not None:
            try:
                await waiter
            except BaseException:
                self.give_up()
                raise

    def waiter(self, wish: int) -> asyncio.Future[None] | None:
        """What to await until there is what is wished for, or it failed; None if that is so.

        Whoever is cancelled meanwhile has to `give_up`.
        """
        self._wish = wish
        if self._has(wish):
            return None
        waiter = self._waiter = self._loop.create_future()
        if self._seconds is not None:
            # One timer serves many waits: when it comes early, it is set anew.
            self._due = self._loop.time() + self._seconds
            if self._timer is None or self._timer.when() > self._due:
                self._set_timer()
        return waiter

    def give_up(self) -> None:
        """Ends the connection, since nobody waits for it any more."""
        self._waiter = None
        self.abort()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self._waiter is None or self.reader is None:
            return
        if self._loop.time() + CLOCK < self._due:
            self._set_timer()
            return
        self.reader.failure = no_answer(self.origin, self._seconds)
        self.abort()
        self._look()

    # An exchange. ────────────────────────────────────────────────────────────────────────────────

    async def exchange(
        self,
        buffers: list[bytes],
        reader: ResponseReader,
        *,
        streamed: bool,
        seconds: float | None,
    ) -> None:
        """Sends a request and waits for its reply, or for the head of a streamed one."""
        self.reader = reader
        self._streamed = streamed
        self._seconds = seconds
        if self.lost:  # before it was ever used
            reader.end()
        else:
            try:
                if len(buffers) > 1 and not self.tls:
                    self._spare = _spare(self.transport)
                self.transport.write(buffers[0])
                for buffer in buffers[1:]:
                    await self._upload(buffer, reader)
                await self.wait(HEAD if streamed else WHOLE)
            except BaseException:
                self.abort()
                raise
            finally:
                if self._spare is not None:
                    self._spare.close()
                    self._spare = None
        if reader.failure is not None and not (streamed and reader.begun):
            self.abort()
            raise reader.failure

    async def _upload(self, body: bytes, reader: ResponseReader) -> None:
        """Sends a large body, unless it is answered before it is sent.

        RFC 9112, 9.5: a client "SHOULD monitor the connection" for that, and stop sending then.
        """
        view = memoryview(body)
        for at in range(0, len(body), PIECE):
            await self.wait(ROOM)
            if reader.begun or reader.failure is not None:
                self.spoilt = True
                return
            self.transport.write(view[at : at + PIECE])

    def take(self) -> bytes:
        """What has come and wasn't taken."""
        pieces = self.pieces
        if not pieces:
            return b""
        self.pieces = []
        self._size = 0
        if self._paused:
            self._paused = False
            if not self.lost:
                self.transport.resume_reading()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def is_quiet(self) -> bool:
        """Whether it is open, and nothing has come while it was idle, its end included."""
        if self.lost or self.transport.is_closing():
            return False
        if self._stirs is None:
            # The event loop would tell too, but not before it has had its turn.
            self._stirs = watch(self.transport.get_extra_info("socket").fileno())
        return not self._stirs(0)

    def rest(self) -> bool:
        """Ends the exchange; whether the connection is good for another."""
        reader, self.reader = self.reader, None
        sound = reader is not None and reader.complete and reader.keep_alive
        self.pieces.clear()
        self._size = 0
        self.idle_since = monotonic()
        return sound and not (self.spoilt or self.lost or self._paused)

    def abort(self) -> None:
        """Closes it at once."""
        self.lost = True
        self.transport.abort()


def _spare(transport: Any) -> socket:
    """Another handle of a transport's socket, which outlives the transport."""
    sock = transport.get_extra_info("socket")
    return fromfd(sock.fileno(), sock.family, sock.type)
