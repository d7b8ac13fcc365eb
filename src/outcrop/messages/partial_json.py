"""What can be read of a JSON text that isn't complete yet.

Rules: the text is read once, from left to right, without recursion; what is complete is kept, what
is unfinished is left out, and nothing raises. The official SDK reads with jiter's partial mode, and
the results are the same (observed with jiter 0.19.0).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

#: What an empty or hopeless text gives.
NOTHING: Final = object()

_SPACE = re.compile(r"[ \t\n\r,]*")  # a comma never decides what can be kept
_COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")
_STRING = re.compile(r'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)("?)')
_SCALAR = re.compile(r"[-+.\w]+")
_WHOLE = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null", re.ASCII)


def parse_partial(text: str, *, trailing_strings: bool = False) -> Any:
    """The value of the text as far as it goes; `NOTHING` if it doesn't go anywhere.

    Args:
        text: The beginning of a JSON text.
        trailing_strings: Keep a string that isn't finished, too.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _Reader(text, trailing_strings=trailing_strings).read()


class _Reader:
    """One pass over the text; open containers are kept on a stack."""

    def __init__(self, text: str, *, trailing_strings: bool) -> None:
        self.text = text
        self.at = 0
        self.trailing_strings = trailing_strings

    def read(self) -> Any:
        root: list[Any] = []
        stack: list[Any] = [root]
        while stack and not (root and len(stack) == 1):
            self.skip(_SPACE)
            inside = stack[-1]
            here = self.text[self.at : self.at + 1]
            if here == ("}" if isinstance(inside, dict) else "]"):
                self.at += 1
                stack.pop()
                continue
            key = None
            if isinstance(inside, dict):
                key = self.string(keep_open=False)
                if key is NOTHING or not self.skip(_COLON):
                    break
                here = self.text[self.at : self.at + 1]
            value = self.value(here)
            if value is NOTHING:
                break
            if isinstance(inside, dict):
                inside[key] = value
            else:
                inside.append(value)
            if here in ("{", "["):
                stack.append(value)
        return root[0] if root else NOTHING

    def value(self, here: str) -> Any:
        """The scalar at this place, or a new container."""
        if here in ("{", "["):
            self.at += 1
            return {} if here == "{" else []
        if here == '"':
            return self.string(keep_open=self.trailing_strings)
        token = _SCALAR.match(self.text, self.at)
        if token is None or _WHOLE.fullmatch(token[0]) is None:
            return NOTHING
        self.at = token.end()
        try:
            return json.loads(token[0])
        except ValueError:  # an integer with more digits than Python reads
            return NOTHING

    def string(self, *, keep_open: bool) -> Any:
        found = _STRING.match(self.text, self.at)
        if found is None or not (found[2] or keep_open):
            return NOTHING
        self.at = found.end()
        value = json.loads(f'"{found[1]}"')
        if not found[2]:
            self.at = len(self.text)  # an escape that is cut in two ends the text
            if value and "\ud800" <= value[-1] <= "\udbff":
                return value[:-1]  # as does the first half of a surrogate pair
        return value

    def skip(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found is not None
