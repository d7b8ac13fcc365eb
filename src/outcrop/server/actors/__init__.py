"""Who answers: an actor reads an Anthropic Messages request and plays Claude's part.

Rules: an actor says *what* is answered, piece by piece; the composer (`outcrop.messages.compose`)
makes stream events of the pieces, counts tokens, and stops at `max_tokens` and stop sequences. An
actor that is told to stop (its generator is closed) stops generating at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from outcrop.errors import APIStatusError
    from outcrop.server.documents import Source


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, as an actor sees it.

    Attributes:
        document: The Anthropic Messages request: `messages`, `system`, `max_tokens`, …
        model: First-party name of the model that was asked for, such as `claude-opus-4-8`.
        model_id: The ID or ARN as called.
        operation: AWS's name of the operation, such as `InvokeModel`.
        thinking: Whether thinking is to come before what is said next; `if-needed` leaves that to
            the actor. See `outcrop.bedrock.thinking.due`.
        sources: Its documents and search results, read.
    """

    document: dict[str, Any]
    model: str
    model_id: str = ""
    operation: str = "InvokeModel"
    thinking: Literal["always", "if-needed", "never"] = "never"
    sources: tuple[Source, ...] = ()

    @property
    def streamed(self) -> bool:
        """Whether somebody reads the answer as it comes."""
        return self.operation.endswith("Stream")


@dataclass(frozen=True, slots=True)
class Text:
    """Some text."""

    text: str


@dataclass(frozen=True, slots=True)
class CitedText:
    """A text block of its own, with what it is founded on.

    Attributes:
        text: The whole text of the block.
        citations: Citations as Anthropic's API writes them (`char_location`, `page_location`, …).
    """

    text: str
    citations: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Thinking:
    """Some thinking; a thinking block begins if none is open."""

    text: str


@dataclass(frozen=True, slots=True)
class RedactedThinking:
    """Thinking that the reader gets encrypted, as a block of its own."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A whole tool call."""

    name: str
    input: dict[str, Any] = field(default_factory=dict[str, Any])
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Refuse:
    """A refusal: before any other piece an HTTP error, after one an exception in the stream."""

    error: APIStatusError


@dataclass(frozen=True, slots=True)
class Stop:
    """The end, with a reason other than `end_turn`."""

    reason: str
    sequence: str | None = None


Piece = Text | CitedText | Thinking | RedactedThinking | ToolUse | Wait | Refuse | Stop


class Actor(Protocol):
    """What the server asks of whoever answers."""

    name: str

    async def start(self) -> None:
        """Make ready; called once before the first `answer`."""
        ...

    def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """The answer, piece by piece."""
        ...

    async def close(self) -> None:
        """Release what `start` took."""
        ...
