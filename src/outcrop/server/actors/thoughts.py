"""What an actor thinks before it answers, if the model that it plays would think.

Rules: by rules and the same for the same request, like all that the parrot says; it is short, far
below the least budget that a request may give; where thinking is left to the model, a greeting gets
none.

Source: Anthropic, "Extended thinking" (thinking redaction: the string by which an application tries
whether it copes with `redacted_thinking`).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from outcrop.server.actors import RedactedThinking, Thinking
from outcrop.server.actors.samples import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outcrop.server.actors import Ask, ToolUse
    from outcrop.server.actors.reading import Reading

#: A prompt with this gets its thinking redacted.
REDACT: Final = (
    "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_"
    "46C9A13E193C177646C7398A98432ECCCE4C1253D5E2D82641AC0E52CC2876CB"
)

_QUOTE: Final = 300  # characters
_NAME: Final = 80
_GREETING_WORDS: Final = 5
_READ: Final = 20_000  # characters of a prompt that are looked at
_HELLO = re.compile(
    r"^\W*(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening))\b", re.IGNORECASE
)


def thoughts(
    ask: Ask, reading: Reading, *, calls: Sequence[ToolUse] = ()
) -> Iterator[Thinking | RedactedThinking]:
    """The thinking that comes before an answer, in pieces; nothing if none is due.

    Args:
        ask: The request.
        reading: The same, taken apart.
        calls: The tool calls that the answer will be.
    """
    if ask.thinking == "never" or (ask.thinking == "if-needed" and _is_greeting(reading)):
        return
    text = _thought(reading, calls)
    if REDACT in reading.prompt:
        yield RedactedThinking(text)
        return
    for some in re.findall(r"(?:\S+\s*){1,4}", text):
        yield Thinking(some)


def _is_greeting(reading: Reading) -> bool:
    prompt = reading.prompt[:_READ]
    few = len(words_of(prompt)) <= _GREETING_WORDS
    return not reading.results and (not prompt or (few and bool(_HELLO.search(prompt))))


def _thought(reading: Reading, calls: Sequence[ToolUse]) -> str:
    quoted = _cut(" ".join(reading.prompt[:_READ].split()), _QUOTE)
    said = [f"The user says: “{quoted}”"] if quoted else []
    for call in calls[:3]:
        given = _cut(json.dumps(call.input, ensure_ascii=False, default=str), _QUOTE)
        said.append(f"The tool {_cut(call.name, _NAME)} is for that; I call it with {given}.")
    if not calls and (count := len(reading.results)):
        said.append(f"The tools gave {count} result{'s' * (count > 1)}; I answer from there.")
    elif not calls:
        said.append("No tool is needed for that; I answer.")
    said.append("(An offline stand-in thinks by rules.)")
    return " ".join(said)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[:room].rstrip() + "…"
