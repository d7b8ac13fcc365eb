"""Compacted days beside their sources: nothing twice, nothing left out, nothing at risk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime

import pytest

import outcrop.activity
from outcrop.activity import compacted, source
from outcrop.delivery import retention
from outcrop.errors import ConfigurationError

NOW = datetime(2026, 11, 25, tzinfo=UTC).timestamp()
AWS = "AWSLogs/123456789012/BedrockModelInvocationLogs/us-east-1/2026/11/20/10/"
OBJECT = f"{AWS}20261120T100500000Z_0123456789abcdef.json.gz"
OWN = "2026/11/20/101500Z_42_0af3b1c2.jsonl"


def compact(place, **given):
    return compacted.compact(source.check(place), now=NOW, **given)


def numbers(*places):
    with outcrop.activity.open(list(places)) as log:
        found = [int(row["request_id"][-12:]) for row in log.rows("SELECT request_id FROM calls")]
        assert log.damaged == []
        return sorted(found)


def put(folder, key, *records):
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(one) + "\n" for one in records)
    if key.endswith(".gz"):
        import gzip

        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    os.utime(path, (1, 1))
    return path


# Nothing twice, nothing left out ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", ["records.jsonl", "records.json.gz", "2026/11/20/a.json.gz"])
def test_a_file_of_the_same_name_in_another_place_is_another_file(key, record, tmp_path):
    put(tmp_path / "a", key, record(1))
    put(tmp_path / "b", key, record(2))
    compact(tmp_path / "a")
    assert numbers(tmp_path / "a", tmp_path / "b") == [1, 2]


def test_of_single_files_only_the_one_that_was_compacted_counts_as_such(record, tmp_path):
    one = put(tmp_path, "one.json.gz", record(1))
    other = put(tmp_path, "other.json.gz", record(2))
    compact(one, to=str(tmp_path / "parquet"))
    assert numbers(tmp_path / "parquet", one) == [1]
    assert numbers(tmp_path / "parquet", other) == [1, 2]
    assert numbers(tmp_path / "parquet", one, other) == [1, 2]


@pytest.mark.parametrize("key", [OBJECT, OWN, "2026/11/20/a.json.gz", "records.json.gz"])
def test_nothing_counts_twice_from_whichever_level_it_is_opened(key, record, tmp_path):
    logs = tmp_path / "some" / "logs"
    put(logs, key, record(1))
    compact(logs)
    assert len(list(logs.rglob("*.parquet"))) == 1
    for place in (tmp_path, tmp_path / "some", logs):
        assert numbers(place) == [1]
    below = [path for path in logs.iterdir() if path.is_dir()]
    assert numbers(*below) == [1]


@pytest.mark.parametrize("key", [OBJECT, OWN, "records.json.gz"])
def test_a_folder_that_was_moved_with_its_compacted_days_counts_once(key, record, tmp_path):
    put(tmp_path / "logs", key, record(1))
    compact(tmp_path / "logs")
    shutil.move(tmp_path / "logs", tmp_path / "archive")
    assert numbers(tmp_path / "archive") == [1]


@pytest.mark.parametrize("key", [OBJECT, OWN])
def test_what_has_a_name_of_its_own_counts_once_wherever_it_was_copied(key, record, tmp_path):
    put(tmp_path / "logs", key, record(1))
    compact(tmp_path / "logs", to=str(tmp_path / "parquet"))
    shutil.copytree(tmp_path / "logs", tmp_path / "deep" / "copy")
    assert numbers(tmp_path / "parquet", tmp_path / "deep") == [1]
    assert numbers(tmp_path / "parquet", tmp_path / "logs") == [1]


def test_only_what_lies_below_a_prefix_was_compacted(record, tmp_path):
    put(tmp_path / "logs" / "red", "records.json.gz", record(1))
    put(tmp_path / "logs" / "blue", "records.json.gz", record(2))
    compact(tmp_path / "logs" / "red", to=str(tmp_path / "parquet"))
    assert numbers(tmp_path / "parquet", tmp_path / "logs") == [1, 2]


def test_a_relative_folder_is_where_it_was_named(record, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "logs", "records.json.gz", record(1))
    compact("logs", to="parquet")
    monkeypatch.chdir("/")
    assert numbers(tmp_path / "parquet", tmp_path / "logs") == [1]


# Nothing at risk ─────────────────────────────────────────────────────────────────────────────────

COMPACTING = """
import sys, time
from outcrop.activity import compacted, source

def wait(folder, day, files):
    print("ready", flush=True)
    sys.stdin.read()
    return _write(folder, day, files)

_write, compacted._write_day = compacted._write_day, wait
print(compacted.compact(source.check(sys.argv[1]), now=float(sys.argv[2])).records)
"""


def begin(place):
    """Another process that compacts, and waits within."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMPACTING, str(place), str(NOW)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.skipif(os.name == "nt", reason="Windows has no lock of a folder")
def test_two_processes_never_take_up_the_same_sources(record, logs):
    put(logs, OBJECT, record(1))
    with begin(logs) as other:
        with pytest.raises(ConfigurationError, match="Another process"):
            compact(logs)
        told, _ = other.communicate("")
    assert told == "1\n"
    assert compact(logs).records == 0
    assert numbers(logs) == [1]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no lock of a folder")
def test_a_process_that_is_killed_while_it_compacts_bars_no_other(record, logs):
    put(logs, OBJECT, record(1))
    with begin(logs) as other:
        other.kill()
    assert compact(logs).records == 1
    assert numbers(logs) == [1]


def test_a_day_is_on_the_disk_before_its_sources_are_taken_away(record, logs, monkeypatch):
    retention.mark(logs)
    path = put(logs, OWN, record(1))
    seen = []
    sync = os.fsync

    def watch(number):
        seen.append((os.fstat(number).st_ino, path.exists()))
        sync(number)

    monkeypatch.setattr("os.fsync", watch)
    assert compact(logs, remove=True).removed == 1
    [day] = logs.rglob("*.parquet")
    assert (day.stat().st_ino, True) in seen
    assert (day.parent.stat().st_ino, True) in seen


def test_a_disk_that_fails_costs_no_source(record, logs, monkeypatch):
    retention.mark(logs)
    put(logs, OWN, record(1))

    def fail(number):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        compact(logs, remove=True)
    monkeypatch.undo()
    assert numbers(logs) == [1]
    assert not [path for path in logs.rglob("*") if ".parquet" in path.name]


def test_bodies_that_lie_beside_their_records_stay_when_sources_go(record, logs):
    retention.mark(logs)
    long = record(1)
    del long["input"]["inputBodyJson"]
    name = "2026/11/20/data/00000000-0000-4000-8000-000000000001_input.json.gz"
    long["input"]["inputBodyS3Path"] = name
    source_file = put(logs, OWN, long)
    beside = put(logs, name, {"messages": [{"role": "user", "content": "Granite"}]})
    assert compact(logs, remove=True).removed == 1
    assert not source_file.exists()
    assert beside.exists()
    with outcrop.activity.open(logs) as log:
        assert log.rows("SELECT input, input_path FROM contents") == [
            {"input": None, "input_path": name}
        ]


def test_what_isnt_in_a_day_has_a_folder_of_its_own(record, logs):
    put(logs, "records.json.gz", record(1))
    compact(logs)
    [path] = logs.rglob("*.parquet")
    assert path.parent == logs / "undated"
    assert numbers(path, logs / "records.json.gz") == [1]


def test_a_row_group_has_no_more_rows_than_is_said(record, logs, monkeypatch):
    import pyarrow.parquet as pq

    monkeypatch.setattr(compacted, "ROW_GROUP", 10)
    put(logs, OBJECT, *[record(number) for number in range(25)])
    compact(logs)
    [path] = logs.rglob("*.parquet")
    found = pq.ParquetFile(path).metadata
    assert [found.row_group(at).num_rows for at in range(found.num_row_groups)] == [10, 10, 5]


def test_damage_at_the_end_of_a_large_file_leaves_none_of_it(record, logs, monkeypatch):
    """It is more than is kept at a time: what comes before the damage isn't written, either."""
    monkeypatch.setattr("outcrop.activity.lines.PIECE", 1000)
    monkeypatch.setattr(compacted, "_MOST", 3000)
    put(logs, "2026/11/20/a.jsonl", *[record(number) for number in range(100)])
    bad = put(logs, "2026/11/20/b.jsonl", *[record(number) for number in range(100, 200)])
    put(logs, "2026/11/20/c.jsonl", *[record(number) for number in range(200, 300)])
    with bad.open("a") as file:
        file.write("nothing\n")
    os.utime(bad, (1, 1))
    told = compact(logs)
    assert (told.records, told.files) == (200, 2)
    assert told.skipped == ((str(bad), "not all of its lines are records"),)
    with outcrop.activity.open(logs) as log:
        rows = log.rows("SELECT count(*) AS n, count(DISTINCT request_id) AS ids FROM calls")
        assert rows == [{"n": 300, "ids": 300}]
        assert len(log.damaged) == 1


def test_what_is_appended_while_a_file_is_compacted_comes_the_next_time(record, logs, monkeypatch):
    path = put(logs, OWN, *[record(number) for number in range(10)])
    write_day = compacted._write_day

    def append_first(*given):
        with path.open("a") as file:
            file.write(json.dumps(record(99)) + "\n")
        os.utime(path, (1, 1))
        return write_day(*given)

    monkeypatch.setattr(compacted, "_write_day", append_first)
    assert compact(logs).records == 10
    monkeypatch.undo()
    assert numbers(logs) == [*range(10), 99]
    assert compact(logs).records == 1
    assert numbers(logs) == [*range(10), 99]
