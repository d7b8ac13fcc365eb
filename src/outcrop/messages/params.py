"""What Claude is asked: a Messages request, typed.

Rules: a request is plain dicts, so these are TypedDicts, here for the type checker only; nothing is
checked or converted at run time, and what they don't know can still be sent (`extra_body`). Lists
are `Iterable`: a tuple or a generator will do. Where content goes, the blocks of a reply may go,
too: `{"role": "assistant", "content": message.content}`.

Names, keys and literals are those of anthropic 2.12.0. Two differences: `MessageParam` is one
TypedDict for all roles rather than a union, so that it can be called and its role may be a
variable; and base64 data is a string only, since opening files isn't this room's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Required, TypedDict

from outcrop.messages.tools import (  # noqa: TC001 - the same
    CacheControlEphemeralParam,
    CitationsConfigParam,
    ToolUnionParam,
)
from outcrop.messages.views import ContentBlock

# Callers and citations ───────────────────────────────────────────────────────────────────────────


class DirectCallerParam(TypedDict):
    """The model itself called the tool."""

    type: Literal["direct"]


class ServerToolCallerParam(TypedDict):
    """Code in code execution called the tool."""

    tool_id: str
    type: Literal["code_execution_20250825"]


class ServerToolCaller20260120Param(TypedDict):
    """Code in code execution, 2026-01-20, called the tool."""

    tool_id: str
    type: Literal["code_execution_20260120"]


ToolUseCallerParam = DirectCallerParam | ServerToolCallerParam | ServerToolCaller20260120Param


class CitationCharLocationParam(TypedDict):
    """Characters of a plain-text document: from 0, end exclusive."""

    cited_text: str
    document_index: int
    document_title: str | None
    end_char_index: int
    start_char_index: int
    type: Literal["char_location"]


class CitationPageLocationParam(TypedDict):
    """Pages of a PDF: from 1, end exclusive."""

    cited_text: str
    document_index: int
    document_title: str | None
    end_page_number: int
    start_page_number: int
    type: Literal["page_location"]


class CitationContentBlockLocationParam(TypedDict):
    """Blocks of a document of content blocks: from 0, end exclusive."""

    cited_text: str
    document_index: int
    document_title: str | None
    end_block_index: int
    start_block_index: int
    type: Literal["content_block_location"]


class CitationWebSearchResultLocationParam(TypedDict):
    """A page that a web search found."""

    cited_text: str
    encrypted_index: str
    title: str | None
    type: Literal["web_search_result_location"]
    url: str


class CitationSearchResultLocationParam(TypedDict):
    """Blocks of a search result: from 0, end exclusive."""

    cited_text: str
    end_block_index: int
    search_result_index: int
    source: str
    start_block_index: int
    title: str | None
    type: Literal["search_result_location"]


TextCitationParam = (
    CitationCharLocationParam
    | CitationPageLocationParam
    | CitationContentBlockLocationParam
    | CitationWebSearchResultLocationParam
    | CitationSearchResultLocationParam
)


# Text, images, documents ─────────────────────────────────────────────────────────────────────────


class TextBlockParam(TypedDict, total=False):
    """Some text."""

    text: Required[str]
    type: Required[Literal["text"]]
    cache_control: CacheControlEphemeralParam | None
    citations: Iterable[TextCitationParam] | None


class Base64ImageSourceParam(TypedDict):
    """An image, in base64."""

    data: str
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    type: Literal["base64"]


class URLImageSourceParam(TypedDict):
    """An image on the web."""

    type: Literal["url"]
    url: str


class FileImageSourceParam(TypedDict):
    """An uploaded image."""

    file_id: str
    type: Literal["file"]


class ImageTransformationsParam(TypedDict, total=False):
    """What may be done to an image before it is read."""

    oversized_image: Literal["downsize", "error"]


class ImageBlockParam(TypedDict, total=False):
    """An image."""

    source: Required[Base64ImageSourceParam | URLImageSourceParam | FileImageSourceParam]
    type: Required[Literal["image"]]
    cache_control: CacheControlEphemeralParam | None
    transformations: ImageTransformationsParam | None


class Base64PDFSourceParam(TypedDict):
    """A PDF, in base64."""

    data: str
    media_type: Literal["application/pdf"]
    type: Literal["base64"]


class PlainTextSourceParam(TypedDict):
    """Plain text."""

    data: str
    media_type: Literal["text/plain"]
    type: Literal["text"]


ContentBlockSourceContentParam = TextBlockParam | ImageBlockParam


class ContentBlockSourceParam(TypedDict):
    """A document made of blocks; citations name the blocks."""

    content: str | Iterable[ContentBlockSourceContentParam]
    type: Literal["content"]


class URLPDFSourceParam(TypedDict):
    """A PDF on the web."""

    type: Literal["url"]
    url: str


class FileDocumentSourceParam(TypedDict):
    """An uploaded document."""

    file_id: str
    type: Literal["file"]


DocumentSourceParam = (
    Base64PDFSourceParam
    | PlainTextSourceParam
    | ContentBlockSourceParam
    | URLPDFSourceParam
    | FileDocumentSourceParam
)


class DocumentBlockParam(TypedDict, total=False):
    """A document; with citations enabled, Claude quotes where an answer comes from."""

    source: Required[DocumentSourceParam]
    type: Required[Literal["document"]]
    cache_control: CacheControlEphemeralParam | None
    citations: CitationsConfigParam | None
    context: str | None
    title: str | None


class SearchResultBlockParam(TypedDict, total=False):
    """Something that your own search found, to be cited."""

    content: Required[Iterable[TextBlockParam]]
    source: Required[str]
    title: Required[str]
    type: Required[Literal["search_result"]]
    cache_control: CacheControlEphemeralParam | None
    citations: CitationsConfigParam


# Thinking and tools, as they come back ───────────────────────────────────────────────────────────


class ThinkingBlockParam(TypedDict):
    """Claude's thinking, unchanged."""

    signature: str
    thinking: str
    type: Literal["thinking"]


class RedactedThinkingBlockParam(TypedDict):
    """Sealed thinking, unchanged."""

    data: str
    type: Literal["redacted_thinking"]


class ToolUseBlockParam(TypedDict, total=False):
    """A call of one of your tools."""

    id: Required[str]
    input: Required[dict[str, Any]]
    name: Required[str]
    type: Required[Literal["tool_use"]]
    cache_control: CacheControlEphemeralParam | None
    caller: ToolUseCallerParam
    toolset_name: str | None


class ToolReferenceBlockParam(TypedDict, total=False):
    """A tool that your own search for tools found."""

    tool_name: Required[str]
    type: Required[Literal["tool_reference"]]
    cache_control: CacheControlEphemeralParam | None


ToolResultContentParam = (
    TextBlockParam
    | ImageBlockParam
    | SearchResultBlockParam
    | DocumentBlockParam
    | ToolReferenceBlockParam
)


class ToolResultBlockParam(TypedDict, total=False):
    """What one of your tools answered."""

    tool_use_id: Required[str]
    type: Required[Literal["tool_result"]]
    cache_control: CacheControlEphemeralParam | None
    content: str | Iterable[ToolResultContentParam]
    is_error: bool
    toolset_name: str | None


class ServerToolUseBlockParam(TypedDict, total=False):
    """A call of one of Anthropic's server tools."""

    id: Required[str]
    input: Required[dict[str, Any]]
    name: Required[
        Literal[
            "web_search",
            "web_fetch",
            "code_execution",
            "bash_code_execution",
            "text_editor_code_execution",
            "tool_search_tool_regex",
            "tool_search_tool_bm25",
        ]
    ]
    type: Required[Literal["server_tool_use"]]
    cache_control: CacheControlEphemeralParam | None
    caller: ToolUseCallerParam


class WebSearchToolResultBlockParam(TypedDict, total=False):
    """What a web search found, unchanged."""

    content: Required[Iterable[dict[str, Any]] | dict[str, Any]]
    tool_use_id: Required[str]
    type: Required[Literal["web_search_tool_result"]]
    cache_control: CacheControlEphemeralParam | None
    caller: ToolUseCallerParam


class WebFetchToolResultBlockParam(TypedDict, total=False):
    """What a web fetch brought, unchanged."""

    content: Required[dict[str, Any]]
    tool_use_id: Required[str]
    type: Required[Literal["web_fetch_tool_result"]]
    cache_control: CacheControlEphemeralParam | None
    caller: ToolUseCallerParam


class CodeExecutionToolResultBlockParam(TypedDict, total=False):
    """The result of code execution, unchanged."""

    content: Required[dict[str, Any]]
    tool_use_id: Required[str]
    type: Required[Literal["code_execution_tool_result"]]
    cache_control: CacheControlEphemeralParam | None


class BashCodeExecutionToolResultBlockParam(TypedDict, total=False):
    """The result of a shell command in code execution, unchanged."""

    content: Required[dict[str, Any]]
    tool_use_id: Required[str]
    type: Required[Literal["bash_code_execution_tool_result"]]
    cache_control: CacheControlEphemeralParam | None


class TextEditorCodeExecutionToolResultBlockParam(TypedDict, total=False):
    """The result of an edit in code execution, unchanged."""

    content: Required[dict[str, Any]]
    tool_use_id: Required[str]
    type: Required[Literal["text_editor_code_execution_tool_result"]]
    cache_control: CacheControlEphemeralParam | None


class ToolSearchToolResultBlockParam(TypedDict, total=False):
    """The result of a search for tools, unchanged."""

    content: Required[dict[str, Any]]
    tool_use_id: Required[str]
    type: Required[Literal["tool_search_tool_result"]]
    cache_control: CacheControlEphemeralParam | None


class ContainerUploadBlockParam(TypedDict, total=False):
    """A file to put into the container."""

    file_id: Required[str]
    type: Required[Literal["container_upload"]]
    cache_control: CacheControlEphemeralParam | None


ContentBlockParam = (
    TextBlockParam
    | ImageBlockParam
    | DocumentBlockParam
    | SearchResultBlockParam
    | ThinkingBlockParam
    | RedactedThinkingBlockParam
    | ToolUseBlockParam
    | ToolResultBlockParam
    | ServerToolUseBlockParam
    | WebSearchToolResultBlockParam
    | WebFetchToolResultBlockParam
    | CodeExecutionToolResultBlockParam
    | BashCodeExecutionToolResultBlockParam
    | TextEditorCodeExecutionToolResultBlockParam
    | ToolSearchToolResultBlockParam
    | ContainerUploadBlockParam
    | ContentBlock
)

MessageContentParam = str | Iterable[ContentBlockParam]

# Messages ────────────────────────────────────────────────────────────────────────────────────────


class MessageParam(TypedDict):
    """One turn of the conversation; `system` in its midst is for models that accept it."""

    content: MessageContentParam
    role: Literal["user", "assistant", "system"]


class UserMessageParam(TypedDict):
    """A turn of the user."""

    content: MessageContentParam
    role: Literal["user"]


class AssistantMessageParam(TypedDict):
    """A turn of Claude."""

    content: MessageContentParam
    role: Literal["assistant"]


class SystemMessageParam(TypedDict):
    """Instructions in the midst of a conversation."""

    content: str | Iterable[TextBlockParam]
    role: Literal["system"]


#: What `messages` may hold.
MessageUnionParam = MessageParam | UserMessageParam | AssistantMessageParam | SystemMessageParam

# How to answer ───────────────────────────────────────────────────────────────────────────────────


class ToolChoiceAutoParam(TypedDict, total=False):
    """Claude decides."""

    type: Required[Literal["auto"]]
    disable_parallel_tool_use: bool


class ToolChoiceAnyParam(TypedDict, total=False):
    """Some tool must be used."""

    type: Required[Literal["any"]]
    disable_parallel_tool_use: bool


class ToolChoiceToolParam(TypedDict, total=False):
    """This tool must be used."""

    name: Required[str]
    type: Required[Literal["tool"]]
    disable_parallel_tool_use: bool


class ToolChoiceNoneParam(TypedDict):
    """No tool may be used."""

    type: Literal["none"]


ToolChoiceParam = (
    ToolChoiceAutoParam | ToolChoiceAnyParam | ToolChoiceToolParam | ToolChoiceNoneParam
)


class ThinkingConfigEnabledParam(TypedDict, total=False):
    """Think, with at most so many tokens."""

    budget_tokens: Required[int]
    type: Required[Literal["enabled"]]
    display: Literal["summarized", "omitted"] | None


class ThinkingConfigDisabledParam(TypedDict):
    """Don't think."""

    type: Literal["disabled"]


class ThinkingConfigBetweenToolsParam(TypedDict):
    """Think between tool calls."""

    type: Literal["between_tools"]


class ThinkingConfigAdaptiveParam(TypedDict, total=False):
    """Think as much as the question needs."""

    type: Required[Literal["adaptive"]]
    display: Literal["summarized", "omitted"] | None


ThinkingConfigParam = (
    ThinkingConfigEnabledParam
    | ThinkingConfigDisabledParam
    | ThinkingConfigBetweenToolsParam
    | ThinkingConfigAdaptiveParam
)


class MetadataParam(TypedDict, total=False):
    """About the request."""

    user_id: str | None


class JSONOutputFormatParam(TypedDict):
    """JSON that follows a schema."""

    schema: dict[str, Any]
    type: Literal["json_schema"]


class OutputConfigParam(TypedDict, total=False):
    """How much effort, and in which form."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None
    format: JSONOutputFormatParam | None


class DiagnosticsParam(TypedDict, total=False):
    """What to find out about the request."""

    previous_message_id: str | None


class SkillParams(TypedDict, total=False):
    """A skill to load."""

    skill_id: Required[str]
    type: Required[Literal["anthropic", "custom"]]
    version: str


class ContainerParams(TypedDict, total=False):
    """The container that code runs in."""

    id: str | None
    skills: Iterable[SkillParams] | None


# The request ─────────────────────────────────────────────────────────────────────────────────────


class MessageCreateParamsBase(TypedDict, total=False):
    """All that `messages.create` takes, but for `stream`.

    `temperature`, `top_k` and `top_p` are for the models that still accept them; the official SDK's
    class has dropped them.
    """

    max_tokens: Required[int]
    messages: Required[Iterable[MessageUnionParam]]
    model: Required[str]
    cache_control: CacheControlEphemeralParam | None
    container: ContainerParams | str | None
    diagnostics: DiagnosticsParam | None
    inference_geo: str | None
    metadata: MetadataParam
    output_config: OutputConfigParam
    service_tier: Literal["auto", "standard_only"]
    speed: Literal["standard", "fast"] | None
    stop_sequences: list[str] | tuple[str, ...]  # a bare string would be cut into letters
    system: str | Iterable[TextBlockParam]
    temperature: float
    thinking: ThinkingConfigParam
    tool_choice: ToolChoiceParam
    tools: Iterable[ToolUnionParam]
    top_k: int
    top_p: float


class MessageCreateParamsNonStreaming(MessageCreateParamsBase, total=False):
    """A request for a whole message."""

    stream: Literal[False]


class MessageCreateParamsStreaming(MessageCreateParamsBase):
    """A request for a stream of events."""

    stream: Required[Literal[True]]


MessageCreateParams = MessageCreateParamsNonStreaming | MessageCreateParamsStreaming
