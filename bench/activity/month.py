"""Writes a month of Bedrock's invocation records of an invented company, with incidents in it.

    python bench/activity/month.py FOLDER --seed 1 --records 100000

writes `FOLDER/logs` in AWS's layout (gzip of JSON lines, an object or more an hour, region and
account), `FOLDER/trail` as CloudTrail delivers, unless `--no-trail`, and `FOLDER/truth.json`: what
was planted, with request IDs. The same arguments give the same bytes. One hour is in memory at a
time. A million records take some minutes and 400 MB; fewer than about 10,000 leave no room for the
incidents (`--no-incidents`).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import math
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

import control_plane
import orjson
from company import COMPANY, PRODUCTION, hours, weight
from incidents import Planner, planned_on
from records import Call, Writer
from speech import Speech

if TYPE_CHECKING:
    from collections.abc import Iterator

    from company import Identity
    from incidents import Incident

START: Final = datetime(2026, 10, 1, tzinfo=UTC)
DAYS: Final = 30
#: What an object has at most before it is compressed; AWS writes several an hour too.
MOST: Final = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What was written.

    Attributes:
        logs: Folder of the invocation records.
        trail: Folder of CloudTrail's, None without.
        truth: What was planted.
        records: How many records.
        bytes: Size of the records before compression.
    """

    logs: Path
    trail: Path | None
    truth: list[Incident]
    records: int
    bytes: int


def generate(
    folder: str | Path,
    *,
    seed: int = 1,
    records: int = 100_000,
    trail: bool = True,
    incidents: bool = True,
    held_out: bool | None = None,
) -> Month:
    """Writes a month.

    Args:
        folder: Where to; it has to be empty or not to exist.
        seed: Of all dice.
        records: How many invocation records, exactly.
        trail: Whether CloudTrail's events are written too.
        incidents: Whether anything is planted.
        held_out: Which half of the phrases of misuse is used; by default the tuning half for even
            seeds, the held-out half for odd ones.

    Raises:
        ValueError: The folder has something in it, or there is no room for the incidents.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} isn't empty")
    rng = Random(seed)  # noqa: S311 - the same month each time
    held_out = bool(seed % 2) if held_out is None else held_out
    weights = _weights(seed)
    totals = {name: sum(parts) for name, parts in weights.items()}
    shares = sum(who.share for who in COMPANY)
    per_hour = {who.name: 10 * records * who.share / shares / totals[who.name] for who in COMPANY}
    planner = Planner(START, DAYS, _dice(seed, "plan"), per_hour, held_out)
    if incidents:
        planner.plant()
    control_plane.ordinary(planner)
    left = records - len(planner.calls)
    if left < 0:
        raise ValueError(f"the incidents alone are {len(planner.calls)} of {records} records")
    counts = _counts(left, weights, rng)
    writer = Writer(Speech(_dice(seed, "speech")), rng)
    size = _write_logs(folder / "logs", _calls(planner, counts, writer, rng), writer)
    if trail:
        _write_trail(folder / "trail", planner, rng)
    truth = sorted(planner.incidents, key=lambda incident: incident.begin or START)
    told = {
        "seed": seed,
        "records": records,
        "start": f"{START:%Y-%m-%d}",
        "days": DAYS,
        "incidents": [incident.as_json() for incident in truth],
    }
    (folder / "truth.json").write_text(json.dumps(told, indent=1))
    return Month(
        logs=folder / "logs",
        trail=folder / "trail" if trail else None,
        truth=truth,
        records=records,
        bytes=size,
    )


def _dice(seed: int, name: str) -> Random:
    return Random(f"{seed}/{name}")  # noqa: S311 - the same month each time


# How many calls there are ────────────────────────────────────────────────────────────────────────


def _weights(seed: int) -> dict[str, list[float]]:
    """What each hour weighs, by identity."""
    return {
        who.name: [
            weight(who, hour, day=at // 24, seed=seed) for at, hour in enumerate(hours(START, DAYS))
        ]
        for who in COMPANY
    }


def _counts(total: int, weights: dict[str, list[float]], rng: Random) -> list[Counter[str]]:
    """Calls by hour and identity, `total` in all."""
    shares = sum(who.share for who in COMPANY)
    hourly: list[Counter[str]] = [Counter() for _ in range(DAYS * 24)]
    for who in COMPANY:
        factor = total * who.share / shares / sum(weights[who.name])
        for hour, part in enumerate(weights[who.name]):
            hourly[hour][who.name] = _poisson(part * factor, rng)
    missing = total - sum(hour.total() for hour in hourly)
    busiest = COMPANY[0].name  # what chance left over is its
    places = [at for at, hour in enumerate(hourly) if hour[busiest] > 1]
    while missing and places:
        hour = hourly[rng.choice(places)]
        step = 1 if missing > 0 else -1
        if hour[busiest] + step >= 0:
            hour[busiest] += step
            missing -= step
    return hourly


def _poisson(mean: float, rng: Random) -> int:
    if mean > 40:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def _calls(
    planner: Planner, counts: list[Counter[str]], writer: Writer, rng: Random
) -> Iterator[list[tuple[datetime, Call]]]:
    """The calls of each hour, in order."""
    planned = planned_on(planner.calls, START)
    people: dict[str, Identity] = {who.name: who for who in COMPANY}
    for at, hour in enumerate(hours(START, DAYS)):
        calls = [
            (hour + timedelta(seconds=rng.randrange(3600)), writer.ordinary(people[name]))
            for name, count in counts[at].items()
            for _ in range(count)
        ]
        calls += planned.get(at, [])
        calls.sort(key=lambda pair: (pair[0], pair[1].request_id))
        yield calls


# Where they lie ──────────────────────────────────────────────────────────────────────────────────


def _write_logs(folder: Path, hourly: Iterator[list[tuple[datetime, Call]]], writer: Writer) -> int:
    size = 0
    for at, calls in enumerate(hourly):
        buffers: dict[tuple[str, str], bytearray] = {}
        for moment, call in calls:
            record, long = writer.write(call, moment, at // 24)
            place = (record["accountId"], record["region"])
            if long is not None:
                _take_out(folder, record, long, moment)
            buffer = buffers.setdefault(place, bytearray())
            buffer += orjson.dumps(record)
            buffer += b"\n"
            if len(buffer) > MOST:
                size += _write_object(folder, place, moment, buffer)
                buffer.clear()
        hour = START + timedelta(hours=at)
        for place, buffer in buffers.items():
            if buffer:
                size += _write_object(folder, place, hour + timedelta(minutes=59), buffer)
    return size


def _hour_of(place: tuple[str, str], moment: datetime) -> str:
    account, region = place
    return f"AWSLogs/{account}/BedrockModelInvocationLogs/{region}/{moment:%Y/%m/%d/%H}"


def _write_object(
    folder: Path, place: tuple[str, str], moment: datetime, buffer: bytes | bytearray
) -> int:
    unique = hashlib.sha256(buffer).hexdigest()[:16]
    path = folder / _hour_of(place, moment) / f"{moment:%Y%m%dT%H%M%S}000Z_{unique}.json.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(bytes(buffer), 5, mtime=0))
    return len(buffer)


def _take_out(folder: Path, record: dict[str, Any], long: str, moment: datetime) -> None:
    """Gives a long prompt an object of its own, as AWS does with bodies over 100 KB."""
    body = record["input"].pop("inputBodyJson")
    body["messages"][-1]["content"] = long
    place = (record["accountId"], record["region"])
    path = folder / _hour_of(place, moment) / "data" / f"{record['requestId']}_input.json.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(orjson.dumps(body), 5, mtime=0))
    bucket = "larkfield-bedrock-logs"
    record["input"]["inputBodyS3Path"] = f"s3://{bucket}/{path.relative_to(folder).as_posix()}"


def _write_trail(folder: Path, planner: Planner, rng: Random) -> None:
    """Writes events of the control plane as CloudTrail delivers them, a file a day."""
    by_day: dict[datetime, list[dict[str, Any]]] = {}
    for event in sorted(planner.events, key=lambda event: (event["time"], event["request_id"])):
        moment = event["time"].astimezone(UTC)
        by_day.setdefault(moment.replace(hour=0, minute=0, second=0), []).append(
            _event(event, moment, rng)
        )
    for day, records in by_day.items():
        unique = f"{rng.getrandbits(64):016x}"
        path = (
            folder
            / f"AWSLogs/{PRODUCTION}/CloudTrail/us-east-1/{day:%Y/%m/%d}"
            / f"{PRODUCTION}_CloudTrail_us-east-1_{day:%Y%m%dT%H%MZ}_{unique}.json.gz"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(orjson.dumps({"Records": records}), 5, mtime=0))


def _event(event: dict[str, Any], moment: datetime, rng: Random) -> dict[str, Any]:
    arn: str = event["arn"]
    user = ":user/" in arn
    identity = {
        "type": "IAMUser" if user else "AssumedRole",
        "principalId": f"{'AIDA' if user else 'AROA'}{len(arn):016d}",
        "arn": arn,
        "accountId": arn.split(":")[4],
        "accessKeyId": f"{'AKIA' if user else 'ASIA'}{sum(arn.encode()):016d}",
    }
    error = event.get("error")
    return {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "bedrock.amazonaws.com",
        "eventName": event["name"],
        "awsRegion": "us-east-1",
        "sourceIPAddress": event.get("address", "192.0.2.1"),
        "userAgent": event.get("agent", "aws-cli/2.31"),
        **({"errorCode": error, "errorMessage": "not authorized"} if error else {}),
        "requestParameters": None,
        "responseElements": None,
        "requestID": event["request_id"],
        "eventID": f"{rng.getrandbits(128):032x}",
        "readOnly": event["name"].startswith(("Get", "List")),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": PRODUCTION,
        "eventCategory": "Management",
    }


def main() -> None:
    """Writes a month and says what is in it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--no-trail", dest="trail", action="store_false")
    parser.add_argument("--no-incidents", dest="incidents", action="store_false")
    given = parser.parse_args()
    began = time.perf_counter()
    month = generate(
        given.folder,
        seed=given.seed,
        records=given.records,
        trail=given.trail,
        incidents=given.incidents,
    )
    took = time.perf_counter() - began
    print(
        f"{month.records:,} records, {month.bytes / month.records:,.0f} bytes each, "
        f"in {took:.0f} s: {month.logs}"
    )
    for kind, count in sorted(Counter(one.detector for one in month.truth).items()):
        print(f"  {count:3} {kind}")


if __name__ == "__main__":
    main()
