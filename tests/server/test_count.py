"""CountTokens: what boto3 gets, against the usage that the same request is charged with."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from outcrop.catalog import models
from outcrop.server import runtime
from outcrop.testing import local_bedrock

#: A day on which the models that can be counted for were to be had.
THEN = "2026-01-01"
SONNET_4 = "anthropic.claude-sonnet-4-20250514-v1:0"
NOT_COUNTED = "The provided model doesn't support counting tokens."
TOOL = {
    "name": "look",
    "description": "Looks at a thing.",
    "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}},
}
REQUEST = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 64,
    "system": [{"type": "text", "text": "Be brief, and don't guess."}],
    "messages": [{"role": "user", "content": [{"type": "text", "text": "What is in the sky?"}]}],
    "tools": [TOOL],
}
CONVERSE = {
    "system": [{"text": "Be brief, and don't guess."}],
    "messages": [{"role": "user", "content": [{"text": "What is in the sky?"}]}],
    "toolConfig": {
        "tools": [
            {
                "toolSpec": {
                    "name": "look",
                    "description": "Looks at a thing.",
                    "inputSchema": {"json": TOOL["input_schema"]},
                }
            }
        ]
    },
}


@pytest.fixture(scope="module")
def client():
    with local_bedrock(today=THEN) as server:
        client = boto3.client(
            "bedrock-runtime",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            config=Config(retries={"total_max_attempts": 1}),
        )
        yield client
        client.close()


def count(client, request, model=SONNET_4):
    return client.count_tokens(modelId=model, input=request)["inputTokens"]


def invoked(**changes):
    return {"invokeModel": {"body": json.dumps({**REQUEST, **changes})}}


def refusal(client, request, model=SONNET_4):
    with pytest.raises(ClientError) as caught:
        count(client, request, model)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_count_of_an_invocation_is_what_it_is_charged_with(client):
    reply = client.invoke_model(modelId=f"us.{SONNET_4}", body=json.dumps(REQUEST))
    charged = json.loads(reply["body"].read())["usage"]["input_tokens"]
    assert count(client, invoked()) == charged


def test_the_count_of_a_conversation_is_what_it_is_charged_with(client):
    charged = client.converse(modelId=f"us.{SONNET_4}", **CONVERSE)["usage"]["inputTokens"]
    assert count(client, {"converse": CONVERSE}) == charged


def test_a_model_is_known_by_its_arn_too(client):
    arn = f"arn:aws:bedrock:us-east-1::foundation-model/{SONNET_4}"
    assert count(client, invoked(), arn) == count(client, invoked())


@pytest.mark.parametrize(
    "model",
    [
        f"us.{SONNET_4}",
        f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{SONNET_4}",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "anthropic.claude-3-haiku-20240307-v1:0",
        "global.anthropic.claude-opus-4-8",
    ],
)
def test_profiles_and_other_models_arent_counted_for(client, model):
    assert refusal(client, invoked(), model) == ("ValidationException", NOT_COUNTED)


def test_an_unknown_model_is_told_as_everywhere(client):
    assert refusal(client, invoked(), "anthropic.claude-nobody") == (
        "ValidationException",
        "The provided model identifier is invalid.",
    )


def test_on_the_catalogs_day_most_of_them_have_ended():
    with pytest.raises(runtime.ResourceNotFoundException, match="reached the end of its life"):
        runtime.count_tokens(b"", SONNET_4, region="us-east-1", today=models.as_of())


def test_a_model_that_a_few_regions_still_serve_counts_there():
    body = json.dumps({"input": {"converse": {"messages": CONVERSE["messages"]}}}).encode()
    left = "anthropic.claude-3-7-sonnet-20250219-v1:0"
    assert runtime.count_tokens(body, left, region="eu-west-2", today=models.as_of()) > 0


def test_a_request_that_the_model_would_refuse_is_refused(client):
    body = {key: value for key, value in REQUEST.items() if key != "max_tokens"}
    assert refusal(client, {"invokeModel": {"body": json.dumps(body)}}) == (
        "ValidationException",
        (
            "Malformed input request: #: required key [max_tokens] not found, "
            "please reformat your input and try again."
        ),
    )
    wrong = {**CONVERSE, "additionalModelRequestFields": {"anthropic_beta": ["nobody"]}}
    assert refusal(client, {"converse": wrong}) == (
        "ValidationException",
        "The model returned the following errors: invalid beta flag",
    )


def test_a_prompt_that_is_too_long_is_counted(client):
    long = [{"role": "user", "content": "word " * 250_000}]
    assert count(client, invoked(messages=long)) > models.find(SONNET_4).context


def test_a_model_id_that_is_too_long_is_refused():
    with pytest.raises(runtime.ValidationException, match="less than or equal to 256"):
        runtime.count_tokens(b"", "a" * 257, region="us-east-1", today=THEN)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{}", "Value at 'input' failed to satisfy constraint: Member must not be null"),
        (b'{"input": {}}', "CountTokensInput object at input must set one of the following keys"),
        (
            b'{"input": {"invokeModel": {"body": "e30="}, "converse": {"messages": []}}}',
            "must set one of the following keys: invokeModel, converse.",
        ),
        (b'{"input": {"invokeModel": {}}}', "Value at 'input.invokeModel.body' failed"),
        (b'{"input": {"converse": 1}}', "NUMBER_VALUE can not be converted to an Object"),
    ],
)
def test_a_request_of_another_shape_is_refused(body, words):
    with pytest.raises(runtime.ValidationException) as caught:
        runtime.count_tokens(body, SONNET_4, region="us-east-1", today=THEN)
    assert words in caught.value.message
