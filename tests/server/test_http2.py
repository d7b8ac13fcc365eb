"""The HTTP server over HTTP/2: streams, windows, what ends a connection; h2 plays the client."""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from contextlib import asynccontextmanager

import h2.events as ev
import pytest
from asgi_messages import body_of, part, start
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    ExtensionFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
)

from outcrop.server import asgi, http2
from outcrop.server.listen import PREFACE
from outcrop.server.tls import make_certificate


async def echo(scope, receive, send):
    """Answers with the request's body."""
    body = await body_of(receive)
    await send(start(200, (b"connection", b"close"), (b"x-a", b"1"), (b"x-a", b"2")))
    await send(part(body))


def head(method=b"POST", path=b"/", *more):
    return [
        (b":method", method),
        (b":scheme", b"http"),
        (b":authority", b"h:1"),
        (b":path", path),
        *more,
    ]


class Client:
    """A client that reads when it is told to."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.h2 = H2Connection(H2Configuration(header_encoding=None))
        self.events = []
        self.heads, self.bodies = {}, defaultdict(bytearray)
        self.informed, self.resets = [], {}
        self.ended, self.goodbye = set(), None

    def begin(self, *, window=None):
        if window is not None:
            self.h2.local_settings[SettingCodes.INITIAL_WINDOW_SIZE] = window
            self.h2.local_settings.acknowledge()
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.writer.write(self.h2.data_to_send())

    def ask(self, headers, body=None):
        """Opens a stream, and ends it if there is a body, or none is to come."""
        number = self.h2.get_next_available_stream_id()
        self.h2.send_headers(number, headers, end_stream=body == b"")
        if body:
            self.h2.send_data(number, body, end_stream=True)
        self.flush()
        return number

    async def read(self, *, acknowledge=True):
        """Takes what comes next; False at the end."""
        try:
            data = await asyncio.wait_for(self.reader.read(65536), 30)
        except ConnectionResetError:
            return False
        if not data:
            return False
        for event in self.h2.receive_data(data):
            self.hear(event, acknowledge)
        if not self.writer.is_closing():
            self.flush()
        return True

    def hear(self, event, acknowledge):
        if isinstance(event, ev.ResponseReceived):
            self.heads[event.stream_id] = event.headers
        elif isinstance(event, ev.InformationalResponseReceived):
            self.informed.append(dict(event.headers))
        elif isinstance(event, ev.DataReceived):
            self.bodies[event.stream_id] += event.data
            if acknowledge:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, ev.StreamEnded):
            self.ended.add(event.stream_id)
        elif isinstance(event, ev.StreamReset):
            self.resets[event.stream_id] = event.error_code
        elif isinstance(event, ev.ConnectionTerminated):
            self.goodbye = event.error_code

    async def until(self, told, **how):
        while not told():
            assert await self.read(**how)

    async def reply(self, number):
        """Status, headers and body of a stream's reply."""
        await self.until(lambda: number in self.ended)
        headers = self.heads[number]
        return int(dict(headers)[b":status"]), headers, self.bodies[number]

    async def rest(self):
        while await self.read():
            pass


@asynccontextmanager
async def connected(port, *, window=None, begun=True, **more):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **more)
    try:
        client = Client(reader, writer)
        if begun:
            client.begin(window=window)
        yield client
    finally:
        writer.transport.abort()


# Requests and responses ──────────────────────────────────────────────────────────────────────────


async def test_an_application_is_told_the_request_as_it_was_sent(listening):
    seen = {}

    async def app(scope, receive, send):
        seen.update(scope)
        await echo(scope, receive, send)

    async with listening(app) as (port, _), connected(port) as client:
        path = b"/model/a%2Fb%3A0/%c3%a9//?b=%20&a=1&&=+?"
        number = client.ask(
            head(b"PUT", path, (b"x-a", b"1"), (b"x-b", b""), (b"x-a", b"2")), b"hi"
        )
        status, headers, body = await client.reply(number)
        mine = client.writer.get_extra_info("sockname")
    assert (seen["http_version"], seen["method"], seen["scheme"]) == ("2", "PUT", "http")
    assert seen["raw_path"] == b"/model/a%2Fb%3A0/%c3%a9//"
    assert seen["path"] == "/model/a/b:0/é//"
    assert seen["query_string"] == b"b=%20&a=1&&=+?"
    assert seen["headers"] == [(b"host", b"h:1"), (b"x-a", b"1"), (b"x-b", b""), (b"x-a", b"2")]
    assert seen["client"] == mine
    assert seen["server"] == ("127.0.0.1", port)
    assert (status, body) == (200, b"hi")
    # RFC 9113, 8.2.2: fields of a hop aren't sent.
    assert [name for name, _ in headers] == [b":status", b"x-a", b"x-a", b"date"]


async def test_it_is_known_by_how_a_client_begins_however_that_is_cut(listening):
    async with listening(echo) as (port, _), connected(port, begun=False) as client:
        client.h2.initiate_connection()
        client.h2.send_headers(1, head(b"GET"), end_stream=True)
        data = client.h2.data_to_send()
        assert data.startswith(PREFACE)
        for each in data:
            client.writer.write(bytes([each]))
            await asyncio.sleep(0)
        assert (await client.reply(1))[0] == 200


async def test_a_method_that_begins_like_http2_is_http1(listening):
    async with listening(echo) as (port, _), connected(port, begun=False) as client:
        client.writer.write(b"PR")
        await asyncio.sleep(0.01)
        client.writer.write(b"OPFIND / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert (await client.reader.readline()).startswith(b"HTTP/1.1 200")


async def test_many_streams_are_answered_at_once(listening):
    together = asyncio.Barrier(100)

    async def app(scope, receive, send):
        await together.wait()
        await send(start())
        for at in range(3):
            await send(part(b"%s %d;" % (scope["raw_path"], at), more=at < 2))

    async with listening(app) as (port, _), connected(port) as client:
        numbers = [client.ask(head(b"GET", b"/%d" % at), b"") for at in range(100)]
        for at, number in enumerate(numbers):
            _, _, body = await client.reply(number)
            assert body == b"/%d 0;/%d 1;/%d 2;" % (at, at, at)


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304)])
async def test_some_responses_have_no_body(listening, method, status):
    async def app(scope, receive, send):
        await send(start(status))
        await send(part(b"some", more=True))
        await send(part(b"more"))

    async with listening(app) as (port, _), connected(port) as client:
        found, _, body = await client.reply(client.ask(head(method), b""))
        assert (found, body) == (status, b"")


async def test_trailers_are_dropped(listening):
    async with listening(echo) as (port, _), connected(port) as client:
        number = client.ask(head())
        client.h2.send_data(number, b"hi")
        client.h2.send_headers(number, [(b"x-sum", b"1")], end_stream=True)
        client.flush()
        assert (await client.reply(number))[2] == b"hi"


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_client_that_waits_is_asked_for_its_body_only_if_it_is_wanted(listening, wanted):
    async def app(scope, receive, send):
        if wanted:
            await echo(scope, receive, send)
        else:
            await send(start(403))
            await send(part(b"no"))

    async with listening(app) as (port, _), connected(port) as client:
        number = client.ask(head(b"POST", b"/", (b"expect", b"100-continue")))
        if wanted:
            await client.until(lambda: client.informed)
            assert client.informed == [{b":status": b"100"}]
            client.h2.send_data(number, b"hi", end_stream=True)
            client.flush()
            assert (await client.reply(number))[2] == b"hi"
        else:
            assert (await client.reply(number))[0] == 403
            await client.until(lambda: client.resets)
            assert client.informed == []
            assert client.resets == {number: ErrorCodes.NO_ERROR}


async def test_each_part_is_one_write_and_the_head_goes_with_the_first(listening, monkeypatch):
    writes = []
    flush = http2.Connection.flush

    def seen(self):
        writes.append(bytes(self.h2._data_to_send))
        flush(self)

    monkeypatch.setattr(http2.Connection, "flush", seen)

    async def app(scope, receive, send):
        await send(start())
        await send(part(b"one", more=True))
        await send(part(b"two", more=True))
        await send(part())

    async with listening(app) as (port, _), connected(port) as client:
        assert (await client.reply(client.ask(head(b"GET"), b"")))[2] == b"onetwo"
    texts = [data for data in writes if b"one" in data or b"two" in data]
    assert [data[-3:] for data in texts] == [b"one", b"two"]
    assert texts[0][3] == HeadersFrame.type
    assert texts[1][3] == DataFrame.type


# Windows ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_body_waits_for_the_application_and_others_dont_wait_for_it(listening):
    go = asyncio.Event()

    async def app(scope, receive, send):
        if scope["raw_path"] == b"/wait":
            await go.wait()
        await echo(scope, receive, send)

    async def upload(client, number, size):
        while size:
            room = client.h2.local_flow_control_window(number)
            piece = min(room, size, client.h2.max_outbound_frame_size)
            if not piece:
                return size
            client.h2.send_data(number, b"x" * piece, end_stream=piece == size)
            client.flush()
            size -= piece
            await asyncio.sleep(0)
        return 0

    async with listening(app) as (port, listener), connected(port) as client:
        await client.until(lambda: client.h2.remote_settings.initial_window_size == http2.WINDOW)
        waiting = client.ask(head(b"POST", b"/wait"))
        left = await upload(client, waiting, 1_000_000)
        assert left == 1_000_000 - http2.WINDOW
        other = client.ask(head())
        assert await upload(client, other, 100_000) == 0
        assert len((await client.reply(other))[2]) == 100_000
        assert [call.unread for call in listener._serving.calls] == [http2.WINDOW]
        go.set()
        while left:
            assert await client.read()
            left = await upload(client, waiting, left)
        assert len((await client.reply(waiting))[2]) == 1_000_000


async def test_a_response_waits_for_the_clients_window(listening):
    written = []

    async def app(scope, receive, send):
        await send(start())
        for _ in range(50):
            await send(part(b"x" * 1000, more=True))
            written.append(1)
        await send(part(b"y" * 200_000))

    async with listening(app) as (port, _), connected(port, window=10_000) as client:
        number = client.ask(head(b"GET"), b"")
        await client.until(lambda: len(client.bodies[number]) == 10_000, acknowledge=False)
        await asyncio.sleep(0.02)
        assert len(written) == 10
        client.h2.acknowledge_received_data(10_000, number)
        client.flush()
        assert (await client.reply(number))[2] == b"x" * 50_000 + b"y" * 200_000


async def test_a_client_that_reads_nothing_makes_the_application_wait(listening):
    written = []

    async def app(scope, receive, send):
        await send(start())
        for _ in range(400):
            await send(part(b"x" * 100_000, more=True))
            written.append(1)
        await send(part())

    async with listening(app) as (port, _), connected(port, window=2**31 - 1) as client:
        client.h2.increment_flow_control_window(2**31 - 1 - 65535)
        number = client.ask(head(b"GET"), b"")
        last = -1
        while len(written) != last:
            last = len(written)
            await asyncio.sleep(0.05)
        assert last < 200
        assert len((await client.reply(number))[2]) == 40_000_000


async def test_a_stream_that_is_given_up_leaves_its_window_to_others(listening):
    async def app(scope, receive, send):
        if scope["raw_path"] == b"/wait":
            await receive()
            await asyncio.Event().wait()
        await echo(scope, receive, send)

    async with listening(app) as (port, listener), connected(port) as client:
        await client.until(lambda: client.h2.remote_settings.initial_window_size == http2.WINDOW)
        whole = http2.MAX_STREAMS * http2.WINDOW
        for _ in range(3 * http2.MAX_STREAMS // 4 + 10):
            number = client.ask(head(b"POST", b"/wait"))
            for _ in range(http2.WINDOW // 16384):
                client.h2.send_data(number, b"x" * 16384)
            client.h2.reset_stream(number)
            client.flush()
            await asyncio.sleep(0)
            for call in list(listener._serving.calls):
                call.task.cancel()
        assert (await client.reply(client.ask(head(), b"hi")))[2] == b"hi"
        assert client.h2.outbound_flow_control_window > whole // 2


# Ends ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_stream_that_is_reset_is_a_client_that_has_gone(listening):
    told, ended = [], asyncio.Event()

    async def app(scope, receive, send):
        scope["extensions"][asgi.DISCONNECT](lambda: told.append("callback"))
        await send(start())
        await send(part(b"x", more=True))
        while told[-1:] != ["http.disconnect"]:
            told.append((await receive())["type"])
        await send(part(b"for nobody", more=True))
        await send(part(b"for nobody"))
        ended.set()

    async with listening(app) as (port, _), connected(port) as client:
        number = client.ask(head())
        await client.until(lambda: client.bodies[number] == b"x")
        client.h2.reset_stream(number, ErrorCodes.CANCEL)
        client.flush()
        await asyncio.wait_for(ended.wait(), 30)
        assert told == ["callback", "http.disconnect"]


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("begun", [True, False])
async def test_a_response_that_isnt_whole_is_reset(listening, begun, fails):
    async def app(scope, receive, send):
        if scope["raw_path"] == b"/good":
            await echo(scope, receive, send)
            return
        await send(start(200, (b"content-length", b"10")))
        if begun:
            await send(part(b"some", more=True))
        if fails:
            raise KeyError("a prompt")

    async with listening(app) as (port, _), connected(port) as client:
        number = client.ask(head(), b"")
        if begun:
            await client.until(lambda: client.resets)
            assert client.resets == {number: ErrorCodes.INTERNAL_ERROR}
        else:
            assert (await client.reply(number))[0] == 500
        assert (await client.reply(client.ask(head(b"POST", b"/good"), b"")))[0] == 200


@pytest.mark.parametrize(
    ("header", "body"),
    [((b"x-a", b"1\r\n"), b""), ((b"content-length", b"1"), b""), ((b"content-length", b"x"), b"")],
)
async def test_a_response_that_http_cannot_carry_is_none(listening, header, body):
    async def app(scope, receive, send):
        await send(start(200, header))
        await send(part(body))

    async with listening(app) as (port, _), connected(port) as client:
        number = client.ask(head(), b"")
        await client.until(lambda: number in client.resets or number in client.ended)
        status = dict(client.heads.get(number, [])).get(b":status")
        assert number in client.resets or status == b"500"


async def test_a_client_that_says_goodbye_gets_its_answers(listening):
    go = asyncio.Event()

    async def app(scope, receive, send):
        await go.wait()
        await echo(scope, receive, send)

    async with listening(app) as (port, listener), connected(port) as client:
        number = client.ask(head(), b"hi")
        while not listener._serving.calls:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.001)
        # Not by h2, which would hear nothing after it.
        client.writer.write(bytes.fromhex("000008 07 00 00000000 00000000 00000000"))
        await asyncio.sleep(0.01)
        go.set()
        assert (await client.reply(number))[2] == b"hi"
        await client.rest()
        assert client.goodbye == ErrorCodes.NO_ERROR


async def test_closing_says_goodbye_when_answers_have_ended(listening):
    called, go = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        called.set()
        await go.wait()
        await echo(scope, receive, send)

    async with (
        listening(app) as (port, listener),
        connected(port) as idle,
        connected(port) as client,
    ):
        number = client.ask(head(), b"hi")
        await called.wait()
        listener.close()
        await idle.rest()
        assert idle.goodbye == ErrorCodes.NO_ERROR
        refused = client.ask(head(), b"")
        await client.until(lambda: client.resets)
        assert client.resets == {refused: ErrorCodes.REFUSED_STREAM}
        go.set()
        assert (await client.reply(number))[2] == b"hi"
        await client.rest()
        assert client.goodbye == ErrorCodes.NO_ERROR


async def test_stopping_breaks_off_what_goes_on(listening):
    async def app(scope, receive, send):
        await send(start())
        await send(part(b"some", more=True))
        await asyncio.sleep(3600)

    async with listening(app) as (port, listener), connected(port) as client:
        number = client.ask(head(), b"")
        await client.until(lambda: client.bodies[number])
        await listener.wait_closed()
        await client.rest()
        assert client.resets == {number: ErrorCodes.INTERNAL_ERROR}
        assert listener._serving.connections == set()


async def test_an_idle_connection_is_closed_with_a_goodbye(listening):
    async with listening(echo, idle_seconds=0.05) as (port, _), connected(port) as client:
        assert (await client.reply(client.ask(head(), b"")))[0] == 200
        await client.rest()
        assert client.goodbye == ErrorCodes.NO_ERROR


# Floods ──────────────────────────────────────────────────────────────────────────────────────────


def request_frame(number, *, ends=True):
    """A request whose fields are all in HPACK's static table: GET http / of no authority."""
    flags = ["END_HEADERS", "END_STREAM"] if ends else ["END_HEADERS"]
    # RFC 7541, A: 2 is GET, 6 http, 4 the path `/`; then authority, a literal.
    return HeadersFrame(number, b"\x82\x86\x84\x41\x01h", flags=flags).serialize()


FLOODS = {
    "resets": lambda at: (
        request_frame(2 * at + 1) + RstStreamFrame(2 * at + 1, error_code=8).serialize()
    ),
    "pings": lambda at: PingFrame(0, b"12345678").serialize(),
    "pings' answers": lambda at: PingFrame(0, b"12345678", flags=["ACK"]).serialize(),
    "settings": lambda at: SettingsFrame(0, settings={1: at % 4096}).serialize(),
    "settings' answers": lambda at: SettingsFrame(0, flags=["ACK"]).serialize(),
    "unknown frames": lambda at: ExtensionFrame(0xFE, 0).serialize(),
    "priorities": lambda at: PriorityFrame(1, depends_on=3, stream_weight=1).serialize(),
    "empty data": lambda at: (
        (request_frame(1, ends=False) if at == 0 else b"") + DataFrame(1, b"").serialize()
    ),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_a_flood_ends_the_connection(listening, flood):
    async with listening(echo) as (port, listener), connected(port) as client:
        await client.until(lambda: client.h2.remote_settings.initial_window_size == http2.WINDOW)
        at = 0
        while listener._serving.connections and at < 100_000:
            client.writer.write(b"".join(flood(each) for each in range(at, at + 100)))
            at += 100
            await asyncio.sleep(0)
        assert at <= 5000
        assert not listener._serving.connections
        await client.rest()
        assert client.goodbye in (None, ErrorCodes.ENHANCE_YOUR_CALM)


async def test_more_streams_than_are_allowed_end_the_connection(listening):
    async def app(scope, receive, send):
        await asyncio.sleep(3600)

    async with listening(app) as (port, listener), connected(port) as client:
        await client.until(lambda: client.h2.remote_settings.max_concurrent_streams == 128)
        for number in range(http2.MAX_STREAMS + 1):
            client.writer.write(request_frame(2 * number + 1))
        await client.rest()
        assert client.goodbye is not None
        assert len(listener._serving.calls) <= http2.MAX_STREAMS


async def test_streams_whose_application_goes_on_count(listening):
    all_called, called = asyncio.Event(), []

    async def app(scope, receive, send):
        if scope["raw_path"] != b"/good":
            called.append(scope)
            if len(called) == http2.MAX_STREAMS:
                all_called.set()
            await asyncio.sleep(3600)
        await echo(scope, receive, send)

    async with listening(app) as (port, listener), connected(port) as client:
        for _ in range(http2.MAX_STREAMS):
            client.h2.reset_stream(client.ask(head(), b""))
        client.flush()
        await asyncio.wait_for(all_called.wait(), 30)
        refused = client.ask(head(b"POST", b"/good"), b"")
        await client.until(lambda: client.resets)
        assert client.resets == {refused: ErrorCodes.REFUSED_STREAM}
        tasks = [call.task for call in listener._serving.calls]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert (await client.reply(client.ask(head(b"POST", b"/good"), b"")))[0] == 200


async def test_headers_that_are_too_large_end_the_connection(listening):
    async with listening(echo) as (port, _), connected(port) as client:
        with pytest.raises(AssertionError):
            await client.reply(client.ask(head(b"POST", b"/", (b"x-a", b"x" * 70_000)), b""))
        assert client.goodbye == ErrorCodes.ENHANCE_YOUR_CALM


@pytest.mark.parametrize("path", [b"a", b"/a b", b"/\x7f", b"//h\t"])
async def test_a_target_that_is_none_is_refused(listening, path):
    async with listening(echo) as (port, _), connected(port) as client:
        client.h2.config.validate_outbound_headers = False
        client.h2.config.normalize_outbound_headers = False
        client.ask(head(b"GET", path), b"")
        await client.until(lambda: client.resets or client.goodbye)
        assert [*client.resets.values(), client.goodbye][0] == ErrorCodes.PROTOCOL_ERROR


@pytest.mark.parametrize("method", [b"", b"G T", b"\x1b[31m", "é".encode(), b"A" * 33])
async def test_a_method_that_is_none_is_refused(listening, method):
    async with listening(echo) as (port, _), connected(port) as client:
        client.h2.config.validate_outbound_headers = False
        client.h2.config.normalize_outbound_headers = False
        number = client.ask(head(method), b"")
        await client.until(lambda: client.resets)
        assert client.resets == {number: ErrorCodes.PROTOCOL_ERROR}
        assert (await client.reply(client.ask(head(b"x-MY~1"), b"")))[0] == 200


@pytest.mark.parametrize("name", [b":authority", b"host"])
async def test_a_host_that_is_none_is_refused(listening, name):
    def to(host):
        return [*(pair for pair in head() if pair[0] != b":authority"), (name, host)]

    async with listening(echo) as (port, _), connected(port) as client:
        client.h2.config.validate_outbound_headers = False
        client.h2.config.normalize_outbound_headers = False
        asked = sorted if name == b":authority" else list  # what begins with a colon comes first
        number = client.ask(asked(to(b"a b/c@d")), b"")
        await client.until(lambda: client.resets)
        assert client.resets == {number: ErrorCodes.PROTOCOL_ERROR}
        assert (await client.reply(client.ask(asked(to(b"[::1]:80")), b"")))[0] == 200


FRAMES = {
    "data without a request": b"\x00\x00\x01\x00\x00\x00\x00\x00\x01x",
    "a frame of 16 MB": b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
    "an identifier of 0": HeadersFrame(1, b"\x82", flags=["END_HEADERS"]).serialize()[:5]
    + b"\0" * 5,
    "nonsense": bytes(range(256))[::-1],
    "HTTP/1.1": b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "endless headers": HeadersFrame(1, b"\x82").serialize()
    + ContinuationFrame(1, b"\x86" * 16).serialize() * 100,
}


@pytest.mark.parametrize("data", FRAMES.values(), ids=FRAMES)
async def test_frames_that_are_none_end_the_connection(listening, data):
    async with listening(echo) as (port, listener), connected(port) as client:
        client.writer.write(data)
        await client.rest()
        assert client.goodbye not in (None, ErrorCodes.NO_ERROR)
        await asyncio.sleep(0.01)
        assert not listener._serving.connections


# TLS ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_is_spoken_over_tls_with_whoever_offers_it(listening, tmp_path):
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["scheme"], scope["http_version"]))
        await echo(scope, receive, send)

    certificate = make_certificate(tmp_path)
    trust = ssl.create_default_context(cafile=certificate.ca)
    trust.set_alpn_protocols(["http/1.1", "h2"])
    async with (
        listening(app, certificate=certificate) as (port, _),
        connected(port, ssl=trust, server_hostname="localhost") as client,
    ):
        chosen = client.writer.get_extra_info("ssl_object").selected_alpn_protocol()
        assert chosen == "h2"
        assert (await client.reply(client.ask(head(), b"hi")))[2] == b"hi"
    assert seen == [("https", "2")]
