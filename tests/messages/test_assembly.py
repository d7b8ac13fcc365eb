"""Events add up to the message that they came from, in pieces of any size."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given, strategies as st

from outcrop.errors import APIResponseValidationError
from outcrop.messages import events
from outcrop.messages.assembly import METRICS, MOST_UNASSEMBLED, Assembly
from outcrop.messages.disassembly import events_of
from outcrop.messages.views import Message, TextBlock, ToolUseBlock

# "Streaming Messages", Anthropic's documentation: the basic example, and the tool use example cut
# short; the last event as Bedrock sends it (Amazon Bedrock User Guide, Anthropic Claude Messages).
START = {
    "type": "message_start",
    "message": {
        "id": "msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "claude-opus-4-20250514",
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 25, "output_tokens": 1},
    },
}
BASIC = [
    START,
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "Hello"},
    },
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "!"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 15},
    },
    {
        "type": "message_stop",
        METRICS: {
            "inputTokenCount": 25,
            "outputTokenCount": 15,
            "invocationLatency": 4069,
            "firstByteLatency": 1117,
        },
    },
]
TOOL = [
    START,
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {
            "type": "tool_use",
            "id": "toolu_01T1x1fJ34qAmk2tNTrN7Up6",
            "name": "get_weather",
            "input": {},
        },
    },
    *(
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": piece},
        }
        for piece in ("", '{"location":', ' "San', " Francisc", "o,", ' CA"', ', "unit": "fah')
    ),
]
DELTA = {"type": "content_block_delta", "index": 0}


def assemble(stream):
    assembly = Assembly()
    for event in stream:
        assembly.add(event)
    return assembly


def test_the_documented_stream_adds_up():
    assembly = assemble(BASIC)
    assert assembly.complete
    assert assembly.document == {
        **START["message"],
        "content": [{"type": "text", "text": "Hello!"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 25, "output_tokens": 15},
    }
    assert assembly.stop_metrics == BASIC[-1][METRICS]
    assert assembly.unassembled == []


def test_the_message_is_there_at_every_step():
    assembly = Assembly()
    assert not assembly.started
    assert assembly.document == {}
    seen = []
    for event in BASIC:
        assembly.add(event)
        assert assembly.started
        seen.append([block["text"] for block in assembly.document["content"]])
    assert seen == [[], [""], [""], ["Hello"], ["Hello!"], ["Hello!"], ["Hello!"], ["Hello!"]]


def test_a_message_that_was_handed_out_does_not_change_later():
    assembly = Assembly()
    handed_out = []
    for event in BASIC:
        assembly.add(event)
        document = assembly.document
        handed_out.append((document, copy.deepcopy(document)))
    assert all(document == then for document, then in handed_out)


def test_events_are_left_as_they_are():
    stream = [*copy.deepcopy(TOOL), {"type": "content_block_stop", "index": 0}]
    assemble(stream)
    assert stream[:-1] == TOOL


def test_an_unfinished_tool_input_holds_what_can_be_read():
    assembly = assemble(TOOL)
    assert assembly.document["content"][0]["input"] == {"location": "San Francisco, CA"}


def test_a_tool_input_that_ended_unfinished_is_told():
    assembly = assemble([*TOOL, {"type": "content_block_stop", "index": 0}])
    assert assembly.document["content"][0]["input"] == {"location": "San Francisco, CA"}
    assert assembly.incomplete_inputs == {0: '{"location": "San Francisco, CA", "unit": "fah'}


def test_a_tool_input_without_json_stays_empty():
    assembly = assemble([*TOOL[:3], {"type": "content_block_stop", "index": 0}])
    assert assembly.document["content"][0]["input"] == {}
    assert assembly.incomplete_inputs == {}


def test_later_counts_win_and_unknown_ones_stay():
    start = copy.deepcopy(START)
    start["message"]["usage"] |= {"cache_read_input_tokens": 4, "wisdom": {"deep": 1}}
    end = {
        "type": "message_delta",
        "delta": {"stop_reason": "refusal", "stop_details": {"type": "refusal"}, "mood": "calm"},
        "usage": {"input_tokens": 26, "output_tokens": 9, "cache_read_input_tokens": None, "x": 1},
        "context_management": {"applied_edits": []},
    }
    document = assemble([start, end, {"type": "message_stop"}]).document
    assert document["usage"] == {
        "input_tokens": 26,
        "output_tokens": 9,
        "cache_read_input_tokens": 4,
        "wisdom": {"deep": 1},
        "x": 1,
    }
    assert document["stop_details"] == {"type": "refusal"}
    assert document["mood"] == "calm"
    assert document["context_management"] == {"applied_edits": []}


def test_an_absent_container_does_not_take_away_the_one_of_the_start():
    start = copy.deepcopy(START)
    start["message"]["container"] = {"id": "c"}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "container": None}}
    assert assemble([start, end]).document["container"] == {"id": "c"}


def test_what_a_guardrail_says_is_at_the_top_level_as_in_a_whole_body():
    stop = {"type": "message_stop", "amazon-bedrock-guardrailAction": "INTERVENED"}
    document = assemble([*BASIC[:-1], stop]).document
    assert document["amazon-bedrock-guardrailAction"] == "INTERVENED"


def test_unknown_events_deltas_and_blocks_survive():
    strange_event = {"type": "weather_report", "sky": "blue"}
    strange_delta = {**DELTA, "delta": {"type": "hum_delta", "hum": "♪"}}
    odd_delta = {**DELTA, "delta": {"type": ["not", "hashable"]}}
    strange_block = {"type": "hologram", "text": {"beams": 3}}
    assembly = assemble(
        [
            strange_event,
            START,
            {"type": "content_block_start", "index": 0, "content_block": strange_block},
            strange_delta,
            odd_delta,
            {"no": "type"},
            {"type": ["not", "hashable"]},
            {"type": "content_block_stop", "index": 0},
            *BASIC[-2:],
        ]
    )
    assert assembly.document["content"] == [strange_block]
    assert assembly.complete
    assert assembly.unassembled == [
        strange_event,
        strange_delta,
        odd_delta,
        {"no": "type"},
        {"type": ["not", "hashable"]},
    ]


def test_what_is_set_aside_is_bounded():
    assembly = assemble({"type": "noise"} for _ in range(MOST_UNASSEMBLED + 5))
    assert len(assembly.unassembled) == MOST_UNASSEMBLED


def test_a_block_of_an_unknown_type_can_still_grow_by_known_deltas():
    block = {"type": "monologue", "text": "O, "}
    assembly = assemble(
        [
            START,
            {"type": "content_block_start", "index": 0, "content_block": block},
            {**DELTA, "delta": {"type": "text_delta", "text": "Romeo"}},
            {"type": "content_block_stop", "index": 0},
        ]
    )
    assert assembly.document["content"] == [{"type": "monologue", "text": "O, Romeo"}]


@pytest.mark.parametrize("start", [None, 5, "all", {"a": 1}, []])
def test_citations_begin_anew_where_the_block_had_no_list(start):
    block = {"type": "text", "text": "", "citations": start}
    citation = {"type": "char_location", "cited_text": "c"}
    assembly = assemble(
        [
            START,
            {"type": "content_block_start", "index": 0, "content_block": block},
            {**DELTA, "delta": {"type": "citations_delta", "citation": citation}},
        ]
    )
    assert assembly.document["content"][0]["citations"] == [citation]


def test_a_block_that_was_never_stopped_is_whole_at_the_end():
    assembly = assemble([*BASIC[:5], *BASIC[6:]])
    assert assembly.document["content"] == [{"type": "text", "text": "Hello!"}]


TEXT_DELTA = {"type": "text_delta", "text": "x"}
MALFORMED = [
    ([BASIC[3]], "content_block_delta came before message_start"),
    ([BASIC[1]], "content_block_start came before message_start"),
    ([BASIC[5]], "content_block_stop came before message_start"),
    ([BASIC[-2]], "message_delta came before message_start"),
    ([BASIC[-1]], "message_stop came before message_start"),
    ([START, START], "message_start came twice"),
    ([*BASIC, BASIC[-1]], "message_stop came after message_stop"),
    ([*BASIC, BASIC[3]], "content_block_delta came after message_stop"),
    ([START, BASIC[3]], "content_block_delta is for block 0, which never started"),
    ([*BASIC[:6], BASIC[3]], "content_block_delta is for block 0, which has ended"),
    ([*BASIC[:6], BASIC[5]], "content_block_stop is for block 0, which has ended"),
    ([START, {**BASIC[1], "index": 1}], "content_block_start has index 1 where 0 is next"),
    ([START, {**BASIC[1], "index": -1}], "content_block_start has index -1 where 0 is next"),
    ([*BASIC[:2], {**BASIC[3], "index": "0"}], "needs a whole number in index"),
    ([*BASIC[:2], {**BASIC[3], "index": 0.0}], "needs a whole number in index"),
    ([*BASIC[:2], {**BASIC[5], "index": False}], "needs a whole number in index"),
    ([*BASIC[:2], {"type": "content_block_stop"}], "needs a whole number in index, not nothing"),
    ([*BASIC[:2], DELTA], "content_block_delta needs an object in delta, not nothing"),
    ([*BASIC[:2], {**DELTA, "delta": {"type": "text_delta"}}], "needs a string in delta.text"),
    (
        [*BASIC[:2], {**DELTA, "delta": {"type": "input_json_delta", "partial_json": 1}}],
        "needs a string in delta.partial_json",
    ),
    (
        [*BASIC[:2], {**DELTA, "delta": {"type": "citations_delta"}}],
        "content_block_delta needs an object in citation",
    ),
    ([{"type": "message_start"}], "message_start needs an object in message, not nothing"),
    ([START, {"type": "message_delta"}], "message_delta needs an object in delta, not nothing"),
    ([["message_start"]], "should be a JSON object, not a value of type list"),
    (["message_start"], "should be a JSON object, not a value of type str"),
    ([None], "should be a JSON object, not nothing"),
]


@pytest.mark.parametrize(("stream", "words"), MALFORMED)
def test_a_malformed_stream_is_refused_by_the_name_of_the_event(stream, words):
    *before, last = stream
    assembly = assemble(before)
    with pytest.raises(APIResponseValidationError, match=words):
        assembly.add(last)


def test_an_event_nested_too_deeply_is_refused():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(APIResponseValidationError, match="message_start is nested too deeply"):
        Assembly().add({"type": "message_start", "message": {"content": deep}})


# Round trips ─────────────────────────────────────────────────────────────────────────────────────

TEXT = st.text(max_size=30)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)


def document(required, optional=None):
    return st.fixed_dictionaries(required, optional=optional or {})


CITATION = document(
    {"type": st.just("char_location"), "cited_text": TEXT}, {"document_title": st.none() | TEXT}
)
BLOCK = st.one_of(
    document(
        {"type": st.just("text"), "text": TEXT},
        {"citations": st.none() | st.lists(CITATION, max_size=3)},
    ),
    document({"type": st.just("thinking"), "thinking": TEXT}, {"signature": TEXT}),
    document({"type": st.just("redacted_thinking"), "data": TEXT}),
    document(
        {"type": st.sampled_from(["tool_use", "server_tool_use"]), "input": OBJECT},
        {"id": TEXT, "name": TEXT, "caller": OBJECT},
    ),
    document({"type": st.just("hologram")}, {"text": JSON, "input": JSON, "citations": JSON}),
)
COUNT = st.none() | st.integers(0, 10**9)
MESSAGE = document(
    {"type": st.just("message"), "content": st.lists(BLOCK, max_size=4)},
    {
        "id": TEXT,
        "stop_reason": st.none() | TEXT,
        "stop_sequence": st.none() | TEXT,
        "stop_details": st.none() | OBJECT,
        "container": st.none() | OBJECT,
        "usage": document({}, {"input_tokens": COUNT, "output_tokens": COUNT, "more": OBJECT}),
        "amazon-bedrock-trace": OBJECT,
    },
)


@given(MESSAGE, st.integers(1, 4))
def test_a_message_taken_apart_and_put_together_is_the_same(message, size):
    def split(text):
        return (text[at : at + size] for at in range(0, len(text), size))

    before = copy.deepcopy(message)
    for stream in (events_of(message), events_of(message, split=split)):
        over_the_wire = json.loads(json.dumps(stream))
        assembly = assemble(over_the_wire)
        assert assembly.document == message
        assert assembly.complete
        assert assembly.unassembled == []
        assert assembly.incomplete_inputs == {}
    assert message == before


@given(MESSAGE, st.data())
def test_any_cut_of_a_stream_leaves_a_message(message, data):
    stream = events_of(message)
    assembly = assemble(stream[: data.draw(st.integers(1, len(stream)))])
    view = Message.of(assembly.document)
    assert view.type == "message"
    assert json.loads(view.to_json()) == assembly.document


@given(MESSAGE, st.data())
def test_whatever_order_events_come_in_only_our_error_is_raised(message, data):
    assembly = Assembly()
    refusals = []
    for event in data.draw(st.permutations(events_of(message))):
        try:
            assembly.add(event)
        except APIResponseValidationError as error:
            refusals.append((event["type"], str(error)))
        else:
            assembly.derived_events(event)
    assert all(kind in words for kind, words in refusals)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["type", "index", "delta", "message", "content_block", "usage"]),
            JSON
            | st.sampled_from(["message_start", "content_block_delta", "message_delta"])
            | st.builds(lambda kind: {"type": kind}, st.sampled_from(["text_delta", "text"])),
        )
        | JSON,
        max_size=6,
    )
)
def test_whatever_comes_only_our_error_is_raised(stream):
    assembly = assemble(BASIC[:2])
    for event in stream:
        try:
            assembly.add(event)
        except APIResponseValidationError:
            continue
        assembly.derived_events(event)
        json.dumps(assembly.document)


def test_content_that_cannot_be_streamed_is_refused():
    for content in ("text", [1], None):
        with pytest.raises(APIResponseValidationError, match="list of objects"):
            events_of({"content": content})


def test_the_events_are_in_wire_order():
    message = assemble(BASIC).document
    assert [event["type"] for event in events_of(message)] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events_of(message)[0]["message"]["usage"] == {"input_tokens": 25, "output_tokens": 1}
    assert list(events_of(message)[2]) == ["type", "index", "delta"]


# What `messages.stream()` tells ──────────────────────────────────────────────────────────────────


def told(stream):
    assembly = Assembly()
    for event in stream:
        assembly.add(event)
        yield from assembly.derived_events(event)


def test_derived_events_come_in_the_official_order():
    # observed with anthropic 2.12.0, `build_events`; `ping` doesn't reach it
    names = [type(event).__name__ for event in told(event for event in BASIC if event != BASIC[2])]
    assert names == [
        "RawMessageStartEvent",
        "RawContentBlockStartEvent",
        "RawContentBlockDeltaEvent",
        "TextEvent",
        "RawContentBlockDeltaEvent",
        "TextEvent",
        "ContentBlockStopEvent",
        "RawMessageDeltaEvent",
        "MessageStopEvent",
    ]


def test_a_snapshot_is_of_its_own_time_even_if_read_later():
    texts = [event for event in told(BASIC) if isinstance(event, events.TextEvent)]
    assert [(event.text, event.snapshot) for event in texts] == [
        ("Hello", "Hello"),
        ("!", "Hello!"),
    ]
    assert texts[1].to_dict() == {"type": "text", "text": "!", "snapshot": "Hello!"}
    assert repr(texts[1]) == "TextEvent(type='text', text='!', snapshot='Hello!')"


def test_an_event_with_a_snapshot_can_be_copied_and_pickled():
    event = next(event for event in told(BASIC) if isinstance(event, events.TextEvent))
    for twin in (copy.copy(event), copy.deepcopy(event), pickle.loads(pickle.dumps(event))):
        assert twin == event
        assert twin.snapshot == "Hello"


def test_a_text_snapshot_can_be_read_as_unfinished_json():
    event = events.TextEvent(type="text", text="", snapshot='{"city": "San Fr')
    assert event.parsed_snapshot() == {"city": "San Fr"}
    assert events.TextEvent(type="text", text="", snapshot="").parsed_snapshot() is None


def test_the_snapshots_of_a_tool_input_grow():
    snapshots = [event.snapshot for event in told(TOOL) if isinstance(event, events.InputJsonEvent)]
    assert snapshots == [{}, {}, {}, {}, {}, *[{"location": "San Francisco, CA"}] * 2]


def test_the_end_of_a_block_and_of_the_message_bring_them():
    stop, last = [event for event in told(BASIC) if event.type in BASIC[5]["type"]] + [
        list(told(BASIC))[-1]
    ]
    assert stop.content_block == TextBlock(type="text", text="Hello!")
    assert stop.index == 0
    assert isinstance(stop, events.RawContentBlockStopEvent)
    assert last.message == Message.of(assemble(BASIC).document)
    assert last[METRICS] == BASIC[-1][METRICS]
    assert isinstance(last, events.RawMessageStopEvent)


def test_thinking_signatures_and_citations_are_told():
    citation = {"type": "char_location", "cited_text": "c", "document_index": 0}
    message = {
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "s"},
            {"type": "text", "text": "", "citations": [citation, {**citation, "cited_text": "d"}]},
        ]
    }
    derived = [event for event in told(events_of(message)) if type(event).__name__[0] != "R"]
    thinking, signature, _, first, second, *_ = derived
    assert (thinking.thinking, thinking.snapshot) == ("Hm", "Hm")
    assert signature == events.SignatureEvent(type="signature", signature="s")
    assert first.citation.cited_text == "c"
    assert [c.cited_text for c in first.snapshot] == ["c"]
    assert [c.cited_text for c in second.snapshot] == ["c", "d"]


def test_unknown_events_and_deltas_are_told_as_they_came():
    strange = {**DELTA, "delta": {"type": "hum_delta", "hum": "♪"}}
    *_, delta, event = told([*BASIC[:2], strange, {"type": "weather_report", "sky": "blue"}])
    assert isinstance(delta, events.RawContentBlockDeltaEvent)
    assert isinstance(delta.delta, events.UnknownDelta)
    assert delta.delta.hum == "♪"
    assert isinstance(event, events.UnknownEvent)
    assert event.sky == "blue"


def test_a_raw_event_has_the_class_of_its_type():
    assert isinstance(events.raw_event(START), events.RawMessageStartEvent)
    assert isinstance(events.raw_event(START).message, Message)
    assert isinstance(events.raw_event(TOOL[1]).content_block, ToolUseBlock)
    assert events.raw_event(TOOL[3]).delta.partial_json == '{"location":'
    assert events.raw_event(BASIC[-2]).delta.stop_reason == "end_turn"
    assert events.raw_event(BASIC[-2]).usage.output_tokens == 15
    assert isinstance(events.raw_event({"type": "ping"}), events.UnknownEvent)
