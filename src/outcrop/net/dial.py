"""The seam to the network: a Request goes out, an Answer or an APIConnectionError comes back.

Rules: no other module knows what carries a call. Our own sockets do (HTTP/1.1: the least work a
call); an HTTP library does where the environment names a proxy for the origin, on Windows (where
Ctrl-C doesn't end a socket's wait), or where `OUTCROP_TRANSPORT` asks for it: `pyreqwest`, or
`http2`, which it then speaks to https:// origins that do. What isn't used isn't imported. Either
way what is sent is exactly the Request, and TLS is verified, with AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE
or SSL_CERT_FILE trusted too.
"""

from __future__ import annotations

import sys
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from outcrop.errors import ConfigurationError
from outcrop.net.answer import Answer, closed
from outcrop.net.environment import variable
from outcrop.net.proxies import Proxies

if TYPE_CHECKING:
    from outcrop.bedrock.call import Response, Send
    from outcrop.net.asyncio_sockets import AsyncSockets
    from outcrop.net.reqwest import AsyncLibrary, SyncLibrary
    from outcrop.net.sockets import SyncSockets

__all__ = ["Answer", "AsyncDialer", "SyncDialer"]

VARIABLE: Final = "OUTCROP_TRANSPORT"
_CHOICES: Final = ("sockets", "pyreqwest", "http2")
#: Origins whose transport is remembered.
MAX_ORIGINS: Final = 256

S = TypeVar("S")
L = TypeVar("L")


def _wanted() -> str | None:
    """The transport that the environment forces.

    Raises:
        ConfigurationError: It names another.
    """
    wanted = variable(VARIABLE)
    if wanted is None or wanted in _CHOICES:
        return wanted
    raise ConfigurationError(
        f"{VARIABLE}={wanted!r} isn't a transport.", mend="Set it to sockets, pyreqwest or http2."
    )


class _Transports(Generic[S, L]):
    """The two ways out, each made when it is first needed, and which one an origin takes."""

    def __init__(self, ca_pem: bytes | None) -> None:
        wanted = _wanted()
        if wanted is None and sys.platform == "win32":
            wanted = "pyreqwest"
        self._wanted = wanted
        self._proxies = Proxies.of_environment() if wanted is None else None
        self._ca_pem = ca_pem
        self._closed = False
        self._lock = Lock()
        self._sockets: S | None = None
        self._library: L | None = None
        self._by_origin: dict[str, S | L] = {}

    def _make_sockets(self, ca_pem: bytes | None) -> S:
        raise NotImplementedError

    def _make_library(self, ca_pem: bytes | None, *, http2: bool) -> L:
        raise NotImplementedError

    def _to(self, origin: str) -> S | L:
        found = self._by_origin.get(origin)
        return found if found is not None else self._choose(origin)

    def _choose(self, origin: str) -> S | L:
        with self._lock:
            return self._choose_alone(origin)

    def _choose_alone(self, origin: str) -> S | L:
        if self._closed:
            raise closed()
        wanted = self._wanted
        if wanted in ("pyreqwest", "http2") or (
            self._proxies is not None and self._proxies.serve(origin)
        ):
            if self._library is None:
                self._library = self._make_library(self._ca_pem, http2=wanted == "http2")
            chosen: S | L = self._library
        else:
            if self._sockets is None:
                self._sockets = self._make_sockets(self._ca_pem)
            chosen = self._sockets
        if len(self._by_origin) >= MAX_ORIGINS:
            self._by_origin.clear()
        self._by_origin[origin] = chosen
        return chosen

    def _made(self) -> list[S | L]:
        self._closed = True
        return [each for each in (self._sockets, self._library) if each is not None]


class SyncDialer(_Transports["SyncSockets", "SyncLibrary"]):
    """Sends requests, blocking; Ctrl-C ends any of its waits."""

    def __init__(self, *, ca_pem: bytes | None = None) -> None:
        super().__init__(ca_pem)

    def _make_sockets(self, ca_pem: bytes | None) -> SyncSockets:
        from outcrop.net.sockets import SyncSockets

        return SyncSockets(ca_pem=ca_pem)

    def _make_library(self, ca_pem: bytes | None, *, http2: bool) -> SyncLibrary:
        from outcrop.net.reqwest import SyncLibrary

        return SyncLibrary(ca_pem=ca_pem, http2=http2)

    def send(self, step: Send) -> Answer:
        """Sends a request; a streamed response comes back with its body unread."""
        return self._to(step.request.origin).send(step)

    def read_some(self, answer: Response) -> bytes | None:
        """The next bytes of a streamed response, None at its end."""
        return answer.reader.read_some()

    def read_all(self, answer: Response) -> bytes:
        """The rest of a streamed response, which is closed then."""
        return answer.reader.read_all()

    def release(self, answer: Response) -> None:
        """Lets go of a streamed response, read or not."""
        reader: Any = answer.reader
        if reader is not None:
            reader.release()

    def close(self) -> None:
        """Closes every connection."""
        for transport in self._made():
            transport.close()


class AsyncDialer(_Transports["AsyncSockets", "AsyncLibrary"]):
    """Sends requests without blocking the event loop."""

    def __init__(self, *, ca_pem: bytes | None = None) -> None:
        super().__init__(ca_pem)
        import_module("outcrop.net.asyncio_sockets")  # now: a first call would hold up the loop

    def _make_sockets(self, ca_pem: bytes | None) -> AsyncSockets:
        from outcrop.net.asyncio_sockets import AsyncSockets

        return AsyncSockets(ca_pem=ca_pem)

    def _make_library(self, ca_pem: bytes | None, *, http2: bool) -> AsyncLibrary:
        from outcrop.net.reqwest import AsyncLibrary

        return AsyncLibrary(ca_pem=ca_pem, http2=http2)

    async def send(self, step: Send) -> Answer:
        """Sends a request; a streamed response comes back with its body unread."""
        return await self._to(step.request.origin).send(step)

    async def read_some(self, answer: Response) -> bytes | None:
        """The next bytes of a streamed response, None at its end."""
        return await answer.reader.read_some()

    async def read_all(self, answer: Response) -> bytes:
        """The rest of a streamed response, which is closed then."""
        return await answer.reader.read_all()

    async def release(self, answer: Response) -> None:
        """Lets go of a streamed response, read or not."""
        reader: Any = answer.reader
        if reader is not None:
            await reader.release()

    async def close(self) -> None:
        """Closes every connection."""
        for transport in self._made():
            await transport.close()
