"""Functions as tools, and the loop that runs them, against a local Bedrock."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import functools
import json
import threading
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import jsonschema
import msgspec
import pydantic
import pytest

import outcrop
from outcrop import AnthropicBedrock, AsyncAnthropicBedrock, errors
from outcrop.testing import Stop, Text, ToolUse, local_bedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
BOTH = pytest.mark.parametrize("api", ["invoke", "converse"])


def keys(bedrock, **more):
    return {
        "aws_access_key": bedrock.access_key,
        "aws_secret_key": bedrock.secret_key,
        "aws_region": "us-west-2",
        "base_url": bedrock.url,
        "max_retries": 0,
        **more,
    }


def asks(prompt="What is the weather in Paris?", **more) -> dict[str, Any]:
    messages = [{"role": "user", "content": prompt}]
    return {"model": MODEL, "max_tokens": 512, "messages": messages, **more}


@pytest.fixture
def client(bedrock):
    with AnthropicBedrock(**keys(bedrock)) as client:
        yield client


@outcrop.tool
def get_weather(city: str, days: int = 1) -> str:
    """Tells the weather of a city.

    Args:
        city: Its name, such as "Paris".
        days: How many days to look ahead.
    """
    return f"{days} sunny days in {city}"


def results_of(runner):
    """The tool results in a conversation, in order."""
    return [
        block
        for message in runner.messages
        if message["role"] == "user" and not isinstance(message["content"], str)
        for block in message["content"]
        if block["type"] == "tool_result"
    ]


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


# Definitions ─────────────────────────────────────────────────────────────────────────────────────


class Unit(enum.Enum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


class Place(TypedDict):
    city: str
    country: NotRequired[str]


@dataclasses.dataclass
class Span:
    start: int
    end: int = 7


class Struct(msgspec.Struct):
    size: float


class Inner(pydantic.BaseModel):
    tag: Literal["a", "b"]


class Model(pydantic.BaseModel):
    count: int = pydantic.Field(ge=1, description="At least one")
    inner: Inner


def test_a_functions_signature_and_docstring_become_its_definition():
    assert get_weather.to_dict() == {
        "name": "get_weather",
        "description": "Tells the weather of a city.",
        "input_schema": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": 'Its name, such as "Paris".'},
                "days": {
                    "type": "integer",
                    "description": "How many days to look ahead.",
                    "default": 1,
                },
            },
            "required": ["city"],
            "additionalProperties": False,
        },
    }
    assert get_weather("Rome") == "1 sunny days in Rome"
    assert get_weather.__name__ == "get_weather"


SPECIMENS: list[tuple[Any, object, object, object]] = [
    # annotation, JSON that fits, the value that the function gets, JSON that doesn't fit
    (str, "x", "x", 1),
    (int, 1, 1, "1"),
    (float, 1.5, 1.5, "x"),
    (bool, True, True, "yes"),
    (list[int], [1], [1], ["x"]),
    (dict[str, int], {"a": 1}, {"a": 1}, {"a": "x"}),
    (Literal["a", "b"], "a", "a", "c"),
    (Unit, "celsius", Unit.CELSIUS, "kelvin"),
    (int | None, None, None, "x"),
    (Place, {"city": "Oslo"}, {"city": "Oslo"}, {"country": "Norway"}),
    (Span, {"start": 1}, Span(1), {"end": 1}),
    (Struct, {"size": 2}, Struct(2), {}),
    (
        Model,
        {"count": 1, "inner": {"tag": "a"}},
        Model(count=1, inner=Inner(tag="a")),
        {"count": 0, "inner": {"tag": "a"}},
    ),
    (list[Model], [], [], [{}]),
    (Annotated[int, msgspec.Meta(ge=1)], 1, 1, 0),
    (Any, [1], [1], None),
]


@pytest.mark.parametrize(("annotation", "fitting", "value", "wrong"), SPECIMENS)
def test_each_annotation_has_a_schema_and_a_check_that_agree(annotation, fitting, value, wrong):
    def take(it):
        return it

    take.__annotations__["it"] = annotation
    tool = outcrop.tool(take)
    schema = tool.definition["input_schema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    judge = jsonschema.Draft202012Validator(schema)
    assert judge.is_valid({"it": fitting})
    assert tool.call({"it": fitting}) == value
    if annotation is Any:
        return
    assert not judge.is_valid({"it": wrong})
    assert not judge.is_valid({})
    with pytest.raises(outcrop.ToolError, match=r"Invalid input for take: .*it"):
        tool.call({"it": wrong})
    with pytest.raises(outcrop.ToolError, match="unknown field `other`"):
        tool.call({"it": fitting, "other": 1})


def test_models_of_the_same_name_dont_take_each_others_place():
    def inner(kind):
        return pydantic.create_model("Inner", value=(kind, ...))

    first = pydantic.create_model("First", part=(inner(int), ...))
    second = pydantic.create_model("Second", part=(inner(str), ...))

    def take(one, other):
        del one, other

    take.__annotations__.update(one=first, other=second)
    judge = jsonschema.Draft202012Validator(outcrop.tool(take).input_schema)
    assert judge.is_valid({"one": {"part": {"value": 1}}, "other": {"part": {"value": "x"}}})
    assert not judge.is_valid({"one": {"part": {"value": "x"}}, "other": {"part": {"value": 1}}})


def test_a_note_beside_a_type_is_its_description():
    def look(city: Annotated[str, "The city's name"], size: Annotated[int, "Rows"] = 1) -> str:
        return city * size

    properties = outcrop.tool(look).definition["input_schema"]["properties"]
    assert properties["city"]["description"] == "The city's name"
    assert properties["size"]["description"] == "Rows"


def test_what_is_said_to_the_decorator_comes_before_what_the_function_says():
    @outcrop.tool(
        name="weather",
        description="Looks outside.",
        cache_control={"type": "ephemeral"},
        input_examples=[{"city": "Paris"}],
    )
    def look(city: str) -> str:
        """Something else."""
        return city

    assert look.definition["name"] == "weather"
    assert look.definition["description"] == "Looks outside."
    assert look.definition["cache_control"] == {"type": "ephemeral"}
    assert look.definition["input_examples"] == [{"city": "Paris"}]
    assert look("Rome") == "Rome"


def test_a_schema_that_is_given_is_sent_and_its_fields_are_handed_over():
    schema = {"type": "object", "properties": {"a-b": {"type": "integer"}}}

    @outcrop.tool(input_schema=schema)
    def take(**fields):
        return fields

    assert take.definition["input_schema"] == schema
    assert take.call({"a-b": 1}) == {"a-b": 1}


def test_a_tool_that_anthropic_defines_is_run_by_a_function():
    @outcrop.tool(definition={"type": "bash_20250124", "name": "bash"})
    def run(command: str | None = None, restart: bool = False) -> str:
        return f"{command} {restart}"

    assert run.to_dict() == {"type": "bash_20250124", "name": "bash"}
    assert run.name == "bash"
    assert run.call({"command": "ls"}) == "ls False"


def test_a_strict_tool_moves_what_it_cannot_hold_into_descriptions():
    @outcrop.tool(strict=True)
    def look(days: Annotated[int, msgspec.Meta(ge=1, le=7)] = 1) -> str:
        return str(days)

    assert look.definition["strict"] is True
    (days,) = look.definition["input_schema"]["properties"].values()
    assert days == {"type": "integer", "description": "{minimum: 1, maximum: 7, default: 1}"}


class Station:
    def __init__(self, name):
        self.name = name

    @outcrop.tool
    def measure(self, hour: int) -> str:
        """Measures."""
        return f"{self.name} {hour}"


def test_a_method_is_a_tool_of_its_object():
    station = Station("Oslo")
    assert station.measure(3) == "Oslo 3"
    assert station.measure.call({"hour": 4}) == "Oslo 4"
    assert [*station.measure.definition["input_schema"]["properties"]] == ["hour"]
    assert outcrop.tool(station.measure.function, name="m").call({"hour": 5}) == "Oslo 5"


def test_a_partial_function_needs_a_name_and_keeps_its_defaults():
    tool = outcrop.tool(functools.partial(get_weather.function, days=3), name="weather")
    assert tool.call({"city": "Rome"}) == "3 sunny days in Rome"


def test_positional_arguments_are_handed_over_by_place():
    def add(a: int, b: int = 2, /, *, c: int = 0) -> int:
        return a + b + c

    assert outcrop.tool(add).call({"a": 1, "c": 10}) == 13


def unreadable(x: Nowhere) -> str:  # noqa: F821  # pyright: ignore[reportUndefinedVariable]
    return str(x)


def many(*args: int) -> int:
    return sum(args)


def opaque(thing: threading.Thread) -> str:
    return str(thing)


def keyed(table: dict[str, int]) -> int:
    return len(table)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: outcrop.tool(lambda x: x), "'<lambda>' has no name"),
        (lambda: outcrop.tool(3), "neither a function nor a definition"),
        (lambda: outcrop.tool(many).definition, r"takes any arguments \(\*args\)"),
        (lambda: outcrop.tool(unreadable).definition, "'Nowhere' is not defined"),
        (lambda: outcrop.tool(opaque).definition, "'opaque'.*Thread"),
        (lambda: outcrop.tool(keyed, strict=True).definition, "table: keys that aren't named"),
    ],
)
def test_what_cannot_be_a_tool_is_an_error_that_names_it(make, said):
    with pytest.raises(errors.ConfigurationError, match=said):
        make()


# The loop ────────────────────────────────────────────────────────────────────────────────────────


@BOTH
def test_the_loop_runs_the_tools_until_claude_is_done(bedrock, api):
    with AnthropicBedrock(**keys(bedrock, api=api)) as client:
        runner = client.messages.run_tools(
            **asks("What is the weather in Paris for 3 days?"), tools=[get_weather]
        )
        reasons = [message.stop_reason for message in runner]
        message = runner.until_done()
    assert reasons == ["tool_use", "end_turn"]
    assert "3 sunny days in Paris" in text_of(message)
    assert [each["role"] for each in runner.messages] == ["user", "assistant", "user", "assistant"]
    assert runner.messages[-1]["content"] == [block.to_dict() for block in message.content]
    json.dumps(runner.messages)  # what is kept can be saved


def test_plain_functions_are_tools_too(client):
    def get_weather(city: str) -> dict[str, object]:
        """Tells the weather of a city."""
        return {"city": city, "sky": "clear"}

    runner = client.messages.run_tools(**asks(), tools=[get_weather])
    runner.until_done()
    (result,) = results_of(runner)
    assert json.loads(result["content"]) == {"city": "Paris", "sky": "clear"}


@BOTH
def test_parallel_calls_are_answered_in_one_message_and_in_order(bedrock, api):
    with AnthropicBedrock(**keys(bedrock, api=api)) as client:
        runner = client.messages.run_tools(
            **asks("What is the weather in Paris and in Rome?"), tools=[get_weather]
        )
        assert len(list(runner)) == 2
    calls = [block["id"] for block in runner.messages[1]["content"] if block["type"] == "tool_use"]
    answers = runner.messages[2]["content"]
    assert [block["tool_use_id"] for block in answers] == calls
    assert [block["content"] for block in answers] == [
        "1 sunny days in Paris",
        "1 sunny days in Rome",
    ]


def test_the_conversation_goes_on_from_its_messages(client):
    runner = client.messages.run_tools(**asks(), tools=[get_weather])
    runner.until_done()
    messages = [*runner.messages, {"role": "user", "content": "And the weather in Oslo?"}]
    again = client.messages.run_tools(**{**asks(), "messages": messages}, tools=[get_weather])
    assert "Oslo" in text_of(again.until_done())


def test_what_is_appended_between_turns_is_told_next(client):
    runner = client.messages.run_tools(**asks(), tools=[get_weather])
    for message in runner:
        if message.stop_reason == "end_turn" and "Oslo" not in text_of(message):
            runner.messages.append({"role": "user", "content": "And the weather in Oslo?"})
    assert [result["content"] for result in results_of(runner)] == [
        "1 sunny days in Paris",
        "1 sunny days in Oslo",
    ]


def test_a_result_that_is_appended_stands_for_running_the_call(client):
    ran = []

    def get_weather(city: str) -> str:
        """Tells the weather of a city."""
        ran.append(city)
        return "rain"

    runner = client.messages.run_tools(
        **asks("What is the weather in Paris and in Rome?"), tools=[get_weather]
    )
    for message in runner:
        for block in message.content:
            if block.type == "tool_use" and block.input["city"] == "Paris":
                said = {"type": "tool_result", "tool_use_id": block.id, "content": "not allowed"}
                runner.messages.append({"role": "user", "content": [said]})
    assert ran == ["Rome"]
    assert "not allowed" in text_of(runner.until_done())


@pytest.mark.parametrize("streamed", [False, True])
def test_leaving_the_loop_early_runs_no_further_call(client, streamed):
    ran = []

    def get_weather(city: str) -> str:
        """Tells the weather of a city."""
        ran.append(city)
        return "rain"

    runner = client.messages.run_tools(**asks(), tools=[get_weather], stream=streamed)
    next(runner)
    runner.close()
    assert list(runner) == []
    assert ran == []


def test_too_many_turns_are_an_error_from_which_one_can_go_on(client):
    with pytest.raises(outcrop.ToolTurnsError, match=r"max_turns=1 turns.*get_weather") as caught:
        client.messages.run_tools(**asks(), tools=[get_weather], max_turns=1).until_done()
    error = caught.value
    assert error.reply.stop_reason == "tool_use"
    assert error.messages[-1]["role"] == "assistant"
    again = client.messages.run_tools(
        **{**asks(), "messages": error.messages}, tools=[get_weather], max_turns=1
    )
    assert "sunny days in Paris" in text_of(again.until_done())


def test_a_forced_call_is_forced_once(client):
    runner = client.messages.run_tools(
        **asks("Hello"), tools=[get_weather], tool_choice={"type": "any"}
    )
    assert [message.stop_reason for message in runner] == ["tool_use", "end_turn"]


@BOTH
def test_each_turn_can_be_streamed(bedrock, api):
    with AnthropicBedrock(**keys(bedrock, api=api)) as client:
        runner = client.messages.run_tools(**asks(), tools=[get_weather], stream=True)
        kinds = [[event.type for event in stream] for stream in runner]
        message = runner.until_done()
    assert len(kinds) == 2
    assert "input_json" in kinds[0]
    assert "text" in kinds[1]
    assert "sunny days in Paris" in text_of(message)
    assert len(runner.messages) == 4


def test_a_stream_that_isnt_read_is_read_by_the_loop(client):
    runner = client.messages.run_tools(**asks(), tools=[get_weather], stream=True)
    assert "sunny days in Paris" in text_of(runner.until_done())


# Errors in tools ─────────────────────────────────────────────────────────────────────────────────


def failing(error):
    def get_weather(city: str) -> str:
        """Tells the weather of a city."""
        raise error

    return get_weather


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (LookupError("no such city"), "LookupError: no such city"),
        (RuntimeError(), "RuntimeError"),
        (ValueError("\ud800"), "ValueError: ?"),
        (outcrop.ToolError("Try a bigger city."), "Try a bigger city."),
        (
            outcrop.ToolError([{"type": "text", "text": "Closed."}]),
            [{"type": "text", "text": "Closed."}],
        ),
        (ValueError("x" * 50_000), "ValueError: " + "x" * 9_988),
    ],
)
def test_an_exception_is_told_with_type_and_message_and_no_traceback(client, error, told):
    runner = client.messages.run_tools(**asks(), tools=[failing(error)])
    message = runner.until_done()
    (result,) = results_of(runner)
    assert result["is_error"] is True
    assert result["content"] == told
    assert text_of(message).startswith("get_weather failed")
    assert "Traceback" not in json.dumps(runner.messages)


def test_an_exception_can_end_the_loop(client):
    runner = client.messages.run_tools(
        **asks(), tools=[failing(LookupError("no such city"))], on_error="raise"
    )
    with pytest.raises(LookupError, match="no such city"):
        runner.until_done()
    assert runner.messages[-1]["role"] == "assistant"


def test_a_function_says_what_is_told_of_an_exception(client):
    seen = []

    def tell(error, call):
        seen.append((type(error), call.name, call.input))
        return "Something went wrong."

    runner = client.messages.run_tools(
        **asks(), tools=[failing(LookupError("secret"))], on_error=tell
    )
    runner.until_done()
    (result,) = results_of(runner)
    assert result["content"] == "Something went wrong."
    assert result["is_error"] is True
    assert seen == [(LookupError, "get_weather", {"city": "Paris"})]


def by(*turns):
    """A local Bedrock that gives these turns, one after the other."""
    given = iter(turns)
    return local_bedrock(actor=lambda ask: next(given))


def run(bedrock, **more):
    with AnthropicBedrock(**keys(bedrock)) as client:
        runner = client.messages.run_tools(**{**asks(), "tools": [get_weather], **more})
        return runner, runner.until_done()


def test_an_input_that_does_not_fit_is_told_and_the_function_isnt_run():
    with by([ToolUse("get_weather", {"city": 3})], "Sorry.") as bedrock:
        runner, _ = run(bedrock)
    (result,) = results_of(runner)
    assert result["content"] == (
        "Invalid input for get_weather: Expected `str`, got `int` - at `$.city`"
    )
    assert result["is_error"] is True


def test_an_unknown_tool_is_told_with_the_known_ones():
    definition = {"name": "elsewhere", "input_schema": {"type": "object"}}
    with by([ToolUse("elsewhere", {})], "Sorry.") as bedrock:
        runner, _ = run(bedrock, tools=[get_weather, definition])
    (result,) = results_of(runner)
    assert result["is_error"] is True
    assert result["content"] == (
        "No tool is called 'elsewhere' here. Tools that can be called: get_weather."
    )


@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "model_context_window_exceeded"])
def test_calls_of_a_message_that_did_not_end_by_itself_arent_run(reason):
    with by([ToolUse("get_weather", {"city": "Paris"}), Stop(reason)]) as bedrock:
        runner, message = run(bedrock)
    assert message.stop_reason == reason
    assert results_of(runner) == []


def test_a_paused_turn_goes_back_as_it_is():
    with by([Text("Searching."), Stop("pause_turn")], "Found.") as bedrock:
        runner, message = run(bedrock)
    assert text_of(message) == "Found."
    assert [each["role"] for each in runner.messages] == ["user", "assistant", "assistant"]


def test_thinking_goes_back_with_the_calls(client):
    runner = client.messages.run_tools(
        **{**asks(), "max_tokens": 4096},
        tools=[get_weather],
        thinking={"type": "enabled", "budget_tokens": 1024},
    )
    runner.until_done()  # the local Bedrock refuses thinking that was left out or altered
    assert runner.messages[1]["content"][0]["type"] == "thinking"


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("x", "x"),
        (None, None),
        ({"a": 1}, '{"a":1}'),
        ([1, 2], "[1,2]"),
        ([], "[]"),
        (3, "3"),
        (Span(1, 2), '{"start":1,"end":2}'),
        (Inner(tag="a"), '{"tag":"a"}'),
        ({"type": "text", "text": "x"}, [{"type": "text", "text": "x"}]),
        ([{"type": "text", "text": "x"}], [{"type": "text", "text": "x"}]),
        ({"type": "circle"}, '{"type":"circle"}'),
    ],
)
def test_a_value_is_told_as_text_blocks_or_json(client, value, content):
    def get_weather(city: str) -> Any:
        """Tells the weather of a city."""
        return value

    runner = client.messages.run_tools(**asks(), tools=[get_weather])
    runner.until_done()
    (result,) = results_of(runner)
    assert result.get("content") == content
    assert "is_error" not in result


def test_a_value_without_json_is_told_as_an_error(client):
    def get_weather(city: str) -> Any:
        """Tells the weather of a city."""
        return threading.Lock()

    runner = client.messages.run_tools(**asks(), tools=[get_weather])
    runner.until_done()
    (result,) = results_of(runner)
    assert result["is_error"] is True
    assert "lock" in result["content"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"max_turns": 0}, "max_turns=0"),
        ({"max_turns": "many"}, "max_turns='many'"),
        ({"on_error": "ignore"}, "on_error='ignore'"),
        ({"tools": [get_weather, get_weather]}, "Two tools are called 'get_weather'"),
        ({"tools": [3]}, "neither a function nor a definition"),
    ],
)
def test_a_run_that_cannot_be_is_refused_before_anything_is_sent(client, more, said):
    with pytest.raises(errors.ConfigurationError, match=said):
        client.messages.run_tools(**{**asks(), "tools": [get_weather], **more})


def test_a_blocking_client_refuses_async_tools(client):
    async def look(city: str) -> str:
        return city

    with pytest.raises(errors.ConfigurationError, match="'look' is async"):
        client.messages.run_tools(**asks(), tools=[look])


def test_without_tools_there_is_nothing_to_run(client):
    with pytest.raises(TypeError, match="'tools'"):
        client.messages.run_tools(**asks())


def test_a_misspelt_keyword_is_named(client):
    with pytest.raises(TypeError, match="max_tokens"):
        client.messages.run_tools(**{**asks(), "max_token": 3}, tools=[get_weather]).until_done()


def test_beta_messages_run_tools_with_their_betas(client):
    runner = client.beta.messages.run_tools(
        **asks(), tools=[get_weather], betas=["interleaved-thinking-2025-05-14"]
    )
    assert "sunny" in text_of(runner.until_done())


# Async ───────────────────────────────────────────────────────────────────────────────────────────


@BOTH
def test_async_tools_of_one_message_run_at_the_same_time_and_keep_their_order(bedrock, api):
    async def main():
        met = asyncio.Barrier(2)

        async def get_weather(city: str) -> str:
            """Tells the weather of a city."""
            await asyncio.wait_for(met.wait(), 30)  # each waits for the other
            return f"sunny in {city}"

        async with AsyncAnthropicBedrock(**keys(bedrock, api=api)) as client:
            runner = client.messages.run_tools(
                **asks("What is the weather in Paris and in Rome?"), tools=[get_weather]
            )
            reasons = [message.stop_reason async for message in runner]
            assert reasons == ["tool_use", "end_turn"]
            return results_of(runner)

    given = asyncio.run(main())
    assert [result["content"] for result in given] == ["sunny in Paris", "sunny in Rome"]


def test_a_plain_function_runs_beside_the_event_loop(bedrock):
    async def main():
        def get_weather(city: str) -> str:
            """Tells the weather of a city."""
            return threading.current_thread().name

        async with AsyncAnthropicBedrock(**keys(bedrock)) as client:
            runner = await client.messages.run_tools(**asks(), tools=[get_weather])
            await runner.until_done()
            return results_of(runner)[0]["content"]

    assert asyncio.run(main()) != threading.main_thread().name


def test_async_turns_can_be_streamed(bedrock):
    async def main():
        async with AsyncAnthropicBedrock(**keys(bedrock)) as client:
            runner = client.messages.run_tools(**asks(), tools=[get_weather], stream=True)
            kinds = [[event.type async for event in stream] async for stream in runner]
            return kinds, await runner.until_done()

    kinds, message = asyncio.run(main())
    assert "input_json" in kinds[0]
    assert "sunny days in Paris" in text_of(message)


def test_an_exception_that_ends_the_loop_ends_the_other_calls(bedrock):
    async def main():
        ended = []

        async def get_weather(city: str) -> str:
            """Tells the weather of a city."""
            if city == "Paris":
                raise LookupError(city)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                ended.append(city)
                raise
            return city

        async with AsyncAnthropicBedrock(**keys(bedrock)) as client:
            runner = client.messages.run_tools(
                **asks("What is the weather in Paris and in Rome?"),
                tools=[get_weather],
                on_error="raise",
            )
            with pytest.raises(LookupError):
                await runner.until_done()
        return ended

    assert asyncio.run(main()) == ["Rome"]


def test_cancelling_the_loop_cancels_its_calls(bedrock):
    async def main():
        began, ended = asyncio.Event(), []

        async def get_weather(city: str) -> str:
            """Tells the weather of a city."""
            began.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                ended.append(city)
                raise
            return city

        async with AsyncAnthropicBedrock(**keys(bedrock)) as client:
            runner = client.messages.run_tools(**asks(), tools=[get_weather])
            task = asyncio.create_task(runner.until_done())
            await asyncio.wait_for(began.wait(), 30)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return ended

    assert asyncio.run(main()) == ["Paris"]


def test_tools_load_nothing_that_other_calls_need_not():
    import subprocess
    import sys

    code = (
        "import outcrop, sys; outcrop.AnthropicBedrock; "
        "print([n for n in ('outcrop.client.tools', 'outcrop.client.runner', 'docstring_parser', "
        "'pydantic') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
