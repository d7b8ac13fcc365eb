"""Converse and ConverseStream: what boto3 makes of the replies, and what is on the wire.

Refusals: real replies of Amazon Bedrock, as publicly reported; the shapes: botocore's
`bedrock-runtime/2023-09-30/service-2.json`, to which boto3 holds them.
"""

from __future__ import annotations

import json
import re
from contextlib import closing
from urllib.parse import quote
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.config import Config
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError, EventStreamError

from outcrop import errors
from outcrop.catalog import models
from outcrop.server.actors import Refuse, Stop, Text, ToolUse
from outcrop.testing import local_bedrock

BASE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
VERSIONED = f"global.{BASE}"
LATER = "global.anthropic.claude-opus-4-8"
THE_MODEL_SAYS = "The model returned the following errors: "
LOOK = {
    "toolSpec": {
        "name": "look",
        "description": "Looks.",
        "inputSchema": {"json": {"type": "object", "properties": {"at": {"type": "string"}}}},
    }
}


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
    with local_bedrock(actor=actor, auth=False) as server:
        client = boto3.client(
            "bedrock-runtime",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            config=Config(retries={"total_max_attempts": 1}),
        )
        yield actor, client, server.url
        client.close()


@pytest.fixture
def bedrock(running):
    actor, client, _ = running
    actor.pieces = [Text("Hello,"), Text(" world")]
    return actor, client


@pytest.fixture
def url(running):
    actor, _, url = running
    actor.pieces = [Text("Hello,"), Text(" world")]
    return url


def said(text="Hi"):
    return {"role": "user", "content": [{"text": text}]}


def whole(client, model=VERSIONED, **changes):
    return client.converse(modelId=model, **{"messages": [said()], **changes})


def streamed(client, model=VERSIONED, **changes):
    reply = client.converse_stream(modelId=model, **{"messages": [said()], **changes})
    with closing(reply["stream"]) as stream:
        return list(stream)


def refused(call, client, *arguments, **changes):
    with pytest.raises(ClientError) as caught:
        call(client, *arguments, **changes)
    reply = caught.value.response
    return reply["ResponseMetadata"]["HTTPStatusCode"], reply["Error"]["Code"], reply["Error"]


def wire(url, operation, **changes):
    """Headers and body, as they are on the wire."""
    target = f"{url}/model/{quote(VERSIONED)}/{operation}"
    body = json.dumps({"messages": [said()], **changes}).encode()
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(target, body, headers, method="POST")) as reply:
        return {name.lower(): value for name, value in reply.headers.items()}, reply.read()


# Whole replies ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("model", [VERSIONED, LATER])
def test_boto3_gets_the_reply_in_its_shapes(bedrock, model):
    _, client = bedrock
    reply = whole(client, model)
    assert reply["output"]["message"] == {
        "role": "assistant",
        "content": [{"text": "Hello, world"}],
    }
    assert reply["stopReason"] == "end_turn"
    usage = reply["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    assert reply["metrics"]["latencyMs"] >= 0


def test_a_reply_has_none_of_the_headers_of_invoke_model(url):
    headers, body = wire(url, "converse")
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(body))
    assert "x-amzn-requestid" in headers
    assert not [name for name in headers if name.startswith("x-amzn-bedrock")]


def test_the_body_is_compact_with_its_keys_in_alphabetical_order(url):
    _, body = wire(url, "converse")
    document = json.loads(body)
    assert body == json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def test_the_actor_sees_a_messages_request(bedrock):
    actor, client = bedrock
    whole(
        client,
        LATER,
        system=[{"text": "Be brief."}],
        inferenceConfig={"maxTokens": 7, "stopSequences": ["END"]},
    )
    ask = actor.asks[-1]
    assert (ask.model, ask.model_id, ask.operation) == ("claude-opus-4-8", LATER, "Converse")
    assert ask.document["system"] == [{"type": "text", "text": "Be brief."}]
    assert (ask.document["max_tokens"], ask.document["stop_sequences"]) == (7, ["END"])
    assert ask.document["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]}
    ]
    streamed(client, LATER)
    assert actor.asks[-1].operation == "ConverseStream"


def test_without_max_tokens_the_model_may_say_all_it_can(bedrock):
    actor, client = bedrock
    whole(client)
    assert actor.asks[-1].document["max_tokens"] == models.find(BASE).max_output


def test_max_tokens_and_stop_sequences_end_the_answer(bedrock):
    actor, client = bedrock
    actor.pieces = [Text("one two"), Text(" three four")]
    reply = whole(client, inferenceConfig={"stopSequences": ["three"]})
    assert reply["stopReason"] == "stop_sequence"
    assert reply["output"]["message"]["content"] == [{"text": "one two "}]
    reply = whole(client, inferenceConfig={"maxTokens": 1})
    assert (reply["stopReason"], reply["usage"]["outputTokens"]) == ("max_tokens", 1)


def test_response_fields_are_picked_from_the_models_own_reply(bedrock):
    actor, client = bedrock
    actor.pieces = [Text("one two three")]
    reply = whole(
        client,
        inferenceConfig={"stopSequences": ["three"]},
        additionalModelResponseFieldPaths=["/stop_sequence", "/nowhere"],
    )
    assert reply["additionalModelResponseFields"] == {"stop_sequence": "three"}


def test_a_refusal_of_the_model_is_filtered_content(bedrock):
    actor, client = bedrock
    actor.pieces = [Text("No."), Stop("refusal")]
    assert whole(client)["stopReason"] == "content_filtered"


def test_a_request_costs_the_same_in_both_dialects(bedrock):
    _, client = bedrock
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 64,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    }
    reply = client.invoke_model(modelId=VERSIONED, body=json.dumps(body))
    usage = json.loads(reply["body"].read())["usage"]
    told = whole(client, system=[{"text": "Be brief."}])["usage"]
    assert told["inputTokens"] == usage["input_tokens"]
    assert told["outputTokens"] == usage["output_tokens"]


# Tools ───────────────────────────────────────────────────────────────────────────────────────────


def test_every_tool_call_has_an_id_of_converses_form(bedrock):
    actor, client = bedrock
    actor.pieces = [ToolUse("look", {"at": "a"}), ToolUse("look", {"at": "b"})]
    reply = whole(client, toolConfig={"tools": [LOOK]})
    ids = [block["toolUse"]["toolUseId"] for block in reply["output"]["message"]["content"]]
    assert all(re.fullmatch(r"tooluse_[0-9A-Za-z]{22}", one) for one in ids)
    assert len(set(ids)) == 2
    assert reply["stopReason"] == "tool_use"


def test_a_tool_loop_goes_round(bedrock):
    actor, client = bedrock
    actor.pieces = [ToolUse("look", {"at": "the sky"})]
    config = {"tools": [LOOK], "toolChoice": {"tool": {"name": "look"}}}
    reply = whole(client, toolConfig=config)
    message = reply["output"]["message"]
    call = message["content"][0]["toolUse"]
    assert (call["name"], call["input"]) == ("look", {"at": "the sky"})
    result = {
        "toolResult": {"toolUseId": call["toolUseId"], "content": [{"json": {"colour": "blue"}}]}
    }
    actor.pieces = [Text("Blue.")]
    turns = [said(), message, {"role": "user", "content": [result]}]
    reply = whole(client, messages=turns, toolConfig={"tools": [LOOK]})
    assert reply["output"]["message"]["content"] == [{"text": "Blue."}]
    (told,) = actor.asks[-1].document["messages"][-1]["content"]
    assert (told["type"], told["tool_use_id"]) == ("tool_result", call["toolUseId"])


# Streams ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_comes_in_awss_order_and_ends_with_the_metadata(bedrock):
    actor, client = bedrock
    actor.pieces = [Text("Hello,"), Text(" world"), ToolUse("look", {"at": "x"})]
    events = streamed(client, toolConfig={"tools": [LOOK]})
    kinds = [next(iter(event)) for event in events]
    # No contentBlockStart before text: recorded AWS traffic.
    assert kinds == [
        "messageStart",
        "contentBlockDelta",
        "contentBlockDelta",
        "contentBlockStop",
        "contentBlockStart",
        *["contentBlockDelta"] * kinds[5:-3].count("contentBlockDelta"),
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    assert events[0]["messageStart"] == {"role": "assistant"}
    assert events[-2]["messageStop"]["stopReason"] == "tool_use"
    assert events[-1]["metadata"]["metrics"]["latencyMs"] >= 0


def test_a_stream_adds_up_to_the_plain_reply(bedrock):
    actor, client = bedrock
    actor.pieces = [Text("Let me see. "), ToolUse("look", {"at": "here"})]
    config = {"tools": [LOOK]}
    plain = whole(client, toolConfig=config)
    text = written = ""
    for event in (events := streamed(client, toolConfig=config)):
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        text += delta.get("text", "")
        written += delta.get("toolUse", {}).get("input", "")
    said_first, called = plain["output"]["message"]["content"]
    assert said_first["text"] == text
    assert called["toolUse"]["input"] == json.loads(written)
    usage = events[-1]["metadata"]["usage"]
    for name in ("inputTokens", "outputTokens", "totalTokens"):
        assert usage[name] == plain["usage"][name]


def test_a_stream_has_only_the_content_type_of_frames(url):
    headers, _ = wire(url, "converse-stream")
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert not [name for name in headers if name.startswith("x-amzn-bedrock")]


def test_every_frame_is_padded(url):
    frames = EventStreamBuffer()
    frames.add_data(wire(url, "converse-stream")[1])
    payloads = [json.loads(frame.payload) for frame in frames]
    assert len(payloads) >= 5
    assert all(re.fullmatch("[a-zA-Z0-9]{2,62}", payload["p"]) for payload in payloads)


def test_an_actor_that_says_nothing_gives_an_empty_message(bedrock):
    actor, client = bedrock
    actor.pieces = []
    assert whole(client)["output"]["message"]["content"] == []
    kinds = [next(iter(event)) for event in streamed(client)]
    assert kinds == ["messageStart", "messageStop", "metadata"]


# Refusals ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("call", [whole, streamed])
@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("global.anthropic.claude-nobody", "The provided model identifier is invalid."),
        (
            BASE,
            (
                f"Invocation of model ID {BASE} with on-demand throughput isn’t supported. "  # noqa: RUF001 - AWS's apostrophe
                "Retry your request with the ID or ARN of an inference profile that contains "
                "this model."
            ),
        ),
    ],
)
def test_a_model_that_isnt_to_be_had_is_refused_as_by_invoke_model(bedrock, call, model, text):
    _, client = bedrock
    status, name, error = refused(call, client, model)
    assert (status, name, error["Message"]) == (400, "ValidationException", text)


@pytest.mark.parametrize("call", [whole, streamed])
def test_what_the_model_refuses_is_told_as_its_words(bedrock, call):
    _, client = bedrock
    status, name, error = refused(
        call, client, additionalModelRequestFields={"anthropic_beta": ["nobody-2020-01-01"]}
    )
    assert (status, name) == (400, "ValidationException")
    assert error["Message"] == f"{THE_MODEL_SAYS}invalid beta flag"


def test_sampling_that_a_model_cannot_do_is_the_models_refusal(bedrock):
    _, client = bedrock
    config = {"temperature": 0.5, "topP": 0.5}
    _, _, error = refused(whole, client, inferenceConfig=config)
    assert error["Message"] == (
        f"{THE_MODEL_SAYS}`temperature` and `top_p` cannot both be specified for this model. "
        "Please use only one."
    )


def test_an_unknown_additional_field_is_the_models_refusal(bedrock):
    _, client = bedrock
    _, _, error = refused(whole, client, additionalModelRequestFields={"nothing": 1})
    assert error["Message"] == (
        f"{THE_MODEL_SAYS}Malformed input request: #: extraneous key [nothing] is not permitted, "
        "please reformat your input and try again."
    )
    _, _, error = refused(whole, client, LATER, additionalModelRequestFields={"nothing": 1})
    assert error["Message"] == f"{THE_MODEL_SAYS}nothing: Extra inputs are not permitted"


@pytest.mark.parametrize("call", [whole, streamed])
def test_more_tokens_than_the_model_can_say_are_bedrocks_refusal(bedrock, call):
    _, client = bedrock
    most = models.find(BASE).max_output
    status, name, error = refused(call, client, inferenceConfig={"maxTokens": most + 1})
    assert (status, name) == (400, "ValidationException")
    assert error["Message"] == (
        f"The maximum tokens you requested exceeds the model limit of {most}. "
        f"Try again with a maximum tokens value that is lower than {most}."
    )
    assert whole(client, inferenceConfig={"maxTokens": most})["stopReason"] == "end_turn"


def test_a_constraint_of_the_shapes_is_bedrocks_refusal(bedrock):
    _, client = bedrock
    _, name, error = refused(whole, client, inferenceConfig={"temperature": 99.0})
    assert name == "ValidationException"
    assert error["Message"] == (
        "1 validation error detected: Value '99.0' at 'inferenceConfig.temperature' failed to "
        "satisfy constraint: Member must have value less than or equal to 1"
    )


def test_a_guardrail_that_doesnt_exist_is_refused(bedrock):
    _, client = bedrock
    config = {"guardrailIdentifier": "abcdefghijkl", "guardrailVersion": "1"}
    _, name, error = refused(whole, client, guardrailConfig=config)
    assert (name, error["Message"]) == (
        "ValidationException",
        "The guardrail identifier or version provided in the request does not exist.",
    )


def test_the_model_is_judged_before_the_body(bedrock):
    _, client = bedrock
    _, _, error = refused(whole, client, "nobody", inferenceConfig={"temperature": 99.0})
    assert error["Message"] == "The provided model identifier is invalid."


@pytest.mark.parametrize("call", [whole, streamed])
def test_an_actors_refusal_before_the_first_piece_is_an_http_error(bedrock, call):
    actor, client = bedrock
    busy = errors.ServiceUnavailableException("Bedrock is unable to process your request.")
    actor.pieces = [Refuse(busy)]
    status, name, error = refused(call, client)
    assert (status, name) == (503, "ServiceUnavailableException")
    assert error["Message"] == busy.message


def test_an_actors_refusal_after_the_first_piece_is_an_exception_in_the_stream(bedrock):
    actor, client = bedrock
    busy = errors.ThrottlingException("Too many tokens, please wait before trying again.")
    actor.pieces = [Text("Hel"), Refuse(busy)]
    seen = []
    reply = client.converse_stream(modelId=VERSIONED, messages=[said()])
    with (
        closing(reply["stream"]) as stream,
        pytest.raises(EventStreamError, match=r"throttlingException.*Too many tokens"),
    ):
        for event in stream:
            seen.append(next(iter(event)))  # noqa: PERF401 - it raises
    assert seen == ["messageStart", "contentBlockDelta"]


def test_the_service_tier_and_the_latency_come_back(bedrock):
    _, client = bedrock
    reply = whole(client, serviceTier={"type": "flex"}, performanceConfig={"latency": "standard"})
    assert reply["serviceTier"] == {"type": "flex"}
    assert reply["performanceConfig"] == {"latency": "standard"}
