"""Credentials in the wrong hands: used in two places at once, or trying one model after another.

Rules: what a pair of regions or a series of refusals means depends on habits, so both are compared
with the identity's past; a burst that follows the refusals makes the difference between a mistake
and a theft.
Source: MITRE ATT&CK, T1078.004 "Valid Accounts: Cloud Accounts", T1496.004 "Resource Hijacking:
Cloud Service Hijacking"; Sysdig, "LLMjacking: Stolen Cloud Credentials Used in New AI Attack".
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from outcrop.activity.misuse.findings import MAX_REQUEST_IDS, Detector, Finding, Threshold
from outcrop.activity.misuse.material import ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from outcrop.activity.misuse.material import Material

# The log tells the second of a call, not where it came from: two regions within minutes is all that
# it shows. First the days on which two regions were called at about the same time at all, of which
# an identity's first few aren't usual; then, for these, windows that begin with every slot.
_TWO: Final = """
    WITH places AS (
        SELECT who, slot, region, sum(calls)::BIGINT AS calls FROM slots
        WHERE region <> '' GROUP BY ALL
    ), coarse AS (
        SELECT DISTINCT
            who, region, slot::DATE AS day,
            unnest([epoch(slot) // (60 * $minutes), epoch(slot) // (60 * $minutes) + 1]) AS bucket
        FROM places
    ), near AS (
        SELECT DISTINCT one.who, one.region, other.region AS other, one.day
        FROM coarse AS one JOIN coarse AS other
            ON other.who = one.who AND other.bucket = one.bucket AND other.day = one.day
            AND other.region > one.region
    ), first_days AS (
        SELECT * FROM near
        QUALIFY row_number() OVER (PARTITION BY who, region, other ORDER BY day) <= $usual
    ), novel AS (
        SELECT * FROM first_days
        WHERE day >= (SELECT min(slot)::DATE FROM slots) + $days::INTEGER
    ), windows AS (
        SELECT who, slot, region, sum(calls) OVER (
            PARTITION BY who, region ORDER BY slot
            RANGE BETWEEN CURRENT ROW AND to_minutes($minutes::INTEGER) FOLLOWING
        ) AS calls
        FROM places WHERE who IN (SELECT who FROM novel)
    )
    SELECT
        novel.who, novel.region, novel.other, novel.day,
        min(greatest(one.slot, two.slot)) AS slot, max(greatest(one.slot, two.slot)) AS last
    FROM novel
    JOIN windows AS one
        ON one.who = novel.who AND one.region = novel.region AND one.slot::DATE = novel.day
    JOIN windows AS two
        ON two.who = novel.who AND two.region = novel.other AND two.slot::DATE = novel.day
    WHERE one.calls >= $calls AND two.calls >= $calls
        AND abs(epoch(one.slot) - epoch(two.slot)) <= 60 * $minutes
    GROUP BY ALL
    ORDER BY slot, novel.who, novel.region, novel.other"""

_CALLS: Final = """
    SELECT
        region, sum(calls)::BIGINT AS calls, min(first) AS first, max(last) AS last,
        list(ids ORDER BY slot) AS ids
    FROM slots
    WHERE who = $who AND list_contains($regions::VARCHAR[], region) AND slot >= $since AND slot <=
    $until GROUP BY region ORDER BY region"""


def find_two_regions(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Days on which an identity is at work in two regions, or more, at the same time."""
    window = timedelta(minutes=limits["minutes"])
    by_day: dict[tuple[str, date], list[dict[str, Any]]] = {}
    for row in material.rows(_TWO, limits):
        by_day.setdefault((row["who"], row["day"]), []).append(row)
    for (who, _), rows in by_day.items():
        regions = sorted({row[name] for row in rows for name in ("region", "other")})
        found = material.rows(
            _CALLS,
            {
                "who": who,
                "regions": regions,
                "since": min(row["slot"] for row in rows) - window,
                "until": max(row["last"] for row in rows) + window,
            },
        )
        person = ":user/" in who or "AWSReservedSSO_" in who
        yield Finding(
            detector=TWO_REGIONS.name,
            severity="high" if person else "medium",
            identity=who,
            time=min(one["first"] for one in found),
            until=max(one["last"] for one in found),
            summary=f"Calls to {' and '.join(regions)} within {limits['minutes']:.0f} minutes.",
            evidence={
                "calls": {one["region"]: one["calls"] for one in found},
                "minutes": limits["minutes"],
            },
            request_ids=ids(ids(one["ids"])[: MAX_REQUEST_IDS // len(found)] for one in found),
        )


_TRIED: Final = """
    WITH refused AS (
        SELECT who, slot, region, model, error, calls, first, ids FROM slots
        WHERE error IN (
            'AccessDeniedException', 'ResourceNotFoundException', 'ValidationException',
            'ModelNotReadyException', 'ServiceQuotaExceededException'
        )
    ), series AS (
        SELECT
            one.who, one.slot, any_value(one.first) AS first, sum(other.calls)::BIGINT AS refusals,
            count(DISTINCT other.model) AS models, max(other.slot) AS last
        FROM (SELECT who, slot, min(first) AS first FROM refused GROUP BY ALL) AS one
        JOIN refused AS other
            ON other.who = one.who
            AND other.slot BETWEEN one.slot AND one.slot + to_minutes($minutes::INTEGER)
        GROUP BY one.who, one.slot
    )
    SELECT * FROM series WHERE refusals >= $refusals AND models >= $models ORDER BY who, slot"""

_SERIES: Final = """
    SELECT
        list(DISTINCT model ORDER BY model) FILTER (error <> '') AS tried,
        list(DISTINCT region ORDER BY region) AS regions,
        list(DISTINCT error ORDER BY error) FILTER (error <> '') AS errors,
        coalesce(sum(calls) FILTER (error <> ''), 0)::BIGINT AS refusals,
        coalesce(sum(calls) FILTER (error = ''), 0)::BIGINT AS answers,
        sum(cost) AS cost, min(first) AS first, max(last) AS last,
        list(ids ORDER BY slot) FILTER (error <> '') AS refused_ids,
        list(ids ORDER BY slot) FILTER (error = '') AS answered_ids
    FROM slots WHERE who = $who AND slot >= $since AND slot <= $until"""


def find_enumerations(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Series of refused calls to different models, and what came after them."""
    after = timedelta(hours=limits["hours"])
    told: dict[str, Any] = {}
    for row in material.rows(_TRIED, limits):
        who = row["who"]
        if who in told and row["slot"] <= told[who]:
            continue
        until = row["last"] + after
        told[who] = until
        found = material.rows(_SERIES, {"who": who, "since": row["slot"], "until": until})[0]
        burst = found["answers"] >= limits["burst"]
        yield Finding(
            detector=MODEL_ENUMERATION.name,
            severity="critical" if burst else "high",
            identity=who,
            time=found["first"],
            until=found["last"],
            summary=f"{row['refusals']} refused calls to {row['models']} models, then "
            f"{found['answers']} answers within {limits['hours']:.0f} hours.",
            evidence={
                **{name: found[name] for name in ("tried", "regions", "errors", "refusals")},
                "answers": found["answers"],
                "burst": burst,
                "cost": round(found["cost"], 4),
            },
            request_ids=ids([ids(found["refused_ids"] or [])[:60], *(found["answered_ids"] or [])]),
        )


TWO_REGIONS: Final = Detector(
    name="two-regions",
    title="Used in two regions at once",
    meaning="An identity calls the endpoints of two regions within minutes, which it hasn't been "
    "doing: a copy of its credentials may be in use elsewhere. A service that falls back to "
    "another region does so too, the first time.",
    thresholds={
        "days": Threshold(7, "days at the log's beginning in which everything counts as usual"),
        "minutes": Threshold(30, "within which both regions are called"),
        "calls": Threshold(3, "calls to each within that time"),
        "usual": Threshold(3, "earlier days with both, however few calls, make it usual"),
    },
    evidence={"calls": "region → calls around that time", "minutes": "the window"},
    severity="high for IAM users and people, medium for roles",
    needs=frozenset({"calls"}),
    find=find_two_regions,
    source="MITRE ATT&CK T1078.004",
)

MODEL_ENUMERATION: Final = Detector(
    name="model-enumeration",
    title="Models tried one after another",
    meaning="An identity is refused by several different models within a short time, for want of "
    "permission, access or existence: what somebody does who has found a key and doesn't know what "
    "it opens. With a burst of answers after it, it is the signature of a stolen key. A role that "
    "lacks the permission for one model isn't told.",
    thresholds={
        "minutes": Threshold(60, "within which the models are tried"),
        "refusals": Threshold(5, "refused calls within them"),
        "models": Threshold(4, "different models that refused"),
        "hours": Threshold(6, "hours after it in which a burst counts"),
        "burst": Threshold(20, "answers that make a burst"),
    },
    evidence={
        "tried": "models that refused",
        "regions": "where",
        "errors": "in AWS's names",
        "refusals, answers": "from the first refusal to the end of the hours after",
        "burst": "whether the answers are that many",
        "cost": "of the answers, USD by list prices",
    },
    severity="critical with a burst, else high",
    needs=frozenset({"calls"}),
    find=find_enumerations,
    source="MITRE ATT&CK T1496.004; Sysdig, “LLMjacking”",
)
