"""A user's file, read by pyright in strict mode and never run: what calls give and take."""

from __future__ import annotations

from typing import assert_type

from outcrop import (
    NOT_GIVEN,
    AnthropicBedrock,
    APIResponse,
    AsyncAnthropicBedrock,
    AsyncStream,
    Stream,
    Timeout,
)
from outcrop.types import Message, MessageParam, ToolParam

client = AnthropicBedrock(aws_region="us-west-2", timeout=Timeout(5, 60), max_retries=3)
turns: list[MessageParam] = [{"role": "user", "content": "Hello"}]
tool: ToolParam = {"name": "now", "input_schema": {"type": "object"}}

message = client.messages.create(model="m", max_tokens=1, messages=turns, tools=[tool])
assert_type(message, Message)
turns.append({"role": "assistant", "content": message.content})

assert_type(client.messages.create(model="m", max_tokens=1, messages=turns, stream=True), Stream)
assert_type(
    client.messages.with_raw_response.create(model="m", max_tokens=1, messages=turns),
    APIResponse[Message],
)
assert_type(
    client.beta.messages.create(model="m", max_tokens=1, messages=turns, betas=["b"]), Message
)
client.with_options(timeout=NOT_GIVEN, max_retries=0).close()

client.messages.create(model="m", messages=turns)  # pyright: ignore[reportCallIssue] - no max_tokens
client.messages.create(model="m", max_tokens="1", messages=turns)  # pyright: ignore[reportCallIssue, reportArgumentType] - a string
client.messages.create(model="m", max_tokens=1, messages=turns, betas=["b"])  # pyright: ignore[reportCallIssue] - beta only

with client.messages.stream(model="m", max_tokens=1, messages=turns) as stream:
    for text in stream.text_stream:
        assert_type(text, str)
    for event in stream:
        if event.type == "text":
            assert_type(event.text, str)
    assert_type(stream.get_final_message(), Message)


async def main() -> None:
    async with AsyncAnthropicBedrock(api_key="k", aws_region="us-west-2") as client:
        assert_type(await client.messages.create(model="m", max_tokens=1, messages=turns), Message)
        raw = await client.messages.create(model="m", max_tokens=1, messages=turns, stream=True)
        assert_type(raw, AsyncStream)
        async for event in raw:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                assert_type(event.delta.text, str)
        async with client.messages.stream(model="m", max_tokens=1, messages=turns) as stream:
            assert_type(await stream.get_final_text(), str)
