"""A folder in which a client records its calls, in AWS's own format.

Rules: a call hands in what it has and goes on; a thread of its own makes the record and writes it.
The queue is bounded in number and bytes: what doesn't fit is lost, counted and told, in the log and
in the folder itself. What can't be written now (a full disk) waits in the queue. Whatever goes
wrong here, no call fails of it.

Lines are handed to the operating system some times a second, so that a process that is killed loses
a fraction of a second; the disk is told to hold them every five seconds and at the end.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

from outcrop.bedrock import invocation_log
from outcrop.delivery import retention
from outcrop.delivery.day_files import DayFiles
from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from outcrop.bedrock.invocation_log import Invocation, Record

    Redactor = Callable[[Record], Record]

Content = Literal["full", "metadata", "redacted"]

#: Days that stay, today's among them, unless told otherwise.
RETENTION_DAYS: Final = 30
#: Calls, and bytes of their bodies, that may wait to be written.
MAX_CALLS: Final = 10_000
MAX_BYTES: Final = 64 * 1024 * 1024
#: Seconds: calls that come within them are written together.
GATHER_SECONDS: Final = 0.2
#: Seconds until what couldn't be written is tried again.
RETRY_SECONDS: Final = 1.0
#: Seconds that `close` waits for what is still to be written.
CLOSE_SECONDS: Final = 5.0
#: Seconds between two warnings of the same kind.
WARN_SECONDS: Final = 60.0
#: What a line is that tells how many calls were lost.
LOSS_SCHEMA: Final = "OutcropActivityLoss"
#: Seconds by which the clock may drift from the steady one before nothing is pruned by it.
_JUMP: Final = 3600.0
_BATCH: Final = 500

_log = logging.getLogger("outcrop.activity")


class ActivityFolder:
    """Records calls in a folder; any number of clients, threads and processes may share it.

    ```python
    log = ActivityFolder("~/.outcrop/activity", content="redacted")
    client = AnthropicBedrock(activity=log)
    ```

    Attributes:
        path: The folder.
        content: What of prompts and completions is kept: all (`full`), nothing (`metadata`), or
            what a redactor leaves (`redacted`).
        retention_days: Days that stay; older ones are taken away as new ones begin.
        written: Calls that are written.
        lost: Calls that aren't and won't be.
        last_error: Why the last attempt failed, None if it didn't.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        content: Content = "full",
        redact: Redactor | None = None,
        retention_days: int = RETENTION_DAYS,
        identity: str | None = None,
        max_calls: int = MAX_CALLS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """A folder; nothing is touched before the first call is recorded.

        Args:
            path: Of the folder; `~` is the home directory. It is made if it isn't there.
            content: `full`, `metadata` or `redacted`.
            redact: For `redacted`, in place of the patterns that are there: it gets a record and
                gives what may be written. If it fails, that record is written without content.
            retention_days: 1 or more.
            identity: ARN to record as who calls; else the access key ID stands there.
            max_calls: Calls that may wait to be written.
            max_bytes: Bytes of their bodies that may.

        Raises:
            ConfigurationError: For values that can't be right.
        """
        if content not in get_args(Content):
            raise ConfigurationError(
                f"content={content!r} isn't one of {', '.join(get_args(Content))}."
            )
        if redact is not None and content != "redacted":
            raise ConfigurationError(
                f"redact goes with content='redacted', not {content!r}.",
                mend="Give content='redacted', or leave redact out.",
            )
        if retention_days < 1:
            raise ConfigurationError(
                f"retention_days={retention_days!r} isn't a number of days.", mend="Give 1 or more."
            )
        self.path = Path(path).expanduser()
        self.content: Content = content
        self.retention_days = retention_days
        self.identity = identity
        self._redact = redact
        self._max_calls, self._max_bytes = max_calls, max_bytes
        self.written = 0
        self.lost = 0
        self.last_error: str | None = None
        self._told = 0  # of the lost ones, in the folder
        self._warned = float("-inf")
        self.start_over()
        _folders.add(self)

    def start_over(self) -> None:
        """Nothing queued, no thread: at first, and in a process that was forked off."""
        self._lock = threading.Lock()
        self._queue: deque[tuple[Callable[[], Invocation], int]] = deque()
        self._bytes = 0
        self._ready = threading.Event()
        self._empty = threading.Event()
        self._empty.set()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._files = DayFiles(self.path)
        self._clocks = (time.time(), time.monotonic())
        self._pruned = ""

    def __repr__(self) -> str:
        return (
            f"<ActivityFolder {str(self.path)!r} content={self.content!r} "
            f"written={self.written} lost={self.lost}>"
        )

    def put(self, invocation: Callable[[], Invocation], *, size: int) -> None:
        """Hands a call in; never waits, never fails.

        Args:
            invocation: Makes it; called in the thread that writes.
            size: Bytes that it keeps in memory.
        """
        with self._lock:
            if len(self._queue) >= self._max_calls or self._bytes + size > self._max_bytes:
                self.lost += 1
                return
            self._queue.append((invocation, size))
            self._bytes += size
            if self._thread is None:
                self._begin()
        if not self._ready.is_set():
            self._empty.clear()
            self._ready.set()

    def _begin(self) -> None:
        self._closing.clear()
        self._thread = threading.Thread(target=self._run, name="outcrop-activity", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # no more threads: the queue fills, and the loss is counted
            self._thread = None
            self.last_error = str(error)

    def flush(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Waits until all that was handed in is written; False if the time was too short.

        Args:
            timeout: Seconds.
        """
        if self._thread is None and not self._queue:
            return True
        return self._empty.wait(timeout)

    def close(self) -> None:
        """Writes what is queued, for some seconds at most, and ends the thread.

        What can't be written by then is lost, and counted. A call that comes later begins anew.
        """
        thread = self._thread
        if thread is None:
            return
        self._closing.set()
        self._ready.set()
        thread.join(CLOSE_SECONDS)
        if left := len(self._queue):
            self.lost += left
            self._warn(f"{left} calls weren't recorded in {self.path}: {self.last_error}")

    # In the thread ───────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        records: list[tuple[float, Record, int]] = []
        while not (self._closing.is_set() and not self._queue and not records):
            self._ready.wait()
            self._closing.wait(GATHER_SECONDS)
            self._ready.clear()
            while self._queue or records:
                self._take(records)
                if not self._write(records) and self._closing.wait(RETRY_SECONDS):
                    self._give_up(records)
            with self._lock:
                if not self._queue and not self._ready.is_set():
                    self._empty.set()
        self._end()

    def _take(self, records: list[tuple[float, Record, int]]) -> None:
        while self._queue and len(records) < _BATCH:
            make, size = self._queue.popleft()
            try:
                invocation = make()
                records.append((invocation.began, self._record(invocation), size))
            except Exception as error:  # noqa: BLE001 - one call that can't be recorded harms no other
                self._release(size)
                self._lose(1, f"a record couldn't be made ({type(error).__name__})")

    def _record(self, invocation: Invocation) -> Record:
        record = invocation_log.write_record(invocation)
        more = record.setdefault("outcrop", {})
        more["content"] = self.content
        if self.identity is not None:
            record["identity"] = {**record.get("identity", {}), "arn": self.identity}
            record["accountId"] = record["accountId"] or self.identity.split(":")[4:5][0]
        if self.content == "redacted":
            return self._redacted(record)
        if self.content == "metadata":
            _strip(record)
        return record

    def _redacted(self, record: Record) -> Record:
        from outcrop.delivery import redaction

        try:
            invocation_log.join_pieces(record)  # what is looked for may stand across two of them
            return (self._redact or redaction.redact)(record)
        except Exception as error:  # noqa: BLE001 - it is the user's, and may raise anything
            self._warn(f"The redactor failed ({type(error).__name__}): content is left out.")
            _strip(record)
            record["outcrop"]["content"] = "metadata"
            return record

    def _write(self, records: list[tuple[float, Record, int]]) -> bool:
        """Writes records and takes them off the list; False if not all of them could be."""
        if self._told < self.lost:
            records.insert(0, (time.time(), self._loss(), 0))
        try:
            done = self._files.append([(began, record) for began, record, _ in records])
            self._files.sync()
        except OSError as error:
            done = 0
            self.last_error = error.strerror or str(error)
            self._warn(f"Calls can't be recorded in {self.path}: {self.last_error}")
        for _, record, size in records[:done]:
            self._release(size)
            if record["schemaType"] == LOSS_SCHEMA:
                self._told += record["lost"]
            else:
                self.written += 1
        served = any("errorCode" not in record for _, record, _ in records[:done])
        del records[:done]
        records[:] = [row for row in records if row[1]["schemaType"] != LOSS_SCHEMA]
        if served:
            self.last_error = None
            self._prune()
        return not records

    def _loss(self) -> Record:
        return {
            "timestamp": invocation_log.timestamp(time.time()),
            "lost": self.lost - self._told,
            "reason": self.last_error or "the queue was full",
            "schemaType": LOSS_SCHEMA,
            "schemaVersion": "1.0",
        }

    def _prune(self) -> None:
        """Takes old days away as a new one begins.

        Only behind a call that was answered: AWS refuses signatures of clocks that are off.
        """
        if self._files.day == self._pruned:
            return
        self._pruned = self._files.day
        now, (wall, steady) = time.time(), self._clocks
        if abs((now - wall) - (time.monotonic() - steady)) > _JUMP:
            self._warn("The clock has jumped: no old days are taken away by it.")
            return
        try:
            pruned = retention.prune(self.path, keep=self.retention_days, now=now)
        except OSError as error:
            self._warn(f"Old days of {self.path} weren't taken away: {error}")
            return
        if pruned.files:
            _log.info("Took %d files of old days away from %s", len(pruned.files), self.path)

    def _release(self, size: int) -> None:
        with self._lock:
            self._bytes -= size

    def _lose(self, count: int, why: str) -> None:
        self.lost += count
        self._warn(f"{count} calls weren't recorded in {self.path}: {why}")

    def _give_up(self, records: list[tuple[float, Record, int]]) -> None:
        count = len(records)
        records.clear()
        with self._lock:
            count += len(self._queue)
            self._queue.clear()
            self._bytes = 0
        self._lose(count, self.last_error or "it couldn't be written")

    def _end(self) -> None:
        try:
            self._files.close()
        except OSError as error:
            self.last_error = error.strerror or str(error)
        with self._lock:
            self._thread = None
        self._empty.set()

    def _warn(self, text: str) -> None:
        now = time.monotonic()
        if now - self._warned > WARN_SECONDS:
            self._warned = now
            _log.warning("%s (%d lost so far)", text, self.lost)


def _strip(record: Record) -> None:
    """Takes the bodies out; why the model stopped stays."""
    if (reason := invocation_log.stop_reason(record)) is not None:
        record["outcrop"]["stopReason"] = reason
    for side in ("input", "output"):
        record.get(side, {}).pop(f"{side}BodyJson", None)


# All folders of the process ──────────────────────────────────────────────────────────────────────

_folders: weakref.WeakSet[ActivityFolder] = weakref.WeakSet()
_shared: dict[tuple[Path, Content, int], ActivityFolder] = {}


def shared(
    path: str | os.PathLike[str], *, content: Content, retention_days: int
) -> ActivityFolder:
    """The folder of that path, the same one for all clients that ask alike.

    Raises:
        ConfigurationError: For values that can't be right.
    """
    key = (Path(path).expanduser().absolute(), content, retention_days)
    if key not in _shared:
        _shared[key] = ActivityFolder(key[0], content=content, retention_days=retention_days)
    return _shared[key]


@atexit.register
def _close_all() -> None:
    for folder in list(_folders):
        folder.close()


def _start_over() -> None:
    for folder in list(_folders):
        folder.start_over()  # a fork has none of the parent's threads


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_start_over)
