"""What a client records of its calls: by the client itself, against a local Bedrock."""

from __future__ import annotations

import json
import threading

import pytest

from outcrop import ActivityFolder, AnthropicBedrock, AsyncAnthropicBedrock, errors
from outcrop.testing import Refuse, Text, Wait, local_bedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
ASK = {"max_tokens": 64, "messages": [{"role": "user", "content": "Which rock is this?"}]}


def connection(bedrock, **more):
    return {
        "aws_access_key": bedrock.access_key,
        "aws_secret_key": bedrock.secret_key,
        "aws_region": bedrock.region,
        "base_url": bedrock.url,
        "max_retries": 0,
        **more,
    }


def records(folder):
    assert folder.flush()
    lines = [
        line
        for path in sorted(folder.path.glob("*/*/*/*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    return [json.loads(line) for line in lines]


@pytest.fixture
def folder(tmp_path):
    folder = ActivityFolder(tmp_path / "activity")
    yield folder
    folder.close()


@pytest.fixture(params=["invoke", "converse"])
def api(request):
    return request.param


def usage_of(record):
    return {
        "input_tokens": record["input"]["inputTokenCount"],
        "output_tokens": record["output"]["outputTokenCount"],
    }


def told(message):
    return {
        "input_tokens": message.usage.input_tokens,
        "output_tokens": message.usage.output_tokens,
    }


def test_a_call_is_recorded_as_its_reply_tells_it(folder, api):
    with local_bedrock() as bedrock:
        client = AnthropicBedrock(**connection(bedrock, activity=folder, api=api))
        message = client.messages.create(model=MODEL, **ASK)
        (record,) = records(folder)
    assert record["operation"] == {"invoke": "InvokeModel", "converse": "Converse"}[api]
    assert record["modelId"] == MODEL
    assert record["region"] == bedrock.region
    assert record["requestId"] == message._request_id
    assert usage_of(record) == told(message)
    assert record["identity"] == {"accessKeyId": bedrock.access_key}
    assert "Which rock is this?" in json.dumps(record["input"]["inputBodyJson"])
    body = json.dumps(record["output"]["outputBodyJson"])
    assert json.dumps(message.content[0].text)[1:-1] in body
    assert record["outcrop"]["latencyMs"] >= 0
    assert record["outcrop"]["endpoint"] == "global"


def test_a_stream_is_recorded_when_it_is_over(folder, api):
    with local_bedrock() as bedrock:
        client = AnthropicBedrock(**connection(bedrock, activity=folder, api=api))
        with client.messages.stream(model=MODEL, **ASK) as stream:
            next(iter(stream))
            assert folder.written == 0
            message = stream.get_final_message()
        (record,) = records(folder)
    assert record["operation"].endswith("Stream")
    assert usage_of(record) == told(message)
    body = record["output"]["outputBodyJson"]
    assert isinstance(body, list if api == "invoke" else dict)
    assert record["outcrop"]["firstByteMs"] <= record["outcrop"]["latencyMs"]
    assert "incomplete" not in record["outcrop"]


async def test_awaited_calls_are_recorded_too(folder, api):
    with local_bedrock() as bedrock:
        async with AsyncAnthropicBedrock(**connection(bedrock, activity=folder, api=api)) as client:
            message = await client.messages.create(model=MODEL, **ASK)
            async with client.messages.stream(model=MODEL, **ASK) as stream:
                final = await stream.get_final_message()
            events = await client.messages.create(model=MODEL, stream=True, **ASK)
            async for _ in events:
                pass
        found = records(folder)
    assert [usage_of(record) for record in found] == [told(message), told(final), told(final)]


def test_calls_in_boto3_shapes_are_recorded(folder):
    with local_bedrock() as bedrock:
        client = AnthropicBedrock(**connection(bedrock, activity=folder))
        messages = [{"role": "user", "content": [{"text": "Which rock?"}]}]
        more = {"requestMetadata": {"team": "geology"}}
        reply = client.converse(modelId=MODEL, messages=messages, **more)
        *_, end = client.converse_stream(modelId=MODEL, messages=messages, **more)["stream"]
        whole, streamed = records(folder)
    for record, usage in ((whole, reply["usage"]), (streamed, end["metadata"]["usage"])):
        assert record["input"]["inputTokenCount"] == usage["inputTokens"]
        assert record["output"]["outputTokenCount"] == usage["outputTokens"]
        assert record["requestMetadata"] == {"team": "geology"}
        assert record["output"]["outputBodyJson"]["stopReason"] == "end_turn"


def test_a_refused_call_is_recorded_with_aws_name_of_the_error(folder):
    with local_bedrock() as bedrock:
        client = AnthropicBedrock(**connection(bedrock, activity=folder, on_unsupported="send"))
        with pytest.raises(errors.ValidationException):
            client.messages.create(**ASK | {"model": MODEL, "max_tokens": 10**6})
        (record,) = records(folder)
    assert record["errorCode"] == "ValidationException"
    assert "inputTokenCount" not in record["input"]


def test_a_call_that_reached_nobody_is_recorded(folder):
    client = AnthropicBedrock(
        aws_access_key="AKIAIOSFODNN7EXAMPLE",
        aws_secret_key="x",
        aws_region="us-east-1",
        base_url="http://127.0.0.1:9",
        max_retries=0,
        activity=folder,
    )
    with pytest.raises(errors.APIConnectionError):
        client.messages.create(model=MODEL, **ASK)
    (record,) = records(folder)
    assert record["errorCode"] == "APIConnectionError"
    assert record["requestId"].startswith("local-")


def test_a_stream_that_breaks_is_recorded_as_far_as_it_came(folder):
    def answer(ask):
        yield Text("Gran")
        yield Refuse(errors.ThrottlingException("Too many tokens."))

    with local_bedrock(actor=answer) as bedrock:
        client = AnthropicBedrock(**connection(bedrock, activity=folder))
        with pytest.raises(errors.ThrottlingException):
            list(client.messages.create(model=MODEL, stream=True, **ASK))
        (record,) = records(folder)
    assert record["errorCode"] == "ThrottlingException"
    assert record["outcrop"]["incomplete"] is True
    assert "Gran" in json.dumps(record["output"]["outputBodyJson"])


def test_a_stream_that_is_left_is_recorded(folder):
    def answer(ask):
        yield Text("Granite, ")
        yield Wait(2)
        yield Text("most likely.")

    with local_bedrock(actor=answer) as bedrock:
        client = AnthropicBedrock(**connection(bedrock, activity=folder))
        stream = client.messages.create(model=MODEL, stream=True, **ASK)
        stream.close()
        del stream
        (record,) = records(folder)
    assert record["outcrop"]["incomplete"] is True
    assert "errorCode" not in record


def test_only_metadata_is_recorded_if_that_is_asked(tmp_path, api):
    folder = ActivityFolder(tmp_path, content="metadata")
    with local_bedrock() as bedrock:
        client = AnthropicBedrock(**connection(bedrock, activity=folder, api=api))
        message = client.messages.create(model=MODEL, **ASK)
        list(client.messages.create(model=MODEL, stream=True, **ASK))
        found = records(folder)
    folder.close()
    assert [usage_of(record) for record in found] == [told(message)] * 2
    assert all("BodyJson" not in name for record in found for name in record["input"])
    assert all("outputBodyJson" not in record["output"] for record in found)
    assert [record["outcrop"]["stopReason"] for record in found] == ["end_turn"] * 2


def test_redaction_reaches_what_stands_across_two_pieces_of_a_stream(tmp_path):
    def answer(ask):
        yield Text("Write to ali")
        yield Text("ce@example.com.")

    folder = ActivityFolder(tmp_path, content="redacted")
    with local_bedrock(actor=answer) as bedrock:
        client = AnthropicBedrock(**connection(bedrock, activity=folder))
        messages = [{"role": "user", "content": "My card is 4111 1111 1111 1111."}]
        list(client.messages.create(model=MODEL, max_tokens=64, messages=messages, stream=True))
        (record,) = records(folder)
    folder.close()
    written = json.dumps(record)
    assert "example.com" not in written
    assert "4111" not in written
    assert "Write to [email]" in written
    assert "[card number]" in written


def test_without_being_told_nothing_is_recorded(tmp_path, monkeypatch):
    monkeypatch.delenv("OUTCROP_ACTIVITY", raising=False)
    client = AnthropicBedrock(aws_region="us-east-1", api_key="k")
    assert client.activity is None


def test_the_environment_names_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OUTCROP_ACTIVITY", str(tmp_path))
    monkeypatch.setenv("OUTCROP_ACTIVITY_CONTENT", "metadata")
    monkeypatch.setenv("OUTCROP_ACTIVITY_DAYS", "7")
    first = AnthropicBedrock(aws_region="us-east-1", api_key="k")
    second = AnthropicBedrock(aws_region="us-west-2", api_key="k")
    assert first.activity is second.activity
    assert (first.activity.path, first.activity.content, first.activity.retention_days) == (
        tmp_path,
        "metadata",
        7,
    )
    assert AnthropicBedrock(aws_region="us-east-1", api_key="k", activity=False).activity is None
    assert first.with_options(max_retries=1).activity is first.activity


@pytest.mark.parametrize(
    ("name", "value"), [("OUTCROP_ACTIVITY_CONTENT", "all"), ("OUTCROP_ACTIVITY_DAYS", "week")]
)
def test_what_the_environment_says_wrongly_is_refused(tmp_path, monkeypatch, name, value):
    monkeypatch.setenv("OUTCROP_ACTIVITY", str(tmp_path))
    monkeypatch.setenv(name, value)
    with pytest.raises(errors.ConfigurationError, match=value):
        AnthropicBedrock(aws_region="us-east-1", api_key="k")


def test_what_is_no_folder_is_refused():
    with pytest.raises(errors.ConfigurationError, match="activity=5"):
        AnthropicBedrock(aws_region="us-east-1", api_key="k", activity=5)


def test_many_threads_and_clients_share_a_folder(folder):
    with local_bedrock() as bedrock:
        clients = [AnthropicBedrock(**connection(bedrock, activity=folder)) for _ in range(4)]

        def work(client):
            for _ in range(5):
                client.messages.create(model=MODEL, **ASK)

        threads = [threading.Thread(target=work, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = records(folder)
    assert len({record["requestId"] for record in found}) == 20
    assert (folder.written, folder.lost) == (20, 0)
