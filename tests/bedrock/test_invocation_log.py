"""Records of invocations, from what went over the wire."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from outcrop.bedrock import converse_reply, invocation_log, invoke_stream
from outcrop.bedrock.converse import Extras
from outcrop.bedrock.converse_stream import EventWriter
from outcrop.bedrock.invocation_log import Invocation
from outcrop.messages.disassembly import events_of
from outcrop.wire import eventstream

MESSAGE = {
    "id": "msg_bdrk_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [
        {"type": "thinking", "thinking": "Rock it is.", "signature": "c2ln"},
        {"type": "text", "text": "Granite."},
        {"type": "tool_use", "id": "toolu_1", "name": "weigh", "input": {"kg": [1, 2]}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 12,
        "output_tokens": 34,
        "cache_read_input_tokens": 56,
        "cache_creation_input_tokens": 78,
    },
}
ASKED = {"max_tokens": 9, "messages": [{"role": "user", "content": "Which rock?"}]}


def invoked(operation, response, **more):
    given_ = {
        "operation": operation,
        "model_id": "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "region": "us-west-2",
        "request_id": "5d2f4c1e-0000-4000-8000-000000000000",
        "began": 1775525025.9,
        "request": json.dumps(ASKED).encode(),
        "account": "123456789012",
        "identity": {"arn": "arn:aws:iam::123456789012:user/Alice"},
    }
    return invocation_log.write_record(Invocation(**given_ | more, response=response))


def invoke_frames(message):
    return [invoke_stream.write_event(event, padding=3) for event in events_of(message)]


def test_a_record_has_aws_members_in_aws_order():
    record = invoked(
        "InvokeModel",
        json.dumps(MESSAGE).encode(),
        inference_region="us-east-2",
        metadata='{"a":"b"}',
    )
    assert list(record) == [
        "timestamp",
        "accountId",
        "region",
        "requestId",
        "operation",
        "modelId",
        "input",
        "output",
        "identity",
        "inferenceRegion",
        "requestMetadata",
        "schemaType",
        "schemaVersion",
    ]
    assert record["timestamp"] == "2026-04-07T01:23:45Z"
    assert record["input"] == {
        "inputContentType": "application/json",
        "inputBodyJson": ASKED,
        "inputTokenCount": 12,
        "cacheReadInputTokenCount": 56,
        "cacheWriteInputTokenCount": 78,
    }
    assert record["output"] == {
        "outputContentType": "application/json",
        "outputBodyJson": MESSAGE,
        "outputTokenCount": 34,
    }
    assert record["requestMetadata"] == {"a": "b"}
    assert record["schemaType"], record["schemaVersion"] == ("ModelInvocationLog", "1.0")


def test_a_stream_of_invoke_model_is_recorded_as_its_events():
    record = invoked("InvokeModelWithResponseStream", invoke_frames(MESSAGE))
    assert record["output"]["outputBodyJson"] == list(events_of(MESSAGE))
    assert record["output"]["outputTokenCount"] == 34
    assert record["input"]["cacheReadInputTokenCount"] == 56


def test_the_metrics_at_the_end_of_a_stream_count():
    *events, last = events_of(MESSAGE)
    usage = {"input_tokens": 1, "output_tokens": 2}
    metrics = invoke_stream.metrics(usage, latency=5, first_byte=4)
    last = {**last, "amazon-bedrock-invocationMetrics": metrics}
    frames = [invoke_stream.write_event(event, padding=3) for event in [*events, last]]
    record = invoked("InvokeModelWithResponseStream", frames)
    assert record["input"]["inputTokenCount"] == 1
    assert record["output"]["outputTokenCount"] == 2


def test_a_stream_of_converse_is_recorded_as_the_object_that_converse_answers():
    extras = Extras()
    writer = EventWriter(extras)
    frames = [writer.write(event, padding=4) for event in events_of(MESSAGE)]
    frames.append(writer.finish(latency=7, padding=4))
    _, whole = converse_reply.write_reply(MESSAGE, latency=7, extras=extras)
    record = invoked("ConverseStream", b"".join(frames))
    answered = json.loads(whole)
    del answered["output"]["message"]["content"][2]["toolUse"]["type"]  # not in a stream
    assert record["output"]["outputBodyJson"] == answered
    assert record["output"]["outputTokenCount"] == 34
    assert record["input"]["inputTokenCount"] == 12


@given(cut=st.integers(min_value=0), data=st.binary(max_size=40))
def test_a_stream_that_broke_off_is_recorded_as_far_as_it_came(cut, data):
    wire = b"".join(invoke_frames(MESSAGE))
    cut %= len(wire)
    record = invoked("InvokeModelWithResponseStream", [wire[:cut], data])
    events = list(events_of(MESSAGE))
    came = record.get("output", {}).get("outputBodyJson", [])
    assert came == events[: len(came)]


def test_a_refusal_is_recorded_with_its_name_and_without_counts():
    body = b'{"message":"Too many tokens, please wait before trying again."}'
    record = invoked("Converse", body, error="ThrottlingException")
    assert record["errorCode"] == "ThrottlingException"
    assert "inputTokenCount" not in record["input"]
    assert record["output"]["outputBodyJson"]["message"].startswith("Too many tokens")


def test_bodies_that_are_not_json_are_recorded_as_text():
    record = invoked("InvokeModel", b"", request=b"\xffno json")
    assert record["input"]["inputBodyJson"] == "�no json"
    assert "output" not in record


@pytest.mark.parametrize("value", [2**70, "\ud800"])
def test_what_json_writers_refuse_is_dumped_all_the_same(value):
    line = invocation_log.dump({"a": value})
    assert json.loads(line) == {"a": value}
    assert b"\n" not in line


def test_only_long_bodies_are_taken_out():
    body = json.dumps({"text": "x" * invocation_log.MAX_INLINE_BODY}).encode()
    record = invoked("Converse", body)
    assert invocation_log.take_out(record, "input") is None
    taken = invocation_log.take_out(record, "output")
    assert taken is not None
    assert json.loads(taken) == json.loads(body)
    assert "outputBodyJson" not in record["output"]
    assert invocation_log.take_out(record, "output") is None


def test_keys_are_laid_out_as_aws_lays_them():
    where = {"prefix": "logs/", "account": "123456789012", "region": "us-east-1"}
    start = "logs/AWSLogs/123456789012/BedrockModelInvocationLogs/us-east-1"
    moment = 1775525025.123
    assert (
        invocation_log.object_key(moment, **where, unique="0a1b")
        == f"{start}/2026/04/07/01/20260407T012345123Z_0a1b.json.gz"
    )
    assert (
        invocation_log.data_key(moment, **where, request_id="r-1", side="input")
        == f"{start}/2026/04/07/01/data/r-1_input.json.gz"
    )
    assert invocation_log.object_key(
        moment, prefix="", account="1", region="r", unique="0"
    ).startswith("AWSLogs/1/")


def test_exception_frames_are_no_events():
    frames = [
        *invoke_frames(MESSAGE)[:2],
        eventstream.encode({":message-type": "exception"}, b"{}"),
    ]
    record = invoked("InvokeModelWithResponseStream", frames)
    assert len(record["output"]["outputBodyJson"]) == 2
