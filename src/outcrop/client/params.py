"""What `messages.create(...)` takes, as typed keyword arguments.

For type checkers: the client itself imports only the names that stand for a left-out argument.
Source: the official SDK's `messages.create`; AWS's documentation of InvokeModel bodies for Claude.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Required, TypedDict

from outcrop.messages.params import MessageCreateParamsBase

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from outcrop.bedrock.call import Timeout
    from outcrop.catalog.options import Wish
    from outcrop.client.request import Api, NotGiven
    from outcrop.client.tools import Tool
    from outcrop.messages.params import (
        ContainerParams,
        DiagnosticsParam,
        MessageUnionParam,
        MetadataParam,
        OutputConfigParam,
        TextBlockParam,
        ThinkingConfigParam,
        ToolChoiceParam,
    )
    from outcrop.messages.tools import (
        BetaToolUnionParam,
        CacheControlEphemeralParam,
        ToolUnionParam,
    )


class Options(TypedDict, total=False):
    """How a call is made, beside what is said in it.

    Attributes:
        api: Which operations carry this call: InvokeModel's or Converse's.
        endpoint: Which kind of endpoint serves it: `global`, `regional`, `in-region` or `auto`.
        stay_in: An area (`eu`, `us`, …), a region or several, which it may not leave.
        fallback: Kinds of endpoint and regions to try after the first.
        on_unsupported: What to do about fields that the model won't take: `raise`, `drop`, `send`.
        extra_headers: Sent (and signed) with this call; None as a value leaves a default header
            out.
        extra_query: Added to the URL.
        extra_body: Merged into the body last: for fields that have no keyword argument.
        timeout: Seconds for this call, or a Timeout.
    """

    api: Api
    endpoint: Wish
    stay_in: str | Collection[str] | None
    fallback: Sequence[str]
    on_unsupported: Literal["raise", "drop", "send"]
    extra_headers: Mapping[str, str | None] | None
    extra_query: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    timeout: float | Timeout | NotGiven | None


class CreateParams(MessageCreateParamsBase, Options, total=False):
    """A Messages request, and options of the call."""


class CountTokensParams(Options, total=False):
    """A Messages request to be counted, and options of the call.

    What `messages.create` takes, so that one dict serves both; what can't change the count may be
    left out.
    """

    messages: Required[Iterable[MessageUnionParam]]
    model: Required[str]
    cache_control: CacheControlEphemeralParam | None
    container: ContainerParams | str | None
    diagnostics: DiagnosticsParam | None
    inference_geo: str | None
    max_tokens: int
    metadata: MetadataParam
    output_config: OutputConfigParam
    service_tier: Literal["auto", "standard_only"]
    speed: Literal["standard", "fast"] | None
    stop_sequences: list[str] | tuple[str, ...]
    system: str | Iterable[TextBlockParam]
    temperature: float
    thinking: ThinkingConfigParam
    tool_choice: ToolChoiceParam
    tools: Iterable[ToolUnionParam]
    top_k: int
    top_p: float


class BetaCountTokensParams(CountTokensParams, total=False):
    """A Messages request with beta features to be counted, and options of the call."""

    betas: Sequence[str]
    context_management: Mapping[str, Any] | None
    mcp_servers: Iterable[Mapping[str, Any]]
    tools: Iterable[BetaToolUnionParam]  # pyright: ignore[reportIncompatibleVariableOverride] - wider


class BetaCreateParams(CreateParams, total=False):
    """A Messages request with beta features, and options of the call.

    Attributes:
        betas: Flags such as `context-1m-2025-08-07`; Bedrock reads them in the body.
    """

    betas: Sequence[str]
    context_management: Mapping[str, Any] | None
    mcp_servers: Iterable[Mapping[str, Any]]
    tools: Iterable[BetaToolUnionParam]  # pyright: ignore[reportIncompatibleVariableOverride] - wider


class RunToolsParams(CreateParams, total=False):
    """A Messages request whose tools may be functions, and options of the call."""

    tools: Required[Iterable[ToolUnionParam | Tool[..., Any] | Callable[..., Any]]]  # pyright: ignore[reportIncompatibleVariableOverride] - wider


class BetaRunToolsParams(BetaCreateParams, total=False):
    """The same with beta features."""

    tools: Required[Iterable[BetaToolUnionParam | Tool[..., Any] | Callable[..., Any]]]  # pyright: ignore[reportIncompatibleVariableOverride] - wider
