"""Paths, methods, headers and unexpected errors, over both versions of HTTP, on the raw wire."""

from __future__ import annotations

import json
import logging
import re
import socket
from contextlib import closing
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from pyreqwest.client import SyncClientBuilder

from outcrop.server.actors import Text
from outcrop.testing import local_bedrock
from outcrop.wire import sigv4
from outcrop.wire.credentials import Credentials
from outcrop.wire.http import Request

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
HELLO = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 200,
    "messages": [{"role": "user", "content": "Hello"}],
}
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Told:
    """Answers with what it was asked."""

    name = "told"

    async def start(self):
        pass

    async def answer(self, ask):
        if "fall over" in str(ask.document):
            raise RuntimeError("an inside that nobody outside should see")
        yield Text(f"{ask.operation} {ask.model_id} {ask.model}")

    async def close(self):
        pass


@pytest.fixture(scope="module")
def server():
    with local_bedrock(actor=Told()) as running:
        yield running


def invoke(server, content="Hello", **more):
    """boto3's reply."""
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )
    body = json.dumps({**HELLO, "messages": [{"role": "user", "content": content}]})
    with closing(client):
        return client.invoke_model(modelId=MODEL, body=body, **more)


def sent(server, method, target, *, body=b"", headers=(), http2=False, keys=True):
    """Status, headers and body, with exactly this target on the wire."""
    request = Request(method, server.url, target, [("host", urlsplit(server.url).netloc), *headers])
    if keys:
        credentials = Credentials(server.access_key, server.secret_key)
        now = datetime.now(UTC).timestamp()
        request = Request(
            method,
            server.url,
            target,
            request.headers
            + sigv4.sign(
                Request(method, server.url, target, request.headers, body),
                credentials,
                region="us-east-1",
                service="bedrock",
                now=now,
            ),
        )
    if http2:
        with SyncClientBuilder().http2_prior_knowledge().build() as client:
            wanted = client.request(method, server.url + target)
            pairs = [(name, value) for name, value in request.headers if name != "host"]
            answer = wanted.headers(pairs).body_bytes(body).build().send()
            assert answer.version == "HTTP/2.0"
            return answer.status, dict(answer.headers.items()), answer.bytes().to_bytes()
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname, where.port), timeout=30) as wire:
        head = [f"{method} {target} HTTP/1.1", "connection: close", f"content-length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in request.headers]
        wire.sendall("\r\n".join([*head, "", ""]).encode() + body)
        received = b"".join(iter(lambda: wire.recv(65536), b""))
    head, _, rest = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), pairs, rest


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize(
    "model_id",
    [
        MODEL,
        f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{MODEL}",
    ],
)
@pytest.mark.parametrize("safe", [":", ""], ids=["raw colon", "encoded colon"])
def test_a_model_id_arrives_as_it_was_meant_however_it_is_encoded(server, model_id, safe, http2):
    target = f"/model/{quote(model_id, safe=safe)}/invoke"
    status, _, body = sent(server, "POST", target, body=json.dumps(HELLO).encode(), http2=http2)
    assert status == 200
    text = json.loads(body)["content"][0]["text"]
    assert text == f"InvokeModel {model_id} claude-sonnet-4-5-20250929"


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/model/x/invoke"),
        ("POST", "/model/x"),
        ("POST", "/model/a/b/invoke"),
        ("POST", "/model//invoke"),
        ("POST", f"/model/{MODEL}/invoke-with-stream"),
        ("GET", f"/model/{MODEL}/converse"),
        ("POST", f"/model/{MODEL}/converse/stream"),
        ("PUT", f"/model/{MODEL}/count-tokens"),
        ("POST", "/foundation-models"),
        ("PUT", "/inference-profiles"),
        ("PUT", "/_outcrop/health"),
    ],
)
def test_every_other_path_is_an_unknown_operation(server, method, target, http2):
    status, headers, body = sent(server, method, target, http2=http2, keys=False)
    assert (status, body) == (404, b"<UnknownOperationException/>\n")
    assert headers["content-type"] == "application/xml"


def test_a_post_to_the_root_without_an_action_is_an_unknown_operation(server):
    status, _, body = sent(server, "POST", "/", body=b"{}", keys=False)
    assert (status, body) == (404, b"<UnknownOperationException/>\n")


@pytest.mark.parametrize("target", ["/_outcrop/health", "/nowhere", "/foundation-models"])
def test_every_response_has_a_request_id_and_says_that_a_stand_in_answers(server, target):
    seen = set()
    for _ in range(2):
        _, headers, _ = sent(server, "GET", target)
        assert UUID4.fullmatch(headers["x-amzn-requestid"])
        assert headers["x-outcrop-actor"] == "told"
        assert headers["server"] == "outcrop"
        assert "date" in headers
        seen.add(headers["x-amzn-requestid"])
    assert len(seen) == 2


def test_health_needs_no_key(server):
    status, headers, body = sent(server, "GET", "/_outcrop/health", keys=False)
    assert (status, headers["content-type"]) == (200, "application/json")
    state = json.loads(body)
    assert (state["status"], state["actor"]) == ("ok", "told")
    assert {"version", "catalog"} <= state.keys()


def test_a_refusal_looks_like_bedrocks(server):
    status, headers, body = sent(server, "POST", f"/model/{MODEL}/invoke", body=b"{}")
    assert status == 400
    # recorded AWS traffic: the name, then the namespace of AWS's framework
    assert headers["x-amzn-errortype"] == (
        "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/"
    )
    assert headers["content-type"] == "application/json"
    assert list(json.loads(body)) == ["message"]


def test_a_denied_api_key_has_a_message_with_a_capital_letter(server):
    headers = [("authorization", "Bearer nonsense")]
    target = f"/model/{MODEL}/invoke"
    status, _, body = sent(server, "POST", target, body=b"{}", headers=headers, keys=False)
    assert status == 403
    assert json.loads(body) == {
        "Message": "Authentication failed: Please make sure your API Key is valid."
    }


def test_an_unexpected_error_tells_the_client_nothing_and_the_log_all(server, caplog):
    with caplog.at_level(logging.INFO, "outcrop.server"), pytest.raises(ClientError) as caught:
        invoke(server, "please fall over")
    reply = caught.value.response
    assert reply["Error"]["Code"] == "InternalServerException"
    assert "inside" not in str(reply)
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert reply["ResponseMetadata"]["RequestId"] in record.getMessage()
    assert "an inside that nobody outside should see" in caplog.text


def test_an_unexpected_error_in_a_stream_ends_it_with_an_exception(server):
    class Breaks(Told):
        async def answer(self, ask):
            yield Text("half a")
            raise RuntimeError("inside")

    with local_bedrock(actor=Breaks()) as other:
        target = f"/model/{MODEL}/invoke-with-response-stream"
        status, _, body = sent(other, "POST", target, body=json.dumps(HELLO).encode())
    assert status == 200
    assert b"half a" not in body  # it stands there in base64
    assert b"internalServerException" in body
    assert b"inside" not in body
    assert body.endswith(b"\r\n0\r\n\r\n")  # ended, not broken off


def test_the_log_names_requests_but_never_prompts_replies_or_secrets(server, caplog):
    with caplog.at_level(logging.DEBUG, "outcrop"):
        invoke(server, "a very private prompt")
        sent(server, "GET", "/foundation-models?X-Amz-Signature=hush", keys=False)
    assert "/model/" in caplog.text
    for hidden in ("private", "claude-sonnet-4-5-20250929 ", "hush", server.secret_key):
        assert hidden not in caplog.text


def test_a_guardrail_that_doesnt_exist_is_refused(server):
    with pytest.raises(ClientError, match="guardrail identifier or version"):
        invoke(server, guardrailIdentifier="abcdefghijkl", guardrailVersion="1")


def test_the_service_tier_comes_back(server):
    reply = invoke(server, serviceTier="flex", performanceConfigLatency="standard")
    assert (reply["serviceTier"], reply["performanceConfigLatency"]) == ("flex", "standard")


def test_a_service_tier_that_doesnt_exist_is_refused(server):
    with pytest.raises(ClientError, match=r"Value 'first' at 'serviceTier' failed to satisfy"):
        invoke(server, serviceTier="first")


def test_an_unsigned_bedrock_header_is_refused(server):
    headers = [("x-amzn-bedrock-trace", "ENABLED")]
    target = f"/model/{MODEL}/invoke"
    body = json.dumps(HELLO).encode()
    assert sent(server, "POST", target, body=body, headers=headers)[0] == 200
    credentials = Credentials(server.access_key, server.secret_key)
    host = ("host", urlsplit(server.url).netloc)
    proof = sigv4.sign(
        Request("POST", server.url, target, [host], body),
        credentials,
        region="us-east-1",
        service="bedrock",
        now=datetime.now(UTC).timestamp(),
    )
    status, found, _ = sent(
        server, "POST", target, body=body, headers=[*headers, *proof], keys=False
    )
    assert status == 403
    assert found["x-amzn-errortype"].startswith("InvalidSignatureException:")


def test_with_auth_off_nobody_has_to_sign():
    with local_bedrock(actor=Told(), auth=False) as other:
        body = json.dumps(HELLO).encode()
        status, _, _ = sent(other, "POST", f"/model/{MODEL}/invoke", body=body, keys=False)
    assert status == 200
