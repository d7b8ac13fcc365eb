"""What the model refuses of the PDFs in a request, in its words.

Rules: nothing is decoded beyond what the preflight looks at; pages are counted over the whole
request; InvokeModel and Converse name the place of a PDF each in its own way.

Sources: refusals as publicly reported ("messages.2.content.0.pdf.source.base64.data: The PDF
specified was not valid." of Anthropic's API, "messages.0.content.1.image.source.bytes: …" of
Converse, which calls the place that of an image); Anthropic's documentation, "PDF support" (no
encryption). The place before the text of an encrypted PDF is that of a bad one (?).
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final

from outcrop.bedrock import attachments
from outcrop.bedrock.conversation import fields
from outcrop.errors import ValidationException
from outcrop.messages import pdf

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INVOKE: Final = "pdf.source.base64.data"
CONVERSE: Final = "image.source.bytes"

NOT_VALID: Final = "The PDF specified was not valid."
ENCRYPTED: Final = "The PDF specified is password protected."
#: It looks like one, but can't be read (?).
NOT_PROCESSED: Final = "Could not process PDF"
TOO_MANY: Final = "A maximum of {most} PDF pages may be provided."


def check(document: Mapping[str, Any], *, most: int | None, place: str = INVOKE) -> None:
    """Nothing, if the PDFs of a request are in order.

    Args:
        document: The Messages request, its blocks checked already.
        most: How many pages it may have; None if their number doesn't matter, since only their
            text is looked at.
        place: What a dialect calls the place of a PDF's bytes.

    Raises:
        ValidationException: The model would refuse it.
    """
    pages = 0
    for path, data in _pdfs(document):
        found = pdf.preflight(data)
        if found.encrypted:
            raise ValidationException(f"{path}.{place}: {ENCRYPTED}")
        if not found.is_pdf or not (found.pages or found.capped):
            raise ValidationException(f"{path}.{place}: {NOT_VALID}")
        pages += found.pages
    if most is not None and pages > most:
        raise ValidationException(TOO_MANY.format(most=most))


def _pdfs(document: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Each PDF with the path of its block."""
    for path, block in attachments.blocks(document, "document"):
        source = fields(block.get("source"))
        if source.get("media_type") == "application/pdf":
            yield path, _decoded(source.get("data"))


def _decoded(data: object) -> bytes:
    try:
        return b64decode(data) if isinstance(data, str) else b""
    except ValueError:
        return b""
