"""Hostile bytes for the HTTP server: damaged requests of HTTP/1.1, damaged frames of HTTP/2.

    python tests/server/fuzz_connections.py --seconds 20 --seed 1

Ends with status 1 if the server has an error of its own, keeps a connection that its client has
left, or doesn't answer a sound request beside the others, and prints what it takes to see it again.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from typing import TYPE_CHECKING, Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from outcrop.server.connections import Bounds
from outcrop.server.listen import PREFACE, Listener, reserve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SOUND = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
REQUESTS = [
    SOUND,
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    (
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"4;x=y\r\nbody\r\n00a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n"
    ),
    b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    b"HEAD http://h/a?b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
]
#: RFC 7541, A: GET http / of the host h, and another field.
BLOCK = b"\x82\x86\x84\x41\x01h\x40\x01a\x01b"


def mutated(dice: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(dice.choice([0, 0, 1, 1, 2, 4])):
        at = dice.randint(0, len(out))
        out[at : at + dice.randint(0, 4)] = dice.choice(
            [dice.randbytes(dice.randint(0, 4)), b"\0" * 4, b"\xff" * 4, out[: dice.randint(0, 40)]]
        )
    return bytes(out)


def frames(dice: random.Random) -> bytes:
    """A connection's worth of frames, most of them sound."""
    client = H2Connection(H2Configuration(header_encoding=None))
    client.initiate_connection()
    out = [client.data_to_send() if dice.random() < 0.8 else PREFACE]
    for _ in range(dice.randint(1, 12)):
        number = dice.choice([1, 1, 3, 3, 5, 7, 0, 2])
        flags = dice.sample(["END_HEADERS", "END_STREAM"], dice.randint(0, 2))
        block = mutated(dice, BLOCK)
        makers: list[Callable[[], Any]] = [
            lambda number=number, flags=flags, block=block: HeadersFrame(
                number or 1, block, flags=flags
            ),
            lambda number=number, block=block: ContinuationFrame(
                number or 1, block, flags=["END_HEADERS"]
            ),
            lambda number=number, flags=flags: DataFrame(
                number or 1, b"x" * dice.randint(0, 999), flags=flags[:1] and ["END_STREAM"]
            ),
            lambda number=number: RstStreamFrame(number or 1, error_code=8),
            lambda number=number: WindowUpdateFrame(number, window_increment=2**30),
            lambda: SettingsFrame(0, settings={dice.randint(1, 6): dice.choice([0, 1, 70000])}),
            lambda number=number: PriorityFrame(number or 1, depends_on=9, stream_weight=1),
            lambda: PingFrame(0, b"12345678"),
            lambda: GoAwayFrame(0, last_stream_id=1, error_code=0),
        ]
        data = dice.choice(makers)().serialize()
        out.append(mutated(dice, data) if dice.random() < 0.3 else data)
    return b"".join(out)


async def answer(scope: Any, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
    """Reads the body or doesn't, and answers in one part or more."""
    dice = random.Random(scope["raw_path"])
    while dice.random() < 0.9:
        message = await receive()
        if not message.get("more_body"):
            break
    headers = [(b"content-length", b"8")] if dice.random() < 0.5 else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"some", "more_body": True})
    await send({"type": "http.response.body", "body": b"more"})


async def attack(port: int, dice: random.Random) -> None:
    """Sends hostile bytes in pieces, and leaves in one way or another."""
    data = b"".join(mutated(dice, dice.choice(REQUESTS)) for _ in range(dice.randint(1, 3)))
    if dice.random() < 0.5:
        data = frames(dice)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while data:
            size = dice.choice([1, 10, 100, 10_000])
            if writer.is_closing():  # it has been refused
                break
            writer.write(data[:size])
            data = data[size:]
            await asyncio.sleep(0)
        if dice.random() < 0.5:
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 20)
    except OSError:
        pass
    finally:
        writer.transport.abort()


async def is_sound(port: int) -> bool:
    """Whether a sound request is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(SOUND)
    line = await asyncio.wait_for(reader.readline(), 20)
    writer.transport.abort()
    return line == b"HTTP/1.1 200 OK\r\n"


async def fuzz(seconds: float, seed: int) -> str:
    """What went wrong, if anything did."""
    wrong: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: wrong.append(repr(context)))
    held = reserve("127.0.0.1", 0)
    port: int = held.getsockname()[1]
    listener = Listener(answer, held, bounds=Bounds(linger_seconds=0.2))
    await listener.start()
    end, rounds = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < end:
            begun = rounds
            batch = [attack(port, random.Random(f"{seed}/{rounds + at}")) for at in range(20)]
            rounds += len(batch)
            found = await asyncio.gather(*batch, return_exceptions=True)
            wrong += [repr(each) for each in found if isinstance(each, BaseException)]
            if not await is_sound(port):
                wrong.append("a sound request wasn't answered")
            for _ in range(500):
                if not listener._serving.connections:
                    break
                await asyncio.sleep(0.01)
            wrong += [f"left open: {vars(each)}" for each in listener._serving.connections]
            if wrong:
                return f"rounds {begun} to {rounds} of seed {seed}: {wrong}"
    finally:
        await listener.wait_closed()
    print(f"{rounds} connections, nothing left of them")
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    wrong = asyncio.run(fuzz(arguments.seconds, arguments.seed))
    print(wrong, end="")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
