"""The listening side: a port that is surely free, and the HTTP server on it.

Rules: a port that is in use is refused by name before anything starts; answered means that this
very server has replied; the process's logging stays as it is.

The HTTP server is granian, embedded in the running event loop, because it speaks HTTP/1.1 and, with
prior knowledge, HTTP/2 on one port: AWS's SDK for JavaScript speaks nothing else to http://
endpoints of the runtime. Its interface is ASGI: RSGI decodes the path, which signatures cover raw,
and buffers a streamed response without bound.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from granian.constants import Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.net import SocketSpec  # pyright: ignore[reportPrivateImportUsage] - not exported
from granian.server.embed import Server

from outcrop.errors import ConfigurationError
from outcrop.net.exit import rest_at_exit

if TYPE_CHECKING:
    from outcrop.server.app import App
    from outcrop.server.tls import Certificate

_START_SECONDS: Final = 30.0
_MAX_HEADERS: Final = 64 * 1024


def reserve(host: str, port: int) -> socket.socket:
    """A socket that holds a port without listening, for granian to bind it too.

    On Linux granian binds with SO_REUSEPORT, and so would share a port with another server of the
    same user without a word: an explicit port is therefore first bound alone.

    Raises:
        ConfigurationError: The port is in use, or the address isn't this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        if port:
            with socket.socket(family, socket.SOCK_STREAM) as alone:
                alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                alone.bind((host, port))
        held = socket.socket(family, socket.SOCK_STREAM)
        try:
            if hasattr(socket, "SO_REUSEPORT"):
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind((host, port))
        except OSError:
            held.close()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"Can't listen on {host} port {port}: {error.strerror or error}.",
            mend="Another server may run there: stop it, or choose another port; 0 is any."
            if error.errno == errno.EADDRINUSE
            else "Give an address of this machine, such as 127.0.0.1.",
        ) from error
    return held


class _Server(Server):
    """granian's server, without the descriptor that it leaves open at each start.

    On Linux each worker binds by itself; the socket that granian makes before, only to see that it
    can, is never closed. `reserve` has seen that already.
    """

    def _init_shared_socket(self) -> None:
        if sys.platform == "linux":
            self._ssp = SocketSpec(self.bind_addr, self.bind_port, self.backlog)
        else:
            super()._init_shared_socket()


class Listener:
    """The HTTP server of an application.

    Args:
        app: The application.
        host: Address to listen on.
        near: Address to call it by.
        reserved: What `reserve` gave for it.
        certificate: For https.
        connections: Most connections at once; idle ones count.
    """

    def __init__(
        self,
        app: App,
        host: str,
        reserved: socket.socket,
        *,
        near: str,
        certificate: Certificate | None,
        connections: int,
    ) -> None:
        self._host = near
        self._port: int = reserved.getsockname()[1]
        self._certificate = certificate
        self._reserved = reserved
        self._serving: asyncio.Task[None] | None = None
        rest_at_exit()
        self._server = _Server(
            app,
            address=host,
            port=self._port,
            interface=Interfaces.ASGINL,  # ASGI without lifespan
            websockets=False,
            log_enabled=False,
            # Without this granian closes every logging handler of the process.
            log_dictconfig={"incremental": True, "handlers": {}, "formatters": {}, "loggers": {}},
            backpressure=connections,
            http1_settings=HTTP1Settings(max_buffer_size=_MAX_HEADERS),
            http2_settings=HTTP2Settings(max_headers_size=_MAX_HEADERS),
            ssl_cert=certificate and certificate.chain,
            ssl_key=certificate and certificate.key,
            ssl_protocol_min=SSLProtocols.tls12,
        )

    def start(self) -> asyncio.Task[None]:
        """Serves; the task ends when it stops."""
        if sys.platform != "linux":
            self._reserved.close()  # elsewhere granian binds without SO_REUSEPORT
        self._serving = asyncio.create_task(self._server.serve())
        return self._serving

    async def stop(self) -> None:
        """Ends it, and returns when it has ended."""
        self._server.stop()
        if self._serving is not None:
            with suppress(Exception):  # `failure` tells it
                await self._serving

    async def answered(self, path: str, *, proof: str) -> None:
        """Returns once a GET of the path brings a reply with the proof in it.

        Raises:
            ConfigurationError: It doesn't, within half a minute.
        """
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and not (self._serving and self._serving.done()):
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    if proof.encode() in await self._get(path):
                        return
            await asyncio.sleep(0.005)
        raise self.failure()

    def failure(self) -> ConfigurationError:
        """What is wrong, as far as it is known."""
        cause = "it doesn't answer"
        if self._serving is not None and self._serving.done():
            cause = str(self._serving.exception() or "it ended")
        return ConfigurationError(f"The server on {self._host} port {self._port}: {cause}.")

    async def _get(self, path: str) -> bytes:
        tls: dict[str, Any] = {}
        if self._certificate is not None:
            trust = ssl.create_default_context(cafile=self._certificate.ca)
            tls = {"ssl": trust, "server_hostname": "localhost"}
        reader, writer = await asyncio.open_connection(self._host, self._port, **tls)
        try:
            head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            return await reader.read()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
