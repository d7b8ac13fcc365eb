"""InvokeModel, Converse, their streams, and CountTokens: from a request to the events of an answer.

Rules: what the two dialects don't share is in `outcrop.server.dialects`, and nowhere here; the
model is judged before the body, as by AWS; an actor's refusal before its first piece is an HTTP
error, after it an exception in the stream, both in the actor's own words; whoever stops listening
closes the actor's generator; the day is an argument, so that a test suite doesn't change its mind
when a model ends.

Sources: recorded InvokeModel traffic of AWS (key order, shapes of IDs, `usage`): models whose ID
carries a version write `id` first and IDs like `msg_bdrk_01…`, later ones `model` first and IDs of
52 lower-case letters and digits. The order of the later ones' keys isn't certain.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from outcrop.bedrock import count, faults, pdfs, thinking
from outcrop.catalog.models import LATEST
from outcrop.catalog.reach import reach
from outcrop.errors import ResourceNotFoundException, ValidationException
from outcrop.messages.assembly import Assembly
from outcrop.messages.compose import Composer
from outcrop.server import documents, signatures
from outcrop.server.actors import (
    Ask,
    CitedText,
    RedactedThinking,
    Refuse,
    Stop,
    Text,
    Thinking,
    ToolUse,
    Wait,
)
from outcrop.server.dialects import (
    BASE32,
    BASE58,
    THE_MODEL_SAYS,
    check_converse,
    check_invoke,
    letters,
    read_converse,
    read_json,
)
from outcrop.server.prompt_cache import Scope, read_prompt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from outcrop.catalog.models import Model
    from outcrop.server.accounts.access import Access
    from outcrop.server.actors import Actor
    from outcrop.server.dialects import Dialect
    from outcrop.server.prompt_cache import Prompt, PromptCache

Document = dict[str, Any]
#: What an actor says, but for its pauses.
Said = Text | CitedText | Thinking | RedactedThinking | ToolUse | Refuse | Stop

#: botocore: `InvokeModelIdentifier`, `ConversationalModelId`.
MAX_MODEL_ID: Final = 2048
#: botocore: `FoundationModelVersionIdentifier`.
MAX_COUNTED_ID: Final = 256

NOT_COUNTED: Final = "The provided model doesn't support counting tokens."


class Accepted(Struct, frozen=True):
    """A request that the model takes.

    Attributes:
        ask: What the actor sees.
        model: The catalog's row.
        input_tokens: Estimated.
        dialect: Writes the answer.
        prompt: What of it is to be cached, None if nothing is.
    """

    ask: Ask
    model: Model
    input_tokens: int
    dialect: Dialect
    prompt: Prompt | None = None


def accept(
    body: bytes,
    model_id: str,
    *,
    dialect: Dialect,
    account: str,
    region: str,
    today: str,
    operation: str,
    access: Access | None = None,
) -> Accepted:
    """The request in a body, if Bedrock and the model take it.

    Args:
        body: The JSON.
        model_id: ID or ARN as called, decoded.
        dialect: What the body is written in.
        account: Who calls: prompts are cached for each account.
        region: Whose endpoint is called.
        today: ISO 8601.
        operation: AWS's name of the operation.
        access: The account's access to models; to all of them if None.

    Raises:
        ValidationException: The model isn't to be had there, or something in the body is wrong.
        ResourceNotFoundException: The model has ended, or isn't open to the account yet.
        AccessDeniedException: The account has no access to the model.
    """
    own = access.application_profiles(model_id) if access else None
    model = find_model(model_id, region=region, today=today, application_profiles=own)
    if access:
        access.admit(model, operation)
    document, used = dialect.read(body, model=model)
    ask = Ask(
        document,
        model.first_party,
        model_id,
        operation,
        thinking=thinking.due(document, model=model),
        sources=_read_documents(document, operation),
    )
    scope = Scope(account, region, model.id)
    prompt = read_prompt(document, model=model, scope=scope, total=used)
    return Accepted(ask, model, used, dialect, prompt)


def _read_documents(document: Document, operation: str) -> tuple[documents.Source, ...]:
    try:
        return documents.read(document)
    except documents.UnreadableError:
        prefix = THE_MODEL_SAYS if operation.startswith("Converse") else ""
        raise ValidationException(prefix + pdfs.NOT_PROCESSED) from None


def find_model(
    model_id: str,
    *,
    region: str,
    today: str,
    application_profiles: Mapping[str, str] | None = None,
) -> Model:
    """The model that an ID or ARN leads to from a region, or AWS's refusal."""
    _check_length(model_id, MAX_MODEL_ID)
    found = reach(model_id, region=region, today=today, application_profiles=application_profiles)
    if found.problem == "needs-profile":
        raise ValidationException(faults.NEEDS_PROFILE.format(model_id=model_id))
    if found.problem == "ended":
        raise ResourceNotFoundException(faults.MODEL_ENDED)
    if found.problem is not None or found.model is None:
        raise ValidationException(faults.UNKNOWN_MODEL)
    return found.model


def count_tokens(body: bytes, model_id: str, *, region: str, today: str) -> int:
    """The input tokens that the request in a CountTokens body would be charged with.

    A prompt that is longer than the model's context is counted all the same (?).

    Args:
        body: The JSON.
        model_id: ID or ARN as called, decoded; an inference profile isn't counted for.
        region: Whose endpoint is called.
        today: ISO 8601.

    Raises:
        ValidationException: The model doesn't count there, or it would refuse the request.
        ResourceNotFoundException: The model has ended.
    """
    _check_length(model_id, MAX_COUNTED_ID)
    found = reach(model_id, region=region, today=today)
    model = found.model
    profile = found.address.kind in ("profile", "application-profile")
    if profile or (model is not None and not model.count_tokens):
        raise ValidationException(NOT_COUNTED)
    if found.problem == "ended":
        raise ResourceNotFoundException(faults.MODEL_ENDED)
    # A base ID counts where the model is called by a profile only.
    if model is None or found.problem not in (None, "needs-profile"):
        raise ValidationException(faults.UNKNOWN_MODEL)
    given = read_json(body, "CountTokens")
    api, document = count.read_ask(given)
    if api == "converse":
        document, _ = read_converse(document)
    check = check_converse if api == "converse" else check_invoke
    return check(document, model=replace(model, context=sys.maxsize))


def _check_length(model_id: str, longest: int) -> None:
    if len(model_id) > longest:
        raise ValidationException(
            f"1 validation error detected: Value '{model_id[:64]}…' at 'modelId' failed to satisfy "
            f"constraint: Member must have length less than or equal to {longest}"
        )


class _Answering:
    """An actor's pieces, made into the events of one answer."""

    def __init__(self, accepted: Accepted, cache: PromptCache) -> None:
        document, model = accepted.ask.document, accepted.model
        self._accepted = accepted
        self._cache = cache
        self._later = _is_later(model)
        self._look = cache.look(accepted.prompt) if accepted.prompt is not None else None
        self._begun = False
        self.composer = Composer(
            message_id=_message_id(later=self._later),
            model=model.first_party,
            input_tokens=accepted.input_tokens,
            max_tokens=document["max_tokens"],
            generation=model.tokenizer,
            stop_sequences=document.get("stop_sequences") or (),
            sign=signatures.sign,
            omit_thinking=not thinking.is_shown(document, model=model),
            cached=self._look and self._look.usage.fields(),
        )

    def take(self, piece: Said) -> list[Document]:
        """The events that a piece brings.

        Raises:
            APIStatusError: The actor refuses.
        """
        composer = self.composer
        match piece:
            case Text(text):
                events = composer.text(text)
            case CitedText(text, citations):
                events = composer.cited_text(text, citations)
            case Thinking(text):
                events = composer.thinking(text)
            case RedactedThinking(text):
                events = composer.redacted_thinking(signatures.redact(text), hidden=text)
            case ToolUse(name, given, tool_id):
                tool_id = tool_id or self._accepted.dialect.tool_id()
                events = composer.tool_use(name=name, input=given, id=tool_id)
            case Stop(reason, sequence):
                events = composer.stop(reason, sequence)
            case Refuse(error):
                raise error
            case _:
                assert_never(piece)
        return events if self._begun else [*self._begin(), *events]

    def end(self) -> list[Document]:
        """The last events."""
        opening = [] if self._begun else self._begin()
        return [*opening, *self.composer.finish()]

    def _begin(self) -> list[Document]:
        """The first event; what the request wants cached is, as soon as the answer begins."""
        self._begun = True
        (event,) = self.composer.start()
        if self._look is not None:
            self._cache.keep(self._look)
        return [{**event, "message": _in_order(event["message"], later=self._later)}]


async def stream(
    accepted: Accepted,
    actor: Actor,
    cache: PromptCache,
    write: Callable[[list[Document]], Awaitable[None]],
) -> None:
    """Writes the events of an answer, in lists as the actor's pieces bring them; none is empty.

    Args:
        accepted: The request.
        actor: Who answers.
        cache: Of prompts.
        write: Takes the events; the actor isn't asked for more before it has.

    Raises:
        APIStatusError: The actor refuses.
    """
    answering = _Answering(accepted, cache)
    composer = answering.composer
    async with aclosing(actor.answer(accepted.ask)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Wait):
                await asyncio.sleep(piece.seconds)
            elif events := answering.take(piece):
                await write(events)
            if composer.done:
                break
    await write(answering.end())


#: Characters of a whole reply that are composed together; few, since an actor that is slow shall be
#: stopped soon where the reply ends.
_TOGETHER: Final = 256


async def answer(accepted: Accepted, actor: Actor, cache: PromptCache) -> Document:
    """The whole message; the small texts of the actor's pieces are composed together.

    Args:
        accepted: The request.
        actor: Who answers.
        cache: Of prompts.

    Raises:
        APIStatusError: The actor refuses.
    """
    answering = _Answering(accepted, cache)
    composer = answering.composer
    events: list[Document] = []
    texts: list[str] = []
    size = 0
    async with aclosing(actor.answer(accepted.ask)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Text):
                texts.append(piece.text)
                size += len(piece.text)
                if size < _TOGETHER:
                    continue
            elif isinstance(piece, Wait):
                await asyncio.sleep(piece.seconds)
                continue
            if texts:
                events += answering.take(Text("".join(texts)))
                texts, size = [], 0
            if not isinstance(piece, Text) and not composer.done:
                events += answering.take(piece)
            if composer.done:
                break
    if texts and not composer.done:
        events += answering.take(Text("".join(texts)))
    events += answering.end()
    assembly = Assembly(owned=True)
    for event in events:
        assembly.add(event)
    return _in_order(assembly.document, later=_is_later(accepted.model))


def _is_later(model: Model) -> bool:
    """Whether its ID carries no version; those are the models that take API version 2026-10-21."""
    return LATEST in model.api_versions


def _message_id(*, later: bool) -> str:
    return f"msg_bdrk_{letters(BASE32, 52)}" if later else f"msg_bdrk_01{letters(BASE58, 22)}"


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
            "cache_creation": usage.get("cache_creation")
            or {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
            "output_tokens": usage["output_tokens"],
            "service_tier": "standard",
        },
    }
