"""Hostile bytes for the readers of the wire.

    python tests/wire/fuzz_frames.py --seconds 60 --seed 1

Ends with status 1 at the first exception that isn't one of ours, and prints what it takes to see it
again. Frames may raise only `EventStreamError`, claims only refusals, API keys only one refusal,
requests nothing: what is wrong with them is the same whole and cut.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
import time
import traceback
from base64 import b64encode
from typing import TYPE_CHECKING
from zlib import crc32

from outcrop.errors import APIStatusError, AuthorizationDenied, EventStreamError
from outcrop.wire import api_keys, sigv4, sigv4_verify
from outcrop.wire.credentials import Credentials
from outcrop.wire.eventstream import Byte, Decoder, Long, Timestamp, encode
from outcrop.wire.http import Request
from outcrop.wire.http1_answering import RequestReader

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = Credentials("ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "token")
NOW = 1795348800.0
REQUEST = Request(
    "POST",
    "https://bedrock-runtime.us-east-1.amazonaws.com",
    "/model/anthropic.claude/invoke?a=b",
    [("Content-Type", "application/json"), ("x-amzn-bedrock-trace", "ENABLED")],
    b"{}",
)
FRAMES = [
    encode({":event-type": "chunk", ":message-type": "event"}, b'{"bytes":"e30="}'),
    encode({"t": True, "b": Byte(1), "l": Long(2), "d": Timestamp(3), "x": b"\xff"}, b""),
    encode({}, b"x" * 100),
]
REQUESTS = [
    b"POST /a?b=%20 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nX-A: 1\r\n\r\nbody",
    (
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"4;x=y\r\nbody\r\n00a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n"
    ),
    b"GET http://h/a?b HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n",
]
KEY = api_keys.mint(KEYS, region="us-east-1", now=NOW).token


def mutated(dice: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randint(0, len(out))
        out[at : at + dice.randint(0, 4)] = dice.choice(
            [dice.randbytes(dice.randint(0, 4)), b"\0" * 4, b"\xff" * 4, out[: dice.randint(0, 40)]]
        )
    return bytes(out)


def mutated_text(dice: random.Random, text: str) -> str:
    if dice.random() < 0.6:
        return text
    out = list(text)
    for _ in range(dice.randint(1, 4)):
        at = dice.randint(0, len(out))
        size = dice.randint(0, 3)
        out[at : at + size] = dice.choices(
            "/=,;&?%:+-. \t\n\r\0é漢\ud800\udcff\u0660TZ019aA", k=size
        )
    return "".join(out)


def framed(block: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    message = prelude + struct.pack(">I", crc32(prelude)) + block + payload
    return message + struct.pack(">I", crc32(message))


def fuzz_frames(dice: random.Random) -> None:
    data = mutated(dice, b"".join(dice.choices(FRAMES, k=dice.randint(1, 3))))
    if dice.random() < 0.6:  # past the checksums
        data = framed(mutated(dice, dice.choice(FRAMES)[12:-4]), b"x")
    elif dice.random() < 0.5 and len(data) > 8:
        data = data[:8] + struct.pack(">I", crc32(data[:8])) + data[12:]
    decoder = Decoder()
    try:
        while data:
            size = dice.randint(1, len(data))
            for frame in decoder.feed(data[:size]):
                hash(frame.payload)
            data = data[size:]
        decoder.finish()
    except EventStreamError:
        pass


def fuzz_claims(dice: random.Random) -> None:
    target, added = REQUEST.target, []
    if dice.random() < 0.5:
        target = sigv4.presign(
            REQUEST, KEYS, region="us-east-1", service="bedrock", now=NOW, expires=60
        )
    else:
        added = sigv4.sign(REQUEST, KEYS, region="us-east-1", service="bedrock", now=NOW)
    headers = [("host", REQUEST.host), *REQUEST.headers, *added]
    dice.shuffle(headers)
    headers = [(mutated_text(dice, n), mutated_text(dice, v)) for n, v in headers]
    if dice.random() < 0.2:
        headers.append(dice.choice(headers))
    if dice.random() < 0.2:
        headers = [
            ("Date" if n.lower() == "x-amz-date" else n, "Sun, 22 Nov 2026 12:00:00 GMT")
            for n, _ in headers
        ]
    method, target = mutated_text(dice, REQUEST.method), mutated_text(dice, target)
    try:
        claim = sigv4_verify.read_claim(method, target, headers)
        repr(claim)
        sigv4_verify.verify(
            claim, KEYS, method=method, target=target, headers=headers, body=REQUEST.body, now=NOW
        )
    except APIStatusError as error:
        if KEYS.secret_key in str(error):
            raise RuntimeError("An error shows the secret.") from error


def fuzz_api_keys(dice: random.Random) -> None:
    token = mutated_text(dice, KEY)
    if dice.random() < 0.5:
        presigned = sigv4.presign(
            Request("POST", "https://bedrock.amazonaws.com", "/?Action=CallWithBearerToken"),
            KEYS,
            region="us-east-1",
            service="bedrock",
            now=NOW,
            expires=60,
        )
        url = mutated_text(dice, f"bedrock.amazonaws.com{presigned}&Version=1")
        token = api_keys.PREFIX + b64encode(url.encode("utf-8", "surrogatepass")).decode()
    try:
        api_keys.read(token)
        api_keys.verify(token, KEYS, now=NOW)
    except AuthorizationDenied:
        pass


def fuzz_requests(dice: random.Random) -> None:
    data = mutated(dice, dice.choice(REQUESTS))
    whole, cut = RequestReader(), RequestReader()
    body, pieces, at = whole.feed(data), b"", 0
    while at < len(data):
        size = dice.randint(1, 20)
        pieces += cut.feed(data[at : at + size])
        at += size
    seen = [
        (each.begun, each.complete, each.failure and each.failure.status_code)
        for each in (whole, cut)
    ]
    if seen[0] != seen[1] or body != pieces:
        raise RuntimeError(f"{data!r}: {seen}, {body!r}, {pieces!r}")


TARGETS: list[Callable[[random.Random], None]] = [
    fuzz_frames,
    fuzz_claims,
    fuzz_api_keys,
    fuzz_requests,
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    end = time.monotonic() + arguments.seconds
    rounds = 0
    while time.monotonic() < end:
        for target in TARGETS:
            seed = f"{arguments.seed}/{rounds}"
            try:
                target(random.Random(seed))
            except Exception:  # noqa: BLE001 - whatever isn't ours is the finding
                traceback.print_exc()
                print(f"again: {target.__name__}(random.Random({seed!r}))")
                return 1
        rounds += 1
    print(f"{rounds} rounds of {len(TARGETS)}, nothing but our errors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
