"""What the local Bedrock takes for a scripted reply, signature verified; its bare server beside it.

Two servers on CPU 0, asked in turn from CPU 1 over keep-alive connections: the local Bedrock with a
script, and a bare ASGI application on the same HTTP server that answers the same bytes, in as many
writes. Counted is the CPU time of the server's process, all threads, by the kernel's clock of it.

Started by `run.py`; prints one line of JSON. `local.py serve KIND` is one of the servers.
"""

from __future__ import annotations

import asyncio
import json
import os
import selectors
import socket
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from payloads import ACCESS_KEY, MODEL, REGION, SECRET_KEY, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from processes import Process

ROUNDS = 9
CONNECTIONS = 16
STREAMS = 4
#: Words of the scripted reply that is streamed.
WORDS = 400
CALL = "invoke"
STREAM = "invoke-with-response-stream"
_LAST = b"0\r\n\r\n"


# The servers. ─────────────────────────────────────────────────────────────────────────────────────


async def serve_bedrock() -> None:
    """The local Bedrock with a script of two replies."""
    from outcrop.server.serve import LocalBedrock, Options  # noqa: PLC0415 - this process only

    words = " ".join(f"word{at}" for at in range(WORDS))
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as script:
        script.write(
            f"- when: {{prompt: long}}\n  reply: {words}\n- else: {'a short reply ' * 20}\n"
        )
        script.flush()
        bedrock = LocalBedrock(
            Options(actor=f"script:{script.name}", identities=(f"{ACCESS_KEY}:{SECRET_KEY}",))
        )
        until = asyncio.Event()
        _until_input_ends(until)
        await bedrock.run(
            until=until, ready=lambda: print(json.dumps({"port": bedrock.port}), flush=True)
        )


async def serve_bare() -> None:
    """Its HTTP server with an application that sends the parts that it is given on its input."""
    from outcrop.server.listen import Listener, reserve  # noqa: PLC0415 - this process only

    told = json.loads(sys.stdin.readline())
    parts = {name: [bytes.fromhex(each) for each in told[name]] for name in (CALL, STREAM)}

    async def app(scope: Any, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        operation = scope["path"].rpartition("/")[2]
        while (await receive()).get("more_body"):
            pass
        kind = b"application/json" if operation == CALL else b"application/vnd.amazon.eventstream"
        headers = [(b"content-type", kind)]
        if operation == CALL:
            headers.append((b"content-length", str(len(parts[CALL][0])).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in parts[operation]:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    reserved = reserve("127.0.0.1", 0)
    port = reserved.getsockname()[1]
    listener = Listener(app, reserved)
    await listener.start()
    until = asyncio.Event()
    _until_input_ends(until)
    print(json.dumps({"port": port}), flush=True)
    await until.wait()
    await listener.wait_closed()


def _until_input_ends(until: asyncio.Event) -> None:
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), until.set)


# The load. ────────────────────────────────────────────────────────────────────────────────────────


def signed(port: int, operation: str, text: str) -> bytes:
    """A request as it goes over the wire, signed now."""
    from outcrop.wire.credentials import Credentials  # noqa: PLC0415 - the servers don't need it
    from outcrop.wire.http import Request  # noqa: PLC0415
    from outcrop.wire.sigv4 import sign  # noqa: PLC0415

    body = json.dumps(
        {
            "anthropic_version": "bedrock-2023-05-31",
            **request(),
            "messages": [{"role": "user", "content": text}],
        }
    ).encode()
    target = f"/model/{MODEL.replace(':', '%3A')}/{operation}"
    origin = f"http://127.0.0.1:{port}"
    headers = [("Content-Type", "application/json")]
    bare = Request("POST", origin, target, headers=headers, body=body)
    keys = Credentials(ACCESS_KEY, SECRET_KEY)
    headers += sign(bare, keys, region=REGION, service="bedrock", now=time.time())
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    head = f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n" + "".join(lines)
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def ask(port: int, sent: bytes) -> bytes:
    """One reply, whole."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(sent)
        data = b""
        while not ended(data):
            data += connection.recv(1 << 20)
    assert data.startswith(b"HTTP/1.1 200"), data
    return data


def ended(data: bytes) -> bool:
    """Whether a reply is whole."""
    if data[-5:] == _LAST:
        return True
    end = data.find(b"\r\n\r\n")
    at = data.lower().find(b"content-length:", 0, end)
    if end < 0 or at < 0:
        return False
    return len(data) >= end + 4 + int(data[at + 15 : data.index(b"\r", at)])


def load(port: int, sent: bytes, *, times: int, connections: int) -> None:
    """Sends a request so many times over so many connections."""
    left = times
    with selectors.DefaultSelector() as ready:
        got: dict[socket.socket, bytes] = {}
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", port))
            ready.register(connection, selectors.EVENT_READ)
            connection.sendall(sent)
            got[connection] = b""
            left -= 1
        while got:
            for key, _ in ready.select():
                connection: Any = key.fileobj
                got[connection] += connection.recv(1 << 18)
                if not ended(got[connection]):
                    continue
                got[connection] = b""
                if left > 0:
                    left -= 1
                    connection.sendall(sent)
                else:
                    ready.unregister(connection)
                    connection.close()
                    del got[connection]


def spent(pid: int) -> float:
    """CPU seconds of a process: of all its threads, those that have ended too."""
    # What clock_getcpuclockid(3) gives on Linux: CPUCLOCK_SCHED is 2 (linux/posix-timers.h).
    return time.clock_gettime((~pid << 3) | 2)


def body_parts(reply: bytes) -> list[bytes]:
    """The body of a reply: in the chunks it came in, or whole."""
    head, _, rest = reply.partition(b"\r\n\r\n")
    if b"chunked" not in head.lower():
        return [rest]
    parts: list[bytes] = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if length:
            parts.append(rest[:length])
        rest = rest[length + 2 :]
    return parts


def start(kind: str) -> Process:
    """A server."""
    from processes import Process  # noqa: PLC0415 - the servers don't need it

    return Process(Path(sys.executable), ["local.py", "serve", kind])


def measure() -> dict[str, dict[str, float]]:
    """Both servers in turn."""
    with start("bedrock") as bedrock:
        port = bedrock.answer()["port"]
        parts = {
            CALL: body_parts(ask(port, signed(port, CALL, "short"))),
            STREAM: body_parts(ask(port, signed(port, STREAM, "long"))),
        }
        with start("bare") as bare:
            told = {name: [each.hex() for each in found] for name, found in parts.items()}
            ports = {"local": port, "bare": bare.answer(json.dumps(told))["port"]}
            pids = {"local": bedrock.pid, "bare": bare.pid}
            found: dict[str, dict[str, float]] = {}
            for operation, text, times, connections in (
                (CALL, "short", 300, CONNECTIONS),
                (STREAM, "long", 8, STREAMS),
            ):
                units = times * (1 if operation == CALL else len(parts[STREAM]))
                taken: list[dict[str, float]] = []
                for at in range(ROUNDS + 1):
                    batch: dict[str, float] = {}
                    for who in ("local", "bare") if at % 2 else ("bare", "local"):
                        sent = signed(ports[who], operation, text)
                        before = spent(pids[who])
                        load(ports[who], sent, times=times, connections=connections)
                        batch[who] = (spent(pids[who]) - before) / units * 1e6
                    taken.append(batch)
                del taken[0]
                found[operation] = {
                    "us": median(batch["local"] for batch in taken),
                    "least_us": min(batch["local"] for batch in taken),
                    "bare_us": median(batch["bare"] for batch in taken),
                    "bare_least_us": min(batch["bare"] for batch in taken),
                    "times_bare": median(batch["local"] / batch["bare"] for batch in taken),
                    "writes": len(parts[operation]),
                    "bytes": sum(map(len, parts[operation])),
                }
    return found


def main() -> None:
    """Measures, or is a server."""
    cpus = sorted(os.sched_getaffinity(0))
    if sys.argv[1:2] == ["serve"]:
        os.sched_setaffinity(0, {cpus[0]})
        asyncio.run(serve_bedrock() if sys.argv[2] == "bedrock" else serve_bare())
        return
    print(json.dumps(measure()))


if __name__ == "__main__":
    main()
