"""CloudTrail's events of Bedrock: who did what on the control plane, beside the invocations.

Rules: a file is one JSON object with `Records`; only Bedrock's events are kept; what can't be read
is told as for records of invocations.
Source: AWS CloudTrail User Guide, "CloudTrail record contents" and "CloudTrail log file examples".
"""

from __future__ import annotations

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
    Records: list[_Event]


_decode = msgspec.json.Decoder(_Events).decode


def read(files: Iterable[File]) -> tuple[list[Told], list[tuple[Any, ...]]]:
    """The rows of the table `trail`, and what is to be told of the files."""
    told: list[Told] = []
    rows: list[tuple[Any, ...]] = []
    for file, data in source.read(files):
        reason = ""
        events: list[_Event] = []
        try:
            if isinstance(data, Exception):
                reason = f"it can't be read: {data}".partition("\n")[0]
            else:
                events = _decode(lines.unpack(data).text).Records
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = f"it isn't CloudTrail's: {error}"
        kept = [event for event in events if event.eventSource in _SOURCES]
        rows += [_row(event, file.name) for event in kept]
        told.append(Told(file.name, file.size, len(kept), int(bool(reason)), 0, reason))
    return told, rows


def _row(event: _Event, name: str) -> tuple[Any, ...]:
    who = event.userIdentity or _Identity()
    return (
        event.eventTime.rstrip("Z") or None,
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
