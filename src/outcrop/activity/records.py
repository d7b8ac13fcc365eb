"""One record of an invocation, boiled down to the columns that questions are asked of.

Rules: a record is read once, its bodies are passed over but for the few members that count; what
has another shape than expected costs a column, never the record; lines that aren't records at all
are counted. The columns are those of the Parquet files, too.

Sources: Amazon Bedrock User Guide, "Monitor model invocation using CloudWatch Logs and Amazon S3";
`outcrop.bedrock.invocation_log`, which writes the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

from outcrop.bedrock.invocation_log import SCHEMA_TYPE
from outcrop.delivery.activity_folder import LOSS_SCHEMA

Document = dict[str, Any]

#: Columns of a call, in order → types of DuckDB.
COLUMNS: Final = {
    "timestamp": "VARCHAR",
    "account": "VARCHAR",
    "region": "VARCHAR",
    "inference_region": "VARCHAR",
    "request_id": "VARCHAR",
    "operation": "VARCHAR",
    "model_id": "VARCHAR",
    "identity": "VARCHAR",
    "input_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "cache_read_tokens": "BIGINT",
    "cache_write_tokens": "BIGINT",
    "cache_write_1h_tokens": "BIGINT",
    "max_tokens": "BIGINT",
    "latency_ms": "BIGINT",
    "first_byte_ms": "BIGINT",
    "stop_reason": "VARCHAR",
    "error": "VARCHAR",
    "metadata": "VARCHAR",
}
#: Those of what was said, which only a few questions need.
CONTENT: Final = {
    "input": "VARCHAR",
    "output": "VARCHAR",
    "input_path": "VARCHAR",
    "output_path": "VARCHAR",
}


class _Limits(msgspec.Struct, gc=False):
    maxTokens: Any = None  # noqa: N815 - AWS's names, here and below


class _Asked(msgspec.Struct, gc=False):
    max_tokens: Any = None
    inferenceConfig: _Limits | None = None  # noqa: N815


class _Input(msgspec.Struct, gc=False):
    inputTokenCount: int | None = None  # noqa: N815
    cacheReadInputTokenCount: int | None = None  # noqa: N815
    cacheWriteInputTokenCount: int | None = None  # noqa: N815
    inputBodyJson: _Asked | str | list[msgspec.Raw] | float | bool | None = None  # noqa: N815


class _Output(msgspec.Struct, gc=False):
    outputTokenCount: int | None = None  # noqa: N815
    outputBodyJson: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815


class _Identity(msgspec.Struct, gc=False):
    arn: str | None = None
    accessKeyId: str | None = None  # noqa: N815


class _Own(msgspec.Struct, gc=False):
    latencyMs: int | None = None  # noqa: N815
    firstByteMs: int | None = None  # noqa: N815
    stopReason: str | None = None  # noqa: N815


class _Record(msgspec.Struct, gc=False):
    timestamp: str = ""
    accountId: str | None = None  # noqa: N815
    region: str | None = None
    requestId: str | None = None  # noqa: N815
    operation: str | None = None
    modelId: str | None = None  # noqa: N815
    input: _Input | None = None
    output: _Output | None = None
    identity: _Identity | None = None
    inferenceRegion: str | None = None  # noqa: N815
    requestMetadata: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815
    errorCode: str | None = None  # noqa: N815
    schemaType: str = SCHEMA_TYPE  # noqa: N815
    outcrop: _Own | None = None
    lost: int = 0


class _InputBody(msgspec.Struct, gc=False):
    inputBodyJson: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815
    inputBodyS3Path: str | None = None  # noqa: N815


class _OutputBody(msgspec.Struct, gc=False):
    outputBodyJson: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815
    outputBodyS3Path: str | None = None  # noqa: N815


class _Content(msgspec.Struct, gc=False):
    requestId: str | None = None  # noqa: N815
    timestamp: str = ""
    operation: str | None = None
    modelId: str | None = None  # noqa: N815
    schemaType: str = SCHEMA_TYPE  # noqa: N815
    input: _InputBody | None = None
    output: _OutputBody | None = None


class _CacheCreation(msgspec.Struct, gc=False):
    ephemeral_1h_input_tokens: int | None = None


class _CacheDetail(msgspec.Struct, gc=False):
    ttl: str | None = None
    inputTokens: int | None = None  # noqa: N815


class _Usage(msgspec.Struct, gc=False):
    cache_creation: _CacheCreation | None = None
    cacheDetails: list[_CacheDetail] | None = None  # noqa: N815


class _Metrics(msgspec.Struct, gc=False):
    latencyMs: int | None = None  # noqa: N815


class _Said(msgspec.Struct, gc=False):
    stop_reason: str | None = None
    stopReason: str | None = None  # noqa: N815
    usage: _Usage | None = None
    metrics: _Metrics | None = None


_decode = msgspec.json.Decoder(_Record)
_decode_content = msgspec.json.Decoder(_Content)
_decode_said = msgspec.json.Decoder(_Said).decode
_decode_any = msgspec.json.Decoder(Document).decode

#: Bytes at the end of a stream's events in which its last ones stand.
_TAIL: Final = 4096
_VALUE: Final = re.compile(rb'\s*:\s*("[^"\\]{0,64}"|\d{1,15})')


@dataclass(slots=True)
class Batch:
    """Columns of calls, and what was no call.

    Attributes:
        columns: Name → values, all of one length.
        damaged: Lines that aren't records.
        lost: Calls that a recorder has said to be lost.
        read: Calls.
    """

    columns: dict[str, list[Any]]
    damaged: int = 0
    lost: int = 0
    read: int = 0


def read_calls(text: bytes) -> Batch:
    """The calls in some lines.

    Args:
        text: Whole lines of JSON.
    """
    batch = Batch({})
    found: list[_Record] = _records(text, _decode, batch)
    records = [one for one in found if one.schemaType == SCHEMA_TYPE and one.timestamp]
    if len(records) < len(found):
        other = [one for one in found if one.schemaType == LOSS_SCHEMA]
        batch.lost = sum(one.lost for one in other)
        batch.damaged += len(found) - len(records) - len(other)
    batch.read = len(records)
    batch.columns = _columns(records)
    return batch


def _columns(records: list[_Record]) -> dict[str, list[Any]]:
    """A list at a time: this is what most of the time is spent on."""
    asked = [one.input or _NOTHING_ASKED for one in records]
    said = [one.output or _NOTHING_SAID for one in records]
    own = [one.outcrop or _NOTHING_OWN for one in records]
    who = [one.identity or _NOBODY for one in records]
    read = [_read_output(bytes(one.outputBodyJson)) for one in said]
    return {
        "timestamp": [one.timestamp for one in records],
        "account": [one.accountId for one in records],
        "region": [one.region for one in records],
        "inference_region": [one.inferenceRegion for one in records],
        "request_id": [one.requestId for one in records],
        "operation": [one.operation for one in records],
        "model_id": [one.modelId for one in records],
        "identity": [one.arn or one.accessKeyId for one in who],
        "input_tokens": [one.inputTokenCount or 0 for one in asked],
        "output_tokens": [one.outputTokenCount or 0 for one in said],
        "cache_read_tokens": [one.cacheReadInputTokenCount or 0 for one in asked],
        "cache_write_tokens": [one.cacheWriteInputTokenCount or 0 for one in asked],
        "cache_write_1h_tokens": [one[1] for one in read],
        "max_tokens": [_max_tokens(one.inputBodyJson) for one in asked],
        "latency_ms": [
            one[2] if mine.latencyMs is None else mine.latencyMs
            for one, mine in zip(read, own, strict=True)
        ],
        "first_byte_ms": [
            one[3] if mine.firstByteMs is None else mine.firstByteMs
            for one, mine in zip(read, own, strict=True)
        ],
        "stop_reason": [one[0] or mine.stopReason for one, mine in zip(read, own, strict=True)],
        "error": [one.errorCode for one in records],
        "metadata": [_text(one.requestMetadata) for one in records],
    }


def read_contents(text: bytes) -> Batch:
    """What was said in some lines: bodies as JSON, or the paths where they lie.

    Args:
        text: Whole lines of JSON.
    """
    names = ("request_id", "timestamp", "operation", "model_id", *CONTENT)
    batch = Batch({name: [] for name in names})
    columns = batch.columns
    for record in _records(text, _decode_content, batch):
        if record.schemaType != SCHEMA_TYPE or not record.timestamp:
            continue
        asked, said = record.input, record.output
        columns["request_id"].append(record.requestId)
        columns["timestamp"].append(record.timestamp)
        columns["operation"].append(record.operation)
        columns["model_id"].append(record.modelId)
        columns["input"].append(_text(asked.inputBodyJson) if asked else None)
        columns["output"].append(_text(said.outputBodyJson) if said else None)
        columns["input_path"].append(asked.inputBodyS3Path if asked else None)
        columns["output_path"].append(said.outputBodyS3Path if said else None)
        batch.read += 1
    return batch


def _records(text: bytes, decoder: msgspec.json.Decoder[Any], batch: Batch) -> list[Any]:
    try:
        return decoder.decode_lines(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # one of the lines: they are looked at one by one
    found: list[Any] = []
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            found.append(decoder.decode(line))
        except msgspec.ValidationError:
            try:
                found.append(msgspec.convert(_tidy(_decode_any(line)), decoder.type, strict=False))
            except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
                batch.damaged += 1
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            batch.damaged += 1
    return found


def _tidy(record: Document) -> Document:
    """A record without the members that have another type than AWS gives them."""
    tidy: Document = {}
    for name, value in record.items():
        if name in ("input", "output", "identity", "outcrop"):
            part = cast("Document", value) if isinstance(value, dict) else {}
            tidy[name] = {
                key: msgspec.Raw(msgspec.json.encode(inner)) if key == "outputBodyJson" else inner
                for key, inner in part.items()
                if key
                in ("inputBodyS3Path", "outputBodyS3Path", "arn", "accessKeyId", "stopReason")
                or (key.endswith(("Count", "Ms")) and isinstance(inner, int))
                or key == "outputBodyJson"
            }
        elif name == "requestMetadata":
            tidy[name] = msgspec.Raw(msgspec.json.encode(value))
        elif name == "lost" or isinstance(value, str):
            tidy[name] = value
    return tidy


def _text(raw: msgspec.Raw) -> str | None:
    return bytes(raw).decode("utf-8", "replace") or None


_NOTHING_ASKED: Final = _Input()
_NOTHING_SAID: Final = _Output()
_NOTHING_OWN: Final = _Own()
_NOBODY: Final = _Identity()


def _max_tokens(body: Any) -> int | None:
    if not isinstance(body, _Asked):
        return None
    wanted = body.max_tokens
    if wanted is None and body.inferenceConfig is not None:
        wanted = body.inferenceConfig.maxTokens
    return wanted if isinstance(wanted, int) and 0 <= wanted < 2**62 else None


def _read_output(body: bytes) -> tuple[str | None, int, int | None, int | None]:
    """Why it stopped, tokens written to the cache for an hour, latency, time to the first byte."""
    if body.startswith(b"["):
        return _read_events(body)
    if not body.startswith(b"{"):
        return None, 0, None, None
    try:
        said = _decode_said(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, 0, None, None
    usage, metrics = said.usage, said.metrics
    one_hour = 0
    if usage is not None and usage.cache_creation is not None:
        one_hour = usage.cache_creation.ephemeral_1h_input_tokens or 0
    for detail in (usage and usage.cacheDetails) or ():
        one_hour += detail.inputTokens or 0 if detail.ttl == "1h" else 0
    return said.stop_reason or said.stopReason, one_hour, metrics and metrics.latencyMs, None


def _read_events(body: bytes) -> tuple[str | None, int, int | None, int | None]:
    """The same of a stream's events: the last two tell, and the first one of the cache."""
    stop = _after(body, b'"stop_reason"')
    return (
        stop.strip(b'"').decode("utf-8", "replace") if stop and stop.startswith(b'"') else None,
        _number(_after(body, b'"ephemeral_1h_input_tokens"', first=True)) or 0,
        _number(_after(body, b'"invocationLatency"')),
        _number(_after(body, b'"firstByteLatency"')),
    )


def _after(body: bytes, name: bytes, *, first: bool = False) -> bytes | None:
    """The value of a member near the end, or the beginning, of some events; None if there is none.

    Where such a name stands in a text, it stands behind a backslash.
    """
    at = body.find(name, 0, _TAIL) if first else body.rfind(name, -min(_TAIL, len(body)))
    if at <= 0 or body[at - 1 : at] == b"\\":
        return None
    value = _VALUE.match(body, at + len(name))
    return value[1] if value else None


def _number(value: bytes | None) -> int | None:
    return int(value) if value is not None and value.isdigit() else None
