"""What any transport gives back, and the errors that don't depend on which one it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from outcrop.errors import APIConnectionError, ConfigurationError
from outcrop.net.addresses import MAX_WHOLE

if TYPE_CHECKING:
    from outcrop.wire.http import HeaderMap


class Answer(Struct):
    """A response; a streamed one is read through its dialer.

    Attributes:
        reader: Of a streamed one: its transport's own, with `read_some`, `read_all` and `release`.
    """

    status: int
    headers: HeaderMap
    body: bytes = b""
    request: Any = None
    reader: Any = None


def closed() -> ConfigurationError:
    """For a call on a client that was closed."""
    return ConfigurationError("The client is closed.", mend="Make a new one, or close it later.")


def forked(what: str, mend: str) -> ConfigurationError:
    """For what a fork doesn't take along."""
    return ConfigurationError(f"This process was forked from one that {what}.", mend=mend)


def too_long() -> APIConnectionError:
    """For a reply that nobody can want."""
    return APIConnectionError(f"The reply is longer than {MAX_WHOLE} bytes.", retryable=False)
