"""The documents and images of a request: where they stand, and how many and how large they may be.

Rules: a limit is a row with its source and its day, since AWS changes them; those that a model has
by itself are looked up by its row in the catalog. Both halves read them here: the client to refuse
early, the local Bedrock to refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from outcrop.catalog.models import Model

Block = dict[str, Any]

_DEPTH: Final = 4


class Limit(Struct, frozen=True):
    """A limit, and who says so.

    Attributes:
        most: The largest number that passes.
        what: What it counts, for people.
        source: Where it is written.
        as_of: When that was read, ISO 8601.
    """

    most: int
    what: str
    source: str
    as_of: str = "2026-11-22"


_CONVERSE: Final = "botocore, bedrock-runtime/2023-09-30/service-2.json, documentation of Message"
_VISION: Final = "Anthropic's documentation, Vision"
_PDF: Final = "Anthropic's documentation, PDF support"

REQUEST_BYTES: Final = Limit(
    20_000_000, "bytes of a request", "Anthropic's documentation, Claude on Amazon Bedrock"
)
CONVERSE_DOCUMENTS: Final = Limit(5, "documents in a Converse request", _CONVERSE)
CONVERSE_DOCUMENT_BYTES: Final = Limit(
    4_718_592,  # 4.5 MB
    "bytes of a document in a Converse request; not of a PDF for Claude 4 and later",
    f"{_CONVERSE}; Amazon Bedrock User Guide, Using the Converse API",
)
PAGES: Final = Limit(100, "pages of PDF in a request", _PDF)
PAGES_LONG: Final = Limit(600, "pages of PDF in a request to a model of longer context", _PDF)
IMAGES: Final = Limit(100, "images and documents in a request", _VISION)
IMAGES_LONG: Final = Limit(600, "images and documents, with a longer context", _VISION)
IMAGE_BASE64: Final = Limit(
    5 * 1024 * 1024,
    "characters of an image in base64: 3.75 MiB of the image itself",
    'refusals as publicly reported ("image exceeds 5 MB maximum: 7167852 bytes > 5242880 bytes")',
)
IMAGE_PIXELS: Final = Limit(8000, "pixels of an image's width or height", _VISION)
MANY_IMAGES: Final = Limit(20, "images before each may only be smaller", _VISION)
MANY_IMAGES_PIXELS: Final = Limit(2000, "pixels of each of many images", _VISION)

#: Models with a longer context than this are those of longer context, above.
_CONTEXT: Final = 200_000
#: When the first Claude 4 models came to Bedrock (model cards of Opus 4 and Sonnet 4).
_CLAUDE_4: Final = "2025-05-22"


def most_pages(model: Model | None) -> int:
    """How many pages of PDF a request may have; as many as any model takes if it isn't known."""
    return (PAGES_LONG if model is None or model.context > _CONTEXT else PAGES).most


def most_images(model: Model | None) -> int:
    """How many images and documents a request may have; the same."""
    return (IMAGES_LONG if model is None or model.context > _CONTEXT else IMAGES).most


def most_bytes_in_converse(format: str, model: Model | None) -> int | None:  # noqa: A002 - its name in Converse
    """How large a document may be in a Converse request; None for one that has no limit."""
    limited = format != "pdf" or (model is not None and model.launch < _CLAUDE_4)
    return CONVERSE_DOCUMENT_BYTES.most if limited else None


def blocks(document: Mapping[str, Any], *kinds: str) -> Iterator[tuple[str, Block]]:
    """The blocks of a Messages request that are of some kinds, those in tool results too.

    Each with its path, such as `messages.2.content.0.tool_result.content.1`.

    Args:
        document: The request.
        kinds: Such as `image`; no `tool_result`.
    """
    for at, message in enumerate(_items(document.get("messages"))):
        for number, item in enumerate(_items(_fields(message).get("content"))):
            block = _fields(item)
            kind = block.get("type")
            if kind == "tool_result":
                yield from _in_result(f"messages.{at}.content.{number}", block, kinds, 1)
            elif kind in kinds:
                yield f"messages.{at}.content.{number}", block


def _in_result(
    path: str, result: Block, kinds: Sequence[str], depth: int
) -> Iterator[tuple[str, Block]]:
    for at, item in enumerate(_items(result.get("content"))):
        block = _fields(item)
        here, kind = f"{path}.tool_result.content.{at}", block.get("type")
        if kind == "tool_result" and depth < _DEPTH:
            yield from _in_result(here, block, kinds, depth + 1)
        elif kind in kinds:
            yield here, block


def _fields(value: object) -> Block:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] - as decoded


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else ()  # pyright: ignore[reportUnknownVariableType] - as decoded
