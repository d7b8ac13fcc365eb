"""Converse's text mode: what the model sees of a document that citations aren't enabled on.

Bedrock takes the text out of such a document and puts it into the prompt, so that the model sees
neither pages nor pictures, and only the text is charged for ("Converse Document Chat"); enabling
citations on a PDF gives it to the model as it is ("Claude PDF Chat").

Rules: no block is added or taken away, a document becomes one text block in its place; a document
that can't be read is refused in the words of Converse, without its prefix.

Sources: Anthropic's documentation, "PDF support", "Amazon Bedrock PDF support"; recorded traffic
for the tags around an older model's document (what later models see isn't published (?)); refusals
as publicly reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outcrop.bedrock import pdfs
from outcrop.bedrock.sources import FORMATS
from outcrop.errors import ValidationException
from outcrop.server import formats, pdfium
from outcrop.server.documents import UnreadableError, changed, decoded, read_pdf

if TYPE_CHECKING:
    from collections.abc import Mapping

Block = dict[str, Any]

UNPARSABLE: Final = (
    "{path}.source.bytes: The document source bytes could not be parsed as the specified format. "
    "If using a text-based format, try source.text instead of source.bytes."
)


def inline(document: Mapping[str, Any]) -> Block:
    """The Messages request with each document without citations turned into its text.

    Args:
        document: What `outcrop.bedrock.converse.read_ask` made of a Converse request.

    Raises:
        ValidationException: A document isn't of its format.
        OverdueError: The request's deadline has passed.
    """
    count = 0

    def change(path: str, block: Block) -> Block:
        nonlocal count
        citations: Block = block.get("citations") or {}
        source: Block = block.get("source") or {}
        if block.get("type") != "document" or citations.get("enabled") or "uri" in source:
            return block
        count += 1
        cache = {name: block[name] for name in ("cache_control",) if name in block}
        return {"type": "text", "text": _written(block, path, count), **cache}

    return changed(document, change)


def _written(block: Block, path: str, index: int) -> str:
    source: Block = block["source"]
    format_ = FORMATS.get(str(source.get("media_type")), "")
    title = ".".join(part for part in (block.get("title"), format_) if part)
    context = block.get("context")
    about = f"<document_context>{context}</document_context>\n" if context else ""
    return (
        f'<document index="{index}">\n<source>{title}</source>\n{about}<document_content>\n'
        f"{_text(source, format_, path)}\n</document_content>\n</document>"
    )


def _text(source: Block, format_: str, path: str) -> str:
    if source.get("type") == "text":
        return str(source.get("data") or "")
    if source.get("type") == "content":
        return "\n\n".join(str(part.get("text") or "") for part in source.get("content") or ())
    data = decoded(source)
    if format_ == "pdf":
        return _pdf_text(data, path)
    try:
        return formats.read(data, format_)
    except formats.UnparsableError:
        raise ValidationException(UNPARSABLE.format(path=path)) from None


def _pdf_text(data: bytes, path: str) -> str:
    try:
        texts = read_pdf(data)
    except UnreadableError:
        raise ValidationException(f"{path}.{pdfs.CONVERSE}: {pdfs.NOT_VALID}") from None
    if not pdfium.is_installed():
        # What stands in for a text that this machine can't read, in so many words.
        pages = len(texts)
        count = f"{pages} page{'s' * (pages != 1)}, {len(data):,} bytes"
        return f"[A PDF of {count}. Its text isn't read here.]"
    return "\n\n".join(text for text in texts if text)
