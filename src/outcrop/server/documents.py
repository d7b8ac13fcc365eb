"""The documents and search results of a Messages request, read: what an actor can answer from.

Rules: a PDF that can't be opened raises, as does one that isn't read in time, and nothing else
does: what can't be read has no parts;
documents are numbered through the whole request, tool results included, and search results by
themselves, as citations number them; a text block that is nothing but `<document index="…">` around
a `<document_content>` (Anthropic's own advice for long documents, and what Converse makes of a
document without citations) is a document without citations.

Source: Anthropic's API reference, "Citations", "PDF support", "Search results", "Long context
prompting tips".
"""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from outcrop.messages import pdf
from outcrop.server import formats, pdfium
from outcrop.server.pdfium import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
    "Source",
    "UnreadableError",
    "as_text",
    "changed",
    "decoded",
    "is_inlined",
    "read",
    "read_pdf",
]

Block = dict[str, Any]
Kind = Literal["pdf", "text", "content", "search_result"]

_OPENING: Final = '<document index="'
_HEAD = re.compile(
    r'<document index="[^"\n]{0,20}">\s*(?:<source>(?P<title>[^\n]{0,400}?)</source>\s*)?'
)
_BLANKS = re.compile(r"\s*")
_CONTEXT: Final = ("<document_context>", "</document_context>")
_CONTENT: Final = ("<document_content>", "</document_content>")
_DEPTH: Final = 4


@dataclass(frozen=True, slots=True)
class Source:
    """One document or search result of a request.

    Attributes:
        index: Its number among the documents, or among the search results, from 0; -1 for a
            document that stands inlined in a text.
        kind: What it is made of.
        title: Its title, if it has one.
        parts: The texts of its pages (`pdf`) or blocks (`content`, `search_result`), or its one
            text; nothing of what can't be read, but as many empty pages as a PDF has.
        cite: Whether citations are asked for.
        origin: Where a search result comes from (`source`).
        last: Whether it stands in the last message of the user.
    """

    index: int
    kind: Kind
    title: str | None
    parts: tuple[str, ...]
    cite: bool
    origin: str = ""
    last: bool = False

    @property
    def text(self) -> str:
        """All of it, an empty line between parts."""
        return "\n\n".join(part for part in self.parts if part)


def read(document: Mapping[str, Any]) -> tuple[Source, ...]:
    """The documents and search results of a Messages request, in order.

    A PDF takes some milliseconds a page: run it in a thread.

    Raises:
        UnreadableError: A PDF can't be opened.
        OverdueError: The request's deadline has passed.
    """
    found: list[Source] = []
    counts = {"document": 0, "search_result": 0}
    messages = _items(document.get("messages"))
    backwards = range(len(messages) - 1, -1, -1)
    asked = next((at for at in backwards if _fields(messages[at]).get("role") == "user"), -1)
    for at, message in enumerate(messages):
        for block in _blocks(_fields(message).get("content")):
            kind = block.get("type")
            if kind == "text":
                if inlined := _read_inlined(block, at == asked):
                    found.append(inlined)
            elif isinstance(kind, str) and kind in counts:
                read_one = _read_document if kind == "document" else _read_search_result
                found.append(read_one(block, counts[kind], at == asked))
                counts[kind] += 1
    return tuple(found)


def is_inlined(block: Mapping[str, Any]) -> bool:
    """Whether a text block is nothing but a document."""
    return _inlined(block) is not None


def _inlined(block: Mapping[str, Any]) -> tuple[str | None, str] | None:
    """Title and text of a document that stands as text; each tag is looked for once."""
    text = block.get("text") if block.get("type") == "text" else None
    if not isinstance(text, str) or not text.startswith(_OPENING):
        return None
    whole = text.rstrip()
    inside = whole.removesuffix("</document>").rstrip()
    head = _HEAD.match(text)
    if head is None or not whole.endswith("</document>") or not inside.endswith(_CONTENT[1]):
        return None
    at = head.end()
    if text.startswith(_CONTEXT[0], at):
        if (close := text.find(_CONTEXT[1], at)) < 0:
            return None
        at = _skip(text, close + len(_CONTEXT[1]))
    start, stop = at + len(_CONTENT[0]), len(inside) - len(_CONTENT[1])
    if not text.startswith(_CONTENT[0], at) or stop < start:
        return None
    return head["title"], text[start:stop].removeprefix("\n")


def _skip(text: str, at: int) -> int:
    """Where the blanks end that begin at a place."""
    found = _BLANKS.match(text, at)
    return at if found is None else found.end()


def as_text(document: Mapping[str, Any], sources: Sequence[Source]) -> Block:
    """The same request with the text of each PDF in its place, for those who read text only.

    Args:
        document: The request.
        sources: What `read` made of it.
    """
    texts = {source.index: source for source in sources if source.kind == "pdf"}
    count = iter(range(1 << 30))

    def change(_path: str, block: Block) -> Block:
        if block.get("type") != "document" or (source := texts.get(next(count))) is None:
            return block
        data = source.text or f"[a PDF of {len(source.parts)} pages without readable text]"
        return {**block, "source": {"type": "text", "media_type": "text/plain", "data": data}}

    return changed(document, change)


def changed(document: Mapping[str, Any], change: Callable[[str, Block], Block]) -> Block:
    """The request with its blocks changed, those in tool results too; the given one isn't touched.

    Args:
        document: A Messages request.
        change: Gives the new block; gets its path, such as `messages.0.content.1`, and the old one.
    """
    messages = document.get("messages")
    if not isinstance(messages, list):
        return dict(document)
    new: list[object] = []
    for at, message in enumerate(cast("list[object]", messages)):
        if isinstance(message, dict):
            given = cast("Block", message)
            content = _changed(f"messages.{at}.content", given.get("content"), change, 0)
            new.append({**given, "content": content} if "content" in given else given)
        else:
            new.append(message)
    return {**document, "messages": new}


def _changed(path: str, content: object, change: Callable[[str, Block], Block], depth: int) -> Any:
    if not isinstance(content, list) or depth > _DEPTH:
        return cast("object", content)
    new: list[Any] = []
    for at, item in enumerate(cast("list[object]", content)):
        if not isinstance(item, dict):
            new.append(item)
            continue
        here = f"{path}.{at}"
        block = cast("Block", item)
        if block.get("type") == "tool_result":
            inner = _changed(f"{here}.tool_result.content", block.get("content"), change, depth + 1)
            new.append({**block, "content": inner} if "content" in block else block)
        else:
            new.append(change(here, block))
    return new


def decoded(source: object) -> bytes:
    """The bytes of a base64 source; empty if there are none."""
    data = _fields(source).get("data")
    try:
        return b64decode(data) if isinstance(data, str) else b""
    except ValueError:
        return b""


def read_pdf(data: bytes) -> tuple[str, ...]:
    """The text of each page of a PDF; empty pages if PDFium isn't there.

    Raises:
        UnreadableError: PDFium can't open it.
        OverdueError: There was no time left for it.
    """
    found = pdf.preflight(data)
    pages = pdfium.PAGES if found.capped else found.pages
    texts = pdfium.read(data, pages=pages)
    return ("",) * pages if texts is None else texts


def _read_document(block: Block, index: int, last: bool) -> Source:  # noqa: FBT001 - as in `read`
    source = _fields(block.get("source"))
    kind: Kind = "text"
    parts: tuple[str, ...] = ()
    if source.get("type") == "text":
        parts = (str(source.get("data") or ""),)
    elif source.get("type") == "content":
        kind = "content"
        parts = _texts(source.get("content"))
    elif source.get("media_type") == "application/pdf":
        kind = "pdf"
        parts = read_pdf(decoded(source))
    elif data := decoded(source):
        parts = (formats.read(data, "txt"),) if b"\0" not in data else ()
    title = block.get("title")
    return Source(
        index=index,
        kind=kind,
        title=title if isinstance(title, str) else None,
        parts=parts,
        cite=_is_cited(block),
        last=last,
    )


def _read_search_result(block: Block, index: int, last: bool) -> Source:  # noqa: FBT001 - the same
    title = block.get("title")
    return Source(
        index=index,
        kind="search_result",
        title=title if isinstance(title, str) else None,
        parts=_texts(block.get("content")),
        cite=_is_cited(block),
        origin=str(block.get("source") or ""),
        last=last,
    )


def _read_inlined(block: Block, last: bool) -> Source | None:  # noqa: FBT001 - the same
    if (found := _inlined(block)) is None:
        return None
    title, text = found
    return Source(index=-1, kind="text", title=title, parts=(text.strip(),), cite=False, last=last)


def _is_cited(block: Block) -> bool:
    return _fields(block.get("citations")).get("enabled") is True


def _texts(content: object) -> tuple[str, ...]:
    """A text for each block, so that blocks keep their numbers; a string is one block."""
    if isinstance(content, str):
        return (content,)
    texts = (_fields(item).get("text") for item in _items(content))
    return tuple(text if isinstance(text, str) else "" for text in texts)


def _blocks(content: object, depth: int = 0) -> Iterator[Block]:
    """All blocks of some content, those of tool results in their place; a string is one block."""
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    for item in _items(content):
        block = _fields(item)
        if block.get("type") == "tool_result" and depth <= _DEPTH:
            yield from _blocks(block.get("content"), depth + 1)
        elif block:
            yield block


def _fields(value: object) -> Block:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] - as decoded


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType] - as decoded
