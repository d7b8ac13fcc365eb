"""Claude on Amazon Bedrock, both ends of the wire.

The front door: everything public can be imported from here, and is loaded when it is first used.

```python
from outcrop import AnthropicBedrock

client = AnthropicBedrock(aws_region="us-west-2")
```
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outcrop.bedrock.call import Timeout as Timeout
    from outcrop.bedrock.routes import Route as Route
    from outcrop.client.client import (
        AnthropicBedrock as AnthropicBedrock,
        AsyncAnthropicBedrock as AsyncAnthropicBedrock,
    )
    from outcrop.client.raw import APIResponse as APIResponse
    from outcrop.client.request import NOT_GIVEN as NOT_GIVEN, NotGiven as NotGiven, omit as omit
    from outcrop.client.runner import AsyncToolRunner as AsyncToolRunner, ToolRunner as ToolRunner
    from outcrop.client.streams import (
        AsyncMessageStream as AsyncMessageStream,
        AsyncStream as AsyncStream,
        MessageStream as MessageStream,
        Stream as Stream,
    )
    from outcrop.client.structured import (
        ParsedMessage as ParsedMessage,
        output_format as output_format,
    )
    from outcrop.client.tools import Tool as Tool, tool as tool
    from outcrop.delivery.activity_folder import ActivityFolder as ActivityFolder
    from outcrop.errors import (
        AnthropicError as AnthropicError,
        APIConnectionError as APIConnectionError,
        APIError as APIError,
        APIResponseValidationError as APIResponseValidationError,
        APIStatusError as APIStatusError,
        APITimeoutError as APITimeoutError,
        AuthenticationError as AuthenticationError,
        BadRequestError as BadRequestError,
        ConfigurationError as ConfigurationError,
        ConflictError as ConflictError,
        CredentialsError as CredentialsError,
        EventStreamError as EventStreamError,
        InternalServerError as InternalServerError,
        ModelError as ModelError,
        NotFoundError as NotFoundError,
        OutcropError as OutcropError,
        OutputError as OutputError,
        PermissionDeniedError as PermissionDeniedError,
        RateLimitError as RateLimitError,
        RequestError as RequestError,
        RequestTimeoutError as RequestTimeoutError,
        RequestTooLargeError as RequestTooLargeError,
        StreamTruncatedError as StreamTruncatedError,
        ToolError as ToolError,
        ToolTurnsError as ToolTurnsError,
        UnprocessableEntityError as UnprocessableEntityError,
    )
    from outcrop.estimate import Estimate as Estimate, estimate_tokens as estimate_tokens

__version__ = "0.1.0"

_ROOMS = {
    "outcrop.bedrock.call": ("Timeout",),
    "outcrop.bedrock.routes": ("Route",),
    "outcrop.client.client": ("AnthropicBedrock", "AsyncAnthropicBedrock"),
    "outcrop.client.request": ("NOT_GIVEN", "NotGiven", "omit"),
    "outcrop.client.raw": ("APIResponse",),
    "outcrop.client.runner": ("AsyncToolRunner", "ToolRunner"),
    "outcrop.client.streams": ("AsyncMessageStream", "AsyncStream", "MessageStream", "Stream"),
    "outcrop.client.structured": ("ParsedMessage", "output_format"),
    "outcrop.client.tools": ("Tool", "tool"),
    "outcrop.delivery.activity_folder": ("ActivityFolder",),
    "outcrop.errors": (
        "APIConnectionError",
        "APIError",
        "APIResponseValidationError",
        "APIStatusError",
        "APITimeoutError",
        "AnthropicError",
        "AuthenticationError",
        "BadRequestError",
        "ConfigurationError",
        "ConflictError",
        "CredentialsError",
        "EventStreamError",
        "InternalServerError",
        "ModelError",
        "NotFoundError",
        "OutcropError",
        "OutputError",
        "PermissionDeniedError",
        "RateLimitError",
        "RequestError",
        "RequestTimeoutError",
        "RequestTooLargeError",
        "StreamTruncatedError",
        "ToolError",
        "ToolTurnsError",
        "UnprocessableEntityError",
    ),
    "outcrop.estimate": ("Estimate", "estimate_tokens"),
}
_WHERE = {name: room for room, names in _ROOMS.items() for name in names}

#: Rooms whose public names are many: `from outcrop import types, errors`.
_WHOLE = {
    name: f"outcrop.{name}" for name in ("activity", "documents", "errors", "testing", "types")
}


def __getattr__(name: str) -> object:
    if room := _WHERE.get(name):
        value = getattr(import_module(room), name)
    elif room := _WHOLE.get(name):
        value = import_module(room)
    else:
        raise AttributeError(f"module 'outcrop' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE, *_WHOLE])


__all__ = list(_WHERE)  # pyright: ignore[reportUnsupportedDunderAll]
