"""`outcrop activity usage`: calls, tokens and cost by one thing or several."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from outcrop.cli import DONE
from outcrop.cli.activity.place import Where, cell, milliseconds, money, number, opened
from outcrop.cli.table import print_json, print_table


def usage(
    *,
    by: Annotated[str, Parameter(name="--by")] = "model",
    limit: int | None = None,
    where: Where = Where(),  # noqa: B008 - never changed
) -> int:
    """Tell calls, tokens, cost and latency by one thing or several, the dearest first.

    Parameters
    ----------
    by
        Separated by commas: model, identity, region, endpoint, day, hour, operation, account,
        error, stop_reason, or metadata.KEY for a key of the requests' metadata.
    limit
        Rows at most.
    """
    from outcrop.activity import questions

    names = [name.strip() for name in by.split(",") if name.strip()]
    with opened(where) as log:
        rows = questions.usage(log, by=names, limit=limit)
    if where.json:
        print_json(rows)
        return DONE
    numbers = ("CALLS", "ERRORS", "IN", "OUT", "CACHE READ", "CACHE WRITE", "COST $", "MEDIAN")
    print_table(
        (*(name.upper() for name in names), *numbers),
        (
            (
                *(cell(row[name]) for name in names),
                number(row["calls"]),
                number(row["errors"]),
                number(row["input_tokens"]),
                number(row["output_tokens"]),
                number(row["cache_read_tokens"]),
                number(row["cache_write_tokens"]),
                money(row["cost"]) + ("+" if row["unpriced"] else ""),
                milliseconds(row["latency_p50"]),
            )
            for row in rows
        ),
        right=numbers,
    )
    if any(row["unpriced"] for row in rows):
        print("+ and calls that have no price")
    return DONE
