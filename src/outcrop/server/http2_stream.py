"""One stream of an HTTP/2 connection: a request and its response.

Rules: what is written waits for the client's windows and for the transport, and never for another
stream; what HTTP/1.1 has between hops is left out.

Specification: RFC 9113, 5.2 (flow control), 8.1 (requests and responses), 8.2.2 (fields).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from h2.errors import ErrorCodes

from outcrop.server.asgi import Call

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Iterable

    from outcrop.server.asgi import Head
    from outcrop.server.connections import Serving
    from outcrop.server.http2 import Connection
    from outcrop.wire.http1_answering import Pairs

#: Bytes of frames that are handed over at once.
PIECE: Final = 64 * 1024
#: RFC 9113, 8.2.2: fields that "MUST NOT" be sent.
_HOP_BY_HOP: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)


class Stream(Call):
    """One request of a connection, and its response.

    Attributes:
        number: Its stream's identifier.
        expects_continue: Whether the client waits for status 100 before it sends the body.
    """

    __slots__ = (
        "_bodiless",
        "_connection",
        "_left",
        "_method",
        "_room",
        "expects_continue",
        "number",
    )

    def __init__(self, connection: Connection, serving: Serving, number: int, method: str) -> None:
        super().__init__(serving)
        self.number = number
        self.expects_continue = False
        self._connection = connection
        self._method = method
        self._bodiless = False
        self._left: int | None = None
        self._room: asyncio.Future[None] | None = None

    def lose(self) -> None:
        """The client is gone, or wants no more of this."""
        super().lose()
        self.make_room()

    def make_room(self) -> None:
        """Whoever waits for room looks again."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _want(self) -> None:
        if self.expects_continue and not self.begun:
            self.expects_continue = False
            self._connection.h2.send_headers(self.number, [(b":status", b"100")])
            self._connection.flush()

    def _take(self, size: int) -> None:
        self.expects_continue = False
        self._connection.h2.acknowledge_received_data(size, self.number)
        self._connection.flush()

    def _write(self, head: Head | None, data: bytes, *, more: bool) -> Awaitable[None] | None:
        connection = self._connection
        h2 = connection.h2
        fields = None if head is None else self._fields(*head)
        if self._bodiless:
            data = b""
        elif self._left is not None:
            self._left -= len(data)
            if self._left < 0 or (self._left and not more):
                raise ValueError("The response's body isn't as long as its content-length.")
        size = len(data)
        if fields is not None:
            ends = not (size or more)
            h2.send_headers(self.number, fields, end_stream=ends)
            if ends:
                connection.flush()
                return None
        if connection.full or size > min(
            h2.max_outbound_frame_size, h2.local_flow_control_window(self.number)
        ):
            return self._pour(data, more=more)
        if size or not more:
            h2.send_data(self.number, data, end_stream=not more)
        connection.flush()
        return None

    async def _pour(self, data: bytes, *, more: bool) -> None:
        """Writes as there is room."""
        connection = self._connection
        h2 = connection.h2
        at = held = 0
        while at < len(data) or not more:
            window = h2.local_flow_control_window(self.number)
            if connection.full or (window <= 0 and at < len(data)):
                connection.flush()
                held = 0
                await self._wait_for_room()
                if self.gone:
                    return
                continue
            piece = data[at : at + min(window, h2.max_outbound_frame_size)]
            at += len(piece)
            held += len(piece)
            ends = not more and at >= len(data)
            h2.send_data(self.number, piece, end_stream=ends)
            if ends:
                break
            if held >= PIECE:
                connection.flush()
                held = 0
        connection.flush()

    async def _wait_for_room(self) -> None:
        self._room = self.serving.loop.create_future()
        try:
            await self._room
        finally:
            self._room = None

    def _fields(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> Pairs:
        """The head of the response."""
        fields = [(b":status", b"%d" % status)]
        self._left = None
        for name, value in headers:
            lower = name.lower()
            if lower in _HOP_BY_HOP:
                continue
            if lower == b"content-length":
                if not value.isdigit():
                    raise ValueError(f"The response's content-length is {value!r}.")
                self._left = int(value)
            if b"\n" in value or b"\r" in value or b"\0" in value:
                raise ValueError("A header of the response holds CR, LF or NUL.")
            fields.append((lower, value))
        fields.append((b"date", self.serving.date()))
        self._bodiless = self._method == "HEAD" or status in (204, 304)
        return fields

    def _end(self) -> None:
        connection = self._connection
        connection.forget(self)
        if not self.whole:
            # RFC 9113, 8.1: so a server can "request that the client abort transmission".
            connection.reset(self.number, ErrorCodes.NO_ERROR)
        connection.flush()

    def _break_off(self) -> None:
        connection = self._connection
        connection.forget(self)
        connection.reset(self.number, ErrorCodes.INTERNAL_ERROR)
        connection.flush()

    def _over(self) -> None:
        self._connection.running -= 1
