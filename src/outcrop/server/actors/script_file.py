"""A script's YAML text read into rules, and what is wrong with it said.

Rules: each complaint names the file, the line, the rule, the field, what it holds and what it may
hold; nothing is taken that can't be answered with; bounded, because YAML's aliases can make a small
file very large.

The format is told in `outcrop.server.actors.script`.
"""

from __future__ import annotations

import math
import re
import reprlib
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from outcrop.errors import BY_NAME, ConfigurationError
from outcrop.server.actors import CitedText, RedactedThinking, Text, Thinking, ToolUse, Wait
from outcrop.server.actors.parrot import words
from outcrop.server.actors.script_rules import Failure, Rule, When

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.server.actors import Piece

#: Seconds of a wait.
LONGEST: Final = 600
_VALUES: Final = 100_000  # in one tool input, repetitions by YAML aliases counted
_DEEPEST: Final = 100

_RULE: Final = ("when", "reply", "error", "stop_reason", "delay", "times", "else")
_TEXTS: Final = ("prompt", "regex", "system", "model", "operation")
_WHOLE_TEXTS: Final = ("prompt_is", "system_is", "tool_result_is")
_WHEN: Final = (*_TEXTS, *_WHOLE_TEXTS, "turn", "tool_result", "tools", "thinking")
_PIECE: Final = ("text", "thinking", "redacted_thinking", "tool_use", "wait")
_ERROR: Final = ("name", "message", "after", "retry_after")
#: Anthropic, "Handling stop reasons".
_STOP_REASONS: Final = (
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
)

#: What JSON's readers take for certain: int64 and uint64.
_INTEGERS: Final = (-(2**63), 2**64 - 1)


class _Short(reprlib.Repr):
    """Values in few letters: a number of very many digits has no other form."""

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002 - as reprlib calls it
        """See reprlib."""
        return f"a number of {x.bit_length()} bits" if x.bit_length() > 64 else repr(x)


_SHORT = _Short()
_SHORT.maxstring = 80


def read_rules(text: str, name: str) -> list[Rule]:
    """The rules in a YAML text.

    Args:
        text: The YAML.
        name: What complaints call it.

    Raises:
        ConfigurationError: The text isn't a script.
    """
    try:
        loader: Any = yaml.SafeLoader(text)
        try:
            tree = loader.get_single_node()
            given: Any = None if tree is None else loader.construct_document(tree)
        finally:
            loader.dispose()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise ConfigurationError(f"{name}{line}: this isn't YAML: {problem}.") from error
    if not isinstance(given, list) or not isinstance(tree, yaml.SequenceNode):
        found = type(cast("object", given)).__name__
        raise ConfigurationError(
            f"{name}: a script is a list of rules, not {found}.",
            mend="For example `- reply: Hello`.",
        )
    items = cast("list[object]", given)
    if not items:
        raise ConfigurationError(
            f"{name}: the script has no rules.", mend="For example `- reply: Hello`."
        )
    lines = [node.start_mark.line + 1 for node in tree.value]
    return [
        read_rule(item, f"{name}, line {line}: rule {number}", last=number == len(items))
        for number, (item, line) in enumerate(zip(items, lines, strict=True), start=1)
    ]


def read_rule(value: object, place: str, *, last: bool = False) -> Rule:
    """One rule, from what YAML made of it.

    Args:
        value: A mapping.
        place: Where it stands, for complaints.
        last: Whether no other follows.

    Raises:
        ConfigurationError: It isn't a rule.
    """
    return _Reader(place).rule(value, last=last)


class _Reader:
    """Reads one rule and says what is wrong with it."""

    def __init__(self, place: str) -> None:
        self.place = place

    def wrong(self, where: str, value: object, allowed: str) -> ConfigurationError:
        shown = _SHORT.repr(value)
        return ConfigurationError(
            f"{self.place}: {where} is {shown}.", mend=f"It can be {allowed}."
        )

    def rule(self, value: object, *, last: bool) -> Rule:
        given = self.fields(value, "the rule", _RULE)
        if "else" in given:
            if len(given) > 1 or not last:
                raise ConfigurationError(
                    f"{self.place}: `else` stands alone, in the last rule.",
                    mend="Elsewhere write `reply`.",
                )
            return Rule(pieces=self.reply(given["else"], "else"))
        if not given.keys() & {"reply", "error", "stop_reason"}:
            raise ConfigurationError(
                f"{self.place} doesn't say what to answer.",
                mend="Give it `reply`, `error` or `stop_reason`.",
            )
        rule = Rule(
            when=self.when(given.get("when", {})),
            pieces=self.reply(given["reply"], "reply") if "reply" in given else [],
            failure=self.failure(given["error"]) if "error" in given else None,
            delay=self.seconds(given.get("delay", 0), "delay"),
        )
        if "times" in given:
            rule.left = self.count(given["times"], "times", least=1)
        if "stop_reason" in given:
            if given["stop_reason"] not in _STOP_REASONS:
                allowed = ", ".join(_STOP_REASONS)
                raise self.wrong("stop_reason", given["stop_reason"], allowed)
            rule.stop_reason = given["stop_reason"]
        if rule.failure is not None and rule.stop_reason is not None:
            raise self.wrong("stop_reason", rule.stop_reason, "left out, beside `error`")
        if rule.failure is not None and rule.pieces and not rule.failure.after:
            raise self.wrong("error.after", 0, "1 or more, beside `reply`")
        return rule

    def when(self, value: object) -> When:
        given = self.fields(value, "when", _WHEN)
        texts = {key: self.text(given[key], f"when.{key}") for key in _TEXTS if key in given}
        texts |= {
            key: self.text(given[key], f"when.{key}", empty=True)
            for key in _WHOLE_TEXTS
            if key in given
        }
        regex = texts.pop("regex", None)
        try:
            pattern = None if regex is None else re.compile(regex)
        except (re.error, OverflowError, RecursionError) as error:
            raise self.wrong("when.regex", regex, f"a Python expression ({error})") from error
        result = given.get("tool_result")
        if result is not None and (not isinstance(result, bool | str) or result == ""):
            raise self.wrong("when.tool_result", result, "true, false or a text")
        return When(
            **texts,
            regex=pattern,
            turn=self.count(given["turn"], "when.turn", least=1) if "turn" in given else None,
            tool_result=result,
            tools=self.names(given["tools"], "when.tools") if "tools" in given else None,
            thinking=self.truth(given["thinking"], "when.thinking")
            if "thinking" in given
            else None,
        )

    def reply(self, value: object, where: str) -> list[Piece]:
        if isinstance(value, str):
            return [Text(word) for word in words(self.text(value, where, empty=True))]
        if not isinstance(value, list) or not value:
            raise self.wrong(where, cast("object", value), "a text, or a list of pieces")
        items = cast("list[object]", value)
        return [self.piece(item, f"{where}[{at}]") for at, item in enumerate(items)]

    def piece(self, value: object, where: str) -> Piece:
        if isinstance(value, str):
            return Text(self.text(value, where, empty=True))
        given = self.fields(value, where, (*_PIECE, "citations"))
        if given.keys() == {"text", "citations"}:
            text = self.text(given["text"], f"{where}.text", empty=True)
            return CitedText(text, self.citations(given["citations"], f"{where}.citations"))
        if len(given) != 1 or "citations" in given:
            allowed = f"a text, one of {', '.join(_PIECE)}, or text and citations"
            raise self.wrong(where, given, allowed)
        match given:
            case {"text": text}:
                return Text(self.text(text, f"{where}.text"))
            case {"thinking": text}:
                return Thinking(self.text(text, f"{where}.thinking", empty=True))
            case {"redacted_thinking": text}:
                return RedactedThinking(self.text(text, f"{where}.redacted_thinking", empty=True))
            case {"wait": seconds}:
                return Wait(self.seconds(seconds, f"{where}.wait"))
            case _:
                return self.tool_use(given["tool_use"], f"{where}.tool_use")

    def citations(self, value: object, where: str) -> tuple[dict[str, Any], ...]:
        if not isinstance(value, list):
            raise self.wrong(where, value, "a list of citations")
        items = cast("list[object]", value)
        return tuple(self.json_object(item, f"{where}[{at}]") for at, item in enumerate(items))

    def tool_use(self, value: object, where: str) -> ToolUse:
        given = self.fields(value, where, ("name", "input", "id"))
        name = self.text(given.get("name"), f"{where}.name")
        tool_input = self.json_object(given.get("input", {}), f"{where}.input")
        identity = None if "id" not in given else self.text(given["id"], f"{where}.id")
        return ToolUse(name=name, input=tool_input, id=identity)

    def failure(self, value: object) -> Failure:
        given = self.fields(value, "error", _ERROR)
        cls = BY_NAME.get(str(given.get("name")))
        if cls is None:
            raise self.wrong("error.name", given.get("name"), ", ".join(sorted(BY_NAME)))
        message = f"Scripted {cls.name}."
        if "message" in given:
            message = self.text(given["message"], "error.message", empty=True)
        wait = given.get("retry_after")
        return Failure(
            cls,
            message,
            after=self.count(given.get("after", 0), "error.after", least=0),
            retry_after=None if wait is None else self.seconds(wait, "error.retry_after"),
        )

    def fields(self, value: object, where: str, known: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(where, value, f"a mapping with {', '.join(known)}")
        given = cast("dict[str, Any]", value)
        for key in given:
            if key not in known:
                raise ConfigurationError(
                    f"{self.place}: {where} has the field {key!r}.",
                    mend=f"Known are {', '.join(known)}.",
                )
        return given

    def text(self, value: object, where: str, *, empty: bool = False) -> str:
        if not isinstance(value, str) or not (value or empty):
            raise self.wrong(
                where, value, "a text (in quotes, if YAML takes it for something else)"
            )
        self.unicode(value, where)
        return value

    def unicode(self, value: str, where: str) -> None:
        """Refuse half a pair of surrogates, which has no form in UTF-8; the text isn't shown."""
        try:
            value.encode()
        except UnicodeEncodeError as error:
            half = f"U+{ord(value[error.start]):04X}"
            raise ConfigurationError(
                f"{self.place}: {where} has the surrogate {half} at {error.start}.",
                mend="It can be a text in Unicode: write the whole character.",
            ) from None

    def count(self, value: object, where: str, *, least: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.wrong(where, value, f"a whole number from {least}")
        return value

    def names(self, value: object, where: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise self.wrong(where, value, "a list of names")
        items = cast("list[object]", value)
        return tuple(self.text(item, f"{where}[{at}]") for at, item in enumerate(items))

    def truth(self, value: object, where: str) -> bool:
        if not isinstance(value, bool):
            raise self.wrong(where, value, "true or false")
        return value

    def seconds(self, value: object, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(where, value, f"seconds from 0 to {LONGEST}")
        if not 0 <= value <= LONGEST:  # a NaN isn't either
            raise self.wrong(where, value, f"seconds from 0 to {LONGEST}")
        return float(value)

    def json_object(self, value: object, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(where, value, "a JSON object")
        self.json(value, where, depth=0, budget=[_VALUES])
        return cast("dict[str, Any]", value)

    def json(self, value: Any, where: str, *, depth: int, budget: list[int]) -> None:
        """Refuse what JSON can't hold: dates, NaN, keys that aren't texts, endless aliases, ….

        Integers beyond 64 bits are among it, and halves of surrogate pairs.
        """
        budget[0] -= 1
        if depth > _DEEPEST or budget[0] < 0:
            raise self.wrong(where, "…", f"at most {_VALUES} values, nested {_DEEPEST} deep")
        if isinstance(value, dict):
            for key, part in cast("Mapping[object, Any]", value).items():
                if not isinstance(key, str):
                    raise self.wrong(f"a key in {where}", key, "a text in quotes")
                self.unicode(key, f"a key in {where}")
                self.json(part, f"{where}.{key}", depth=depth + 1, budget=budget)
        elif isinstance(value, list):
            for at, part in enumerate(cast("list[Any]", value)):
                self.json(part, f"{where}[{at}]", depth=depth + 1, budget=budget)
        elif isinstance(value, str):
            self.unicode(value, where)
        elif isinstance(value, float) and not math.isfinite(value):
            raise self.wrong(where, value, "a number that JSON has")
        elif isinstance(value, int) and not _INTEGERS[0] <= value <= _INTEGERS[1]:
            raise self.wrong(where, value, "an integer of 64 bits")
        elif value is not None and not isinstance(value, str | int | float):
            raise self.wrong(where, value, "a JSON value (a date belongs in quotes)")
