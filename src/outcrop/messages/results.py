"""What Anthropic's server tools answered: views over their result blocks.

Rules: as in `view`. Names, attributes and literals are those of anthropic 2.12.0. Server tools are
rare on Bedrock; the blocks are here since the official union of content blocks names them, and
programs that handle them shall type-check.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from outcrop.messages.fields import part, parts
from outcrop.messages.view import View, chooser


class Unknown(View):
    """An object of a `type` that this release doesn't know; its document is all there.

    Unknown objects turn up where the static types don't name them: naming them there would take
    away the narrowing by `type` of all the others.
    """

    type: str


# Who called ──────────────────────────────────────────────────────────────────────────────────────


class DirectCaller(View):
    """The model itself called the tool."""

    type: Literal["direct"]


class ServerToolCaller(View):
    """Code in code execution called the tool."""

    tool_id: str
    type: Literal["code_execution_20250825"]


class ServerToolCaller20260120(View):
    """Code in code execution, 2026-01-20, called the tool."""

    tool_id: str
    type: Literal["code_execution_20260120"]


ToolUseCaller = DirectCaller | ServerToolCaller | ServerToolCaller20260120

caller = chooser(
    {
        "direct": DirectCaller,
        "code_execution_20250825": ServerToolCaller,
        "code_execution_20260120": ServerToolCaller20260120,
    },
    Unknown,
)


# Web search and fetch ────────────────────────────────────────────────────────────────────────────

WebSearchToolResultErrorCode = Literal[
    "invalid_tool_input",
    "unavailable",
    "max_uses_exceeded",
    "too_many_requests",
    "query_too_long",
    "request_too_large",
]
WebFetchToolResultErrorCode = Literal[
    "invalid_tool_input",
    "url_too_long",
    "url_not_allowed",
    "url_not_in_prior_context",
    "url_not_accessible",
    "unsupported_content_type",
    "too_many_requests",
    "max_uses_exceeded",
    "unavailable",
    "content_too_large",
]


class WebSearchResultBlock(View):
    """One page that a search found."""

    encrypted_content: str
    page_age: str | None = None
    title: str
    type: Literal["web_search_result"]
    url: str


class WebSearchToolResultError(View):
    """Why a search failed."""

    error_code: WebSearchToolResultErrorCode
    type: Literal["web_search_tool_result_error"]


WebSearchToolResultBlockContent = WebSearchToolResultError | list[WebSearchResultBlock]


_search_results = parts(WebSearchResultBlock).read
_search_error = chooser({"web_search_tool_result_error": WebSearchToolResultError}, Unknown)


def _search_content(value: Any) -> Any:
    """A list of results, or one error object."""
    return _search_results(value) if isinstance(value, list) else _search_error(value)


class WebSearchToolResultBlock(View):
    """What a web search found."""

    caller: ToolUseCaller | None = part(caller, default=None)
    content: WebSearchToolResultBlockContent = part(_search_content)
    tool_use_id: str
    type: Literal["web_search_tool_result"]


class CitationsConfig(View):
    """Whether a document is to be cited."""

    enabled: bool


class Base64PDFSource(View):
    """A PDF, in base64."""

    data: str
    media_type: Literal["application/pdf"]
    type: Literal["base64"]


class PlainTextSource(View):
    """Plain text."""

    data: str
    media_type: Literal["text/plain"]
    type: Literal["text"]


class DocumentBlock(View):
    """A document that was fetched."""

    citations: CitationsConfig | None = part(CitationsConfig, default=None)
    source: Base64PDFSource | PlainTextSource = part(
        chooser({"base64": Base64PDFSource, "text": PlainTextSource}, Unknown)
    )
    title: str | None = None
    type: Literal["document"]


class WebFetchBlock(View):
    """A page that was fetched."""

    content: DocumentBlock = part(DocumentBlock)
    retrieved_at: str | None = None
    type: Literal["web_fetch_result"]
    url: str


class WebFetchToolResultErrorBlock(View):
    """Why a fetch failed."""

    error_code: WebFetchToolResultErrorCode
    type: Literal["web_fetch_tool_result_error"]


class WebFetchToolResultBlock(View):
    """What a web fetch brought."""

    caller: ToolUseCaller | None = part(caller, default=None)
    content: WebFetchToolResultErrorBlock | WebFetchBlock = part(
        chooser(
            {
                "web_fetch_tool_result_error": WebFetchToolResultErrorBlock,
                "web_fetch_result": WebFetchBlock,
            },
            Unknown,
        )
    )
    tool_use_id: str
    type: Literal["web_fetch_tool_result"]


# Code execution ──────────────────────────────────────────────────────────────────────────────────

CodeExecutionToolResultErrorCode = Literal[
    "invalid_tool_input", "unavailable", "too_many_requests", "execution_time_exceeded"
]
BashCodeExecutionToolResultErrorCode = (
    CodeExecutionToolResultErrorCode | Literal["output_file_too_large"]
)
TextEditorCodeExecutionToolResultErrorCode = (
    CodeExecutionToolResultErrorCode | Literal["file_not_found"]
)


class CodeExecutionOutputBlock(View):
    """A file that the code wrote."""

    file_id: str
    type: Literal["code_execution_output"]


class CodeExecutionResultBlock(View):
    """How the code ended."""

    content: list[CodeExecutionOutputBlock] = parts(CodeExecutionOutputBlock)
    return_code: int
    stderr: str
    stdout: str
    type: Literal["code_execution_result"]


class EncryptedCodeExecutionResultBlock(View):
    """How the code ended, its output sealed."""

    content: list[CodeExecutionOutputBlock] = parts(CodeExecutionOutputBlock)
    encrypted_stdout: str
    return_code: int
    stderr: str
    type: Literal["encrypted_code_execution_result"]


class CodeExecutionToolResultError(View):
    """Why the code didn't run."""

    error_code: CodeExecutionToolResultErrorCode
    type: Literal["code_execution_tool_result_error"]


CodeExecutionToolResultBlockContent = (
    CodeExecutionToolResultError | CodeExecutionResultBlock | EncryptedCodeExecutionResultBlock
)


class CodeExecutionToolResultBlock(View):
    """The result of code execution."""

    content: CodeExecutionToolResultBlockContent = part(
        chooser(
            {
                "code_execution_tool_result_error": CodeExecutionToolResultError,
                "code_execution_result": CodeExecutionResultBlock,
                "encrypted_code_execution_result": EncryptedCodeExecutionResultBlock,
            },
            Unknown,
        )
    )
    tool_use_id: str
    type: Literal["code_execution_tool_result"]


class BashCodeExecutionOutputBlock(View):
    """A file that the command wrote."""

    file_id: str
    type: Literal["bash_code_execution_output"]


class BashCodeExecutionResultBlock(View):
    """How the command ended."""

    content: list[BashCodeExecutionOutputBlock] = parts(BashCodeExecutionOutputBlock)
    return_code: int
    stderr: str
    stdout: str
    type: Literal["bash_code_execution_result"]


class BashCodeExecutionToolResultError(View):
    """Why the command didn't run."""

    error_code: BashCodeExecutionToolResultErrorCode
    type: Literal["bash_code_execution_tool_result_error"]


class BashCodeExecutionToolResultBlock(View):
    """The result of a shell command in code execution."""

    content: BashCodeExecutionToolResultError | BashCodeExecutionResultBlock = part(
        chooser(
            {
                "bash_code_execution_tool_result_error": BashCodeExecutionToolResultError,
                "bash_code_execution_result": BashCodeExecutionResultBlock,
            },
            Unknown,
        )
    )
    tool_use_id: str
    type: Literal["bash_code_execution_tool_result"]


class TextEditorCodeExecutionViewResultBlock(View):
    """A file, or some of its lines."""

    content: str
    file_type: Literal["text", "image", "pdf"]
    num_lines: int | None = None
    start_line: int | None = None
    total_lines: int | None = None
    type: Literal["text_editor_code_execution_view_result"]


class TextEditorCodeExecutionCreateResultBlock(View):
    """A file was written."""

    is_file_update: bool
    type: Literal["text_editor_code_execution_create_result"]


class TextEditorCodeExecutionStrReplaceResultBlock(View):
    """Some text was replaced."""

    lines: list[str] | None = None
    new_lines: int | None = None
    new_start: int | None = None
    old_lines: int | None = None
    old_start: int | None = None
    type: Literal["text_editor_code_execution_str_replace_result"]


class TextEditorCodeExecutionToolResultError(View):
    """Why the editor failed."""

    error_code: TextEditorCodeExecutionToolResultErrorCode
    error_message: str | None = None
    type: Literal["text_editor_code_execution_tool_result_error"]


class TextEditorCodeExecutionToolResultBlock(View):
    """The result of an edit in code execution."""

    content: (
        TextEditorCodeExecutionToolResultError
        | TextEditorCodeExecutionViewResultBlock
        | TextEditorCodeExecutionCreateResultBlock
        | TextEditorCodeExecutionStrReplaceResultBlock
    ) = part(
        chooser(
            {
                "text_editor_code_execution_tool_result_error": (
                    TextEditorCodeExecutionToolResultError
                ),
                "text_editor_code_execution_view_result": TextEditorCodeExecutionViewResultBlock,
                "text_editor_code_execution_create_result": (
                    TextEditorCodeExecutionCreateResultBlock
                ),
                "text_editor_code_execution_str_replace_result": (
                    TextEditorCodeExecutionStrReplaceResultBlock
                ),
            },
            Unknown,
        )
    )
    tool_use_id: str
    type: Literal["text_editor_code_execution_tool_result"]


# Tool search, containers ─────────────────────────────────────────────────────────────────────────

ToolSearchToolResultErrorCode = CodeExecutionToolResultErrorCode


class ToolReferenceBlock(View):
    """A tool that was found."""

    tool_name: str
    type: Literal["tool_reference"]


class ToolSearchToolSearchResultBlock(View):
    """The tools that were found."""

    tool_references: list[ToolReferenceBlock] = parts(ToolReferenceBlock)
    type: Literal["tool_search_tool_search_result"]


class ToolSearchToolResultError(View):
    """Why the search for tools failed."""

    error_code: ToolSearchToolResultErrorCode
    error_message: str | None = None
    type: Literal["tool_search_tool_result_error"]


class ToolSearchToolResultBlock(View):
    """The result of a search for tools."""

    content: ToolSearchToolResultError | ToolSearchToolSearchResultBlock = part(
        chooser(
            {
                "tool_search_tool_result_error": ToolSearchToolResultError,
                "tool_search_tool_search_result": ToolSearchToolSearchResultBlock,
            },
            Unknown,
        )
    )
    tool_use_id: str
    type: Literal["tool_search_tool_result"]


class ContainerUploadBlock(View):
    """A file that was put into the container."""

    file_id: str
    type: Literal["container_upload"]


class ContainerSkill(View):
    """A skill that was loaded into the container."""

    skill_id: str
    type: Literal["anthropic", "custom"]
    version: str


def _moment(value: Any) -> Any:
    """The date and time that an RFC 3339 text says; anything else as it is."""
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value


class Container(View):
    """The container that the reply's code ran in."""

    expires_at: datetime = part(_moment)
    id: str
    skills: list[ContainerSkill] | None = parts(ContainerSkill, default=None)
