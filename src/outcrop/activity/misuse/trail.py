"""What CloudTrail adds: strangers who ask for access, and changes to the log itself.

Rules: the invocation log has no calls of the control plane, so these need the trail
(`outcrop.activity.open(place, trail=…)`) and find nothing without; who does such things regularly
is no stranger; switching the log off is told whoever does it.
Source: botocore's service model of `bedrock` (operations); Sysdig, "LLMjacking: Stolen Cloud
Credentials Used in New AI Attack"; Elastic's detection rules for Amazon Bedrock (idea only).
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

#: Operations that tell what an account may use, or open it.
PROBES: Final = (
    "GetFoundationModelAvailability",
    "GetUseCaseForModelAccess",
    "ListFoundationModelAgreementOffers",
    "GetModelInvocationLoggingConfiguration",
)
OPENINGS: Final = (
    "PutUseCaseForModelAccess",
    "CreateFoundationModelAgreement",
    "PutFoundationModelEntitlement",
)
_OFF: Final = "DeleteModelInvocationLoggingConfiguration"
_CHANGED: Final = "PutModelInvocationLoggingConfiguration"

_STRANGE: Final = f"""
    WITH watched AS (
        SELECT *, event_name IN {OPENINGS} AS opens FROM trail
        WHERE event_name IN {PROBES + OPENINGS}
    ), strange AS (
        SELECT * FROM watched
        WHERE time >= (SELECT min(time) FROM trail) + to_hours((24 * $days)::INTEGER)
            AND (
                SELECT count(DISTINCT earlier.time::DATE) FROM watched AS earlier
                WHERE earlier.who = watched.who AND earlier.opens = watched.opens
                    AND earlier.time::DATE < watched.time::DATE
            ) < $usual
    )
    SELECT * FROM strange ORDER BY who, time, request_id"""  # noqa: S608 - ours


def find_probing(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Strangers who ask what there is, or for access to it."""
    by_identity: dict[str, list[tuple[datetime, dict[str, Any]]]] = {}
    for row in material.rows(_STRANGE, limits):
        by_identity.setdefault(row["who"], []).append((row["time"], row))
    for who, moments in by_identity.items():
        for episode in episodes(moments, timedelta(hours=24)):
            events = [event for _, event in episode]
            opened = any(event["opens"] for event in events)
            if not opened and len(events) < limits["events"]:
                continue
            names = [event["event_name"] for event in events]
            yield Finding(
                detector=ACCESS_PROBING.name,
                severity="high" if opened else "medium",
                identity=who,
                time=events[0]["time"],
                until=events[-1]["time"],
                summary=f"{len(events)} calls about access to models by an identity that doesn't "
                f"make such calls: {', '.join(dict.fromkeys(names))}.",
                evidence={
                    "events": {name: names.count(name) for name in sorted(set(names))},
                    **_origin(events),
                },
                request_ids=ids([[event["request_id"] for event in events]]),
            )


def _origin(events: list[dict[str, Any]]) -> dict[str, Any]:
    told = {
        name: sorted({event[column] for event in events if event[column]})
        for name, column in (
            ("source_ips", "source_ip"),
            ("user_agents", "user_agent"),
            ("errors", "error"),
        )
    }
    return told | {"regions": sorted({event["region"] for event in events if event["region"]})}


_CHANGES: Final = f"""
    SELECT *, event_name = '{_OFF}' AS off, (
        SELECT count(DISTINCT earlier.time::DATE) FROM trail AS earlier
        WHERE earlier.who = trail.who AND earlier.event_name = trail.event_name
            AND earlier.time::DATE < trail.time::DATE
    ) AS before
    FROM trail
    WHERE event_name = '{_OFF}' OR (
        event_name = '{_CHANGED}' AND before < $usual
        AND time >= (SELECT min(time) FROM trail) + to_hours((24 * $days)::INTEGER)
    )
    ORDER BY time, request_id"""  # noqa: S608 - the names are ours


def find_logging_changes(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Changes to the configuration of invocation logging."""
    for row in material.rows(_CHANGES, limits):
        done = not row["error"]
        severity: Severity = "critical" if row["off"] and done else "high"
        verb = "switched the invocation log off" if row["off"] else "changed the invocation log"
        yield Finding(
            detector=LOGGING_CHANGE.name,
            severity=severity,
            identity=row["who"],
            time=row["time"],
            until=row["time"],
            summary=f"{row['who'].rpartition('/')[2]} {'' if done else 'tried: '}{verb}.",
            evidence={"event": row["event_name"], "days_before": row["before"], **_origin([row])},
            request_ids=[row["request_id"]],
        )


_ORIGIN: Final = {"source_ips, user_agents, errors, regions": "of the events"}

ACCESS_PROBING: Final = Detector(
    name="access-probing",
    title="A stranger asks for access",
    meaning="An identity that doesn't make such calls asks which models the account may use "
    "(GetFoundationModelAvailability), whether the log is on, or for access to models "
    "(PutUseCaseForModelAccess, CreateFoundationModelAgreement). ListFoundationModels isn't "
    "counted: clients and people call it.",
    thresholds={
        "days": Threshold(7, "days at the trail's beginning in which everything counts as usual"),
        "usual": Threshold(2, "earlier days with such calls make somebody no stranger"),
        "events": Threshold(2, "calls that only ask; one that opens access is enough"),
    },
    evidence={"events": "operation → how many", **_ORIGIN},
    severity="high if access was asked for, else medium",
    needs=frozenset({"trail"}),
    find=find_probing,
    source="Sysdig, “LLMjacking”; Elastic's detection rules",
)

LOGGING_CHANGE: Final = Detector(
    name="logging-change",
    title="The log is changed or switched off",
    meaning="DeleteModelInvocationLoggingConfiguration by anybody, or "
    "PutModelInvocationLoggingConfiguration by an identity that hasn't been doing it: from then on "
    "this log may lack what matters.",
    thresholds={
        "days": Threshold(7, "days at the trail's beginning in which changes count as usual"),
        "usual": Threshold(
            1, "earlier days with such a change make it usual; not for switching off"
        ),
    },
    evidence={
        "event": "the operation",
        "days_before": "days on which the identity had called it",
        **_ORIGIN,
    },
    severity="critical if the log was switched off, else high",
    needs=frozenset({"trail"}),
    find=find_logging_changes,
    source="MITRE ATT&CK T1562.008 “Disable or Modify Cloud Logs”",
)
