"""The upstream of every measurement: answers with bytes that were made before, in its own process.

Rules: it works out nothing when a request comes: the first line tells which bytes to send; one port
for each kind of stream, so that every client reaches it by its base URL alone; never the bottleneck
(about 25 µs of its own core a call).

Started as `upstream.py CPU PORT…` where each PORT is `bulk:EVENTS`, `paced:EVENTS` or
`large:EVENTS:BYTES`, with `tls+` before it for TLS. Prints one line of JSON: the port of each, and
the file of the certificate to trust.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import tempfile
from pathlib import Path

import trustme
from payloads import (
    converse_reply,
    frames,
    http_chunk,
    message,
    reply_head,
    stream_head,
)

TICK = 0.001
#: The end of a body in chunked transfer coding.
LAST = b"0\r\n\r\n"


class Streams:
    """What a port streams.

    Args:
        spec: Such as `bulk:500`.
    """

    def __init__(self, spec: str) -> None:
        kind, *sizes = spec.removeprefix("tls+").split(":")
        self.kind = kind
        count = int(sizes[0])
        if kind == "large":  # one event again and again, or it would fill the memory
            *start, piece, stop, delta, end = self._chunks(6, "x" * int(sizes[1]))
            self.chunks = [*start, *[piece] * (count - 5), stop, delta, end]
        else:
            self.chunks = self._chunks(count, None)
        self.whole = stream_head() + b"".join(self.chunks) + LAST if kind == "bulk" else b""

    @staticmethod
    def _chunks(count: int, text: str | None) -> list[bytes]:
        return [http_chunk(each) for each in frames(count, text=text)]


class Pacer:
    """Gives every open stream its next event once a millisecond, each in a write of its own."""

    def __init__(self) -> None:
        self._open: dict[asyncio.WriteTransport, list[bytes]] = {}
        self._due = 0.0

    def add(self, transport: asyncio.WriteTransport, chunks: list[bytes]) -> None:
        """Begins a stream."""
        transport.write(stream_head())
        if not self._open:
            loop = asyncio.get_running_loop()
            self._due = loop.time()
            loop.call_soon(self._tick)
        self._open[transport] = [LAST, *reversed(chunks)]

    def _tick(self) -> None:
        for transport, rest in list(self._open.items()):
            transport.write(rest.pop())
            if not rest or transport.is_closing():
                del self._open[transport]
        if self._open:
            loop = asyncio.get_running_loop()
            self._due = max(self._due + TICK, loop.time() - 20 * TICK)
            loop.call_at(self._due, self._tick)


class Answering(asyncio.Protocol):
    """One connection."""

    _transport: asyncio.Transport

    def __init__(self, streams: Streams, pacer: Pacer, replies: dict[str, bytes]) -> None:
        self._streams = streams
        self._pacer = pacer
        self._replies = replies
        self._buffer = bytearray()
        self._needed = 0
        self._rest: list[bytes] = []
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
        if operation != "invoke-with-response-stream":
            self._transport.write(self._replies[operation])
        elif self._streams.kind == "paced":
            self._pacer.add(self._transport, self._streams.chunks)
        elif self._streams.kind == "large":
            self._transport.write(stream_head())
            self._rest = [LAST, *reversed(self._streams.chunks)]
            self._write_on()
        else:
            self._transport.write(self._streams.whole)

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        self._paused = True

    def resume_writing(self) -> None:
        """It has read."""
        self._paused = False
        self._write_on()

    def _write_on(self) -> None:
        while self._rest and not self._paused:
            self._transport.write(self._rest.pop())


async def serve(specs: list[str], folder: str) -> None:
    """Serves until its input ends."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    bundle = Path(folder) / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    replies = {
        "invoke": reply_head(len(message())) + message(),
        "converse": reply_head(len(converse_reply())) + converse_reply(),
    }
    loop = asyncio.get_running_loop()
    pacer = Pacer()
    ports: dict[str, int] = {}
    for spec in specs:
        streams = Streams(spec)
        server = await loop.create_server(
            lambda streams=streams: Answering(streams, pacer, replies),
            "127.0.0.1",
            0,
            ssl=context if spec.startswith("tls+") else None,
            backlog=256,
        )
        ports[spec] = server.sockets[0].getsockname()[1]
    print(json.dumps({"ports": ports, "ca": str(bundle)}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Runs on one CPU until the input ends."""
    os.sched_setaffinity(0, {int(sys.argv[1])})
    with tempfile.TemporaryDirectory(prefix="outcrop-speed-") as folder:
        asyncio.run(serve(sys.argv[2:], folder))


if __name__ == "__main__":
    main()
