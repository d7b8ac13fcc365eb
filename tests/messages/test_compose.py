"""Claims about the composer: pieces in, the events of one message out."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from outcrop.messages.assembly import Assembly
from outcrop.messages.compose import Composer
from outcrop.messages.disassembly import events_of
from outcrop.messages.tokens import estimate


def composer(**changes) -> Composer:
    arguments = {
        "message_id": "msg_bdrk_01A",
        "model": "claude-sonnet-4-5-20250929",
        "input_tokens": 10,
        "max_tokens": 256,
        "generation": "4.6",
    }
    return Composer(**{**arguments, **changes})


def fold(events: list[dict]) -> dict:
    """The message that the events stand for; asserts that their order is the documented one."""
    first, *middle, delta, last = events
    assert first["type"] == "message_start"
    assert delta["type"] == "message_delta"
    assert last == {"type": "message_stop"}
    message = json.loads(json.dumps(first["message"]))
    block, parts = None, []
    for event in middle:
        if event["type"] == "content_block_start":
            assert block is None
            assert event["index"] == len(message["content"])
            block, parts = dict(event["content_block"]), []
        elif event["type"] == "content_block_delta":
            assert event["index"] == len(message["content"])
            parts.append(event["delta"].get("text", event["delta"].get("partial_json")))
        else:
            assert event == {"type": "content_block_stop", "index": len(message["content"])}
            key = "text" if block["type"] == "text" else "input"
            message["content"].append({**block, key: "".join(parts)})
            block = None
    assert block is None
    message.update(delta["delta"])
    message["usage"].update(delta["usage"])
    return message


def compose(pieces: list[str], **changes) -> dict:
    subject = composer(**changes)
    events = subject.start()
    for piece in pieces:
        events += subject.text(piece)
    return fold(events + subject.finish())


def text_of(message: dict) -> str:
    assert len(message["content"]) <= 1
    return message["content"][0]["text"] if message["content"] else ""


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


texts = st.text(alphabet="abAB \n1é我", max_size=40)
sequences = st.lists(st.text(alphabet="abAB \n", min_size=1, max_size=4), max_size=3)
places = st.lists(st.integers(min_value=0, max_value=40), max_size=8)
limits = st.integers(min_value=1, max_value=25)


def test_a_text_becomes_the_documented_events():
    subject = composer()
    events = [*subject.start(), *subject.text("Hello"), *subject.text("!"), *subject.finish()]
    # Anthropic, "Streaming messages", with the key order of captures from Bedrock.
    assert json.dumps(events) == json.dumps(
        [
            {
                "type": "message_start",
                "message": {
                    "model": "claude-sonnet-4-5-20250929",
                    "id": "msg_bdrk_01A",
                    "type": "message",
                    "role": "assistant",
                    "content": [],
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": {
                        "input_tokens": 10,
                        "cache_creation_input_tokens": 0,
                        "cache_read_input_tokens": 0,
                        "output_tokens": 1,
                    },
                },
            },
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            },
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "Hello"},
            },
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "!"},
            },
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": estimate("Hello!", generation="4.6")},
            },
            {"type": "message_stop"},
        ]
    )


def test_a_tool_call_closes_the_text_and_comes_as_pieces_of_its_json():
    subject = composer()
    given_input = {"location": "São Paulo", "days": 3, "units": ["celsius", None, True]}
    events = [
        *subject.start(),
        *subject.text("Let me look."),
        *subject.tool_use("toolu_bdrk_01", "get_weather", given_input),
        *subject.finish(),
    ]
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert deltas[1] == {"type": "input_json_delta", "partial_json": ""}
    assert len(deltas) > 4
    message = fold(events)
    assert message["content"][0] == {"type": "text", "text": "Let me look."}
    call = message["content"][1]
    assert json.loads(call.pop("input")) == given_input
    assert call == {"type": "tool_use", "id": "toolu_bdrk_01", "name": "get_weather"}
    assert message["stop_reason"] == "tool_use"
    start = next(event for event in events if event.get("content_block", {}).get("name"))
    assert start["content_block"]["input"] == {}


def test_text_after_a_tool_call_is_a_block_of_its_own():
    subject = composer()
    events = [*subject.start(), *subject.tool_use("t", "now", {}), *subject.text("And")]
    message = fold(events + subject.finish())
    assert [block["type"] for block in message["content"]] == ["tool_use", "text"]


@given(texts, sequences, limits, places)
def test_the_message_is_the_same_however_the_text_is_cut(text, stops, limit, where):
    changes = {"stop_sequences": stops, "max_tokens": limit}
    assert compose(cut(text, where), **changes) == compose([text], **changes)
    assert compose(list(text), **changes) == compose([text], **changes)


@given(texts, places)
def test_a_message_without_limits_is_its_pieces(text, where):
    message = compose(cut(text, where))
    assert text_of(message) == text
    assert message["stop_reason"] == "end_turn"
    assert message["usage"]["output_tokens"] == max(1, estimate(text, generation="4.6"))


@given(texts, sequences, places)
def test_a_stop_sequence_never_leaks(text, stops, where):
    message = compose(cut(text, where), stop_sequences=stops)
    sent = text_of(message)
    assert not any(stop in sent for stop in stops)
    assert text.startswith(sent)
    # The sequence that is complete first ends the message, and of those that end there the longest.
    ends = [(text.find(stop) + len(stop), -len(stop), stop) for stop in stops if stop in text]
    if ends:
        end, length, stop = min(ends)
        assert sent == text[: end + length]
        assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", stop)
    else:
        assert sent == text
        assert (message["stop_reason"], message["stop_sequence"]) == ("end_turn", None)


@given(texts, limits, places)
def test_the_text_never_costs_more_than_max_tokens(text, limit, where):
    message = compose(cut(text, where), max_tokens=limit)
    sent = text_of(message)
    assert estimate(sent, generation="4.6") <= limit
    assert text.startswith(sent)
    if sent == text:
        assert message["stop_reason"] == "end_turn"
    else:
        assert message["stop_reason"] == "max_tokens"
        assert message["usage"]["output_tokens"] == limit
        assert estimate(text[: len(sent) + 1], generation="4.6") > limit


def test_only_the_possible_beginning_of_a_stop_sequence_is_held_back():
    subject = composer(stop_sequences=["\n\nHuman:"])
    subject.start()

    def sent(events: list[dict]) -> str:
        return "".join(event["delta"]["text"] for event in events if "delta" in event)

    assert sent(subject.text("One.\n")) == "One."
    assert sent(subject.text("\nTwo.\n\nHu")) == "\n\nTwo."
    assert sent(subject.text("mus")) == "\n\nHumus"
    assert sent(subject.text(" \n\nHuman: no")) == " "
    assert subject.done
    assert subject.text("more") == []
    assert subject.tool_use("t", "now", {}) == []
    end = subject.finish()[-2]
    assert end["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "\n\nHuman:"}


def test_what_is_held_back_is_sent_when_the_message_ends_otherwise():
    held = "Yes.\n\nHum"
    assert text_of(compose([held], stop_sequences=["\n\nHuman:"])) == held
    cost = estimate(held, generation="4.6")
    cut_short = compose([held, "1" * 9], stop_sequences=["\n\nHuman:"], max_tokens=cost)
    assert text_of(cut_short).startswith(held)
    assert cut_short["stop_reason"] == "max_tokens"


def test_a_stop_sequence_does_not_reach_across_blocks():
    subject = composer(stop_sequences=["END"])
    events = [*subject.start(), *subject.text("EN"), *subject.tool_use("t", "now", {})]
    events += subject.text("D.")
    message = fold(events + subject.finish())
    assert [block.get("text") for block in message["content"]] == ["EN", None, "D."]
    assert message["stop_reason"] == "tool_use"


def test_done_is_known_as_soon_as_nothing_more_can_be_sent():
    subject = composer(max_tokens=2)
    subject.text("12")
    assert not subject.done
    subject.text("3456789")
    assert subject.done
    assert (subject.stop_reason, subject.output_tokens) == ("max_tokens", 2)


def test_the_actor_can_stop_for_a_reason_of_its_own_but_not_after_the_end():
    subject = composer(max_tokens=1)
    events = [*subject.start(), *subject.text("No"), *subject.stop("refusal"), *subject.text("!")]
    assert subject.done
    assert fold(events + subject.finish())["stop_reason"] == "refusal"
    cut_short = composer(max_tokens=1)
    cut_short.text("1234")
    cut_short.stop("end_turn")
    assert cut_short.stop_reason == "max_tokens"


@given(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), max_size=4),
    st.integers(min_value=1, max_value=40),
)
def test_a_tool_call_is_cut_at_max_tokens_too(given_input, limit):
    subject = composer(max_tokens=limit)
    events = [*subject.start(), *subject.text("Ok. "), *subject.tool_use("t", "go", given_input)]
    message = fold(events + subject.finish())
    whole = sum(estimate(part, generation="4.6") for part in ("Ok. ", "go"))
    written = json.dumps(given_input, ensure_ascii=False)
    whole += estimate(written, generation="4.6")
    calls = [block for block in message["content"] if block["type"] == "tool_use"]
    if whole <= limit:
        assert json.loads(calls[0]["input"]) == given_input
        assert message["stop_reason"] == "tool_use"
        assert message["usage"]["output_tokens"] == whole
    else:
        assert all(written.startswith(call["input"]) for call in calls)
        assert message["stop_reason"] == "max_tokens"
        assert message["usage"]["output_tokens"] == limit


def test_a_message_without_pieces_has_no_content_and_costs_its_end():
    message = compose([])
    assert message["content"] == []
    assert (message["stop_reason"], message["usage"]["output_tokens"]) == ("end_turn", 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_input_that_json_cannot_hold_is_refused_before_anything_is_sent(value):
    subject = composer()
    with pytest.raises(ValueError, match="JSON"):
        subject.tool_use("t", "go", {"x": value})
    assert subject.finish()[0]["type"] == "message_delta"


# Thinking and citations ──────────────────────────────────────────────────────────────────────────


def signed(text: str) -> str:
    return f"signed({text})"


def blocks(events: list[dict]) -> list[dict]:
    """The content of the message, put together by the client's half."""
    assembly = Assembly()
    for event in json.loads(json.dumps(events)):
        assembly.add(event)
    assert not assembly.unassembled
    return assembly.document["content"]


def play(pieces: list[tuple], **changes) -> list[dict]:
    subject = composer(sign=signed, **changes)
    events = subject.start()
    for name, *arguments in pieces:
        events += getattr(subject, name)(*arguments)
    return events + subject.finish()


CITATION = {"type": "char_location", "cited_text": "Grass is green.", "document_index": 0}


def test_thinking_becomes_the_documented_events():
    pieces = [("thinking", "Let me "), ("thinking", "see."), ("text", "Yes.")]
    # Anthropic, "Thinking": the signature comes just before the end of its block.
    assert play(pieces)[1:7] == [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "thinking_delta", "thinking": "Let me "},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "thinking_delta", "thinking": "see."},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "signature_delta", "signature": "signed(Let me see.)"},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    ]


def test_omitted_thinking_is_signed_and_paid_for_and_not_sent():
    pieces = [("thinking", "Let me see."), ("text", "Yes.")]
    shown, omitted = play(pieces), play(pieces, omit_thinking=True)
    assert blocks(omitted)[0] == {
        "type": "thinking",
        "thinking": "",
        "signature": "signed(Let me see.)",
    }
    assert omitted == [
        event for event in shown if event.get("delta", {}).get("type") != "thinking_delta"
    ]


def test_redacted_thinking_starts_whole_and_its_inside_is_paid_for():
    subject = composer()
    events = [*subject.start(), *subject.redacted_thinking("c2VhbGVk", hidden="Let me see.")]
    assert events[1:] == [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "redacted_thinking", "data": "c2VhbGVk"},
        },
        {"type": "content_block_stop", "index": 0},
    ]
    assert subject.output_tokens == estimate("Let me see.", generation="4.6")
    short = composer(max_tokens=1)
    events = [*short.start(), *short.redacted_thinking("c2VhbGVk", hidden="Let me see.")]
    events += [*short.redacted_thinking("c2VhbGVk"), *short.finish()]
    assert blocks(events) == []
    assert (short.stop_reason, short.output_tokens) == ("max_tokens", 1)


def test_a_cited_text_is_a_block_of_its_own_behind_its_citations():
    pieces = [("text", "So: "), ("cited_text", "it is green.", [CITATION]), ("text", " Good.")]
    events = play(pieces)
    assert [
        (event["index"], event["delta"]["type"])
        for event in events
        if event["type"] == "content_block_delta"
    ] == [(0, "text_delta"), (1, "citations_delta"), (1, "text_delta"), (2, "text_delta")]
    start = next(event for event in events if event.get("index") == 1)
    assert start["content_block"] == {"type": "text", "text": "", "citations": []}
    assert blocks(events) == [
        {"type": "text", "text": "So: "},
        {"type": "text", "text": "it is green.", "citations": [CITATION]},
        {"type": "text", "text": " Good."},
    ]


def test_a_cited_text_ends_at_a_stop_sequence_and_without_text_there_is_no_block():
    events = play([("cited_text", "It is END green.", [CITATION])], stop_sequences=["END"])
    assert blocks(events) == [{"type": "text", "text": "It is ", "citations": [CITATION]}]
    events = play([("cited_text", "END", [CITATION]), ("text", "x")], stop_sequences=["END"])
    assert blocks(events) == []
    assert events[-2]["delta"]["stop_sequence"] == "END"


def test_a_stop_sequence_is_not_looked_for_in_thinking():
    events = play([("thinking", "END"), ("text", "Yes.")], stop_sequences=["END"])
    assert [block["type"] for block in blocks(events)] == ["thinking", "text"]


def test_thinking_that_fills_max_tokens_ends_the_message_with_its_signature():
    events = play([("thinking", "12"), ("thinking", "3456789"), ("text", "No.")], max_tokens=2)
    (block,) = blocks(events)
    assert "1234".startswith(block["thinking"])
    assert block["signature"] == signed(block["thinking"])
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"
    assert events[-2]["usage"]["output_tokens"] == 2


parts = st.lists(
    st.one_of(
        st.tuples(st.just("text"), texts),
        st.tuples(st.just("thinking"), texts),
        st.tuples(st.just("cited_text"), texts, st.just([CITATION])),
        st.tuples(st.just("tool_use"), st.just("t"), st.just("go"), st.just({"a": 1})),
        st.tuples(st.just("redacted_thinking"), st.just("c2VhbGVk")),
    ),
    max_size=5,
)


@given(parts, places, st.booleans(), st.integers(min_value=1, max_value=60), sequences)
def test_events_assemble_to_the_same_blocks_however_the_pieces_are_cut(
    whole, where, omit, limit, stops
):
    pieces = []
    for name, *arguments in whole:
        if name in ("text", "thinking"):
            pieces += [(name, piece) for piece in cut(arguments[0], where)]
        else:
            pieces.append((name, *arguments))
    changes = {"omit_thinking": omit, "max_tokens": limit, "stop_sequences": stops}
    events, expected = play(pieces, **changes), play(whole, **changes)
    assert blocks(events) == blocks(expected)
    assert events[-2:] == expected[-2:]
    assert expected[-2]["usage"]["output_tokens"] <= limit
    for block in blocks(events):
        if block["type"] == "thinking" and not omit:
            assert block["signature"] == signed(block["thinking"])


@given(parts)
def test_the_events_are_those_that_take_the_message_apart_again(whole):
    assembly = Assembly()
    events = play(whole)
    for event in json.loads(json.dumps(events)):
        assembly.add(event)

    def pieces(text: str) -> list[str]:
        return [text[at : at + 16] for at in range(0, len(text), 16)] if text[:1] == "{" else [text]

    apart = events_of(assembly.document, split=pieces)
    assert [merged(group) for group in by_block(apart)] == [
        merged(group) for group in by_block(events)
    ]


def by_block(events: list[dict]) -> list[list[dict]]:
    count = max((event["index"] for event in events if "index" in event), default=-1) + 1
    return [[event for event in events if event.get("index") == at] for at in range(count)]


def merged(events: list[dict]) -> list[dict]:
    """The events of a block with its text deltas as one, tool inputs without their blanks."""
    done: list[dict] = []
    for event in events:
        delta = event.get("delta", {})
        key = {"text_delta": "text", "thinking_delta": "thinking"}.get(delta.get("type"), "")
        key = "partial_json" if delta.get("type") == "input_json_delta" else key
        last = done[-1].get("delta", {}) if done else {}
        if key and last.get("type") == delta["type"]:
            last[key] += delta[key]
        else:
            done.append(json.loads(json.dumps(event)))
    for event in done:
        if event.get("delta", {}).get("partial_json"):
            event["delta"]["partial_json"] = json.loads(event["delta"]["partial_json"])
    return done
