"""What Claude answered: `Message`, its content blocks, citations and usage, as views over the JSON.

Rules: as in `view`. Names, attributes and literals are those of anthropic 2.12.0; the class of a
block is chosen by its `type`. An unknown type gives an `UnknownBlock`, which the static union
`ContentBlock` leaves out on purpose: a member with `type: str` would spoil narrowing by
`block.type == "text"` for all others. `isinstance(block, UnknownBlock)` finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

from outcrop.messages.fields import part, parts
from outcrop.messages.results import (
    BashCodeExecutionToolResultBlock,
    CodeExecutionToolResultBlock,
    Container,
    ContainerUploadBlock,
    TextEditorCodeExecutionToolResultBlock,
    ToolSearchToolResultBlock,
    ToolUseCaller,
    Unknown,
    WebFetchToolResultBlock,
    WebSearchToolResultBlock,
    caller,
)
from outcrop.messages.view import View, chooser, view_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

StopReason = Literal[
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
]


# Citations ───────────────────────────────────────────────────────────────────────────────────────


class CitationCharLocation(View):
    """Characters of a plain-text document: from 0, end exclusive."""

    cited_text: str
    document_index: int
    document_title: str | None = None
    end_char_index: int
    file_id: str | None = None
    start_char_index: int
    type: Literal["char_location"]


class CitationPageLocation(View):
    """Pages of a PDF: from 1, end exclusive."""

    cited_text: str
    document_index: int
    document_title: str | None = None
    end_page_number: int
    file_id: str | None = None
    start_page_number: int
    type: Literal["page_location"]


class CitationContentBlockLocation(View):
    """Blocks of a document of content blocks: from 0, end exclusive."""

    cited_text: str
    document_index: int
    document_title: str | None = None
    end_block_index: int
    file_id: str | None = None
    start_block_index: int
    type: Literal["content_block_location"]


class CitationsWebSearchResultLocation(View):
    """A page that a web search found."""

    cited_text: str
    encrypted_index: str
    title: str | None = None
    type: Literal["web_search_result_location"]
    url: str


class CitationsSearchResultLocation(View):
    """Blocks of a search result that the request held: from 0, end exclusive."""

    cited_text: str
    end_block_index: int
    search_result_index: int
    source: str
    start_block_index: int
    title: str | None = None
    type: Literal["search_result_location"]


class UnknownCitation(Unknown):
    """A citation of a type that this release doesn't know."""


TextCitation = (
    CitationCharLocation
    | CitationPageLocation
    | CitationContentBlockLocation
    | CitationsWebSearchResultLocation
    | CitationsSearchResultLocation
)

#: Wraps a citation's document.
citation: Callable[[Any], TextCitation] = chooser(
    {
        "char_location": CitationCharLocation,
        "page_location": CitationPageLocation,
        "content_block_location": CitationContentBlockLocation,
        "web_search_result_location": CitationsWebSearchResultLocation,
        "search_result_location": CitationsSearchResultLocation,
    },
    UnknownCitation,
)


# Content blocks ──────────────────────────────────────────────────────────────────────────────────


class TextBlock(View):
    """Some text, with the passages that it cites."""

    citations: list[TextCitation] | None = parts(citation, default=None)
    text: str
    type: Literal["text"]


class ThinkingBlock(View):
    """Claude's thinking; goes back unchanged, signature included, with tool results."""

    signature: str
    thinking: str
    type: Literal["thinking"]


class RedactedThinkingBlock(View):
    """Thinking that only the model can read; goes back unchanged."""

    data: str
    type: Literal["redacted_thinking"]


class ToolUseBlock(View):
    """A call of one of your tools; `input` is a plain dict, as the tool's schema describes it."""

    id: str
    caller: ToolUseCaller | None = part(caller, default=None)
    input: dict[str, Any]
    name: str
    type: Literal["tool_use"]
    toolset_name: str | None = None


class ServerToolUseBlock(View):
    """A call of a tool that Anthropic's servers run."""

    id: str
    caller: ToolUseCaller | None = part(caller, default=None)
    input: dict[str, Any]
    name: Literal[
        "web_search",
        "web_fetch",
        "code_execution",
        "bash_code_execution",
        "text_editor_code_execution",
        "tool_search_tool_regex",
        "tool_search_tool_bm25",
    ]
    type: Literal["server_tool_use"]


class UnknownBlock(Unknown):
    """A content block of a type that this release doesn't know; see the head of the module."""


ContentBlock = (
    TextBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ToolUseBlock
    | ServerToolUseBlock
    | WebSearchToolResultBlock
    | WebFetchToolResultBlock
    | CodeExecutionToolResultBlock
    | BashCodeExecutionToolResultBlock
    | TextEditorCodeExecutionToolResultBlock
    | ToolSearchToolResultBlock
    | ContainerUploadBlock
)

#: Wraps a content block's document in the class of its `type`.
content_block: Callable[[Any], ContentBlock] = chooser(
    {
        "text": TextBlock,
        "thinking": ThinkingBlock,
        "redacted_thinking": RedactedThinkingBlock,
        "tool_use": ToolUseBlock,
        "server_tool_use": ServerToolUseBlock,
        "web_search_tool_result": WebSearchToolResultBlock,
        "web_fetch_tool_result": WebFetchToolResultBlock,
        "code_execution_tool_result": CodeExecutionToolResultBlock,
        "bash_code_execution_tool_result": BashCodeExecutionToolResultBlock,
        "text_editor_code_execution_tool_result": TextEditorCodeExecutionToolResultBlock,
        "tool_search_tool_result": ToolSearchToolResultBlock,
        "container_upload": ContainerUploadBlock,
    },
    UnknownBlock,
)


# Usage ───────────────────────────────────────────────────────────────────────────────────────────


class CacheCreation(View):
    """Tokens written to the cache, by how long they stay there."""

    ephemeral_1h_input_tokens: int
    ephemeral_5m_input_tokens: int


class OutputTokensDetails(View):
    """Which of the output tokens were thinking."""

    thinking_tokens: int


class ServerToolUsage(View):
    """How often server tools ran."""

    web_fetch_requests: int
    web_search_requests: int


class Usage(View):
    """What was counted, in tokens; `input_tokens` leaves out what the cache read and wrote."""

    cache_creation: CacheCreation | None = part(CacheCreation, default=None)
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    inference_geo: str | None = None
    input_tokens: int
    output_tokens: int
    output_tokens_details: OutputTokensDetails | None = part(OutputTokensDetails, default=None)
    server_tool_use: ServerToolUsage | None = part(ServerToolUsage, default=None)
    service_tier: Literal["standard", "priority", "batch"] | None = None
    speed: Literal["standard", "fast"] | None = None


# The message ─────────────────────────────────────────────────────────────────────────────────────


class RefusalStopDetails(View):
    """Why Claude refused."""

    category: (
        Literal["cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms"] | None
    ) = None
    explanation: str | None = None
    type: Literal["refusal"]


class CacheMissReason(View):
    """From where on the cache didn't match: `type` says what had changed."""

    cache_missed_input_tokens: int | None = None
    type: Literal[
        "model_changed",
        "system_changed",
        "tools_changed",
        "messages_changed",
        "previous_message_not_found",
        "unavailable",
    ]


class Diagnostics(View):
    """What the service found out about the request."""

    cache_miss_reason: CacheMissReason | None = part(CacheMissReason, default=None)


class Headers(Protocol):
    """Response headers to look up: a dict will do, as will `outcrop.wire.http.HeaderMap`."""

    def get(self, name: str, /) -> str | None:
        """The header's value, or None."""
        ...

    def __getitem__(self, name: str, /) -> str: ...

    def __contains__(self, name: object, /) -> bool: ...

    def __iter__(self) -> Iterator[str]: ...

    def __len__(self) -> int: ...


class Message(View):
    """A whole reply.

    What came with it over the wire stands beside the document: `_request_id`, `route`, `headers`.
    They are no part of `to_dict()`, of the repr or of equality.
    """

    id: str
    container: Container | None = part(Container, default=None)
    content: list[ContentBlock] = parts(content_block)
    diagnostics: Diagnostics | None = part(Diagnostics, default=None)
    model: str
    role: Literal["assistant"]
    stop_details: RefusalStopDetails | None = part(RefusalStopDetails, default=None)
    stop_reason: StopReason | None = None
    stop_sequence: str | None = None
    type: Literal["message"]
    usage: Usage = part(Usage)

    @classmethod
    def received(
        cls,
        document: dict[str, Any],
        *,
        request_id: str | None = None,
        route: Any = None,
        headers: Headers | None = None,
        attempts: tuple[Any, ...] = (),
    ) -> Self:
        """A message over its document, and what came with it over the wire.

        Args:
            document: The decoded body; kept, not copied.
            request_id: AWS's ID of the request; None for what the headers say
                (`x-amzn-RequestId`).
            route: Which way the call went.
            headers: The headers of the response.
            attempts: What was tried for it, in order.
        """
        return view_of(cls, document, (request_id, route, headers, attempts))

    @property
    def _request_id(self) -> str | None:
        """AWS's ID of the request, for its support; None if the message didn't come by wire."""
        return self._beside(0) or self.headers.get("x-amzn-requestid")

    @property
    def route(self) -> Any:
        """Which way the call went; None if the message didn't come by wire."""
        return self._beside(1)

    @property
    def headers(self) -> Headers:
        """The headers of the response; empty if the message didn't come by wire."""
        headers = self._beside(2)
        return {} if headers is None else headers

    @property
    def attempts(self) -> tuple[Any, ...]:
        """What was tried for it, each with its route; the last one succeeded."""
        return self._beside(3) or ()

    @property
    def cost(self) -> Any:
        """What it cost by list prices: `amount` (a Decimal), `currency`, and its parts.

        None if the message didn't come by wire; without `amount`, but with a `reason`, where no
        price is known.
        """
        return None if self.route is None else self.route.cost(self.usage.whole())

    def _beside(self, index: int) -> Any:
        aside = getattr(self, "_aside", None)
        return None if aside is None else aside[index]


class MessageTokensCount(View):
    """How many input tokens a request costs."""

    input_tokens: int

    @classmethod
    def received(cls, document: dict[str, Any], *, request_id: str | None, route: Any) -> Self:
        """A count over its document, and what came with it over the wire.

        Args:
            document: The decoded body; kept, not copied.
            request_id: AWS's ID of the request (`x-amzn-RequestId`).
            route: Which way the call went.
        """
        return view_of(cls, document, (request_id, route))

    @property
    def _request_id(self) -> str | None:
        """AWS's ID of the request, for its support; None if the count didn't come by wire."""
        return (getattr(self, "_aside", None) or (None, None))[0]

    @property
    def route(self) -> Any:
        """Which way the call went; None if the count didn't come by wire."""
        return (getattr(self, "_aside", None) or (None, None))[1]
