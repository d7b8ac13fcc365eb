"""The tool loop: Claude is asked, its calls are run, it is asked again with what they gave.

Rules: one turn is one message of Claude's, and there are at most `max_turns`; each is handed out
before its calls are run, so that whoever reads can stop, or answer a call in its place; all calls
of a message are answered in one user message, in their order; what a stop reason means for the loop
stands in one table. Only `messages.create` and `.stream` are used, hence every dialect.

Source: Anthropic, "Handle tool calls", "Handling stop reasons". The names are those of anthropic
2.12.0 (`tool_runner`): iteration, `until_done`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, cast

from outcrop.client import tool_results
from outcrop.client.tools import Toolbox
from outcrop.errors import ConfigurationError, ToolError, ToolTurnsError
from outcrop.messages.view import View, plain
from outcrop.messages.views import ToolUseBlock

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Generator,
        Iterator,
        Mapping,
    )
    from typing import Self

    from outcrop.client.streams import AsyncMessageStreamManager, MessageStreamManager
    from outcrop.messages.views import Message

Document = dict[str, Any]
#: What comes each turn: a Message, or with `stream=True` a stream of one.
T_co = TypeVar("T_co", covariant=True)

#: What becomes of an exception in a tool: Claude is told, the loop ends with it, or a function of
#: the exception and the call gives what Claude is told.
OnError = Literal["tell", "raise"] | Callable[[Exception, ToolUseBlock], object]

#: What the loop does after a message, by its stop reason; unknown ones end it.
NEXT: Final[dict[str, Literal["run", "go on", "end"]]] = {
    "tool_use": "run",
    "pause_turn": "go on",  # a tool of Anthropic's takes long: the message goes back as it is
    "end_turn": "end",
    "stop_sequence": "end",
    "max_tokens": "end",  # a call in it may be cut: it isn't run
    "model_context_window_exceeded": "end",
    "refusal": "end",
}

#: Calls of one message that the async runner runs at the same time.
AT_ONCE: Final = 8


class _Run(Generic[T_co]):
    """What both runners know: the conversation, whose turn it is, and what is still to be run."""

    def __init__(
        self, params: Mapping[str, Any], tools: Toolbox, *, max_turns: int, on_error: Any
    ) -> None:
        if "tools" not in params:
            raise TypeError("run_tools() needs the keyword argument 'tools'.")
        if not isinstance(cast("object", max_turns), int) or max_turns < 1:
            raise ConfigurationError(
                f"max_turns={max_turns!r} isn't a number of turns.", mend="Give 1 or more."
            )
        if on_error not in ("tell", "raise") and not callable(on_error):
            raise ConfigurationError(
                f"on_error={on_error!r} isn't what can be done with an error.",
                mend="Give 'tell', 'raise', or a function of the exception and the call.",
            )
        self._params = {**params, "tools": tools.definitions}
        self._messages: list[Any] = list(params.get("messages") or ())
        self._tools = tools
        self._most_turns = max_turns
        self._on_error = on_error
        self._turns = 0
        self._reply: Message | None = None
        self._place = 0  # of Claude's latest message in the conversation
        self._settled = 0  # messages up to and with it

    @property
    def messages(self) -> list[Any]:
        """The conversation so far, Claude's latest message included: `messages` of a next request.

        What is appended to it between turns, Claude is told next; a `tool_result` that is appended
        for one of its calls stands for running that call.
        """
        return self._messages

    def _ask(self) -> Document:
        """The next request.

        Raises:
            ToolTurnsError: There have been as many as may be.
        """
        if self._turns >= self._most_turns:
            names = ", ".join(sorted({call.name for call in self._calls()}))
            raise ToolTurnsError(
                f"The tool loop isn't done after max_turns={self._most_turns} turns"
                f"{f': Claude still calls {names}' if names else ''}.",
                mend="Allow more, or go on with run_tools(messages=error.messages, …).",
                messages=self._messages,
                reply=self._reply,
            )
        self._turns += 1
        self._place = len(self._messages)
        asked = {**self._params, "messages": self._messages}
        choice: Any = asked.get("tool_choice")
        if self._turns > 1 and choice and choice.get("type") in ("any", "tool"):
            # Forced again and again, calls would never end.
            rest = {key: value for key, value in choice.items() if key not in ("type", "name")}
            asked["tool_choice"] = {"type": "auto", **rest}
        return asked

    def _take(self, reply: Message) -> None:
        self._reply = reply
        self._settled = self._place
        if reply.content:  # else there is nothing to tell Claude again
            content = [block.to_dict() for block in reply.content]
            self._messages.insert(self._place, {"role": "assistant", "content": content})
            self._settled += 1

    def _goes_on(self) -> bool:
        """Whether Claude is to be asked again after its latest message."""
        if self._reply is None or len(self._messages) > self._settled:
            return True  # at the beginning, or something was appended
        step = NEXT.get(self._reply.stop_reason or "", "end")
        return step == "go on" or (step == "run" and bool(self._calls()))

    def _calls(self) -> list[ToolUseBlock]:
        """The calls of Claude's latest message that nobody has answered.

        Before the first turn they are those that the conversation ends with.
        """
        if self._reply is not None and NEXT.get(self._reply.stop_reason or "") != "run":
            return []
        at = self._latest()
        if at is None:
            return []
        after = [block for message in self._messages[at + 1 :] for block in _blocks(message)]
        answered = {
            block.get("tool_use_id") for block in after if block.get("type") == "tool_result"
        }
        return [
            ToolUseBlock.of(block)
            for block in _blocks(self._messages[at])
            if block.get("type") == "tool_use" and block.get("id") not in answered
        ]

    def _latest(self) -> int | None:
        """Where Claude's latest message stands."""
        if self._reply is not None:
            return self._place if self._settled > self._place else None
        for at in range(len(self._messages) - 1, -1, -1):
            if cast("Document", plain(self._messages[at])).get("role") == "assistant":
                return at
        return None

    def _answer(self, results: list[Document]) -> None:
        """Results go right behind the calls, before anything that was appended since."""
        at = self._latest()
        if results and at is not None:
            self._messages.insert(at + 1, {"role": "user", "content": results})

    def _failed(self, call: ToolUseBlock, error: Exception) -> Document:
        if self._on_error == "raise" and not isinstance(error, ToolError):
            raise error
        if not callable(self._on_error):
            return tool_results.failure(call.id, error)
        told = cast("Any", self._on_error)(error, call)
        return {**tool_results.result(call.id, told), "is_error": True}


class ToolRunner(_Run[T_co]):
    """The messages of a tool loop, one a turn; made by `messages.run_tools`.

    ```python
    for message in client.messages.run_tools(tools=[get_weather], …):
        print(message.content)
    ```
    """

    def __init__(
        self,
        create: Callable[[Any], Message],
        stream: Callable[[Any], MessageStreamManager] | None,
        params: Mapping[str, Any],
        *,
        max_turns: int,
        on_error: Any,
    ) -> None:
        """A loop that begins when it is read.

        Args:
            create: Makes a call.
            stream: Makes a streamed call; None for whole messages.
            params: Those of `messages.create`, with functions among the tools.
            max_turns: Messages of Claude's.
            on_error: What becomes of an exception in a tool.

        Raises:
            ConfigurationError: A tool is async, or can't be a tool.
            TypeError: There are no tools.
        """
        tools = Toolbox(params.get("tools") or ())
        if names := [tool.name for tool in tools if tool.is_async]:
            raise ConfigurationError(
                f"The tool {names[0]!r} is async, and this client isn't.",
                mend="Use AsyncAnthropicBedrock, or a plain function.",
            )
        super().__init__(params, tools, max_turns=max_turns, on_error=on_error)
        self._items = self._run(create, stream)

    def __iter__(self) -> Iterator[T_co]:
        return self

    def __next__(self) -> T_co:
        return next(self._items)

    def until_done(self) -> Message:
        """Claude's final message; runs what is left of the loop.

        Raises:
            ToolTurnsError: It didn't come to an end in `max_turns`.
        """
        for _ in self._items:
            pass
        if self._reply is None:
            raise ConfigurationError("The runner was closed before its first message.")
        return self._reply

    def close(self) -> None:
        """Ends the loop, and a stream that is open."""
        self._items.close()

    def _run(self, create: Any, stream: Any) -> Generator[Any, None, None]:
        while self._goes_on():
            asked = self._ask_or_answer()
            if asked is None:
                continue
            if stream is None:
                reply = create(asked)
                self._take(reply)
                yield reply
                continue
            with stream(asked) as turn:
                yield turn
                self._take(turn.get_final_message())

    def _ask_or_answer(self) -> Document | None:
        """The next request; None if calls had to be run first."""
        if self._turns < self._most_turns and (calls := self._calls()):
            self._answer([self._call(call) for call in calls])
            return None
        return self._ask()

    def _call(self, call: ToolUseBlock) -> Document:
        try:
            given = self._tools.find(call.name).call(call.input)
            return tool_results.result(call.id, given)
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises
            return self._failed(call, error)


class AsyncToolRunner(_Run[T_co]):
    """The messages of a tool loop, one a turn; made by `messages.run_tools`.

    Calls of one message run at the same time, `AT_ONCE` at most: coroutine functions in the event
    loop, others in threads, so that nothing blocks it. If the loop is cancelled, so are they.
    """

    def __init__(
        self,
        create: Callable[[Any], Awaitable[Message]],
        stream: Callable[[Any], AsyncMessageStreamManager] | None,
        params: Mapping[str, Any],
        *,
        max_turns: int,
        on_error: Any,
    ) -> None:
        """A loop that begins when it is read; arguments as for `ToolRunner`.

        Raises:
            ConfigurationError: Something can't be a tool.
        """
        tools = Toolbox(params.get("tools") or ())
        super().__init__(params, tools, max_turns=max_turns, on_error=on_error)
        self._items = self._run(create, stream)

    def __aiter__(self) -> AsyncIterator[T_co]:
        return self

    async def __anext__(self) -> T_co:
        return await anext(self._items)

    def __await__(self) -> Generator[Any, None, Self]:
        """Itself: with the official SDK, `tool_runner` of an async client is awaited."""
        return self
        yield  # pyright: ignore[reportUnreachable] - makes it a generator

    async def until_done(self) -> Message:
        """Claude's final message; runs what is left of the loop.

        Raises:
            ToolTurnsError: It didn't come to an end in `max_turns`.
        """
        async for _ in self._items:
            pass
        if self._reply is None:
            raise ConfigurationError("The runner was closed before its first message.")
        return self._reply

    async def close(self) -> None:
        """Ends the loop, and a stream that is open."""
        await self._items.aclose()

    async def _run(self, create: Any, stream: Any) -> AsyncGenerator[Any, None]:
        while self._goes_on():
            if self._turns < self._most_turns and (calls := self._calls()):
                self._answer(await self._call_all(calls))
                continue
            asked = self._ask()
            if stream is None:
                reply = await create(asked)
                self._take(reply)
                yield reply
                continue
            async with stream(asked) as turn:
                yield turn
                self._take(await turn.get_final_message())

    async def _call_all(self, calls: list[ToolUseBlock]) -> list[Document]:
        room = asyncio.Semaphore(AT_ONCE)

        async def run(call: ToolUseBlock) -> Document:
            async with room:
                return await self._call(call)

        running = [asyncio.ensure_future(run(call)) for call in calls]
        try:
            return await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*running, return_exceptions=True)

    async def _call(self, call: ToolUseBlock) -> Document:
        try:
            tool = self._tools.find(call.name)
            if tool.is_async:
                given = await tool.call(call.input)
            else:
                given = await asyncio.to_thread(tool.call, call.input)
                if inspect.isawaitable(given):  # a plain function that calls a coroutine function
                    given = await given
            return tool_results.result(call.id, given)
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises
            return self._failed(call, error)


def _blocks(message: object) -> list[Document]:
    """The content blocks of a message, those of a text left out."""
    content: object = cast("Any", message).get("content")
    if isinstance(content, View | str | None):
        return []
    return [plain(block) for block in cast("list[Any]", content)]
