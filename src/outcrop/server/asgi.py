"""One request as an ASGI application sees it, whichever HTTP version carries it: `Call`.

Rules: what a client sends is held up to a bound, then it has to wait; `receive` tells at once that
the client is gone, even if some of its body hasn't been taken; after that `send` succeeds without
effect. Nothing of a response goes out before the first part of its body, which it is joined with.
A response that isn't ended by the application is seen to be broken off.

Source: the ASGI specification 3.0, "HTTP & WebSocket ASGI Message Format" 2.4: "The protocol server
must not start sending the response to the client until it has received at least one Response Body
event."
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from outcrop.server.connections import Serving
    from outcrop.server.exchange import Message, Scope
    from outcrop.wire.http1_answering import Pairs

    #: Status and headers of a response.
    Head = tuple[int, Iterable[tuple[bytes, bytes]]]
    Address = tuple[str, int] | None

_log = logging.getLogger("outcrop.server")

#: Parts of a response written without waiting, after which others have their turn.
TURN: Final = 16
#: The extension of a scope that calls back when the client is gone; see `Call.listen`.
DISCONNECT: Final = "outcrop.disconnect"
_ASGI: Final = {"version": "3.0", "spec_version": "2.4"}
#: Paths up to this length are remembered as they are decoded.
_SHORT: Final = 256


class Call:
    """One request: what `receive` and `send` are for it.

    Attributes:
        gone: Whether the client is.
        whole: Whether the whole body has come.
        begun: Whether some of the response has gone out.
        ended: Whether all of it has.
        task: In which the application answers.
    """

    __slots__ = (
        "_delivered",
        "_held",
        "_listeners",
        "_started",
        "_stuck",
        "_turn",
        "_unread",
        "_waiters",
        "begun",
        "ended",
        "gone",
        "serving",
        "task",
        "whole",
    )

    task: asyncio.Task[None]

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self._unread: bytes | bytearray = b""
        self._held: Head | None = None  # a response's head, until its body begins
        self._waiters: list[asyncio.Future[None]] = []
        self._listeners: list[Callable[[], object]] = []
        self._turn = 0
        self._delivered = self._started = False
        self._stuck = False  # whether the application waits for the client to read
        self.gone = self.whole = self.begun = self.ended = False

    @property
    def unread(self) -> int:
        """Bytes of the body that wait for the application."""
        return len(self._unread)

    # What a version of HTTP does. ────────────────────────────────────────────────────────────────

    def _want(self) -> None:
        """The application waits for more of the body."""
        raise NotImplementedError

    def _take(self, size: int) -> None:
        """The application has taken so many bytes of the body."""
        raise NotImplementedError

    def _write(self, head: Head | None, data: bytes, *, more: bool) -> Awaitable[None] | None:
        """Writes a part of the response; gives what to wait for if there is no room.

        Args:
            head: Status and headers, with the first part.
            data: May be empty; without more to come it is never waited for then.
            more: Whether another part follows.

        Raises:
            ValueError: HTTP can't carry it.
        """
        raise NotImplementedError

    def _end(self) -> None:
        """The response has ended."""
        raise NotImplementedError

    def _break_off(self) -> None:
        """The response won't be whole: the client is to see that."""
        raise NotImplementedError

    def _over(self) -> None:
        """The application has returned."""

    # What the connection tells. ──────────────────────────────────────────────────────────────────

    def start(self, scope: Scope) -> None:
        """Calls the application."""
        self.serving.calls.add(self)
        self.task = self.serving.loop.create_task(self._run(scope))

    def hear(self, data: bytes, *, whole: bool) -> None:
        """Takes some of the body."""
        if self._unread and data:
            if not isinstance(self._unread, bytearray):
                self._unread = bytearray(self._unread)
            self._unread += data  # not a list of parts: a million parts of one byte weigh too much
        elif data:
            self._unread = data
        self.whole = whole
        if self._waiters:
            self._wake()

    def lose(self) -> None:
        """The client is gone."""
        if self.gone:
            return
        self.gone = True
        self._unread = b""
        self._wake()
        if not self.ended:
            for callback in self._listeners:
                callback()
        self._listeners.clear()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    # What the application calls. ─────────────────────────────────────────────────────────────────

    def listen(self, callback: Callable[[], object]) -> None:
        """Has a function called once, when the client is gone before the response has ended.

        The event loop calls it, never this method itself; it is forgotten when the application
        returns.
        """
        if self.gone:
            self.serving.loop.call_soon(callback)
        else:
            self._listeners.append(callback)

    async def receive(self) -> Message:
        """ASGI's `receive`."""
        while not (self.gone or self.ended):
            if self._unread or (self.whole and not self._delivered):
                data, self._unread = self._unread, b""
                self._delivered = self.whole
                if data:
                    self._take(len(data))
                body = data if isinstance(data, bytes) else bytes(data)
                return {"type": "http.request", "body": body, "more_body": not self.whole}
            if not self.whole:
                self._want()
            waiter = self.serving.loop.create_future()
            self._waiters.append(waiter)
            await waiter
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """ASGI's `send`."""
        kind = message["type"]
        if kind == "http.response.body":
            if not self._started or self.ended:
                raise RuntimeError("http.response.body was sent before the start, or after the end")
            if self.gone:
                return
            more: bool = message.get("more_body", False)
            waiting = self._write(self._held, message.get("body", b""), more=more)
            self._held = None
            self.begun = True
            if waiting is not None:
                self._stuck = True
                await waiting
                self._stuck = False
                self._turn = 0
            if not more:
                self._finish()
                return
            self._turn += 1
            if self._turn >= TURN:
                self._turn = 0
                await asyncio.sleep(0)
        elif kind == "http.response.start":
            if self._started:
                raise RuntimeError("http.response.start was sent twice")
            status = message["status"]
            if not 200 <= status <= 999:
                raise ValueError(f"A response can't have the status {status}")
            self._started = True
            self._held = status, message.get("headers", ())
        else:
            raise RuntimeError(f"{kind!r} isn't part of an HTTP response")

    def _finish(self) -> None:
        self.ended = True
        if self._waiters:
            self._wake()
        if not self.gone:
            self._end()

    async def _run(self, scope: Scope) -> None:
        try:
            await self.serving.application(scope, self.receive, self.send)
            if not (self.ended or self.gone):
                if not self._stuck:  # else it has given up a client that doesn't read
                    _log.error("The application returned before its response had ended.")
                self._fail()
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is to see it
            # By its kind and its place: its words may be a prompt's.
            frames = "".join(traceback.format_tb(error.__traceback__))
            _log.error("Unexpected %s in the application\n%s", type(error).__name__, frames)
            self._fail()
        except asyncio.CancelledError:
            if not (self.ended or self.gone):
                self._break_off()
            raise
        finally:
            self.serving.calls.discard(self)
            self._listeners.clear()
            self._over()

    def _fail(self) -> None:
        if self.ended or self.gone:
            return
        if self.begun:
            self._break_off()
            return
        self._started = self.begun = True
        self._write((500, ((b"content-length", b"0"),)), b"", more=False)
        self._finish()


def make_scope(
    call: Call,
    *,
    version: str,
    method: str,
    path: bytes,
    query: bytes,
    headers: Pairs,
    client: Address,
    server: Address,
) -> Scope:
    """The scope of a request.

    Args:
        call: The request, for the extension `DISCONNECT`.
        version: `1.0`, `1.1` or `2`.
        method: As sent.
        path: Without the query, as sent.
        query: As sent.
        headers: Names in lower case and values, in order.
        client: Its address and port.
        server: The address and port that it called.
    """
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": version,
        "method": method,
        "scheme": call.serving.scheme,
        "path": _decoded(path) if len(path) <= _SHORT else _decode(path),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": client,
        "server": server,
        "extensions": {DISCONNECT: call.listen},
    }


def address(of: Any) -> Address:
    """Address and port, of what a socket calls an end of its connection; None if there is none."""
    return (str(of[0]), int(of[1])) if of else None


def _decode(path: bytes) -> str:
    return unquote_to_bytes(path).decode("utf-8", "replace")


_decoded = lru_cache(maxsize=512)(_decode)
