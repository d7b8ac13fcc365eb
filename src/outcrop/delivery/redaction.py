"""Takes out of records what names people or opens doors; for `content="redacted"`.

Rules: it works on strings, wherever in a body they stand, and leaves the shape of the record as it
is; each thing that is taken out leaves its kind, such as `[email]`; it is a net with known holes
(names and addresses pass), which a redactor of one's own can replace.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from outcrop.bedrock.invocation_log import Record

_PATTERNS: Final = (
    (
        "private key",
        re.compile(r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[^-]*(?:-----END[^-]*-----)?"),
    ),
    ("aws key", re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b")),
    ("token", re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}\b")),
    ("token", re.compile(r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|glpat|xox[abprs])[-_][\w-]{16,}")),
    ("token", re.compile(r"\b(?:ABSK|bedrock-api-key-)[\w+/=-]{20,}")),
    ("email", re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b")),
    ("iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")),
    ("social security number", re.compile(r"\b\d{3}-\d{2}-\d{4}\b")),
    (
        "telephone number",
        re.compile(r"(?<![\w.])\+\d{1,3}[ -]?(?:\(?\d{1,4}\)?[ -]?){2,5}\d{2,4}\b"),
    ),
)
_DIGITS: Final = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")
#: Longer strings are images and documents as base64, which can't be read here: they go as a whole.
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{512,}={0,2}")


def redact(record: Record) -> Record:
    """The record without secrets and personal data that patterns can tell, in its bodies."""
    for side in ("input", "output"):
        part = record.get(side)
        name = f"{side}BodyJson"
        if part is not None and name in part:
            part[name] = walk(part[name], redact_text)
    return record


def walk(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with every string in it changed; keys stay.

    Args:
        value: Not changed itself; may be nested as deeply as JSON readers allow.
        change: Of one string.
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: walk(member, change) for name, member in members.items()}
    if isinstance(value, list):
        return [walk(item, change) for item in cast("list[Any]", value)]
    return value


def redact_text(text: str) -> str:
    """A text without what patterns can tell to be a secret or personal data."""
    if _BASE64.fullmatch(text):
        return "[data]"
    for kind, pattern in _PATTERNS:
        text = pattern.sub(f"[{kind}]", text)
    return _DIGITS.sub(_card, text)


def _card(match: re.Match[str]) -> str:
    digits = [int(digit) for digit in match[0] if digit.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return "[card number]" if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 else match[0]
