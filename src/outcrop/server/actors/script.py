r"""The actor `script:FILE`: answers by the rules of a YAML file, the first that matches.

Rules: the file is checked whole when it is loaded, and each complaint names the file, the line,
the rule, the field, what it holds and what it may hold; a request that no rule matches is refused,
never guessed at.

A file is a list of rules. All conditions of a rule have to hold; a rule without conditions always
matches:

    - when: {prompt: "weather"}         # part of the prompt, as written
      reply: "Sunny."                   # sent word by word
    - when: {regex: "(?i)^hi\\b"}       # searched in the prompt
      reply: ["Hel", {wait: 0.5}, {text: "lo"}]
    - when: {turn: 2, system: "pirate"} # user messages so far; part of the system prompt
      reply: [{tool_use: {name: now, input: {zone: UTC}}}]
    - when: {tool_result: true}         # the last message has tool results
      reply: "It is noon."
    - when: {model: "claude-opus-*"}    # the name, or the ID or ARN as called
      error: {name: ThrottlingException, message: "Too many requests", after: 3}
      reply: "Four words come through"  # with an error: so many pieces of it come before
      delay: 0.2                        # seconds before all else
      times: 1                          # matches so often, then no more
    - when: {prompt: "bomb"}
      reply: "No."
      stop_reason: refusal
    - else: "Whatever else is asked."   # the last rule; the same as a reply without conditions

The prompt is the text of the last user message, "" if that holds tool results only. Of it a regular
expression sees the first 10,000 characters. It is run as it is: one that takes long on some text
(nested repetitions) takes long here.
"""

from __future__ import annotations

import math
import re
import reprlib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from outcrop.errors import BY_NAME, APIStatusError, ConfigurationError, ValidationException
from outcrop.server.actors import Piece, Refuse, Stop, Text, ToolUse, Wait
from outcrop.server.actors.parrot import words
from outcrop.server.actors.reading import read

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

    from outcrop.server.actors import Ask
    from outcrop.server.actors.reading import Reading

_LARGEST: Final = 4 << 20  # bytes of a file
_MATCHED: Final = 10_000  # characters of a prompt that a regular expression sees
_LONGEST: Final = 600  # seconds of a wait
_VALUES: Final = 100_000  # in one tool input, repetitions by YAML aliases counted
_DEEPEST: Final = 100

_RULE: Final = ("when", "reply", "error", "stop_reason", "delay", "times", "else")
_WHEN: Final = ("prompt", "regex", "model", "system", "turn", "tool_result")
_PIECE: Final = ("text", "tool_use", "wait")
_ERROR: Final = ("name", "message", "after")
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

_SHORT = reprlib.Repr()  # bounded, because aliases can make a small file very large
_SHORT.maxstring = 80


@dataclass(frozen=True, slots=True)
class When:
    """The conditions of a rule; None is one that isn't made."""

    prompt: str | None = None
    regex: re.Pattern[str] | None = None
    model: str | None = None
    system: str | None = None
    turn: int | None = None
    tool_result: bool | None = None

    def holds(self, ask: Ask, reading: Reading) -> bool:
        """Whether all of them hold for a request."""
        return (
            (self.prompt is None or self.prompt in reading.latest)
            and (self.system is None or self.system in reading.system)
            and (self.turn is None or self.turn == len(reading.said))
            and (self.tool_result is None or self.tool_result == bool(reading.results))
            and (
                self.model is None
                or fnmatchcase(ask.model, self.model)
                or fnmatchcase(ask.model_id, self.model)
            )
            and (self.regex is None or bool(self.regex.search(reading.latest[:_MATCHED])))
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """The error of a rule."""

    cls: type[APIStatusError]
    message: str
    after: int = 0


@dataclass(slots=True)
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
    pieces: list[Piece] = field(default_factory=list[Piece])
    failure: Failure | None = None
    stop_reason: str | None = None
    delay: float = 0.0
    left: float = math.inf


class Script:
    """Answers by rules from a file; see the module.

    Args:
        rules: The rules, in order.
        name: What refusals call the script.
    """

    def __init__(self, rules: list[Rule], *, name: str = "script") -> None:
        self.rules = rules
        self.name = name

    @classmethod
    def load(cls, path: Path) -> Script:
        """The script in a YAML file.

        Raises:
            ConfigurationError: The file can't be read, or isn't a script.
        """
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST + 1)
            text = data.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it isn't UTF-8"
            raise ConfigurationError(f"The script {path} can't be read: {reason}.") from error
        if len(data) > _LARGEST:
            raise ConfigurationError(f"The script {path} is larger than {_LARGEST:,} bytes.")
        return cls.parse(text, name=path.name)

    @classmethod
    def parse(cls, text: str, *, name: str = "script") -> Script:
        """The script in a YAML text.

        Raises:
            ConfigurationError: The text isn't a script.
        """
        try:
            tree = yaml.compose(text, Loader=yaml.SafeLoader)
            given: Any = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            line = f", line {mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or type(error).__name__
            raise ConfigurationError(f"{name}{line}: this isn't YAML: {problem}.") from error
        if not isinstance(given, list) or not given or not isinstance(tree, yaml.SequenceNode):
            found = type(cast("object", given)).__name__
            raise ConfigurationError(
                f"{name}: a script is a list of rules, not {found}.",
                mend="For example `- reply: Hello`.",
            )
        items = cast("list[object]", given)
        lines = [node.start_mark.line + 1 for node in tree.value]
        rules: list[Rule] = []
        for number, (item, line) in enumerate(zip(items, lines, strict=True), start=1):
            reader = _Reader(f"{name}, line {line}: rule {number}")
            rules.append(reader.rule(item, last=number == len(items)))
        return cls(rules, name=name)

    async def start(self) -> None:
        """Nothing to make ready."""

    async def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """The answer of the first rule that matches."""
        reading = read(ask.document)
        rule = next(
            (rule for rule in self.rules if rule.left and rule.when.holds(ask, reading)), None
        )
        if rule is None:
            yield Refuse(self._unmatched(ask, reading))
            return
        rule.left -= 1
        if rule.delay:
            yield Wait(rule.delay)
        sent = rule.pieces if rule.failure is None else rule.pieces[: rule.failure.after]
        for piece in sent:
            yield piece
        if rule.failure is not None:
            yield Refuse(rule.failure.cls(rule.failure.message))
        elif rule.stop_reason is not None:
            stops: Any = ask.document.get("stop_sequences")
            which = next(iter(stops or ()), None) if rule.stop_reason == "stop_sequence" else None
            yield Stop(rule.stop_reason, which)

    async def close(self) -> None:
        """Nothing to release."""

    def _unmatched(self, ask: Ask, reading: Reading) -> ValidationException:
        prompt = " ".join(reading.latest[:200].split())
        return ValidationException(
            f'No rule of {self.name} matches the prompt "{prompt}" '
            f"(turn {len(reading.said)}, model {ask.model}).",
            mend="Add a rule, or `- else: …` at the end.",
        )


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
        texts = {key: self.text(given[key], f"when.{key}") for key in _WHEN[:4] if key in given}
        regex = texts.pop("regex", None)
        try:
            pattern = None if regex is None else re.compile(regex)
        except (re.error, OverflowError, RecursionError) as error:
            raise self.wrong("when.regex", regex, f"a Python expression ({error})") from error
        turn = self.count(given["turn"], "when.turn", least=1) if "turn" in given else None
        result = given.get("tool_result")
        if result is not None and not isinstance(result, bool):
            raise self.wrong("when.tool_result", result, "true or false")
        return When(**texts, regex=pattern, turn=turn, tool_result=result)

    def reply(self, value: object, where: str) -> list[Piece]:
        if isinstance(value, str):
            return [Text(word) for word in words(value)]
        if not isinstance(value, list) or not value:
            raise self.wrong(where, cast("object", value), "a text, or a list of pieces")
        items = cast("list[object]", value)
        return [self.piece(item, f"{where}[{at}]") for at, item in enumerate(items)]

    def piece(self, value: object, where: str) -> Piece:
        if isinstance(value, str):
            return Text(value)
        given = self.fields(value, where, _PIECE)
        if len(given) != 1:
            raise self.wrong(where, given, f"a text, or one of {', '.join(_PIECE)}")
        match given:
            case {"text": text}:
                return Text(self.text(text, f"{where}.text"))
            case {"wait": seconds}:
                return Wait(self.seconds(seconds, f"{where}.wait"))
            case _:
                return self.tool_use(given["tool_use"], f"{where}.tool_use")

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
            message = self.text(given["message"], "error.message")
        return Failure(cls, message, self.count(given.get("after", 0), "error.after", least=0))

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

    def text(self, value: object, where: str) -> str:
        if not isinstance(value, str) or not value:
            raise self.wrong(
                where, value, "a text (in quotes, if YAML takes it for something else)"
            )
        return value

    def count(self, value: object, where: str, *, least: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.wrong(where, value, f"a whole number from {least}")
        return value

    def seconds(self, value: object, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(where, value, f"seconds from 0 to {_LONGEST}")
        if not 0 <= value <= _LONGEST:  # a NaN isn't either
            raise self.wrong(where, value, f"seconds from 0 to {_LONGEST}")
        return float(value)

    def json_object(self, value: object, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(where, value, "a JSON object")
        self.json(value, where, depth=0, budget=[_VALUES])
        return cast("dict[str, Any]", value)

    def json(self, value: Any, where: str, *, depth: int, budget: list[int]) -> None:
        """Refuse what JSON can't hold: dates, NaN, keys that aren't texts, endless aliases."""
        budget[0] -= 1
        if depth > _DEEPEST or budget[0] < 0:
            raise self.wrong(where, "…", f"at most {_VALUES} values, nested {_DEEPEST} deep")
        if isinstance(value, dict):
            for key, part in cast("Mapping[object, Any]", value).items():
                if not isinstance(key, str):
                    raise self.wrong(f"a key in {where}", key, "a text in quotes")
                self.json(part, f"{where}.{key}", depth=depth + 1, budget=budget)
        elif isinstance(value, list):
            for at, part in enumerate(cast("list[Any]", value)):
                self.json(part, f"{where}[{at}]", depth=depth + 1, budget=budget)
        elif isinstance(value, float) and not math.isfinite(value):
            raise self.wrong(where, value, "a number that JSON has")
        elif value is not None and not isinstance(value, str | int | float):
            raise self.wrong(where, value, "a JSON value (a date belongs in quotes)")
