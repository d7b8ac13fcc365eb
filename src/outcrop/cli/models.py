"""`outcrop models`: what the catalog knows, as a table."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from outcrop.catalog import models as catalog, prices
from outcrop.catalog.reach import profiles_from
from outcrop.cli import DONE
from outcrop.errors import ConfigurationError


def models(
    *,
    region: str | None = None,
    endpoint: str | None = None,
    all: Annotated[bool, Parameter(negative=())] = False,  # noqa: A002 - the option's name
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """List the Claude models on Bedrock and the prefixes that reach them.

    Parameters
    ----------
    region
        Only what can be called from this region, with the full IDs to call.
    endpoint
        Only this kind: global, regional or in-region.
    all
        Models that have ended too.
    json
        Print JSON.
    """
    if region is not None and region not in catalog.regions():
        raise ConfigurationError(
            f"--region {region}: no Bedrock there that the catalog knows.",
            mend="Regions look like 'us-west-2'.",
        )
    if endpoint not in (None, "global", "regional", "in-region"):
        raise ConfigurationError(
            f"--endpoint {endpoint}: no such kind.", mend="It is global, regional or in-region."
        )
    rows = [
        row
        for model in catalog.models()
        if (all or model.lifecycle.status != "EOL") and (row := _row(model, region, endpoint))
    ]
    if json:
        import orjson

        print(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return DONE

    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("ID", no_wrap=True)
    if region is None:
        table.add_column("PREFIXES")
    table.add_column("STATUS")
    table.add_column("CONTEXT", justify="right")
    table.add_column("OUTPUT", justify="right")
    table.add_column("USD IN/OUT", justify="right")
    for row in rows:
        ids = ["\n".join(row["ids"])] if region else [row["id"], " ".join(row["prefixes"])]
        ends = ""
        if row["end"]:
            verb = "ends" if row["end"] > catalog.as_of() else "ended"
            ends = f", {verb} {row['end']}" + (" in most regions" if row["leftovers"] else "")
        sizes = (_thousands(row[column]) for column in ("context", "max_output"))
        table.add_row(*ids, row["status"] + ends, *sizes, _price(row))
    console = Console(width=140)  # lines wrap in a narrow terminal rather than lose an ID
    with console.capture() as capture:
        console.print(table)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    print("\n".join(lines))
    print(
        f"{len(rows)} models; sizes in tokens; list prices of a million tokens on the "
        f"{endpoint or 'global'} endpoint; as of {catalog.as_of()}"
    )
    return DONE


def _thousands(tokens: int) -> str:
    return f"{tokens // 1_000_000}M" if tokens % 1_000_000 == 0 else f"{tokens // 1000}K"


def _price(row: dict[str, Any]) -> str:
    return "" if row["input_price"] is None else f"{row['input_price']:g}/{row['output_price']:g}"


def _row(
    model: catalog.Model, region: str | None, endpoint: str | None = None
) -> dict[str, Any] | None:
    """A model as a row; None if it can't be called that way."""
    given = [*model.profiles] if region is None else profiles_from(model, region)
    prefixes = [
        prefix
        for prefix in given
        if endpoint is None or (prefix == "global") == (endpoint == "global")
    ]
    prefixes = [] if endpoint == "in-region" else prefixes
    alone = model.in_region if region is None else region in model.in_region
    alone = bool(alone) and endpoint in (None, "in-region")
    ids = [] if region is None else [f"{prefix}.{model.id}" for prefix in prefixes]
    if region is None:
        prefixes += ["(in region)"] if alone else []
    elif alone:
        ids.append(model.id)
    if not (ids or (region is None and prefixes)):
        return None
    kind: Any = endpoint or "global"
    price = prices.price(model.id, endpoint=kind, region=region or "us-east-1")
    return {
        "id": model.id,
        "name": model.name,
        "ids": ids,
        "prefixes": prefixes,
        "status": model.lifecycle.status,
        "end": model.lifecycle.end,
        "leftovers": model.lifecycle.leftovers,
        "context": model.context,
        "max_output": model.max_output,
        "input_price": None if price.input is None else float(price.input),
        "output_price": None if price.output is None else float(price.output),
    }
