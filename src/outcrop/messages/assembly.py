"""Pieces to the whole: `Assembly` adds up the events of a stream to the message that they make.

Rules: an event is looked at once, and costs the same at the start and at the end of a stream; text
is kept in pieces and joined when somebody asks; the counts of `message_delta` are totals and take
the place of those of `message_start`; fields that nobody knows are kept; events and deltas that
can't be added are set aside in `unassembled`; an event out of order is refused by name.

    Assembly over events_of(document)  gives  document      (see `disassembly`)

Sources: https://docs.claude.com/en/docs/build-with-claude/streaming for the order, anthropic 2.12.0
(observed) for what takes whose place.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final

from outcrop.errors import APIResponseValidationError
from outcrop.messages import events
from outcrop.messages.fields import LIST
from outcrop.messages.partial_json import NOTHING, parse_partial
from outcrop.messages.view import plain, view_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Event = dict[str, Any]

#: The key under which the last event of a Bedrock stream carries its counts and latencies.
METRICS: Final = "amazon-bedrock-invocationMetrics"

#: How many events `Assembly.unassembled` keeps at most.
MOST_UNASSEMBLED: Final = 1_000

# Deltas whose field grows by pieces: type → (field of the delta, field of the block).
_GROWING: Final = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("partial_json", "input"),
}
#: Fields of the last two events; others are the message's.
_OF_MESSAGE_DELTA: Final = frozenset({"type", "delta", "usage", METRICS})
_OF_MESSAGE_STOP: Final = frozenset({"type", METRICS})
# Deltas that set fields of the block.
_SETTING: Final = {
    "signature_delta": ("signature",),
    "compaction_delta": ("content", "encrypted_content"),
}


class _Block:
    """A content block that is still growing.

    Attributes:
        document: The block as it started, and what was set since.
        pieces: Field → all pieces of it so far; lists that only grow, so that an event's snapshot
            may hold on to one and to how long it was.
    """

    __slots__ = ("document", "pieces")

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.pieces: dict[str, list[Any]] = {}

    def grow(self, field: str, piece: str) -> None:
        pieces = self.pieces.get(field)
        if pieces is None:
            start = self.document.get(field)
            # A block starts with an empty string; what else it started with stays in front.
            self.pieces[field] = pieces = [start] if start and isinstance(start, str) else []
        pieces.append(piece)

    def cite(self, citation: Any) -> None:
        pieces = self.pieces.get("citations")
        if pieces is None:
            start: Any = self.document.get("citations")
            self.pieces["citations"] = pieces = list(start) if isinstance(start, LIST) else []
        pieces.append(citation)

    def now(self) -> dict[str, Any]:
        """The block so far, unfinished tool input as far as it can be read."""
        block = dict(self.document)
        for field, pieces in self.pieces.items():
            if field == "citations":
                block[field] = list(pieces)
            elif field != "input":
                block[field] = "".join(pieces)
            elif text := "".join(pieces):  # no text at all: the input is as it started
                value = parse_partial(text)
                block[field] = {} if value is NOTHING else value
        return block


class Assembly:
    """Adds up the events of one stream to the message that they make.

    Args:
        owned: Whether messages and blocks in the events are the assembly's to keep; they are copied
            otherwise.

    Attributes:
        stop_metrics: Bedrock's counts and latencies from the last event (`inputTokenCount`,
            `outputTokenCount`, `invocationLatency` and `firstByteLatency` in milliseconds, …), or
            None.
        unassembled: Events that could not be added since their type, or their delta's, is unknown;
            in order, at most `MOST_UNASSEMBLED`. `ping` events aren't kept.
        incomplete_inputs: Index of a tool call → the text of its input, for inputs that ended
            without being whole JSON, as happens at `max_tokens`. The block then holds what could
            be read.
    """

    def __init__(self, *, owned: bool = False) -> None:
        self._own: Callable[[Any], Any] = _as_it_is if owned else plain
        self.stop_metrics: dict[str, Any] | None = None
        self.unassembled: list[Event] = []
        self.incomplete_inputs: dict[int, str] = {}
        self._message: dict[str, Any] | None = None
        self._content: list[Any] = []
        self._growing: dict[int, _Block] = {}
        self._complete = False

    @property
    def started(self) -> bool:
        """Whether `message_start` has come."""
        return self._message is not None

    @property
    def complete(self) -> bool:
        """Whether `message_stop` has come."""
        return self._complete

    @property
    def document(self) -> dict[str, Any]:
        """The message so far; later events leave it as it is. An empty dict before the start.

        A block that is still growing is there as far as it goes. Costs as much as the message is
        long, so ask when you need it rather than at each event.
        """
        if self._message is None:
            return {}
        content = list(self._content)
        for index, block in self._growing.items():
            content[index] = block.now()
        message = dict(self._message)
        if content or isinstance(message.get("content"), list):
            message["content"] = content
        if isinstance(usage := message.get("usage"), dict):
            message["usage"] = dict(usage)  # pyright: ignore[reportUnknownArgumentType]
        return message

    def add(self, event: Event) -> None:
        """Add the next event, a decoded JSON object.

        Raises:
            APIResponseValidationError: The event isn't an object, comes out of order, or lacks what
                its type needs; the message names it.
        """
        try:
            add = self._add_by_type.get(event["type"], Assembly._set_aside)
        except (KeyError, TypeError):
            add = Assembly._set_aside
        try:
            add(self, event)
        except RecursionError:
            raise _refusal(event, "is nested too deeply") from None

    # One method a type ───────────────────────────────────────────────────────────────────────────

    def _add_message(self, event: Event) -> None:
        if self._message is not None:
            raise _refusal(event, "came twice")
        message = _object(event, "message")
        self._message = self._own(message)
        if isinstance(content := message.get("content"), list):
            self._content = self._own(content)

    def _add_block(self, event: Event) -> None:
        self._expect_open(event)
        index = _index(event)
        if index != len(self._content):
            raise _refusal(event, f"has index {index} where {len(self._content)} is next")
        block = self._own(_object(event, "content_block"))
        self._content.append(block)
        self._growing[index] = _Block(block)

    def _add_delta(self, event: Event) -> None:
        block = self._growing_block(event)
        delta = _object(event, "delta")
        kind: Any = delta.get("type")
        try:
            growing = _GROWING.get(kind)
        except TypeError:  # a list or an object
            self._set_aside(event)
            return
        if growing is not None:
            source, field = growing
            piece = delta.get(source)
            if not isinstance(piece, str):
                raise _refusal(event, f"needs a string in delta.{source}, not {_kind(piece)}")
            block.grow(field, piece)
        elif kind == "citations_delta":
            block.cite(plain(_object(delta, "citation", of=event)))
        elif kind in _SETTING:
            block.document |= {name: delta[name] for name in _SETTING[kind] if name in delta}
        else:
            self._set_aside(event)

    def _end_block(self, event: Event) -> None:
        self._growing_block(event)
        self._finish(_index(event))

    def _add_to_message(self, event: Event) -> None:
        message = self._expect_open(event)
        delta = _object(event, "delta")
        for name, value in delta.items():
            if value is not None or name not in message:
                message[name] = self._own(value)
        counts = event.get("usage")
        if isinstance(counts, dict):
            usage = message.setdefault("usage", {})
            if not isinstance(usage, dict):
                raise _refusal(event, f"has usage, but message_start had {_kind(usage)}")
            for name, value in self._own(counts).items():
                if value is not None or name not in usage:
                    usage[name] = value
        self._add_beside(event, _OF_MESSAGE_DELTA)

    def _end_message(self, event: Event) -> None:
        self._expect_open(event)
        for index in list(self._growing):
            self._finish(index)
        self._add_beside(event, _OF_MESSAGE_STOP)
        self._complete = True

    def _set_aside(self, event: Event) -> None:
        if not isinstance(event, dict):  # pyright: ignore[reportUnnecessaryIsInstance] - off the wire
            raise APIResponseValidationError(
                f"A stream event should be a JSON object, not {_kind(event)}.", body=event
            )
        if event.get("type") != "ping" and len(self.unassembled) < MOST_UNASSEMBLED:
            self.unassembled.append(event)

    _add_by_type: ClassVar[dict[str, Callable[[Assembly, Event], None]]] = {
        "content_block_delta": _add_delta,
        "content_block_start": _add_block,
        "content_block_stop": _end_block,
        "message_delta": _add_to_message,
        "message_start": _add_message,
        "message_stop": _end_message,
    }

    # What they share ─────────────────────────────────────────────────────────────────────────────

    def _expect_open(self, event: Event) -> dict[str, Any]:
        if self._message is None:
            raise _refusal(event, "came before message_start")
        if self._complete:
            raise _refusal(event, "came after message_stop")
        return self._message

    def _growing_block(self, event: Event) -> _Block:
        index = _index(event)
        try:
            return self._growing[index]
        except KeyError:
            self._expect_open(event)
            state = "has ended" if 0 <= index < len(self._content) else "never started"
            raise _refusal(event, f"is for block {index}, which {state}") from None

    def _finish(self, index: int) -> None:
        """Put a block that has grown to its end into the content."""
        block = self._growing.pop(index)
        self._content[index] = block.now()
        if text := "".join(block.pieces.get("input", ())):
            try:
                json.loads(text)
            except (ValueError, RecursionError):
                self.incomplete_inputs[index] = text

    def _add_beside(self, event: Event, known: frozenset[str]) -> None:
        """Keep fields beside the known ones, which are the message's, and Bedrock's metrics.

        A guardrail adds `amazon-bedrock-guardrailAction` and `amazon-bedrock-trace` to a whole body
        at its top level, so that is where those of a stream belong, too.
        """
        if isinstance(metrics := event.get(METRICS), dict):
            self.stop_metrics = plain(metrics)
        if self._message is not None and not event.keys() <= known:
            self._message |= {n: plain(v) for n, v in event.items() if n not in known}

    # What `messages.stream()` tells ──────────────────────────────────────────────────────────────

    def derived_events(self, event: Event) -> list[Any]:
        """The events of `messages.stream()` for the event that was added last, in official order.

        First the raw event, then what follows from it; at the end of a block or of the message, the
        richer event stands in place of the raw one. Each costs the same, however long the stream:
        snapshots are computed when they are read. Typed as `events.MessageStreamEvent`, to which
        `UnknownEvent` adds itself at run time.
        """
        kind = event.get("type")
        if kind == "content_block_delta":
            derived = self._derive(event["delta"], self._growing[event["index"]])
            raw = events.RawContentBlockDeltaEvent.of(event)
            return [raw] if derived is None else [raw, derived]
        if kind == "content_block_stop":
            whole = {**event, "content_block": self._content[event["index"]]}
            return [events.ContentBlockStopEvent.of(whole)]
        if kind == "message_stop":
            return [events.MessageStopEvent.of({**event, "message": self.document})]
        return [events.raw_event(event)]

    def _derive(self, delta: dict[str, Any], block: _Block) -> Any:
        kind = delta.get("type")
        if kind == "text_delta":
            return _snapshot(events.TextEvent, "text", delta["text"], block.pieces["text"])
        if kind == "input_json_delta":
            pieces = block.pieces["input"]
            return _snapshot(
                events.InputJsonEvent, "input_json", delta["partial_json"], pieces, "partial_json"
            )
        if kind == "thinking_delta":
            return _snapshot(
                events.ThinkingEvent, "thinking", delta["thinking"], block.pieces["thinking"]
            )
        if kind == "citations_delta":
            pieces = block.pieces["citations"]
            return _snapshot(events.CitationEvent, "citation", delta["citation"], pieces)
        if kind == "signature_delta":
            return events.SignatureEvent.of(
                {"type": "signature", "signature": delta.get("signature")}
            )
        return None


def _snapshot(
    cls: type[events.Snapshot], kind: str, piece: Any, pieces: list[Any], field: str | None = None
) -> events.Snapshot:
    return view_of(cls, {"type": kind, field or kind: piece}, (pieces, len(pieces)))


def _as_it_is(value: Any) -> Any:
    return value


def _object(event: dict[str, Any], field: str, *, of: Event | None = None) -> dict[str, Any]:
    value = event.get(field)
    if not isinstance(value, dict):
        raise _refusal(of or event, f"needs an object in {field}, not {_kind(value)}")
    return value  # pyright: ignore[reportUnknownVariableType]


def _index(event: Event) -> int:
    index = event.get("index")
    if type(index) is not int:  # True and 0.0 would find a block, too
        raise _refusal(event, f"needs a whole number in index, not {_kind(index)}")
    return index


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a value of type {type(value).__name__}"


def _refusal(event: Event, what: str) -> APIResponseValidationError:
    return APIResponseValidationError(f"The stream event {event['type']} {what}.", body=event)
