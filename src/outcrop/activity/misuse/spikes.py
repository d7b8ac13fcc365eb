"""More than usual: calls or cost in an hour against an identity's own past, and bursts at night.

Rules: only the past counts, and only once there is enough of it; what is usual is a median, how
much it varies a median of deviations (MAD), so that one earlier spike doesn't hide the next; an
hour is compared with the same hours of earlier days of its kind (workday or weekend) and with the
same hours of the week, and must also exceed what the identity's busiest hours were, so that weekly
jobs and irregular bursts of work aren't spikes.
Source: the scaled MAD, 1.4826 median |x - median|, estimates a normal standard deviation (Rousseeuw
and Croux, "Alternatives to the Median Absolute Deviation", 1993).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from outcrop.activity.misuse.findings import Detector, Finding, Severity, Threshold
from outcrop.activity.misuse.material import episodes, ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from outcrop.activity.misuse.material import Material

# `measure` is calls or cost. Hours without a call count as 0, from the identity's first hour on.
# `dayofweek` is 0 on Sundays; hours of the week are compared with one hour of play, for clocks that
# change and jobs that start late.
_SPIKES: Final = """
    WITH hourly AS (
        SELECT who, date_trunc('hour', slot) AS hour, sum(calls)::DOUBLE AS calls, sum(cost) AS cost
        FROM slots GROUP BY ALL
    ), lives AS (
        SELECT who, min(hour) AS began FROM hourly GROUP BY who
    ), known AS (
        SELECT *, quantile_cont({measure}, 0.99) OVER (
            PARTITION BY who ORDER BY hour ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS busiest
        FROM hourly JOIN lives USING (who)
    ), busy AS (
        SELECT * FROM known
        WHERE {measure} >= $minimum AND {measure} >= $factor * busiest
            AND hour >= began + to_hours((24 * $days)::INTEGER)
    ), alike AS (
        SELECT who, hour, calls, cost, busiest, unnest(range(began, hour, INTERVAL 1 HOUR)) AS other
        FROM busy
    ), usual AS (
        SELECT
            alike.who, alike.hour, any_value(alike.calls) AS calls, any_value(alike.cost) AS cost,
            any_value(busiest) AS busiest,
            median(coalesce(past.{measure}, 0)) AS middle,
            mad(coalesce(past.{measure}, 0)) AS deviation,
            count(*) AS compared
        FROM alike LEFT JOIN hourly AS past ON past.who = alike.who AND past.hour = other
        WHERE (
            hour(other) = hour(alike.hour)
            AND (dayofweek(other) IN (0, 6)) = (dayofweek(alike.hour) IN (0, 6))
        ) OR (
            dayofweek(other) = dayofweek(alike.hour)
            AND abs(hour(other) - hour(alike.hour)) <= 1
        )
        GROUP BY alike.who, alike.hour
    ), judged AS (
        SELECT *, ({measure} - middle) / greatest(1.4826 * deviation, {floor}) AS deviations
        FROM usual
    )
    SELECT * FROM judged WHERE deviations >= $deviations ORDER BY who, hour"""

_IDS: Final = """
    SELECT
        list(ids ORDER BY slot) AS ids, min(first) AS first, max(last) AS last,
        list(DISTINCT model ORDER BY model) AS models,
        list(DISTINCT region ORDER BY region) AS regions
    FROM slots
    WHERE who = $who AND list_contains($hours::TIMESTAMP[], date_trunc('hour', slot))"""

#: Hours that are further apart are spikes of their own; a step up that stays is one spike.
_GAP: Final = timedelta(hours=24)


def _runs(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows of hours as episodes of one identity."""
    by_identity: dict[str, list[tuple[datetime, dict[str, Any]]]] = {}
    for row in rows:
        by_identity.setdefault(row["who"], []).append((row["hour"], row))
    for moments in by_identity.values():
        for episode in episodes(moments, _GAP):
            yield [row for _, row in episode]


def _spikes(
    material: Material, limits: Mapping[str, float], *, measure: str, floor: str
) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any]]]:
    rows = material.rows(_SPIKES.format(measure=measure, floor=floor), limits)
    for run in _runs(rows):
        hours = [row["hour"] for row in run]
        yield run, material.rows(_IDS, {"who": run[0]["who"], "hours": hours})[0]


def _severity(times: float) -> Severity:
    return "high" if times >= 5 else "medium"


def find_volume_spikes(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Hours with far more calls than an identity ever makes."""
    floor = "sqrt(middle + 1)"  # as a Poisson process varies at least
    for run, found in _spikes(material, limits, measure="calls", floor=floor):
        peak = max(run, key=lambda row: row["calls"])
        times = peak["calls"] / max(1.0, peak["busiest"])
        yield Finding(
            detector=VOLUME_SPIKE.name,
            severity=_severity(times),
            identity=peak["who"],
            time=found["first"],
            until=found["last"],
            summary=f"{peak['calls']:.0f} calls in an hour, {times:.1f} times its busiest hours "
            f"(usual at that hour: {peak['middle']:.0f}).",
            evidence={
                "hour": f"{peak['hour']:%Y-%m-%dT%H:00Z}",
                "calls": int(peak["calls"]),
                "median": peak["middle"],
                "deviations": round(peak["deviations"], 1),
                "busiest": peak["busiest"],
                "compared_hours": peak["compared"],
                "hours": len(run),
                "models": found["models"],
                "regions": found["regions"],
            },
            request_ids=ids(found["ids"]),
        )


def find_cost_spikes(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Hours that cost far more than an identity's ever do."""
    floor = "greatest(0.25 * middle, 0.05)"
    for run, found in _spikes(material, limits, measure="cost", floor=floor):
        peak = max(run, key=lambda row: row["cost"])
        times = peak["cost"] / max(0.01, peak["busiest"])
        yield Finding(
            detector=COST_SPIKE.name,
            severity=_severity(times),
            identity=peak["who"],
            time=found["first"],
            until=found["last"],
            summary=f"{peak['cost']:.2f} USD in an hour, {times:.1f} times its dearest hours "
            f"(usual at that hour: {peak['middle']:.2f}).",
            evidence={
                "hour": f"{peak['hour']:%Y-%m-%dT%H:00Z}",
                "cost": round(peak["cost"], 4),
                "calls": int(peak["calls"]),
                "median": round(peak["middle"], 4),
                "deviations": round(peak["deviations"], 1),
                "dearest": round(peak["busiest"], 4),
                "compared_hours": peak["compared"],
                "hours": len(run),
                "total": round(sum(row["cost"] for row in run), 4),
                "models": found["models"],
                "regions": found["regions"],
            },
            request_ids=ids(found["ids"]),
        )


# An hour of the day is quiet if the identity called in it, or in the hour before or after it, on
# hardly any of the days on which it called at all.
_NIGHTS: Final = """
    WITH hourly AS (
        SELECT who, date_trunc('hour', slot) AS hour, sum(calls)::BIGINT AS calls
        FROM slots GROUP BY ALL
    ), bursts AS (
        SELECT who, hour, calls FROM hourly WHERE calls >= $calls
    ), past AS (
        SELECT
            bursts.who, bursts.hour, any_value(bursts.calls) AS calls,
            count(DISTINCT other.hour::DATE) AS days,
            count(DISTINCT other.hour::DATE) FILTER (
                least(
                    (hour(other.hour) - hour(bursts.hour) + 24) % 24,
                    (hour(bursts.hour) - hour(other.hour) + 24) % 24
                ) <= 1
            ) AS near,
            coalesce(max(other.calls) FILTER (
                least(
                    (hour(other.hour) - hour(bursts.hour) + 24) % 24,
                    (hour(bursts.hour) - hour(other.hour) + 24) % 24
                ) <= 1
            ), 0) AS most
        FROM bursts JOIN hourly AS other
            ON other.who = bursts.who AND other.hour < bursts.hour - INTERVAL 12 HOURS
        GROUP BY bursts.who, bursts.hour
    )
    SELECT *, near / days AS share FROM past
    WHERE days >= $past AND near / days <= $share AND calls >= $factor * most
    ORDER BY who, hour"""


def find_night_bursts(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Bursts in hours of the day in which an identity sleeps."""
    for run in _runs(material.rows(_NIGHTS, limits)):
        hours = [row["hour"] for row in run]
        found = material.rows(_IDS, {"who": run[0]["who"], "hours": hours})[0]
        calls = sum(row["calls"] for row in run)
        yield Finding(
            detector=NIGHT_BURST.name,
            severity="high" if calls >= 5 * limits["calls"] else "medium",
            identity=run[0]["who"],
            time=found["first"],
            until=found["last"],
            summary=f"{calls} calls at an hour of the day at which it called on "
            f"{run[0]['near']} of {run[0]['days']} days before.",
            evidence={
                "hours": [f"{hour:%Y-%m-%dT%H:00Z}" for hour in hours],
                "calls": calls,
                "days_before": run[0]["days"],
                "days_near_that_hour": run[0]["near"],
                "most_before": run[0]["most"],
                "models": found["models"],
                "regions": found["regions"],
            },
            request_ids=ids(found["ids"]),
        )


_DAYS: Final = Threshold(7, "days that an identity must have been known")
_OTHERS: Final = {
    "hour": "the hour that exceeds most, UTC",
    "median": "of the same hours before: of days of its kind, and of the week",
    "deviations": "above that median, in scaled median absolute deviations",
    "compared_hours": "how many hours the median is of",
    "hours": "how many hours the spike has",
    "models, regions": "called in them",
}

VOLUME_SPIKE: Final = Detector(
    name="volume-spike",
    title="Spike of calls",
    meaning="An hour in which an identity makes far more calls than in its busiest hours before, "
    "and than is usual at that hour. A launch or a migration is one too.",
    thresholds={
        "days": _DAYS,
        "minimum": Threshold(40, "calls in the hour"),
        "factor": Threshold(2.0, "times its busiest hours before (their 99th percentile)"),
        "deviations": Threshold(6.0, "scaled median absolute deviations above the usual"),
    },
    evidence={"calls": "in it", "busiest": "99th percentile of its hours before", **_OTHERS},
    severity="high from five times the busiest hours on, else medium",
    needs=frozenset({"calls"}),
    find=find_volume_spikes,
)

COST_SPIKE: Final = Detector(
    name="cost-spike",
    title="Spike of cost",
    meaning="An hour that costs far more than an identity's dearest hours before, by list prices; "
    "with few calls it is long prompts, long answers or a dear model. Models without a price count "
    "nothing.",
    thresholds={
        "days": _DAYS,
        "minimum": Threshold(2.0, "USD in the hour"),
        "factor": Threshold(2.5, "times its dearest hours before (their 99th percentile)"),
        "deviations": Threshold(6.0, "scaled median absolute deviations above the usual"),
    },
    evidence={
        "cost, calls": "in it, USD by list prices",
        "dearest": "99th percentile of its hours before",
        "total": "USD of all hours of the spike",
        **_OTHERS,
    },
    severity="high from five times the dearest hours on, else medium",
    needs=frozenset({"calls"}),
    find=find_cost_spikes,
)

NIGHT_BURST: Final = Detector(
    name="night-burst",
    title="Burst at night",
    meaning="Many calls within an hour of the day at which an identity doesn't call, whatever its "
    "time zone. Jobs that run every night don't count: night is when it sleeps.",
    thresholds={
        "calls": Threshold(20, "calls in the hour"),
        "past": Threshold(5, "days on which it must have called before"),
        "share": Threshold(0.15, "of these days, at most, had calls within an hour of that hour"),
        "factor": Threshold(2.0, "times the most calls in an hour on these days"),
    },
    evidence={
        "hours": "UTC",
        "calls": "in them",
        "days_before": "days on which it had called",
        "days_near_that_hour": "of these, with calls within an hour of that hour of the day",
        "most_before": "calls in an hour on these",
        "models, regions": "called in them",
    },
    severity="high from five times the threshold on, else medium",
    needs=frozenset({"calls"}),
    find=find_night_bursts,
)
