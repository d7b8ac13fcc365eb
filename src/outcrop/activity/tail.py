"""Calls as they are recorded: a folder is looked at again and again, and what is new is told.

Rules: what was there at the beginning isn't told; a line is told when it is whole; files of lines
are read on from where they were, packed ones when they appear; a bucket is looked at in the hours
of today and yesterday only.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from outcrop.activity import lines, records, source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outcrop.activity.source import File

Row = dict[str, Any]

#: Bytes that are read at once in search of the last line's end.
_CHUNK: Final = 65_536


def follow(place: str, *, seconds: float = 1.0, rounds: int | None = None) -> Iterator[Row]:
    """New calls, with the columns of `outcrop.activity.records`, until nobody asks any more.

    Args:
        place: From `outcrop.activity.source.check`.
        seconds: Between two looks.
        rounds: How many looks; None for ever.
    """
    known = {file.key: _whole(file) for file in _today(place)}
    while rounds is None or rounds > 0:
        time.sleep(seconds)
        for file in _today(place):
            start = known.get(file.key, 0)
            if file.size > start or file.key not in known:
                text, end = _read_on(file, start)
                known[file.key] = end
                yield from _rows(text)
        rounds = None if rounds is None else rounds - 1


def _today(place: str) -> list[File]:
    today = datetime.now(UTC).date()
    found = source.list_files(place, first=today - timedelta(days=1), last=today)
    return [file for file in found if file.kind == "lines"]


def _whole(file: File) -> int:
    """Where the last whole line of a file ends: a half one is told when it is whole."""
    if not _is_plain(file):
        return file.size
    with suppress(OSError), source.path_of(file).open("rb") as opened:
        end = file.size
        while end > 0:
            start = max(end - _CHUNK, 0)
            opened.seek(start)
            at = opened.read(end - start).rfind(b"\n")
            if at >= 0:
                return start + at + 1
            end = start
    return 0


def _is_plain(file: File) -> bool:
    return not source.is_remote(file.place) and file.name.endswith((".jsonl", ".json"))


def _read_on(file: File, start: int) -> tuple[bytes, int]:
    """New whole lines of a file, and where they end."""
    if not _is_plain(file):
        for _, data in source.read([file]):
            return (b"" if isinstance(data, Exception) else lines.unpack(data).text), file.size
    try:
        with source.path_of(file).open("rb") as opened:
            opened.seek(start)
            text = opened.read()
    except OSError:  # gone meanwhile
        return b"", start
    end = text.rfind(b"\n") + 1
    return text[:end], start + end


def _rows(text: bytes) -> Iterator[Row]:
    columns = records.read_calls(text).columns
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(columns, row, strict=True))
