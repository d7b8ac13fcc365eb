"""Converse in boto3's shapes: plain dicts with bytes in them ⇄ JSON with base64.

Rules: bytes in a request become base64 wherever they stand; in a reply, base64 becomes bytes
exactly where botocore's shapes have a blob; nothing else is touched, and what botocore doesn't
know comes through.
Source: botocore `bedrock-runtime/2023-09-30/service-2.json` (members of type `blob`).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import orjson

from outcrop.bedrock.converse_stream import ShapeReader
from outcrop.errors import APIResponseValidationError, RequestError
from outcrop.messages.view import json_default

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]

#: Blocks whose `source` may hold bytes (ImageBlock, DocumentBlock, VideoBlock, AudioBlock).
_WITH_SOURCE: Final = ("image", "document", "video", "audio")


def write_ask(params: Mapping[str, Any]) -> bytes:
    """The body of a Converse request.

    Args:
        params: What boto3's `converse` takes, without `modelId`.

    Raises:
        RequestError: For a value that has no JSON form.
    """
    try:
        return orjson.dumps(params, default=_plain)
    except (TypeError, ValueError) as error:
        raise RequestError(
            f"The request holds what JSON can't: {error.__cause__ or error}.",
            mend="Use dicts, lists, strings, numbers, booleans, None and bytes.",
        ) from error


def _plain(value: Any) -> object:
    if isinstance(value, bytes | bytearray | memoryview):
        return b64encode(cast("bytes", value)).decode("ascii")
    if callable(read := getattr(value, "read", None)):  # an open file, which boto3 takes too
        return _plain(read())
    return json_default(value)


def read_reply(body: bytes) -> Document:
    """A reply of Converse with its bytes decoded.

    Raises:
        APIResponseValidationError: It is no JSON object.
    """
    try:
        reply = msgspec.json.decode(body, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise APIResponseValidationError(
            f"The reply isn't a JSON object: {body[:200]!r}.",
            mend="Check base_url: does it name a Bedrock runtime endpoint?",
        ) from error
    content = _at(reply, "output", "message", "content")
    for block in cast("list[Any]", content) if isinstance(content, list) else ():
        _read_block(block)
    return reply


class Boto3Reader(ShapeReader):
    """Bytes of a stream in; out come its events as boto3 gives them: `{kind: members}`."""

    __slots__ = ()

    def _events(self, kind: str, payload: Document) -> list[Document]:
        for part in (payload.get("delta"), payload.get("start")):
            _read_block(part)
        return [{kind: payload}]


def _at(value: Any, *path: str) -> Any:
    for step in path:
        value = cast("Document", value).get(step) if isinstance(value, dict) else None
    return value


def _read_block(block: Any) -> None:
    """Decodes the blobs of a content block, a block's start or a delta in place."""
    reasoning = _at(block, "reasoningContent")
    _decode(reasoning, "redactedContent")
    for name in _WITH_SOURCE:
        _decode(_at(block, name, "source"), "bytes")
    parts = _at(block, "toolResult", "content")
    for part in cast("list[Any]", parts) if isinstance(parts, list) else ():
        _read_block(part)


def _decode(holder: Any, name: str) -> None:
    if isinstance(given := _at(holder, name), str):
        try:
            holder[name] = b64decode(given, validate=True)
        except ValueError as error:
            raise APIResponseValidationError(
                f"{name} in the reply isn't base64: {error}."
            ) from None
