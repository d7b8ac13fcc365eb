"""The engine itself: its processes, what it leaves behind, and how much memory reading takes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from outcrop.activity import engine, worker, workers
from outcrop.bedrock.invocation_log import Invocation
from outcrop.delivery.activity_folder import ActivityFolder
from outcrop.errors import ConfigurationError

CALLS = "SELECT * EXCLUDE source FROM calls ORDER BY request_id"
CONTENTS = "SELECT * EXCLUDE source FROM contents ORDER BY request_id"


@pytest.fixture
def several(monkeypatch):
    """Files are read by processes, however small they are."""
    monkeypatch.setattr(engine, "PARALLEL_BYTES", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)


@pytest.fixture
def files(record, write):
    """Ten files with ten calls each."""
    for file in range(10):
        write([record(file * 10 + number) for number in range(10)], f"{file}.json.gz")


# Processes ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("question", [CALLS, CONTENTS, "SELECT * FROM files ORDER BY file"])
def test_processes_tell_what_one_process_does(question, files, opened, monkeypatch):
    alone = opened().rows(question)
    monkeypatch.setattr(engine, "PARALLEL_BYTES", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert opened().rows(question) == alone
    assert len(alone) in (10, 100)


def test_a_search_by_processes_finds_the_same(files, record, write, opened, monkeypatch):
    asked = {"messages": [{"role": "user", "content": "Granite or gneiss?"}]}
    write([record(777, asked=asked)], "more.jsonl")
    alone = list(opened().containing("GRANITE or"))
    monkeypatch.setattr(engine, "PARALLEL_BYTES", 0)
    assert list(opened().containing("GRANITE or")) == alone
    assert [int(row["request_id"][-3:]) for row in alone] == [777]


def test_a_process_finds_no_modules_in_the_current_folder(
    files, several, opened, tmp_path, monkeypatch
):
    """`python -m` looks there first, and other people may write to where someone happens to be."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "msgspec.py").write_text(
        "from pathlib import Path\nPath('ran').touch()\nraise SystemExit(3)\n"
    )
    monkeypatch.chdir(folder)
    assert len(opened().rows(CALLS)) == 100
    assert not (folder / "ran").exists()


def test_a_process_finds_what_this_one_was_shown(tmp_path, files, logs):
    """Outcrop may be imported from a path that only this process knows."""
    place = Path(engine.__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(place)!r})\n"
        "from outcrop.activity import engine\nimport outcrop.activity\n"
        "engine.PARALLEL_BYTES = 0\n"
        f"with outcrop.activity.open({str(logs)!r}) as log:\n"
        "    print(log.rows('SELECT count(*) AS n FROM calls'))\n"
    )
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "[{'n': 100}]\n"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import sys; sys.exit('no memory for this')", "no memory for this"),
        ("import os, sys; sys.stdin.read(); os._exit(7)", "status 7"),
        pytest.param(
            "import os, signal, sys; sys.stdin.read(); os.kill(os.getpid(), signal.SIGKILL)",
            f"status -{int(getattr(signal, 'SIGKILL', 9))}",
            marks=pytest.mark.skipif(os.name == "nt", reason="Windows has no signals"),
        ),
        ("print('no JSON', flush=True); import time; time.sleep(60)", "JSON"),
    ],
)
def test_a_process_that_fails_fails_the_question(
    code, reason, *, files, several, opened, monkeypatch
):
    real = subprocess.Popen
    begun = []

    def instead(command, **given):
        begun.append(real([sys.executable, "-c", code] if not begun else command, **given))
        return begun[-1]

    monkeypatch.setattr(workers.subprocess, "Popen", instead)
    log = opened()
    with pytest.raises(Exception, match=reason) as caught:
        log.rows(CALLS)
    assert isinstance(caught.value, ConfigurationError) or "JSON" in reason
    assert len(begun) == 3
    assert all(process.poll() is not None for process in begun)  # none is left running
    monkeypatch.undo()
    assert len(log.rows(CALLS)) == 100  # what failed can be asked again, and tells no file twice
    assert log.rows("SELECT count(*) AS n, sum(records)::BIGINT AS r FROM files") == [
        {"n": 10, "r": 100}
    ]


def test_a_process_that_ends_before_it_was_told_anything_says_why(
    files, several, opened, monkeypatch
):
    real = subprocess.Popen
    code = "import os, sys; os.close(0); sys.exit('no memory for this')"
    monkeypatch.setattr(
        workers.subprocess,
        "Popen",
        lambda command, **given: real([sys.executable, "-c", code], **given),
    )
    with pytest.raises(ConfigurationError, match="no memory for this"):
        list(opened().containing("more than a pipe holds " * 20_000))


def test_where_python_has_no_program_of_its_own_it_reads_alone(files, several, opened, monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    assert len(opened().rows(CALLS)) == 100


def test_progress_comes_to_all_bytes(files, several, logs, opened):
    told = []
    opened(progress=lambda done, whole: told.append((done, whole))).rows(CALLS)
    size = sum(path.stat().st_size for path in logs.iterdir())
    assert told[-1] == (size, size)
    assert told == sorted(told)


# What is left behind ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where the engine has its files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def left(temporary):
    return [path.name for path in temporary.rglob("*") if path.is_file()]


def test_searches_leave_no_files(files, temporary, opened):
    log = opened()
    for _ in range(3):
        assert len(list(log.containing("Hello"))) == 100
        assert left(temporary) == []


def test_a_search_that_is_given_up_leaves_no_files(files, temporary, opened):
    log = opened()
    found = log.containing("Hello")
    next(found)
    found.close()
    assert left(temporary) == []


def test_two_searches_at_a_time_do_not_disturb_each_other(files, opened):
    log = opened()
    pairs = zip(log.containing("Hello"), log.containing("hello"), strict=True)
    assert sum(one == other for one, other in pairs) == 100


def test_a_question_stays_answered_after_a_search(files, opened):
    log = opened()
    before = log.rows(CONTENTS)
    list(log.containing("Hello"))
    assert log.rows(CONTENTS) == before


# Memory ──────────────────────────────────────────────────────────────────────────────────────────

READ = """
import sys
import outcrop.activity
with outcrop.activity.open(sys.argv[1]) as log:
    count = log.rows("SELECT count(*) AS n FROM calls")[0]["n"]
    count += len(list(log.containing("no such words there")))
with open("/proc/self/status") as status:  # ru_maxrss remembers the process that started this one
    print(count, next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_takes_much_less_memory_than_its_size(packed, record, logs):
    """A client's file of a busy day is one file: 670 MB are read in three quarters of that."""
    line = json.dumps(
        record(1, asked={"messages": [{"role": "user", "content": "Granite " * 2000}]})
    )
    import gzip

    name = logs / ("a.json.gz" if packed else "a.jsonl")
    with gzip.open(name, "wb", 1) if packed else name.open("wb") as file:
        for _ in range(40):
            file.write(f"{line}\n".encode() * 1000)
    told = subprocess.run(
        [sys.executable, "-c", READ, str(logs)], capture_output=True, text=True, check=True
    )
    count, most = map(int, told.stdout.split())
    assert count == 40_000
    assert most * 1024 < 40_000 * len(line) * 3 / 4


# Whose records ───────────────────────────────────────────────────────────────────────────────────


def test_a_folder_that_a_client_wrote_is_read_with_its_losses(logs, opened):
    folder = ActivityFolder(logs, max_calls=5)
    usage = {"input_tokens": 7, "output_tokens": 3}

    def invocation(number):
        return Invocation(
            operation="InvokeModel",
            model_id="global.anthropic.claude-opus-4-8",
            region="us-west-2",
            request_id=f"r-{number}",
            began=1_795_000_000.0 + number,
            request=b'{"max_tokens": 9, "messages": []}',
            response=json.dumps({"stop_reason": "end_turn", "usage": usage}).encode(),
            identity={"accessKeyId": "AKIAIOSFODNN7EXAMPLE"},
            more={"latencyMs": 5},
        )

    for number in range(50):
        folder.put(lambda number=number: invocation(number), size=10)
    folder.flush()
    folder.put(lambda: invocation(50), size=10)
    folder.close()
    log = opened()
    [row] = log.rows(
        "SELECT count(*) AS calls, sum(input_tokens)::BIGINT AS read, max(latency_ms) AS ms, "
        "any_value(stop_reason) AS stop, any_value(identity) AS who FROM calls"
    )
    assert row["calls"] == folder.written
    assert row["read"] == 7 * folder.written
    assert (row["ms"], row["stop"], row["who"]) == (5, "end_turn", "AKIAIOSFODNN7EXAMPLE")
    assert log.lost == folder.lost > 0
    assert folder.written + folder.lost == 51
    assert log.damaged == []


def test_what_a_worker_is_told_and_tells_is_json(files, logs, opened):
    """`worker` may be run by hand, and says nothing but its parts."""
    import msgspec

    from outcrop.activity import source

    listed = source.list_files(str(logs), first=None, last=None)
    job = worker.Job("calls", listed, "", str(logs.parent))
    told = subprocess.run(
        [sys.executable, "-m", "outcrop.activity.worker"],
        input=msgspec.json.encode(job),
        capture_output=True,
        check=True,
    )
    [part] = [msgspec.json.decode(line, type=worker.Part) for line in told.stdout.splitlines()]
    assert sum(one.records for one in part.told) == 100
    assert told.stderr == b""
