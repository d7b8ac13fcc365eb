"""Streams of InvokeModel: the chunks of InvokeModelWithResponseStream ⇄ Anthropic events.

A chunk is `{"bytes": <base64 of one Anthropic event>, "p": <padding>}`; the last one's event
carries `amazon-bedrock-invocationMetrics`.
Sources: botocore `bedrock-runtime/2023-09-30/service-2.json`; recorded AWS traffic (padding,
metrics, header names).
"""

from __future__ import annotations

from binascii import b2a_base64
from typing import TYPE_CHECKING, Any, Final

import msgspec
import orjson

from outcrop.bedrock.faults import write_stream_fault
from outcrop.bedrock.frames import FrameReader
from outcrop.wire import eventstream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.errors import APIStatusError
    from outcrop.wire.http import Headers

Document = dict[str, Any]

# Asking half ─────────────────────────────────────────────────────────────────────────────────────


class _Chunk(msgspec.Struct):
    event: bytes = msgspec.field(name="bytes")  # base64 is decoded in the same step


_decode_chunk = msgspec.json.Decoder(_Chunk).decode
_decode_event: Final = msgspec.json.Decoder(Document).decode


class EventReader(FrameReader):
    """Bytes of a stream in, Anthropic events out."""

    __slots__ = ()

    last = "message_stop"

    def _read(self, kind: str, payload: bytes) -> list[Document]:
        if kind != "chunk":
            return []
        event = _decode_event(_decode_chunk(payload).event)
        if event.get("type") == "message_stop":
            self.complete = True
        return [event]


# Answering half ──────────────────────────────────────────────────────────────────────────────────

#: Padding against traffic analysis: a prefix of this, of random length.
PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#: What ends a chunk, by the length of its padding.
_TAILS: Final = [f'","p":"{PADDING[:size]}"}}'.encode() for size in range(len(PADDING) + 1)]

_CHUNK_HEADERS = eventstream.header_block(
    {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
)


def stream_headers() -> Headers:
    """Headers of a streamed reply."""
    return [
        ("Content-Type", "application/vnd.amazon.eventstream"),
        ("X-Amzn-Bedrock-Content-Type", "application/json"),
    ]


def write_event(event: Document, *, padding: int) -> bytes:
    """The frame of one event.

    Args:
        event: The Anthropic event.
        padding: Length of the padding, 0 to 62.
    """
    inner = b2a_base64(orjson.dumps(event), newline=False)
    payload = b'{"bytes":"%b%b' % (inner, _TAILS[padding])
    return eventstream.encode_block(_CHUNK_HEADERS, payload)


def metrics(usage: Mapping[str, Any], *, latency: int, first_byte: int) -> Document:
    """The `amazon-bedrock-invocationMetrics` of a stream's last chunk.

    Args:
        usage: The message's usage.
        latency: Milliseconds from request to the end.
        first_byte: Milliseconds from request to the first event.
    """
    return {
        "inputTokenCount": usage.get("input_tokens", 0),
        "outputTokenCount": usage.get("output_tokens", 0),
        "invocationLatency": latency,
        "firstByteLatency": first_byte,
        "cacheReadInputTokenCount": usage.get("cache_read_input_tokens") or 0,
        "cacheWriteInputTokenCount": usage.get("cache_creation_input_tokens") or 0,
    }


def write_exception(error: APIStatusError) -> bytes:
    """The frame that ends a stream with an exception."""
    return eventstream.encode(*write_stream_fault(error))
