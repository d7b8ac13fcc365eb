"""Claims about the token estimator."""

from __future__ import annotations

import base64
import struct
import zlib
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from outcrop.messages.media import image_size, pdf_pages
from outcrop.messages.prompt_tokens import FRAMES, count_request
from outcrop.messages.tokens import Meter, estimate

GENERATIONS = ("4.6", "4.7")
generations = st.sampled_from(GENERATIONS)
texts = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="aAbB \n\t.1é我я\x80\x00", max_size=60),
    st.text(alphabet="aB ", max_size=60),
    st.text(alphabet=" \n", max_size=60),
)


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


@given(texts, st.lists(st.integers(min_value=0, max_value=60), max_size=8), generations)
def test_a_text_costs_the_same_however_it_is_cut(text, places, generation):
    meter = Meter(generation=generation)
    for piece in cut(text, places):
        meter.add(piece)
    assert meter.total == estimate(text, generation=generation)


@given(texts, generations)
def test_a_text_costs_the_same_character_by_character(text, generation):
    meter = Meter(generation=generation)
    totals = [meter.add(char) for char in text]
    assert totals == [estimate(text[: i + 1], generation=generation) for i in range(len(text))]


@given(texts, texts, generations)
def test_a_prefix_never_costs_more_than_the_whole(start, rest, generation):
    whole = estimate(start + rest, generation=generation)
    assert estimate(start, generation=generation) <= whole


@given(st.text(min_size=1), generations)
def test_any_text_costs_something(text, generation):
    assert estimate(text, generation=generation) >= 1
    assert estimate("", generation=generation) == 0


@given(texts, texts, st.integers(min_value=0, max_value=40), generations)
def test_a_meter_takes_the_longest_prefix_that_fits(before, piece, limit, generation):
    meter = Meter(generation=generation)
    meter.add(before)
    fitting = [
        size
        for size in range(1, len(piece) + 1)
        if estimate(before + piece[:size], generation=generation) <= limit
    ]
    taken = meter.take(piece, limit=limit)
    assert taken == max(fitting, default=0)
    assert meter.total == estimate(before + piece[:taken], generation=generation)


@given(texts, st.lists(st.integers(min_value=0), max_size=8), st.integers(0, 60), generations)
def test_a_meter_takes_as_much_of_pieces_as_of_the_whole(text, places, limit, generation):
    whole = Meter(generation=generation).take(text, limit=limit)
    meter, taken = Meter(generation=generation), 0
    for piece in cut(text, places):
        fits = meter.take(piece, limit=limit)
        taken += fits
        if fits < len(piece):
            break
    assert taken == whole


@pytest.mark.parametrize("char", [" ", "\n", "a", "A", "é", "я", "我", "1", "\x00", "\u0301"])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_no_endless_run_is_free(char, generation):
    assert estimate(char * 10_000, generation=generation) >= 600


@pytest.mark.parametrize(
    ("document", "documented"),
    [
        # Anthropic, "Token counting": each example with the count that it shows.
        (
            {
                "system": "You are a scientist",
                "messages": [{"role": "user", "content": "Hello, Claude"}],
            },
            14,
        ),
        (
            {
                "tools": [
                    {
                        "name": "get_weather",
                        "description": "Get the current weather in a given location",
                        "input_schema": {
                            "type": "object",
                            "properties": {
                                "location": {
                                    "type": "string",
                                    "description": "The city and state, e.g. San Francisco, CA",
                                }
                            },
                            "required": ["location"],
                        },
                    }
                ],
                "messages": [
                    {"role": "user", "content": "What's the weather like in San Francisco?"}
                ],
            },
            403,
        ),
    ],
)
def test_documented_counts_are_met_within_an_eighth(document, documented):
    assert count_request(document, generation="4.6") == pytest.approx(documented, rel=0.125)


def test_a_request_is_its_texts_and_a_frame():
    for generation in GENERATIONS:
        frame = FRAMES[generation]
        document = {
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [
                {"role": "user", "content": "Add 2 and 3."},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "With pleasure."},
                        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 2}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "five"}
                    ],
                },
            ],
        }
        parts = ["Be brief.", "Add 2 and 3.", "With pleasure.", "add", '{"a": 2}', "five"]
        expected = sum(estimate(part, generation=generation) for part in parts)
        expected += frame.request + 2 * frame.turn
        assert count_request(document, generation=generation) == expected


def test_forced_tools_cost_the_documented_system_prompt():
    tools = [{"name": "now", "input_schema": {"type": "object"}}]
    asked = {"messages": [{"role": "user", "content": "What time is it?"}]}
    plain = count_request(asked, generation="4.6")
    auto = count_request({**asked, "tools": tools}, generation="4.6")
    forced = count_request(
        {**asked, "tools": tools, "tool_choice": {"type": "any"}}, generation="4.6"
    )
    schema = auto - plain - 346  # "Tool use", "Pricing": auto and none
    assert schema > 0
    assert forced == plain + 313 + schema  # any and tool


def test_thinking_counts_only_since_the_last_written_message():
    thought = {"type": "thinking", "thinking": "Let me think about it.", "signature": "c2ln"}
    call = {"type": "tool_use", "id": "t", "name": "now", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "noon"}

    def count(*, thinking: bool, written: list[dict]) -> int:
        said = [thought, call] if thinking else [call]
        messages = [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": said},
            {"role": "user", "content": [result]},
            *written,
        ]
        return count_request({"messages": messages}, generation="4.6")

    cost = estimate("Let me think about it.", generation="4.6")
    assert count(thinking=True, written=[]) == count(thinking=False, written=[]) + cost
    later = [{"role": "assistant", "content": "Noon."}, {"role": "user", "content": "Thanks"}]
    assert count(thinking=True, written=later) == count(thinking=False, written=later)


def png(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def jpeg(width: int, height: int) -> bytes:
    exif = b"\xff\xe1" + struct.pack(">H", 20_000) + bytes(19_998)
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + exif + frame


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(3)


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF" + bytes(4) + b"WEBP" + kind + struct.pack("<I", len(body)) + body + bytes(20)


def webp_lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", width, height))


def webp_lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14))


def webp_extended(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", bytes(4) + size)


PICTURES = [png, jpeg, gif, webp_lossy, webp_lossless, webp_extended]


@pytest.mark.parametrize("picture", PICTURES)
def test_the_size_of_an_image_is_read_from_its_header(picture):
    assert image_size(picture(1000, 300)) == (1000, 300)


@pytest.mark.parametrize("picture", PICTURES)
def test_a_damaged_image_has_no_size_and_does_not_raise(picture):
    data = picture(1000, 300)
    for end in range(0, len(data), max(1, len(data) // 50)):
        assert image_size(data[:end]) in {None, (1000, 300)}


@given(st.binary(max_size=80))
def test_no_bytes_make_the_readers_raise(data):
    for magic in (b"", b"\xff\xd8\xff", b"RIFF0000WEBPVP8 ", b"\x89PNG\r\n\x1a\n", b"GIF89a"):
        image_size(magic + data)
        assert pdf_pages(magic + data) >= 1


@pytest.mark.parametrize(
    ("generation", "size", "tokens"),
    [
        # Anthropic, "Vision": ceil(width / 28) * ceil(height / 28), after scaling.
        ("4.6", (200, 200), 64),
        ("4.6", (1000, 1000), 1296),
        ("4.7", (1000, 1000), 1296),
        ("4.6", (3136, 560), 56 * 10),  # halved: long edge 1568
        ("4.7", (2576, 1000), 92 * 36),
        ("4.6", (8000, 8000), 1568),
        ("4.7", (8000, 8000), 4784),
    ],
)
def test_an_image_costs_its_patches(generation, size, tokens):
    source = {
        "type": "base64",
        "media_type": "image/png",
        "data": base64.b64encode(png(*size)).decode(),
    }
    image = [{"type": "image", "source": source}]
    empty = count_request({"messages": [{"role": "user", "content": []}]}, generation=generation)
    document = {"messages": [{"role": "user", "content": image}]}
    assert count_request(document, generation=generation) - empty == tokens


def test_a_pdf_costs_its_pages_and_a_text_document_its_text():
    pdf = b"%PDF-1.7\n1 0 obj <</Type /Pages /Count 2>> <</Type /Page>> <</Type/Page >>\n%%EOF"
    assert pdf_pages(pdf) == 2

    def cost(source: dict) -> int:
        block = {"type": "document", "source": source}
        whole = count_request(
            {"messages": [{"role": "user", "content": [block]}]}, generation="4.6"
        )
        return whole - FRAMES["4.6"].request

    data = base64.b64encode(pdf).decode()
    page = FRAMES["4.6"].page
    assert cost({"type": "base64", "media_type": "application/pdf", "data": data}) == 2 * page
    plain = {"type": "text", "media_type": "text/plain", "data": "Some words."}
    assert cost(plain) == estimate("Some words.", generation="4.6")


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "content", "source", "data", "text", "role", "input", "messages"]
            ),
            inner
            | st.sampled_from(
                ["text", "image", "document", "tool_result", "thinking", "base64", "user"]
            ),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json, json, json, json)
def test_odd_requests_are_counted_and_do_not_raise(system, messages, tools, choice):
    document = {"system": system, "messages": messages, "tools": tools, "tool_choice": choice}
    assert count_request(document, generation="4.6") >= 1
    document["messages"] = [messages, {"role": "user", "content": [messages]}]
    assert count_request(document, generation="4.7") >= 1


def test_deep_nesting_and_unknown_blocks_are_counted_as_their_json():
    deep: object = "end"
    for _ in range(5000):
        deep = [{"type": "tool_result", "content": deep}]
    messages = [{"role": "user", "content": deep}]
    assert count_request({"messages": messages}, generation="4.6") >= 1
    block = {"type": "hologram", "depth": 3}
    whole = count_request({"messages": [{"role": "user", "content": [block]}]}, generation="4.6")
    written = estimate('{"type": "hologram", "depth": 3}', generation="4.6")
    assert whole == FRAMES["4.6"].request + written
