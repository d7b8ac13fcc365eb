"""Invocation logging as boto3 sees it: put, got and deleted, and what then lies in the bucket."""

from __future__ import annotations

import base64
import gzip
import json
import socket
from contextlib import contextmanager

import boto3
import pytest
from botocore.exceptions import ClientError

from outcrop.errors import ConfigurationError
from outcrop.server.accounts.state import Accounts
from outcrop.server.identities import ALICE, ROLE_SESSION
from outcrop.server.logs import InvocationLogs, Places
from outcrop.testing import local_bedrock

ACCOUNT = "123456789012"
REGION = "us-east-1"
MODEL = "global.anthropic.claude-opus-4-8"
BASE = f"AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/{REGION}"
TURNS = [{"role": "user", "content": [{"text": "Which rock is this?"}]}]
BODY = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Which rock is this?"}],
}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/BedrockLogs"


@pytest.fixture
def s3(tmp_path):
    """A folder of buckets, with one in it."""
    (tmp_path / "s3" / "my-bucket").mkdir(parents=True)
    return tmp_path / "s3"


@contextmanager
def running(client_of, place, region=REGION, **options):
    """The server, and clients of the control plane and of the runtime."""
    with local_bedrock(s3=place, **options) as server:
        yield server, client_of(server, region), client_of(server, region, "bedrock-runtime")


@pytest.fixture
def server(s3):
    with local_bedrock(s3=s3) as server:
        yield server


@pytest.fixture
def bedrock(server, client_of):
    return client_of(server)


@pytest.fixture
def runtime(server, client_of):
    return client_of(server, service="bedrock-runtime")


def to_bucket(prefix=None, bucket="my-bucket", **switches):
    config = {"bucketName": bucket} | ({} if prefix is None else {"keyPrefix": prefix})
    return {"s3Config": config} | switches


def put(bedrock, config):
    return bedrock.put_model_invocation_logging_configuration(loggingConfig=config)


def got(bedrock):
    reply = bedrock.get_model_invocation_logging_configuration()
    return reply.get("loggingConfig")


def refused(bedrock, config):
    with pytest.raises(ClientError) as caught:
        put(bedrock, config)
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    return error["Message"]


def records(server, folder, count=None, *, kind="BedrockModelInvocationLogs"):
    """What is delivered, in order of its keys.

    Args:
        server: Whose deliveries they are.
        folder: Where they lie.
        count: How many there will be: a client has its reply a moment before it is recorded.
        kind: Which ones.
    """
    if count is not None:
        with server.logs.s3._changed:
            assert server.logs.s3._changed.wait_for(lambda: handed_in(server) >= count, 60)
    assert server.logs.flush(60)
    found = []
    for path in sorted(folder.rglob("*.json.gz")):
        if f"/{kind}/" in str(path) and path.parent.name != "data":
            text = gzip.decompress(path.read_bytes())
            trail = kind == "CloudTrail"
            found += json.loads(text)["Records"] if trail else map(json.loads, text.splitlines())
    return found


def handed_in(server):
    batches = server.logs.s3
    return batches.written + batches.lost + batches.waiting


# Configurations ──────────────────────────────────────────────────────────────────────────────────


def test_logging_is_off_until_it_is_put_and_off_again_when_deleted(bedrock):
    assert got(bedrock) is None
    config = to_bucket("logs", textDataDeliveryEnabled=True, imageDataDeliveryEnabled=False)
    put(bedrock, config)
    assert got(bedrock) == config
    put(bedrock, to_bucket())
    assert got(bedrock) == to_bucket()
    bedrock.delete_model_invocation_logging_configuration()
    assert got(bedrock) is None
    bedrock.delete_model_invocation_logging_configuration()  # as often as one likes


def test_each_region_has_a_configuration_of_its_own(server, client_of):
    put(client_of(server), to_bucket("a"))
    put(client_of(server, "eu-west-1"), to_bucket("b"))
    assert got(client_of(server)) == to_bucket("a")
    assert got(client_of(server, "eu-west-1")) == to_bucket("b")
    assert got(client_of(server, "eu-central-1")) is None


def test_a_configuration_lasts_with_the_state(client_of, s3, tmp_path):
    state = tmp_path / "state"
    with running(client_of, s3, state=state) as (_, bedrock, _):
        put(bedrock, to_bucket("kept", textDataDeliveryEnabled=False))
    with running(client_of, s3, state=state) as (_, bedrock, _):
        assert got(bedrock) == to_bucket("kept", textDataDeliveryEnabled=False)


@pytest.mark.parametrize("prefix", [None, "", "logs", "logs/", "a/b"])
def test_bedrocks_empty_object_lies_under_every_prefix_and_stays(bedrock, s3, prefix):
    put(bedrock, to_bucket(prefix))
    bedrock.delete_model_invocation_logging_configuration()
    checks = list(s3.rglob("amazon-bedrock-logs-permission-check"))
    assert checks == [s3 / "my-bucket" / (prefix or "") / BASE / checks[0].name]
    assert checks[0].read_bytes() == b""


# Refusals ────────────────────────────────────────────────────────────────────────────────────────


def test_a_bucket_that_isnt_there_is_refused_in_words_that_mend(bedrock, s3):
    said = refused(bedrock, to_bucket(bucket="nobodys-bucket"))
    assert said.startswith("Failed to validate permissions for S3 bucket: nobodys-bucket.")
    assert f"mkdir -p '{s3 / 'nobodys-bucket'}'" in said
    assert got(bedrock) is None


def test_a_bucket_that_cant_be_written_is_refused_and_the_old_configuration_stays(bedrock, s3):
    put(bedrock, to_bucket())
    (s3 / "odd-bucket").mkdir()
    (s3 / "odd-bucket" / "AWSLogs").write_text("a file where a folder is wanted")
    assert "Not a directory" in refused(bedrock, to_bucket(bucket="odd-bucket"))
    (s3 / "file-bucket").write_text("no folder")
    assert "isn't a folder" in refused(bedrock, to_bucket(bucket="file-bucket"))
    assert got(bedrock) == to_bucket()


@pytest.mark.parametrize("prefix", ["..", "../other-bucket", "a/../../../up", "a//b"])
def test_no_prefix_leads_out_of_the_bucket(bedrock, s3, prefix):
    before = sorted(s3.parent.rglob("*"))
    assert "my-bucket" in refused(bedrock, to_bucket(prefix))
    assert sorted(s3.parent.rglob("*")) == before


@pytest.mark.parametrize("bucket", ["Upper", "a..b", "../my-bucket", "my-bucket/.."])
def test_what_cant_be_a_buckets_name_is_refused(bedrock, bucket):
    assert "can't be a bucket's name" in refused(bedrock, to_bucket(bucket=bucket))


@pytest.mark.parametrize(
    ("config", "where"),
    [
        (to_bucket(bucket="ab"), "loggingConfig.s3Config.bucketName"),
        ({"s3Config": {}}, "loggingConfig.s3Config.bucketName"),
        (to_bucket("x" * 1025), "loggingConfig.s3Config.keyPrefix"),
        (
            {"cloudWatchConfig": {"logGroupName": "g", "roleArn": "me"}},
            "loggingConfig.cloudWatchConfig.roleArn",
        ),
    ],
)
def test_the_service_models_bounds_hold(bedrock, config, where):
    said = refused(bedrock, config)
    assert said.startswith("1 validation error detected: ")
    assert f"'{where}' failed to satisfy constraint" in said


@pytest.mark.parametrize("config", [{}, {"textDataDeliveryEnabled": True}])
def test_a_destination_is_needed(bedrock, config):
    assert "s3Config or a cloudWatchConfig" in refused(bedrock, config)


def test_without_a_place_the_option_is_named(client_of):
    group = {"cloudWatchConfig": {"logGroupName": "/bedrock", "roleArn": ROLE}}
    with running(client_of, None) as (_, bedrock, _):
        assert "Start it with --s3 DIR" in refused(bedrock, to_bucket())
        assert "Start it with --cloudwatch URL" in refused(bedrock, group)


def test_a_log_group_that_doesnt_answer_is_refused_in_awss_words(client_of, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    group = {"cloudWatchConfig": {"logGroupName": "/bedrock", "roleArn": ROLE}}
    with local_bedrock(cloudwatch=f"http://127.0.0.1:{port}") as server:
        said = refused(client_of(server), group)
    assert said == (
        f"Failed to validate permissions for log group: /bedrock, with role: {ROLE}. "
        "Verify the IAM role permissions are correct."
    )


@pytest.mark.parametrize(
    "given",
    [
        {"s3": "s3://my-bucket"},
        {"s3": "http://127.0.0.1:9000/path"},
        {"s3": "http://me:secret@127.0.0.1"},
        {"cloudwatch": "/a/folder"},
        {"cloudwatch": "http://"},
    ],
)
def test_what_is_no_place_stops_the_start(given):
    with pytest.raises(ConfigurationError) as caught:
        Places(**given)
    assert "secret" not in str(caught.value)


# Records ─────────────────────────────────────────────────────────────────────────────────────────


def call_all(runtime):
    """Every operation once; what the client was told of its tokens, by operation."""
    told = {}
    reply = runtime.invoke_model(modelId=MODEL, body=json.dumps(BODY))
    usage = json.loads(reply["body"].read())["usage"]
    told["InvokeModel"] = usage["input_tokens"], usage["output_tokens"]
    reply = runtime.invoke_model_with_response_stream(modelId=MODEL, body=json.dumps(BODY))
    events = [json.loads(event["chunk"]["bytes"]) for event in reply["body"]]
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    told["InvokeModelWithResponseStream"] = (
        metrics["inputTokenCount"],
        metrics["outputTokenCount"],
    )
    usage = runtime.converse(modelId=MODEL, messages=TURNS)["usage"]
    told["Converse"] = usage["inputTokens"], usage["outputTokens"]
    reply = runtime.converse_stream(modelId=MODEL, messages=TURNS)
    *_, last = reply["stream"]
    usage = last["metadata"]["usage"]
    told["ConverseStream"] = usage["inputTokens"], usage["outputTokens"]
    return told


def test_records_say_what_the_clients_were_told(server, bedrock, runtime, s3):
    put(bedrock, to_bucket("logs"))
    told = call_all(runtime)
    rows = records(server, s3 / "my-bucket" / "logs" / BASE, 4)
    assert {
        row["operation"]: (row["input"]["inputTokenCount"], row["output"]["outputTokenCount"])
        for row in rows
    } == told
    for row in rows:
        assert row["accountId"] == ACCOUNT
        assert row["region"] == REGION
        assert row["modelId"] == MODEL
        assert row["identity"] == {"arn": ALICE.arn}
        assert "Which rock is this?" in json.dumps(row["input"]["inputBodyJson"])
    assert (server.logs.s3.written, server.logs.lost, server.logs.last_error) == (4, 0, None)


def test_a_refused_call_is_recorded_with_its_error(server, bedrock, runtime, s3):
    put(bedrock, to_bucket())
    with pytest.raises(ClientError):
        runtime.converse(modelId="anthropic.claude-nonesuch", messages=TURNS)
    (row,) = records(server, s3, 1)
    assert row["errorCode"] == "ValidationException"
    assert row["modelId"] == "anthropic.claude-nonesuch"
    assert "output" not in row


def test_a_long_body_lies_beside_its_record(server, bedrock, runtime, s3):
    put(bedrock, to_bucket("logs"))
    text = "Granite and gneiss. " * 6000
    turns = [{"role": "user", "content": [{"text": text}]}]
    runtime.converse(modelId=MODEL, messages=turns)
    (row,) = records(server, s3, 1)
    assert "inputBodyJson" not in row["input"]
    path = row["input"]["inputBodyS3Path"]
    assert path.startswith(f"s3://my-bucket/logs/{BASE}/")
    assert path.endswith(f"/data/{row['requestId']}_input.json.gz")
    data = gzip.decompress((s3 / path.removeprefix("s3://")).read_bytes())
    assert json.loads(data)["messages"] == turns
    assert row["output"]["outputBodyJson"]


def test_nothing_is_recorded_before_logging_is_on_or_after_it_is_off(server, bedrock, runtime, s3):
    call_all(runtime)
    put(bedrock, to_bucket())
    bedrock.delete_model_invocation_logging_configuration()
    call_all(runtime)
    assert records(server, s3) == []


def test_without_text_only_the_counts_are_delivered(server, bedrock, runtime, s3):
    put(bedrock, to_bucket(textDataDeliveryEnabled=False))
    told = call_all(runtime)
    rows = records(server, s3, 4)
    assert len(rows) == len(told) == 4
    for row in rows:
        counts = row["input"]["inputTokenCount"], row["output"]["outputTokenCount"]
        assert counts == told[row["operation"]]
        assert "inputBodyJson" not in row["input"]
        assert "outputBodyJson" not in row["output"]


PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.mark.parametrize("switch", [True, False, None])
def test_images_are_delivered_unless_they_are_switched_off(server, bedrock, runtime, s3, switch):
    given = {} if switch is None else {"imageDataDeliveryEnabled": switch}
    put(bedrock, to_bucket(**given))
    picture = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
    turns = [{"role": "user", "content": [{"text": "What is this?"}, picture]}]
    runtime.converse(modelId=MODEL, messages=turns)
    (row,) = records(server, s3, 1)
    words, image = row["input"]["inputBodyJson"]["messages"][0]["content"]
    assert words == {"text": "What is this?"}
    assert image["image"]["format"] == "png"
    kept = image["image"]["source"].get("bytes")
    assert kept == (None if switch is False else base64.b64encode(PIXEL).decode())


def test_a_bucket_that_breaks_while_in_use_fails_no_call(server, bedrock, runtime, s3):
    put(bedrock, to_bucket())
    for path in sorted((s3 / "my-bucket").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (s3 / "my-bucket" / "AWSLogs").write_text("a file where a folder is wanted")
    assert len(call_all(runtime)) == 4
    server.stop()
    assert (server.logs.s3.written, server.logs.s3.lost) == (0, 4)
    assert "Not a directory" in server.logs.last_error


# From the start ──────────────────────────────────────────────────────────────────────────────────


def test_logging_can_be_on_from_the_start_for_whoever_calls(client_of, tmp_path):
    place = tmp_path / "s3"
    with running(client_of, place, "eu-west-1", log_to="s3://all-calls/here") as started:
        server, bedrock, runtime = started
        assert got(bedrock) == to_bucket("here", "all-calls")
        call_all(runtime)
        folder = place / "all-calls" / "here" / "AWSLogs" / ACCOUNT
        assert len(records(server, folder / "BedrockModelInvocationLogs" / "eu-west-1", 4)) == 4
        bedrock.delete_model_invocation_logging_configuration()
        assert got(bedrock) is None
        call_all(runtime)
        assert handed_in(server) == 4


@pytest.mark.parametrize(
    ("log_to", "said"),
    [
        ("/a/folder", "isn't a bucket"),
        ("s3://", "isn't a bucket"),
        ("s3://A", "can't be a bucket's name"),
    ],
)
def test_what_is_no_bucket_stops_the_start(tmp_path, log_to, said):
    with pytest.raises(ConfigurationError, match=said):
        InvocationLogs(Accounts(), Places(s3=tmp_path), log_to=log_to)


def test_a_bucket_needs_a_place_to_be_logged_to():
    with pytest.raises(ConfigurationError, match="Give --s3 or --state"):
        InvocationLogs(Accounts(), Places(), log_to="s3://my-bucket")


# CloudTrail ──────────────────────────────────────────────────────────────────────────────────────


def test_what_the_control_plane_was_asked_is_told_as_cloudtrail_tells_it(server, bedrock, s3):
    bedrock.list_foundation_models()  # before logging is on: nobody hears of it
    put(bedrock, to_bucket("logs"))
    form = json.dumps({"companyName": "Example Ltd", "useCases": "a secret plan"})
    bedrock.put_use_case_for_model_access(formData=form)
    bedrock.get_foundation_model_availability(modelId="anthropic.claude-opus-4-8")
    with pytest.raises(ClientError):
        bedrock.get_foundation_model(modelIdentifier="anthropic.claude-nonesuch")
    bedrock.delete_model_invocation_logging_configuration()
    folder = s3 / "my-bucket" / "logs" / "AWSLogs" / ACCOUNT / "CloudTrail" / REGION
    events = records(server, folder, kind="CloudTrail")
    assert [event["eventName"] for event in events] == [
        "PutModelInvocationLoggingConfiguration",
        "PutUseCaseForModelAccess",
        "GetFoundationModelAvailability",
        "GetFoundationModel",
        "DeleteModelInvocationLoggingConfiguration",
    ]
    logging_on, form_in, availability, unknown, _ = events
    assert logging_on["requestParameters"] == {"loggingConfig": to_bucket("logs")}
    assert form_in["requestParameters"] == {"formData": "HIDDEN_DUE_TO_SECURITY_REASONS"}
    assert "secret" not in json.dumps(events)
    assert availability["requestParameters"] == {"modelId": "anthropic.claude-opus-4-8"}
    assert availability["responseElements"] is None
    assert (unknown["errorCode"], unknown["errorMessage"]) == (
        "ValidationException",
        "The provided model identifier is invalid.",
    )
    assert [event["readOnly"] for event in events] == [False, False, True, True, False]
    # AWS CloudTrail User Guide, "CloudTrail userIdentity element"
    assert form_in["userIdentity"] == {
        "type": "IAMUser",
        "principalId": ALICE.user_id,
        "arn": ALICE.arn,
        "accountId": ACCOUNT,
        "accessKeyId": server.access_key,
        "userName": "Alice",
    }
    for event in events:
        assert event["eventSource"] == "bedrock.amazonaws.com"
        assert event["awsRegion"] == REGION
        assert event["recipientAccountId"] == ACCOUNT


def test_a_roles_session_is_told_as_such(server, bedrock, s3):
    put(bedrock, to_bucket())
    access, secret, token = server.session_credentials
    role = boto3.client(
        "bedrock",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )
    role.list_inference_profiles()
    role.close()
    identity = records(server, s3, kind="CloudTrail")[-1]["userIdentity"]
    assert identity["type"] == "AssumedRole"
    assert identity["arn"] == ROLE_SESSION.arn
    issuer = identity["sessionContext"]["sessionIssuer"]
    assert issuer["arn"] == f"arn:aws:iam::{ACCOUNT}:role/my-role-name"
