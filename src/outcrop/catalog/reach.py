"""Whether a model ID reaches a model from a region, and if not, why not.

Rules: says what is so, not in whose words to say it (`outcrop.bedrock.faults` has AWS's); the day
is an argument. `outcrop.catalog.resolve` finds the ID to send, and never one that is refused here.
Source: Amazon Bedrock User Guide, "Supported Regions and models for inference profiles" and "Model
lifecycle"; refusals as AWS's API gave them in public reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from outcrop.catalog import edition as editions, ids, models
from outcrop.catalog.lifecycle import ended

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.catalog.edition import Edition

Problem = Literal["unknown", "needs-profile", "ended"]


class Reach(Struct, frozen=True):
    """The answer.

    Attributes:
        address: The parsed ID.
        model: The catalog's row, None where the ID hides it or the catalog lacks it.
        problem: None if the call goes through.
        destinations: Regions that may serve it; empty for `global` (any commercial region).
    """

    address: ids.ModelAddress
    model: models.Model | None = None
    problem: Problem | None = None
    destinations: tuple[str, ...] = ()


def reach(
    model_id: str,
    *,
    region: str,
    today: str,
    application_profiles: Mapping[str, str] | None = None,
    edition: Edition | None = None,
) -> Reach:
    """Where a model ID leads from a region on a day.

    Args:
        model_id: ID or ARN, as it is sent.
        region: Whose endpoint is called.
        today: ISO 8601.
        application_profiles: ARN of an application profile → ID or ARN that it was made from.
        edition: The catalog; the shipped one if None.
    """
    edition = edition or editions.shipped()
    address = ids.parse(model_id)
    if address.kind == "application-profile" and address.region == region:
        source = (application_profiles or edition.application_profiles).get(model_id)
        if source is not None and ids.parse(source).kind != "application-profile":
            found = reach(source, region=region, today=today, edition=edition)
            return replace(found, address=address)
    model = edition.find(address.base_id)
    if model is None or (address.region and address.region != region):
        return Reach(address, model, "unknown")
    if address.prefix:
        routes = model.routes(address.prefix)
        found_here = region in routes
        destinations = tuple(routes.get(region, ()))
    else:
        found_here = region in model.in_region
        destinations = (region,)
    if ended(model, today, served_here=found_here):
        return Reach(address, model, "ended")
    if found_here:
        return Reach(address, model, None, destinations)
    if not address.prefix and any(region in model.routes(prefix) for prefix in model.profiles):
        return Reach(address, model, "needs-profile")
    return Reach(address, model, "unknown")


def profiles_from(model: models.Model, region: str) -> list[str]:
    """The prefixes of a model's profiles that can be called from a region, global first."""
    prefixes = [prefix for prefix in model.profiles if region in model.routes(prefix)]
    return sorted(prefixes, key=lambda prefix: (prefix != "global", prefix))
