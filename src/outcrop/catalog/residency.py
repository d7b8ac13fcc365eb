"""Whether a route stays in an area: the regions that a call involves, against those it may.

Rules: a call involves the region whose endpoint is called and every region that may serve it; where
AWS doesn't publish those, the route counts as leaving, for a guard that guesses guards nothing.
Source: Amazon Bedrock User Guide, "Geographic cross-Region inference" and "Global cross-Region
inference"; AWS, "AWS Regions" (where each region is).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from outcrop.catalog import models
from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outcrop.catalog.prices import Endpoint


class Area(Struct, frozen=True):
    """Where a call must stay.

    Attributes:
        name: As the caller named it.
        regions: Its regions.
    """

    name: str
    regions: frozenset[str]


def area(stay_in: str | Sequence[str]) -> Area:
    """The area that one or several names of areas and regions make up.

    Raises:
        ConfigurationError: A name is neither, or there is none.
    """
    named = (stay_in,) if isinstance(stay_in, str) else tuple(stay_in)
    areas, regions = models.areas(), models.regions()
    found: set[str] = set()
    for name in named:
        if name in areas:
            found.update(areas[name])
        elif name in regions:
            found.add(name)
        else:
            from difflib import get_close_matches

            near = get_close_matches(name, [*areas, *regions], 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise ConfigurationError(
                f"stay_in={name!r} is neither an area nor a region that the catalog knows.",
                mend=f"{hint}Areas are {', '.join(areas)}.",
            )
    if not found:
        raise ConfigurationError(
            f"stay_in={stay_in!r} names no area.", mend="Give one, such as 'eu', or None."
        )
    return Area(", ".join(named), frozenset(found))


def objection(
    area: Area, model_id: str, *, endpoint: Endpoint, region: str, destinations: Sequence[str]
) -> str:
    """Why a route isn't sure to stay in an area, in a sentence; empty if it is.

    Args:
        area: Where to stay.
        model_id: What is called.
        endpoint: Which kind of endpoint that is.
        region: Whose endpoint is called.
        destinations: Regions that may serve it, as far as they are published.
    """
    if endpoint == "global":
        return f"{model_id} may be served in any commercial region."
    partition = models.partition(region)
    if not destinations and partition == "aws-us-gov":
        # A partition of its own, which no request leaves.
        destinations = models.partitions()[partition].regions
    if not destinations:
        return f"It isn't published where {model_id} is served."
    outside = sorted({region, *destinations} - area.regions)
    return f"{model_id} from {region} involves {', '.join(outside)}." if outside else ""
