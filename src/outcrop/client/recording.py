"""A client's calls, recorded if it is told to: `settings.activity` says where.

Rules: who calls pays for a few references and a place in a queue, nothing is read or copied there;
what a call knows is put together in the thread that writes. A call is recorded once, when it is
over: as answered, refused, broken off or left.
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Struct

from outcrop.bedrock.call import complete, open_stream
from outcrop.errors import APIError, APIStatusError, ConfigurationError
from outcrop.net import environment
from outcrop.net.perform import perform, perform_async
from outcrop.wire.credentials import ApiKey, Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.bedrock.call import Attempt, Call, Completed, Opened
    from outcrop.bedrock.invocation_log import Invocation
    from outcrop.bedrock.routes import Route
    from outcrop.client.request import Settings
    from outcrop.delivery.activity_folder import ActivityFolder, Content
    from outcrop.net.dial import AsyncDialer, SyncDialer
    from outcrop.wire.http import HeaderMap

#: Bytes of one stream that are kept until it ends; of longer ones only the counts are recorded.
MAX_TAPE: Final = 16 * 1024 * 1024


def choose(given: Any) -> ActivityFolder | None:
    """Where calls are recorded, from an argument or the environment.

    Args:
        given: A path or an `ActivityFolder`; None for what the environment says: `OUTCROP_ACTIVITY`
            (the folder), `OUTCROP_ACTIVITY_CONTENT` and `OUTCROP_ACTIVITY_DAYS`; False for nowhere.

    Raises:
        ConfigurationError: It is something else, or the variables say what can't be right.
    """
    if given is False or (given is None and not environment.variable("OUTCROP_ACTIVITY")):
        return None
    from outcrop.delivery import activity_folder  # only for whoever records

    if isinstance(given, activity_folder.ActivityFolder):
        return given
    path = environment.variable("OUTCROP_ACTIVITY") if given is None else given
    if not isinstance(path, str | os.PathLike):
        raise ConfigurationError(
            f"activity={given!r} isn't a folder.",
            mend="Give a path, an ActivityFolder, or False to record nothing.",
        )
    content = environment.variable("OUTCROP_ACTIVITY_CONTENT") or "full"
    days = environment.variable("OUTCROP_ACTIVITY_DAYS") or str(activity_folder.RETENTION_DAYS)
    if not days.isdecimal():
        raise ConfigurationError(
            f"OUTCROP_ACTIVITY_DAYS={days!r} isn't a number of days.", mend="Set it to 1 or more."
        )
    return activity_folder.shared(
        cast("str", path), content=cast("Content", content), retention_days=int(days)
    )


def completed(settings: Settings, dialer: SyncDialer, call: Call) -> Completed:
    """A call whose reply comes whole, made and recorded."""
    if settings.activity is None:
        return perform(complete(call), dialer, settings.source)
    noted = Noted(settings, settings.activity, call)
    try:
        done = perform(complete(call), dialer, settings.source)
    except BaseException as error:
        noted.fail(error)
        raise
    noted.complete(done)
    return done


async def completed_async(settings: Settings, dialer: AsyncDialer, call: Call) -> Completed:
    """The same, awaited."""
    if settings.activity is None:
        return await perform_async(complete(call), dialer, settings.source)
    noted = Noted(settings, settings.activity, call)
    try:
        done = await perform_async(complete(call), dialer, settings.source)
    except BaseException as error:
        noted.fail(error)
        raise
    noted.complete(done)
    return done


def opened(settings: Settings, dialer: SyncDialer, call: Call) -> Opened:
    """A call whose reply is streamed, made; it is recorded when the stream is over."""
    if settings.activity is None:
        return perform(open_stream(call), dialer, settings.source)
    noted = Noted(settings, settings.activity, call)
    try:
        begun = perform(open_stream(call), dialer, settings.source)
    except BaseException as error:
        noted.fail(error)
        raise
    begun.tape = noted.open(begun)
    return begun


async def opened_async(settings: Settings, dialer: AsyncDialer, call: Call) -> Opened:
    """The same, awaited."""
    if settings.activity is None:
        return await perform_async(open_stream(call), dialer, settings.source)
    noted = Noted(settings, settings.activity, call)
    try:
        begun = await perform_async(open_stream(call), dialer, settings.source)
    except BaseException as error:
        noted.fail(error)
        raise
    begun.tape = noted.open(begun)
    return begun


class Noted:
    """What is known of a call that is being made."""

    __slots__ = ("_activity", "_began", "_call", "_source", "_steady")

    def __init__(self, settings: Settings, activity: ActivityFolder, call: Call) -> None:
        self._activity = activity
        self._call = call
        self._source = settings.source
        self._began = time.time()
        self._steady = time.perf_counter()

    def complete(self, done: Completed) -> None:
        """It was answered."""
        response = done.response
        end = _End(done.route, response.headers, response.body, attempts=done.attempts)
        self._put(end, len(response.body))

    def fail(self, error: BaseException) -> None:
        """It was refused, or came to nothing."""
        route, attempts = self._call.route, ()
        if isinstance(error, APIError):
            attempts = error.attempts
            route = attempts[-1].route if attempts else route
        request_id: str | None = getattr(error, "request_id", None)
        headers = {"x-amzn-requestid": request_id} if request_id else {}
        self._put(_End(route, headers, b"", error=_name(error), attempts=attempts), 0)

    def open(self, begun: Opened) -> TakenDown:
        """It is answered by a stream, whose first bytes are there."""
        return TakenDown(self, begun, self._elapsed())

    def end(self, end: _End, size: int) -> None:
        """Its stream is over."""
        self._put(end, size)

    def _elapsed(self) -> int:
        return round((time.perf_counter() - self._steady) * 1000)

    def _put(self, end: _End, size: int) -> None:
        end.latency = self._elapsed()
        identity = self._source.at_hand()
        make = partial(_invocation, self._call, end, self._began, identity)
        self._activity.put(make, size=size + len(self._call.request.body) + 512)


class _End(Struct):
    """How a call ended."""

    route: Route
    headers: HeaderMap | Mapping[str, str]
    response: bytes | list[bytes]
    error: str | None = None
    attempts: tuple[Attempt, ...] = ()
    latency: int = 0
    first_byte: int | None = None
    whole: bool = True
    usage: Any = None


class TakenDown:
    """A stream as it came over the wire (`outcrop.bedrock.call.Tape`)."""

    __slots__ = ("_begun", "_first", "_noted", "_parts", "_size")

    def __init__(self, noted: Noted, begun: Opened, first: int) -> None:
        self._noted: Noted | None = noted
        self._begun = begun
        self._first = first
        self._parts: list[bytes] | None = list(begun.read)
        self._size = sum(map(len, begun.read))

    def add(self, data: bytes) -> None:
        """More of it."""
        if self._parts is None:
            return
        self._size += len(data)
        if self._size > MAX_TAPE:
            self._parts = None
        else:
            self._parts.append(data)

    def end(self, error: BaseException | None, *, usage: Any) -> None:
        """No more of it."""
        noted, self._noted = self._noted, None
        if noted is None:
            return
        begun = self._begun
        noted.end(
            _End(
                begun.route,
                begun.response.headers,
                self._parts or [],
                error=None if error is None else _name(error),
                attempts=begun.attempts,
                first_byte=self._first,
                whole=begun.reader.complete,
                usage=usage if self._parts is None else None,
            ),
            self._size if self._parts is not None else 0,
        )


def _name(error: BaseException) -> str:
    """What a record calls an error: as AWS does, or else by its class."""
    name = error.aws_name if isinstance(error, APIStatusError) else None
    return name or type(error).__name__


def _invocation(
    call: Call, end: _End, began: float, identity: Credentials | ApiKey | None
) -> Invocation:
    from outcrop.bedrock.invocation_log import OPERATIONS, Invocation  # for who records

    more: dict[str, Any] = {"latencyMs": end.latency, "endpoint": end.route.endpoint}
    if end.first_byte is not None:
        more["firstByteMs"] = end.first_byte
    if not end.whole:
        more["incomplete"] = True
    if end.usage is not None:
        more["tooLong"] = True
    if failed := [attempt for attempt in end.attempts if attempt.error is not None]:
        more["failedAttempts"] = [
            {"modelId": one.route.model_id, "region": one.route.region, "error": one.error}
            for one in failed
        ]
    path = call.request.target.partition("?")[0].rpartition("/")[2]
    request_id = end.headers.get("x-amzn-requestid")
    if request_id is None:  # nothing came that could name it
        import uuid

        request_id = f"local-{uuid.uuid4()}"
    return Invocation(
        operation=next(name for name, ends in OPERATIONS.items() if ends == path),
        model_id=end.route.model_id,
        region=end.route.region,
        request_id=request_id,
        began=began,
        request=call.request.body,
        response=end.response,
        account=_account(end.route.model_id),
        identity=_identity(identity),
        metadata=_metadata(call),
        error=end.error,
        usage=end.usage,
        more=more,
    )


def _account(model_id: str) -> str:
    """The account in the ARN of a profile; elsewhere a client doesn't know it."""
    parts = model_id.split(":")
    return parts[4] if parts[0] == "arn" and len(parts) > 5 else ""


def _identity(identity: Credentials | ApiKey | None) -> dict[str, str]:
    """The access key ID, which is no secret; a client isn't told its ARN."""
    if isinstance(identity, ApiKey):
        from outcrop.wire import api_keys

        try:
            claim = api_keys.read(identity.token)
        except APIError:
            claim = None
        return {"accessKeyId": claim.access_key} if claim else {}
    return {"accessKeyId": identity.access_key} if identity else {}


def _metadata(call: Call) -> str | None:
    from outcrop.bedrock.invocation_log import METADATA_HEADER

    for name, value in call.request.headers:
        if name.lower() == METADATA_HEADER:
            return value
    return None
