"""`AnthropicBedrock` and `AsyncAnthropicBedrock`, with the official constructor's names."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec.structs import replace

from outcrop import __version__
from outcrop.bedrock.call import Timeout
from outcrop.bedrock.retry import Policy
from outcrop.bedrock.routes import runtime_origin
from outcrop.client import recording
from outcrop.client.messages import AsyncBeta, AsyncMessages, Beta, Messages
from outcrop.client.request import (
    NOT_GIVEN,
    NotGiven,
    Settings,
    check_api,
    check_header,
    retries,
    timeout,
)
from outcrop.client.routing import check_endpoint, check_fallback, check_unsupported, find
from outcrop.errors import ConfigurationError
from outcrop.net import credentials, environment, overlay
from outcrop.net.dial import AsyncDialer, SyncDialer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from os import PathLike
    from typing import Literal, Self, Unpack

    from outcrop.bedrock.routes import Route
    from outcrop.catalog.options import Wish
    from outcrop.client.converse import ConverseParams
    from outcrop.client.request import Api
    from outcrop.delivery.activity_folder import ActivityFolder

    OnUnsupported = Literal["raise", "drop", "send"]

D = TypeVar("D", SyncDialer, AsyncDialer)


class _Client(Generic[D]):
    """What both clients know: the settings, and how to make a copy with others."""

    _settings: Settings
    _dial: Callable[..., D]
    _dialer: D

    def __init__(
        self,
        aws_secret_key: str | None = None,
        aws_access_key: str | None = None,
        aws_region: str | None = None,
        aws_profile: str | None = None,
        aws_session_token: str | None = None,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | Timeout | NotGiven | None = NOT_GIVEN,
        max_retries: int = 2,
        deadline: float | NotGiven | None = NOT_GIVEN,
        default_headers: Mapping[str, str] | None = None,
        anthropic_version: str | None = None,
        api: Api = "invoke",
        endpoint: Wish = "auto",
        stay_in: str | Collection[str] | None = None,
        fallback: Sequence[str] = (),
        on_unsupported: OnUnsupported = "raise",
        activity: str | PathLike[str] | ActivityFolder | Literal[False] | None = None,
    ) -> None:
        """A client; nothing is sent, and no AWS library is imported, before the first call.

        Args:
            aws_secret_key: Secret access key; goes with `aws_access_key`.
            aws_access_key: Access key ID. Without keys: `AWS_ACCESS_KEY_ID` and
                `AWS_SECRET_ACCESS_KEY`, else the default AWS chain (profiles, SSO, roles, …).
            aws_region: Else `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's, or `us-east-1` with
                a warning; `region_source` tells which.
            aws_profile: A profile of `~/.aws/config` for credentials and region.
            aws_session_token: Goes with temporary keys.
            api_key: Bedrock API key; else `AWS_BEARER_TOKEN_BEDROCK`.
            base_url: Else `ANTHROPIC_BEDROCK_BASE_URL`, `AWS_ENDPOINT_URL_BEDROCK_RUNTIME`,
                `AWS_ENDPOINT_URL`, or AWS's own endpoint of the region.
            timeout: Seconds for each wait, or a `Timeout`; by default 5 to connect, 600 to read.
            max_retries: Attempts after the first.
            deadline: Seconds since a call began after which no retry starts; 600 by default.
            default_headers: Sent with every call.
            anthropic_version: For every call; by default the one that the model accepts. Converse
                chooses by itself.
            api: Which operations `messages` calls: InvokeModel's ("invoke") or Converse's
                ("converse"); the replies are the same types.
            endpoint: Which kind of endpoint serves models that are named without a prefix:
                `global`, `regional`, `in-region`, or the one that fits the region (`auto`:
                regional, else in-region, else global). `base_url` names a host.
            stay_in: An area (`eu`, `us`, `jp`, …), a region or several, which no call may leave.
            fallback: Kinds of endpoint and regions to try, in order, when a call is throttled, the
                service is unavailable or too slow to begin: `["global", "us-east-1"]`.
            on_unsupported: What to do about a field or beta that the catalog knows a model to
                refuse: `raise` an error that says what to do, `drop` it with a warning, or `send`
                the call all the same.
            activity: A folder in which every call is recorded, in AWS's format; else
                `OUTCROP_ACTIVITY`, else nowhere. An `ActivityFolder` says how much is recorded, and
                for how long; False records nothing.

        Raises:
            ConfigurationError: For values that can't be right.
        """
        policy = retries(Policy(), max_retries)
        if not isinstance(deadline, NotGiven):
            policy = replace(policy, deadline=_deadline(deadline))
        self._dialer = self._dial(ca_pem=environment.ca_bundle())
        if anthropic_version is not None and not anthropic_version:
            raise ConfigurationError(
                "anthropic_version='' isn't a version.",
                mend="Leave it out, or give one such as 'bedrock-2023-05-31'.",
            )
        region = environment.region(aws_region, aws_profile)
        if region.source == "default":
            warnings.warn(
                f"No AWS region was given: using {region.name}. "
                "Pass aws_region=… or set AWS_REGION.",
                stacklevel=2,
            )
        self._settings = Settings(
            region=region,
            endpoint=environment.base_url(base_url),
            source=credentials.choose(
                access_key=aws_access_key,
                secret_key=aws_secret_key,
                session_token=aws_session_token,
                profile=aws_profile,
                api_key=api_key,
            ),
            timeout=Timeout() if isinstance(timeout, NotGiven) else _timeout(timeout),
            policy=policy,
            headers=_headers(default_headers),
            api_version=anthropic_version,
            api=check_api(api),
            wish=check_endpoint(endpoint),
            stay_in=stay_in,
            fallback=check_fallback(fallback),
            on_unsupported=check_unsupported(on_unsupported),
            edition=overlay.edition(),
            activity=recording.choose(activity),
        )

    @property
    def aws_region(self) -> str:
        """The region that is called."""
        return self._settings.region.name

    @property
    def region_source(self) -> str:
        """Who named the region: an argument, a variable, a profile, or the default."""
        return self._settings.region.source

    @property
    def base_url(self) -> str:
        """The endpoint that is called."""
        endpoint = self._settings.endpoint
        return endpoint.origin + endpoint.prefix if endpoint else runtime_origin(self.aws_region)

    @property
    def timeout(self) -> Timeout:
        """Seconds to wait, unless a call gives its own."""
        return self._settings.timeout

    @property
    def max_retries(self) -> int:
        """Attempts after the first."""
        return self._settings.policy.max_retries

    @property
    def default_headers(self) -> Mapping[str, str]:
        """Sent with every call."""
        return self._settings.headers

    @property
    def activity(self) -> ActivityFolder | None:
        """Where calls are recorded, with the numbers of written and lost ones; None for nowhere."""
        return self._settings.activity

    def with_options(
        self,
        *,
        timeout: float | Timeout | NotGiven | None = NOT_GIVEN,
        max_retries: int | None = None,
        default_headers: Mapping[str, str] | None = None,
        aws_region: str | None = None,
        base_url: str | None = None,
        anthropic_version: str | None = None,
        api: Api | None = None,
        endpoint: Wish | None = None,
        stay_in: str | Collection[str] | None = None,
        fallback: Sequence[str] | None = None,
        on_unsupported: OnUnsupported | None = None,
    ) -> Self:
        """A client with other settings, on the same connections and credentials."""
        settings = self._settings
        changes: dict[str, Any] = {}
        if not isinstance(timeout, NotGiven):
            changes["timeout"] = _timeout(timeout)
        if max_retries is not None:
            changes["policy"] = retries(settings.policy, max_retries)
        if default_headers is not None:
            changes["headers"] = {**settings.headers, **_checked(default_headers)}
        if aws_region is not None:
            changes["region"] = environment.region(aws_region, None)
        if base_url is not None:
            changes["endpoint"] = environment.base_url(base_url)
        if anthropic_version is not None:
            changes["api_version"] = anthropic_version
        if api is not None:
            changes["api"] = check_api(api)
        if endpoint is not None:
            changes["wish"] = check_endpoint(endpoint)
        if stay_in is not None:
            changes["stay_in"] = stay_in
        if fallback is not None:
            changes["fallback"] = check_fallback(fallback)
        if on_unsupported is not None:
            changes["on_unsupported"] = check_unsupported(on_unsupported)
        copy = object.__new__(type(self))
        copy._settings = replace(settings, **changes)
        copy._dialer = self._dialer
        return copy

    copy = with_options

    def resolve(
        self,
        model: str,
        *,
        endpoint: Wish | None = None,
        stay_in: str | Collection[str] | None = None,
    ) -> Route:
        """The way that a call to a model would take from here, and why; nothing is sent.

        Its `reasons` say it in plain sentences; `model_id`, `destinations`, `price`, `lifecycle`
        and `warnings` are its other parts, and `refuses(request)` tells what of a request the model
        won't take.

        Args:
            model: In any spelling: an alias such as `sonnet-4.5`, an ID, an ARN, Anthropic's name.
            endpoint: As in the constructor, for this question.
            stay_in: The same.

        Raises:
            RequestError: There is no such way; says what would work.
        """
        return find(
            self._settings,
            model,
            endpoint=None if endpoint is None else check_endpoint(endpoint),
            stay_in=stay_in,
        )

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.base_url} region={self.aws_region!r} "
            f"({self.region_source}), credentials from {self._settings.source.source}>"
        )


class AnthropicBedrock(_Client[SyncDialer]):
    """Claude on Amazon Bedrock.

    ```python
    client = AnthropicBedrock(aws_region="us-west-2")
    message = client.messages.create(model=…, max_tokens=256, messages=[…])
    ```
    """

    _dial = SyncDialer

    @cached_property
    def messages(self) -> Messages:
        """Messages with Claude."""
        return Messages(self._settings, self._dialer)

    @cached_property
    def beta(self) -> Beta:
        """The same, with beta features."""
        return Beta(self._settings, self._dialer)

    def converse(self, **params: Unpack[ConverseParams]) -> dict[str, Any]:
        """Claude's reply in boto3's shapes: `output`, `stopReason`, `usage`, `metrics`, ….

        Keyword arguments are those of boto3's `converse`; errors are those of `messages.create`.
        """
        from outcrop.client.converse import converse

        return converse(self._settings, self._dialer, params)

    def converse_stream(self, **params: Unpack[ConverseParams]) -> dict[str, Any]:
        """The reply as boto3's `converse_stream` gives it: iterate over its `stream`."""
        from outcrop.client.converse import converse_stream

        return converse_stream(self._settings, self._dialer, params)

    def close(self) -> None:
        """Closes the connections; streams that are still open are closed by their own `close`."""
        self._dialer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


class AsyncAnthropicBedrock(_Client[AsyncDialer]):
    """Claude on Amazon Bedrock, for asyncio: nothing blocks the event loop."""

    _dial = AsyncDialer

    @cached_property
    def messages(self) -> AsyncMessages:
        """Messages with Claude."""
        return AsyncMessages(self._settings, self._dialer)

    @cached_property
    def beta(self) -> AsyncBeta:
        """The same, with beta features."""
        return AsyncBeta(self._settings, self._dialer)

    async def converse(self, **params: Unpack[ConverseParams]) -> dict[str, Any]:
        """Claude's reply in boto3's shapes: `output`, `stopReason`, `usage`, `metrics`, ….

        Keyword arguments are those of boto3's `converse`; errors are those of `messages.create`.
        """
        from outcrop.client.converse import converse_async

        return await converse_async(self._settings, self._dialer, params)

    async def converse_stream(self, **params: Unpack[ConverseParams]) -> dict[str, Any]:
        """The reply as boto3's `converse_stream` gives it: iterate over its `stream`."""
        from outcrop.client.converse import converse_stream_async

        return await converse_stream_async(self._settings, self._dialer, params)

    async def close(self) -> None:
        """Closes the connections; streams that are still open are closed by their own `close`."""
        await self._dialer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()


_timeout = timeout


def _deadline(value: Any) -> float | None:
    if value is None or (isinstance(value, int | float) and value > 0):
        return value
    raise ConfigurationError(f"deadline={value!r} isn't a time.", mend="Give seconds, or None.")


def _headers(given: Mapping[str, str] | None) -> dict[str, str]:
    """Default headers: our name, those of ANTHROPIC_CUSTOM_HEADERS, the user's."""
    headers = {"User-Agent": f"outcrop/{__version__}"}
    for line in (environment.variable("ANTHROPIC_CUSTOM_HEADERS") or "").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            headers.update(_checked({name.strip(): value.strip()}))
    headers.update(_checked(given or {}))
    return headers


def _checked(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        check_header(name, value)
    return headers
