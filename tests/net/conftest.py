"""A peer that does with each connection what a test tells it, and both voices of the client."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from importlib.util import find_spec
from typing import Any

import pytest

from outcrop.bedrock.call import Send, Timeout
from outcrop.net import environment
from outcrop.net.dial import VARIABLE, Answer, AsyncDialer, SyncDialer
from outcrop.wire.http import Request

#: Long enough for a busy machine.
PATIENT = Timeout(10, 10)

Serve = Callable[["Caller"], None]

#: Blocking, awaiting, and awaiting in another event loop where there is one.
KINDS = ["sync", "async", *(["uvloop"] if find_spec("uvloop") else [])]
TRANSPORTS = ["sockets", "pyreqwest"]


class Caller:
    """A connection, seen from the peer."""

    def __init__(self, connection: socket.socket, peer: Peer) -> None:
        self.connection = connection
        self._peer = peer
        self._held = b""

    def take(self) -> bytes | None:
        """The body of the next request, None if there is none."""
        while b"\r\n\r\n" not in self._held:
            if not self._more():
                return None
        head, _, self._held = self._held.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(self._held) < length:
            if not self._more():
                return None
        body, self._held = self._held[:length], self._held[length:]
        self._peer.heads.append(head)
        self._peer.asked.set()
        return body

    def _more(self) -> bool:
        data = self.connection.recv(1 << 20)
        self._held += data
        return bool(data)

    def say(self, data: bytes) -> None:
        self.connection.sendall(data)

    def wait_for_end(self) -> None:
        """Until the other side has closed the connection."""
        with suppress(OSError):
            while self.connection.recv(1 << 20):
                pass
        self._peer.left.set()

    def reset(self) -> None:
        """Closes it with a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()


class Peer:
    """Serves each connection by the next function, the last one by the last."""

    def __init__(self, *serve: Serve, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self.asked = threading.Event()
        self.left = threading.Event()
        self._serve = serve
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme, port = "https" if tls else "http", self._listener.getsockname()[1]
        self.port = port
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.named = f"{scheme}://localhost:{port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve = self._serve[min(self.connections, len(self._serve) - 1)]
            self.connections += 1
            threading.Thread(target=self._run, args=(connection, serve), daemon=True).start()

    def _run(self, connection: socket.socket, serve: Serve) -> None:
        with suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with closing(connection):
                serve(Caller(connection, self))

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def peer_of() -> Iterator[Callable[..., Peer]]:
    """Makes peers, and closes them."""
    made: list[Peer] = []

    def make(*serve: Serve, tls: ssl.SSLContext | None = None) -> Peer:
        made.append(Peer(*serve, tls=tls))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Voice:
    """A dialer, asked the same way whether it blocks or awaits."""

    def __init__(self, kind: str, ca_pem: bytes | None = None) -> None:
        self._runner: asyncio.Runner | None = None
        if kind == "sync":
            self.dialer: Any = SyncDialer(ca_pem=ca_pem)
            return
        factory = None
        if kind == "uvloop":
            import uvloop

            factory = uvloop.new_event_loop
        self._runner = asyncio.Runner(loop_factory=factory)
        self.dialer = AsyncDialer(ca_pem=ca_pem)

    def run(self, result: Any) -> Any:
        """What comes of a call of the dialer."""
        return result if self._runner is None else self._runner.run(result)

    def step(self, origin: str, body: bytes, *, streamed: bool, timeout: Timeout) -> Send:
        request = Request("POST", origin, "/model/m/invoke", [("X-A", "1")], body)
        return Send(request, timeout, streamed)

    def ask(self, origin: str, body: bytes = b"?", *, timeout: Timeout = PATIENT) -> Answer:
        step = self.step(origin, body, streamed=False, timeout=timeout)
        return self.run(self.dialer.send(step))

    def open(self, origin: str, body: bytes = b"?", *, timeout: Timeout = PATIENT) -> Answer:
        step = self.step(origin, body, streamed=True, timeout=timeout)
        return self.run(self.dialer.send(step))

    def read_some(self, answer: Answer) -> bytes | None:
        return self.run(self.dialer.read_some(answer))

    def read_all(self, answer: Answer) -> bytes:
        return self.run(self.dialer.read_all(answer))

    def release(self, answer: Answer) -> None:
        self.run(self.dialer.release(answer))

    def rest(self, seconds: float) -> None:
        """Lets the event loop turn, or time pass."""
        if self._runner is None:
            threading.Event().wait(seconds)
        else:
            self._runner.run(asyncio.sleep(seconds))

    def close(self) -> None:
        self.run(self.dialer.close())

    def end(self) -> None:
        """The end of the event loop, if there is one."""
        if self._runner is not None:
            self._runner.close()


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's own proxies and certificates."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in (VARIABLE, *environment.CA_VARIABLES):
            monkeypatch.delenv(name)


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each transport in turn."""
    monkeypatch.setenv(VARIABLE, request.param)
    return request.param


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def voice_of() -> Callable[..., Voice]:
    """Makes a voice of a kind; whoever asks closes it."""
    return Voice


@pytest.fixture
def voice(transport: str, kind: str) -> Iterator[Voice]:
    """Each transport, in each voice."""
    yield from _voice(kind)


def _voice(kind: str) -> Iterator[Voice]:
    voice = Voice(kind)
    yield voice
    voice.close()
    voice.end()
