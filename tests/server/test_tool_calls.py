"""Which calls the rules make of a prompt: Anthropic, "Define tools", "Parallel tool use"."""

from __future__ import annotations

import asyncio

import jsonschema
import pytest
from hypothesis import given, strategies as st

from outcrop.server.actors import Ask, Text, ToolUse
from outcrop.server.actors.parrot import Parrot


def tool(name, description, **properties):
    schema = {"type": "object", "properties": properties, "required": [*properties]}
    return {"name": name, "description": description, "input_schema": schema}


TEXT = {"type": "string"}
WEATHER = tool("get_weather", "Tells the weather of a city", city=TEXT)
TIME = tool("get_time", "Tells the time in a city", city=TEXT)
FORECAST = tool("get_weather_forecast", "The weather to come", city=TEXT)
COMPARE = tool("compare_cities", "Compares two cities", one=TEXT, other=TEXT)
SQUARE = tool("square", "The square of a number", number={"type": "number"})
MANY = tool("get_weather", "The weather of cities", cities={"type": "array", "items": TEXT})

PARALLEL = "What is the weather in Paris and in Rome?"


def answer(prompt, *tools, **fields):
    document = {
        "max_tokens": 512,
        "messages": [{"role": "user", "content": prompt}],
        "tools": [*tools],
        **fields,
    }

    async def pieces():
        return [piece async for piece in Parrot().answer(Ask(document, model="claude"))]

    return asyncio.run(pieces())


def calls(prompt, *tools, **fields):
    given = answer(prompt, *tools, **fields)
    assert all(isinstance(piece, ToolUse) for piece in given), given
    for call in given:
        (schema,) = [each["input_schema"] for each in tools if each["name"] == call.name]
        jsonschema.validate(call.input, schema)
    return [(call.name, *call.input.values()) for call in given]


@pytest.mark.parametrize(
    ("prompt", "tools", "wanted"),
    [
        ("What is the weather in Paris?", [WEATHER], [("get_weather", "Paris")]),
        (PARALLEL, [WEATHER], [("get_weather", "Paris"), ("get_weather", "Rome")]),
        (
            "What is the weather in Paris, Rome and New York?",
            [WEATHER],
            [("get_weather", "Paris"), ("get_weather", "Rome"), ("get_weather", "New York")],
        ),
        (
            "What is the weather in Paris and the time in Rome?",
            [TIME, WEATHER],
            [("get_weather", "Paris"), ("get_time", "Rome")],
        ),
        (
            "What is the weather in Paris and in Rome, and the time in Oslo?",
            [WEATHER, TIME],
            [("get_weather", "Paris"), ("get_weather", "Rome"), ("get_time", "Oslo")],
        ),
        ("What is the square of 12 and of 13?", [SQUARE], [("square", 12), ("square", 13)]),
        ("Compare the cities of Paris and Rome", [COMPARE], [("compare_cities", "Paris", "Rome")]),
        ("What is the weather in Paris?", [WEATHER, FORECAST], [("get_weather", "Paris")]),
        ("The weather in Paris and in Paris?", [WEATHER], [("get_weather", "Paris")]),
    ],
)
def test_each_thing_that_is_plainly_asked_for_is_a_call(prompt, tools, wanted):
    assert calls(prompt, *tools) == wanted


def test_a_tool_that_takes_many_gets_them_in_one_call():
    assert len(calls("What is the weather in Paris and in Rome?", MANY)) == 1


@pytest.mark.parametrize("choice", [{"type": "auto"}, {"type": "any"}])
def test_parallel_calls_can_be_forbidden(choice):
    assert len(calls(PARALLEL, WEATHER, tool_choice=choice)) == 2
    alone = {**choice, "disable_parallel_tool_use": True}
    assert calls(PARALLEL, WEATHER, tool_choice=alone) == [("get_weather", "Paris")]
    named = {"type": "tool", "name": "get_weather"}
    assert len(calls(PARALLEL, WEATHER, TIME, tool_choice=named)) == 2
    named["disable_parallel_tool_use"] = True
    assert len(calls(PARALLEL, WEATHER, TIME, tool_choice=named)) == 1


def test_none_is_never_a_call_and_any_always_is():
    none = answer(PARALLEL, WEATHER, tool_choice={"type": "none"})
    assert all(isinstance(piece, Text) for piece in none)
    assert calls("Hello", WEATHER, tool_choice={"type": "any"})


def test_a_prompt_that_asks_for_no_tool_gets_none():
    said = answer("Tell me a joke about Cats and Dogs", WEATHER)
    assert all(isinstance(piece, Text) for piece in said)


@given(
    prompt=st.text(alphabet="Aa1, &and\"' in", max_size=60)
    | st.lists(st.sampled_from([*"AB1,", "and", "in", "weather", '"x"']), max_size=40).map(" ".join)
)
def test_whatever_is_asked_the_input_is_valid_and_there_are_few_calls(prompt):
    made = calls(prompt, WEATHER, SQUARE, COMPARE, tool_choice={"type": "any"})
    assert 1 <= len(made) <= 8
