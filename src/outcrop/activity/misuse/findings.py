"""What a detector is, and what it finds.

Rules: a detector is a row of a table, from which the documentation is made too: what it means, what
its thresholds are, what its findings state; a finding has evidence and request IDs, so that whoever
reads it can look; neither ever holds a secret or a person's data in the clear.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from outcrop.activity.misuse.material import Material, Scan

Severity = Literal["critical", "high", "medium", "low"]
#: What a detector reads: counts of calls, what was said, events of the control plane.
Need = Literal["calls", "contents", "trail"]

SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "high", "medium", "low")
#: How many request IDs a finding has at most.
MAX_REQUEST_IDS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that somebody should look at.

    Attributes:
        detector: Name of the detector.
        severity: `critical`, `high`, `medium` or `low`.
        identity: Whose calls they are: an ARN, for roles without the session's name; or an access
            key's ID.
        time: Of the first call of it, UTC, without a time zone.
        until: Of the last.
        summary: In a sentence.
        evidence: What it rests on; the detector's documentation says what is in it.
        request_ids: Of its calls, or of its events in the trail; 100 at most.
    """

    detector: str
    severity: Severity
    identity: str
    time: datetime
    until: datetime
    summary: str
    evidence: dict[str, Any] = field(default_factory=dict[str, Any])
    request_ids: list[str] = field(default_factory=list[str])

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON values; times in ISO 8601 with `Z`."""
        told = asdict(self)
        for name in ("time", "until"):
            told[name] = f"{told[name]:%Y-%m-%dT%H:%M:%SZ}"
        return told


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that decides whether a detector speaks.

    Attributes:
        default: What it is if nobody says otherwise.
        meaning: What it counts, with its unit.
    """

    default: float
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """One way of looking for misuse.

    Attributes:
        name: What it is called.
        title: In a few words.
        meaning: What a finding means, and what it is not.
        thresholds: Its numbers by name.
        evidence: Members of a finding's evidence → what they are.
        severity: When a finding is of which severity.
        needs: What it reads.
        find: Finds.
        source: Where the idea or a pattern is published; empty if it is ours.
        scans: What it needs cut out of what was said, by its thresholds.
    """

    name: str
    title: str
    meaning: str
    thresholds: Mapping[str, Threshold]
    evidence: Mapping[str, str]
    severity: str
    needs: frozenset[Need]
    find: Callable[[Material, Mapping[str, float]], Iterable[Finding]]
    source: str = ""
    scans: Callable[[Mapping[str, float]], Sequence[Scan]] = field(default=lambda _: ())
