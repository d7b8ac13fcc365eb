"""HTTP/1.1 in bytes: what is sent, and what is made of replies, sound and not, however cut."""

from __future__ import annotations

import http.client
import io
from itertools import pairwise

import h11
import pytest
from hypothesis import given, settings, strategies as st

from outcrop.errors import APIConnectionError, RequestError
from outcrop.wire.http import Request
from outcrop.wire.http1 import SMALL_BODY, ResponseReader, write_request
from outcrop.wire.http1_framing import MAX_CHUNK_LINE, MAX_HEAD

ORIGIN = "https://bedrock.example"


def read(data: bytes, *cuts: int, method: str = "POST", ended: bool = False):
    """Status, headers, body and the reader, after the bytes came in pieces cut there."""
    reader = ResponseReader(method, ORIGIN)
    places = [0, *sorted(cuts), len(data)]
    body = b"".join(reader.feed(data[begin:end]) for begin, end in pairwise(places))
    if ended:
        reader.end()
    return reader, body


def refused(data: bytes, *, method: str = "POST", ended: bool = False) -> str:
    """The error for some bytes, which is the same whole and byte by byte."""
    texts = set()
    for cuts in ((), range(1, len(data))):
        reader, _ = read(data, *cuts, method=method, ended=ended)
        assert isinstance(reader.failure, APIConnectionError), (reader.status, cuts)
        assert not reader.complete
        assert not reader.keep_alive
        texts.add(reader.failure.message)
    assert ORIGIN in texts.pop()
    return reader.failure.message


# Requests ────────────────────────────────────────────────────────────────────────────────────────


def judge_request(data: bytes):
    """What h11 makes of a request."""
    judge = h11.Connection(h11.SERVER)
    judge.receive_data(data)
    request, body = judge.next_event(), b""
    while not isinstance(event := judge.next_event(), h11.EndOfMessage):
        body += event.data
    assert judge.trailing_data == (b"", False)
    return request, body


@pytest.mark.parametrize("size", [0, 1, SMALL_BODY, SMALL_BODY + 1])
def test_a_request_is_what_a_server_reads(size):
    asked = Request(
        "POST", "https://h.example:443", "/model/a%3Ab/invoke?x=%20",
        [("X-A", "1"), ("x-a", "2\t3"), ("X-B", "")], b"b" * size,
    )  # fmt: skip
    buffers = write_request(asked)
    request, body = judge_request(b"".join(buffers))
    assert request.method == b"POST"
    assert request.target == b"/model/a%3Ab/invoke?x=%20"
    assert list(request.headers) == [
        (b"host", b"h.example"), (b"x-a", b"1"), (b"x-a", b"2\t3"), (b"x-b", b""),
        (b"content-length", str(size).encode()),
    ]  # fmt: skip
    assert body == asked.body


def test_a_small_body_goes_with_its_head_and_a_large_one_is_not_copied():
    assert len(write_request(Request("POST", ORIGIN, "/", body=b"x"))) == 1
    body = b"x" * (SMALL_BODY + 1)
    assert write_request(Request("POST", ORIGIN, "/", body=body))[1] is body


def test_a_get_without_a_body_says_nothing_about_one():
    request, body = judge_request(b"".join(write_request(Request("GET", ORIGIN, "/x"))))
    assert (request.method, body) == (b"GET", b"")
    assert b"content-length" not in dict(request.headers)


def test_a_value_goes_as_utf8_as_it_is_signed():
    assert "X-A: é\r\n".encode() in write_request(Request("GET", ORIGIN, "/", [("X-A", "é")]))[0]


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX-B: 1", "\r", "a\0", "\x7f", "\ud800", "\x1b"])
def test_a_value_that_http_cannot_carry_is_refused_without_showing_it(value):
    with pytest.raises(RequestError, match="line break") as caught:
        write_request(Request("GET", ORIGIN, "/", [("X-A", f"s3cr3t{value}")]))
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "X A", "X:A", "X\nA", "é", "X-A\0"])
def test_a_name_that_http_cannot_carry_is_refused(name):
    with pytest.raises(RequestError):
        write_request(Request("GET", ORIGIN, "/", [(name, "v")]))


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "CONNECTION"])
def test_a_header_that_frames_the_request_is_refused(name):
    with pytest.raises(RequestError, match="frames"):
        write_request(Request("GET", ORIGIN, "/", [(name, "5")]))


@pytest.mark.parametrize("target", ["", "x", "/a b", "/a\r\n", "/é", "/\t", "http://other/"])
def test_a_target_that_http_cannot_carry_is_refused(target):
    with pytest.raises(RequestError, match="target"):
        write_request(Request("GET", ORIGIN, target))


# Sound replies ───────────────────────────────────────────────────────────────────────────────────

SOUND = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello",
    "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx",
    "empty reason": b"HTTP/1.1 404 \r\nContent-Length: 1\r\n\r\nx",
    "latin reason": b"HTTP/1.1 500 h\xe9\r\nContent-Length: 1\r\n\r\nx",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'5\r\nhello\r\n00A;name=value;q="x;y"\r\n0123456789\r\n1 \r\n!\r\n0\r\n\r\n',
    "trailers": b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n"
    b"1\r\nx\r\n0;last\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "folded": b"HTTP/1.1 200 OK\r\nX-A: a\r\n \t b\r\nContent-Length: 1\r\n\r\nx",
    "bare line feeds": b"HTTP/1.1 200 OK\nX-A: 1\nContent-Length: 3\n\n\n\nx",
    "spaces around a value": b"HTTP/1.1 200 OK\r\nX-A:  \t1 \t\r\nContent-Length:2\r\n\r\nab",
    "no value": b"HTTP/1.1 200 OK\r\nX-A:\r\nContent-Length: 1\r\n\r\nx",
    "the same length twice": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nab",
    "body with heads": b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\nHTTP/1.1 500 X\r\n\r\n!",
}  # fmt: skip


def judge_reply(data: bytes):
    """What h11 makes of a reply to a POST."""
    judge = h11.Connection(h11.CLIENT)
    judge.send(h11.Request(method="POST", target="/", headers=[("Host", "h")]))
    judge.send(h11.EndOfMessage())
    judge.receive_data(data)
    while isinstance(head := judge.next_event(), h11.InformationalResponse):
        pass
    body = b""
    while not isinstance(event := judge.next_event(), h11.EndOfMessage):
        body += event.data
    return head.status_code, [(n, v) for n, v in head.headers], body


@pytest.mark.parametrize("name", [n for n in SOUND if n != "bare line feeds"])
def test_a_reply_is_what_h11_makes_of_it(name):
    data = SOUND[name]
    reader, body = read(data)
    status, headers, judged = judge_reply(data)
    assert (reader.status, body) == (status, judged)
    ours = [(name.lower(), " ".join(value.split())) for name, value in reader.headers.pairs]
    # h11 joins equal lengths and spells codings in lower case; that's its right.
    theirs = [(n.decode(), " ".join(v.decode("latin-1").split())) for n, v in headers]
    assert {(n, v.lower()) for n, v in ours} == {(n, v.lower()) for n, v in theirs}
    assert (reader.complete, reader.keep_alive, reader.failure) == (True, True, None)


class _Socket:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


@pytest.mark.parametrize("name", [n for n in SOUND if "interim" not in n])
def test_a_reply_is_what_the_standard_librarys_client_makes_of_it(name):
    judge = http.client.HTTPResponse(_Socket(SOUND[name]), method="POST")
    judge.begin()
    reader, body = read(SOUND[name])
    assert (reader.status, body) == (judge.status, judge.read())


@pytest.mark.parametrize("data", SOUND.values(), ids=SOUND)
def test_a_reply_is_the_same_byte_by_byte(data):
    whole, body = read(data)
    cut, pieces = read(data, *range(1, len(data)))
    assert pieces == body
    assert (cut.status, cut.headers.pairs) == (whole.status, whole.headers.pairs)
    assert cut.complete
    assert cut.keep_alive


@given(st.sampled_from(sorted(SOUND)), st.lists(st.integers(0, 200), max_size=8))
def test_a_reply_is_the_same_however_it_is_cut(name, cuts):
    data = SOUND[name]
    whole, body = read(data)
    cut, pieces = read(data, *(min(each, len(data)) for each in cuts))
    assert (cut.status, pieces, cut.complete) == (whole.status, body, True)


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    st.lists(st.integers(0, 400), max_size=8),
)
def test_chunks_come_out_as_they_went_in(chunks, cuts):
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded + b"0\r\n\r\n"
    reader, body = read(data, *(min(each, len(data)) for each in cuts))
    assert body == b"".join(chunks)
    assert reader.keep_alive


@settings(max_examples=400)
@given(
    st.sampled_from(sorted(SOUND)),
    st.integers(0, 120),
    st.binary(max_size=3),
    st.integers(0, 3),
    st.lists(st.integers(0, 200), max_size=6),
)
def test_damaged_replies_are_read_or_refused_the_same_however_cut(name, at, put, drop, cuts):
    data = SOUND[name]
    data = data[:at] + put + data[at + drop :]
    whole, body = read(data, ended=True)
    cut, pieces = read(data, *(min(each, len(data)) for each in cuts), ended=True)
    assert (cut.status, cut.complete, pieces) == (whole.status, whole.complete, body)
    assert (cut.failure is None) == (whole.failure is None) == cut.complete


def test_a_stream_hands_out_each_chunk_as_it_comes():
    reader = ResponseReader("POST", ORIGIN)
    assert reader.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab") == b"ab"
    assert reader.begun
    assert reader.feed(b"c\r\n2\r\nde") == b"cde"
    assert reader.feed(b"\r\n") == b""
    assert not reader.complete
    assert reader.feed(b"0\r\n\r\n") == b""
    assert reader.complete


def test_a_body_without_a_length_lasts_until_the_end():
    data = b"HTTP/1.1 200 OK\r\n\r\nall of it"
    reader, body = read(data, 25)
    assert (body, reader.complete) == (b"all of it", False)
    reader.end()
    assert (reader.complete, reader.keep_alive, reader.failure) == (True, False, None)


def test_a_body_that_lasts_until_the_end_is_not_whole_if_tls_was_cut():
    reader, _ = read(b"HTTP/1.1 200 OK\r\n\r\nhalf")
    reader.end(cut=True)
    assert not reader.complete
    assert "before its reply had ended" in str(reader.failure)


def test_a_reply_to_head_has_no_body():
    reader, body = read(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method="HEAD")
    assert (reader.complete, reader.keep_alive, body) == (True, True, b"")


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (b"1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", False),
        (b"1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n", False),
        (b"1.1 200 OK\r\nConnection: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", False),
        (b"1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", True),
        (b"1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", True),
        (
            b"1.0 200 X\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            False,
        ),
        (b"1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n", False),
        (b"1.1 204 None\r\n\r\nsurplus", False),
        (b"1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx", False),
    ],
)
def test_a_connection_is_kept_only_if_both_sides_know_where_they_are(data, kept):
    data = b"HTTP/" + data
    for cuts in ((), range(1, len(data))):
        reader, _ = read(data, *cuts)
        assert reader.complete
        assert reader.keep_alive is kept


# Unsound replies ─────────────────────────────────────────────────────────────────────────────────

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        HEAD + b"Content-Length: 1, 2\r\n\r\nab",
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: \r\n\r\na",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: identity\r\n\r\n",
        HEAD + b"Transfer-Encoding:\r\n\r\n",
        *(
            HEAD + b"Content-Length: %s\r\n\r\nab" % length
            for length in (b"-1", b"+2", b"2 ", b"0x2", b"2_0", b"", b"\xb2", b"1" * 16, b"two")
            if length != b"2 "
        ),
    ],
)
def test_lengths_that_can_be_read_in_two_ways_are_refused(data):
    refused(data)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 200OK\r\n\r\n",
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        HEAD + b"X A: 1\r\n\r\n",
        HEAD + b"X-A : 1\r\n\r\n",
        HEAD + b": 1\r\n\r\n",
        HEAD + b"no colon\r\n\r\n",
        HEAD + b"X-A: a\rb\r\n\r\n",
        HEAD + b"X-A: a\0b\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"<html>",
    ],
)
def test_what_is_no_head_is_refused(head):
    assert "isn't HTTP/1.1" in refused(head)


def test_tls_where_http_was_expected_is_named():
    assert "https" in refused(b"\x15\x03\x01\x00\x02\x02\x46")


def test_a_head_is_bounded():
    line = b"X-A: %s\r\n" % (b"a" * 1000)
    assert str(MAX_HEAD) in refused(HEAD + line * (MAX_HEAD // len(line) + 1))
    reader, _ = read(HEAD + line * 60 + b"Content-Length: 0\r\n\r\n")
    assert reader.complete


def test_interim_replies_are_bounded_together():
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: %s\r\n\r\n" % (b"a" * 1000)
    assert str(MAX_HEAD) in refused(interim * (MAX_HEAD // len(interim) + 1))


@pytest.mark.parametrize(
    "chunks",
    [
        b"x\r\n",
        b"-1\r\n",
        b"+1\r\nx\r\n",
        b"0x1\r\nx\r\n",
        b"1_0\r\n",
        b" 1\r\nx\r\n",
        b"\r\n",
        b"1\nx\r\n",
        b"1;a\rb\r\nx\r\n",
        b"1\r\nxy\r\n",
        b"1\r\nx\n",
        b"1\r\nx\rx",
        b"f" * 16 + b"\r\n",
        b"1;" + b"a" * MAX_CHUNK_LINE,
        b"1" + b" " * MAX_CHUNK_LINE + b"\r\nx\r\n",
        b"0\r\n" + b"X-A: 1\r\n" * (MAX_HEAD // 8 + 1),
    ],
)
def test_chunks_that_are_none_are_refused_after_what_came_before(chunks):
    data = CHUNKED + b"3\r\nabc\r\n" + chunks
    refused(data)
    _, body = read(data)
    assert body.startswith(b"abc")


@pytest.mark.parametrize("name", [n for n in SOUND if n not in ("no content", "not modified")])
def test_an_end_anywhere_before_the_end_is_an_error(name):
    data = SOUND[name]
    for length in range(len(data)):
        reader, _ = read(data[:length], ended=True)
        assert not reader.complete
        assert "closed the connection" in str(reader.failure)
