"""What a user has told about themselves, and what of it they ask for.

Rules: only plain English statements count ("My name is Ada and I live in Lisbon."), never what
stands in a question; the last word on a matter holds; only the texts given are remembered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_READ: Final = 8000  # characters of each text
_WORD = r"[^\W\d_][\w'’-]{0,40}"  # noqa: RUF001 - an apostrophe
_NAME = rf"{_WORD}(?: [A-Z][\w'-]{{0,40}}){{0,3}}"
_VALUE = r"[^\s.,;!?][^.,;!?\n]{0,79}"
_END = r"(?=\s*(?:[.,;!?\n]|$)|\s+(?:and|but)\s)"

_SENTENCES = re.compile(r"(?:[^.!?\n]|[.!?](?!\s|$)){1,600}[.!?]*")
_STATEMENTS: Final = (
    ("name", re.compile(rf"\b(?i:my name is|my name's|i am called|i'm called|call me) ({_NAME})")),
    ("name", re.compile(r"\b(?:I'm|I am) ([A-Z][\w'-]{0,40}(?: [A-Z][\w'-]{0,40}){0,3})")),
    ("place", re.compile(rf"\b(?i:i live|i'm based|i am based|i'm living) in ({_VALUE}?){_END}")),
    ("origin", re.compile(rf"\b(?i:i come|i'm|i am) from ({_VALUE}?){_END}")),
)
_BELONGING = re.compile(
    r"\bmy (?!name\b|question\b)([a-z][a-z -]{0,40}?) (is|are) "
    rf"(?!what\b|that\b)({_VALUE}?){_END}",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"\?|^\W*(?:what|where|who|which|tell me|say|do you|can you|remind|repeat)\b", re.IGNORECASE
)
_MY = re.compile(r"\bmy ([a-z][a-z -]{0,60})", re.IGNORECASE)
_ASKED: Final = (
    ("name", re.compile(r"\bwho am i\b", re.IGNORECASE)),
    ("place", re.compile(r"\bwhere (?:do|did) i (?:live|say i live)\b", re.IGNORECASE)),
    ("origin", re.compile(r"\bwhere (?:am|do) i (?:come )?from\b", re.IGNORECASE)),
)

Fact = tuple[str, str]  # the value, and a sentence that says it


def remember(texts: Iterable[str]) -> dict[str, Fact]:
    """What the texts state, by matter: "name", "place", "origin", or words such as "dog"."""
    facts: dict[str, Fact] = {}
    for text in texts:
        for sentence in sentences(text[:_READ]):
            if not _QUESTION.search(sentence):
                facts.update(_stated(sentence))
    return facts


def recall(prompt: str, facts: dict[str, Fact]) -> list[Fact]:
    """What the prompt asks for of that; an unknown name is said to be unknown."""
    wanted: set[str] = set()
    for sentence in sentences(prompt[:_READ]):
        if not _QUESTION.search(sentence):
            continue
        wanted.update(matter for matter, asked in _ASKED if asked.search(sentence))
        for mine in _MY.findall(sentence):
            said = f"{_matter(mine)} "
            wanted.update(matter for matter in ("name", *facts) if said.startswith(f"{matter} "))
    unknown = [("unknown", "You have not told me your name.")]
    missing = unknown if "name" in wanted and "name" not in facts else []
    return missing + [fact for matter, fact in facts.items() if matter in wanted]


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with its mark; very long ones in parts."""
    return [found.strip() for found in _SENTENCES.findall(text) if found.strip()]


def _stated(sentence: str) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    for matter, pattern in _STATEMENTS:
        for value in pattern.findall(sentence):
            facts[matter] = (value, _say(matter, value))
    for whose, verb, value in _BELONGING.findall(sentence):
        facts[_matter(whose)] = (value, f"Your {whose} {verb.lower()} {value}.")
    return facts


def _say(matter: str, value: str) -> str:
    match matter:
        case "name":
            return f"Your name is {value}."
        case "place":
            return f"You live in {value}."
        case _:
            return f"You are from {value}."


def _matter(words: str) -> str:
    return " ".join(words.lower().replace("favorite", "favourite").split())
