"""`outcrop resolve`: which ID a name leads to from a region, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from outcrop.cli import DONE

if TYPE_CHECKING:
    from outcrop.catalog.resolve import Resolution


def resolve(
    model: str,
    /,
    *,
    region: str | None = None,
    profile: str | None = None,
    endpoint: str = "auto",
    stay_in: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    today: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Say which ID a model is called by, where it may run, what it costs, and why.

    Parameters
    ----------
    model
        Any spelling: sonnet-4.5, a base ID, a profile's ID, an ARN.
    region
        AWS region; otherwise as the environment and the profile say.
    profile
        Profile of ~/.aws/config, for the region.
    endpoint
        global, regional, in-region, or auto.
    stay_in
        Areas (eu, us, jp, …) or regions that no call may leave.
    today
        Another day than today, as 2026-12-31.
    json
        Print JSON.
    """
    import time

    from outcrop.catalog.resolve import resolve as find
    from outcrop.client.routing import check_endpoint
    from outcrop.net import environment

    where = environment.region(region, profile)
    found = find(
        model,
        region=where.name,
        today=today or time.strftime("%Y-%m-%d", time.gmtime()),
        endpoint=check_endpoint(endpoint),
        stay_in=stay_in,
    )
    if json:
        import orjson

        print(orjson.dumps(_plain(found), option=orjson.OPT_INDENT_2).decode())
        return DONE
    price = found.price
    rows = [
        ("call it", found.model_id),
        ("from", f"{found.source_region} ({where.source})"),
        ("endpoint", found.endpoint),
        ("served in", ", ".join(found.destinations) or "any commercial region"),
        ("API version", found.api_version),
        ("life", found.lifecycle),
    ]
    if price.input is not None and price.output is not None:
        more = f", {found.premium * 100:.0f} % over global" if found.premium else ""
        rows.append(
            ("price", f"{price.input:f} in, {price.output:f} out (USD a million tokens{more})")
        )
    else:
        rows.append(("price", price.reason))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    print()
    for reason in found.reasons:
        print(f"- {reason}")
    for warning in found.warnings:
        print(f"! {warning}")
    return DONE


def _plain(found: Resolution) -> dict[str, Any]:
    price = found.price
    return {
        "spelling": found.spelling,
        "model": found.model.id if found.model else None,
        "model_id": found.model_id,
        "endpoint": found.endpoint,
        "profile": found.profile,
        "region": found.source_region,
        "destinations": found.destinations,
        "lifecycle": found.lifecycle,
        "api_version": found.api_version,
        "price": {
            "input": _number(price.input),
            "output": _number(price.output),
            "cache_write_5m": _number(price.cache_write_5m),
            "cache_write_1h": _number(price.cache_write_1h),
            "cache_read": _number(price.cache_read),
            "premium": _number(price.premium),
            "currency": price.currency,
            "as_of": price.as_of,
            "reason": price.reason,
        },
        "reasons": found.reasons,
        "warnings": found.warnings,
    }


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
