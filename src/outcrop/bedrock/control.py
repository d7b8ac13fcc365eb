"""The control plane's shapes, from the catalog: ListFoundationModels.

Rules: pure rendering, in AWS's words and key order; what isn't published is left out.
Sources: botocore `bedrock/2023-04-20/service-2.json` (members, enums, patterns); replies of
ListFoundationModels as publicly recorded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from outcrop.catalog import models, reach
from outcrop.errors import ValidationException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.catalog.models import Lifecycle, Model

Document = dict[str, Any]

PROVIDER: Final = "Anthropic"

#: Query parameter → what it may be. INFERENCE_PROFILE is in replies, but no filter.
FILTERS: Final[dict[str, tuple[str, ...] | str]] = {
    "byProvider": "[A-Za-z0-9- ]{1,63}",
    "byCustomizationType": ("FINE_TUNING", "CONTINUED_PRE_TRAINING", "DISTILLATION"),
    "byOutputModality": ("TEXT", "IMAGE", "EMBEDDING"),
    "byInferenceType": ("ON_DEMAND", "PROVISIONED"),
}

_LONGEST_NAME: Final = 20  # botocore: `BrandedName`


def list_foundation_models(query: Mapping[str, str], *, region: str, today: str) -> Document:
    """The reply of ListFoundationModels: Claude models that a region can reach and that live.

    Args:
        query: The query parameters; unknown ones are ignored, as AWS does.
        region: Whose endpoint is asked.
        today: ISO 8601; models that have ended by then aren't listed.

    Raises:
        ValidationException: A filter has a value that it can't have.
    """
    _check_filters(query)
    rows = [
        summary(model, region=region, today=today)
        for model in models.models()
        if _is_reachable(model, region, today)
    ]
    return {"modelSummaries": [row for row in rows if _matches(row, query)]}


def summary(model: Model, *, region: str, today: str) -> Document:
    """A `FoundationModelSummary`."""
    inference = ["ON_DEMAND"] if region in model.in_region else []
    if reach.profiles_from(model, region):
        inference.append("INFERENCE_PROFILE")
    name = model.name
    if len(name) > _LONGEST_NAME:
        name = name.removeprefix("Claude ")[:_LONGEST_NAME]
    return {
        "modelArn": f"arn:{_partition(region)}:bedrock:{region}::foundation-model/{model.id}",
        "modelId": model.id,
        "modelName": name,
        "providerName": PROVIDER,
        "inputModalities": list(model.input),
        "outputModalities": ["TEXT"],
        "responseStreamingSupported": True,
        "customizationsSupported": [],
        "inferenceTypesSupported": inference,
        "modelLifecycle": _lifecycle(model.lifecycle, model.launch, today),
    }


def _is_reachable(model: Model, region: str, today: str) -> bool:
    """Whether its base ID or one of its profiles leads to it from there."""
    prefixes = reach.profiles_from(model, region)
    asked = [model.id, *(f"{prefix}.{model.id}" for prefix in prefixes)]
    return any(reach.reach(text, region=region, today=today).problem is None for text in asked)


def _lifecycle(life: Lifecycle, launch: str, today: str) -> Document:
    legacy = life.status in ("LEGACY", "EOL") if life.legacy is None else today >= life.legacy
    days = {
        "startOfLifeTime": launch,
        "legacyTime": life.legacy,
        "publicExtendedAccessTime": life.extended_access,
        "endOfLifeTime": life.end,
    }
    return {
        "status": "LEGACY" if legacy else "ACTIVE",
        # The hours aren't published for most models.
        **{key: f"{day}T00:00:00Z" for key, day in days.items() if day and len(day) == 10},
    }


def _partition(region: str) -> str:
    for name, partition in models.partitions().items():
        if region in partition.regions:
            return name
    return "aws"


def _check_filters(query: Mapping[str, str]) -> None:
    faults = [
        f"Value '{query[key]}' at '{key}' failed to satisfy constraint: Member must satisfy "
        + (
            f"regular expression pattern: {allowed}"
            if isinstance(allowed, str)
            else f"enum value set: [{', '.join(allowed)}]"
        )
        for key, allowed in FILTERS.items()
        if key in query and not _is_allowed(query[key], allowed)
    ]
    if faults:
        count = "1 validation error" if len(faults) == 1 else f"{len(faults)} validation errors"
        raise ValidationException(f"{count} detected: {'; '.join(faults)}")


def _is_allowed(value: str, allowed: tuple[str, ...] | str) -> bool:
    if isinstance(allowed, str):
        return re.fullmatch(allowed, value) is not None
    return value in allowed


def _matches(row: Document, query: Mapping[str, str]) -> bool:
    # How AWS compares providers isn't published; `anthropic` finds `Anthropic` ("list-foundation-
    # models --by-provider anthropic", Anthropic's documentation of Claude on Amazon Bedrock).
    if (provider := query.get("byProvider")) and provider.lower() != PROVIDER.lower():
        return False
    wanted = {
        "customizationsSupported": query.get("byCustomizationType"),
        "outputModalities": query.get("byOutputModality"),
        "inferenceTypesSupported": query.get("byInferenceType"),
    }
    return all(value is None or value in row[key] for key, value in wanted.items())
