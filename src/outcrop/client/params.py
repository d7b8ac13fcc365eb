"""What `messages.create(...)` takes, as typed keyword arguments.

For type checkers: the client itself imports only the names that stand for a left-out argument.
Source: the official SDK's `messages.create`; AWS's documentation of InvokeModel bodies for Claude.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from outcrop.messages.params import MessageCreateParamsBase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from outcrop.bedrock.call import Timeout
    from outcrop.client.request import Api, NotGiven
    from outcrop.messages.tools import BetaToolUnionParam


class Options(TypedDict, total=False):
    """How a call is made, beside what is said in it.

    Attributes:
        api: Which operations carry this call: InvokeModel's or Converse's.
        extra_headers: Sent (and signed) with this call; None as a value leaves a default header
            out.
        extra_query: Added to the URL.
        extra_body: Merged into the body last: for fields that have no keyword argument.
        timeout: Seconds for this call, or a Timeout.
    """

    api: Api
    extra_headers: Mapping[str, str | None] | None
    extra_query: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    timeout: float | Timeout | NotGiven | None


class CreateParams(MessageCreateParamsBase, Options, total=False):
    """A Messages request, and options of the call."""


class BetaCreateParams(CreateParams, total=False):
    """A Messages request with beta features, and options of the call.

    Attributes:
        betas: Flags such as `context-1m-2025-08-07`; Bedrock reads them in the body.
    """

    betas: Sequence[str]
    context_management: Mapping[str, Any] | None
    mcp_servers: Iterable[Mapping[str, Any]]
    tools: Iterable[BetaToolUnionParam]  # pyright: ignore[reportIncompatibleVariableOverride] - wider
