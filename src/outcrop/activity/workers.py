"""Processes that read lines of records side by side; each is an `outcrop.activity.worker`.

Rules: a worker is told its job on its input and tells what it reads on its output, so that nothing
is pickled; whoever stops listening ends them all; what one of them says on its way to failure
stands in the error.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any, Final

import msgspec

from outcrop.activity import worker
from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outcrop.activity.source import File
    from outcrop.activity.worker import Part

#: The C library is to keep what a file's text took for the next one: half of the system's time.
_MALLOC: Final = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(2**30))


def share(files: Sequence[File], count: int) -> list[list[File]]:
    """The files in shares of about the same size."""
    shares: list[list[File]] = [[] for _ in range(min(count, 8))]
    sizes = [0] * len(shares)
    for file in sorted(files, key=lambda one: -one.size):
        at = sizes.index(min(sizes))
        shares[at].append(file)
        sizes[at] += file.size
    return [share for share in shares if share]


def parts(jobs: Sequence[worker.Job]) -> Iterator[Part]:
    """What workers read, as it comes from any of them."""
    found: Queue[Part | Exception | None] = Queue()
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "outcrop.activity.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **_MALLOC, **_as_here()},
        )
        for _ in jobs
    ]
    threads = [
        threading.Thread(target=_receive, args=(process, job, found), daemon=True)
        for process, job in zip(processes, jobs, strict=True)
    ]
    for thread in threads:
        thread.start()
    running = len(threads)
    try:
        while running:
            item = found.get()
            if item is None:
                running -= 1
            elif isinstance(item, Exception):
                raise item
            else:
                yield item
    finally:
        for process in processes:
            process.kill()
        for process, thread in zip(processes, threads, strict=True):
            thread.join()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with suppress(BrokenPipeError):
                        pipe.close()


def _as_here() -> dict[str, str]:
    """What makes a worker find the modules that are found here, and none in the current folder.

    `python -m` looks there first: whoever can write to it could have a module of theirs run.
    """
    ours = str(Path(__file__).parents[2])
    return {
        "PYTHONPATH": os.pathsep.join([*(path for path in sys.path if path), ours]),
        "PYTHONSAFEPATH": "1",
    }


def _receive(process: subprocess.Popen[bytes], job: worker.Job, found: Queue[Any]) -> None:
    assert process.stdin is not None  # opened as pipes
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        with suppress(BrokenPipeError):  # it has ended already: its status says why
            process.stdin.write(msgspec.json.encode(job))
            process.stdin.close()
        for line in process.stdout:
            found.put(msgspec.json.decode(line, type=worker.Part))
        said = process.stderr.read().decode("utf-8", "replace").strip()
        if process.wait() != 0:
            last = said.rpartition("\n")[2] or f"status {process.returncode}"
            found.put(ConfigurationError(f"Records couldn't be read: {last}"))
    except Exception as error:  # noqa: BLE001 - raised where the parts are waited for
        found.put(error)
    finally:
        found.put(None)
