"""The bytes that go over the wire in the benchmark, made once and the same for every client.

Rules: only the standard library, for foreign environments import this too; nothing of Outcrop is
in it, so that no client meets bytes that its own code has written; random parts have a fixed seed.

The shapes are those of Amazon Bedrock's InvokeModel, InvokeModelWithResponseStream and Converse
(Amazon Bedrock API Reference) with Claude's Messages in them; frames are those of
https://smithy.io/2.0/aws/amazon-eventstream.html.
"""

from __future__ import annotations

import base64
import json
import random
import string
import struct
from zlib import crc32

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
REGION = "us-east-1"
#: AWS's documented examples.
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's documented example

#: Events in a stream that aren't text: its start and its end, the block's, and the message's delta.
FRAME_EVENTS = 5

_PADDING = string.ascii_lowercase + string.ascii_uppercase + string.digits
_WORDS = "the quick brown fox jumps over a lazy dog while rain falls on stone and nobody minds it"


def message() -> bytes:
    """A reply of 575 bytes, as InvokeModel gives it."""
    reply = {
        "model": "claude-sonnet-4-5-20250929",
        "id": "msg_bdrk_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": ""}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 25,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 31,
        },
    }
    room = 575 - len(_compact(reply))
    reply["content"] = [{"type": "text", "text": (_WORDS * 4)[:room]}]
    return _compact(reply)


def converse_reply() -> bytes:
    """The same reply as Converse gives it."""
    reply = json.loads(message())
    return _compact(
        {
            "metrics": {"latencyMs": 900},
            "output": {
                "message": {
                    "content": [{"text": reply["content"][0]["text"]}],
                    "role": "assistant",
                }
            },
            "stopReason": "end_turn",
            "usage": {
                "cacheReadInputTokenCount": 0,
                "cacheReadInputTokens": 0,
                "cacheWriteInputTokenCount": 0,
                "cacheWriteInputTokens": 0,
                "inputTokens": 25,
                "outputTokens": 31,
                "serverToolUsage": {},
                "totalTokens": 56,
            },
        }
    )


def documents(count: int, *, text: str | None = None) -> list[bytes]:
    """The events of a stream as JSON: `count` of them, all but five with a piece of text.

    Args:
        count: Events in all.
        text: The text of every piece; words of a few letters if None.
    """
    start = json.loads(message())
    start["content"] = []
    start["stop_reason"] = None
    words = [f" {word}" for word in _WORDS.split()]
    found = [
        {"type": "message_start", "message": start},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        },
    ]
    found += [
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": text or words[at % len(words)]},
        }
        for at in range(count - FRAME_EVENTS)
    ]
    found += [
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": count},
        },
        {
            "type": "message_stop",
            "amazon-bedrock-invocationMetrics": {
                "inputTokenCount": 25,
                "outputTokenCount": count,
                "invocationLatency": 900,
                "firstByteLatency": 300,
            },
        },
    ]
    return [_compact(each) for each in found]


def frames(count: int, *, text: str | None = None) -> list[bytes]:
    """The events of `documents` in event-stream frames, as InvokeModelWithResponseStream sends."""
    chance = random.Random(11)  # noqa: S311 - lengths of padding
    block = b"".join(
        struct.pack("B", len(name)) + name + b"\x07" + struct.pack(">H", len(value)) + value
        for name, value in (
            (b":event-type", b"chunk"),
            (b":content-type", b"application/json"),
            (b":message-type", b"event"),
        )
    )
    return [
        frame(
            block,
            b'{"bytes":"%s","p":"%s"}'
            % (base64.b64encode(document), _PADDING[: chance.randint(1, 62)].encode()),
        )
        for document in documents(count, text=text)
    ]


def frame(block: bytes, payload: bytes) -> bytes:
    """One frame, of a block of headers and a payload."""
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    whole = prelude + struct.pack(">I", crc32(prelude)) + block + payload
    return whole + struct.pack(">I", crc32(whole))


def request(size: int = 0) -> dict[str, object]:
    """What a client is asked to send, by the arguments of `messages.create` after the model.

    Args:
        size: Bytes of text in it; a short question if 0.
    """
    text = "Hello, world. What is the capital of France?"
    if size:
        text = (f"{_WORDS}, said the document. " * (size // 90))[:size]
    return {"max_tokens": 256, "messages": [{"role": "user", "content": text}]}


def conversation(turns: int) -> list[dict[str, str]]:
    """A conversation of so many turns."""
    roles = ("user", "assistant")
    return [{"role": roles[at % 2], "content": f"{at}: {_WORDS}"} for at in range(turns)]


def reply_head(length: int) -> bytes:
    """The head of a reply that isn't streamed."""
    return (
        b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: keep-alive\r\n"
        b"x-amzn-RequestId: 5f1b8c9e-3c1d-4b8a-9f0e-2d6a7c8b9e0f\r\n"
        b"X-Amzn-Bedrock-Invocation-Latency: 900\r\nX-Amzn-Bedrock-Output-Token-Count: 31\r\n"
        b"X-Amzn-Bedrock-Input-Token-Count: 25\r\n\r\n" % length
    )


def stream_head() -> bytes:
    """The head of a reply that is streamed."""
    return (
        b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\n"
        b"Content-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n"
        b"Connection: keep-alive\r\nx-amzn-RequestId: 5f1b8c9e-3c1d-4b8a-9f0e-2d6a7c8b9e0f\r\n"
        b"X-Amzn-Bedrock-Content-Type: application/json\r\n\r\n"
    )


def http_chunk(data: bytes) -> bytes:
    """A chunk of a body in chunked transfer coding."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
