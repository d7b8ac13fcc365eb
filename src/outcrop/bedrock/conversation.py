"""What the model refuses in the `messages` of a request, in its words.

Rules: a fault is told with its path, such as `messages.2.content.0.tool_result.content.1.image`;
consecutive messages of one role are one turn, as Claude reads them; a block's own fields are looked
at no further than a reader of them would have to.

Sources: refusals of Bedrock and of Anthropic's API as publicly reported; texts that no report shows
are marked (?). Anthropic's API reference, "Messages", for the shapes.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Struct

from outcrop.bedrock.attachments import IMAGE_BASE64
from outcrop.catalog.models import LATEST
from outcrop.errors import ValidationException

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outcrop.catalog.models import Model

Document = dict[str, Any]


class Block(Struct, frozen=True):
    """A type of content block: the fields that it needs, and the only role that may send it."""

    required: Mapping[str, str] = {}  # field → its type, in pydantic's words
    role: str | None = None


_TYPES: Final[dict[str, type]] = {"string": str, "list": list, "dictionary": dict}


_USE: Final = {"id": "string", "name": "string", "input": "dictionary"}
_RESULT: Final = {"tool_use_id": "string"}

BLOCKS: Final[dict[str, Block]] = {
    "container_upload": Block(),
    "document": Block({"source": "dictionary"}),
    "image": Block({"source": "dictionary"}),
    "mid_conv_system": Block(),
    "redacted_thinking": Block({"data": "string"}, "assistant"),
    "search_result": Block({"source": "string", "title": "string", "content": "list"}),
    "server_tool_use": Block(_USE, "assistant"),
    "text": Block({"text": "string"}),
    "thinking": Block({"thinking": "string", "signature": "string"}, "assistant"),
    "tool_addition": Block(),
    "tool_reference": Block({"tool_name": "string"}),
    "tool_removal": Block(),
    "tool_result": Block(_RESULT, "user"),
    "tool_search_tool_result": Block(_RESULT),
    "tool_use": Block(_USE, "assistant"),
    "web_search_tool_result": Block(_RESULT),
}
#: The types that models know which see images, and those that don't.
_TAGS: Final = tuple(BLOCKS)
_TEXT_TAGS: Final = tuple(tag for tag in BLOCKS if tag not in ("document", "image"))
_IMAGE_TYPES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
#: Where a source may come from: Bedrock fetches no URL and has no Files API.
_SOURCES: Final = {"image": ("base64",), "document": ("base64", "content", "text")}


def check(document: Document, *, model: Model) -> None:
    """Nothing, if the conversation of a request is in order.

    Args:
        document: The body, its top level checked already.
        model: Which model it is for.

    Raises:
        ValidationException: The model would refuse it.
    """
    turns = _check_messages(document, model)
    _check_tool_results(turns)
    _check_ending(turns, model)


class _Turn:
    """Consecutive messages of one role, which Claude reads as one.

    Attributes:
        role: Of the messages.
        at: Index of the last message.
        calls: IDs of the tool calls.
        results: The tool results, each with its path.
        last: The last block.
    """

    __slots__ = ("at", "calls", "last", "results", "role")

    def __init__(self, role: str) -> None:
        self.role = role
        self.at = 0
        self.calls: set[str] = set()
        self.results: list[tuple[str, Document]] = []
        self.last: Document = {}


class _Look(Struct, frozen=True):
    """What blocks are looked at with: the types that the model knows, and the API's version."""

    tags: Sequence[str]
    latest: bool


def _check_messages(document: Document, model: Model) -> list[_Turn]:
    given = items(document["messages"])
    if not given:
        raise ValidationException("messages: at least one message is required")
    look = _Look(
        _TAGS if "IMAGE" in model.input else _TEXT_TAGS, document["anthropic_version"] == LATEST
    )
    turns: list[_Turn] = []
    for at, item in enumerate(given):
        role, content = _check_message(f"messages.{at}", item, model)
        if role == "system":
            continue
        if not turns and role != "user":
            raise ValidationException('messages: first message must use the "user" role')
        if not content and not (role == "assistant" and at == len(given) - 1):
            raise ValidationException(
                f"messages.{at}: all messages must have non-empty content except for the optional "
                "final assistant message"
            )
        if not turns or turns[-1].role != role:
            turns.append(_Turn(role))
        turn = turns[-1]
        turn.at = at
        if isinstance(content, str):
            turn.last = {"type": "text", "text": content}
            continue
        for number, block in enumerate(content):
            path = f"messages.{at}.content.{number}"
            turn.last = checked = _check_block(path, block, role, look)
            if checked["type"] == "tool_use":
                turn.calls.add(checked["id"])
            elif checked["type"] == "tool_result":
                turn.results.append((path, checked))
    return turns


def _check_message(path: str, item: object, model: Model) -> tuple[str, str | list[object]]:
    if not isinstance(item, dict):
        raise ValidationException(f"{path}: Input should be a valid dictionary")
    message = cast("Document", item)
    for key in ("role", "content"):
        if key not in message:
            raise ValidationException(f"{path}.{key}: Field required")
    for key in message:
        if key not in ("role", "content"):
            raise ValidationException(f"{path}.{key}: Extra inputs are not permitted")
    role, content = message["role"], message["content"]
    # Later models take system messages inside a conversation; from which one on isn't certain (?).
    if role == "system" and LATEST not in model.api_versions:
        raise ValidationException(
            'messages: Unexpected role "system". The Messages API accepts a top-level `system` '
            'parameter, not "system" as an input message role.'
        )
    if role not in ("user", "assistant", "system"):
        raise ValidationException(f"{path}.role: Input should be 'user' or 'assistant'")
    if not isinstance(content, str | list):
        raise ValidationException(f"{path}.content: Input should be a valid list")
    return role, cast("str | list[object]", content)


def _check_block(path: str, item: object, role: str, look: _Look) -> Document:
    """The block, if it is in order.

    Args:
        path: Of the block.
        item: The block.
        role: Of its message; empty inside a tool result.
        look: What it is looked at with.
    """
    if not isinstance(item, dict):
        raise ValidationException(f"{path}: Input should be a valid dictionary")
    block = cast("Document", item)
    if "type" not in block:
        raise ValidationException(f"{path}.type: Field required")
    tag = block["type"]
    if tag not in look.tags:
        raise ValidationException(unknown_tag(path, tag, look.tags))
    for key, kind in BLOCKS[tag].required.items():
        if key not in block:
            raise ValidationException(f"{path}.{tag}.{key}: Field required")
        if not isinstance(block[key], _TYPES[kind]):
            raise ValidationException(f"{path}.{tag}.{key}: Input should be a valid {kind}")
    _check_role(path, tag, role, latest=look.latest)
    match tag:
        case "text":
            _check_text(path, block, role, look)
        case "image" | "document":
            _check_source(f"{path}.{tag}.source", tag, block["source"])
        case "tool_result":
            inner = block.get("content")
            if not isinstance(inner, str | list | None):
                raise ValidationException(f"{path}.{tag}.content: Input should be a valid list")
            for at, nested in enumerate(items(cast("object", inner))):
                _check_block(f"{path}.{tag}.content.{at}", nested, "", look)
        case _:
            pass
    return block


def _check_text(path: str, block: Document, role: str, look: _Look) -> None:
    text: str = block["text"]
    if not text:
        raise ValidationException("messages: text content blocks must be non-empty")
    if text.isspace():
        raise ValidationException("messages: text content blocks must contain non-whitespace text")
    if look.latest and role == "user" and block.get("citations"):
        raise ValidationException(f"{path}.text.citations: Extra inputs are not permitted")  # (?)


def _check_role(path: str, tag: str, role: str, *, latest: bool) -> None:
    only = BLOCKS[tag].role
    if tag == "document" and latest:
        only = "user"  # API version 2026-10-21; the text is that of other blocks (?)
    if only and role in ("user", "assistant") and role != only:
        message = ".".join(path.split(".")[:2])
        raise ValidationException(f"{message}: `{tag}` blocks can only be in `{only}` messages")


def _check_source(path: str, tag: str, given: object) -> None:
    source = fields(given)
    kind = source.get("type")
    if kind not in _SOURCES[tag]:
        raise ValidationException(unknown_tag(path, kind, _SOURCES[tag]))
    if kind != "base64":
        return
    for key in ("media_type", "data"):
        if not isinstance(source.get(key), str):
            raise ValidationException(f"{path}.base64.{key}: Field required")
    allowed = _IMAGE_TYPES if tag == "image" else ("application/pdf",)
    if source["media_type"] not in allowed:
        *firsts, last = [repr(name) for name in allowed]
        names = f"{', '.join(firsts)} or {last}" if firsts else last
        raise ValidationException(f"{path}.base64.media_type: Input should be {names}")
    data: str = source["data"]
    if tag == "image" and len(data) > IMAGE_BASE64.most:
        raise ValidationException(
            f"{path}.base64: image exceeds 5 MB maximum: {len(data)} bytes > "
            f"{IMAGE_BASE64.most} bytes"
        )
    try:
        b64decode(data, validate=True)
    except (Base64Error, ValueError):
        raise ValidationException(f"{path}.base64: invalid base64 data") from None


def _check_tool_results(turns: list[_Turn]) -> None:
    called: set[str] = set()
    for number, turn in enumerate(turns):
        for path, block in turn.results:
            if block["tool_use_id"] not in called:
                raise ValidationException(
                    f"{path}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{block['tool_use_id']}. Each `tool_result` block must have a corresponding "
                    "`tool_use` block in the previous message."
                )
        called = turn.calls
        if not called:
            continue
        following = turns[number + 1].results if number + 1 < len(turns) else []
        answered = {block["tool_use_id"] for _, block in following}
        if missing := sorted(called - answered):
            raise ValidationException(
                f"messages.{turn.at}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {', '.join(missing)}. Each `tool_use` block must have a "
                "corresponding `tool_result` block in the next message."
            )


def _check_ending(turns: list[_Turn], model: Model) -> None:
    if not turns or turns[-1].role != "assistant":
        return
    if not model.prefill:
        raise ValidationException(
            "This model does not support assistant message prefill. "
            "The conversation must end with a user message."
        )
    last = turns[-1].last
    if last.get("type") == "text" and last["text"] != last["text"].rstrip():
        raise ValidationException(
            "messages: final assistant content cannot end with trailing whitespace"
        )


def unknown_tag(path: str, tag: object, expected: Sequence[str]) -> str:
    """What is said of a `type` that isn't known there."""
    names = ", ".join(f"'{name}'" for name in expected)
    return (
        f"{path}: Input tag '{tag}' found using 'type' does not match any of the expected tags: "
        f"{names}"
    )


def fields(value: object) -> Document:
    """A JSON object, empty for anything else."""
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] - as decoded


def items(value: object) -> list[Any]:
    """A JSON array, empty for anything else."""
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType] - as decoded
