"""HTTP/2, both halves: what answers clients in the upstream, and what asks servers.

Rules: neither half is what is measured: they run on another CPU, and h2 (python-hyper) finds the
words. Each event of a stream is a DATA frame, as each is a chunk over HTTP/1.1.

Specification: https://www.rfc-editor.org/rfc/rfc9113.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Self

import h2.config
import h2.connection
import h2.events
from answers import STREAM, in_turn
from payloads import message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from answers import Stream

#: Of HTTP/2: those that begin with a colon first.
Headers = list[tuple[str, str]]

_JSON_HEAD = [
    (":status", "200"),
    ("content-type", "application/json"),
    ("x-amzn-requestid", "5f1b8c9e-3c1d-4b8a-9f0e-2d6a7c8b9e0f"),
]
_STREAM_HEAD = [
    (":status", "200"),
    ("content-type", "application/vnd.amazon.eventstream"),
    ("x-amzn-requestid", "5f1b8c9e-3c1d-4b8a-9f0e-2d6a7c8b9e0f"),
]


class AnsweringHTTP2(asyncio.Protocol):
    """One connection to the upstream; a stream goes out in as few writes as its window allows."""

    _transport: asyncio.Transport

    def __init__(self, streamed: Stream) -> None:
        self._stream = streamed
        self._connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self._operations: dict[int, str] = {}
        #: What is still to be sent, and the next piece of it, by the number of the HTTP/2 stream.
        self._rest: dict[int, tuple[bytes, Iterator[bytes]]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins to speak."""
        assert isinstance(transport, asyncio.Transport)  # what create_server makes
        self._transport = transport
        self._connection.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Answers the requests that are whole."""
        for event in self._connection.receive_data(data):
            match event:
                case h2.events.RequestReceived(stream_id=number, headers=headers):
                    path = dict(headers)[b":path"].decode()
                    self._operations[number] = path.rpartition("/")[2]
                case h2.events.DataReceived(stream_id=number, flow_controlled_length=size):
                    self._connection.acknowledge_received_data(size, number)
                case h2.events.StreamEnded(stream_id=number):
                    self._answer(number, self._operations.pop(number))
                case h2.events.StreamReset(stream_id=number):
                    self._operations.pop(number, None)
                    self._rest.pop(number, None)
                case _:  # settings, windows, farewells
                    pass
        for number in list(self._rest):
            self._write_on(number)
        self._flush()

    def _answer(self, number: int, operation: str) -> None:
        streamed = operation == STREAM
        self._connection.send_headers(number, _STREAM_HEAD if streamed else _JSON_HEAD)
        pieces = in_turn(self._stream.events) if streamed else iter((message(),))
        self._rest[number] = next(pieces), pieces

    def _write_on(self, number: int) -> None:
        data, pieces = self._rest.pop(number)
        while len(data) <= self._connection.local_flow_control_window(number):
            self._connection.send_data(number, data)
            data = next(pieces, b"")
            if not data:
                self._connection.end_stream(number)
                return
        self._rest[number] = data, pieces  # until the client has read

    def _flush(self) -> None:
        self._transport.write(self._connection.data_to_send())


class Asking:
    """A connection to a server that speaks HTTP/2 in clear text (section 3.3)."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self._connection.initiate_connection()
        self._replies: dict[int, bytearray] = {}

    def ask(self, headers: Headers, body: bytes, *, times: int, at_once: int) -> bytes:
        """The body of the last reply to a request that is sent so many times.

        Raises:
            ConnectionError: A reply isn't 200, or the server gave up.
        """
        began = ended = 0
        last = b""
        while ended < times:
            while began < min(times, ended + at_once):
                number = self._connection.get_next_available_stream_id()
                self._replies[number] = bytearray()
                self._connection.send_headers(number, headers)
                self._connection.send_data(number, body, end_stream=True)
                began += 1
            self._socket.sendall(self._connection.data_to_send())
            data = self._socket.recv(1 << 18)
            if not data:
                raise ConnectionError("The server closed the connection.")
            for event in self._connection.receive_data(data):
                if (reply := self._heard(event)) is not None:
                    last = reply
                    ended += 1
        return last

    def _heard(self, event: h2.events.Event) -> bytes | None:
        match event:
            case h2.events.ResponseReceived(headers=headers) if headers[0][1] != b"200":
                raise ConnectionError(f"The reply is {headers}.")
            case h2.events.DataReceived(stream_id=number, data=data, flow_controlled_length=size):
                self._replies[number] += data
                self._connection.acknowledge_received_data(size, number)
            case h2.events.StreamEnded(stream_id=number):
                return bytes(self._replies.pop(number))
            case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                raise ConnectionError(f"The server gave up: {event}.")
            case _:  # settings, windows
                pass
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._socket.close()
