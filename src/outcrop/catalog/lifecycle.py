"""Where a model is in its life on a day, and what comes after it.

Rules: the day is an argument; where the days of a life are known they decide, and the status, which
is that of the catalog's day, only where they aren't.
Source: Amazon Bedrock User Guide, "Model lifecycle".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from outcrop.catalog import aliases, edition as editions

if TYPE_CHECKING:
    from outcrop.catalog.edition import Edition
    from outcrop.catalog.models import Model

Stage = Literal["active", "legacy", "extended-access", "by-invitation", "unknown"]


def ended(model: Model, today: str, *, served_here: bool) -> bool:
    """Whether a model has ended: everywhere, or all but where a few regions still serve it.

    Args:
        model: The catalog's row.
        today: ISO 8601.
        served_here: Whether the catalog lists it for the region in question.
    """
    life = model.lifecycle
    if life.leftovers:
        return not served_here
    return today >= life.end if life.end is not None else life.status == "EOL"


def stage(model: Model, today: str) -> Stage:
    """Where a model that hasn't ended is in its life on a day (ISO 8601)."""
    life = model.lifecycle
    if life.extended_access is not None and today >= life.extended_access:
        return "extended-access"
    if (life.status in ("LEGACY", "EOL")) if life.legacy is None else today >= life.legacy:
        return "legacy"
    return "by-invitation" if model.access == "invitation" else "active"


def sources(model: Model) -> set[str]:
    """The regions that it can be called from."""
    profiles = {region for prefix in model.profiles for region in model.routes(prefix)}
    return profiles | set(model.in_region)


def successor(
    model: Model, *, region: str, today: str, edition: Edition | None = None
) -> Model | None:
    """The newest model of the family that a region can call and that isn't on its way out.

    Args:
        model: What is to be replaced.
        region: Whose endpoint is called.
        today: ISO 8601.
        edition: The catalog; the shipped one if None.
    """
    for other in (edition or editions.shipped()).named(aliases.family(model)):
        begun = other.id != model.id and other.launch <= today and region in sources(other)
        if begun and not ended(other, today, served_here=True) and stage(other, today) == "active":
            return other
    return None
