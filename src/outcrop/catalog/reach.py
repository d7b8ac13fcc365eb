"""Whether a model ID reaches a model from a region, and if not, why not.

Rules: says what is so, not in whose words to say it (`outcrop.bedrock.faults` has AWS's); the day
is an argument.
Source: Amazon Bedrock User Guide, "Supported Regions and models for inference profiles" and "Model
lifecycle"; refusals as AWS's API gave them in public reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from outcrop.catalog import ids, models

Problem = Literal["unknown", "needs-profile", "ended"]


@dataclass(frozen=True, slots=True)
class Reach:
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


def reach(model_id: str, *, region: str, today: str) -> Reach:
    """Where a model ID leads from a region on a day (ISO 8601)."""
    address = ids.parse(model_id)
    model = models.find(address.base_id)
    if model is None or (address.region and address.region != region):
        return Reach(address, model, "unknown")
    if address.prefix:
        routes = model.routes(address.prefix)
        found = region in routes
        destinations = tuple(routes.get(region, ()))
    else:
        found = region in model.in_region
        destinations = (region,)
    if _ended(model, today, served_here=found):
        return Reach(address, model, "ended")
    if found:
        return Reach(address, model, None, destinations)
    if not address.prefix and any(region in model.routes(prefix) for prefix in model.profiles):
        return Reach(address, model, "needs-profile")
    return Reach(address, model, "unknown")


def _ended(model: models.Model, today: str, *, served_here: bool) -> bool:
    """Ended everywhere; or, where a few regions still serve it, ended in all the others.

    The status is that of the catalog's day: a model whose last day is known lived before it.
    """
    life = model.lifecycle
    if life.leftovers:
        return not served_here
    return today >= life.end if life.end is not None else life.status == "EOL"


def profiles_from(model: models.Model, region: str) -> list[str]:
    """The prefixes of a model's profiles that can be called from a region, global first."""
    prefixes = [prefix for prefix in model.profiles if region in model.routes(prefix)]
    return sorted(prefixes, key=lambda prefix: (prefix != "global", prefix))
