"""What was said: found whatever JSON and streams made of it, shown, followed, exported."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from outcrop.activity import compacted, export, source, tail, words
from outcrop.errors import RequestError

NOW = datetime(2026, 11, 25, tzinfo=UTC).timestamp()


def events(*pieces, kind="text_delta"):
    field = "text" if kind == "text_delta" else "thinking"
    return [
        {"type": "message_start", "message": {"role": "assistant", "content": [], "usage": {}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": field, field: ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": kind, field: piece}}
            for piece in pieces
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
        {"type": "message_stop"},
    ]


def said(text):
    return {"messages": [{"role": "user", "content": text}]}


def converse(text):
    return {"output": {"message": {"role": "assistant", "content": [{"text": text}]}}}


CASES = {
    "prompt": ({"asked": said("Is this GRANITE?")}, "granite", "user"),
    "completion": (
        {"said": {"role": "assistant", "content": [{"type": "text", "text": "It is granite."}]}},
        "GRANITE",
        "assistant",
    ),
    "converse": (
        {"said": converse("It is granite."), "operation": "Converse"},
        "is granite",
        "assistant",
    ),
    "system": ({"asked": {"system": "You know granite.", **said("Hi")}}, "granite", "system"),
    "blocks": (
        {"asked": {"messages": [{"role": "user", "content": [{"text": "granite"}]}]}},
        "granite",
        "user",
    ),
    "stream": ({"said": events("It is gra", "nit", "e, I think.")}, "is granite, I", "assistant"),
    "thinking": ({"said": events("gra", "nite?", kind="thinking_delta")}, "granite?", "assistant"),
    "quotes": ({"asked": said('the "red" granite\\gneiss')}, '"red" granite\\gneiss', "user"),
    "lines": ({"asked": said("red\ngranite\tgneiss")}, "red\ngranite\tgneiss", "user"),
    "accents": ({"asked": said("gneiß aus Graubünden")}, "graubünden", "user"),
    "other letters": ({"asked": said("花崗岩です")}, "花崗岩", "user"),
    "beyond": ({"asked": said("look: 🪨 granite")}, "🪨", "user"),
    "slash": ({"asked": said("feldspar/quartz")}, "feldspar/quartz", "user"),
    "markup": ({"asked": said("<rock> & 'stone'")}, "<rock> & 'stone'", "user"),
    "tool": (
        {
            "asked": {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "tool_result", "tool_use_id": "t", "content": "granite 7"}
                        ],
                    }
                ]
            }
        },
        "granite 7",
        "user",
    ),
}


@pytest.mark.parametrize("packed", [False, True], ids=["lines", "parquet"])
@pytest.mark.parametrize("ascii", [False, True], ids=["letters", "escapes"])
@pytest.mark.parametrize("case", CASES)
def test_a_text_is_found_as_people_read_it(case, ascii, packed, *, record, logs, opened):  # noqa: A002
    given, text, role = CASES[case]
    if "said" in given and isinstance(given["said"], list):
        given = {"operation": "InvokeModelWithResponseStream", **given}
    records = [record(1, **given), record(2, asked=said("basalt"), said=converse("basalt"))]
    path = logs / "2026/11/20/a.json.gz"
    path.parent.mkdir(parents=True)
    lines = "".join(json.dumps(one, ensure_ascii=ascii) + "\n" for one in records)
    path.write_bytes(gzip.compress(lines.encode()))
    if packed:
        compacted.compact(source.check(logs), now=NOW)
        path.unlink()
    found = words.search(opened(), text)
    assert [one.request_id[-1] for one in found] == ["1"]
    assert found[0].role == role


def test_the_structure_of_a_record_is_not_what_was_said(record, write, opened):
    write([record(1)])
    for word in ("messages", "max_tokens", "stop_reason", "inputTokenCount", "anthropic.claude"):
        assert words.search(opened(), word) == []


def test_the_newest_are_found_first_and_no_more_than_wanted(record, write, opened):
    write(
        [record(at, asked=said("granite"), timestamp=f"2026-11-20T10:00:0{at}Z") for at in range(9)]
    )
    found = words.search(opened(), "granite", limit=3)
    assert [one.request_id[-1] for one in found] == ["8", "7", "6"]


def test_a_finding_has_what_stands_around_it(record, write, opened):
    write([record(1, asked=said("x" * 500 + " the Granite of Bergell " + "y" * 500))])
    [found] = words.search(opened(), "granite")
    assert found.text == "Granite"
    assert found.before.endswith("the ")
    assert found.behind.startswith(" of Bergell")
    assert len(found.before) <= words.AROUND
    assert len(found.behind) <= words.AROUND


def test_letters_that_change_their_length_do_not_shift_a_finding(record, write, opened):
    write([record(1, asked=said("İİİİ granite İİ"))])
    [found] = words.search(opened(), "granite")
    assert found.text == "granite"


def test_nothing_is_searched_for_nothing(logs, opened):
    with pytest.raises(RequestError):
        words.search(opened(), "  ")


def test_words_within_the_time_only(record, write, opened):
    write(
        [record(at, asked=said("granite"), timestamp=f"2026-11-2{at}T10:00:00Z") for at in range(4)]
    )
    found = words.search(opened(since="2026-11-21", until="2026-11-23"), "granite")
    assert [one.request_id[-1] for one in found] == ["2", "1"]


@pytest.mark.parametrize("packed", [False, True], ids=["lines", "parquet"])
def test_a_conversation_is_read_from_either_kind_of_file(packed, record, write, opened, logs):
    file = write(
        [
            record(1),
            record(
                2,
                asked=said("Rock?"),
                said=events("Gra", "nite"),
                operation="InvokeModelWithResponseStream",
            ),
        ],
        "2026/11/20/a.json.gz",
    )
    if packed:
        compacted.compact(source.check(logs), now=NOW)
        file.unlink()
    told = words.conversation(opened(), record(2)["requestId"])
    assert [(turn["role"], turn["blocks"][0]["text"]) for turn in told["turns"]] == [
        ("user", "Rock?"),
        ("assistant", "Granite"),
    ]
    assert told["missing"] == []
    assert told["call"]["output_tokens"] == 100


def test_a_compacted_conversation_is_read_while_its_source_is_still_there(
    record, write, opened, logs
):
    write([record(1, asked=said("Rock?"))], "2026/11/20/a.json.gz")
    compacted.compact(source.check(logs), now=NOW)
    told = words.conversation(opened(), record(1)["requestId"])
    assert told["turns"][0]["blocks"][0]["text"] == "Rock?"


def test_a_body_beside_its_record_is_fetched(record, write, opened, logs, key):
    long = record(1)
    del long["input"]["inputBodyJson"]
    path = f"{key().rpartition('/')[0]}/data/{long['requestId']}_input.json.gz"
    long["input"]["inputBodyS3Path"] = f"s3://some-bucket/prefix/{path}"
    write([long], key())
    (logs / path).parent.mkdir()
    (logs / path).write_bytes(gzip.compress(json.dumps(said("A long prompt")).encode()))
    told = words.conversation(opened(), long["requestId"])
    assert told["turns"][0]["blocks"][0]["text"] == "A long prompt"


@pytest.mark.parametrize(
    "path",
    ["s3://b/../../../../etc/passwd", "/etc/passwd", "../secret.json", "s3://b/gone.json.gz"],
)
def test_a_path_that_leads_out_of_the_place_is_not_followed(path, record, write, opened, tmp_path):
    (tmp_path / "secret.json").write_text('{"messages":[{"role":"user","content":"secret"}]}')
    long = record(1)
    del long["input"]["inputBodyJson"]
    long["input"]["inputBodyS3Path"] = path
    write([long])
    told = words.conversation(opened(), long["requestId"])
    assert len(told["missing"]) == 1
    assert "secret" not in json.dumps(told["turns"])


def test_an_unknown_request_is_refused_by_its_id(record, write, opened):
    write([record(1)])
    with pytest.raises(RequestError, match="nobody"):
        words.conversation(opened(), "nobody")


# Following ───────────────────────────────────────────────────────────────────────────────────────


def today(name):
    return f"{datetime.now(UTC):%Y/%m/%d}/{name}"


def follow(logs, changes):
    """What a tail tells, with one change after each of its looks."""
    rows = []
    steps = iter(changes)
    follower = tail.follow(source.check(logs), seconds=0, rounds=len(changes) + 1)
    sleep = tail.time.sleep
    try:
        tail.time.sleep = lambda seconds: next(steps, lambda: None)()
        rows += [row["request_id"][-1] for row in follower]
    finally:
        tail.time.sleep = sleep
    return rows


def test_new_lines_and_new_files_are_told_once_and_old_ones_not(record, write, logs):
    file = write([record(1)], today("101500Z_42_0af3.jsonl"))

    def append():
        with file.open("a") as opened:
            opened.write(json.dumps(record(2)) + "\n" + json.dumps(record(3))[:50])

    def finish():
        with file.open("a") as opened:
            opened.write(json.dumps(record(3))[50:] + "\n")

    def deliver():
        write([record(4), record(5)], today("a.json.gz"))

    assert follow(logs, [append, finish, deliver, lambda: None]) == ["2", "3", "4", "5"]


def test_a_file_that_goes_while_it_is_followed_does_no_harm(record, write, logs):
    file = write([record(1)], today("a.jsonl"))
    assert follow(logs, [file.unlink, lambda: write([record(2)], today("b.jsonl"))]) == ["2"]


def test_a_half_line_at_the_beginning_is_told_when_it_is_whole(record, write, logs):
    file = write([record(1)], today("a.jsonl"))
    file.write_bytes(file.read_bytes()[:-30])

    def finish():
        file.write_text(json.dumps(record(1)) + "\n")

    assert follow(logs, [finish]) == ["1"]


# Exporting ───────────────────────────────────────────────────────────────────────────────────────


def test_an_export_has_every_call_and_its_columns(record, write, opened, tmp_path):
    write([record(2), record(1, timestamp="2026-11-19T10:00:00Z")])
    log = opened()
    columns = [row["column_name"] for row in log.rows("DESCRIBE SELECT * FROM calls")]
    assert export.export(log, tmp_path / "a.csv", kind="csv") == 2
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == columns
    assert [row["request_id"][-1] for row in rows] == ["1", "2"]
    assert export.export(log, tmp_path / "a.parquet", kind="parquet", content=True) == 2
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.schema.names == [*columns, "input", "output"]
    assert table.num_rows == 2
    assert (tmp_path / "a.csv").stat().st_mode & 0o077 == 0


def test_the_same_request_twice_in_a_log_is_not_multiplied_by_an_export(
    record, write, opened, tmp_path
):
    """A client's own record and AWS's have the same request ID."""
    write([record(1)], "a.jsonl")
    write([record(1)], "b.jsonl")
    assert export.export(opened(), tmp_path / "a.parquet", kind="parquet", content=True) == 2


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(evil, record, write, opened, tmp_path):
    write(
        [
            record(
                1,
                modelId=evil,
                identity={"arn": evil},
                requestMetadata={"a": evil},
                accountId=evil,
                region=evil,
                inferenceRegion=evil,
                operation=evil,
            )
        ]
    )
    export.export(opened(), tmp_path / "a.csv", kind="csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert not [
        name for name, value in row.items() if value.startswith(("=", "+", "-", "@", "\t", "\r"))
    ]


def test_an_export_that_fails_leaves_nothing(record, write, opened, tmp_path):
    write([record(1)])
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(OSError, match="directory"):
        export.export(opened(), tmp_path / "a.csv", kind="csv")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


# CloudTrail ──────────────────────────────────────────────────────────────────────────────────────


def event(**given):
    return {
        "eventTime": "2026-11-20T10:00:00Z",
        "eventName": "PutUseCaseForModelAccess",
        "eventSource": "bedrock.amazonaws.com",
        "awsRegion": "us-east-1",
        "userIdentity": {
            "arn": "arn:aws:iam::123456789012:user/Eve",
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        },
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "aws-cli/2",
        "requestID": "r-1",
        **given,
    }


def test_events_of_cloudtrail_are_a_view(write, logs, opened):
    key = "AWSLogs/123456789012/CloudTrail/us-east-1/2026/11/20/a.json.gz"
    path = logs / key
    path.parent.mkdir(parents=True)
    events = [
        event(),
        event(eventSource="s3.amazonaws.com"),
        event(requestID="r-2", errorCode="AccessDenied"),
    ]
    path.write_bytes(gzip.compress(json.dumps({"Records": events}).encode()))
    rows = opened().rows("SELECT * EXCLUDE source FROM trail ORDER BY request_id")
    assert [row["request_id"] for row in rows] == ["r-1", "r-2"]
    assert rows[0] == {
        "time": datetime(2026, 11, 20, 10),  # noqa: DTZ001 - DuckDB's TIMESTAMP has no zone
        "event_name": "PutUseCaseForModelAccess",
        "event_source": "bedrock.amazonaws.com",
        "region": "us-east-1",
        "identity": "arn:aws:iam::123456789012:user/Eve",
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "source_ip": "192.0.2.1",
        "user_agent": "aws-cli/2",
        "error": None,
        "request_id": "r-1",
    }


def test_odd_and_damaged_trails_are_told(logs, opened):
    folder = logs / "AWSLogs/123456789012/CloudTrail/us-east-1/2026/11/20"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(
        json.dumps({"Records": [event(eventTime="never"), event(), event(userIdentity=None)]})
    )
    (folder / "b.json").write_text("{")
    (folder / "c.json.gz").write_bytes(
        gzip.compress(json.dumps({"Records": [event()] * 500}).encode())[:-200]
    )
    log = opened()
    assert len(log.rows("SELECT * FROM trail")) >= 3
    assert {one.file.rpartition("/")[2] for one in log.damaged} >= {"b.json", "c.json.gz"}


def test_a_trail_may_lie_elsewhere(record, write, opened, tmp_path):
    write([record(1)])
    other = tmp_path / "trail/AWSLogs/1/CloudTrail/us-east-1/2026/11/20/a.json"
    other.parent.mkdir(parents=True)
    other.write_text(json.dumps({"Records": [event()]}))
    assert len(opened(trail=tmp_path / "trail").rows("SELECT * FROM trail")) == 1
