"""What was said: a text found in prompts and completions, and one call as a conversation.

Rules: a text is looked for as people read it, whatever JSON made of it, and in a streamed reply
across its pieces; upper and lower case are the same; files are looked through by their bytes, and
only records that may have it are taken apart. Bodies that lie beside their record are fetched.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from outcrop.activity import source, turns
from outcrop.errors import RequestError

if TYPE_CHECKING:
    from datetime import datetime

    from outcrop.activity.engine import Activity

Row = dict[str, Any]

#: Characters of a finding that are shown before and behind.
AROUND: Final = 60
_BLANKS: Final = re.compile(r"\s+")
#: Bytes of a body beside its record that are read.
_MOST_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """A place where a text stands.

    Attributes:
        request_id: Of the call.
        time: When it was.
        model_id: As called.
        role: Who says it: `system`, `user`, `assistant`, ….
        reply: Whether it is in this call's completion.
        before: What stands before it.
        text: It, as it stands there.
        behind: What stands behind it.
    """

    request_id: str
    time: datetime
    model_id: str
    role: str
    reply: bool
    before: str
    text: str
    behind: str


def search(log: Activity, text: str, *, limit: int = 100) -> list[Found]:
    """The places where a text stands, one a call, the newest first.

    Args:
        log: The records.
        text: Looked for without regard to case.
        limit: How many at most.

    Raises:
        RequestError: The text is empty.
    """
    if not text.strip():
        raise RequestError("There is nothing to search for.", mend="Give a text.")
    found: list[Found] = []
    for row in log.containing(text):
        if place := _place(row, text):
            found.append(place)
            if len(found) >= limit:
                break
    return found


def _place(row: Row, text: str) -> Found | None:
    said = turns.read_turns(row["input"], row["output"], most_characters=10**9)
    wanted = re.compile(re.escape(text), re.IGNORECASE)
    for turn in reversed(said["turns"]):
        for block in turn["blocks"]:
            shown: str = block["text"]
            match = wanted.search(shown)
            if match is None:
                continue
            at, end = match.span()
            return Found(
                row["request_id"],
                row["time"],
                row["model_id"],
                turn["role"],
                turn["reply"],
                _line(shown[max(at - AROUND, 0) : at]),
                _line(shown[at:end]),
                _line(shown[end : end + AROUND]),
            )
    return None


def _line(text: str) -> str:
    """The text on one line; where it is cut stays a space."""
    return _BLANKS.sub(" ", text)


def conversation(log: Activity, request_id: str, *, most_characters: int = 500_000) -> Row:
    """One call: `call` (its row of the view `calls`) and what was said, as a person reads it.

    `turns`, `settings`, `tools` and `cut` are those of `outcrop.activity.turns.read_turns`;
    `missing` names sides that weren't recorded, or couldn't be fetched, with the reason.

    Args:
        log: The records.
        request_id: AWS's ID of the request.
        most_characters: Of all text together.

    Raises:
        RequestError: There is no such call.
    """
    rows = log.rows("SELECT * FROM calls WHERE request_id = $id LIMIT 1", {"id": request_id})
    if not rows:
        raise RequestError(
            f"No call has the request ID {request_id!r} there.",
            mend="Look further back with --since, or search for what was said.",
        )
    [said] = log.said(rows[0]["source"], request_id) or [{}]
    missing: list[str] = []
    bodies = [_body(log, said, side, missing) for side in ("input", "output")]
    read = turns.read_turns(*bodies, most_characters=most_characters)
    return {"call": rows[0], **read, "missing": missing}


def _body(log: Activity, said: Row, side: str, missing: list[str]) -> Any:
    if said.get(side) is not None:
        return said[side]
    path = said.get(f"{side}_path")
    if path is None:
        missing.append(f"The {side} wasn't recorded.")
        return None
    for place in log.places:
        for candidate in _candidates(place, path):
            data = _fetch(candidate)
            if data is not None:
                return data
    missing.append(f"The {side} lies in {path}, which can't be read.")
    return None


def _candidates(place: str, path: str) -> list[source.File]:
    """Where a body may lie: below the place, or in the bucket that its path names."""
    key = path
    if "://" in path:
        key = path.partition("://")[2].partition("/")[2]
    files = [source.File(place, key, 0, "lines")]
    if not source.is_remote(place):
        # A bucket's folder may have been copied with or without what its keys begin with.
        parts = key.split("/")
        files += [
            source.File(place, "/".join(parts[at:]), 0, "lines") for at in range(1, len(parts))
        ]
    elif path.startswith("s3://"):  # AWS's; what else a record may say is no place to ask
        if (at := key.find("AWSLogs/")) > 0:  # the place may name what comes before
            files.append(source.File(place, key[at:], 0, "lines"))
        files.append(source.File(path.removesuffix(key), key, 0, "lines"))
    return files


def _fetch(file: source.File) -> Any:
    if not source.is_remote(file.place):
        root = Path(file.place).resolve()
        path = (root / file.key).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            return None
    for _, data in source.read([file]):
        if isinstance(data, Exception) or len(data) > _MOST_BYTES:
            return None
        try:
            text = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
            return json.loads(text)
        except (OSError, EOFError, ValueError):
            return None
    return None
