"""Deliveries judged by stores that we didn't write: moto's S3 and CloudWatch Logs, read by boto3.

moto checks no signatures and no bucket policies: what it can't judge isn't asked here.
Source: moto 5 (PyPI), `moto/server.py`.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import subprocess
import time
import urllib.request
from urllib.error import URLError

import boto3
import pytest
from botocore.exceptions import ClientError

import outcrop.activity
from outcrop.activity import compacted, words
from outcrop.delivery.stores import open_store
from outcrop.errors import ConfigurationError
from outcrop.testing import local_bedrock

ACCOUNT = "123456789012"
REGION = "us-west-2"
MODEL = "global.anthropic.claude-opus-4-8"
GROUP = "/aws/bedrock/invocations"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/BedrockLogs"
STREAM = "aws/bedrock/modelinvocations"


@pytest.fixture(scope="module")
def moto(python_of, scratch_environ, tmp_path_factory):
    """Where moto listens: a free port of this machine, no other."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("moto") / "log"
    command = [str(python_of("moto").parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with (
        log.open("wb") as out,
        subprocess.Popen(command, env=scratch_environ, stdout=out, stderr=out) as process,
    ):
        try:
            wait_until_ready(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_until_ready(url, process, log):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            opener.open(f"{url}/moto-api/data.json", timeout=5).close()
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"moto isn't ready:\n{log.read_text()[-2000:]}", pytrace=False)


@pytest.fixture
def keys(monkeypatch):
    """Keys for the stores, and nothing else of the developer's."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "ANTHROPIC_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def client_at(keys):
    opened = []

    def client(service, url):
        opened.append(boto3.client(service, endpoint_url=url, region_name=REGION))
        return opened[-1]

    yield client
    for each in opened:
        each.close()


@pytest.fixture
def s3(moto, client_at):
    """boto3's client of an S3 with the buckets that are used here."""
    client = client_at("s3", moto)
    for name in ("my-bucket", "large-bucket"):
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    yield client
    urllib.request.urlopen(
        urllib.request.Request(f"{moto}/moto-api/reset", method="POST"), timeout=10
    ).close()


@pytest.fixture
def logs(moto, client_at):
    client = client_at("logs", moto)
    client.create_log_group(logGroupName=GROUP)
    return client


@pytest.fixture
def bedrock(moto, keys):
    with local_bedrock(region=REGION, s3=moto, cloudwatch=moto) as server:
        yield server


def keys_in(s3, bucket="my-bucket"):
    return [row["Key"] for row in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def body_of(s3, key, bucket="my-bucket"):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def events_in(logs):
    """The stream's messages, without the line that Bedrock writes when logging is configured."""
    found = logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, startFromHead=True)
    messages = [event["message"] for event in found["events"]]
    messages.remove("Permissions are correctly set for Amazon Bedrock logs.")
    return messages


def put(bedrock, client_at, config):
    client_at("bedrock", bedrock.url).put_model_invocation_logging_configuration(
        loggingConfig=config
    )


def converse(bedrock, client_at, text="Hello!"):
    turns = [{"role": "user", "content": [{"text": text}]}]
    return client_at("bedrock-runtime", bedrock.url).converse(modelId=MODEL, messages=turns)


def finish(bedrock):
    """Ends the server, and with it every delivery."""
    bedrock.stop()
    assert (bedrock.logs.lost, bedrock.logs.last_error) == (0, None)


def test_a_bucket_gets_awss_objects(bedrock, s3, client_at):
    put(bedrock, client_at, {"s3Config": {"bucketName": "my-bucket", "keyPrefix": "logs"}})
    base = f"logs/AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/{REGION}/"
    check = f"{base}amazon-bedrock-logs-permission-check"
    assert keys_in(s3) == [check]
    assert body_of(s3, check) == b""
    told = converse(bedrock, client_at)
    finish(bedrock)
    (key,) = [key for key in keys_in(s3) if key.startswith(base) and key != check]
    assert re.fullmatch(
        r"\d{4}/\d\d/\d\d/\d\d/\d{8}T\d{9}Z_[0-9a-f]{16}\.json\.gz", key[len(base) :]
    )
    (line,) = gzip.decompress(body_of(s3, key)).splitlines()
    record = json.loads(line)
    assert record["output"]["outputTokenCount"] == told["usage"]["outputTokens"]
    assert record["output"]["outputBodyJson"]["output"] == told["output"]


def test_a_long_body_lies_where_its_record_says(bedrock, s3, client_at):
    put(bedrock, client_at, {"s3Config": {"bucketName": "my-bucket"}})
    text = "Granite and gneiss. " * 8000
    converse(bedrock, client_at, text)
    finish(bedrock)
    pattern = re.compile(r".*/\d{8}T\d{9}Z_[0-9a-f]+\.json\.gz")
    (key,) = filter(pattern.fullmatch, [key for key in keys_in(s3) if "CloudTrail" not in key])
    record = json.loads(gzip.decompress(body_of(s3, key)))
    bucket, _, key = record["input"]["inputBodyS3Path"].removeprefix("s3://").partition("/")
    body = json.loads(gzip.decompress(body_of(s3, key, bucket)))
    assert body["messages"][0]["content"] == [{"text": text}]


def test_a_bucket_that_isnt_there_is_refused(bedrock, s3, client_at):
    with pytest.raises(ClientError, match=r"S3 bucket: nobodys-bucket.*NoSuchBucket"):
        put(bedrock, client_at, {"s3Config": {"bucketName": "nobodys-bucket"}})
    finish(bedrock)


def test_a_log_group_gets_a_record_an_event(bedrock, s3, logs, client_at):
    group = {
        "logGroupName": GROUP,
        "roleArn": ROLE,
        "largeDataDeliveryS3Config": {"bucketName": "large-bucket"},
    }
    put(bedrock, client_at, {"cloudWatchConfig": group})
    texts = ["Hello!", "Granite and gneiss. " * 8000]
    told = [converse(bedrock, client_at, text) for text in texts]
    finish(bedrock)
    messages = events_in(logs)
    short, long = sorted(
        map(json.loads, messages), key=lambda row: "inputBodyS3Path" in row["input"]
    )
    assert short["input"]["inputBodyJson"]["messages"][0]["content"] == [{"text": "Hello!"}]
    for record, reply in zip((short, long), told, strict=True):
        assert record["output"]["outputTokenCount"] == reply["usage"]["outputTokens"]
    bucket, _, key = long["input"]["inputBodyS3Path"].removeprefix("s3://").partition("/")
    assert bucket == "large-bucket"
    body = json.loads(gzip.decompress(body_of(s3, key, bucket)))
    assert body["messages"][0]["content"] == [{"text": texts[1]}]
    assert not [key for key in keys_in(s3, bucket) if key.endswith("_output.json.gz")]


def test_both_destinations_get_every_record(bedrock, s3, logs, client_at):
    both = {
        "s3Config": {"bucketName": "my-bucket"},
        "cloudWatchConfig": {"logGroupName": GROUP, "roleArn": ROLE},
    }
    put(bedrock, client_at, both)
    for _ in range(3):
        converse(bedrock, client_at)
    finish(bedrock)
    events = [json.loads(message) for message in events_in(logs)]
    lines = [
        json.loads(line)
        for key in keys_in(s3)
        if "_" in key.rpartition("/")[2] and "CloudTrail" not in key
        for line in gzip.decompress(body_of(s3, key)).splitlines()
    ]
    assert sorted(events, key=str) == sorted(lines, key=str)
    assert len(lines) == 3


def test_a_log_group_that_isnt_there_is_refused_in_awss_words(bedrock, client_at):
    group = {"logGroupName": "/nobodys/group", "roleArn": ROLE}
    said = f"Failed to validate permissions for log group: /nobodys/group, with role: {ROLE}. "
    with pytest.raises(ClientError, match=re.escape(said + "Verify the IAM role permissions")):
        put(bedrock, client_at, {"cloudWatchConfig": group})


def test_a_bucket_that_vanishes_is_counted_and_told(bedrock, s3, client_at):
    put(bedrock, client_at, {"s3Config": {"bucketName": "my-bucket"}})
    for key in keys_in(s3):
        s3.delete_object(Bucket="my-bucket", Key=key)
    assert bedrock.logs.flush(60)
    for key in keys_in(s3):
        s3.delete_object(Bucket="my-bucket", Key=key)
    s3.delete_bucket(Bucket="my-bucket")
    assert converse(bedrock, client_at)["output"]
    bedrock.stop()
    assert (bedrock.logs.s3.written, bedrock.logs.s3.lost) == (0, 1)
    assert bedrock.logs.last_error.startswith("NoSuchBucket: ")


def test_what_was_delivered_can_be_read_back_by_the_same_name(s3, moto):
    for place, bucket in [(f"{moto}/my-bucket/some/where", None), (moto, "my-bucket")]:
        store = open_store(place, bucket=bucket, region=REGION)
        store.put("a/b", b"1")
        assert bytes(store.get("a/b").bytes()) == b"1"
    assert keys_in(s3) == ["a/b", "some/where/a/b"]


# Reading what lies in a bucket ───────────────────────────────────────────────────────────────────

QUESTION = """SELECT model, endpoint, operation, count(*) AS calls, sum(cost) AS cost,
    sum(input_tokens)::BIGINT AS read, sum(output_tokens)::BIGINT AS written
    FROM calls GROUP BY ALL ORDER BY ALL"""


@pytest.fixture
def at_moto(moto, monkeypatch):
    """S3 is moto, as botocore's environment says it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.setenv("AWS_REGION", REGION)


def ask(place, question=QUESTION, **given):
    with outcrop.activity.open(place, **given) as log:
        rows = log.rows(question)
        assert log.damaged == []
        return rows


def delivered(bedrock, client_at, s3, *texts):
    """Usage of the replies to some texts, whose records are in the bucket then."""
    put(bedrock, client_at, {"s3Config": {"bucketName": "my-bucket", "keyPrefix": "logs"}})
    told = [converse(bedrock, client_at, text)["usage"] for text in texts]
    finish(bedrock)
    return told


def put_hour(s3, hour, *, day="2026/11/20", text=None):
    """An object of a day's hour, as AWS names it, with one record."""
    record = {
        "timestamp": f"{day.replace('/', '-')}T{hour:02}:30:00Z",
        "requestId": f"r-{hour}",
        "operation": "InvokeModel",
        "modelId": MODEL,
        "region": REGION,
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
    }
    stamp = f"{day.replace('/', '')}T{hour:02}3500000Z_{hour:016x}"
    base = f"logs/AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/{REGION}"
    body = gzip.compress(json.dumps(record).encode()) if text is None else text
    s3.put_object(Bucket="my-bucket", Key=f"{base}/{day}/{hour:02}/{stamp}.json.gz", Body=body)


def test_a_buckets_records_have_the_figures_of_the_replies(bedrock, s3, client_at, moto, at_moto):
    usages = delivered(bedrock, client_at, s3, "Hello!", "Granite and gneiss.", "Basalt. " * 20_000)
    [row] = ask("s3://my-bucket/logs")
    assert (row["operation"], row["calls"]) == ("Converse", 3)
    assert row["read"] == sum(usage["inputTokens"] for usage in usages)
    assert row["written"] == sum(usage["outputTokens"] for usage in usages)
    for place in ("s3://my-bucket", f"{moto}/my-bucket/logs", f"{moto}/my-bucket"):
        assert ask(place) == [row]


def test_a_buckets_words_are_found_and_shown(bedrock, s3, client_at, at_moto):
    delivered(bedrock, client_at, s3, "Granite and gneiss.", "Basalt. " * 20_000)
    with outcrop.activity.open("s3://my-bucket/logs") as log:
        [found] = words.search(log, "and GNEISS")
        told = words.conversation(log, found.request_id)
        assert "Granite and gneiss." in json.dumps(told["turns"])
        [long] = log.rows("SELECT request_id FROM contents WHERE input_path IS NOT NULL")
        told = words.conversation(log, long["request_id"])
        assert json.dumps(told["turns"][0]).count("Basalt. ") == 20_000
        assert not told["missing"]


def test_only_a_buckets_hours_that_are_asked_for_are_fetched(s3, moto, at_moto):
    for hour in (8, 10, 11):
        put_hour(s3, hour)
    put_hour(s3, 3, text=b"were this fetched, it would be damage")
    put_hour(s3, 3, day="2026/10/01", text=b"and this, too")
    span = {"since": "2026-11-20T10:00:00Z", "until": "2026-11-20T11:00:00Z"}
    rows = ask("s3://my-bucket/logs", "SELECT request_id FROM calls", **span)
    assert rows == [{"request_id": "r-10"}]


def test_a_buckets_days_are_compacted_and_count_once(bedrock, s3, client_at, at_moto, tmp_path):
    delivered(bedrock, client_at, s3, "Hello!", "Granite and gneiss.")
    place = "s3://my-bucket/logs"
    before = ask(place)
    told = compacted.compact(place, to=str(tmp_path), now=time.time())
    assert told.records == 2
    assert ask(tmp_path) == ask([tmp_path, place]) == before
    for path in tmp_path.rglob("*.parquet"):
        key = f"logs/compacted/{path.relative_to(tmp_path).as_posix()}"
        s3.upload_file(str(path), "my-bucket", key)
    assert ask(place) == ask(f"{place}/compacted") == before


def test_a_damaged_object_is_told_by_its_url(s3, at_moto):
    put_hour(s3, 10)
    put_hour(s3, 11, text=gzip.compress(b'{"timestamp":"2026-11-20T11:00:00Z"}\n' * 99)[:-20])
    with outcrop.activity.open("s3://my-bucket/logs") as log:
        assert log.rows("SELECT count(*) AS n FROM calls WHERE request_id = 'r-10'") == [{"n": 1}]
        [damaged] = log.damaged
    assert damaged.file.startswith("s3://my-bucket/logs/AWSLogs/")
    assert damaged.reason == "it is cut off"


def test_an_object_that_vanishes_is_told_and_costs_no_other(s3, at_moto):
    put_hour(s3, 10)
    put_hour(s3, 11)
    with outcrop.activity.open("s3://my-bucket/logs") as log:
        [gone] = [key for key in keys_in(s3) if "/11/20261120" in key]
        s3.delete_object(Bucket="my-bucket", Key=gone)
        assert log.rows("SELECT request_id FROM calls") == [{"request_id": "r-10"}]
        [damaged] = log.damaged
    assert (damaged.file, damaged.records_read) == (f"s3://my-bucket/{gone}", 0)


def test_a_bucket_that_isnt_there_to_read_is_named(s3, at_moto):
    with pytest.raises(
        ConfigurationError, match=r"nobodys-bucket/logs can't be listed: NoSuchBucket"
    ):
        outcrop.activity.open("s3://nobodys-bucket/logs")


def test_processes_read_a_bucket_too(s3, at_moto, monkeypatch):
    for hour in range(6):
        put_hour(s3, hour)
    before = ask("s3://my-bucket/logs", "SELECT * FROM calls ORDER BY time")
    monkeypatch.setattr("outcrop.activity.engine.PARALLEL_BYTES", 0)
    assert ask("s3://my-bucket/logs", "SELECT * FROM calls ORDER BY time") == before
    assert len(before) == 6


def test_a_log_groups_events_are_read_as_they_were_saved(bedrock, s3, logs, client_at, tmp_path):
    """`aws logs get-log-events --query 'events[].message' --output text`, line by line."""
    put(bedrock, client_at, {"cloudWatchConfig": {"logGroupName": GROUP, "roleArn": ROLE}})
    usage = converse(bedrock, client_at)["usage"]
    finish(bedrock)
    found = logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, startFromHead=True)
    saved = tmp_path / "events.jsonl"
    saved.write_text("".join(event["message"] + "\n" for event in found["events"]))
    [row] = ask(saved)
    assert (row["calls"], row["read"]) == (1, usage["inputTokens"])
