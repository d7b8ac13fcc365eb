"""The parent's end of the embedded model's process: start it, ask it, hear it, end it.

Rules: this process never loads native code; the child gets no secrets (its environment is a short
list of variables); all generations share one pipe, so it is always read, and what is kept for a
reader is at most what was asked for. `outcrop.server.actors.engine` is the other end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from outcrop.errors import ConfigurationError
from outcrop.server.actors import engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_START_SECONDS: Final = 120.0
_LEAVE_SECONDS: Final = 2.0
_STDERR_BYTES: Final = 8192
_LINE_BYTES: Final = 1024 * 1024

#: All that the child sees of the environment: nothing of AWS's or Anthropic's.
_ENVIRONMENT: Final = frozenset(
    {
        *("PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL"),
        *("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
        *("OMP_NUM_THREADS", "OMP_WAIT_POLICY"),
    }
)

_log = logging.getLogger(__name__)


class Generation:
    """One request at the engine: its events, one after the other."""

    def __init__(self, number: int, most_events: int, at_end: Callable[[], None]) -> None:
        self.number = number
        self.ended = False
        self._left = most_events
        self._events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._at_end = at_end

    def put(self, event: dict[str, Any] | None) -> bool:
        """Keep an event (None: the engine is gone); False if there are more than can be."""
        self._left -= 1
        if event is None or "end" in event:
            self.ended = True
            self._at_end()
        elif self._left < 0:
            return False
        self._events.put_nowait(event)
        return True

    async def next(self) -> dict[str, Any] | None:
        """The next event, or None if the engine is gone."""
        return await self._events.get()


class Engine:
    """The parent's end of the child process; `outcrop.server.actors.engine` is the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.ready: dict[str, Any] = {}
        self._running: dict[int, Generation] = {}
        self._numbers = count(1)
        self._stderr: deque[bytes] = deque(maxlen=16)
        self._drainer = asyncio.create_task(self._drain())
        self._reader: asyncio.Task[None] | None = None

    @classmethod
    async def launch(cls, model: Path) -> Engine:
        """A child with the model loaded.

        Raises:
            ConfigurationError: It didn't come up; the reason, as far as it told one, is in it.
        """
        environment = {name: value for name, value in os.environ.items() if name in _ENVIRONMENT}
        environment.setdefault("OMP_WAIT_POLICY", "passive")
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", engine.__name__, str(model)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                limit=_LINE_BYTES,
            )
        except OSError as error:
            raise ConfigurationError(f"The model's process can't be started: {error}") from error
        self = cls(process)
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await self._stdout.readline()
            self.ready = json.loads(line)
        except (TimeoutError, ValueError) as error:
            slow = isinstance(error, TimeoutError)
            await self.close()
            reason = f"no answer in {_START_SECONDS:.0f} seconds" if slow else self.how_it_ended()
            raise ConfigurationError(
                f"The embedded model didn't start: {reason}.", mend="Try `--actor parrot`."
            ) from error
        except BaseException:
            await self.close()
            raise
        self._reader = asyncio.create_task(self._read())
        return self

    @property
    def alive(self) -> bool:
        """Whether the child runs and can be talked to."""
        reads = self._reader is not None and not self._reader.done()
        return reads and self.process.returncode is None

    async def generate(self, request: dict[str, Any], *, at_end: Callable[[], None]) -> Generation:
        """Begin a generation; `at_end` is called exactly once, when the child is done with it."""
        number = next(self._numbers)
        # One event for each token, one for each batch of the prompt, and some to spare.
        run = Generation(number, request["max_tokens"] + engine.PROMPT, at_end)
        if not self.alive:
            run.put(None)
            return run
        self._running[number] = run
        self._write({"op": "generate", "id": number, **request})
        try:
            with contextlib.suppress(ConnectionError):  # the reader tells of it
                await self._stdin.drain()
        except asyncio.CancelledError:
            self.cancel(run)
            raise
        return run

    def cancel(self, run: Generation) -> None:
        """Tell the child to stop; it is soon done, and says so."""
        if not run.ended and self.alive:
            self._write({"op": "cancel", "id": run.number})

    async def close(self) -> None:
        """End the child, and wait until it has ended."""
        self._stdin.close()
        await self._ended()
        tasks = [self._drainer, *([self._reader] if self._reader else [])]
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(ConnectionError):
            await self._stdin.wait_closed()

    async def _ended(self) -> None:
        """Wait until the child is gone: it goes when its input is closed, or else is killed.

        Not killed at once: a kill that meets a child just gone would lose how it ended (CPython
        reaps it in `Popen.send_signal`, and asyncio then reports status 255).
        """
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self.process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    def how_it_ended(self) -> str:
        """Why the child is gone, in a few words: a signal's name, or its last line."""
        code = self.process.returncode or 0
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"its process was ended by {signal.Signals(-code).name}"
        lines = b"".join(self._stderr).decode(errors="replace").strip().splitlines()
        return lines[-1].strip()[:300] if lines else f"its process ended with status {code}"

    @property
    def _stdin(self) -> asyncio.StreamWriter:
        assert self.process.stdin  # asked for in `launch`
        return self.process.stdin

    @property
    def _stdout(self) -> asyncio.StreamReader:
        assert self.process.stdout  # the same
        return self.process.stdout

    def _write(self, request: dict[str, Any]) -> None:
        self._stdin.write(json.dumps(request).encode() + b"\n")

    async def _read(self) -> None:
        """Hand each event to the generation that it belongs to, until the child is gone."""
        try:
            while line := await self._stdout.readline():
                event = json.loads(line)
                run = self._running.get(event["id"])
                if run is None or not run.put(event):
                    _log.error("the model's process said more than it was asked for: ending it")
                    break
                if run.ended:
                    del self._running[run.number]
        except (ValueError, KeyError, TypeError, ConnectionError):
            _log.exception("the model's process is out of step: ending it")
        finally:
            self._stdin.close()
            await self._ended()
            for run in self._running.values():
                run.put(None)
            self._running.clear()

    async def _drain(self) -> None:
        """Keep the end of what native code complains of."""
        assert self.process.stderr  # asked for in `launch`
        while piece := await self.process.stderr.read(_STDERR_BYTES // 16):
            self._stderr.append(piece)
