"""A log that tests write call by call, as AWS's records, and the findings in it."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from itertools import count

import pytest

import outcrop.activity
from outcrop.activity import misuse

ACCOUNT = "111122223333"
START = datetime(2026, 10, 5)  # noqa: DTZ001 - a Monday, UTC; findings have no zone either


class Diary:
    """What was called."""

    alice = f"arn:aws:iam::{ACCOUNT}:user/alice"
    bob = f"arn:aws:iam::{ACCOUNT}:user/bob"
    haiku = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
    sonnet = "us.anthropic.claude-sonnet-5"

    def __init__(self, folder):
        self._folder = folder
        self._numbers = count(1)
        self.records = []
        self.events = []

    def at(self, day, hour=9, minute=0, second=0):
        return START + timedelta(days=day, hours=hour, minutes=minute, seconds=second)

    def call(self, moment, who=None, **more):
        """Adds a call, and gives its request ID."""
        number = next(self._numbers)
        request_id = f"00000000-0000-4000-8000-{number:012d}"
        error = more.get("error")
        stop = more.get("stop", "end_turn")
        said = more.get("said", "Which rock is this?")
        asked = more.get("body") or {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 64,
            "messages": [{"role": "user", "content": said}],
        }
        written = more.get("written", 20)
        answer = {
            "role": "assistant",
            "content": [{"type": "text", "text": "Granite."}],
            "stop_reason": stop,
            **more.get("beside", {}),
        }
        record = {
            "timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            "accountId": ACCOUNT,
            "region": more.get("region", "us-east-1"),
            "requestId": request_id,
            "operation": "InvokeModel",
            "modelId": more.get("model", self.sonnet),
            "input": {
                "inputContentType": "application/json",
                "inputBodyJson": asked,
                "inputTokenCount": 12,
            },
            "output": {
                "outputContentType": "application/json",
                "outputBodyJson": answer,
                "outputTokenCount": written,
            },
            "identity": {"arn": who or self.alice},
            "schemaType": "ModelInvocationLog",
            "schemaVersion": "1.0",
        }
        if error:
            record["errorCode"] = error
            del record["output"]
        self.records.append(record)
        return request_id

    def habit(self, days, who=None, *, hours=(9, 10, 11), each=5, **more):
        """Calls on days, at the same hours."""
        for day in days:
            for hour in hours:
                for at in range(each):
                    self.call(self.at(day, hour, minute=at * 60 // each), who, **more)

    def event(self, moment, name, who=None, *, error=None, address="192.0.2.7"):
        """Adds an event of the control plane, and gives its request ID."""
        request_id = f"event-{next(self._numbers)}"
        event = {
            "eventTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            "eventSource": "bedrock.amazonaws.com",
            "eventName": name,
            "awsRegion": "us-east-1",
            "userIdentity": {"type": "IAMUser", "arn": who or self.alice},
            "sourceIPAddress": address,
            "userAgent": "aws-cli/2.31",
            "requestID": request_id,
        }
        self.events.append(event | ({"errorCode": error} if error else {}))
        return request_id

    def write(self):
        logs = self._folder / "AWSLogs" / ACCOUNT / "BedrockModelInvocationLogs" / "us-east-1"
        logs.mkdir(parents=True, exist_ok=True)
        lines = "\n".join(map(json.dumps, self.records))
        (logs / "records.json.gz").write_bytes(gzip.compress(lines.encode()))
        trail = self._folder / "AWSLogs" / ACCOUNT / "CloudTrail" / "us-east-1"
        trail.mkdir(parents=True, exist_ok=True)
        events = json.dumps({"Records": self.events}).encode()
        (trail / "events.json.gz").write_bytes(gzip.compress(events))
        return self._folder

    def find(self, *detectors, **thresholds):
        """The findings of some detectors; thresholds of the first as keywords."""
        limits = {f"{detectors[0]}.{name}": value for name, value in thresholds.items()}
        with outcrop.activity.open(self.write()) as log:
            return misuse.detect(log, detectors=detectors or None, thresholds=limits)


@pytest.fixture
def diary(tmp_path):
    return Diary(tmp_path)
