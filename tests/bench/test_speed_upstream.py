"""The upstream of `bench/speed`: what is measured against must not depend on who serves it.

Rules: both of its kinds are started as the bench starts them, and asked over sockets.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

SPEED = Path(__file__).parents[2] / "bench/speed"
PORTS = ("bulk:50", "paced:20", "large:30:30000")
STREAM = "invoke-with-response-stream"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the bench needs Linux"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="there's no C compiler"),
]


class Upstream:
    """One that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        self.ports: dict[str, int] = told["ports"]
        self.plain: str = told["plain"]

    def connect(self, port: str) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.ports[port]), timeout=20)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


@contextmanager
def upstream(path: str, folder: Path) -> Generator[Upstream]:
    """An upstream that looks for a compiler on a path, and keeps its files in a folder."""
    cpu = str(min(os.sched_getaffinity(0)))
    command = [sys.executable, str(SPEED / "upstream.py"), cpu, *PORTS]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        stdin=pipe,
        stdout=pipe,
        text=True,
        env={**os.environ, "PATH": path, "TMPDIR": str(folder)},
    ) as process:
        try:
            yield Upstream(process)
        finally:
            process.communicate(timeout=20)


@pytest.fixture(scope="module")
def in_c(tmp_path_factory: pytest.TempPathFactory) -> Generator[Upstream]:
    with upstream(os.environ["PATH"], tmp_path_factory.mktemp("c")) as found:
        assert found.plain == "C"
        yield found


@pytest.fixture(scope="module")
def in_python(tmp_path_factory: pytest.TempPathFactory) -> Generator[Upstream]:
    empty = tmp_path_factory.mktemp("no-compiler")
    with upstream(str(empty), empty) as found:
        assert found.plain == "Python"
        yield found


def head(operation: str, length: int, *more: str) -> bytes:
    lines = [f"POST /model/some/{operation} HTTP/1.1", "Host: here", f"Content-Length: {length}"]
    return "\r\n".join([*lines, *more, "", ""]).encode()


def reply(connection: socket.socket) -> bytes:
    """A reply, whole: by its Content-Length, or to its last chunk."""
    got = b""
    while True:
        end = got.find(b"\r\n\r\n")
        if end >= 0:
            at = got.find(b"Content-Length: ", 0, end)
            if at < 0:
                if got.endswith(b"\r\n0\r\n\r\n"):
                    return got
            elif len(got) == end + 4 + int(got[at + 16 : got.index(b"\r", at)]):
                return got
        data = connection.recv(1 << 20)
        assert data, f"it was cut off after {len(got)} bytes"
        got += data


@pytest.mark.parametrize("port", PORTS)
def test_both_upstreams_answer_with_the_same_bytes(
    in_c: Upstream, in_python: Upstream, port: str
) -> None:
    found: list[list[bytes]] = []
    for served in (in_c, in_python):
        with served.connect(port) as connection:
            answers: list[bytes] = []
            for operation, size in ((STREAM, 100), ("invoke", 300_000), ("converse", 0)) * 2:
                connection.sendall(head(operation, size) + b"x" * size)
                answers.append(reply(connection))
            found.append(answers)
    assert found[0] == found[1]
    assert all(each.startswith(b"HTTP/1.1 200 OK\r\n") for each in found[0])


def test_a_request_may_come_byte_by_byte(in_c: Upstream) -> None:
    with in_c.connect("bulk:50") as connection:
        connection.sendall(head("invoke", 5) + b"whole")
        whole = reply(connection)
        for byte in head("invoke", 5) + b"whole":
            connection.sendall(bytes((byte,)))
        assert reply(connection) == whole


def test_a_client_that_waits_for_100_continue_gets_it(in_c: Upstream, in_python: Upstream) -> None:
    for served in (in_c, in_python):
        with served.connect("bulk:50") as connection:
            connection.sendall(head("invoke", 3, "Expect: 100-continue"))
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"abc")
            assert reply(connection).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(head("nothing-known", 0), id="an operation that isn't there"),
        pytest.param(head("invoke", 1) + b"ab", id="bytes behind the body"),
        pytest.param(head("invoke", 0, "Transfer-Encoding: chunked"), id="a chunked body"),
        pytest.param(head("invoke", 0, f"X: {'x' * 9000}"), id="a long head"),
        pytest.param(b"\r\n\r\n", id="no request line"),
    ],
)
def test_what_the_upstream_in_c_cannot_answer_is_cut_off_and_others_are_served(
    in_c: Upstream, sent: bytes
) -> None:
    with in_c.connect("bulk:50") as connection, in_c.connect("paced:20") as other:
        other.sendall(head(STREAM, 0))
        connection.sendall(sent)
        with suppress(ConnectionResetError):  # it was cut off with bytes unread
            assert connection.recv(1) == b""
        assert reply(other).count(b":event-type") == 20


def test_the_upstream_in_c_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    path = os.environ["PATH"]
    with upstream(path, tmp_path) as served, served.connect("bulk:50") as connection:
        served.process.send_signal(signal.SIGKILL)
        with suppress(ConnectionResetError):  # so may the end of a process look
            assert connection.recv(1) == b""
