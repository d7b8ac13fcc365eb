"""Streams of Converse: the frames of ConverseStream ⇄ the events of a Messages stream.

Rules: Converse begins a block in words for tool calls only, so that the reader begins the others by
itself, at their first delta; a message is whole when its `metadata` has come, which is always last;
an event or delta that isn't known comes through under its own name.

Sources: botocore `bedrock-runtime/2023-09-30/service-2.json` (`ConverseStreamOutput`); recorded
ConverseStream traffic (order, padding, the empty first piece of a tool's input).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from outcrop.bedrock import blocks, citations
from outcrop.bedrock.converse_reply import (
    begin_message,
    echoes,
    read_stop,
    read_usage,
    write_json,
    write_stop,
    write_usage,
)
from outcrop.bedrock.frames import FrameReader
from outcrop.bedrock.invoke_stream import PADDING
from outcrop.bedrock.names import Names
from outcrop.wire import eventstream

if TYPE_CHECKING:
    from collections.abc import Callable

    from outcrop.bedrock.converse import Extras

Document = dict[str, Any]

_decode = msgspec.json.Decoder(Document).decode

# Asking half ─────────────────────────────────────────────────────────────────────────────────────


class ShapeReader(FrameReader):
    """Bytes of a stream in, its events out as Converse names them: `{kind: members}`."""

    __slots__ = ()

    last = "metadata"

    def _read(self, kind: str, payload: bytes) -> list[Document]:
        given = _decode(payload)
        given.pop("p", None)
        read = self._events(kind, given)
        self.complete = self.complete or kind == "metadata"
        return read

    def _events(self, kind: str, payload: Document) -> list[Document]:
        return [{kind: payload}]


class EventReader(ShapeReader):
    """Bytes of a stream in, Messages events out.

    Args:
        model: What the message says of its model.
        request_id: Becomes the ID of the message.
    """

    __slots__ = ("_index", "_model", "_redacted", "_request_id", "_stop")

    def __init__(self, *, model: str, request_id: str | None) -> None:
        super().__init__()
        self._model = model
        self._request_id = request_id
        self._index: int | None = None  # of the block that is open
        self._redacted: list[Any] = []  # pieces, since Messages has no delta for them
        self._stop: Document = {}

    def _events(self, kind: str, payload: Document) -> list[Document]:
        match kind:
            case "messageStart":
                role = payload.pop("role", None)
                message = begin_message(model=self._model, request_id=self._request_id, role=role)
                return [{"type": "message_start", "message": message, **payload}]
            case "contentBlockStart":
                return [self._open(payload["contentBlockIndex"], _read_start(payload["start"]))]
            case "contentBlockDelta":
                return self._read_delta(payload["contentBlockIndex"], payload["delta"])
            case "contentBlockStop":
                return self._close(payload["contentBlockIndex"])
            case "messageStop":
                self._stop = {"delta": read_stop(payload), **payload}
                return []
            case "metadata":
                usage = read_usage(payload.pop("usage"))
                delta = {"type": "message_delta", **self._stop, "usage": usage}
                return [delta, {"type": "message_stop", **payload}]
            case _:
                return [{"type": kind, **payload}]

    def _open(self, index: int, block: Document) -> Document:
        self._index = index
        return {"type": "content_block_start", "index": index, "content_block": block}

    def _read_delta(self, index: int, given: Document) -> list[Document]:
        member, value = next(iter(given.items()))
        if member == "reasoningContent":
            member, value = next(iter(value.items()))
            if member == "redactedContent":
                self._redacted.append(value)
                return []
            member = "thinking" if member == "text" else member
        elif member == "toolUse":
            value = value["input"]
        elif member == "citation":
            value = citations.read(value)
        read = _DELTAS.get(member)
        if read is None:
            delta, opening = {"type": member, member: value}, {"type": member}
        else:
            kind, name, opening = read
            delta = {"type": kind, name: value}
        events = [] if self._index == index else [self._open(index, dict(opening))]
        return [*events, {"type": "content_block_delta", "index": index, "delta": delta}]

    def _close(self, index: int) -> list[Document]:
        events: list[Document] = []
        if self._redacted:
            events.append(self._open(index, blocks.read_redacted(self._redacted)))
            self._redacted = []
        elif self._index != index:  # a text without any piece
            events.append(self._open(index, {"type": "text", "text": ""}))
        self._index = None
        return [*events, {"type": "content_block_stop", "index": index}]


_TEXT: Final = {"type": "text", "text": ""}
_THINKING: Final = {"type": "thinking", "thinking": "", "signature": ""}
#: Member of Converse's delta → type and field of the Messages delta, and the block it begins.
_DELTAS: Final[dict[str, tuple[str, str, Document]]] = {
    "text": ("text_delta", "text", _TEXT),
    "toolUse": ("input_json_delta", "partial_json", {"type": "tool_use", "input": {}}),
    "thinking": ("thinking_delta", "thinking", _THINKING),
    "signature": ("signature_delta", "signature", _THINKING),
    "citation": ("citations_delta", "citation", {**_TEXT, "citations": []}),
}


def _read_start(start: Document) -> Document:
    block = blocks.read_block(start)
    if "input" in block:
        block["input"] = {}
    return block


# Answering half ──────────────────────────────────────────────────────────────────────────────────


def _frame_headers(kind: str) -> bytes:
    return eventstream.header_block(
        {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    )


_HEADERS: Final = {
    kind: _frame_headers(kind)
    for kind in (
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    )
}


class EventWriter:
    """Messages events in, frames of ConverseStream out.

    Args:
        extras: What the request asked of Bedrock.
    """

    def __init__(self, extras: Extras) -> None:
        self._extras = extras
        self._message: Document = {}

    def write(self, event: Document, *, padding: int) -> bytes:
        """The frames of one event; none for what Converse doesn't tell.

        Args:
            event: The Messages event.
            padding: Length of the padding, 0 to 62.
        """
        match event["type"]:
            case "message_start":
                self._message = {**event["message"], "usage": {**event["message"]["usage"]}}
                return _frame("messageStart", {"role": self._message["role"]}, padding)
            case "content_block_start":
                return self._write_start(event["index"], event["content_block"], padding)
            case "content_block_delta":
                delta = _write_delta(event["delta"])
                if not delta:
                    return b""
                return _write_block_event("contentBlockDelta", event["index"], padding, delta=delta)
            case "content_block_stop":
                return _write_block_event("contentBlockStop", event["index"], padding)
            case "message_delta":
                self._message |= event["delta"]
                self._message["usage"] |= event["usage"]
                return _frame("messageStop", write_stop(self._message, self._extras), padding)
            case _:
                return b""

    def _write_start(self, index: int, block: Document, padding: int) -> bytes:
        kind = block["type"]
        if kind in ("text", "thinking"):
            return b""
        written = blocks.write_block(dict(block), f"content.{index}", Names())
        if kind == "redacted_thinking":
            return _write_block_event("contentBlockDelta", index, padding, delta=written)
        for start in written.values():
            start.pop("input", None)
            start.pop("type", None) if kind == "tool_use" else None
        return _write_block_event("contentBlockStart", index, padding, start=written)

    def finish(self, *, latency: int, padding: int) -> bytes:
        """The last frame.

        Args:
            latency: Milliseconds from request to the end.
            padding: Length of the padding, 0 to 62.
        """
        usage = write_usage(self._message.get("usage") or {}, whole=False)
        body = {"metrics": {"latencyMs": latency}, "usage": usage, **echoes(self._extras)}
        return _frame("metadata", body, padding)


def _write_citation(delta: Document) -> Document:
    """Empty for a citation of a kind that Converse doesn't have."""
    told = citations.told(delta["citation"])
    return {"citation": citations.write(told, "citation")} if told else {}


_WRITE_DELTA: Final[dict[str, Callable[[Document], Document]]] = {
    "text_delta": lambda delta: {"text": delta["text"]},
    "input_json_delta": lambda delta: {"toolUse": {"input": delta["partial_json"]}},
    "thinking_delta": lambda delta: {"reasoningContent": {"text": delta["thinking"]}},
    "signature_delta": lambda delta: {"reasoningContent": {"signature": delta["signature"]}},
    "citations_delta": _write_citation,
}


def _write_delta(delta: Document) -> Document:
    kind = delta["type"]
    write = _WRITE_DELTA.get(kind)
    return {kind: delta[kind]} if write is None else write(delta)


def _write_block_event(kind: str, index: int, padding: int, **more: Any) -> bytes:
    more["contentBlockIndex"] = index
    return _frame(kind, more, padding)


def _frame(kind: str, payload: Document, padding: int) -> bytes:
    """The frame of a payload, which gets the padding."""
    payload["p"] = PADDING[:padding]
    return eventstream.encode_block(_HEADERS[kind], write_json(payload))
