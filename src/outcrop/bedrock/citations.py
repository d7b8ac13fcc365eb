"""Citations, as Messages and as Converse write them, both directions side by side.

Rules: numbers go over as they are (pages from 1, characters and blocks from 0, ends exclusive), as
recorded traffic shows; a Converse citation of a kind that isn't known stands among the Messages
ones untouched, but for a `type` before it. A request is refused for what Converse has no place for,
an answer does without it.
Sources: botocore `bedrock-runtime/2023-09-30/service-2.json` (`Citation`, `CitationLocation`);
Anthropic's API reference, "Citations".
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, cast

from outcrop.bedrock.given import fields
from outcrop.errors import RequestError

Document = dict[str, Any]


class Location(NamedTuple):
    """A kind of location.

    Attributes:
        messages: `type` of the Messages citation.
        converse: Member of Converse's `CitationLocation`.
        members: Messages field → field of that member.
        title: The Messages field that Converse calls `title`.
    """

    messages: str
    converse: str
    members: dict[str, str]
    title: str = "document_title"


LOCATIONS: Final = (
    Location(
        "char_location",
        "documentChar",
        {"document_index": "documentIndex", "start_char_index": "start", "end_char_index": "end"},
    ),
    Location(
        "page_location",
        "documentPage",
        {"document_index": "documentIndex", "start_page_number": "start", "end_page_number": "end"},
    ),
    Location(
        "content_block_location",
        "documentChunk",
        {"document_index": "documentIndex", "start_block_index": "start", "end_block_index": "end"},
    ),
    Location(
        "search_result_location",
        "searchResultLocation",
        {
            "search_result_index": "searchResultIndex",
            "start_block_index": "start",
            "end_block_index": "end",
        },
        title="title",
    ),
    Location(
        "web_search_result_location", "web", {"url": "url", "domain": "domain"}, title="title"
    ),
)
_BY_TYPE: Final = {location.messages: location for location in LOCATIONS}
_BY_MEMBER: Final = {location.converse: location for location in LOCATIONS}
#: The type of a Converse citation that says no place.
_PLACELESS: Final = "citation"


def write(given: object, path: str) -> Document:
    """A Converse citation from a Messages one.

    Raises:
        RequestError: It has what Converse has no place for.
    """
    citation = {name: value for name, value in fields(given, path).items() if value is not None}
    kind = citation.pop("type", None)
    location = _BY_TYPE.get(str(kind))
    if location is None:
        if "location" in citation or kind == _PLACELESS:  # Converse's own
            return citation
        raise RequestError(
            f"{path}.type is {kind!r}, which Converse has no location for.",
            mend="Leave the citation out, or use api='invoke'.",
        )
    place = {
        theirs: citation.pop(ours) for ours, theirs in location.members.items() if ours in citation
    }
    written: Document = {"location": {location.converse: place}}
    if "cited_text" in citation:
        written["sourceContent"] = [{"text": citation.pop("cited_text")}]
    if "source" in citation:
        written["source"] = citation.pop("source")
    if location.title in citation:
        written["title"] = citation.pop(location.title)
    for name, value in citation.items():
        raise RequestError(
            f"{path}.{name}={value!r} has no counterpart in a Converse citation.",
            mend="Leave it out, or use api='invoke'.",
        )
    return written


def told(given: object) -> Document | None:
    """As much of a Messages citation as Converse has a place for; None if it has no such kind."""
    citation = cast("Document", given) if isinstance(given, dict) else {}
    location = _BY_TYPE.get(str(citation.get("type")))
    if location is None:
        return None
    known = {"type", "cited_text", "source", location.title, *location.members}
    return {name: value for name, value in citation.items() if name in known}


def read(given: Document) -> Document:
    """A Messages citation from a Converse one; of a kind that isn't known, it is left as it is."""
    more = dict(given)
    place: Document = more.pop("location", None) or {}
    member = next(iter(place), _PLACELESS)
    location = _BY_MEMBER.get(member)
    if location is None:
        return {"type": member, **given}
    inner: Document = dict(place[location.converse] or {})
    read: Document = {"type": location.messages}
    read |= {
        ours: inner.pop(theirs) for ours, theirs in location.members.items() if theirs in inner
    }
    read |= inner
    content: list[Document] = more.pop("sourceContent", None) or []
    read["cited_text"] = "".join(part.get("text") or "" for part in content)
    if "source" in more or location is _BY_TYPE["search_result_location"]:
        read["source"] = more.pop("source", None)
    read[location.title] = more.pop("title", None)
    return read | more
