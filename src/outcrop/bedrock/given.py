"""What callers hand over where JSON is meant: dicts, reply views, models of other SDKs, iterables.

Rules: nothing is copied that needn't be; what can't be a JSON object or array is told with its
place in the request.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from typing import Any, cast

from outcrop.errors import RequestError
from outcrop.messages.view import View

Document = dict[str, Any]


def fields(value: object, path: str) -> Document:
    """The JSON object that a value stands for.

    Raises:
        RequestError: It stands for none.
    """
    if isinstance(value, dict):
        return cast("Document", value)
    if isinstance(value, View):
        return value.whole()
    if hasattr(value, "model_dump"):  # the official SDK's blocks, and pydantic's models
        return cast("Any", value).model_dump(exclude_unset=True)
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    raise RequestError(
        f"{path} is {reprlib.repr(value)}, where an object belongs.", mend="Give a dict."
    )


def items(value: object, path: str) -> list[Any]:
    """The JSON array that a value stands for; None is an empty one.

    Raises:
        RequestError: It stands for none.
    """
    if value is None:
        return []
    if isinstance(value, list):
        return cast("list[Any]", value)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | bytearray | Mapping):
        return list(cast("Iterable[Any]", value))
    raise RequestError(
        f"{path} is {reprlib.repr(cast('object', value))}, where a list belongs.",
        mend="Give a list.",
    )
