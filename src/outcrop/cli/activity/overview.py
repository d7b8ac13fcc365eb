"""`outcrop activity`: all calls at a glance."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from outcrop.cli import DONE
from outcrop.cli.activity.place import Where, milliseconds, money, number, opened, percent
from outcrop.cli.table import print_facts, print_json, print_table

_BARS: Final = "▁▂▃▄▅▆▇█"


def overview(*, where: Where = Where()) -> int:  # noqa: B008 - never changed
    """Tell all calls at a glance: calls, tokens, cost, errors, latency, and each day as a bar."""
    from outcrop.activity import questions

    with opened(where) as log:
        told = questions.overview(log)
        top = questions.usage(log, by=["model"], limit=5)
    if where.json:
        print_json({**asdict(told), "by_model": top})
        return DONE
    if not told.calls:
        print(f"No calls since {where.since}.")
        return DONE
    facts = [
        ("Calls", f"{number(told.calls)} by {told.identities} identities to {told.models} models"),
        ("", f"{told.first:%Y-%m-%d %H:%M} to {told.last:%Y-%m-%d %H:%M} UTC"),
        ("Errors", f"{number(told.errors)} ({percent(told.errors / told.calls)})"),
        ("Tokens", f"{number(told.input_tokens)} in, {number(told.output_tokens)} out"),
        (
            "Cache",
            f"{number(told.cache_read_tokens)} read, {number(told.cache_write_tokens)} written",
        ),
        ("Cost", f"${money(told.cost)} by list prices" + _unpriced(told.unpriced)),
        ("Latency", _latency(told)),
        ("By day", f"{_sparkline(told.by_day, 'calls')}  calls"),
        ("", f"{_sparkline(told.by_day, 'cost')}  cost"),
    ]
    print_facts([fact for fact in facts if fact[1]])
    print()
    print_table(
        ("MODEL", "CALLS", "ERRORS", "COST $"),
        (
            (row["model"] or "", number(row["calls"]), number(row["errors"]), money(row["cost"]))
            for row in top
        ),
        right=("CALLS", "ERRORS", "COST $"),
    )
    return DONE


def _unpriced(count: int) -> str:
    return f"; {number(count)} calls have no price" if count else ""


def _latency(told: Any) -> str:
    if told.latency_p50 is None:
        return ""
    first = told.first_byte_p50
    start = f", first byte {milliseconds(first)}" if first is not None else ""
    return (
        f"{milliseconds(told.latency_p50)} median, {milliseconds(told.latency_p95)} at the 95th "
        f"percentile{start} (where it is known)"
    )


def _sparkline(days: list[dict[str, Any]], name: str) -> str:
    """A bar a day, the highest for the largest; more than 60 days are joined."""
    values = [float(day[name]) for day in days]
    step = -(-len(values) // 60)
    joined = [sum(values[at : at + step]) for at in range(0, len(values), step)]
    most = max(joined, default=0) or 1
    return "".join(
        _BARS[round(value / most * (len(_BARS) - 1))] if value else " " for value in joined
    )
