"""The SQL of the views that questions are asked of: `calls`, `contents`, `files` and `trail`.

Rules: figures are computed here and nowhere else; prices, models and endpoints come from the
catalog, by a small table with a row for each pair of model ID and region that occurs; what a call
cost isn't known where a price is missing that it needs, and then it is NULL.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from outcrop.catalog import ids, models, prices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outcrop.catalog.prices import Endpoint

#: Whose call it is, as a person asks: a role's sessions are one identity, since their names change
#: with every task; people (IAM Identity Center) are told apart by them.
WHO: Final = """
    CASE
        WHEN identity IS NULL OR identity = '' THEN 'unknown'
        WHEN contains(identity, ':assumed-role/')
            AND NOT contains(identity, ':assumed-role/AWSReservedSSO_')
            THEN regexp_replace(identity, '(:assumed-role/[^/]+)/.*', '\\1')
        ELSE identity
    END"""

#: Columns of the table `routes`, a row for each model ID and region.
ROUTES: Final = """
CREATE OR REPLACE TABLE routes (
    model_id VARCHAR, region VARCHAR, model VARCHAR, endpoint VARCHAR,
    input DOUBLE, output DOUBLE, cache_write_5m DOUBLE, cache_write_1h DOUBLE, cache_read DOUBLE,
    premium DOUBLE, batch_input DOUBLE, batch_output DOUBLE,
    long_above BIGINT, long_input DOUBLE, long_output DOUBLE
)"""

_PROMPT: Final = "(input_tokens + cache_read_tokens + cache_write_tokens)"
_FIVE: Final = "greatest(cache_write_tokens - cache_write_1h_tokens, 0)"
_LONG: Final = f"(long_above IS NOT NULL AND {_PROMPT} > long_above)"


def _cost(tokens: str, price: str, factor: str) -> str:
    """Nothing costs nothing, even where the price isn't known."""
    return f"""CASE WHEN {tokens} = 0 THEN 0
        ELSE {tokens} * {price} * CASE WHEN {_LONG} THEN {factor} ELSE 1 END / 1e6 END"""


#: Over `recorded`, all records however they lie, and `routes`.
CALLS: Final = f"""
CREATE OR REPLACE VIEW calls AS
WITH priced AS (
    SELECT
        try_cast(timestamp AS TIMESTAMP) AS time,
        account, region, inference_region, request_id, operation,
        ends_with(operation, 'Stream') AS stream,
        model_id,
        coalesce(model, model_id) AS model,
        endpoint, identity,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens,
        max_tokens, latency_ms, first_byte_ms, stop_reason, error,
        metadata::JSON AS metadata,
        source, premium, batch_input, batch_output,
        {_cost("input_tokens", "input", "long_input")} AS cost_input,
        {_cost("output_tokens", "output", "long_output")} AS cost_output,
        {_cost("cache_read_tokens", "cache_read", "long_input")} AS cost_cache_read,
        {_cost(_FIVE, "cache_write_5m", "long_input")}
            + {_cost("cache_write_1h_tokens", "cache_write_1h", "long_input")} AS cost_cache_write,
        {_cost("cache_read_tokens", "input", "long_input")} AS uncached_read,
        {_cost("cache_write_tokens", "input", "long_input")} AS uncached_write
    FROM recorded LEFT JOIN routes USING (model_id, region)
)
SELECT
    time, CAST(time AS DATE) AS day, account, region, inference_region, request_id, operation,
    stream, model_id, model, endpoint, identity,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens,
    max_tokens,
    cost_input + cost_output + cost_cache_read + cost_cache_write AS cost,
    cost_input, cost_output, cost_cache_read, cost_cache_write,
    (cost_input + cost_output + cost_cache_read + cost_cache_write)
        * premium / (1 + premium) AS regional_premium,
    uncached_read + uncached_write - cost_cache_read - cost_cache_write AS cache_saving,
    CASE WHEN cache_read_tokens + cache_write_tokens = 0
        THEN cost_input + cost_output
            - input_tokens * batch_input / 1e6 - output_tokens * batch_output / 1e6
        END AS batch_saving,
    latency_ms, first_byte_ms, stop_reason, error, metadata, source
FROM priced
"""  # noqa: S608 - constants

#: Columns of the table `trail`, which CloudTrail's events become.
TRAIL: Final = """
CREATE OR REPLACE TABLE trail (
    time TIMESTAMP, event_name VARCHAR, event_source VARCHAR, region VARCHAR, identity VARCHAR,
    access_key_id VARCHAR, source_ip VARCHAR, user_agent VARCHAR, error VARCHAR,
    request_id VARCHAR, source VARCHAR
)"""

FILES: Final = """
CREATE OR REPLACE TABLE files (
    file VARCHAR, bytes BIGINT, records BIGINT, damaged BIGINT, lost BIGINT, reason VARCHAR
)"""


def routes(pairs: Iterable[tuple[str | None, str | None]]) -> list[tuple[Any, ...]]:
    """The rows of the table `routes`.

    Args:
        pairs: Model IDs and regions that occur.
    """
    return [(model_id, region, *_route(model_id or "", region or "")) for model_id, region in pairs]


def _route(model_id: str, region: str) -> tuple[Any, ...]:
    address = ids.parse(model_id)
    base = address.base_id
    if base is None:
        kind = "application" if address.kind == "application-profile" else None
        return (None, kind, *[None] * 11)
    place, endpoint = _endpoint(address.prefix)
    known = models.find(base)
    base = known.id if known else base
    region = region or "us-east-1"
    price = prices.price(base, endpoint=endpoint, region=region)
    batch = prices.price(base, endpoint=endpoint, region=region, batch=True)
    row = prices.shipped().row(base)
    long = row.long_context if row else None
    numbers = [getattr(price, kind) for kind in prices.KINDS]
    # Where there is no global endpoint, as in GovCloud, nothing is saved by it.
    elsewhere = known is not None and region in known.routes("global")
    numbers += [price.premium if elsewhere or price.premium is None else Decimal(0)]
    numbers += [batch.input, batch.output]
    return (
        base,
        place,
        *[None if number is None else float(number) for number in numbers],
        long.above if long else None,
        float(long.input) if long else None,
        float(long.output) if long else None,
    )


def _endpoint(prefix: str | None) -> tuple[str, Endpoint]:
    """What a call's endpoint is called here, and by the price list."""
    if prefix is None:
        return "in-region", "in-region"
    return (prefix, "global") if prefix == "global" else (prefix, "regional")
