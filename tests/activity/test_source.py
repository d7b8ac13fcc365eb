"""Places: each file counts once, and a large one is never in memory whole."""

from __future__ import annotations

import gzip
import json
import os
import zlib

import pytest
from hypothesis import given, settings, strategies as st

from outcrop.activity import lines, source

needs_links = pytest.mark.skipif(os.name == "nt", reason="Windows lets few users make links")


def numbers(log):
    return sorted(int(row["request_id"][-12:]) for row in log.rows("SELECT request_id FROM calls"))


# Each once ───────────────────────────────────────────────────────────────────────────────────────


def test_a_place_that_is_named_twice_counts_once(record, write, logs, opened):
    file = write([record(1)], "some/a.json.gz")
    for places in ([logs, logs], [logs, logs / "some"], [file, logs], [f"{logs}/some/..", logs]):
        log = opened(places)
        assert numbers(log) == [1]
        assert log.rows("SELECT count(*) AS n FROM files") == [{"n": 1}]


@needs_links
def test_a_link_to_a_folder_above_is_no_second_place(record, write, logs, opened):
    write([record(1)], "some/a.jsonl")
    (logs / "some" / "loop").symlink_to(logs)
    (logs / "some" / "up").symlink_to(logs.parent)
    assert numbers(opened()) == [1]


@needs_links
def test_a_link_within_a_place_does_not_double_what_it_leads_to(record, write, logs, opened):
    file = write([record(1)], "some/a.jsonl")
    (logs / "latest").symlink_to(file.parent)
    (logs / "latest.jsonl").symlink_to(file)
    assert numbers(opened()) == [1]


@needs_links
def test_a_link_that_leads_out_of_a_place_is_followed_once(record, write, logs, tmp_path, opened):
    write([record(1)])
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.jsonl").write_text(json.dumps(record(2)) + "\n")
    (other / "back").symlink_to(logs)
    for name in ("one", "two"):
        (logs / name).symlink_to(other)
    assert numbers(opened()) == [1, 2]


@needs_links
def test_a_place_may_be_a_link_and_a_broken_link_does_no_harm(record, write, logs, opened):
    write([record(1)])
    (logs / "gone.jsonl").symlink_to(logs / "nowhere.jsonl")
    link = logs.parent / "link"
    link.symlink_to(logs)
    log = opened(link)
    assert numbers(log) == [1]
    assert log.damaged == []
    assert numbers(opened([link, logs])) == [1]


# A piece at a time ───────────────────────────────────────────────────────────────────────────────

TEXTS = st.lists(
    st.one_of(
        st.binary(max_size=200),
        st.integers(0, 5000).map(lambda count: b"z" * count),  # packs a thousandfold
        st.just(b"\n"),
    ),
    max_size=8,
).map(b"".join)


@pytest.fixture(scope="module", params=["isal", "zlib"])
def unpacker(request):
    """Both of the libraries that unpack."""
    patch = pytest.MonkeyPatch()
    if request.param == "zlib":
        patch.setattr(lines, "_unpacker", lambda: zlib.decompressobj)
    else:
        pytest.importorskip("isal")
    yield
    patch.undo()


@given(TEXTS, TEXTS, st.sampled_from([1, 3, 100, 4096]), st.integers(0, 9))
@settings(max_examples=150, deadline=None)
def test_pieces_are_the_whole_however_small_they_are(unpacker, one, other, piece, level):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "PIECE", piece)
        packed = gzip.compress(one, level) + gzip.compress(other, level)
        assert lines.unpack_all(packed) == lines.Lines(one + other)
        found = list(lines.pieces([packed]))
        assert all(len(text) <= piece + lines.MAX_LINE for text, _ in found)
        text = b"".join(text for text, _ in found)
        assert (one + other).startswith(text)
        assert text == one + other or found[-1].reason


@given(st.integers(3, 400), st.sampled_from([7, 64, 4096]))
@settings(max_examples=100, deadline=None)
def test_what_comes_before_a_cut_is_whole_lines_and_the_rest_is_told(unpacker, cut, piece):
    text = b"".join(b'{"n":%d,"x":"%d"}\n' % (n, n * 7919 % 1000003) for n in range(60))
    packed = gzip.compress(text)[:cut]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "PIECE", piece)
        found = lines.unpack(packed)
    assert text.startswith(found.text)
    assert found.text == b"" or found.text.endswith(b"\n")
    assert bool(found.reason) == (len(packed) < len(gzip.compress(text)))


@given(st.integers(20, 380), st.sampled_from([7, 64, 4096]))
@settings(max_examples=100, deadline=None)
def test_pieces_do_not_change_what_is_read_before_damage(unpacker, at, piece):
    text = b"".join(b'{"n":%d,"x":"%d"}\n' % (n, n * 7919 % 1000003) for n in range(60))
    packed = bytearray(gzip.compress(text))
    packed[at % len(packed)] ^= 0x55
    whole = lines.unpack(bytes(packed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "PIECE", piece)
        assert lines.unpack(bytes(packed)).reason == whole.reason
        assert len(lines.unpack(bytes(packed)).text) >= len(whole.text)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json.gz"])
def test_records_that_reach_across_pieces_are_read_once(name, record, write, opened, monkeypatch):
    write([record(number) for number in range(300)], name)
    before = opened().rows("SELECT * FROM calls ORDER BY request_id")
    monkeypatch.setattr(lines, "PIECE", 1000)
    log = opened()
    assert log.rows("SELECT * FROM calls ORDER BY request_id") == before
    assert log.rows("SELECT records, damaged FROM files") == [{"records": 300, "damaged": 0}]
    assert log.rows("SELECT count(*) AS n FROM contents") == [{"n": 300}]


def test_damage_in_one_piece_is_told_of_the_whole_file(record, write, opened, monkeypatch):
    file = write([record(number) for number in range(100)])
    text = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*text[:10], b"nothing\n", *text[10:], b"nothing\n"]))
    monkeypatch.setattr(lines, "PIECE", 1000)
    [damaged] = opened().damaged
    assert (damaged.records_read, damaged.reason) == (100, "2 lines are no records")


def test_a_line_without_an_end_is_not_gathered_for_ever(monkeypatch):
    monkeypatch.setattr(lines, "PIECE", 1000)
    monkeypatch.setattr(lines, "MAX_LINE", 5000)
    asked = 0

    def blocks():
        nonlocal asked
        while True:
            asked += 1
            yield b"x" * 1000

    [found] = lines.pieces(blocks())
    assert "5000" in found.reason
    assert asked == 6


def test_a_thousandfold_gzip_is_unpacked_a_piece_at_a_time():
    bomb = gzip.compress(b"\n" * 50_000_000)
    assert len(bomb) < 100_000
    assert max(len(text) for text, _ in lines.pieces([bomb])) <= lines.PIECE


def test_a_plain_file_is_read_in_blocks(record, write, logs):
    file = write([record(number) for number in range(50)])
    [listed] = source.list_files(str(logs), first=None, last=None)
    [(_, blocks)] = source.blocks([listed], 1000)
    found = list(blocks)
    assert max(map(len, found)) == 1000
    assert b"".join(found) == file.read_bytes()
