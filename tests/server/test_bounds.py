"""What a client can't do to the server: fill it, hold it, or keep an actor busy for nobody."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from h2.connection import H2Connection
from pyreqwest.client import SyncClientBuilder

from outcrop import AnthropicBedrock, errors
from outcrop.server.actors import Text
from outcrop.server.serve import LocalBedrock, Options
from outcrop.testing import local_bedrock
from outcrop.wire import sigv4
from outcrop.wire.credentials import Credentials
from outcrop.wire.http import Request

MODEL = "global.anthropic.claude-opus-4-8"
TARGET = f"/model/{MODEL}/invoke-with-response-stream"
HELLO = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 128_000,
    "messages": [{"role": "user", "content": "Hello"}],
}


class Endless:
    """Answers for ever, in small pieces, and counts them."""

    name = "endless"

    def __init__(self, pause=0.0):
        self.pieces = 0
        self.pause = pause
        self.begun = threading.Event()
        self.closed = threading.Event()

    async def start(self):
        pass

    async def answer(self, ask):
        try:
            while True:
                self.pieces += 1
                yield Text("a ")
                self.begun.set()
                await asyncio.sleep(self.pause)
        finally:
            self.closed.set()

    async def close(self):
        pass


def running(actor, **options):
    return LocalBedrock(Options(actor=actor, auth=False, **options))


def connect(server):
    where = urlsplit(server.url)
    wire = socket.create_connection((where.hostname, where.port), timeout=30)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    return wire


def post(wire, target=TARGET, body=None, length=None):
    body = json.dumps(HELLO).encode() if body is None else body
    head = f"POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length or len(body)}\r\n\r\n"
    wire.sendall(head.encode() + body)


def post_http2(wire):
    body = json.dumps(HELLO).encode()
    client = H2Connection()
    client.initiate_connection()
    head = {":method": "POST", ":scheme": "http", ":authority": "h", ":path": TARGET}
    client.send_headers(1, list(head.items()))
    client.send_data(1, body, end_stream=True)
    wire.sendall(client.data_to_send())


def invoke(server, body):
    """boto3's reply, decoded."""
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )
    with closing(client):
        return json.loads(client.invoke_model(modelId=MODEL, body=body)["body"].read())


def settled(count):
    """What a count stays at; fails if it doesn't settle."""
    deadline = time.monotonic() + 60
    last = count()
    still = 0
    while still < 10:
        assert time.monotonic() < deadline, f"still growing: {last}"
        time.sleep(0.05)
        now = count()
        still = still + 1 if now == last else 0
        last = now
    return last


def test_a_reader_that_doesnt_read_pauses_the_actor():
    actor = Endless()
    with running(actor) as server, connect(server) as wire:
        post(wire)
        assert actor.begun.wait(30)
        pieces = settled(lambda: actor.pieces)
        # A frame takes some 300 bytes; buffers of kernel and server hold a few megabytes.
        assert pieces * 300 < 32 * 1024 * 1024
        assert not actor.closed.is_set()
        wire.settimeout(5)
        got = 0
        while actor.pieces == pieces:  # reading on wakes it
            got += len(wire.recv(65536))
        assert got


@pytest.mark.parametrize("http2", [False, True])
def test_a_reader_that_doesnt_read_for_too_long_is_dropped(caplog, http2):
    actor = Endless()
    with running(actor, write_seconds=0.3) as server, connect(server) as wire:
        if http2:
            post_http2(wire)
        else:
            post(wire)
        assert actor.closed.wait(60)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("operation", ["invoke", "invoke-with-response-stream"])
def test_a_client_that_goes_away_stops_the_generation(operation):
    actor = Endless(pause=0.01)
    with running(actor) as server:
        with connect(server) as wire:
            post(wire, f"/model/{MODEL}/{operation}")
            assert actor.begun.wait(30)
        assert actor.closed.wait(30)


def test_a_client_that_goes_away_from_one_of_many_streams_stops_that_one():
    actor = Endless(pause=0.01)
    with running(actor) as server, SyncClientBuilder().http2_prior_knowledge().build() as client:
        request = client.post(server.url + TARGET).body_bytes(json.dumps(HELLO).encode())
        with request.streamed_read_buffer_limit(0).build_streamed() as answer:
            assert answer.version == "HTTP/2.0"
            assert answer.body_reader.read_chunk()
        assert actor.closed.wait(30)
        health = client.get(server.url + "/_outcrop/health").build().send()
        assert health.status == 200


def test_stopping_the_server_closes_the_actors_generator():
    actor = Endless(pause=0.01)
    server = running(actor).start()
    with connect(server) as wire:
        post(wire)
        assert actor.begun.wait(30)
        server.stop()
        assert actor.closed.is_set()


def test_a_body_that_is_too_large_is_refused_and_the_refusal_arrives():
    with running(Endless()) as server:
        with pytest.raises(ClientError) as caught:
            invoke(server, b" " * 25_000_001)
        assert caught.value.response["Error"] == {
            "Code": "ValidationException",
            "Message": "Input is too long for requested model.",
        }


def test_a_body_of_unknown_length_is_held_only_up_to_the_limit():
    with running(Endless()) as server, connect(server) as wire:
        wire.sendall(
            f"POST {TARGET} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        for _ in range(26):
            wire.sendall(chunk)
        wire.sendall(b"0\r\n\r\n")
        reply = wire.recv(65536)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b"Input is too long for requested model." in reply


def test_a_body_that_doesnt_come_is_refused():
    with running(Endless(), body_seconds=0.2) as server, connect(server) as wire:
        post(wire, body=b"{", length=1000)
        reply = b"".join(iter(lambda: wire.recv(65536), b""))
    assert reply.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in reply


def test_headers_that_are_too_large_are_refused():
    with running(Endless()) as server, connect(server) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nX-Large: " + b"x" * 200_000 + b"\r\n\r\n")
        assert wire.recv(65536).startswith(b"HTTP/1.1 431 ")


def test_more_requests_than_are_allowed_at_once_are_throttled():
    actor = Endless(pause=0.01)
    with running(actor, max_in_flight=1) as server:
        with connect(server) as wire:
            post(wire)
            assert actor.begun.wait(30)
            with pytest.raises(ClientError) as caught:
                invoke(server, json.dumps(HELLO))
            assert caught.value.response["Error"] == {
                "Code": "ThrottlingException",
                "Message": "Too many requests, please wait before trying again.",
            }
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert actor.closed.wait(30)
        short = json.dumps({**HELLO, "max_tokens": 4})
        deadline = time.monotonic() + 30
        while True:  # the place becomes free again
            try:
                reply = invoke(server, short)
                break
            except ClientError:
                assert time.monotonic() < deadline
        assert reply["stop_reason"] == "max_tokens"


def test_who_isnt_known_cant_make_the_server_hold_a_body():
    with LocalBedrock(Options(actor=Endless(), max_in_flight=1)) as server:
        target = f"/model/{MODEL}/invoke"
        head = [("host", "h")]
        proof = sigv4.sign(
            Request("POST", server.url, target, head, b""),
            Credentials("AKIDNOBODY", "x"),
            region="us-east-1",
            service="bedrock",
            now=datetime.now(UTC).timestamp(),
        )
        lines = [f"{name}: {value}" for name, value in [*head, *proof]]
        start = f"POST {target} HTTP/1.1\r\nContent-Length: 100\r\n" + "\r\n".join(lines)
        with connect(server) as one, connect(server) as other:
            for wire in (one, other):  # neither takes the only place, for neither is let in
                wire.sendall(f"{start}\r\n\r\n".encode() + b"x" * 99)
            for wire in (one, other):
                wire.sendall(b"x")
                assert b"UnrecognizedClientException" in wire.recv(65536)


def test_stopping_does_not_wait_for_clients_that_come_back():
    class Sleeper:
        name = "sleeper"

        async def start(self):
            pass

        async def answer(self, ask):
            await asyncio.sleep(3600)
            yield Text("late")

        async def close(self):
            pass

    stopped = threading.Event()
    with local_bedrock(actor=Sleeper()) as bedrock:

        def insist():
            client = AnthropicBedrock(
                aws_access_key=bedrock.access_key,
                aws_secret_key=bedrock.secret_key,
                aws_region="us-west-2",
                base_url=bedrock.url,
                max_retries=0,
            )
            ask = {"model": "global.anthropic.claude-opus-4-8", "max_tokens": 5}
            while not stopped.is_set():
                with contextlib.suppress(errors.APIError):
                    client.messages.create(messages=[{"role": "user", "content": "hi"}], **ask)

        insisting = threading.Thread(target=insist)
        insisting.start()
        time.sleep(0.5)
    stopped.set()
    insisting.join(60)
    assert not insisting.is_alive()


def test_a_server_leaves_no_descriptor_behind():
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc here")
    with local_bedrock():
        pass
    before = descriptors()
    for _ in range(5):
        with local_bedrock():
            pass
    assert descriptors() <= before
