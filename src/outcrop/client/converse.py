"""`client.converse` and `client.converse_stream`: boto3's keyword arguments in, plain dicts out.

Rules: names and shapes are boto3's (`bedrock-runtime`), so that leaving it costs one import; how a
call is made (credentials, region, retries, time-outs) is the client's, and so are its errors. A
reply keeps what botocore's shapes don't know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Required, TypedDict

from outcrop.bedrock import boto3_shapes, routes
from outcrop.bedrock.call import Call
from outcrop.bedrock.converse import write_headers
from outcrop.bedrock.dialects import BOTO3_SHAPES
from outcrop.client import recording
from outcrop.client.request import address, ask_headers
from outcrop.client.streams import AsyncReading, SyncReading
from outcrop.wire.http import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

    from outcrop.bedrock.call import Response
    from outcrop.client.request import Settings
    from outcrop.net.dial import AsyncDialer, SyncDialer

Document = dict[str, Any]


class ConverseParams(TypedDict, total=False):
    """What boto3's `converse` takes."""

    modelId: Required[str]
    messages: Sequence[Mapping[str, Any]]
    system: Sequence[Mapping[str, Any]]
    inferenceConfig: Mapping[str, Any]
    toolConfig: Mapping[str, Any]
    guardrailConfig: Mapping[str, Any]
    additionalModelRequestFields: Any
    promptVariables: Mapping[str, Mapping[str, Any]]
    additionalModelResponseFieldPaths: Sequence[str]
    requestMetadata: Mapping[str, str]
    performanceConfig: Mapping[str, Any]
    serviceTier: Mapping[str, Any]
    outputConfig: Mapping[str, Any]


NAMES: Final = ConverseParams.__required_keys__ | ConverseParams.__optional_keys__


def _prepare(settings: Settings, params: Mapping[str, Any], *, stream: bool) -> Call:
    for name in params:
        if name not in NAMES:
            from difflib import get_close_matches  # only for errors

            near = get_close_matches(name, NAMES, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"converse() has no keyword argument {name!r}.{hint}")
    if "modelId" not in params:
        raise TypeError("converse() needs the keyword argument 'modelId'.")
    body = dict(params)
    model_id: str = body.pop("modelId")
    origin, prefix = address(settings)
    target = prefix + routes.converse_target(model_id, stream=stream)
    headers = write_headers(ask_headers(settings, api="converse", stream=stream), body)
    return Call(
        Request("POST", origin, target, list(headers.items()), boto3_shapes.write_ask(body)),
        routes.route(model_id, settings.region.name, origin),
        settings.policy,
        settings.timeout,
        BOTO3_SHAPES,
    )


def _metadata(response: Response, retries: int) -> Document:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {
        "RequestId": headers.get("x-amzn-requestid"),
        "HTTPStatusCode": response.status,
        "HTTPHeaders": headers,
        "RetryAttempts": retries,
    }


class ConverseStream(SyncReading):
    """The events of ConverseStream as boto3 gives them, such as `{"messageStart": {…}}`.

    Errors: `APIStatusError` for an exception in the stream, `StreamTruncatedError` for an end
    before `metadata`, `EventStreamError` for a broken frame.
    """

    _most = None  # there is no message to be made of what came

    def _told(self, events: list[Document]) -> Iterable[Document]:
        return events

    def __iter__(self) -> Iterator[Document]:
        return self._events

    def __next__(self) -> Document:
        return next(self._events)


class AsyncConverseStream(AsyncReading):
    """The events of ConverseStream as boto3 gives them; errors are those of `ConverseStream`."""

    _most = None

    def _told(self, events: list[Document]) -> Iterable[Document]:
        return events

    def __aiter__(self) -> AsyncIterator[Document]:
        return self._events

    async def __anext__(self) -> Document:
        return await anext(self._events)


def converse(settings: Settings, dialer: SyncDialer, params: Mapping[str, Any]) -> Document:
    """See `AnthropicBedrock.converse`."""
    done = recording.completed(settings, dialer, _prepare(settings, params, stream=False))
    return {"ResponseMetadata": _metadata(done.response, done.retries), **done.document}


def converse_stream(settings: Settings, dialer: SyncDialer, params: Mapping[str, Any]) -> Document:
    """See `AnthropicBedrock.converse_stream`."""
    call = _prepare(settings, params, stream=True)
    opened = recording.opened(settings, dialer, call)
    stream = ConverseStream(opened, dialer)
    return {"ResponseMetadata": _metadata(opened.response, opened.retries), "stream": stream}


async def converse_async(
    settings: Settings, dialer: AsyncDialer, params: Mapping[str, Any]
) -> Document:
    """See `AsyncAnthropicBedrock.converse`."""
    call = _prepare(settings, params, stream=False)
    done = await recording.completed_async(settings, dialer, call)
    return {"ResponseMetadata": _metadata(done.response, done.retries), **done.document}


async def converse_stream_async(
    settings: Settings, dialer: AsyncDialer, params: Mapping[str, Any]
) -> Document:
    """See `AsyncAnthropicBedrock.converse_stream`."""
    call = _prepare(settings, params, stream=True)
    opened = await recording.opened_async(settings, dialer, call)
    stream = AsyncConverseStream(opened, dialer)
    return {"ResponseMetadata": _metadata(opened.response, opened.retries), "stream": stream}
