"""What tokens cost: list prices by model, endpoint and kind of token, and the cost of a reply.

Rules: `data/prices.json` has the list price of the global endpoint once a model; the other
endpoints, batch and long prompts are factors of it, each with its source. What has no published
price has none here: a number is never guessed, and a missing one comes with its reason. Money is
exact (`Decimal`) and not rounded. It is an estimate from list prices: the bill is AWS's.
Source: the data's rows; Anthropic, "Pricing" (multiples of the input price for caching).
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import msgspec
from msgspec import Struct

from outcrop.catalog import models

if TYPE_CHECKING:
    from collections.abc import Mapping

Endpoint = Literal["global", "regional", "in-region", "unknown"]

KINDS: Final = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")
_MILLION: Final = Decimal(1_000_000)
_ONE: Final = Decimal(1)
_ZERO: Final = Decimal(0)


class LongContext(msgspec.Struct, frozen=True):
    """Dearer prompts: the whole request, once its prompt is longer than `above` tokens.

    Attributes:
        above: The longest prompt at the list price, in tokens.
        input: Factor of the list price of what is read, the cache's reads and writes included.
        output: Factor of the list price of what is written.
        ended: Whether AWS has stopped offering such prompts on this model.
    """

    above: int
    input: Decimal
    output: Decimal
    ended: bool = False


class Row(msgspec.Struct, frozen=True):
    """A model's list prices on the global endpoint, in USD per million tokens.

    Attributes:
        id: The model's base ID.
        input: Tokens of the prompt that the cache neither read nor wrote.
        output: Tokens of the answer.
        cache_write_5m: Tokens written to the cache for five minutes; None if not published.
        cache_write_1h: The same for one hour.
        cache_read: Tokens read from the cache.
        premium: Whether the premiums of other endpoints apply.
    """

    id: str
    input: Decimal
    output: Decimal
    source: str
    as_of: str
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    cache_read: Decimal | None = None
    premium: bool = True
    long_context: LongContext | None = None
    note: str | None = None


class Premium(msgspec.Struct, frozen=True):
    """The factor of an endpoint's prices over those of the global endpoint."""

    endpoint: Literal["global", "regional", "in-region", "us-gov"]
    factor: Decimal
    source: str
    as_of: str
    uncertain: str | None = None


class Batch(msgspec.Struct, frozen=True):
    """The factors of batch inference."""

    input: Decimal
    output: Decimal
    source: str
    as_of: str


class Prices(msgspec.Struct, frozen=True):
    """A whole price list."""

    as_of: str
    currency: str
    premiums: list[Premium]
    batch: Batch
    models: list[Row]

    def row(self, base_id: str) -> Row | None:
        """A model's list prices, None if there are none."""
        return next((row for row in self.models if row.id == base_id), None)


class Price(Struct, frozen=True):
    """What a million tokens cost on a route, by kind; None for a kind without a published price.

    Attributes:
        input: Of the prompt, beside the cache.
        output: Of the answer.
        cache_write_5m: Written to the cache for five minutes.
        cache_write_1h: Written to the cache for one hour.
        cache_read: Read from the cache.
        premium: How much dearer than the global endpoint: 0.1 for 10 %.
        currency: ISO 4217.
        source: Where the numbers are from.
        as_of: The day on which they were so, ISO 8601.
        reason: Why a number is missing; empty if none is.
        notes: What else matters, such as a surcharge for a long prompt.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    cache_read: Decimal | None = None
    premium: Decimal | None = None
    currency: str = "USD"
    source: str = ""
    as_of: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()


class Cost(Struct, frozen=True):
    """What a reply cost, by list prices.

    Attributes:
        amount: The sum; None where a price that it needs isn't known.
        currency: ISO 4217.
        input: For the prompt, beside the cache.
        output: For the answer.
        cache_write: For what was written to the cache.
        cache_read: For what was read from the cache.
        reason: Why there is no amount; empty if there is one.
    """

    amount: Decimal | None
    currency: str = "USD"
    input: Decimal | None = None
    output: Decimal | None = None
    cache_write: Decimal | None = None
    cache_read: Decimal | None = None
    reason: str = ""


@lru_cache(maxsize=1)
def shipped() -> Prices:
    """The price list that comes with this release."""
    return msgspec.json.decode(models.read_data("prices.json"), type=Prices)


def price(
    model: str,
    *,
    endpoint: Endpoint = "global",
    region: str = "us-east-1",
    context_tokens: int = 0,
    batch: bool = False,
    prices: Prices | None = None,
) -> Price:
    """What a million tokens of a model cost on an endpoint.

    Args:
        model: Base ID, such as `anthropic.claude-opus-4-8`.
        endpoint: Which kind of endpoint serves it.
        region: The source region; GovCloud has prices of its own.
        context_tokens: Length of the prompt, for models that charge more for a long one.
        batch: A job of batch inference.
        prices: The price list; the shipped one if None.

    Returns:
        The price; with `reason` and without numbers where none is published.
    """
    prices = prices or shipped()
    row = prices.row(model)
    if row is None:
        return Price(reason=f"No price is known for {model}.")
    partition = models.partition(region)
    if endpoint == "unknown":
        return Price(reason=f"The endpoint that serves {model} isn't known, so its price isn't.")
    if partition not in ("aws", "aws-us-gov"):
        return Price(reason=f"No price is known for {region}.")
    place = "us-gov" if partition == "aws-us-gov" else endpoint
    rule = next(rule for rule in prices.premiums if rule.endpoint == place)
    factor = rule.factor if row.premium else _ONE
    numbers = {
        kind: None if (number := getattr(row, kind)) is None else number * factor for kind in KINDS
    }
    notes = [f"uncertain: {rule.uncertain}"] if rule.uncertain and row.premium else []
    if row.note:
        notes.append(row.note)
    reason = _missing(numbers)
    long = row.long_context
    if long is not None and context_tokens > long.above:
        numbers = {
            kind: number and number * (long.output if kind == "output" else long.input)
            for kind, number in numbers.items()
        }
        notes.append(f"the prompt is longer than {long.above} tokens")
    if batch:
        reason = "Batch inference has no published prices for caching."
        numbers = {
            kind: number and number * getattr(prices.batch, kind)
            for kind, number in numbers.items()
            if kind in ("input", "output")
        }
    return Price(
        **numbers,
        premium=factor - 1,
        currency=prices.currency,
        source=row.source if factor == 1 else f"{row.source}; premium: {rule.source}",
        as_of=row.as_of,
        reason=reason,
        notes=tuple(notes),
    )


def _missing(numbers: Mapping[str, Decimal | None]) -> str:
    names = [kind for kind, number in numbers.items() if number is None]
    return f"No price is published for {', '.join(names)}." if names else ""


def prompt_tokens(usage: Mapping[str, Any]) -> int:
    """The length of the prompt in a reply's `usage`: what was read, wherever it came from."""
    written = sum(_written(usage))
    return _count(usage, "input_tokens") + written + _count(usage, "cache_read_input_tokens")


def cost(usage: Mapping[str, Any], price: Price) -> Cost:
    """What a reply cost.

    Args:
        usage: The `usage` of a reply, as JSON. Cache writes that it doesn't split by life are
            taken for those of five minutes, Bedrock's default.
        price: What a million tokens cost on its route, at the length of its prompt
            (`prompt_tokens`).

    Returns:
        The cost; without an amount where a price is missing that it needs.
    """
    five_minutes, one_hour = _written(usage)
    parts = {
        "input": _times(_count(usage, "input_tokens"), price.input),
        "output": _times(_count(usage, "output_tokens"), price.output),
        "cache_write": _sum(
            _times(five_minutes, price.cache_write_5m), _times(one_hour, price.cache_write_1h)
        ),
        "cache_read": _times(_count(usage, "cache_read_input_tokens"), price.cache_read),
    }
    amount = _sum(*parts.values())
    reason = "" if amount is not None else price.reason or "A price is missing."
    return Cost(amount, price.currency, **parts, reason=reason)


def _written(usage: Mapping[str, Any]) -> tuple[int, int]:
    """Tokens written to the cache for five minutes and for one hour."""
    total = _count(usage, "cache_creation_input_tokens")
    split = usage.get("cache_creation")
    if not isinstance(split, dict):
        return total, 0
    lives = cast("dict[str, Any]", split)
    one_hour = _count(lives, "ephemeral_1h_input_tokens")
    return max(total - one_hour, _count(lives, "ephemeral_5m_input_tokens")), one_hour


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _times(tokens: int, number: Decimal | None) -> Decimal | None:
    """Nothing costs nothing, even where the price isn't known."""
    if tokens == 0:
        return _ZERO
    return None if number is None else tokens * number / _MILLION


def _sum(*amounts: Decimal | None) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, _ZERO) if len(known) == len(amounts) else None
