"""The ways in which a model may be called from a region, and what stands against each.

Rules: an option without an objection is one that `outcrop.catalog.reach` takes; the preferred comes
first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from outcrop.catalog import residency
from outcrop.catalog.lifecycle import sources
from outcrop.catalog.reach import profiles_from, reach

if TYPE_CHECKING:
    from outcrop.catalog.edition import Edition
    from outcrop.catalog.models import Model
    from outcrop.catalog.prices import Endpoint

Wish = Literal["auto", "global", "regional", "in-region"]

#: Where a region has several geographies, the narrower one is taken.
_NARROW_FIRST: Final = ("us-gov", "jp", "au", "in", "ca", "us", "eu", "apac")


class Question(Struct, frozen=True):
    """What is asked.

    Attributes:
        spelling: The model, as the caller wrote it.
        region: Whose endpoint is called.
        wish: Which kind of endpoint.
        area: Where to stay, None for anywhere.
        today: ISO 8601.
        edition: The catalog.
    """

    spelling: str
    region: str
    wish: Wish
    area: residency.Area | None
    today: str
    edition: Edition


class Option(Struct, frozen=True):
    """A way to call a model.

    Attributes:
        model_id: What to send.
        endpoint: Which kind of endpoint that is.
        destinations: Regions that may serve it, as far as they are published.
        objection: Why it can't be taken, in a sentence; empty if it can.
        ended: Whether the model has ended there.
        leaves: Whether it leaves the area to stay in, or may.
    """

    model_id: str
    endpoint: Endpoint
    destinations: tuple[str, ...] = ()
    objection: str = ""
    ended: bool = False
    leaves: bool = False


def kind(prefix: str | None) -> Literal["global", "regional", "in-region"]:
    """The kind of endpoint that a profile's prefix names; `in-region` without one."""
    if prefix == "global":
        return "global"
    return "regional" if prefix else "in-region"


def options(model: Model, prefix: str | None, question: Question) -> list[Option]:
    """The ways that a question leaves open, the preferred first.

    Args:
        model: What to call.
        prefix: The prefix that the caller named, if any.
        question: What is asked.
    """
    if prefix is not None:
        return [option(model, prefix, question)]
    here = profiles_from(model, question.region)
    regional = [prefix for prefix in _NARROW_FIRST if prefix in here]
    asked = {
        "auto": [*regional, "", "global"],
        "global": ["global"],
        "regional": regional,
        "in-region": [""],
    }
    return [option(model, each, question) for each in asked[question.wish]]


def option(model: Model, prefix: str, question: Question) -> Option:
    """One way to call a model: by the profile of a prefix, or without one by its base ID."""
    model_id = f"{prefix}.{model.id}" if prefix else model.id
    region = question.region
    found = reach(model_id, region=region, today=question.today, edition=question.edition)
    made = Option(model_id, kind(prefix), found.destinations)
    # Of a model that only a few regions still have, those regions lack routes that never were.
    if found.problem == "ended" and not (model.lifecycle.leftovers and region in sources(model)):
        return replace(made, objection=f"{model.name} has ended there.", ended=True)
    if found.problem is not None:
        return replace(made, objection=_absence(model, prefix, region))
    return _guard(made, question)


def stays(made: Option, question: Question) -> str:
    """Why an option isn't sure to stay where the question says; empty if it is or needn't."""
    if question.area is None:
        return ""
    return residency.objection(
        question.area,
        made.model_id,
        endpoint=made.endpoint,
        region=question.region,
        destinations=made.destinations,
    )


def _guard(made: Option, question: Question) -> Option:
    leaves = stays(made, question)
    return replace(made, objection=leaves, leaves=True) if leaves else made


def _absence(model: Model, prefix: str, region: str) -> str:
    if not prefix:
        return f"{model.name} has no on-demand throughput in {region} itself."
    disputed = model.disputed.get(prefix)
    claim = f" (disputed: {disputed})" if disputed else ""
    return f"{model.name} has no profile {prefix!r} that can be called from {region}{claim}."
