"""The InvokeModel dialect: Anthropic JSON in AWS's paths and headers; streams: `invoke_stream`.

Both halves side by side. The asker writes the body that Bedrock reads (no `model`, no `stream`;
betas in the body as `anthropic_beta`) and reads replies; the answerer does the reverse.
Sources: botocore `bedrock-runtime/2023-09-30/service-2.json`; recorded AWS traffic
(header names); observed clients (anthropic 2.12.0, boto3 1.44.5).
"""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import orjson

from outcrop.errors import APIResponseValidationError, RequestError, ValidationException
from outcrop.messages.view import View, json_default

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from outcrop.wire.http import Headers

Document = dict[str, Any]

#: Bodies that InvokeModel takes (botocore: `Body`, max 25000000).
MAX_BODY = 25_000_000

# Asking half ─────────────────────────────────────────────────────────────────────────────────────


def ask_headers(*, stream: bool) -> Headers:
    """The headers that describe the body and the reply that is wanted."""
    accept = "X-Amzn-Bedrock-Accept" if stream else "Accept"
    return [("Content-Type", "application/json"), (accept, "application/json")]


def write_ask(document: Mapping[str, Any], *, api_version: str) -> bytes:
    """The body that Bedrock reads, from a Messages request.

    Args:
        document: The request; `model` and `stream` stay out of the body, `betas` become
            `anthropic_beta`, an `anthropic_version` of its own wins.
        api_version: The `anthropic_version` that goes in otherwise.

    Raises:
        RequestError: For a value that JSON can't hold.
    """
    body = with_betas(document)
    body.setdefault("anthropic_version", api_version)
    return dump(body)


def with_betas(document: Mapping[str, Any]) -> Document:
    """A request without `model` and `stream`, and with its betas where Bedrock reads them.

    Raises:
        RequestError: `betas` isn't a list.
    """
    body = dict(document)
    body.pop("model", None)
    body.pop("stream", None)
    betas = body.pop("betas", None)
    if isinstance(betas, str):
        raise RequestError(f"betas={betas!r} isn't a list.", mend=f"Write betas=[{betas!r}].")
    if betas:
        body["anthropic_beta"] = list(dict.fromkeys([*betas, *body.get("anthropic_beta", ())]))
    return body


def dump(document: Mapping[str, Any], *, path: str = "") -> bytes:
    """Compact JSON of a request; reply views and iterables of blocks may stand in it.

    Args:
        document: The request, or a part of it.
        path: Where it stands, for errors.

    Raises:
        RequestError: For a value that JSON can't hold.
    """
    return to_json(document, _plain, path=path)


def to_json(
    document: Mapping[str, Any],
    plain: Callable[[Any], object],
    *,
    path: str = "",
    takes: str = "dicts, lists, strings, numbers, booleans and None",
) -> bytes:
    """Compact JSON of a request.

    Args:
        document: The request, or a part of it.
        plain: What stands for a value that JSON doesn't have.
        path: Where it stands, for errors.
        takes: What may stand in it, for errors.

    Raises:
        RequestError: For a value that JSON can't hold, an infinity or a NaN among them.
    """
    stands: dict[int, tuple[Any, object]] = {}  # with the value itself, lest its ID be another's

    def default(value: Any) -> object:
        return stands.setdefault(id(value), (value, plain(value)))[1]

    try:
        written = orjson.dumps(document, default=default)
    except (TypeError, ValueError) as error:
        cause = error.__cause__ or error
        raise RequestError(
            f"The request holds what JSON can't: {cause}.", mend=f"Use {takes}."
        ) from error
    # orjson writes them as null; there is nothing to look for in a request without one. Few parts
    # are sooner looked at than many bytes.
    few = len(written) >= _LONG and _is_plain(document, most=len(written) // _BYTES_A_PART)
    if not few and _has_null(written):
        for where, value in _not_finite(document, path, stands):
            raise RequestError(
                f"{where} is {value}, which JSON has no number for.",
                mend="Give a finite number, or None.",
            )
    return written


#: Bytes of a request from which on its parts are looked at first, and for each of which one is.
_LONG: Final = 4096
_BYTES_A_PART: Final = 512
_PLAIN: Final = frozenset({str, int, bool})


def _is_plain(document: Mapping[str, Any], *, most: int) -> bool:
    """Whether it has few parts, and of these none that might be written as null."""
    left: list[Any] = [document]
    while left:
        most -= 1
        if most < 0:
            return False
        value = left.pop()
        for part in value.values() if value.__class__ is dict else value:
            kind = part.__class__
            if kind is dict or kind is list:
                left.append(part)
            elif kind not in _PLAIN:
                return False
    return True


_has_null: Final = re.compile(rb"null").search  # in half the time of `b"null" in …`


def _not_finite(
    value: Any, path: str, stands: Mapping[int, tuple[Any, object]]
) -> Iterator[tuple[str, float]]:
    """The infinities and NaNs in a request that was written, and where they stand."""
    if isinstance(value, float):
        if not isfinite(value):
            yield path, value
        return
    if id(value) in stands:
        value = stands[id(value)][1]
    elif isinstance(value, Enum):
        value = value.value
    elif is_dataclass(value):
        value = vars(value) if hasattr(value, "__dict__") else {}
    if isinstance(value, dict):
        parts: Iterable[tuple[object, Any]] = cast("Document", value).items()
    elif isinstance(value, list | tuple):
        parts = enumerate(cast("Sequence[Any]", value))
    else:
        return
    for step, part in parts:
        yield from _not_finite(part, f"{path}.{step}" if path else str(step), stands)


def _plain(value: Any) -> object:
    """What orjson doesn't know: reply views, iterables, and models of pydantic's kind."""
    if hasattr(value, "model_dump") and not isinstance(value, View):  # the official SDK's blocks
        return value.model_dump(exclude_unset=True)
    return json_default(value)


_decode_document: Final = msgspec.json.Decoder(Document).decode


def read_reply(body: bytes) -> Document:
    """The message document of a reply.

    Raises:
        APIResponseValidationError: If the body isn't a message.
    """
    try:
        document = _decode_document(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise APIResponseValidationError(
            f"The reply isn't a JSON object: {body[:200]!r}.",
            mend="Check base_url: does it name a Bedrock runtime endpoint?",
        ) from error
    if "content" not in document:
        raise APIResponseValidationError(
            f"The reply has no 'content': {body[:200]!r}.", body=document
        )
    return document


# Answering half ──────────────────────────────────────────────────────────────────────────────────


def read_ask(body: bytes) -> Document:
    """The Messages request in an InvokeModel body.

    Raises:
        ValidationException: If the body isn't a JSON object.
    """
    try:
        return msgspec.json.decode(body, type=Document)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        raise ValidationException(
            "Malformed input request, please reformat your input and try again."
        ) from None


def write_reply(document: Document, *, latency: int) -> tuple[Headers, bytes]:
    """Headers and body of a whole reply.

    Args:
        document: The message.
        latency: Milliseconds from request to reply.
    """
    usage: Mapping[str, Any] = document.get("usage") or {}
    headers = [
        ("Content-Type", "application/json"),
        ("X-Amzn-Bedrock-Invocation-Latency", str(latency)),
        ("X-Amzn-Bedrock-Output-Token-Count", str(usage.get("output_tokens", 0))),
        ("X-Amzn-Bedrock-Input-Token-Count", str(usage.get("input_tokens", 0))),
    ]
    read = usage.get("cache_read_input_tokens")
    written = usage.get("cache_creation_input_tokens")
    if read or written:
        headers.append(("X-Amzn-Bedrock-Cache-Read-Input-Token-Count", str(read or 0)))
        headers.append(("X-Amzn-Bedrock-Cache-Write-Input-Token-Count", str(written or 0)))
    return headers, orjson.dumps(document)
