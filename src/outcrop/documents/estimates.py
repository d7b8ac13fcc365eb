"""About how many input tokens a document or an image will cost: an estimate, always.

Rules: the estimator is that of the house (`outcrop.messages.tokens`), and the text of a document is
taken out as the local Bedrock does it. A PDF's text is read if pypdfium2 is installed (the extra
`pdf`); otherwise its pages are counted at the figures that are published.

Sources: Anthropic's documentation, "PDF support": each page typically uses 1,500 to 3,000 tokens of
text, and its picture comes on top; over Bedrock's Converse, about 1,000 tokens for a PDF of 3 pages
as text, about 7,000 visually. "Vision": what an image costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

from outcrop.bedrock.count import find_model
from outcrop.documents import blocks, modes
from outcrop.documents.files import format_of, read
from outcrop.errors import RequestError
from outcrop.messages import prompt_tokens, tokens
from outcrop.messages.media import image_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.documents.files import File, Source
    from outcrop.documents.modes import Mode


class _Range(NamedTuple):
    low: int
    likely: int
    high: int


#: A page of text that can't be read: 1,000 tokens for 3 pages, and 1,500 to 3,000 for one.
_PAGE_TEXT: Final = _Range(333, 1500, 3000)
#: A page's picture: what is left of 7,000 for 3 pages without their text; low and high are ours.
_PAGE_IMAGE: Final = _Range(1500, 2000, 3000)


@dataclass(frozen=True, slots=True)
class DocumentEstimate:
    """About how many input tokens something costs.

    Attributes:
        tokens: The figure to reckon with.
        low: It will hardly be less.
        high: It will hardly be more: the figure for "does it fit?".
        mode: What Claude sees of it: "visual" (pages, or an image) or "text".
        pages: Of a PDF; None for anything else.
        basis: Whether its text was read ("text"), pages were counted ("pages"), or an image was
            measured ("size").
    """

    tokens: int
    low: int
    high: int
    mode: Mode
    pages: int | None
    basis: Literal["text", "pages", "size"]


def estimate(
    source: Source,
    *,
    mode: Mode = "visual",
    model: str | None = None,
    format: str | None = None,  # noqa: A002 - Converse's own name for it
) -> DocumentEstimate:
    """About how many input tokens a document or an image costs. Nothing is sent.

    A PDF takes some milliseconds a page.

    Args:
        source: A path, bytes, or a file opened with 'rb'.
        mode: What Claude is to see of a PDF: "visual" (over InvokeModel, and over Converse
            with citations) or "text" (over Converse without).
        model: The model that it is for; the newest generation's tokenizer if not given, which
            counts more than the older one.
        format: As in `document`.

    Raises:
        RequestError: It can't be sent at all.
        OSError: It can't be read.
    """
    found = find_model(model) if model else None
    generation = found.tokenizer if found else "4.7"
    file = read(source)
    if image_type(file.data):
        block = blocks.image(file.data, check=False)
        count = _count(cast("dict[str, Any]", block), generation)
        return DocumentEstimate(count, count, count, "visual", None, "size")
    kind = format_of(file, format)
    if kind != "pdf":
        text = _extract(file, kind) or ""
        return _sum(text, generation, "text", None)
    modes.pdf_citations(mode, None, None)  # is there such a mode?
    pages = max(1, blocks.check_pdf(file, mode="text", model=None).pages)
    text = _extract(file, kind)
    return _sum(text, generation, mode, pages)


def _sum(
    text: str | None, generation: tokens.Generation, mode: Mode, pages: int | None
) -> DocumentEstimate:
    if text is None:
        words = _Range(*(tokens_ * (pages or 0) for tokens_ in _PAGE_TEXT))
    else:
        count, error = tokens.estimate(text, generation=generation), tokens.ERRORS[generation]
        words = _Range(int(count / (1 + error)), count, ceil(count / (1 - error)))
    pictures = pages if pages and mode == "visual" else 0
    low, likely, high = (
        word + pictures * picture for word, picture in zip(words, _PAGE_IMAGE, strict=True)
    )
    basis = "pages" if text is None else "text"
    return DocumentEstimate(likely, low, high, mode, pages, basis)


def _count(block: dict[str, Any], generation: tokens.Generation) -> int:
    request: Mapping[str, Any] = {"messages": [{"role": "user", "content": [block]}]}
    return (
        prompt_tokens.count_request(request, generation=generation)
        - prompt_tokens.FRAMES[generation].request
    )


def _extract(file: File, kind: str) -> str | None:
    """The text of a document, as the local Bedrock takes it out; None of a PDF that isn't read.

    That is one without PDFium, or one that takes PDFium too long.

    Raises:
        RequestError: It isn't what it claims to be.
    """
    # Here, so that nothing of the local Bedrock is loaded by those who only make blocks.
    from outcrop.server import deadline, documents, formats, pdfium

    try:
        if kind != "pdf":
            return formats.read(file.data, kind)
        if not pdfium.is_installed():
            return None
        return "\n\n".join(page for page in documents.read_pdf(file.data) if page)
    except deadline.OverdueError:
        return None
    except (documents.UnreadableError, formats.UnparsableError) as error:
        raise RequestError(
            f"{file.label} can't be read as {kind}: {error}", mend="Give a sound file."
        ) from error
