"""What was spent, and what could have been saved: endpoints, cache, batches.

Rules: list prices of the catalog, in US dollars; a saving is the difference between what a call
cost and what it would have cost, call by call, over the calls that have both prices.

- Global: the same calls by the global endpoint, where a regional one's premium was paid.
- Cache: what reading from the cache saved against reading anew, less what writing to it cost beyond
  plain input. Misses: prompts of 4,096 tokens or more that neither read nor wrote.
- Batch: calls that look like nobody waited for them: not streamed, and not fewer than 20 by the
  same identity and model within the same hour, none of which used the cache.

Sources: Amazon Bedrock User Guide, "Prompt caching" and "Batch inference"; prices are those of
`outcrop.catalog.prices`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from outcrop.activity.engine import Activity

Row = dict[str, Any]

#: Tokens of a prompt from which on every model can cache it (the largest of the models' minima).
CACHEABLE: Final = 4096
#: What is summed over models and endpoints.
_SUMS: Final = (
    *("input", "output", "cache_read", "cache_write", "unpriced", "premium", "premium_calls"),
    *("cache_saving", "cache_reads", "cache_writes", "cache_misses"),
)
#: Calls an hour of one identity and model from which on they look like a batch's.
BATCH_CALLS: Final = 20


@dataclass(frozen=True, slots=True)
class Costs:
    """What was spent, in US dollars.

    Attributes:
        total: All of it.
        input: For prompts, beside the cache.
        output: For answers.
        cache_read: For what was read from the cache.
        cache_write: For what was written to it.
        unpriced: Calls that used tokens and have no price.
        premium: What of the total the premium of regional endpoints came to; by the global
            endpoint, that would have been saved.
        premium_calls: The calls that paid it.
        by_endpoint: `endpoint`, `calls`, `cost`, `premium`.
        by_model: `model`, `endpoint`, `calls`, `cost`, `premium`, `cache_saving`.
        cache_saving: What caching saved; negative if it cost more than it saved.
        cache_reads: Calls that read from the cache.
        cache_writes: Calls that wrote to it.
        cache_misses: Calls with long prompts that did neither.
        unread_writes: What writing cost beyond plain input, by models and identities that read
            nothing on the same day.
        batch_calls: Calls that look like a batch's.
        batch_cost: What they cost.
        batch_saving: What batch inference would have saved of that; of calls whose model has a
            batch price.
    """

    total: float
    input: float
    output: float
    cache_read: float
    cache_write: float
    unpriced: int
    premium: float
    premium_calls: int
    by_endpoint: list[Row]
    by_model: list[Row]
    cache_saving: float
    cache_reads: int
    cache_writes: int
    cache_misses: int
    unread_writes: float
    batch_calls: int
    batch_cost: float
    batch_saving: float


def costs(log: Activity) -> Costs:
    """What was spent, and what could have been saved.

    Args:
        log: The records.
    """
    rows = log.rows(
        f"""SELECT coalesce(model, '') AS model, coalesce(endpoint, '') AS endpoint,
        count(*) AS calls,
        coalesce(sum(cost), 0)::DOUBLE AS cost,
        coalesce(sum(cost_input) FILTER (cost IS NOT NULL), 0)::DOUBLE AS input,
        coalesce(sum(cost_output) FILTER (cost IS NOT NULL), 0)::DOUBLE AS output,
        coalesce(sum(cost_cache_read) FILTER (cost IS NOT NULL), 0)::DOUBLE AS cache_read,
        coalesce(sum(cost_cache_write) FILTER (cost IS NOT NULL), 0)::DOUBLE AS cache_write,
        count(*) FILTER (cost IS NULL) AS unpriced,
        coalesce(sum(regional_premium), 0)::DOUBLE AS premium,
        count(*) FILTER (regional_premium > 0) AS premium_calls,
        coalesce(sum(cache_saving), 0)::DOUBLE AS cache_saving,
        count(*) FILTER (cache_read_tokens > 0) AS cache_reads,
        count(*) FILTER (cache_write_tokens > 0) AS cache_writes,
        count(*) FILTER (cache_read_tokens + cache_write_tokens = 0 AND input_tokens >= {CACHEABLE})
            AS cache_misses
        FROM calls GROUP BY ALL ORDER BY cost DESC, model, endpoint"""  # noqa: S608 - constants
    )
    sums: Row = {name: sum(row[name] for row in rows) for name in _SUMS}
    told = ("calls", "cost", "premium")
    places = {row["endpoint"]: dict.fromkeys(told, 0) for row in rows}
    for row in rows:
        place = places[row["endpoint"]]
        for name in told:
            place[name] += row[name]
    by_endpoint: list[Row] = [{"endpoint": name, **place} for name, place in places.items()]
    by_endpoint.sort(key=lambda row: (-row["cost"], row["endpoint"]))
    columns = ("model", "endpoint", *told, "cache_saving")
    by_model = [{name: row[name] for name in columns} for row in rows]
    [unread] = log.rows(
        """WITH days AS (
            SELECT sum(cache_saving) AS saving, sum(cache_read_tokens) AS read FROM calls
            WHERE cache_read_tokens + cache_write_tokens > 0 GROUP BY day, model, identity
        )
        SELECT coalesce(-sum(saving) FILTER (read = 0), 0)::DOUBLE AS unread_writes FROM days"""
    )
    [batch] = log.rows(
        f"""WITH hours AS (
            SELECT count(*) AS calls, sum(cost)::DOUBLE AS cost,
                sum(batch_saving)::DOUBLE AS saving,
                bool_or(cache_read_tokens + cache_write_tokens > 0) AS cached
            FROM calls WHERE NOT stream AND error IS NULL
            GROUP BY date_trunc('hour', time), model, identity
        )
        SELECT coalesce(sum(calls), 0)::BIGINT AS batch_calls,
            coalesce(sum(cost), 0)::DOUBLE AS batch_cost,
            coalesce(sum(saving), 0)::DOUBLE AS batch_saving
        FROM hours WHERE calls >= {BATCH_CALLS} AND NOT cached"""  # noqa: S608 - constants
    )
    total = sum(row["cost"] for row in rows)
    return Costs(**sums, **unread, **batch, total=total, by_endpoint=by_endpoint, by_model=by_model)
