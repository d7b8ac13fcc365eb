"""Calls as they are recorded: a folder is looked at again and again, and what is new is told.

Rules: what was there at the beginning isn't told; a line is told when it is whole; files of lines
are read on from where they were, packed ones when they appear; a bucket is looked at in the hours
of today and yesterday only.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outcrop.activity import lines, records, source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outcrop.activity.source import File

Row = dict[str, Any]


def follow(place: str, *, seconds: float = 1.0, rounds: int | None = None) -> Iterator[Row]:
    """New calls, with the columns of `outcrop.activity.records`, until nobody asks any more.

    Args:
        place: From `outcrop.activity.source.check`.
        seconds: Between two looks.
        rounds: How many looks; None for ever.
    """
    known = {file.key: _size(file) for file in _today(place)}
    while rounds is None or rounds > 0:
        time.sleep(seconds)
        for file in _today(place):
            start = known.get(file.key, 0)
            if _size(file) > start or (file.key not in known):
                text, end = _read_on(file, start)
                known[file.key] = end
                yield from _rows(text)
        rounds = None if rounds is None else rounds - 1


def _today(place: str) -> list[File]:
    today = datetime.now(UTC).date()
    found = source.list_files(place, first=today - timedelta(days=1), last=today)
    return [file for file in found if file.kind == "lines"]


def _size(file: File) -> int:
    return file.size


def _read_on(file: File, start: int) -> tuple[bytes, int]:
    """New whole lines of a file, and where they end."""
    if source.is_remote(file.place) or not file.key.endswith((".jsonl", ".json")):
        for _, data in source.read([file]):
            return (b"" if isinstance(data, Exception) else lines.unpack(data).text), file.size
    path = Path(file.place) / file.key if file.key else Path(file.place)
    with path.open("rb") as opened:
        opened.seek(start)
        text = opened.read()
    end = text.rfind(b"\n") + 1
    return text[:end], start + end


def _rows(text: bytes) -> Iterator[Row]:
    columns = records.read_calls(text).columns
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(columns, row, strict=True))
