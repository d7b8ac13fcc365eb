"""The control plane's shapes, from the catalog: foundation models.

Rules: pure rendering, in AWS's words and key order; what isn't published is left out; filters are
taken as they are, their values are checked before.
Sources: botocore `bedrock/2023-04-20/service-2.json` (members, enums, patterns); replies of
ListFoundationModels as publicly recorded; Amazon Bedrock User Guide, "Model lifecycle".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outcrop.bedrock import faults
from outcrop.catalog import models, reach
from outcrop.errors import ResourceNotFoundException, ValidationException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.catalog.models import Lifecycle, Model

Document = dict[str, Any]

PROVIDER: Final = "Anthropic"

_LONGEST_NAME: Final = 20  # botocore: `BrandedName`


def list_foundation_models(filters: Mapping[str, str], *, region: str, today: str) -> Document:
    """The reply of ListFoundationModels: Claude models that a region can reach and that live.

    Args:
        filters: Members of the request: `byProvider`, `byCustomizationType`, `byOutputModality`,
            `byInferenceType`.
        region: Whose endpoint is asked.
        today: ISO 8601; models that have ended by then aren't listed.
    """
    rows = [
        summary(model, region=region, today=today)
        for model in models.models()
        if is_reachable(model, region=region, today=today)
    ]
    return {"modelSummaries": [row for row in rows if _matches(row, filters)]}


def get_foundation_model(identifier: str, *, region: str, today: str) -> Document:
    """The reply of GetFoundationModel.

    Args:
        identifier: ID or ARN of a foundation model.
        region: Whose endpoint is asked.
        today: ISO 8601.

    Raises:
        ValidationException: It isn't there.
        ResourceNotFoundException: It has ended.
    """
    model = find(identifier, region=region, today=today)
    if not is_reachable(model, region=region, today=today):
        raise ValidationException(faults.UNKNOWN_MODEL)
    return {"modelDetails": summary(model, region=region, today=today)}


def find(identifier: str, *, region: str, today: str) -> Model:
    """The foundation model of an ID or ARN, in whatever regions it may be.

    Args:
        identifier: ID or ARN of a foundation model; inference profiles are none.
        region: Whose endpoint is asked: an ARN has to name the same.
        today: ISO 8601.

    Raises:
        ValidationException: The ID is unknown.
        ResourceNotFoundException: The model has ended there.
    """
    found = reach.reach(identifier, region=region, today=today)
    known = found.address.kind in ("base", "foundation-model")
    if not known or found.model is None or found.address.region not in (None, region):
        raise ValidationException(faults.UNKNOWN_MODEL)
    if found.problem == "ended":
        raise ResourceNotFoundException(faults.MODEL_ENDED)
    return found.model


def model_arn(base_id: str, *, region: str) -> str:
    """The ARN of a foundation model in a region."""
    return f"arn:{models.partition(region)}:bedrock:{region}::foundation-model/{base_id}"


def summary(model: Model, *, region: str, today: str) -> Document:
    """A `FoundationModelSummary`."""
    inference = ["ON_DEMAND"] if region in model.in_region else []
    if reach.profiles_from(model, region):
        inference.append("INFERENCE_PROFILE")
    name = model.name
    if len(name) > _LONGEST_NAME:
        name = name.removeprefix("Claude ")[:_LONGEST_NAME]
    return {
        "modelArn": model_arn(model.id, region=region),
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


def is_reachable(model: Model, *, region: str, today: str) -> bool:
    """Whether a model's base ID or one of its profiles leads to it from a region."""
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


def _matches(row: Document, filters: Mapping[str, str]) -> bool:
    # How AWS compares providers isn't published; `anthropic` finds `Anthropic` ("list-foundation-
    # models --by-provider anthropic", Anthropic's documentation of Claude on Amazon Bedrock).
    if (provider := filters.get("byProvider")) and provider.lower() != PROVIDER.lower():
        return False
    wanted = {
        "customizationsSupported": filters.get("byCustomizationType"),
        "outputModalities": filters.get("byOutputModality"),
        "inferenceTypesSupported": filters.get("byInferenceType"),
    }
    return all(value is None or value in row[key] for key, value in wanted.items())
