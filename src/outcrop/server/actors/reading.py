"""What a Messages request says, for actors that go by rules.

Rules: nothing here raises, whatever the request holds; texts are given as they were sent.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from outcrop.server.documents import is_inlined

if TYPE_CHECKING:
    from collections.abc import Mapping

Block = dict[str, Any]


class Reading:
    """A request, taken apart as far as it is asked for.

    Args:
        document: The Messages request.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._system: object = document.get("system")
        self._messages = messages = blocks_of(document.get("messages"))
        #: The contents of the user's messages, oldest first.
        self._users = [each.get("content") for each in messages if each.get("role") == "user"]

    @cached_property
    def system(self) -> str:
        """The system prompt, instructions between turns included."""
        others = [each for each in self._messages if each.get("role") not in ("user", "assistant")]
        parts = [self._system, *(each.get("content") for each in others)]
        return "\n\n".join(text for text in map(text_of, parts) if text.strip())

    @cached_property
    def said(self) -> list[str]:
        """The texts of the user's messages, oldest first; a message without text is ""."""
        return [_spoken(content) for content in self._users]

    @cached_property
    def prompt(self) -> str:
        """The last of those that isn't empty: what is asked."""
        return next((text for text in reversed(self.said) if text.strip()), "")

    @cached_property
    def latest(self) -> str:
        """The text of the last user message; "" if it has none, such as one of tool results."""
        return _spoken(self._users[-1]) if self._users else ""

    @cached_property
    def last(self) -> list[Block]:
        """The blocks of the last user message."""
        return blocks_of(self._users[-1]) if self._users else []

    @property
    def results(self) -> list[Block]:
        """The tool results in the last user message."""
        return [block for block in self.last if block.get("type") == "tool_result"]

    @cached_property
    def prefill(self) -> str:
        """The beginning of the answer, if the request ends with one."""
        last = self._messages[-1] if self._messages else {}
        return text_of(last.get("content")) if last.get("role") == "assistant" else ""

    @cached_property
    def calls(self) -> dict[str, Block]:
        """The tool calls so far, by their IDs."""
        return {
            str(block.get("id")): block
            for message in self._messages
            if message.get("role") == "assistant"
            for block in blocks_of(message.get("content"))
            if block.get("type") == "tool_use"
        }


def read(document: Mapping[str, Any]) -> Reading:
    """What the request says."""
    return Reading(document)


def _spoken(content: object) -> str:
    """The text of some content without the documents in it that stand as texts: no question."""
    return text_of([block for block in blocks_of(content) if not is_inlined(block)])


def blocks_of(content: object) -> list[Block]:
    """The blocks of some content; a string is one text block."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        return []
    blocks = cast("list[object]", content)
    return [block for block in blocks if isinstance(block, dict)]  # pyright: ignore[reportUnknownVariableType] - as decoded


def text_of(content: object) -> str:
    """The text blocks of some content, a line break between them."""
    texts = (block.get("text") for block in blocks_of(content) if block.get("type") == "text")
    return "\n".join(text for text in texts if isinstance(text, str))


def fields_of(value: object) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
