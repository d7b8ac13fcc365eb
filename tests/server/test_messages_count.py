"""The Messages route's counter: signed by botocore, refused in Anthropic's envelope."""

from __future__ import annotations

import http.client
import json

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from outcrop.bedrock import messages_count
from outcrop.catalog import models
from outcrop.messages import prompt_tokens

OPUS_5_5 = "anthropic.claude-opus-5-5"
ASK = {"model": OPUS_5_5, "messages": [{"role": "user", "content": "What is in the sky?"}]}
VERSION = {"anthropic-version": "2026-10-21"}


@pytest.fixture
def ask(bedrock):
    def ask(body, *, service="bedrock-mantle", region="us-east-1", headers=VERSION, secret=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = bedrock.url + messages_count.TARGET
        request = AWSRequest("POST", url, dict(headers), data)
        keys = Credentials(bedrock.access_key, secret or bedrock.secret_key)
        SigV4Auth(keys, service, region).add_auth(request)
        connection = http.client.HTTPConnection(url.split("/")[2])
        connection.request("POST", messages_count.TARGET, data, dict(request.headers))
        reply = connection.getresponse()
        answer = json.loads(reply.read())
        connection.close()
        return reply.status, answer

    return ask


def refusal(answer):
    status, envelope = answer
    assert envelope["type"] == "error"
    assert envelope["request_id"]
    return status, envelope["error"]["type"], envelope["error"]["message"]


@pytest.mark.parametrize("service", ["bedrock-mantle", "bedrock"])
def test_a_signature_for_either_service_counts(ask, service):
    counted = prompt_tokens.count_request(ASK, generation=models.find(OPUS_5_5).tokenizer)
    assert ask(ASK, service=service) == (200, {"input_tokens": counted})


def test_a_wrong_signature_is_refused(ask):
    status, kind, message = refusal(ask(ASK, secret="wrong"))
    assert (status, kind) == (403, "permission_error")
    assert message.startswith("The request signature we calculated does not match")


@pytest.mark.parametrize(
    ("model", "region"),
    [
        (f"us.{OPUS_5_5}", "us-east-1"),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", "us-east-1"),
        ("anthropic.claude-sonnet-4-6", "us-east-1"),
        (OPUS_5_5, "us-west-2"),
    ],
)
def test_only_what_the_route_has_in_the_region_is_counted_for(ask, model, region):
    status, kind, message = refusal(ask({**ASK, "model": model}, region=region))
    assert (status, kind) == (404, "not_found_error")
    assert message == f"The model '{model}' does not exist"


@pytest.mark.parametrize(
    ("changes", "headers", "message"),
    [
        ({}, {}, "anthropic-version: header is required"),
        (
            {},
            {"anthropic-version": "bedrock-2023-05-31"},
            'anthropic-version: "bedrock-2023-05-31" is not a valid version',
        ),
        ({"model": None}, VERSION, "model: Field required"),
        ({"model": 5}, VERSION, "model: Input should be a valid string"),
        ({"max_tokens": 5}, VERSION, "max_tokens: Extra inputs are not permitted"),
        ({"messages": None}, VERSION, "messages: Input should be a valid list"),
        (
            {},
            {**VERSION, "anthropic-beta": "nobody, context-1m-2025-08-07"},
            (
                "Unexpected value(s) `nobody` for the `anthropic-beta` header. Please consult our "
                "documentation at docs.anthropic.com or try again without the header."
            ),
        ),
    ],
)
def test_what_is_wrong_is_told_in_anthropics_words(ask, changes, headers, message):
    answer = ask({**ASK, **changes}, headers=headers)
    assert refusal(answer) == (400, "invalid_request_error", message)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_what_isnt_a_json_object_is_refused(ask, body):
    status, kind, _ = refusal(ask(body))
    assert (status, kind) == (400, "invalid_request_error")


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
def test_every_model_of_the_route_takes_either_version(ask, version):
    for model in models.models():
        for region in model.messages_regions[:1]:
            body = {**ASK, "model": model.messages_id or model.id}
            status, answer = ask(body, region=region, headers={"anthropic-version": version})
            assert status == 200, answer


def test_a_thinking_budget_needs_no_max_tokens(ask):
    body = {
        "model": "anthropic.claude-haiku-4-5",
        "messages": ASK["messages"],
        "thinking": {"type": "enabled", "budget_tokens": 2048},
    }
    assert ask(body)[0] == 200


def test_a_prompt_that_is_too_long_is_counted(ask):
    long = [{"role": "user", "content": "word " * 1_000_000}]
    status, answer = ask({**ASK, "messages": long})
    assert status == 200
    assert answer["input_tokens"] > models.find(OPUS_5_5).context
