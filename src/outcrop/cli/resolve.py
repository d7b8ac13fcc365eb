"""`outcrop resolve`: the ID that reaches a model from a region, and why that one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from outcrop.catalog.options import Wish
from outcrop.catalog.resolve import resolve as find
from outcrop.cli import DONE
from outcrop.cli.day import check_day
from outcrop.cli.models import money, number
from outcrop.cli.table import print_facts, print_json

if TYPE_CHECKING:
    from outcrop.catalog.models import Model
    from outcrop.catalog.resolve import Resolution


def resolve(
    model: str,
    /,
    *,
    region: str | None = None,
    profile: str | None = None,
    endpoint: Wish = "auto",
    stay_in: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    today: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Say which ID reaches a model from a region, why, and what it costs.

    Parameters
    ----------
    model
        In any spelling: sonnet-4.5, global.sonnet, an ID, an ARN, Anthropic's name.
    region
        AWS region; otherwise as the environment and the profile say.
    profile
        Profile of ~/.aws/config, for its region.
    endpoint
        Which kind of endpoint, for a name without a prefix.
    stay_in
        An area (eu, us, jp, …) or a region that no call may leave; several make one area.
    today
        Another day to judge by, such as 2027-01-31.
    json
        Print JSON.
    """
    from outcrop.net import environment, overlay

    where = environment.region(region, profile)
    found = find(
        model,
        region=where.name,
        today=check_day(today) or time.strftime("%Y-%m-%d", time.gmtime()),
        endpoint=endpoint,
        stay_in=stay_in or None,
        edition=overlay.edition(),
    )
    if json:
        print_json({**_whole(found), "region_source": where.source})
        return DONE
    named = "--region" if region else where.source
    facts = [
        ("call it", found.model_id),
        ("model", f"{found.model.name}, {found.model.id}" if found.model else "not known"),
        ("from", f"{where.name} ({named})"),
        ("endpoint", found.endpoint),
        ("served in", _served(found)),
        ("API version", found.api_version),
        ("life", _life(found)),
        ("price", _price(found)),
        ("won't take", ", ".join(refused(found.model)) if found.model else "not known"),
    ]
    print_facts(facts)
    print()
    for reason in found.reasons:
        print(f"- {reason}")
    for warning in found.warnings:
        print(f"! {warning}")
    return DONE


def _served(found: Resolution) -> str:
    if found.destinations:
        return ", ".join(found.destinations)
    return "any commercial region" if found.endpoint == "global" else "not known"


def _life(found: Resolution) -> str:
    if found.model is None:
        return found.lifecycle
    life = found.model.lifecycle
    ends = f", ends {life.end}" if life.end and not life.leftovers else ""
    no_end = f", not to end before {life.no_end_before}" if life.no_end_before else ""
    return found.lifecycle + ends + no_end


def _price(found: Resolution) -> str:
    price = found.price
    if price.input is None or price.output is None:
        return price.reason
    more = f", {money(price.premium * 100)} % over global" if price.premium else ""
    return (
        f"{money(price.input)} in, {money(price.output)} out "
        f"({price.currency} a million tokens{more}; list price of {price.as_of})"
    )


def refused(model: Model) -> list[str]:
    """What of a request a model won't take, in the request's own words."""
    found: list[str] = []
    if not model.sampling:
        found.append("temperature, top_p and top_k")
    elif model.one_of_temperature_and_top_p:
        found.append("temperature and top_p together")
    if not model.prefill:
        found.append("a last message of the assistant's (prefill)")
    if not model.thinking:
        found.append("thinking")
    elif kinds := [
        each for each in ("enabled", "adaptive", "disabled") if each not in model.thinking
    ]:
        found.append(f"thinking.type {' and '.join(kinds)}")
    if not model.effort:
        found.append("effort")
    if not model.forced_tools:
        found.append("tool_choice that forces a tool")
    if model.structured_outputs == "no":
        found.append("structured outputs")
    if model.computer_tool is None:
        found.append("computer use")
    if "IMAGE" not in model.input:
        found.append("images")
    if not model.pdf:
        found.append("PDF")
    if model.cache_minimum is None:
        found.append("cache_control")
    return [*found, f"more than {model.max_output:,} max_tokens"]


def _whole(found: Resolution) -> dict[str, Any]:
    price, model = found.price, found.model
    return {
        "spelling": found.spelling,
        "model": model.id if model else None,
        "name": model.name if model else None,
        "model_id": found.model_id,
        "endpoint": found.endpoint,
        "profile": found.profile,
        "region": found.source_region,
        "destinations": list(found.destinations),
        "lifecycle": found.lifecycle,
        "end": model.lifecycle.end if model else None,
        "api_version": found.api_version,
        "price": {
            "input": number(price.input),
            "output": number(price.output),
            "cache_write_5m": number(price.cache_write_5m),
            "cache_write_1h": number(price.cache_write_1h),
            "cache_read": number(price.cache_read),
            "premium": number(price.premium),
            "currency": price.currency,
            "source": price.source,
            "as_of": price.as_of,
            "reason": price.reason,
            "notes": list(price.notes),
        },
        "refused": refused(model) if model else None,
        "reasons": list(found.reasons),
        "warnings": list(found.warnings),
    }
