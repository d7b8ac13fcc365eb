"""`run_tools` and `parse` of `client.messages`: what stands on `create` and `stream`.

Rules: only what a call uses is loaded; nothing here knows how a call is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

if TYPE_CHECKING:
    from outcrop.client.params import (
        BetaCreateParams,
        BetaRunToolsParams,
        CreateParams,
        RunToolsParams,
    )
    from outcrop.client.runner import AsyncToolRunner, OnError, ToolRunner
    from outcrop.client.streams import (
        AsyncMessageStream,
        AsyncMessageStreamManager,
        MessageStream,
        MessageStreamManager,
    )
    from outcrop.client.structured import ParsedMessage
    from outcrop.messages.views import Message

T = TypeVar("T")


class _Sync:
    def _create(self, params: Any, *, stream: bool) -> Any:
        raise NotImplementedError

    def _stream(self, params: Any) -> MessageStreamManager:
        raise NotImplementedError

    def _run_tools(
        self, params: Any, *, stream: bool, max_turns: int, on_error: Any
    ) -> ToolRunner[Any]:
        from outcrop.client.runner import ToolRunner

        def create(asked: Any) -> Any:
            return self._create(asked, stream=False)

        streamed = self._stream if stream else None
        return ToolRunner(create, streamed, params, max_turns=max_turns, on_error=on_error)

    def _parse(self, output_format: type[T], params: Any) -> ParsedMessage[T]:
        from outcrop.client import structured

        reply: Any = self._create(structured.ask(params, output_format), stream=False)
        return structured.parse(reply, output_format)


class _Async:
    async def _create(self, params: Any, *, stream: bool) -> Any:
        raise NotImplementedError

    def _stream(self, params: Any) -> AsyncMessageStreamManager:
        raise NotImplementedError

    def _run_tools(
        self, params: Any, *, stream: bool, max_turns: int, on_error: Any
    ) -> AsyncToolRunner[Any]:
        from outcrop.client.runner import AsyncToolRunner

        async def create(asked: Any) -> Any:
            return await self._create(asked, stream=False)

        streamed = self._stream if stream else None
        return AsyncToolRunner(create, streamed, params, max_turns=max_turns, on_error=on_error)

    async def _parse(self, output_format: type[T], params: Any) -> ParsedMessage[T]:
        from outcrop.client import structured

        reply: Any = await self._create(structured.ask(params, output_format), stream=False)
        return structured.parse(reply, output_format)


class RunAndParse(_Sync):
    """For `client.messages`."""

    @overload
    def run_tools(
        self,
        *,
        max_turns: int = 10,
        on_error: OnError = "tell",
        stream: Literal[False] = False,
        **params: Unpack[RunToolsParams],
    ) -> ToolRunner[Message]: ...
    @overload
    def run_tools(
        self,
        *,
        max_turns: int = 10,
        on_error: OnError = "tell",
        stream: Literal[True],
        **params: Unpack[RunToolsParams],
    ) -> ToolRunner[MessageStream]: ...
    def run_tools(
        self,
        *,
        max_turns: int = 10,
        on_error: OnError = "tell",
        stream: bool = False,
        **params: Any,
    ) -> ToolRunner[Any]:
        """The tool loop: Claude is asked, its calls are run, it is asked again, to the end.

        Iterate over the messages of its turns, or call `.until_done()` for the last one;
        `.messages` is the conversation so far. With `stream=True` each turn is a `MessageStream`.

        Args:
            tools: Functions (`outcrop.tool`, or plain ones), and definitions as for `create`.
            max_turns: The most messages of Claude's.
            on_error: "tell" Claude of a tool's exception (its type and message), "raise" it, or a
                function of the exception and the call that gives what Claude is told.
            stream: Whether to stream each turn.
            params: As for `create`. A `tool_choice` that forces a call does so in the first turn.

        Raises:
            ConfigurationError: A function can't be a tool.
            ToolTurnsError: While it is read: `max_turns` weren't enough.
        """
        return self._run_tools(params, stream=stream, max_turns=max_turns, on_error=on_error)

    def parse(self, *, output_format: type[T], **params: Unpack[CreateParams]) -> ParsedMessage[T]:
        """The reply, with the value that it holds as `.parsed_output`.

        Args:
            output_format: A TypedDict, dataclass, msgspec Struct or pydantic model, or anything
                that msgspec has a JSON Schema for.
            params: As for `create`.

        Raises:
            OutputError: The reply holds no such value: cut, refused, or not as asked for.
            ConfigurationError: Claude can't be held to that type.
        """
        return self._parse(output_format, params)


class BetaRunAndParse(_Sync):
    """For `client.beta.messages`."""

    @overload
    def run_tools(
        self,
        *,
        max_turns: int = 10,
        on_error: OnError = "tell",
        stream: Literal[False] = False,
        **params: Unpack[BetaRunToolsParams],
    ) -> ToolRunner[Message]: ...
    @overload
    def run_tools(
        self,
        *,
        max_turns: int = 10,
        on_error: OnError = "tell",
        stream: Literal[True],
        **params: Unpack[BetaRunToolsParams],
    ) -> ToolRunner[MessageStream]: ...
    def run_tools(
        self,
        *,
        max_turns: int = 10,
        on_error: OnError = "tell",
        stream: bool = False,
        **params: Any,
    ) -> ToolRunner[Any]:
        """As `Messages.run_tools`, with `betas=[…]`."""
        return self._run_tools(params, stream=stream, max_turns=max_turns, on_error=on_error)

    def parse(
        self, *, output_format: type[T], **params: Unpack[BetaCreateParams]
    ) -> ParsedMessage[T]:
        """As `Messages.parse`, with `betas=[…]`."""
        return self._parse(output_format, params)


class AsyncRunAndParse(_Async):
    """For `client.messages` of the async client."""

    @overload
    def run_tools(
        self,
        *,
        max_turns: int = 10,
        on_error: OnError = "tell",
        stream: Literal[False] = False,
        **params: Unpack[RunToolsParams],
    ) -> AsyncToolRunner[Message]: ...
    @overload
    def run_tools(
        self,
        *,
        max_turns: int = 10,
        on_error: OnError = "tell",
        stream: Literal[True],
        **params: Unpack[RunToolsParams],
    ) -> AsyncToolRunner[AsyncMessageStream]: ...
    def run_tools(
        self,
        *,
        max_turns: int = 10,
        on_error: OnError = "tell",
        stream: bool = False,
        **params: Any,
    ) -> AsyncToolRunner[Any]:
        """As `Messages.run_tools`; calls of one message run at the same time."""
        return self._run_tools(params, stream=stream, max_turns=max_turns, on_error=on_error)

    async def parse(
        self, *, output_format: type[T], **params: Unpack[CreateParams]
    ) -> ParsedMessage[T]:
        """As `Messages.parse`."""
        return await self._parse(output_format, params)


class AsyncBetaRunAndParse(_Async):
    """For `client.beta.messages` of the async client."""

    @overload
    def run_tools(
        self,
        *,
        max_turns: int = 10,
        on_error: OnError = "tell",
        stream: Literal[False] = False,
        **params: Unpack[BetaRunToolsParams],
    ) -> AsyncToolRunner[Message]: ...
    @overload
    def run_tools(
        self,
        *,
        max_turns: int = 10,
        on_error: OnError = "tell",
        stream: Literal[True],
        **params: Unpack[BetaRunToolsParams],
    ) -> AsyncToolRunner[AsyncMessageStream]: ...
    def run_tools(
        self,
        *,
        max_turns: int = 10,
        on_error: OnError = "tell",
        stream: bool = False,
        **params: Any,
    ) -> AsyncToolRunner[Any]:
        """As `Messages.run_tools`, with `betas=[…]`."""
        return self._run_tools(params, stream=stream, max_turns=max_turns, on_error=on_error)

    async def parse(
        self, *, output_format: type[T], **params: Unpack[BetaCreateParams]
    ) -> ParsedMessage[T]:
        """As `Messages.parse`, with `betas=[…]`."""
        return await self._parse(output_format, params)
