"""HTTP/1.1 over asyncio's transports: the connections of each event loop, and what they carry.

Rules: a call that is cancelled, or a stream that is left, closes its connection at once;
connections belong to the event loop that they were opened in, and those that are idle are closed
before it ends. Nothing is sent twice here, as in `outcrop.net.sockets`. Any event loop of asyncio's
interface will do.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

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
from outcrop.net.answer import Answer, closed, too_long
from outcrop.net.asyncio_connection import SOME, Connection
from outcrop.wire.http1 import ResponseReader, write_request

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from socket import socket

    from outcrop.bedrock.call import Send


class Body:
    """The body of a streamed reply, as its dialer reads it."""

    __slots__ = ("_connection", "_pool", "_reader")

    def __init__(self, connection: Connection, reader: ResponseReader, pool: Pool) -> None:
        self._connection: Connection | None = connection
        self._reader = reader
        self._pool = pool

    async def read_some(self) -> bytes | None:
        """The next bytes, None at the end."""
        reader = self._reader
        connection = self._connection
        if connection is None:
            if reader.complete:
                return None
            raise reader.failure or APIConnectionError("The stream is closed.", retryable=False)
        waiter = connection.waiter(SOME)
        if waiter is not None:  # awaited here: a coroutine more is an event dearer
            try:
                await waiter
            except BaseException:
                connection.give_up()
                raise
        data = connection.take()
        if data:
            return data
        failure = reader.failure
        self._let_go()
        if failure is not None:
            raise failure
        return None

    async def read_all(self) -> bytes:
        """The rest of it."""
        pieces: list[bytes] = []
        length = 0
        try:
            while (piece := await self.read_some()) is not None:
                pieces.append(piece)
                length += len(piece)
                if length > MAX_WHOLE:
                    raise too_long()
        finally:
            self._let_go()
        return b"".join(pieces)

    async def release(self) -> None:
        """Gives the connection back after the whole of it, else closes it."""
        self._let_go()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.put(connection)

    def __del__(self) -> None:
        connection = self._connection
        if connection is not None and not self._pool.loop.is_closed():
            with suppress(RuntimeError):  # it is closed just now
                self._pool.loop.call_soon_threadsafe(self._pool.put, connection)


class Pool:
    """The idle connections of one event loop, by origin; the last one used is used first."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._closed = False
        self._idle: dict[str, list[Connection]] = {}
        self._count = 0
        self._anchor = self._until_shutdown()

    async def enter(self) -> None:
        """Has the event loop call `drain` before it ends.

        It does that (`shutdown_asyncgens`) for every asynchronous generator that isn't finished.
        """
        await anext(self._anchor)

    async def _until_shutdown(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self.drain()
            await asyncio.sleep(0)  # the sockets are closed at the loop's next turn

    def take(self, origin: str) -> Connection | None:
        """A connection that is open and idle, if there is one."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            self._count -= 1
            if monotonic() - connection.idle_since < LONGEST_IDLE and connection.is_quiet():
                return connection
            connection.abort()
        return None

    def put(self, connection: Connection) -> None:
        """Keeps a connection for the next call, if it is as good as new."""
        if not connection.rest() or self._closed or self._count >= MAX_IDLE:
            connection.abort()
            return
        idle = self._idle.setdefault(connection.origin, [])
        idle.append(connection)
        self._count += 1
        if connection.idle_since - idle[0].idle_since > LONGEST_IDLE:
            self._count -= 1
            idle.pop(0).abort()

    def drain(self) -> None:
        """Closes the idle connections; none is kept from now on."""
        self._closed = True
        idle, self._idle, self._count = self._idle, {}, 0
        if not self.loop.is_closed():
            for connections in idle.values():
                for connection in connections:
                    connection.abort()

    async def leave(self) -> None:
        """Closes the idle connections, and waits until they are."""
        self.drain()
        await self._anchor.aclose()


class AsyncSockets:
    """The transport that doesn't block the event loop: a pool for each loop that it is used in."""

    def __init__(self, *, ca_pem: bytes | None = None) -> None:
        self._ca_pem = ca_pem
        self._closed = False
        self._pools: dict[asyncio.AbstractEventLoop, Pool] = {}

    async def send(self, step: Send) -> Answer:
        """Sends a request; a streamed response comes back with its body unread."""
        request, timeout, streamed = step.request, step.timeout, step.streamed
        buffers = write_request(request)
        if self._closed:
            raise closed()
        origin = request.origin
        pool = self._pools.get(asyncio.get_running_loop()) or await self._enter()
        reader = ResponseReader(request.method, origin)
        connection = pool.take(origin) or await self._connect(pool.loop, origin, timeout.connect)
        await connection.exchange(buffers, reader, streamed=streamed, seconds=timeout.read)
        if streamed:
            return Answer(reader.status, reader.headers, reader=Body(connection, reader, pool))
        body = connection.take()
        pool.put(connection)
        return Answer(reader.status, reader.headers, body)

    async def _enter(self) -> Pool:
        loop = asyncio.get_running_loop()
        for old in [each for each in self._pools if each.is_closed()]:
            del self._pools[old]
        pool = self._pools[loop] = Pool(loop)
        await pool.enter()
        return pool

    async def _connect(
        self, loop: asyncio.AbstractEventLoop, origin: str, seconds: float | None
    ) -> Connection:
        try:
            async with asyncio.timeout(seconds):
                return await self._open(loop, origin, seconds)
        except (OSError, UnicodeError) as error:
            raise not_reached(error, origin, seconds) from error

    async def _open(
        self, loop: asyncio.AbstractEventLoop, origin: str, seconds: float | None
    ) -> Connection:
        where = place(origin)
        context: Any = None
        if where.tls:
            from outcrop.net import tls

            # Loading the system's certificates takes longer than an event loop may stand still.
            context = await loop.run_in_executor(None, tls.context, self._ca_pem)
        sock = await _reach(loop, origin, due_after(seconds))
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(loop, origin, tls=where.tls),
                sock=sock,
                ssl=context,
                server_hostname=where.host if where.tls else None,
            )
        except BaseException:
            sock.close()
            raise
        return connection

    async def close(self) -> None:
        """Closes every idle connection; streams that are still open are closed by their release."""
        self._closed = True
        running = asyncio.get_running_loop()
        for loop, pool in self._pools.items():
            if loop is running:
                await pool.leave()
            elif not loop.is_closed():
                loop.call_soon_threadsafe(pool.drain)
        self._pools.clear()


async def _reach(loop: asyncio.AbstractEventLoop, origin: str, due: float | None) -> socket:
    """A socket connected to an origin, whichever of its addresses answers first in turn."""
    where = place(origin)
    infos = numeric(where) or await loop.getaddrinfo(where.host, where.port, type=1)
    for left, info in zip(range(len(infos), 0, -1), infos, strict=True):
        sock = prepare(info)
        try:
            sock.setblocking(False)  # noqa: FBT003 - its only parameter
            async with asyncio.timeout(share(due, left)):
                await loop.sock_connect(sock, info[4])
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
