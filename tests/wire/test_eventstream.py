"""Frames: one table run both ways; botocore judges."""

from __future__ import annotations

import random
import struct
from uuid import UUID
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, strategies as st

from outcrop.errors import EventStreamError
from outcrop.wire.eventstream import (
    LONGEST_HEADERS,
    LONGEST_PAYLOAD,
    Byte,
    Decoder,
    Frame,
    HeaderValue,
    Integer,
    Long,
    Short,
    Timestamp,
    encode,
    encode_block,
    header_block,
)

EVENT: dict[str, HeaderValue] = {
    ":event-type": "chunk",
    ":content-type": "application/json",
    ":message-type": "event",
}

#: (headers, payload, the header block on the wire)
TABLE: dict[str, tuple[dict[str, HeaderValue], bytes, bytes]] = {
    "nothing": ({}, b"", b""),
    "payload only": ({}, b"{}", b""),
    "true": ({"a": True}, b"", b"\x01a\x00"),
    "false": ({"a": False}, b"", b"\x01a\x01"),
    "byte": ({"a": Byte(-128)}, b"", b"\x01a\x02\x80"),
    "short": ({"a": Short(-2)}, b"", b"\x01a\x03\xff\xfe"),
    "int": ({"a": Integer(258)}, b"", b"\x01a\x04\x00\x00\x01\x02"),
    "long": ({"a": Long(258)}, b"", b"\x01a\x05\x00\x00\x00\x00\x00\x00\x01\x02"),
    "bytes": ({"a": b"\x00\xff"}, b"", b"\x01a\x06\x00\x02\x00\xff"),
    "string": ({"a": "é"}, b"", b"\x01a\x07\x00\x02\xc3\xa9"),
    "timestamp": ({"a": Timestamp(-1)}, b"", b"\x01a\x08" + b"\xff" * 8),
    "uuid": ({"a": UUID(bytes=bytes(range(16)))}, b"", b"\x01a\x09" + bytes(range(16))),
    "two": ({"a": "x", "b": True}, b"y", b"\x01a\x07\x00\x01x\x01b\x00"),
    "event": (
        EVENT,
        b'{"bytes":"e30=","p":"ab"}',
        (
            b"\x0b:event-type\x07\x00\x05chunk"
            b"\x0d:content-type\x07\x00\x10application/json"
            b"\x0d:message-type\x07\x00\x05event"
        ),
    ),
    "a block too long to remember": ({"a": "x" * 600}, b"", b"\x01a\x07\x02\x58" + b"x" * 600),
}
CASES = pytest.mark.parametrize(("headers", "payload", "block"), TABLE.values(), ids=TABLE)


def framed(block: bytes, payload: bytes = b"") -> bytes:
    """A frame from the specification, independent of the code under test."""
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    message = prelude + struct.pack(">I", crc32(prelude)) + block + payload
    return message + struct.pack(">I", crc32(message))


def kinds(headers: dict[str, HeaderValue]) -> list[type]:
    return [type(value) for value in headers.values()]


def test_a_frame_is_these_bytes():
    assert encode({"a": "b"}, b"{}") == bytes.fromhex(
        "00000018"  # total length: 24
        "00000006"  # headers length: 6
        "dcd1a61f"  # CRC-32 of the eight bytes above, reckoned bit by bit
        "01 61"  # a name of one byte, "a"
        "07 0001 62"  # a string of one byte, "b"
        "7b7d"  # the payload, {}
        "f3d78873"  # CRC-32 of all the bytes above
    )


@pytest.mark.parametrize(
    ("payload", "wire"),
    [
        (b"", "00000010 00000000 05c248eb 7d98c8ff"),
        (b"{'foo':'bar'}", "0000001d 00000000 fd528c5a 7b27666f6f273a27626172277d c3653936"),
    ],
)
def test_frames_are_those_of_botocores_own_tests(payload, wire):
    # botocore, tests/unit/test_eventstream.py: EMPTY_MESSAGE, PAYLOAD_NO_HEADERS.
    assert encode({}, payload) == bytes.fromhex(wire)


@CASES
def test_headers_and_payload_are_written_as_specified(headers, payload, block):
    assert encode(headers, payload) == framed(block, payload)


@CASES
def test_a_whole_frame_is_read_at_once(headers, payload, block):
    decoder = Decoder()
    (frame,) = decoder.feed(framed(block, payload))
    assert frame == Frame(headers, payload)
    assert list(frame.headers) == list(headers)
    assert kinds(frame.headers) == kinds(headers)
    decoder.finish()


@CASES
def test_a_frame_is_read_byte_by_byte(headers, payload, block):
    decoder, data = Decoder(), framed(block, payload)
    frames = [decoder.feed(data[i : i + 1]) for i in range(len(data))]
    assert frames == [[]] * (len(data) - 1) + [[Frame(headers, payload)]]
    decoder.finish()


@CASES
def test_bytes_left_over_are_kept_and_then_missed(headers, payload, block):
    decoder, data = Decoder(), framed(block, payload)
    assert decoder.feed(data + data[:-1]) == [Frame(headers, payload)]
    with pytest.raises(EventStreamError, match=f"{len(data) - 1} of {len(data)} bytes"):
        decoder.finish()
    with pytest.raises(EventStreamError):
        decoder.feed(data[-1:])


@CASES
def test_botocore_reads_what_we_write(headers, payload, block):
    buffer = EventStreamBuffer()
    buffer.add_data(encode(headers, payload))
    message = next(buffer)
    plain = {k: v.bytes if isinstance(v, UUID) else v for k, v in headers.items()}
    assert (message.headers, message.payload) == (plain, payload)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_every_kind_of_bytes_is_taken(kind):
    decoder, data = Decoder(), encode(EVENT, b"x")
    assert decoder.feed(kind(data[:5])) == []
    assert decoder.feed(kind(data[5:] + data)) == [Frame(EVENT, b"x")] * 2
    decoder.finish()


def test_headers_that_frames_share_cannot_be_changed():
    decoder = Decoder()
    one, two = decoder.feed(encode(EVENT, b"") * 2)
    with pytest.raises(TypeError):
        one.headers[":event-type"] = "changed"
    assert two.headers == EVENT
    assert decoder.feed(encode(EVENT, b""))[0].headers == EVENT


def test_a_plain_int_takes_four_bytes_or_eight():
    assert header_block({"a": 2**31 - 1})[2] == 4
    assert header_block({"a": 2**31})[2] == 5


numbers = st.one_of(
    st.integers(-(2**7), 2**7 - 1).map(Byte),
    st.integers(-(2**15), 2**15 - 1).map(Short),
    st.integers(-(2**31), 2**31 - 1).map(Integer),
    st.integers(-(2**63), 2**63 - 1).map(Long),
    st.integers(-(2**63), 2**63 - 1).map(Timestamp),
)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = text.filter(lambda name: 1 <= len(name.encode()) <= 255)
values = st.one_of(st.booleans(), numbers, st.binary(max_size=40), text, st.uuids())
frames = st.builds(Frame, st.dictionaries(names, values, max_size=5), st.binary(max_size=300))


@given(st.lists(frames, max_size=5), st.data())
def test_what_is_written_is_read_however_it_is_cut_and_botocore_agrees(written, data):
    wire = b"".join(encode(*frame) for frame in written)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    decoder, judge = Decoder(), EventStreamBuffer()
    ours: list[Frame] = []
    theirs: list[tuple[object, bytes]] = []
    for start, stop in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        ours += decoder.feed(wire[start:stop])
        judge.add_data(wire[start:stop])
        theirs += [(message.headers, message.payload) for message in judge]
    decoder.finish()
    assert ours == written
    assert [kinds(frame.headers) for frame in ours] == [kinds(f.headers) for f in written]
    assert b"".join(encode(*frame) for frame in ours) == wire
    plain = [
        ({k: v.bytes if isinstance(v, UUID) else v for k, v in f.headers.items()}, f.payload)
        for f in ours
    ]
    assert theirs == plain


# Bad bytes. ──────────────────────────────────────────────────────────────────────────────────────


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


@pytest.mark.parametrize("at", range(len(encode(EVENT, b"{}"))))
def test_a_flipped_bit_anywhere_is_refused(at):
    with pytest.raises(EventStreamError, match="checksum"):
        Decoder().feed(flipped(encode(EVENT, b"{}"), at))


@pytest.mark.parametrize(
    "block",
    [
        b"\x05a",  # a name that breaks off
        b"\x01a",  # no type
        b"\x01a\x0a",  # a type that doesn't exist
        b"\x00\x00",  # no name
        b"\x01a\x00\x01a\x00",  # a name twice
        b"\x01\xff\x00",  # a name that isn't UTF-8
        b"\x01a\x02",  # a number that breaks off
        b"\x01a\x05\x00\x00",
        b"\x01a\x06\x00",  # a length that breaks off
        b"\x01a\x06\x00\x03ab",  # bytes that break off
        b"\x01a\x07\x00\x01\xff",  # a string that isn't UTF-8
        b"\x01a\x09" + b"u" * 15,  # a UUID that breaks off
    ],
)
def test_headers_that_cannot_be_read_are_refused(block):
    with pytest.raises(EventStreamError, match="header"):
        Decoder().feed(framed(block))


@pytest.mark.parametrize(
    ("total", "headers"),
    [
        (15, 0),
        (0, 0),
        (20, 5),
        (2**32 - 1, 0),
        (LONGEST_PAYLOAD + 17, 0),
        (LONGEST_HEADERS + 17, LONGEST_HEADERS + 1),
        (2**32 - 1, 2**32 - 1),
    ],
)
def test_an_impossible_length_is_refused_before_anything_else_has_come(total, headers):
    prelude = struct.pack(">II", total, headers)
    with pytest.raises(EventStreamError, match=f"claims {total} bytes"):
        Decoder().feed(prelude + struct.pack(">I", crc32(prelude)))


def test_the_longest_headers_and_payload_pass():
    block = b"".join(struct.pack(">BBBH", 1, 65 + i, 6, 32763) + bytes(32763) for i in range(4))
    assert len(block) == LONGEST_HEADERS
    wire = encode_block(block, bytes(LONGEST_PAYLOAD))
    decoder = Decoder()
    assert decoder.feed(wire[:-1]) == []
    (frame,) = decoder.feed(wire[-1:])
    assert (len(frame.headers), len(frame.payload)) == (4, LONGEST_PAYLOAD)


@pytest.mark.parametrize(
    ("headers", "payload"),
    [
        ({"": "x"}, b""),
        ({"n" * 256: "x"}, b""),
        ({"a": "x" * 32768}, b""),
        ({"a": Byte(128)}, b""),
        ({"a": 2**63}, b""),
        ({str(i): "x" * 30000 for i in range(5)}, b""),
        ({}, bytes(LONGEST_PAYLOAD + 1)),
    ],
    ids=["no name", "long name", "long value", "byte", "long", "long headers", "long payload"],
)
def test_what_no_frame_can_hold_is_not_written(headers, payload):
    with pytest.raises(EventStreamError) as caught:
        encode(headers, payload)
    assert not caught.value.retryable


def test_good_frames_before_a_bad_one_are_handed_out_first():
    decoder, good = Decoder(), encode(EVENT, b"good")
    assert decoder.failure is None
    assert decoder.feed(good * 2 + flipped(good, 70)) == [Frame(EVENT, b"good")] * 2
    assert isinstance(decoder.failure, EventStreamError)
    with pytest.raises(EventStreamError, match="checksum"):
        decoder.feed(good)
    with pytest.raises(EventStreamError, match="checksum"):
        decoder.finish()


def test_a_decoder_that_failed_stays_failed():
    decoder = Decoder()
    with pytest.raises(EventStreamError):
        decoder.feed(bytes(12))
    for _ in range(2):
        with pytest.raises(EventStreamError):
            decoder.feed(encode(EVENT, b""))


def test_an_empty_stream_is_whole():
    decoder = Decoder()
    assert decoder.feed(b"") == []
    decoder.finish()


def test_mutated_frames_raise_nothing_but_our_error():
    dice = random.Random(20261122)
    good = [encode(headers, payload) for headers, payload, _ in TABLE.values()]
    for _ in range(3000):
        data = bytearray(b"".join(dice.choices(good, k=3)))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            data[at : at + dice.randint(0, 3)] = dice.randbytes(dice.randint(0, 3))
        if dice.random() < 0.5 and len(data) >= 16:  # past the checksums, to the headers
            block = bytes(data[12 : 12 + dice.randint(0, len(data))])
            data = bytearray(framed(block, b"x"))
        decoder = Decoder()
        try:
            while data:
                size = dice.randint(1, len(data))
                decoder.feed(bytes(data[:size]))
                del data[:size]
            decoder.finish()
        except EventStreamError:
            continue
