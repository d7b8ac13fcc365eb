"""Claims about what a text asks to be said word for word."""

from __future__ import annotations

import pytest

from outcrop.server.actors.dictation import LONGEST, dictated, edges


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Please say exactly: \"It's 5 o'clock\". Thanks.", "It's 5 o'clock"),
        ("Repeat after me: one two\nthree", "one two"),
        ("Reply with only yes.", "yes"),
        ("Answer with “yes and no”, please", None),
        ("Answer with “yes and no” please", "yes and no"),
        ('say "" x" now', '" x'),
        ('say "a\nb"', None),
        (f'say "{"a" * LONGEST}"', "a" * LONGEST),
        (f'say "{"a" * (LONGEST + 1)}"', None),
        ("reply with only json", None),
        ("Say 'one'. Say 'two'.", "one"),
        ("hearsay 'one'", None),
    ],
)
def test_an_order_says_what_is_to_be_said(text, said):
    assert dictated(text) == said


def test_edges_are_told_in_order():
    text = 'Start every reply with "Ahoy, you!" and end your answers with Over.'
    assert edges(text) == [(True, "Ahoy, you!"), (False, "Over")]


@pytest.mark.parametrize(
    "text",
    [
        'say "' * 500_000,
        "say" + " " * 10_000_000 + "x",
        "say" + "\t" * 10_000_000,
        'start every reply with "' * 100_000,
        "reply with only x" * 500_000,
        "say '" + "'" * 10_000_000,
    ],
    ids=["openings", "blanks", "tabs", "edges", "words", "quotes"],
)
def test_whatever_the_text_is_it_is_read_in_linear_time(text):
    # By the square of these lengths, none of them would end.
    dictated(text)
    edges(text)
