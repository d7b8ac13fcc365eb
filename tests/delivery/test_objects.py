"""AWS's objects: what lies where, and what lies beside it."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from outcrop.bedrock.invocation_log import MAX_INLINE_BODY
from outcrop.delivery.batches import Packing
from outcrop.delivery.objects import Folder, Objects

FOLDER = Folder("my-bucket", "some/where", "123456789012", "us-east-1")
#: Amazon Bedrock User Guide, and published keys of real buckets.
KEY = re.compile(
    r"some/where/AWSLogs/123456789012/BedrockModelInvocationLogs/us-east-1/2026/11/23/01/"
    r"20261123T01\d{7}Z_[0-9a-f]{16}\.json\.gz"
)


class Shelf(dict):
    def put(self, path, file):
        self[path] = bytes(file)


def record(number=0, *, time="01:23:45", **sides):
    return {"timestamp": f"2026-11-23T{time}Z", "requestId": f"r-{number}", **sides}


def packed(*records, folder=FOLDER):
    shelf = Shelf()
    objects = Objects(lambda bucket, region: shelf)
    for parcel in objects.pack(folder, [Packing(row, 1) for row in records]):
        assert parcel.send() == 0
    return shelf


def lines(data):
    return [json.loads(line) for line in gzip.decompress(data).splitlines()]


def test_records_lie_as_gzip_of_json_lines_under_awss_key():
    shelf = packed(record(1), record(2))
    ((key, data),) = shelf.items()
    assert KEY.fullmatch(key)
    assert lines(data) == [record(1), record(2)]


def test_each_hour_has_an_object_of_its_own():
    shelf = packed(record(1, time="01:59:59"), record(2, time="02:00:00"), record(3))
    hours = {key.split("/")[-2]: lines(data) for key, data in shelf.items()}
    assert {hour: [row["requestId"] for row in rows] for hour, rows in hours.items()} == {
        "01": ["r-1", "r-3"],
        "02": ["r-2"],
    }


@pytest.mark.parametrize("prefix", ["", "/", "logs", "/logs/", "a/b"])
def test_a_prefix_is_what_the_key_begins_with(prefix):
    folder = Folder("my-bucket", prefix, "123456789012", "us-east-1")
    (key,) = packed(record(), folder=folder)
    start = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    assert key.startswith(f"{start}AWSLogs/123456789012/BedrockModelInvocationLogs/us-east-1/")


def text_of(length):
    return "x" * (length - 2)  # in JSON with two quotes


def test_a_body_of_100_kb_stays_and_a_longer_one_lies_beside():
    whole = {"inputBodyJson": text_of(MAX_INLINE_BODY), "inputTokenCount": 3}
    long = {"outputBodyJson": text_of(MAX_INLINE_BODY + 1), "outputTokenCount": 4}
    shelf = packed(record(7, input=dict(whole), output=dict(long)))
    beside = (
        "some/where/AWSLogs/123456789012/BedrockModelInvocationLogs/us-east-1/2026/11/23/01/"
        "data/r-7_output.json.gz"
    )
    assert next(iter(shelf)) == beside  # first: a record never names what isn't there
    assert json.loads(gzip.decompress(shelf[beside])) == long["outputBodyJson"]
    (row,) = lines(shelf[list(shelf)[1]])
    assert row["input"] == whole
    assert row["output"] == {
        "outputTokenCount": 4,
        "outputBodyS3Path": f"s3://my-bucket/{beside}",
    }


def test_no_request_id_leads_out_of_its_folder():
    body = {"inputBodyJson": text_of(MAX_INLINE_BODY + 1)}
    shelf = packed(record("/../../up", input=body))
    assert re.search(r"/data/[0-9a-f]{32}_input\.json\.gz$", next(iter(shelf)))


def test_cloudtrails_events_lie_under_cloudtrails_key():
    shelf = Shelf()
    objects = Objects(lambda bucket, region: shelf)
    events = [{"eventTime": "2026-11-23T01:23:45Z", "eventName": "ListFoundationModels"}]
    (parcel,) = objects.pack_trail(FOLDER, [Packing(event, 1) for event in events])
    parcel.send()
    ((key, data),) = shelf.items()
    # AWS CloudTrail User Guide, "CloudTrail log file name format"
    assert re.fullmatch(
        r"some/where/AWSLogs/123456789012/CloudTrail/us-east-1/2026/11/23/"
        r"123456789012_CloudTrail_us-east-1_20261123T0123Z_[0-9A-Za-z]{16}\.json\.gz",
        key,
    )
    assert json.loads(gzip.decompress(data)) == {"Records": events}
