"""Records as log events in CloudWatch Logs, in the stream that Bedrock writes.

Rules: PutLogEvents' bounds hold for every batch; events are in order of time; the log group has to
be there, the stream is made. A body that is too long for its record goes to the bucket that is
configured for large data, and is dropped where none is. A batch whose reply got lost is sent again,
so an event may be there twice: CloudWatch Logs tells no two events apart.
Sources: botocore `logs/2014-03-28/service-2.json` (PutLogEvents); Amazon Bedrock User Guide,
"Monitor model invocation using CloudWatch Logs and Amazon S3".
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from outcrop.bedrock import invocation_log
from outcrop.delivery.batches import Parcel
from outcrop.delivery.objects import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outcrop.delivery.batches import Packing
    from outcrop.delivery.objects import Folder, Objects

Record = dict[str, Any]

STREAM: Final = "aws/bedrock/modelinvocations"
#: What Bedrock itself writes there when logging is configured, as publicly reported.
GREETING: Final = "Permissions are correctly set for Amazon Bedrock logs."

#: "The maximum batch size is 1,048,576 bytes … plus 26 bytes for each log event."
MAX_BATCH: Final = 1_048_576
OVERHEAD: Final = 26
#: "The maximum number of log events in a batch is 10,000."
MAX_EVENTS: Final = 10_000
#: "The time span in a single batch cannot exceed 24 hours."
MAX_SPAN: Final = 24 * 3600 * 1000
#: Bytes of an event with its overhead. AWS takes 1 MB today; its stand-ins, and AWS until 2025,
#: 256 KB. Two bodies that stay in their record have 200 KB at most.
MAX_EVENT: Final = 256 * 1024

#: Seconds that a request may take.
TIMEOUT: Final = 10.0


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group, as a region's Bedrock writes to it.

    Attributes:
        name: Its name.
        region: Where it is.
        large_data: Where bodies go that are too long, None if they are dropped.
    """

    name: str
    region: str
    large_data: Folder | None = None


class LogEvents:
    """Packs records into calls of PutLogEvents.

    Args:
        connect: Gives boto3's `logs` client of a region.
        objects: Writes bodies that are too long; None drops them.
    """

    def __init__(self, connect: Callable[[str], Any], objects: Objects | None = None) -> None:
        self._connect = connect
        self._objects = objects

    def pack(self, group: LogGroup, rows: Sequence[Packing]) -> Iterator[Parcel]:
        """Makes parcels of records; for `Batches`."""
        batch: list[_Event] = []
        size = 0
        for event in sorted((self._event(group, row) for row in rows), key=lambda row: row.time):
            added = event.bytes + OVERHEAD
            late = batch and event.time - batch[0].time >= MAX_SPAN
            if late or size + added > MAX_BATCH or len(batch) == MAX_EVENTS:
                yield self._parcel(group, batch)
                batch, size = [], 0
            batch.append(event)
            size += added
        if batch:
            yield self._parcel(group, batch)

    def check(self, group: LogGroup, *, now: float) -> None:
        """Makes the stream and writes Bedrock's first line to it; raises what botocore raises.

        Args:
            group: The log group.
            now: Seconds since the epoch.
        """
        client = self._connect(group.region)
        _make_stream(client, group)
        _put(client, group, [{"timestamp": round(now * 1000), "message": GREETING}])

    def _event(self, group: LogGroup, row: Packing) -> _Event:
        record, folder = row.record, group.large_data
        if folder is not None and self._objects is not None:
            aside = self._objects.put_aside(record, folder)
        else:
            aside = []
            for side in ("input", "output"):
                invocation_log.take_out(record, side)
        data = invocation_log.dump(record)
        return _Event(
            round(moment(record) * 1000),
            data.decode(),
            len(data),
            row.size,
            tuple(aside),
            fits=len(data) + OVERHEAD <= MAX_EVENT,
        )

    def _parcel(self, group: LogGroup, events: list[_Event]) -> Parcel:
        def send() -> int:
            for event in events:
                for key, data in event.aside:
                    assert self._objects is not None  # it made them
                    assert group.large_data is not None
                    self._objects.put(group.large_data, key, data)
            wanted = [event for event in events if event.fits]
            rows = [{"timestamp": event.time, "message": event.text} for event in wanted]
            refused = _write(self._connect(group.region), group, rows) if rows else 0
            return len(events) - len(wanted) + refused

        return Parcel(
            f"{group.name}:{STREAM}", len(events), sum(event.size for event in events), send
        )


@dataclass(frozen=True, slots=True)
class _Event:
    time: int
    text: str
    bytes: int
    size: int
    aside: tuple[tuple[str, bytes], ...]
    fits: bool


def _write(client: Any, group: LogGroup, events: list[dict[str, Any]]) -> int:
    """Writes events; how many of them were refused for good."""
    try:
        return _put(client, group, events)
    except client.exceptions.ResourceNotFoundException:
        _make_stream(client, group)
        return _put(client, group, events)


def _put(client: Any, group: LogGroup, events: list[dict[str, Any]]) -> int:
    reply = client.put_log_events(logGroupName=group.name, logStreamName=STREAM, logEvents=events)
    told = reply.get("rejectedLogEventsInfo", {})
    early = max(told.get("tooOldLogEventEndIndex", 0), told.get("expiredLogEventEndIndex", 0))
    return early + len(events) - told.get("tooNewLogEventStartIndex", len(events))


def _make_stream(client: Any, group: LogGroup) -> None:
    with suppress(client.exceptions.ResourceAlreadyExistsException):
        client.create_log_stream(logGroupName=group.name, logStreamName=STREAM)


def connector(endpoint: str, *, timeout: float = TIMEOUT) -> Callable[[str], Any]:
    """What gives botocore's `logs` client of a region, with keys from its chain.

    Args:
        endpoint: URL of CloudWatch Logs or its like.
        timeout: Seconds that a request may take; none is sent again.
    """
    clients: dict[str, Any] = {}
    lock = threading.Lock()

    def connect(region: str) -> Any:
        with lock:
            if region not in clients:
                clients[region] = _client(endpoint, region, timeout)
            return clients[region]

    return connect


def _client(endpoint: str, region: str, timeout: float) -> Any:
    from botocore.config import Config
    from botocore.session import Session

    session: Any = Session()
    return session.create_client(
        "logs",
        region_name=region,
        endpoint_url=endpoint,
        config=Config(
            connect_timeout=min(timeout, 5.0),
            read_timeout=timeout,
            retries={"total_max_attempts": 1, "mode": "standard"},
        ),
    )
