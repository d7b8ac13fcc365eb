"""The page's server: who is let in, what is refused, and that it ends."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from outcrop.activity.page import serve, serving
from outcrop.errors import ConfigurationError


@pytest.fixture
def served(month, opened):
    with serve(opened(month)) as page:
        yield page


def ask(page, path, *, method="GET", headers=None):
    """Status, headers and body of a reply."""
    with closing(http.client.HTTPConnection(urlsplit(page.address).netloc, timeout=30)) as line:
        line.request(method, path, headers=headers or {})
        reply = line.getresponse()
        return reply.status, reply.headers, reply.read()


def enter(page):
    """The headers of somebody who was let in."""
    status, headers, _ = ask(page, f"/?{urlsplit(page.url).query}")
    assert status == 303
    return {"Cookie": headers["Set-Cookie"].split(";")[0]}


def raw(page, text, *, wait=30):
    """The reply to bytes as they are; an empty one if the server closes without a word."""
    with socket.create_connection(("127.0.0.1", urlsplit(page.address).port), timeout=wait) as line:
        line.sendall(text)
        return b"".join(iter(lambda: line.recv(65536), b""))


def test_the_token_is_changed_for_a_cookie_and_leaves_the_address(served):
    status, headers, body = ask(served, f"/?{urlsplit(served.url).query}")
    assert (status, headers["Location"], body) == (303, "/", b"")
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert urlsplit(served.url).query.split("=")[1] not in cookie


PATHS = ["/", "/data.json", "/calls.json", "/conversation.json?id=x", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_reads_anything_without_the_cookie(served, path):
    port = urlsplit(served.address).port
    for headers in ({}, {"Cookie": f"outcrop_activity_{port}=guess"}, {"Cookie": "\xff=;;;\x01"}):
        status, _, body = ask(served, path, headers=headers)
        assert status == 403
        assert set(json.loads(body)) == {"error"}


@pytest.mark.parametrize("token", ["", "guess", "ü" * 32])
def test_a_wrong_token_opens_nothing(served, token):
    status, headers, _ = ask(
        served, "/?token=" + "".join(f"%{byte:02x}" for byte in token.encode())
    )
    assert status == 403
    assert headers["Set-Cookie"] is None


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "evil.example:{port}", "127.0.0.1:1", ""]
)
def test_another_name_for_this_address_is_refused_even_with_the_cookie(served, host):
    port = urlsplit(served.address).port
    headers = enter(served) | {"Host": host.format(port=port)}
    assert ask(served, "/data.json", headers=headers)[0] == 421
    assert ask(served, f"/?{urlsplit(served.url).query}", headers=headers)[0] == 421


def test_two_hosts_or_none_are_refused(served):
    cookie = enter(served)["Cookie"]
    host = f"Host: {urlsplit(served.address).netloc}\r\n"
    for hosts in ("", host * 2, host + "Host: evil.example\r\n"):
        reply = raw(served, f"GET / HTTP/1.1\r\n{hosts}Cookie: {cookie}\r\n\r\n".encode())
        assert reply.split()[1] == b"421"


def test_every_reply_has_a_policy_and_is_stored_nowhere(served):
    for path, headers in (("/", enter(served)), ("/", {}), ("/data.json", enter(served))):
        _, found, _ = ask(served, path, headers=headers)
        policy = found["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert found["Cache-Control"] == "no-store"
        assert found["X-Content-Type-Options"] == "nosniff"
        assert found["Referrer-Policy"] == "no-referrer"
        assert found["Server"] == "outcrop"


def test_the_page_its_figures_its_calls_and_a_conversation_are_served(served):
    known = enter(served)
    assert ask(served, "/", headers=known)[2].startswith(b"<!doctype html>")
    figures = json.loads(ask(served, "/data.json", headers=known)[2])
    assert sum(row[5] for row in figures["summary"]["cells"]) == 70
    calls = json.loads(ask(served, "/calls.json?errors=1&order=oldest", headers=known)[2])["calls"]
    assert len(calls) == 10
    path = f"/conversation.json?id={calls[0]['id']}"
    found = json.loads(ask(served, path, headers=known)[2])
    assert found["conversation"]["turns"][0]["blocks"][0]["text"] == "Too much"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/conversation.json?id=nobody's", 404),
        ("/../../etc/passwd", 404),
        ("//evil.example/", 404),
        ("/calls.json?from=soon", 400),
        ("/calls.json?" + "&".join(f"a{n}=1" for n in range(50)), 400),
    ],
)
def test_a_wrong_question_is_answered_with_a_reason(served, path, status):
    found, _, body = ask(served, path, headers=enter(served))
    assert found == status
    assert json.loads(body)["error"]


def test_a_target_that_is_no_address_is_refused(served):
    host = urlsplit(served.address).netloc
    reply = raw(served, f"GET http://[::1/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert reply.split()[1] == b"400"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_written(served, method):
    status, headers, _ = ask(served, "/", method=method, headers=enter(served))
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_a_head_has_no_body(served):
    status, headers, body = ask(served, "/", method="HEAD", headers=enter(served))
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 1000


def test_an_endless_head_of_a_request_is_cut_off(served):
    reply = raw(
        served, b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(90)) * 30
    )
    assert b" 200 " not in reply.split(b"\r\n")[0]


def test_whoever_dawdles_is_cut_off(month, opened, monkeypatch):
    monkeypatch.setattr(serving, "LONGEST_REQUEST", 0.5)
    with serve(opened(month)) as page:
        with socket.create_connection(
            ("127.0.0.1", urlsplit(page.address).port), timeout=30
        ) as line:
            for letter in b"GET / HT":  # a letter now and then restarts no clock
                try:
                    line.sendall(bytes([letter]))
                except OSError:
                    break
                time.sleep(0.1)
            assert line.recv(100) == b""
        assert ask(page, "/")[0] == 403


def test_connections_are_bounded_and_the_server_recovers(served):
    port = urlsplit(served.address).port
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(serving.MOST_CONNECTIONS)]
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as one_more:
            assert one_more.recv(1) == b""
    finally:
        for line in idle:
            line.close()
    for _ in range(200):
        try:
            assert ask(served, "/")[0] == 403
            break
        except (http.client.RemoteDisconnected, ConnectionError):
            time.sleep(0.05)
    else:
        pytest.fail("the server didn't recover")


def test_many_readers_at_once_get_the_same_figures(served):
    known = enter(served)
    replies = []

    def read(path):
        replies.append((path, ask(served, path, headers=known)[::2]))

    paths = ["/data.json", "/calls.json?errors=1"] * 5
    readers = [threading.Thread(target=read, args=(path,)) for path in paths]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert {status for _, (status, _) in replies} == {200}
    assert len({(path, body) for path, (_, body) in replies}) == 2


def test_only_the_loopback_address_is_listened_on(served):
    address = urlsplit(served.address)
    assert address.hostname == "127.0.0.1"
    with socket.socket() as other:  # the rest of the machine's addresses are free
        other.settimeout(5)
        assert other.connect_ex(("127.0.0.2", address.port)) != 0


def test_the_token_is_in_no_repr(served):
    assert urlsplit(served.url).query.split("=")[1] not in repr(served)
    assert served.address in repr(served)


def test_a_port_in_use_is_refused_by_number(served, month, opened):
    port = urlsplit(served.address).port
    with pytest.raises(ConfigurationError, match=str(port)):
        serve(opened(month), port=port)
    with pytest.raises(ConfigurationError, match="70000"):
        serve(opened(month), port=70000)


def test_a_closed_server_answers_no_more_and_leaves_no_thread(month, opened):
    before = threading.active_count()
    page = serve(opened(month))
    ask(page, "/")
    page.close()
    page.wait()
    with pytest.raises(ConnectionError):
        ask(page, "/")
    for _ in range(100):
        if threading.active_count() <= before:
            break
        time.sleep(0.05)
    assert threading.active_count() <= before
