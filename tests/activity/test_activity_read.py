"""Reading records: every layout and kind of file, every operation, and files that are damaged."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

import outcrop.activity
from outcrop.errors import ConfigurationError, RequestError

COUNT = "SELECT count(*) AS calls FROM calls"


def calls(log):
    return log.rows(COUNT)[0]["calls"]


def ids(log):
    return {int(row["request_id"][-12:]) for row in log.rows("SELECT request_id FROM calls")}


# Where they lie ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name",
    [
        "calls.jsonl",
        "calls.json",
        "calls.json.gz",
        "calls.jsonl.gz",
        "2026/11/20/101500Z_42_0af3.jsonl",
        "some/prefix/AWSLogs/123456789012/BedrockModelInvocationLogs/us-east-1/2026/11/20/10/a.json.gz",
    ],
)
def test_records_are_found_in_every_layout(name, record, write, opened):
    write([record(1), record(2)], name)
    assert ids(opened()) == {1, 2}


def test_a_single_file_can_be_opened(record, write, opened):
    file = write([record(1)])
    write([record(2)], "other.jsonl")
    assert ids(opened(file)) == {1}


def test_several_places_are_one_log(record, write, opened):
    places = [write([record(number)], f"{number}.jsonl") for number in (1, 2)]
    assert ids(opened(places)) == {1, 2}


def test_bodies_beside_records_and_the_permission_check_are_no_records(
    record, write, opened, key, logs
):
    write([record(1)], key())
    hour = (logs / key()).parent
    (hour / "data").mkdir()
    (hour / "data" / "x_input.json.gz").write_bytes(gzip.compress(b'{"messages":[]}'))
    (hour.parents[3] / "amazon-bedrock-logs-permission-check").touch()
    log = opened()
    assert ids(log) == {1}
    assert log.damaged == []


def test_drafts_and_foreign_files_are_left_alone(record, write, opened):
    write([record(1)])
    write([record(2)], ".draft.jsonl")
    write([record(3)], "notes.txt")
    assert ids(opened()) == {1}


def test_an_empty_folder_answers_nothing(logs, opened):
    log = opened()
    assert calls(log) == 0
    assert log.rows("SELECT * FROM contents") == log.rows("SELECT * FROM trail") == []
    assert log.rows("SELECT * FROM files") == []


def test_a_place_that_is_not_there_is_named():
    with pytest.raises(ConfigurationError, match="/nowhere/at/all"):
        outcrop.activity.open("/nowhere/at/all")


# When they were ──────────────────────────────────────────────────────────────────────────────────


def test_since_counts_and_until_does_not(record, write, opened):
    hours = [record(hour, timestamp=f"2026-11-20T{hour:02}:00:00Z") for hour in (9, 10, 11, 12)]
    write(hours)
    found = opened(since="2026-11-20T10:00:00Z", until="2026-11-20T12:00:00+00:00")
    assert ids(found) == {10, 11}


def test_times_of_other_zones_are_understood(record, write, opened):
    write([record(1, timestamp="2026-11-20T10:00:00Z")])
    assert calls(opened(since="2026-11-20T11:00:00+02:00")) == 1
    assert calls(opened(since="2026-11-20T13:00:00+02:00")) == 0


def test_a_bound_within_a_second_is_exact(record, write, opened):
    write([record(1, timestamp="2026-11-20T10:00:00Z")])
    assert calls(opened(since=datetime(2026, 11, 20, 10, 0, 0, 500_000, tzinfo=UTC))) == 0
    assert calls(opened(until=datetime(2026, 11, 20, 10, 0, 0, 500_000, tzinfo=UTC))) == 1


def test_days_that_are_not_asked_for_are_not_read(record, write, opened, key, logs):
    write([record(1)], key())
    old = logs / key("2026/10/01")
    old.parent.mkdir(parents=True)
    old.write_bytes(b"if this were read, it would be damaged")
    log = opened(since="2026-11-20", until="2026-11-21")
    assert ids(log) == {1}
    assert log.damaged == []


def test_a_call_is_found_in_the_hour_of_its_delivery(record, write, opened, key):
    """Records are delivered after the call: one of 23:59 may lie in the next day's folder."""
    write([record(1, timestamp="2026-11-20T23:59:30Z")], key("2026/11/21", hour=0))
    assert ids(opened(since="2026-11-20", until="2026-11-21")) == {1}


@pytest.mark.parametrize("wrong", ["yesterday", "30x", "", "2026-13-01"])
def test_what_is_no_time_is_refused_by_name(wrong, logs):
    with pytest.raises(ConfigurationError, match="since"):
        outcrop.activity.open(logs, since=wrong)


# What they say ───────────────────────────────────────────────────────────────────────────────────


def test_a_call_has_all_its_columns(record, write, opened):
    write([record(7, requestMetadata={"team": "geology"}, counts=(10, 20, 30, 40))])
    [row] = opened().rows("SELECT * FROM calls")
    assert row["time"] == datetime(2026, 11, 20, 10)  # noqa: DTZ001 - as TIMESTAMP has it
    assert row["day"].isoformat() == "2026-11-20"
    assert (row["account"], row["region"], row["inference_region"]) == (
        "123456789012",
        "us-east-1",
        "us-west-2",
    )
    assert row["operation"] == "InvokeModel"
    assert row["stream"] is False
    assert row["model_id"] == "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert row["model"] == "anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert row["endpoint"] == "global"
    assert row["identity"] == "arn:aws:iam::123456789012:user/Alice"
    tokens = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
    assert [row[name] for name in tokens] == [10, 20, 30, 40]
    assert row["max_tokens"] == 1024
    assert (row["stop_reason"], row["error"]) == ("end_turn", None)
    assert json.loads(row["metadata"]) == {"team": "geology"}
    assert row["source"].endswith("records.jsonl")


STREAM = [
    {
        "type": "message_start",
        "message": {"usage": {"cache_creation": {"ephemeral_1h_input_tokens": 7}}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Gra"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "nite"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {}},
    {
        "type": "message_stop",
        "amazon-bedrock-invocationMetrics": {"invocationLatency": 900, "firstByteLatency": 200},
    },
]
CONVERSE = {
    "metrics": {"latencyMs": 321},
    "output": {"message": {"role": "assistant", "content": [{"text": "Granite"}]}},
    "stopReason": "end_turn",
    "usage": {"cacheDetails": [{"ttl": "1h", "inputTokens": 7}, {"ttl": "5m", "inputTokens": 2}]},
}
TOLD = "SELECT stop_reason, latency_ms, first_byte_ms, cache_write_1h_tokens, stream FROM calls"


@pytest.mark.parametrize(
    ("operation", "said", "expected"),
    [
        ("InvokeModelWithResponseStream", STREAM, ("max_tokens", 900, 200, 7, True)),
        ("Converse", CONVERSE, ("end_turn", 321, None, 7, False)),
        ("ConverseStream", CONVERSE, ("end_turn", 321, None, 7, True)),
        (
            "InvokeModel",
            {
                "stop_reason": "refusal",
                "usage": {"cache_creation": {"ephemeral_1h_input_tokens": 7}},
            },
            ("refusal", None, None, 7, False),
        ),
    ],
)
def test_every_operation_tells_why_it_stopped_and_how_long_it_took(
    operation, said, expected, *, record, write, opened
):
    write([record(1, operation=operation, said=said)])
    [row] = opened().rows(TOLD)
    assert tuple(row.values()) == expected


def test_pretty_printed_events_are_read_alike(record, write, opened, logs):
    text = json.dumps(
        record(1, operation="InvokeModelWithResponseStream", said=STREAM), separators=(" , ", " : ")
    )
    (logs / "a.jsonl").write_text(text + "\n")
    [row] = opened().rows(TOLD)
    assert tuple(row.values()) == ("max_tokens", 900, 200, 7, True)


def test_a_text_that_looks_like_an_end_is_not_taken_for_it(record, write, opened):
    said = [
        *STREAM[:2],
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": '"stop_reason":"hacked","invocationLatency":1'},
        },
    ]
    write([record(1, operation="InvokeModelWithResponseStream", said=said)])
    [row] = opened().rows(TOLD)
    assert tuple(row.values()) == (None, None, None, 7, True)


def test_an_hours_cache_is_found_behind_a_long_prompt_id(record, write, opened):
    start = {
        "type": "message_start",
        "message": {
            "id": "m" * 8000,
            "usage": {"cache_creation": {"ephemeral_1h_input_tokens": 7}},
        },
    }
    write([record(1, operation="InvokeModelWithResponseStream", said=[start, *STREAM[1:]])])
    assert opened().rows(TOLD)[0]["cache_write_1h_tokens"] == 7


def test_a_refused_call_counts_without_tokens(record, write, opened):
    refused = record(1, errorCode="ThrottlingException", output=None)
    for name in ("inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount"):
        del refused["input"][name]
    write([refused])
    [row] = opened().rows("SELECT error, input_tokens, output_tokens, cost FROM calls")
    assert tuple(row.values()) == ("ThrottlingException", 0, 0, 0.0)


def test_what_a_client_adds_is_read(record, write, opened):
    own = {"latencyMs": 5, "firstByteMs": 3, "stopReason": "end_turn", "content": "metadata"}
    write([record(1, said=None, outcrop=own, identity={"accessKeyId": "AKIAIOSFODNN7EXAMPLE"})])
    [row] = opened().rows("SELECT latency_ms, first_byte_ms, stop_reason, identity FROM calls")
    assert tuple(row.values()) == (5, 3, "end_turn", "AKIAIOSFODNN7EXAMPLE")


@pytest.mark.parametrize(
    ("model_id", "model", "endpoint"),
    [
        (
            "anthropic.claude-3-haiku-20240307-v1:0",
            "anthropic.claude-3-haiku-20240307-v1:0",
            "in-region",
        ),
        ("us.anthropic.claude-sonnet-4-6", "anthropic.claude-sonnet-4-6", "us"),
        ("us-gov.anthropic.claude-sonnet-4-6", "anthropic.claude-sonnet-4-6", "us-gov"),
        (
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-6",
            "anthropic.claude-sonnet-4-6",
            "eu",
        ),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
            "anthropic.claude-3-haiku-20240307-v1:0",
            "in-region",
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
            "application",
        ),
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0", None),
    ],
)
def test_a_model_id_tells_model_and_endpoint(model_id, model, endpoint, *, record, write, opened):
    write([record(1, modelId=model_id)])
    [row] = opened().rows("SELECT model, endpoint FROM calls")
    assert tuple(row.values()) == (model, endpoint)


def test_members_nobody_knows_and_odd_types_cost_no_record(record, write, opened):
    odd = [
        record(1, brandNew={"a": [1]}),
        record(2, identity="someone"),
        record(3, inferenceRegion=7),
        record(4, said=["not", "events", 1]),
        record(5, said="plain text"),
        record(6, asked="plain text"),
        record(7, asked=[1, 2]),
        record(8, said={"stop_reason": 5, "usage": []}),
        record(9, requestMetadata=[1]),
        record(10, output=[]),
        record(11, said=[{"type": "message_delta", "delta": "odd"}]),
        record(12, counts=(1.0, 2, 3, 4)),
        record(13, counts=("1", 2, 3, 4)),
        record(14, counts=(-5, 2, 3, 4)),
        record(15, counts=(2**70, 2, 3, 4)),
        record(16, asked={"max_tokens": "many"}),
        record(17, asked={"inferenceConfig": []}),
        record(18, outcrop=5),
    ]
    write(odd)
    log = opened()
    assert ids(log) == set(range(1, 19))
    assert log.damaged == []


def test_tokens_of_the_sound_members_stay_where_one_is_odd(record, write, opened):
    write([record(1, identity="someone", counts=(10, 20, 30, 40))])
    [row] = opened().rows("SELECT input_tokens, output_tokens, stop_reason, max_tokens FROM calls")
    assert tuple(row.values()) == (10, 40, "end_turn", 1024)


def test_contents_are_the_bodies_as_they_were(record, write, opened):
    asked = {"messages": [{"role": "user", "content": "naïve \u2028 \U0001f5ff"}]}
    write([record(1, asked=asked, said=STREAM)])
    [row] = opened().rows("SELECT * FROM contents")
    assert json.loads(row["input"]) == asked
    assert json.loads(row["output"]) == STREAM
    assert row["input_path"] is None


def test_a_body_that_lies_beside_is_told_by_its_path(record, write, opened):
    long = record(1)
    del long["input"]["inputBodyJson"]
    long["input"]["inputBodyS3Path"] = "s3://bucket/data/x_input.json.gz"
    write([long])
    [row] = opened().rows("SELECT input, input_path FROM contents")
    assert tuple(row.values()) == (None, "s3://bucket/data/x_input.json.gz")


# Damage ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_half_written_line_is_counted_and_the_rest_is_read(record, write, opened):
    file = write([record(1), record(2), record(3)])
    file.write_bytes(file.read_bytes()[:-40])
    log = opened()
    assert ids(log) == {1, 2}
    [damaged] = log.damaged
    assert (damaged.file, damaged.records_read) == (str(file), 2)
    assert damaged.reason


def test_a_last_line_without_its_end_is_a_record_all_the_same(record, write, opened):
    file = write([record(1), record(2)])
    file.write_bytes(file.read_bytes()[:-1])
    log = opened()
    assert ids(log) == {1, 2}
    assert log.damaged == []


def test_every_cut_of_a_gzip_file_is_read_up_to_its_last_record(record, write, opened, logs):
    whole = gzip.compress(b"".join(json.dumps(record(n)).encode() + b"\n" for n in range(1, 40)))
    text = gzip.decompress(whole)
    for cut in range(1, len(whole), 97):
        (logs / "a.json.gz").write_bytes(whole[:cut])
        with outcrop.activity.open(logs) as log:
            found = ids(log)
            assert found == set(range(1, len(found) + 1))
            assert len(log.damaged) == 1
            assert len(found) <= text.count(b"\n")
    assert found  # most of it could be read before the last cut


def test_garbage_within_a_gzip_file_is_counted(record, write, opened):
    file = write([record(number) for number in range(1, 2000)], "a.json.gz")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    log = opened()
    assert len(log.damaged) == 1
    assert 0 < log.damaged[0].records_read == calls(log) < 2000


def test_a_gzip_file_of_several_members_is_one_file(record, opened, logs):
    members = [gzip.compress(json.dumps(record(n)).encode() + b"\n") for n in (1, 2, 3)]
    (logs / "a.json.gz").write_bytes(b"".join(members))
    log = opened()
    assert ids(log) == {1, 2, 3}
    assert log.damaged == []


def test_a_member_cut_off_behind_sound_ones_costs_only_itself(record, opened, logs):
    members = [gzip.compress(json.dumps(record(n)).encode() + b"\n") for n in (1, 2, 3)]
    (logs / "a.json.gz").write_bytes(b"".join(members)[:-30])
    log = opened()
    assert ids(log) >= {1, 2}
    assert len(log.damaged) == 1


@pytest.mark.parametrize(
    "junk",
    [
        b"\x00" * 100,
        b"not json at all\n",
        b'{"a":\n',
        b"\xff\xfe\n",
        b"[1]\n",
        b"null\n",
        b'{"no":"record"}\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_a_line_that_is_no_record_is_counted(junk, record, write, opened):
    file = write([record(1)])
    file.write_bytes(file.read_bytes() + junk + json.dumps(record(2)).encode() + b"\n")
    log = opened()
    assert ids(log) >= {1}
    assert len(log.damaged) == 1
    if junk.endswith(b"\n"):
        assert ids(log) == {1, 2}


def test_lines_of_another_system_and_blank_ones_do_no_harm(record, write, opened):
    file = write([record(1)])
    file.write_bytes(b"\r\n\n" + file.read_bytes().replace(b"\n", b"\r\n") + b"\n\n")
    log = opened()
    assert ids(log) == {1}
    assert log.damaged == []


def test_an_empty_file_is_no_damage(write, record, opened, logs):
    (logs / "a.jsonl").touch()
    write([record(1)])
    log = opened()
    assert ids(log) == {1}
    assert log.damaged == []


def test_calls_that_a_recorder_lost_are_told(record, write, opened):
    loss = {
        "timestamp": "2026-11-20T10:00:00Z",
        "lost": 12,
        "reason": "the queue was full",
        "schemaType": "OutcropActivityLoss",
        "schemaVersion": "1.0",
    }
    write([record(1), loss])
    log = opened()
    assert calls(log) == 1
    assert log.lost == 12
    assert log.damaged == []


def test_a_file_that_goes_while_it_is_read_is_told(record, write, opened):
    file = write([record(1)])
    write([record(2)], "b.jsonl")
    log = opened()
    file.unlink()
    assert ids(log) == {2}
    assert [one.file for one in log.damaged] == [str(file)]


def test_parquet_of_others_is_told_not_read(record, write, opened, logs):
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1]}), logs / "other.parquet")
    (logs / "broken.parquet").write_bytes(b"PAR1 nothing")
    write([record(1)])
    log = opened()
    assert ids(log) == {1}
    assert len(log.damaged) == 2


def test_many_processes_read_what_one_does(record, write, opened, monkeypatch):
    for file in range(4):
        write([record(file * 10 + number) for number in range(10)], f"{file}.json.gz")
    (write([record(99)], "cut.jsonl")).write_bytes(json.dumps(record(99)).encode() + b"\n{")
    alone = opened().rows("SELECT * EXCLUDE source FROM calls ORDER BY request_id")
    monkeypatch.setattr("outcrop.activity.engine.PARALLEL_BYTES", 0)
    log = opened()
    assert log.rows("SELECT * EXCLUDE source FROM calls ORDER BY request_id") == alone
    assert len(log.damaged) == 1
    assert len(log.rows("SELECT * FROM contents")) == len(alone)


# Asking ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_query_gives_an_arrow_table_and_takes_values(record, write, opened):
    write([record(1), record(2, region="eu-west-1")])
    table = opened().query(
        "SELECT region FROM calls WHERE region = $region", {"region": "eu-west-1"}
    )
    assert isinstance(table, pa.Table)
    assert table.to_pylist() == [{"region": "eu-west-1"}]


def test_sql_that_is_wrong_is_refused_in_words(record, write, opened):
    write([record(1)])
    for wrong in ("SELEKT", "SELECT nothing_there FROM calls", "SELECT * FROM no_such_view"):
        with pytest.raises(RequestError, match="can't be answered"):
            opened().query(wrong)


def test_a_closed_log_leaves_nothing_behind(record, write, opened, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    write([record(1)])
    with outcrop.activity.open(tmp_path / "logs") as log:
        log.rows("SELECT * FROM contents, calls")
    assert list((tmp_path / "temp").iterdir()) == []


def test_sources_are_never_changed(record, write, opened, logs):
    write([record(1)])
    before = {path: path.read_bytes() for path in logs.rglob("*") if path.is_file()}
    log = opened()
    for view in ("calls", "contents", "files", "trail"):
        log.rows(f"SELECT * FROM {view}")
    assert {path: path.read_bytes() for path in logs.rglob("*") if path.is_file()} == before


def test_only_the_hours_that_are_asked_for_are_read(record, write, opened, key, logs):
    """What is delivered in an hour was called before its end, maybe long before."""
    for hour in (6, 9, 10, 11, 12):
        write([record(hour, timestamp=f"2026-11-20T{hour:02}:30:00Z")], key(hour=hour))
    write([record(1, timestamp="2026-11-20T10:40:00Z")], key("2026/11/21", hour=3))
    log = opened(since="2026-11-20T10:00:00Z", until="2026-11-20T12:00:00Z")
    assert ids(log) == {10, 11, 1}
    read = {row["file"] for row in log.rows("SELECT file FROM files")}
    assert str(logs / key(hour=6)) not in read


@pytest.mark.parametrize("folder", ["data", "data/data", "some/data/2026"])
def test_a_folder_called_data_is_only_passed_over_below_a_day(folder, record, write, opened, key):
    write([record(1)], f"{folder}/{key()}")
    assert ids(opened()) == {1}
