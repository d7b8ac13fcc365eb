"""The questions that are asked most: how much, of what, by whom, and what went wrong.

Rules: each is one look at the view `calls`, and answers in plain rows; tokens are counted as AWS
charges them (`input_tokens` without what the cache read or wrote), money is US dollars by list
prices, latency is milliseconds. Calls without a price are counted apart, never taken for free.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from outcrop.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from outcrop.activity.engine import Activity

Row = dict[str, Any]

#: What usage can be told by → SQL.
DIMENSIONS: Final = {
    "model": "model",
    "identity": "coalesce(identity, '')",
    "region": "region",
    "endpoint": "coalesce(endpoint, '')",
    "day": "day",
    "hour": "date_trunc('hour', time)",
    "operation": "operation",
    "account": "coalesce(account, '')",
    "error": "coalesce(error, '')",
    "stop_reason": "coalesce(stop_reason, '')",
}
_METADATA: Final = "metadata."
_KEY: Final = re.compile(r"[^\"\\\x00-\x1f]{1,256}")

_SUMS: Final = """
    count(*) AS calls, count(error) AS errors,
    sum(input_tokens)::BIGINT AS input_tokens, sum(output_tokens)::BIGINT AS output_tokens,
    sum(cache_read_tokens)::BIGINT AS cache_read_tokens,
    sum(cache_write_tokens)::BIGINT AS cache_write_tokens,
    coalesce(sum(cost), 0)::DOUBLE AS cost,
    count(*) FILTER (cost IS NULL) AS unpriced"""
_LATENCIES: Final = """
    approx_quantile(latency_ms, 0.5) AS latency_p50,
    approx_quantile(latency_ms, 0.95) AS latency_p95,
    approx_quantile(first_byte_ms, 0.5) AS first_byte_p50"""


@dataclass(frozen=True, slots=True)
class Overview:
    """All calls at a glance.

    Attributes:
        calls: How many.
        errors: How many of them failed.
        input_tokens: Beside the cache.
        output_tokens: Of answers.
        cache_read_tokens: Read from the cache.
        cache_write_tokens: Written to it.
        cost: In US dollars, of the calls that have a price.
        unpriced: Calls that used tokens and have no price.
        latency_p50: Milliseconds, of the calls whose latency is known; None if of none.
        latency_p95: The same.
        first_byte_p50: Milliseconds to a stream's first byte.
        models: How many different ones.
        identities: The same.
        first: The first call.
        last: The last one.
        by_day: `day`, `calls`, `errors`, `tokens`, `cost`, each day between the first and the last.
        damaged: Files that couldn't be read whole.
        lost: Calls that their recorder has said to be lost.
    """

    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost: float
    unpriced: int
    latency_p50: int | None
    latency_p95: int | None
    first_byte_p50: int | None
    models: int
    identities: int
    first: datetime | None
    last: datetime | None
    by_day: list[Row]
    damaged: int
    lost: int


def overview(log: Activity) -> Overview:
    """All calls at a glance.

    Args:
        log: The records.
    """
    [row] = log.rows(
        f"""SELECT {_SUMS}, {_LATENCIES}, count(DISTINCT model) AS models,
        count(DISTINCT identity) AS identities, min(time) AS first, max(time) AS last
        FROM calls"""  # noqa: S608 - constants
    )
    sums = {name: row[name] or 0 for name in ("input_tokens", "output_tokens")}
    sums |= {name: row[name] or 0 for name in ("cache_read_tokens", "cache_write_tokens")}
    days = log.rows(
        """SELECT day, count(*) AS calls, count(error) AS errors,
        sum(input_tokens + output_tokens + cache_read_tokens + cache_write_tokens)::BIGINT
            AS tokens,
        coalesce(sum(cost), 0)::DOUBLE AS cost FROM calls GROUP BY day ORDER BY day"""
    )
    [files] = log.rows(
        "SELECT count(*) FILTER (damaged > 0) AS damaged, coalesce(sum(lost), 0)::BIGINT AS lost "
        "FROM files"
    )
    return Overview(**row | sums, by_day=_every_day(days), **files)


def _every_day(rows: Sequence[Row]) -> list[Row]:
    """The days in between, too, so that a gap is seen as one."""
    from datetime import timedelta

    known: dict[date, Row] = {row["day"]: row for row in rows if row["day"] is not None}
    if not known:
        return []
    first, last = min(known), max(known)
    empty = {"calls": 0, "errors": 0, "tokens": 0, "cost": 0.0}
    days = [first + timedelta(days=at) for at in range(min((last - first).days + 1, 4000))]
    return [known.get(day) or {"day": day, **empty} for day in days]


def usage(log: Activity, *, by: Sequence[str] = ("model",), limit: int | None = None) -> list[Row]:
    """Calls, tokens, cost and latency by one thing or several, the dearest first; days in order.

    Args:
        log: The records.
        by: `model`, `identity`, `region`, `endpoint`, `day`, `hour`, `operation`, `account`,
            `error`, `stop_reason`, or `metadata.KEY` for a key of `requestMetadata`.
        limit: How many rows at most.

    Raises:
        RequestError: One of them isn't known.
    """
    columns = [f'{_dimension(name)} AS "{_alias(name)}"' for name in by]
    names = [f'"{_alias(name)}"' for name in by]
    in_order = [f'"{name}"' for name in by if name in ("day", "hour")]
    order = ", ".join([*in_order, "cost DESC", "calls DESC", *names])
    return log.rows(
        f"SELECT {', '.join(columns)}, {_SUMS}, {_LATENCIES} FROM calls "  # noqa: S608 - checked
        f"GROUP BY {', '.join(names)} ORDER BY {order}" + (f" LIMIT {int(limit)}" if limit else "")
    )


def _dimension(name: str) -> str:
    if sql := DIMENSIONS.get(name):
        return sql
    key = name.removeprefix(_METADATA)
    if key != name and _KEY.fullmatch(key):
        # As a JSON pointer, in which nothing stands for more than itself.
        pointer = key.replace("~", "~0").replace("/", "~1").replace("'", "''")
        return f"coalesce(json_extract_string(metadata, '/{pointer}'), '')"
    known = ", ".join([*DIMENSIONS, f"{_METADATA}KEY"])
    raise RequestError(f"by={name!r} isn't something to tell usage by.", mend=f"Choose: {known}.")


def _alias(name: str) -> str:
    return name.replace('"', "")


def errors(log: Activity) -> list[Row]:
    """Refused and failed calls: `error`, `model`, `identity`, `calls`, `share` of the calls of that
    model and identity, `first`, `last`, and `request_id` of the last one.

    Args:
        log: The records.
    """  # noqa: D205 - the list of columns is one sentence
    return log.rows(
        """WITH known AS (
            SELECT error, coalesce(model, '') AS model, coalesce(identity, '') AS identity, time,
                request_id
            FROM calls
        ), asked AS (
            SELECT model, identity, count(*) AS calls FROM known GROUP BY ALL
        )
        SELECT error, model, identity, count(*) AS calls,
            count(*) / any_value(asked.calls) AS share, min(time) AS first, max(time) AS last,
            arg_max(request_id, time) AS request_id
        FROM known JOIN asked USING (model, identity)
        WHERE error IS NOT NULL
        GROUP BY error, model, identity
        ORDER BY count(*) DESC, error, model, identity"""
    )
