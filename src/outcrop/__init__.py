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
    from outcrop.client.client import AnthropicBedrock as AnthropicBedrock
    from outcrop.client.client import AsyncAnthropicBedrock as AsyncAnthropicBedrock
    from outcrop.client.raw import APIResponse as APIResponse
    from outcrop.client.request import NOT_GIVEN as NOT_GIVEN
    from outcrop.client.request import NotGiven as NotGiven
    from outcrop.client.streams import AsyncMessageStream as AsyncMessageStream
    from outcrop.client.streams import AsyncStream as AsyncStream
    from outcrop.client.streams import MessageStream as MessageStream
    from outcrop.client.streams import Stream as Stream
    from outcrop.errors import AnthropicError as AnthropicError
    from outcrop.errors import APIConnectionError as APIConnectionError
    from outcrop.errors import APIError as APIError
    from outcrop.errors import APIResponseValidationError as APIResponseValidationError
    from outcrop.errors import APIStatusError as APIStatusError
    from outcrop.errors import APITimeoutError as APITimeoutError
    from outcrop.errors import AuthenticationError as AuthenticationError
    from outcrop.errors import BadRequestError as BadRequestError
    from outcrop.errors import ConfigurationError as ConfigurationError
    from outcrop.errors import ConflictError as ConflictError
    from outcrop.errors import CredentialsError as CredentialsError
    from outcrop.errors import EventStreamError as EventStreamError
    from outcrop.errors import InternalServerError as InternalServerError
    from outcrop.errors import ModelError as ModelError
    from outcrop.errors import NotFoundError as NotFoundError
    from outcrop.errors import OutcropError as OutcropError
    from outcrop.errors import PermissionDeniedError as PermissionDeniedError
    from outcrop.errors import RateLimitError as RateLimitError
    from outcrop.errors import RequestError as RequestError
    from outcrop.errors import RequestTimeoutError as RequestTimeoutError
    from outcrop.errors import RequestTooLargeError as RequestTooLargeError
    from outcrop.errors import StreamTruncatedError as StreamTruncatedError
    from outcrop.errors import UnprocessableEntityError as UnprocessableEntityError

__version__ = "0.1.0"

_ROOMS = {
    "outcrop.bedrock.call": ("Timeout",),
    "outcrop.bedrock.routes": ("Route",),
    "outcrop.client.client": ("AnthropicBedrock", "AsyncAnthropicBedrock"),
    "outcrop.client.request": ("NOT_GIVEN", "NotGiven"),
    "outcrop.client.raw": ("APIResponse",),
    "outcrop.client.streams": ("AsyncMessageStream", "AsyncStream", "MessageStream", "Stream"),
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
        "PermissionDeniedError",
        "RateLimitError",
        "RequestError",
        "RequestTimeoutError",
        "RequestTooLargeError",
        "StreamTruncatedError",
        "UnprocessableEntityError",
    ),
}
_WHERE = {name: room for room, names in _ROOMS.items() for name in names}

#: Rooms whose public names are many: `from outcrop import types, errors`.
_WHOLE = {"types": "outcrop.messages", "errors": "outcrop.errors", "testing": "outcrop.testing"}


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
