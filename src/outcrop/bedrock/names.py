"""Names of documents: what Converse takes, and how a title becomes one.

Source: botocore `bedrock-runtime/2023-09-30/service-2.json` (`DocumentBlock.name`); refusals of
Converse as publicly reported. That underscores pass isn't documented, but observed.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 200

_ALLOWED: Final = re.compile(r"(?!.*\s\s)[A-Za-z0-9 \-()\[\]_]{1,200}", re.DOTALL)
_REFUSED: Final = re.compile(r"[^A-Za-z0-9\-()\[\]_]+")


def is_safe(name: str) -> bool:
    """Whether Converse takes a document of this name."""
    return _ALLOWED.fullmatch(name) is not None


def safe(title: str, *, format: str = "") -> str:  # noqa: A002 - Converse's own name for it
    """The nearest name that Converse takes; empty if nothing of it is left.

    Args:
        title: As it is.
        format: Converse shows the model `name.format`, so that this suffix of a title can go.
    """
    if format and title.lower().endswith(f".{format}"):
        title = title[: -len(format) - 1]
    return title if is_safe(title) else _REFUSED.sub(" ", title).strip()[:LONGEST].rstrip()


class Names:
    """Gives each document of a request a name of its own, as Converse wants it."""

    __slots__ = ("_count", "_next", "_used")

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._count = 0
        # What a name begins with, and how many digits come after it → the next number to try. No
        # number is tried twice, so that many equal titles take no longer than as many others.
        self._next: dict[tuple[str, int], int] = {}

    def name(self, title: object, *, format: str = "") -> str:  # noqa: A002 - the same
        """The name for the next document: its title if that will do, else the nearest to it."""
        self._count += 1
        wanted = safe(title, format=format) if isinstance(title, str) else ""
        wanted = wanted or f"Document {self._count}"
        name = self._numbered(wanted) if wanted in self._used else wanted
        self._used.add(name)
        return name

    def _numbered(self, wanted: str) -> str:
        digits = 1
        while True:
            stem = wanted[: LONGEST - len(" ()") - digits].rstrip()
            first = 2 if digits == 1 else 10 ** (digits - 1)
            for number in range(self._next.get((stem, digits), first), 10**digits):
                self._next[stem, digits] = number + 1
                name = f"{stem} ({number})"
                if name not in self._used:
                    return name
            digits += 1
