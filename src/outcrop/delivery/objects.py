"""Records as objects in a bucket, in AWS's layout; CloudTrail's events as well.

Rules: one object an account, region, hour and batch, gzip of JSON lines; a body that is too long
lies in an object of its own, which is there before the record that names it; a batch that is sent
again has the same keys, so that nothing is there twice.
Sources: Amazon Bedrock User Guide, "Monitor model invocation using CloudWatch Logs and Amazon S3";
AWS CloudTrail User Guide, "Finding your CloudTrail log files" and "CloudTrail log file name
format".
"""

from __future__ import annotations

import gzip
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from outcrop.bedrock import invocation_log
from outcrop.delivery.batches import Parcel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outcrop.delivery.batches import Packing

Record = dict[str, Any]

#: Bytes of a random part of a name; AWS's have eight, CloudTrail's names 16 letters and digits.
_UNIQUE: Final = 8
_SAFE: Final = re.compile(r"[0-9A-Za-z-]{1,128}")


class Store(Protocol):
    """What objects are put into."""

    def put(self, path: str, file: bytes, /) -> Any:
        """Writes an object, in place of what is there; raises if it can't."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """Where in a bucket an account's and region's objects lie.

    Attributes:
        bucket: Its name.
        prefix: Of all keys, may be empty.
        account: Twelve digits.
        region: Whose records they are.
    """

    bucket: str
    prefix: str
    account: str
    region: str


class Objects:
    """Packs records into objects.

    Args:
        open_bucket: Gives the store of a bucket, by its name and region.
    """

    def __init__(self, open_bucket: Callable[[str, str], Store]) -> None:
        self._open = open_bucket

    def pack(self, folder: Folder, rows: Sequence[Packing]) -> Iterator[Parcel]:
        """Makes parcels of records; for `Batches`."""
        hours: dict[int, list[Packing]] = {}
        for row in rows:
            hours.setdefault(int(moment(row.record) // 3600), []).append(row)
        for batch in hours.values():
            last = max(moment(row.record) for row in batch)
            aside: list[tuple[str, bytes]] = []
            lines: list[bytes] = []
            for row in batch:
                aside += self.put_aside(row.record, folder)
                lines.append(invocation_log.dump(row.record) + b"\n")
            key = invocation_log.object_key(
                last,
                prefix=folder.prefix,
                account=folder.account,
                region=folder.region,
                unique=secrets.token_hex(_UNIQUE),
            )
            objects = [*aside, (key, gzip.compress(b"".join(lines)))]
            yield self._parcel(folder, objects, batch)

    def pack_trail(self, folder: Folder, rows: Sequence[Packing]) -> Iterator[Parcel]:
        """Makes a parcel of CloudTrail's events; for `Batches`."""
        events = [row.record for row in rows]
        last = datetime.fromisoformat(events[-1]["eventTime"])
        body = invocation_log.dump({"Records": events})
        yield self._parcel(folder, [(trail_key(last, folder), gzip.compress(body))], rows)

    def put_aside(self, record: Record, folder: Folder) -> list[tuple[str, bytes]]:
        """Takes bodies that are too long out of a record.

        Returns:
            Keys and contents of the objects for them; the record names them.
        """
        objects: list[tuple[str, bytes]] = []
        for side in ("input", "output"):
            body = invocation_log.take_out(record, side)
            if body is None:
                continue
            request_id = str(record["requestId"])
            if not _SAFE.fullmatch(request_id):  # it becomes a part of the key
                request_id = secrets.token_hex(16)
            key = invocation_log.data_key(
                moment(record),
                prefix=folder.prefix,
                account=folder.account,
                region=folder.region,
                request_id=request_id,
                side=side,
            )
            record[side][f"{side}BodyS3Path"] = f"s3://{folder.bucket}/{key}"
            objects.append((key, gzip.compress(body)))
        return objects

    def put(self, folder: Folder, key: str, data: bytes) -> None:
        """Writes an object; raises what the store raises."""
        self._open(folder.bucket, folder.region).put(key, data)

    def _parcel(
        self, folder: Folder, objects: Sequence[tuple[str, bytes]], rows: Sequence[Packing]
    ) -> Parcel:
        def send() -> int:
            for key, data in objects:
                self.put(folder, key, data)
            return 0

        what = f"s3://{folder.bucket}/{objects[-1][0]}"
        return Parcel(what, len(rows), sum(row.size for row in rows), send)


def moment(record: Record) -> float:
    """The time of a record, in seconds since the epoch."""
    return datetime.fromisoformat(record["timestamp"]).timestamp()


def trail_key(when: datetime, folder: Folder) -> str:
    """The key of an object with CloudTrail's events."""
    when = when.astimezone(UTC)
    account, region = folder.account, folder.region
    start = f"{prefix}/" if (prefix := folder.prefix.strip("/")) else ""
    unique = secrets.token_hex(_UNIQUE)
    name = f"{account}_CloudTrail_{region}_{when:%Y%m%dT%H%MZ}_{unique}.json.gz"
    return f"{start}AWSLogs/{account}/CloudTrail/{region}/{when:%Y/%m/%d}/{name}"
