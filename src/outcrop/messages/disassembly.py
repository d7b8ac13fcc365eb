"""The whole to pieces: `events_of` takes a message apart into the events that would stream it.

Rules: what comes out are the events that Claude would send, in their order and with their keys in
wire order; a block of a type that isn't known to stream starts whole; no random cuts, the caller
says where texts are split. The other half, with the sources, is `assembly`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from outcrop.errors import APIResponseValidationError
from outcrop.messages.fields import LIST
from outcrop.messages.view import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Event = dict[str, Any]

# Fields of the message that are null in message_start and known in message_delta.
_AT_THE_END: Final = ("stop_reason", "stop_sequence", "stop_details", "container")


def events_of(
    document: dict[str, Any], *, split: Callable[[str], Iterable[str]] | None = None
) -> list[Event]:
    """The stream events that would bring a whole message.

    Args:
        document: The message.
        split: Cuts a text into the pieces that become one delta each; whole by default.

    Returns:
        Decoded JSON objects, from `message_start` to `message_stop`, in the key order of the wire.

    Raises:
        APIResponseValidationError: `content` isn't a list of objects.
    """
    content: Any = document.get("content", [])
    if not isinstance(content, LIST) or not all(isinstance(block, dict) for block in content):
        raise APIResponseValidationError(
            "message.content should be a list of objects.", body=document
        )
    message = plain(document)
    end = {name: message[name] for name in _AT_THE_END if name in message}
    message |= dict.fromkeys(end)
    if "content" in message:
        message["content"] = []
    made: list[Event] = [{"type": "message_start", "message": message}]
    for index, block in enumerate(content):
        start, deltas = _take_apart(plain(block), split or _whole)
        made.append({"type": "content_block_start", "index": index, "content_block": start})
        made.extend(
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
        )
        made.append({"type": "content_block_stop", "index": index})
    last: Event = {"type": "message_delta", "delta": end}
    usage = message.get("usage")
    if isinstance(usage, dict) and "output_tokens" in usage:
        last["usage"] = {"output_tokens": usage["output_tokens"]}
        if isinstance(usage["output_tokens"], int):
            usage["output_tokens"] = min(usage["output_tokens"], 1)
    return [*made, last, {"type": "message_stop"}]


def _take_apart(
    block: dict[str, Any], split: Callable[[str], Iterable[str]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block as it starts, and the deltas that complete it. Unknown blocks start whole."""
    deltas: list[dict[str, Any]] = []
    kind = block.get("type")
    if kind == "text":
        deltas += [
            {"type": "citations_delta", "citation": citation}
            for citation in _emptied(block, "citations", list)
        ]
        deltas += [
            {"type": "text_delta", "text": piece} for piece in split(_emptied(block, "text", str))
        ]
    elif kind == "thinking":
        deltas += [
            {"type": "thinking_delta", "thinking": piece}
            for piece in split(_emptied(block, "thinking", str))
        ]
        if signature := _emptied(block, "signature", str):
            deltas.append({"type": "signature_delta", "signature": signature})
    elif kind in ("tool_use", "server_tool_use") and "input" in block:
        # The first delta of a tool's input is empty on the wire.
        text = json.dumps(block["input"], ensure_ascii=False, separators=(",", ":"))
        pieces = () if block["input"] == {} else split(text)
        block["input"] = {}
        deltas += [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)]
    return block, deltas


def _emptied(block: dict[str, Any], field: str, kind: type[Any]) -> Any:
    """The field's value, which the block then starts without; empty if it has none of that kind."""
    value = block.get(field)
    if not isinstance(value, kind):
        return kind()
    block[field] = kind()
    return value


def _whole(text: str) -> Iterable[str]:
    return (text,) if text else ()
