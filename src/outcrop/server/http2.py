"""A connection that speaks HTTP/2, as asyncio calls it; frames and their rules are h2's.

Rules: a stream is a request; what a client may send of its body is what the application has room
for (flow control), and what it is sent is what it has room for; each part that the application
writes is one write. A client that resets many streams, or sends many frames that ask for nothing,
is sent away. One that says goodbye still gets the answers that it waits for.

Specifications: RFC 9113 (HTTP/2), RFC 7541 (HPACK); https://python-hyper.org/projects/h2.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from h2.config import H2Configuration
from h2.connection import (
    ConnectionInputs,
    ConnectionState,
    H2Connection,
    H2ConnectionStateMachine,
)
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    PingAckReceived,
    PingReceived,
    PriorityUpdated,
    RemoteSettingsChanged,
    RequestReceived,
    SettingsAcknowledged,
    StreamEnded,
    StreamReset,
    UnknownFrameReceived,
    WindowUpdated,
)
from h2.exceptions import ProtocolError, StreamClosedError
from h2.frame_buffer import FrameBuffer
from h2.settings import SettingCodes, Settings

from outcrop.server.asgi import make_scope
from outcrop.server.connections import Speaking
from outcrop.server.http2_stream import Stream
from outcrop.wire.http1_answering import is_host, is_target, method_of
from outcrop.wire.http1_framing import MAX_HEAD

if TYPE_CHECKING:
    import asyncio

    from h2.events import Event
    from hyperframe.frame import Frame

    from outcrop.server.connections import Serving
    from outcrop.wire.http1_answering import Pairs

#: Streams at once. RFC 9113, 6.5.2: "no smaller than 100, so as to not unnecessarily limit
#: parallelism"; clients that don't know yet begin with 100.
MAX_STREAMS: Final = 128
#: Bytes of a request's body that wait for the application.
WINDOW: Final = 128 * 1024
#: Bytes of the table by which headers that are sent are compressed, whatever a client allows.
MAX_TABLE: Final = 4096
#: Streams that a client may reset at once, and each second (CVE-2023-44487); those of nghttp2.
RESETS: Final = (1000, 33)
#: Frames that ask for nothing (pings, priorities, settings, empty data, …) that it may send.
IDLE_FRAMES: Final = (1000, 100)
_IDLE: Final = (PingReceived, PingAckReceived, SettingsAcknowledged, UnknownFrameReceived)


class _Machine(H2ConnectionStateMachine):
    """h2's states of a connection, without its rule that a client's GOAWAY is the end of all.

    RFC 9113, 6.8: it "allows an endpoint to gracefully stop accepting new streams while still
    finishing processing of previously established streams". Node's `session.close()` sends it
    while requests are being answered.
    """

    _transitions = H2ConnectionStateMachine._transitions | {  # noqa: SLF001 - see above
        (ConnectionState.SERVER_OPEN, ConnectionInputs.RECV_GOAWAY): (
            None,
            ConnectionState.SERVER_OPEN,
        )
    }


class _Frames(FrameBuffer):
    """h2's buffer, which would hold 16 MB before it says that a frame is too large."""

    def __next__(self) -> Frame:
        if len(self._data) >= 3:
            self._validate_frame_length(int.from_bytes(self._data[:3], "big"))
        return super().__next__()


class _Allowance:
    """How often something may happen: so many times at once, and so many each second."""

    __slots__ = ("_at", "_left", "_most", "_second")

    def __init__(self, most: int, second: int) -> None:
        self._left: float = most
        self._most = most
        self._second = second
        self._at = 0.0

    def spend(self, now: float) -> bool:
        """Counts one; whether it was still allowed."""
        self._left = min(self._most, self._left + (now - self._at) * self._second) - 1
        self._at = now
        return self._left >= 0


class Connection(Speaking):
    """One connection.

    Attributes:
        h2: Its frames and their rules.
        streams: Those whose response hasn't ended.
        running: Calls whose application hasn't returned.
    """

    def __init__(self, serving: Serving) -> None:
        super().__init__(serving)
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.h2.state_machine = _Machine()
        self.h2.incoming_buffer = _Frames(server=True)
        self.h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
                SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEAD,
                SettingCodes.INITIAL_WINDOW_SIZE: WINDOW,
            },
        )
        self.streams: dict[int, Stream] = {}
        self.running = 0
        self._resets = _Allowance(*RESETS)
        self._idle_frames = _Allowance(*IDLE_FRAMES)
        self._priority: PriorityUpdated | None = None  # what came with a request, as some send it
        self._leaving = self._has_room = False

    # What the event loop calls. ──────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        super().connection_made(transport)
        self.h2.initiate_connection()
        # A stream that isn't read must not keep the others from sending: there is room for all.
        room = MAX_STREAMS * WINDOW - self.h2.inbound_flow_control_window
        self.h2.increment_flow_control_window(room)
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Something came."""
        if self._closing:
            return
        try:
            for event in self.h2.receive_data(data):
                self._hear(event)
        except ProtocolError:
            self._end_all()  # h2 has said what was wrong, in a GOAWAY
            return
        if self._has_room:
            self._make_room()
        if self._leaving and not self.streams:
            self.close()
        else:
            self.flush()

    def _make_room(self) -> None:
        self._has_room = False
        for stream in list(self.streams.values()):
            stream.make_room()

    def flush(self) -> None:
        """Hands over what is to be sent."""
        data = self.h2.data_to_send()
        if data and not self.transport.is_closing():
            self.transport.write(data)

    # Events. ─────────────────────────────────────────────────────────────────────────────────────

    def _hear(self, event: Event) -> None:
        if self._closing:
            return
        if isinstance(event, DataReceived):
            self._hear_data(event)
        elif isinstance(event, WindowUpdated):
            if not event.stream_id:
                self._has_room = True
            elif stream := self.streams.get(event.stream_id):
                stream.make_room()
        elif isinstance(event, RequestReceived):
            self._begin(event)
            self._priority = event.priority_updated
        elif isinstance(event, StreamEnded):
            if stream := self.streams.get(event.stream_id):
                stream.hear(b"", whole=True)
        elif isinstance(event, StreamReset):
            if stream := self.streams.get(event.stream_id):
                self.forget(stream)
                stream.lose()
            self._allow(self._resets)
        elif isinstance(event, ConnectionTerminated):
            self._leaving = True
        elif isinstance(event, RemoteSettingsChanged):
            # A client may let our table grow to gigabytes; RFC 7541, 4.2: we needn't.
            if self.h2.encoder.header_table_size > MAX_TABLE:  # noqa: PLR1730 - setting it is told
                self.h2.encoder.header_table_size = MAX_TABLE
            self._has_room = True
            self._allow(self._idle_frames)
        elif isinstance(event, _IDLE) or (
            isinstance(event, PriorityUpdated) and event is not self._priority
        ):
            self._allow(self._idle_frames)

    def _allow(self, allowance: _Allowance) -> None:
        if not allowance.spend(self._serving.loop.time()):
            self.h2.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            self._end_all()

    def _hear_data(self, event: DataReceived) -> None:
        data, size = event.data, event.flow_controlled_length
        stream = self.streams.get(event.stream_id)
        if stream is None or stream.gone:
            self.h2.acknowledge_received_data(size, event.stream_id)
            return
        if not data and event.stream_ended is None:
            self._allow(self._idle_frames)
        else:
            stream.hear(data, whole=False)
        if size > len(data) and not self._closing:  # padding
            self.h2.acknowledge_received_data(size - len(data), event.stream_id)

    def _begin(self, event: RequestReceived) -> None:
        number = event.stream_id
        if self.running >= MAX_STREAMS or self._serving.stopping:
            # RFC 9113, 8.7: "the request … can be safely retried".
            self.reset(number, ErrorCodes.REFUSED_STREAM)
            return
        pseudo: dict[bytes, bytes] = {}
        headers: Pairs = []
        for name, value in event.headers:
            if name[:1] == b":":
                pseudo[bytes(name)] = bytes(value)
            else:
                headers.append((bytes(name), bytes(value)))
        target, authority = pseudo.get(b":path", b""), pseudo.get(b":authority")
        if authority is None:
            authority = b"".join([value for name, value in headers if name == b"host"])
        else:
            headers = [(b"host", authority), *(pair for pair in headers if pair[0] != b"host")]
        method = method_of(pseudo[b":method"])
        # Nobody is connected through to others here.
        if method in ("", "CONNECT") or not (_is_path(target) and is_host(authority)):
            self.reset(number, ErrorCodes.PROTOCOL_ERROR)
            return
        path, _, query = target.partition(b"?")
        stream = self.streams[number] = Stream(self, self._serving, number, method)
        stream.expects_continue = (b"expect", b"100-continue") in headers
        self.running += 1
        stream.start(
            make_scope(
                stream,
                version="2",
                method=method,
                path=path,
                query=query,
                headers=headers,
                client=self._client,
                server=self._server,
            )
        )

    def reset(self, number: int, code: ErrorCodes) -> None:
        """Ends a stream, whatever its state."""
        with suppress(StreamClosedError):  # the client has reset it, in frames that came together
            self.h2.reset_stream(number, code)

    def forget(self, stream: Stream) -> None:
        """A stream is over."""
        self.streams.pop(stream.number, None)
        if stream.unread:  # it still takes room from the others
            self.h2.acknowledge_received_data(stream.unread, stream.number)
        if not self.streams:
            self._since = self._serving.loop.time()
            if (self._leaving or self._serving.stopping) and not self._closing:
                self._serving.loop.call_soon(self.close)  # after what is written now

    # The end. ────────────────────────────────────────────────────────────────────────────────────

    def _lose(self) -> None:
        streams = list(self.streams.values())
        self.streams.clear()
        for stream in streams:
            stream.lose()

    def _end_all(self) -> None:
        """Sends a client away."""
        self.flush()
        self._closing = True
        self._since = self._serving.loop.time()
        self.transport.close()
        self._lose()

    def close(self) -> None:
        """Says goodbye and closes it."""
        if not self._closing:
            self.h2.close_connection()
            self._end_all()

    def shut(self) -> None:
        """Takes no new request, and closes once the ones that it has are answered."""
        if not self.streams:
            self.close()

    def look(self, now: float) -> None:
        """Ends what has taken too long."""
        waited, bounds = now - self._since, self._serving.bounds
        if self._closing:
            if waited > bounds.to_close(self.transport):
                self.abort()
        elif not self.streams and waited > bounds.idle_seconds:
            self.close()


def _is_path(target: bytes) -> bool:
    """RFC 9113, 8.3.1: a path "MUST start with a '/' character"; `*` is for OPTIONS."""
    return (target[:1] == b"/" or target == b"*") and is_target(target)
