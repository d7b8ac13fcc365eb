"""How calls use up the tokens a minute: what is held back at the start, what is taken at the end.

Rules: default quotas only, in `data/quotas.json`; what an account really has stands in Service
Quotas. A rate that AWS doesn't name for a model is the cautious one and says so.
Source: Amazon Bedrock User Guide, "How tokens are counted in Amazon Bedrock" (token burndown);
AWS General Reference, "Amazon Bedrock endpoints and quotas".
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from outcrop.catalog import models
from outcrop.catalog.prices import prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.catalog.models import Model

MINUTES_A_DAY = 24 * 60


class Quota(msgspec.Struct, frozen=True):
    """A model's quotas.

    Attributes:
        id: The model's base ID.
        burndown: How many tokens of the quota a token of output takes.
        burndown_uncertain: Why that rate may be another, None if AWS names it.
        tokens_per_minute: Endpoint → default quota, where AWS publishes one.
        requests_per_minute: Default quota; None where there is none any more.
        messages_tokens_per_minute: Input and output on the Messages route, which count apart.
        codes: Endpoint → `tpm`, `rpm`, `tpd` → code in Service Quotas (service `bedrock`).
    """

    id: str
    burndown: int
    source: str
    as_of: str
    burndown_uncertain: str | None = None
    tokens_per_minute: dict[Literal["global", "regional", "in-region"], int] = {}
    requests_per_minute: int | None = None
    messages_tokens_per_minute: tuple[int, int] | None = None
    codes: dict[Literal["global", "regional", "in-region"], dict[str, str]] = {}


class Quotas(msgspec.Struct, frozen=True):
    """All that is known of quotas."""

    as_of: str
    models: list[Quota]

    def row(self, base_id: str) -> Quota | None:
        """A model's quotas, None if nothing is known."""
        return next((row for row in self.models if row.id == base_id), None)


@lru_cache(maxsize=1)
def shipped() -> Quotas:
    """The quotas that come with this release."""
    return msgspec.json.decode(models.read_data("quotas.json"), type=Quotas)


def reserved(model: Model, *, prompt: int, max_tokens: int | None) -> int:
    """Tokens of the quota that are held back when a call begins.

    "The total input tokens plus max_tokens": the whole prompt counts, whether or not the cache has
    it, and the model's largest output where a request names none.

    Args:
        model: Which is called.
        prompt: Length of the prompt, in tokens.
        max_tokens: Of the request.
    """
    return prompt + (model.max_output if max_tokens is None else max_tokens)


def settled(usage: Mapping[str, Any], *, burndown: int) -> int:
    """Tokens of the quota that a call has taken in the end; what was held back beyond is free.

    Tokens read from the cache aren't counted, tokens of output `burndown` times.

    Args:
        usage: The `usage` of the reply, as JSON.
        burndown: The model's rate.
    """
    read = usage.get("cache_read_input_tokens")
    output = usage.get("output_tokens")
    fresh = prompt_tokens(usage) - (read if isinstance(read, int) else 0)
    return fresh + burndown * (output if isinstance(output, int) else 0)


def tokens_per_day(tokens_per_minute: int) -> int:
    """The default quota a day; new accounts are given less."""
    return tokens_per_minute * MINUTES_A_DAY
