"""What a Messages request says, for actors that go by rules.

Rules: nothing here raises, whatever the request holds; texts are given as they were sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from outcrop.server.documents import is_inlined

if TYPE_CHECKING:
    from collections.abc import Mapping

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """A request, taken apart.

    Attributes:
        system: The system prompt, instructions between turns included.
        said: The texts of the user's messages, oldest first; a message without text is "".
        prompt: The last of those that isn't empty: what is asked.
        last: The blocks of the last user message.
        prefill: The beginning of the answer, if the request ends with one.
        calls: The tool calls so far, by their IDs.
    """

    system: str
    said: list[str]
    prompt: str
    last: list[Block]
    prefill: str
    calls: dict[str, Block]

    @property
    def latest(self) -> str:
        """The text of the last user message; "" if it has none, such as one of tool results."""
        return self.said[-1] if self.said else ""

    @property
    def results(self) -> list[Block]:
        """The tool results in the last user message."""
        return [block for block in self.last if block.get("type") == "tool_result"]


def read(document: Mapping[str, Any]) -> Reading:
    """What the request says."""
    system = [text_of(document.get("system"))]
    said: list[str] = []
    last: list[Block] = []
    calls: dict[str, Block] = {}
    prefill = ""
    given = document.get("messages")
    for message in blocks_of(given):
        content = message.get("content")
        prefill = ""
        match message.get("role"):
            case "user":
                said.append(text_of(_spoken(content)))
                last = blocks_of(content)
            case "assistant":
                prefill = text_of(content)
                calls.update(
                    (str(block.get("id")), block)
                    for block in blocks_of(content)
                    if block.get("type") == "tool_use"
                )
            case _:
                system.append(text_of(content))
    return Reading(
        system="\n\n".join(part for part in system if part.strip()),
        said=said,
        prompt=next((text for text in reversed(said) if text.strip()), ""),
        last=last,
        prefill=prefill,
        calls=calls,
    )


def _spoken(content: object) -> list[Block]:
    """Some content without the documents that stand in it as texts: they are no question."""
    return [block for block in blocks_of(content) if not is_inlined(block)]


def blocks_of(content: object) -> list[Block]:
    """The blocks of some content; a string is one text block."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        return []
    return [
        cast("Block", block) for block in cast("list[object]", content) if isinstance(block, dict)
    ]


def text_of(content: object) -> str:
    """The text blocks of some content, a line break between them."""
    texts = (block.get("text") for block in blocks_of(content) if block.get("type") == "text")
    return "\n".join(text for text in texts if isinstance(text, str))


def fields_of(value: object) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
