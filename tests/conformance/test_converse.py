"""What AWS's clients have to find behind Converse, ConverseStream and CountTokens.

Each client parses replies by the service model, so that a wrong name or type is lost on the way.
Texts of refusals: real replies of Amazon Bedrock, as publicly reported. Order of the events of a
stream: recorded traffic.
"""

from __future__ import annotations

import re
from itertools import groupby

import pytest


@pytest.fixture
def boto3(hear):
    return hear("boto3")


def text_of(reply):
    return "".join(block["text"] for block in reply["output"]["message"]["content"])


def kinds_of(events):
    return [next(name for name in event if not name.startswith("$")) for event in events]


# Replies


def test_a_whole_reply_arrives_in_the_shapes_of_converse(converser):
    reply = converser.reply("converse")
    assert reply["output"]["message"]["role"] == "assistant"
    assert reply["stopReason"] == "end_turn"
    assert text_of(reply)
    assert reply["metrics"]["latencyMs"] >= 0


def test_converse_says_and_counts_what_invoke_model_does(converser):
    invoked, reply = converser.reply("create")["message"], converser.reply("converse")
    assert text_of(reply) == "".join(block["text"] for block in invoked["content"])
    usage = reply["usage"]
    assert usage["inputTokens"] == invoked["usage"]["input_tokens"]
    assert usage["outputTokens"] == invoked["usage"]["output_tokens"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]


def test_a_reply_of_converse_has_no_headers_of_invoke_model(boto3):
    headers = boto3.reply("converse")["headers"]
    assert headers["content-type"] == "application/json"
    assert not [name for name in headers if name.startswith("x-amzn-bedrock")]


# Streams


def test_a_stream_of_converse_is_awss_events_in_order(converse_streamer):
    kinds = kinds_of(converse_streamer.reply("converse_stream")["events"])
    assert [kind for kind, _ in groupby(kinds)] == [
        "messageStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    assert kinds.count("contentBlockDelta") > 1


def test_a_stream_of_converse_says_and_counts_what_a_whole_reply_does(converse_streamer):
    whole = converse_streamer.reply("converse")
    events = converse_streamer.reply("converse_stream")["events"]
    pieces = [
        event["contentBlockDelta"]["delta"]["text"]
        for event in events
        if "contentBlockDelta" in event
    ]
    assert "".join(pieces) == text_of(whole)
    assert events[-2]["messageStop"]["stopReason"] == whole["stopReason"]
    usage = events[-1]["metadata"]["usage"]
    for name in ("inputTokens", "outputTokens", "totalTokens"):
        assert usage[name] == whole["usage"][name]


def test_the_javascript_sdk_converses_over_http2(hear):
    speaker = hear("aws-js-h2c")
    assert speaker.reply("converse")["protocol"] == "h2"
    assert speaker.reply("converse_stream")["protocol"] == "h2"


# Refusals


def test_what_bedrock_refuses_is_told_without_a_prefix(converser):
    refusal = converser.refusal("converse_refused_by_bedrock")
    assert refusal["name"] == "ValidationException"
    assert refusal["message"] == "The provided model identifier is invalid."
    assert refusal.get("status", 400) == 400


def test_what_the_model_refuses_is_told_as_its_words(converser):
    refusal = converser.refusal("converse_refused_by_model")
    assert refusal["name"] == "ValidationException"
    assert refusal["message"] == "The model returned the following errors: invalid beta flag"
    assert refusal.get("status", 400) == 400


def test_a_streamed_conversation_is_refused_like_a_plain_one(converse_streamer):
    plain = converse_streamer.refusal("converse_refused_by_model")
    streamed = converse_streamer.refusal("converse_stream_refused")
    for said in ("status", "name", "message", "error"):
        assert streamed[said] == plain[said]


def test_the_command_line_names_the_operation(hear):
    refusal = hear("aws-cli").refusal("converse_refused_by_model")
    assert (refusal["exit"], refusal["operation"]) == (255, "Converse")


# Tools


def test_boto3_goes_round_a_tool_loop(boto3):
    told = boto3.reply("tool_loop")
    (call,) = told["calls"]
    assert call["name"] == "get_weather"
    assert isinstance(call["input"]["city"], str)
    assert re.fullmatch(r"tooluse_[0-9A-Za-z]{22}", call["toolUseId"])
    assert [turn["role"] for turn in told["turns"]] == ["user", "assistant", "user", "assistant"]
    assert told["stop_reason"] == "end_turn"
    (answer,) = told["turns"][-1]["content"]
    assert "18 degrees" in answer["text"]


# Counting


@pytest.mark.parametrize("api", ["converse", "invoke"])
def test_a_request_counts_as_many_tokens_as_it_is_charged_with(boto3, api):
    counted = boto3.reply(f"count_{api}")["tokens"]
    charged = boto3.reply(f"counted_{api}")
    usage = charged["usage"] if api == "converse" else charged["message"]["usage"]
    assert counted == (usage["inputTokens"] if api == "converse" else usage["input_tokens"])


def test_a_profile_isnt_counted_for(boto3):
    refusal = boto3.refusal("count_profile")
    assert refusal["error"] == refusal["name"] == "ValidationException"
    assert refusal["message"] == "The provided model doesn't support counting tokens."
