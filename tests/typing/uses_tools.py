"""A user's file, read by pyright in strict mode and never run: tools, and values of a type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict, assert_type

import outcrop
from outcrop import (
    AnthropicBedrock,
    AsyncAnthropicBedrock,
    AsyncMessageStream,
    AsyncToolRunner,
    MessageStream,
    ParsedMessage,
    Tool,
    ToolRunner,
)
from outcrop.types import Message, MessageParam, ToolParam, ToolUseBlock


class Place(TypedDict):
    city: str


@dataclass
class Trip:
    places: list[Place]


@outcrop.tool
def get_weather(city: str, days: int = 1) -> str:
    """Tells the weather of a city."""
    return city * days


@outcrop.tool(name="time", strict=True)
def get_time(city: str) -> int:
    """Tells the time in a city."""
    return len(city)


@outcrop.tool
async def look(city: str) -> str:
    """Looks outside."""
    return city


def tell(error: Exception, call: ToolUseBlock) -> str:
    return f"{call.name}: {error}"


assert_type(get_weather("Paris", days=2), str)
assert_type(get_time("Paris"), int)
get_weather(3)  # pyright: ignore[reportArgumentType] - a number
tools: list[Tool[..., Any]] = [get_weather, get_time]
definition: ToolParam = get_weather.to_dict()

client = AnthropicBedrock(aws_region="us-west-2")
turns: list[MessageParam] = [{"role": "user", "content": "Hello"}]
runner = client.messages.run_tools(
    model="m", max_tokens=1, messages=turns, tools=[get_weather, get_time, max, definition]
)
assert_type(runner, ToolRunner[Message])
for message in runner:
    assert_type(message, Message)
assert_type(runner.until_done(), Message)

streamed = client.beta.messages.run_tools(
    model="m",
    max_tokens=1,
    messages=turns,
    tools=tools,
    betas=["b"],
    max_turns=3,
    on_error=tell,
    stream=True,
)
assert_type(streamed, ToolRunner[MessageStream])
for stream in streamed:
    for text in stream.text_stream:
        assert_type(text, str)

client.messages.run_tools(model="m", max_tokens=1, messages=turns)  # pyright: ignore[reportCallIssue] - no tools
client.messages.run_tools(model="m", max_tokens=1, messages=turns, tools=tools, on_error="no")  # pyright: ignore[reportCallIssue, reportArgumentType] - no such word

parsed = client.messages.parse(output_format=Trip, model="m", max_tokens=1, messages=turns)
assert_type(parsed, ParsedMessage[Trip])
assert_type(parsed.parsed_output, Trip)
assert_type(
    client.messages.parse(
        output_format=Place, model="m", max_tokens=1, messages=turns
    ).parsed_output["city"],
    str,
)


async def main() -> None:
    async with AsyncAnthropicBedrock(api_key="k", aws_region="us-west-2") as client:
        runner = client.messages.run_tools(
            model="m", max_tokens=1, messages=turns, tools=[look, get_weather]
        )
        assert_type(runner, AsyncToolRunner[Message])
        async for message in runner:
            assert_type(message, Message)
        assert_type(await runner.until_done(), Message)
        async for stream in client.messages.run_tools(
            model="m", max_tokens=1, messages=turns, tools=[look], stream=True
        ):
            assert_type(stream, AsyncMessageStream)
        parsed = await client.messages.parse(
            output_format=list[int], model="m", max_tokens=1, messages=turns
        )
        assert_type(parsed.parsed_output, list[int])
