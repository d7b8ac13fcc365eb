"""Whether Claude sees the pages of a PDF or only their text, and by which API a block may go.

Rules: the pages are the default; a block that would show something else over one of the APIs that
it is meant for is an error.

Source: Anthropic's documentation, "PDF support" ("Amazon Bedrock PDF support": over Converse,
without citations only text is extracted, about 1,000 tokens for a PDF of 3 pages; with citations
Claude sees it in full, about 7,000; InvokeModel shows it in full either way). Which formats can be
cited over Converse: refusals as publicly reported.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from outcrop.bedrock.count import Api
from outcrop.bedrock.sources import MEDIA_TYPES
from outcrop.errors import RequestError

__all__ = ["TEXTS", "Api", "Mode", "check_api", "check_other", "pdf_citations"]

#: What Claude sees of a PDF: its pages as pictures and text ("visual"), or its text alone.
Mode: TypeAlias = Literal["visual", "text"]

#: Formats that are text, so that they can go as text where a format isn't known.
TEXTS: Final = ("txt", "md", "csv", "html")


def check_api(api: Api | None) -> None:
    """Nothing, if it is one.

    Raises:
        RequestError: It isn't.
    """
    if api not in (None, "invoke", "converse"):
        raise RequestError(
            f"api={api!r} isn't known.",
            mend="It is 'invoke', 'converse', or None for a block that both take.",
        )


def pdf_citations(mode: Mode, citations: bool | None, api: Api | None) -> bool | None:  # noqa: FBT001 - as the caller has it
    """Whether a PDF's block enables citations; None if it doesn't say.

    Raises:
        RequestError: That mode can't be had in that way.
    """
    if mode not in ("visual", "text"):
        raise RequestError(
            f"mode={mode!r} isn't known.", mend="It is 'visual' (pages) or 'text' (text alone)."
        )
    if mode == "text":
        if citations:
            raise RequestError(
                "mode='text' is what Converse does without citations, so that they can't be had.",
                mend="Use mode='visual', or cite from the text: documents.text(…, citations=True).",
            )
        if api == "invoke":
            raise RequestError(
                "mode='text' doesn't exist over InvokeModel, which shows Claude the pages.",
                mend="Use api='converse', or send the text itself: documents.text(…).",
            )
        return False
    if api == "invoke":
        return citations
    if citations is False:
        raise RequestError(
            "Over Converse, Claude sees a PDF's pages only if citations are enabled.",
            mend="Leave citations out; or use mode='text' for the text alone, or api='invoke'.",
        )
    return True


def check_other(
    format: str,  # noqa: A002 - Converse's own name for it
    *,
    label: str,
    mode: Mode | None,
    citations: bool | None,
    api: Api | None,
) -> None:
    """Nothing, if a document that is no PDF can go like that.

    Raises:
        RequestError: It can't.
    """
    if mode == "visual":
        raise RequestError(
            f"mode='visual' is for PDFs, and {label} is {format}.",
            mend="Leave mode out, or make a PDF of it.",
        )
    if format in TEXTS:
        return
    if citations:
        raise RequestError(
            f"Claude on Bedrock cites from PDFs and texts, and {label} is {format}.",
            mend="Make a PDF or a text of it, or leave citations out.",
        )
    if api != "converse":
        raise RequestError(
            f"{label} is {format} ({MEDIA_TYPES[format]}), which Converse takes and nothing else.",
            mend="Use api='converse' here and for the call, or make a PDF or a text of it.",
        )
