"""A user's file, never run: pyright checks it in strict mode (`make types`)."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, assert_never, assert_type

from outcrop.messages.events import (
    CitationEvent,
    ContentBlockStopEvent,
    InputJSONDelta,
    MessageStopEvent,
    MessageStreamEvent,
    RawContentBlockDeltaEvent,
    RawMessageStreamEvent,
    TextDelta,
    TextEvent,
    UnknownEvent,
)
from outcrop.messages.params import (
    ContentBlockParam,
    ImageBlockParam,
    MessageCreateParamsNonStreaming,
    MessageParam,
    MessageUnionParam,
    TextBlockParam,
    ThinkingConfigParam,
    ToolChoiceParam,
    ToolResultBlockParam,
    UserMessageParam,
)
from outcrop.messages.tools import ToolParam, ToolUnionParam
from outcrop.messages.views import (
    CitationCharLocation,
    ContentBlock,
    Message,
    StopReason,
    TextBlock,
    TextCitation,
    ThinkingBlock,
    ToolUseBlock,
    UnknownBlock,
    Usage,
)
from outcrop.wire.http import HeaderMap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def create(
    *,
    model: str,
    max_tokens: int,
    messages: Iterable[MessageUnionParam],
    system: str | Iterable[TextBlockParam] = "",
    thinking: ThinkingConfigParam | None = None,
    tool_choice: ToolChoiceParam | None = None,
    tools: Iterable[ToolUnionParam] = (),
) -> Message:
    raise NotImplementedError


def reads(message: Message) -> None:
    assert_type(message.content, list[ContentBlock])
    assert_type(message.stop_reason, StopReason | None)
    assert_type(message.usage, Usage)
    assert_type(message.usage.input_tokens, int)
    assert_type(message.usage.cache_read_input_tokens, int | None)
    assert_type(message.role, Literal["assistant"])
    assert_type(message.to_dict(), dict[str, Any])
    assert_type(message.headers.get("x-amzn-requestid"), str | None)
    if message.usage.output_tokens_details:
        assert_type(message.usage.output_tokens_details.thinking_tokens, int)


def narrows_by_type(block: ContentBlock) -> str:
    if block.type == "text":
        assert_type(block, TextBlock)
        assert_type(block.citations, list[TextCitation] | None)
        return block.text
    if block.type == "tool_use":
        assert_type(block, ToolUseBlock)
        assert_type(block.input, dict[str, Any])
        return block.name
    if block.type == "thinking":
        assert_type(block, ThinkingBlock)
        return block.thinking + block.signature
    return block.type


def narrows_by_class(block: ContentBlock) -> str:
    if isinstance(block, TextBlock):
        return block.text
    if isinstance(block, UnknownBlock):
        return str(block["anything"])
    match block:
        case ToolUseBlock(name=name):
            return name
        case _:
            return ""


def narrows_citations(citation: TextCitation) -> int | None:
    if citation.type == "char_location":
        assert_type(citation, CitationCharLocation)
        return citation.start_char_index
    return citation.start_page_number if citation.type == "page_location" else None


def is_told_of_mistakes(message: Message, block: TextBlock) -> None:
    str(message.content[0].text)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    str(block.txt)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    block.text = "x"  # pyright: ignore[reportAttributeAccessIssue]
    block["text"] = "x"  # pyright: ignore[reportIndexIssue]
    TextBlock(type="text")  # pyright: ignore[reportCallIssue]
    TextBlock(type="txt", text="")  # pyright: ignore[reportArgumentType]


def reads_raw_events(events: Iterable[RawMessageStreamEvent]) -> str:
    text = ""
    for event in events:
        if event.type == "content_block_delta":
            assert_type(event, RawContentBlockDeltaEvent)
            if event.delta.type == "text_delta":
                assert_type(event.delta, TextDelta)
                text += event.delta.text
            elif isinstance(event.delta, InputJSONDelta):
                text += event.delta.partial_json
        elif event.type == "content_block_start" and event.content_block.type == "tool_use":
            assert_type(event.content_block, ToolUseBlock)
        elif event.type == "message_start":
            assert_type(event.message, Message)
        elif event.type == "message_delta":
            assert_type(event.delta.stop_reason, StopReason | None)
            assert_type(event.usage.output_tokens, int)
        elif isinstance(event, UnknownEvent):
            text += event.type
    return text


def reads_every_kind_of_raw_event(event: RawMessageStreamEvent) -> None:
    match event.type:
        case "message_start" | "message_delta" | "message_stop":
            pass
        case "content_block_start" | "content_block_delta" | "content_block_stop":
            pass
        case _:
            assert_never(event)


def reads_events(events: Iterable[MessageStreamEvent]) -> None:
    for event in events:
        if event.type == "text":
            assert_type(event, TextEvent)
            assert_type(event.snapshot, str)
        elif event.type == "input_json":
            assert_type(event.snapshot, object)
        elif event.type == "citation":
            assert_type(event, CitationEvent)
            assert_type(event.snapshot, list[TextCitation])
        elif event.type == "content_block_stop":
            assert_type(event, ContentBlockStopEvent)
            assert_type(event.content_block, ContentBlock)
        elif event.type == "message_stop":
            assert_type(event, MessageStopEvent)
            assert_type(event.message, Message)


def asks(message: Message, role: Literal["user", "assistant"]) -> None:
    weather: ToolParam = {
        "name": "weather",
        "description": "The weather at a place",
        "input_schema": {"type": "object", "properties": {"place": {"type": "string"}}},
    }
    image: ImageBlockParam = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
    }
    history: list[MessageParam] = [{"role": "user", "content": "Hello, world"}]
    history.append({"role": "assistant", "content": message.content})
    history.append({"role": role, "content": [{"type": "text", "text": "And?"}, image]})
    history.append(MessageParam(role="user", content=(block for block in message.content)))
    results: list[ToolResultBlockParam] = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "sunny"}
        for block in message.content
        if block.type == "tool_use"
    ]
    history.append({"role": "user", "content": results})
    turn: UserMessageParam = {"role": "user", "content": "Thanks"}
    mixed: Sequence[ContentBlockParam] = [*message.content, {"type": "text", "text": "!"}]
    create(
        model="global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        max_tokens=256,
        messages=[*history, turn, {"role": "assistant", "content": mixed}],
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        thinking={"type": "enabled", "budget_tokens": 1024},
        tool_choice={"type": "tool", "name": "weather"},
        tools=[weather, {"type": "bash_20250124", "name": "bash"}],
    )
    create(model="m", max_tokens=1, messages=history)
    create(model="m", max_tokens=1, messages=[{"role": "user", "content": "Hi"}])
    create(
        model="m",
        max_tokens=1,
        messages=[{"role": "user", "contents": "Hi"}],  # pyright: ignore[reportArgumentType]
    )
    request: MessageCreateParamsNonStreaming = {
        "model": "m",
        "max_tokens": 1,
        "messages": history,
        "stop_sequences": ["\n"],
        "output_config": {"effort": "low"},
    }
    assert_type(request["max_tokens"], int)


def makes(document: dict[str, Any]) -> None:
    message = Message.received(document, request_id="r", route=None, headers=HeaderMap())
    assert_type(message, Message)
    Message.received(document, headers={"x-amzn-requestid": "r"})
    assert_type(Message.of(document), Message)
    assert_type(Message.model_validate(document), Message)
    Message(
        id="m",
        type="message",
        role="assistant",
        model="m",
        content=[TextBlock(type="text", text="Hello")],
        usage=Usage(input_tokens=1, output_tokens=1),
    )
