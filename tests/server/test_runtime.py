"""InvokeModel, plain and streamed: what boto3 makes of the replies."""

from __future__ import annotations

import json
import re
from contextlib import closing

import boto3
import pytest
from botocore.config import Config
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError, EventStreamError

from outcrop import errors
from outcrop.bedrock.invoke_stream import PADDING
from outcrop.errors import ResourceNotFoundException, ValidationException
from outcrop.messages.assembly import Assembly
from outcrop.server import dialects, runtime
from outcrop.server.actors import Refuse, Stop, Text, ToolUse, Wait
from outcrop.testing import local_bedrock

VERSIONED = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
LATER = "global.anthropic.claude-opus-4-8"
MODELS = [VERSIONED, LATER]


class Pieces:
    """Answers with the pieces that the test has laid out."""

    name = "pieces"

    def __init__(self):
        self.pieces = []
        self.asks = []

    async def start(self):
        pass

    async def answer(self, ask):
        self.asks.append(ask)
        for piece in self.pieces:
            yield piece

    async def close(self):
        pass


@pytest.fixture(scope="module")
def running():
    actor = Pieces()
    with local_bedrock(actor=actor) as server:
        client = boto3.client(
            "bedrock-runtime",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            config=Config(retries={"total_max_attempts": 1}),
        )
        yield actor, client
        client.close()


@pytest.fixture
def bedrock(running):
    actor, client = running
    actor.pieces = [Text("Hello,"), Text(" world")]
    return actor, client


def body(**changes):
    return json.dumps(
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 64,
            "messages": [{"role": "user", "content": "Hi"}],
            **changes,
        }
    )


def whole(client, model=VERSIONED, **changes):
    reply = client.invoke_model(modelId=model, body=body(**changes))
    return json.loads(reply["body"].read()), reply["ResponseMetadata"]["HTTPHeaders"]


def streamed(client, model=VERSIONED, **changes):
    reply = client.invoke_model_with_response_stream(modelId=model, body=body(**changes))
    with closing(reply["body"]) as stream:
        return [json.loads(event["chunk"]["bytes"]) for event in stream]


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_adds_up_to_the_plain_reply(bedrock, model):
    actor, client = bedrock
    actor.pieces = [Text("Let me see. "), ToolUse("look", {"at": ["a", 1]}), Text("Done.")]
    plain, _ = whole(client, model)
    assembly = Assembly()
    for event in streamed(client, model):
        assembly.add(event)
    summed = assembly.document
    for message in (plain, summed):
        assert message.pop("id").startswith("msg_bdrk_")
        assert message["content"][1].pop("id").startswith("toolu_bdrk_01")
    summed.pop("amazon-bedrock-invocationMetrics", None)
    assert summed == plain
    assert plain["stop_reason"] == "tool_use"


def test_replies_of_versioned_models_have_their_keys_in_the_recorded_order(bedrock):
    _, client = bedrock
    message, _ = whole(client, VERSIONED)
    # recorded AWS traffic (2024-2025)
    assert list(message) == [
        "id",
        "type",
        "role",
        "model",
        "content",
        "stop_reason",
        "stop_sequence",
        "usage",
    ]
    assert message["model"] == "claude-sonnet-4-5-20250929"
    assert re.fullmatch(r"msg_bdrk_01[1-9A-HJ-NP-Za-km-z]{22}", message["id"])


def test_replies_of_later_models_begin_with_the_model(bedrock):
    _, client = bedrock
    message, _ = whole(client, LATER)
    assert list(message)[:5] == ["model", "id", "type", "role", "content"]
    assert message["model"] == "claude-opus-4-8"
    assert re.fullmatch(r"msg_bdrk_[a-z2-7]{52}", message["id"])
    assert message["usage"]["cache_creation"] == {
        "ephemeral_5m_input_tokens": 0,
        "ephemeral_1h_input_tokens": 0,
    }


def test_every_message_has_its_own_id(bedrock):
    _, client = bedrock
    assert whole(client)[0]["id"] != whole(client)[0]["id"]


def test_plain_replies_have_the_token_headers(bedrock):
    _, client = bedrock
    message, headers = whole(client)
    usage = message["usage"]
    assert headers["x-amzn-bedrock-input-token-count"] == str(usage["input_tokens"])
    assert headers["x-amzn-bedrock-output-token-count"] == str(usage["output_tokens"])
    assert headers["x-amzn-bedrock-invocation-latency"].isdecimal()
    assert headers["content-type"] == "application/json"


def test_the_last_chunk_has_the_metrics_of_the_invocation(bedrock):
    _, client = bedrock
    *_, delta, last = streamed(client)
    metrics = last["amazon-bedrock-invocationMetrics"]
    assert last["type"] == "message_stop"
    assert metrics["outputTokenCount"] == delta["usage"]["output_tokens"]
    assert metrics["inputTokenCount"] == whole(client)[0]["usage"]["input_tokens"]
    assert 0 <= metrics["firstByteLatency"] <= metrics["invocationLatency"]


def test_each_frame_is_padded_by_2_to_62_characters():
    framer = dialects.InvokeFramer(began=0.0)
    frames = EventStreamBuffer()
    frames.add_data(framer.write([{"type": "ping"}] * 500, now=1.0))
    padding = [json.loads(frame.payload)["p"] for frame in frames]
    assert all(PADDING.startswith(text) and 2 <= len(text) <= 62 for text in padding)
    assert len({len(text) for text in padding}) > 30


def test_the_actor_sees_the_request_and_which_model_was_meant(bedrock):
    actor, client = bedrock
    whole(client, LATER, system="Be brief.", anthropic_beta=["context-1m-2025-08-07"])
    ask = actor.asks[-1]
    assert (ask.model, ask.model_id, ask.operation) == ("claude-opus-4-8", LATER, "InvokeModel")
    assert ask.document["system"] == "Be brief."
    streamed(client, LATER)
    assert actor.asks[-1].operation == "InvokeModelWithResponseStream"


def test_stop_sequences_and_max_tokens_end_the_answer(bedrock):
    actor, client = bedrock
    actor.pieces = [Text("one two"), Text(" three four")]
    message, _ = whole(client, stop_sequences=["three"])
    assert message["content"] == [{"type": "text", "text": "one two "}]
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "three")
    message, _ = whole(client, max_tokens=1)
    assert message["stop_reason"] == "max_tokens"
    assert message["usage"]["output_tokens"] == 1


def test_an_actors_own_stop_reason_is_told(bedrock):
    actor, client = bedrock
    actor.pieces = [Text("No."), Stop("refusal"), Text("never said")]
    message, _ = whole(client)
    assert message["stop_reason"] == "refusal"
    assert message["content"] == [{"type": "text", "text": "No."}]


def test_an_actor_that_says_nothing_gives_an_empty_message(bedrock):
    actor, client = bedrock
    actor.pieces = []
    assert whole(client)[0]["content"] == []
    assert [event["type"] for event in streamed(client)] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]


@pytest.mark.parametrize("call", [whole, streamed])
def test_a_refusal_before_the_first_piece_is_an_http_error(bedrock, call):
    actor, client = bedrock
    busy = errors.ServiceUnavailableException("Bedrock is unable to process your request.")
    actor.pieces = [Wait(0), Refuse(busy)]
    with pytest.raises(ClientError) as caught:
        call(client)
    assert caught.value.response["Error"]["Code"] == "ServiceUnavailableException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_a_refusal_after_the_first_piece_is_an_exception_in_the_stream(bedrock):
    actor, client = bedrock
    busy = errors.ThrottlingException("Too many tokens, please wait before trying again.")
    actor.pieces = [Text("Hel"), Refuse(busy)]
    with pytest.raises(EventStreamError, match=r"throttlingException.*Too many tokens"):
        streamed(client)


def test_what_came_before_an_exception_arrives(bedrock):
    actor, client = bedrock
    actor.pieces = [Text("Hel"), Refuse(errors.ThrottlingException("later"))]
    seen = []
    reply = client.invoke_model_with_response_stream(modelId=VERSIONED, body=body())
    with closing(reply["body"]) as stream, pytest.raises(EventStreamError):
        for event in stream:
            seen.append(json.loads(event["chunk"]["bytes"])["type"])  # noqa: PERF401 - it raises
    assert seen == ["message_start", "content_block_start", "content_block_delta"]


@pytest.mark.parametrize(
    ("model_id", "region", "text"),
    [
        ("anthropic.claude-nobody", "us-east-1", "The provided model identifier is invalid."),
        ("amazon.nova-pro-v1:0", "us-east-1", "The provided model identifier is invalid."),
        (
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "us-east-1",
            "The provided model identifier is invalid.",
        ),
        (
            "anthropic.claude-opus-4-8",
            "us-east-1",
            (
                "Invocation of model ID anthropic.claude-opus-4-8 with on-demand throughput isn’t "  # noqa: RUF001 - AWS's apostrophe
                "supported. Retry your request with the ID or ARN of an inference profile that "
                "contains this model."
            ),
        ),
    ],
)
def test_a_model_that_isnt_to_be_had_is_refused_in_awss_words(model_id, region, text):
    with pytest.raises(ValidationException) as caught:
        runtime.find_model(model_id, region=region, today="2026-11-22")
    assert caught.value.message == text


def test_a_model_ends_on_its_day_and_not_before():
    def found(today):
        return runtime.find_model(VERSIONED, region="us-east-1", today=today)

    assert found("2027-04-07").first_party == "claude-sonnet-4-5-20250929"
    with pytest.raises(ResourceNotFoundException, match="reached the end of its life"):
        found("2027-04-08")


def test_the_model_is_judged_before_the_body(bedrock):
    _, client = bedrock
    with pytest.raises(ClientError, match="model identifier is invalid"):
        client.invoke_model(modelId="nobody", body=b"not JSON")


def test_a_model_id_that_is_too_long_is_refused():
    with pytest.raises(ValidationException, match="less than or equal to 2048"):
        runtime.find_model("a" * 2049, region="us-east-1", today="2026-11-22")
