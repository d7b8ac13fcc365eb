"""A client's folder of records: what is written when all goes well, and when it doesn't."""

from __future__ import annotations

import errno
import gzip
import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from outcrop.bedrock.invocation_log import Invocation
from outcrop.delivery import activity_folder, retention
from outcrop.delivery.activity_folder import ActivityFolder, shared
from outcrop.delivery.day_files import DayFiles
from outcrop.errors import ConfigurationError

REPLY = json.dumps({"content": [], "usage": {"input_tokens": 1, "output_tokens": 2}}).encode()


def invocation(number=0, *, began=None, **more):
    given = {
        "operation": "InvokeModel",
        "model_id": "anthropic.claude-3-haiku-20240307-v1:0",
        "region": "us-east-1",
        "request_id": f"r-{number}",
        "began": time.time() if began is None else began,
        "request": b'{"messages":[{"role":"user","content":"Which rock?"}]}',
        "response": REPLY,
    }
    return Invocation(**given | more)


def put(folder, number=0, **more):
    folder.put(partial(invocation, number, **more), size=more.pop("size", 100))


def lines(path):
    return [
        json.loads(line)
        for file in sorted(path.glob("*/*/*/*.jsonl"))
        for line in file.read_text().splitlines()
    ]


@pytest.fixture
def folder(tmp_path):
    folder = ActivityFolder(tmp_path / "activity")
    yield folder
    folder.close()


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(activity_folder, "GATHER_SECONDS", 0.01)
    monkeypatch.setattr(activity_folder, "RETRY_SECONDS", 0.01)


def test_records_lie_in_the_file_of_their_day_and_nobody_else_may_read_them(folder):
    put(folder, 1, began=datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC).timestamp())
    put(folder, 2, began=datetime(2026, 11, 23, 0, 0, 1, tzinfo=UTC).timestamp())
    assert folder.flush()
    for day, request_id in (("2026/11/22", "r-1"), ("2026/11/23", "r-2")):
        (file,) = (folder.path / day).glob("*.jsonl")
        assert json.loads(file.read_text())["requestId"] == request_id
        assert file.stat().st_mode & 0o077 == 0
        assert file.parent.stat().st_mode & 0o077 == 0


def test_a_body_that_is_too_long_lies_beside_its_record(folder):
    body = {"messages": [{"role": "user", "content": "x" * 200_000}]}
    put(folder, request=json.dumps(body).encode())
    assert folder.flush()
    (record,) = lines(folder.path)
    assert "inputBodyJson" not in record["input"]
    side = folder.path / record["input"]["inputBodyS3Path"]
    assert json.loads(gzip.decompress(side.read_bytes())) == body
    assert side.stat().st_mode & 0o077 == 0


def test_a_request_id_never_leads_out_of_the_folder(folder):
    put(folder, request=b'"' + b"x" * 200_000 + b'"', request_id="../../../escaped")
    assert folder.flush()
    (record,) = lines(folder.path)
    side = (folder.path / record["input"]["inputBodyS3Path"]).resolve()
    assert side.is_relative_to(folder.path)


def test_what_does_not_fit_into_the_queue_is_counted_and_told(tmp_path, monkeypatch):
    folder = ActivityFolder(tmp_path, max_calls=3)
    monkeypatch.setattr(folder, "_begin", lambda: None)
    for number in range(5):
        put(folder, number)
    assert folder.lost == 2
    monkeypatch.undo()
    folder._begin()
    assert folder.flush()
    folder.close()
    loss, *written = lines(tmp_path)
    assert (loss["schemaType"], loss["lost"]) == ("OutcropActivityLoss", 2)
    assert [record["requestId"] for record in written] == ["r-0", "r-1", "r-2"]


def test_bodies_in_the_queue_are_bounded_in_bytes(tmp_path, monkeypatch):
    folder = ActivityFolder(tmp_path, max_bytes=250)
    monkeypatch.setattr(folder, "_begin", lambda: None)
    for number in range(4):
        put(folder, number)
    assert folder.lost == 2


def test_a_record_that_can_not_be_made_harms_no_other(folder):
    def fails():
        raise ZeroDivisionError

    folder.put(fails, size=1)
    put(folder, 1)
    assert folder.flush()
    assert [line.get("requestId") for line in lines(folder.path)] == [None, "r-1"]
    assert (folder.written, folder.lost) == (1, 1)


def test_a_full_disk_loses_nothing_that_the_queue_holds(folder, monkeypatch):
    full = True
    write = os.write

    def writes(file, data):
        if full and len(data) > 100:
            write(file, data[:50])  # as a disk does that fills up meanwhile
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(os, "write", writes)
    put(folder, 1)
    put(folder, 2)
    assert not folder.flush(0.2)
    assert folder.last_error == "No space left on device"
    (file,) = folder.path.glob("*/*/*/*.jsonl")
    assert file.read_bytes() == b""
    full = False
    assert folder.flush()
    assert [record["requestId"] for record in lines(folder.path)] == ["r-1", "r-2"]
    assert (folder.lost, folder.last_error) == (0, None)


def test_a_folder_that_can_not_be_written_is_told_and_counted(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    folder = ActivityFolder(tmp_path / "file" / "below")
    with caplog.at_level(logging.WARNING, "outcrop.activity"):
        put(folder)
        assert not folder.flush(0.2)
        folder.close()
    assert (folder.written, folder.lost) == (0, 1)
    assert "can't be recorded" in caplog.text


SCRIPT = """
import sys, time
from outcrop.bedrock.invocation_log import Invocation
from outcrop.delivery.activity_folder import ActivityFolder
folder = ActivityFolder(sys.argv[1])
number = 0
while True:
    folder.put(lambda number=number: Invocation(
        operation="InvokeModel", model_id="m", region="us-east-1", request_id=f"r-{number}",
        began=time.time(), request=b'{"a":"' + b"x" * 2000 + b'"}', response=b"{}"), size=2000)
    number += 1
    if number == 500:
        print("go", flush=True)
    time.sleep(0.0005)
"""


def test_a_process_that_is_killed_leaves_all_lines_whole_but_the_last(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "go\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    (file,) = tmp_path.glob("*/*/*/*.jsonl")
    *whole, last = file.read_bytes().split(b"\n")
    found = [json.loads(line)["requestId"] for line in whole]
    assert found == [f"r-{number}" for number in range(len(found))]
    assert found
    assert not last or last.startswith(b'{"timestamp"')


def test_what_is_queued_when_the_process_ends_is_written(tmp_path):
    script = SCRIPT.replace("while True", "while number < 20")
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=60)
    assert len(lines(tmp_path)) == 20


def _put_in_child(folder):
    put(folder, 2)
    folder.close()


def test_a_fork_writes_a_file_of_its_own(folder):
    put(folder, 1)
    assert folder.flush()
    child = multiprocessing.get_context("fork").Process(target=_put_in_child, args=(folder,))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    put(folder, 3)
    assert folder.flush()
    files = sorted(folder.path.glob("*/*/*/*.jsonl"))
    assert len(files) == 2
    found = {
        tuple(json.loads(line)["requestId"] for line in file.read_text().splitlines())
        for file in files
    }
    assert found == {("r-1", "r-3"), ("r-2",)}


def old_day(folder, days):
    day = datetime.now(UTC).date() - timedelta(days=days)
    place = retention.day_folder(folder.path, day)
    (place / "data").mkdir(parents=True)
    ours = [place / "081500Z_4711_0f3a91c2.jsonl", place / "data" / "r-1_input.json.gz"]
    for path in ours:
        path.write_text("old")
    return place, ours


def test_days_that_are_over_are_taken_away_as_a_new_one_begins(folder):
    retention.mark(folder.path)
    old, _ = old_day(folder, 30)
    kept, _ = old_day(folder, 29)
    put(folder)
    assert folder.flush()
    assert not old.exists()
    assert kept.exists()


def test_nothing_that_is_not_ours_is_taken_away(folder):
    retention.mark(folder.path)
    place, ours = old_day(folder, 40)
    foreign = place / "notes.txt"
    foreign.write_text("mine")
    put(folder)
    assert folder.flush()
    assert foreign.read_text() == "mine"
    assert not any(path.exists() for path in ours)


def test_a_folder_without_our_mark_is_never_pruned(tmp_path):
    folder = ActivityFolder(tmp_path)
    place, _ = old_day(folder, 40)
    assert retention.prune(tmp_path, keep=30, now=time.time()).files == ()
    assert place.exists()


def test_a_dry_run_tells_and_leaves(folder):
    retention.mark(folder.path)
    _, ours = old_day(folder, 40)
    pruned = retention.prune(folder.path, keep=30, now=time.time(), dry_run=True)
    assert sorted(pruned.files) == sorted(ours)
    assert all(path.exists() for path in ours)


def test_after_a_jump_of_the_clock_nothing_is_taken_away(folder, monkeypatch, caplog):
    retention.mark(folder.path)
    place, _ = old_day(folder, 29)
    tomorrow = time.time() + 5 * 86400
    monkeypatch.setattr(activity_folder.time, "time", lambda: tomorrow)
    with caplog.at_level(logging.WARNING, "outcrop.activity"):
        put(folder, began=tomorrow)
        assert folder.flush()
    assert place.exists()
    assert "clock has jumped" in caplog.text


def test_a_refused_call_takes_nothing_away(folder):
    retention.mark(folder.path)
    place, _ = old_day(folder, 40)
    put(folder, error="SignatureDoesNotMatch")
    assert folder.flush()
    assert place.exists()


def test_a_redactor_that_fails_lets_no_content_through(tmp_path, caplog):
    def fails(record):
        raise RuntimeError(record["input"])

    folder = ActivityFolder(tmp_path, content="redacted", redact=fails)
    with caplog.at_level(logging.WARNING, "outcrop.activity"):
        put(folder)
        assert folder.flush()
    folder.close()
    (record,) = lines(tmp_path)
    assert record["outcrop"]["content"] == "metadata"
    assert "inputBodyJson" not in record["input"]
    assert "Which rock" not in caplog.text


def test_a_redactor_of_ones_own_decides_what_is_written(tmp_path):
    def without_rocks(record):
        record["input"]["inputBodyJson"] = "about a rock"
        return record

    folder = ActivityFolder(tmp_path, content="redacted", redact=without_rocks)
    put(folder)
    folder.close()
    (record,) = lines(tmp_path)
    assert record["input"]["inputBodyJson"] == "about a rock"


@pytest.mark.parametrize(
    "wrong",
    [
        {"content": "all"},
        {"retention_days": 0},
        {"redact": dict},
        {"content": "full", "redact": dict},
    ],
)
def test_what_can_not_be_right_is_refused(tmp_path, wrong):
    with pytest.raises(ConfigurationError):
        ActivityFolder(tmp_path, **wrong)


def test_who_asks_alike_shares_a_folder(tmp_path):
    first = shared(tmp_path, content="full", retention_days=30)
    assert shared(str(tmp_path), content="full", retention_days=30) is first
    assert shared(tmp_path, content="metadata", retention_days=30) is not first


def test_an_identity_that_is_named_is_recorded(tmp_path):
    arn = "arn:aws:sts::123456789012:assumed-role/geology/survey"
    folder = ActivityFolder(tmp_path, identity=arn)
    put(folder, identity={"accessKeyId": "ASIAIOSFODNN7EXAMPLE"})
    folder.close()
    (record,) = lines(tmp_path)
    assert record["identity"] == {"accessKeyId": "ASIAIOSFODNN7EXAMPLE", "arn": arn}
    assert record["accountId"] == "123456789012"


def test_a_new_day_begins_a_new_file(tmp_path):
    files = DayFiles(tmp_path)
    record = {"requestId": "r"}
    assert (
        files.append([(0.0, dict(record)), (86400.0, dict(record)), (90000.0, dict(record))]) == 3
    )
    files.close()
    assert [len(path.read_text().splitlines()) for path in sorted(tmp_path.glob("*/*/*/*"))] == [
        1,
        2,
    ]
