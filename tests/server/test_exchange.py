"""One request over ASGI, whose other side is played here: late, slow, gone, or gone in time."""

from __future__ import annotations

import asyncio

import pytest

from outcrop.errors import RequestTimeoutError, ValidationException
from outcrop.server.exchange import DISCONNECT, PART, Exchange, Gone, Limits

SHORT = 0.05  # seconds
PATIENT = 0.5
SCOPE = {
    "method": "POST",
    "raw_path": b"/model/a%3A0/invoke",
    "query_string": b"",
    "headers": [(b"x-one", b"first"), (b"x-one", b"second")],
}


class Client:
    """The other side of an exchange.

    Attributes:
        parts: What comes of the body; None for a client that goes away.
        takes: How many messages it takes before it stops taking any.
        taken: What it took.
        late: Whether more of the body is announced that never comes.
    """

    def __init__(self, *parts: bytes | None, takes: int = 100, tells: bool = True) -> None:
        self.parts = list(parts)
        self.takes = takes
        self.taken: list[dict] = []
        self.lost = []
        self.tells = tells
        self.late = False

    async def receive(self):
        if not self.parts:
            await asyncio.Event().wait()
        part = self.parts.pop(0)
        if part is None:
            return {"type": "http.disconnect"}
        more = bool(self.parts) or self.late
        return {"type": "http.request", "body": part, "more_body": more}

    async def send(self, message):
        if len(self.taken) >= self.takes:
            await asyncio.Event().wait()
        self.taken.append(message)

    def go(self):
        for callback in self.lost:
            callback()

    def exchange(self, limits: Limits | None = None) -> Exchange:
        scope = {**SCOPE, "extensions": {DISCONNECT: self.lost.append}} if self.tells else SCOPE
        return Exchange(
            scope,
            self.receive,
            self.send,
            task=asyncio.current_task(),
            limits=limits or Limits(),
            marks=[("X-Mark", "here")],
        )


def run(work):
    """What a coroutine gives; nothing of it may leave its task cancelled."""

    async def whole():
        result = await work()
        assert asyncio.current_task().cancelling() == 0
        await asyncio.sleep(0)
        return result

    return asyncio.run(whole())


def test_the_first_of_two_headers_of_one_name_counts():
    async def work():
        return Client().exchange().header("x-one")

    assert run(work) == "first"


@pytest.mark.parametrize("parts", [(b"abc",), (b"", b"a", b"bc"), (b"a", b"b", b"c")])
def test_a_body_is_read_whole(parts):
    async def work():
        return await Client(*parts).exchange().read()

    assert run(work) == b"abc"


def test_a_body_over_the_limit_is_refused_and_the_rest_dropped():
    client = Client(b"a" * 8, b"b" * 8, b"c" * 8)

    async def work():
        exchange = client.exchange(Limits(body=10))
        with pytest.raises(ValidationException):
            await exchange.read()
        assert client.parts == [b"c" * 8]
        await exchange.reply(400, [], b"no")

    run(work)
    assert client.parts == []
    assert [message["type"] for message in client.taken] == [
        "http.response.start",
        "http.response.body",
    ]
    assert dict(client.taken[0]["headers"]) == {b"content-length": b"2", b"x-mark": b"here"}


def test_a_body_that_is_late_is_refused_and_the_refusal_can_be_sent():
    client = Client(b"a")
    client.late = True

    async def work():
        exchange = client.exchange(Limits(body_seconds=SHORT))
        with pytest.raises(RequestTimeoutError):
            await exchange.read()
        client.parts = [b"later"]
        await exchange.reply(408, [], b"late")

    run(work)
    assert client.parts == [b"later"]  # it has had its time
    assert (b"connection", b"close") in client.taken[0]["headers"]


@pytest.mark.parametrize("takes", [0, 1, 3])
def test_a_client_that_takes_nothing_any_more_is_gone(takes):
    client = Client(b"", takes=takes)

    async def work():
        exchange = client.exchange(Limits(write_seconds=SHORT))
        await exchange.read()
        with pytest.raises(Gone):
            await exchange.begin([])
            for _ in range(10):
                await exchange.write(b"more")
        exchange.close()

    run(work)
    assert len(client.taken) == takes


def test_a_client_that_takes_long_but_goes_on_taking_is_served():
    client = Client(b"")

    async def slowly(message):
        await asyncio.sleep(PATIENT * 0.4)
        client.taken.append(message)

    client.send = slowly

    async def work():
        exchange = client.exchange(Limits(write_seconds=PATIENT))
        await exchange.begin([])
        for _ in range(4):
            await exchange.write(b"more")
        await exchange.end()
        exchange.close()

    run(work)
    assert [message.get("more_body") for message in client.taken] == [None, *[True] * 4, None]


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 3 * PART, 3 * PART + 1])
def test_a_client_that_takes_a_long_reply_slowly_is_served(size):
    body = bytes(range(251)) * (size // 251 + 1)

    class Slow(Client):
        async def send(self, message):
            # As of a slow line: so much in so many seconds.
            await asyncio.sleep(PATIENT * 0.4 * len(message.get("body", b"")) / PART)
            await super().send(message)

    client = Slow(b"")

    async def work():
        exchange = client.exchange(Limits(write_seconds=PATIENT))
        await exchange.read()
        await exchange.reply(200, [], body[:size])

    run(work)
    begin, *parts = client.taken
    assert (b"content-length", str(size).encode()) in begin["headers"]
    assert b"".join(part["body"] for part in parts) == body[:size]
    assert [part.get("more_body", False) for part in parts] == [True] * (len(parts) - 1) + [False]
    assert len(parts) == max(1, -(-size // PART))


@pytest.mark.parametrize("tells", [True, False])
def test_a_client_that_goes_away_ends_what_is_done_for_it(tells):
    client = Client(b"", tells=tells)

    async def work():
        exchange = client.exchange()
        await exchange.read()
        if not tells:
            client.parts.append(None)
        else:
            asyncio.get_running_loop().call_later(SHORT, client.go)
        with pytest.raises(Gone), exchange.watching():
            await asyncio.sleep(60)

    run(work)


def test_a_client_that_goes_when_all_is_done_cancels_nothing():
    client = Client(b"")

    async def work():
        exchange = client.exchange()
        await exchange.read()
        with exchange.watching():
            await exchange.reply(200, [], b"done")
        client.go()
        await asyncio.sleep(0)

    run(work)
    assert client.taken[-1]["body"] == b"done"


def test_who_cancels_the_task_otherwise_is_not_taken_for_the_client():
    client = Client(b"", takes=0)

    async def work():
        async def serve():
            exchange = client.exchange()
            with exchange.watching():
                await exchange.begin([])

        task = asyncio.create_task(serve())
        await asyncio.sleep(SHORT)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work)
