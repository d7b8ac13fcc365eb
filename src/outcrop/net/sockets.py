"""HTTP/1.1 over blocking sockets: one write, one read, no thread and no library in between.

Rules: every wait is a socket's own, so Ctrl-C ends it; a connection is kept only after a whole and
sound exchange, and used again only if nothing has come on it meanwhile; a forked child has none of
its parent's; nothing is sent twice here.

That last rule, for a kept connection which the peer closes just as it is used again: whether the
peer had begun to work on the request can't be told, and InvokeModel isn't idempotent (RFC 9110,
9.2.2). So it is a retryable error like any other, and `outcrop.bedrock.retry` decides.
"""

from __future__ import annotations

import os
import socket
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING
from weakref import WeakSet, finalize

from outcrop.errors import APIConnectionError
from outcrop.net.addresses import (
    LONGEST_IDLE,
    MAX_IDLE,
    MAX_WHOLE,
    due_after,
    not_reached,
    numeric,
    place,
    prepare,
    share,
)
from outcrop.net.answer import Answer, closed, forked, too_long
from outcrop.net.connection import Connection
from outcrop.wire.http1 import ResponseReader, write_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from outcrop.bedrock.call import Send
    from outcrop.net.addresses import Place

_living: WeakSet[SyncSockets] = WeakSet()
_forks = 0


def _after_fork() -> None:
    """In a child: what the parent has open is the parent's."""
    global _forks  # noqa: PLW0603 - the number of the process, so to say
    _forks += 1
    for each in _living:
        each.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Body:
    """The body of a streamed reply, as its dialer reads it."""

    __slots__ = ("_connection", "_first", "_forks", "_put", "_reader")

    def __init__(
        self,
        connection: Connection,
        reader: ResponseReader,
        first: bytes,
        put: Callable[[Connection, ResponseReader], None],
    ) -> None:
        """A body.

        Args:
            connection: Carries it, and nobody else reads it.
            reader: Has read the head.
            first: What has come of it already.
            put: Takes the connection back after the last of it.
        """
        self._connection: Connection | None = connection
        self._reader = reader
        self._first = first
        self._put = put
        self._forks = _forks

    def read_some(self) -> bytes | None:
        """The next bytes, None at the end."""
        first, self._first = self._first, b""
        if first:
            return first
        reader = self._reader
        while not reader.complete:
            if reader.failure is not None:
                self.release()
                raise reader.failure
            connection = self._connection
            if connection is None:
                raise APIConnectionError("The stream is closed.", retryable=False)
            if self._forks != _forks:
                raise forked("had opened this stream", "Read a stream where it was opened.")
            try:
                piece = connection.receive(reader)
            except BaseException:
                self.release()
                raise
            if piece:
                return piece
        self.release()
        return None

    def read_all(self) -> bytes:
        """The rest of it."""
        pieces: list[bytes] = []
        length = 0
        try:
            while (piece := self.read_some()) is not None:
                pieces.append(piece)
                length += len(piece)
                if length > MAX_WHOLE:
                    raise too_long()
        finally:
            self.release()
        return b"".join(pieces)

    def release(self) -> None:
        """Gives the connection back after the whole of it, else closes it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._forks != _forks or not self._reader.complete:
            connection.close()
        else:
            self._put(connection, self._reader)

    def __del__(self) -> None:
        self.release()


class SyncSockets:
    """The blocking transport: idle connections by origin, the last one used first."""

    def __init__(self, *, ca_pem: bytes | None = None) -> None:
        self._ca_pem = ca_pem
        self._closed = False
        self._idle: dict[str, list[Connection]] = {}
        self._count = 0
        self._lock = RLock()  # a stream that is collected while it is held comes back here
        _living.add(self)
        # Beside `__del__`: collected together with the pool, a socket might come first, and warn.
        finalize(self, _close, self._idle).atexit = False

    def forget(self) -> None:
        """Drops the idle connections in a forked child; the parent's stay open."""
        self._lock = RLock()  # another thread of the parent may have held the old one
        self._drain()

    def _drain(self) -> None:
        with self._lock:
            idle = dict(self._idle)
            self._idle.clear()
            self._count = 0
        _close(idle)

    def send(self, step: Send) -> Answer:
        """Sends a request; a streamed response comes back with its body unread."""
        request, timeout, streamed = step.request, step.timeout, step.streamed
        buffers = write_request(request)
        origin = request.origin
        reader = ResponseReader(request.method, origin)
        connection = self._take(origin) or self._connect(origin, timeout.connect)
        try:
            out = connection.exchange(buffers, reader, streamed=streamed, seconds=timeout.read)
        except BaseException:
            connection.close()
            raise
        body = out[0] if len(out) == 1 else b"".join(out)
        if streamed:
            unread = Body(connection, reader, body, self._put)
            return Answer(reader.status, reader.headers, reader=unread)
        self._put(connection, reader)
        return Answer(reader.status, reader.headers, body)

    def _take(self, origin: str) -> Connection | None:
        """A connection that is open and idle, if there is one."""
        while True:
            with self._lock:
                if self._closed:
                    raise closed()
                idle = self._idle.get(origin)
                if not idle:
                    return None
                connection = idle.pop()
                self._count -= 1
            if monotonic() - connection.idle_since < LONGEST_IDLE and connection.is_quiet():
                return connection
            connection.close()

    def _put(self, connection: Connection, reader: ResponseReader) -> None:
        """Keeps a connection for the next call, if it is as good as new."""
        late: Connection | None = connection
        if reader.keep_alive and not connection.spoilt:
            connection.idle_since = now = monotonic()
            with self._lock:
                idle = self._idle.setdefault(connection.origin, [])
                if not self._closed and self._count < MAX_IDLE:
                    idle.append(connection)
                    self._count += 1
                    late = None
                if idle and now - idle[0].idle_since > LONGEST_IDLE:
                    late = idle.pop(0)
                    self._count -= 1
        if late is not None:
            late.close()

    def _connect(self, origin: str, seconds: float | None) -> Connection:
        where = place(origin)
        due = due_after(seconds)
        try:
            sock = _reach(where, due)
            if where.tls:
                sock = self._protect(sock, where.host, due)
        except (OSError, UnicodeError) as error:
            raise not_reached(error, origin, seconds) from error
        return Connection(sock, origin, tls=where.tls)

    def _protect(self, sock: socket.socket, host: str, due: float | None) -> socket.socket:
        """The same connection, under TLS."""
        try:
            from outcrop.net import tls

            context = tls.context(self._ca_pem)
            sock.settimeout(share(due, 1))
            return context.wrap_socket(sock, server_hostname=host, suppress_ragged_eofs=False)
        except BaseException:
            sock.close()
            raise

    def close(self) -> None:
        """Closes every idle connection; streams that are still open are closed by their release."""
        self._closed = True
        self._drain()

    def __del__(self) -> None:
        _close(self._idle)


def _close(idle: dict[str, list[Connection]]) -> None:
    while idle:
        for connection in idle.popitem()[1]:
            connection.close()


def _reach(where: Place, due: float | None) -> socket.socket:
    """A socket connected to a place, whichever of its addresses answers first in turn."""
    infos = numeric(where) or socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    for left, info in zip(range(len(infos), 0, -1), infos, strict=True):
        sock = prepare(info)
        try:
            sock.settimeout(share(due, left))
            sock.connect(info[4])
        except OSError:
            sock.close()
            if left == 1:
                raise
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise OSError("it has no address")
