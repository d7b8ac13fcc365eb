"""Why no route leads to a model, and what would: the resolver's errors in words that mend.

Rules: an error names the model as it was asked for, says what stands against each way that was
open, and ends with something that works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from outcrop.catalog import aliases, models
from outcrop.catalog.lifecycle import ended, sources, successor
from outcrop.catalog.options import option
from outcrop.catalog.reach import profiles_from
from outcrop.errors import RequestError

if TYPE_CHECKING:
    from outcrop.catalog.models import Model
    from outcrop.catalog.options import Option, Question

_MOST_REGIONS = 6


def contradiction(question: Question, kind: str) -> RequestError:
    """The ID names one kind of endpoint, the argument another."""
    return RequestError(
        f"model={question.spelling!r} names the {kind} endpoint, "
        f"endpoint={question.wish!r} another.",
        mend="Leave one of them out.",
    )


def no_route(
    question: Question, prefix: str | None, model: Model, tried: list[Option]
) -> RequestError:
    """None of the ways that were open leads to a model.

    Args:
        question: What was asked.
        prefix: The prefix that the caller named, if any.
        model: The model.
        tried: The ways, each with what stands against it.
    """
    asked = f"model={question.spelling!r}"
    region, area = question.region, question.area
    if ended(model, question.today, served_here=region in sources(model)):
        return RequestError(f"{asked}: {_end(model, region)}", mend=_next(model, question))
    objections = " ".join(dict.fromkeys(each.objection for each in tried))
    if area is not None and any(each.leaves for each in tried):
        return RequestError(
            f"{asked}, stay_in={area.name!r}: no route from {region} to {model.name} stays there. "
            f"{objections}",
            mend=_inside(model, question),
        )
    if not objections:
        objections = f"{model.name} has no regional endpoint that can be called from {region}."
    return RequestError(f"{asked}: {objections}", mend=_elsewhere(model, prefix, question))


def not_sure_to_stay(question: Question, objection: str) -> RequestError:
    """An ID that the catalog doesn't know, where it must stay in an area."""
    area = question.area.name if question.area else None
    return RequestError(
        f"model={question.spelling!r}, stay_in={area!r}: {objection}",
        mend="Tell the catalog where it is served (application_profiles, or an overlay).",
    )


def _end(model: Model, region: str) -> str:
    life = model.lifecycle
    if life.leftovers:
        day = life.ended_in.get(region)
        return f"{model.name} has ended in {region}{f' on {day}' if day else ''}."
    return f"{model.name} has ended{f' on {life.end}' if life.end else ''}."


def _next(model: Model, question: Question) -> str:
    """The successor, and for a model that is still somewhere, where."""
    other = successor(model, region=question.region, today=question.today, edition=question.edition)
    places = _places(model) if model.lifecycle.leftovers else ""
    if other is None:
        return places or f"The catalog knows no successor in {question.region}."
    return f"Its successor is {other.name}: {aliases.short(other)!r}. {places}".rstrip()


def _elsewhere(model: Model, prefix: str | None, question: Question) -> str:
    """What does reach a model from a region, or else which regions do."""
    region = question.region
    here = [f"{each}.{model.id}" for each in profiles_from(model, region)]
    if region in model.in_region:
        here.append(model.id)
    if here:
        wish = "" if prefix is not None or question.wish == "auto" else ", with endpoint='auto'"
        return f"From {region} it is reached by {' or '.join(map(repr, here))}{wish}."
    if region not in models.regions():
        from difflib import get_close_matches

        if near := get_close_matches(region, models.regions(), 1):
            return f"Did you mean region={near[0]!r}?"
    return _places(model)


def _places(model: Model) -> str:
    places = sorted(sources(model))
    if not places:
        return "The catalog lists no region for it."
    more = f" and {len(places) - _MOST_REGIONS} more" if len(places) > _MOST_REGIONS + 3 else ""
    named = places[:_MOST_REGIONS] if more else places
    return f"It can be called from {', '.join(named)}{more}."


def _inside(model: Model, question: Question) -> str:
    """Regions from which a route would stay in the area."""
    area = question.area
    assert area is not None
    prefixes = ("", *(prefix for prefix in model.profiles if prefix != "global"))
    inside = [
        region
        for region in sorted(area.regions)
        if any(
            not option(model, prefix, replace(question, region=region)).objection
            for prefix in prefixes
        )
    ]
    wider = " Or name a wider area, such as 'europe'." if area.name == "eu" else ""
    if not inside:
        return f"No region of {area.name} keeps {model.name} there.{wider}"
    if question.region in inside:
        return "Name neither a prefix nor an endpoint."
    return f"Call it from {' or '.join(inside)}.{wider}"
