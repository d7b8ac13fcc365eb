"""The models that the catalog knows, with what is true of each.

Rules: one row of `data/models.json` is one model; a column states a capability, so that nobody asks
a model's name what it can do. Rows carry their sources (keys are spelled out at the head of the
data).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

Routes = dict[str, list[str]]

#: The newest `anthropic_version`, which only models take that list it in `api_versions`.
LATEST: Final = "2026-10-21"


class Lifecycle(msgspec.Struct, frozen=True):
    """Where a model is in its life (Amazon Bedrock User Guide, "Model lifecycle").

    Dates are ISO 8601 days; a month where the day isn't published.

    Attributes:
        status: That of the catalog's day.
        legacy: Since when new accounts can't start with it.
        extended_access: Since when AWS may charge more for it.
        end: When calls begin to fail; in all regions, or in most where it has leftovers.
        no_end_before: What AWS promises for a model that isn't legacy yet.
        leftovers: Whether it has ended except in the regions that are listed for it.
        ended_in: Region → day of its end there, where that is known of single regions.
    """

    status: Literal["ACTIVE", "LEGACY", "EOL", "GATED"]
    legacy: str | None = None
    extended_access: str | None = None
    end: str | None = None
    no_end_before: str | None = None
    leftovers: bool = False
    note: str | None = None
    ended_in: dict[str, str] = {}


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
        thinking: Kinds of thinking that it takes as `thinking.type`; none at all if it can't
            think (Anthropic, "Troubleshooting thinking"; migration guides of the 5.5 models).
        thinking_by_default: Whether it thinks when a request doesn't mention thinking.
        thinking_display: What `thinking.display` is when a request doesn't say.
        one_of_temperature_and_top_p: Whether it refuses both together.
        one_million: Context of 1M tokens: `native`, `ended` (was a beta) or `no`.
        profiles: Prefix → source region → destination regions (empty where not published);
            `common` stands for the geography's usual map, which `routes` looks up.
        in_region: Regions where the base ID works on demand.
        count_tokens: Whether CountTokens takes its base ID (Amazon Bedrock User Guide, "Monitor
            your token usage by counting tokens before running inference").
        effort: Levels of `output_config.effort`, none if it takes no effort (pydantic-ai 2.68,
            langchain-aws 1.9.1).
        effort_without_thinking: The levels while thinking is disabled; empty for the same.
        effort_beta: The flag of `anthropic_beta` that effort needs, if any; pydantic-ai 2.68 says
            of the one model that needs it that it takes none at all.
        message_effort: Whether single messages may have an effort of their own.
        forced_tools: Whether `tool_choice` may name a tool or demand any.
        structured_outputs: Whether it answers by a JSON schema (`output_config.format`): `try`
            where its card says no and others have seen it do so (pydantic-ai 2.68, litellm 1.109).
        computer_tool: The type of its computer-use tool, None if it has none.
        tool_search: Whether it can search for tools.
        pdf: Whether it reads PDF documents.
        automatic_caching: Whether InvokeModel takes `cache_control` at the top of the body.
        cache_minimum: Tokens from which on a prefix is cached; None if it caches no prompts
            (Amazon Bedrock User Guide, "Prompt caching for faster model inference").
        cache_ttl_1h: Whether it keeps a cached prefix for an hour, when asked to.
        cache_note: What isn't certain of these.
        messages_regions: Regions where the Messages route (`bedrock-mantle`) has it.
        messages_id: Its name on the Messages route, where that isn't `id`.
        data_retention: Whether the account must choose a data-retention mode first.
        access: `limited`: its card says "See Access" rather than open to all.
        disputed: Prefix → who says what, where sources contradict `profiles`; or a region of
            `in_region`.
        uncertain_profiles: Prefixes whose source regions no list of AWS's API confirms yet.
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
    thinking: list[Literal["adaptive", "between_tools", "disabled", "enabled"]]
    uncertain_profiles: list[str] = []
    thinking_by_default: bool = False
    thinking_display: Literal["summarized", "omitted"] = "summarized"
    count_tokens: bool = False
    effort: list[Literal["low", "medium", "high", "xhigh", "max"]] = []
    effort_without_thinking: list[Literal["low", "medium", "high"]] = []
    effort_beta: str | None = None
    message_effort: bool = False
    forced_tools: bool = True
    structured_outputs: Literal["yes", "try", "no"] = "no"
    computer_tool: str | None = None
    tool_search: bool = False
    pdf: bool = False
    automatic_caching: bool = False
    cache_minimum: int | None = None
    cache_ttl_1h: bool = False
    cache_note: str | None = None
    messages_regions: list[str] = []
    messages_id: str | None = None
    data_retention: bool = False
    access: Literal["open", "limited", "invitation"] = "open"
    disputed: dict[str, str] = {}

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
    """A partition of AWS: the DNS suffixes of its hosts, and its regions with Bedrock."""

    suffix: str
    dual_stack: str
    regions: list[str]


class _Areas(msgspec.Struct, frozen=True):
    regions: dict[str, list[str]]


class _Messages(msgspec.Struct, frozen=True):
    regions: list[str]


class _Regions(msgspec.Struct, frozen=True):
    as_of: str
    fips_regions: list[str]
    partitions: dict[str, Partition]
    geographies: dict[str, dict[str, Any]]
    areas: _Areas
    messages: _Messages


class _Beta(msgspec.Struct, frozen=True):
    flag: str
    accepted: bool
    converse: bool | None
    messages: bool | None
    source: str


class _Betas(msgspec.Struct, frozen=True):
    as_of: str
    betas: list[_Beta]


def read_data(name: str) -> bytes:
    """A file of the shipped data."""
    # By whatever loaded this module: importlib.resources is a tenth of a first call's time.
    loader: Any = __spec__.loader  # pyright: ignore[reportOptionalMemberAccess]
    return loader.get_data(__file__.removesuffix("models.py") + f"data/{name}")


@lru_cache(maxsize=1)
def _catalog() -> _Catalog:
    return msgspec.json.decode(read_data("models.json"), type=_Catalog)


@lru_cache(maxsize=1)
def _regions() -> _Regions:
    return msgspec.json.decode(read_data("regions.json"), type=_Regions)


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


def sources() -> dict[str, str]:
    """What the keys in the rows' `source` stand for."""
    return dict(_catalog().sources)


def models() -> list[Model]:
    """All models, newest family first."""
    return list(_catalog().models)


def find(base_id: str | None) -> Model | None:
    """The model of a base ID, or None if the catalog doesn't know it."""
    return _by_id().get(base_id) if base_id else None


@lru_cache(maxsize=1)
def _on_messages_route() -> dict[str, Model]:
    return {model.messages_id or model.id: model for model in models() if model.messages_regions}


def find_on_messages_route(name: object) -> Model | None:
    """The model of a name on the Messages route (`bedrock-mantle`), None if it has no such."""
    return _on_messages_route().get(name) if isinstance(name, str) else None


def partitions() -> dict[str, Partition]:
    """AWS's partitions by name (botocore, `endpoints.json`)."""
    return _regions().partitions


def regions() -> list[str]:
    """Every region with Bedrock, in all partitions."""
    return [region for partition in partitions().values() for region in partition.regions]


def partition(region: str) -> str:
    """The name of the partition that a region is in; `aws` for one that isn't known."""
    return next((name for name, row in partitions().items() if region in row.regions), "aws")


def fips_regions() -> list[str]:
    """Regions with FIPS endpoints (botocore, `endpoints.json`)."""
    return _regions().fips_regions


def messages_regions() -> list[str]:
    """Regions with the Messages route (Amazon Bedrock User Guide, "Endpoints")."""
    return _regions().messages.regions


def areas() -> dict[str, list[str]]:
    """Areas to stay in, each with its regions."""
    return _regions().areas.regions


@lru_cache(maxsize=3)
def betas(path: Literal["invoke", "converse", "messages"] = "invoke") -> frozenset[str]:
    """The flags of `anthropic_beta` that an API path is known to accept."""
    rows = msgspec.json.decode(read_data("betas.json"), type=_Betas).betas
    column = {"invoke": "accepted"}.get(path, path)
    return frozenset(row.flag for row in rows if getattr(row, column))


@lru_cache(maxsize=4)
def refused_betas(path: Literal["invoke", "converse", "messages"] = "invoke") -> frozenset[str]:
    """The flags of `anthropic_beta` that an API path is known to refuse."""
    rows = msgspec.json.decode(read_data("betas.json"), type=_Betas).betas
    column = {"invoke": "accepted"}.get(path, path)
    return frozenset(row.flag for row in rows if getattr(row, column) is False)
