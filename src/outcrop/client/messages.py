"""`client.messages` and `client.beta.messages`, sync and async.

Rule: only what a call uses is loaded; a first reply that comes whole needs nothing of streams.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from outcrop.client import recording
from outcrop.client.raw import APIResponse
from outcrop.client.request import prepare
from outcrop.client.run_and_parse import (
    AsyncBetaRunAndParse,
    AsyncRunAndParse,
    BetaRunAndParse,
    RunAndParse,
)
from outcrop.messages.views import Message

if TYPE_CHECKING:
    from outcrop.bedrock.call import Call, Completed
    from outcrop.client.params import (
        BetaCountTokensParams,
        BetaCreateParams,
        CountTokensParams,
        CreateParams,
    )
    from outcrop.client.request import Settings
    from outcrop.client.streams import (
        AsyncMessageStream,
        AsyncMessageStreamManager,
        AsyncStream,
        MessageStream,
        MessageStreamManager,
        Stream,
    )
    from outcrop.messages.views import MessageTokensCount
    from outcrop.net.dial import AsyncDialer, SyncDialer


def _message(done: Completed) -> Message:
    return Message.received(
        done.document,
        route=done.route,
        headers=done.response.headers,
        attempts=done.attempts,
    )


class _Sync:
    """How a blocking call is made; `_beta` says whose keywords it takes."""

    _beta = False

    def __init__(self, settings: Settings, dialer: SyncDialer) -> None:
        self._settings = settings
        self._dialer = dialer

    def _call(self, params: Any, *, stream: bool) -> Call:
        return prepare(self._settings, params, stream=stream, beta=self._beta)

    def _raw(self, params: Any, *, stream: bool) -> APIResponse[Any]:
        call = self._call(params, stream=stream)
        if stream:
            from outcrop.client.streams import Stream

            opened = recording.opened(self._settings, self._dialer, call)
            parsed = Stream(opened, self._dialer)
            return _wrap(parsed, opened.response, opened.retries)
        done = recording.completed(self._settings, self._dialer, call)
        return _wrap(_message(done), done.response, done.retries)

    def _create(self, params: Any, *, stream: bool) -> Message | Stream:
        call = self._call(params, stream=stream)
        if stream:
            from outcrop.client.streams import Stream

            opened = recording.opened(self._settings, self._dialer, call)
            return Stream(opened, self._dialer)
        return _message(recording.completed(self._settings, self._dialer, call))

    def _stream(self, params: Any) -> MessageStreamManager:
        from outcrop.client.streams import MessageStream, MessageStreamManager

        call = self._call(params, stream=True)

        def begin() -> MessageStream:
            opened = recording.opened(self._settings, self._dialer, call)
            return MessageStream(opened, self._dialer)

        return MessageStreamManager(begin)

    def _count_tokens(self, params: Any) -> MessageTokensCount:
        from outcrop.client import counting

        return counting.count_tokens(self._settings, self._dialer, params, beta=self._beta)


class _Async:
    """How an awaited call is made; `_beta` says whose keywords it takes."""

    _beta = False

    def __init__(self, settings: Settings, dialer: AsyncDialer) -> None:
        self._settings = settings
        self._dialer = dialer

    def _call(self, params: Any, *, stream: bool) -> Call:
        return prepare(self._settings, params, stream=stream, beta=self._beta)

    async def _raw(self, params: Any, *, stream: bool) -> APIResponse[Any]:
        call = self._call(params, stream=stream)
        if stream:
            from outcrop.client.streams import AsyncStream

            opened = await recording.opened_async(self._settings, self._dialer, call)
            parsed = AsyncStream(opened, self._dialer)
            return _wrap(parsed, opened.response, opened.retries)
        done = await recording.completed_async(self._settings, self._dialer, call)
        return _wrap(_message(done), done.response, done.retries)

    async def _create(self, params: Any, *, stream: bool) -> Message | AsyncStream:
        call = self._call(params, stream=stream)
        if stream:
            from outcrop.client.streams import AsyncStream

            opened = await recording.opened_async(self._settings, self._dialer, call)
            return AsyncStream(opened, self._dialer)
        return _message(await recording.completed_async(self._settings, self._dialer, call))

    def _stream(self, params: Any) -> AsyncMessageStreamManager:
        from outcrop.client.streams import AsyncMessageStream, AsyncMessageStreamManager

        call = self._call(params, stream=True)

        async def begin() -> AsyncMessageStream:
            opened = await recording.opened_async(self._settings, self._dialer, call)
            return AsyncMessageStream(opened, self._dialer)

        return AsyncMessageStreamManager(begin)

    async def _count_tokens(self, params: Any) -> MessageTokensCount:
        from outcrop.client import counting

        return await counting.count_tokens_async(
            self._settings, self._dialer, params, beta=self._beta
        )


def _wrap(parsed: Any, response: Any, retries: int) -> APIResponse[Any]:
    return APIResponse(
        parsed,
        status_code=response.status,
        headers=response.headers,
        content=response.body,
        retries_taken=retries,
    )


class Messages(_Sync, RunAndParse):
    """Messages with Claude."""

    @overload
    def create(
        self, *, stream: Literal[False] = False, **params: Unpack[CreateParams]
    ) -> Message: ...
    @overload
    def create(self, *, stream: Literal[True], **params: Unpack[CreateParams]) -> Stream: ...
    @overload
    def create(self, *, stream: bool, **params: Unpack[CreateParams]) -> Message | Stream: ...
    def create(self, *, stream: bool = False, **params: Any) -> Message | Stream:
        """Claude's reply: a `Message`, or with `stream=True` a `Stream` of raw events.

        Keyword arguments are those of the Messages API (`outcrop.client.params`).

        Raises:
            APIStatusError: Bedrock or the model refused; the subclass and `.aws_name` say why.
            APIConnectionError: No reply, or it broke off.
            RequestError: The request can't be sent as it is.
        """
        return self._create(params, stream=stream)

    def stream(self, **params: Unpack[CreateParams]) -> MessageStreamManager:
        """A context manager that makes the call and gives its `MessageStream`."""
        return self._stream(params)

    def count_tokens(self, **params: Unpack[CountTokensParams]) -> MessageTokensCount:
        """The input tokens that a request would be charged with; nothing is generated.

        Keyword arguments are those of `create`, and what can't change the count may be left out.
        CountTokens or the Messages route counts, whichever knows the model, however it is spelt.
        Over CountTokens, `api` says whose request it would be; the Messages route counts Messages
        requests only. `outcrop.estimate_tokens` estimates where neither counts.

        Raises:
            APIStatusError: Bedrock refused; nobody may be counting for the model in that region.
            RequestError: The request can't be sent as it is, or hides its model.
        """
        return self._count_tokens(params)

    @cached_property
    def with_raw_response(self) -> RawMessages:
        """The same methods, giving an `APIResponse` with status, headers and request ID."""
        return RawMessages(self._settings, self._dialer)


class RawMessages(_Sync):
    """Messages with Claude, giving responses with their status and headers."""

    @overload
    def create(
        self, *, stream: Literal[False] = False, **params: Unpack[CreateParams]
    ) -> APIResponse[Message]: ...
    @overload
    def create(
        self, *, stream: Literal[True], **params: Unpack[CreateParams]
    ) -> APIResponse[Stream]: ...
    def create(self, *, stream: bool = False, **params: Any) -> APIResponse[Any]:
        """As `Messages.create`, wrapped in an `APIResponse`."""
        return self._raw(params, stream=stream)


class BetaMessages(_Sync, BetaRunAndParse):
    """Messages with Claude, with beta features."""

    _beta = True

    @overload
    def create(
        self, *, stream: Literal[False] = False, **params: Unpack[BetaCreateParams]
    ) -> Message: ...
    @overload
    def create(self, *, stream: Literal[True], **params: Unpack[BetaCreateParams]) -> Stream: ...
    @overload
    def create(self, *, stream: bool, **params: Unpack[BetaCreateParams]) -> Message | Stream: ...
    def create(self, *, stream: bool = False, **params: Any) -> Message | Stream:
        """As `Messages.create`, with `betas=[…]`, which go into the body as `anthropic_beta`."""
        return self._create(params, stream=stream)

    def stream(self, **params: Unpack[BetaCreateParams]) -> MessageStreamManager:
        """As `Messages.stream`, with `betas=[…]`."""
        return self._stream(params)

    def count_tokens(self, **params: Unpack[BetaCountTokensParams]) -> MessageTokensCount:
        """As `Messages.count_tokens`, with `betas=[…]`."""
        return self._count_tokens(params)

    @cached_property
    def with_raw_response(self) -> RawBetaMessages:
        """The same methods, giving an `APIResponse` with status, headers and request ID."""
        return RawBetaMessages(self._settings, self._dialer)


class RawBetaMessages(_Sync):
    """Messages with Claude and beta features, giving responses with their status and headers."""

    _beta = True

    @overload
    def create(
        self, *, stream: Literal[False] = False, **params: Unpack[BetaCreateParams]
    ) -> APIResponse[Message]: ...
    @overload
    def create(
        self, *, stream: Literal[True], **params: Unpack[BetaCreateParams]
    ) -> APIResponse[Stream]: ...
    def create(self, *, stream: bool = False, **params: Any) -> APIResponse[Any]:
        """As `BetaMessages.create`, wrapped in an `APIResponse`."""
        return self._raw(params, stream=stream)


class AsyncMessages(_Async, AsyncRunAndParse):
    """Messages with Claude."""

    @overload
    async def create(
        self, *, stream: Literal[False] = False, **params: Unpack[CreateParams]
    ) -> Message: ...
    @overload
    async def create(
        self, *, stream: Literal[True], **params: Unpack[CreateParams]
    ) -> AsyncStream: ...
    @overload
    async def create(
        self, *, stream: bool, **params: Unpack[CreateParams]
    ) -> Message | AsyncStream: ...
    async def create(self, *, stream: bool = False, **params: Any) -> Message | AsyncStream:
        """Claude's reply: a `Message`, or with `stream=True` an `AsyncStream` of raw events.

        Keyword arguments are those of the Messages API (`outcrop.client.params`).

        Raises:
            APIStatusError: Bedrock or the model refused; the subclass and `.aws_name` say why.
            APIConnectionError: No reply, or it broke off.
            RequestError: The request can't be sent as it is.
        """
        return await self._create(params, stream=stream)

    def stream(self, **params: Unpack[CreateParams]) -> AsyncMessageStreamManager:
        """A context manager that makes the call and gives its `AsyncMessageStream`."""
        return self._stream(params)

    async def count_tokens(self, **params: Unpack[CountTokensParams]) -> MessageTokensCount:
        """The input tokens that a request would be charged with; nothing is generated.

        Keyword arguments are those of `create`, and what can't change the count may be left out.
        CountTokens or the Messages route counts, whichever knows the model, however it is spelt.
        Over CountTokens, `api` says whose request it would be; the Messages route counts Messages
        requests only. `outcrop.estimate_tokens` estimates where neither counts.

        Raises:
            APIStatusError: Bedrock refused; nobody may be counting for the model in that region.
            RequestError: The request can't be sent as it is, or hides its model.
        """
        return await self._count_tokens(params)

    @cached_property
    def with_raw_response(self) -> AsyncRawMessages:
        """The same methods, giving an `APIResponse` with status, headers and request ID."""
        return AsyncRawMessages(self._settings, self._dialer)


class AsyncRawMessages(_Async):
    """Messages with Claude, giving responses with their status and headers."""

    @overload
    async def create(
        self, *, stream: Literal[False] = False, **params: Unpack[CreateParams]
    ) -> APIResponse[Message]: ...
    @overload
    async def create(
        self, *, stream: Literal[True], **params: Unpack[CreateParams]
    ) -> APIResponse[AsyncStream]: ...
    async def create(self, *, stream: bool = False, **params: Any) -> APIResponse[Any]:
        """As `AsyncMessages.create`, wrapped in an `APIResponse`."""
        return await self._raw(params, stream=stream)


class AsyncBetaMessages(_Async, AsyncBetaRunAndParse):
    """Messages with Claude, with beta features."""

    _beta = True

    @overload
    async def create(
        self, *, stream: Literal[False] = False, **params: Unpack[BetaCreateParams]
    ) -> Message: ...
    @overload
    async def create(
        self, *, stream: Literal[True], **params: Unpack[BetaCreateParams]
    ) -> AsyncStream: ...
    @overload
    async def create(
        self, *, stream: bool, **params: Unpack[BetaCreateParams]
    ) -> Message | AsyncStream: ...
    async def create(self, *, stream: bool = False, **params: Any) -> Message | AsyncStream:
        """As `AsyncMessages.create`, with `betas=[…]`, which go into the body."""
        return await self._create(params, stream=stream)

    def stream(self, **params: Unpack[BetaCreateParams]) -> AsyncMessageStreamManager:
        """As `AsyncMessages.stream`, with `betas=[…]`."""
        return self._stream(params)

    async def count_tokens(self, **params: Unpack[BetaCountTokensParams]) -> MessageTokensCount:
        """As `AsyncMessages.count_tokens`, with `betas=[…]`."""
        return await self._count_tokens(params)

    @cached_property
    def with_raw_response(self) -> AsyncRawBetaMessages:
        """The same methods, giving an `APIResponse` with status, headers and request ID."""
        return AsyncRawBetaMessages(self._settings, self._dialer)


class AsyncRawBetaMessages(_Async):
    """Messages with Claude and beta features, giving responses with their status and headers."""

    _beta = True

    @overload
    async def create(
        self, *, stream: Literal[False] = False, **params: Unpack[BetaCreateParams]
    ) -> APIResponse[Message]: ...
    @overload
    async def create(
        self, *, stream: Literal[True], **params: Unpack[BetaCreateParams]
    ) -> APIResponse[AsyncStream]: ...
    async def create(self, *, stream: bool = False, **params: Any) -> APIResponse[Any]:
        """As `AsyncBetaMessages.create`, wrapped in an `APIResponse`."""
        return await self._raw(params, stream=stream)


class Beta:
    """`client.beta`."""

    def __init__(self, settings: Settings, dialer: SyncDialer) -> None:
        self.messages = BetaMessages(settings, dialer)


class AsyncBeta:
    """`client.beta`."""

    def __init__(self, settings: Settings, dialer: AsyncDialer) -> None:
        self.messages = AsyncBetaMessages(settings, dialer)
