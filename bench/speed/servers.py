"""The local Bedrock beside moto's server, and over HTTP/2.

moto knows neither InvokeModel nor prompts, and checks no signature; what both answer is
GetCallerIdentity, which the local Bedrock answers once the signature is right. Each call has a
connection of its own, for moto's server closes them. Over HTTP/2 the local Bedrock is asked in
clear text, by prior knowledge, as AWS's SDK for JavaScript does.

Rules: those of `local.py`, whose load, servers and figures these are. What isn't installed is left
out, and said.

Started by `run.py`; prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from statistics import median
from subprocess import Popen
from typing import TYPE_CHECKING, Any

from local import CALL, CONNECTIONS, ask, load, spent, start
from payloads import ACCESS_KEY, MODEL, REGION, SECRET_KEY, request
from processes import ROOT, environment

from outcrop.wire.credentials import Credentials
from outcrop.wire.http import Request
from outcrop.wire.sigv4 import sign

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from outcrop.wire.http import Headers

MOTO = ROOT / ".venvs/moto/bin/moto_server"
ROUNDS = 7
#: Calls of a batch: some 0.1 seconds of a server, moto's taking its time.
TIMES = {"local": 200, "moto": 40}
#: Seconds in which moto's server is to listen.
PATIENCE = 30.0


@contextmanager
def moto(cpu: int) -> Generator[tuple[int, int]]:
    """A server of moto on a CPU: its port and its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        process = Popen(  # noqa: S603 - the environment that `make` has made
            [MOTO, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log, env=environment()
        )
        try:
            os.sched_setaffinity(process.pid, {cpu})  # before it has threads
            until = time.monotonic() + PATIENCE
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise RuntimeError(f"moto's server ended: {log.read()[-2000:].decode()}")
                time.sleep(0.05)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def signed(port: int, service: str, target: str, content: tuple[str, bytes]) -> Headers:
    """The headers of a POST request, signed now.

    Args:
        port: Of the server.
        service: That it is signed for.
        target: Path of the request.
        content: Its type and its bytes.
    """
    headers = [("content-type", content[0])]
    bare = Request("POST", f"http://127.0.0.1:{port}", target, headers=headers, body=content[1])
    keys = Credentials(ACCESS_KEY, SECRET_KEY)
    return headers + sign(bare, keys, region=REGION, service=service, now=time.time())


def by_1(port: int, target: str, headers: Headers, body: bytes) -> bytes:
    """A POST request as it goes over HTTP/1.1."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def by_2(port: int, target: str, headers: Headers) -> Headers:
    """The headers of a POST request as they go over HTTP/2."""
    names = {":method": "POST", ":scheme": "http", ":path": target}
    names[":authority"] = f"127.0.0.1:{port}"
    return [*names.items(), *[(name.lower(), value) for name, value in headers]]


def in_turn(
    asked: dict[str, tuple[int, Callable[[], None]]], times: dict[str, int]
) -> dict[str, Any]:
    """CPU microseconds a call of servers: process id, and what has it answer so many calls."""
    taken: list[dict[str, float]] = []
    for at in range(ROUNDS + 1):
        batch: dict[str, float] = {}
        for who in list(asked)[:: 1 if at % 2 else -1]:
            pid, ask = asked[who]
            before = spent(pid)
            ask()
            batch[who] = (spent(pid) - before) / times[who] * 1e6
        taken.append(batch)
    del taken[0]
    ours = next(iter(asked))
    return {
        "us": {who: median(batch[who] for batch in taken) for who in asked},
        "least_us": {who: min(batch[who] for batch in taken) for who in asked},
        "times_ours": {who: median(batch[who] / batch[ours] for batch in taken) for who in asked},
    }


def beside_moto(local: tuple[int, int], cpu: int) -> dict[str, Any]:
    """GetCallerIdentity at both.

    Args:
        local: Port and process id of the local Bedrock.
        cpu: For moto's server.
    """
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    content = ("application/x-www-form-urlencoded; charset=utf-8", body)

    def asking(port: int, times: int) -> Callable[[], None]:
        def calls() -> None:
            sent = by_1(port, "/", signed(port, "sts", "/", content), body)
            for _ in range(times):
                ask(port, sent)

        return calls

    with moto(cpu) as other:
        servers = {"local": local, "moto": other}
        return in_turn(
            {who: (pid, asking(port, TIMES[who])) for who, (port, pid) in servers.items()}, TIMES
        )


def over_http2(port: int, pid: int) -> dict[str, Any]:
    """InvokeModel over HTTP/2 in clear text and over HTTP/1.1, as many calls under way at once."""
    from http2 import Asking  # noqa: PLC0415 - needs h2

    given = {"anthropic_version": "bedrock-2023-05-31", **request()}
    body = json.dumps(given).encode()
    target = f"/model/{MODEL.replace(':', '%3A')}/{CALL}"
    times = TIMES["local"]

    def sign_now() -> Headers:
        return signed(port, "bedrock", target, ("application/json", body))

    def http2() -> None:
        with Asking(port) as connection:
            headers = by_2(port, target, sign_now())
            connection.ask(headers, body, times=times, at_once=CONNECTIONS)

    def http1() -> None:
        sent = by_1(port, target, sign_now(), body)
        load(port, sent, times=times, connections=CONNECTIONS)

    asked = {"HTTP/2": (pid, http2), "HTTP/1.1": (pid, http1)}
    return in_turn(asked, dict.fromkeys(asked, times))


def main() -> None:
    """Measures what can be."""
    cpus = sorted(os.sched_getaffinity(0))
    found: dict[str, Any] = {"left_out": []}
    with start("bedrock") as bedrock:
        port = bedrock.answer()["port"]
        os.sched_setaffinity(0, {cpus[-1]})
        if MOTO.exists():
            found["moto"] = beside_moto((port, bedrock.pid), cpus[0])
        else:
            found["left_out"].append("moto's server: `make .venvs/moto/.ready` installs it")
        if find_spec("h2") is not None:
            found["http2"] = over_http2(port, bedrock.pid)
        else:
            found["left_out"].append("HTTP/2: h2 isn't installed")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
