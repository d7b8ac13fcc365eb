"""Streams to iterate: raw events, or the helper's events with text and the final message.

Rules: a stream that isn't whole is an error that carries what came; leaving a stream early closes
its connection; nothing is read ahead of the reader.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from outcrop.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    StreamTruncatedError,
)
from outcrop.messages.assembly import Assembly
from outcrop.messages.events import RawMessageStreamEvent, raw_event
from outcrop.messages.views import Message
from outcrop.net.dial import AsyncDialer, SyncDialer

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Generator,
        Iterable,
        Iterator,
        Mapping,
    )
    from typing import Self

    from outcrop.bedrock.call import Opened
    from outcrop.bedrock.frames import FrameReader
    from outcrop.bedrock.routes import Route
    from outcrop.messages.events import MessageStreamEvent
    from outcrop.wire.http import HeaderMap

Document = dict[str, Any]
D = TypeVar("D", SyncDialer, AsyncDialer)


#: Bytes of a raw stream that are kept, for the message so far in an error; memory has to end.
MAX_PARTIAL: Final = 8 * 1024 * 1024


class _Reading(Generic[D]):
    """What both kinds of stream know: the response, the message so far, whether it is whole."""

    #: Of a raw stream: bytes to keep, of which the message is made if it is asked for. None where
    #: the message is put together as the events are read.
    _most: int | None = MAX_PARTIAL

    def __init__(self, opened: Opened, dialer: D) -> None:
        self._opened = opened
        self._dialer = dialer
        self._tape = opened.tape
        self._assembly = Assembly()
        self._size = 0
        self._kept: list[bytes] = [] if self._most is None else list(opened.read)
        self._again: FrameReader | None = None  # reads what is kept
        self._error: APIError | None = None
        self.route: Route = opened.route

    @property
    def headers(self) -> HeaderMap:
        """Headers of the response."""
        return self._opened.response.headers

    @property
    def request_id(self) -> str | None:
        """AWS's ID of the request."""
        return self.headers.get("x-amzn-requestid")

    @property
    def current_message_snapshot(self) -> Message:
        """The message so far: of a raw stream, as far as it has come, which may be ahead of you."""
        return self._message()

    def _told(self, events: list[Document]) -> Iterable[Any]:
        """What the reader gets of some events; here they are put together as they are taken."""
        add = self._assembly.add
        for event in events:
            add(event)
            yield event

    def _keep(self, data: bytes, most: int) -> None:
        self._size += len(data)
        if self._size <= most:
            self._kept.append(data)
        else:  # what came before is kept no longer, so this isn't either
            self._kept, self._assembly = [], Assembly()

    def _so_far(self) -> Assembly:
        """The message as far as it has come."""
        if kept := self._kept:
            self._kept = []
            reader = self._again or self._opened.dialect.open_reader(self._opened.response)
            self._again = reader
            for data in kept:
                for event in reader.feed(data):
                    self._assembly.add(event)
        return self._assembly

    def _message(self) -> Message:
        return Message.received(
            self._so_far().document,
            request_id=self.request_id,
            route=self.route,
            headers=self.headers,
            attempts=self._opened.attempts,
        )

    def _end_tape(self, error: BaseException | None = None) -> None:
        if self._tape is not None:
            usage = self._assembly.document.get("usage") if self._assembly.started else None
            self._tape.end(error, usage=usage)

    def __del__(self) -> None:
        self._end_tape()

    def _failed(self, error: APIError) -> bool:
        """Attaches what came to an error; False if the message was whole already."""
        if self._opened.reader.complete and isinstance(error, APIConnectionError):
            return False
        with suppress(APIResponseValidationError):  # of what can't be added, what came before it
            self._so_far()
        if self._assembly.started:
            error.partial = self._message()
        error.request_id = error.request_id or self.request_id
        self._error = error
        return True

    def _whole(self) -> Message:
        """The message, if it is whole; half a message is never taken for one."""
        if not self._so_far().complete:
            error = self._error or StreamTruncatedError(
                "The stream was left before message_stop.", retryable=False
            )
            error.partial = self._message() if self._assembly.started else None
            raise error
        return self._message()


class SyncReading(_Reading[SyncDialer]):
    """A stream that is read by blocking."""

    def __init__(self, opened: Opened, dialer: SyncDialer) -> None:
        super().__init__(opened, dialer)
        self._events = self._read()

    def _read(self) -> Generator[Any, None, None]:
        opened, tape, most = self._opened, self._tape, self._most
        reader, read_some = opened.reader, opened.response.reader.read_some
        events = opened.first
        try:
            while True:
                yield from self._told(events)
                if reader.fault is not None:
                    reader.raise_fault()
                data = read_some()
                if data is None:
                    reader.raise_fault(ended=True)
                    return
                if tape is not None:
                    tape.add(data)
                if most is not None:
                    self._keep(data, most)
                events = reader.feed(data)
        except APIError as error:
            if self._failed(error):
                self._end_tape(error)
                raise
        finally:
            self._end_tape()
            self._dialer.release(opened.response)

    def __del__(self) -> None:
        super().__del__()
        self._dialer.release(self._opened.response)

    def close(self) -> None:
        """Ends the stream, read or not; the connection is dropped if it wasn't."""
        self._events.close()
        self._end_tape()
        self._dialer.release(self._opened.response)  # in case that it was never begun

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


class Stream(SyncReading):
    """Raw stream events, one at a time; a context manager that closes the connection.

    Errors: `APIStatusError` for an exception in the stream, `StreamTruncatedError` for an end
    before `message_stop`, `EventStreamError` for a broken frame, each with the message so far in
    `.partial` (of a stream of more than 8 MB it isn't kept).
    """

    def _told(self, events: list[Document]) -> Iterable[RawMessageStreamEvent]:
        return map(raw_event, events)

    def __iter__(self) -> Iterator[RawMessageStreamEvent]:
        return self._events

    def __next__(self) -> RawMessageStreamEvent:
        return next(self._events)


class MessageStream(SyncReading):
    """The helper's events: raw ones, and what they mean (`text`, `input_json`, `thinking`, …).

    Errors are those of `Stream`.
    """

    _most = None

    def __iter__(self) -> Iterator[MessageStreamEvent]:
        for event in self._events:
            yield from self._assembly.derived_events(event)

    @property
    def text_stream(self) -> Iterator[str]:
        """The text as it comes."""
        return (text for event in self._events if (text := _text(event)))

    def until_done(self) -> None:
        """Reads to the end."""
        for _ in self._events:
            pass

    def get_final_message(self) -> Message:
        """The whole message; reads to the end first."""
        self.until_done()
        return self._whole()

    def get_final_text(self) -> str:
        """All text of the message; reads to the end first.

        Raises:
            ValueError: If the message has no text.
        """
        return _final_text(self.get_final_message())


class AsyncReading(_Reading[AsyncDialer]):
    """A stream that is read by awaiting."""

    def __init__(self, opened: Opened, dialer: AsyncDialer) -> None:
        super().__init__(opened, dialer)
        self._events = self._read()

    async def _read(self) -> AsyncGenerator[Any, None]:
        opened, tape, most = self._opened, self._tape, self._most
        reader, read_some = opened.reader, opened.response.reader.read_some
        events = opened.first
        try:
            while True:
                for event in self._told(events):
                    yield event
                if reader.fault is not None:
                    reader.raise_fault()
                data = await read_some()
                if data is None:
                    reader.raise_fault(ended=True)
                    return
                if tape is not None:
                    tape.add(data)
                if most is not None:
                    self._keep(data, most)
                events = reader.feed(data)
        except APIError as error:
            if self._failed(error):
                self._end_tape(error)
                raise
        finally:
            self._end_tape()
            await self._dialer.release(opened.response)

    async def close(self) -> None:
        """Ends the stream, read or not; the connection is dropped if it wasn't."""
        await self._events.aclose()
        self._end_tape()
        await self._dialer.release(self._opened.response)  # in case that it was never begun

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()


class AsyncStream(AsyncReading):
    """Raw stream events, one at a time; an async context manager that closes the connection.

    Errors are those of `Stream`.
    """

    def _told(self, events: list[Document]) -> Iterable[RawMessageStreamEvent]:
        return map(raw_event, events)

    def __aiter__(self) -> AsyncIterator[RawMessageStreamEvent]:
        return self._events

    async def __anext__(self) -> RawMessageStreamEvent:
        return await anext(self._events)


class AsyncMessageStream(AsyncReading):
    """The helper's events: raw ones, and what they mean (`text`, `input_json`, `thinking`, …).

    Errors are those of `Stream`.
    """

    _most = None

    async def __aiter__(self) -> AsyncIterator[MessageStreamEvent]:
        async for event in self._events:
            for told in self._assembly.derived_events(event):
                yield told

    @property
    def text_stream(self) -> AsyncIterator[str]:
        """The text as it comes."""
        return (text async for event in self._events if (text := _text(event)))

    async def until_done(self) -> None:
        """Reads to the end."""
        async for _ in self._events:
            pass

    async def get_final_message(self) -> Message:
        """The whole message; reads to the end first."""
        await self.until_done()
        return self._whole()

    async def get_final_text(self) -> str:
        """All text of the message; reads to the end first.

        Raises:
            ValueError: If the message has no text.
        """
        return _final_text(await self.get_final_message())


def _text(event: Document) -> str:
    """The text in a raw event, if it is a text delta."""
    if event.get("type") == "content_block_delta":
        delta: Mapping[str, Any] = event.get("delta") or {}
        if delta.get("type") == "text_delta":
            return delta.get("text") or ""
    return ""


def _final_text(message: Message) -> str:
    texts = [block.text for block in message.content if block.type == "text"]
    if not texts:
        raise ValueError(f"The message has no text: stop_reason is {message.stop_reason!r}.")
    return "".join(texts)


class MessageStreamManager:
    """What `messages.stream(...)` gives: the call is made on entering it."""

    def __init__(self, open_stream: Callable[[], MessageStream]) -> None:
        self._open = open_stream
        self._stream: MessageStream | None = None

    def __enter__(self) -> MessageStream:
        self._stream = self._open()
        return self._stream

    def __exit__(self, *failure: object) -> None:
        if self._stream is not None:
            self._stream.close()


class AsyncMessageStreamManager:
    """What `messages.stream(...)` gives: the call is made on entering it."""

    def __init__(self, open_stream: Callable[[], Awaitable[AsyncMessageStream]]) -> None:
        self._open = open_stream
        self._stream: AsyncMessageStream | None = None

    async def __aenter__(self) -> AsyncMessageStream:
        self._stream = await self._open()
        return self._stream

    async def __aexit__(self, *failure: object) -> None:
        if self._stream is not None:
            await self._stream.close()
