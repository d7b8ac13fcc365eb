"""One program over both APIs, and boto3's shapes without boto3: against the local Bedrock."""

from __future__ import annotations

import json
import warnings
from base64 import b64encode
from io import BytesIO, StringIO

import boto3
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from outcrop import AnthropicBedrock, AsyncAnthropicBedrock, errors
from outcrop.bedrock import boto3_shapes

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def said(text):
    return [{"role": "user", "content": text}]


REQUESTS = {
    "text": {"messages": said("Hello, world"), "system": "Be brief."},
    "stop sequence": {
        "messages": said("[[reply: one two three]]"),
        "stop_sequences": ["two"],
    },
    "cut": {"messages": said("Hello, world"), "max_tokens": 3},
    "tool": {
        "messages": said("What is the weather in Paris?"),
        "tools": [WEATHER],
        "tool_choice": {"type": "any"},
    },
    "sampling": {"messages": said("Hello"), "temperature": 0.5, "top_k": 5},
}


@pytest.fixture
def options(bedrock):
    return {
        "aws_access_key": bedrock.access_key,
        "aws_secret_key": bedrock.secret_key,
        "aws_region": "us-west-2",
        "base_url": bedrock.url,
        "max_retries": 0,
    }


@pytest.fixture
def client(options):
    with AnthropicBedrock(**options, api="converse") as client:
        yield client


@pytest.fixture
def theirs(bedrock):
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=bedrock.url,
        region_name="us-west-2",
        aws_access_key_id=bedrock.access_key,
        aws_secret_access_key=bedrock.secret_key,
    )
    yield client
    client.close()


def told(message):
    """What is the same over both APIs: all but IDs and times."""
    return {
        "role": message.role,
        "model": message.model,
        "content": [{**block.to_dict(), "id": ""} for block in message.content],
        "stop": (message.stop_reason, message.stop_sequence),
        "usage": (message.usage.input_tokens, message.usage.output_tokens),
    }


# One program over both APIs ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_the_reply_is_the_same_over_both_apis(client, request_):
    ask = {"model": MODEL, "max_tokens": 64, **request_}
    converse = client.messages.create(**ask)
    invoke = client.messages.create(**ask, api="invoke")
    assert type(converse) is type(invoke)
    assert told(converse) == told(invoke)
    assert converse.metrics["latencyMs"] >= 0


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_streams_are_the_same_over_both_apis(client, request_):
    ask = {"model": MODEL, "max_tokens": 64, **request_}
    seen = {}
    for api in ("converse", "invoke"):
        with client.messages.stream(**ask, api=api) as stream:
            kinds = [event.type for event in stream]
            seen[api] = kinds, told(stream.get_final_message())
        raw = [event.type for event in client.messages.create(**ask, api=api, stream=True)]
        assert raw[0] == "message_start"
        assert raw[-1] == "message_stop"
    assert seen["converse"] == seen["invoke"]


def test_the_api_is_named_by_the_client_a_copy_or_the_call(options):
    with AnthropicBedrock(**options) as client:
        ask = {"model": MODEL, "max_tokens": 64, "messages": said("Hello")}
        assert not client.messages.create(**ask).id.startswith("msg_0")
        copy = client.with_options(api="converse")
        assert copy.messages.create(**ask).to_dict()["metrics"]
        assert "metrics" not in copy.messages.create(**ask, api="invoke").to_dict()


def test_another_api_is_refused(options):
    with pytest.raises(errors.ConfigurationError, match=r"api='grpc'.*'invoke' or 'converse'"):
        AnthropicBedrock(**options, api="grpc")


@pytest.mark.anyio
async def test_async_speaks_converse_too(options):
    async with AsyncAnthropicBedrock(**options, api="converse") as client:
        ask = {"model": MODEL, "max_tokens": 64, "messages": said("Hello")}
        message = await client.messages.create(**ask)
        async with client.messages.stream(**ask) as stream:
            assert await stream.get_final_text() == message.content[0].text


def test_what_the_model_refuses_is_told_as_such(client):
    with pytest.raises(errors.BadRequestError) as caught:
        client.beta.messages.create(
            model=MODEL, max_tokens=64, messages=said("Hello"), betas=["time-travel-2030-01-01"]
        )
    assert caught.value.message == "The model returned the following errors: invalid beta flag"


def test_a_guardrail_of_invoke_models_headers_reaches_converse(client):
    ask = {"model": MODEL, "max_tokens": 64, "messages": said("Hello")}
    headers = {
        "X-Amzn-Bedrock-GuardrailIdentifier": "abcdefghijkl",
        "X-Amzn-Bedrock-GuardrailVersion": "1",
    }
    for api in ("converse", "invoke"):
        with pytest.raises(errors.BadRequestError, match="guardrail identifier"):
            client.messages.create(**ask, extra_headers=headers, api=api)


PDF = b64encode(b"%PDF-1.4").decode()


def test_a_pdf_that_converse_would_show_as_text_only_is_warned_about(peer):
    client = AnthropicBedrock(
        aws_access_key="a", aws_secret_key="b", aws_region="us-east-1", base_url=peer.url
    )
    block = {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
    }
    ask = {"model": MODEL, "max_tokens": 64, "messages": said([block])}
    for _ in range(3):
        peer.whole(400, b'{"message":"no"}', x_amzn_errortype="ValidationException")
    with (
        pytest.warns(UserWarning, match=r"messages\.0.*'Document 1'.*citations") as warned,
        pytest.raises(errors.BadRequestError),
    ):
        client.messages.create(**ask, api="converse")
    assert warned[0].filename == __file__
    with warnings.catch_warnings(), pytest.raises(errors.BadRequestError):
        warnings.simplefilter("error")
        client.messages.create(**ask, api="invoke")
    block["citations"] = {"enabled": False}  # who says so knows
    with warnings.catch_warnings(), pytest.raises(errors.BadRequestError):
        warnings.simplefilter("error")
        client.messages.create(**ask, api="converse")


# boto3's shapes ──────────────────────────────────────────────────────────────────────────────────

CONVERSE = {
    "modelId": MODEL,
    "messages": [{"role": "user", "content": [{"text": "What is the weather in Paris?"}]}],
    "inferenceConfig": {"maxTokens": 64},
    "toolConfig": {
        "tools": [
            {
                "toolSpec": {
                    "name": "get_weather",
                    "description": WEATHER["description"],
                    "inputSchema": {"json": WEATHER["input_schema"]},
                }
            }
        ],
        "toolChoice": {"any": {}},
    },
}


def settled(value):
    """Without what differs from call to call."""
    if isinstance(value, dict):
        moving = ("ResponseMetadata", "metrics", "toolUseId", "stream")
        return {key: settled(item) for key, item in value.items() if key not in moving}
    return [settled(item) for item in value] if isinstance(value, list) else value


def contains(ours, theirs):
    """Whether ours has all that theirs has: boto3 drops what its shapes don't know."""
    if isinstance(theirs, dict):
        return all(key in ours and contains(ours[key], item) for key, item in theirs.items())
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(contains, ours, theirs))
    return ours == theirs


def test_converse_gives_what_boto3_gives(client, theirs):
    ours, reference = client.converse(**CONVERSE), theirs.converse(**CONVERSE)
    assert contains(settled(ours), settled(reference))
    metadata = ours["ResponseMetadata"]
    assert metadata.keys() == reference["ResponseMetadata"].keys()
    assert metadata["RequestId"] == metadata["HTTPHeaders"]["x-amzn-requestid"]
    assert (metadata["HTTPStatusCode"], metadata["RetryAttempts"]) == (200, 0)


def test_converse_stream_gives_what_boto3_gives(client, theirs):
    ours = client.converse_stream(**CONVERSE)
    reference = theirs.converse_stream(**CONVERSE)
    events = [settled(event) for event in ours["stream"]]
    assert contains(events, [settled(event) for event in reference["stream"]])
    assert "metadata" in events[-1]
    assert not ours["stream"]._kept


@pytest.mark.anyio
async def test_async_converse_gives_the_same(options, client):
    async with AsyncAnthropicBedrock(**options) as other:
        ours = await other.converse(**CONVERSE)
        assert settled(ours) == settled(client.converse(**CONVERSE))
        reply = await other.converse_stream(**CONVERSE)
        kinds = [next(iter(event)) async for event in reply["stream"]]
        assert (kinds[0], kinds[-1]) == ("messageStart", "metadata")
        assert not reply["stream"]._kept


def test_a_wrong_keyword_of_converse_is_named(client):
    with pytest.raises(TypeError, match=r"'modelID'.*Did you mean 'modelId'"):
        client.converse(modelID=MODEL)
    with pytest.raises(TypeError, match="modelId"):
        client.converse(messages=[])


def test_errors_of_converse_are_the_clients(client):
    with pytest.raises(errors.BadRequestError) as caught:
        client.converse(modelId="nobody", messages=CONVERSE["messages"])
    assert caught.value.aws_name == "ValidationException"


CONVERSE_MODEL = ServiceModel(
    Loader().load_service_model("bedrock-runtime", "service-2"), "bedrock-runtime"
).operation_model("Converse")


def blobs(shape, make, seen=frozenset()):
    """A value for each blob that a shape has, with what `make` gives in its place."""
    if shape.type_name == "blob":
        yield make()
    elif shape.name in seen:
        return
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            for value in blobs(member, make, seen | {shape.name}):
                yield {name: value}
    elif shape.type_name == "list":
        for value in blobs(shape.member, make, seen | {shape.name}):
            yield [value]


@pytest.mark.parametrize(
    "make",
    [lambda: b"\x00\xff", lambda: bytearray(b"\x00\xff"), lambda: "né", lambda: ""],
    ids=["bytes", "bytearray", "text", "empty"],
)
def test_blobs_go_as_boto3_sends_them(make):
    asks = list(blobs(CONVERSE_MODEL.input_shape, make))
    assert len(asks) == 10
    serializer = create_serializer("rest-json", include_validation=False)
    for ask in asks:
        before = repr(ask)
        theirs = serializer.serialize_to_request({"modelId": "m", **ask}, CONVERSE_MODEL)["body"]
        assert json.loads(boto3_shapes.write_ask(ask)) == json.loads(theirs)
        assert repr(ask) == before


def test_blobs_come_back_as_boto3_gives_them():
    replies = list(blobs(CONVERSE_MODEL.output_shape, lambda: "AP8="))
    assert len(replies) == 9
    for reply in replies:
        body = json.dumps(reply).encode()
        response = {"status_code": 200, "headers": {}, "body": body}
        theirs = create_parser("rest-json").parse(response, CONVERSE_MODEL.output_shape)
        assert boto3_shapes.read_reply(body)["output"] == theirs["output"]


@pytest.mark.parametrize("data", ["\ud800", StringIO("\ud800")])
def test_a_text_that_has_no_bytes_is_refused(data):
    with pytest.raises(errors.RequestError, match="surrogates"):
        boto3_shapes.write_ask(
            {"system": [{"guardContent": {"image": {"source": {"bytes": data}}}}]}
        )


def test_bytes_go_as_base64_and_come_back_as_bytes():
    for given in (b"\x00\xff", bytearray(b"\x00\xff"), BytesIO(b"\x00\xff")):
        assert boto3_shapes.write_ask({"bytes": given}) == b'{"bytes":"AP8="}'
    assert boto3_shapes.write_ask({"bytes": StringIO("né")}) == b'{"bytes":"bsOp"}'
    body = (
        b'{"output":{"message":{"content":['
        b'{"reasoningContent":{"redactedContent":"AP8="}},'
        b'{"image":{"format":"png","source":{"bytes":"AP8="}}},'
        b'{"toolUse":{"input":{"bytes":"AP8="}}}]}}}'
    )
    content = boto3_shapes.read_reply(body)["output"]["message"]["content"]
    assert content[0]["reasoningContent"]["redactedContent"] == b"\x00\xff"
    assert content[1]["image"]["source"]["bytes"] == b"\x00\xff"
    assert content[2]["toolUse"]["input"]["bytes"] == "AP8="  # free JSON stays as it is
