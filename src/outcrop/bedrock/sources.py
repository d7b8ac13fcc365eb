"""Where the data of images and documents is: Messages' sources and Converse's, side by side.

Rules: as in `blocks`; base64 goes over as it is.
Source: botocore `bedrock-runtime/2023-09-30/service-2.json` (`ImageSource`, `DocumentSource`).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Any, Final, NoReturn

from outcrop.errors import RequestError

Document = dict[str, Any]

#: Converse's document formats, and what a Messages source calls them.
MEDIA_TYPES: Final = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "html": "text/html",
    "md": "text/markdown",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMATS: Final = {media_type: format_ for format_, media_type in MEDIA_TYPES.items()}


def refuse(path: str, what: str, mend: str = "Leave it out, or use api='invoke'.") -> NoReturn:
    """Says what of a Messages request Converse has no counterpart for."""
    raise RequestError(f"{path} {what}", mend=mend)


def all_used(block: Document, path: str) -> None:
    """Refuses what is left of a block of which all that Converse has a place for was taken."""
    for name, value in block.items():
        if value is not None:
            refuse(f"{path}.{name}={value!r:.80}", "has no counterpart in Converse.")


def write_source(source: Document, path: str) -> Document:
    """Bytes, or a place in S3 (`{"type": "s3", "uri": …}`, which Messages itself doesn't know)."""
    kind = source.pop("type", None)
    if kind == "base64":
        written: Document = {"bytes": source.pop("data", None)}
    elif kind == "s3":
        place = {"uri": source.pop("uri", None), "bucketOwner": source.pop("bucket_owner", None)}
        written = {"s3Location": {name: value for name, value in place.items() if value}}
    else:
        refuse(
            f"{path}.type",
            f"is {kind!r}: Bedrock fetches no URLs and has no Files API.",
            "Send the data itself: {'type': 'base64', 'media_type': …, 'data': …}.",
        )
    all_used(source, path)
    return written


def read_source(source: Document) -> Document:
    """A Messages source, but for its `media_type`."""
    if "s3Location" in source:
        place = source["s3Location"]
        owner = {"bucket_owner": place["bucketOwner"]} if "bucketOwner" in place else {}
        return {"type": "s3", "uri": place.get("uri"), **owner}
    return {"type": "base64", "data": source.get("bytes")}


def encode(text: str) -> str:
    """Base64 of a text."""
    return b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")


def decode(data: object) -> str | None:
    """The text in base64; None if it is none."""
    try:
        return b64decode(data, validate=True).decode() if isinstance(data, str) else None
    except (Base64Error, ValueError):
        return None
