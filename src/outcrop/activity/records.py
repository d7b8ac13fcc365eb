"""One record of an invocation, boiled down to the columns that questions are asked of.

Rules: a record is read once, its bodies are passed over but for the few members that count; what
has another shape than expected costs a column, never the record; lines that aren't records at all
are counted, but for Bedrock's greeting of a log group. The columns are those of the Parquet files,
too.

Sources: Amazon Bedrock User Guide, "Monitor model invocation using CloudWatch Logs and Amazon S3";
`outcrop.bedrock.invocation_log`, which writes the same.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast

import msgspec

from outcrop.activity import lines
from outcrop.bedrock.invocation_log import SCHEMA_TYPE
from outcrop.delivery.activity_folder import LOSS_SCHEMA
from outcrop.messages.assembly import METRICS

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


#: No count of tokens or milliseconds comes near; millions of them still have a sum in 64 bits.
_MOST: Final = 2**40
_Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]


class _Limits(msgspec.Struct, gc=False):
    maxTokens: Any = None  # noqa: N815 - AWS's names, here and below


class _Asked(msgspec.Struct, gc=False):
    max_tokens: Any = None
    inferenceConfig: _Limits | None = None  # noqa: N815


class _Input(msgspec.Struct, gc=False):
    inputTokenCount: _Count | None = None  # noqa: N815
    cacheReadInputTokenCount: _Count | None = None  # noqa: N815
    cacheWriteInputTokenCount: _Count | None = None  # noqa: N815
    inputBodyJson: _Asked | str | list[msgspec.Raw] | float | bool | None = None  # noqa: N815


class _CacheCreation(msgspec.Struct, gc=False):
    ephemeral_1h_input_tokens: _Count | None = None


class _CacheDetail(msgspec.Struct, gc=False):
    ttl: str | None = None
    inputTokens: _Count | None = None  # noqa: N815


class _Usage(msgspec.Struct, gc=False):
    cache_creation: _CacheCreation | None = None
    cacheDetails: list[_CacheDetail] | None = None  # noqa: N815


class _Metrics(msgspec.Struct, gc=False):
    latencyMs: _Count | None = None  # noqa: N815


class _Said(msgspec.Struct, gc=False):
    stop_reason: str | None = None
    stopReason: str | None = None  # noqa: N815
    usage: _Usage | None = None
    metrics: _Metrics | None = None


class _Delta(msgspec.Struct, gc=False):
    stop_reason: str | None = None


class _StopMetrics(msgspec.Struct, gc=False):
    invocationLatency: _Count | None = None  # noqa: N815
    firstByteLatency: _Count | None = None  # noqa: N815


class _Event(msgspec.Struct, gc=False):
    delta: _Delta | str | None = None
    message: _Said | str | None = None
    metrics: _StopMetrics | None = msgspec.field(default=None, name=METRICS)


class _Output(msgspec.Struct, gc=False):
    outputTokenCount: _Count | None = None  # noqa: N815
    outputBodyJson: (  # noqa: N815
        _Said | list[_Event | str | float | bool | None] | str | float | bool | None
    ) = None


class _Identity(msgspec.Struct, gc=False):
    arn: str | None = None
    accessKeyId: str | None = None  # noqa: N815


class _Own(msgspec.Struct, gc=False):
    latencyMs: _Count | None = None  # noqa: N815
    firstByteMs: _Count | None = None  # noqa: N815
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
    lost: _Count = 0


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


#: Lines that are there though they are no records: blank ones, and what Bedrock writes to a log
#: group when logging is configured (`outcrop.delivery.cloudwatch`, which takes a while to load).
_NO_RECORDS: Final = (b"", b"Permissions are correctly set for Amazon Bedrock logs.")

_decode = msgspec.json.Decoder(_Record)
_decode_content = msgspec.json.Decoder(_Content)
_decode_any = msgspec.json.Decoder(Document).decode


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
    read = [_read_output(one.outputBodyJson) for one in said]
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
        "max_tokens": _max_tokens([one.inputBodyJson for one in asked]),
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
        "metadata": _texts([one.requestMetadata for one in records]),
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
        if line.strip() in _NO_RECORDS:
            continue
        record = _record(line, decoder)
        if record is None:
            batch.damaged += 1
        else:
            found.append(record)
    return found


def _record(line: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    """One line's record, None if it is none."""
    for text in (line, lines.whole_letters(line)):
        try:
            return decoder.decode(text)
        except msgspec.ValidationError:
            with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return _without_oddities(_decode_any(text), decoder)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return None


def _without_oddities(record: Document, decoder: msgspec.json.Decoder[Any]) -> Any:
    """A record without the members that have another type, or size, than AWS gives them."""
    kept: Document = {}
    for name, value in record.items():
        if _fits({name: value}, decoder):
            kept[name] = value
        elif isinstance(value, dict):
            part = cast("Document", value)
            kept[name] = {
                inner: given
                for inner, given in part.items()
                if _fits({name: {inner: given}}, decoder)
            }
    return decoder.decode(msgspec.json.encode(kept))


def _fits(document: Document, decoder: msgspec.json.Decoder[Any]) -> bool:
    try:
        decoder.decode(msgspec.json.encode(document))
    except (msgspec.ValidationError, RecursionError, OverflowError):
        return False
    return True


def _text(raw: msgspec.Raw) -> str | None:
    return bytes(raw).decode("utf-8", "replace") or None


def _texts(raws: list[msgspec.Raw]) -> list[str | None]:
    """The same of many, few of which differ."""
    known: dict[bytes, str | None] = {}
    found: list[str | None] = []
    for raw in raws:
        data = bytes(raw)
        if data not in known:
            known[data] = data.decode("utf-8", "replace") or None
        found.append(known[data])
    return found


_NOTHING_ASKED: Final = _Input()
_NOTHING_SAID: Final = _Output()
_NOTHING_OWN: Final = _Own()
_NOBODY: Final = _Identity()


def _max_tokens(bodies: list[Any]) -> list[int | None]:
    found: list[int | None] = []
    for body in bodies:
        wanted = None
        if isinstance(body, _Asked):
            wanted = body.max_tokens
            if wanted is None and body.inferenceConfig is not None:
                wanted = body.inferenceConfig.maxTokens
        found.append(wanted if isinstance(wanted, int) and 0 <= wanted <= _MOST else None)
    return found


def _read_output(body: Any) -> tuple[str | None, int, int | None, int | None]:
    """Why it stopped, tokens written to the cache for an hour, latency, time to the first byte."""
    if isinstance(body, _Said):
        metrics = body.metrics
        reason = body.stop_reason or body.stopReason
        return reason, _one_hour(body.usage), metrics and metrics.latencyMs, None
    if not isinstance(body, list):
        return None, 0, None, None
    stop: str | None = None
    latency: int | None = None
    first_byte: int | None = None
    events = cast("list[Any]", body)
    for event in reversed(events):  # the last two tell
        if not isinstance(event, _Event):
            continue
        if event.metrics is not None:
            latency, first_byte = event.metrics.invocationLatency, event.metrics.firstByteLatency
        if isinstance(event.delta, _Delta) and event.delta.stop_reason is not None:
            stop = event.delta.stop_reason
            break
    one_hour = 0
    for event in events:  # and the first of the cache
        if isinstance(event, _Event) and isinstance(event.message, _Said):
            one_hour = _one_hour(event.message.usage)
            break
    return stop, one_hour, latency, first_byte


def _one_hour(usage: _Usage | None) -> int:
    if usage is None:
        return 0
    created, details = usage.cache_creation, usage.cacheDetails
    total = created.ephemeral_1h_input_tokens or 0 if created is not None else 0
    for detail in details or ():
        total += detail.inputTokens or 0 if detail.ttl == "1h" else 0
    return min(total, _MOST)
