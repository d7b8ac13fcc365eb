"""One client and one case in one process: does what is asked, and says what it cost.

Started as `client.py CLIENT`, where CLIENT is `outcrop`, `official`, `boto3` or `floor`. Each line
of its input is `CASE URL NUMBER`: so many calls are made, and a line of JSON tells CPU seconds of
the whole process (user and system, every thread), seconds that passed, units (calls or events), and
resident memory. Then it waits, asleep, for the next line: the driver interleaves clients this way.
With `CASE URL` after the client it makes one call instead, and tells what the process cost so far.

Rules: the same lines of code drive `outcrop` and the official SDK, for the names are the same; what
came is looked at (text, stop reason, usage), so that a lazy client pays for what a user reads; only
the standard library and the client itself are imported, and only the part of a case at hand.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

# So that a cold process pays for its client only, `payloads` is imported by the cases that need it,
# and pathlib by none.
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
REGION = "us-east-1"
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's documented example
MODULES = {"outcrop": "outcrop", "official": "anthropic"}
#: Says that HTTP/2 is to be spoken: names a folder with h2 in it, which the official SDK needs.
HTTP2 = "OUTCROP_SPEED_HTTP2"
AT_ONCE = 64


class Kind(NamedTuple):
    """What a case does.

    Attributes:
        asynchronous: Whether it runs in an event loop.
        streamed: `raw` for events as they come, `assembled` for `messages.stream` and the final
            message, None for a call.
        size: Bytes of text in the request.
        turns: Turns of the conversation in it, 0 for a short question.
        at_once: Calls under way at the same time.
    """

    asynchronous: bool = False
    streamed: str | None = None
    size: int = 0
    turns: int = 0
    at_once: int = 1


CASES = {
    "call": Kind(),
    "call-async": Kind(asynchronous=True),
    "stream": Kind(streamed="raw"),
    "stream-async": Kind(streamed="raw", asynchronous=True),
    "assembly": Kind(streamed="assembled"),
    "assembly-async": Kind(streamed="assembled", asynchronous=True),
    "request-100k": Kind(size=100_000),
    "request-20m": Kind(size=20_000_000),
    "calls-64": Kind(asynchronous=True, at_once=AT_ONCE),
    "streams-64": Kind(streamed="raw", asynchronous=True, at_once=AT_ONCE),
}


# The official names: Outcrop and the official SDK. ────────────────────────────────────────────────


def look_at_message(message: Any) -> None:
    """Reads what a program reads of a reply."""
    assert message.content[0].text  # what it is there for
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens


def look_at_event(event: Any) -> int:
    """Reads what a program reads of an event; returns 1 where it ends the message."""
    kind = event.type
    if kind == "content_block_delta":
        assert event.delta.text
        return 0
    return kind == "message_stop"


def names(client: str, case: Kind, url: str) -> Callable[[int], int]:
    """A case for the clients with the official names."""
    module = import_module(MODULES[client])
    made = (module.AsyncAnthropicBedrock if case.asynchronous else module.AnthropicBedrock)(
        aws_access_key=ACCESS_KEY,
        aws_secret_key=SECRET_KEY,
        aws_region=REGION,
        base_url=url,
        **(over_http2(module, case) if HTTP2 in os.environ else {}),
    )
    given = {"model": MODEL, **_request(case)}
    if case.asynchronous:
        return looped(_async_names(made, case, given), case.at_once)
    messages = made.messages

    def call(times: int) -> int:
        for _ in range(times):
            look_at_message(messages.create(**given))
        return times

    def stream(times: int) -> int:
        units = 0
        for _ in range(times):
            ended = 0
            for event in messages.create(**given, stream=True):
                ended += look_at_event(event)
                units += 1
            assert ended == 1
        return units

    def assemble(times: int) -> int:
        units = 0
        for _ in range(times):
            with messages.stream(**given) as events:
                for text in events.text_stream:
                    units += bool(text)
                look_at_message(events.get_final_message())
        return units

    return {None: call, "raw": stream, "assembled": assemble}[case.streamed]


def over_http2(module: Any, case: Kind) -> dict[str, Any]:
    """What the official SDK's class is to be given to speak HTTP/2."""
    sys.path.append(os.environ[HTTP2])  # only for h2 and what that needs
    import_module("h2.connection")
    sys.path.pop()
    made = module.DefaultAsyncHttpxClient if case.asynchronous else module.DefaultHttpxClient
    return {"http_client": made(http2=True)}


def _async_names(
    made: Any, case: Kind, given: dict[str, Any]
) -> Callable[[], Coroutine[Any, Any, int]]:
    messages = made.messages

    async def call() -> int:
        look_at_message(await messages.create(**given))
        return 1

    async def stream() -> int:
        units = ended = 0
        async for event in await messages.create(**given, stream=True):
            ended += look_at_event(event)
            units += 1
        assert ended == 1
        return units

    async def assemble() -> int:
        units = 0
        async with messages.stream(**given) as events:
            async for text in events.text_stream:
                units += bool(text)
            look_at_message(await events.get_final_message())
        return units

    return {None: call, "raw": stream, "assembled": assemble}[case.streamed]


def looped(one: Callable[[], Coroutine[Any, Any, int]], at_once: int) -> Callable[[int], int]:
    """Runs an asynchronous case, so many at once, in an event loop that outlives the batch."""
    import asyncio  # noqa: PLC0415 - a cold process of a blocking client doesn't pay for it

    loop = asyncio.new_event_loop()

    async def lane(times: list[int]) -> int:
        units = 0
        while times[0] > 0:
            times[0] -= 1
            units += await one()
        return units

    async def batch(times: int) -> int:
        left = [times]
        return sum(await asyncio.gather(*[lane(left) for _ in range(min(at_once, times))]))

    return lambda times: loop.run_until_complete(batch(times))


# boto3. ───────────────────────────────────────────────────────────────────────────────────────────


def boto3(case: Kind, url: str) -> Callable[[int], int]:
    """A case for boto3, with the JSON read as its documentation does."""
    from boto3 import client  # noqa: PLC0415 - only this client needs it

    made = client(
        "bedrock-runtime",
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        endpoint_url=url,
    )
    given = {"anthropic_version": "bedrock-2023-05-31", **_request(case)}

    def call(times: int) -> int:
        for _ in range(times):
            reply = made.invoke_model(modelId=MODEL, body=json.dumps(given))
            message = json.loads(reply["body"].read())
            assert message["content"][0]["text"]
            assert message["usage"]["output_tokens"]
        return times

    def stream(times: int) -> int:
        units = 0
        for _ in range(times):
            reply = made.invoke_model_with_response_stream(modelId=MODEL, body=json.dumps(given))
            ended = 0
            for part in reply["body"]:
                event = json.loads(part["chunk"]["bytes"])
                if event["type"] == "content_block_delta":
                    assert event["delta"]["text"]
                ended += event["type"] == "message_stop"
                units += 1
            assert ended == 1
        return units

    return stream if case.streamed else call


# The floor. ───────────────────────────────────────────────────────────────────────────────────────


def floor(case: Kind, url: str) -> Callable[[int], int]:
    """A blocking socket and a request that was made before: what the machine itself takes.

    It neither signs nor reads what comes; of a stream it looks for the end only.
    """
    import socket  # noqa: PLC0415 - a cold process of another client doesn't pay for it

    host, _, port = url.removeprefix("http://").rpartition(":")
    body = json.dumps({"anthropic_version": "bedrock-2023-05-31", **_request(case)}).encode()
    operation = "invoke-with-response-stream" if case.streamed else "invoke"
    signature = f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20261122/{REGION}/bedrock/aws4_request, "
    signature += f"SignedHeaders=content-type;host;x-amz-date, Signature={'0' * 64}"
    head = (
        f"POST /model/{MODEL.replace(':', '%3A')}/{operation} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"X-Amz-Date: 20261122T120000Z\r\nAuthorization: {signature}\r\n\r\n"
    ).encode()
    sent = head + body
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(times: int) -> int:
        for _ in range(times):
            connection.sendall(sent)
            data = connection.recv(65536)
            end = data.index(b"\r\n\r\n") + 4
            at = data.index(b"Content-Length:") + 15
            length = int(data[at : data.index(b"\r", at)])
            while len(data) < end + length:
                data += connection.recv(65536)
        return times

    def stream(times: int) -> int:
        units = 0
        for _ in range(times):
            connection.sendall(sent)
            tail = b""
            while tail[-5:] != b"0\r\n\r\n":
                data = connection.recv(65536)
                units += data.count(b"event-type")
                tail = tail[-5:] + data
        return units

    return stream if case.streamed else call


# The worker. ──────────────────────────────────────────────────────────────────────────────────────


def _request(case: Kind) -> dict[str, Any]:
    if not case.size and not case.turns:
        text = "Hello, world. What is the capital of France?"
        return {"max_tokens": 256, "messages": [{"role": "user", "content": text}]}
    from payloads import conversation, request  # noqa: PLC0415 - see above

    if case.turns:
        return {"max_tokens": 256, "messages": conversation(case.turns)}
    return request(case.size)


def make(client: str, case: str, url: str) -> Callable[[int], int]:
    """The client, ready for a case; `call:99` is one with so many turns in its request."""
    what, _, turns = case.partition(":")
    kind = CASES[what]._replace(turns=int(turns or 0))
    if client == "boto3":
        return boto3(kind, url)
    if client == "floor":
        return floor(kind, url)
    return names(client, kind, url)


def resident() -> int:
    """Bytes of memory that the process holds now."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - see above
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak() -> int:
    """Bytes of memory that it has held at most."""
    with open("/proc/self/status") as file:  # noqa: PTH123 - see above
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def measure(run: Callable[[int], int], times: int) -> dict[str, float]:
    """What so many calls cost."""
    before = resident()
    with open("/proc/self/clear_refs", "w") as file:  # noqa: PTH123 - see above
        file.write("5")  # the peak is of these calls only: proc(5)
    cpu, wall = time.process_time(), time.perf_counter()
    units = run(times)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    grown = peak() - before
    return {"cpu": cpu, "wall": wall, "units": units, "rss": resident(), "grown": grown}


def main() -> None:
    """Measures as often as it is asked, on CPU 0."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    client, *cold = sys.argv[1:]
    if cold:
        make(client, *cold)(1)
        cost = {"cpu": time.process_time(), "units": 1, "rss": resident()}
        print(json.dumps(cost), flush=True)
        return
    ready: dict[tuple[str, str], Callable[[int], int]] = {}
    for line in sys.stdin:
        case, url, times = line.split()
        if (case, url) not in ready:
            ready[case, url] = make(client, case, url)
        print(json.dumps(measure(ready[case, url], int(times))), flush=True)


if __name__ == "__main__":
    main()
