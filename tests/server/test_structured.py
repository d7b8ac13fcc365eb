"""Structured outputs, strict tools and effort in the local Bedrock, as boto3 sees them.

Expected rules: Anthropic, "Structured outputs" and "Effort"; refusals of its API as publicly
reported. Answers are judged with jsonschema.
"""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import aclosing

import boto3
import jsonschema
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given, strategies as st

from outcrop.server.actors import Ask, Text, structured, weights
from outcrop.server.actors.small import Small
from outcrop.testing import local_bedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
EFFORT = "global.anthropic.claude-opus-4-6-v1"
NEWER = "global.anthropic.claude-opus-4-8"
NEWEST = "global.anthropic.claude-opus-5"
OLDER = "us.anthropic.claude-opus-4-1-20250805-v1:0"
FORCELESS = "global.anthropic.claude-opus-5-5"

CONTACT = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "email": {"type": "string", "format": "email"},
        "plan": {"enum": ["free", "pro"]},
        "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
    "required": ["name", "email", "plan"],
    "additionalProperties": False,
}
PROMPT = "Ada Lovelace (ada@example.com) wants the pro plan."
STRICT = {"name": "save", "strict": True, "input_schema": CONTACT}
CITED = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": "Ada is 36."},
    "citations": {"enabled": True},
}


@pytest.fixture(scope="module")
def runtime(bedrock):
    made = boto3.client(
        "bedrock-runtime",
        endpoint_url=bedrock.url,
        region_name="us-east-1",
        aws_access_key_id=bedrock.access_key,
        aws_secret_access_key=bedrock.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield made
    made.close()


def body(content=PROMPT, **fields):
    return json.dumps(
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 512,
            "messages": [{"role": "user", "content": content}],
            **fields,
        }
    )


def format_of(schema):
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


def invoke(runtime, model=MODEL, **fields):
    with runtime.invoke_model(modelId=model, body=body(**fields))["body"] as stream:
        return json.loads(stream.read())


def refusal(runtime, model=MODEL, **fields):
    with pytest.raises(ClientError) as caught:
        invoke(runtime, model, **fields)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return caught.value.response["Error"]["Message"]


def judged(text, schema=CONTACT):
    value = json.loads(text)
    jsonschema.validate(value, schema, format_checker=jsonschema.FormatChecker())
    return value


# Answers ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_answer_is_json_that_is_valid_under_the_schema(runtime):
    message = invoke(runtime, **format_of(CONTACT))
    (block,) = message["content"]
    value = judged(block["text"])
    assert value["email"] == "ada@example.com"
    assert value["plan"] == "pro"
    assert message["stop_reason"] == "end_turn"


def test_the_answer_is_streamed_in_pieces(runtime):
    reply = runtime.invoke_model_with_response_stream(
        modelId=MODEL, body=body(**format_of(CONTACT))
    )
    events = [json.loads(event["chunk"]["bytes"]) for event in reply["body"]]
    pieces = [e["delta"]["text"] for e in events if e["type"] == "content_block_delta"]
    assert len(pieces) > 1
    judged("".join(pieces))


def test_converse_gives_the_same(runtime):
    text_format = {
        "type": "json_schema",
        "structure": {"jsonSchema": {"schema": json.dumps(CONTACT), "name": "contact"}},
    }
    reply = runtime.converse(
        modelId=MODEL,
        messages=[{"role": "user", "content": [{"text": PROMPT}]}],
        outputConfig={"textFormat": text_format},
    )
    (block,) = reply["output"]["message"]["content"]
    assert block["text"] == invoke(runtime, **format_of(CONTACT))["content"][0]["text"]


def test_too_few_tokens_cut_the_json(runtime):
    message = invoke(runtime, max_tokens=3, **format_of(CONTACT))
    assert message["stop_reason"] == "max_tokens"
    with pytest.raises(json.JSONDecodeError):
        json.loads(message["content"][0]["text"])


def test_after_tool_results_the_answer_is_made_of_them(runtime):
    tool = {"name": "look_up", "input_schema": {"type": "object"}}
    call = {"type": "tool_use", "id": "t1", "name": "look_up", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "bob@example.org, free plan"}
    messages = [
        {"role": "user", "content": "Who is it?"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    message = invoke(runtime, messages=messages, tools=[tool], **format_of(CONTACT))
    value = judged(message["content"][0]["text"])
    assert (value["email"], value["plan"]) == ("bob@example.org", "free")


def test_a_tool_that_is_asked_for_comes_before_the_json(runtime):
    message = invoke(
        runtime,
        content="Please save Ada, ada@example.com, pro.",
        tools=[STRICT],
        **format_of(CONTACT),
    )
    (block,) = message["content"]
    assert block["type"] == "tool_use"
    jsonschema.validate(block["input"], CONTACT)


def test_a_written_reply_comes_before_the_schema(runtime):
    message = invoke(runtime, content="[[reply: not JSON]]", **format_of(CONTACT))
    assert message["content"][0]["text"] == "not JSON"


def test_thinking_comes_before_the_json(runtime):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    message = invoke(runtime, max_tokens=4096, thinking=thinking, **format_of(CONTACT))
    assert [block["type"] for block in message["content"]] == ["thinking", "text"]
    judged(message["content"][1]["text"])


def schemas():
    """Schemas that Claude can be held to."""
    scalars = st.sampled_from(
        [
            {"type": "string"},
            {"type": "integer"},
            {"type": "number"},
            {"type": "boolean"},
            {"type": "null"},
            {"enum": ["a", 1, None]},
            {"const": "x"},
            {"type": "string", "format": "date"},
        ]
    )

    def nest(inner):
        names = st.sampled_from(["name", "days", "city", "plan"])
        return st.one_of(
            st.builds(lambda of: {"type": "array", "items": of, "minItems": 1}, inner),
            st.builds(lambda *of: {"anyOf": [*of]}, inner, inner),
            st.dictionaries(names, inner, max_size=3).map(
                lambda of: {
                    "type": "object",
                    "properties": of,
                    "required": [*of][:2],
                    "additionalProperties": False,
                }
            ),
        )

    return st.recursive(scalars, nest, max_leaves=6)


@given(schema=schemas(), prompt=st.sampled_from(["", PROMPT, "Oslo for 3 days"]))
def test_every_schema_that_claude_takes_gets_a_valid_answer(runtime, schema, prompt):
    message = invoke(runtime, content=prompt or "?", **format_of(schema))
    judged(message["content"][0]["text"], schema)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["a", "x", ""]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "days", "city"]), inner, max_size=2)
    ),
    max_leaves=5,
)


@given(schema=schemas(), value=JSON)
def test_generated_values_are_judged_as_jsonschema_judges_them(schema, value):
    if structured.is_plain(schema):
        judge = jsonschema.Draft202012Validator(schema)
        assert structured.fits(schema, value) == judge.is_valid(value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "(a+)+$"},
        {"type": "integer", "minimum": 1},
        {"$ref": "https://example.com/schema"},
        {"type": "array", "minItems": 100_000},
        {"enum": ["x" * 10_000]},
        {"properties": {"a": {"if": True}}},
    ],
)
def test_what_a_grammar_cannot_hold_is_left_to_the_rules(schema):
    assert not structured.is_plain(schema)


# Refusals ────────────────────────────────────────────────────────────────────────────────────────

EXTRA = "Extra inputs are not permitted"


@pytest.mark.parametrize("model", [NEWER, NEWEST, OLDER])
def test_models_without_structured_outputs_refuse_them(runtime, model):
    told = refusal(runtime, model, **format_of(CONTACT))
    assert told == f"output_config.format: {EXTRA}"


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (
            {"type": "object"},
            "For 'object' type, 'additionalProperties' must be explicitly set to false",
        ),
        (
            {"type": "array", "items": {"type": "object", "additionalProperties": True}},
            "For 'object' type, 'additionalProperties' must be explicitly set to false",
        ),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "For 'array' type, 'minItems' values other than 0 or 1 are not supported",
        ),
        (
            {"type": "array", "items": {"type": "string"}, "maxItems": 2},
            "For 'array' type, property 'maxItems' is not supported",
        ),
        (
            {"type": "integer", "minimum": 1, "maximum": 2},
            "For 'integer' type, properties maximum, minimum are not supported",
        ),
        (
            {"type": "string", "format": "binary"},
            "For 'string' type, format 'binary' is not supported",
        ),
        (
            {
                "$ref": "#/$defs/A",
                "$defs": {"A": {"type": "array", "items": {"$ref": "#/$defs/A"}}},
            },
            "Circular reference detected in schema definitions: A",
        ),
        ({"$ref": "#/$defs/B"}, "Unresolvable reference: #/$defs/B"),
        (3, "Input should be a valid dictionary"),
    ],
)
def test_a_schema_that_claude_cannot_be_held_to_is_refused(runtime, schema, told):
    assert refusal(runtime, **format_of(schema)) == f"output_config.format.schema: {told}"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"format": {"type": "json_schema"}}, "output_config.format.schema: Field required"),
        ({"format": "json"}, "output_config.format: Input should be a valid dictionary"),
        (
            {"format": {"type": "text"}},
            (
                "output_config.format: Input tag 'text' found using 'type' does not match any of "
                "the expected tags: 'json_schema'"
            ),
        ),
        (
            {"format": {"type": "json_schema", "schema": CONTACT, "name": "x"}},
            f"output_config.format.name: {EXTRA}",
        ),
        ({"shape": 1}, f"output_config.shape: {EXTRA}"),
    ],
)
def test_a_format_of_another_shape_is_refused(runtime, config, told):
    assert refusal(runtime, output_config=config) == told


def test_citations_and_a_format_exclude_each_other(runtime):
    content = [CITED, {"type": "text", "text": "How old is Ada?"}]
    assert "itations" in refusal(runtime, content=content, **format_of(CONTACT))
    invoke(runtime, content=content)


def test_converse_tells_whose_refusal_it_is(runtime):
    schema = json.dumps({"type": "object"})
    with pytest.raises(ClientError) as caught:
        runtime.converse(
            modelId=MODEL,
            messages=[{"role": "user", "content": [{"text": PROMPT}]}],
            outputConfig={
                "textFormat": {
                    "type": "json_schema",
                    "structure": {"jsonSchema": {"schema": schema}},
                }
            },
        )
    assert caught.value.response["Error"]["Message"] == (
        "The model returned the following errors: output_config.format.schema: For 'object' type, "
        "'additionalProperties' must be explicitly set to false"
    )


# Strict tools ────────────────────────────────────────────────────────────────────────────────────


def test_a_strict_tool_is_held_to_the_same_schemas(runtime):
    message = invoke(runtime, tools=[STRICT], tool_choice={"type": "any"})
    jsonschema.validate(message["content"][0]["input"], CONTACT)
    loose = {**STRICT, "input_schema": {"type": "object"}}
    assert refusal(runtime, tools=[loose]) == (
        "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false"
    )
    invoke(runtime, tools=[{**loose, "strict": False}])
    invoke(runtime, NEWER, tools=[STRICT])
    assert refusal(runtime, OLDER, tools=[STRICT]) == f"tools.0.custom.strict: {EXTRA}"
    odd = {**STRICT, "strict": "yes"}
    assert refusal(runtime, tools=[odd]) == "tools.0.custom.strict: Input should be a valid boolean"


def test_strict_tools_are_counted(runtime):
    tools = [{**STRICT, "name": f"save_{at}"} for at in range(21)]
    invoke(runtime, tools=tools[:20])
    assert "strict tools (21)" in refusal(runtime, tools=tools)


def test_models_that_cannot_be_forced_refuse_a_forced_call(runtime):
    for choice in ({"type": "any"}, {"type": "tool", "name": "save"}):
        assert refusal(runtime, FORCELESS, tools=[STRICT], tool_choice=choice) == (
            'tool_choice: type "tool" and "any" are not supported for this model.'
        )


# Effort ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "level", "more", "told"),
    [
        (MODEL, "high", {}, "This model does not support the effort parameter."),
        (EFFORT, "max", {}, None),
        (
            EFFORT,
            "xhigh",
            {},
            (
                "This model does not support effort level 'xhigh'. "
                "Supported levels: high, low, max, medium."
            ),
        ),
        (
            "global.anthropic.claude-opus-4-5-20251101-v1:0",
            "max",
            {"anthropic_beta": ["effort-2025-11-24"]},
            "This model does not support effort level 'max'. Supported levels: high, low, medium.",
        ),
        (
            "global.anthropic.claude-opus-4-5-20251101-v1:0",
            "low",
            {"anthropic_beta": ["effort-2025-11-24"]},
            None,
        ),
        (
            "global.anthropic.claude-opus-4-5-20251101-v1:0",
            "low",
            {},
            f"output_config.effort: {EXTRA}",
        ),
        (NEWEST, "xhigh", {}, None),
        (
            NEWEST,
            "xhigh",
            {"thinking": {"type": "disabled"}},
            (
                "This model does not support effort level 'xhigh'. "
                "Supported levels: high, low, medium."
            ),
        ),
        (
            NEWEST,
            "huge",
            {},
            "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'",
        ),
    ],
)
def test_each_model_has_its_levels_of_effort(runtime, model, level, more, told):
    config = {"output_config": {"effort": level}, **more}
    if told is None:
        assert invoke(runtime, model, **config)["stop_reason"] == "end_turn"
    else:
        assert refusal(runtime, model, **config) == told


# The small model ─────────────────────────────────────────────────────────────────────────────────

WHY_NOT = weights.status().why_not
small = pytest.mark.skipif(
    bool(WHY_NOT) and os.environ.get("OUTCROP_TESTS_REQUIRE_MODEL") != "1",
    reason=WHY_NOT or "it is there",
)
LOOK = {
    "name": "get_weather",
    "description": "Get the current weather in a given location",
    "input_schema": {
        "type": "object",
        "properties": {
            "location": {"type": "string"},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer"},
        },
        "required": ["location"],
    },
}


def answers(*documents):
    """What the small model says to each, all its pieces."""

    async def main():
        actor = Small()
        await actor.start()
        given = []
        try:
            for document in documents:
                ask = Ask({"max_tokens": 512, **document}, "claude-sonnet-4-5-20250929")
                async with aclosing(actor.answer(ask)) as pieces:
                    given.append([piece async for piece in pieces])
        finally:
            await actor.close()
        return given

    return asyncio.run(main())


@small
def test_the_small_model_fills_in_what_is_valid():
    said = {"messages": [{"role": "user", "content": PROMPT}]}
    ranged = {
        **CONTACT,
        "properties": {**CONTACT["properties"], "name": {"type": "string", "pattern": "^[A-Z]+$"}},
    }
    weather = {"messages": [{"role": "user", "content": "What's the weather in Oslo in celsius?"}]}
    two = {"messages": [{"role": "user", "content": "What's the weather in Oslo and in Rome?"}]}
    plain, by_rules, call, calls, never = answers(
        {
            **said,
            **format_of(
                {**CONTACT, "properties": {**CONTACT["properties"], "email": {"type": "string"}}}
            ),
        },
        {**said, **format_of(ranged)},
        {**weather, "tools": [LOOK]},
        {**two, "tools": [LOOK]},
        {**weather, "tools": [LOOK], "tool_choice": {"type": "none"}},
    )
    judged("".join(piece.text for piece in plain))
    assert len(plain) > 1
    judged("".join(piece.text for piece in by_rules), ranged)
    (use,) = call
    jsonschema.validate(use.input, LOOK["input_schema"])
    assert use.input == {"location": "Oslo", "unit": "celsius"}
    assert [each.input["location"] for each in calls] == ["Oslo", "Rome"]
    assert all(isinstance(piece, Text) for piece in never)


@small
def test_the_small_model_answers_over_the_wire_too():
    with local_bedrock(actor="small") as bedrock:
        client = boto3.client(
            "bedrock-runtime",
            endpoint_url=bedrock.url,
            region_name="us-east-1",
            aws_access_key_id=bedrock.access_key,
            aws_secret_access_key=bedrock.secret_key,
        )
        judged(invoke(client, **format_of(CONTACT))["content"][0]["text"])
        client.close()
