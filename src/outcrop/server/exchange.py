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
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from outcrop.bedrock import faults
from outcrop.bedrock.invoke import MAX_BODY
from outcrop.errors import RequestTimeoutError, ValidationException
from outcrop.server.auth import Head

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from outcrop.wire.http import Headers

    Scope = dict[str, Any]
    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

#: How much of an unwanted body is read and dropped, for the sake of the reply.
MAX_DROPPED: Final = 4 * MAX_BODY


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

    Attributes:
        head: All of the request but its body.
        status: The status that was sent, 0 before.
        peer: Address of the client, empty where the server doesn't tell.
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, limits: Limits, marks: Headers
    ) -> None:
        self.head = read_head(scope)
        self.status = 0
        self.peer: str = (scope.get("client") or ("",))[0]
        self._receive = receive
        self._asgi_send = send
        self._limits = limits
        self._marks = marks
        self._unread = True
        self._watch: asyncio.TimerHandle | None = None  # looks whether sending takes too long
        self._sending_since: float | None = None
        self._stuck = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    def header(self, name: str) -> str | None:
        """The first value of a request header; the name in lower case."""
        return next((value for key, value in self.head.headers if key == name), None)

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
        body = bytearray()  # not a list of parts: a million parts of one byte weigh too much
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while self._unread:
                    body += await self._part()
                    if len(body) > limit:
                        raise ValidationException(faults.TOO_LONG)
        except TimeoutError:
            raise RequestTimeoutError(
                "The request's body was not received in time.", aws_name="RequestTimeoutException"
            ) from None
        return bytes(body)

    async def _part(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            self._unread = False
            raise Gone
        self._unread = message.get("more_body", False)
        return message.get("body", b"")

    async def _drop_body(self) -> None:
        dropped = 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while self._unread and dropped < MAX_DROPPED:
                    dropped += len(await self._part())
        except TimeoutError:
            pass  # the reply goes out; the connection can't be used again

    @contextmanager
    def watching(self) -> Generator[None]:
        """Cancels what is done inside, and ends in Gone, once the client goes away.

        To be entered when the body has been read.
        """
        task = asyncio.current_task()
        assert task is not None  # ASGI applications run in tasks
        gone = False

        async def watch() -> None:
            nonlocal gone
            while (await self._receive())["type"] != "http.disconnect":
                pass
            gone = True
            task.cancel()

        watcher = asyncio.create_task(watch())
        try:
            yield
        except asyncio.CancelledError:
            if gone:
                task.uncancel()
                raise Gone from None
            raise
        finally:
            watcher.cancel()

    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """Sends a whole response."""
        await self._drop_body()
        if self._unread:
            headers = [*headers, ("connection", "close")]
        length = ("content-length", str(len(body)))
        await self._begin(status, [*headers, length])
        await self._send({"type": "http.response.body", "body": body})

    async def begin(self, headers: Headers) -> None:
        """Sends the head of a streamed response, status 200."""
        await self._begin(200, headers)

    async def write(self, data: bytes) -> None:
        """Sends more of a streamed response; waits while the client reads slowly.

        Raises:
            Gone: It takes nothing.
        """
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """Ends a streamed response; one that isn't ended is seen to be broken off."""
        await self._send({"type": "http.response.body", "body": b""})

    async def _begin(self, status: int, headers: Headers) -> None:
        self.status = status
        pairs = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in [*headers, *self._marks]
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def _send(self, message: Message) -> None:
        loop = asyncio.get_running_loop()
        if self._watch is None:
            self._loop, self._task = loop, asyncio.current_task()
            self._watch = loop.call_later(self._limits.write_seconds, self._look)
        self._sending_since = loop.time()
        try:
            await self._asgi_send(message)
        except asyncio.CancelledError:
            if self._stuck and self._task is not None:
                self._task.uncancel()
                raise Gone from None
            raise
        finally:
            self._sending_since = None

    def _look(self) -> None:
        """Whether the client has taken nothing for too long; one timer serves all of a stream."""
        assert self._loop is not None  # it is what called this
        since, limit = self._sending_since, self._limits.write_seconds
        now = self._loop.time()
        if since is None:
            self._watch = self._loop.call_later(limit, self._look)
        elif now - since < limit:
            self._watch = self._loop.call_later(since + limit - now, self._look)
        elif self._task is not None:
            self._stuck = True
            self._task.cancel()

    def close(self) -> None:
        """To be called when the exchange is over."""
        if self._watch is not None:
            self._watch.cancel()


def read_head(scope: Scope) -> Head:
    """Method, raw target and headers of an ASGI request."""
    target = scope["raw_path"].decode("latin-1")
    if query := scope["query_string"]:
        target += "?" + query.decode("latin-1")
    return Head(
        scope["method"], target, [(_text(name), _text(value)) for name, value in scope["headers"]]
    )


def _text(value: bytes) -> str:
    """A header's text; clients that send more than ASCII send UTF-8, and sign that."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
