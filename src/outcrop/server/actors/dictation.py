"""What a text asks to be said word for word, or at an edge of each reply.

Rules: an order first ("say exactly", "start every reply with"), what it is about right after it, in
quotes or plain; any text is read in linear time, since a prompt is anybody's: an order is found by
an expression that never goes back, and the quote that ends a quotation in a list made once.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Characters of a quotation.
LONGEST: Final = 2000

_OPENING: Final = "\"“'‘`"  # noqa: RUF001 - as people type
#: What ends a quotation, and the line ends within which it stands.
_CLOSING: Final = re.compile(r"""["”'’`](?=[\s.!?]|$)|\n""")  # noqa: RUF001 - the same


class _Order(NamedTuple):
    """How something is asked for: what comes before it, and what it is without quotes."""

    before: re.Pattern[str]
    plain: re.Pattern[str]


_ONLY = (
    r"(?:always |only |just )?(?:reply|respond|answer)(?: back)?"
    r"(?: only with| just with| with (?:only|just|nothing but|the words?))"
)
_LINE = rf"\S[^\n]{{0,{LONGEST}}}"
_LAST_WORD = r"(?!json\b)[^\s.!?]{1,200}(?=[.!?]?\s*$|[.!?]\s)"
_ORDERS: Final = tuple(
    _Order(
        re.compile(rf"\b(?:{words})[ \t]*+[:-]?+\s*+", re.IGNORECASE),
        re.compile(plain, re.IGNORECASE),
    )
    for words, plain in (
        (r"repeat after me|say exactly|(?:reply|respond|answer) with exactly", _LINE),
        (r"(?:say|repeat|echo)(?: this| the following)?(?=:)", _LINE),
        (_ONLY, _LAST_WORD),
        (r"say|repeat|echo|(?:always )?(?:reply|respond|answer) with", r"(?!)"),
    )
)
_AT_EDGE: Final = _Order(
    re.compile(
        r"\b(start|begin|end|finish) (?:every|each|all|your|the)(?: of your)? "
        r"(?:reply|replies|answers?|responses?|messages?) with ",
        re.IGNORECASE,
    ),
    re.compile(r"[^\s.,]{1,80}"),
)


class Edge(NamedTuple):
    """What each reply is to begin or to end with."""

    begins: bool
    mark: str


def dictated(text: str) -> str | None:
    """What is to be said, if a text asks for that: by the first order of the plainest kind."""
    quotations = _Quotations(text)
    for order in _ORDERS:
        for _, said in _found(order, text, quotations):
            return said.strip()
    return None


def edges(text: str) -> list[Edge]:
    """What each reply is to begin and to end with."""
    return [
        Edge(match[1].lower() in ("start", "begin"), mark)
        for match, mark in _found(_AT_EDGE, text, _Quotations(text))
    ]


def _found(
    order: _Order, text: str, quotations: _Quotations
) -> Iterator[tuple[re.Match[str], str]]:
    at = 0
    while match := order.before.search(text, at):
        at = match.end()
        if (end := quotations.end(at)) is not None:
            yield match, text[at + 1 : end]
            at = end + 1
        elif plain := order.plain.match(text, at):
            yield match, plain[0]
            at = plain.end()


class _Quotations:
    """Where the quotations of a text end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends: list[int] | None = None

    def end(self, start: int) -> int | None:
        """The place of the quote that closes the one at a place; None if there's no quotation."""
        if self._text[start : start + 1] not in tuple(_OPENING):
            return None
        if self._ends is None:
            self._ends = [match.start() for match in _CLOSING.finditer(self._text)]
        at = bisect_right(self._ends, start)
        if self._text[start + 1 : start + 2] != "\n" and self._ends[at : at + 1] == [start + 1]:
            at += 1  # a quotation isn't empty: a quote that comes first is part of it
        end = next(iter(self._ends[at : at + 1]), None)
        if end is None or self._text[end] == "\n" or end - start - 1 > LONGEST:
            return None
        return end
