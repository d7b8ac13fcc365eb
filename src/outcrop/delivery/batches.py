"""A bounded queue, and one thread that sends what is in it, in batches.

Rules: whoever hands a record in never waits; what doesn't fit is lost and counted. What can't be
sent is sent again, each time after a longer pause, until it is given up, and then it is lost and
counted. At any time handed in = `written` + `lost` + `waiting`. One batch that fails holds up no
other, unless the store itself hangs: there is one thread.

What is queued lives in memory. A process that is killed loses it, uncounted: what was handed in
within the last `Bounds.age` seconds, and what the store hadn't taken by then.
"""

from __future__ import annotations

import atexit
import logging
import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from outcrop.delivery.stores import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

_log = logging.getLogger("outcrop.delivery")

Record = dict[str, Any]
W = TypeVar("W", bound="Hashable")

#: Seconds between two warnings.
WARN_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much may wait, and how long.

    Attributes:
        records: Records that may wait to be written.
        bytes: Bytes of them that may.
        age: Seconds that a record waits for others to be sent with it.
        batch: Bytes that are sent at once, however young.
        attempts: How often a batch is sent before it is given up; with these pauses, the last time
            about a minute after the first.
        first_pause: Seconds until the second attempt; each further pause is twice as long.
        longest_pause: Seconds.
        close_seconds: For which `close` waits for what is still to be written.
    """

    records: int = 10_000
    bytes: int = 64 * 1024 * 1024
    age: float = 2.0
    batch: int = 4 * 1024 * 1024
    attempts: int = 8
    first_pause: float = 0.5
    longest_pause: float = 30.0
    close_seconds: float = 5.0


class Packing(NamedTuple):
    """A record to be packed, and the bytes that it was counted with."""

    record: Record
    size: int


@dataclass(slots=True)
class Parcel:
    """Records that are sent at once.

    Attributes:
        what: What it is, for people.
        records: How many.
        size: The bytes that they were counted with.
        send: Sends it, and gives how many of the records were refused for good; raises if it has to
            be sent again. Sending it twice does no harm.
        attempts: How often it was sent in vain.
        due: When it is sent, by the steady clock.
    """

    what: str
    records: int
    size: int
    send: Callable[[], int]
    attempts: int = 0
    due: float = 0.0


class _Item(NamedTuple):
    where: Any
    make: Callable[[], Record]
    size: int
    came: float


class Batches(Generic[W]):
    """Sends records to where they belong.

    Args:
        name: Of its thread and in warnings, such as `invocation logs to S3`.
        pack: Makes parcels of the records of one destination.
        bounds: How much may wait.

    Attributes:
        written: Records that are written.
        lost: Records that aren't and won't be.
        failed: Attempts that failed.
        last_error: Why the last attempt failed, None if it didn't.
    """

    def __init__(
        self,
        name: str,
        pack: Callable[[W, Sequence[Packing]], Iterable[Parcel]],
        *,
        bounds: Bounds | None = None,
    ) -> None:
        self.name = name
        self.written = 0
        self.lost = 0
        self.failed = 0
        self.last_error: str | None = None
        self._pack_for = pack
        self._bounds = bounds or Bounds()
        self._changed = threading.Condition()
        self._queue: deque[_Item] = deque()
        self._queued = 0  # bytes in the queue
        self._waiting = 0
        self._bytes = 0
        self._urgent = False  # what is queued is sent now
        self._hurried = False  # and what waits for its next attempt, too
        self._closing = False
        self._abandoned = False
        self._thread: threading.Thread | None = None
        self._warned = float("-inf")
        self._told = 0  # of the lost ones

    def __repr__(self) -> str:
        counts = f"written={self.written} lost={self.lost} waiting={self._waiting}"
        return f"<Batches {self.name!r} {counts}>"

    @property
    def waiting(self) -> int:
        """Records that are neither written nor lost yet."""
        return self._waiting

    def put(self, where: W, make: Callable[[], Record], *, size: int) -> bool:
        """Hands a record in; never waits for its delivery, never fails.

        Args:
            where: Its destination; records of one are sent together.
            make: Makes the record; called in the thread that sends.
            size: Bytes that it keeps in memory.

        Returns:
            False if it is lost: there is no room, or `close` has given up waiting for the store.
        """
        bounds = self._bounds
        with self._changed:
            full = self._waiting >= bounds.records or self._bytes + size > bounds.bytes
            if not full and not self._abandoned:
                self._accept(_Item(where, make, size, time.monotonic()))
                return True
            self.lost += 1
        self._warn("the queue is full" if full else "the store hangs")
        return False

    def _accept(self, item: _Item) -> None:
        self._queue.append(item)
        self._queued += item.size
        self._waiting += 1
        self._bytes += item.size
        if self._thread is None:
            self._begin()
        elif len(self._queue) == 1 or self._queued >= self._bounds.batch:
            self._changed.notify_all()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"outcrop {self.name}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # no more threads: the queue fills, and the loss is counted
            self._thread = None
            self.last_error = str(error)
        else:
            atexit.register(self.close)

    def flush(self, timeout: float | None = None) -> bool:
        """Sends now what waits; waits until all of it is written or lost.

        Args:
            timeout: Seconds; None for as long as it takes.

        Returns:
            False if the time was too short.
        """
        with self._changed:
            self._urgent, self._hurried = bool(self._queue), True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._waiting, timeout)

    def close(self) -> None:
        """Sends what waits, for some seconds at most, and ends the thread.

        What isn't written by then is lost and counted. A record that is handed in later begins
        anew, unless the thread couldn't be ended.
        """
        left = 0
        with self._changed:
            thread = self._thread
            if thread is None:  # nothing was handed in, or no thread could be started for it
                left = self._give_up()
            else:
                self._closing = self._hurried = True
                self._changed.notify_all()
        if thread is not None:
            atexit.unregister(self.close)
            thread.join(self._bounds.close_seconds)
            with self._changed:
                if self._thread is thread:  # it hasn't ended
                    self._abandoned = True
                    left = self._give_up()
        if left:
            self._warn(self.last_error or "the store didn't answer in time", always=True)
        elif self.lost > self._told:  # warnings are rare, and the last one was a while ago
            self._warn("it was closed", always=True)

    def _give_up(self) -> int:
        """Counts what waits as lost; how much that is."""
        left, self._waiting = self._waiting, 0
        self.lost += left
        self._queue.clear()
        self._queued = self._bytes = 0
        self._changed.notify_all()
        return left

    # In the thread ───────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        parcels: list[Parcel] = []
        while True:
            taken = self._take(parcels)
            parcels += self._pack(taken)
            self._send(parcels)
            with self._changed:
                if self._abandoned:
                    return
                if self._closing and not self._queue and not parcels:
                    self._thread, self._closing = None, False
                    return

    def _take(self, parcels: list[Parcel]) -> list[_Item]:
        """Waits until there is something to do; gives what was queued if its time has come."""
        with self._changed:
            while True:
                now = time.monotonic()
                if self._hurried:
                    self._hurried = False
                    for parcel in parcels:
                        parcel.due = now
                if self._ripe(now):
                    return self._take_some()
                if self._abandoned or any(parcel.due <= now for parcel in parcels):
                    return []
                if self._closing and not parcels:
                    return []
                self._changed.wait(self._pause(parcels, now))

    def _take_some(self) -> list[_Item]:
        """As much of the queue as makes a batch: records take more room than what they came as."""
        taken: list[_Item] = []
        room = self._bounds.batch
        while self._queue and (room > 0 or not taken):
            taken.append(self._queue.popleft())
            room -= taken[-1].size
            self._queued -= taken[-1].size
        if not self._queue:
            self._urgent = False
        return taken

    def _ripe(self, now: float) -> bool:
        """Whether what is queued is to be sent."""
        if not self._queue:
            return False
        old = now - self._queue[0].came >= self._bounds.age
        return old or self._urgent or self._closing or self._queued >= self._bounds.batch

    def _pause(self, parcels: list[Parcel], now: float) -> float | None:
        times = [parcel.due for parcel in parcels]
        if self._queue:
            times.append(self._queue[0].came + self._bounds.age)
        return max(0.0, min(times) - now) if times else None

    def _pack(self, taken: list[_Item]) -> list[Parcel]:
        groups: dict[W, list[Packing]] = {}
        for item in taken:
            try:
                groups.setdefault(item.where, []).append(Packing(item.make(), item.size))
            except Exception as error:  # noqa: BLE001 - one that can't be made harms no other
                self._settle(1, item.size, lost=1)
                self._warn(f"a record couldn't be made ({type(error).__name__})")
        parcels: list[Parcel] = []
        for where, rows in groups.items():
            try:
                parcels += list(self._pack_for(where, rows))  # all of it or nothing
            except Exception as error:  # noqa: BLE001 - the same
                self._settle(len(rows), sum(row.size for row in rows), lost=len(rows))
                self._warn(f"records couldn't be packed ({type(error).__name__})")
        return parcels

    def _send(self, parcels: list[Parcel]) -> None:
        for parcel in list(parcels):
            if self._abandoned:
                return
            if parcel.due > time.monotonic():
                continue
            try:
                refused = parcel.send()
            except BaseException as error:  # noqa: BLE001 - whatever a store raises, Rust's panics too
                if self._put_off(parcel, error):
                    parcels.remove(parcel)
            else:
                self.last_error = None
                parcels.remove(parcel)
                self._settle(parcel.records, parcel.size, lost=refused)

    def _put_off(self, parcel: Parcel, error: BaseException) -> bool:
        """Sets the time of the next attempt; True if there is none, and the parcel is lost."""
        parcel.attempts += 1
        self.failed += 1
        self.last_error = reason(error)
        if parcel.attempts >= self._bounds.attempts:
            self._settle(parcel.records, parcel.size, lost=parcel.records)
            self._warn(f"{parcel.what} was given up: {self.last_error}", always=True)
            return True
        bounds = self._bounds
        pause = min(bounds.first_pause * 2 ** (parcel.attempts - 1), bounds.longest_pause)
        # Jitter keeps several servers from calling in step.
        parcel.due = time.monotonic() + pause * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        self._warn(f"{parcel.what} is tried again: {self.last_error}")
        return False

    def _settle(self, records: int, size: int, *, lost: int) -> None:
        with self._changed:
            if self._abandoned:  # `close` has counted them as lost
                return
            self._waiting -= records
            self._bytes -= size
            self.lost += lost
            self.written += records - lost
            self._changed.notify_all()

    def _warn(self, text: str, *, always: bool = False) -> None:
        now = time.monotonic()
        if always or now - self._warned > WARN_SECONDS:
            self._warned, self._told = now, self.lost
            _log.warning("%s: %s (%d lost so far)", self.name, text, self._told)
