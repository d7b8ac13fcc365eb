"""Drift: where an account's lists and the catalog differ, and the overlay that makes up for it.

Rules: pure; lists of one region say nothing of others, so that rows only grow; what the account
lacks and the catalog has is drift too, but no overlay is written for it: a list may leave out what
can be called. What can't be known from a list (a new model's limits) is taken from the newest model
of its family, and the row says so.
Source: botocore `bedrock/2023-04-20/service-2.json` (`FoundationModelSummary`,
`InferenceProfileSummary`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from outcrop.catalog import ids
from outcrop.catalog.lifecycle import ended, sources, stage
from outcrop.catalog.reach import profiles_from, reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outcrop.catalog.edition import Edition
    from outcrop.catalog.models import Model

Document = dict[str, Any]
Kind = Literal[
    "model",
    "profile",
    "destinations",
    "in-region",
    "lifecycle",
    "application-profile",
    "not-listed",
]

#: Column of a lifecycle → member of AWS's.
_DAYS: Final = {
    "legacy": "legacyTime",
    "extended_access": "publicExtendedAccessTime",
    "end": "endOfLifeTime",
}
#: `…:48k` and such: the same model with provisioned throughput only.
_PROVISIONED: Final = re.compile(r":\d+k$")
_SPELT: Final = re.compile(
    r"anthropic\.claude-([a-z]+)-(\d+)(?:-(\d{1,2}))?(?:-\d{8})?(?:-v\d+)?(?::\d+)?"
)
_REGION: Final = re.compile(r"arn:[^:]+:bedrock:([a-z0-9-]+):.*")


@dataclass(frozen=True, slots=True)
class Listed:
    """What an account lists in a region.

    Attributes:
        region: Whose endpoint was asked.
        models: `modelSummaries` of ListFoundationModels.
        profiles: `inferenceProfileSummaries` of ListInferenceProfiles, of both types.
    """

    region: str
    models: list[Document]
    profiles: list[Document]


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference.

    Attributes:
        kind: What differs.
        id: Of the model or profile; an ARN of an application profile.
        account: What the account says.
        catalog: What the catalog says.
        patch: The overlay that makes up for it; empty if there is none.
    """

    kind: Kind
    id: str
    account: str
    catalog: str
    patch: Document = field(default_factory=dict[str, Any])


def compare(edition: Edition, listed: Listed, *, today: str) -> list[Drift]:
    """What differs between a catalog and an account's lists.

    Args:
        edition: The catalog.
        listed: The lists.
        today: ISO 8601; what has ended by then needn't be listed.
    """
    summaries = {
        row["modelId"]: row
        for row in listed.models
        if row["modelId"].startswith("anthropic.") and not _PROVISIONED.search(row["modelId"])
    }
    system = [row for row in _claude(listed) if row.get("type") != "APPLICATION"]
    return [
        *_models(edition, listed, summaries, today),
        *_profiles(edition, listed, system, today),
        *_application_profiles(edition, listed, system),
        *_not_listed(edition, listed.region, summaries, system, today),
    ]


def patch(document: Document, drifts: list[Drift]) -> Document:
    """An overlay with what makes up for drift on top of it; the old one stays as it was.

    Args:
        document: The overlay so far.
        drifts: What `compare` found.
    """
    for drift in drifts:
        document = _lay(document, drift.patch)
    return document


def _lay(below: Document, above: Document) -> Document:
    """Objects are merged key by key, rows of models by ID; nulls stay, for they mean something."""
    laid = dict(below)
    for key, value in above.items():
        old = below.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            laid[key] = _lay(cast("Document", old), cast("Document", value))
        elif key == "models" and isinstance(old, list):
            rows = {row["id"]: row for row in cast("list[Document]", old)}
            for row in cast("list[Document]", value):
                rows[row["id"]] = _lay(rows.get(row["id"], {}), row)
            laid[key] = list(rows.values())
        else:
            laid[key] = value
    return laid


# Models ──────────────────────────────────────────────────────────────────────────────────────────


def _models(
    edition: Edition, listed: Listed, summaries: dict[str, Document], today: str
) -> Iterator[Drift]:
    region = listed.region
    for model_id, row in summaries.items():
        model = edition.find(model_id)
        on_demand = "ON_DEMAND" in row.get("inferenceTypesSupported", ())
        if model is None:
            if row.get("inferenceTypesSupported", ()) != ["PROVISIONED"]:
                yield _new_model(edition, listed, model_id, row, today)
            continue
        if on_demand and region not in model.in_region:
            yield Drift(
                "in-region",
                model_id,
                f"on demand in {region}",
                "not on demand there",
                _row(model_id, in_region=[*model.in_region, region]),
            )
        yield from _lifecycle(model, row.get("modelLifecycle", {}), today)


def _new_model(edition: Edition, listed: Listed, model_id: str, row: Document, today: str) -> Drift:
    region = listed.region
    name = _name(row.get("modelName", ""), model_id)
    if name is None:
        return Drift("model", model_id, row.get("modelName") or "listed", "doesn't know it")
    family = [each for each in edition.named(name.split()[1].lower()) if each.launch <= today]
    like = (family or sorted(edition.models, key=lambda each: each.launch, reverse=True))[0]
    life = row.get("modelLifecycle", {})
    profiles: Document = {}
    for profile in _claude(listed):
        address = ids.parse(profile["inferenceProfileId"])
        if address.base_id == model_id and address.prefix:
            profiles[address.prefix] = _routes({}, address.prefix, profile, region)
    columns: Document = {
        "like": like.id,
        "name": name,
        "first_party": re.sub(r"-v\d+(:\d+)?$", "", model_id).removeprefix("anthropic."),
        "launch": _day(life.get("startOfLifeTime")) or today,
        "lifecycle": {
            "status": life.get("status", "ACTIVE"),
            **{column: day for column, key in _DAYS.items() if (day := _day(life.get(key)))},
        },
        "profiles": profiles,
        "in_region": [region] if "ON_DEMAND" in row.get("inferenceTypesSupported", ()) else [],
        "source": f"an account's lists in {region}; what it can do is that of {like.name} (?)",
        "as_of": today,
    }
    if row.get("inputModalities"):
        columns["input"] = list(row["inputModalities"])
    if like.messages_id is not None:  # that one's own
        columns["messages_id"] = None
    return Drift("model", model_id, name, "doesn't know it", _row(model_id, **columns))


def _name(given: str, model_id: str) -> str | None:
    """A name in the catalog's form, such as `Claude Opus 4.8`; None if none can be made."""
    name = given if given.startswith("Claude ") else f"Claude {given}"
    if re.fullmatch(r"Claude [A-Z][a-z]+ \S+( \S+)?", name):
        return name
    if match := _SPELT.fullmatch(model_id):
        family, major, minor = match.groups()
        return f"Claude {family.capitalize()} {major}{f'.{minor}' if minor else ''}"
    return None


def _lifecycle(model: Model, life: Document, today: str) -> Iterator[Drift]:
    ours = model.lifecycle
    theirs = {column: _day(life.get(key)) for column, key in _DAYS.items()}
    status = life.get("status")
    over = ended(model, today, served_here=True)
    was = "LEGACY" if stage(model, today) in ("legacy", "extended-access") else "ACTIVE"
    changed: Document = {}
    if status in ("ACTIVE", "LEGACY") and (status != was or over):
        # The days decide where they are known, so those that contradict the status go.
        changed = {"status": status}
        if status == "ACTIVE" or theirs["legacy"] is None:
            changed |= {"legacy": None}
        if status == "ACTIVE":
            changed |= {"extended_access": None}
        if over:
            changed |= {"end": None}
    if not ours.leftovers:  # their days differ by region
        changed |= {
            column: day for column, day in theirs.items() if day and day != getattr(ours, column)
        }
    if changed:
        said = ", ".join([str(status).lower(), *_days(theirs)])
        known = {column: getattr(ours, column) for column in _DAYS}
        mine = ", ".join(["ended" if over else was.lower(), *_days(known)])
        yield Drift("lifecycle", model.id, said, mine, _row(model.id, lifecycle=changed))


def _days(days: Document) -> list[str]:
    return [f"{column.replace('_', ' ')} {day}" for column, day in days.items() if day]


def _day(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).date().isoformat()
    return str(value)[:10] if value else None


def _row(model_id: str, **columns: Any) -> Document:
    return {"models": [{"id": model_id, **columns}]}


# Profiles ────────────────────────────────────────────────────────────────────────────────────────


def _claude(listed: Listed) -> list[Document]:
    """The profiles that lead to Claude."""
    return [
        row
        for row in listed.profiles
        if row.get("status", "ACTIVE") == "ACTIVE"
        and any(":foundation-model/anthropic." in arn for arn in _arns(row))
    ]


def _arns(row: Document) -> list[str]:
    return [model.get("modelArn", "") for model in row.get("models", ())]


def _destinations(row: Document) -> list[str]:
    """The regions that serve a profile."""
    matches = (_REGION.fullmatch(arn) for arn in _arns(row))
    return sorted({match[1] for match in matches if match})


def _routes(
    known: dict[str, list[str]], prefix: str, row: Document, region: str
) -> dict[str, list[str]] | list[str]:
    """A profile's whole map, as a row of the catalog has it, with the account's region."""
    if prefix == "global":
        return sorted({*known, region})
    return {**known, region: _destinations(row)}


def _profiles(
    edition: Edition, listed: Listed, system: list[Document], today: str
) -> Iterator[Drift]:
    region = listed.region
    summaries = {row["modelId"] for row in listed.models}
    for row in system:
        profile_id = row["inferenceProfileId"]
        address = ids.parse(profile_id)
        here = f"can be called from {region}"
        if address.prefix is None:
            yield Drift("profile", profile_id, here, "doesn't know the prefix")
            continue
        model = edition.find(address.base_id)
        if model is None:
            if address.base_id and address.base_id not in summaries:
                summaries.add(address.base_id)
                yield _new_model(edition, listed, address.base_id, {}, today)
            continue
        known = model.routes(address.prefix)
        whole = _row(
            model.id, profiles={address.prefix: _routes(known, address.prefix, row, region)}
        )
        if region not in known:
            yield Drift("profile", profile_id, here, "no such profile there", whole)
        elif address.prefix != "global":
            # A list of the region alone is no news where AWS doesn't publish the others.
            theirs, ours = _destinations(row), sorted(known[region])
            if theirs != ours and (ours or theirs != [region]):
                yield Drift(
                    "destinations",
                    profile_id,
                    f"from {region} to {', '.join(theirs)}",
                    ", ".join(ours) or "not known",
                    whole,
                )


def _application_profiles(
    edition: Edition, listed: Listed, system: list[Document]
) -> Iterator[Drift]:
    for row in _claude(listed):
        arn = row.get("inferenceProfileArn", "")
        if row.get("type") != "APPLICATION" or arn in edition.application_profiles:
            continue
        source = _source(row, system)
        yield Drift(
            "application-profile",
            arn,
            f"{row.get('inferenceProfileName', '')}, made from {source or 'what it does not say'}",
            "doesn't know it",
            {"application_profiles": {arn: source}} if source else {},
        )


def _source(row: Document, system: list[Document]) -> str | None:
    """What an application profile was made from: AWS lists only the models that it leads to."""
    arns = sorted(_arns(row))
    for profile in system:
        if sorted(_arns(profile)) == arns:
            return profile["inferenceProfileId"]
    return arns[0] if len(arns) == 1 else None


def _not_listed(
    edition: Edition,
    region: str,
    summaries: dict[str, Document],
    system: list[Document],
    today: str,
) -> Iterator[Drift]:
    listed = {row["inferenceProfileId"] for row in system}
    listed |= {
        model_id
        for model_id, row in summaries.items()
        if "ON_DEMAND" in row.get("inferenceTypesSupported", ())
    }
    for model in edition.models:
        if model.access == "invitation" or model.launch > today or region not in sources(model):
            continue
        known = [f"{prefix}.{model.id}" for prefix in profiles_from(model, region)]
        if region in model.in_region:
            known.append(model.id)
        for model_id in known:
            found = reach(model_id, region=region, today=today, edition=edition)
            if found.problem is None and model_id not in listed:
                yield Drift("not-listed", model_id, "not listed", f"can be called from {region}")
