"""Waiting that Ctrl-C can end: a blocking call of the HTTP library, made in a thread beside.

The library waits without looking at signals, so that Ctrl-C in the main thread would have no effect
until the reply came, which can be minutes. A lock, on the other hand, can be waited for
interruptibly. Other threads than the main one never see KeyboardInterrupt and call directly.
"""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class _Task:
    """One call: its result or error, and whether anybody still waits for it."""

    __slots__ = ("abandoned", "call", "done", "error", "result")

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.done = threading.Lock()
        self.done.acquire()
        self.result: Any = None
        self.error: BaseException | None = None
        self.abandoned: Callable[[Any], object] | None = None


class Aside:
    """A thread beside the main one that makes its blocking calls."""

    def __init__(self) -> None:
        self._tasks: SimpleQueue[_Task | None] | None = None
        self._turn = threading.Lock()
        self._process = os.getpid()

    def run(self, call: Callable[[], T], *, abandon: Callable[[T], object]) -> T:
        """What a call gives; a KeyboardInterrupt leaves it behind.

        Args:
            call: Blocks.
            abandon: Takes what the call gives after all when nobody waits for it any more.
        """
        if threading.current_thread() is not threading.main_thread() or not self._turn.acquire(
            blocking=False  # a signal handler that calls while a call waits
        ):
            return call()
        try:
            if self._tasks is None or self._process != os.getpid():  # a fork takes no threads along
                self._process = os.getpid()
                self._tasks = SimpleQueue()
                threading.Thread(
                    target=_work, args=(self._tasks,), name="outcrop-aside", daemon=True
                ).start()
            task = _Task(call)
            self._tasks.put(task)
            try:
                task.done.acquire()
            except BaseException:
                task.abandoned = cast("Callable[[Any], object]", abandon)
                self.close()  # that thread ends when its call does; the next call gets another
                raise
        finally:
            self._turn.release()
        if task.error is not None:
            raise task.error
        return task.result

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Lets the thread end."""
        tasks, self._tasks = self._tasks, None
        if tasks is not None:
            tasks.put(None)


def _work(tasks: SimpleQueue[_Task | None]) -> None:
    while (task := tasks.get()) is not None:
        try:
            task.result = task.call()
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            task.error = error
        if task.abandoned is not None and task.error is None:
            task.abandoned(task.result)
        task.done.release()
        del task
