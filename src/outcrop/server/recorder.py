"""Writes what is asked and answered into a script, which the actor `script:FILE` answers by.

Rules: each request that is answered becomes a rule, or is answered by the rules so far; the file is
whole at any time, its owner's alone, and never one that was there before; prompts and replies stand
in it as they were sent, headers and keys never do; what can't be written is told to the log, and
the request is answered all the same.

A rule's conditions: the prompt, the system prompt, the turn, the text of the tool results, whether
thinking is on; what is empty or off is left out unless another request needs the difference. Long
texts are matched by a part, their beginning. A request that is answered now so and now otherwise
has a rule for each answer, `times` saying how often it comes before the next; an answer that was
cut at `max_tokens` or a stop sequence isn't another one. Not recorded: what Bedrock refuses before
it asks an actor (it will again), and answers that the client broke off.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import tempfile
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from outcrop.errors import ConfigurationError
from outcrop.server.actors.script import LARGEST
from outcrop.server.actors.script_file import read_rule
from outcrop.server.recorded import PLAIN, Answer, Document, conditions, write_rule

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from outcrop.server.actors import Actor, Ask, Piece

_log = logging.getLogger("outcrop.server")

_HEAD: Final = """\
# Recorded by `outcrop serve` from the actor {actor}. To answer by it:
#     outcrop serve --actor script:{name}
# It holds prompts and replies as they were sent.
"""


class Recording:
    """An actor whose answers are recorded.

    Args:
        actor: Who answers.
        recorder: Writes it down.
    """

    def __init__(self, actor: Actor, recorder: Recorder) -> None:
        self._actor = actor
        self._recorder = recorder
        self._calls = itertools.count()
        self.name = actor.name

    async def start(self) -> None:
        """Reserves the file and makes the actor ready."""
        self._recorder.open(actor=self.name)
        await self._actor.start()

    async def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """The actor's answer; recorded when it has ended."""
        call = next(self._calls)
        said: list[Piece] = []
        async with aclosing(self._actor.answer(ask)) as pieces:
            try:
                async for piece in pieces:
                    said.append(piece)
                    yield piece
            except GeneratorExit:
                # The server wants no more: it has what it asked for, or its client has gone.
                task = asyncio.current_task()
                if task is None or not task.cancelling():
                    self._recorder.add(ask, Answer.of(said, closed=True), call=call)
                raise
        self._recorder.add(ask, Answer.of(said, closed=False), call=call)

    async def close(self) -> None:
        """Releases what the actor took; a file without a rule is removed."""
        self._recorder.close()
        await self._actor.close()


@dataclass(slots=True)
class _Run:
    """One answer to one request, so many times in a row."""

    call: int  # the first one
    answer: Answer
    count: int = 1
    written: str = ""  # as YAML, without `times`


@dataclass(slots=True)
class _Asked:
    """A request, by all the conditions that tell it from others, and how it was answered."""

    conditions: Document
    needed: set[str] = field(default_factory=set[str])  # plain conditions that aren't left out
    runs: list[_Run] = field(default_factory=list[_Run])

    @property
    def when(self) -> Document:
        return {
            name: value
            for name, value in self.conditions.items()
            if PLAIN.get(name) != value or name in self.needed
        }

    def tell_from(self, other: _Asked) -> None:
        """Sees to it that this one's rule doesn't hold for the other."""
        if self.when.items() <= other.conditions.items():
            self.needed |= {
                name
                for name, value in self.conditions.items()
                if PLAIN.get(name) == value != other.conditions.get(name)
            }
            for run in self.runs:
                run.written = ""

    def add(self, answer: Answer, *, call: int) -> None:
        at = sum(run.call < call for run in self.runs)
        for run in self.runs[max(0, at - 1) : at + 1]:
            if run.answer.agrees(answer):
                run.count += 1
                longer = run.answer.longer(answer)
                if longer is not run.answer:
                    run.answer, run.written = longer, ""
                return
        self.runs.insert(at, _Run(call, answer))

    def rules(self) -> Iterable[tuple[int, str]]:
        """The rules as YAML, each with its first call's number."""
        for run in self.runs:
            run.written = run.written or write_rule({"when": self.when, **run.answer.rule()})
            times = "" if run is self.runs[-1] else f"  times: {run.count}\n"
            yield run.call, run.written + times


class Recorder:
    """Writes a script's file, rule by rule.

    Args:
        path: The file.

    Raises:
        ConfigurationError: The file's name says that it is Python.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix == ".py":
            raise ConfigurationError(
                f"record={str(path)!r} would be read back as Python.", mend="Name it *.yaml."
            )
        self.path = path
        self._asked: list[_Asked] = []
        self._text = ""
        self._head = ""
        self._open = False
        self._full = False

    def open(self, *, actor: str) -> None:
        """Reserves the file.

        Args:
            actor: Who is recorded.

        Raises:
            ConfigurationError: It exists, or can't be written.
        """
        if self._open:
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self._head = _HEAD.format(actor=_line(actor), name=_line(str(self.path)))
        self._text = f"{self._head}[]\n"
        try:
            with os.fdopen(os.open(self.path, flags, 0o600), "wb") as file:
                file.write(self._text.encode("utf-8", "replace"))
        except FileExistsError as error:
            raise ConfigurationError(
                f"{self.path} exists: a recording doesn't overwrite it.",
                mend="Remove it, or record to another file.",
            ) from error
        except OSError as error:
            raise ConfigurationError(
                f"{self.path} can't be written: {error.strerror}.", mend="Record to another file."
            ) from error
        self._open = True
        _log.info("Recording prompts and replies to %s", self.path)

    def add(self, ask: Ask, answer: Answer, *, call: int) -> None:
        """Writes down one answer.

        Args:
            ask: The request.
            answer: What the actor gave.
            call: The request's number: rules stand in the order of calls.
        """
        if self._full:
            return
        asked = _Asked(conditions(ask))
        try:
            read_rule({"when": asked.conditions, **answer.rule()}, "the rule")
        except ConfigurationError as error:
            _log.warning("An answer isn't recorded: %s", error.message)
            return
        self._known(asked).add(answer, call=call)
        rules = sorted(rule for one in self._asked for rule in one.rules())
        self._write(self._head + "".join(text for _, text in rules))

    def close(self) -> None:
        """Removes the file if nothing was recorded."""
        if self._open and not self._asked:
            self._open = False
            with suppress(OSError):
                self.path.unlink()

    def _known(self, asked: _Asked) -> _Asked:
        for one in self._asked:
            if one.conditions == asked.conditions:
                return one
        for one in self._asked:
            one.tell_from(asked)
            asked.tell_from(one)
        self._asked.append(asked)
        return asked

    def _write(self, text: str) -> None:
        if text == self._text:
            return
        data = text.encode("utf-8", "replace")
        if len(data) > LARGEST:
            self._full = True
            _log.warning("%s is full (%s bytes): no more is recorded.", self.path, f"{LARGEST:,}")
            return
        try:
            _replace(self.path, data)
        except OSError as error:
            _log.warning("%s can't be written: %s", self.path, error.strerror)
        else:
            self._text = text


def _replace(path: Path, data: bytes) -> None:
    """Another file in the place of one: whoever reads it has the old or the new, always whole."""
    # 0600, by the system's own promise for such files
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _line(text: str) -> str:
    """The text in one line, for a comment."""
    return " ".join(text.split())
