"""`outcrop activity cost`: what was spent, and what could be saved."""

from __future__ import annotations

from dataclasses import asdict

from outcrop.cli import DONE
from outcrop.cli.activity.place import Where, money, number, opened, percent
from outcrop.cli.table import print_facts, print_json, print_table


def cost(*, where: Where = Where()) -> int:  # noqa: B008 - never changed
    """Tell what was spent by list prices, and what other endpoints, the cache and batches save."""
    from outcrop.activity import costs

    with opened(where) as log:
        told = costs.costs(log)
    if where.json:
        print_json(asdict(told))
        return DONE
    unpriced = f"; {number(told.unpriced)} calls have no price" if told.unpriced else ""
    whole = told.total or 1
    spent = (
        f"input {money(told.input)}, output {money(told.output)}, "
        f"cache reads {money(told.cache_read)}, cache writes {money(told.cache_write)}"
    )
    regional = (
        f"${money(told.premium)} ({percent(told.premium / whole)}) is the premium of regional "
        f"endpoints, paid by {number(told.premium_calls)} calls; by the global endpoint it is "
        "saved, where data may leave the region"
    )
    missed = (
        f"{number(told.cache_misses)} calls with long prompts used no cache; "
        f"${money(told.unread_writes)} went into writes that nobody read"
    )
    batch = (
        f"{number(told.batch_calls)} calls (${money(told.batch_cost)}) look like a batch: as batch "
        f"inference they save ${money(told.batch_saving)}"
    )
    print_facts(
        [
            ("Spent", f"${money(told.total)} by list prices{unpriced}"),
            ("", spent),
            ("Regional", regional),
            ("Cache", _cache(told.cache_saving, told.cache_reads, told.cache_writes)),
            ("", missed),
            ("Batch", batch),
        ]
    )
    print()
    numbers = ("CALLS", "COST $", "PREMIUM $", "CACHE SAVED $")
    print_table(
        ("MODEL", "ENDPOINT", *numbers),
        (
            (
                row["model"] or "",
                row["endpoint"],
                number(row["calls"]),
                money(row["cost"]),
                money(row["premium"]),
                money(row["cache_saving"]),
            )
            for row in told.by_model
        ),
        right=numbers,
    )
    return DONE


def _cache(saving: float, reads: int, writes: int) -> str:
    what = "saved" if saving >= 0 else "cost"
    return (
        f"it {what} ${money(abs(saving))} against uncached prompts "
        f"({number(reads)} calls read from it, {number(writes)} wrote)"
    )
