"""Looks for misuse in a log of invocations: named detectors, each with its thresholds and evidence.

    findings = misuse.detect(outcrop.activity.open("~/.outcrop/activity"))

Rules: a detector is a row of `DETECTORS`, with what it means, its thresholds and its evidence, and
the documentation is made from it; a finding says why, and names requests; secrets and personal data
are counted, never shown. A finding is a reason to look, not a verdict.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from outcrop.activity.misuse.findings import SEVERITIES, Detector, Finding, Severity, Threshold
from outcrop.activity.misuse.leaks import SECRETS
from outcrop.activity.misuse.material import Material
from outcrop.activity.misuse.novelty import NEW_IDENTITY, NEW_MODEL, NEW_REGION
from outcrop.activity.misuse.personal import PERSONAL_DATA
from outcrop.activity.misuse.phrases import INJECTION
from outcrop.activity.misuse.spikes import COST_SPIKE, NIGHT_BURST, VOLUME_SPIKE
from outcrop.activity.misuse.stolen import MODEL_ENUMERATION, TWO_REGIONS
from outcrop.activity.misuse.stops import REFUSALS
from outcrop.activity.misuse.trail import ACCESS_PROBING, LOGGING_CHANGE
from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from outcrop.activity.misuse.findings import Need
    from outcrop.activity.misuse.material import Log

__all__ = ["DETECTORS", "Detector", "Finding", "Severity", "Threshold", "detect", "thresholds"]

#: The detectors by name, in the order of the documentation.
DETECTORS: Final[Mapping[str, Detector]] = {
    detector.name: detector
    for detector in (
        MODEL_ENUMERATION,
        TWO_REGIONS,
        NEW_IDENTITY,
        NEW_REGION,
        NEW_MODEL,
        VOLUME_SPIKE,
        COST_SPIKE,
        NIGHT_BURST,
        SECRETS,
        PERSONAL_DATA,
        INJECTION,
        REFUSALS,
        ACCESS_PROBING,
        LOGGING_CHANGE,
    )
}


def thresholds() -> dict[str, float]:
    """The thresholds of all detectors by `detector.threshold`, as they come."""
    return {
        f"{detector.name}.{name}": threshold.default
        for detector in DETECTORS.values()
        for name, threshold in detector.thresholds.items()
    }


def detect(
    log: Log,
    *,
    detectors: Iterable[str] | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> list[Finding]:
    """What somebody should look at, gravest first, then by time.

    Reads the log once for counts and once for what was said, if a detector needs it; no text and no
    address is sent anywhere. What is new or unusual is judged by the log itself, so that its first
    week teaches and brings no such findings: open at least two weeks, better thirty days.

    Args:
        log: From `outcrop.activity.open`, with `trail=…` for the detectors that read CloudTrail.
        detectors: Names of those to ask; all of them if None.
        thresholds: Numbers in place of the defaults, by `detector.threshold`, such as
            `{"volume-spike.factor": 4}`.

    Raises:
        ConfigurationError: There is no detector or no threshold of that name, a threshold isn't a
            number that makes sense, or a package is missing.
    """
    chosen = _choose(detectors)
    limits = _limits(thresholds or {})
    needs: set[Need] = set()
    needs.update(*(detector.needs for detector in chosen))
    scans = [scan for detector in chosen for scan in detector.scans(limits[detector.name])]
    material = Material(log, needs=needs, scans=scans)
    try:
        found = [
            finding
            for detector in chosen
            for finding in detector.find(material, limits[detector.name])
        ]
    finally:
        material.close()
    return sorted(
        found,
        key=lambda one: (SEVERITIES.index(one.severity), one.time, one.detector, one.identity),
    )


def _choose(names: Iterable[str] | None) -> list[Detector]:
    if names is None:
        return list(DETECTORS.values())
    if isinstance(names, str):
        names = [names]
    wanted = dict.fromkeys(names)
    for name in wanted:
        if name not in DETECTORS:
            raise ConfigurationError(
                f"detectors: there is no detector {name!r}{_meant(name, DETECTORS)}. "
                f"There are {', '.join(DETECTORS)}."
            )
    return [detector for name, detector in DETECTORS.items() if name in wanted]


def _limits(given: Mapping[str, float]) -> dict[str, dict[str, float]]:
    known = thresholds()
    for name, value in given.items():
        if name not in known:
            raise ConfigurationError(
                f"thresholds: there is no threshold {name!r}{_meant(name, known)}. "
                "They are written as detector.threshold, such as volume-spike.factor."
            )
        if not 0 <= value < 1e9:  # NaN is neither
            raise ConfigurationError(
                f"thresholds: {name} is {value!r}; it must be from 0 to a thousand million."
            )
    return {
        detector.name: {
            name: float(given.get(f"{detector.name}.{name}", threshold.default))
            for name, threshold in detector.thresholds.items()
        }
        for detector in DETECTORS.values()
    }


def _meant(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
