"""Records as lines in a folder: one file a day and process, bodies that are too long beside it.

Rules: a file has one writer, and lines are only ever added to it; what couldn't be written whole is
taken back, so that a line is broken only if the process or the machine ended while it was written,
and then it is the last one. A long body is there before the record that names it. Only the owner
may read what is written.

    <folder>/2026/11/23/081500Z_4711_0f3a91c2.jsonl
    <folder>/2026/11/23/data/<request ID>_input.json.gz
"""

from __future__ import annotations

import gzip
import os
import re
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from outcrop.bedrock import invocation_log
from outcrop.delivery import retention

if TYPE_CHECKING:
    from pathlib import Path

    from outcrop.bedrock.invocation_log import Record

#: Seconds between two times that the system is told to write to the disk what it holds.
SYNC_SECONDS: Final = 5.0
_SAFE: Final = re.compile(r"[0-9A-Za-z-]{1,128}")


class DayFiles:
    """Appends records to the file of their day.

    Args:
        folder: Where the days are; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._day = ""
        self._file: int | None = None
        self._size = 0
        self._synced = 0.0

    @property
    def day(self) -> str:
        """The day that is written, such as `2026/11/23`; empty before the first."""
        return self._day

    def append(self, records: list[tuple[float, Record]]) -> int:
        """Adds records; how many were written is told even if the last ones couldn't be.

        Args:
            records: Each with its time, in seconds since the epoch.

        Returns:
            How many of them are written, from the first on.

        Raises:
            OSError: Not even the first could be written.
        """
        done = 0
        try:
            while done < len(records):
                day = _day(records[done][0])
                end = done
                while end < len(records) and _day(records[end][0]) == day:
                    end += 1
                self._open(day)
                lines = [self._line(record) for _, record in records[done:end]]
                self._write(b"".join(lines))
                done = end
        except OSError:
            if not done:
                raise
        return done

    def _open(self, day: str) -> None:
        if self._file is not None and day == self._day:
            return
        self.close()
        retention.mark(self._folder)
        place = self._folder / day
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        stamp = datetime.now(UTC).strftime("%H%M%SZ")
        path = place / f"{stamp}_{os.getpid()}_{secrets.token_hex(4)}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._day, self._size = day, 0

    def _line(self, record: Record) -> bytes:
        for side in ("input", "output"):
            body = invocation_log.take_out(record, side)
            if body is not None:
                record[side][f"{side}BodyS3Path"] = self._put_aside(record, side, body)
        return invocation_log.dump(record) + b"\n"

    def _put_aside(self, record: Record, side: str, body: bytes) -> str:
        """Writes a long body to a file of its own, and gives its path below the folder."""
        request_id = str(record["requestId"])
        if not _SAFE.fullmatch(request_id):  # it came from outside, and becomes a file's name
            request_id = secrets.token_hex(16)
        name = f"{self._day}/data/{request_id}_{side}.json.gz"
        path = self._folder / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb") as packed:
                packed.write(body)
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        return name

    def _write(self, data: bytes) -> None:
        assert self._file is not None  # `_open` has opened it
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            os.ftruncate(self._file, self._size)
            os.lseek(self._file, self._size, os.SEEK_SET)
            raise
        self._size += len(data)

    def sync(self) -> None:
        """Has the disk hold what was written, if the last time was a while ago.

        Raises:
            OSError: It couldn't.
        """
        if self._file is not None and time.monotonic() - self._synced > SYNC_SECONDS:
            self._synced = time.monotonic()
            os.fsync(self._file)

    def close(self) -> None:
        """Ends the file, on the disk; the next record begins another.

        Raises:
            OSError: The disk doesn't hold it.
        """
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            os.fsync(file)
        finally:
            os.close(file)


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y/%m/%d")
