"""The official names: quoted from anthropic 2.12.0, whose classes were asked for their fields.

A question mark stands behind a field that may be absent.
"""

from __future__ import annotations

import re
import typing

import pytest

from outcrop.messages import events, params, results, tools, views
from outcrop.messages.view import View

VIEWS = """
CitationCharLocation: cited_text document_index document_title? end_char_index file_id?
    start_char_index type
CitationPageLocation: cited_text document_index document_title? end_page_number file_id?
    start_page_number type
CitationContentBlockLocation: cited_text document_index document_title? end_block_index file_id?
    start_block_index type
CitationsWebSearchResultLocation: cited_text encrypted_index title? type url
CitationsSearchResultLocation: cited_text end_block_index search_result_index source
    start_block_index title? type
TextBlock: citations? text type
ThinkingBlock: signature thinking type
RedactedThinkingBlock: data type
ToolUseBlock: caller? id input name toolset_name? type
ServerToolUseBlock: caller? id input name type
CacheCreation: ephemeral_1h_input_tokens ephemeral_5m_input_tokens
OutputTokensDetails: thinking_tokens
ServerToolUsage: web_fetch_requests web_search_requests
Usage: cache_creation? cache_creation_input_tokens? cache_read_input_tokens? inference_geo?
    input_tokens output_tokens output_tokens_details? server_tool_use? service_tier? speed?
RefusalStopDetails: category? explanation? type
Diagnostics: cache_miss_reason?
Message: container? content diagnostics? id model role stop_details? stop_reason? stop_sequence?
    type usage
MessageTokensCount: input_tokens
DirectCaller: type
ServerToolCaller: tool_id type
ServerToolCaller20260120: tool_id type
WebSearchResultBlock: encrypted_content page_age? title type url
WebSearchToolResultError: error_code type
WebSearchToolResultBlock: caller? content tool_use_id type
CitationsConfig: enabled
Base64PDFSource: data media_type type
PlainTextSource: data media_type type
DocumentBlock: citations? source title? type
WebFetchBlock: content retrieved_at? type url
WebFetchToolResultErrorBlock: error_code type
WebFetchToolResultBlock: caller? content tool_use_id type
CodeExecutionOutputBlock: file_id type
CodeExecutionResultBlock: content return_code stderr stdout type
EncryptedCodeExecutionResultBlock: content encrypted_stdout return_code stderr type
CodeExecutionToolResultError: error_code type
CodeExecutionToolResultBlock: content tool_use_id type
BashCodeExecutionOutputBlock: file_id type
BashCodeExecutionResultBlock: content return_code stderr stdout type
BashCodeExecutionToolResultError: error_code type
BashCodeExecutionToolResultBlock: content tool_use_id type
TextEditorCodeExecutionViewResultBlock: content file_type num_lines? start_line? total_lines? type
TextEditorCodeExecutionCreateResultBlock: is_file_update type
TextEditorCodeExecutionStrReplaceResultBlock: lines? new_lines? new_start? old_lines? old_start?
    type
TextEditorCodeExecutionToolResultError: error_code error_message? type
TextEditorCodeExecutionToolResultBlock: content tool_use_id type
ToolReferenceBlock: tool_name type
ToolSearchToolSearchResultBlock: tool_references type
ToolSearchToolResultError: error_code error_message? type
ToolSearchToolResultBlock: content tool_use_id type
ContainerUploadBlock: file_id type
ContainerSkill: skill_id type version
Container: expires_at id skills?
TextDelta: text type
InputJSONDelta: partial_json type
CitationsDelta: citation type
ThinkingDelta: thinking type
SignatureDelta: signature type
Delta: container? stop_details? stop_reason? stop_sequence?
MessageDeltaUsage: cache_creation_input_tokens? cache_read_input_tokens? input_tokens?
    output_tokens output_tokens_details? server_tool_use?
RawMessageStartEvent: message type
RawContentBlockStartEvent: content_block index type
RawContentBlockDeltaEvent: delta index type
RawContentBlockStopEvent: index type
RawMessageDeltaEvent: delta type usage
RawMessageStopEvent: type
TextEvent: snapshot text type
CitationEvent: citation snapshot type
ThinkingEvent: snapshot thinking type
SignatureEvent: signature type
InputJsonEvent: partial_json snapshot type
ContentBlockStopEvent: content_block index type
MessageStopEvent: message type
"""

PARAMS = """
DirectCallerParam: type
ServerToolCallerParam: tool_id type
ServerToolCaller20260120Param: tool_id type
CitationCharLocationParam: cited_text document_index document_title end_char_index
    start_char_index type
CitationPageLocationParam: cited_text document_index document_title end_page_number
    start_page_number type
CitationContentBlockLocationParam: cited_text document_index document_title end_block_index
    start_block_index type
CitationWebSearchResultLocationParam: cited_text encrypted_index title type url
CitationSearchResultLocationParam: cited_text end_block_index search_result_index source
    start_block_index title type
TextBlockParam: cache_control? citations? text type
Base64ImageSourceParam: data media_type type
URLImageSourceParam: type url
FileImageSourceParam: file_id type
ImageTransformationsParam: oversized_image?
ImageBlockParam: cache_control? source transformations? type
Base64PDFSourceParam: data media_type type
PlainTextSourceParam: data media_type type
ContentBlockSourceParam: content type
URLPDFSourceParam: type url
FileDocumentSourceParam: file_id type
DocumentBlockParam: cache_control? citations? context? source title? type
SearchResultBlockParam: cache_control? citations? content source title type
ThinkingBlockParam: signature thinking type
RedactedThinkingBlockParam: data type
ToolUseBlockParam: cache_control? caller? id input name toolset_name? type
ToolReferenceBlockParam: cache_control? tool_name type
ToolResultBlockParam: cache_control? content? is_error? tool_use_id toolset_name? type
ServerToolUseBlockParam: cache_control? caller? id input name type
WebSearchToolResultBlockParam: cache_control? caller? content tool_use_id type
WebFetchToolResultBlockParam: cache_control? caller? content tool_use_id type
CodeExecutionToolResultBlockParam: cache_control? content tool_use_id type
BashCodeExecutionToolResultBlockParam: cache_control? content tool_use_id type
TextEditorCodeExecutionToolResultBlockParam: cache_control? content tool_use_id type
ToolSearchToolResultBlockParam: cache_control? content tool_use_id type
ContainerUploadBlockParam: cache_control? file_id type
UserMessageParam: content role
AssistantMessageParam: content role
SystemMessageParam: content role
ToolChoiceAutoParam: disable_parallel_tool_use? type
ToolChoiceAnyParam: disable_parallel_tool_use? type
ToolChoiceToolParam: disable_parallel_tool_use? name type
ToolChoiceNoneParam: type
ThinkingConfigEnabledParam: budget_tokens display? type
ThinkingConfigDisabledParam: type
ThinkingConfigBetweenToolsParam: type
ThinkingConfigAdaptiveParam: display? type
MetadataParam: user_id?
JSONOutputFormatParam: schema type
OutputConfigParam: effort? format?
DiagnosticsParam: previous_message_id?
SkillParams: skill_id type version?
ContainerParams: id? skills?
CacheControlEphemeralParam: ttl? type
CitationsConfigParam: enabled?
ToolParam: allowed_callers? cache_control? defer_loading? description? eager_input_streaming?
    input_examples? input_schema name strict? type?
ToolBash20250124Param: allowed_callers? cache_control? defer_loading? input_examples? name strict?
    type
ToolTextEditor20250124Param: allowed_callers? cache_control? defer_loading? input_examples? name
    strict? type
ToolTextEditor20250429Param: allowed_callers? cache_control? defer_loading? input_examples? name
    strict? type
ToolTextEditor20250728Param: allowed_callers? cache_control? defer_loading? input_examples?
    max_characters? name strict? type
MemoryTool20250818Param: allowed_callers? cache_control? defer_loading? input_examples? name
    strict? type
BrowserToolset20260801Param: cache_control? configs? type
ComputerToolset20260801Param: cache_control? configs? type
CodeExecutionTool20250522Param: allowed_callers? cache_control? defer_loading? name strict? type
CodeExecutionTool20250825Param: allowed_callers? cache_control? defer_loading? name strict? type
CodeExecutionTool20260120Param: allowed_callers? cache_control? defer_loading? name strict? type
CodeExecutionTool20260521Param: allowed_callers? cache_control? defer_loading? name strict? type
UserLocationParam: city? country? region? timezone? type
WebSearchTool20250305Param: allowed_callers? allowed_domains? blocked_domains? cache_control?
    defer_loading? max_uses? name strict? type user_location?
WebSearchTool20260209Param: allowed_callers? allowed_domains? blocked_domains? cache_control?
    defer_loading? max_uses? name strict? type user_location?
WebSearchTool20260318Param: allowed_callers? allowed_domains? blocked_domains? cache_control?
    defer_loading? max_uses? name response_inclusion? strict? type user_location?
WebFetchURLSourceToolReferenceParam: name type
WebFetchURLSourceAllParam: type
WebFetchURLSourceNoneParam: type
WebFetchURLSourceOnlyParam: tools type
WebFetchURLSourceExceptParam: tools type
WebFetchURLSourcesParam: client_tool_results? server_tool_results? user_input?
WebFetchTool20250910Param: allowed_callers? allowed_domains? blocked_domains? cache_control?
    citations? defer_loading? max_content_tokens? max_uses? name strict? type url_sources?
WebFetchTool20260209Param: allowed_callers? allowed_domains? blocked_domains? cache_control?
    citations? defer_loading? max_content_tokens? max_uses? name strict? type url_sources?
WebFetchTool20260309Param: allowed_callers? allowed_domains? blocked_domains? cache_control?
    citations? defer_loading? max_content_tokens? max_uses? name strict? type url_sources?
    use_cache?
WebFetchTool20260318Param: allowed_callers? allowed_domains? blocked_domains? cache_control?
    citations? defer_loading? max_content_tokens? max_uses? name response_inclusion? strict? type
    url_sources? use_cache?
ToolSearchToolBm25_20251119Param: allowed_callers? cache_control? defer_loading? name strict? type
ToolSearchToolRegex20251119Param: allowed_callers? cache_control? defer_loading? name strict? type
BetaToolBash20241022Param: allowed_callers? cache_control? defer_loading? input_examples? name
    strict? type
BetaToolTextEditor20241022Param: allowed_callers? cache_control? defer_loading? input_examples?
    name strict? type
BetaToolComputerUse20241022Param: allowed_callers? cache_control? defer_loading? display_height_px
    display_number? display_width_px input_examples? name strict? type
BetaToolComputerUse20250124Param: allowed_callers? cache_control? defer_loading? display_height_px
    display_number? display_width_px input_examples? name strict? type
BetaToolComputerUse20251124Param: allowed_callers? cache_control? defer_loading? display_height_px
    display_number? display_width_px enable_zoom? input_examples? name strict? type
"""


def rows(table):
    for row in re.split(r"\n(?=\S)", table.strip()):
        name, _, fields = row.partition(": ")
        yield pytest.param(name, set(fields.split()), id=name)


@pytest.mark.parametrize(("name", "fields"), list(rows(VIEWS)))
def test_a_view_has_the_official_fields(name, fields):
    module = next(module for module in (events, views, results) if hasattr(module, name))
    view = getattr(module, name)
    assert issubclass(view, View)
    ours = {
        known + ("?" if field.optional else "")
        for known, field in view.fields_.items()  # the class's own table
    }
    assert ours == fields


@pytest.mark.parametrize(("name", "fields"), list(rows(PARAMS)))
def test_a_param_has_the_official_keys(name, fields):
    param = getattr(params, name, None) or getattr(tools, name)
    hints = typing.get_type_hints(param, include_extras=True)
    ours = {
        key + ("" if param.__total__ or typing.get_origin(hint) is typing.Required else "?")
        for key, hint in hints.items()
    }
    assert ours == fields


def test_every_view_that_is_chosen_by_type_says_that_type():
    for module in (views, results, events):
        for view in vars(module).values():
            if isinstance(view, type) and issubclass(view, View) and "type" in view.fields_:
                hint = typing.get_type_hints(view).get("type")
                assert hint is str or typing.get_origin(hint) is typing.Literal, view
