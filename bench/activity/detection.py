"""Measures how well the detectors of misuse find what was planted: precision and recall of each.

    python bench/activity/detection.py --seeds 101 103 105 107 109 111 --records 60000 --write

generates a month for each seed (`month.py`), asks all detectors with their defaults, and compares
with the truth. A finding is right if one of its requests belongs to an incident that its detector
should find or may find; an incident is found if the detector that should find it has one of its
requests. Thresholds and phrases were tuned on even seeds only; odd seeds use phrases that were held
out, and they are reported. With `--show`, what was wrong and what was missed is listed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import month

import outcrop.activity
from outcrop.activity import misuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incidents import Incident

HERE: Final = Path(__file__).parent
REPORTED: Final = (101, 103, 105, 107, 109, 111)


@dataclass(slots=True)
class Score:
    """How a detector did.

    Attributes:
        findings: How many it made.
        right: How many of them meet an incident.
        planted: How many incidents it should have found.
        found: How many of these it found.
    """

    findings: int = 0
    right: int = 0
    planted: int = 0
    found: int = 0

    @property
    def precision(self) -> float | None:
        """The share of its findings that are right; None without any."""
        return self.right / self.findings if self.findings else None

    @property
    def recall(self) -> float | None:
        """The share of its incidents that it found; None without any."""
        return self.found / self.planted if self.planted else None


@dataclass(slots=True)
class Result:
    """What came out over all months.

    Attributes:
        scores: By detector.
        wrong: Findings that meet no incident.
        missed: Incidents that were not found.
        seconds: Of asking all detectors, by seed.
    """

    scores: dict[str, Score] = field(
        default_factory=lambda: {name: Score() for name in misuse.DETECTORS}
    )
    wrong: list[tuple[int, misuse.Finding]] = field(default_factory=list[Any])
    missed: list[tuple[int, Incident]] = field(default_factory=list[Any])
    seconds: dict[int, float] = field(default_factory=dict[int, float])

    def add(self, seed: int, findings: list[misuse.Finding], truth: Iterable[Incident]) -> None:
        """Compares the findings of a month with the truth about it."""
        truth = list(truth)
        whose = {one: incident for incident in truth for one in incident.request_ids}
        reached: set[tuple[str, int]] = set()
        for finding in findings:
            score = self.scores[finding.detector]
            score.findings += 1
            met = {id(whose[one]): whose[one] for one in finding.request_ids if one in whose}
            reached |= {(finding.detector, incident) for incident in met}
            if any(finding.detector in (one.detector, *one.also) for one in met.values()):
                score.right += 1
            else:
                self.wrong.append((seed, finding))
        for incident in truth:
            score = self.scores[incident.detector]
            score.planted += 1
            if (incident.detector, id(incident)) in reached:
                score.found += 1
            else:
                self.missed.append((seed, incident))


def measure(seeds: Iterable[int], records: int, folder: Path) -> Result:
    """Generates months, asks all detectors, and compares."""
    result = Result()
    for seed in seeds:
        place = folder / f"month-{seed}"
        made = month.generate(place, seed=seed, records=records)
        began = time.perf_counter()
        with outcrop.activity.open(made.logs, trail=made.trail or ()) as log:
            findings = misuse.detect(log)
        result.seconds[seed] = time.perf_counter() - began
        result.add(seed, findings, made.truth)
        shutil.rmtree(place)
    return result


def table(result: Result) -> str:
    """The scores as Markdown."""
    lines = [
        "| detector | planted | found | recall | findings | right | precision |",
        "|---|---|---|---|---|---|---|",
    ]
    whole = Score()
    for name, score in result.scores.items():
        lines.append(_line(f"`{name}`", score))
        for member in ("findings", "right", "planted", "found"):
            setattr(whole, member, getattr(whole, member) + getattr(score, member))
    return "\n".join([*lines, _line("all", whole)])


def _line(name: str, score: Score) -> str:
    recall, precision = (
        "" if share is None else f"{share:.2f}" for share in (score.recall, score.precision)
    )
    return (
        f"| {name} | {score.planted} | {score.found} | {recall} "
        f"| {score.findings} | {score.right} | {precision} |"
    )


def _as_json(result: Result, seeds: list[int], records: int) -> dict[str, Any]:
    return {
        "seeds": seeds,
        "records": records,
        "detectors": {
            name: {
                "planted": score.planted,
                "found": score.found,
                "recall": score.recall and round(score.recall, 3),
                "findings": score.findings,
                "right": score.right,
                "precision": score.precision and round(score.precision, 3),
            }
            for name, score in result.scores.items()
        },
        "wrong": dict(Counter(finding.detector for _, finding in result.wrong)),
        "missed": [
            {"seed": seed, "detector": one.detector, "note": one.note}
            for seed, one in result.missed
        ],
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=list(REPORTED))
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument(
        "--write", action="store_true", help="write detection.json beside this file"
    )
    parser.add_argument(
        "--show", action="store_true", help="list what was wrong and what was missed"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(given.seeds, given.records, Path(folder))
    print(table(result))
    slowest = max(result.seconds.values())
    print(f"\n{len(given.seeds)} months of {given.records:,} records; slowest {slowest:.1f} s")
    if given.show:
        for seed, finding in result.wrong:
            who = finding.identity.rpartition("/")[2]
            print(f"wrong  {seed} {finding.detector} {who} {finding.time} {finding.summary}")
        for seed, incident in result.missed:
            who = incident.identity.rpartition("/")[2]
            told = f"{len(incident.request_ids)} requests: {incident.note}"
            print(f"missed {seed} {incident.detector} {who} {incident.begin:%F %T} {told}")
    if given.write:
        told = json.dumps(_as_json(result, given.seeds, given.records), indent=1)
        (HERE / "detection.json").write_text(told + "\n")


if __name__ == "__main__":
    main()
