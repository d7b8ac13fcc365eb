"""The listening side: a port that is surely free, and the HTTP server on it.

Rules: a port that is in use is refused by name before anything starts; one port speaks HTTP/1.1 and
HTTP/2, over TLS by ALPN and in clear text by how a client begins, because AWS's SDK for JavaScript
speaks nothing but HTTP/2 to the runtime, on http:// too; connections are bounded in number and in
the time that they may take; stopping leaves none behind. The application is called by ASGI.

Specifications: RFC 7301 (ALPN), RFC 9113, 3.3 (HTTP/2 with prior knowledge).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from outcrop.errors import ConfigurationError
from outcrop.server import http1
from outcrop.server.connections import Bounds, Serving

if TYPE_CHECKING:
    from outcrop.server.connections import Application
    from outcrop.server.tls import Certificate

#: RFC 9113, 3.4: what a client begins HTTP/2 with.
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: Connections that the kernel holds until they are accepted.
BACKLOG: Final = 1024
_TOO_MANY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n"
    b"content-type: text/plain\r\ncontent-length: 32\r\n\r\nToo many connections are open.\r\n"
)


def reserve(host: str, port: int) -> socket.socket:
    """A socket that holds a port; a `Listener` listens on it.

    Raises:
        ConfigurationError: The port is in use, or the address isn't this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it events wait for
    # acknowledgements.
    held = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # a port whose last connections still linger is free
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # on Windows that flag would share the port
            held.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        held.bind((host, port))
        # Only who listens has the port for himself; nobody is answered before `Listener.start`.
        held.listen(BACKLOG)
    except OSError as error:
        held.close()
        raise ConfigurationError(
            f"Can't listen on {host} port {port}: {error.strerror or error}.",
            mend="Another server may run there: stop it, or choose another port; 0 is any."
            if error.errno == errno.EADDRINUSE
            else "Give an address of this machine, such as 127.0.0.1.",
        ) from error
    return held


class Listener:
    """The HTTP server of an application; to be made where an event loop runs.

    Args:
        application: Who answers, by ASGI.
        reserved: What `reserve` gave; it is the listener's from now on.
        certificate: For https.
        bounds: What clients may take. A connection beyond their number gets status 503 and is
            closed; TLS handshakes aren't counted yet, and end in time.
    """

    def __init__(
        self,
        application: Application,
        reserved: socket.socket,
        *,
        certificate: Certificate | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._reserved = reserved
        self._tls = certificate and _context(certificate)
        self._serving = Serving(
            application, bounds=bounds or Bounds(), scheme="https" if certificate else "http"
        )
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Accepts connections from now on."""
        serving = self._serving
        more: dict[str, Any] = {}
        if self._tls is not None:
            more = {"ssl": self._tls, "ssl_handshake_timeout": serving.bounds.head_seconds}
        self._server = await serving.loop.create_server(
            lambda: _Greeting(serving), sock=self._reserved, backlog=BACKLOG, **more
        )
        self._look()

    def _look(self) -> None:
        """Looks after all connections: one timer, however many they are."""
        serving = self._serving
        now = serving.loop.time()
        for connection in list(serving.connections):
            connection.look(now)
        bounds = serving.bounds
        pause = min(1.0, bounds.head_seconds / 2, bounds.idle_seconds / 2, bounds.linger_seconds)
        self._timer = serving.loop.call_later(pause, self._look)

    def close(self) -> None:
        """Accepts no connection and no request any more; idle connections are closed."""
        self._serving.stopping = True
        if self._server is not None:
            self._server.close()
        self._reserved.close()
        for connection in list(self._serving.connections):
            connection.shut()

    async def wait_closed(self) -> None:
        """Breaks off what is still being answered, and returns when no connection is left."""
        self.close()
        serving = self._serving
        tasks = [call.task for call in serving.calls]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=serving.bounds.close_seconds)
        with suppress(TimeoutError):  # they write what is left
            async with asyncio.timeout(serving.bounds.close_seconds):
                await serving.emptied()
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(serving.connections):
            connection.abort()
        await serving.emptied()


def _context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate.chain, certificate.key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


class _Greeting(asyncio.Protocol):
    """A connection until it is known what it speaks."""

    _transport: Any

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._said = b""
        self._since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        serving = self._serving
        if serving.stopping or len(serving.connections) >= serving.bounds.connections:
            self._transport.write(_TOO_MANY)
            self._transport.close()
            return
        self._since = serving.loop.time()
        serving.enter(self)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            self._hand_over(http2=True)

    def data_received(self, data: bytes) -> None:
        if not self._said:
            self._since = self._serving.loop.time()
        self._said += data
        if self not in self._serving.connections:
            return
        if len(self._said) < len(PREFACE) and PREFACE.startswith(self._said):
            return
        self._hand_over(http2=self._said.startswith(PREFACE))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it is over either way
        self._serving.leave(self)

    def _hand_over(self, *, http2: bool) -> None:
        self._serving.leave(self)
        if http2:
            # HPACK's tables are only for those who need them.
            from outcrop.server import http2 as second

            connection = second.Connection(self._serving)
        else:
            connection = http1.Connection(self._serving)
        self._transport.set_protocol(connection)
        connection.connection_made(self._transport)
        if self._said:
            connection.data_received(self._said)

    def look(self, now: float) -> None:
        bounds = self._serving.bounds
        if now - self._since > (bounds.head_seconds if self._said else bounds.idle_seconds):
            self.abort()

    def shut(self) -> None:
        if not self._transport.is_closing():  # asyncio can't abort TLS that was closed twice
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()
