"""The models that the catalog knows, with what is true of each.

Rules: one row of `data/models.json` is one model; a column states a capability, so that nobody asks
a model's name what it can do. Rows carry their sources (keys are spelled out at the head of the
data).
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

Routes = dict[str, list[str]]


class Lifecycle(msgspec.Struct, frozen=True):
    """Where a model is in its life (Amazon Bedrock User Guide, "Model lifecycle").

    Dates are ISO 8601 days; a month where the day isn't published.
    """

    status: Literal["ACTIVE", "LEGACY", "EOL", "GATED"]
    legacy: str | None = None
    extended_access: str | None = None
    end: str | None = None
    no_end_before: str | None = None
    leftovers: bool = False
    note: str | None = None


class Model(msgspec.Struct, frozen=True):
    """One Claude model on Amazon Bedrock.

    Attributes:
        id: Base ID, such as `anthropic.claude-opus-4-8`.
        name: Display name, as ListFoundationModels gives it.
        first_party: Anthropic's own name, which replies carry in `model`.
        launch: Day (or month) of launch on Bedrock.
        context: Input window, in tokens.
        max_output: Largest `max_tokens`.
        input: Modalities that it reads: TEXT, IMAGE.
        api_versions: Values of `anthropic_version` that it accepts, the one to send first.
        tokenizer: Which generation of Claude's tokenizer counts for it.
        sampling: Whether it takes temperature, top_p and top_k.
        prefill: Whether the conversation may end with an assistant message.
        one_of_temperature_and_top_p: Whether it refuses both together.
        one_million: Context of 1M tokens: `native`, `ended` (was a beta) or `no`.
        profiles: Prefix → source region → destination regions (empty where not published);
            `common` stands for the geography's usual map, which `routes` looks up.
        in_region: Regions where the base ID works on demand.
        count_tokens: Whether CountTokens takes its base ID (Amazon Bedrock User Guide, "Monitor
            your token usage by counting tokens before running inference").
    """

    id: str
    name: str
    first_party: str
    launch: str
    lifecycle: Lifecycle
    context: int
    max_output: int
    input: list[str]
    api_versions: list[str]
    tokenizer: Literal["4.6", "4.7"]
    sampling: bool
    prefill: bool
    one_of_temperature_and_top_p: bool
    one_million: Literal["native", "ended", "no"]
    profiles: dict[str, Routes | list[str] | str]
    in_region: list[str]
    source: str
    as_of: str
    uncertain_profiles: list[str] = []
    count_tokens: bool = False

    def routes(self, prefix: str) -> Routes:
        """Source region → destination regions of one of its profiles; {} if it has none.

        The destinations of `global` aren't published: each list is empty.
        """
        own = self.profiles.get(prefix)
        if own is None:
            return {}
        if own == "common":
            own = _geographies()[prefix]
        if isinstance(own, dict):
            return own
        return {source: [] for source in own}


class _Catalog(msgspec.Struct, frozen=True):
    as_of: str
    sources: dict[str, str]
    models: list[Model]


class Partition(msgspec.Struct, frozen=True):
    """A partition of AWS: the DNS suffix of its hosts, and its regions with Bedrock."""

    suffix: str
    regions: list[str]


class _Regions(msgspec.Struct, frozen=True):
    as_of: str
    fips_regions: list[str]
    partitions: dict[str, Partition]
    geographies: dict[str, dict[str, Any]]


class _Beta(msgspec.Struct, frozen=True):
    flag: str
    accepted: bool
    source: str


class _Betas(msgspec.Struct, frozen=True):
    as_of: str
    betas: list[_Beta]


def _data(name: str) -> bytes:
    return files("outcrop.catalog").joinpath("data", name).read_bytes()


@lru_cache(maxsize=1)
def _catalog() -> _Catalog:
    return msgspec.json.decode(_data("models.json"), type=_Catalog)


@lru_cache(maxsize=1)
def _regions() -> _Regions:
    return msgspec.json.decode(_data("regions.json"), type=_Regions)


@lru_cache(maxsize=1)
def _geographies() -> dict[str, Routes | list[str]]:
    return {
        prefix: row.get("routes") or row["sources"]
        for prefix, row in _regions().geographies.items()
    }


@lru_cache(maxsize=1)
def _by_id() -> dict[str, Model]:
    return {model.id: model for model in _catalog().models}


def as_of() -> str:
    """The day whose facts these are, ISO 8601."""
    return _catalog().as_of


def models() -> list[Model]:
    """All models, newest family first."""
    return list(_catalog().models)


def find(base_id: str | None) -> Model | None:
    """The model of a base ID, or None if the catalog doesn't know it."""
    return _by_id().get(base_id) if base_id else None


def partitions() -> dict[str, Partition]:
    """AWS's partitions by name (botocore, `endpoints.json`)."""
    return _regions().partitions


def regions() -> list[str]:
    """Every region with Bedrock, in all partitions."""
    return [region for partition in partitions().values() for region in partition.regions]


@lru_cache(maxsize=1)
def betas() -> frozenset[str]:
    """The flags of `anthropic_beta` that InvokeModel is known to accept."""
    rows = msgspec.json.decode(_data("betas.json"), type=_Betas).betas
    return frozenset(row.flag for row in rows if row.accepted)
