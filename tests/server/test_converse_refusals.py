"""What Converse refuses by itself: each documented refusal, sent through boto3, in AWS's words.

Texts: real replies of Amazon Bedrock, as publicly reported; those of constraints are of AWS's
services at large.
"""

from __future__ import annotations

import contextlib
from base64 import b64encode

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from outcrop.testing import local_bedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
LOOK = {"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}
CALL = {"toolUse": {"toolUseId": "tooluse_1", "name": "look", "input": {}}}
OTHER_CALL = {"toolUse": {"toolUseId": "tooluse_2", "name": "look", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "tooluse_1", "content": [{"text": "Nothing."}]}}


@pytest.fixture(scope="module")
def client():
    with local_bedrock() as server:
        client = boto3.client(
            "bedrock-runtime",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )
        yield client
        client.close()


def user(*content):
    return {"role": "user", "content": list(content)}


def claude(*content):
    return {"role": "assistant", "content": list(content)}


def document(name="report", format="txt", source=None, **more):  # noqa: A002 - Converse's name
    source = source or {"bytes": b"Granite is hard."}
    return {"document": {"name": name, "format": format, "source": source, **more}}


HI = {"text": "Hi"}
CITED = {"citations": {"enabled": True}}
VIOLATED = "1 validation error detected: Value {} failed to satisfy constraint: Member must "
NAME = (
    "The document file name can only contain alphanumeric characters, whitespace characters, "
    "hyphens, parentheses, and square brackets. The name can't contain more than one consecutive "
    "whitespace character. Check that the file name conforms to these restrictions and retry your "
    "request."
)

REFUSALS = {
    "assistant first": (
        {"messages": [claude(HI), user(HI)]},
        (
            "A conversation must start with a user message. Try again with a conversation that "
            "starts with a user message."
        ),
    ),
    "blank text": (
        {"messages": [user({"text": " "})]},
        (
            "The text field in the ContentBlock object at messages.0.content.0 is blank. Add text "
            "to the text field, and try again."
        ),
    ),
    "no content": (
        {"messages": [user()]},
        (
            "The content field in the Message object at messages.0 is empty. Add a ContentBlock "
            "object to the content field and try again."
        ),
    ),
    "no tool config": (
        {"messages": [user(HI), claude(CALL), user(RESULT)]},
        "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
    ),
    "missing results": (
        {
            "messages": [user(HI), claude(CALL, OTHER_CALL), user(RESULT)],
            "toolConfig": {"tools": [LOOK]},
        },
        "Expected toolResult blocks at messages.2.content for the following Ids: tooluse_2",
    ),
    "too many results": (
        {"messages": [user(RESULT, HI)], "toolConfig": {"tools": [LOOK]}},
        (
            "The number of toolResult blocks at messages.0.content exceeds the number of toolUse "
            "blocks of previous turn."
        ),
    ),
    "document without text": (
        {"messages": [user(document())]},
        (
            "A text block must be included when using documents. Add a text block and retry your "
            "request."
        ),
    ),
    "document name": ({"messages": [user(HI, document("report.txt"))]}, NAME),
    "document name with two blanks": ({"messages": [user(HI, document("a  b"))]}, NAME),
    "same document names": (
        {"messages": [user(HI, document(), document())]},
        (
            "Messages can't contain duplicate document names. Rename the document and retry your "
            "request."
        ),
    ),
    "six documents": (
        {"messages": [user(HI, *(document(f"report {number}") for number in range(6)))]},
        "You can't include more than 5 documents in a request.",
    ),
    "cited spreadsheet": (
        {"messages": [user(HI, document(format="csv", **CITED))]},
        (
            "Unsupported document format. Only txt and pdf formats are supported when citations "
            "are enabled"
        ),
    ),
    "text as source": (
        {"messages": [user(HI, document(source={"text": "Granite."}))]},
        (
            "DocumentSource object at messages.0.content.1.document.source must set one of the "
            "following keys: bytes, s3Location."
        ),
    ),
    "block of no kind": (
        {"messages": [user({})]},
        (
            "ContentBlock object at messages.0.content.0 must set one of the following keys: text, "
            "image, document, video, audio, toolUse, toolResult, guardContent, cachePoint, "
            "reasoningContent, citationsContent, searchResult, toolAddition, toolRemoval."
        ),
    ),
    "temperature": (
        {"messages": [user(HI)], "inferenceConfig": {"temperature": 99.0}},
        VIOLATED.format("'99.0' at 'inferenceConfig.temperature'")
        + "have value less than or equal to 1",
    ),
    "role": (
        {"messages": [{"role": "robot", "content": [HI]}]},
        VIOLATED.format("'robot' at 'messages.1.member.role'")
        + "satisfy enum value set: [user, assistant, system]",
    ),
    "tool name": (
        {
            "messages": [user(HI)],
            "toolConfig": {"tools": [{"toolSpec": {**LOOK["toolSpec"], "name": "look up"}}]},
        },
        VIOLATED.format("'look up' at 'toolConfig.tools.1.member.toolSpec.name'")
        + "satisfy regular expression pattern: [a-zA-Z0-9_-]+",
    ),
    "two at once": (
        {"messages": [user(HI)], "inferenceConfig": {"maxTokens": 0, "topP": 2.0}},
        (
            "2 validation errors detected: Value '0' at 'inferenceConfig.maxTokens' failed to "
            "satisfy constraint: Member must have value greater than or equal to 1; Value '2.0' at "
            "'inferenceConfig.topP' failed to satisfy constraint: Member must have value less than "
            "or equal to 1"
        ),
    ),
    "missing member": (
        {"messages": [{"content": [HI]}]},
        VIOLATED.format("at 'messages.1.member.role'") + "not be null",
    ),
    "metadata": (
        {"messages": [user(HI)], "requestMetadata": {"team": "rock & roll"}},
        "Request metadata contains a value that violates the regular expression",
    ),
    "too many tokens": (
        {"messages": [user(HI)], "inferenceConfig": {"maxTokens": 999_999}},
        (
            "The maximum tokens you requested exceeds the model limit of 64000. Try again with a "
            "maximum tokens value that is lower than 64000."
        ),
    ),
    "guardrail": (
        {
            "messages": [user(HI)],
            "guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1"},
        },
        "The guardrail identifier or version provided in the request does not exist.",
    ),
    "video": (
        {
            "messages": [
                user(HI, {"video": {"format": "mp4", "source": {"bytes": b"\0"}}}),
            ]
        },
        (
            "The model returned the following errors: messages.0.content.1: Input tag 'video' "
            "found using 'type' does not match any of the expected tags: "
        ),
    ),
}


@pytest.mark.parametrize("operation", ["converse", "converse_stream"])
@pytest.mark.parametrize(("request_", "text"), REFUSALS.values(), ids=REFUSALS)
def test_converse_refuses_in_awss_words(client, operation, request_, text):
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(modelId=MODEL, **request_)
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    if text.endswith(": "):
        assert error["Message"].startswith(text)
    else:
        assert error["Message"] == text


def test_a_member_of_another_type_is_a_serialization_error(client):
    with pytest.raises(ClientError) as caught:
        client.converse(modelId=MODEL, messages=[user(HI)], inferenceConfig={"maxTokens": "many"})
    assert caught.value.response["Error"] == {
        "Code": "SerializationException",
        "Message": "STRING_VALUE can not be converted to an Integer",
    }


@pytest.mark.parametrize("data", ["§", "AA", "AAAA=", "A A=", "a-_b", "data:image/png;base64,AAAA"])
@pytest.mark.parametrize("place", ["image", "reasoning"])
def test_bytes_that_are_not_base64_are_a_serialization_error(client, data, place):
    block = {
        "image": {"image": {"format": "png", "source": {"bytes": b"0123"}}},
        "reasoning": {"reasoningContent": {"redactedContent": b"0123"}},
    }[place]

    def spoil(request, **_):
        request.body = request.body.replace(b64encode(b"0123"), data.encode())
        request.headers["Content-Length"] = str(len(request.body))

    with local_bedrock(auth=False) as server:
        client = boto3.client(
            "bedrock-runtime",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            config=Config(retries={"total_max_attempts": 1}),
        )
        client.meta.events.register("before-send.bedrock-runtime.Converse", spoil)
        with contextlib.closing(client), pytest.raises(ClientError) as caught:
            client.converse(modelId=MODEL, messages=[user(HI, block)])
    assert caught.value.response["Error"] == {
        "Code": "SerializationException",
        "Message": "STRING_VALUE can not be converted to a Blob",
    }


def test_a_cited_text_that_is_not_utf_8_is_refused_in_clear_words(client):
    latin = {"bytes": "Schiefer in Tübingen".encode("latin-1")}
    with pytest.raises(ClientError) as caught:
        client.converse(modelId=MODEL, messages=[user(HI, document(source=latin, **CITED))])
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": (
            "The bytes at messages.0.content.1.document.source.bytes aren't text in UTF-8, and "
            "citations from a txt document are places in its text. Send the text in UTF-8, or "
            "leave citations out."
        ),
    }
    plain = client.converse(modelId=MODEL, messages=[user(HI, document(source=latin))])
    assert plain["stopReason"] == "end_turn"


POINT = {"cachePoint": {"type": "default"}}


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        ({"messages": [user(HI, POINT, POINT)]}, "messages.0.content.2"),
        ({"messages": [user(POINT, HI)]}, "messages.0.content.0"),
        ({"messages": [user(HI)], "system": [HI, POINT, POINT]}, "system.2"),
        ({"messages": [user(HI)], "toolConfig": {"tools": [LOOK, POINT, POINT]}}, "tools.2"),
    ],
)
def test_a_cache_point_after_nothing_of_its_own_is_refused(client, request_, path):
    with pytest.raises(ClientError) as caught:
        client.converse(modelId=MODEL, **request_)
    assert caught.value.response["Error"]["Message"] == (
        f"The model returned the following errors: {path}.type: Field required"
    )


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": [user({"guardContent": {"text": {"text": "Hi"}}})]},
        {"messages": [user(HI)], "system": [{"guardContent": {"text": {"text": "Be brief."}}}]},
        {"messages": [user(HI), user(HI)]},
        {"messages": [user(HI)], "inferenceConfig": {}},
        {"messages": [user(HI)], "requestMetadata": {"team": "rock + roll"}},
        {"messages": [user(HI, {"cachePoint": {"type": "default", "ttl": "1h"}})]},
        {"messages": [user(HI), claude(CALL), user(RESULT)], "toolConfig": {"tools": [LOOK]}},
    ],
)
def test_what_is_in_order_is_answered(client, request_):
    assert client.converse(modelId=MODEL, **request_)["stopReason"] == "end_turn"
