"""Which ID to send for a model, and why: any spelling in, a route with its reasons out.

Rules: pure, the day is an argument; an ID that comes out is one that `outcrop.catalog.reach` takes
on that day, or one that the catalog doesn't know, which is passed on as given with a warning; what
can't work is refused here, with what would (`outcrop.catalog.refusals`); a name never quietly
becomes another model, region or endpoint than it says. Without a prefix and with `endpoint="auto"`
a model is called on the regional endpoint of the region, else in the region, else on the global
endpoint.
Source: Anthropic, "Claude on Amazon Bedrock" (global and regional endpoints); Amazon Bedrock User
Guide, "Supported Regions and models for inference profiles" and "Model lifecycle".
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, get_args

from msgspec import Struct
from msgspec.structs import replace

from outcrop.catalog import aliases, edition as editions, ids, refusals, residency
from outcrop.catalog.lifecycle import Stage, ended, stage, successor
from outcrop.catalog.options import Option, Question, Wish, kind, option, options, stays
from outcrop.catalog.prices import Endpoint, Price, price
from outcrop.errors import ConfigurationError, RequestError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from decimal import Decimal

    from outcrop.catalog.edition import Edition
    from outcrop.catalog.models import Model

#: What every model takes as `anthropic_version`.
_OLDEST_VERSION: Final = "bedrock-2023-05-31"


class Resolution(Struct, frozen=True):
    """The route that a spelling leads to.

    Attributes:
        spelling: What was asked for.
        model: The catalog's row; None where it has none or the ID hides it.
        model_id: What to send as `modelId`.
        endpoint: `global`, `regional` or `in-region`; `unknown` where the ID hides it.
        profile: The ID of the inference profile; None without one, or where the ID hides it.
        source_region: The region whose endpoint is called.
        destinations: Regions that may serve the call; empty where AWS doesn't publish them, as for
            the global endpoint, which may use any commercial region.
        lifecycle: Where the model is in its life.
        api_version: The `anthropic_version` to send.
        price: What a million tokens cost there, for a prompt that isn't long.
        reasons: Why this route, in plain sentences.
        warnings: What may go wrong or end soon, in plain sentences.
    """

    spelling: str
    model: Model | None
    model_id: str
    endpoint: Endpoint
    profile: str | None
    source_region: str
    destinations: tuple[str, ...]
    lifecycle: Stage
    api_version: str
    price: Price
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def premium(self) -> Decimal | None:
        """How much dearer than the global endpoint: 0.1 for 10 %; None if that isn't known."""
        return self.price.premium

    def __str__(self) -> str:
        return "\n".join([self.model_id, *self.reasons, *(f"Note: {w}" for w in self.warnings)])


def resolve(
    spelling: str,
    *,
    region: str,
    today: str,
    endpoint: Wish = "auto",
    stay_in: str | Collection[str] | None = None,
    application_profiles: Mapping[str, str] | None = None,
    edition: Edition | None = None,
) -> Resolution:
    """The route for a model, in whatever spelling.

    Args:
        spelling: A base ID or the ID of an inference profile; the ARN of a model, an inference
            profile or an application inference profile; Anthropic's own name
            (`claude-sonnet-4-5-20250929`); or an alias such as `claude-sonnet-4-5`, `sonnet-4.5` or
            `sonnet`, the newest one that can be called. Names take prefixes too: `global.sonnet`.
        region: The region whose endpoint is called.
        today: ISO 8601.
        endpoint: Which kind of endpoint to use for what names none itself.
        stay_in: An area (`eu`, `us`, `jp`, …: the keys of `models.areas`), a region, or several,
            which neither the request nor its processing may leave.
        application_profiles: ARN of an application profile → ID or ARN that it was made from (the
            model's ARN in GetInferenceProfile); asked before those of the edition.
        edition: The catalog; the shipped one if None.

    Raises:
        ConfigurationError: An argument that can't be right.
        RequestError: No route: the model has ended, isn't to be had from there, or only in a way
            that was ruled out. Says what would work.
    """
    spelling = spelling.strip()
    if not spelling:
        raise RequestError(
            f"model={spelling!r} names no model.", mend="Give a name such as 'sonnet-4.5'."
        )
    edition = edition or editions.shipped()
    given = application_profiles or {}
    return _resolve(
        spelling=spelling,
        region=region,
        wish=endpoint,
        stay_in=stay_in if stay_in is None or isinstance(stay_in, str) else tuple(sorted(stay_in)),
        today=today,
        source=given.get(spelling) or edition.application_profiles.get(spelling),
        edition=edition,
    )


@lru_cache(maxsize=512)
def _resolve(
    *,
    spelling: str,
    region: str,
    wish: Wish,
    stay_in: str | tuple[str, ...] | None,
    today: str,
    source: str | None,
    edition: Edition,
) -> Resolution:
    if wish not in get_args(Wish):
        raise ConfigurationError(
            f"endpoint={wish!r} isn't a kind of endpoint.",
            mend=f"It is one of {', '.join(map(repr, get_args(Wish)))}.",
        )
    if not region:
        raise ConfigurationError("There is no region.", mend="Give one such as 'us-west-2'.")
    area = None if stay_in is None else residency.area(stay_in)
    question = Question(spelling, region, wish, area, today, edition)
    address = ids.parse(spelling)
    if address.region and address.region != region:
        raise RequestError(
            f"model={spelling!r} is in {address.region}, but {region} is called.",
            mend=f"Use region={address.region!r}, or a name in place of the ARN.",
        )
    if address.kind == "application-profile":
        return _application(question, address, source)
    if spelling.startswith("arn:") and address.base_id is None:
        return _unknown(question, address)
    if address.base_id is not None:
        prefix, name = address.prefix, address.base_id
    else:
        prefix, name = aliases.split_prefix(spelling)
    model = edition.find(name)
    if model is not None:
        found = (model,)
    else:
        # An ARN is no place for an alias: AWS would look for it as it stands.
        found = () if spelling.startswith("arn:") else edition.named(name)
    if not found:
        return _unknown(question, address)
    if prefix is not None:
        _check_wish(question, prefix)
    return _choose(question, found, prefix)


def _check_wish(question: Question, prefix: str | None) -> None:
    named = kind(prefix)
    if question.wish not in ("auto", named):
        raise refusals.contradiction(question, named)


# Models that the catalog knows ───────────────────────────────────────────────────────────────────


def _choose(question: Question, found: Sequence[Model], prefix: str | None) -> Resolution:
    """The route to the newest of the models of a name that has one."""
    found = _eligible(found, question.today)
    ways = [options(model, prefix, question) for model in found]
    for at, (model, tried) in enumerate(zip(found, ways, strict=True)):
        for way, made in enumerate(tried):
            if not made.objection:
                passed = [f"{other.name} isn't to be had that way." for other in found[:at]]
                passed += [each.objection for each in tried[:way]]
                return _answer(question, model, made, passed)
    raise refusals.no_route(question, prefix, found[0], ways[0])


def _eligible(found: Sequence[Model], today: str) -> Sequence[Model]:
    """Of several models of a name, those that have begun, haven't ended and are open, if any."""
    if len(found) == 1:
        return found
    begun = [model for model in found if model.launch <= today] or found
    alive = [row for row in begun if not ended(row, today, served_here=True)] or begun
    return [row for row in alive if row.access != "invitation"] or alive


def _answer(question: Question, model: Model, made: Option, passed: list[str]) -> Resolution:
    region = question.region
    address = ids.parse(question.spelling)
    # An ARN is sent as it was given, unless its model needs a profile that it doesn't name.
    as_given = address.region is not None and kind(address.prefix) == made.endpoint
    cost = price(model.id, endpoint=made.endpoint, region=region, prices=question.edition.prices)
    return Resolution(
        spelling=question.spelling,
        model=model,
        model_id=question.spelling if as_given else made.model_id,
        endpoint=made.endpoint,
        profile=None if made.endpoint == "in-region" else made.model_id,
        source_region=region,
        destinations=made.destinations,
        lifecycle=stage(model, question.today),
        api_version=model.api_versions[0],
        price=cost,
        reasons=(
            f"{question.spelling!r} is {model.name}.",
            *passed,
            *_why(question, model, made, address),
            *_premium(question, model, cost),
        ),
        warnings=tuple(_warnings(question, model, made)),
    )


def _why(question: Question, model: Model, made: Option, address: ids.ModelAddress) -> list[str]:
    region = question.region
    if made.endpoint == "in-region":
        return [f"It is served in {region} itself, by its base ID."]
    why: list[str] = []
    if address.base_id and not address.prefix and region not in model.in_region:
        why.append(f"Its base ID alone can't be called from {region}, a profile's ID can.")
    if made.endpoint == "global":
        why.append(f"{made.model_id} is its global endpoint: any commercial region may serve it.")
    else:
        where = ", ".join(made.destinations) or "regions that AWS doesn't publish"
        why.append(f"{made.model_id} is its regional endpoint from {region}, served in {where}.")
    return why


def _premium(question: Question, model: Model, cost: Price) -> list[str]:
    if not cost.premium:
        return []
    there = question.region in model.routes("global")
    other = f"global.{model.id}" if there else "the list price of the global endpoint"
    return [f"It costs {(cost.premium * 100).normalize():f} % more than {other}."]


def _warnings(question: Question, model: Model, made: Option) -> list[str]:
    life, today = model.lifecycle, question.today
    found: list[str] = []
    where = stage(model, today)
    if where in ("legacy", "extended-access"):
        other = successor(model, region=question.region, today=today, edition=question.edition)
        ends = f" and ends on {life.end}" if life.end and not life.leftovers else ""
        mend = f" Its successor is {other.name}: {aliases.short(other)!r}." if other else ""
        found.append(
            f"{model.name} is legacy{ends}; accounts that haven't used it lately are refused.{mend}"
        )
    if where == "extended-access":
        found.append(f"Since {life.extended_access} AWS may charge more for it.")
    if model.access == "invitation":
        found.append(f"{model.name} is open by invitation only.")
    elif model.access == "limited":
        found.append(f"{model.name} may not be open to every account.")
    if model.data_retention:
        found.append(f"{model.name} needs a data-retention mode of the account.")
    if (prefix := ids.parse(made.model_id).prefix) in model.uncertain_profiles:
        found.append(f"No list of AWS's that the catalog has seen names {made.model_id} yet.")
    if prefix is None and (doubt := model.disputed.get(question.region)):
        found.append(f"Sources disagree about {model.id} in {question.region}: {doubt}.")
    return found


# What the catalog doesn't know, or an ID hides ───────────────────────────────────────────────────


def _application(question: Question, address: ids.ModelAddress, source: str | None) -> Resolution:
    """An application profile: what it was made from decides, but its own ARN is sent."""
    inner = ids.parse(source) if source is not None else address
    model = question.edition.find(inner.base_id)
    if source is None or model is None:
        return _unknown(question, inner)
    _check_wish(question, inner.prefix)
    made = option(model, inner.prefix or "", replace(question, spelling=source))
    if made.objection:
        raise refusals.no_route(question, inner.prefix or "", model, [made])
    found = _answer(question, model, made, [])
    first, *rest = found.reasons
    reason = f"It is an application inference profile, made from {source}."
    return replace(found, model_id=question.spelling, reasons=(first, reason, *rest))


def _unknown(question: Question, address: ids.ModelAddress) -> Resolution:
    """An ID that is passed on as given.

    Args:
        question: What was asked.
        address: What is known of its form; of an application profile, that of its source.
    """
    spelling, edition = question.spelling, question.edition
    endpoint: Endpoint = kind(address.prefix) if address.base_id is not None else "unknown"
    if address.prefix is not None:
        _check_wish(question, address.prefix)
    made = Option(spelling, endpoint, (question.region,) if endpoint == "in-region" else ())
    if leaves := stays(made, question):
        raise refusals.not_sure_to_stay(question, leaves)
    if address.kind == "application-profile":
        warnings = ["The catalog doesn't know what it was made from; GetInferenceProfile tells."]
    else:
        near = edition.similar(spelling) if address.kind == "other" else []
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        warnings = [f"The catalog of {edition.as_of} doesn't know {spelling!r}.{hint}"]
    if question.wish not in ("auto", endpoint):
        warnings.append(f"endpoint={question.wish!r} isn't applied to it.")
    return Resolution(
        spelling=spelling,
        model=None,
        model_id=spelling,
        endpoint=endpoint,
        profile=spelling if address.kind == "profile" else None,
        source_region=question.region,
        destinations=made.destinations,
        lifecycle="unknown",
        api_version=_OLDEST_VERSION,
        price=price(
            address.base_id or spelling,
            endpoint=endpoint,
            region=question.region,
            prices=edition.prices,
        ),
        reasons=(f"{spelling!r} is passed on as given.",),
        warnings=tuple(warnings),
    )
