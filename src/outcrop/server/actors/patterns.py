"""A text that matches a regular expression, made from the expression itself.

Rules: the expression is read, never run, so that no expression can take long; what the grammar
below doesn't know (look-around, back-references) gives no text rather than a wrong one.

Grammar, from ECMA-262, "Patterns": alternatives, groups, classes with ranges and escapes, the
quantifiers `*`, `+`, `?` and `{n,m}`, and `^` and `$` at the ends of the outermost alternatives.
A match need not be the whole text (JSON Schema, "pattern").
"""

from __future__ import annotations

import math
import string
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST: Final = 4096
_DEEPEST: Final = 40  # groups in groups
_PREFERRED: Final = string.ascii_letters + string.digits + " -_.,:;/@+#!?()'\"" + "\t\n\x00é€中"
_KINDS: Final = {
    "d": string.digits,
    "w": string.ascii_letters + string.digits + "_",
    "s": " \t\n\r\v\f\u00a0\u2028\u2029\ufeff",
}
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "v": "\v", "f": "\f", "0": "\x00"}
_PROPERTIES: Final = {
    "L": string.ascii_letters,
    "Letter": string.ascii_letters,
    "Alphabetic": string.ascii_letters,
    "Lu": string.ascii_uppercase,
    "Ll": string.ascii_lowercase,
    "N": string.digits,
    "Nd": string.digits,
}


class _UnknownError(ValueError):
    """Something that the grammar doesn't know."""


def matching(
    pattern: str, *, min_length: int = 0, max_length: int | None = None, variant: int = 0
) -> str | None:
    """A text that the pattern matches, of that many characters; None if none was found.

    The shortest repetitions are tried first, then longer ones until `min_length` is reached. Other
    variants take other characters of the pattern's classes, as far as it has some.
    """
    low, high = 0, min(min_length, _LONGEST)
    text = _written(pattern, min_length, extra=low, variant=variant)
    if text is not None and len(text) < min_length:
        text = _written(pattern, min_length, extra=high, variant=variant)
        while high - low > 1:  # more repetitions, longer text: the least that are enough
            middle = (low + high) // 2
            shorter = _written(pattern, min_length, extra=middle, variant=variant)
            if shorter is not None and len(shorter) < min_length:
                low = middle
            else:
                high, text = middle, shorter
    most = math.inf if max_length is None else max_length
    fits = text is not None and min_length <= len(text) <= most
    return text if fits else None


def _written(pattern: str, min_length: int, *, extra: int, variant: int) -> str | None:
    writer = _Writer(pattern, extra, variant)
    try:
        text = writer.whole()
    except _UnknownError:
        return None
    return text if writer.ends else text.ljust(min(min_length, _LONGEST), "x")


class _Writer:
    """Reads a pattern once, and writes what it reads.

    Attributes:
        extra: How often a part is repeated beyond its least number, where it may be.
        variant: Which characters are taken; each class uses up its part of the number.
        ends: Whether the pattern says where a match ends.
    """

    def __init__(self, pattern: str, extra: int, variant: int) -> None:
        self.pattern = pattern
        self.extra = extra
        self.variant = variant
        self.varied = variant > 0
        self.at = 0
        self.classes: dict[int, tuple[str, int]] = {}  # where one begins: members, where it ends
        self.depth = 0
        self.ends = False

    def whole(self) -> str:
        text = self.alternatives()
        if self.at < len(self.pattern):
            raise _UnknownError(self.pattern)
        return text

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def next(self) -> str:
        char = self.peek()
        if not char:
            raise _UnknownError(self.pattern)
        self.at += 1
        return char

    def skip(self, text: str) -> bool:
        found = self.pattern.startswith(text, self.at)
        self.at += len(text) * found
        return found

    def alternatives(self) -> str:
        """The first alternative; the others are only read."""
        first = self.sequence()
        while self.skip("|"):
            self.sequence()
        return first

    def sequence(self) -> str:
        parts: list[str] = []
        length = 0
        while self.peek() not in ("", "|", ")"):
            if self.skip("^"):
                if length or self.depth:
                    raise _UnknownError(self.pattern)
                continue
            if self.skip("$"):
                if self.peek() not in ("", "|") or self.depth:
                    raise _UnknownError(self.pattern)
                self.ends = True
                continue
            start = self.at
            part = self.atom()
            times = self.times()
            length += len(part) * times
            if length > _LONGEST:
                raise _UnknownError(self.pattern)
            if part:
                parts += [part] * min(times, 1)
                parts += self.again(start, part, times - 1)
        return "".join(parts)

    def again(self, start: int, part: str, times: int) -> Iterator[str]:
        """The repetitions of a part: read anew if they may differ."""
        end = self.at
        for _ in range(times):
            if self.varied:
                self.at = start
                part = self.atom()
                self.at = end
            yield part

    def atom(self) -> str:
        char = self.next()
        match char:
            case "(":
                return self.group()
            case "[":
                return self.members()
            case ".":
                return self.one_of(string.ascii_letters)
            case "\\":
                return self.one_of(self.escape())
            case "*" | "+" | "?":
                raise _UnknownError(self.pattern)
            case _:
                return char

    def one_of(self, chars: str) -> str:
        if not chars:
            raise _UnknownError(self.pattern)
        self.variant, choice = divmod(self.variant, len(chars))
        return chars[choice]

    def group(self) -> str:
        if self.skip("?") and not self.skip(":"):
            named = self.skip("P<") or self.skip("<")
            if not named or self.peek() in ("=", "!"):
                raise _UnknownError(self.pattern)
            while self.next() != ">":
                pass
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _UnknownError(self.pattern)
        text = self.alternatives()
        self.depth -= 1
        if not self.skip(")"):
            raise _UnknownError(self.pattern)
        return text

    def times(self) -> int:
        least, most = 1, 1
        if self.skip("*"):
            least, most = 0, _LONGEST
        elif self.skip("+"):
            least, most = 1, _LONGEST
        elif self.skip("?"):
            least, most = 0, 1
        elif self.peek() == "{":
            end = self.pattern.find("}", self.at)
            low, comma, high = self.pattern[self.at + 1 : max(end, 0)].partition(",")
            if not low.isdecimal() or (high and not high.isdecimal()) or len(low + high) > 9:
                raise _UnknownError(self.pattern)
            least = int(low)
            most = int(high) if high else _LONGEST if comma else least
            self.at = end + 1
        if least > _LONGEST:
            raise _UnknownError(self.pattern)
        self.skip("?")  # lazy or not makes no difference to what can match
        return max(least, min(most, least + self.extra))

    def escape(self) -> str:
        """The characters that an escape stands for, the part after the backslash."""
        char = self.next()
        if char in _KINDS:
            return _KINDS[char]
        if char.lower() in _KINDS:
            return _without(_KINDS[char.lower()])
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char in "xu":
            return self.code(2 if char == "x" else 4)
        if char in "pP":
            end = self.pattern.find("}", self.at)
            known = _PROPERTIES.get(self.pattern[self.at + 1 : max(end, 0)])
            if known is None:
                raise _UnknownError(self.pattern)
            self.at = end + 1
            return known if char == "p" else _without(known)
        if char.isalnum():  # \b, \B, back-references
            raise _UnknownError(self.pattern)
        return char

    def code(self, digits: int) -> str:
        written = self.pattern[self.at : self.at + digits]
        if len(written) < digits or not set(written) <= set(string.hexdigits):
            raise _UnknownError(self.pattern)
        self.at += digits
        char = chr(int(written, 16))
        if "\ud800" <= char <= "\udfff":  # half a character
            raise _UnknownError(self.pattern)
        return char

    def members(self) -> str:
        """One character of a class."""
        start = self.at
        if start not in self.classes:
            self.classes[start] = (self.listed(), self.at)
        chars, self.at = self.classes[start]
        return self.one_of(chars)

    def listed(self) -> str:
        """The characters of a class, preferred ones only if there are some."""
        negated = self.skip("^")
        ranges: list[tuple[str, str]] = []
        while not self.skip("]"):
            first = self.member()
            if len(first) == 1 and self.peek() == "-" and self.pattern[self.at + 1 :][:1] != "]":
                self.next()
                last = self.member()
                if len(last) != 1:
                    raise _UnknownError(self.pattern)
                ranges.append((first, last))
            else:
                ranges += [(char, char) for char in first]
        return _outside(ranges) if negated else _inside(ranges)

    def member(self) -> str:
        char = self.next()
        if char == "\\":
            return "\b" if self.skip("b") else self.escape()
        return char


def _inside(ranges: list[tuple[str, str]]) -> str:
    """The preferred characters of some ranges, or the first of them all."""
    liked = "".join(char for char in _PREFERRED if any(a <= char <= b for a, b in ranges))
    return liked or "".join(first for first, last in ranges if first <= last)


def _outside(ranges: list[tuple[str, str]]) -> str:
    return "".join(char for char in _PREFERRED if not any(a <= char <= b for a, b in ranges))


def _without(chars: str) -> str:
    return "".join(char for char in _PREFERRED if char not in chars)
