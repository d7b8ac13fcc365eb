"""Who, where and what was never seen before: a new identity, a new region, a new model.

Rules: nothing is new until the log has taught for some days what is usual, so the first days of a
log bring no findings; what is new is told once, with what the first day of it came to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outcrop.activity.misuse.findings import Detector, Finding, Severity, Threshold
from outcrop.activity.misuse.material import ids
from outcrop.catalog import aliases, models, prices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from outcrop.activity.misuse.material import Material

_DAYS: Final = Threshold(7, "days at the log's beginning in which everything counts as usual")
_PAST: Final = Threshold(
    3, "days on which the identity must have called before, or it has no habits to depart from"
)

_START: Final = "(SELECT min(first) FROM slots) + to_hours((24 * $days)::INTEGER)"

_NEW_IDENTITIES: Final = f"""
    WITH seen AS (
        SELECT who, min(first) AS began FROM slots GROUP BY who HAVING min(first) >= {_START}
    )
    SELECT
        who, began, max(last) AS until, sum(calls)::BIGINT AS calls,
        coalesce(sum(calls) FILTER (error <> ''), 0)::BIGINT AS errors, sum(cost) AS cost,
        list(DISTINCT region ORDER BY region) AS regions,
        list(DISTINCT model ORDER BY model) AS models,
        list(ids ORDER BY slot) AS ids
    FROM slots JOIN seen USING (who)
    WHERE first < began + INTERVAL 24 HOURS
    GROUP BY who, began
    HAVING sum(calls) >= $calls
    ORDER BY began, who"""  # noqa: S608 - ours

_KNOWN: Final = f"SELECT DISTINCT who FROM slots WHERE first < {_START}"  # noqa: S608 - ours


def _kind(who: str) -> str:
    if ":user/" in who:
        return "IAM user"
    if ":assumed-role/AWSReservedSSO_" in who:
        return "person (IAM Identity Center)"
    if ":assumed-role/" in who:
        return "role"
    return "identity"


def find_new_identities(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Identities that weren't there before."""
    known = material.rows(_KNOWN, limits)
    colleagues = {str(row["who"]).rpartition("/")[0] for row in known}
    for row in material.rows(_NEW_IDENTITIES, limits):
        who, kind = row["who"], _kind(row["who"])
        joins = kind.startswith("person") and who.rpartition("/")[0] in colleagues
        severity: Severity = "low" if joins else "high" if kind == "IAM user" else "medium"
        yield Finding(
            detector=NEW_IDENTITY.name,
            severity=severity,
            identity=who,
            time=row["began"],
            until=row["until"],
            summary=f"A new {kind} made {row['calls']} calls within a day.",
            evidence={
                "kind": kind,
                "permission_set_known": joins,
                **{name: row[name] for name in ("calls", "errors", "regions", "models")},
                "cost": round(row["cost"], 4),
            },
            request_ids=ids(row["ids"]),
        )


# A region or a model that an identity has not used before; `what` is the column.
_NEW_TO: Final = """
    WITH days AS (
        SELECT who, {what} AS what, slot::DATE AS day, min(first) AS first
        FROM slots WHERE {where} AND {what} <> '' GROUP BY ALL
    ), habits AS (
        SELECT
            who, what, min(first) AS began,
            (SELECT count(DISTINCT day) FROM days AS earlier
                WHERE earlier.who = days.who AND earlier.day < min(days.day)) AS past,
            (SELECT list(DISTINCT earlier.what ORDER BY earlier.what) FROM days AS earlier
                WHERE earlier.who = days.who AND earlier.first < min(days.first)) AS known,
            (SELECT count(DISTINCT earlier.who) FROM days AS earlier
                WHERE earlier.what = days.what AND earlier.first < min(days.first)) AS others
        FROM days GROUP BY who, what
    ), novel AS (
        SELECT * FROM habits WHERE began >= {start} AND past >= $past
    )
    SELECT
        novel.who, novel.what, began, known, others, past,
        max(last) AS until, sum(calls)::BIGINT AS calls,
        coalesce(sum(calls) FILTER (error <> ''), 0)::BIGINT AS errors, sum(cost) AS cost,
        list(ids ORDER BY slot) AS ids
    FROM slots JOIN novel ON slots.who = novel.who AND slots.{what} = novel.what
    WHERE first < began + INTERVAL 24 HOURS
    GROUP BY ALL
    HAVING sum(calls) >= $calls
    ORDER BY began, novel.who, novel.what"""


def _novelties(
    material: Material, limits: Mapping[str, float], *, what: str, where: str
) -> list[dict[str, Any]]:
    return material.rows(_NEW_TO.format(what=what, where=where, start=_START), limits)


def find_new_regions(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Regions that an identity hadn't called before."""
    for row in _novelties(material, limits, what="region", where="TRUE"):
        nobody = row["others"] == 0
        yield Finding(
            detector=NEW_REGION.name,
            severity="high" if nobody else "medium",
            identity=row["who"],
            time=row["began"],
            until=row["until"],
            summary=f"First calls to {row['what']}, {row['calls']} within a day; "
            f"usual are {', '.join(row['known'])}.",
            evidence={
                "region": row["what"],
                "usual": row["known"],
                "identities_there_before": row["others"],
                "days_known": row["past"],
                "calls": row["calls"],
                "errors": row["errors"],
                "cost": round(row["cost"], 4),
            },
            request_ids=ids(row["ids"]),
        )


def _families() -> dict[str, str]:
    """The families of the catalog's models by base ID."""
    return {model.id: aliases.family(model) for model in models.models()}


def _dearest(names: list[str]) -> float:
    """The highest price of a million tokens of output among models; 0 if none is known."""
    rows = (prices.shipped().row(name) for name in names)
    return max((float(row.output) for row in rows if row), default=0.0)


def find_new_models(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Models that answered an identity for the first time."""
    families = _families()
    for row in _novelties(material, limits, what="model", where="error = ''"):
        model, known = row["what"], row["known"]
        family = families.get(model)
        if family and not limits["same_family"] and family in {families.get(one) for one in known}:
            continue
        before, now = _dearest(known), _dearest([model])
        times = now / before if before else None
        yield Finding(
            detector=NEW_MODEL.name,
            severity="medium" if times is None or times > limits["dearer"] else "low",
            identity=row["who"],
            time=row["began"],
            until=row["until"],
            summary=f"First answers of {model}, {row['calls']} within a day; "
            f"usual are {', '.join(known)}.",
            evidence={
                "model": model,
                "usual": known,
                "identities_with_it_before": row["others"],
                "price_to_dearest_usual": times and round(times, 2),
                "calls": row["calls"],
                "cost": round(row["cost"], 4),
            },
            request_ids=ids(row["ids"]),
        )


NEW_IDENTITY: Final = Detector(
    name="new-identity",
    title="New identity",
    meaning="An identity calls that the log didn't have in its first days. A new colleague or a "
    "new service is one too: whoever reads it should know whether one was expected. Sessions of a "
    "role are no identities of their own; people who sign in through IAM Identity Center are.",
    thresholds={
        "days": _DAYS,
        "calls": Threshold(1, "calls within its first 24 hours"),
    },
    evidence={
        "kind": "IAM user, role, person, or identity where the log has an access key's ID only",
        "permission_set_known": "whether others use the same permission set of IAM Identity Center",
        "calls, errors, cost": "of its first 24 hours; cost in USD by list prices",
        "regions, models": "which it called then",
    },
    severity="high for an IAM user's key, low for a person with a known permission set, else "
    "medium",
    needs=frozenset({"calls"}),
    find=find_new_identities,
)

NEW_REGION: Final = Detector(
    name="new-region",
    title="New region for an identity",
    meaning="An identity with habits calls a region's endpoint that it never called before, "
    "successfully or not. Stolen credentials are tried where quota is left. It isn't about where "
    "an inference profile runs the model, only about which endpoint is called.",
    thresholds={"days": _DAYS, "past": _PAST, "calls": Threshold(1, "calls within 24 hours")},
    evidence={
        "region": "the new one",
        "usual": "regions that it had called before",
        "identities_there_before": "how many others had called that region",
        "days_known": "days on which the identity had called",
        "calls, errors, cost": "there, within 24 hours",
    },
    severity="high where nobody had called that region, else medium",
    needs=frozenset({"calls"}),
    find=find_new_regions,
)

NEW_MODEL: Final = Detector(
    name="new-model",
    title="New model for an identity",
    meaning="An identity with habits gets answers of a model that it never used. The step to "
    "another version of a family that it uses (Sonnet to Sonnet) isn't told.",
    thresholds={
        "days": _DAYS,
        "past": _PAST,
        "calls": Threshold(1, "answers within 24 hours"),
        "same_family": Threshold(0, "1 tells of other versions of a family too"),
        "dearer": Threshold(1.2, "times the price of the dearest usual model: medium above it"),
    },
    evidence={
        "model": "the new one",
        "usual": "models that it had used before",
        "identities_with_it_before": "how many others had used it",
        "price_to_dearest_usual": "its list price for output over that of the dearest usual one",
        "calls, cost": "of it, within 24 hours",
    },
    severity="medium where it is dearer or its price isn't known, else low",
    needs=frozenset({"calls"}),
    find=find_new_models,
)
