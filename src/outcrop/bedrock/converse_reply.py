"""Replies of Converse: a message in AWS's own shapes, and back.

Rules: what a reply has beside a message (`metrics`, `trace`, `serviceTier`, …) stands in it under
its own name.
Sources: botocore `bedrock-runtime/2023-09-30/service-2.json` (`ConverseResponse`); recorded
Converse traffic (order of keys, what `usage` has beside the declared fields).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import orjson

from outcrop.bedrock import blocks, citations
from outcrop.bedrock.mapping import CACHE_DETAILS, STOP_REASONS, UNDECLARED, USAGE
from outcrop.bedrock.names import Names
from outcrop.errors import APIResponseValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.bedrock.converse import Extras
    from outcrop.wire.http import Headers

Document = dict[str, Any]

# Asking half ─────────────────────────────────────────────────────────────────────────────────────


def read_reply(body: bytes, *, model: str, request_id: str | None) -> Document:
    """The message document of a reply.

    Converse has no ID of a message and doesn't name the model: the ID is made of the request's, and
    the model is the caller's word.

    Raises:
        APIResponseValidationError: If the body isn't a reply of Converse.
    """
    try:
        given = msgspec.json.decode(body, type=Document)
        message = given.pop("output")["message"]
        content = blocks.read_content(message["content"])
        read = begin_message(model=model, request_id=request_id, role=message.get("role"))
        read["content"] = content
        read |= read_stop(given)
        read["usage"] = read_usage(given.pop("usage", None) or {})
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise APIResponseValidationError(
            f"The reply isn't one of Converse: {body[:200]!r}.",
            mend="Check base_url: does it name a Bedrock runtime endpoint?",
        ) from error
    return read | given


def begin_message(*, model: str, request_id: str | None, role: str | None) -> Document:
    """A message as it begins, without content."""
    return {
        "model": model,
        "id": f"msg_{(request_id or '').replace('-', '')}",
        "type": "message",
        "role": role or "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }


def read_stop(given: Document) -> Document:
    """Why a message ended, taken out of a reply or a `messageStop` event."""
    reason = given.pop("stopReason", None)
    more: Document = given.get("additionalModelResponseFields") or {}
    return {
        "stop_reason": _READ_STOP.get(str(reason), reason),
        "stop_sequence": more.get("stop_sequence"),
    }


_READ_STOP: Final = {theirs: ours for ours, theirs in STOP_REASONS.items()}


def read_usage(given: Document) -> Document:
    """Messages' usage from Converse's."""
    more = {name: value for name, value in given.items() if name not in UNDECLARED}
    written = {
        detail["ttl"]: detail["inputTokens"] for detail in more.pop("cacheDetails", None) or ()
    }
    if not more.get("serverToolUsage"):
        more.pop("serverToolUsage", None)
    usage = {ours: more.pop(theirs, 0) for ours, theirs in USAGE.items()}
    if usage["cache_creation_input_tokens"]:
        usage["cache_creation"] = {
            ours: written.get(ttl, 0) for ttl, ours in reversed(CACHE_DETAILS.items())
        }
    return usage | more


# Answering half ──────────────────────────────────────────────────────────────────────────────────


def write_reply(document: Document, *, latency: int, extras: Extras) -> tuple[Headers, bytes]:
    """Headers and body of a whole reply, without citations of which Converse has no kind.

    Args:
        document: The message.
        latency: Milliseconds from request to reply.
        extras: What the request asked of Bedrock.
    """
    content = [
        blocks.write_block(_told(block), f"content.{at}", Names(), cited=True)
        for at, block in enumerate(document["content"])
    ]
    for block in content:
        if "toolUse" in block:
            block["toolUse"].setdefault("type", "tool_use")  # undeclared, but recorded
    body = {
        "metrics": {"latencyMs": latency},
        "output": {"message": {"content": content, "role": document["role"]}},
        **write_stop(document, extras),
        "usage": write_usage(document["usage"], whole=True),
        **echoes(extras),
    }
    return [("Content-Type", "application/json")], write_json(body)


def _told(block: Document) -> Document:
    """A block of an answer, with as much of its citations as Converse tells."""
    given = block.get("citations")
    if block.get("type") != "text" or not isinstance(given, list) or not given:
        return dict(block)
    told = [citations.told(one) for one in cast("list[object]", given)]
    return {**block, "citations": [one for one in told if one is not None] or None}


def write_json(body: Document) -> bytes:
    """Compact, with the keys in alphabetical order, as Converse writes it."""
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def write_stop(document: Document, extras: Extras) -> Document:
    """Why a message ended, and what was asked for of the model's own reply."""
    reason = document.get("stop_reason")
    written: Document = {"stopReason": STOP_REASONS.get(str(reason), reason)}
    found: Document = {}
    for path in extras.response_field_paths:
        if (value := _pointed(document, path)) is not None:
            _place(found, _steps(path), value)
    if found:
        written["additionalModelResponseFields"] = found
    return written


def _place(found: Document, steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        found = found.setdefault(step, {})
        if not isinstance(found, dict):  # pyright: ignore[reportUnnecessaryIsInstance] - two paths cross
            return
    if steps:
        found[steps[-1]] = value


def _steps(path: str) -> list[str]:
    """RFC 6901."""
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _pointed(document: Any, path: str) -> Any:
    for step in _steps(path):
        if isinstance(document, dict):
            document = cast("Document", document).get(step)
        elif isinstance(document, list) and step.isdecimal():
            given = cast("list[Any]", document)
            document = given[int(step)] if int(step) < len(given) else None
        else:
            return None
    return document


def write_usage(usage: Mapping[str, Any], *, whole: bool) -> Document:
    """Converse's usage from Messages'.

    Args:
        usage: Of the message.
        whole: In a whole reply; a stream leaves cache counts out where there are none.
    """
    written = {theirs: usage.get(ours) or 0 for ours, theirs in USAGE.items()}
    written["totalTokens"] = sum(written.values())
    read, made = written["cacheReadInputTokens"], written["cacheWriteInputTokens"]
    if whole or read or made:
        written |= {"cacheReadInputTokenCount": read, "cacheWriteInputTokenCount": made}
    else:
        del written["cacheReadInputTokens"], written["cacheWriteInputTokens"]
    lives: Document = usage.get("cache_creation") or {}
    details = [
        {"ttl": ttl, "inputTokens": lives[ours]}
        for ttl, ours in CACHE_DETAILS.items()
        if lives.get(ours)
    ]
    if details:
        written["cacheDetails"] = details
    return {**written, "serverToolUsage": {}}


def echoes(extras: Extras) -> Document:
    """What comes back of the request."""
    given = {"performanceConfig": extras.performance_config, "serviceTier": extras.service_tier}
    return {name: value for name, value in given.items() if value is not None}
