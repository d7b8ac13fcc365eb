"""What is read of unfinished JSON: as jiter 0.19.0 reads it, which the official SDK uses."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from outcrop.messages.partial_json import NOTHING, parse_partial

# text, jiter's result with partial_mode=True, the same with partial_mode="trailing-strings"
OBSERVED = [
    ('{"a": "San Fr', {}, {"a": "San Fr"}),
    ('{"a": [1, 2', {"a": [1, 2]}, {"a": [1, 2]}),
    ('{"a": tr', {}, {}),
    ('{"a', {}, {}),
    ('{"a":', {}, {}),
    ('{"a": 1,', {"a": 1}, {"a": 1}),
    ("[1.5", [1.5], [1.5]),
    ("[-", [], []),
    ("[1.", [], []),
    ("[12e", [], []),
    ("[1,", [1], [1]),
    ("{", {}, {}),
    ('{"a": {"b": "x"}, "c', {"a": {"b": "x"}}, {"a": {"b": "x"}}),
    ('{"a": "x\\u00', {}, {"a": "x"}),
    ('["a", "b\\', ["a"], ["a", "b"]),
    ('{"a": "x" "b"', {"a": "x"}, {"a": "x"}),
    ("[]]", [], []),
    ('{"a":1} x', {"a": 1}, {"a": 1}),
]


@pytest.mark.parametrize(("text", "complete", "trailing"), OBSERVED)
def test_unfinished_json_is_read_as_jiter_reads_it(text, complete, trailing):
    assert parse_partial(text) == complete
    assert parse_partial(text, trailing_strings=True) == trailing


@pytest.mark.parametrize("text", ["", "nul", "nope", "}"])
def test_what_jiter_refuses_is_nothing(text):
    assert parse_partial(text) is NOTHING


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.booleans())
def test_a_whole_text_is_read_whole(value, ascii_only):
    assert parse_partial(json.dumps(value, ensure_ascii=ascii_only)) == value


def is_beginning_of(part, whole, *, at_the_end=True):
    """Whether `part` is what a cut left of `whole`: only the last place may be unfinished."""
    if isinstance(part, dict) and isinstance(whole, dict):
        keys = list(part)
        return keys == list(whole)[: len(keys)] and all(
            is_beginning_of(part[key], whole[key], at_the_end=at_the_end and key == keys[-1])
            for key in keys
        )
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(
            is_beginning_of(mine, theirs, at_the_end=at_the_end and place == len(part) - 1)
            for place, (mine, theirs) in enumerate(zip(part, whole, strict=False))
        )
    if at_the_end and isinstance(part, int | float) and isinstance(whole, int | float):
        return True  # a number that is cut is another number
    return part == whole or (at_the_end and str(whole).startswith(str(part)[:-1]))


@given(st.dictionaries(st.text(), VALUES, max_size=4), st.data())
def test_a_cut_text_gives_the_beginning(value, data):
    text = json.dumps(value)
    part = parse_partial(text[: data.draw(st.integers(1, len(text)))])
    assert isinstance(part, dict)
    assert is_beginning_of(part, value)


def test_ten_thousand_open_brackets_are_no_trouble():
    value = parse_partial("[" * 10_000)
    depth = 0
    while value:
        (value,) = value
        depth += 1
    assert depth == 9_999
