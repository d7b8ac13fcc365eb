"""`outcrop models`: which models there are, the ID to use for each, and what is known of one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from outcrop.catalog import ids as ids_of, lifecycle, models as catalog, prices
from outcrop.catalog.options import Wish, kind
from outcrop.catalog.reach import profiles_from, reach
from outcrop.catalog.resolve import resolve
from outcrop.cli import DONE
from outcrop.cli.day import check_day
from outcrop.cli.table import print_json, print_table, tokens
from outcrop.errors import ConfigurationError, RequestError

if TYPE_CHECKING:
    from decimal import Decimal

    from outcrop.catalog.edition import Edition
    from outcrop.catalog.models import Model

Flag = Annotated[bool, Parameter(negative=())]
Row = dict[str, Any]


def models(
    *,
    region: str | None = None,
    endpoint: Wish = "auto",
    all: Flag = False,  # noqa: A002 - the option's name
    today: str | None = None,
    json: Flag = False,
) -> int:
    """List the Claude models on Bedrock: the ID to use, endpoints, sizes, prices and lives.

    Parameters
    ----------
    region
        Only what can be called from this region, with the ID to call it by.
    endpoint
        Only what has this kind of endpoint.
    all
        Models that have ended too.
    today
        Another day to judge by, such as 2027-01-31.
    json
        Print JSON.
    """
    from outcrop.net import overlay

    if region is not None and region not in catalog.regions():
        raise ConfigurationError(
            f"--region {region}: no Bedrock there that the catalog knows.",
            mend="Regions look like 'us-west-2'.",
        )
    edition = overlay.edition()
    day = check_day(today) or time.strftime("%Y-%m-%d", time.gmtime())
    rows = [
        row
        for model in edition.models
        if (
            row := _anywhere(edition, model, endpoint, day)
            if region is None
            else _from(edition, model, region, endpoint, day)
        )
        and (all or not row["ended"])
    ]
    if json:
        print_json(rows)
        return DONE
    print_table(
        ("NAME", "ID TO USE", "ENDPOINTS", "CONTEXT", "$ IN", "$ OUT", "LIFECYCLE"),
        (
            (
                row["name"],
                row["model_id"] or "none",
                " ".join(row["endpoints"]),
                tokens(row["context"]),
                _shown(row["input_price"]),
                _shown(row["output_price"]),
                _life(row),
            )
            for row in rows
        ),
        right=("CONTEXT", "$ IN", "$ OUT"),
    )
    where = f"from {region}" if region else "somewhere; --region R tells the ID to use there"
    print(
        f"{len(rows)} models to be called {where}. USD per million tokens, list prices of "
        f"{edition.prices.as_of}; catalog of {edition.as_of}."
    )
    return DONE


def money(number: Decimal | None) -> str:
    """A price, such as `5.5`."""
    return "?" if number is None else f"{number.normalize():f}"


def _shown(price: float | None) -> str:
    return "?" if price is None else f"{price:g}"


def number(value: Decimal | None) -> float | None:
    """A price for machines."""
    return None if value is None else float(value)


def _life(row: Row) -> str:
    some = " in most regions" if row["leftovers"] else ""
    if row["ended"]:
        return f"ended {row['end']}" if row["end"] else "ended"
    if row["end"] and row["leftovers"]:
        return f"{row['lifecycle']}, ended {row['end']}{some}"
    if row["leftovers"]:
        return f"{row['lifecycle']}, ended{some}"
    return f"{row['lifecycle']}, ends {row['end']}" if row["end"] else row["lifecycle"]


def _row(model: Model, day: str, *, ended: bool) -> Row:
    return {
        "id": model.id,
        "name": model.name,
        "ids": [],
        "prefixes": [],
        "endpoints": [],
        "model_id": None,
        "endpoint": None,
        "destinations": [],
        "status": model.lifecycle.status,
        "lifecycle": "ended" if ended else lifecycle.stage(model, day),
        "ended": ended,
        "end": model.lifecycle.end,
        "leftovers": model.lifecycle.leftovers,
        "context": model.context,
        "max_output": model.max_output,
        **_price(prices.Price()),
        "warnings": [],
    }


def _price(price: prices.Price) -> Row:
    return {
        "input_price": number(price.input),
        "output_price": number(price.output),
        "premium": number(price.premium),
    }


def _anywhere(edition: Edition, model: Model, wish: Wish, day: str) -> Row | None:
    """A model as a row, wherever it is called; None if it has no such endpoint."""
    kinds: list[prices.Endpoint] = [kind(prefix) for prefix in model.profiles]
    if model.in_region:
        kinds.append("in-region")
    if wish != "auto" and wish not in kinds:
        return None
    # The price that most pay: that of the global endpoint, where there is one.
    order: tuple[prices.Endpoint, ...] = ("global", "regional", "in-region")
    ranked: list[prices.Endpoint] = [*(each for each in order if each in kinds), *order]
    shown = ranked[0] if wish == "auto" else wish
    named = [prefix for prefix in model.profiles if wish in ("auto", kind(prefix))]
    alone = bool(model.in_region) and wish in ("auto", "in-region")
    price = prices.price(model.id, endpoint=shown, prices=edition.prices)
    return _row(model, day, ended=lifecycle.ended(model, day, served_here=True)) | {
        "prefixes": [*named, *(["(in region)"] if alone else [])],
        "endpoints": [*named, *(["in-region"] if alone else [])],
        "model_id": f"global.{model.id}" if wish == "global" else model.id,
        "endpoint": shown,
        **_price(price),
    }


def _from(edition: Edition, model: Model, region: str, wish: Wish, day: str) -> Row | None:
    """A model as a row, called from a region; None if that can't be."""
    if region not in lifecycle.sources(model):
        return None
    try:
        found = resolve(model.id, region=region, today=day, endpoint=wish, edition=edition)
    except RequestError:
        if lifecycle.ended(model, day, served_here=True):
            return _row(model, day, ended=True)
        return None
    ids = [f"{prefix}.{model.id}" for prefix in profiles_from(model, region)]
    if region in model.in_region:
        ids.append(model.id)
    ids = [
        each
        for each in ids
        if reach(each, region=region, today=day, edition=edition).problem is None
        and wish in ("auto", kind(ids_of.parse(each).prefix))
    ]
    prefixes = [each.removesuffix(model.id).rstrip(".") for each in ids if each != model.id]
    return _row(model, day, ended=False) | {
        "ids": ids,
        "prefixes": prefixes,
        "endpoints": [*prefixes, *(["in-region"] if model.id in ids else [])],
        "model_id": found.model_id,
        "endpoint": found.endpoint,
        "destinations": list(found.destinations),
        **_price(found.price),
        "warnings": list(found.warnings),
    }


app = App(name="models")
app.default(models)
app.command(
    "outcrop.cli.model_facts:show",
    name="show",
    help="Show everything that the catalog knows of one model.",
)
