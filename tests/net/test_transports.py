"""Both transports, blocking and awaiting, against peers that behave and peers that don't."""

from __future__ import annotations

import socket
import time

import pytest

from outcrop.bedrock.call import Timeout
from outcrop.errors import APIConnectionError, APITimeoutError, ConfigurationError, RequestError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def always(reply: bytes):
    """Answers every request with the same."""

    def serve(caller) -> None:
        while caller.take() is not None:
            caller.say(reply)

    return serve


def once(*pieces: bytes, then: str = "close"):
    """Answers one request, piece by piece, and then closes, resets, or waits for the other side."""

    def serve(caller) -> None:
        caller.take()
        for piece in pieces:
            caller.say(piece)
        if then == "reset":
            caller.reset()
        elif then == "wait":
            caller.wait_for_end()

    return serve


def test_calls_share_a_connection(voice, peer_of):
    peer = peer_of(always(OK))
    for _ in range(3):
        answer = voice.ask(peer.url)
        assert (answer.status, answer.body) == (200, b"ok")
    assert peer.connections == 1
    assert peer.heads[0].startswith(b"POST /model/m/invoke HTTP/1.1\r\n")


def test_a_stream_gives_what_has_come_before_more_comes(voice, peer_of):
    def serve(caller) -> None:
        while caller.take() is not None:
            caller.say(CHUNKED + b"3\r\none\r\n")
            assert go.wait(10)
            caller.say(b"3\r\ntwo\r\n")
            caller.say(b"0\r\n\r\n")

    import threading

    go = threading.Event()
    peer = peer_of(serve)
    answer = voice.open(peer.url)
    assert voice.read_some(answer) == b"one"
    go.set()
    assert voice.read_some(answer) == b"two"
    assert voice.read_some(answer) is None
    voice.release(answer)
    assert voice.read_all(voice.open(peer.url)) == b"onetwo"
    assert peer.connections == 1


def test_a_stream_that_is_left_is_closed(voice, peer_of):
    peer = peer_of(once(CHUNKED, b"3\r\none\r\n", then="wait"))
    answer = voice.open(peer.url)
    assert voice.read_some(answer) == b"one"
    voice.release(answer)
    voice.release(answer)
    voice.rest(0.05)
    assert peer.left.wait(10)


def test_a_connection_that_the_peer_has_closed_is_not_used_again(voice, peer_of):
    peer = peer_of(once(OK), always(OK))
    assert voice.ask(peer.url).body == b"ok"
    time.sleep(0.1)
    assert voice.ask(peer.url).body == b"ok"
    assert peer.connections == 2


def test_a_connection_that_is_to_be_closed_is_not_kept(voice, peer_of):
    last = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    peer = peer_of(once(last, then="wait"), always(OK))
    assert voice.ask(peer.url).body == b"ok"
    voice.rest(0.05)
    assert peer.left.wait(10)
    assert voice.ask(peer.url).body == b"ok"


def test_a_reply_without_a_length_lasts_until_the_end(voice, peer_of):
    peer = peer_of(once(b"HTTP/1.1 200 OK\r\n\r\nall ", b"of it"))
    assert voice.ask(peer.url).body == b"all of it"
    assert voice.read_all(voice.open(peer.url)) == b"all of it"


def test_interim_replies_are_passed_over(voice, peer_of):
    peer = peer_of(once(b"HTTP/1.1 103 Early Hints\r\n\r\n", OK))
    assert voice.ask(peer.url).status == 200


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"HTTP/1.1 200",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",),
        (CHUNKED, b"5\r\nab"),
        (CHUNKED, b"2\r\nab\r\n"),
        (CHUNKED, b"zz\r\n"),
        (b"\x00\x01\x02 garbage \xff\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 2_000_000 + b"\r\n\r\n",),
    ],
)
@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_reply_that_is_none_is_an_error(voice, peer_of, pieces, then):
    peer = peer_of(once(*pieces, then=then))
    with pytest.raises(APIConnectionError):
        voice.ask(peer.url)
    with pytest.raises(APIConnectionError):
        voice.read_all(voice.open(peer.url))
    assert peer.connections == 2


def test_a_peer_that_says_nothing_is_waited_for_as_long_as_allowed(voice, peer_of):
    peer = peer_of(once(then="wait"))
    with pytest.raises(APITimeoutError):
        voice.ask(peer.url, timeout=Timeout(10, 0.1))
    voice.rest(0.05)
    assert peer.left.wait(10)


def test_a_stream_that_stops_is_waited_for_as_long_as_allowed(voice, peer_of):
    peer = peer_of(once(CHUNKED, b"3\r\none\r\n", then="wait"))
    answer = voice.open(peer.url, timeout=Timeout(10, 0.2))
    assert voice.read_some(answer) == b"one"
    with pytest.raises(APITimeoutError):
        voice.read_some(answer)
    voice.release(answer)


def test_nobody_there_is_an_error_that_names_the_place(voice):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(APIConnectionError, match=rf"http://127\.0\.0\.1:{port}.*refused"):
        voice.ask(f"http://127.0.0.1:{port}")


def test_a_name_that_is_none_is_an_error_that_names_it(voice):
    with pytest.raises(APIConnectionError, match=r"nobody\.invalid"):
        voice.ask("http://nobody.invalid")


def test_a_place_that_does_not_answer_is_waited_for_as_long_as_allowed(voice):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]  # Linux: the queue is full after one
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", port))
            began = time.monotonic()
            with pytest.raises(APITimeoutError):
                voice.ask(f"http://127.0.0.1:{port}", timeout=Timeout(0.3, 60))
            assert time.monotonic() - began < 30
        finally:
            for each in waiting:
                each.close()


def test_what_http_cannot_carry_is_refused_before_it_is_sent(voice, peer_of):
    from outcrop.bedrock.call import Send
    from outcrop.wire.http import Request

    peer = peer_of(always(OK))
    request = Request("POST", peer.url, "/", [("Authorization", "s3cr3t\n")], b"")
    with pytest.raises(RequestError, match="line break") as caught:
        voice.run(voice.dialer.send(Send(request, Timeout(), streamed=False)))
    assert "s3cr3t" not in str(caught.value)
    assert peer.connections == 0


def test_a_closed_client_says_so(voice, peer_of):
    peer = peer_of(always(OK))
    voice.ask(peer.url)
    voice.close()
    for url in (peer.url, peer.named):
        with pytest.raises(ConfigurationError, match="closed"):
            voice.ask(url)


def test_a_large_request_arrives_whole(voice, peer_of):
    body = bytes(range(256)) * 40_000
    taken = []

    def serve(caller) -> None:
        while (got := caller.take()) is not None:
            taken.append(got)
            caller.say(OK)

    peer = peer_of(serve)
    for _ in range(2):
        assert voice.ask(peer.url, body).status == 200
    assert taken == [body, body]
    assert peer.connections == 1


def test_a_large_reply_arrives_whole(voice, peer_of):
    body = bytes(range(256)) * 40_000
    peer = peer_of(always(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)))
    assert voice.ask(peer.url).body == body
    assert voice.read_all(voice.open(peer.url)) == body
