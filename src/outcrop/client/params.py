"""What `messages.create(...)` takes, as typed keyword arguments.

Source: the official SDK's `messages.create`; AWS's documentation of the InvokeModel body for
Claude.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Required, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from outcrop.bedrock.call import Timeout
    from outcrop.messages.params import (
        CacheControlEphemeralParam,
        MessageParam,
        MetadataParam,
        OutputConfigParam,
        TextBlockParam,
        ThinkingConfigParam,
        ToolChoiceParam,
        ToolParam,
    )


class NotGiven:
    """Stands for an argument that was left out, where None would mean something."""

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __bool__(self) -> bool:
        return False


NOT_GIVEN = NotGiven()
omit = NOT_GIVEN


class Options(TypedDict, total=False):
    """How a call is made, beside what is said in it.

    Attributes:
        extra_headers: Sent (and signed) with this call; None as a value leaves a default header
            out.
        extra_query: Added to the URL.
        extra_body: Merged into the body last: for fields that have no keyword argument.
        timeout: Seconds for this call, or a Timeout.
    """

    extra_headers: Mapping[str, str | None] | None
    extra_query: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    timeout: float | Timeout | NotGiven | None


class StreamParams(Options, total=False):
    """A Messages request, and options of the call.

    Attributes:
        max_tokens: Longest answer, in tokens.
        messages: The conversation; `message.content` of a reply may stand in it.
        model: Model ID, inference profile ID or ARN.
    """

    max_tokens: Required[int]
    messages: Required[Iterable[MessageParam]]
    model: Required[str]
    cache_control: CacheControlEphemeralParam | NotGiven | None
    container: str | NotGiven | None
    inference_geo: str | NotGiven | None
    metadata: MetadataParam | NotGiven
    output_config: OutputConfigParam | NotGiven
    service_tier: str | NotGiven
    stop_sequences: Sequence[str] | NotGiven
    system: str | Iterable[TextBlockParam] | NotGiven
    temperature: float | NotGiven
    thinking: ThinkingConfigParam | NotGiven
    tool_choice: ToolChoiceParam | NotGiven
    tools: Iterable[ToolParam] | NotGiven
    top_k: int | NotGiven
    top_p: float | NotGiven


class BetaStreamParams(StreamParams, total=False):
    """A Messages request with beta features.

    Attributes:
        betas: Flags such as `context-1m-2025-08-07`; Bedrock reads them in the body.
    """

    betas: Sequence[str] | NotGiven
    context_management: Mapping[str, Any] | NotGiven | None
    mcp_servers: Iterable[Mapping[str, Any]] | NotGiven


#: Every keyword that `messages.create` knows; `beta.messages.create` knows `BETA_NAMES` too.
OPTION_NAMES = frozenset(Options.__annotations__)
NAMES = frozenset(StreamParams.__annotations__) | {"stream"}
BETA_NAMES = frozenset(BetaStreamParams.__annotations__) | {"stream"}
