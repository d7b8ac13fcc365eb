"""The actor `small`: real generated text, from SmolLM2-135M-Instruct in a child process.

Rules: this process never loads native code, so nothing that happens there can take the server
down (`child`); the same request gives the same text; a generation whose reader is gone is stopped.
What a small model can't do reliably (which tool to call, citations) is left to the parrot's rules.
It fills in the input of a call, and JSON under a schema, held to the schema as it samples; the
parrot's sample takes the place of what doesn't come out valid.

Bounds: `engine.SLOTS` generations at once, `waiting` more in line, the rest is refused. A slow
reader can't make memory grow: all generations share one pipe, so it is always read, and what is
kept for a reader is at most the reply that was asked for, a few thousand tokens.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from outcrop.errors import (
    APIStatusError,
    ConfigurationError,
    InternalServerException,
    ModelErrorException,
    ModelStreamErrorException,
    ModelTimeoutException,
    ThrottlingException,
)
from outcrop.server.actors import Refuse, Stop, Text, chat, engine, structured, weights
from outcrop.server.actors.child import Engine, Generation
from outcrop.server.actors.parrot import Parrot, tool_calls
from outcrop.server.actors.reading import blocks_of, fields_of, read
from outcrop.server.actors.thoughts import thoughts
from outcrop.server.documents import as_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from outcrop.server.actors import Ask, Piece, ToolUse
    from outcrop.server.actors.reading import Reading

#: How the model's card samples (https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct); at
#: Anthropic's default temperature of 1.0 a model this small wanders off.
TEMPERATURE: Final = 0.2
TOP_P: Final = 0.9

#: Without it a model this small says the same paragraph over and over.
REPEAT_PENALTY: Final = 1.15

#: The longest reply, in the model's tokens: what the context leaves beside the longest prompt.
REPLY: Final = engine.CONTEXT - engine.PROMPT

_CHARACTERS: Final = engine.PROMPT * 6  # first guess; English has four or five to a token
_FILLED: Final = 400  # tokens of JSON
_FILLED_FROM: Final = 3_000  # characters of a chat that it is made from
_ABOUT: Final = 500  # characters about a tool
_TRIES: Final = 6  # at cutting a chat until it fits
_RESTARTS: Final = 3  # in a row, without a whole answer between them
_SILENCE_SECONDS: Final = 120.0

_log = logging.getLogger(__name__)


class Small:
    """Answers with the text of a small model.

    Args:
        model: A GGUF file; by default the checked weights that are installed.
        waiting: How many requests may wait for one of the model's slots.
    """

    name = "small"

    def __init__(self, model: Path | None = None, *, waiting: int = 16) -> None:
        self._model = model
        self._most_waiting = waiting
        self._waiting = 0
        self._restarts = 0
        self._closed = False
        self._engine: Engine | None = None
        self._slots = asyncio.Semaphore(engine.SLOTS)
        self._starting = asyncio.Lock()

    @property
    def engine(self) -> Engine | None:
        """The child process now at work, if there is one."""
        return self._engine

    async def start(self) -> None:
        """Start the child and load the model: a second or two.

        Raises:
            ConfigurationError: Weights or engine are missing or wrong, or the child didn't start.
        """
        if self._engine is not None:
            raise ConfigurationError(
                "This actor answers elsewhere already.",
                mend="Give each server a Small() of its own.",
            )
        self._closed, self._restarts, self._waiting = False, 0, 0
        # Made here, since they belong to the event loop that waits for them.
        self._slots = asyncio.Semaphore(engine.SLOTS)
        self._starting = asyncio.Lock()
        if self._model is None:
            if why_not := weights.status().why_not:
                raise ConfigurationError(why_not)
            self._model = await asyncio.to_thread(weights.find)
        self._engine = await Engine.launch(self._model)

    async def close(self) -> None:
        """End the child."""
        self._closed = True
        async with self._starting:
            if self._engine:
                await self._engine.close()
                self._engine = None

    async def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """The model's text, as it comes; closing the generator stops the model."""
        reading = read(ask.document)
        calls, schema = tool_calls(ask.document, reading), structured.schema_of(ask.document)
        by_rules = chat.needs_rules(ask.document) and not calls
        if by_rules or any(source.cite for source in ask.sources):
            async with aclosing(Parrot().answer(ask)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        try:
            if len(calls) == 1:  # what tells several apart, only the rules know
                calls = [await self._filled(calls[0], ask, reading)]
            for thought in thoughts(ask, reading, calls=calls):
                yield thought
            for call in calls:
                yield call
            if calls:
                return
            if schema is not None:
                turns = chat.read(as_text(ask.document, ask.sources))
                filled = await self._fill(turns, schema)
                sampled = structured.sample_json(schema, reading) if filled is None else filled
                for piece in structured.pieces(sampled):
                    yield Text(piece)
                return
            async with aclosing(self._generate(ask)) as pieces:
                async for piece in pieces:
                    yield piece
        except APIStatusError as refusal:
            yield Refuse(refusal)

    async def _generate(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        turns = chat.read(as_text(ask.document, ask.sources))
        request = sampling(ask, turns)
        limit = _CHARACTERS
        for _ in range(_TRIES):
            messages = chat.fit(turns, limit)
            using, run = await self._begin({**request, "messages": messages})
            started = False
            event = None
            try:
                while (event := await _within_reason(run)) is not None and "end" not in event:
                    if text := event.get("text"):
                        started = True
                        yield Text(text)
            except TimeoutError:
                await using.close()
                raise ModelTimeoutException("The embedded model has stopped responding.") from None
            finally:
                if event is not None:  # it has said something: it didn't fail to start
                    self._restarts = 0
                using.cancel(run)
            if event is None:
                failed = ModelStreamErrorException if started else ModelErrorException
                raise failed(f"The embedded model broke off: {using.how_it_ended()}.")
            if event.get("code") == "prompt_too_long":
                used = sum(len(turn["content"]) for turn in messages)
                limit = int(used * 0.9 * engine.PROMPT / max(event["prompt_tokens"], engine.PROMPT))
                continue
            if event["end"] == "error":
                raise ModelErrorException(f"The embedded model failed: {event['message']}")
            if event["end"] == "length":
                yield Stop("max_tokens")
            return
        raise ModelErrorException("The embedded model can't take a request of this length.")

    async def _filled(self, call: ToolUse, ask: Ask, reading: Reading) -> ToolUse:
        """The call with an input that the model filled in; as it is where that didn't work."""
        tools = blocks_of(ask.document.get("tools"))
        tool = next((tool for tool in tools if tool.get("name") == call.name), dict[str, Any]())
        schema = fields_of(tool.get("input_schema"))
        # Left to itself it makes up whatever may be left out: the rules say what there is.
        properties = {
            name: part
            for name, part in fields_of(schema.get("properties")).items()
            if name in call.input
        }
        if not properties:
            return call
        schema = {**schema, "properties": properties, "additionalProperties": False}
        about = f"The arguments of {call.name} ({tool.get('description') or 'a tool'}), as JSON."
        turns = [
            {"role": "system", "content": about[:_ABOUT]},
            {"role": "user", "content": reading.prompt},
        ]
        filled = await self._fill(turns, schema)
        return call if filled is None else replace(call, input=json.loads(filled))

    async def _fill(self, turns: list[chat.Turn], schema: dict[str, Any]) -> str | None:
        """JSON that is valid under a schema, made by the model; None if it came to none."""
        if not structured.is_plain(schema):
            return None
        request = {
            "op": "fill",
            "schema": schema,
            "temperature": 0.0,
            "repeat_penalty": 1.0,  # JSON repeats itself
            "max_tokens": _FILLED,
            "seed": chat.seed(turns),
            "messages": chat.fit(turns, _FILLED_FROM),
        }
        using, run = await self._begin(request)
        event, written = None, ""
        try:
            while (event := await _within_reason(run)) is not None and "end" not in event:
                written += event.get("text") or ""
        except TimeoutError:
            await using.close()
            return None
        finally:
            using.cancel(run)
        if event is None or event["end"] != "stop":
            return None
        self._restarts = 0
        try:
            value = json.loads(written)
        except ValueError:
            return None
        return structured.write(value) if structured.fits(schema, value) else None

    async def _begin(self, request: dict[str, Any]) -> tuple[Engine, Generation]:
        """Wait for a slot, and for the engine if it has to be restarted; then begin."""
        if self._slots.locked() and self._waiting >= self._most_waiting:
            raise ThrottlingException("Too many requests, please wait before trying again.")
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            using = await self._at_work()
        except BaseException:
            self._slots.release()
            raise
        # From here on the slot is free when the child says so, not when the asker is gone.
        return using, await using.generate(request, at_end=self._slots.release)

    async def _at_work(self) -> Engine:
        """The engine; a new one if the last one is gone, at most so often, and not at once."""
        async with self._starting:
            if self._engine and self._engine.alive:
                return self._engine
            if self._closed or self._model is None:
                raise InternalServerException("The embedded model isn't running.")
            self._restarts += 1
            if self._restarts > _RESTARTS:
                raise InternalServerException(
                    f"The embedded model failed {_RESTARTS} times in a row and isn't started again."
                )
            if self._engine:
                _log.warning("the embedded model is restarted: %s", self._engine.how_it_ended())
                await self._engine.close()
                self._engine = None
            await asyncio.sleep(0.25 * 2 ** (self._restarts - 1))
            try:
                self._engine = await Engine.launch(self._model)
            except ConfigurationError as error:
                raise InternalServerException(str(error)) from error
            return self._engine


def sampling(ask: Ask, turns: list[chat.Turn]) -> dict[str, Any]:
    """How the engine is to choose tokens, and how many at most.

    The limit is generous: the composer counts in other tokens, and closes the answer at its limit.
    The seed depends on what was said and to whom, so that asking again gives the same text.
    """
    document = ask.document
    chosen = {name: document.get(name) for name in ("temperature", "top_p", "top_k")}
    request: dict[str, Any] = {
        "temperature": TEMPERATURE if chosen["temperature"] is None else chosen["temperature"],
        "top_p": TOP_P if chosen["top_p"] is None else chosen["top_p"],
        "repeat_penalty": REPEAT_PENALTY,
        "max_tokens": min(REPLY, 4 * int(document.get("max_tokens") or REPLY) + 16),
        "seed": chat.seed(turns, ask.model, chosen),
    }
    if chosen["top_k"] is not None:
        request["top_k"] = chosen["top_k"]
    return request


async def _within_reason(run: Generation) -> dict[str, Any] | None:
    async with asyncio.timeout(_SILENCE_SECONDS):
        return await run.next()
