"""An Anthropic Messages request as a chat that a small text model can read.

Rules: a system message is always there (the model's own template would otherwise introduce itself
under another name); what isn't text becomes a short note in brackets; what is too long loses its
oldest turns first, never the system message or the last question. Pure functions: nothing here
knows the model.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Turn = dict[str, str]  # "role" and "content"

#: The system message of a request that has none.
NEUTRAL: Final = "You are a helpful assistant."

_CUT: Final = "\n[…]\n"


def read(document: Mapping[str, Any]) -> list[Turn]:
    """The chat of a request: a system turn, then user and assistant turns by turns.

    Neighbours of the same role become one turn, as the Messages API does it. If the last turn is
    the assistant's, the model is to continue it.
    """
    system = _text(document.get("system")).strip()
    turns: list[Turn] = []
    for message in cast("Iterable[Mapping[str, Any]]", document.get("messages") or ()):
        content = _text(message.get("content"))
        role = message.get("role")
        if role == "system":  # instructions between turns: to this model they are all alike
            system = f"{system}\n\n{content}".strip()
        elif turns and turns[-1]["role"] == role:
            turns[-1]["content"] += "\n\n" + content
        else:
            turns.append(
                {"role": "assistant" if role == "assistant" else "user", "content": content}
            )
    if len(turns) > 1 and not turns[-1]["content"].strip():
        turns.pop()  # an empty last turn asks for nothing
    return [{"role": "system", "content": system or NEUTRAL}, *turns]


def fit(turns: list[Turn], limit: int) -> list[Turn]:
    """The same chat in about `limit` characters: the system turn and as many last turns as fit.

    The system turn gets at most half. The last question, and what the assistant has already begun
    to answer, stay, shortened if they must be.
    """
    if sum(len(turn["content"]) for turn in turns) <= limit:
        return turns
    system = _shorten(turns[0]["content"], limit // 2)
    room = limit - len(system)
    kept: list[Turn] = []
    rest = list(turns[1:])
    if rest and rest[-1]["role"] == "assistant":
        begun = rest.pop()["content"][-(room // 2) :]  # it is continued, so its end matters
        kept.append({"role": "assistant", "content": begun})
        room -= len(begun)
    asked = False
    for turn in reversed(rest):
        content = turn["content"]
        if not asked:
            content = _shorten(content, room)
        elif len(content) > room:
            break
        asked = asked or turn["role"] == "user"
        kept.insert(0, {"role": turn["role"], "content": content})
        room -= len(content)
    while len(kept) > 1 and kept[0]["role"] == "assistant":
        kept.pop(0)  # an answer whose question was cut
    return [{"role": "system", "content": system}, *kept]


def needs_rules(document: Mapping[str, Any]) -> bool:
    """Whether the answer hangs on tools: a call is demanded, or a tool's result was just given."""
    choice = document.get("tool_choice")
    if document.get("tools") and isinstance(choice, dict):
        kind = cast("dict[str, Any]", choice).get("type")
        if kind in {"any", "tool"}:
            return True
    return any(
        block.get("type") == "tool_result"
        for message in cast("Iterable[Mapping[str, Any]]", document.get("messages") or ())
        for block in _blocks(message.get("content"))
    )


def seed(turns: list[Turn], *salt: object) -> int:
    """A number under 2³¹ that depends on nothing but the chat and the salt."""
    said = json.dumps([turns, *salt], sort_keys=True, ensure_ascii=True, default=str)
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:4], "big") & 0x7FFF_FFFF


def _text(content: object) -> str:
    return "\n\n".join(part for part in map(_say, _blocks(content)) if part)


def _blocks(content: object) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if isinstance(content, list):
        return [
            cast("dict[str, Any]", block)
            for block in cast("list[object]", content)
            if isinstance(block, dict)
        ]
    return []


def _say(block: dict[str, Any]) -> str:
    """A block in words; an empty string if it is nothing for the model."""
    kind = block.get("type")
    if kind == "text":
        return _plain(block.get("text"))
    if kind in {"thinking", "redacted_thinking"}:
        return ""
    source = block.get("source")
    given = cast("dict[str, Any]", source) if isinstance(source, dict) else {}
    if kind == "document" and given.get("type") == "text":
        return _plain(given.get("data"))
    if kind == "document" and given.get("type") == "content":
        return _text(given.get("content"))
    if kind == "tool_use":
        return f"[called {_plain(block.get('name'))} with {_plain(json.dumps(block.get('input')))}]"
    if kind == "tool_result":
        return f"[result: {_text(block.get('content'))}]"
    if kind == "search_result":
        return f"[{_plain(block.get('title'))}] {_text(block.get('content'))}"
    about = [block.get("title"), given.get("media_type")]
    details = ", ".join(_plain(detail) for detail in about if detail)
    return f"[{_plain(kind)}: {details}]" if details else f"[{_plain(kind)}]"


def _plain(value: object) -> str:
    """Text without lone surrogates (they have no UTF-8) and without the model's control marks.

    `<|im_start|>` and its kin begin and end turns; said by a user they are only words.
    """
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return text.encode("utf-8", "replace").decode("utf-8").replace("<|", "< |")


def _shorten(text: str, room: int) -> str:
    """Beginning and end of a text that is longer than there's room for."""
    if len(text) <= room:
        return text
    half = max(0, room - len(_CUT)) // 2
    return text[:half] + _CUT + text[len(text) - half :]
