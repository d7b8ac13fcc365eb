"""A bounded queue whose thread writes: nothing is lost but what is counted and told."""

from __future__ import annotations

import gzip
import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from outcrop.delivery.batches import Batches, Bounds
from outcrop.delivery.objects import Folder, Objects

PROMPT = Bounds(age=0.01, first_pause=0.01, longest_pause=0.02, close_seconds=5.0)
LAZY = Bounds(age=3600, first_pause=0.01, longest_pause=0.02, close_seconds=5.0)
FOLDER = Folder("my-bucket", "", "123456789012", "us-east-1")


def record(number=0, *, hour=1, text="Hello"):
    return {
        "timestamp": f"2026-11-23T{hour:02}:23:45Z",
        "accountId": "123456789012",
        "region": "us-east-1",
        "requestId": f"r-{number}",
        "input": {"inputBodyJson": {"text": text}},
        "schemaType": "ModelInvocationLog",
    }


class Shelf(dict):
    """A store that does what it is told to, and keeps what it got."""

    def __init__(self, *troubles):
        super().__init__()
        self.troubles = list(troubles)

    def put(self, path, file):
        if self.troubles and (trouble := self.troubles.pop(0)):
            raise trouble
        self[path] = bytes(file)

    @property
    def ids(self):
        return [row["requestId"] for key in self for row in read(self[key]) if "data/" not in key]


def read(packed):
    return [json.loads(line) for line in gzip.decompress(packed).splitlines()]


def batches_to(shelf, bounds=PROMPT):
    return Batches("logs", Objects(lambda bucket, region: shelf).pack, bounds=bounds)


def put(batches, *numbers, where=FOLDER, size=100, **more):
    return [
        batches.put(where, lambda number=number: record(number, **more), size=size)
        for number in numbers
    ]


def test_records_are_sent_together_and_in_order():
    shelf = Shelf()
    batches = batches_to(shelf, LAZY)
    put(batches, *range(100))
    assert shelf == {}  # they wait for each other
    assert batches.flush(60)
    assert shelf.ids == [f"r-{number}" for number in range(100)]
    assert len(shelf) == 1
    assert (batches.written, batches.lost, batches.waiting) == (100, 0, 0)
    batches.close()


def test_records_are_sent_without_being_told_to():
    shelf = Shelf()
    batches = batches_to(shelf)
    put(batches, 1)
    with batches._changed:
        assert batches._changed.wait_for(lambda: batches.written == 1, 60)
    batches.close()


def test_a_batch_is_sent_when_it_is_large_enough():
    shelf = Shelf()
    batches = batches_to(shelf, Bounds(age=3600, batch=1000))
    put(batches, *range(10), size=100)
    with batches._changed:
        assert batches._changed.wait_for(lambda: batches.written == 10, 60)
    batches.close()


def test_close_sends_what_waits():
    shelf = Shelf()
    batches = batches_to(shelf, LAZY)
    put(batches, 1, 2)
    batches.close()
    assert shelf.ids == ["r-1", "r-2"]
    batches.close()
    assert put(batches, 3) == [True]  # it begins anew
    batches.close()
    assert shelf.ids == ["r-1", "r-2", "r-3"]
    assert (batches.written, batches.lost) == (3, 0)


def test_what_has_no_room_is_lost_counted_and_told(caplog):
    release = threading.Event()

    class Hanging(Shelf):
        def put(self, path, file):
            assert release.wait(60)
            super().put(path, file)

    shelf = Hanging()
    batches = batches_to(shelf, Bounds(age=0.01, records=5))
    with caplog.at_level(logging.WARNING):
        assert put(batches, *range(8)) == [True] * 5 + [False] * 3
    assert batches.lost == 3
    assert "logs: the queue is full (1 lost so far)" in caplog.text
    release.set()
    assert batches.flush(60)
    assert (batches.written, batches.lost) == (5, 3)
    with caplog.at_level(logging.WARNING):
        batches.close()
    assert "(3 lost so far)" in caplog.text  # all of them are told in the end


def test_the_queue_is_bounded_in_bytes():
    batches = batches_to(Shelf(), Bounds(age=3600, bytes=1000))
    assert put(batches, 1, 2, 3, size=400) == [True, True, False]
    assert batches.flush(60)
    assert put(batches, 4, size=400) == [True]  # there is room again
    assert put(batches, 5, size=1001) == [False]
    batches.close()
    assert (batches.written, batches.lost) == (3, 2)


def test_a_store_that_fails_is_tried_again(caplog):
    shelf = Shelf(OSError(28, "No space left on device"), OSError(5, "I/O error"))
    batches = batches_to(shelf)
    with caplog.at_level(logging.WARNING):
        put(batches, 1)
        assert batches.flush(60)
    assert shelf.ids == ["r-1"]
    assert (batches.written, batches.lost, batches.failed) == (1, 0, 2)
    assert batches.last_error is None
    assert "is tried again: No space left on device" in caplog.text
    batches.close()


def test_what_is_sent_again_has_the_same_key():
    class Doubtful(Shelf):
        """Writes, and then says that it hasn't."""

        def put(self, path, file):
            new = path not in self
            super().put(path, file)
            if new:
                raise TimeoutError("no reply")

    shelf = Doubtful()
    batches = batches_to(shelf)
    put(batches, 1, text="x" * 200_000)
    assert batches.flush(60)
    assert shelf.ids == ["r-1"]
    assert len(shelf) == 2  # the record, and the body beside it
    batches.close()


def test_a_store_that_never_takes_anything_is_given_up(caplog):
    class Broken(Shelf):
        def put(self, path, file):
            raise PermissionError(13, "Permission denied")

    bounds = Bounds(age=0.01, attempts=3, first_pause=0.01, longest_pause=0.01)
    batches = batches_to(Broken(), bounds)
    with caplog.at_level(logging.WARNING):
        put(batches, 1, 2)
        assert batches.flush(60)
    assert (batches.written, batches.lost, batches.failed) == (0, 2, 3)
    assert batches.last_error == "Permission denied"
    batches.close()  # it is told after it is counted
    assert "was given up: Permission denied (2 lost so far)" in caplog.text


def test_a_bucket_that_fails_holds_up_no_other():
    class Picky(Shelf):
        def put(self, path, file):
            if "/eu-west-1/" in path:
                raise PermissionError(13, "Permission denied")
            super().put(path, file)

    shelf = Picky()
    batches = batches_to(shelf, Bounds(age=0.01, first_pause=3600, longest_pause=3600))
    put(batches, 1, where=Folder("my-bucket", "", "123456789012", "eu-west-1"))
    put(batches, 2)
    with batches._changed:
        assert batches._changed.wait_for(lambda: batches.written == 1, 60)
    assert shelf.ids == ["r-2"]
    assert batches.waiting == 1
    batches.close()
    assert batches.lost == 1


def test_a_store_that_hangs_holds_up_neither_who_puts_nor_close(caplog):
    release = threading.Event()

    class Hanging(Shelf):
        def put(self, path, file):
            release.wait(60)
            super().put(path, file)

    batches = batches_to(Hanging(), Bounds(age=0.01, close_seconds=0.2))
    with caplog.at_level(logging.WARNING):
        put(batches, 1, 2, 3)
        assert not batches.flush(0.1)
        batches.close()
    assert (batches.written, batches.lost, batches.waiting) == (0, 3, 0)
    assert "the store didn't answer in time (3 lost so far)" in caplog.text
    assert put(batches, 4) == [False]
    release.set()
    batches._thread.join(60)
    assert (batches.written, batches.lost) == (0, 4)  # counted once, as what was told


def test_where_no_thread_can_be_started_the_loss_is_counted(monkeypatch, caplog):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    batches = batches_to(Shelf())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert put(batches, 1, 2) == [True, True]
        batches.close()
    assert (batches.written, batches.lost, batches.waiting) == (0, 2, 0)
    assert "can't start new thread (2 lost so far)" in caplog.text
    put(batches, 3)
    batches.close()
    assert (batches.written, batches.lost) == (1, 2)


def test_even_a_panic_of_the_store_is_only_a_failure():
    class Panic(BaseException):
        pass

    shelf = Shelf(Panic("at the disco"))
    batches = batches_to(shelf)
    put(batches, 1)
    assert batches.flush(60)
    assert (batches.written, batches.failed) == (1, 1)
    batches.close()


def test_a_record_that_cant_be_made_harms_no_other(caplog):
    shelf = Shelf()
    batches = batches_to(shelf)
    with caplog.at_level(logging.WARNING):
        batches.put(FOLDER, lambda: json.loads("{"), size=1)
        put(batches, 1)
        assert batches.flush(60)
    assert shelf.ids == ["r-1"]
    assert (batches.written, batches.lost) == (1, 1)
    assert "a record couldn't be made (JSONDecodeError)" in caplog.text
    batches.close()


def test_many_threads_may_hand_in():
    shelf = Shelf()
    batches = batches_to(shelf)
    threads = [
        threading.Thread(target=put, args=[batches, *range(start, start + 200)])
        for start in range(0, 2000, 200)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batches.close()
    assert sorted(shelf.ids) == sorted(f"r-{number}" for number in range(2000))
    assert batches.written == 2000


TROUBLE = st.sampled_from([None, None, OSError(28, "No space"), ValueError("odd"), TimeoutError()])


@settings(max_examples=30)
@given(
    st.lists(TROUBLE, max_size=12),
    st.lists(st.integers(1, 400), min_size=1, max_size=30),
    st.integers(1, 4),
)
def test_what_is_handed_in_is_written_or_lost_and_counted_right(troubles, sizes, attempts):
    shelf = Shelf(*troubles)
    bounds = Bounds(
        age=0.001,
        records=20,
        bytes=3000,
        batch=500,
        attempts=attempts,
        first_pause=0.001,
        longest_pause=0.001,
    )
    batches = batches_to(shelf, bounds)
    for number, size in enumerate(sizes):
        put(batches, number, size=size)
    assert batches.flush(60)
    batches.close()
    assert batches.written + batches.lost == len(sizes)
    assert batches.written == len(shelf.ids) == len(set(shelf.ids))
    assert batches.failed <= len(troubles)
    assert batches._bytes == 0


# A process that is killed ────────────────────────────────────────────────────────────────────────

WRITER = """
    import sys, threading
    from outcrop.delivery.batches import Batches, Bounds
    from outcrop.delivery.objects import Folder, Objects
    from outcrop.delivery.stores import open_store

    store = open_store(sys.argv[1])
    batches = Batches(
        "logs", Objects(lambda bucket, region: store).pack, bounds=Bounds(age=0.01, records=10**6)
    )
    where = Folder("my-bucket", "", "123456789012", "us-east-1")
    number = 0
    while True:
        for _ in range(50):
            row = {
                "timestamp": "2026-11-23T01:23:45Z",
                "requestId": f"r-{number}",
                "input": {"inputBodyJson": "x" * (150_000 if number % 10 == 0 else 1000)},
            }
            batches.put(where, lambda row=row: row, size=2000)
            number += 1
        batches.flush(0.02)
        # In this order: what is told to be written was written before.
        print(batches.written, number, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 3, 8])
def test_a_process_that_is_killed_loses_only_what_it_hadnt_told_to_be_written(tmp_path, lines):
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(lines):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        told = process.stdout.read().splitlines()
    written = int(told[-1].split()[0]) if told else 0
    found = set()
    for path in tmp_path.rglob("*.json.gz"):
        if path.parent.name == "data":
            assert len(json.loads(gzip.decompress(path.read_bytes()))) == 150_000
            continue
        for row in read(path.read_bytes()):  # each object that is there is whole
            found.add(int(row["requestId"].removeprefix("r-")))
            if aside := row["input"].get("inputBodyS3Path"):
                key = aside.removeprefix("s3://my-bucket/")
                assert (tmp_path / key).exists()  # what a record names is there
    assert len(found) >= written
    assert found == set(range(len(found)))  # in order: nothing is missing in between
    left = list(tmp_path.rglob("*#*"))
    assert len(left) <= 1  # the one that was being written; listings leave it out


DISK = """
    import resource, sys
    from outcrop.delivery.batches import Batches, Bounds
    from outcrop.delivery.objects import Folder, Objects
    from outcrop.delivery.stores import open_store

    store = open_store(sys.argv[1])
    bounds = Bounds(age=0.01, first_pause=0.01, longest_pause=0.01, attempts=10**6)
    batches = Batches("logs", Objects(lambda bucket, region: store).pack, bounds=bounds)
    where = Folder("my-bucket", "", "123456789012", "us-east-1")
    # A limit of the process on the size of files stands for a disk that is full.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
    for number in range(100):
        row = {"timestamp": "2026-11-23T01:23:45Z", "requestId": f"r-{number}"}
        batches.put(where, lambda row=row: row, size=100)
    assert not batches.flush(0.5)
    assert "File too large" in batches.last_error, batches.last_error
    assert batches.failed and not batches.written and not batches.lost
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert batches.flush(60)
    batches.close()
    print(batches.written, batches.lost)
"""


def test_a_full_disk_loses_nothing_once_there_is_room_again(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(DISK), str(tmp_path)]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert told.split() == ["100", "0"]
    rows = [row for path in tmp_path.rglob("*.gz") for row in read(path.read_bytes())]
    assert {row["requestId"] for row in rows} == {f"r-{number}" for number in range(100)}
    assert len(rows) == 100


def test_a_process_that_ends_without_closing_writes_what_waits(tmp_path):
    script = textwrap.dedent(DISK).partition("# A limit")[0] + textwrap.dedent("""
        row = {"timestamp": "2026-11-23T01:23:45Z", "requestId": "r-1"}
        batches._bounds = Bounds(age=3600)
        batches.put(where, lambda: row, size=100)
    """)
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, env=dict(os.environ))
    assert len(list(Path(tmp_path).rglob("*.json.gz"))) == 1
