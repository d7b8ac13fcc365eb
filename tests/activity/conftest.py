"""Records written by hand, as AWS describes them, and folders of them."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

import outcrop.activity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from outcrop.activity import Activity

SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = "arn:aws:iam::123456789012:user/Alice"

Record = dict[str, Any]


def make_record(number: int = 1, **given: Any) -> Record:
    """A call of InvokeModel of 1,000 tokens in and 100 out; what is given takes the place of that.

    Args:
        number: Makes its request ID.
        given: Members of the record; `counts` are the four counts, `asked` and `said` the bodies.
    """
    read, cached, written, out = given.pop("counts", (1000, 0, 0, 100))
    asked = given.pop(
        "asked", {"max_tokens": 1024, "messages": [{"role": "user", "content": "Hi"}]}
    )
    said = given.pop(
        "said", {"content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn"}
    )
    record: Record = {
        "timestamp": "2026-11-20T10:00:00Z",
        "accountId": "123456789012",
        "region": "us-east-1",
        "requestId": f"00000000-0000-4000-8000-{number:012}",
        "operation": "InvokeModel",
        "modelId": f"global.{SONNET}",
        "input": {
            "inputContentType": "application/json",
            "inputBodyJson": asked,
            "inputTokenCount": read,
            "cacheReadInputTokenCount": cached,
            "cacheWriteInputTokenCount": written,
        },
        "output": {
            "outputContentType": "application/json",
            "outputBodyJson": said,
            "outputTokenCount": out,
        },
        "identity": {"arn": ARN},
        "inferenceRegion": "us-west-2",
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
    }
    return {name: value for name, value in {**record, **given}.items() if value is not None}


def lines_of(records: list[Record]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def aws_key(
    day: str = "2026/11/20", *, region: str = "us-east-1", hour: int = 10, unique: str = "ab"
) -> str:
    stamp = f"{day.replace('/', '')}T{hour:02}0500000Z_{unique}"
    return (
        f"AWSLogs/123456789012/BedrockModelInvocationLogs/{region}/{day}/{hour:02}/{stamp}.json.gz"
    )


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


@pytest.fixture
def record() -> Callable[..., Record]:
    """Makes a record; see `make_record`."""
    return make_record


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes records to a file of the folder `logs`; gives the file."""

    def write(records: list[Record], key: str = "records.jsonl") -> Path:
        return put(tmp_path / "logs" / key, lines_of(records))

    return write


@pytest.fixture
def key() -> Callable[..., str]:
    """The key of an object in AWS's layout."""
    return aws_key


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """The folder that `write` writes to."""
    folder = tmp_path / "logs"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def opened(logs: Path) -> Iterator[Callable[..., Activity]]:
    """Opens the folder, and closes it at the end."""
    found: list[Activity] = []

    def opened(place: Any = None, **given: Any) -> Activity:
        log = outcrop.activity.open(place or logs, **given)
        found.append(log)
        return log

    yield opened
    for log in found:
        log.close()
