"""Our own transport, blocking and awaiting: what a library was trusted with before."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
from importlib.util import find_spec

import pytest
import trustme

from outcrop.bedrock.call import Send, Timeout
from outcrop.errors import APIConnectionError, APITimeoutError, ConfigurationError
from outcrop.net import asyncio_sockets, sockets as sync_sockets, tls
from outcrop.net.dial import VARIABLE, AsyncDialer, SyncDialer
from outcrop.wire.http import Request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge"


#: The same voices as in conftest.
KINDS = ["sync", "async", *(["uvloop"] if find_spec("uvloop") else [])]


@pytest.fixture(params=["sockets"])
def transport(request, monkeypatch):
    """For `voice`: only ours."""
    monkeypatch.setenv(VARIABLE, request.param)
    return request.param


def always(caller) -> None:
    while caller.take() is not None:
        caller.say(OK)


def once(caller) -> None:
    caller.take()
    caller.say(OK)
    caller.wait_for_end()


# Time ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("streamed", [False, True])
def test_a_slow_peer_has_time_as_long_as_it_goes_on(voice, peer_of, streamed):
    reply = CHUNKED + b"2\r\nok\r\n0\r\n\r\n"

    def serve(caller) -> None:
        caller.take()
        for at in range(len(reply)):
            caller.say(reply[at : at + 1])
            time.sleep(0.01)

    peer = peer_of(serve)
    patience = Timeout(10, 0.4)
    if streamed:
        assert voice.read_all(voice.open(peer.url, timeout=patience)) == b"ok"
    else:
        assert voice.ask(peer.url, timeout=patience).body == b"ok"


def test_each_call_has_its_own_time_out_on_one_connection(voice, peer_of):
    def serve(caller) -> None:
        for wait in (0.0, 0.0, 0.3, 5.0):
            caller.take()
            time.sleep(wait)
            caller.say(OK)

    peer = peer_of(serve)
    assert voice.ask(peer.url, timeout=Timeout(10, 60)).status == 200
    assert voice.ask(peer.url, timeout=Timeout(None, None)).status == 200
    assert voice.ask(peer.url, timeout=Timeout(10, 30)).status == 200
    with pytest.raises(APITimeoutError, match=r"0\.2 s"):
        voice.ask(peer.url, timeout=Timeout(10, 0.2))
    assert peer.connections == 1


def test_a_peer_that_takes_nothing_is_waited_for_as_long_as_allowed(voice, peer_of):
    leave = threading.Event()
    peer = peer_of(lambda _: leave.wait(30))
    with pytest.raises(APITimeoutError):
        voice.ask(peer.url, b"x" * 30_000_000, timeout=Timeout(10, 0.3))
    leave.set()


def test_the_next_address_is_tried_when_one_does_not_answer(voice, peer_of, monkeypatch):
    peer = peer_of(always)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = taken.getsockname()[1]
    both = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        for port in (dead, peer.port)
    ]
    for module in (sync_sockets, asyncio_sockets):
        monkeypatch.setattr(module, "numeric", lambda _: both)
    assert voice.ask("http://two.invalid").status == 200
    both.pop()
    with pytest.raises(APIConnectionError, match="refused"):
        voice.ask("http://two.invalid:81")


# Kept connections ────────────────────────────────────────────────────────────────────────────────


def test_a_request_is_never_sent_twice_by_the_transport(voice, peer_of):
    def serve(caller) -> None:
        caller.take()
        caller.say(OK)
        caller.take()  # and closes without a word: a server that stops, or a keep-alive race

    peer = peer_of(serve, always)
    voice.ask(peer.url)
    with pytest.raises(APIConnectionError) as caught:
        voice.ask(peer.url)
    assert caught.value.retryable
    assert len(peer.heads) == 2


def test_what_comes_unasked_is_no_reply(voice, peer_of):
    def serve(caller) -> None:
        caller.take()
        caller.say(OK)
        said.wait(10)
        caller.say(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        caller.wait_for_end()

    said = threading.Event()
    peer = peer_of(serve, always)
    assert voice.ask(peer.url).status == 200
    said.set()
    time.sleep(0.1)
    assert voice.ask(peer.url).status == 200
    assert peer.connections == 2


def test_a_connection_that_was_idle_for_long_is_not_used(voice, peer_of, monkeypatch):
    peer = peer_of(always)
    voice.ask(peer.url)
    for module in (sync_sockets, asyncio_sockets):
        monkeypatch.setattr(module, "LONGEST_IDLE", 0.0)
    voice.ask(peer.url)
    assert peer.connections == 2


def test_idle_connections_are_bounded(voice, peer_of, monkeypatch):
    for module in (sync_sockets, asyncio_sockets):
        monkeypatch.setattr(module, "MAX_IDLE", 1)
    peers = [peer_of(always), peer_of(always)]
    for peer in peers * 2:
        voice.ask(peer.url)
    assert [peer.connections for peer in peers] == [1, 2]


def test_a_stream_left_at_its_last_byte_keeps_the_connection(voice, peer_of):
    def serve(caller) -> None:
        while caller.take() is not None:
            caller.say(CHUNKED + b"2\r\nok\r\n0\r\n\r\n")

    peer = peer_of(serve)
    for _ in range(3):
        answer = voice.open(peer.url)
        voice.read_some(answer)
        voice.release(answer)
    assert peer.connections == 1


def test_a_stream_says_that_it_is_closed(voice, peer_of):
    def serve(caller) -> None:
        caller.take()
        caller.say(CHUNKED + b"2\r\nok\r\n")
        caller.wait_for_end()

    answer = voice.open(peer_of(serve).url)
    voice.release(answer)
    for _ in range(2):
        if voice.dialer is not None:
            try:
                voice.read_some(answer)
            except APIConnectionError as error:
                assert not error.retryable  # noqa: PT017 - what came before may be handed out first


def test_threads_share_a_dialer(peer_of, monkeypatch):
    monkeypatch.setenv(VARIABLE, "sockets")
    peer = peer_of(always)
    request = Request("POST", peer.url, "/", [], b"?")
    dialer, done = SyncDialer(), []

    def call() -> None:
        step = Send(request, Timeout(10, 10), streamed=False)
        done.extend(dialer.send(step).body for _ in range(40))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    dialer.close()
    assert done == [b"ok"] * 320
    assert peer.connections <= 8


# Early answers ───────────────────────────────────────────────────────────────────────────────────


def answer_early(caller) -> None:
    """Refuses a request by its head, and hangs up without having read it."""
    while b"\r\n\r\n" not in caller.connection.recv(4096):
        pass
    caller.say(TOO_LARGE)


@pytest.mark.parametrize("size", [100_000, 5_000_000])
def test_an_answer_before_the_request_is_sent_is_seen(voice, peer_of, size):
    peer = peer_of(answer_early)
    for _ in range(20):
        answer = voice.ask(peer.url, b"x" * size)
        assert (answer.status, answer.body) == (413, b"large")


def test_an_answer_before_the_request_is_sent_is_seen_though_the_peer_stays(voice, peer_of):
    def serve(caller) -> None:
        caller.connection.recv(4096)
        caller.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        caller.connection.recv(4096)
        caller.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge")
        go.wait(20)

    go = threading.Event()
    peer = peer_of(serve, always)
    assert voice.ask(peer.url, b"x" * 30_000_000).status == 413
    assert voice.ask(peer.url).status == 200
    assert peer.connections == 2  # nobody knows how much of the request would still be to come
    go.set()


def test_a_peer_that_hangs_up_on_a_large_request_is_an_error(voice, peer_of):
    peer = peer_of(lambda caller: caller.connection.recv(4096) and caller.reset())
    with pytest.raises(APIConnectionError):
        voice.ask(peer.url, b"x" * 30_000_000)


# Memory ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_long_stream_takes_no_memory(voice, peer_of):
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"

    def serve(caller) -> None:
        caller.take()
        caller.say(CHUNKED)
        for _ in range(100_000_000 // 0x8000):
            caller.say(chunk)
        caller.say(b"0\r\n\r\n")

    answer = voice.open(peer_of(serve).url)
    tracemalloc.start()
    try:
        length = 0
        while (piece := voice.read_some(answer)) is not None:
            length += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    voice.release(answer)
    assert length == 100_000_000 // 0x8000 * 0x8000
    assert peak < 8_000_000


def test_a_large_request_is_not_held_twice(voice, peer_of):
    body = b"x" * 20_000_000
    peer = peer_of(always)
    tracemalloc.start()
    try:
        assert voice.ask(peer.url, body).status == 200
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The peer's own copies, in this process too, are most of it: two while it joins its reads.
    assert peak < 3 * len(body)


@pytest.mark.parametrize("kind", KINDS[1:])  # a blocking socket reads only when it is asked to
def test_a_peer_is_held_back_while_nobody_reads(peer_of, voice):
    sent = 0

    def serve(caller) -> None:
        nonlocal sent
        caller.take()
        caller.say(CHUNKED)
        for _ in range(2000):
            caller.say(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
            sent += 0x8000
        caller.say(b"0\r\n\r\n")

    answer = voice.open(peer_of(serve).url)
    voice.rest(0.5)
    held = sent
    assert held < 2000 * 0x8000 / 2  # what the system's own buffers take
    assert len(voice.read_all(answer)) == 2000 * 0x8000


# Cancellation and event loops ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("streamed", [False, True])
def test_a_cancelled_call_closes_its_connection_at_once(peer_of, monkeypatch, streamed):
    monkeypatch.setenv(VARIABLE, "sockets")
    peer = peer_of(lambda caller: caller.take() is not None and caller.wait_for_end())
    step = Send(Request("POST", peer.url, "/", [], b"?"), Timeout(10, 600), streamed)

    async def main() -> None:
        dialer = AsyncDialer()
        call = asyncio.ensure_future(dialer.send(step))
        assert await asyncio.to_thread(peer.asked.wait, 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(peer.left.wait, 10)
        await dialer.close()

    asyncio.run(main())


def test_a_cancelled_read_of_a_stream_closes_its_connection_at_once(peer_of, monkeypatch):
    monkeypatch.setenv(VARIABLE, "sockets")

    def serve(caller) -> None:
        caller.take()
        caller.say(CHUNKED + b"2\r\nok\r\n")
        caller.wait_for_end()

    peer = peer_of(serve)
    step = Send(Request("POST", peer.url, "/", [], b"?"), Timeout(10, 600), streamed=True)

    async def main() -> None:
        dialer = AsyncDialer()
        answer = await dialer.send(step)
        assert await dialer.read_some(answer) == b"ok"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await dialer.read_some(answer)
        assert await asyncio.to_thread(peer.left.wait, 10)
        with pytest.raises(APIConnectionError):
            await dialer.read_some(answer)

    asyncio.run(main())


def test_a_stream_that_is_dropped_is_closed(peer_of, monkeypatch):
    monkeypatch.setenv(VARIABLE, "sockets")

    def serve(caller) -> None:
        caller.take()
        caller.say(CHUNKED + b"2\r\nok\r\n")
        caller.wait_for_end()

    peer = peer_of(serve)
    step = Send(Request("POST", peer.url, "/", [], b"?"), Timeout(10, 600), streamed=True)

    async def main() -> None:
        answer = await AsyncDialer().send(step)
        assert answer.status == 200
        del answer
        gc.collect()
        assert await asyncio.to_thread(peer.left.wait, 10)

    asyncio.run(main())


def test_a_client_that_is_never_closed_leaves_nothing_open(peer_of, monkeypatch):
    """Warnings are errors here: that of an unclosed socket or transport among them."""
    monkeypatch.setenv(VARIABLE, "sockets")

    peer = peer_of(once)
    step = Send(Request("POST", peer.url, "/", [], b"?"), Timeout(10, 10), streamed=False)
    dialer = AsyncDialer()

    async def main() -> None:
        assert (await dialer.send(step)).body == b"ok"

    for _ in range(2):  # each in an event loop of its own
        asyncio.run(main())
        assert peer.left.wait(10)
        peer.left.clear()
    assert peer.connections == 2
    assert SyncDialer().send(step).body == b"ok"
    gc.collect()
    assert peer.left.wait(10)


def test_a_client_that_is_collected_after_its_sockets_leaves_nothing_open(peer_of):
    """A full collection finalizes the youngest generation before the next: sockets before pools."""

    peer = peer_of(once)
    step = Send(Request("POST", peer.url, "/", [], b"?"), Timeout(10, 10), streamed=False)
    gc.disable()
    try:
        pool = sync_sockets.SyncSockets()
        gc.collect(0)
        assert pool.send(step).body == b"ok"
        pool.cycle = pool
        del pool
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            gc.collect()
    finally:
        gc.enable()
    assert not [str(each.message) for each in warned]
    assert peer.left.wait(10)


def test_a_client_that_lives_to_the_end_of_the_program_leaves_nothing_open(peer_of):
    program = """
import atexit, sys
from outcrop.bedrock.call import Send, Timeout
from outcrop.net.sockets import SyncSockets
from outcrop.wire.http import Request

step = Send(Request("POST", sys.argv[1], "/", [], b"?"), Timeout(10, 10), streamed=False)
ask = lambda: print(SyncSockets.send(pool, step).body)
atexit.register(ask)
pool = SyncSockets()
ask()
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, peer_of(always).url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "b'ok'\n" * 2
    assert done.stderr == ""


def test_many_calls_at_once(peer_of, monkeypatch):
    monkeypatch.setenv(VARIABLE, "sockets")
    peer = peer_of(always)
    step = Send(Request("POST", peer.url, "/", [], b"?"), Timeout(10, 30), streamed=False)

    async def main() -> None:
        dialer = AsyncDialer()
        for _ in range(3):
            answers = await asyncio.gather(*(dialer.send(step) for _ in range(64)))
            assert [each.body for each in answers] == [b"ok"] * 64
        await dialer.close()

    asyncio.run(main())
    assert peer.connections == 64


# TLS ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def certified(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def trusting(kind, authority, monkeypatch, voice_of):
    monkeypatch.setenv(VARIABLE, "sockets")
    voice = voice_of(kind, authority.cert_pem.bytes())
    yield voice
    voice.close()
    voice.end()


def test_tls_carries_calls_and_streams(trusting, certified, peer_of):
    def serve(caller) -> None:
        while (body := caller.take()) is not None:
            caller.say(CHUNKED)
            for at in range(0, len(body), 50_000):
                piece = body[at : at + 50_000]
                caller.say(b"%x\r\n%s\r\n" % (len(piece), piece))
            caller.say(b"0\r\n\r\n")

    peer = peer_of(serve, tls=certified)
    for body in (b"hello", bytes(range(256)) * 20_000):
        assert trusting.ask(peer.named, body).body == body
        assert trusting.read_all(trusting.open(peer.named, body)) == body
    assert peer.connections == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(voice, certified, peer_of):
    peer = peer_of(always, tls=certified)
    with pytest.raises(APIConnectionError, match="isn't trusted") as caught:
        voice.ask(peer.named)
    assert "AWS_CA_BUNDLE" in caught.value.mend
    assert not caught.value.retryable
    assert peer.heads == []


def test_a_certificate_for_another_host_is_refused(trusting, certified, peer_of):
    peer = peer_of(always, tls=certified)
    with pytest.raises(APIConnectionError, match="isn't trusted"):
        trusting.ask(peer.url)
    assert peer.heads == []


def test_a_peer_without_tls_is_an_error(trusting, peer_of):
    peer = peer_of(lambda caller: caller.say(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with pytest.raises(APIConnectionError):
        trusting.ask(peer.named.replace("http:", "https:"))


def test_tls_where_none_was_expected_is_named(voice, certified, peer_of):
    peer = peer_of(always, tls=certified)
    with pytest.raises(APIConnectionError):
        voice.ask(peer.named.replace("https:", "http:"))


@pytest.mark.parametrize("alert", [True, False])
def test_a_body_that_lasts_until_the_end_needs_tlss_own_end(trusting, certified, peer_of, alert):
    def serve(caller) -> None:
        caller.take()
        caller.say(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        if alert:
            caller.connection.unwrap()

    peer = peer_of(serve, tls=certified)
    if alert:
        assert trusting.ask(peer.named).body == b"all of it"
    else:
        with pytest.raises(APIConnectionError, match="before its reply had ended"):
            trusting.ask(peer.named)


def test_a_body_with_a_length_does_not_need_tlss_own_end(trusting, certified, peer_of):
    peer = peer_of(lambda caller: caller.take() and caller.say(OK), tls=certified)
    for _ in range(2):
        assert trusting.ask(peer.named).body == b"ok"
        time.sleep(0.05)


def test_an_answer_before_the_request_is_sent_is_seen_over_tls(trusting, certified, peer_of):
    def serve(caller) -> None:
        caller.connection.recv(4096)
        caller.say(TOO_LARGE)
        go.wait(20)

    go = threading.Event()
    peer = peer_of(serve, tls=certified)
    assert trusting.ask(peer.named, b"x" * 30_000_000).status == 413
    go.set()


def test_certificates_that_are_none_are_refused():
    with pytest.raises(ConfigurationError, match="AWS_CA_BUNDLE"):
        tls.context(b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")


def test_there_is_one_context_for_the_same_certificates(authority):
    pem = authority.cert_pem.bytes()
    assert tls.context(pem) is tls.context(bytes(pem))


# Processes ───────────────────────────────────────────────────────────────────────────────────────

FORK = """
import os, sys
from outcrop.bedrock.call import Send, Timeout
from outcrop.net.dial import SyncDialer
from outcrop.wire.http import Request
dialer = SyncDialer()
def step(streamed):
    return Send(Request("POST", sys.argv[1], "/", [], b"?"), Timeout(10, 10), streamed)
dialer.send(step(False))
stream = dialer.send(step(True))
dialer.send(step(False))
if os.fork() == 0:
    try:
        dialer.read_some(stream); dialer.read_some(stream)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
    dialer.release(stream)
    print(dialer.send(step(False)).body, flush=True)
    os._exit(0)
os.wait()
print(dialer.read_all(stream), dialer.send(step(False)).body)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_uses_none_of_its_parents_connections(peer_of):
    def serve(caller) -> None:
        while caller.take() is not None:
            caller.say(CHUNKED + b"2\r\nok\r\n")
            time.sleep(0.2)
            caller.say(b"0\r\n\r\n")

    peer = peer_of(serve)
    done = subprocess.run(
        [sys.executable, "-c", FORK, peer.url],
        capture_output=True, encoding="utf-8", timeout=60, check=True,
    )  # fmt: skip
    refusal, *rest = done.stdout.splitlines()
    assert refusal.startswith("ConfigurationError This process was forked")
    assert rest == ["b'ok'", "b'ok' b'ok'"]
    assert peer.connections == 3


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_call_loads_nothing_that_it_does_not_need(peer_of, kind):
    code = {
        "sync": "SyncDialer().send(step)",
        "async": "__import__('asyncio').run(AsyncDialer().send(step))",
    }[kind]
    script = (
        "import sys\n"
        "from outcrop.bedrock.call import Send, Timeout\n"
        "from outcrop.net.dial import AsyncDialer, SyncDialer\n"
        "from outcrop.wire.http import Request\n"
        "step = Send(Request('POST', sys.argv[1], '/', [], b''), Timeout(10, 10), False)\n"
        f"{code}\n"
        "print(*(m for m in ('pyreqwest', 'botocore', 'asyncio', 'ssl') if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, peer_of(always).url],
        capture_output=True, encoding="utf-8", timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split() == {"sync": [], "async": ["asyncio", "ssl"]}[kind]


def test_a_signal_ends_any_wait(peer_of, monkeypatch):
    monkeypatch.setenv(VARIABLE, "sockets")
    peer = peer_of(lambda caller: caller.take() is not None and caller.wait_for_end())
    step = Send(Request("POST", peer.url, "/", [], b"?"), Timeout(10, 600), streamed=False)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            SyncDialer().send(step)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert peer.left.wait(10)
