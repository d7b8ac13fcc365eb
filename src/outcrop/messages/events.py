"""A reply piece by piece: views over the events of a stream, raw and as `messages.stream()` tells.

Rules: as in `view`. `raw_event` wraps what came over the wire by one look-up. The events of
`messages.stream()` are the raw ones and those derived from them; a snapshot ("all text so far") is
computed when it is read, so that a stream costs the same per event from its start to its end.
Names, attributes and literals are those of anthropic 2.12.0; unknown events and deltas become
`UnknownEvent` and `UnknownDelta`, which the static unions leave out (see `views`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from outcrop.messages.fields import lazy, part, parts
from outcrop.messages.partial_json import NOTHING, parse_partial
from outcrop.messages.results import Container, Unknown
from outcrop.messages.view import View, chooser
from outcrop.messages.views import (
    ContentBlock,
    Message,
    OutputTokensDetails,
    RefusalStopDetails,
    ServerToolUsage,
    StopReason,
    TextCitation,
    citation,
    content_block,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# Deltas ──────────────────────────────────────────────────────────────────────────────────────────


class TextDelta(View):
    """More text."""

    text: str
    type: Literal["text_delta"]


class InputJSONDelta(View):
    """More of the JSON text of a tool's input."""

    partial_json: str
    type: Literal["input_json_delta"]


class CitationsDelta(View):
    """One more citation."""

    citation: TextCitation = part(citation)
    type: Literal["citations_delta"]


class ThinkingDelta(View):
    """More thinking."""

    thinking: str
    type: Literal["thinking_delta"]


class SignatureDelta(View):
    """The signature of the thinking before it."""

    signature: str
    type: Literal["signature_delta"]


class UnknownDelta(Unknown):
    """A delta of a type that this release doesn't know."""


RawContentBlockDelta = TextDelta | InputJSONDelta | CitationsDelta | ThinkingDelta | SignatureDelta

_delta = chooser(
    {
        "text_delta": TextDelta,
        "input_json_delta": InputJSONDelta,
        "citations_delta": CitationsDelta,
        "thinking_delta": ThinkingDelta,
        "signature_delta": SignatureDelta,
    },
    UnknownDelta,
)


class Delta(View):
    """What is known of the whole message at its end."""

    container: Container | None = part(Container, default=None)
    stop_details: RefusalStopDetails | None = part(RefusalStopDetails, default=None)
    stop_reason: StopReason | None = None
    stop_sequence: str | None = None


class MessageDeltaUsage(View):
    """What has been counted so far, in tokens: totals, not differences."""

    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int
    output_tokens_details: OutputTokensDetails | None = part(OutputTokensDetails, default=None)
    server_tool_use: ServerToolUsage | None = part(ServerToolUsage, default=None)


# Raw events ──────────────────────────────────────────────────────────────────────────────────────


class RawMessageStartEvent(View):
    """The message begins: everything but its content, and counts so far."""

    message: Message = part(Message)
    type: Literal["message_start"]


class RawContentBlockStartEvent(View):
    """A block begins, mostly empty."""

    content_block: ContentBlock = part(content_block)
    index: int
    type: Literal["content_block_start"]


class RawContentBlockDeltaEvent(View):
    """A block grows."""

    delta: RawContentBlockDelta = part(_delta)
    index: int
    type: Literal["content_block_delta"]


class RawContentBlockStopEvent(View):
    """A block is whole."""

    index: int
    type: Literal["content_block_stop"]


class RawMessageDeltaEvent(View):
    """Why the message ends, and the final counts."""

    delta: Delta = part(Delta)
    type: Literal["message_delta"]
    usage: MessageDeltaUsage = part(MessageDeltaUsage)


class RawMessageStopEvent(View):
    """The message is whole; on Bedrock the event may carry `amazon-bedrock-invocationMetrics`."""

    type: Literal["message_stop"]


class UnknownEvent(Unknown):
    """An event of a type that this release doesn't know, such as `ping`."""


RawMessageStreamEvent = (
    RawMessageStartEvent
    | RawMessageDeltaEvent
    | RawMessageStopEvent
    | RawContentBlockStartEvent
    | RawContentBlockDeltaEvent
    | RawContentBlockStopEvent
)

#: Wraps an event's document in the class of its `type`.
raw_event: Callable[[Any], RawMessageStreamEvent] = chooser(
    {
        "message_start": RawMessageStartEvent,
        "message_delta": RawMessageDeltaEvent,
        "message_stop": RawMessageStopEvent,
        "content_block_start": RawContentBlockStartEvent,
        "content_block_delta": RawContentBlockDeltaEvent,
        "content_block_stop": RawContentBlockStopEvent,
    },
    UnknownEvent,
)

# Derived events ──────────────────────────────────────────────────────────────────────────────────


class Snapshot(View):
    """An event with everything so far: the first `count` of a list of pieces that only grows."""

    def whole(self) -> dict[str, Any]:
        """The document, its snapshot computed."""
        document = self._document
        if "snapshot" not in document:
            pieces, count = self._aside
            document["snapshot"] = self._join(pieces[:count])
        return document

    def _join(self, pieces: list[Any]) -> Any:
        return "".join(pieces)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).of, (self.whole(),)


class TextEvent(Snapshot):
    """More text: `text` is new, `snapshot` is all of the block's text so far."""

    type: Literal["text"]
    text: str
    snapshot: str = lazy()

    def parsed_snapshot(self) -> Any:
        """The text so far read as the beginning of a JSON text; None if there is nothing yet."""
        value = parse_partial(self.snapshot, trailing_strings=True)
        return None if value is NOTHING else value


_citations = parts(citation).read


class CitationEvent(Snapshot):
    """One more citation: `citation` is new, `snapshot` has all of the block's citations so far."""

    type: Literal["citation"]
    citation: TextCitation = part(citation)
    snapshot: list[TextCitation] = lazy(_citations)

    def _join(self, pieces: list[Any]) -> Any:
        return pieces


class ThinkingEvent(Snapshot):
    """More thinking: `thinking` is new, `snapshot` is all of the block's thinking so far."""

    type: Literal["thinking"]
    thinking: str
    snapshot: str = lazy()


class SignatureEvent(View):
    """The signature of a thinking block."""

    type: Literal["signature"]
    signature: str


class InputJsonEvent(Snapshot):
    """More of a tool's input: `partial_json` is new, `snapshot` is what can be read so far."""

    type: Literal["input_json"]
    partial_json: str
    snapshot: object = lazy()

    def _join(self, pieces: list[Any]) -> Any:
        value = parse_partial("".join(pieces))
        return {} if value is NOTHING else value


class ContentBlockStopEvent(RawContentBlockStopEvent):
    """A block is whole, and here it is."""

    type: Literal["content_block_stop"]
    content_block: ContentBlock = part(content_block)


class MessageStopEvent(RawMessageStopEvent):
    """The message is whole, and here it is."""

    type: Literal["message_stop"]
    message: Message = part(Message)


MessageStreamEvent = (
    TextEvent
    | CitationEvent
    | ThinkingEvent
    | SignatureEvent
    | InputJsonEvent
    | RawMessageStartEvent
    | RawMessageDeltaEvent
    | MessageStopEvent
    | RawContentBlockStartEvent
    | RawContentBlockDeltaEvent
    | ContentBlockStopEvent
)
