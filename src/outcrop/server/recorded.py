"""A request and its answer as a script's rule: what it is matched by, what it says, its YAML.

Rules: whatever is written here, `outcrop.server.actors.script_file` reads back the same; texts that
came in pieces are put together; IDs are left out, they are new each time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, assert_never

import yaml

from outcrop.errors import BY_NAME
from outcrop.server.actors import (
    CitedText,
    RedactedThinking,
    Refuse,
    Stop,
    Text,
    Thinking,
    ToolUse,
    Wait,
)
from outcrop.server.actors.reading import read
from outcrop.server.actors.script_rules import asks_for_thinking, results_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outcrop.errors import APIStatusError
    from outcrop.server.actors import Ask, Piece

Document = dict[str, Any]

#: Characters of a text up to which the whole of it is a condition, else so many from its beginning.
WHOLE: Final = 4_000
#: Conditions that a rule doesn't make where another request can't be mistaken for its own.
PLAIN: Final[Document] = {
    "prompt_is": "",
    "system_is": "",
    "tool_result": False,
    "thinking": False,
}


def conditions(ask: Ask) -> Document:
    """All that a rule for the request says of it, whatever is empty or false included."""
    reading = read(ask.document)
    return {
        **_matched("prompt", reading.latest),
        **_matched("system", reading.system),
        "turn": max(1, len(reading.said)),
        **(
            _matched("tool_result", results_text(reading))
            if reading.results
            else {"tool_result": False}
        ),
        "thinking": asks_for_thinking(ask.document),
    }


def _matched(name: str, text: str) -> Document:
    return {f"{name}_is": text} if len(text) <= WHOLE else {name: text[:WHOLE]}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, as a rule says it.

    Attributes:
        said: The pieces.
        end: `error` or `stop_reason`, if it didn't end by itself.
        cut: Whether the actor had more to say: `max_tokens` or a stop sequence ended it.
    """

    said: list[Document]
    end: Document
    cut: bool = False

    @classmethod
    def of(cls, pieces: Iterable[Piece], *, closed: bool) -> Answer:
        """The answer that an actor gave.

        Args:
            pieces: What it gave.
            closed: Whether it was told to stop after the last of them.
        """
        said: list[Document] = []
        end: Document = {}
        for piece in pieces:
            match piece:
                case Text(text):
                    _join(said, "text", text)
                case CitedText(text, citations):
                    said.append({"text": text, "citations": list(citations)})
                case Thinking(text):
                    _join(said, "thinking", text)
                case RedactedThinking(text):
                    said.append({"redacted_thinking": text})
                case ToolUse(name, given):
                    said.append({"tool_use": {"name": name, "input": given}})
                case Wait(seconds):
                    said.append({"wait": seconds})
                case Stop(reason):
                    end = {"stop_reason": reason}
                case Refuse(error):
                    end = {"error": _error(error)}
                case _:
                    assert_never(piece)
        return cls(said, end, cut=closed and not end)

    def rule(self) -> Document:
        """The fields of a rule that answers so."""
        match self.said:
            case []:
                return self.end or {"reply": ""}
            case [{"text": str(text), **more}] if not more and "error" not in self.end:
                return {"reply": text, **self.end}
            case _ if error := self.end.get("error"):
                return {"reply": self.said, "error": {**error, "after": len(self.said)}}
            case _:
                return {"reply": self.said, **self.end}

    def agrees(self, other: Answer) -> bool:
        """Whether they can be the same answer, cut at one place or another."""
        return (
            self == other
            or (self.cut and _begins(other.said, self.said))
            or (other.cut and _begins(self.said, other.said))
        )

    def longer(self, other: Answer) -> Answer:
        """The one of two that agree that says more."""
        if self.cut != other.cut:
            return other if self.cut else self
        return other if _begins(other.said, self.said) else self


def _begins(whole: list[Document], part: list[Document]) -> bool:
    """Whether an answer begins with the pieces of another, the last of which may be cut."""
    if not part:
        return True
    *before, last = part
    if len(whole) < len(part) or whole[: len(before)] != before:
        return False
    there = whole[len(before)]
    if last.keys() == there.keys() and last.keys() <= {"text", "thinking"}:
        return all(there[kind].startswith(last[kind]) for kind in last)
    return there == last


def _join(said: list[Document], kind: str, text: str) -> None:
    """Adds some text to the block that is open, if it is such a one."""
    if said and said[-1].keys() == {kind}:
        said[-1][kind] += text
    elif text or kind != "text":
        said.append({kind: text})


def _error(error: APIStatusError) -> Document:
    name = error.aws_name
    if name not in BY_NAME:
        same = (name for name, cls in BY_NAME.items() if cls.status == error.status_code)
        name = next(same, "InternalServerException")
    written: Document = {"name": name, "message": error.message}
    if error.retry_after is not None:
        written["retry_after"] = error.retry_after
    return written


# YAML ─────────────────────────────────────────────────────────────────────────────────────────────


_ODD_BREAKS: Final = re.compile("[\x85\u2028\u2029]")


class _Dumper(yaml.SafeDumper):
    """Writes for people: blocks, texts of several lines as such, no anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's name and arguments
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the same
        super().increase_indent(flow, False)  # noqa: FBT003 - the same


def _represent_text(_: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text and text.strip("\n") else None
    if _ODD_BREAKS.search(text):  # PyYAML writes them otherwise so that they aren't read again
        style = '"'
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def write_rule(rule: Document) -> str:
    """One rule as YAML; `outcrop.server.actors.script_file.read_rule` is its counterpart."""
    return yaml.dump(
        [rule], Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100, indent=2
    )
