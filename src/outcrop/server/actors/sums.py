"""Sums in a text, worked out exactly.

Rules: a parser of its own, never `eval`; fractions, never floats; what is too long or too large to
work out quickly has no answer.

Grammar: `sum = product (("+" | "-") product)*`, `product = power (("*" | "/" | "%") power)*`,
`power = ("+" | "-") power | atom ["^" power]`, `atom = number | "(" sum ")"`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

_LONGEST: Final = 120  # characters; also bounds how deep brackets nest
_BITS: Final = 256  # the largest numerator or denominator, in a result or on the way

_ASKED = re.compile(
    r"(?:what(?:'s|’s| is| are)|how much(?: is| are)?|calculate|compute|evaluate|work out|solve)"  # noqa: RUF001 - what people type
    r"[ \t:]{1,4}(?:the (?:sum|value|result) of )?(?P<sum>[-+(.\d][-+*/%^().\d \t×÷x]{0,120})",  # noqa: RUF001 - signs that people type
    re.IGNORECASE,
)
_BARE = re.compile(r"\s*(?P<sum>[-+(.\d][-+*/%^().\d \t×÷x]{0,120}?)[ \t]*(?:=[ \t]*\??|\?)?\s*")  # noqa: RUF001 - signs that people type
_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<sign>\*\*|[-+*/%^()]))")
_ALIKE = str.maketrans({"×": "*", "÷": "/", "x": "*", "X": "*"})  # noqa: RUF001 - signs that people type


def answer(text: str) -> tuple[str, str] | None:
    """The sum that a text asks for and its value, or None if it asks for none.

    A sum counts as asked for after words such as "what is", or if it is the whole text. A value
    that is no finite decimal is rounded to ten places.
    """
    asked = _BARE.fullmatch(text[:_LONGEST]) if len(text) <= _LONGEST else None
    asked = asked or _ASKED.search(text)
    if asked is None:
        return None
    written = asked["sum"].strip().rstrip(".").rstrip()
    signs = re.sub(r"^[-+\s]+", "", written).translate(_ALIKE)
    if not re.search(r"[-+*/%^]", signs):
        return None
    value = work_out(written)
    return None if value is None else (written, show(value))


def work_out(text: str) -> Fraction | None:
    """The value of a sum; None if it isn't one, divides by zero, or is too large."""
    if len(text) > _LONGEST:
        return None
    try:
        return _Parser(text.translate(_ALIKE)).whole()
    except (ArithmeticError, ValueError):
        return None


def show(value: Fraction) -> str:
    """A number as people write it, with at most ten decimal places."""
    if value.denominator == 1:
        return str(value.numerator)
    scaled = round(abs(value) * 10**10)
    whole, decimals = divmod(scaled, 10**10)
    sign = "-" if value < 0 and scaled else ""
    tail = f"{decimals:010}".rstrip("0")
    return f"{sign}{whole}.{tail}" if tail else f"{sign}{whole}"


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at, text = 0, text.rstrip()
        while at < len(text):
            if (token := _TOKEN.match(text, at)) is None:
                raise ValueError(text[at:])
            self.tokens.append(token["number"] or token["sign"])
            at = token.end()
        self.at = 0

    def whole(self) -> Fraction:
        value = self.sum()
        if self.at < len(self.tokens):
            raise ValueError(self.tokens[self.at])
        return value

    def sum(self) -> Fraction:
        value = self.product()
        while sign := self.next_of("+", "-"):
            other = self.product()
            value = _checked(value + other if sign == "+" else value - other)
        return value

    def product(self) -> Fraction:
        value = self.power()
        while sign := self.next_of("*", "/", "%"):
            other = self.power()
            result = (
                value * other if sign == "*" else value / other if sign == "/" else value % other
            )
            value = _checked(result)
        return value

    def power(self) -> Fraction:
        if sign := self.next_of("+", "-"):
            value = self.power()
            return -value if sign == "-" else value
        value = self.atom()
        if not self.next_of("^", "**"):
            return value
        exponent = self.power()
        if exponent.denominator != 1 or abs(exponent) > _BITS:
            raise ValueError(exponent)
        return _checked(value ** int(exponent))

    def atom(self) -> Fraction:
        if self.next_of("("):
            value = self.sum()
            if not self.next_of(")"):
                raise ValueError("(")
            return value
        if self.at == len(self.tokens):
            raise ValueError("end")
        self.at += 1
        return _checked(Fraction(self.tokens[self.at - 1]))  # a sign here is a ValueError

    def next_of(self, *signs: str) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at] in signs:
            self.at += 1
            return self.tokens[self.at - 1]
        return ""


def _checked(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _BITS:
        raise OverflowError(_BITS)
    return value
