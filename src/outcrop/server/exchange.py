"""One HTTP request and its response, over ASGI, with bounds on all that a client can draw out.

Rules: the target is the raw one (a signature covers its bytes); a body is never held beyond its
limit; a body that isn't wanted is read and dropped before the refusal is sent, or the client would
see a broken pipe instead of it; a reader that takes nothing for too long is dropped; a client that
goes away cancels the task that serves it.

Source: the ASGI specification, "HTTP & WebSocket ASGI Message Format". After a client has gone, an
ASGI server lets every `send` succeed: only `receive` tells.
"""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from outcrop.bedrock import faults
from outcrop.bedrock.invoke import MAX_BODY
from outcrop.errors import RequestTimeoutError, ValidationException
from outcrop.server.asgi import DISCONNECT
from outcrop.server.auth import Head

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from outcrop.wire.http import Headers

    Scope = dict[str, Any]
    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Listen = Callable[[Callable[[], None]], None]

#: How much of an unwanted body is read and dropped, for the sake of the reply.
MAX_DROPPED: Final = 4 * MAX_BODY
#: How much of a reply is sent at once: a client has `Limits.write_seconds` for each part.
PART: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds.

    Attributes:
        in_flight: Requests that are worked on at once.
        body: Bytes of a body.
        body_seconds: For reading a body.
        write_seconds: For a client to take some bytes.
    """

    in_flight: int = 64
    body: int = MAX_BODY
    body_seconds: float = 60.0
    write_seconds: float = 60.0


class Gone(Exception):  # noqa: N818 - what happened, not an error of anybody's
    """The client isn't there any more, or takes nothing."""


class Exchange:
    """One request, and its response as far as it has been sent.

    Args:
        scope: ASGI's.
        receive: ASGI's.
        send: ASGI's.
        task: In which it is answered.
        limits: Bounds.
        marks: Headers of every response.

    Attributes:
        head: All of the request but its body.
        status: The status that was sent, 0 before.
        peer: Address of the client, empty where the server doesn't tell.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        task: asyncio.Task[Any],
        limits: Limits,
        marks: Headers,
    ) -> None:
        self.head = read_head(scope)
        self.status = 0
        self.peer: str = (scope.get("client") or ("",))[0]
        self._first = dict(reversed(self.head.headers))
        self._receive = receive
        self._asgi_send = send
        extensions: dict[str, Any] = scope.get("extensions") or {}
        self._listen: Listen | None = extensions.get(DISCONNECT)
        self._limits = limits
        self._marks = marks
        self._unread = True
        self._late = False  # whether the body hasn't come in time
        self._task = task
        self._clock = _Clock(task)

    def header(self, name: str) -> str | None:
        """The first value of a request header; the name in lower case."""
        return self._first.get(name)

    async def read(self, limit: int | None = None) -> bytes:
        """The whole body.

        Raises:
            ValidationException: It is longer than the limit.
            RequestTimeoutError: It didn't come in time.
            Gone: The client went away.
        """
        limit = self._limits.body if limit is None else limit
        announced = self.header("content-length")
        if announced and announced.isdecimal() and int(announced) > limit:
            raise ValidationException(faults.TOO_LONG)
        self._clock.start(self._limits.body_seconds)
        try:
            first = await self._part()
            if not self._unread and len(first) <= limit:
                return first
            body = bytearray(first)  # not a list of parts: a million of one byte weigh too much
            while self._unread and len(body) <= limit:
                body += await self._part()
        except asyncio.CancelledError:
            if not self._clock.rang():
                raise
            self._late = True
            raise RequestTimeoutError(
                "The request's body was not received in time.", aws_name="RequestTimeoutException"
            ) from None
        finally:
            self._clock.stop()
        if len(body) > limit:
            raise ValidationException(faults.TOO_LONG)
        return bytes(body)

    def watching(self) -> _Watch:
        """Cancels what is done inside, and ends in Gone, once the client goes away.

        To be entered when the body has been read.
        """
        return _Watch(self._task, self._receive, self._listen)

    async def _part(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            self._unread = False
            raise Gone
        self._unread = message.get("more_body", False)
        return message.get("body", b"")

    async def _drop_body(self) -> None:
        dropped = 0
        self._clock.start(self._limits.body_seconds)
        try:
            while self._unread and dropped < MAX_DROPPED:
                dropped += len(await self._part())
        except asyncio.CancelledError:
            if not self._clock.rang():
                raise  # else the reply goes out; the connection can't be used again
        finally:
            self._clock.stop()

    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """Sends a whole response."""
        if self._unread and not self._late:  # it wouldn't come now either
            await self._drop_body()
        if self._unread:
            headers = [*headers, ("connection", "close")]
        head = self._head(status, [*headers, ("content-length", str(len(body)))])
        if len(body) <= PART:
            await self._send(head, {"type": "http.response.body", "body": body})
            return
        await self._send(head)
        last = (len(body) - 1) // PART * PART
        for at in range(0, last, PART):
            await self.write(body[at : at + PART])
        await self._send({"type": "http.response.body", "body": body[last:]})

    def begin(self, headers: Headers) -> Awaitable[None]:
        """Sends the head of a streamed response, status 200."""
        return self._send(self._head(200, headers))

    def write(self, data: bytes) -> Awaitable[None]:
        """Sends more of a streamed response; waits while the client reads slowly.

        Raises:
            Gone: It takes nothing.
        """
        return self._send({"type": "http.response.body", "body": data, "more_body": True})

    def end(self) -> Awaitable[None]:
        """Ends a streamed response; one that isn't ended is seen to be broken off."""
        return self._send({"type": "http.response.body", "body": b""})

    def _head(self, status: int, headers: Headers) -> Message:
        self.status = status
        pairs = [(_name(name), value.encode("latin-1")) for name, value in [*headers, *self._marks]]
        return {"type": "http.response.start", "status": status, "headers": pairs}

    async def _send(self, *messages: Message) -> None:
        self._clock.start(self._limits.write_seconds)
        try:
            for message in messages:
                await self._asgi_send(message)
        except asyncio.CancelledError:
            if not self._clock.rang():
                raise
            raise Gone from None
        finally:
            self._clock.stop()

    def close(self) -> None:
        """To be called when the exchange is over."""
        self._clock.close()


class _Clock:
    """Cancels a task once a wait takes too long.

    One timer serves all waits of an exchange, those for each part of a stream included.
    """

    __slots__ = ("_at", "_due", "_loop", "_now", "_rung", "_task", "_timer")

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task
        self._loop = task.get_loop()
        self._now = self._loop.time
        self._due: float | None = None  # when the wait that is under way has taken too long
        self._rung = False
        self._timer: asyncio.TimerHandle | None = None
        self._at = math.inf  # when the timer is due

    def start(self, seconds: float) -> None:
        """A wait begins that may take so long."""
        self._due = due = self._now() + seconds
        if due < self._at:
            self._look_at(due)

    def stop(self) -> None:
        """It is over."""
        self._due = None

    def rang(self) -> bool:
        """Whether it was this clock that cancelled the task, which it takes back then."""
        rung, self._rung = self._rung, False
        if rung:
            self._task.uncancel()
        return rung

    def _look_at(self, when: float) -> None:
        self.close()
        self._at = when
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer, self._at = None, math.inf
        due = self._due
        if due is None:
            return
        if self._now() < due:
            self._look_at(due)
        else:
            self._rung = True
            self._task.cancel()

    def close(self) -> None:
        """To be called at the end."""
        if self._timer is not None:
            self._timer.cancel()


class _Watch:
    """See `Exchange.watching`."""

    __slots__ = ("_gone", "_listen", "_over", "_receive", "_task", "_watcher")

    def __init__(self, task: asyncio.Task[Any], receive: Receive, listen: Listen | None) -> None:
        self._task = task
        self._receive = receive
        self._listen = listen
        self._gone = self._over = False
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        if self._listen is not None:
            self._listen(self._lose)
        else:
            self._watcher = asyncio.create_task(self._wait())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over = True
        if self._watcher is not None:
            self._watcher.cancel()
        if self._gone and kind is asyncio.CancelledError:
            self._task.uncancel()
            raise Gone from None

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._lose()

    def _lose(self) -> None:
        if not self._over:
            self._gone = True
            self._task.cancel()


@lru_cache(maxsize=256)
def _name(name: str) -> bytes:
    """A response header's name as it is sent: in lower case, as HTTP/2 wants it."""
    return name.lower().encode("latin-1")


_dice = random.Random()  # noqa: S311 - for IDs, which guard nothing


def new_request_id() -> str:
    """An ID for a request, as AWS's are: a UUID of version 4."""
    bits = _dice.getrandbits(128)
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[bits & 3]}{text[17:20]}-{text[20:]}"


def read_head(scope: Scope) -> Head:
    """Method, raw target and headers of an ASGI request."""
    target = scope["raw_path"].decode("latin-1")
    if query := scope["query_string"]:
        target += "?" + query.decode("latin-1")
    try:
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
    except UnicodeDecodeError:
        headers = [(_text(name), _text(value)) for name, value in scope["headers"]]
    return Head(scope["method"], target, headers)


def _text(value: bytes) -> str:
    """A header's text; clients that send more than ASCII send UTF-8, and sign that."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
