"""An overlay: what a user knows better than the shipped catalog, merged on top of it.

Rules: pure, dictionaries in and out, neither is changed; the overlay wins. It has the catalog's own
shape (`outcrop.catalog.edition.document`) with only what differs: objects are merged key by key and
null takes a key away (RFC 7396, "JSON Merge Patch"); rows of a list are merged by their `id` or
`endpoint`, any other list is replaced. The row of a new model may say `"like": "<base ID>"` to have
what another model can do, but not where that one is to be had::

    {
      "models": [
        {"id": "anthropic.claude-opus-5", "profiles": {"jp": "common"}},
        {"id": "anthropic.claude-opus-9", "like": "anthropic.claude-opus-5-5",
         "name": "Claude Opus 9", "first_party": "claude-opus-9", "launch": "2027-01-05",
         "profiles": {"global": "common"}}
      ],
      "prices": {"premiums": [{"endpoint": "in-region", "factor": "1"}]},
      "quotas": {"models": [{"id": "anthropic.claude-opus-5-5", "burndown": 1}]},
      "application_profiles": {"arn:aws:bedrock:…:application-inference-profile/…": "us.…"}
    }
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final, cast

from outcrop.errors import ConfigurationError

Document = dict[str, Any]

SECTIONS: Final = ("as_of", "sources", "models", "prices", "quotas", "application_profiles")
_KEYS: Final = ("id", "endpoint")
_LIKE: Final = "like"
#: Where and when a model is to be had: a row that is like another begins with these instead.
_UNSHARED: Final[Document] = {
    "profiles": {},
    "in_region": [],
    "messages_regions": [],
    "uncertain_profiles": [],
    "disputed": {},
    "lifecycle": {"status": "ACTIVE"},
    "source": "overlay",
}


def merge(document: Document, overlay: Document) -> Document:
    """A catalog document with an overlay on top.

    Args:
        document: The document below, such as `edition.document()` or an earlier merger.
        overlay: What wins.

    Raises:
        ConfigurationError: The overlay has a section that no catalog has, a row without a key, or
            is like a model that isn't there.
    """
    for name in overlay:
        if name not in SECTIONS:
            raise ConfigurationError(
                f"The overlay has {name!r}, which isn't a section of the catalog.",
                mend=f"Its sections are {', '.join(SECTIONS)}.",
            )
    return _merge_objects(document, overlay, "overlay")


def _merge_objects(below: Document, above: Document, where: str) -> Document:
    merged = {key: deepcopy(value) for key, value in below.items() if key not in above}
    for key, value in above.items():
        if value is not None:
            merged[key] = _merge(below.get(key), value, f"{where}.{key}")
    return merged


def _merge(below: object, above: object, where: str) -> object:
    if isinstance(above, dict):
        # An object over something else: still merged, so that its nulls are taken away.
        base = cast("Document", below) if isinstance(below, dict) else {}
        return _merge_objects(base, cast("Document", above), where)
    if isinstance(above, list) and (key := _key(below)):
        return _merge_rows(cast("list[Document]", below), cast("list[object]", above), key, where)
    return deepcopy(cast("object", above))


def _key(below: object) -> str | None:
    """The key of a list of rows, None for any other list."""
    if not isinstance(below, list) or not below:
        return None
    first = cast("list[object]", below)[0]
    return next((key for key in _KEYS if isinstance(first, dict) and key in first), None)


def _merge_rows(below: list[Document], above: list[object], key: str, where: str) -> list[Document]:
    """The rows, new ones first: the catalog has the newest models at its head."""
    rows = {row[key]: row for row in below}
    merged: dict[str, Document] = {}
    for at, given in enumerate(above):
        row = cast("Document", given) if isinstance(given, dict) else {}
        name = row.get(key)
        if not isinstance(name, str):
            raise ConfigurationError(
                f"{where}[{at}] has no {key!r}.", mend=f"Name the row that it stands for: {key!r}."
            )
        base = merged.get(name) or rows.get(name)
        if base is None:
            base = _like(row, {**rows, **merged}, f"{where}[{at}]")
        own = {column: value for column, value in row.items() if column != _LIKE}
        merged[name] = _merge_objects(base, own, f"{where}[{at}]")
    new = [row for name, row in merged.items() if name not in rows]
    return [*new, *(merged.get(name) or deepcopy(row) for name, row in rows.items())]


def _like(row: Document, rows: dict[str, Document], where: str) -> Document:
    """The columns that a new row begins with."""
    if _LIKE not in row:
        return {}
    sibling = row[_LIKE]
    if sibling not in rows:
        raise ConfigurationError(
            f"{where} is to be like {sibling!r}, which isn't there.",
            mend="Name a base ID of the catalog.",
        )
    columns = rows[sibling]
    return {column: _UNSHARED.get(column, value) for column, value in columns.items()}
