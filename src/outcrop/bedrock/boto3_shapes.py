"""Converse in boto3's shapes: plain dicts with bytes in them ⇄ JSON with base64.

Rules: bytes in a request become base64 wherever they stand, and a string where botocore's shapes
have a blob is one of bytes in UTF-8, as it is for boto3; in a reply, base64 becomes bytes exactly
where they have a blob; nothing else is touched, and what botocore doesn't know comes through.
Sources: botocore `bedrock-runtime/2023-09-30/service-2.json` (members of type `blob`) and
`botocore.serialize` (`_get_base64`).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from outcrop.bedrock.converse_stream import ShapeReader
from outcrop.bedrock.invoke import to_json
from outcrop.errors import APIResponseValidationError
from outcrop.messages.view import json_default

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Document = dict[str, Any]

#: Blocks whose `source` may hold bytes (ImageBlock, DocumentBlock, VideoBlock, AudioBlock).
_WITH_SOURCE: Final = ("image", "document", "video", "audio")
_HOLDERS: Final = {*_WITH_SOURCE, "toolResult", "guardContent", "reasoningContent"}


def write_ask(params: Mapping[str, Any]) -> bytes:
    """The body of a Converse request.

    Args:
        params: What boto3's `converse` takes, without `modelId`.

    Raises:
        RequestError: For a value that has no JSON form.
    """
    takes = "dicts, lists, strings, finite numbers, booleans, None and bytes"
    return to_json(_encoded(params), _plain, takes=takes)


def _plain(value: Any) -> object:
    if isinstance(value, bytes | bytearray | memoryview):
        return b64encode(cast("bytes", value)).decode("ascii")
    if callable(read := getattr(value, "read", None)):  # an open file, which boto3 takes too
        data = read()
        return _as_bytes(data) if isinstance(data, str) else _plain(data)
    return json_default(value)


def _as_bytes(text: str, _name: str = "") -> object:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text  # which JSON can't hold either, and that is told


def _encoded(params: Mapping[str, Any]) -> Document:
    """The same with bytes for strings in the place of blobs; the given one isn't touched."""
    made = dict(params)
    if isinstance(messages := made.get("messages"), list | tuple):
        made["messages"] = [
            {**message, "content": with_blobs(message["content"], _as_bytes)}
            if isinstance(message, dict) and "content" in message
            else message
            for message in cast("list[Any]", messages)
        ]
    if "system" in made:
        made["system"] = with_blobs(made["system"], _as_bytes)
    return made


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
    message = _at(reply, "output", "message")
    if isinstance(message, dict) and "content" in message:
        message["content"] = with_blobs(message["content"], _decoded)
    return reply


class Boto3Reader(ShapeReader):
    """Bytes of a stream in; out come its events as boto3 gives them: `{kind: members}`."""

    __slots__ = ()

    def _events(self, kind: str, payload: Document) -> list[Document]:
        for name in ("delta", "start"):
            if name in payload:
                (payload[name],) = with_blobs([payload[name]], _decoded)
        return [{kind: payload}]


def _at(value: Any, *path: str) -> Any:
    for step in path:
        value = cast("Document", value).get(step) if isinstance(value, dict) else None
    return value


def _decoded(given: str, name: str) -> bytes:
    try:
        return b64decode(given, validate=True)
    except ValueError as error:
        raise APIResponseValidationError(f"{name} in the reply isn't base64: {error}.") from None


# Blobs ───────────────────────────────────────────────────────────────────────────────────────────


def with_blobs(content: Any, change: Callable[[str, str], object]) -> Any:
    """Content blocks with something else for the strings in the place of blobs.

    Args:
        content: A list of blocks; anything else comes back as it is. It isn't touched.
        change: Gives what stands for the string; gets it, and the name of its member.
    """
    if not isinstance(content, list | tuple):
        return content
    return [_with_blobs(block, change) for block in cast("list[Any]", content)]


def _with_blobs(block: Any, change: Callable[[str, str], object]) -> Any:
    if not isinstance(block, dict):
        return block
    made = cast("Document", block)
    for name, value in made.items():
        if not isinstance(value, dict) or name not in _HOLDERS:
            continue
        inner = cast("Document", value)
        changed: Document
        match name:
            case "toolResult":
                changed = {**inner, "content": with_blobs(inner.get("content"), change)}
            case "guardContent":
                changed = _with_blobs(inner, change)
            case "reasoningContent":
                changed = _changed(inner, "redactedContent", change)
            case _:
                source = inner.get("source")
                if not isinstance(source, dict):
                    continue
                changed = {**inner, "source": _changed(cast("Document", source), "bytes", change)}
        made = {**made, name: changed}
    return made


def _changed(holder: Document, name: str, change: Callable[[str, str], object]) -> Document:
    given = holder.get(name)
    return {**holder, name: change(given, name)} if isinstance(given, str) else holder
