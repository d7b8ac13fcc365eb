"""The page as one HTML document that loads nothing: style, script and, in a report, its data.

Rules: data stands in the document as JSON in which no character can end the element or begin
markup, and is put there last; only the document's own script and style may run, by their digests.

Sources: HTML Living Standard, "Restrictions for contents of script elements"; Content Security
Policy Level 3.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What would end a script element or mean something to HTML or old JavaScript → the same in JSON.
_ESCAPES: Final = {
    b"<": b"\\u003c",
    b">": b"\\u003e",
    b"&": b"\\u0026",
    "\u2028".encode(): b"\\u2028",
    "\u2029".encode(): b"\\u2029",
}
_UNSAFE: Final = re.compile(b"|".join(map(re.escape, _ESCAPES)))
_SCRIPTS: Final = ("figures.js", "charts.js", "calls.js", "page.js")


def write_document(data: Mapping[str, Any], *, offline: bool) -> str:
    """The page.

    Args:
        data: What the page shows; an empty mapping makes it ask its server.
        offline: Whether the document brings its own policy, being a file.
    """
    policy = (
        f'<meta http-equiv="Content-Security-Policy" content="{content_policy(offline=True)}">'
        if offline
        else ""
    )
    parts = {"policy": policy, "style": _style(), "data": embed(data), "script": _script()}
    return re.sub(r"<!--(policy|style|data|script)-->", lambda found: parts[found[1]], _shell())


def content_policy(*, offline: bool) -> str:
    """The Content Security Policy of the page: its own script and style, and nothing else."""
    rules = {
        "default-src": "'none'",
        "script-src": _digest(_script()),
        "style-src": _digest(_style()),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    if not offline:
        rules |= {"connect-src": "'self'", "frame-ancestors": "'none'"}
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def embed(data: Mapping[str, Any]) -> str:
    """JSON that may stand in a script element, whatever its strings are."""
    return _UNSAFE.sub(lambda found: _ESCAPES[found[0]], to_json(data)).decode()


def to_json(data: Mapping[str, Any]) -> bytes:
    """JSON of what records gave: halves of surrogate pairs become question marks."""
    try:
        return orjson.dumps(data)
    except TypeError:
        return orjson.dumps(_mended(data), default=str)


def _mended(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {_mended(name): _mended(part) for name, part in value.items()}  # pyright: ignore[reportUnknownVariableType] - any JSON
        case list() | tuple():
            return [_mended(part) for part in value]  # pyright: ignore[reportUnknownVariableType] - any JSON
        case _:
            return value


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _read(name: str) -> str:
    return resources.files("outcrop.activity.page").joinpath("browser", name).read_text("utf-8")


def _shell() -> str:
    return _read("page.html")


def _style() -> str:
    return _read("page.css")


def _script() -> str:
    return "\n".join(map(_read, _SCRIPTS))
