"""What Claude is told of a call: the value that a function gave, or how it failed.

Rules: a text is sent as it is, content blocks as blocks, anything else as JSON; of an exception
Claude gets the type and the message, never a traceback.

Source: Anthropic, "Handle tool calls" (`tool_result`, `is_error`).
"""

from __future__ import annotations

from typing import Any, Final, cast

from outcrop.client import annotations
from outcrop.errors import ToolError
from outcrop.messages.view import View, plain

Document = dict[str, Any]

_LONGEST_ERROR: Final = 10_000  # characters of what Claude is told of an error
_BLOCKS: Final = frozenset({"document", "image", "search_result", "text", "tool_reference"})


def result(call_id: str, value: object) -> Document:
    """The block that tells Claude what a tool gave.

    Args:
        call_id: The ID of the call.
        value: A text, content blocks, None for nothing, or anything that JSON has.

    Raises:
        TypeError: The value has no JSON form.
    """
    block: Document = {"type": "tool_result", "tool_use_id": call_id}
    content = _content(value)
    return block if content is None else {**block, "content": content}


def failure(call_id: str, error: Exception) -> Document:
    """The block that tells Claude how a call failed: type and message, never a traceback."""
    if isinstance(error, ToolError):
        said = _content(error.content)
    else:
        told = str(error)
        said = f"{type(error).__name__}: {told}" if told else type(error).__name__
    if isinstance(said, str):
        said = _well_formed(said[:_LONGEST_ERROR])
    return {"type": "tool_result", "tool_use_id": call_id, "content": said, "is_error": True}


def _content(value: object) -> str | list[Any] | None:
    if value is None or isinstance(value, str):
        return value if value is None else _well_formed(value)
    blocks = cast("list[object]", value if isinstance(value, list | tuple) else [value])
    if blocks and all(map(_is_block, blocks)):
        return plain(blocks)
    return annotations.write_json(cast("object", value))


def _is_block(value: object) -> bool:
    if not isinstance(value, dict | View):
        return False
    return cast("Any", value).get("type") in _BLOCKS


def _well_formed(text: str) -> str:
    """The text without lone surrogates, which no request could carry."""
    return text.encode("utf-8", "replace").decode("utf-8")
