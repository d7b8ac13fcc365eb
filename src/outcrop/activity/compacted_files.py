"""Compacted files as they are opened: which are sound, and which lines they make needless.

Rules: a file says in its metadata what it was made of, so that nothing is counted twice, from
whichever level both are opened, nor if its folder was moved; of lines that have grown since, the
rest counts; a file that can't be read is told, never passed over. `outcrop.activity.compacted`
writes them.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from outcrop.activity import lines, source, worker
from outcrop.activity.worker import Told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outcrop.activity.source import File

#: Where a file's metadata names its sources: JSON, path below their place → size.
SOURCES: Final = b"outcrop.sources"
#: Where it names their place; it has none if that is the folder in which its own day lies, so that
#: such a folder may be moved.
PLACE: Final = b"outcrop.place"
#: Ends of paths that no other file has, wherever it was moved: AWS's, and a client's own.
_UNIQUE: Final = re.compile(
    r"\d{4}/\d{2}/\d{2}/"
    r"(?:\d{2}/\d{8}T\d{9}Z_[0-9a-f]{16}\.json\.gz|\d{6}Z_\d+_[0-9a-f]{8}\.jsonl)$"
)
UNDATED: Final = "undated"


def without_sources(files: Sequence[File], paths: Sequence[tuple[File, str]]) -> list[File]:
    """The files that no compacted one has taken up; of those that have grown since, the rest.

    Args:
        files: Of lines.
        paths: Compacted files, as `local` gives them.
    """
    if not files:
        return []
    taken: dict[str, int] = {}
    for file, path in paths:
        place, sources = _sources(file, path)
        for key, size in sources.items():
            for name in _names(f"{place}/{key}" if key else place):
                taken[name] = max(size, taken.get(name, 0))
    found: list[File] = []
    for file in files:
        known = max((taken.get(name, -1) for name in _names(file.name)), default=-1)
        if known < 0 or known > file.size:
            found.append(file)
        elif known < file.size:
            plain = file.key.endswith((".jsonl", ".json"))
            found.append(replace(file, start=known) if plain else file)
    return found


def _names(name: str) -> list[str]:
    """What a file is known by: its whole path or URL, and its end, if that is enough."""
    match = _UNIQUE.search(name)
    return [name, match[0]] if match else [name]


def _sources(file: File, path: str) -> tuple[str, dict[str, int]]:
    """Where a compacted file's sources lie, and their sizes by the paths below that."""
    import pyarrow.parquet as pq

    parquet = cast("Any", pq)
    try:
        found = cast("dict[bytes, bytes] | None", parquet.read_metadata(path).metadata) or {}
        sources = msgspec.json.decode(found.get(SOURCES, b"{}"), type=dict[str, int])
        place = found.get(PLACE, b"").decode()
    except Exception:  # noqa: BLE001 - damaged; `examine` tells of it
        return "", {}
    if not place:
        folder = file.name.rpartition("/")[0]
        undated = folder.endswith(f"/{UNDATED}")
        place = folder.removesuffix(f"/{UNDATED}") if undated else folder[: -len("/2026/11/23")]
    return place.rstrip("/"), sources


def local(files: Sequence[File], folder: str) -> list[tuple[File, str]]:
    """Paths of compacted files; those of a bucket are fetched to a folder first.

    Args:
        files: The files.
        folder: For what has to be fetched.
    """
    found: list[tuple[File, str]] = []
    for file in files:
        if not source.is_remote(file.place):
            found.append((file, str(source.path_of(file))))
            continue
        for _, data in source.read([file]):
            path = Path(folder) / (hashlib.sha256(file.name.encode()).hexdigest() + ".parquet")
            path.write_bytes(b"" if isinstance(data, Exception) else data)
            found.append((file, str(path)))
    return found


def having(needle: str) -> str:
    """SQL for records that have something in them, maybe across the pieces of a stream.

    Args:
        needle: In lower case.
    """
    wanted = "'" + needle.replace("'", "''") + "'"
    pieces = f"array_to_string(regexp_extract_all(output, '{lines.PIECES}', 1), '')"
    return f"""WHERE contains(lower(input), {wanted}) OR contains(lower(output), {wanted})
        OR (output[1] = '[' AND contains(lower({pieces}), {wanted}))"""


def examine(paths: Sequence[tuple[File, str]]) -> tuple[list[str], list[Told]]:
    """Paths of files that are sound and have our columns, and what is to be told of all."""
    import pyarrow.parquet as pq

    parquet = cast("Any", pq)
    sound: list[str] = []
    told: list[Told] = []
    for file, path in paths:
        try:
            found = parquet.ParquetFile(path)
            missing = set(worker.schema_of("calls").names) - set(found.schema_arrow.names)
            if missing:
                reason = f"it has no column {min(missing)!r}: it isn't one of Outcrop's"
                told.append(Told(file.name, file.size, 0, 1, 0, reason))
                continue
            told.append(Told(file.name, file.size, found.metadata.num_rows, 0, 0))
            sound.append(path)
        except Exception as error:  # noqa: BLE001 - Arrow's
            reason = f"it can't be read: {error}".partition("\n")[0]
            told.append(Told(file.name, file.size, 0, 1, 0, reason))
    return sound, told
