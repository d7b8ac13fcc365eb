"""Which transport an origin is called by."""

from __future__ import annotations

import os
import subprocess
import sys
from types import ModuleType

import pytest

from outcrop.bedrock.call import Send, Timeout
from outcrop.errors import ConfigurationError
from outcrop.net.dial import VARIABLE, AsyncDialer, SyncDialer
from outcrop.net.proxies import Proxies
from outcrop.server.listen import Listener, reserve
from outcrop.server.tls import make_certificate
from outcrop.wire.http import Request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def always(caller) -> None:
    while caller.take() is not None:
        caller.say(OK)


def step(origin: str) -> Send:
    return Send(Request("POST", origin, "/x", [], b"?"), Timeout(10, 10), streamed=False)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_called(peer_of, monkeypatch, name):
    proxy = peer_of(always)
    monkeypatch.setenv(name, proxy.url)
    dialer = SyncDialer()
    assert dialer.send(step("http://bedrock.invalid")).body == b"ok"
    assert proxy.heads[0].startswith(b"POST http://bedrock.invalid/x HTTP/1.1\r\n")
    dialer.close()


def test_a_proxy_of_the_environment_is_asked_for_a_tunnel(peer_of, monkeypatch):
    def hangs_up(caller) -> None:
        caller.take()

    proxy = peer_of(hangs_up)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    dialer = SyncDialer()
    with pytest.raises(Exception, match="bedrock"):
        dialer.send(step("https://bedrock.invalid"))
    assert proxy.heads[0].startswith(b"CONNECT bedrock.invalid:443 HTTP/1.1\r\n")
    dialer.close()


def test_a_host_that_is_exempt_is_called_directly(peer_of, monkeypatch):
    proxy, peer = peer_of(always), peer_of(always)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "example.com, 127.0.0.1")
    dialer = SyncDialer()
    dialer.send(step(peer.url))
    assert (len(proxy.heads), len(peer.heads)) == (0, 1)
    dialer.close()


@pytest.mark.parametrize(
    ("environ", "origin", "served"),
    [
        ({}, "http://a.example", False),
        ({"HTTP_PROXY": ""}, "http://a.example", False),
        ({"HTTP_PROXY": "http://p"}, "http://a.example", True),
        ({"HTTP_PROXY": "http://p"}, "https://a.example", False),
        ({"https_proxy": "http://p"}, "https://a.example", True),
        ({"ALL_PROXY": "http://p", "NO_PROXY": "*"}, "https://a.example", False),
        ({"ALL_PROXY": "http://p", "no_proxy": ".example"}, "https://A.Example:8443", False),
        ({"ALL_PROXY": "http://p", "NO_PROXY": "xample"}, "https://a.example", True),
        ({"ALL_PROXY": "http://p", "NO_PROXY": "a.example"}, "https://b.a.example", False),
        ({"ALL_PROXY": "http://p", "NO_PROXY": "::1"}, "http://[::1]:8080", False),
        ({"ALL_PROXY": "http://p", "NO_PROXY": "10.0.0.0/8"}, "http://10.1.2.3", True),
        ({"ALL_PROXY": "http://p", "NO_PROXY": ","}, "http://a", True),
    ],
)
def test_in_doubt_there_is_a_proxy(monkeypatch, environ, origin, served):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert Proxies.of_environment().serve(origin) is served


def test_the_proxy_of_macos_counts(monkeypatch):
    asked = ModuleType("_scproxy")
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setitem(sys.modules, "_scproxy", asked)
    for found, served in (({"https": "http://p"}, True), ({}, False)):
        asked._get_proxies = lambda found=found: found
        assert Proxies.of_environment().serve("https://a.example") is served


@pytest.mark.parametrize(
    ("wanted", "platform", "loaded"),
    [
        (None, "linux", False),
        ("sockets", "linux", False),
        ("pyreqwest", "linux", True),
        (None, "win32", True),
        ("sockets", "win32", False),
    ],
)
def test_the_environment_and_the_system_decide(peer_of, wanted, platform, loaded):
    script = (
        "import sys\n"
        "from outcrop.bedrock.call import Send, Timeout\n"
        "from outcrop.wire.http import Request\n"
        "from outcrop.net import dial\n"
        "dial.sys = type('sys', (), {'platform': sys.argv[2]})\n"
        "request = Request('POST', sys.argv[1], '/', [], b'')\n"
        "dial.SyncDialer().send(Send(request, Timeout(10, 10), False))\n"
        "print('pyreqwest' in sys.modules)"
    )
    environ = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", script, peer_of(always).url, platform],
        env=environ | ({VARIABLE: wanted} if wanted else {}),
        capture_output=True, encoding="utf-8", timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == f"{loaded}\n"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("wanted", "spoken"), [("sockets", "1.1"), ("pyreqwest", "1.1"), ("http2", "2")]
)
async def test_http2_is_spoken_if_it_is_asked_for(wanted, spoken, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, wanted)
    heard = []

    async def application(scope, receive, send):
        heard.append((scope["http_version"], dict(scope["headers"])[b"host"].decode()))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"heard"})

    certificate = make_certificate(tmp_path)
    reserved = reserve("127.0.0.1", 0)
    host = f"localhost:{reserved.getsockname()[1]}"
    listener = Listener(application, reserved, certificate=certificate)
    await listener.start()
    dialer = AsyncDialer(ca_pem=certificate.ca.read_bytes())
    request = Request("POST", f"https://{host}", "/", [], b"{}")
    answer = await dialer.send(Send(request, Timeout(10, 10), False))
    await dialer.close()
    await listener.wait_closed()
    assert (heard, answer.body) == ([(spoken, host)], b"heard")


def test_a_transport_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv(VARIABLE, "pigeons")
    for dialer in (SyncDialer, AsyncDialer):
        with pytest.raises(ConfigurationError, match="OUTCROP_TRANSPORT='pigeons'"):
            dialer()
