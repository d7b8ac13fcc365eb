"""From keyword arguments to a Call: shared by the sync and the async client.

Rules: an unknown keyword is an error that names the nearest known one; `extra_body` carries what
has no keyword; headers that carry the signature can't be set by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from math import isfinite
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from outcrop.bedrock import invoke, routes
from outcrop.bedrock.call import Call, Timeout
from outcrop.errors import ConfigurationError, RequestError
from outcrop.wire.http import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.bedrock.retry import Policy
    from outcrop.net.credentials import Source
    from outcrop.net.environment import Endpoint, Region

#: Keywords that say how a call is made; the others are fields of the body.
OPTION_NAMES = frozenset({"extra_body", "extra_headers", "extra_query", "timeout"})
#: What `messages.create` takes. Spelt out so that a call needn't load the types: a test holds them
#: to `outcrop.client.params`.
NAMES = OPTION_NAMES | {
    "cache_control",
    "container",
    "diagnostics",
    "inference_geo",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "service_tier",
    "speed",
    "stop_sequences",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
}
#: What `beta.messages.create` takes.
BETA_NAMES = NAMES | {"betas", "context_management", "mcp_servers"}

_SIGNATURE = frozenset(
    {"authorization", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}
)
_FRAMING = frozenset(
    {"connection", "content-length", "expect", "te", "trailer", "transfer-encoding", "upgrade"}
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class NotGiven:
    """Stands for an argument that was left out, where None would mean something."""

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __bool__(self) -> bool:
        return False


NOT_GIVEN = NotGiven()
omit = NOT_GIVEN


@dataclass(frozen=True, slots=True)
class Settings:
    """What a client was told, resolved.

    Attributes:
        region: With its source.
        endpoint: Another base URL than AWS's, if any.
        source: Of credentials.
        timeout: For calls that don't give their own.
        policy: Of retries.
        headers: Sent with every call.
        api_version: `anthropic_version` for every call, None to choose by model.
    """

    region: Region
    endpoint: Endpoint | None
    source: Source
    timeout: Timeout
    policy: Policy
    headers: Mapping[str, str]
    api_version: str | None = None


def prepare(settings: Settings, params: Mapping[str, Any], *, stream: bool, beta: bool) -> Call:
    """The call that keyword arguments ask for.

    Raises:
        TypeError: For an unknown or missing keyword.
        RequestError: For a value that can't be sent.
    """
    names = BETA_NAMES if beta else NAMES
    document: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for name, value in params.items():
        if name not in names:
            raise TypeError(_unknown(name, names, beta=beta))
        if not _given(value):
            continue
        if isinstance(value, float) and not isfinite(value):
            raise RequestError(f"{name}={value!r} isn't a number that JSON has.")
        (options if name in OPTION_NAMES else document)[name] = value
    for name in ("model", "max_tokens", "messages"):
        if name not in document:
            raise TypeError(f"create() needs the keyword argument {name!r}.")
    model_id = document["model"]
    if not isinstance(model_id, str):
        raise RequestError(f"model={model_id!r} isn't a string.", mend="Give a model ID or an ARN.")
    document.update(options.get("extra_body") or {})
    region = settings.region.name
    origin, prefix = settings.endpoint or (routes.runtime_origin(region), "")
    target = prefix + routes.invoke_target(model_id, stream=stream)
    if query := options.get("extra_query"):
        target += "?" + urlencode(query, quote_via=quote)
    headers = dict(invoke.ask_headers(stream=stream))
    _merge(headers, settings.headers)
    _merge(headers, options.get("extra_headers") or {})
    body = invoke.write_ask(
        document, api_version=settings.api_version or routes.api_version(model_id)
    )
    return Call(
        Request("POST", origin, target, list(headers.items()), body),
        routes.route(model_id, region, origin),
        settings.policy,
        timeout(options["timeout"]) if "timeout" in options else settings.timeout,
    )


def _given(value: object) -> bool:
    """Whether an argument was given; the official SDK's stand-ins count as left out too."""
    return not isinstance(value, NotGiven) and type(value).__name__ not in ("NotGiven", "Omit")


def _unknown(name: str, names: frozenset[str], *, beta: bool) -> str:
    if name in BETA_NAMES and not beta:
        return f"create() has no keyword argument {name!r}: use client.beta.messages."
    near = get_close_matches(name, names, 1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return (
        f"create() has no keyword argument {name!r}. {hint}"
        f"Fields that Outcrop doesn't know yet go into extra_body={{{name!r}: …}}."
    )


def _merge(headers: dict[str, str], more: Mapping[str, str | None]) -> None:
    """Adds headers; the later one wins whatever its case, None takes one out."""
    for name, value in more.items():
        check_header(name, value)
        for known in [known for known in headers if known.lower() == name.lower()]:
            del headers[known]
        if value is not None and _given(value):
            headers[name] = value


def check_header(name: str, value: object) -> None:
    """Refuses a header that can't be sent or signed.

    Raises:
        RequestError: Names the header, never its value.
    """
    if name.lower() in _SIGNATURE:
        raise RequestError(
            f"The header {name!r} is part of the signature and can't be set by hand.",
            mend="Pass credentials to the client instead.",
        )
    if name.lower() in _FRAMING:
        raise RequestError(
            f"The header {name!r} says where a request ends, and can't be set by hand."
        )
    fits = value is None or not _given(value)
    if isinstance(value, str):
        fits = _HEADER_VALUE.fullmatch(value) is not None
    if not _HEADER_NAME.fullmatch(name) or not fits:
        raise RequestError(
            f"The header {name!r} has a name or value that HTTP can't carry.",
            mend="Use a str of visible Latin-1 characters, without line breaks.",
        )


def timeout(value: Any) -> Timeout:
    """A time-out as the user gave it: seconds, None for none, a Timeout, or an httpx.Timeout.

    Raises:
        ConfigurationError: For anything else.
    """
    if value is None:
        return Timeout(None, None)
    waits = (value.connect, value.read) if hasattr(value, "read") else (value, value)
    if all(
        wait is None
        or (isinstance(wait, int | float) and not isinstance(wait, bool) and 0 < wait < 10**9)
        for wait in waits
    ):
        return Timeout(*waits)
    raise ConfigurationError(
        f"timeout={value!r} isn't a time.", mend="Give seconds above 0, None, or a Timeout."
    )


def retries(policy: Policy, max_retries: object) -> Policy:
    """The policy with another number of retries.

    Raises:
        ConfigurationError: For what isn't a number of retries.
    """
    if isinstance(max_retries, int) and not isinstance(max_retries, bool) and max_retries >= 0:
        return replace(policy, max_retries=max_retries)
    raise ConfigurationError(
        f"max_retries={max_retries!r} isn't a number of retries.", mend="Give 0 or more."
    )
