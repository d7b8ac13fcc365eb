"""AWS's record of an invocation (`ModelInvocationLog` 1.0), and where it lies in a bucket.

Rules: a record is made of what went over the wire, as it went, so that whoever stands at either end
writes the same; a member that isn't known is left out; what isn't AWS's own stands in one member,
`outcrop`, which only the client's records have.

Sources: Amazon Bedrock User Guide, "Monitor model invocation using CloudWatch Logs and Amazon S3"
(members, layout, 100 KB); published records. That refused calls carry `errorCode` is what tools
that read these records expect; no sample of AWS's own shows it (?).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import orjson

from outcrop.errors import APIResponseValidationError, EventStreamError
from outcrop.messages.assembly import Assembly
from outcrop.messages.disassembly import events_of
from outcrop.wire import eventstream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from outcrop.wire.eventstream import Frame

Document = dict[str, Any]
Record = dict[str, Any]

SCHEMA_TYPE: Final = "ModelInvocationLog"
SCHEMA_VERSION: Final = "1.0"
#: Longer bodies lie in an object of their own.
MAX_INLINE_BODY: Final = 100 * 1024
#: Operations that are logged → what their paths end in.
OPERATIONS: Final = {
    "InvokeModel": "invoke",
    "InvokeModelWithResponseStream": "invoke-with-response-stream",
    "Converse": "converse",
    "ConverseStream": "converse-stream",
}
#: The header in which InvokeModel carries what Converse has as `requestMetadata`.
METADATA_HEADER: Final = "x-amzn-bedrock-request-metadata"
PERMISSION_CHECK: Final = "amazon-bedrock-logs-permission-check"

_JSON: Final = "application/json"
_METRICS: Final = "amazon-bedrock-invocationMetrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One invocation as it went over the wire.

    Attributes:
        operation: AWS's name of it, one of `OPERATIONS`.
        model_id: ID or ARN as called.
        region: Whose endpoint was called.
        request_id: AWS's ID of the request.
        began: When it came, in seconds since the epoch.
        request: The body.
        response: The body; of a stream, its frames as far as they came; empty if none came.
        account: Twelve digits, empty where it isn't known.
        identity: `{"arn": …}`, or `{"accessKeyId": …}` where that is all that is known.
        inference_region: Where the model ran, None where that isn't told.
        metadata: Of the request, as JSON, where a header carried it.
        error: AWS's name of the refusal, None for a success.
        usage: Anthropic's, where the response doesn't tell it.
        more: What goes into the member `outcrop`.
    """

    operation: str
    model_id: str
    region: str
    request_id: str
    began: float
    request: bytes
    response: bytes | Sequence[bytes] = b""
    account: str = ""
    identity: Mapping[str, str] = field(default_factory=dict[str, str])
    inference_region: str | None = None
    metadata: str | None = None
    error: str | None = None
    usage: Mapping[str, Any] | None = None
    more: Mapping[str, Any] | None = None


def write_record(invocation: Invocation) -> Record:
    """The record of an invocation.

    Bodies that aren't JSON are recorded as text; a stream that broke off is recorded as far as it
    came.
    """
    asked = _decode(invocation.request)
    output, told = _read_output(invocation)
    usage = told or dict(invocation.usage or {})
    metadata = _metadata(invocation, asked)
    record: Record = {
        "timestamp": timestamp(invocation.began),
        "accountId": invocation.account,
        "region": invocation.region,
        "requestId": invocation.request_id,
        "operation": invocation.operation,
        "modelId": invocation.model_id,
        "input": {"inputContentType": _JSON, "inputBodyJson": asked, **_input_counts(usage)},
    }
    if output is not None:
        record["output"] = {
            "outputContentType": _JSON,
            "outputBodyJson": output,
            **_output_counts(usage),
        }
    elif usage:
        record["output"] = _output_counts(usage)
    if invocation.identity:
        record["identity"] = dict(invocation.identity)
    if invocation.inference_region is not None:
        record["inferenceRegion"] = invocation.inference_region
    if metadata:
        record["requestMetadata"] = metadata
    if invocation.error is not None:
        record["errorCode"] = invocation.error
    record |= {"schemaType": SCHEMA_TYPE, "schemaVersion": SCHEMA_VERSION}
    if invocation.more is not None:
        record["outcrop"] = dict(invocation.more)
    return record


def timestamp(seconds: float) -> str:
    """A time as the records write it, such as `2026-04-07T01:23:45Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def dump(record: Mapping[str, Any]) -> bytes:
    """A record as one line of JSON, without the line's end."""
    try:
        return orjson.dumps(record)
    except (TypeError, ValueError):  # integers of more than 64 bits, halves of surrogate pairs
        return json.dumps(record, separators=(",", ":"), default=str).encode()


# Where records lie ───────────────────────────────────────────────────────────────────────────────


def folder_key(*, prefix: str, account: str, region: str) -> str:
    """What the keys of an account's and region's objects begin with, without a slash at the end."""
    start = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    return f"{start}AWSLogs/{account}/BedrockModelInvocationLogs/{region}"


def object_key(seconds: float, *, prefix: str, account: str, region: str, unique: str) -> str:
    """The key of an object with records, gzip of JSON lines.

    Args:
        seconds: Since the epoch; of its records, to the hour.
        prefix: Of the configuration, may be empty.
        account: Twelve digits.
        region: Whose records they are.
        unique: Hexadecimal digits that no other object of the millisecond has.
    """
    moment = datetime.fromtimestamp(seconds, UTC)
    hour = f"{folder_key(prefix=prefix, account=account, region=region)}/{moment:%Y/%m/%d/%H}"
    return f"{hour}/{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z_{unique}.json.gz"


def data_key(
    seconds: float, *, prefix: str, account: str, region: str, request_id: str, side: str
) -> str:
    """The key of a body that is too long for its record.

    Args:
        seconds: Since the epoch, of the record.
        prefix: Of the configuration, may be empty.
        account: Twelve digits.
        region: Whose record it is.
        request_id: Of the record.
        side: `input` or `output`.
    """
    moment = datetime.fromtimestamp(seconds, UTC)
    hour = f"{folder_key(prefix=prefix, account=account, region=region)}/{moment:%Y/%m/%d/%H}"
    return f"{hour}/data/{request_id}_{side}.json.gz"


def permission_check_key(*, prefix: str, account: str, region: str) -> str:
    """The key of the empty object that is written when logging is configured (?)."""
    return f"{folder_key(prefix=prefix, account=account, region=region)}/{PERMISSION_CHECK}"


def take_out(record: Record, side: str, *, limit: int = MAX_INLINE_BODY) -> bytes | None:
    """Takes a body out of a record if it is too long for it.

    Args:
        record: Loses the body; whoever stores it sets `inputBodyS3Path` or `outputBodyS3Path`.
        side: `input` or `output`.
        limit: The longest body in bytes that stays.

    Returns:
        The JSON of the body, None if it stays or there is none.
    """
    part = record.get(side)
    name = f"{side}BodyJson"
    if part is None or name not in part:
        return None
    body = dump(part[name])
    if len(body) <= limit:
        return None
    del part[name]
    return body


def stop_reason(record: Mapping[str, Any]) -> str | None:
    """Why the model stopped, if the record's body tells."""
    body = _object(record.get("output")).get("outputBodyJson")
    if isinstance(body, list):
        for event in map(_object, reversed(cast("list[Any]", body))):
            if reason := _object(event.get("delta")).get("stop_reason"):
                return reason
        return None
    said = _object(body)
    return said.get("stop_reason") or said.get("stopReason")


def join_pieces(record: Record) -> None:
    """Makes the pieces of a streamed reply one a block, so that nothing stands across two.

    Events that make no message are taken out.
    """
    output = _object(record.get("output"))
    if not isinstance(output.get("outputBodyJson"), list):
        return
    assembly = Assembly()
    try:
        for event in output["outputBodyJson"]:
            assembly.add(event)
        output["outputBodyJson"] = list(events_of(assembly.document))
    except (APIResponseValidationError, LookupError, TypeError, AttributeError):
        del output["outputBodyJson"]


# What was said ───────────────────────────────────────────────────────────────────────────────────

_parse = msgspec.json.Decoder().decode


def _decode(body: bytes) -> Any:
    try:
        return _parse(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "replace")


def _object(value: Any) -> Document:
    """A JSON object; an empty one in place of anything else."""
    return cast("Document", value) if isinstance(value, dict) else {}


def _metadata(invocation: Invocation, asked: Any) -> Any:
    if invocation.metadata:
        return _decode(invocation.metadata.encode())
    return _object(asked).get("requestMetadata")


def _read_output(invocation: Invocation) -> tuple[Any, Document]:
    """What goes into `outputBodyJson`, None if nothing came; and Anthropic's or AWS's usage."""
    parts = invocation.response
    if isinstance(parts, bytes):
        parts = [parts]
    if not any(parts):
        return None, {}
    match invocation.operation:
        case "InvokeModelWithResponseStream":
            events = [_read_chunk(frame) for frame in _frames(parts)]
            return events, _usage_of(events)
        case "ConverseStream":
            output = assemble((_kind(frame), _decode(frame.payload)) for frame in _frames(parts))
            return output, _usage(output)
        case _:
            output = _decode(b"".join(parts))
            return output, _usage(output)


def _frames(parts: Iterable[bytes]) -> list[Frame]:
    """The frames that carry events; of a broken stream, those before the break."""
    decoder = eventstream.Decoder()
    frames: list[Frame] = []
    for part in parts:
        try:
            frames += decoder.feed(part)
        except EventStreamError:
            break
    return [frame for frame in frames if frame.headers.get(":message-type") == "event"]


def _kind(frame: Frame) -> str:
    return str(frame.headers.get(":event-type"))


class _Chunk(msgspec.Struct):
    event: bytes = msgspec.field(name="bytes")


_read_bytes = msgspec.json.Decoder(_Chunk).decode


def _read_chunk(frame: Frame) -> Any:
    try:
        return _decode(_read_bytes(frame.payload).event)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _decode(frame.payload)


def _usage(output: Any) -> Document:
    return _object(_object(output).get("usage"))


def _usage_of(events: Iterable[Any]) -> Document:
    """The usage at the end of a stream of Anthropic's events."""
    usage: Document = {}
    for event in map(_object, events):
        usage |= _usage(event.get("message")) | _usage(event)
        if metrics := _object(event.get(_METRICS)):
            usage["metrics"] = metrics
    return usage


#: Member of a record → what it is called by AWS's metrics, by Converse and by Anthropic.
_INPUT: Final = {
    "inputTokenCount": ("inputTokenCount", "inputTokens", "input_tokens"),
    "cacheReadInputTokenCount": (
        "cacheReadInputTokenCount",
        "cacheReadInputTokens",
        "cache_read_input_tokens",
    ),
    "cacheWriteInputTokenCount": (
        "cacheWriteInputTokenCount",
        "cacheWriteInputTokens",
        "cache_creation_input_tokens",
    ),
}
_OUTPUT: Final = {"outputTokenCount": ("outputTokenCount", "outputTokens", "output_tokens")}


def _input_counts(usage: Document) -> Document:
    return _counts(usage, _INPUT)


def _output_counts(usage: Document) -> Document:
    return _counts(usage, _OUTPUT)


def _counts(usage: Document, wanted: Mapping[str, Sequence[str]]) -> Document:
    """The counts of a reply; none for a call that had no reply."""
    if not usage:
        return {}
    known = usage | _object(usage.get("metrics"))
    counts: Document = {}
    for member, names in wanted.items():
        found = next((known[name] for name in names if known.get(name) is not None), 0)
        counts[member] = found if isinstance(found, int) else 0
    return counts


# ConverseStream ──────────────────────────────────────────────────────────────────────────────────


def assemble(events: Iterable[tuple[str, Any]]) -> Document:
    """The events of ConverseStream as the one object that Converse would have answered.

    Args:
        events: Names and members, in order; those of a broken stream give what came.
    """
    message: Document = {}
    blocks: dict[int, Document] = {}
    whole: Document = {}
    for kind, members in events:
        given = {name: value for name, value in _object(members).items() if name != "p"}
        match kind:
            case "messageStart":
                message |= given
            case "contentBlockStart":
                block = blocks.setdefault(_index(given), {})
                _merge(block, given.get("start"))
            case "contentBlockDelta":
                block = blocks.setdefault(_index(given), {})
                _merge(block, given.get("delta"))
            case "contentBlockStop":
                _close(blocks.get(_index(given), {}))
            case _:
                whole |= given
    content = [blocks[index] for index in sorted(blocks)]
    return {"output": {"message": {**message, "content": content}}, **whole}


def _index(given: Document) -> int:
    index = given.get("contentBlockIndex")
    return index if isinstance(index, int) else 0


def _merge(block: Document, piece: Any) -> None:
    """Adds a piece to a block: texts grow, citations are listed, the rest is set."""
    for name, value in _object(piece).items():
        known = block.get(name)
        if name == "citation":
            block.setdefault("citations", []).append(value)
        elif name == "reasoningContent" and isinstance(value, dict):
            _reason(block.setdefault(name, {}), _object(value))
        elif isinstance(value, dict):
            _merge(block.setdefault(name, {}), value)
        elif isinstance(known, str) and isinstance(value, str):
            block[name] = known + value
        else:
            block[name] = value


def _reason(block: Document, piece: Document) -> None:
    """Thinking stands one level deeper in a whole reply than in the pieces of a stream."""
    if "redactedContent" in piece:
        _merge(block, piece)
    else:
        _merge(block.setdefault("reasoningText", {}), piece)


def _close(block: Document) -> None:
    """A tool's input comes as pieces of JSON; cited text is told as such in a whole reply."""
    tool = _object(block.get("toolUse"))
    if tool and isinstance(text := tool.get("input", ""), str):
        tool["input"] = _decode(text.encode("utf-8", "replace")) if text else {}
    if "citations" in block and "text" in block:
        cited = {"content": [{"text": block.pop("text")}], "citations": block.pop("citations")}
        block["citationsContent"] = cited
