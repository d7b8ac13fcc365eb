"""A document or an image becomes its block of the Messages API.

Rules: the block is a plain dict that `messages.create` takes, over both APIs unless `api` says
that one is enough; nothing is decoded that needn't be; `check=False` sends what looks wrong here.

Source: Anthropic's API reference, "Messages" (`document`, `image`, `cache_control`).
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from outcrop.bedrock import attachments
from outcrop.bedrock.count import find_model
from outcrop.bedrock.sources import MEDIA_TYPES
from outcrop.documents import modes
from outcrop.documents.files import format_of, read, text_of
from outcrop.errors import RequestError
from outcrop.messages import pdf as pdf_bytes
from outcrop.messages.media import image_size, image_type

if TYPE_CHECKING:
    from outcrop.documents.files import File, Source
    from outcrop.documents.modes import Api, Mode
    from outcrop.messages.params import DocumentBlockParam, ImageBlockParam

#: A cache point after the block: for five minutes (True), or for the time given.
Cache: TypeAlias = bool | Literal["5m", "1h"]

_MEND_PDF = "Give a sound PDF; check=False sends it as it is."


def document(
    source: Source,
    *,
    title: str | None = None,
    context: str | None = None,
    mode: Mode | None = None,
    citations: bool | None = None,
    api: Api | None = None,
    model: str | None = None,
    format: str | None = None,  # noqa: A002 - Converse's own name for it
    cache: Cache = False,
    check: bool = True,
) -> DocumentBlockParam:
    """The `document` block of a PDF, a text, or an office file.

    A PDF goes as it is, with citations enabled unless `api="invoke"`: over Converse that is what
    makes Claude see the pages and not just their text. Text formats (txt, md, csv, html) go as
    text; over Converse alone, md, csv and html go as themselves. Office files (doc, docx, xls,
    xlsx) go over Converse alone, which shows Claude the text in them.

    Args:
        source: A path, bytes, or a file opened with 'rb'.
        title: What Claude knows it by; the file's name if not given. Over Converse it becomes a
            name in the letters that are allowed there.
        context: What Claude should know about it, which isn't cited.
        mode: For a PDF: "visual" (default), or "text" for Converse's extraction of the text alone,
            which costs a fraction.
        citations: Whether Claude may cite from it.
        api: "invoke" or "converse" if the block needs to be right for that one only.
        model: The model that it is for, in any spelling: its own limits are checked then.
        format: Such as "csv", where neither its name nor its bytes tell.
        cache: Put a cache point after it, for five minutes (True) or for "1h".
        check: Whether to refuse what Bedrock would.

    Raises:
        RequestError: It can't be sent, or not in that mode; the message says why.
        OSError: It can't be read.
    """
    modes.check_api(api)
    file = read(source)
    kind = format_of(file, format)
    if kind == "pdf":
        return _pdf(
            file,
            mode or "visual",
            citations=citations,
            api=api,
            model=model,
            check=check,
            about=(title, context, cache),
        )
    modes.check_other(kind, label=file.label, mode=mode, citations=citations, api=api)
    if check and api == "converse":
        _check_size(file, kind, model)
    named = title if title is not None else file.name
    if kind == "txt" or (kind in modes.TEXTS and (api != "converse" or citations)):
        return text(text_of(file), title=named, context=context, citations=citations, cache=cache)
    return _block(_base64(file.data, MEDIA_TYPES[kind]), named, context, citations, cache)


def pdf(
    source: Source,
    *,
    title: str | None = None,
    context: str | None = None,
    mode: Mode = "visual",
    citations: bool | None = None,
    api: Api | None = None,
    model: str | None = None,
    cache: Cache = False,
    check: bool = True,
) -> DocumentBlockParam:
    """The `document` block of a PDF.

    Arguments and errors are those of `document`; what is no PDF is an error whatever its name is.
    """
    modes.check_api(api)
    return _pdf(
        read(source),
        mode,
        citations=citations,
        api=api,
        model=model,
        check=check,
        about=(title, context, cache),
    )


def text(
    text: str,
    *,
    title: str | None = None,
    context: str | None = None,
    citations: bool | None = None,
    cache: Cache = False,
) -> DocumentBlockParam:
    """The `document` block of a text, which both APIs take.

    Arguments are those of `document`.

    Raises:
        RequestError: It is empty.
    """
    if not text.strip():
        raise RequestError("The text is empty.", mend="Give one with something in it.")
    source = {"type": "text", "media_type": "text/plain", "data": text}
    return _block(source, title, context, citations, cache)


def image(source: Source, *, cache: Cache = False, check: bool = True) -> ImageBlockParam:
    """The `image` block of a PNG, JPEG, GIF or WebP, whatever its name says.

    Args:
        source: A path, bytes, or a file opened with 'rb'.
        cache: As in `document`.
        check: Whether to refuse what Bedrock would: more than 3.75 MiB, or 8,000 pixels on a side.

    Raises:
        RequestError: It is none of these, or too large.
        OSError: It can't be read.
    """
    file = read(source)
    kind = image_type(file.data)
    if kind is None:
        pdf_too = pdf_bytes.preflight(file.data[:1024]).is_pdf
        raise RequestError(
            f"{file.label} is no PNG, JPEG, GIF or WebP: it begins with {file.data[:8]!r}.",
            mend="Use documents.pdf(…)." if pdf_too else "Convert it to one of them.",
        )
    if check:
        _check_image(file)
    block = {"type": "image", "source": _base64(file.data, kind), **_cache_control(cache)}
    return cast("ImageBlockParam", block)


def _pdf(
    file: File,
    mode: Mode,
    *,
    citations: bool | None,
    api: Api | None,
    model: str | None,
    check: bool,
    about: tuple[str | None, str | None, Cache],
) -> DocumentBlockParam:
    enabled = modes.pdf_citations(mode, citations, api)
    if check:
        check_pdf(file, mode=mode, model=model)
        if api == "converse":
            _check_size(file, "pdf", model)
    title, context, cache = about
    named = title if title is not None else file.name
    return _block(_base64(file.data, MEDIA_TYPES["pdf"]), named, context, enabled, cache)


def check_pdf(file: File, *, mode: Mode, model: str | None) -> pdf_bytes.Preflight:
    """What the preflight finds, if Bedrock would take the PDF.

    Raises:
        RequestError: It wouldn't.
    """
    found = pdf_bytes.preflight(file.data)
    if not found.is_pdf:
        raise RequestError(
            f"{file.label} is no PDF: it begins with {file.data[:8]!r}.",
            mend="Use documents.document(…) for other formats.",
        )
    if found.encrypted:
        raise RequestError(
            f"{file.label} is encrypted, and Claude reads no encrypted PDFs, even those that open "
            "without a password.",
            mend="Save it without encryption, for instance by printing it to a PDF.",
        )
    if not found.complete:
        raise RequestError(
            f"{file.label} breaks off: a PDF ends with %%EOF, and its {found.size:,} bytes don't.",
            mend=_MEND_PDF,
        )
    if not found.pages and not found.capped:
        raise RequestError(f"{file.label} has no page that could be found.", mend=_MEND_PDF)
    most = attachments.most_pages(find_model(model) if model else None)
    if mode == "visual" and found.pages > most:
        who = "no model takes more than" if model is None else f"{model} takes"
        raise RequestError(
            f"{file.label} has {found.pages:,} pages, and {who} {most} in a request.",
            mend="Split it; or use mode='text' over Converse.",
        )
    return found


def _check_size(file: File, kind: str, model: str | None) -> None:
    most = attachments.most_bytes_in_converse(kind, find_model(model) if model else None)
    if most is not None and len(file.data) > most:
        raise RequestError(
            f"{file.label} has {len(file.data):,} bytes, and Converse takes {most:,} of a {kind}.",
            mend="Split it, or send its text.",
        )


def _check_image(file: File) -> None:
    long = -(-len(file.data) // 3) * 4
    most = attachments.IMAGE_BASE64.most
    if long > most:
        raise RequestError(
            f"{file.label} has {len(file.data):,} bytes, which are {long:,} in base64, and an "
            f"image may have {most:,}.",
            mend="Scale it down, or compress it more: 2,576 pixels a side are enough.",
        )
    size = image_size(file.data)
    if size is not None and max(size) > attachments.IMAGE_PIXELS.most:
        raise RequestError(
            f"{file.label} has {size[0]:,} by {size[1]:,} pixels, and an image may have "
            f"{attachments.IMAGE_PIXELS.most:,} a side.",
            mend="Scale it down, or cut it into parts.",
        )


def _block(
    source: dict[str, Any],
    title: str | None,
    context: str | None,
    citations: bool | None,  # noqa: FBT001 - a field of the block
    cache: Cache,
) -> DocumentBlockParam:
    block: dict[str, Any] = {"type": "document", "source": source}
    if title:
        block["title"] = title
    if context:
        block["context"] = context
    if citations is not None:
        block["citations"] = {"enabled": citations}
    return cast("DocumentBlockParam", block | _cache_control(cache))


def _cache_control(cache: Cache) -> dict[str, Any]:
    if cache is False:
        return {}
    if cache not in (True, "5m", "1h"):
        raise RequestError(f"cache={cache!r} isn't known.", mend="It is True, '5m' or '1h'.")
    ttl = {} if cache is True else {"ttl": cache}
    return {"cache_control": {"type": "ephemeral", **ttl}}


def _base64(data: bytes, media_type: str) -> dict[str, Any]:
    encoded = b64encode(data).decode("ascii")
    return {"type": "base64", "media_type": media_type, "data": encoded}
