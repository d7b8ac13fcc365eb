"""A connection that speaks HTTP/1.1, as asyncio calls it.

Rules: one request after the other is answered, in their order; what a client sends ahead is held up
to a bound, then it isn't read. A client that ends its half of the connection is gone, as for Go,
hyper, uvicorn and proxies of nginx: it can't be told from one that has closed it, and answers cost.
Whoever sends a body that nobody reads gets the response first and is then listened to for a while,
or a reset would take the response away from it (RFC 9112, 9.6).

Specification: RFC 9112; the bytes are `outcrop.wire.http1_answering`'s.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import TYPE_CHECKING, Final

from outcrop.server.asgi import Call, make_scope
from outcrop.server.connections import Speaking
from outcrop.wire.http1_answering import CONTINUE, RequestReader, ResponseWriter

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable

    from outcrop.errors import APIStatusError
    from outcrop.server.asgi import Head
    from outcrop.server.connections import Serving

#: Bytes that may wait while a request is answered: of requests that a client sends ahead.
MAX_AHEAD: Final = 64 * 1024
#: Parts of a response from this size on aren't copied to join a head.
LARGE: Final = 256 * 1024
#: SO_LINGER: on, for no time: closing is a reset.
_RESET: Final = struct.pack("ii", 1, 0) if sys.platform != "win32" else struct.pack("HH", 1, 0)


class Connection(Speaking):
    """One connection."""

    def __init__(self, serving: Serving) -> None:
        super().__init__(serving)
        self._reader = RequestReader()
        self._call: _Exchange | None = None
        self._ahead = b""
        self._paused = self._lingering = False
        self._room: list[asyncio.Future[None]] = []
        self._head_since: float | None = None

    # What the event loop calls. ──────────────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        """Something came."""
        if self._lingering or self._closing:
            return
        if not self._reader.complete:
            self._feed(data)
            return
        self._ahead += data
        if not self._may_send_ahead():
            self._pause()

    def _lose(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.lose()
        self._make_room()

    def _make_room(self) -> None:
        for waiter in self._room:
            if not waiter.done():
                waiter.set_result(None)
        self._room.clear()

    def wait_for_room(self) -> Awaitable[None]:
        """What to wait for while it is full."""
        waiter = self._serving.loop.create_future()
        self._room.append(waiter)
        return waiter

    # Requests. ───────────────────────────────────────────────────────────────────────────────────

    def _feed(self, data: bytes) -> None:
        reader = self._reader
        body = reader.feed(data)
        call = self._call
        if call is None:
            if reader.begun:
                self._begin(body)
            elif reader.failure is not None:
                self._refuse(reader.failure)
            elif self._head_since is None and reader.waiting:
                self._head_since = self._serving.loop.time()
        elif body or reader.complete:
            call.hear(body, whole=reader.complete)
            self._bound(call)
        elif reader.failure is not None:
            self._spoil(call, reader.failure)

    def _begin(self, body: bytes) -> None:
        reader = self._reader
        self._head_since = None
        call = self._call = _Exchange(self, self._serving, reader)
        if body or reader.complete:
            call.hear(body, whole=reader.complete)
            self._bound(call)
        call.start(
            make_scope(
                call,
                version=reader.version,
                method=reader.method,
                path=reader.path,
                query=reader.query,
                headers=reader.headers,
                client=self._client,
                server=self._server,
            )
        )
        if reader.failure is not None:  # its head was sound, its body isn't
            self._spoil(call, reader.failure)

    def _spoil(self, call: _Exchange, failure: APIStatusError) -> None:
        """Ends a request whose body can't be read on."""
        self._call = None
        call.lose()
        if call.begun:
            self.abort()
        else:
            self._refuse(failure)

    def _refuse(self, failure: APIStatusError) -> None:
        body = f"{failure.message}\n".encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        writer = ResponseWriter(keep_alive=False)
        head = writer.begin(failure.status_code, headers, date=self._serving.date())
        self.transport.write(head + body)
        self._linger()

    def finish(self, call: _Exchange, *, keep_alive: bool) -> None:
        """A response has ended."""
        if self._call is not call:
            return
        self._call = None
        reader = self._reader
        if not reader.complete:
            self._linger()
        elif not keep_alive or self._serving.stopping:
            self._close()
        else:
            ahead = reader.surplus + self._ahead
            self._ahead = b""
            self._reader = RequestReader()
            self._since = self._serving.loop.time()
            if len(ahead) <= MAX_AHEAD:  # else the ones that are here come first
                self.resume()
            if ahead:
                self._feed(ahead)

    def _may_send_ahead(self) -> bool:
        return len(self._reader.surplus) + len(self._ahead) <= MAX_AHEAD

    def _bound(self, call: _Exchange) -> None:
        if call.unread > self._serving.bounds.unread:
            self._pause()

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Reads on, if it doesn't."""
        if self._paused and not self._closing and self._may_send_ahead():
            self._paused = False
            self.transport.resume_reading()

    # The end. ────────────────────────────────────────────────────────────────────────────────────

    def _linger(self) -> None:
        """Closes once the client has had the time to read, whatever it still sends."""
        if self._lingering or self._closing:
            return
        self._lingering = True
        self._since = self._serving.loop.time()
        self.resume()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _close(self) -> None:
        self._closing = True
        self._since = self._serving.loop.time()
        self.transport.close()

    def shut(self) -> None:
        """Takes no new request, and closes once the one that it has is answered."""
        if self._call is None and not (self._lingering or self._closing):
            self._close()

    def look(self, now: float) -> None:
        """Ends what has taken too long."""
        bounds, waited = self._serving.bounds, now - self._since
        if self._lingering or self._closing:
            if waited > bounds.to_close(self.transport):
                self.abort()
        elif self._call is not None:
            return
        elif self._head_since is not None:
            if now - self._head_since > bounds.head_seconds:
                self._refuse(self._reader.late())
        elif waited > bounds.idle_seconds:
            self._close()


class _Exchange(Call):
    """One request of a connection, and its response."""

    __slots__ = ("_connection", "_reader", "_writer")

    def __init__(self, connection: Connection, serving: Serving, reader: RequestReader) -> None:
        super().__init__(serving)
        self._connection = connection
        self._reader = reader
        self._writer = ResponseWriter(reader.method, reader.version, keep_alive=reader.keep_alive)

    def _want(self) -> None:
        if self._reader.expects_continue:
            self._reader.expects_continue = False
            # RFC 9110, 10.1.1: it may be left out if some of the body has come already.
            if not self.begun:
                self._connection.transport.write(CONTINUE)
        self._connection.resume()

    def _take(self, size: int) -> None:  # noqa: ARG002 - all that waited
        self._reader.expects_continue = False
        self._connection.resume()

    def _write(self, head: Head | None, data: bytes, *, more: bool) -> Awaitable[None] | None:
        connection, writer = self._connection, self._writer
        transport = connection.transport
        if head is not None:
            if not self._reader.complete or self.serving.stopping:
                writer.keep_alive = False
            begin = writer.begin(*head, date=self.serving.date())
            out = writer.body(data, more=more)
            if len(out) < LARGE:
                out = begin + out
            else:
                transport.write(begin)
        else:
            out = writer.body(data, more=more)
        if out and not transport.is_closing():
            transport.write(out)
        return connection.wait_for_room() if connection.full else None

    def _end(self) -> None:
        self._connection.finish(self, keep_alive=self._writer.keep_alive)

    def _break_off(self) -> None:
        if self._writer.until_close:  # or the end would look like that of a whole response
            wire = self._connection.transport.get_extra_info("socket")
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._connection.abort()
