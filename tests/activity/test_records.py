"""Records boiled down to columns: what is no record, and what JSON may hold that no text does."""

from __future__ import annotations

import gzip
import json
import re

import pytest
from hypothesis import given, settings, strategies as st

from outcrop.activity import lines, records
from outcrop.bedrock import invocation_log
from outcrop.delivery.cloudwatch import GREETING

HALF = "\ud83d"
STREAMED = [
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": HALF}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
]


@pytest.mark.parametrize(
    "where",
    [
        {"asked": {"messages": [{"role": "user", "content": HALF}]}},
        {"said": {"content": [{"type": "text", "text": HALF}], "stop_reason": "end_turn"}},
        {"said": STREAMED, "operation": "InvokeModelWithResponseStream"},
        {"requestMetadata": {"team": HALF}},
        {"modelId": HALF},
        {"identity": {"arn": HALF}},
    ],
)
def test_half_an_emoji_costs_no_record(where, record):
    """Prompts are cut to a length within one, and `invocation_log.dump` writes them as they are."""
    one = record(1, **where)
    text = invocation_log.dump(one) + b"\n"
    assert b"\\ud83d" in text
    calls, contents = records.read_calls(text), records.read_contents(text)
    assert (calls.read, calls.damaged, contents.read, contents.damaged) == (1, 0, 1, 0)
    assert calls.columns["stop_reason"] == ["end_turn"]
    assert calls.columns["input_tokens"] == [1000]
    for column in (*calls.columns.values(), *contents.columns.values()):
        json.dumps(column, ensure_ascii=False).encode()  # UTF-8 has no halves


@pytest.mark.parametrize("packed", [True, False])
def test_half_an_emoji_reaches_every_view(packed, record, write, opened):
    one = record(1, asked={"messages": [{"role": "user", "content": f"Granite {HALF}"}]})
    write([one, record(2)], "a.json.gz" if packed else "a.jsonl")
    log = opened()
    assert log.damaged == []
    [said] = log.rows("SELECT input FROM contents WHERE input LIKE '%Granite%'")
    assert json.loads(said["input"])["messages"][0]["content"] == "Granite \ufffd"
    assert log.rows("SELECT count(*) AS n FROM calls") == [{"n": 2}]


def test_a_last_line_without_its_end_may_have_half_an_emoji(record):
    text = json.dumps(record(1)).encode() + b"\n" + json.dumps(record(2, modelId=HALF)).encode()
    assert lines.unpack(text) == lines.Lines(text, "")


def halves_apart(text):
    """Python's own reading of the halves in a text."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return re.sub("[\ud800-\udfff]", "\ufffd", whole)


@given(st.text(st.characters(exclude_categories=())), st.booleans())
@settings(max_examples=300)
def test_only_lone_halves_are_taken_out(text, upper):
    line = json.dumps({"a": text}).encode()
    if upper:
        line = re.sub(rb"(?<!\\)(\\u)([0-9a-f]{4})", lambda m: m[1] + m[2].upper(), line)
    found = lines.whole_letters(line)
    expected = json.loads(line)["a"]
    assert json.loads(found)["a"] == halves_apart(expected)


def test_what_only_looks_like_half_an_emoji_stays():
    line = json.dumps({"a": r"\ud83d and \\ud83d", "b": "\U0001f5ff"}).encode()
    assert lines.whole_letters(line) == line


def test_what_bedrock_greets_a_log_group_with_is_no_damage(record, logs, opened):
    """Events of a log group that were saved to a file have it as their first line."""
    lines_there = [GREETING, json.dumps(record(1)), GREETING, json.dumps(record(2))]
    (logs / "a.jsonl").write_text("\n".join(lines_there) + "\n")
    log = opened()
    assert log.damaged == []
    assert log.rows("SELECT count(*) AS n FROM calls") == [{"n": 2}]
    assert log.rows("SELECT count(*) AS n FROM contents") == [{"n": 2}]


def test_another_sentence_is_damage(record, logs, opened):
    (logs / "a.jsonl").write_text(f"{GREETING} Really.\n{json.dumps(record(1))}\n")
    [damaged] = opened().damaged
    assert damaged.records_read == 1


def test_columns_are_of_one_length_whatever_the_record_lacks(record):
    bare = {"timestamp": "2026-11-20T10:00:00Z"}
    one = record(1)
    less = [
        {name: one[name] for name in one if name != gone} for gone in one if gone != "timestamp"
    ]
    text = b"".join(json.dumps(each).encode() + b"\n" for each in [bare, *less])
    batch = records.read_calls(text)
    assert batch.read == 1 + len(less)
    assert {len(column) for column in batch.columns.values()} == {batch.read}
    assert list(batch.columns) == list(records.COLUMNS)


def test_calls_and_contents_are_the_same_records(record):
    """Compacting puts the columns of both side by side."""
    odd = [record(1), record(2, timestamp=""), record(3, schemaType="Other"), record(4, output=[])]
    text = b"".join(json.dumps(one).encode() + b"\n" for one in odd) + b"nothing\n"
    calls, contents = records.read_calls(text), records.read_contents(text)
    assert calls.columns["request_id"] == contents.columns["request_id"]
    assert calls.read == contents.read == 2


def test_packed_and_plain_lines_are_the_same(record):
    text = b"".join(json.dumps(record(n)).encode() + b"\n" for n in range(50))
    assert lines.unpack(gzip.compress(text)) == lines.unpack(text) == lines.Lines(text, "")
