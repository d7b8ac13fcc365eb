"""The tables of Messages ⇄ Converse, for all that isn't a content block.

Rules: the code of both directions is driven by them, and the reference page is made of `ROWS`.
Sources: botocore `bedrock-runtime/2023-09-30/service-2.json` (`ConverseRequest`,
`ConverseResponse`, `InvokeModel` for the headers); Anthropic's API reference, "Messages".
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: Messages field → member of `inferenceConfig`.
INFERENCE: Final = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop_sequences": "stopSequences",
}
#: Fields of Converse that aren't about the model: they stand in a Messages request as they are.
BEDROCK_FIELDS: Final = (
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "performanceConfig",
    "promptVariables",
    "requestMetadata",
    "serviceTier",
)
#: Headers of InvokeModel, in lower case → where Converse has the same in its body.
HEADERS: Final = {
    "x-amzn-bedrock-guardrailidentifier": ("guardrailConfig", "guardrailIdentifier"),
    "x-amzn-bedrock-guardrailversion": ("guardrailConfig", "guardrailVersion"),
    "x-amzn-bedrock-trace": ("guardrailConfig", "trace"),
    "x-amzn-bedrock-performanceconfig-latency": ("performanceConfig", "latency"),
    "x-amzn-bedrock-service-tier": ("serviceTier", "type"),
    "x-amzn-bedrock-request-metadata": ("requestMetadata", None),
}
#: Messages field of a custom tool → member of Converse's `toolSpec`.
TOOL: Final = {
    "name": "name",
    "description": "description",
    "input_schema": "inputSchema",
    "strict": "strict",
}
TOOL_CHOICES: Final = ("auto", "any", "tool")
#: Stop reasons that have other names in Converse; the rest are the same.
STOP_REASONS: Final = {"refusal": "content_filtered"}
#: Messages usage → Converse usage; `totalTokens` is their sum.
USAGE: Final = {
    "input_tokens": "inputTokens",
    "output_tokens": "outputTokens",
    "cache_read_input_tokens": "cacheReadInputTokens",
    "cache_creation_input_tokens": "cacheWriteInputTokens",
}
#: `ttl` of Converse's `cacheDetails` → field of Messages' `cache_creation`; 1h comes first.
CACHE_DETAILS: Final = {"1h": "ephemeral_1h_input_tokens", "5m": "ephemeral_5m_input_tokens"}
UNDECLARED: Final = ("cacheReadInputTokenCount", "cacheWriteInputTokenCount", "totalTokens")


class Row(NamedTuple):
    """A line of the mapping outside content blocks, for the reference page."""

    messages: str
    converse: str
    note: str = ""


ROWS: Final = (
    *(Row(ours, f"inferenceConfig.{theirs}") for ours, theirs in INFERENCE.items()),
    Row("system", "system", "a string is one text block"),
    Row("messages", "messages"),
    Row("cache_control of a block or tool", "cachePoint after it", "`ttl` is the same"),
    *(Row(f"tools.{ours}", f"toolConfig.tools.toolSpec.{theirs}") for ours, theirs in TOOL.items()),
    Row(
        "tools that Anthropic defines, or with more fields",
        "additionalModelRequestFields.tools",
        "after those of `toolConfig`",
    ),
    *(Row(f"tool_choice {kind}", f"toolConfig.toolChoice.{kind}") for kind in TOOL_CHOICES),
    Row(
        "tool_choice none, or disable_parallel_tool_use", "additionalModelRequestFields.tool_choice"
    ),
    Row(
        "output_config.format",
        "outputConfig.textFormat",
        "the schema is a JSON string in Converse",
    ),
    Row("output_config.effort", "outputConfig.effort"),
    Row("betas", "additionalModelRequestFields.anthropic_beta"),
    Row(
        "thinking, top_k, metadata, context_management, and any other field",
        "additionalModelRequestFields",
        "under the same name",
    ),
    *(
        Row(f"header {name}", ".".join(part for part in place if part), "the header of InvokeModel")
        for name, place in HEADERS.items()
    ),
    *(Row(f"stop_reason {ours}", f"stopReason {theirs}") for ours, theirs in STOP_REASONS.items()),
    Row(
        "stop_sequence",
        "additionalModelResponseFields.stop_sequence",
        "asked for where there are stop sequences",
    ),
    *(Row(f"usage.{ours}", f"usage.{theirs}") for ours, theirs in USAGE.items()),
    *(
        Row(f"usage.cache_creation.{ours}", f"usage.cacheDetails, ttl {ttl}")
        for ttl, ours in CACHE_DETAILS.items()
    ),
)
