"""The pieces alone, no network: SigV4 and event-stream frames, against botocore's own.

Started by `run.py`; prints one line of JSON: for each piece the microseconds that Outcrop and
botocore take, the least of many batches taken in turn (what an undisturbed core takes), and the
median of the batches' ratios.
"""

from __future__ import annotations

import json
import os
import time
from statistics import median
from typing import TYPE_CHECKING

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.eventstream import EventStreamBuffer
from payloads import ACCESS_KEY, MODEL, REGION, SECRET_KEY, frames, request

from outcrop.wire.credentials import Credentials
from outcrop.wire.eventstream import Decoder, encode_block, header_block
from outcrop.wire.http import Request
from outcrop.wire.sigv4 import sign
from outcrop.wire.sigv4_verify import read_claim, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from outcrop.wire.http import Headers

BATCHES = 41
EVENTS = 64
TARGET = f"/model/{MODEL.replace(':', '%3A')}/invoke"
HOST = "bedrock-runtime.us-east-1.amazonaws.com"


def alternate(
    ours: Callable[[], object], theirs: Callable[[], object] | None, units: int
) -> dict[str, float]:
    """Times two pieces in turn."""
    pieces = [ours, *([theirs] if theirs else [])]
    taken: list[list[float]] = []
    for piece in pieces:
        piece()
    for _ in range(BATCHES):
        batch: list[float] = []
        for piece in pieces:
            began = time.process_time()
            for _ in range(20):
                piece()
            batch.append((time.process_time() - began) / 20 / units * 1e6)
        taken.append(batch)
    found = {"us": min(batch[0] for batch in taken)}
    if theirs:
        found["botocore_us"] = min(batch[1] for batch in taken)
        found["times_ours"] = median(batch[1] / batch[0] for batch in taken)
    return found


def signing() -> dict[str, dict[str, float]]:
    """`sign` and `verify` of a request with a body of 1 KB."""
    body = json.dumps(request(1000 - 60)).encode()
    keys = Credentials(ACCESS_KEY, SECRET_KEY)
    bare = Request(
        "POST",
        f"https://{HOST}",
        TARGET,
        headers=[("Content-Type", "application/json"), ("Accept", "application/json")],
        body=body,
    )
    now = time.time()

    def sign_ours() -> Headers:
        return sign(bare, keys, region=REGION, service="bedrock", now=now)

    theirs = SigV4Auth(BotocoreCredentials(ACCESS_KEY, SECRET_KEY), "bedrock", REGION)

    def sign_theirs() -> None:
        theirs.add_auth(
            AWSRequest(
                "POST",
                f"https://{HOST}{TARGET}",
                data=body,
                headers={"Content-Type": "application/json", "Accept": "application/json"},
            )
        )

    headers = [("Host", HOST), *bare.headers, *sign_ours()]

    def verify_ours() -> None:
        claim = read_claim("POST", TARGET, headers)
        verify(claim, keys, method="POST", target=TARGET, headers=headers, body=body, now=now)

    return {
        "sigv4 sign, 1 KB": alternate(sign_ours, sign_theirs, 1),
        "sigv4 verify, 1 KB": alternate(verify_ours, None, 1),
    }


def event_stream() -> dict[str, dict[str, float]]:
    """Frames of 250 bytes, many in one buffer."""
    made = frames(EVENTS)
    data = b"".join(made)
    pairs = [(each.headers, each.payload) for each in Decoder().feed(data)]
    block = header_block(pairs[0][0])

    def decode_ours() -> None:
        assert len(Decoder().feed(data)) == EVENTS

    def decode_theirs() -> None:
        buffer = EventStreamBuffer()
        buffer.add_data(data)
        assert sum(bool(each.payload) for each in buffer) == EVENTS

    def encode_ours() -> None:
        for _, payload in pairs:
            encode_block(block, payload)

    return {
        "event-stream decode": alternate(decode_ours, decode_theirs, EVENTS),
        "event-stream encode": alternate(encode_ours, None, EVENTS),
    }


def main() -> None:
    """Measures all on CPU 0."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(json.dumps(signing() | event_stream()))


if __name__ == "__main__":
    main()
