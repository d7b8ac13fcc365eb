"""Replies that were declined: by the model, or by a guardrail.

Rules: one refusal is no finding; what counts is many within some hours, against what is usual for
the identity and for everybody.
Source: botocore's service model of `bedrock-runtime`, stop reasons of Converse; Anthropic, "Stop
reasons". InvokeModel tells a guardrail's intervention in a member of its own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from outcrop.activity.misuse.findings import Detector, Finding, Severity, Threshold
from outcrop.activity.misuse.material import SLOT, episodes, ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from outcrop.activity.misuse.material import Material

# Windows end with each five minutes that had a stop. The usual rate is the higher of the identity's
# own, a day or more away from the window, and everybody else's.
_STOPS: Final = """
    WITH counted AS (
        SELECT
            who, slot, sum(calls)::BIGINT AS calls,
            coalesce(sum(calls) FILTER (stop <> ''), 0)::BIGINT AS stops
        FROM slots WHERE error = '' GROUP BY ALL
    ), recent AS (
        SELECT
            who, slot, stops AS now,
            sum(calls) OVER near AS calls, sum(stops) OVER near AS stops,
            sum(calls) OVER own - sum(calls) OVER about AS own_calls,
            sum(stops) OVER own - sum(stops) OVER about AS own_stops,
            sum(calls) OVER () - sum(calls) OVER own AS all_calls,
            sum(stops) OVER () - sum(stops) OVER own AS all_stops
        FROM counted
        WINDOW
            own AS (PARTITION BY who),
            near AS (
                PARTITION BY who ORDER BY slot
                RANGE BETWEEN to_hours($hours::INTEGER) PRECEDING AND CURRENT ROW
            ),
            about AS (
                PARTITION BY who ORDER BY slot
                RANGE BETWEEN INTERVAL 24 HOURS PRECEDING AND INTERVAL 24 HOURS FOLLOWING
            )
    ), rated AS (
        SELECT *, greatest(
            own_stops / greatest(own_calls, 1), all_stops / greatest(all_calls, 1)
        ) AS usual
        FROM recent WHERE now > 0 AND stops >= $stops
    )
    SELECT who, slot, calls, stops, usual, usual * calls AS expected FROM rated
    WHERE stops >= usual * calls + $deviations * sqrt(usual * calls)
    ORDER BY who, slot"""

_WHICH: Final = """
    SELECT
        stop, sum(calls)::BIGINT AS calls, min(first) AS first, max(last) AS last,
        list(ids ORDER BY slot) AS ids
    FROM slots
    WHERE who = $who AND stop <> '' AND slot >= $since AND slot < $until
    GROUP BY stop ORDER BY stop"""


def find_refusals(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Hours in which an identity is declined more often than is usual."""
    by_identity: dict[str, list[tuple[datetime, dict[str, Any]]]] = {}
    for row in material.rows(_STOPS, limits):
        by_identity.setdefault(row["who"], []).append((row["slot"], row))
    window = timedelta(hours=limits["hours"])
    for who, moments in by_identity.items():
        for episode in episodes(moments, window):
            since, until = episode[0][0] - window, episode[-1][0] + SLOT
            found = material.rows(_WHICH, {"who": who, "since": since, "until": until})
            peak = max((row for _, row in episode), key=lambda row: row["stops"])
            count = sum(row["calls"] for row in found)
            severity: Severity = "high" if count >= 4 * limits["stops"] else "medium"
            yield Finding(
                detector=REFUSALS.name,
                severity=severity,
                identity=who,
                time=min(row["first"] for row in found),
                until=max(row["last"] for row in found),
                summary=f"{count} replies were declined; "
                f"{peak['expected']:.1f} in {peak['calls']} calls are usual.",
                evidence={
                    "stops": {row["stop"]: row["calls"] for row in found},
                    "calls": int(peak["calls"]),
                    "expected": round(peak["expected"], 2),
                    "usual_share": round(peak["usual"], 5),
                },
                request_ids=ids(some for row in found for some in row["ids"]),
            )


REFUSALS: Final = Detector(
    name="refusals",
    title="Refusals and guardrail stops",
    meaning="Within some hours, far more of an identity's replies are refused by the model or "
    "stopped by a guardrail than is usual for it and for the others: somebody tries what isn't "
    "allowed, or a guardrail is too strict for the job.",
    thresholds={
        "hours": Threshold(4, "hours that are looked at together"),
        "stops": Threshold(5, "declined replies within them"),
        "deviations": Threshold(5.0, "above what is expected, in square roots of it (Poisson)"),
    },
    evidence={
        "stops": "stop reason → how many; `content_filtered` is Converse's name of a refusal",
        "calls": "in the hours with the most of them",
        "expected": "how many would be usual in so many calls",
        "usual_share": "the share that is usual: the identity's own, or everybody's if higher",
    },
    severity="high from four times the threshold on, else medium",
    needs=frozenset({"calls", "contents"}),
    find=find_refusals,
)
