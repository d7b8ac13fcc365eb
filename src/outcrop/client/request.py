"""From keyword arguments to a Call: shared by the sync and the async client.

Rules: an unknown keyword is an error that names the nearest known one; `extra_body` carries what
has no keyword; headers that carry the signature can't be set by hand.
"""

from __future__ import annotations

import re
import warnings
from math import isfinite
from time import time
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from outcrop.bedrock import invoke, preflight, routes
from outcrop.bedrock.call import INVOKE, Call, Timeout
from outcrop.catalog import edition as editions
from outcrop.client import routing
from outcrop.errors import ConfigurationError, RequestError
from outcrop.wire.http import Request

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from outcrop.bedrock.retry import Policy
    from outcrop.bedrock.routes import Route
    from outcrop.catalog.edition import Edition
    from outcrop.catalog.options import Wish
    from outcrop.delivery.activity_folder import ActivityFolder
    from outcrop.net.credentials import Source
    from outcrop.net.environment import Endpoint, Region

#: Which operations of Bedrock carry a message.
Api = Literal["invoke", "converse"]

#: Keywords that say how a call is made; the others are fields of the body.
OPTION_NAMES = frozenset(
    {
        "api",
        "endpoint",
        "extra_body",
        "extra_headers",
        "extra_query",
        "fallback",
        "on_unsupported",
        "stay_in",
        "timeout",
    }
)
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

#: Classes of most arguments, of which there's nothing to ask.
_PLAIN: Final = frozenset({str, int, list, dict, bool})

_DAY: Final = 86_400
#: How many models' routes a client remembers.
_MOST_ROUTES: Final = 256

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


class Settings(Struct, frozen=True):
    """What a client was told, resolved.

    Attributes:
        region: With its source.
        endpoint: Another base URL than AWS's, if any.
        source: Of credentials.
        timeout: For calls that don't give their own.
        policy: Of retries.
        headers: Sent with every call.
        api_version: `anthropic_version` for every call, None to choose by model.
        api: Which operations `messages` calls: InvokeModel's or Converse's.
        wish: Which kind of endpoint serves what is called without a prefix.
        stay_in: The area that no call may leave.
        fallback: Kinds of endpoint and regions to try after the first.
        on_unsupported: What to do about fields that a model won't take.
        edition: The catalog: the shipped one, with the user's overlay if there is one.
        activity: Where calls are recorded, None for nowhere.
        made_headers: Those of calls that were made already, by API and whether streamed.
        made_routes: Those of calls that were made already, by model, and on which day.
    """

    region: Region
    endpoint: Endpoint | None
    source: Source
    timeout: Timeout
    policy: Policy
    headers: Mapping[str, str]
    api_version: str | None = None
    api: Api = "invoke"
    wish: Wish = "auto"
    stay_in: str | Collection[str] | None = None
    fallback: tuple[str, ...] = ()
    on_unsupported: str = "raise"
    edition: Edition = field(default_factory=editions.shipped)
    activity: ActivityFolder | None = None
    made_headers: dict[tuple[Api, bool], dict[str, str]] = field(
        default_factory=dict[tuple[Api, bool], dict[str, str]]
    )
    made_routes: dict[str, tuple[int, Route]] = field(
        default_factory=dict[str, tuple[int, "Route"]]
    )

    def __post_init__(self) -> None:
        for made in ("made_headers", "made_routes"):
            force_setattr(self, made, {})  # a copy that was told something else has none of these


def prepare(settings: Settings, params: Mapping[str, Any], *, stream: bool, beta: bool) -> Call:
    """The call that keyword arguments ask for.

    Raises:
        TypeError: For an unknown or missing keyword.
        RequestError: For a value that can't be sent.
    """
    document, options = gather(params, beta=beta)
    route = _route(settings, document["model"], options)
    routing.warn(route, stacklevel=_CALLER)
    api = check_api(options["api"]) if "api" in options else settings.api
    document = _supported(settings, document, options, route, api)
    document.update(options.get("extra_body") or {})
    headers = ask_headers(settings, api=api, stream=stream)
    if more := options.get("extra_headers"):
        merge(headers, more)
    dialect = INVOKE
    if api == "converse":
        from outcrop.bedrock import converse, dialects  # only what a call uses is loaded

        fields = converse.write_fields(document)
        headers = converse.write_headers(headers, fields)
        _warn_of_text_only(fields)
        body = invoke.dump(fields)
        dialect = dialects.converse(route.model_id)
    else:
        version = settings.api_version or route.api_version
        body = invoke.write_ask(document, api_version=version)
    write_target = routes.converse_target if api == "converse" else routes.invoke_target
    _, prefix = address(settings)
    asked = query_string(options)

    def by(route: Route, fallbacks: tuple[Call, ...] = ()) -> Call:
        target = f"{prefix}{write_target(route.model_id, stream=stream)}{asked}"
        return Call(
            Request("POST", route.origin, target, list(headers.items()), body),
            route,
            settings.policy,
            timeout(options["timeout"]) if "timeout" in options else settings.timeout,
            dialect,
            fallbacks=fallbacks,
        )

    wanted = options.get("fallback")
    others = settings.fallback if wanted is None else routing.check_fallback(wanted)
    if not others:
        return by(route)
    ways = routing.fallbacks(settings, route, others, options.get("stay_in"))
    return by(route, tuple(by(way) for way in ways))


def _route(settings: Settings, model: str, options: Mapping[str, Any]) -> Route:
    if "endpoint" in options or "stay_in" in options:
        wish = options.get("endpoint")
        return routing.find(
            settings,
            model,
            endpoint=None if wish is None else routing.check_endpoint(wish),
            stay_in=options.get("stay_in"),
        )
    routes = settings.made_routes
    today = int(time()) // _DAY  # models come of age and end with a day
    known = routes.get(model)
    if known is None or known[0] != today:
        if len(routes) >= _MOST_ROUTES:
            routes.clear()
        known = routes[model] = today, routing.find(settings, model)
    return known[1]


def _supported(
    settings: Settings, document: dict[str, Any], options: Mapping[str, Any], route: Route, api: Api
) -> dict[str, Any]:
    """The request as the model takes it; `extra_body` isn't looked at, whatever is in there."""
    wanted = options.get("on_unsupported")
    what = settings.on_unsupported if wanted is None else routing.check_unsupported(wanted)
    model = route.resolution.model if route.resolution else None
    if model is None or what == "send":
        return document
    document, dropped = preflight.apply(document, model=model, api=api, on_unsupported=what)
    for finding in dropped:
        warnings.warn(f"Left out: {finding}", stacklevel=_CALLER)
    return document


def gather(
    params: Mapping[str, Any],
    *,
    beta: bool,
    method: str = "create",
    needed: Sequence[str] = ("model", "max_tokens", "messages"),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keyword arguments as the fields of a document, and the options of its call.

    Args:
        params: The arguments; those that stand for a left-out one are left out.
        beta: Whether beta features are among them.
        method: Whose arguments they are.
        needed: Those that mustn't be left out.

    Raises:
        TypeError: For an unknown or missing keyword.
        RequestError: For a value that can't be sent.
    """
    names = BETA_NAMES if beta else NAMES
    document: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for name, value in params.items():
        if name not in names:
            raise TypeError(_unknown(name, names, beta=beta, method=method))
        if value.__class__ not in _PLAIN:
            if not _given(value):
                continue
            if isinstance(value, float) and not isfinite(value):
                raise RequestError(f"{name}={value!r} isn't a number that JSON has.")
        (options if name in OPTION_NAMES else document)[name] = value
    for name in needed:
        if name not in document:
            raise TypeError(f"{method}() needs the keyword argument {name!r}.")
    model_id = document["model"]
    if not isinstance(model_id, str):
        raise RequestError(f"model={model_id!r} isn't a string.", mend="Give a model ID or an ARN.")
    return document, options


def address(settings: Settings) -> tuple[str, str]:
    """Where calls go: an origin, and what stands before every path."""
    return settings.endpoint or (routes.runtime_origin(settings.region.name), "")


def ask_headers(settings: Settings, *, api: Api, stream: bool) -> dict[str, str]:
    """The headers of a call: what its body and reply are, and those of every call."""
    made = settings.made_headers.get((api, stream))
    if made is None:
        if api == "converse":
            reply = "application/vnd.amazon.eventstream" if stream else "application/json"
            made = {"Content-Type": "application/json", "Accept": reply}
        else:
            made = dict(invoke.ask_headers(stream=stream))
        merge(made, settings.headers)
        settings.made_headers[api, stream] = made
    return dict(made)


def check_api(value: object) -> Api:
    """One of the two.

    Raises:
        ConfigurationError: It is none.
    """
    for api in get_args(Api):
        if value == api:
            return api
    raise ConfigurationError(f"api={value!r} isn't an API.", mend="Give 'invoke' or 'converse'.")


def _warn_of_text_only(fields: Mapping[str, Any]) -> None:
    """Through Converse, the model sees the pages of a PDF only if it may cite them."""
    for at, message in enumerate(fields["messages"]):
        for block in message["content"]:
            document: dict[str, Any] = block.get("document") or {}
            citations: dict[str, Any] = document.get("citations") or {}
            if document.get("format") == "pdf" and citations.get("enabled") is None:
                warnings.warn(
                    f"messages.{at}: through Converse, Claude gets only the text of the PDF "
                    f"{document['name']!r}, no images or layout. Add citations={{'enabled': True}} "
                    "to the block for the pages as they look (outcrop.documents.pdf does), or "
                    "{'enabled': False} if the text is all you want.",
                    stacklevel=_CALLER,
                )


#: Frames between the warning and who calls `create`.
_CALLER: Final = 6


def _given(value: object) -> bool:
    """Whether an argument was given; the official SDK's stand-ins count as left out too."""
    return not isinstance(value, NotGiven) and type(value).__name__ not in ("NotGiven", "Omit")


def _unknown(name: str, names: frozenset[str], *, beta: bool, method: str) -> str:
    if name in BETA_NAMES and not beta:
        return f"{method}() has no keyword argument {name!r}: use client.beta.messages."
    from difflib import get_close_matches  # only for errors

    near = get_close_matches(name, names, 1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return (
        f"{method}() has no keyword argument {name!r}. {hint}"
        f"Fields that Outcrop doesn't know yet go into extra_body={{{name!r}: …}}."
    )


def merge(headers: dict[str, str], more: Mapping[str, str | None]) -> None:
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


def query_string(options: Mapping[str, Any]) -> str:
    """The `extra_query` of a call, from the question mark on; empty without one."""
    query = options.get("extra_query")
    if not query:
        return ""
    from urllib.parse import quote, urlencode  # takes longer to import than thirty calls take

    return "?" + urlencode(query, quote_via=quote)


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
