"""What may stand in the fields and lengths of an HTTP/1.1 message; both directions ask here.

Rule: string methods and small tables of what was seen already, not regular expressions: compiling
those would take longer than a call.

Specifications: RFC 9110, 5 (fields); RFC 9112, 5 to 7 (lines, lengths, chunks).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_NAME: Final = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: Characters of a field's name; no known one has half of it.
LONGEST_NAME: Final = 128
_HEX: Final = b"0123456789ABCDEFabcdef"
#: Of a length, in either notation: a terabyte and more.
MOST_DIGITS: Final = 12


@lru_cache(maxsize=512)
def lower(name: str) -> str:
    """A field's name in lower case; empty if it can't be one."""
    return "" if name.strip(_NAME) else name.lower()


def unfold(lines: list[str]) -> list[str]:
    """RFC 9112, 5.2: a folded line's break is "one or more SP octets"."""
    whole: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and whole:
            whole[-1] += " " + line.lstrip(" \t")
        else:
            whole.append(line)
    return whole


def is_one_length(given: list[str]) -> bool:
    """Whether all say the same number (RFC 9112, 6.3: "all values … identical and valid")."""
    one = given[0]
    fits = one.isascii() and one.isdigit() and len(one) <= MOST_DIGITS
    return fits and given.count(one) == len(given)


@lru_cache(maxsize=1024)
def size(line: bytes) -> int:
    """The size in a chunk's line; -1 if the line isn't only that."""
    fits = 0 < len(line) <= MOST_DIGITS and not line.strip(_HEX)
    return int(line, 16) if fits else -1


def is_value(value: str) -> bool:
    """RFC 9110, 5.5: visible characters, obs-text, space and tab; no other control characters."""
    return not any(
        (char < " " and char != "\t") or char == "\x7f" or "\ud800" <= char <= "\udfff"
        for char in value
    )
