"""A recorded request and its reply as turns that a person reads, from either dialect.

Rules: nothing that was said is left out without a word about it; what isn't text (images,
documents, data) is told by type and size; a block that nobody knows is shown as its JSON; records
are a stranger's, so any value may have any type, and text is cut at a stated length.

Sources: Anthropic Messages (blocks have a `type`) and Amazon Bedrock's Converse (a block has one
member, whose name is its kind); bodies as `ModelInvocationLog` has them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from outcrop.errors import APIResponseValidationError
from outcrop.messages.assembly import Assembly

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]

#: Turns and blocks of one conversation that are shown; a note tells of the rest.
MOST_TURNS: Final = 400
MOST_BLOCKS: Final = 200

_SETTINGS: Final = (
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "anthropic_version",
    "anthropic_beta",
    "inferenceConfig",
    "additionalModelRequestFields",
    "guardrailConfig",
    "thinking",
    "tool_choice",
)


def read_turns(asked: Any, answered: Any, *, most_characters: int = 500_000) -> Document:
    """A conversation: `turns`, `settings` (name → text), `tools` (names), `cut`.

    A turn has `role`, `reply` (whether it's what this call answered) and `blocks`; a block has
    `kind` (`text`, `thinking`, `tool call`, `tool result`, `image`, …), `text` and `note`.

    Args:
        asked: `inputBodyJson`, decoded or as text of JSON; None where it wasn't recorded.
        answered: `outputBodyJson`, likewise.
        most_characters: Of all text together; what goes beyond is cut, and `cut` is the number of
            characters left out.
    """
    request, reply = _decoded(asked), _decoded(answered)
    turns = [_turn(role, content, reply=False) for role, content in _requested(request) if content]
    if len(turns) > MOST_TURNS:
        left = len(turns) - MOST_TURNS
        note: Document = {"kind": "note", "text": "", "note": f"{left} turns aren't shown here"}
        turns[:left] = [{"role": "note", "reply": False, "blocks": [note]}]
    turns += [_turn(role, content, reply=True) for role, content in _replied(reply) if content]
    document = _object(request)
    return {
        "turns": turns,
        "settings": {
            name: _text(document[name]) for name in _SETTINGS if document.get(name) is not None
        },
        "tools": [_tool_name(tool) for tool in _tools(document)][:100],
        "cut": _cut(turns, most_characters),
    }


def _decoded(body: Any) -> Any:
    if isinstance(body, (str, bytes)):
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return body if isinstance(body, str) else body.decode("utf-8", "replace")
    return body


def _object(value: Any) -> Document:
    return cast("Document", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, indent=2, default=str)
    except (RecursionError, ValueError):
        return "(nested too deeply to show)"


# Who says what ───────────────────────────────────────────────────────────────────────────────────


def _requested(request: Any) -> Iterator[tuple[str, Any]]:
    document = _object(request)
    if not document:
        if request is not None and request != {}:
            yield "request", _text(request)
        return
    yield "system", document.get("system")
    if "messages" not in document:
        rest = {name: value for name, value in document.items() if name not in _SETTINGS}
        rest.pop("system", None)
        yield "request", document["prompt"] if "prompt" in document else _text(rest)
    for message in _list(document.get("messages")):
        given = _object(message)
        yield str(given.get("role", "?")), given.get("content") if given else _text(message)


def _replied(reply: Any) -> Iterator[tuple[str, Any]]:
    if reply is None or reply == {}:
        return
    if isinstance(reply, list):
        reply = _assemble(_list(reply))
    document = _object(reply)
    message = _object(_object(document.get("output")).get("message"))
    if message or "content" in document:
        said = message or document
        yield str(said.get("role", "assistant")), said.get("content")
    else:
        yield "reply", document.get("completion") or _text(reply)


def _assemble(events: list[Any]) -> Any:
    """The events of a stream as the message they make; a broken one as far as it came."""
    assembly = Assembly()
    for event in events:
        try:
            assembly.add(event)
        except APIResponseValidationError:
            break
    return assembly.document or events


# What is said ────────────────────────────────────────────────────────────────────────────────────


def _turn(role: str, content: Any, *, reply: bool) -> Document:
    parts = _list(content) or [content]
    blocks = [_block(part) for part in parts[:MOST_BLOCKS]]
    if len(parts) > MOST_BLOCKS:
        note = f"{len(parts) - MOST_BLOCKS} more blocks aren't shown here"
        blocks.append({"kind": "note", "text": "", "note": note})
    return {"role": role, "reply": reply, "blocks": blocks}


def _block(part: Any) -> Document:
    if isinstance(part, str):
        return _shown("text", part)
    block = _object(part)
    kind = block.get("type")
    if not isinstance(kind, str):  # Converse: {"toolUse": {…}}
        kind = next((name for name in block if name != "cachePoint"), "")
        inner = block.get(kind)
        return _converse(kind, inner) if kind else _shown("cache point", "")
    match kind:
        case "text":
            return _shown("text", block.get("text"))
        case "thinking":
            return _shown("thinking", block.get("thinking"))
        case "redacted_thinking":
            return _shown("thinking", "", note="redacted by the service")
        case "tool_use" | "server_tool_use":
            return _shown("tool call", block.get("input"), note=_text(block.get("name", "")))
        case "tool_result":
            note = "failed" if block.get("is_error") else ""
            return _shown("tool result", _joined(block.get("content")), note=note)
        case "image" | "document":
            source = _object(block.get("source"))
            return _attached(kind, source, name=block.get("title"))
        case _:
            return _shown(kind, block)


def _converse(kind: str, inner: Any) -> Document:
    given = _object(inner)
    match kind:
        case "text":
            return _shown("text", inner)
        case "reasoningContent":
            thought = _object(given.get("reasoningText"))
            note = "" if thought else "redacted by the service"
            return _shown("thinking", thought.get("text", ""), note=note)
        case "toolUse":
            return _shown("tool call", given.get("input"), note=_text(given.get("name", "")))
        case "toolResult":
            note = "failed" if given.get("status") == "error" else ""
            return _shown("tool result", _joined(given.get("content")), note=note)
        case "image" | "document" | "video":
            source = {"media_type": given.get("format"), **_object(given.get("source"))}
            return _attached(kind, source, name=given.get("name"))
        case "citationsContent":
            return _shown("text", _joined(given.get("content")), note="with citations")
        case _:
            return _shown(kind, inner)


def _shown(kind: str, value: Any, *, note: str = "") -> Document:
    return {"kind": kind, "text": _text(value) if value is not None else "", "note": note}


def _joined(content: Any) -> str:
    """A result's content: texts as they are, the rest by what it is."""
    blocks = [_block(part) for part in (_list(content) or ([content] if content else []))]
    return "\n".join(
        block["text"] or f"[{block['kind']} {block['note']}]".replace(" ]", "]") for block in blocks
    )


def _attached(kind: str, source: Document, *, name: Any) -> Document:
    """A file by its name, type and size: never its bytes, and an address is never fetched."""
    data = source.get("data", source.get("bytes"))
    if source.get("type") == "text" and isinstance(data, str):
        return _shown(kind, data, note=_text(name or "plain text"))
    if source.get("type") == "content" or "content" in source:
        return _shown(kind, _joined(source.get("content")), note=_text(name or ""))
    about = [str(about) for about in (name, source.get("media_type")) if about]
    if isinstance(data, str):
        about.append(f"{len(data) * 3 // 4:,} bytes")
    about += [str(source[place])[:500] for place in ("url", "file_id") if source.get(place)]
    return {"kind": kind, "text": "", "note": ", ".join(about)}


def _tools(document: Document) -> list[Any]:
    return _list(document.get("tools")) or _list(_object(document.get("toolConfig")).get("tools"))


def _tool_name(tool: Any) -> str:
    given = _object(tool)
    specified = _object(given.get("toolSpec")) or given
    return str(specified.get("name", "?"))[:200]


def _cut(turns: list[Document], most: int) -> int:
    """Cuts texts, the latest turns last to lose theirs, and tells how much was cut."""
    left = 0
    for turn in reversed(turns):
        for block in turn["blocks"]:
            text: str = block["text"]
            kept = text[: max(most, 0)]
            most -= len(kept)
            left += len(text) - len(kept)
            if len(kept) < len(text):
                cut = f"{len(text) - len(kept):,} characters aren't shown here"
                block["text"], block["note"] = kept, ", ".join(filter(None, (block["note"], cut)))
    return left
