"""What a conversation with Claude may hold, in both dialects, for every client to try.

Rules: the two bodies of a feature say the same; bytes are written `{"$bytes": base64}`; what an
earlier case was answered is `{"$content_of": case}`, and the ID of the tool call in it
`{"$tool_id_of": case}`. The clients' scripts put in what these stand for.
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from typing import Any, NamedTuple

Body = dict[str, Any]

#: The ways in which a feature is tried → the operation of a client's script.
WAYS = {
    "invoke": "create",
    "invoke-stream": "stream",
    "converse": "converse",
    "converse-stream": "converse_stream",
}


class Feature(NamedTuple):
    """The same request in both dialects.

    Attributes:
        invoke: Of InvokeModel.
        converse: Of Converse.
        streamed: Whether it is worth streaming too.
        binary: Whether there are bytes in it that aren't ASCII.
    """

    invoke: Body
    converse: Body
    streamed: bool = True
    binary: bool = False


def _pdf(*pages: str) -> bytes:
    """A PDF with a line of text on each page, in ASCII: the AWS CLI takes no other bytes."""
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for at, text in enumerate(pages):
        content = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET"
        size = "/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>"
        objects += [
            f"<</Type/Page/Parent 2 0 R{size}/Contents {5 + 2 * at} 0 R>>",
            f"<</Length {len(content)}>>\nstream\n{content}\nendstream",
        ]
    written = "%PDF-1.4\n"
    places = []
    for number, inside in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n{inside}\nendobj\n"
    start = len(written)
    written += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n"
    written += "".join(f"{place:010} 00000 n \n" for place in places)
    written += f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
    return written.encode("ascii")


def _png(side: int) -> bytes:
    """A grey square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * side) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


CITED_LINE = "Granite is an igneous rock that cools slowly underground."
PDF = _pdf("This is a short report about rocks.", CITED_LINE)
PNG = _png(56)

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOL = {"name": "get_weather", "description": "The weather in a city.", "input_schema": SCHEMA}
TOOL_SPEC = {
    "toolSpec": {
        "name": TOOL["name"],
        "description": TOOL["description"],
        "inputSchema": {"json": SCHEMA},
    }
}
WEATHER = "What will the weather be in Paris over the next 3 days?"
SUM = "What is 12 * 12?"
ROCK = "What kind of rock is granite?"
THINKING = {"type": "enabled", "budget_tokens": 1024}
_SENTENCES = "The rock number {} lies in drawer {} of the cabinet, and is heavier than it looks. "


def _said(*content: Body | str) -> Body:
    return {"role": "user", "content": list(content)}


def _text(text: str) -> Body:
    return {"type": "text", "text": text}


def features(*, apart: str) -> dict[str, Feature]:
    """Name → feature.

    Args:
        apart: Makes the cached prompts of one client other ones than those of the next.
    """
    long = f"{apart}. " + "".join(_SENTENCES.format(at, at % 9) for at in range(200))
    cached = Feature(
        {
            "max_tokens": 64,
            "system": [_text(long) | {"cache_control": {"type": "ephemeral"}}],
            "messages": [_said(_text("Hello"))],
        },
        {
            "inferenceConfig": {"maxTokens": 64},
            "system": [{"text": long + "."}, {"cachePoint": {"type": "default"}}],
            "messages": [_said({"text": "Hello"})],
        },
        streamed=False,
    )
    return {
        "image": Feature(
            {
                "max_tokens": 64,
                "messages": [
                    _said(
                        {
                            "type": "image",
                            "source": {
                                "type": "base64",
                                "media_type": "image/png",
                                "data": _base64(PNG),
                            },
                        },
                        _text("What is this?"),
                    )
                ],
            },
            {
                "inferenceConfig": {"maxTokens": 64},
                "messages": [
                    _said(
                        {"image": {"format": "png", "source": {"bytes": {"$bytes": _base64(PNG)}}}},
                        {"text": "What is this?"},
                    )
                ],
            },
            streamed=False,
            binary=True,
        ),
        "tool_call": Feature(
            {
                "max_tokens": 256,
                "tools": [TOOL],
                "tool_choice": {"type": "any"},
                "messages": [_said(_text(WEATHER))],
            },
            {
                "inferenceConfig": {"maxTokens": 256},
                "toolConfig": {"tools": [TOOL_SPEC], "toolChoice": {"any": {}}},
                "messages": [_said({"text": WEATHER})],
            },
        ),
        "tool_answer": Feature(
            {
                "max_tokens": 256,
                "tools": [TOOL],
                "messages": [
                    _said(_text(WEATHER)),
                    {"role": "assistant", "content": {"$content_of": "tool_call"}},
                    _said(
                        {
                            "type": "tool_result",
                            "tool_use_id": {"$tool_id_of": "tool_call"},
                            "content": [_text("18 degrees")],
                        }
                    ),
                ],
            },
            {
                "inferenceConfig": {"maxTokens": 256},
                "toolConfig": {"tools": [TOOL_SPEC]},
                "messages": [
                    _said({"text": WEATHER}),
                    {"role": "assistant", "content": {"$content_of": "tool_call"}},
                    _said(
                        {
                            "toolResult": {
                                "toolUseId": {"$tool_id_of": "tool_call"},
                                "content": [{"text": "18 degrees"}],
                            }
                        }
                    ),
                ],
            },
        ),
        "thinking": Feature(
            {"max_tokens": 2048, "thinking": THINKING, "messages": [_said(_text(SUM))]},
            {
                "inferenceConfig": {"maxTokens": 2048},
                "additionalModelRequestFields": {"thinking": THINKING},
                "messages": [_said({"text": SUM})],
            },
        ),
        "thinking_goes_on": Feature(
            {
                "max_tokens": 2048,
                "thinking": THINKING,
                "messages": [
                    _said(_text(SUM)),
                    {"role": "assistant", "content": {"$content_of": "thinking"}},
                    _said(_text("What is 13 * 13?")),
                ],
            },
            {
                "inferenceConfig": {"maxTokens": 2048},
                "additionalModelRequestFields": {"thinking": THINKING},
                "messages": [
                    _said({"text": SUM}),
                    {"role": "assistant", "content": {"$content_of": "thinking"}},
                    _said({"text": "What is 13 * 13?"}),
                ],
            },
            streamed=False,
        ),
        "structured": Feature(
            {
                "max_tokens": 256,
                "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
                "messages": [_said(_text(WEATHER))],
            },
            {
                "inferenceConfig": {"maxTokens": 256},
                "outputConfig": {
                    "textFormat": {
                        "type": "json_schema",
                        "structure": {"jsonSchema": {"schema": {"$json": SCHEMA}}},
                    }
                },
                "messages": [_said({"text": WEATHER})],
            },
        ),
        "pdf_cited": Feature(
            {
                "max_tokens": 256,
                "messages": [
                    _said(
                        {
                            "type": "document",
                            "title": "Rocks",
                            "citations": {"enabled": True},
                            "source": {
                                "type": "base64",
                                "media_type": "application/pdf",
                                "data": _base64(PDF),
                            },
                        },
                        _text(ROCK),
                    )
                ],
            },
            {
                "inferenceConfig": {"maxTokens": 256},
                "messages": [
                    _said(
                        {
                            "document": {
                                "name": "Rocks",
                                "format": "pdf",
                                "citations": {"enabled": True},
                                "source": {"bytes": {"$bytes": _base64(PDF)}},
                            }
                        },
                        {"text": ROCK},
                    )
                ],
            },
        ),
        "pdf_plain": Feature(
            {
                "max_tokens": 256,
                "messages": [
                    _said(
                        {
                            "type": "document",
                            "title": "Rocks",
                            "source": {
                                "type": "base64",
                                "media_type": "application/pdf",
                                "data": _base64(PDF),
                            },
                        },
                        _text(ROCK),
                    )
                ],
            },
            {
                "inferenceConfig": {"maxTokens": 256},
                "messages": [
                    _said(
                        {
                            "document": {
                                "name": "Rocks",
                                "format": "pdf",
                                "source": {"bytes": {"$bytes": _base64(PDF)}},
                            }
                        },
                        {"text": ROCK},
                    )
                ],
            },
            streamed=False,
        ),
        "cache_written": cached,
        "cache_read": cached,
    }


def refusals(model: str, newer: str, hello: Body) -> dict[str, tuple[str, Body, str, str]]:
    """What InvokeModel refuses: name → model, body, AWS's name of the error, text.

    Args:
        model: A model whose ID carries a version.
        newer: One whose ID doesn't.
        hello: A sound body for the former.
    """
    later = hello | {"anthropic_version": "2026-10-21"}
    long = hello | {"messages": [_said(_text("stone " * 250_000))]}
    invalid = "ValidationException"
    return {
        "unknown_field": (
            model,
            hello | {"mood": "good"},
            invalid,
            (
                "Malformed input request: #: extraneous key [mood] is not permitted, please "
                "reformat your input and try again."
            ),
        ),
        "unknown_field_newer": (
            newer,
            later | {"mood": "good"},
            invalid,
            "mood: Extra inputs are not permitted",
        ),
        "api_version": (model, later, invalid, "Invalid API version: 2026-10-21"),
        "unknown_beta": (
            model,
            hello | {"anthropic_beta": ["nobody-2020-01-01"]},
            invalid,
            "invalid beta flag",
        ),
        "sampling": (
            newer,
            later | {"temperature": 0.5},
            invalid,
            "`temperature` is deprecated for this model.",
        ),
        "too_many_tokens": (
            model,
            hello | {"max_tokens": 999999},
            invalid,
            (
                "max_tokens: 999999 > 64000, which is the maximum allowed number of output tokens "
                "for claude-sonnet-4-5-20250929"
            ),
        ),
        "too_long": (model, long, invalid, "prompt is too long: "),
        "wrong_geography": (
            model.replace("global.", "eu."),
            hello,
            invalid,
            "The provided model identifier is invalid.",
        ),
        "ended": (
            "us.anthropic.claude-3-opus-20240229-v1:0",
            hello,
            "ResourceNotFoundException",
            "This model version has reached the end of its life.",
        ),
    }
