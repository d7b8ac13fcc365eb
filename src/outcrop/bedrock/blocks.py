"""Content blocks and tools, as Messages and as Converse write them, both directions side by side.

Rules: `PAIRS` is the mapping, and the reference page is made of it; what Converse has no place for
is an error that names it, fields that are None aside; what only Converse has stands in a Messages
request under its own name, `{"type": "guardContent", "guardContent": {…}}`, and the same in a
reply. Reading changes nothing that it doesn't know, and never refuses: that is done by whoever
reads requests, before.

Sources: botocore `bedrock-runtime/2023-09-30/service-2.json` (`ContentBlock`); Anthropic's API
reference, "Messages"; recorded Converse traffic.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from outcrop.bedrock import citations
from outcrop.bedrock.given import fields, items
from outcrop.bedrock.sources import (
    FORMATS,
    MEDIA_TYPES,
    all_used,
    decode,
    encode,
    read_source,
    refuse,
    write_source,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from outcrop.bedrock.names import Names

Document = dict[str, Any]

# What both directions share ──────────────────────────────────────────────────────────────────────


class Pair(NamedTuple):
    """A Messages block and the Converse block that says the same.

    Attributes:
        messages: `type` of the Messages block.
        converse: Member of Converse's `ContentBlock`.
        write: What goes under that member, from the block; takes what it uses out of it.
        read: The block, from what is under that member.
        note: What changes on the way.
    """

    messages: str
    converse: str
    write: Callable[[Document, str, Names], Any]
    read: Callable[[Any], Document]
    note: str = ""


def write_content(given: object, path: str, names: Names, *, cited: bool = False) -> list[Document]:
    """Converse's content blocks and cache points, from the content of a message or a result.

    Args:
        given: A string, or blocks.
        path: Where it stands, for errors.
        names: Of the request's documents.
        cited: Whether it is Claude's own, where a text may have citations, even none of them; for
            Converse that is a block of another kind, which stands nowhere else.

    Raises:
        RequestError: A block, or a field of one, has no counterpart.
    """
    if isinstance(given, str):
        return [{"text": given}]
    written: list[Document] = []
    for at, item in enumerate(items(given, path)):
        here = f"{path}.{at}"
        block = dict(fields(item, here))
        cache = block.pop("cache_control", None)
        written.append(write_block(block, here, names, cited=cited))
        if cache is not None:
            written.append(write_cache_point(cache, f"{here}.cache_control"))
    return written


def write_block(block: Document, path: str, names: Names, *, cited: bool = False) -> Document:
    """One Converse block; takes the Messages block apart, which has no `cache_control` any more.

    For the arguments see `write_content`.
    """
    kind = block.pop("type", None)
    pair = _BY_TYPE.get(str(kind))
    if pair is None:
        if block.keys() == {kind}:  # Converse's own
            return block
        refuse(
            f"{path}.type", f"is {kind!r}, which Converse has no block for.", "Use api='invoke'."
        )
    if kind == "text" and (block.get("citations") or (cited and block.get("citations") == [])):
        pair = _BY_MEMBER["citationsContent"]
    written = pair.write(block, path, names)
    all_used(block, path)
    return {pair.converse: written}


def read_content(given: list[Document]) -> list[Document]:
    """Messages blocks, from Converse's content blocks and cache points."""
    content: list[Document] = []
    for block in given:
        if "cachePoint" in block and takes_cache_point(content):
            content[-1]["cache_control"] = read_cache_point(block["cachePoint"])
        else:
            content.append(read_block(block))
    return content


def takes_cache_point(read: list[Document]) -> bool:
    """Whether a cache point can belong to the last block or tool that was read.

    One that comes first, or right after another, belongs to none, and stands under its own name.
    """
    return bool(read) and "cache_control" not in read[-1] and read[-1].get("type") != "cachePoint"


def read_block(block: Document) -> Document:
    """One Messages block, from a Converse block."""
    member = next(iter(block), "")
    value = block.get(member)
    pair = _BY_MEMBER.get(member)
    if pair is None or not isinstance(value, str if member == "text" else dict):
        return {"type": member, **block}
    return pair.read(value) | _rest(block, member)


def unguarded(block: Document) -> Document:
    """A block as the model gets it: what is marked for a guardrail without its mark."""
    if block["type"] != "guardContent":
        return block
    marked: Document = block["guardContent"]
    inner = {"text": marked["text"]["text"]} if "text" in marked else marked
    return read_block(inner) | {name: block[name] for name in ("cache_control",) if name in block}


# Cache points ────────────────────────────────────────────────────────────────────────────────────


def write_cache_point(given: object, path: str) -> Document:
    """The cache point that comes after what has this `cache_control`."""
    cache = {name: value for name, value in fields(given, path).items() if value is not None}
    if cache.pop("type", None) != "ephemeral":
        refuse(f"{path}.type", "isn't 'ephemeral'.", "Write {'type': 'ephemeral'}.")
    point: Document = {"type": "default"}
    if "ttl" in cache:
        point["ttl"] = cache.pop("ttl")
    all_used(cache, path)
    return {"cachePoint": point}


def read_cache_point(point: Document) -> Document:
    """The `cache_control` of what comes before a cache point."""
    return {"type": "ephemeral", **{name: point[name] for name in ("ttl",) if name in point}}


# Texts ───────────────────────────────────────────────────────────────────────────────────────────


def _write_text(block: Document, _path: str, _names: Names) -> Any:
    block.pop("citations", None)  # none, or this would be a cited text
    return block.pop("text", None)


def _read_text(text: str) -> Document:
    return {"type": "text", "text": text}


def _write_cited(block: Document, path: str, _names: Names) -> Document:
    given = items(block.pop("citations", None), f"{path}.citations")
    return {
        "content": [{"text": block.pop("text", None)}],
        "citations": [
            citations.write(citation, f"{path}.citations.{at}") for at, citation in enumerate(given)
        ],
    }


def _read_cited(value: Document) -> Document:
    content: list[Document] = value.get("content") or []
    cited: list[Document] = value.get("citations") or []
    return {
        "type": "text",
        "text": "".join(part.get("text") or "" for part in content),
        "citations": [citations.read(citation) for citation in cited],
        **_rest(value, "content", "citations"),
    }


# Images, documents, search results ───────────────────────────────────────────────────────────────


def _write_image(block: Document, path: str, _names: Names) -> Document:
    source = dict(fields(block.pop("source", None), f"{path}.source"))
    media_type = source.pop("media_type", "")
    written = {"source": write_source(source, f"{path}.source")}
    return {"format": str(media_type).removeprefix("image/"), **written}


def _read_image(value: Document) -> Document:
    source = read_source(value.get("source") or {})
    source["media_type"] = f"image/{value.get('format')}"
    return {"type": "image", "source": source} | _rest(value, "format", "source")


def _write_document(block: Document, path: str, names: Names) -> Document:
    source = dict(fields(block.pop("source", None), f"{path}.source"))
    kind, media_type = source.get("type"), str(source.pop("media_type", "") or "")
    written: Document = {}
    if kind == "content":
        parts = write_content(source.get("content"), f"{path}.source.content", names)
        for at, part in enumerate(parts):
            if "text" not in part:
                refuse(
                    f"{path}.source.content.{at}", "isn't text, which is all that Converse takes."
                )
        where: Document = {"content": parts}
    else:
        if kind == "text":  # Converse takes the text of a document as bytes
            source = {"type": "base64", "data": encode(str(source.get("data", "")))}
        written["format"] = FORMATS.get(media_type, media_type)
        where = write_source(source, f"{path}.source")
    written["name"] = names.name(block.pop("title", None), format=written.get("format", ""))
    written["source"] = where
    for name in ("context", "citations"):
        if (value := block.pop(name, None)) is not None:
            written[name] = value
    return written


def _read_document(value: Document) -> Document:
    given: Document = value.get("source") or {}
    format_ = value.get("format")
    if "content" in given:
        source: Document = {"type": "content", "content": read_content(given["content"])}
    elif "text" in given:
        source = {"type": "text", "media_type": "text/plain", "data": given["text"]}
    else:
        source = read_source(given)
        source["media_type"] = MEDIA_TYPES.get(str(format_), str(format_))
        text = decode(source.get("data")) if format_ == "txt" else None
        if text is not None:
            source = {"type": "text", "media_type": "text/plain", "data": text}
    read: Document = {"type": "document", "source": source, "title": value.get("name")}
    return _rest(value, "format", "name", "source", "title") | read


def _write_search_result(block: Document, path: str, names: Names) -> Document:
    written = {name: block.pop(name) for name in ("source", "title") if name in block}
    content = write_content(block.pop("content", None), f"{path}.content", names)
    for at, part in enumerate(content):
        if part.keys() != {"text"}:
            refuse(f"{path}.content.{at}", "isn't plain text, which is all that Converse takes.")
    written["content"] = content
    if (value := block.pop("citations", None)) is not None:
        written["citations"] = value
    return written


def _read_search_result(value: Document) -> Document:
    given: list[Document] = value.get("content") or []
    content = [_read_text(part.get("text") or "") for part in given]
    return {"type": "search_result", **_rest(value, "content"), "content": content}


# Tools ───────────────────────────────────────────────────────────────────────────────────────────


def _write_tool_use(block: Document, _path: str, _names: Names) -> Document:
    if block.get("caller") == {"type": "direct"}:  # which is all that Converse knows
        del block["caller"]
    theirs = {"toolUseId": "id", "name": "name", "input": "input"}
    return {name: block.pop(ours) for name, ours in theirs.items() if ours in block}


def _write_server_tool_use(block: Document, path: str, names: Names) -> Document:
    return {**_write_tool_use(block, path, names), "type": "server_tool_use"}


def _read_tool_use(value: Document) -> Document:
    kind = "server_tool_use" if value.get("type") == "server_tool_use" else "tool_use"
    read = {"type": kind, "id": value.get("toolUseId"), "name": value.get("name")}
    return {
        **read,
        "input": value.get("input"),
        **_rest(value, "toolUseId", "name", "input", "type"),
    }


def _write_tool_result(block: Document, path: str, names: Names) -> Document:
    content = write_content(block.pop("content", None), f"{path}.content", names)
    for at, part in enumerate(content):
        if "cachePoint" in part:
            refuse(
                f"{path}.content.{at - 1}.cache_control",
                "stands inside a tool result, where Converse has no cache points.",
                "Put it on the tool_result itself.",
            )
        if "toolUse" in part or "citationsContent" in part:
            refuse(f"{path}.content.{at}", "can't stand in a tool result of Converse.")
    written: Document = {"toolUseId": block.pop("tool_use_id", None), "content": content}
    if block.pop("is_error", None):
        written["status"] = "error"
    return written


def _read_tool_result(value: Document) -> Document:
    given: list[Document] = value.get("content") or []
    content = [_read_part(part) for part in given]
    read: Document = {"type": "tool_result", "tool_use_id": value.get("toolUseId")}
    read["content"] = content
    if value.get("status") == "error":
        read["is_error"] = True
    return read | _rest(value, "content", "status", "toolUseId", "type")


def _read_part(part: Document) -> Document:
    """A block of a tool result; how Bedrock hands JSON on isn't published: here as text (?)."""
    if "json" not in part:
        return read_block(part)
    return _read_text(json.dumps(part["json"], ensure_ascii=False, separators=(",", ":")))


# Thinking ────────────────────────────────────────────────────────────────────────────────────────


def _write_thinking(block: Document, _path: str, _names: Names) -> Document:
    theirs = {"text": "thinking", "signature": "signature"}
    return {"reasoningText": {name: block.pop(k) for name, k in theirs.items() if k in block}}


def _read_reasoning(value: Document) -> Document:
    if "redactedContent" in value:
        return read_redacted([value["redactedContent"]])
    inner: Document = value.get("reasoningText") or {}
    read = {"type": "thinking", "thinking": inner.get("text")}
    return {**read, "signature": inner.get("signature") or "", **_rest(inner, "text", "signature")}


def _write_redacted(block: Document, _path: str, _names: Names) -> Document:
    return {"redactedContent": encode(str(block.pop("data", "")))}


def read_redacted(pieces: list[Any]) -> Document:
    """The block of redacted thinking, from the pieces of `redactedContent`."""
    texts = [decode(piece) for piece in pieces]
    data = [piece if text is None else text for piece, text in zip(pieces, texts, strict=True)]
    return {"type": "redacted_thinking", "data": "".join(map(str, data))}


def _rest(value: Document, *known: str) -> Document:
    """What else there is, which comes through; never over what a Messages block has by itself."""
    return {name: item for name, item in value.items() if name not in known and name != "type"}


# The table ───────────────────────────────────────────────────────────────────────────────────────

PAIRS: Final = (
    Pair("text", "text", _write_text, _read_text),
    Pair("text", "citationsContent", _write_cited, _read_cited, "a text that has `citations`"),
    Pair(
        "image",
        "image",
        _write_image,
        _read_image,
        '`media_type` is `format`; a place in S3 is `{"type": "s3", "uri": …}` in Messages',
    ),
    Pair(
        "document",
        "document",
        _write_document,
        _read_document,
        "`title` is `name`, unique and in Converse's letters; plain text goes as bytes; without "
        "`citations` Bedrock extracts text and shows the model nothing else",
    ),
    Pair("search_result", "searchResult", _write_search_result, _read_search_result),
    Pair("tool_use", "toolUse", _write_tool_use, _read_tool_use),
    Pair(
        "server_tool_use",
        "toolUse",
        _write_server_tool_use,
        _read_tool_use,
        "with `type`",
    ),
    Pair(
        "tool_result",
        "toolResult",
        _write_tool_result,
        _read_tool_result,
        '`is_error` is `status: "error"`; `json` is read as text',
    ),
    Pair("thinking", "reasoningContent", _write_thinking, _read_reasoning, "`reasoningText`"),
    Pair(
        "redacted_thinking",
        "reasoningContent",
        _write_redacted,
        _read_reasoning,
        "`redactedContent`, base64 of `data`",
    ),
)
_BY_TYPE: Final = {pair.messages: pair for pair in reversed(PAIRS)}
_BY_MEMBER: Final = {pair.converse: pair for pair in reversed(PAIRS)}
