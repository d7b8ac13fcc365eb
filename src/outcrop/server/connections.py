"""What connections of a listener share: application, calls, bounds, date, and what they do alike.

Rule: whoever is open is known here, so that time-outs and the end reach everybody.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Protocol

from outcrop.server.asgi import address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from outcrop.server.asgi import Call
    from outcrop.server.exchange import Receive, Scope, Send

    Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What clients may take.

    Attributes:
        connections: At once, idle ones included.
        unread: Bytes of a body that wait for the application.
        head_seconds: For a request's head, and for a TLS handshake.
        idle_seconds: Between requests.
        linger_seconds: For a client to read its last response while it still sends.
        close_seconds: For responses that are written but not read when the server stops.
    """

    connections: int = 1024
    unread: int = 256 * 1024
    head_seconds: float = 20.0
    idle_seconds: float = 75.0
    linger_seconds: float = 2.0
    close_seconds: float = 0.5

    def to_close(self, transport: Any) -> float:
        """Seconds after which a connection that is to be closed is aborted."""
        # What is written may still have to be read: that may take as long as a pause.
        unread = transport.get_write_buffer_size() > 0
        return self.idle_seconds if unread else self.linger_seconds


class Connection(Protocol):
    """What a listener asks of a connection."""

    def look(self, now: float) -> None:
        """Ends what has taken too long."""
        ...

    def shut(self) -> None:
        """Takes no new request, and closes once the ones that it has are answered."""
        ...

    def abort(self) -> None:
        """Closes at once."""
        ...


class Speaking(asyncio.Protocol):
    """What connections of either version of HTTP have in common, as asyncio calls them.

    Attributes:
        transport: As asyncio gave it.
        full: Whether the client hasn't read what was written before.
    """

    transport: Any  # asyncio.Transport, or what another event loop has for one

    def __init__(self, serving: Serving) -> None:
        self.full = False
        self._serving = serving
        self._closing = False
        self._since = 0.0  # when it was opened, became idle, or was to be closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self.transport = transport
        self._since = self._serving.loop.time()
        self._client = address(transport.get_extra_info("peername"))
        self._server = address(transport.get_extra_info("sockname"))
        self._serving.enter(self)

    def eof_received(self) -> None:
        """The client has nothing more to say; the transport closes itself."""
        self._lose()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it is over either way
        """It is closed."""
        self._serving.leave(self)
        self._closing = True
        self._lose()

    def pause_writing(self) -> None:
        """The client reads slowly."""
        self.full = True

    def resume_writing(self) -> None:
        """It has read."""
        self.full = False
        self._make_room()

    def abort(self) -> None:
        """Closes it at once."""
        self._closing = True
        self.transport.abort()

    def _lose(self) -> None:
        """Tells whoever is still answered that the client is gone."""
        raise NotImplementedError

    def _make_room(self) -> None:
        """Wakes whoever waits for room."""
        raise NotImplementedError

    def look(self, now: float) -> None:
        """Ends what has taken too long."""
        raise NotImplementedError

    def shut(self) -> None:
        """Takes no new request, and closes once the ones that it has are answered."""
        raise NotImplementedError


class Serving:
    """What all connections of a listener share.

    Attributes:
        application: Who answers.
        bounds: What clients may take.
        scheme: `http` or `https`.
        loop: The event loop.
        connections: Those that are open.
        calls: Those whose application hasn't returned.
        stopping: Whether new requests are turned away.
    """

    def __init__(self, application: Application, *, bounds: Bounds, scheme: str) -> None:
        self.application = application
        self.bounds = bounds
        self.scheme = scheme
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.calls: set[Call] = set()
        self.stopping = False
        self._empty = asyncio.Event()
        self._second = 0
        self._date = b""

    def enter(self, connection: Connection) -> None:
        """Counts a connection that has opened."""
        self.connections.add(connection)

    def leave(self, connection: Connection) -> None:
        """Counts a connection no more."""
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()

    async def emptied(self) -> None:
        """Returns when no connection is open."""
        while self.connections:
            self._empty.clear()
            await self._empty.wait()

    def date(self) -> bytes:
        """The date of a response (RFC 9110, 6.6.1)."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._date = formatdate(second, usegmt=True).encode()
        return self._date
