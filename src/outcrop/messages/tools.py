"""Which tools Claude may use: your own, and those that Anthropic defines; typed.

Rules: as in `params`. Names, keys and literals are those of anthropic 2.12.0; the versions of one
tool differ in name and type, and later ones in an option or two.
"""

from __future__ import annotations

from collections.abc import Iterable  # noqa: TC003 - TypedDicts are read at run time, too
from typing import Any, Literal, Required, TypedDict


class CacheControlEphemeralParam(TypedDict, total=False):
    """Cache the prompt up to here, for five minutes or an hour."""

    type: Required[Literal["ephemeral"]]
    ttl: Literal["5m", "1h"]


class CitationsConfigParam(TypedDict, total=False):
    """Whether to cite."""

    enabled: bool


ToolCaller = Literal[
    "direct", "code_execution_20250825", "code_execution_20260120", "code_execution_20260521"
]


class _ToolOptions(TypedDict, total=False):
    """What every tool with a name may say."""

    allowed_callers: list[ToolCaller]
    cache_control: CacheControlEphemeralParam | None
    defer_loading: bool
    strict: bool


class _ToolOptionsWithExamples(_ToolOptions, total=False):
    """The same, and examples of its input."""

    input_examples: Iterable[dict[str, Any]]


# Your own ────────────────────────────────────────────────────────────────────────────────────────


class ToolParam(_ToolOptionsWithExamples, total=False):
    """A tool of your own; `input_schema` is a JSON schema of type `object`."""

    input_schema: Required[dict[str, Any]]
    name: Required[str]
    description: str
    eager_input_streaming: bool | None
    type: Literal["custom"] | None


# Defined by Anthropic, run by you ────────────────────────────────────────────────────────────────


class ToolBash20250124Param(_ToolOptionsWithExamples, total=False):
    """A shell."""

    name: Required[Literal["bash"]]
    type: Required[Literal["bash_20250124"]]


class ToolTextEditor20250124Param(_ToolOptionsWithExamples, total=False):
    """A text editor."""

    name: Required[Literal["str_replace_editor"]]
    type: Required[Literal["text_editor_20250124"]]


class ToolTextEditor20250429Param(_ToolOptionsWithExamples, total=False):
    """A text editor."""

    name: Required[Literal["str_replace_based_edit_tool"]]
    type: Required[Literal["text_editor_20250429"]]


class ToolTextEditor20250728Param(_ToolOptionsWithExamples, total=False):
    """A text editor that shows at most so many characters."""

    name: Required[Literal["str_replace_based_edit_tool"]]
    type: Required[Literal["text_editor_20250728"]]
    max_characters: int | None


class MemoryTool20250818Param(_ToolOptionsWithExamples, total=False):
    """A memory of files."""

    name: Required[Literal["memory"]]
    type: Required[Literal["memory_20250818"]]


class ToolsetMemberConfigParam(TypedDict, total=False):
    """One tool of a toolset."""

    defer_loading: bool | None
    enabled: bool | None


class BrowserToolset20260801Param(TypedDict, total=False):
    """A browser's tools."""

    type: Required[Literal["browser_toolset_20260801"]]
    cache_control: CacheControlEphemeralParam | None
    configs: dict[str, ToolsetMemberConfigParam] | None


class ComputerToolset20260801Param(TypedDict, total=False):
    """A computer's tools: screen, mouse, keyboard."""

    type: Required[Literal["computer_toolset_20260801"]]
    cache_control: CacheControlEphemeralParam | None
    configs: dict[str, ToolsetMemberConfigParam] | None


# Defined and run by Anthropic ────────────────────────────────────────────────────────────────────


class CodeExecutionTool20250522Param(_ToolOptions, total=False):
    """Code execution, as of 2025-05-22."""

    name: Required[Literal["code_execution"]]
    type: Required[Literal["code_execution_20250522"]]


class CodeExecutionTool20250825Param(_ToolOptions, total=False):
    """Code execution, as of 2025-08-25."""

    name: Required[Literal["code_execution"]]
    type: Required[Literal["code_execution_20250825"]]


class CodeExecutionTool20260120Param(_ToolOptions, total=False):
    """Code execution, as of 2026-01-20."""

    name: Required[Literal["code_execution"]]
    type: Required[Literal["code_execution_20260120"]]


class CodeExecutionTool20260521Param(_ToolOptions, total=False):
    """Code execution, as of 2026-05-21."""

    name: Required[Literal["code_execution"]]
    type: Required[Literal["code_execution_20260521"]]


class UserLocationParam(TypedDict, total=False):
    """Where the user is, roughly."""

    type: Required[Literal["approximate"]]
    city: str | None
    country: str | None
    region: str | None
    timezone: str | None


class _WebSearchOptions(_ToolOptions, total=False):
    allowed_domains: list[str] | None
    blocked_domains: list[str] | None
    max_uses: int | None
    user_location: UserLocationParam | None


class WebSearchTool20250305Param(_WebSearchOptions, total=False):
    """Web search, as of 2025-03-05."""

    name: Required[Literal["web_search"]]
    type: Required[Literal["web_search_20250305"]]


class WebSearchTool20260209Param(_WebSearchOptions, total=False):
    """Web search, as of 2026-02-09."""

    name: Required[Literal["web_search"]]
    type: Required[Literal["web_search_20260209"]]


class WebSearchTool20260318Param(_WebSearchOptions, total=False):
    """Web search, as of 2026-03-18."""

    name: Required[Literal["web_search"]]
    type: Required[Literal["web_search_20260318"]]
    response_inclusion: Literal["full", "excluded"]


class WebFetchURLSourceToolReferenceParam(TypedDict):
    """A tool, by name."""

    name: str
    type: Literal["tool_reference"]


class WebFetchURLSourceAllParam(TypedDict):
    """URLs from all of these."""

    type: Literal["all"]


class WebFetchURLSourceNoneParam(TypedDict):
    """URLs from none of these."""

    type: Literal["none"]


class WebFetchURLSourceOnlyParam(TypedDict):
    """URLs from these tools only."""

    tools: Iterable[WebFetchURLSourceToolReferenceParam]
    type: Literal["only"]


class WebFetchURLSourceExceptParam(TypedDict):
    """URLs from all but these tools."""

    tools: Iterable[WebFetchURLSourceToolReferenceParam]
    type: Literal["except"]


WebFetchURLSourceParam = (
    WebFetchURLSourceAllParam
    | WebFetchURLSourceNoneParam
    | WebFetchURLSourceOnlyParam
    | WebFetchURLSourceExceptParam
)


class WebFetchURLSourcesParam(TypedDict, total=False):
    """Where a URL must have turned up before it may be fetched."""

    client_tool_results: WebFetchURLSourceParam
    server_tool_results: WebFetchURLSourceParam
    user_input: WebFetchURLSourceAllParam | WebFetchURLSourceNoneParam


class _WebFetchOptions(_ToolOptions, total=False):
    allowed_domains: list[str] | None
    blocked_domains: list[str] | None
    citations: CitationsConfigParam | None
    max_content_tokens: int | None
    max_uses: int | None
    url_sources: WebFetchURLSourcesParam | None


class WebFetchTool20250910Param(_WebFetchOptions, total=False):
    """Web fetch, as of 2025-09-10."""

    name: Required[Literal["web_fetch"]]
    type: Required[Literal["web_fetch_20250910"]]


class WebFetchTool20260209Param(_WebFetchOptions, total=False):
    """Web fetch, as of 2026-02-09."""

    name: Required[Literal["web_fetch"]]
    type: Required[Literal["web_fetch_20260209"]]


class WebFetchTool20260309Param(_WebFetchOptions, total=False):
    """Web fetch, as of 2026-03-09."""

    name: Required[Literal["web_fetch"]]
    type: Required[Literal["web_fetch_20260309"]]
    use_cache: bool


class WebFetchTool20260318Param(_WebFetchOptions, total=False):
    """Web fetch, as of 2026-03-18."""

    name: Required[Literal["web_fetch"]]
    type: Required[Literal["web_fetch_20260318"]]
    response_inclusion: Literal["full", "excluded"]
    use_cache: bool


class ToolSearchToolBm25_20251119Param(_ToolOptions, total=False):  # noqa: N801 - official name
    """Search for tools by words."""

    name: Required[Literal["tool_search_tool_bm25"]]
    type: Required[Literal["tool_search_tool_bm25_20251119", "tool_search_tool_bm25"]]


class ToolSearchToolRegex20251119Param(_ToolOptions, total=False):
    """Search for tools by pattern."""

    name: Required[Literal["tool_search_tool_regex"]]
    type: Required[Literal["tool_search_tool_regex_20251119", "tool_search_tool_regex"]]


ToolUnionParam = (
    ToolParam
    | ToolBash20250124Param
    | CodeExecutionTool20250522Param
    | CodeExecutionTool20250825Param
    | CodeExecutionTool20260120Param
    | CodeExecutionTool20260521Param
    | BrowserToolset20260801Param
    | MemoryTool20250818Param
    | ComputerToolset20260801Param
    | ToolTextEditor20250124Param
    | ToolTextEditor20250429Param
    | ToolTextEditor20250728Param
    | WebSearchTool20250305Param
    | WebFetchTool20250910Param
    | WebSearchTool20260209Param
    | WebFetchTool20260209Param
    | WebFetchTool20260309Param
    | WebSearchTool20260318Param
    | WebFetchTool20260318Param
    | ToolSearchToolBm25_20251119Param
    | ToolSearchToolRegex20251119Param
)


# With a beta ─────────────────────────────────────────────────────────────────────────────────────


class BetaToolBash20241022Param(_ToolOptionsWithExamples, total=False):
    """A shell; beta `computer-use-2024-10-22`."""

    name: Required[Literal["bash"]]
    type: Required[Literal["bash_20241022"]]


class BetaToolTextEditor20241022Param(_ToolOptionsWithExamples, total=False):
    """A text editor; beta `computer-use-2024-10-22`."""

    name: Required[Literal["str_replace_editor"]]
    type: Required[Literal["text_editor_20241022"]]


class BetaToolComputerUse20241022Param(_ToolOptionsWithExamples, total=False):
    """A computer; beta `computer-use-2024-10-22`."""

    name: Required[Literal["computer"]]
    type: Required[Literal["computer_20241022"]]
    display_height_px: Required[int]
    display_width_px: Required[int]
    display_number: int | None


class BetaToolComputerUse20250124Param(_ToolOptionsWithExamples, total=False):
    """A computer; beta `computer-use-2025-01-24`."""

    name: Required[Literal["computer"]]
    type: Required[Literal["computer_20250124"]]
    display_height_px: Required[int]
    display_width_px: Required[int]
    display_number: int | None


class BetaToolComputerUse20251124Param(_ToolOptionsWithExamples, total=False):
    """A computer; beta `computer-use-2025-11-24`."""

    name: Required[Literal["computer"]]
    type: Required[Literal["computer_20251124"]]
    display_height_px: Required[int]
    display_width_px: Required[int]
    display_number: int | None
    enable_zoom: bool


BetaToolUnionParam = (
    ToolUnionParam
    | BetaToolBash20241022Param
    | BetaToolTextEditor20241022Param
    | BetaToolComputerUse20241022Param
    | BetaToolComputerUse20250124Param
    | BetaToolComputerUse20251124Param
)
