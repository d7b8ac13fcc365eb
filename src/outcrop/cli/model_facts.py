"""`outcrop models show`: everything that the catalog knows of one model, with its sources."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from outcrop.catalog import aliases, ids, lifecycle, models as catalog, prices
from outcrop.cli import DONE
from outcrop.cli.models import money
from outcrop.cli.table import print_facts, print_json, tokens
from outcrop.errors import RequestError

if TYPE_CHECKING:
    from outcrop.catalog.edition import Edition
    from outcrop.catalog.models import Model

Facts = list[tuple[str, str]]

_KINDS: Final = {
    "input": "input",
    "output": "output",
    "cache_write_5m": "cache write for 5 minutes",
    "cache_write_1h": "cache write for 1 hour",
    "cache_read": "cache read",
}


def show(model: str, /, *, json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Show everything that the catalog knows of a model, with its sources.

    Parameters
    ----------
    model
        In any spelling: sonnet-4.5, an ID, an ARN, Anthropic's name.
    json
        Print JSON.
    """
    from outcrop.net import overlay

    edition = overlay.edition()
    today = time.strftime("%Y-%m-%d", time.gmtime())
    row = _find(edition, model, today)
    if json:
        print_json(_whole(edition, row, today))
        return DONE
    groups = {
        row.name: _names(row),
        "Life": _life(row, today),
        "Where": _where(row),
        "Sizes": _sizes(row),
        "Requests": _requests(row),
        "Prompt caching": _caching(row),
        "Prices": _prices(edition, row),
        "Quotas": _quotas(edition, row),
        "Sources": _sources(row),
    }
    for name, facts in groups.items():
        print(name if name == row.name else f"\n{name}")
        print_facts([(f"  {fact}", said) for fact, said in facts if said])
    return DONE


def _find(edition: Edition, spelling: str, today: str) -> Model:
    base_id = ids.parse(spelling).base_id
    name = base_id or aliases.split_prefix(spelling)[1]
    found = edition.find(name)
    if found is not None:
        return found
    named = [model for model in edition.named(name) if model.launch <= today]
    alive = [model for model in named if not lifecycle.ended(model, today, served_here=True)]
    open_to_all = [model for model in alive if model.access != "invitation"]
    for choice in (open_to_all, alive, named, edition.named(name)):
        if choice:
            return choice[0]
    near = edition.similar(spelling)
    hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise RequestError(
        f"The catalog of {edition.as_of} doesn't know {spelling!r}.",
        mend=hint or "'outcrop models --all' lists what it knows.",
    )


def _whole(edition: Edition, model: Model, today: str) -> dict[str, Any]:
    import msgspec

    quota = edition.quotas.row(model.id)
    price = edition.prices.row(model.id)
    routes = {prefix: model.routes(prefix) for prefix in model.profiles}
    over = lifecycle.ended(model, today, served_here=True)
    return {
        **msgspec.to_builtins(model),
        "profiles": routes,
        "names": aliases.names(model),
        "stage": "ended" if over else lifecycle.stage(model, today),
        "prices": None if price is None else msgspec.to_builtins(price),
        "premiums": msgspec.to_builtins(edition.prices.premiums),
        "batch": msgspec.to_builtins(edition.prices.batch),
        "currency": edition.prices.currency,
        "quotas": None if quota is None else msgspec.to_builtins(quota),
        "sources": _spelt_out(model),
    }


def _names(model: Model) -> Facts:
    mine = [aliases.short(model), *aliases.names(model)]
    return [
        ("base ID", model.id),
        ("Anthropic's name", model.first_party),
        ("on the Messages route", (model.messages_id or model.id) * bool(model.messages_regions)),
        ("other names", ", ".join(dict.fromkeys(each for each in mine if each != model.id))),
    ]


def _life(model: Model, today: str) -> Facts:
    life = model.lifecycle
    over = lifecycle.ended(model, today, served_here=True)
    where = "ended" if over else lifecycle.stage(model, today)
    return [
        ("launched", model.launch),
        ("now", where + (", ended in all other regions" if life.leftovers else "")),
        ("legacy since" if (life.legacy or "") <= today else "legacy from", life.legacy or ""),
        ("may cost more from", life.extended_access or ""),
        ("end", life.end or ""),
        ("not to end before", life.no_end_before or ""),
        *((f"ended in {region}", day) for region, day in life.ended_in.items()),
        ("note", life.note or ""),
        ("open to", {"open": "all", "limited": "not every account"}.get(model.access, "invited")),
        ("data retention", "a mode must be chosen for the account" if model.data_retention else ""),
    ]


def _where(model: Model) -> Facts:
    facts: Facts = []
    for prefix in model.profiles:
        routes = model.routes(prefix)
        unsure = " (not confirmed by a list of AWS's)" if prefix in model.uncertain_profiles else ""
        facts.append((f"{prefix}.{model.id}", f"from {len(routes)} regions{unsure}"))
        if prefix == "global":
            facts.append(("", f"{', '.join(sorted(routes))} → any commercial region"))
            continue
        by_target: dict[str, list[str]] = {}
        for source, targets in sorted(routes.items()):
            by_target.setdefault(", ".join(targets) or "not published", []).append(source)
        facts += [("", f"{', '.join(at)} → {targets}") for targets, at in by_target.items()]
    facts.append((model.id, f"on demand in {', '.join(model.in_region) or 'no region'}"))
    facts.append(("Messages route", ", ".join(model.messages_regions)))
    facts += [(f"disputed: {what}", doubt) for what, doubt in model.disputed.items()]
    return [(name, said or " ") for name, said in facts if name != "Messages route" or said]


def _sizes(model: Model) -> Facts:
    native = {"native": "", "ended": " (1M was a beta, which has ended)", "no": ""}
    return [
        ("context", f"{tokens(model.context)} tokens{native[model.one_million]}"),
        ("largest max_tokens", f"{model.max_output:,}"),
    ]


def _requests(model: Model) -> Facts:
    def yes(value: object) -> str:
        return "yes" if value else "no"

    own = model.effort_without_thinking
    without = f"; without thinking {', '.join(own)}" if own else ""
    beta = f"; beta {model.effort_beta}" if model.effort_beta else ""
    by_default = "by default, " if model.thinking_by_default else ""
    thinking = f"{by_default}text {model.thinking_display}" if model.thinking else ""
    schema = {"yes": "yes", "try": "not by its card, but it has been seen to", "no": "no"}
    return [
        ("anthropic_version", ", ".join(model.api_versions)),
        ("reads", ", ".join(each.lower() for each in model.input) + ", PDF" * model.pdf),
        ("thinking", ", ".join(model.thinking) + f" ({thinking})" * bool(thinking) or "no"),
        ("effort", f"{', '.join(model.effort)}{without}{beta}" if model.effort else "no"),
        ("temperature, top_p, top_k", yes(model.sampling)),
        ("temperature with top_p", "no" if model.one_of_temperature_and_top_p else ""),
        ("prefill", yes(model.prefill)),
        ("forced tools", yes(model.forced_tools)),
        ("tool search", yes(model.tool_search)),
        ("computer use", model.computer_tool or "no"),
        ("structured outputs", schema[model.structured_outputs]),
        ("CountTokens", yes(model.count_tokens)),
    ]


def _caching(model: Model) -> Facts:
    if model.cache_minimum is None:
        return [("caches", "no")]
    return [
        ("from", f"{model.cache_minimum:,} tokens"),
        ("lives", "5 minutes, 1 hour" if model.cache_ttl_1h else "5 minutes"),
        ("cache_control at the top", "yes" if model.automatic_caching else "no"),
        ("note", model.cache_note or ""),
    ]


def _prices(edition: Edition, model: Model) -> Facts:
    row = edition.prices.row(model.id)
    if row is None:
        return [("price", "none is known")]
    ways: dict[prices.Endpoint, bool] = {
        "global": "global" in model.profiles,
        "regional": any(prefix not in ("global", "us-gov") for prefix in model.profiles),
        "in-region": bool(model.in_region),
    }
    facts: Facts = []
    found = {
        way: prices.price(model.id, endpoint=way, prices=edition.prices)
        for way, there in ways.items()
        if there
    }
    if "us-gov" in model.profiles:
        found["GovCloud"] = prices.price(
            model.id, endpoint="regional", region="us-gov-west-1", prices=edition.prices
        )
    for way, price in found.items():
        numbers = ((label, getattr(price, kind)) for kind, label in _KINDS.items())
        said = "; ".join(f"{label} {money(number)}" for label, number in numbers if number)
        more = f" ({money(price.premium * 100)} % more)" if price.premium else ""
        facts.append((way, said + more))
        facts += [("", note) for note in price.notes]
    if long := row.long_context:
        was = ", which AWS has stopped offering" if long.ended else ""
        said = f"input {money(long.input)} times, output {money(long.output)} times{was}"
        facts.append((f"above {tokens(long.above)} tokens", said))
    batch = edition.prices.batch
    facts.append(("batch", f"input {money(batch.input)} times, output {money(batch.output)} times"))
    unit = f"{edition.prices.currency} per million tokens, list prices"
    facts.append(("unit", f"{unit} of {row.as_of} ({row.source})"))
    return [(name, said or " ") for name, said in facts]


def _quotas(edition: Edition, model: Model) -> Facts:
    row = edition.quotas.row(model.id)
    if row is None:
        return [("quotas", "none are known")]
    messages = row.messages_tokens_per_minute
    return [
        ("a token of output takes", f"{row.burndown} of the quota"),
        ("not certain", row.burndown_uncertain or ""),
        *((f"tokens a minute, {way}", f"{most:,}") for way, most in row.tokens_per_minute.items()),
        ("requests a minute", f"{row.requests_per_minute:,}" if row.requests_per_minute else ""),
        (
            "tokens a minute, Messages route",
            f"{messages[0]:,} in, {messages[1]:,} out" if messages else "",
        ),
        *(
            (f"Service Quotas, {way}", ", ".join(f"{what} {code}" for what, code in codes.items()))
            for way, codes in row.codes.items()
        ),
        ("as of", f"{row.as_of}, defaults ({row.source})"),
    ]


def _sources(model: Model) -> Facts:
    return [
        ("as of", model.as_of),
        ("from", model.source),
        *_spelt_out(model).items(),
    ]


def _spelt_out(model: Model) -> dict[str, str]:
    """The keys of a row's sources, with what they stand for."""
    words = model.source.replace("(", " ").replace(",", " ").replace(";", " ").split()
    return {key: said for key, said in catalog.sources().items() if key in words}
