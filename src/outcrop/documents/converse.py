"""The same blocks in Converse's own shape, for `client.converse` and boto3; and names for them.

Rules: the mapping is that of the client (`outcrop.bedrock.blocks`), with bytes instead of base64 as
boto3 has it; a name that was chosen is changed only on request, one that comes from a title always.

Source: botocore `bedrock-runtime/2023-09-30/service-2.json` (`DocumentBlock`, `ImageBlock`).
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from outcrop.bedrock import names
from outcrop.bedrock.blocks import write_content
from outcrop.bedrock.boto3_shapes import with_blobs
from outcrop.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FALLBACK = "Document"


def converse_content(*parts: str | Mapping[str, Any]) -> list[dict[str, Any]]:
    """The `content` of a Converse message, from texts and blocks of the Messages API.

    Documents get names of their own, in the letters that Converse allows; a `cache_control` becomes
    a cache point.

    Args:
        parts: Texts, and blocks such as `pdf` and `image` make them.

    Raises:
        RequestError: A block has no counterpart in Converse, or its data isn't base64.
    """
    given = [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]
    return with_blobs(write_content(given, "content", names.Names()), _decoded)


def converse_block(
    block: Mapping[str, Any], *, name: str | None = None, repair_name: bool = False
) -> dict[str, Any]:
    """One block of Converse, such as `{"document": {"format": "pdf", "name": …, "source": …}}`.

    Args:
        block: A block of the Messages API, such as `pdf` and `image` make them.
        name: The name of a document, which must be its own in a request. Without one, it is the
            title in the letters that Converse allows.
        repair_name: Whether a name with other letters may be changed.

    Raises:
        RequestError: The name isn't allowed, or the block has no counterpart in Converse.
    """
    written = converse_content(block)
    if len(written) != 1:
        raise RequestError(
            "block.cache_control becomes a block of its own in Converse.",
            mend="Use documents.converse_content(…).",
        )
    document = written[0].get("document")
    if name is not None and document is not None:
        if not names.is_safe(name):
            if not repair_name:
                raise RequestError(
                    f"name={name!r:.80} can't be a document's: Converse allows up to "
                    f"{names.LONGEST} letters, digits, single spaces, hyphens, underscores, "
                    "parentheses and square brackets.",
                    mend=f"Use {safe_name(name)!r:.80}, or repair_name=True.",
                )
            name = safe_name(name)
        document["name"] = name
    return written[0]


def safe_name(title: str) -> str:
    """The nearest name that Converse takes for a document; "Document" if nothing is left of it."""
    return names.safe(title) or _FALLBACK


def unique_names(titles: Iterable[str]) -> list[str]:
    """A name for each title that Converse takes, no two of them the same."""
    made = names.Names()
    return [made.name(title) for title in titles]


def _decoded(data: str, name: str) -> bytes:
    """Bytes in place of base64, as boto3's shapes have them."""
    try:
        return b64decode(data, validate=True)
    except ValueError as error:
        raise RequestError(
            f"The data of a block, which is {name} in Converse, isn't base64: {error}.",
            mend="Use documents.pdf, .image and so on, which encode it.",
        ) from None
