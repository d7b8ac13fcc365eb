"""`outcrop activity`: what each question prints, for people and machines, and its refusals."""

from __future__ import annotations

import csv
import json
import threading
import time
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from outcrop import cli
from outcrop.activity import source, tail as following
from outcrop.bedrock.invocation_log import Invocation
from outcrop.delivery import retention
from outcrop.delivery.activity_folder import ActivityFolder

SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
#: Of one call by the global endpoint; $3 and $15 a million tokens. The regional one adds 10 %.
ONE = 0.1 * 3 + 0.01 * 15
PREMIUM = ONE / 10
COST = 2 * ONE + PREMIUM
NOW = datetime.now(UTC).replace(microsecond=0)


def invocation(number, *, model=f"global.{SONNET}", text="Granite, most likely.", **more):
    usage = {"input_tokens": 100_000, "output_tokens": 10_000}
    reply = {
        "role": "assistant",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": usage,
    }
    asked = {"max_tokens": 64, "messages": [{"role": "user", "content": "Which rock is this?"}]}
    given = {
        "operation": "InvokeModel",
        "model_id": model,
        "region": "us-east-1",
        "request_id": f"00000000-0000-4000-8000-{number:012}",
        "began": (NOW - timedelta(hours=1)).timestamp(),
        "request": json.dumps(asked).encode(),
        "response": json.dumps(reply).encode(),
        "identity": {"arn": "arn:aws:iam::123456789012:user/Alice"},
        "metadata": '{"team":"geology"}',
    }
    return Invocation(**given | more)


def record(folder, *invocations):
    log = ActivityFolder(folder)
    for one in invocations:
        log.put(lambda one=one: one, size=1)
    log.close()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "activity"
    refusal = b'{"message":"Too many tokens"}'
    record(
        folder,
        invocation(1),
        invocation(2, model=f"us.{SONNET}", text="Basalt \x1b[31mred."),
        invocation(3, error="ThrottlingException", response=refusal),
    )
    return folder


@pytest.fixture
def run(folder, capsys, monkeypatch):
    monkeypatch.setenv("OUTCROP_ACTIVITY", str(folder))

    def run(*words, code=0):
        assert cli.main(["activity", *words]) == code
        return capsys.readouterr()

    return run


def test_all_is_told_at_a_glance(run):
    told = run().out
    assert "3 by 1 identities to 1 models" in told
    assert "1 (33.3%)" in told
    assert "200,000 in, 20,000 out" in told
    assert f"${COST:.4f} by list prices" in told


def test_json_has_the_same_figures(run):
    told = json.loads(run("--json").out)
    assert (told["calls"], told["errors"]) == (3, 1)
    assert told["cost"] == pytest.approx(COST)
    assert [day["calls"] for day in told["by_day"]] == [3]


def test_usage_is_told_by_several_things(run):
    rows = json.loads(run("usage", "--by", "endpoint,metadata.team", "--json").out)
    assert [(row["endpoint"], row["metadata.team"], row["calls"]) for row in rows] == [
        ("us", "geology", 1),
        ("global", "geology", 2),
    ]
    table = run("usage", "--by", "endpoint").out
    assert table.splitlines()[0].split()[:3] == ["ENDPOINT", "CALLS", "ERRORS"]


def test_what_usage_cannot_be_told_by_is_named(run):
    told = run("usage", "--by", "colour", code=2)
    assert "by='colour'" in told.err
    assert "metadata.KEY" in told.err
    assert told.out == ""


def test_cost_tells_what_the_premium_came_to(run):
    told = json.loads(run("cost", "--json").out)
    assert told["premium"] == pytest.approx(PREMIUM)
    assert told["premium_calls"] == 1
    assert f"${PREMIUM:.4f} (4.8%) is the premium" in " ".join(run("cost").out.split())


def test_errors_name_a_request_to_look_at(run):
    [row] = json.loads(run("errors", "--json").out)
    assert (row["error"], row["calls"]) == ("ThrottlingException", 1)
    assert row["request_id"].endswith("3")
    assert "ThrottlingException" in run("errors").out


def test_throttles_are_told_against_the_quota(run):
    rows = json.loads(run("throttles", "--json").out)
    [row] = [row for row in rows if row["endpoint"] == "global"]
    assert row["throttled"] == 1
    assert row["reserved"] == 100_064
    assert row["settled"] == 100_000 + row["burndown"] * 10_000
    assert "THROTTLED" in run("throttles").out


def test_a_text_is_found_whatever_its_case(run):
    [found] = json.loads(run("search", "GRANITE, most", "--json").out)
    assert (found["text"], found["reply"]) == ("Granite, most", True)
    assert "Nothing found." in run("search", "diamond").out
    assert "reply: …Granite" in run("search", "granite").out


def test_a_conversation_is_shown_and_obeyed_by_no_terminal(run):
    told = run("show", "00000000-0000-4000-8000-000000000002").out
    assert "Which rock is this?" in told
    assert "Basalt [31mred." in told
    assert "\x1b" not in told
    assert f"${ONE + PREMIUM:.4f}" in told


def test_a_request_that_is_not_there_is_told(run):
    told = run("show", "nobody", code=2)
    assert "No call has the request ID 'nobody'" in told.err


def test_sql_asks_the_views(run):
    told = run("sql", "SELECT endpoint, count(*) AS n FROM calls GROUP BY ALL ORDER BY n").out
    assert told.splitlines()[0].split() == ["ENDPOINT", "N"]
    wrong = run("sql", "SELECT nobody FROM calls", code=2)
    assert "nobody" in wrong.err
    assert len(wrong.err.splitlines()) == 1


def test_the_last_calls_are_printed(run):
    lines = run("tail", "-n", "2").out.splitlines()
    assert len(lines) == 2
    assert all("claude-sonnet-4-5" in line for line in lines)


def test_new_calls_are_followed(folder):
    told = []
    rounds = following.follow(source.check(folder), seconds=0.2, rounds=40)

    def follow():
        for row in rounds:
            told.append(row["request_id"])
            if len(told) == 2:
                return

    thread = threading.Thread(target=follow)
    thread.start()
    time.sleep(0.3)
    record(folder, invocation(4))
    record(folder, invocation(5))
    thread.join(30)
    assert sorted(request_id[-1] for request_id in told) == ["4", "5"]


def test_calls_are_exported_for_other_tools(run, tmp_path):
    run("export", "--csv", str(tmp_path / "calls.csv"))
    with (tmp_path / "calls.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert sum(float(row["cost"]) for row in rows) == pytest.approx(COST)
    run("export", "--parquet", str(tmp_path / "calls.parquet"), "--content")
    table = pq.read_table(tmp_path / "calls.parquet")
    assert table.num_rows == 3
    assert "Granite" in "".join(filter(None, table["output"].to_pylist()))
    for name in ("calls.csv", "calls.parquet"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_a_cell_that_a_spreadsheet_would_run_is_text(folder, run, tmp_path):
    formula = {"arn": '=HYPERLINK("http://127.0.0.1","x")'}
    record(folder, invocation(9, identity=formula))
    run("export", "--csv", str(tmp_path / "calls.csv"))
    with (tmp_path / "calls.csv").open() as file:
        identities = {row["identity"] for row in csv.DictReader(file)}
    assert "'" + formula["arn"] in identities


def test_an_export_overwrites_nothing(run, tmp_path):
    (tmp_path / "mine.csv").write_text("mine")
    told = run("export", "--csv", str(tmp_path / "mine.csv"), code=2)
    assert "is there already" in told.err
    assert (tmp_path / "mine.csv").read_text() == "mine"
    assert "Name one file" in run("export", code=2).err


def test_misuse_is_looked_for(run):
    assert isinstance(json.loads(run("misuse", "--json").out), list)
    told = json.loads(run("misuse", "--list", "--json").out)
    assert {"name", "meaning", "thresholds"} <= told[0].keys()
    assert "isn't a threshold" in run("misuse", "--threshold", "volume-spike.factor", code=2).err


def test_a_report_is_one_file_that_only_its_owner_reads(run, tmp_path):
    run("report", "--html", str(tmp_path / "report.html"))
    written = (tmp_path / "report.html").read_text()
    assert written.startswith("<!doctype html>")
    assert "Granite" not in written
    assert (tmp_path / "report.html").stat().st_mode & 0o077 == 0


def test_old_days_are_pruned(folder, run):
    old = folder / f"{NOW - timedelta(days=40):%Y/%m/%d}" / "081500Z_1_0f.jsonl"
    old.parent.mkdir(parents=True)
    old.write_text("{}\n")
    assert "1 files" in run("prune", "--dry-run").out
    assert old.exists()
    assert json.loads(run("prune", "--json").out)["files"] == [str(old)]
    assert not old.exists()


def test_what_is_not_ours_is_not_pruned(run, tmp_path):
    (tmp_path / "other").mkdir()
    told = run("prune", "--place", str(tmp_path / "other"), code=2)
    assert "isn't a folder of Outcrop's" in told.err


def test_days_that_are_over_are_compacted(folder, run, monkeypatch):
    yesterday = (NOW - timedelta(days=1)).timestamp()
    record(folder, invocation(7, began=yesterday), invocation(8, began=yesterday))
    before = json.loads(run("--json").out)
    day = retention.day_folder(folder, (NOW - timedelta(days=1)).date())
    tomorrow = time.time() + 86400
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    told = run("compact", "--remove").out
    monkeypatch.undo()
    assert "calls of 2 days" in told or "calls of 1 days" in told
    assert not list(day.glob("*.jsonl"))
    monkeypatch.setenv("OUTCROP_ACTIVITY", str(folder))
    assert json.loads(run("--json").out) == before


def test_where_nothing_is_recorded_the_way_to_record_is_told(run, monkeypatch, tmp_path):
    monkeypatch.delenv("OUTCROP_ACTIVITY")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "AnthropicBedrock(activity=" in run(code=2).err
    assert "isn't there" in run("--place", str(tmp_path / "nobody"), code=2).err
    assert "isn't a time" in run("--place", str(tmp_path), "--since", "yesterday", code=2).err


def test_a_damaged_file_is_told_and_the_rest_answered(folder, run):
    day = next(folder.glob("*/*/*"))
    (day / "081500Z_1_0f.jsonl").write_bytes(b'{"timestamp":"2026-')
    told = run("--json")
    assert json.loads(told.out)["calls"] == 3
    assert json.loads(told.out)["damaged"] == 1
    assert "not read whole" in told.err


def test_calls_that_were_lost_are_told(tmp_path, run):
    folder = ActivityFolder(tmp_path / "lossy", max_calls=1)
    folder.lost = 4  # as a queue that was full counts
    folder.put(lambda: invocation(1), size=1)
    folder.close()
    told = run("--place", str(tmp_path / "lossy"))
    assert "4 calls were lost" in told.err
