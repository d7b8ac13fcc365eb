"""What the page is told: sums, the window, calls and conversations."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from outcrop.activity.page import report, summary
from outcrop.activity.page.calls import (
    Filters,
    list_calls,
    read_call,
    read_conversations,
    read_filters,
)
from outcrop.activity.page.document import embed
from outcrop.activity.page.summary import OTHERS, summarise
from outcrop.activity.turns import read_turns
from outcrop.errors import ConfigurationError, RequestError

COLUMNS = "calls input output cache_read cache_write cost unpriced premium".split()


def embedded(html):
    return json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html)[1])


def totals(cells):
    return {name: sum(row[5 + at] for row in cells) for at, name in enumerate(COLUMNS)}


def summed(log, days=30, **more):
    return summarise(log, days=days, **more)[1]


def window_of(log, days=30, **more):
    return summarise(log, days=days, **more)[0]


# Figures ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_sums_of_all_cells_are_those_of_the_records(month, opened):
    log = opened(month)
    [expected] = log.rows(
        """SELECT count(*) AS calls, sum(input_tokens) AS input, sum(output_tokens) AS output,
        sum(cache_read_tokens) AS cache_read, sum(cache_write_tokens) AS cache_write,
        sum(cost) AS cost, count(*) FILTER (cost IS NULL AND error IS NULL) AS unpriced,
        sum(regional_premium) AS premium FROM calls"""
    )
    found = totals(summed(log)["cells"])
    assert found == {name: pytest.approx(float(value)) for name, value in expected.items()}
    assert found["calls"] == 70


def test_errors_are_cells_of_their_own(month, opened):
    told = summed(opened(month))
    assert told["names"]["error"] == ["ThrottlingException"]
    assert sum(row[5] for row in told["cells"] if row[4] == 0) == 10


def test_sessions_of_a_role_are_one_identity_and_people_are_not(writer, opened):
    for session in ("one", "two"):
        writer.write(identity=f"arn:aws:sts::111122223333:assumed-role/nightly/{session}")
    people = [
        f"arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/{name}"
        for name in ("anna", "ben")
    ]
    for person in people:
        writer.write(identity=person)
    names = summed(opened(writer))["names"]["identity"]
    assert sorted(names) == sorted(["arn:aws:sts::111122223333:assumed-role/nightly", *people])


def test_latencies_are_counted_in_classes_that_hold_them(writer, opened):
    known = [1, 7, 350, 350, 12_000, 250_000]
    for latency in known:
        writer.write(latency=latency)
    writer.write(error="ThrottlingException", latency=5)
    told = summed(opened(writer))
    width = told["width"]
    found = Counter()
    for row in told["latencies"]:
        found.update(dict(zip(row[4::2], row[5::2], strict=True)))
    assert sum(found.values()) == len(known)
    for place, count in found.items():
        within = [ms for ms in known if width**place <= ms * 1.000001 and ms < width ** (place + 1)]
        assert len(within) == count


def test_identities_beyond_the_room_are_others_and_none_is_lost(writer, opened, monkeypatch):
    for number in range(30):
        writer.write(
            identity=f"arn:aws:iam::111122223333:user/{number:02d}", tokens=(number, 1, 0, 0)
        )
    monkeypatch.setattr(summary, "MOST_SUMS", 25)
    log = opened(writer)
    named = ["arn:aws:iam::111122223333:user/00"]
    told = summed(log, named=named)
    names = told["names"]["identity"]
    assert names[-1] == OTHERS
    assert named[0] in names  # a finding's, though it costs least
    assert "arn:aws:iam::111122223333:user/29" in names
    assert told["others"]["identity"] == 30 - (len(names) - 1)
    assert totals(told["cells"])["calls"] == 30
    window = window_of(log)
    rest = list_calls(log, window, filters=Filters(identity=OTHERS), names=told["names"])
    assert len(rest["calls"]) == told["others"]["identity"]


# The window ──────────────────────────────────────────────────────────────────────────────────────


def test_the_window_ends_with_the_newest_call_and_counts_what_is_outside(month, opened):
    log = opened(month)
    window = window_of(log, 7)
    assert (window.first, window.last) == (date(2026, 10, 24), date(2026, 10, 30))
    told = summed(log, 7)
    assert told["outside"] + totals(told["cells"])["calls"] == 70


def test_a_call_from_the_far_future_does_not_move_the_window(writer, opened):
    writer.write()
    writer.write(day=365 * 50)
    window = window_of(opened(writer), today=date(2026, 10, 2))
    assert window.last == date(2026, 10, 1)


def test_no_records_make_a_page_that_ends_today(writer, opened):
    writer.folder.mkdir()
    log = opened(writer)
    assert window_of(log).last <= datetime.now(UTC).date()
    assert embedded(report(log))["summary"]["cells"] == []


@pytest.mark.parametrize("days", [0, -1, 401])
def test_days_that_no_page_can_show_are_refused_by_number(month, opened, days):
    with pytest.raises(ConfigurationError, match=f"days={days}"):
        report(opened(month), days=days)


# Calls ───────────────────────────────────────────────────────────────────────────────────────────


def listed(log, **filters):
    told = summed(log)
    window = window_of(log)
    return list_calls(log, window, filters=Filters(**filters), names=told["names"])["calls"]


def test_filters_mean_what_they_say(month, opened):
    log = opened(month)
    assert {call["error"] for call in listed(log, errors=True)} == {"ThrottlingException"}
    assert {call["region"] for call in listed(log, region="us-west-2")} == {"us-west-2"}
    days = {
        call["time"][:10] for call in listed(log, first=date(2026, 10, 3), last=date(2026, 10, 4))
    }
    assert days == {"2026-10-03", "2026-10-04"}
    role = "arn:aws:sts::111122223333:assumed-role/nightly"
    assert len(listed(log, identity=role)) == 30
    assert {call["who"] for call in listed(log, identity=role)} == {role}
    assert listed(log, model="nobody's") == []


def test_a_filter_is_a_value_and_never_sql(month, opened):
    assert listed(opened(month), identity="x' OR 1=1 --") == []


def test_calls_come_in_pages_and_orders(writer, opened):
    for number in range(120):
        writer.write(tokens=(number, 1, 0, 0), latency=1 + number * 7 % 120)
    log = opened(writer)
    window, names = window_of(log), summed(log)["names"]
    first = list_calls(log, window, filters=Filters(order="slowest"), names=names)
    then = list_calls(log, window, filters=Filters(order="slowest", offset=100), names=names)
    assert (len(first["calls"]), first["more"]) == (100, True)
    assert (len(then["calls"]), then["more"]) == (20, False)
    latencies = [call["latency"] for call in first["calls"] + then["calls"]]
    assert latencies == sorted(latencies, reverse=True)
    assert len({call["id"] for call in first["calls"] + then["calls"]}) == 120


@pytest.mark.parametrize(
    "query",
    [{"order": "time; DROP TABLE calls"}, {"offset": "-1"}, {"offset": "٣"}, {"from": "yesterday"}],
)
def test_parameters_that_cannot_be_are_refused_by_name(query):
    [(name, value)] = query.items()
    with pytest.raises(RequestError, match=f"{name}={re.escape(repr(value))}"):
        read_filters(query)


# A report ────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_has_nobodys_words_unless_they_are_asked_for(month, opened):
    month.write(day=3, prompt="The password is swordfish", answer="I keep it")
    log = opened(month)
    for words in ("swordfish", "I keep it", "Good morning"):
        assert words not in report(log)
        assert words in report(log, content=True)


def test_a_report_has_the_calls_of_findings_first_then_failed_and_dear_ones(month, opened, finding):
    cheap = month.write(day=4, tokens=(1, 1, 0, 0))
    dear = month.write(day=4, tokens=(900_000, 50_000, 0, 0))
    log = opened(month)
    told = embedded(report(log, findings=[finding("x", [cheap])], calls=3))
    assert cheap in [call["id"] for call in told["calls"]]
    assert dear in [call["id"] for call in told["calls"]]
    assert sum(call["error"] is not None for call in told["calls"]) == 1
    assert embedded(report(log, calls=0))["calls"] == []


@pytest.mark.parametrize("calls", [-1, 1001])
def test_a_report_is_bounded(month, opened, calls):
    with pytest.raises(ConfigurationError, match=f"calls={calls}"):
        report(opened(month), calls=calls)


def test_none_of_the_detectors_asked_is_not_the_same_as_no_findings(month, opened):
    log = opened(month)
    assert embedded(report(log))["findings"] is None
    assert embedded(report(log, findings=[]))["findings"] == []


@given(st.text() | st.sampled_from(["</script>", "<!--data-->", "<!--<script>", "\u2028", "]]>"]))
def test_embedded_json_is_the_same_text_and_has_no_markup(text):
    written = embed({"text": text})
    assert json.loads(written) == {"text": text}
    assert not set("<>&\u2028\u2029") & set(written)


def test_half_a_surrogate_pair_does_not_break_the_page():
    assert json.loads(embed({"\ud83d": ["\ud83d!"]})) == {"?": ["?!"]}


# Conversations ───────────────────────────────────────────────────────────────────────────────────


def said(turns):
    return [
        (turn["role"], block["kind"], block["text"])
        for turn in turns["turns"]
        for block in turn["blocks"]
    ]


ANTHROPIC = {
    "system": "Be brief.",
    "messages": [
        {"role": "user", "content": "Weather in Lyon?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I'll ask.", "signature": "s"},
                {"type": "tool_use", "id": "t", "name": "weather", "input": {"town": "Lyon"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "text", "text": "Rain"}],
                }
            ],
        },
    ],
}
CONVERSE = {
    "system": [{"text": "Be brief."}],
    "messages": [
        {"role": "user", "content": [{"text": "Weather in Lyon?"}]},
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "I'll ask.", "signature": "s"}}},
                {"toolUse": {"toolUseId": "t", "name": "weather", "input": {"town": "Lyon"}}},
            ],
        },
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": "Rain"}]}}],
        },
    ],
}


def test_a_conversation_reads_the_same_from_either_dialect():
    text = [{"type": "text", "text": "It rains."}]
    one = read_turns(ANTHROPIC, {"role": "assistant", "content": text})
    message = {"role": "assistant", "content": [{"text": "It rains."}]}
    other = read_turns(json.dumps(CONVERSE), {"output": {"message": message}})
    assert said(one) == said(other)
    assert said(one) == [
        ("system", "text", "Be brief."),
        ("user", "text", "Weather in Lyon?"),
        ("assistant", "thinking", "I'll ask."),
        ("assistant", "tool call", json.dumps({"town": "Lyon"}, indent=2)),
        ("user", "tool result", "Rain"),
        ("assistant", "text", "It rains."),
    ]
    assert [turn["reply"] for turn in one["turns"]] == [False, False, False, False, True]


def test_a_stream_is_one_answer_even_if_it_broke_off():
    events = [
        {"type": "message_start", "message": {"role": "assistant", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "It "}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "rains"},
        },
    ]
    assert said(read_turns(None, events)) == [("assistant", "text", "It rains")]


def test_a_file_is_told_by_type_and_size_and_never_loaded():
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 4000}
    content = [
        {"type": "image", "source": source},
        {"type": "image", "source": {"type": "url", "url": "http://example.com/x.png"}},
    ]
    [turn] = read_turns({"messages": [{"role": "user", "content": content}]}, None)["turns"]
    assert [block["note"] for block in turn["blocks"]] == [
        "image/png, 3,000 bytes",
        "http://example.com/x.png",
    ]
    assert [block["text"] for block in turn["blocks"]] == ["", ""]


def test_long_words_are_cut_from_the_oldest_and_the_page_says_how_much():
    asked = {"messages": [{"role": "user", "content": "x" * 900}]}
    answered = {"role": "assistant", "content": [{"type": "text", "text": "y" * 300}]}
    told = read_turns(asked, answered, most_characters=1000)
    assert [len(text) for _, _, text in said(told)] == [700, 300]
    assert told["cut"] == 200
    assert told["turns"][0]["blocks"][0]["note"] == "200 characters aren't shown here"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "role content type text messages system output message source thinking toolUse "
                "tools toolResult reasoningContent image delta index toolConfig input name".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON, JSON)
@settings(max_examples=300)
def test_no_record_is_too_odd_to_be_shown(asked, answered):
    told = read_turns(asked, answered, most_characters=1000)
    json.dumps(told)
    for turn in told["turns"]:
        assert isinstance(turn["role"], str)
        assert all(isinstance(value, str) for block in turn["blocks"] for value in block.values())


def test_a_call_is_found_with_what_was_said(month, opened):
    request_id = month.write(day=2, prompt="Where is it?", answer="There.")
    found = read_call(opened(month), request_id, most_characters=1000)
    assert found["call"]["id"] == request_id
    assert said(found["conversation"]) == [
        ("user", "text", "Where is it?"),
        ("assistant", "text", "There."),
    ]


def test_a_call_that_nobody_made_is_none(month, opened):
    assert read_call(opened(month), "not-there", most_characters=10) is None


def test_findings_are_told_with_times_and_calls(month, opened, finding):
    found = finding("arn:aws:iam::111122223333:user/anna", ["a", "b"])
    [told] = embedded(report(opened(month), findings=[found]))["findings"]
    assert told["time"] == "2026-10-01T12:00:00Z"
    assert told["until"] == (found.until + timedelta(0)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (told["ids"], told["calls"]) == (["a", "b"], 2)


def test_a_body_beside_its_record_is_in_the_conversation(writer, opened):
    import gzip

    import orjson

    request_id = writer.write(prompt="short")
    path = next(writer.folder.rglob("*Z_1.json.gz"))
    record = orjson.loads(gzip.decompress(path.read_bytes()))
    beside = path.parent / "data" / f"{request_id}_input.json.gz"
    beside.parent.mkdir()
    beside.write_bytes(gzip.compress(orjson.dumps(record["input"].pop("inputBodyJson"))))
    key = beside.relative_to(writer.folder).as_posix()
    record["input"]["inputBodyS3Path"] = f"s3://a-bucket/{key}"
    path.write_bytes(gzip.compress(orjson.dumps(record)))
    log = opened(writer)
    alone = read_call(log, request_id, most_characters=1000)["conversation"]
    together = read_conversations(log, [request_id], most_characters=1000)[request_id]
    assert alone == together
    assert said(alone)[0] == ("user", "text", "short")
