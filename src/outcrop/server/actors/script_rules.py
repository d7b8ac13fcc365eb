"""What a script's rule is: when it holds for a request, and what it answers.

Rules: a condition that isn't made holds; texts are compared as they were sent, to the character.
How a rule is written down is told in `outcrop.server.actors.script`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from outcrop.server.actors import Text
from outcrop.server.actors.reading import blocks_of, fields_of, text_of

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from outcrop.errors import APIStatusError
    from outcrop.server.actors import Ask, Piece
    from outcrop.server.actors.reading import Reading

#: Characters of a prompt that a regular expression sees.
MATCHED: Final = 10_000
#: Anthropic, "Extended thinking" and "Adaptive thinking": what `thinking.type` turns it on.
_THINKS: Final = ("enabled", "adaptive")


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """The conditions of a rule; None is one that isn't made.

    Attributes:
        prompt: Part of the text of the last user message.
        prompt_is: The whole of it.
        regex: Searched in its beginning.
        system: Part of the system prompt.
        system_is: The whole of it.
        turn: How many user messages there are.
        tool_result: Whether the last message has tool results, or part of their text.
        tool_result_is: The whole of their text.
        tools: Tools that are offered, maybe among others; if empty, none may be.
        thinking: Whether the request turns thinking on.
        model: A pattern for the model's name, or for the ID or ARN as called.
        operation: A pattern for AWS's name of the operation.
    """

    prompt: str | None = None
    prompt_is: str | None = None
    regex: re.Pattern[str] | None = None
    system: str | None = None
    system_is: str | None = None
    turn: int | None = None
    tool_result: bool | str | None = None
    tool_result_is: str | None = None
    tools: tuple[str, ...] | None = None
    thinking: bool | None = None
    model: str | None = None
    operation: str | None = None

    def holds(self, ask: Ask, reading: Reading) -> bool:
        """Whether all of them hold for a request."""
        return (
            (self.prompt is None or self.prompt in reading.latest)
            and (self.prompt_is is None or self.prompt_is == reading.latest)
            and (self.system is None or self.system in reading.system)
            and (self.system_is is None or self.system_is == reading.system)
            and (self.turn is None or self.turn == len(reading.said))
            and self._results_fit(reading)
            and (self.tools is None or _offered(ask.document, self.tools))
            and (self.thinking is None or self.thinking == asks_for_thinking(ask.document))
            and (
                self.model is None
                or fnmatchcase(ask.model, self.model)
                or fnmatchcase(ask.model_id, self.model)
            )
            and (self.operation is None or fnmatchcase(ask.operation, self.operation))
            and (self.regex is None or bool(self.regex.search(reading.latest[:MATCHED])))
        )

    def _results_fit(self, reading: Reading) -> bool:
        if isinstance(self.tool_result, bool):
            return self.tool_result == bool(reading.results)
        if self.tool_result is None and self.tool_result_is is None:
            return True
        text = results_text(reading)
        return (
            bool(reading.results)
            and (self.tool_result is None or self.tool_result in text)
            and (self.tool_result_is is None or self.tool_result_is == text)
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """The error of a rule.

    Attributes:
        cls: Which error.
        message: What it says.
        after: How many pieces of the answer come before it.
        retry_after: Seconds that the service asks to wait.
    """

    cls: type[APIStatusError]
    message: str
    after: int = 0
    retry_after: float | None = None

    def error(self) -> APIStatusError:
        """The error, a new one for each answer."""
        return self.cls(self.message, retry_after=self.retry_after)


@dataclass
class Rule:
    """One rule of a script.

    Attributes:
        when: Its conditions.
        pieces: What it answers.
        failure: How it fails, after so many of those pieces.
        stop_reason: Why the answer ends, if not for the usual reason.
        delay: Seconds before the answer.
        left: How often it may still match; infinite if there's no limit.
    """

    when: When = field(default_factory=When)
    pieces: list[Piece] = field(default_factory=list["Piece"])
    failure: Failure | None = None
    stop_reason: str | None = None
    delay: float = 0.0
    left: float = math.inf

    @cached_property
    def joined(self) -> list[Piece]:
        """The same answer in as few pieces as can be."""
        joined: list[Piece] = []
        texts: list[str] = []
        for piece in [*self.pieces, None]:
            if isinstance(piece, Text):
                texts.append(piece.text)
                continue
            if texts:
                joined.append(Text("".join(texts)))
                texts.clear()
            if piece is not None:
                joined.append(piece)
        return joined


def results_text(reading: Reading) -> str:
    """The texts of the tool results in the last user message, a line break between them."""
    return "\n".join(text_of(block.get("content")) for block in reading.results)


def asks_for_thinking(document: Mapping[str, Any]) -> bool:
    """Whether the request turns thinking on."""
    return fields_of(document.get("thinking")).get("type") in _THINKS


def summary(ask: Ask, reading: Reading) -> str:
    """What was asked, in a line, for a refusal that says that nobody answers it."""
    about = reading.latest or results_text(reading)
    kind = "tool result" if reading.results and not reading.latest else "prompt"
    shown = " ".join(about[:200].split())
    return f'the {kind} "{shown}" (turn {len(reading.said)}, model {ask.model})'


def _offered(document: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    offered = {tool.get("name") for tool in blocks_of(document.get("tools"))}
    return offered.issuperset(names) if names else not offered
