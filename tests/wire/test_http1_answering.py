"""HTTP/1.1 as a server has it: what is made of requests, sound and not, however cut; responses."""

from __future__ import annotations

from itertools import pairwise

import h11
import pytest
from hypothesis import given, settings, strategies as st

from outcrop.errors import APIStatusError
from outcrop.wire.http1_answering import RequestReader, ResponseWriter
from outcrop.wire.http1_framing import MAX_CHUNK_LINE, MAX_HEAD

DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"


def read(data: bytes, *cuts: int):
    """The reader and the body, after the bytes came in pieces cut there."""
    reader = RequestReader()
    places = [0, *sorted(cuts), len(data)]
    body = b"".join(reader.feed(data[begin:end]) for begin, end in pairwise(places))
    return reader, body


def refused(data: bytes) -> APIStatusError:
    """The failure for some bytes, whose status is the same whole and byte by byte."""
    failures = []
    for cuts in ((), range(1, len(data))):
        reader, _ = read(data, *cuts)
        assert isinstance(reader.failure, APIStatusError), (reader.begun, cuts)
        assert not reader.complete
        failures.append(reader.failure)
    assert failures[0].status_code == failures[1].status_code
    return failures[0]


# Sound requests ──────────────────────────────────────────────────────────────────────────────────

SOUND = {
    "get": b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "length": b"POST /a%2Fb?x=%20&y HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    "chunks": b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'5\r\nhello\r\n00A;name=value;q="x;y"\r\n0123456789\r\n0\r\n\r\n',
    "trailers": b"POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: Chunked\r\n\r\n"
    b"1\r\nx\r\n0;last\r\nX-Sum: 1\r\n\r\n",
    "repeated names": b"GET / HTTP/1.1\r\nX-A: 1\r\nHost: h\r\nx-b: 2\r\nx-a: 3\r\n\r\n",
    "odd values": b"GET / HTTP/1.1\r\nHost: h\r\nX-A:\r\nX-B: \t a  b \t\r\nX-C: \xe9\r\n\r\n",
    "equal lengths": b"PUT / HTTP/1.1\r\nHost: h\r\n"
    b"Content-Length: 2\r\ncontent-length: 2\r\n\r\nab",
    "1.0": b"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx",
    "empty line first": b"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "body like a head": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18\r\n\r\n"
    b"GET / HTTP/1.1\r\n\r\n",
    "any method": b"X-Y /z HTTP/1.1\r\nHost: h\r\n\r\n",
}  # fmt: skip


def judge(data: bytes):
    """What h11 makes of a request."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    request, body = connection.next_event(), b""
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        body += event.data
    return request, body


@pytest.mark.parametrize("data", SOUND.values(), ids=SOUND)
def test_a_request_is_what_h11_makes_of_it(data):
    request, judged = judge(data.lstrip())  # h11 takes no empty line before a request
    reader, body = read(data)
    assert reader.complete
    assert body == judged
    assert reader.method.encode() == request.method
    target = reader.path + (b"?" + reader.query if reader.query else b"")
    assert target == request.target
    assert reader.version.encode() == request.http_version
    # h11 joins equal lengths and spells codings in lower case; that's its right.
    theirs = {(name, value.lower()) for name, value in request.headers}
    assert {(name, value.lower()) for name, value in reader.headers} == theirs


@pytest.mark.parametrize("data", SOUND.values(), ids=SOUND)
def test_a_request_is_the_same_byte_by_byte(data):
    whole, body = read(data)
    cut, pieces = read(data, *range(1, len(data)))
    assert pieces == body
    for name in ("method", "path", "query", "version", "headers", "keep_alive", "complete"):
        assert getattr(cut, name) == getattr(whole, name)


@given(st.sampled_from(sorted(SOUND)), st.lists(st.integers(0, 200), max_size=8))
def test_a_request_is_the_same_however_it_is_cut(name, cuts):
    data = SOUND[name]
    whole, body = read(data)
    cut, pieces = read(data, *(min(each, len(data)) for each in cuts))
    assert (cut.headers, pieces, cut.complete) == (whole.headers, body, True)


@settings(max_examples=400)
@given(
    st.sampled_from(sorted(SOUND)),
    st.integers(0, 120),
    st.binary(max_size=3),
    st.integers(0, 3),
    st.lists(st.integers(0, 200), max_size=6),
)
def test_damaged_requests_are_read_or_refused_the_same_however_cut(name, at, put, drop, cuts):
    data = SOUND[name]
    data = data[:at] + put + data[at + drop :]
    whole, body = read(data)
    cut, pieces = read(data, *(min(each, len(data)) for each in cuts))
    assert (cut.begun, cut.complete, pieces) == (whole.begun, whole.complete, body)
    status = whole.failure and whole.failure.status_code
    assert (cut.failure and cut.failure.status_code) == status


@settings(max_examples=400)
@given(
    st.sampled_from(sorted(SOUND)), st.integers(0, 120), st.binary(max_size=3), st.integers(0, 3)
)
def test_what_is_read_of_a_damaged_request_is_what_h11_reads(name, at, put, drop):
    data = SOUND[name]
    data = data[:at] + put + data[at + drop :]
    reader, body = read(data)
    if not reader.complete or b"://" in data or reader.version == "1.0":
        return
    try:
        request, judged = judge(data)
    except (h11.RemoteProtocolError, AttributeError):
        # It is stricter about what doesn't frame a request: characters of targets and values.
        return
    assert (reader.method.encode(), body) == (request.method, judged)


def test_names_are_in_lower_case_and_everything_else_is_as_it_came():
    reader, _ = read(SOUND["repeated names"])
    assert reader.headers == [(b"x-a", b"1"), (b"host", b"h"), (b"x-b", b"2"), (b"x-a", b"3")]
    reader, _ = read(SOUND["length"])
    assert (reader.path, reader.query) == (b"/a%2Fb", b"x=%20&y")


def test_what_comes_after_a_request_is_kept_for_the_next():
    data = SOUND["length"] + SOUND["get"] + b"GET /thi"
    for cuts in ((), (len(SOUND["length"]) + 3,)):
        reader, body = read(data, *cuts)
        assert (reader.complete, body) == (True, b"hello")
        assert reader.surplus == SOUND["get"] + b"GET /thi"
    reader, _ = read(SOUND["chunks"] + b"X")
    assert reader.surplus == b"X"


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    st.lists(st.integers(0, 400), max_size=8),
)
def test_chunks_come_out_as_they_went_in(chunks, cuts):
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    data = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + coded
    data += b"0\r\n\r\n"
    reader, body = read(data, *(min(each, len(data)) for each in cuts))
    assert (body, reader.complete) == (b"".join(chunks), True)


@pytest.mark.parametrize(
    ("target", "method", "host", "path", "query"),
    [
        # RFC 9112, 3.2.2: its own example.
        (b"http://www.example.org/pub/WWW/TheProject.html", b"GET", b"www.example.org",
         b"/pub/WWW/TheProject.html", b""),
        (b"HTTPS://h:8443/a?b=c", b"GET", b"h:8443", b"/a", b"b=c"),
        (b"http://h", b"GET", b"h", b"/", b""),
        (b"http://h?x", b"GET", b"h", b"/", b"x"),
        # RFC 9112, 3.2.4: its own example.
        (b"http://www.example.org:8001", b"OPTIONS", b"www.example.org:8001", b"*", b""),
    ],
)  # fmt: skip
def test_an_absolute_target_names_the_host(target, method, host, path, query):
    reader, _ = read(method + b" " + target + b" HTTP/1.1\r\nX-A: 1\r\nHost: other\r\n\r\n")
    assert (reader.path, reader.query) == (path, query)
    assert reader.headers == [(b"host", host), (b"x-a", b"1")]


def test_an_asterisk_is_for_options():
    reader, _ = read(b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
    assert (reader.method, reader.path) == ("OPTIONS", b"*")
    assert refused(b"GET * HTTP/1.1\r\nHost: h\r\n\r\n").status_code == 400


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: x\r\nConnection: y, close\r\n", False),
        (b"GET / HTTP/1.0\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n", True),
        (b"GET / HTTP/1.9\r\nHost: h\r\n", True),
    ],
)
def test_a_client_says_whether_it_would_use_the_connection_again(head, kept):
    reader, _ = read(head + b"\r\n")
    assert (reader.complete, reader.keep_alive) == (True, kept)


@pytest.mark.parametrize(
    ("more", "waits"),
    [
        (b"Content-Length: 1\r\n", True),
        (b"Transfer-Encoding: chunked\r\n", True),
        (b"Content-Length: 0\r\n", False),
        (b"", False),
    ],
)
def test_a_client_that_has_a_body_may_wait_to_be_asked_for_it(more, waits):
    reader, _ = read(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n" + more + b"\r\n")
    assert reader.expects_continue is waits
    reader, _ = read(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\n" + more + b"\r\n")
    assert not reader.expects_continue


# Unsound requests ────────────────────────────────────────────────────────────────────────────────

LINE = b"POST / HTTP/1.1\r\nHost: h\r\n"
CHUNKED = LINE + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        LINE + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        LINE + b"Content-Length: 1, 2\r\n\r\nab",
        LINE + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        LINE + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        LINE + b"Transfer-Encoding:\r\n\r\n",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        *(
            LINE + b"Content-Length: %s\r\n\r\nab" % length
            for length in (b"-1", b"+2", b"0x2", b"2_0", b"", b"\xb2", b"1" * 16, b"two")
        ),
    ],
)
def test_lengths_that_can_be_read_in_two_ways_are_refused(data):
    assert refused(data).status_code == 400


@pytest.mark.parametrize("coding", [b"gzip", b"gzip, chunked", b"identity", b"chunked, gzip"])
def test_an_unknown_transfer_coding_isnt_implemented(coding):
    assert refused(LINE + b"Transfer-Encoding: %s\r\n\r\n" % coding).status_code == 501


@pytest.mark.parametrize(
    "data",
    [
        LINE + b"X-A: 1\r\n folded\r\n\r\n",
        LINE + b"X-A: 1\r\n\tfolded\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: h\r\n\r\n",
        LINE + b"X-A : 1\r\n\r\n",
        LINE + b"X A: 1\r\n\r\n",
        LINE + b": 1\r\n\r\n",
        LINE + b"no colon\r\n\r\n",
        LINE + b"X-\xe9: 1\r\n\r\n",
        LINE + b"X-A: a\rb\r\n\r\n",
        LINE + b"X-A: a\r\r\n\r\n",
        LINE + b"X-A: a\0b\r\n\r\n",
        LINE + b"X-A: a\nX-B: b\r\n\r\n",
        LINE + b"X-A: a\n\r\n",
        LINE + b"X-A: a\r\n\n",
        LINE + b"X-A: a\r\n\nX-B: b\r\n\r\n",
        b"GET / HTTP/1.1\nHost: h\n\n",
        b"GET / HTTP/1.1\nHost: h\r\n\r\n",
        b"GET /\rx HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n",
        b"GET http://a\\b/ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / a HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /\ta HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n",
        b" GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
        b"GET / http/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.\xb2\r\nHost: h\r\n\r\n",
        b"GET /\r\n\r\n",
        b"G(T / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"%s / HTTP/1.1\r\nHost: h\r\n\r\n" % (b"A" * 33),
        b"GET a HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET http://user@h/x HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\n\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        LINE + b"%s: 1\r\n\r\n" % (b"a" * 129),
    ],
)
def test_what_is_no_sound_head_is_refused(data):
    if data[:1] == b"\x16":
        reader, _ = read(data)
        assert reader.failure is not None
        assert "https" in str(reader.failure)
    else:
        assert refused(data).status_code == 400


@pytest.mark.parametrize(
    "host", [b"", b"h", b"H-1.example.:8080", b"127.0.0.1:1", b"[::1]:80", b"a_b%20c", b"~"]
)
def test_every_sound_host_is_taken(host):
    reader, _ = read(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
    assert reader.complete
    assert reader.headers == [(b"host", host)]


@pytest.mark.parametrize("version", [b"2.0", b"0.9", b"3.0"])
def test_another_version_is_refused_as_such(version):
    assert refused(b"GET / HTTP/%s\r\nHost: h\r\n\r\n" % version).status_code == 505


def test_nobody_is_connected_through():
    assert refused(b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n").status_code == 501


def test_an_unknown_expectation_is_refused():
    assert refused(LINE + b"Expect: tea\r\n\r\n").status_code == 417


def test_a_head_is_bounded():
    line = b"X-A: %s\r\n" % (b"a" * 1000)
    many = line * (MAX_HEAD // len(line) + 1)
    assert refused(LINE + many).status_code == 431
    assert refused(b"GET /" + b"a" * MAX_HEAD).status_code == 414
    assert refused(b"\r\n" * MAX_HEAD).status_code in (414, 431)
    reader, _ = read(LINE + line * 60 + b"\r\n")
    assert reader.complete


@pytest.mark.parametrize(
    "chunks",
    [
        b"x\r\n",
        b"-1\r\n",
        b"0x1\r\nx\r\n",
        b" 1\r\nx\r\n",
        b"\r\n",
        b"1\nx\r\n",
        b"1;a\rb\r\nx\r\n",
        b"1\r\nxy\r\n",
        b"1\r\nx\n",
        b"f" * 16 + b"\r\n",
        b"1;" + b"a" * MAX_CHUNK_LINE,
        b"0\r\n" + b"X-A: 1\r\n" * (MAX_HEAD // 8 + 1),
        b"0\r\n\n",
        b"0\r\nX-A: 1\n\r\n",
        b"0\r\nX-A: 1\rX-B: 2\r\n\r\n",
    ],
)
def test_chunks_that_are_none_are_refused_after_what_came_before(chunks):
    data = CHUNKED + b"3\r\nabc\r\n" + chunks
    assert refused(data).status_code == 400
    reader, body = read(data)
    assert reader.begun
    assert body.startswith(b"abc")


@pytest.mark.parametrize(
    "data",
    [
        b"GET /?X-Amz-Signature=hush x HTTP/1.1\r\n\r\n",
        b"GET hush HTTP/1.1\r\n\r\n",
        LINE + b"Authorization : hush\r\n\r\n",
        LINE + b"Authorization: hush\r\n hush\r\n\r\n",
        LINE + b"Authorization: hush\0\r\n\r\n",
        b"hush\x00 / HTTP/1.1\r\n\r\n",
    ],
)
def test_refusals_show_nothing_that_may_be_secret(data):
    assert "hush" not in str(refused(data))


# Responses ───────────────────────────────────────────────────────────────────────────────────────


def written(status, headers, parts, *, method="GET", version="1.1", keep_alive=True):
    """A writer, and all that it wrote."""
    writer = ResponseWriter(method, version, keep_alive=keep_alive)
    out = writer.begin(status, headers, date=DATE)
    for at, part in enumerate(parts, 1):
        out += writer.body(part, more=at < len(parts))
    return writer, out


def received(data: bytes, *, method="GET", ended=False):
    """What h11 makes of a response: itself, its body and its connection."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "h")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    if ended:
        client.receive_data(b"")
    response, body = client.next_event(), b""
    while not isinstance(event := client.next_event(), h11.EndOfMessage):
        body += event.data
    assert client.trailing_data[0] == b""
    return response, body, client


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("parts", [[b""], [b"all"], [b"some", b"", b"more"], [b"a", b""]])
def test_a_response_is_what_a_client_reads(parts, length):
    size = str(sum(map(len, parts))).encode()
    headers = [(b"x-a", b"1"), (b"x-a", b"2")] + [(b"content-length", size)] * length
    writer, out = written(200, headers, parts)
    response, body, client = received(out)
    assert (response.status_code, body) == (200, b"".join(parts))
    assert (b"date", DATE) in response.headers
    assert [value for name, value in response.headers if name == b"x-a"] == [b"1", b"2"]
    assert (b"content-length" in dict(response.headers)) is length
    assert writer.keep_alive
    assert client.their_state is h11.DONE


@pytest.mark.parametrize(
    ("method", "status", "headers"),
    [
        ("HEAD", 200, [(b"content-length", b"5")]),
        ("HEAD", 200, []),
        ("GET", 204, []),
        ("GET", 304, [(b"content-length", b"5")]),
    ],
)
def test_some_responses_have_no_body_whatever_is_given(method, status, headers):
    writer, out = written(status, headers, [b"hello"], method=method)
    response, body, _ = received(out, method=method)
    assert (response.status_code, body) == (status, b"")
    assert out.endswith(b"\r\n\r\n")
    assert writer.keep_alive
    for name, value in headers:
        assert (name, value) in response.headers


def test_a_204_says_no_length():
    _, out = written(204, [(b"content-length", b"0")], [b""])
    assert b"content-length" not in out


def test_a_client_of_1_0_gets_no_chunks():
    writer, out = written(200, [], [b"some", b"more"], version="1.0")
    assert out.endswith(b"\r\n\r\nsomemore")
    assert b"connection: close" in out
    assert not writer.keep_alive
    writer, out = written(200, [(b"content-length", b"4")], [b"some"], version="1.0")
    assert b"connection: keep-alive" in out
    assert writer.keep_alive


def test_the_application_may_close_the_connection():
    writer, out = written(200, [(b"connection", b"Close"), (b"content-length", b"0")], [b""])
    assert not writer.keep_alive
    assert out.count(b"connection: close") == 1
    assert received(out)[2].their_state is h11.MUST_CLOSE


def test_a_transfer_coding_of_the_applications_is_not_taken():
    _, out = written(200, [(b"Transfer-Encoding", b"gzip")], [b"x"])
    assert received(out)[1] == b"x"


@pytest.mark.parametrize(
    "header",
    [
        (b"x-a", b"1\r\nx-b: 2"),
        (b"x-a", b"1\n"),
        (b"x-a", b"\r"),
        (b"x-a", b"\0"),
        (b"x a", b"1"),
        (b"x-a\r\nx-b", b"1"),
        (b"", b"1"),
        (b"content-length", b"-1"),
        (b"content-length", b""),
    ],
)
def test_a_header_that_http_cannot_carry_is_refused(header):
    with pytest.raises(ValueError, match="response"):
        written(200, [header], [b""])


@pytest.mark.parametrize("parts", [[b"abc"], [b"ab", b"c"], [b"abcdef"], [b"abcd", b"e", b""]])
def test_a_body_that_isnt_as_long_as_promised_is_refused(parts):
    with pytest.raises(ValueError, match="content-length"):
        written(200, [(b"content-length", b"4")], parts)


@pytest.mark.parametrize("status", [200, 299, 404, 503, 999])
def test_any_status_can_be_sent(status):
    response, _, _ = received(written(status, [(b"content-length", b"0")], [b""])[1])
    assert response.status_code == status
