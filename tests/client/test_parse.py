"""Replies as values of a type, against a local Bedrock; schemas are judged with jsonschema."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import enum
import json
import pickle
from typing import Annotated, Any, Literal, TypedDict

import jsonschema
import msgspec
import pydantic
import pytest

import outcrop
from outcrop import AnthropicBedrock, AsyncAnthropicBedrock, errors
from outcrop.bedrock.output_schema import FORMATS, UNSUPPORTED, check, restrict
from outcrop.testing import Stop, Text, local_bedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
PROMPT = "Ada Lovelace (ada@example.com) wants the pro plan."


class Plan(enum.Enum):
    FREE = "free"
    PRO = "pro"


class ContactDict(TypedDict):
    name: str
    email: str
    plan: Literal["free", "pro"]


@dataclasses.dataclass
class ContactData:
    name: str
    email: str
    plan: Plan


class ContactStruct(msgspec.Struct):
    name: str
    email: str
    plan: Plan


class ContactModel(pydantic.BaseModel):
    name: str
    email: str = pydantic.Field(description="Where to write to")
    plan: Plan


TYPES = [ContactDict, ContactData, ContactStruct, ContactModel]


def asks(prompt=PROMPT, **more) -> dict[str, Any]:
    messages = [{"role": "user", "content": prompt}]
    return {"model": MODEL, "max_tokens": 512, "messages": messages, **more}


def keys(bedrock, **more):
    return {
        "aws_access_key": bedrock.access_key,
        "aws_secret_key": bedrock.secret_key,
        "aws_region": "us-west-2",
        "base_url": bedrock.url,
        "max_retries": 0,
        **more,
    }


@pytest.fixture(params=["invoke", "converse"])
def client(bedrock, request):
    with AnthropicBedrock(**keys(bedrock, api=request.param)) as client:
        yield client


# Parsing ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("output_type", TYPES)
def test_the_reply_holds_a_value_of_the_type(client, output_type):
    reply = client.messages.parse(output_format=output_type, **asks())
    value = reply.parsed_output
    assert isinstance(value, dict if output_type is ContactDict else output_type)
    written = msgspec.to_builtins(value, enc_hook=lambda it: it.model_dump(mode="json"))
    assert written == json.loads(reply.content[0].text)
    assert {*written} == {"name", "email", "plan"}
    assert written["plan"] == "pro"
    assert reply.stop_reason == "end_turn"
    assert reply.route is not None
    assert reply.usage.output_tokens > 0
    assert reply._request_id


def test_a_parsed_reply_is_a_message_like_others(bedrock):
    with AnthropicBedrock(**keys(bedrock)) as client:
        reply = client.messages.parse(output_format=ContactData, **asks())
        again = client.messages.create(
            **asks(), output_config={"format": outcrop.output_format(ContactData)}
        )
    assert reply.to_dict().keys() == again.to_dict().keys()
    assert reply.content == again.content
    assert "parsed_output" not in repr(reply)
    kept = pickle.loads(pickle.dumps(reply))
    assert kept.parsed_output == reply.parsed_output


def test_lists_and_scalars_are_types_too(client):
    assert all(isinstance(it, int) for it in parsed(client, list[int]))
    assert isinstance(parsed(client, int), int)


def parsed(client, output_type):
    return client.messages.parse(output_format=output_type, **asks("3 and 4")).parsed_output


def test_texts_become_dates_and_the_like(client):
    @dataclasses.dataclass
    class Event:
        day: dt.date

    day = client.messages.parse(output_format=Event, **asks("On 2026-11-22.")).parsed_output.day
    assert day == dt.date(2026, 11, 22)


def test_the_async_client_parses_too(bedrock):
    async def main():
        async with AsyncAnthropicBedrock(**keys(bedrock)) as client:
            reply = await client.messages.parse(output_format=ContactData, **asks())
            beta = await client.beta.messages.parse(output_format=ContactData, **asks())
            return reply.parsed_output, beta.parsed_output

    one, other = asyncio.run(main())
    assert one == other
    assert one.plan is Plan.PRO


def test_effort_goes_beside_the_format(client):
    config = {"effort": "high"}
    reply = client.messages.parse(
        output_format=ContactData,
        **{**asks(), "model": "global.anthropic.claude-opus-4-6-v1"},
        output_config=config,
    )
    assert reply.parsed_output.plan is Plan.PRO
    assert config == {"effort": "high"}


def test_a_stopped_tool_call_has_no_value_yet(client):
    tool = {"name": "look", "description": "x", "input_schema": {"type": "object"}}
    reply = client.messages.parse(
        output_format=ContactData, **asks(), tools=[tool], tool_choice={"type": "any"}
    )
    assert reply.stop_reason == "tool_use"
    with pytest.raises(outcrop.OutputError, match="stop_reason is 'tool_use'"):
        _ = reply.parsed_output


def test_the_tool_loop_can_end_in_a_value(client):
    def look(name: str) -> str:
        """Looks somebody up."""
        return f"{name}: ada@example.com, pro"

    runner = client.messages.run_tools(
        **asks("Please look up Ada."),
        tools=[look],
        tool_choice={"type": "any"},
        output_config={"format": outcrop.output_format(ContactData)},
    )
    message = runner.until_done()
    value = msgspec.json.decode(message.content[0].text, type=ContactData)
    assert value.email == "ada@example.com"


# Failures ────────────────────────────────────────────────────────────────────────────────────────


def fails(output_type, *pieces, **more):
    with (
        local_bedrock(actor=lambda ask: list(pieces)) as bedrock,
        AnthropicBedrock(**keys(bedrock)) as client,
        pytest.raises(outcrop.OutputError) as caught,
    ):
        client.messages.parse(output_format=output_type, **asks(**more))
    assert caught.value.mend
    assert caught.value.reply.id.startswith("msg_")
    assert caught.value.request_id
    return caught.value


def test_json_that_is_cut_is_an_error_that_says_so():
    error = fails(ContactData, '{"name": "Ada Lovelace the First of Her Name"', max_tokens=5)
    assert "stop_reason is 'max_tokens' after 5 tokens" in error.message
    assert "Raise max_tokens" in error.mend


def test_a_refusal_is_an_error_that_says_so():
    error = fails(ContactData, Text("I can't."), Stop("refusal"))
    assert error.message == "Claude refused to answer."
    assert error.reply.content[0].text == "I can't."


def test_what_isnt_json_is_shown():
    error = fails(ContactData, "I'd rather talk.")
    assert "isn't JSON" in error.message
    assert "I'd rather talk." in error.message


def test_what_the_schema_cannot_demand_is_checked_all_the_same():
    class Roll(msgspec.Struct):
        pips: Annotated[int, msgspec.Meta(ge=1, le=6)]

    error = fails(Roll, '{"pips": 7}')
    assert error.message == "The reply isn't a Roll: Expected `int` <= 6 - at `$.pips`."


def test_pydantics_own_checks_are_told_in_one_line():
    class Roll(pydantic.BaseModel):
        pips: int = pydantic.Field(le=6)

    error = fails(list[Roll], '[{"pips": 7}]')
    assert "pips: Input should be less than or equal to 6 - at `$[0]`" in error.message
    assert "\n" not in error.message


class Tree(msgspec.Struct):
    children: list[Tree]


@pytest.mark.parametrize(
    ("output_type", "said"),
    [
        (Tree, "'Tree' holds itself"),
        (dict[str, int], "keys that aren't named"),
        (tuple[int, str], "a tuple"),
        (Any, "any value would do"),
        (object, "no JSON Schema for it"),
        ({"type": "object"}, "is a dict, not a type"),
    ],
)
def test_a_type_that_claude_cannot_be_held_to_is_refused(bedrock, output_type, said):
    with (
        AnthropicBedrock(**keys(bedrock)) as client,
        pytest.raises(errors.ConfigurationError, match=said),
    ):
        client.messages.parse(output_format=output_type, **asks())


def test_two_formats_are_refused(client):
    config = {"format": outcrop.output_format(ContactData)}
    with pytest.raises(errors.ConfigurationError, match="both say what to answer with"):
        client.messages.parse(output_format=ContactData, **asks(), output_config=config)


def test_a_model_without_structured_outputs_is_told_what_else_there_is(client):
    with pytest.raises(errors.BadRequestError, match="Extra inputs are not permitted") as caught:
        client.messages.parse(
            output_format=ContactData,
            **{**asks(), "model": "global.anthropic.claude-opus-5"},
        )
    assert "a tool that is forced" in caught.value.mend


# Schemas ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("output_type", [*TYPES, list[ContactModel], ContactModel | None])
def test_every_types_schema_is_one_that_claude_takes(output_type):
    schema = outcrop.output_format(output_type)["schema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    check(schema, path="schema")


#: Rules of Anthropic's "Structured outputs", and of `transform_schema` of anthropic 2.12.0.
RESTRICTED = [
    ({"type": "string", "format": "uuid"}, {"type": "string", "format": "uuid"}),
    (
        {"type": "string", "format": "binary"},
        {"type": "string", "description": "{format: binary}"},
    ),
    (
        {"type": "integer", "minimum": 1, "maximum": 10, "description": "A number"},
        {"type": "integer", "description": "A number\n\n{minimum: 1, maximum: 10}"},
    ),
    (
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
        {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "description": "{maxItems: 3}",
        },
    ),
    (
        {"type": "array", "items": {"type": "string"}, "minItems": 2},
        {"type": "array", "items": {"type": "string"}, "description": "{minItems: 2}"},
    ),
    (
        {"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": True},
        {"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": False},
    ),
    ({"oneOf": [{"type": "null"}]}, {"anyOf": [{"type": "null"}]}),
    ({"type": "string", "enum": ["a", "b"]}, {"enum": ["a", "b"]}),
    ({"type": "string", "const": "a", "title": "A"}, {"const": "a", "title": "A"}),
    (
        {"type": ["string", "null"], "maxLength": 3},
        {"anyOf": [{"type": "string", "description": "{maxLength: 3}"}, {"type": "null"}]},
    ),
    (
        {"$ref": "#/$defs/A", "$defs": {"A": {"type": "string"}}},
        {"$ref": "#/$defs/A", "$defs": {"A": {"type": "string"}}},
    ),
    (
        {"$ref": "#/definitions/A", "definitions": {"A": {"type": "string"}}},
        {"$ref": "#/$defs/A", "$defs": {"A": {"type": "string"}}},
    ),
]


@pytest.mark.parametrize(("given", "made"), RESTRICTED)
def test_what_claude_cannot_be_held_to_is_told_in_the_description(given, made):
    before = json.dumps(given)
    assert restrict(given) == made
    assert json.dumps(given) == before
    check(restrict(given), path="schema")


@pytest.mark.parametrize("kind", UNSUPPORTED)
def test_no_unsupported_keyword_is_left(kind):
    values = {"items": {"type": "string"}} if kind == "array" else {}
    for keyword in UNSUPPORTED[kind]:
        if keyword == "prefixItems":
            continue  # an error, since it would mean something else
        made = restrict({"type": kind, **values, keyword: 3})
        assert keyword not in made
        assert f"{keyword}: 3" in made["description"]


def test_the_supported_formats_are_the_official_ones():
    # anthropic 2.12.0, `SupportedStringFormats`.
    official = "date-time time date duration email hostname uri ipv4 ipv6 uuid"
    assert {*official.split()} == FORMATS
