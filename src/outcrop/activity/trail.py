"""CloudTrail's events of Bedrock: who did what on the control plane, beside the invocations.

Rules: a file is one JSON object with `Records`; only Bedrock's events are kept; what can't be read
is told as for records of invocations.
Source: AWS CloudTrail User Guide, "CloudTrail record contents" and "CloudTrail log file examples".
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from outcrop.activity import lines, source
from outcrop.activity.worker import Told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outcrop.activity.source import File

_SOURCES: Final = ("bedrock.amazonaws.com", "bedrock-runtime.amazonaws.com")


class _Identity(msgspec.Struct):
    arn: str | None = None
    accessKeyId: str | None = None  # noqa: N815 - CloudTrail's names, here and below


class _Event(msgspec.Struct):
    eventTime: str = ""  # noqa: N815
    eventName: str | None = None  # noqa: N815
    eventSource: str = ""  # noqa: N815
    awsRegion: str | None = None  # noqa: N815
    userIdentity: _Identity | None = None  # noqa: N815
    sourceIPAddress: str | None = None  # noqa: N815
    userAgent: str | None = None  # noqa: N815
    errorCode: str | None = None  # noqa: N815
    requestID: str | None = None  # noqa: N815


class _Events(msgspec.Struct):
    Records: list[msgspec.Raw]


_decode = msgspec.json.Decoder(_Events).decode
_decode_event = msgspec.json.Decoder(_Event).decode


def read(files: Iterable[File]) -> tuple[list[Told], list[tuple[Any, ...]]]:
    """The rows of the table `trail`, and what is to be told of the files."""
    told: list[Told] = []
    rows: list[tuple[Any, ...]] = []
    for file, data in source.read(files):
        if isinstance(data, Exception):
            reason = f"it can't be read: {data}".partition("\n")[0]
            told.append(Told(file.name, file.size, 0, 1, 0, reason))
            continue
        events, odd, reason = _events(data)
        kept = [event for event in events if event.eventSource in _SOURCES]
        rows += [_row(event, file.name) for event in kept]
        damaged = odd + bool(reason)
        reason = reason or (f"{odd} of its records are no events" if odd else "")
        told.append(Told(file.name, file.size, len(kept), damaged, 0, reason))
    return told, rows


def _events(data: bytes) -> tuple[list[_Event], int, str]:
    """The events of a file, how many are none, and what is wrong with the file itself."""
    unpacked = lines.unpack_all(data)
    try:
        found, reason = _decode(unpacked.text).Records, unpacked.reason
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = _salvaged(unpacked.text)
        reason = unpacked.reason or f"it isn't CloudTrail's: {error}"
    events: list[_Event] = []
    odd = 0
    for raw in found:
        try:
            events.append(_decode_event(raw))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            odd += 1
    return events, odd, reason


def _salvaged(text: bytes) -> list[bytes]:
    """The whole events of a file that breaks off."""
    start = text.find(b'"Records"')
    rest = text[text.find(b"[", start) + 1 :].decode("utf-8", "replace") if start >= 0 else ""
    decoder = json.JSONDecoder()
    found: list[bytes] = []
    at = 0
    while (at := rest.find("{", at)) >= 0:
        try:
            event, at = decoder.raw_decode(rest, at)
        except (ValueError, RecursionError):
            break
        found.append(json.dumps(event).encode())
    return found


def _row(event: _Event, name: str) -> tuple[Any, ...]:
    who = event.userIdentity or _Identity()
    return (
        _time(event.eventTime),
        event.eventName,
        event.eventSource,
        event.awsRegion,
        who.arn or who.accessKeyId,
        who.accessKeyId,
        event.sourceIPAddress,
        event.userAgent,
        event.errorCode,
        event.requestID,
        name,
    )


def _time(text: str) -> datetime | None:
    """In UTC, without saying so, as the views have it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
