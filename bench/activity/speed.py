"""How fast questions about recorded calls are answered, and how much memory that takes.

    python bench/activity/speed.py FOLDER [--records 1000000] [--json FILE]

FOLDER gets a month of records (`month.py`, kept for the next time) and its days as Parquet. Each
question is asked in a process of its own, which reads everything anew; `again` is the same question
asked a second time there. Memory is the largest that the process and its workers took together.
"CPU" is what all of them spent: with other work on the machine, it is the better measure.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from month import generate

import outcrop.activity
from outcrop.activity import compacted, costs, questions, source, throttles, words

#: Seconds: lines as gzip, compacted days.
TARGETS: Final = {"lines": 5.0, "parquet": 0.5, "search": 10.0}
MOST_MEMORY: Final = 1024.0
SUMMARIES: Final = ("overview", "usage", "teams", "costs", "errors", "throttles")
#: In bench/activity/speech.py's prompts and answers now and then.
RARE: Final = "reconcile"


def ask(question: str, place: str) -> dict[str, float]:
    """Asks a question twice; seconds of each, and of CPU, in this process."""

    def once(log: Any) -> Any:
        match question:
            case "overview":
                return questions.overview(log)
            case "usage":
                return questions.usage(log, by=["model", "identity", "day"])
            case "teams":
                return questions.usage(log, by=["metadata.team"])
            case "costs":
                return costs.costs(log)
            case "errors":
                return questions.errors(log)
            case "throttles":
                return throttles.throttles(log)
            case _:
                return words.search(log, RARE if question == "search" else "no such words there")

    began = time.perf_counter()
    with outcrop.activity.open(place) as log:
        once(log)
        first = time.perf_counter() - began
        spent = os.times()
        began = time.perf_counter()
        once(log)
        again = time.perf_counter() - began
    cpu = spent.user + spent.system + spent.children_user + spent.children_system
    return {"first": first, "again": again, "cpu": cpu}


def measure(question: str, place: Path) -> dict[str, Any]:
    """Asks in a process of its own, and watches its memory."""
    process = subprocess.Popen(  # noqa: S603 - this very file
        [sys.executable, __file__, str(place), "--ask", question], stdout=subprocess.PIPE
    )
    most = 0.0
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.02):
            most = max(most, _memory(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    told, _ = process.communicate()
    done.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{question} of {place} failed")
    return {**json.loads(told), "memory": most}


def _memory(process: int) -> float:
    """Megabytes of a process and its children that are its own (not files of the disk's cache)."""
    total = 0.0
    for each in (process, *_children(process)):
        try:
            status = Path(f"/proc/{each}/status").read_text()
        except OSError:
            continue
        for line in status.splitlines():
            if line.startswith("RssAnon"):
                total += int(line.split()[1]) / 1024
    return total


def _children(process: int) -> list[int]:
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def prepare(folder: Path, records: int) -> dict[str, Path]:
    """Records as lines and as Parquet, made if they aren't there."""
    lines, parquet = folder / "month", folder / "parquet"
    if not lines.exists():
        generate(lines, seed=2, records=records)
    if not parquet.exists():
        began = time.perf_counter()
        told = compacted.compact(source.check(lines / "logs"), to=str(parquet), now=time.time())
        took = time.perf_counter() - began
        print(
            f"compacted {told.records:,} records, {told.bytes_before / 1e6:,.0f} MB to "
            f"{told.bytes_after / 1e6:,.0f} MB, in {took:.0f} s"
        )
    return {"lines": lines / "logs", "parquet": parquet}


def main() -> None:
    """Measures all questions, from lines and from Parquet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ask:
        print(json.dumps(ask(given.ask, str(given.folder))))
        return
    places = prepare(given.folder, given.records)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    print(f"{'':10}{'':10}{'s':>8}{'again':>8}{'CPU s':>8}{'MB':>8}")
    rows: list[dict[str, Any]] = []
    for kind, place in places.items():
        for question in (*SUMMARIES, "search", "search none"):
            found = measure(question, place)
            target = TARGETS["search" if question.startswith("search") else kind]
            kept = found["first"] < target and found["memory"] < MOST_MEMORY
            rows.append({"kind": kind, "question": question, "target": target, **found})
            print(
                f"{kind:10}{question:12}{found['first']:6.2f}{found['again']:8.2f}"
                f"{found['cpu']:8.2f}{found['memory']:8.0f}"
                f"{'' if kept else f'   beyond {target} s or {MOST_MEMORY:.0f} MB'}",
                flush=True,
            )
    if given.json is not None:
        machine = {"machine": platform.machine(), "cores": os.cpu_count()}
        given.json.write_text(json.dumps({**machine, "records": given.records, "rows": rows}))


if __name__ == "__main__":
    main()
