"""InvokeModel and InvokeModelWithResponseStream: from a request to the events of an answer.

Rules: the model is judged before the body, as by AWS; an actor's refusal before its first piece is
an HTTP error, after it an exception in the stream; whoever stops listening closes the actor's
generator; the day is an argument, so that a test suite doesn't change its mind when a model ends.

Sources: recorded InvokeModel traffic of AWS (key order, shapes of IDs, `usage`): models whose ID
carries a version write `id` first and IDs like `msg_bdrk_01…`, later ones `model` first and IDs of
52 lower-case letters and digits. The order of the later ones' keys isn't certain.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, assert_never

from outcrop.bedrock import checks, faults, invoke
from outcrop.catalog.reach import reach
from outcrop.errors import ResourceNotFoundException, ValidationException
from outcrop.messages.assembly import Assembly
from outcrop.messages.compose import Composer
from outcrop.server.actors import Ask, Refuse, Stop, Text, ToolUse, Wait

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from outcrop.catalog.models import Model
    from outcrop.server.actors import Actor

Document = dict[str, Any]

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
_dice = random.Random()  # noqa: S311 - for IDs and padding, which guard nothing

#: botocore: `InvokeModelIdentifier`.
MAX_MODEL_ID: Final = 2048


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that the model takes.

    Attributes:
        ask: What the actor sees.
        model: The catalog's row.
        input_tokens: Estimated.
    """

    ask: Ask
    model: Model
    input_tokens: int


def accept(body: bytes, model_id: str, *, region: str, today: str, operation: str) -> Accepted:
    """The request in a body, if Bedrock and the model take it.

    Args:
        body: The JSON.
        model_id: ID or ARN as called, decoded.
        region: Whose endpoint is called.
        today: ISO 8601.
        operation: AWS's name of the operation.

    Raises:
        ValidationException: The model isn't to be had there, or something in the body is wrong.
        ResourceNotFoundException: The model has ended.
    """
    model = find_model(model_id, region=region, today=today)
    document = invoke.read_ask(body)
    used = checks.check(document, model=model)
    return Accepted(Ask(document, model.first_party, model_id, operation), model, used)


def find_model(model_id: str, *, region: str, today: str) -> Model:
    """The model that an ID or ARN leads to from a region, or AWS's refusal."""
    if len(model_id) > MAX_MODEL_ID:
        raise ValidationException(
            f"1 validation error detected: Value '{model_id[:64]}…' at 'modelId' failed to satisfy "
            f"constraint: Member must have length less than or equal to {MAX_MODEL_ID}"
        )
    found = reach(model_id, region=region, today=today)
    if found.problem == "needs-profile":
        raise ValidationException(faults.NEEDS_PROFILE.format(model_id=model_id))
    if found.problem == "ended":
        raise ResourceNotFoundException(faults.MODEL_ENDED)
    if found.problem is not None or found.model is None:
        raise ValidationException(faults.UNKNOWN_MODEL)
    return found.model


async def answer(accepted: Accepted, actor: Actor) -> AsyncGenerator[list[Document]]:
    """The events of an answer, in lists as the actor's pieces bring them; no list is empty.

    Raises:
        APIStatusError: The actor refuses.
    """
    document = accepted.ask.document
    later = _is_later(accepted.model)
    composer = Composer(
        message_id=_message_id(later=later),
        model=accepted.model.first_party,
        input_tokens=accepted.input_tokens,
        max_tokens=document["max_tokens"],
        generation=accepted.model.tokenizer,
        stop_sequences=document.get("stop_sequences") or (),
    )
    begun = False
    async with aclosing(actor.answer(accepted.ask)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Wait):
                await asyncio.sleep(piece.seconds)
                continue
            events = _compose(composer, piece)
            if not begun:
                events = [_start(composer, later=later), *events]
                begun = True
            if events:
                yield events
            if composer.done:
                break
    opening = [] if begun else [_start(composer, later=later)]
    yield [*opening, *composer.finish()]


def _compose(composer: Composer, piece: Text | ToolUse | Refuse | Stop) -> list[Document]:
    match piece:
        case Text(text):
            return composer.text(text)
        case ToolUse(name, given, tool_id):
            tool_id = tool_id or f"toolu_bdrk_01{_letters(_BASE58, 22)}"
            return composer.tool_use(name=name, input=given, id=tool_id)
        case Stop(reason, sequence):
            return composer.stop(reason, sequence)
        case Refuse(error):
            raise error
        case _:
            assert_never(piece)


async def fold(batches: AsyncGenerator[list[Document]], accepted: Accepted) -> Document:
    """The whole message."""
    assembly = Assembly()
    async for events in batches:
        for event in events:
            assembly.add(event)
    return _in_order(assembly.document, later=_is_later(accepted.model))


class Framer:
    """Writes events as the frames of a stream; the last one tells how long it took.

    Args:
        began: When the request came, on a steady clock, in seconds.
    """

    def __init__(self, began: float) -> None:
        self._began = began
        self._first: int | None = None
        self._usage: Document = {}

    def write(self, events: Iterable[Document], *, now: float) -> bytes:
        """The frames of some events.

        Args:
            events: In order; `message_stop` gets the metrics.
            now: The same clock as `began`.
        """
        latency = round((now - self._began) * 1000)
        if self._first is None:
            self._first = latency
        frames: list[bytes] = []
        for event in events:
            shown = event
            match event["type"]:
                case "message_start":
                    self._usage |= event["message"]["usage"]
                case "message_delta":
                    self._usage |= event["usage"]
                case "message_stop":
                    metrics = invoke.metrics(self._usage, latency=latency, first_byte=self._first)
                    shown = {**event, "amazon-bedrock-invocationMetrics": metrics}
                case _:
                    pass
            frames.append(invoke.write_event(shown, padding=_dice.randint(2, 62)))
        return b"".join(frames)


def _is_later(model: Model) -> bool:
    """Whether its ID carries no version; those are the models that take API version 2026-10-21."""
    return checks.LATEST in model.api_versions


def _message_id(*, later: bool) -> str:
    return f"msg_bdrk_{_letters(_BASE32, 52)}" if later else f"msg_bdrk_01{_letters(_BASE58, 22)}"


def _letters(alphabet: str, count: int) -> str:
    return "".join(_dice.choices(alphabet, k=count))


def _start(composer: Composer, *, later: bool) -> Document:
    (event,) = composer.start()
    return {**event, "message": _in_order(event["message"], later=later)}


def _in_order(message: Document, *, later: bool) -> Document:
    """A message with its keys, and those of its usage, as the model's generation writes them."""
    if not later:
        first = ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage")
        return {key: message[key] for key in first if key in message}
    usage = message["usage"]
    written: int = usage.get("cache_creation_input_tokens") or 0
    return {
        **{key: message[key] for key in ("model", "id", "type", "role", "content")},
        "stop_reason": message["stop_reason"],
        "stop_sequence": message["stop_sequence"],
        "stop_details": None,
        "usage": {
            "input_tokens": usage["input_tokens"],
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": usage.get("cache_read_input_tokens") or 0,
            "cache_creation": {
                "ephemeral_5m_input_tokens": written,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": usage["output_tokens"],
            "service_tier": "standard",
        },
    }
