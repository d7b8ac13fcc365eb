"""The upstream of every measurement: answers with bytes that were made before, in its own process.

Rules: it works out nothing when a request comes; one port for each kind of stream, so that every
client reaches it by its base URL alone; never the bottleneck. Plain ports are served by
`upstream.c` where there's a C compiler, for what Python touches pushes a client on the same CPU out
of its caches. Elsewhere, and for TLS and HTTP/2, this file serves: the figures tell who did.

Started as `upstream.py CPU PORT…` where each PORT is `bulk:EVENTS`, `paced:EVENTS` or
`large:EVENTS:BYTES`, with `tls+` before it for HTTP/1.1 over TLS and `h2+` for HTTP/2 over TLS.
Prints one line of JSON: the port of each that it serves (HTTP/2 only where h2 is installed), the
file of the certificate to trust, and who serves plain ports.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, cast

import trustme
from answers import STREAM, in_turn, replies, stream, write_for_c

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from answers import Stream

TICK = 0.001
SOURCE = Path(__file__).with_name("upstream.c")


class Pacer:
    """Gives every open stream its next event once a millisecond, each in a write of its own."""

    def __init__(self) -> None:
        self._open: dict[asyncio.WriteTransport, Iterator[bytes]] = {}
        self._due = 0.0

    def add(self, transport: asyncio.WriteTransport, writes: Iterator[bytes]) -> None:
        """Begins a stream: the first write at once."""
        transport.write(next(writes))
        if not self._open:
            loop = asyncio.get_running_loop()
            self._due = loop.time()
            loop.call_soon(self._tick)
        self._open[transport] = writes

    def _tick(self) -> None:
        for transport, writes in list(self._open.items()):
            data = next(writes, None)
            if data is None or transport.is_closing():
                del self._open[transport]
            else:
                transport.write(data)
        if self._open:
            loop = asyncio.get_running_loop()
            self._due = max(self._due + TICK, loop.time() - 20 * TICK)
            loop.call_at(self._due, self._tick)


class Answering(asyncio.Protocol):
    """One connection that speaks HTTP/1.1."""

    _transport: asyncio.Transport

    def __init__(self, streamed: Stream, pacer: Pacer, others: dict[str, bytes]) -> None:
        self._stream = streamed
        self._pacer = pacer
        self._others = others
        self._buffer = bytearray()
        self._needed = 0
        self._rest: Iterator[bytes] = iter(())
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        assert isinstance(transport, asyncio.Transport)  # what create_server makes
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answers once a request is whole; requests aren't pipelined."""
        self._buffer += data
        if len(self._buffer) < self._needed:
            return
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end])
        lower = head.lower()
        at = lower.find(b"\r\ncontent-length:")
        length = int(lower[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if b"\r\nexpect: 100-continue" in lower and len(self._buffer) == end + 4:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._needed = end + 4 + length
        if len(self._buffer) < self._needed:
            return
        self._buffer.clear()
        self._needed = 0
        self._answer(head.split(b" ", 2)[1].decode().rpartition("/")[2])

    def _answer(self, operation: str) -> None:
        if operation != STREAM:
            self._transport.write(self._others[operation])
        elif self._stream.paced:
            self._pacer.add(self._transport, in_turn(self._stream.writes))
        else:
            self._rest = in_turn(self._stream.writes)
            self._write_on()

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        self._paused = True

    def resume_writing(self) -> None:
        """It has read."""
        self._paused = False
        self._write_on()

    def _write_on(self) -> None:
        while not self._paused and (data := next(self._rest, None)) is not None:
            self._transport.write(data)


def compiled(folder: Path) -> Path | None:
    """`upstream.c` as a program in a folder, None where it can't be compiled."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    program = folder / "upstream"
    done = subprocess.run(  # noqa: S603 - our own source
        [compiler, "-O2", "-o", program, SOURCE], capture_output=True, check=False
    )
    return program if done.returncode == 0 else None


class InC:
    """`upstream.c`, serving some plain ports until it is left."""

    def __init__(self, program: Path, specs: list[str], cpu: int) -> None:
        answers = program.with_name("answers")
        with answers.open("wb") as file:
            write_for_c(specs, file)
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [program, str(cpu), answers], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ports(self) -> dict[str, int]:
        """The port of each spec."""
        return json.loads(cast("IO[bytes]", self._process.stdout).readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._process.communicate(timeout=10)  # it ends when its input does


async def serve(specs: list[str], folder: Path, told: dict[str, Any]) -> None:
    """Serves some ports until the input ends; tells what was told, and these."""
    authority = trustme.CA()
    bundle = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    loop = asyncio.get_running_loop()
    pacer, others = Pacer(), replies()

    def over_tls(*protocols: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - pyOpenSSL's
        context.set_alpn_protocols(list(protocols))
        return context

    for spec in specs:
        streamed = stream(spec)
        secured = None
        connection: Callable[[], asyncio.Protocol] = lambda streamed=streamed: Answering(  # noqa: E731
            streamed, pacer, others
        )
        if spec.startswith("tls+"):
            secured = over_tls("http/1.1")
        elif spec.startswith("h2+"):
            if find_spec("h2") is None:
                continue
            from http2 import AnsweringHTTP2  # noqa: PLC0415 - needs h2

            secured = over_tls("h2")
            connection = lambda streamed=streamed: AnsweringHTTP2(streamed)  # noqa: E731
        server = await loop.create_server(connection, "127.0.0.1", 0, ssl=secured, backlog=256)
        told["ports"][spec] = server.sockets[0].getsockname()[1]
    print(json.dumps({**told, "ca": str(bundle)}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Runs on one CPU until the input ends."""
    cpu, *specs = sys.argv[1:]
    with ExitStack() as leaving:
        folder = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="outcrop-speed-")))
        told: dict[str, Any] = {"ports": {}, "plain": "Python"}
        program = compiled(folder)
        os.sched_setaffinity(0, {int(cpu)})
        if program is not None:
            plain = [spec for spec in specs if "+" not in spec]
            told["ports"] = leaving.enter_context(InC(program, plain, int(cpu))).ports()
            told["plain"] = "C"
            specs = [spec for spec in specs if "+" in spec]
        asyncio.run(serve(specs, folder, told))


if __name__ == "__main__":
    main()
