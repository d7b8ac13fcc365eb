"""Claims about the parrot, and about the values that it makes from JSON Schemas."""

from __future__ import annotations

import base64
import json
import math
import re

import pytest
from hypothesis import given, settings, strategies as st

from outcrop.server.actors import Ask, Text, ToolUse
from outcrop.server.actors.parrot import Parrot
from outcrop.server.actors.patterns import matching
from outcrop.server.actors.samples import sample
from outcrop.server.actors.sums import answer as sum_of

pytestmark = pytest.mark.anyio

WEATHER = {
    "name": "get_weather",
    "description": "Get the current weather in a given location",
    "input_schema": {
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "The city and state"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 7},
        },
        "required": ["location"],
    },
}
MAIL = {
    "name": "send_email",
    "description": "Send an email to somebody",
    "input_schema": {
        "type": "object",
        "properties": {"to": {"type": "string", "format": "email"}, "body": {"type": "string"}},
        "required": ["to", "body"],
    },
}


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def pieces(*turns, **fields) -> list:
    messages = [
        {"role": "assistant" if at % 2 else "user", "content": turn}
        for at, turn in enumerate(turns)
    ]
    document = {"messages": messages, "max_tokens": 64, **fields}
    return [piece async for piece in Parrot().answer(Ask(document, model="claude-sonnet-4-5"))]


async def says(*turns, **fields) -> str:
    given = await pieces(*turns, **fields)
    assert all(isinstance(piece, Text) for piece in given), given
    return "".join(piece.text for piece in given)


async def calls(*turns, **fields) -> ToolUse:
    (call,) = await pieces(*turns, **fields)
    assert isinstance(call, ToolUse)
    return call


# What it says ─────────────────────────────────────────────────────────────────────────────────────


async def test_it_greets_and_says_that_it_is_a_stand_in():
    said = await says("Hello, world")
    assert said == 'Hello! This is the offline stand-in. You said: "Hello, world"'


async def test_it_streams_word_by_word():
    given = await pieces("Hello, world")
    assert [piece.text for piece in given][:3] == ["Hello! ", "This ", "is "]
    assert max(len(piece.text) for piece in await pieces("Say exactly: " + "x" * 1000)) <= 60


async def test_it_says_who_it_is_and_for_whom_it_stands_in():
    said = await says("Who are you?")
    assert "stand-in for claude-sonnet-4-5" in said
    assert "no model" in said


async def test_the_temperature_changes_nothing():
    assert await says("Tell me a story.", temperature=1.0) == await says("Tell me a story.")


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("Repeat after me: I am a parrot.", "I am a parrot."),
        ("Please repeat after me: “I am a parrot.”", "I am a parrot."),
        ('Say exactly "Hi there!"', "Hi there!"),
        ("say: one two", "one two"),
        ('Can you say "cheese"?', "cheese"),
        ("Reply with only OK.", "OK"),
        ("Reply with exactly: Done. Now.", "Done. Now."),
        ("Just respond with the word pong", "pong"),
        ("Greet me. [[reply: first]] Or rather [[reply: two\nlines]]", "two\nlines"),
        ("[[reply:]]", ""),
    ],
)
async def test_it_says_exactly_what_it_is_told_to_say(prompt, said):
    assert await says(prompt) == said


async def test_an_unfinished_override_is_only_text():
    assert "stand-in" in await says("[[reply: never closed")


@pytest.mark.parametrize(
    ("prompt", "value"),
    [
        ("2+2", "4"),
        ("What is 12 * (3 + 4)?", "84"),
        ("What's 7 / 2?", "3.5"),
        ("Calculate -3 - -4", "1"),
        ("compute 2^10", "1024"),
        ("how much is 0.1 + 0.2?", "0.3"),
        ("What is 1/3?", "0.3333333333"),
        ("What is 17 % 5?", "2"),
        ("3 × 4 =", "12"),  # noqa: RUF001 - as people type
    ],
)
async def test_it_does_sums_exactly(prompt, value):
    assert sum_of(prompt)[1] == value
    assert f"= {value}." in await says(prompt)


@pytest.mark.parametrize(
    "prompt",
    ["1/0", "2^99999", "(" * 100, "what is 7", "1 + ", "9" * 119 + "^9", "call 555-1234", ")1+2("],
)
async def test_what_is_no_sum_or_too_large_a_one_is_not_worked_out(prompt):
    assert sum_of(prompt) is None
    assert "stand-in" in await says(prompt)


@given(
    st.recursive(
        st.integers(min_value=0, max_value=99).map(str),
        lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        max_leaves=6,
    )
)
def test_sums_agree_with_python(text):
    expected = eval(text, {"__builtins__": {}})  # our own digits, signs and brackets
    found = sum_of(f"What is {text}?")
    assert found is None if text.isdecimal() else found == (text, str(expected))


@given(st.text(max_size=200))
def test_no_text_makes_the_sums_raise(text):
    sum_of(text)


async def test_it_remembers_what_the_user_said_earlier():
    first = "My name is Ada and I live in Lisbon. My favorite colour is blue!"
    assert await says(first) == (
        "Nice to meet you, Ada. Noted: you live in Lisbon. "
        "Noted: your favorite colour is blue. (Offline stand-in.)"
    )
    asked = "What is my name, and where do I live?"
    assert (await says(first, "Hi.", asked)).startswith("Your name is Ada. You live in Lisbon.")
    asked = "What's my favourite colour?"
    assert (await says(first, "Hi.", asked)).startswith("Your favorite colour is blue.")
    assert (await says("I'm Grace Hopper.", "Hi.", "Who am I?")).startswith("Your name is Grace")


async def test_the_last_word_on_a_matter_holds():
    said = await says("My name is Ada.", "Hi.", "Call me Grace.", "Hi.", "What's my name?")
    assert said.startswith("Your name is Grace.")


async def test_what_it_was_not_told_it_does_not_know():
    assert (await says("What is my name?")).startswith("You have not told me your name.")
    assert "You said" in await says("Hi", "Hello", "What is my dog called?")


async def test_a_summary_is_the_beginning_of_the_text():
    text = "The cat sat on 3.5 mats. The dog ran. All were happy."
    assert (await says(f"Summarise this: {text}")).startswith(
        "In short: The cat sat on 3.5 mats. ("
    )
    two = await says(f"Please summarize the text in 2 sentences:\n{text}")
    assert two.startswith("In short: The cat sat on 3.5 mats. The dog ran. (")
    assert "The cat" in await says(text, "Fine.", "Sum up what I said.")


@pytest.mark.parametrize("place", ["system", "prompt"])
@pytest.mark.parametrize(
    ("instruction", "check"),
    [
        ("Answer in upper case.", str.isupper),
        ("Use lowercase only.", str.islower),
        ("Answer in one word.", lambda said: said == "4"),
        ("Give only the number.", lambda said: said == "4"),
        ("Start every reply with Ahoy!", lambda said: said.startswith("Ahoy! 2+2 = 4.")),
        ('End each response with "over and out".', lambda said: said.endswith(" over and out")),
        ("Answer in JSON.", lambda said: json.loads(said)["reply"].startswith("2+2 = 4.")),
    ],
)
async def test_simple_instructions_are_followed(place, instruction, check):
    if place == "system":
        said = await says("What is 2+2?", system=instruction)
    else:
        said = await says(f"What is 2+2? {instruction}")
    assert check(said), said


async def test_any_other_system_prompt_is_shown_to_have_arrived():
    blocks = [{"type": "text", "text": "You are a pirate."}]
    assert '(System prompt: "You are a pirate.".)' in await says("Hi", system=blocks)
    assert await says("Hi", system="Always reply with “PONG”.") == "PONG"
    conditional = await says("Hi", system='If unsure, reply with only "no".')
    assert "stand-in" in conditional


async def test_it_goes_on_from_what_the_request_has_begun():
    whole = await says("Hello")
    assert whole == "Hello! This" + await says("Hello", "Hello! This")
    assert json.loads("{" + await says("Hello", "{")) == {"reply": whole}


async def test_it_mentions_documents_and_images():
    pdf = base64.b64encode(b"%PDF-1.7 <</Type /Page>> <</Type /Page>>").decode()
    gif = base64.b64encode(b"GIF89a\x0a\x00\x05\x00...").decode()
    content = [
        {"type": "document", "title": "Report", "source": {"type": "base64", "data": pdf}},
        {"type": "document", "source": {"type": "text", "data": "Alpha first. Beta second."}},
        {"type": "image", "source": {"type": "base64", "data": gif}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "text", "text": "What are these?"},
    ]
    said = await says(content)
    assert "You sent a PDF “Report” of 2 pages." in said
    assert "You sent a document of 4 words." in said
    assert "You sent an image of 10×5 pixels. You sent an image." in said  # noqa: RUF001 - the sign for dimensions
    content[-1]["text"] = "Summarise the document."
    assert (await says(content)).startswith("In short: Alpha first.")


# Tools ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_plain_wish_becomes_a_call_with_what_the_prompt_says():
    call = await calls(
        "What's the weather in Paris over the next three days, in celsius?", tools=[MAIL, WEATHER]
    )
    assert call.name == "get_weather"
    assert call.input == {"location": "Paris", "unit": "celsius", "days": 3}


async def test_a_range_is_kept_whatever_the_prompt_says():
    call = await calls("Weather in New York for 30 days?", tools=[WEATHER])
    assert call.input["location"] == "New York"
    assert 1 <= call.input["days"] <= 7


async def test_without_a_plain_wish_it_just_talks():
    assert "stand-in" in await says("Hello, world", tools=[WEATHER, MAIL])
    none = {"type": "none"}
    assert "stand-in" in await says("The weather in Paris?", tools=[WEATHER], tool_choice=none)
    assert await says("The weather? [[reply: no]]", tools=[WEATHER]) == "no"


async def test_a_forced_call_is_made_whatever_is_asked():
    any_tool = {"type": "any"}
    assert (await calls("Hello", tools=[WEATHER, MAIL], tool_choice=any_tool)).name == "get_weather"
    mail = await calls("Email bob@example.org", tools=[WEATHER, MAIL], tool_choice=any_tool)
    assert (mail.name, mail.input["to"]) == ("send_email", "bob@example.org")
    named = {"type": "tool", "name": "send_email"}
    call = await calls("[[reply: no]]", tools=[WEATHER, MAIL], tool_choice=named)
    assert (call.name, call.input["to"]) == ("send_email", "ada@example.com")
    bare = await calls("Hi", tools=[{"name": "now"}], tool_choice=any_tool)
    assert (bare.name, bare.input) == ("now", {})


async def test_it_answers_with_the_results_of_its_calls():
    call = [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "18 °C and sunny"}
    said = await says("The weather in Paris?", call, [result], tools=[WEATHER])
    assert said == "get_weather answered: 18 °C and sunny. (Offline stand-in.)"
    blocks = {**result, "content": [{"type": "text", "text": "18 °C."}]}
    said = await says("The weather in Paris?", call, [blocks], tools=[WEATHER])
    assert said.startswith("get_weather answered: 18 °C. (")
    failed = {**result, "is_error": True, "content": "no such city"}
    said = await says("The weather in Paris?", call, [failed], tools=[WEATHER])
    assert said.startswith("get_weather failed: no such city.")
    empty = {"type": "tool_result", "tool_use_id": "toolu_2"}
    assert (await says("Hi", call, [empty])).startswith("The tool answered: nothing.")


async def test_a_forced_call_is_made_after_results_too():
    call = [{"type": "tool_use", "id": "t", "name": "get_weather", "input": {}}]
    result = [{"type": "tool_result", "tool_use_id": "t", "content": "sun"}]
    forced = {"type": "any"}
    again = await calls("Weather in Rome?", call, result, tools=[WEATHER], tool_choice=forced)
    assert again.input["location"] == "Rome"


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "role", "content", "name", "source", "data", "id"]),
            inner
            | st.sampled_from(["text", "user", "tool_use", "tool_result", "image", "document"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(odd, odd, odd, odd)
async def test_odd_requests_are_answered_and_do_not_raise(content, system, tools, choice):
    fields = {"system": system, "tools": [tools, {"name": "a", "input_schema": tools}]}
    for chosen in (choice, {"type": "any"}, {"type": "tool", "name": choice}):
        given_pieces = await pieces(content, [content], content, tool_choice=chosen, **fields)
        for piece in given_pieces:
            assert isinstance(piece, Text | ToolUse)


# Values for schemas ───────────────────────────────────────────────────────────────────────────────


def problems(value, schema, root=None) -> list[str]:
    """What is wrong with a value: JSON Schema 2020-12, as far as the schemas here use it."""
    root = schema if root is None else root
    if isinstance(schema, bool):
        return [] if schema else ["false"]
    found = []
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].removeprefix("#").split("/")[1:]:
            target = target[part]
        found += problems(value, target, root)
    for part in schema.get("allOf", []):
        found += problems(value, part, root)
    for key in ("anyOf", "oneOf"):
        met = [not problems(value, part, root) for part in schema.get(key, [True])]
        if not any(met) or (key == "oneOf" and sum(met) > 1):
            found.append(key)
    written = json.dumps(value, sort_keys=True)
    if "const" in schema and json.dumps(schema["const"], sort_keys=True) != written:
        found.append("const")
    if "enum" in schema and written not in [json.dumps(v, sort_keys=True) for v in schema["enum"]]:
        found.append("enum")
    kinds = {
        bool: {"boolean"},
        int: {"integer", "number"},
        float: {"integer", "number"} if isinstance(value, float) and value % 1 == 0 else {"number"},
        str: {"string"},
        list: {"array"},
        dict: {"object"},
        type(None): {"null"},
    }[type(value)]
    allowed = schema.get("type", list(kinds))
    if not kinds & set([allowed] if isinstance(allowed, str) else allowed):
        found.append(f"type {allowed}")
    if "number" in kinds:
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        found += ["range"] * (not low <= value <= high)
        low = schema.get("exclusiveMinimum", -math.inf)
        found += ["open range"] * (not low < value < schema.get("exclusiveMaximum", math.inf))
        found += ["multipleOf"] * bool(value / schema.get("multipleOf", value or 1) % 1)
    if isinstance(value, str):
        size = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf)
        found += ["length"] * (not size)
        found += ["pattern"] * (not re.search(schema.get("pattern", ""), value))
    if isinstance(value, list):
        size = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf)
        found += ["items"] * (not size)
        first = schema.get("prefixItems", [])
        for item, part in zip(value, first, strict=False):
            found += problems(item, part, root)
        for item in value[len(first) :]:
            found += problems(item, schema.get("items", True), root)
        if schema.get("uniqueItems") and len({json.dumps(v) for v in value}) < len(value):
            found.append("unique")
        if "contains" in schema and all(problems(v, schema["contains"], root) for v in value):
            found.append("contains")
    if isinstance(value, dict):
        found += [f"lacks {name}" for name in schema.get("required", []) if name not in value]
        found += ["properties"] * (len(value) < schema.get("minProperties", 0))
        for name, part in value.items():
            rest = schema.get("additionalProperties", True)
            found += problems(part, schema.get("properties", {}).get(name, rest), root)
    return found


numbers = st.builds(
    lambda kind, low, span, opened, step: {
        "type": kind,
        ("exclusiveMinimum" if opened else "minimum"): low,
        ("maximum" if opened else "exclusiveMaximum"): low + span,
        **({"multipleOf": step} if step else {}),
    },
    st.sampled_from(["integer", "number"]),
    st.integers(-20, 20),
    st.integers(3, 30),
    st.booleans(),
    st.sampled_from([None, 1, 2, 0.5, 1.5]),
)
strings = st.one_of(
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
        st.integers(0, 400),
        st.integers(0, 9),
    ),
    st.sampled_from(["^[A-Z]{3}$", r"^\d{2,4}-[a-f]+$", "^(foo|bar)[^x]?$", r"\w+@\w+"]).map(
        lambda pattern: {"type": "string", "pattern": pattern}
    ),
)
simple = st.one_of(
    numbers,
    strings,
    st.sampled_from(
        [
            {"type": "boolean"},
            {"type": "null"},
            {"const": 1},
            {"type": ["null", "string"]},
            {},
            True,
        ]
    ),
    st.lists(st.sampled_from([0, 1, True, None, "red", "green"]), min_size=1, max_size=4).map(
        lambda values: {"enum": values}
    ),
)


def nested(inner):
    names = st.sampled_from(["weather", "days", "a"])
    objects = st.builds(
        lambda properties, required, more, least: {
            "type": "object",
            "properties": properties,
            "required": sorted(required if more else required & properties.keys()),
            "additionalProperties": more,
            **({"minProperties": least} if more else {}),
        },
        st.dictionaries(names, inner, max_size=3),
        st.sets(names, max_size=3),
        st.sampled_from([True, False, {"type": "integer"}]),
        st.integers(0, 5),
    )
    arrays = st.builds(
        lambda items, low, more, first: {
            "type": "array",
            "items": items,
            "minItems": low,
            "maxItems": low + more,
            **({"prefixItems": first} if first else {}),
        },
        inner,
        st.integers(0, 3),
        st.integers(0, 2),
        st.lists(inner, max_size=2),
    )
    choices = st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts})
    return st.one_of(objects, arrays, choices, inner.map(lambda part: {"allOf": [{}, part]}))


PROMPTS = ["", "Hello", "The weather in Paris for 3 days, 7.5, red?", 'say "aaa" and "bbb" 100 -4']


@settings(max_examples=200)
@given(st.recursive(simple, nested, max_leaves=8), st.sampled_from(PROMPTS))
def test_a_value_is_valid_under_its_schema(schema, prompt):
    value = sample(schema, prompt)
    assert problems(value, schema) == [], value
    assert sample(schema, prompt) == value


TREE = {
    "type": "object",
    "properties": {
        "value": {"type": "integer"},
        "children": {"type": "array", "items": {"$ref": "#"}},
        "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    },
    "required": ["value", "children", "next"],
    "additionalProperties": False,
}
TERM = {
    "$defs": {
        "term": {"anyOf": [{"$ref": "#/$defs/sum"}, {"$ref": "#/$defs/number"}]},
        "sum": {
            "type": "object",
            "properties": {"l": {"$ref": "#/$defs/term"}, "r": {"$ref": "#/$defs/term"}},
            "required": ["l", "r"],
            "additionalProperties": False,
        },
        "number": {
            "type": "object",
            "properties": {"n": {"type": "number"}},
            "required": ["n"],
            "additionalProperties": False,
        },
    },
    "$ref": "#/$defs/term",
}


@pytest.mark.parametrize(
    "schema",
    [
        TREE,
        TERM,
        {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "minItems": 3},
        {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "minItems": 9},
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 20},
        {"type": "array", "items": {"pattern": "^[a-c]{2}$"}, "uniqueItems": True, "minItems": 9},
        {"type": "array", "items": {"type": "integer"}, "contains": {"minimum": 50}},
        {"oneOf": [{"type": "integer", "maximum": 3}, {"type": "string", "minLength": 4}]},
        {"type": "number", "allOf": [{"multipleOf": 4}, {"multipleOf": 6}, {"minimum": 13}]},
        {"allOf": [{"enum": [1, True, "a"]}, {"enum": ["a", True]}, {"type": "boolean"}]},
        {"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "array", "minItems": 2}}}]},
        {"type": "string", "pattern": "^[a-z]+$", "minLength": 12, "maxLength": 12},
        {"anyOf": [{"type": "string", "minLength": 9}, {"type": "null"}], "default": None},
        {"type": "integer", "default": 3, "minimum": 5},
        {"type": "string", "maxLength": 0},
        {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "integer"}}},
    ],
)
def test_schemas_of_all_kinds_get_valid_values(schema):
    for prompt in PROMPTS:
        value = sample(schema, prompt)
        if "a~1b" not in str(schema):
            assert problems(value, schema) == [], value
        else:
            assert isinstance(value, int)


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"type": []},
        {"enum": []},
        {"$ref": "#"},
        {"$ref": "#/nowhere/0"},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
        {"type": "array", "minItems": 10**9, "items": {"type": "array", "minItems": 10**9}},
        {"type": "string", "minLength": 10**12},
        {"type": "string", "pattern": "(" * 5000},
        {"type": "string", "pattern": "(?=a)b{99999999}"},
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"anyOf": [{"$ref": "#/anyOf/1"}, {"$ref": "#/anyOf/0"}]},
        {"minimum": "a", "maxLength": "b", "required": 3, "properties": [], "items": 7, "enum": 1},
    ],
)
def test_hopeless_schemas_get_some_value_soon(schema):
    assert len(json.dumps(sample(schema, "Hello"))) < 2_000_000


@given(odd)
def test_no_schema_makes_it_raise(schema):
    json.dumps(sample({"type": "object", "required": ["a"], "properties": {"a": schema}}, "Hi 3"))


@pytest.mark.parametrize(
    ("prompt", "properties", "value"),
    [
        ("Add 2 and 3.5", {"a": {"type": "number"}, "b": {"type": "number"}}, {"a": 2, "b": 3.5}),
        (
            "Fly from Paris to New York",
            {"from": {"type": "string"}, "to": {"type": "string"}},
            {"from": "Paris", "to": "New York"},
        ),
        ('Search for "red shoes" now', {"query": {"type": "string"}}, {"query": "red shoes"}),
        ("Who was Ada Lovelace?", {"question": {"type": "string"}}, None),
        ("user_id: u-77, please", {"user_id": {"type": "string"}}, {"user_id": "u-77"}),
        ("On 2026-02-03 at noon", {"day": {"format": "date"}}, {"day": "2026-02-03"}),
        ("Go without sound", {"sound": {"type": "boolean"}}, {"sound": False}),
        ("Turn the sound on", {"sound": {"type": "boolean"}}, {"sound": True}),
        (
            "Paint it blue and red",
            {"colours": {"type": "array", "items": {"enum": ["red", "green", "blue"]}}},
            {"colours": ["red", "blue"]},
        ),
    ],
)
def test_values_come_from_the_prompt(prompt, properties, value):
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    assert sample(schema, prompt) == (value or dict.fromkeys(properties, prompt))


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\+?[1-9]\d{1,14}$",
        r"^(?:foo|bar)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}$",
        r"^\S+@\S+\.\S+$",
        r"^#(?:[0-9a-fA-F]{3}){1,2}$",
        r"^.{5,}$",
        r"[\]a]|[^\]]",
        r"^\$\d+\.\d{2}$",
        r"^\D\W\s$",
        r"\x41\u0042",
        r"^sk_(?P<env>live|test)_[A-Za-z0-9]{4,}$",
        r"^(a+)+$",
        "",
    ],
)
def test_a_text_is_made_that_matches(pattern):
    for variant in range(5):
        for least in (0, 3, 14):
            text = matching(pattern, min_length=least, variant=variant)
            assert text is None or (re.search(pattern, text) and len(text) >= least)
    assert matching(pattern) is not None


@pytest.mark.parametrize("pattern", [r"(?=a)b", r"(a)\1", r"a\b", "(", "[a", "a{2", "*", "(?<!a)b"])
def test_what_cannot_be_read_gives_no_text(pattern):
    assert matching(pattern) is None


@given(st.text(alphabet=r"ab01[](){}^$.*+?|\-,dwsux:<>=!", max_size=20))
def test_no_pattern_makes_it_raise(pattern):
    matching(pattern, min_length=5, variant=7)
