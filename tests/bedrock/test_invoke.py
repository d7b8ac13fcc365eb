from __future__ import annotations

import base64
import json

import orjson
import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, strategies as st

from outcrop import errors
from outcrop.bedrock import boto3_shapes, invoke, invoke_stream, routes
from outcrop.messages.view import View

ASK = {
    "model": "m",
    "stream": True,
    "max_tokens": 5,
    "messages": [{"role": "user", "content": "é"}],
}
EVENTS = [
    {"type": "message_start", "message": {"id": "msg_1", "content": []}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "héllo"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "something_new", "with": ["unknown", {"fields": 1}]},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1}},
]


def test_the_body_has_no_model_and_no_stream_but_a_version():
    body = json.loads(invoke.write_ask(ASK, api_version="bedrock-2023-05-31"))
    assert body == {
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "é"}],
        "anthropic_version": "bedrock-2023-05-31",
    }


def test_an_own_version_wins_and_betas_add_up():
    ask = {**ASK, "anthropic_version": "x", "anthropic_beta": ["a"], "betas": ["b"]}
    body = json.loads(invoke.write_ask(ask, api_version="y"))
    assert body["anthropic_version"] == "x"
    assert body["anthropic_beta"] == ["b", "a"]
    assert "betas" not in body


def test_betas_go_into_the_body():
    ask = {**ASK, "betas": ("context-1m-2025-08-07",)}
    body = json.loads(invoke.write_ask(ask, api_version="y"))
    assert body["anthropic_beta"] == ["context-1m-2025-08-07"]


def test_iterables_and_unknown_fields_go_through():
    ask = {**ASK, "messages": iter(ASK["messages"]), "brand_new": {"a": [1]}}
    body = json.loads(invoke.write_ask(ask, api_version="y"))
    assert body["messages"] == ASK["messages"]
    assert body["brand_new"] == {"a": [1]}


def test_what_json_cannot_hold_is_named():
    with pytest.raises(errors.RequestError, match="bytes"):
        invoke.write_ask({**ASK, "system": b"no"}, api_version="y")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(
    ("place", "path"),
    [
        (lambda number: {"temperature": number}, "temperature"),
        (lambda number: {"a": [{"b": (1, number)}]}, "a.0.b.1"),
        (lambda number: {"a": iter([None, {"b": number}])}, "a.1.b"),
        (lambda number: {"a": View.of({"b": number})}, "a.b"),
        (lambda number: {"a": iter([iter([number])])}, "a.0.0"),
    ],
)
def test_what_json_has_no_number_for_is_refused_with_its_path(place, path, number):
    with pytest.raises(errors.RequestError) as caught:
        invoke.write_ask({**ASK, **place(number)}, api_version="y")
    assert str(caught.value).startswith(f"{path} is {number}, which JSON has no number for.")
    with pytest.raises(errors.RequestError):
        invoke.dump(place(number))
    with pytest.raises(errors.RequestError):
        boto3_shapes.write_ask(place(number))


@given(
    st.recursive(
        st.floats() | st.none() | st.sampled_from(["null", "nan", 1, True]),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["null", "a"]), inner),
    )
)
def test_a_request_is_written_if_json_has_all_of_it(value):
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        with pytest.raises(errors.RequestError):
            invoke.dump({"a": value})
    else:
        assert json.loads(invoke.dump({"a": value})) == {"a": value}


def test_an_ask_is_read_back():
    body = invoke.write_ask(ASK, api_version="v")
    assert invoke.read_ask(body) == json.loads(body)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"a":', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_malformed_input(body: bytes):
    with pytest.raises(errors.ValidationException, match="Malformed input request"):
        invoke.read_ask(body)


@given(cuts=st.lists(st.integers(1, 400), max_size=20), padding=st.integers(0, 62))
def test_events_come_out_as_they_went_in_however_they_are_cut(cuts: list[int], padding: int):
    data = b"".join(invoke_stream.write_event(event, padding=padding) for event in EVENTS)
    reader = invoke_stream.EventReader()
    seen: list[object] = []
    for cut in cuts:
        seen += reader.feed(data[:cut])
        data = data[cut:]
    seen += reader.feed(data)
    assert seen == EVENTS
    assert reader.complete
    reader.raise_fault(ended=True)


def test_botocore_reads_our_chunks():
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(invoke_stream.write_event(event, padding=7) for event in EVENTS))
    payloads = [json.loads(frame.payload) for frame in buffer]
    assert [json.loads(base64.b64decode(payload["bytes"])) for payload in payloads] == EVENTS
    assert {payload["p"] for payload in payloads} == {"abcdefg"}


def test_a_stream_without_message_stop_is_truncated():
    reader = invoke_stream.EventReader()
    reader.feed(invoke_stream.write_event(EVENTS[0], padding=1))
    reader.raise_fault()
    with pytest.raises(errors.StreamTruncatedError):
        reader.raise_fault(ended=True)


def test_a_bad_checksum_comes_after_the_sound_frames_before_it():
    good = invoke_stream.write_event(EVENTS[0], padding=1)
    bad = bytearray(invoke_stream.write_event(EVENTS[2], padding=1))
    bad[-6] ^= 1
    reader = invoke_stream.EventReader()
    assert reader.feed(good + bytes(bad)) == [EVENTS[0]]
    with pytest.raises(errors.EventStreamError):
        reader.raise_fault()


def test_a_chunk_that_is_no_event_is_an_error_of_ours():
    reader = invoke_stream.EventReader()
    frame = invoke_stream.write_event(EVENTS[0], padding=0)
    payload = b'{"bytes":"' + base64.b64encode(b"not json") + b'"}'
    from outcrop.wire import eventstream

    headers = eventstream.Decoder().feed(frame)[0].headers
    assert reader.feed(eventstream.encode(headers, payload)) == []
    with pytest.raises(errors.APIResponseValidationError):
        reader.raise_fault()


def test_reply_headers_count_tokens_and_mention_the_cache_only_when_it_was_used():
    headers, body = invoke.write_reply(
        {"content": [], "usage": {"input_tokens": 3, "output_tokens": 4}}, latency=12
    )
    assert orjson.loads(body)["usage"]["output_tokens"] == 4
    names = {name.lower(): value for name, value in headers}
    assert names["x-amzn-bedrock-input-token-count"] == "3"
    assert names["x-amzn-bedrock-output-token-count"] == "4"
    assert names["x-amzn-bedrock-invocation-latency"] == "12"
    assert "x-amzn-bedrock-cache-read-input-token-count" not in names


@pytest.mark.parametrize(
    ("model_id", "path"),
    [
        ("us.a.b-v1:0", "/model/us.a.b-v1:0/invoke"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
            "/model/arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fabc/invoke",
        ),
    ],
)
def test_paths_keep_colons_and_escape_slashes(model_id: str, path: str):
    # As observed with the official SDK: `quote(model, safe=":")`.
    assert routes.invoke_target(model_id, stream=False) == path
    assert routes.invoke_target(model_id, stream=True) == path + "-with-response-stream"


@pytest.mark.parametrize("model_id", ["", ".", "..", "a\nb"])
def test_an_id_that_cannot_stand_in_a_path_is_refused(model_id: str):
    with pytest.raises(errors.RequestError, match="model="):
        routes.invoke_target(model_id, stream=False)


def test_the_api_version_follows_the_catalog():
    assert routes.api_version("global.anthropic.claude-opus-4-8") == "2026-10-21"
    sonnet = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert routes.api_version(sonnet) == "bedrock-2023-05-31"
    assert routes.api_version("anthropic.claude-of-tomorrow") == "bedrock-2023-05-31"


def test_hosts_follow_the_partition():
    assert routes.runtime_origin("us-west-2") == "https://bedrock-runtime.us-west-2.amazonaws.com"
    assert (
        routes.runtime_origin("us-iso-east-1") == "https://bedrock-runtime.us-iso-east-1.c2s.ic.gov"
    )
