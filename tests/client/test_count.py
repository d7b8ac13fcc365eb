"""`messages.count_tokens` against the local Bedrock, and what it sends to AWS's own hosts."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from outcrop import (
    AnthropicBedrock,
    AsyncAnthropicBedrock,
    BadRequestError,
    NotFoundError,
    RequestError,
)
from outcrop.bedrock.call import Timeout
from outcrop.bedrock.count import Counter, count_route
from outcrop.catalog import models
from outcrop.client import counting
from outcrop.client.params import BetaCountTokensParams, CountTokensParams
from outcrop.client.request import BETA_NAMES, NAMES
from outcrop.errors import APIResponseValidationError
from outcrop.testing import local_bedrock
from outcrop.types import MessageTokensCount

#: A day on which the models that CountTokens knows were to be had.
THEN = "2026-01-01"
SONNET_4 = "anthropic.claude-sonnet-4-20250514-v1:0"
OPUS_5_5 = "anthropic.claude-opus-5-5"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
ASK = {
    "max_tokens": 64,
    "system": "Be brief, and don't guess.",
    "messages": [{"role": "user", "content": "What is in the sky?"}],
    "tools": [
        {
            "name": "look",
            "description": "Looks at a thing.",
            "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}},
        }
    ],
}


@pytest.fixture(scope="module")
def server():
    with local_bedrock(today=THEN) as server:
        yield server


def options(server, **more):
    return {
        "aws_access_key": server.access_key,
        "aws_secret_key": server.secret_key,
        "aws_region": "us-east-1",
        "base_url": server.url,
        "max_retries": 0,
        **more,
    }


@pytest.fixture
def client(server):
    with AnthropicBedrock(**options(server)) as client:
        yield client


@pytest.mark.parametrize("api", ["invoke", "converse"])
@pytest.mark.parametrize("model", [f"us.{SONNET_4}", f"global.{OPUS_5_5}", f"global.{HAIKU}"])
def test_the_count_is_what_the_same_request_is_charged_with(client, model, api):
    charged = client.messages.create(model=model, api=api, **ASK).usage.input_tokens
    counted = client.messages.count_tokens(model=model, api=api, **ASK)
    assert isinstance(counted, MessageTokensCount)
    assert counted.input_tokens == charged
    assert counted._request_id


def test_async_counts_the_same(server, client):
    async def count():
        async with AsyncAnthropicBedrock(**options(server)) as async_client:
            plain = await async_client.messages.count_tokens(model=OPUS_5_5, **ASK)
            beta = await async_client.beta.messages.count_tokens(model=OPUS_5_5, **ASK)
        return plain, beta

    alike = client.messages.count_tokens(model=OPUS_5_5, **ASK)
    assert asyncio.run(count()) == (alike, alike)


@pytest.mark.parametrize("model", [SONNET_4, OPUS_5_5])
def test_betas_are_counted_with(client, model):
    betas = ["interleaved-thinking-2025-05-14"]
    plain = client.messages.count_tokens(model=model, **ASK)
    assert client.beta.messages.count_tokens(model=model, betas=betas, **ASK) == plain
    with pytest.raises(BadRequestError, match=r"beta flag|Unexpected value\(s\) `nobody`"):
        client.beta.messages.count_tokens(model=model, betas=["nobody"], **ASK)


SPELLINGS = {
    SONNET_4: [
        SONNET_4,
        f"us.{SONNET_4}",
        f"arn:aws:bedrock:us-east-1::foundation-model/{SONNET_4}",
        f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{SONNET_4}",
        "claude-sonnet-4-20250514",
        "sonnet-4",
    ],
    HAIKU: [HAIKU, f"global.{HAIKU}", "anthropic.claude-haiku-4-5", "claude-haiku-4-5-20251001"],
    OPUS_5_5: [OPUS_5_5, f"eu.{OPUS_5_5}", "claude-opus-5-5"],
}


@pytest.mark.parametrize("model", SPELLINGS)
def test_every_spelling_of_a_model_counts_the_same(client, model):
    counts = {
        client.messages.count_tokens(model=spelling, **ASK).input_tokens
        for spelling in SPELLINGS[model]
    }
    assert len(counts) == 1


def test_each_model_goes_to_the_counter_that_has_it():
    for model in models.models():
        counter = count_route(model.id)
        assert counter.messages_route or model.count_tokens or not model.messages_regions
        if model.messages_regions and not model.count_tokens:
            assert counter == (model.messages_id or model.id, True, tuple(model.messages_regions))
    newer = count_route("eu.anthropic.claude-of-tomorrow")
    assert newer == Counter("anthropic.claude-of-tomorrow", messages_route=True)


@pytest.mark.parametrize(
    "model",
    [
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl",
        "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl",
        "gpt-4",
    ],
)
def test_a_spelling_that_hides_its_model_is_refused_before_anything_is_sent(client, model):
    with pytest.raises(RequestError, match="doesn't say which model it is"):
        client.messages.count_tokens(model=model, **ASK)


def sent(**settings):
    """The call that a client without a base_url would make, and what its parts are."""
    keys = {"aws_access_key": "AKIAIOSFODNN7EXAMPLE", "aws_secret_key": "example"}
    client = AnthropicBedrock(**{"aws_region": "eu-west-1", **keys, **settings})

    def prepare(model, *, beta=False, **changes):
        call, _ = counting.prepare(client._settings, {**ASK, "model": model, **changes}, beta=beta)
        return call

    return prepare


def test_aws_own_counters_are_asked_where_they_are():
    older = sent()(f"eu.{SONNET_4}")
    assert (older.request.origin, older.request.target, older.service) == (
        "https://bedrock-runtime.eu-west-1.amazonaws.com",
        f"/model/{SONNET_4}/count-tokens",
        "bedrock",
    )
    newer = sent()("eu.anthropic.claude-opus-4-8")
    assert (newer.request.origin, newer.request.target, newer.service) == (
        "https://bedrock-mantle.eu-west-1.api.aws",
        "/anthropic/v1/messages/count_tokens",
        "bedrock-mantle",
    )


def test_the_messages_route_gets_what_has_a_price_and_the_rest_in_headers():
    call = sent()(OPUS_5_5, beta=True, betas=["a-1", "b-2"], stop_sequences=["stop"])
    body = json.loads(call.request.body)
    assert set(body) == {"model", "system", "messages", "tools"}
    assert body["model"] == OPUS_5_5
    headers = {name.lower(): value for name, value in call.request.headers}
    assert headers["anthropic-version"] == "2026-10-21"
    assert headers["anthropic-beta"] == "a-1,b-2"


def test_a_version_of_bedrocks_is_spelt_as_the_messages_route_spells_it():
    for call in (sent()(HAIKU), sent(anthropic_version="bedrock-2023-05-31")(OPUS_5_5)):
        assert dict(call.request.headers)["anthropic-version"] == "2023-06-01"


def test_count_tokens_gets_the_envelope_of_the_api_that_is_called():
    def envelope(**settings):
        return json.loads(sent(**settings)(SONNET_4).request.body)["input"]

    assert set(envelope(api="converse")) == {"converse"}
    body = json.loads(base64.b64decode(envelope()["invokeModel"]["body"]))
    assert body["messages"] == ASK["messages"]


def test_the_options_of_a_call_are_those_of_create():
    call = sent()(
        OPUS_5_5,
        timeout=3,
        extra_headers={"X-Team": "blue", "Anthropic-Version": "2023-06-01"},
        extra_query={"a": "b c"},
        extra_body={"workspace_id": "w"},
    )
    assert call.timeout == Timeout(3, 3)
    assert call.request.target.endswith("/count_tokens?a=b%20c")
    headers = [(name.lower(), value) for name, value in call.request.headers]
    assert headers.count(("anthropic-version", "2023-06-01")) == 1
    assert ("x-team", "blue") in headers
    assert len([name for name, _ in headers if name == "anthropic-version"]) == 1
    assert json.loads(call.request.body)["workspace_id"] == "w"


def test_a_base_urls_path_stands_before_either_counter():
    prepare = sent(base_url="https://proxy.example/claude")
    for model in (SONNET_4, OPUS_5_5):
        request = prepare(model).request
        assert request.origin == "https://proxy.example"
        assert request.target.startswith("/claude/")


def test_a_mistaken_keyword_is_told_with_the_methods_name(client):
    with pytest.raises(TypeError, match=r"count_tokens\(\) has no keyword argument 'sytem'"):
        client.messages.count_tokens(model=OPUS_5_5, messages=[], sytem="")
    with pytest.raises(TypeError, match=r"count_tokens\(\) needs the keyword argument 'messages'"):
        client.messages.count_tokens(model=OPUS_5_5)


def test_the_keywords_of_counting_are_those_of_create():
    assert CountTokensParams.__annotations__.keys() == NAMES
    assert BetaCountTokensParams.__annotations__.keys() == BETA_NAMES


def test_a_region_without_the_model_is_told_with_those_that_have_it(client):
    west = client.with_options(aws_region="us-west-2")
    with pytest.raises(NotFoundError, match="does not exist") as caught:
        west.messages.count_tokens(model=OPUS_5_5, **ASK)
    assert "ap-southeast-4, us-east-1" in caught.value.mend
    assert west.messages.count_tokens(model=HAIKU, **ASK).input_tokens > 0


@pytest.mark.parametrize(
    "model", ["anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-5-5"]
)
def test_a_model_that_nobody_counts_for_can_be_estimated(client, model):
    with pytest.raises((BadRequestError, NotFoundError)) as caught:
        client.messages.count_tokens(model=f"us.{model}", **ASK)
    assert "outcrop.estimate_tokens" in caught.value.mend


@pytest.mark.parametrize(
    "body",
    [
        b'{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}',
        b'{"input_tokens":"many"}',
        b"[]",
        b"\xff",
    ],
)
def test_a_reply_that_is_no_count_isnt_taken_for_one(peer, body):
    peer.whole(200, body)
    keys = {"aws_access_key": "AKIAIOSFODNN7EXAMPLE", "aws_secret_key": "example"}
    with (
        AnthropicBedrock(**keys, aws_region="us-east-1", base_url=peer.url) as client,
        pytest.raises(APIResponseValidationError, match="no 'input_tokens'"),
    ):
        client.messages.count_tokens(model=OPUS_5_5, **ASK)
