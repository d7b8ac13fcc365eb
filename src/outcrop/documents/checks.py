"""Whether the documents and images of a whole request go together, before it is sent.

Rules: what Bedrock or the model would refuse is told with its path and the mend; where limits
differ between models, a model that isn't named is taken to have the higher one; pages are counted
by the preflight, which may find more than there are in a PDF that was edited.

Sources: those of `outcrop.bedrock.attachments`.
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any, cast

from outcrop.bedrock import attachments
from outcrop.bedrock.count import find_model
from outcrop.bedrock.sources import FORMATS
from outcrop.documents import modes
from outcrop.errors import RequestError
from outcrop.messages import pdf
from outcrop.messages.media import image_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from outcrop.catalog.models import Model
    from outcrop.documents.modes import Api

_HEAD = 1 << 18  # base64 enough to tell an image's size

_Blocks = list[tuple[str, dict[str, Any]]]


def check(
    messages: Iterable[Mapping[str, Any]], *, api: Api | None = None, model: str | None = None
) -> None:
    """Nothing, if the documents and images of a request are within Bedrock's limits.

    Looked at are how many there are, the pages of all PDFs together, the size of the whole, and
    for Converse the size of each document and the text that must stand beside it.

    Args:
        messages: As for `messages.create`.
        api: The API that it goes over; with None, Converse's own limits aren't looked at.
        model: The model that it is for, in any spelling.

    Raises:
        RequestError: Bedrock would refuse it.
    """
    modes.check_api(api)
    request = {"messages": [dict(message) for message in messages]}
    found = list(attachments.blocks(request, "document", "image"))
    documents = [(path, block) for path, block in found if block.get("type") == "document"]
    images = [(path, block) for path, block in found if block.get("type") == "image"]
    row = find_model(model) if model else None
    _check_count(len(images), len(documents), row)
    _check_images(images)
    _check_pages(documents, row, api)
    if api == "converse":
        _check_converse(request["messages"], documents, row)
    size = sum(len(_data(block)) for _, block in found)
    if size > (most := attachments.REQUEST_BYTES.most):
        raise RequestError(
            f"The documents and images have {size:,} bytes in base64, and a request may have "
            f"{most:,}.",
            mend="Send fewer at a time, or smaller ones.",
        )


def _check_count(images: int, documents: int, model: Model | None) -> None:
    most = attachments.most_images(model)
    if images + documents > most:
        raise RequestError(
            f"messages have {images} images and {documents} documents, and a request may have "
            f"{most}.",
            mend="Send fewer at a time.",
        )


def _check_images(images: _Blocks) -> None:
    many = attachments.MANY_IMAGES.most
    limit = attachments.MANY_IMAGES_PIXELS if len(images) > many else attachments.IMAGE_PIXELS
    for path, block in images:
        size = image_size(_decoded(_data(block)[:_HEAD]))
        if size is not None and max(size) > limit.most:
            which = f"more than {many} images" if len(images) > many else "an image"
            raise RequestError(
                f"{path} has {size[0]:,} by {size[1]:,} pixels, and with {which} in a request "
                f"{limit.most:,} a side are the most.",
                mend="Scale it down.",
            )


def _check_pages(documents: _Blocks, model: Model | None, api: Api | None) -> None:
    pages = 0
    for path, block in documents:
        source: dict[str, Any] = block.get("source") or {}
        citations: dict[str, Any] = block.get("citations") or {}
        as_text = api == "converse" and not citations.get("enabled")
        if source.get("media_type") != "application/pdf" or "data" not in source:
            continue
        found = pdf.preflight(_decoded(_data(block)))
        if found.encrypted or not found.is_pdf:
            what = "is encrypted" if found.encrypted else "is no PDF"
            raise RequestError(f"{path} {what}.", mend="Claude reads only PDFs that are neither.")
        pages += 0 if as_text else found.pages
    if pages > (most := attachments.most_pages(model)):
        raise RequestError(
            f"The PDFs have {pages:,} pages together, and a request may have {most}.",
            mend="Send fewer at a time, or over Converse with mode='text'.",
        )


def _check_converse(
    messages: list[dict[str, Any]], documents: _Blocks, model: Model | None
) -> None:
    most = attachments.CONVERSE_DOCUMENTS.most
    if len(documents) > most:
        raise RequestError(
            f"messages have {len(documents)} documents, and a Converse request may have {most}.",
            mend="Join some, send fewer at a time, or use api='invoke'.",
        )
    for path, block in documents:
        source: dict[str, Any] = block.get("source") or {}
        kind = FORMATS.get(str(source.get("media_type")), "txt")
        size = len(_data(block))
        size = size if source.get("type") == "text" else size * 3 // 4
        limit = attachments.most_bytes_in_converse(kind, model)
        if limit is not None and size > limit:
            raise RequestError(
                f"{path} has about {size:,} bytes, and Converse takes {limit:,} of a {kind}.",
                mend="Split it, or send its text.",
            )
    for at, message in enumerate(messages):
        content: object = message.get("content")
        if not isinstance(content, list):
            continue
        kinds = {block.get("type") for block in cast("list[dict[str, Any]]", content)}
        if "document" in kinds and not kinds & {"text", "tool_result"}:
            raise RequestError(
                f"messages.{at}.content has a document without a text, which Converse refuses.",
                mend="Put a text block beside it: what is to be done with the document?",
            )


def _data(block: dict[str, Any]) -> str:
    source = block.get("source")
    data: object = cast("dict[str, Any]", source).get("data") if isinstance(source, dict) else None
    return data if isinstance(data, str) else ""


def _decoded(data: str) -> bytes:
    try:
        return b64decode(data)
    except ValueError:
        return b""
