"""The CountTokens dialect: what one half writes, the other reads; botocore judges the shapes."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
from botocore.parsers import RestJSONParser
from botocore.session import Session

from outcrop.bedrock import converse, count
from outcrop.errors import APIResponseValidationError, ValidationException

OPERATION = Session().get_service_model("bedrock-runtime").operation_model("CountTokens")
MEMBERS = OPERATION.input_shape.members["input"].members["converse"].members

REQUEST = {
    "model": "anthropic.claude-sonnet-4-20250514-v1:0",
    "max_tokens": 64,
    "temperature": 0.5,
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    "tools": [{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}],
}
PRICED = ("system", "messages", "tools")


@pytest.mark.parametrize("api", ["invoke", "converse"])
def test_what_has_a_price_arrives_in_either_envelope(api):
    told, document = count.read_ask(json.loads(count.write_ask(REQUEST, api=api)))
    assert told == api
    if api == "converse":
        document, _ = converse.read_ask(document)
    assert {name: document[name] for name in PRICED} == {name: REQUEST[name] for name in PRICED}


def test_a_converse_envelope_has_the_members_of_the_service_model_and_no_others():
    assert set(count.CONVERSE_MEMBERS) == set(MEMBERS)
    given = json.loads(count.write_ask({**REQUEST, "top_k": 5}, api="converse"))
    assert set(given["input"]["converse"]) == set(MEMBERS)


def test_an_invoke_model_envelope_holds_the_body_of_invoke_model():
    given = json.loads(count.write_ask(REQUEST, api="invoke"))["input"]["invokeModel"]
    body = json.loads(b64decode(given["body"]))
    assert body.pop("anthropic_version") == "bedrock-2023-05-31"
    assert body == {name: REQUEST[name] for name in REQUEST if name != "model"}


def test_max_tokens_may_be_left_out_of_what_is_counted():
    thinking = {"type": "enabled", "budget_tokens": 2048}
    for more, least in (({}, 1), ({"thinking": thinking}, 2049)):
        request = {name: REQUEST[name] for name in PRICED} | more
        _, document = count.read_ask(json.loads(count.write_ask(request, api="invoke")))
        assert document["max_tokens"] == least
        count.write_ask(request, api="converse")


def test_botocore_reads_the_reply_and_so_do_we():
    headers, body = count.write_reply(1234)
    parsed = RestJSONParser().parse(
        {"status_code": 200, "headers": dict(headers), "body": body}, OPERATION.output_shape
    )
    assert parsed["inputTokens"] == count.read_reply(body) == 1234


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"inputTokens":"many"}'])
def test_a_reply_without_a_number_isnt_one(body):
    with pytest.raises(APIResponseValidationError, match="inputTokens"):
        count.read_reply(body)


@pytest.mark.parametrize("body", ["*", "", "W10="])
def test_a_body_that_isnt_an_object_in_base64_is_malformed(body):
    with pytest.raises(ValidationException, match="Malformed input request"):
        count.read_ask({"input": {"invokeModel": {"body": body}}})
