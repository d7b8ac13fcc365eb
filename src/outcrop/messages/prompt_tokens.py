"""How many tokens a Messages request costs, as a whole and in parts.

Rules: as in `tokens`, whose estimate of texts this is; nothing in a request makes it raise.

Requests whose count AWS has told (models up to 4.6) are met within 16 % (`bench/tokens`).
Sources: Anthropic's documentation, "Vision", "PDF support", "Tool use", "Token counting"
(https://platform.claude.com/docs).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from msgspec import Struct

from outcrop.messages.media import image_size, pdf_pages
from outcrop.messages.tokens import Generation, estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Frame:
    """What a request costs beside its texts, in tokens."""

    request: int  # around a single user message (fitted like the rates)
    turn: int  # around each further message (ours)
    tools: int  # tool-use system prompt, tool_choice auto or none ("Tool use", "Pricing")
    forced: int  # the same, tool_choice any or tool
    edge: int  # images are scaled to this long edge, in pixels ("Vision")
    image: int  # the most that an image costs; also taken for one whose size can't be read
    page: int  # a page of a PDF: its text and its picture ("PDF support": 3 pages, about 7,000)


FRAMES: Final[dict[Generation, Frame]] = {
    "4.6": Frame(request=7, turn=4, tools=346, forced=313, edge=1568, image=1568, page=2333),
    "4.7": Frame(request=6, turn=4, tools=346, forced=313, edge=2576, image=4784, page=2333),
}
_PATCH: Final = 28  # pixels; "an image costs ceil(width / 28) * ceil(height / 28)"
_HEADER_BASE64: Final = 1 << 18  # enough for the metadata that cameras put before a JPEG's size
_PDF_BASE64: Final = 1 << 26
_DEPTH: Final = 8  # blocks in blocks


class Part(Struct, frozen=True):
    """A piece of a request that has a price of its own, in the order in which the model reads it.

    Attributes:
        section: Where it stands; tools come before the system prompt, messages last.
        role: Of its message, empty elsewhere.
        result: The tool result around it, without its content; None for what stands alone.
        block: The tool or the content block; a string stands as the text block that it is short
            for, a tool result whose blocks are parts themselves without its content.
        tokens: Its price.
        prefix: The price of the request up to its end.
    """

    section: Literal["tools", "system", "messages"]
    role: str
    result: Mapping[str, Any] | None
    block: object
    tokens: int
    prefix: int


def count_request(document: Mapping[str, Any], *, generation: Generation) -> int:
    """Input tokens of an Anthropic Messages request, estimated; at least 1.

    Counted are `system`, `messages` and `tools`. Thinking counts only since the last message that
    a user wrote ("Token counting": that of previous turns is ignored; models from Opus 4.5 on keep
    it, which isn't told apart here), and omitted thinking nowhere. An image whose size can't be
    read counts as the largest. A block of an unknown type counts as its JSON. `cache_control` costs
    nothing. Nothing in a request makes this raise.

    Args:
        document: The request; other fields than those are ignored.
        generation: "4.6" for Claude models up to 4.6, "4.7" for 4.7 and later.
    """
    frame = FRAMES[generation]
    turns = frame.turn * max(0, len(_items(document.get("messages"))) - 1)
    return frame.request + turns + sum([part.tokens for part in parts(document, generation)])


def parts(document: Mapping[str, Any], generation: Generation) -> Iterator[Part]:
    """The parts of a request, of which `count_request` is the sum (with its frame around them).

    Thinking that doesn't count isn't among them: the model doesn't read it.

    Args:
        document: The request.
        generation: As for `count_request`.
    """
    frame = FRAMES[generation]
    count = _Count(generation)
    prefix = 0
    forced = _fields(document.get("tool_choice")).get("type") in ("any", "tool")
    extra = frame.forced if forced else frame.tools  # the tool-use system prompt
    for tool in _items(document.get("tools")):
        tokens = extra + count.json(_unmarked(tool))
        prefix += tokens
        extra = 0
        yield Part("tools", "", None, tool, tokens, prefix)
    for _, block, tokens in _priced(document.get("system"), count, thinking=False):
        prefix += tokens
        yield Part("system", "", None, block, tokens, prefix)
    messages = _items(document.get("messages"))
    backwards = range(len(messages) - 1, -1, -1)
    turn = next((at for at in backwards if _is_written(messages[at])), 0)
    for at, message in enumerate(messages):
        content, role = _fields(message).get("content"), str(_fields(message).get("role"))
        for result, block, tokens in _priced(content, count, thinking=at > turn):
            prefix += tokens
            yield Part("messages", role, result, block, tokens, prefix + frame.turn * at)


def _priced(
    content: object, count: _Count, *, thinking: bool
) -> Iterator[tuple[Mapping[str, Any] | None, object, int]]:
    """The blocks of some content with their prices; those of a tool result come before it."""
    if isinstance(content, str):
        if content:
            yield None, {"type": "text", "text": content}, count.text(content)
        return
    if not isinstance(content, list):
        if content is not None:
            yield None, content, count.json(content)
        return
    for block in cast("list[object]", content):
        fields = _fields(block)
        kind, nested = fields.get("type"), _items(fields.get("content"))
        if kind in ("thinking", "redacted_thinking") and not thinking:
            continue
        if kind != "tool_result" or not nested:
            yield None, block, count.block(block, thinking=thinking, depth=0)
            continue
        result = {name: value for name, value in fields.items() if name != "content"}
        for inner in nested:
            yield result, inner, count.block(inner, thinking=False, depth=1)
        yield None, result, 0


def _unmarked(value: object) -> object:
    """A tool or block without its `cache_control`, which the model doesn't read."""
    if not isinstance(value, dict):
        return value
    given = cast("dict[object, object]", value)
    return {name: item for name, item in given.items() if name != "cache_control"}


class _Count:
    """The prices of content blocks, for one generation."""

    __slots__ = ("frame", "generation")

    def __init__(self, generation: Generation) -> None:
        self.generation: Generation = generation
        self.frame = FRAMES[generation]

    def text(self, value: object) -> int:
        return estimate(value, generation=self.generation) if isinstance(value, str) else 0

    def json(self, value: object) -> int:
        try:
            return self.text(json.dumps(value, ensure_ascii=False, skipkeys=True, default=str))
        except (ValueError, TypeError, RecursionError):  # no JSON: nothing that could be sent
            return 0

    def content(self, value: Any, *, thinking: bool = False, depth: int = 0) -> int:
        if value is None or isinstance(value, str):
            return self.text(value)
        if depth > _DEPTH or not isinstance(value, list):
            return self.json(cast("object", value))
        blocks = _items(cast("object", value))
        return sum(self.block(block, thinking=thinking, depth=depth) for block in blocks)

    def block(self, value: object, *, thinking: bool, depth: int) -> int:
        block = _fields(value)
        match block.get("type"):
            case "text":
                return self.text(block.get("text"))
            case "thinking":
                return self.text(block.get("thinking")) if thinking else 0
            case "redacted_thinking":
                return self.text(block.get("data")) if thinking else 0
            case "tool_use":
                return self.text(block.get("name")) + self.json(block.get("input"))
            case "tool_result":
                return self.content(block.get("content"), depth=depth + 1)
            case "image":
                return self.image(block.get("source"))
            case "document":
                about = self.text(block.get("title")) + self.text(block.get("context"))
                return about + self.document(block.get("source"), depth=depth)
            case _:
                return self.json(_unmarked(value))

    def image(self, source: object) -> int:
        head = _decoded(source, limit=_HEADER_BASE64)
        if (size := image_size(head)) is None:
            return self.frame.image
        scale = min(1.0, self.frame.edge / max(size))
        across, down = (-(-max(1, int(pixels * scale)) // _PATCH) for pixels in size)
        return min(across * down, self.frame.image)

    def document(self, value: object, *, depth: int) -> int:
        source = _fields(value)
        if source.get("type") == "text":
            return self.text(source.get("data"))
        if source.get("type") == "content":
            return self.content(source.get("content"), depth=depth + 1)
        data = _decoded(source, limit=_PDF_BASE64)
        if str(source.get("media_type")).startswith("text/"):
            return self.text(data.decode("utf-8", "replace"))
        return self.frame.page * pdf_pages(data)


def _decoded(source: object, *, limit: int) -> bytes:
    """The beginning of a source's base64 data; empty if there is none."""
    data = _fields(source).get("data")
    if not isinstance(data, str):
        return b""
    cut = data[:limit]
    try:
        return base64.b64decode(cut[: len(cut) // 4 * 4])
    except ValueError:
        return b""


def _fields(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] - as decoded


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType] - as decoded


def _is_written(message: object) -> bool:
    """Whether a user wrote this message; tool results alone belong to Claude's turn."""
    fields = _fields(message)
    blocks = _items(fields.get("content"))
    results = sum(_fields(block).get("type") == "tool_result" for block in blocks)
    return fields.get("role") == "user" and (not blocks or results < len(blocks))
