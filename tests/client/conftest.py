"""A bare HTTP peer for replies that no sound server gives, and clients that point to it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from outcrop import AnthropicBedrock, AsyncAnthropicBedrock

#: A reply: bytes to send, seconds to wait, or "cut" to drop the connection.
Reply = list[bytes | float | str]


class Peer:
    """Answers each request with the next reply; keeps what it was sent."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self.hung_up = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def whole(self, status: int, body: bytes, **headers: str) -> None:
        lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
        head = f"HTTP/1.1 {status} X\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        self.replies.append([head.encode() + body])

    def stream(self, *pieces: bytes | float | str, **headers: str) -> None:
        lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
        reply: Reply = [f"HTTP/1.1 200 OK\r\n{lines}Transfer-Encoding: chunked\r\n\r\n".encode()]
        for piece in pieces:
            reply.append(
                b"%x\r\n%s\r\n" % (len(piece), piece) if isinstance(piece, bytes) else piece
            )
        if "cut" not in pieces:
            reply.append(b"0\r\n\r\n")
        self.replies.append(reply)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with closing(connection), connection.makefile("rb") as lines:
            try:
                while line := lines.readline():
                    headers: dict[str, str] = {}
                    while header := lines.readline().strip():
                        name, _, value = header.decode("latin-1").partition(":")
                        headers[name.lower()] = value.strip()
                    body = lines.read(int(headers.get("content-length", 0)))
                    self.requests.append((line.decode().split()[1], headers, body))
                    for piece in self.replies.pop(0):
                        if piece == "cut":
                            return
                        if isinstance(piece, float):
                            time.sleep(piece)
                        else:
                            connection.sendall(piece)
            except OSError:
                self.hung_up.set()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """No test sees the developer's own AWS configuration."""
    import os

    for name in list(os.environ):
        if name.startswith(("AWS_", "ANTHROPIC_")) or name == "REQUESTS_CA_BUNDLE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def peer() -> Iterator[Peer]:
    with closing(Peer()) as peer:
        yield peer


KEYS = {
    "aws_access_key": "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "aws_region": "us-east-1",
}


@pytest.fixture
def client(peer: Peer) -> Iterator[AnthropicBedrock]:
    with AnthropicBedrock(**KEYS, base_url=peer.url) as client:
        yield client


@pytest.fixture
def async_client(peer: Peer) -> Callable[..., AsyncAnthropicBedrock]:
    return lambda **options: AsyncAnthropicBedrock(**KEYS, base_url=peer.url, **options)
