"""Calls of PutLogEvents: within its bounds, whatever the records; and what happens to the rest."""

from __future__ import annotations

import json

from botocore.session import Session
from hypothesis import given, strategies as st

from outcrop.bedrock.invocation_log import MAX_INLINE_BODY
from outcrop.delivery.batches import Packing
from outcrop.delivery.cloudwatch import GREETING, LogEvents, LogGroup
from outcrop.delivery.objects import Folder, Objects

GROUP = LogGroup("/aws/bedrock", "us-east-1")
DATA = Folder("large", "big", "123456789012", "us-east-1")


class Logs:
    """CloudWatch Logs as far as botocore's documentation of PutLogEvents describes it."""

    def __init__(self, *, stream=True, reply=None):
        client = Session().create_client(
            "logs", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        self.exceptions = client.exceptions
        self.stream = stream
        self.reply = reply or {}
        self.batches = []

    def create_log_stream(self, *, logGroupName, logStreamName):  # noqa: N803 - AWS's names
        assert (logGroupName, logStreamName) == ("/aws/bedrock", "aws/bedrock/modelinvocations")
        if self.stream:
            raise self.exceptions.ResourceAlreadyExistsException({}, "CreateLogStream")
        self.stream = True

    def put_log_events(self, *, logGroupName, logStreamName, logEvents):  # noqa: N803 - the same
        assert (logGroupName, logStreamName) == ("/aws/bedrock", "aws/bedrock/modelinvocations")
        if not self.stream:
            raise self.exceptions.ResourceNotFoundException({}, "PutLogEvents")
        times = [event["timestamp"] for event in logEvents]
        sizes = [len(event["message"].encode()) for event in logEvents]
        assert 1 <= len(logEvents) <= 10_000
        assert sum(sizes) + 26 * len(sizes) <= 1_048_576
        assert max(sizes) <= 1_000_000
        assert times == sorted(times)
        assert times[-1] - times[0] < 24 * 3600 * 1000
        self.batches.append(logEvents)
        return self.reply


class Shelf(dict):
    def put(self, path, file):
        self[path] = bytes(file)


def record(number=0, *, time="2026-11-23T01:23:45Z", **sides):
    return {"timestamp": time, "requestId": f"r-{number}", **sides}


def send(logs, records, *, group=GROUP, shelf=None):
    """How many were refused for good."""
    objects = None if shelf is None else Objects(lambda bucket, region: shelf)
    events = LogEvents(lambda region: logs, objects)
    parcels = list(events.pack(group, [Packing(row, 1) for row in records]))
    assert sum(parcel.records for parcel in parcels) == len(records)
    return sum(parcel.send() for parcel in parcels)


def written(logs):
    return [json.loads(event["message"]) for batch in logs.batches for event in batch]


def test_a_record_is_an_event_of_its_time():
    logs = Logs()
    assert send(logs, [record(1)]) == 0
    assert written(logs) == [record(1)]
    assert logs.batches[0][0]["timestamp"] == 1795397025000  # date -d 2026-11-23T01:23:45Z +%s


def test_the_stream_is_made_when_it_is_missing():
    logs = Logs(stream=False)
    assert send(logs, [record(1)]) == 0
    assert written(logs) == [record(1)]


def test_the_check_writes_bedrocks_own_line():
    for stream in (True, False):
        logs = Logs(stream=stream)
        LogEvents(lambda region, logs=logs: logs).check(GROUP, now=1795397025)
        ((event,),) = logs.batches
        assert event == {"timestamp": 1795397025000, "message": GREETING}


DAYS = st.sampled_from(["2026-11-21", "2026-11-22", "2026-11-23"])
TIMES = st.builds("{}T{:02}:00:00Z".format, DAYS, st.integers(0, 23))


@given(st.lists(st.tuples(TIMES, st.integers(0, MAX_INLINE_BODY)), max_size=40))
def test_every_batch_is_within_the_bounds_of_put_log_events(rows):
    logs = Logs.__new__(Logs)
    logs.stream, logs.reply, logs.batches, logs.exceptions = True, {}, [], None
    records = [
        record(
            number,
            time=time,
            input={"inputBodyJson": "x" * max(0, size - 2)},
            output={"outputBodyJson": "ü" * max(0, size // 2 - 1)},
        )
        for number, (time, size) in enumerate(rows)
    ]

    class Errors:
        ResourceNotFoundException = ResourceWarning  # never raised here

    logs.exceptions = Errors
    assert send(logs, records) == 0
    assert sorted(row["requestId"] for row in written(logs)) == sorted(
        f"r-{number}" for number in range(len(rows))
    )


def test_a_batch_has_10_000_events_at_most():
    logs = Logs()
    assert send(logs, [record(number) for number in range(10_001)]) == 0
    assert [len(batch) for batch in logs.batches] == [10_000, 1]


LONG = "x" * MAX_INLINE_BODY  # in JSON two quotes longer


def test_a_long_body_goes_to_the_bucket_for_large_data():
    logs, shelf = Logs(), Shelf()
    group = LogGroup("/aws/bedrock", "us-east-1", DATA)
    send(logs, [record(1, input={"inputBodyJson": LONG})], group=group, shelf=shelf)
    key = (
        "big/AWSLogs/123456789012/BedrockModelInvocationLogs/us-east-1/2026/11/23/01/"
        "data/r-1_input.json.gz"
    )
    assert list(shelf) == [key]
    assert written(logs) == [record(1, input={"inputBodyS3Path": f"s3://large/{key}"})]


def test_a_long_body_is_dropped_where_there_is_no_bucket_for_it():
    logs = Logs()
    send(logs, [record(1, output={"outputBodyJson": LONG, "outputTokenCount": 5})])
    assert written(logs) == [record(1, output={"outputTokenCount": 5})]


def test_what_cloudwatch_rejects_counts_as_lost():
    told = {"tooOldLogEventEndIndex": 2, "tooNewLogEventStartIndex": 4}
    logs = Logs(reply={"rejectedLogEventsInfo": told})
    assert send(logs, [record(number) for number in range(5)]) == 3


def test_an_event_that_is_too_long_whatever_is_left_out_counts_as_lost():
    logs = Logs()
    rows = [record(1), record(2, requestMetadata={"key": "x" * 300_000})]
    assert send(logs, rows) == 1
    assert written(logs) == [record(1)]
