"""Compacted days: lines of records as Parquet, which DuckDB, Athena, Spark and ClickHouse read.

Rules: a file holds a day's records of one place, and names in its metadata the files that it was
made of, so that none is counted twice, from whichever level both are opened; it appears whole or
not at all, and is on the disk before a source is taken away; one process at a time compacts to a
folder; compacting again adds what has come since; sources stay unless told otherwise. Columns are
those of `outcrop.activity.records`.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from outcrop.activity import lines, records, source, worker
from outcrop.activity.compacted_files import PLACE, SOURCES, UNDATED, without_sources
from outcrop.delivery import retention
from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from outcrop.activity.source import File

#: Rows of a group: what an engine reads at once.
ROW_GROUP: Final = 100_000
#: Bytes of unpacked records that are held at once.
_MOST: Final = 64 * 1024 * 1024
#: Hours after which a day's own file, still written by a client, is taken for finished.
_QUIET: Final = 2 * 3600


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was compacted.

    Attributes:
        days: Days that got a file.
        records: In these files.
        files: Sources of them.
        bytes_before: Size of the sources.
        bytes_after: Size of the files.
        removed: Sources that were taken away.
        skipped: Sources that weren't sound, each with the reason; they stay.
    """

    days: int
    records: int
    files: int
    bytes_before: int
    bytes_after: int
    removed: int
    skipped: tuple[tuple[str, str], ...]


def schema() -> Any:
    """The columns of a compacted file, as Arrow has them."""
    import pyarrow as pa

    kinds = {"VARCHAR": pa.string(), "BIGINT": pa.int64()}
    names = {**records.COLUMNS, **records.CONTENT}
    return pa.schema(
        [*[(name, kinds[kind]) for name, kind in names.items()], ("source", pa.string())]
    )


def compact(
    place: str,
    *,
    to: str | None = None,
    remove: bool = False,
    now: float,
    progress: Callable[[int, int], object] | None = None,
) -> Compacted:
    """Writes the days of a place as Parquet.

    Args:
        place: From `outcrop.activity.source.check`.
        to: A folder for the files; the place itself if None, which has to be a folder then.
        remove: Whether to take sources away that are whole in a file now; only of a folder that is
            Outcrop's own (`outcrop.delivery.retention`).
        now: Seconds since the epoch: what is still written to isn't compacted.
        progress: Is told bytes that were read, and all there are.

    Raises:
        ConfigurationError: The place is a bucket or a file, and `to` isn't given; or sources are to
            be removed from a folder that isn't Outcrop's; or another process compacts to there.
        OSError: It can't be written.
    """
    if to is None and (source.is_remote(place) or not Path(place).is_dir()):
        raise ConfigurationError(
            f"{place} isn't a folder to write to.",
            mend="Name one for the compacted files: --to DIR.",
        )
    folder = Path(to or place).expanduser().absolute()
    if remove and (source.is_remote(place) or not retention.is_marked(Path(place))):
        raise ConfigurationError(
            f"{place} isn't a folder of Outcrop's: nothing is removed from there.",
            mend="Leave --remove out.",
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        return _compact(place, folder, remove=remove, now=now, progress=progress)


def _compact(
    place: str,
    folder: Path,
    *,
    remove: bool,
    now: float,
    progress: Callable[[int, int], object] | None,
) -> Compacted:
    there = source.list_files(str(folder), first=None, last=None)
    parquet = [(file, str(source.path_of(file))) for file in there if file.kind == "parquet"]
    files = source.list_files(place, first=None, last=None)
    wanted = without_sources([file for file in files if file.kind == "lines"], parquet)
    wanted = [file for file in wanted if _is_finished(file, now)]
    whole, done = sum(file.size for file in wanted), 0
    count = after = removed = 0
    skipped: list[tuple[str, str]] = []
    by_day: dict[str, list[File]] = defaultdict(list)
    for file in wanted:
        by_day[_day_of(file)].append(file)
    for day, group in sorted(by_day.items()):
        written, size, sound, bad = _write_day(folder, day, group)
        skipped += bad
        count += written
        after += size
        if remove:
            removed += _remove(sound)
        done += sum(file.size for file in group)
        if progress is not None:
            progress(done, whole)
    bad_bytes = {name for name, _ in skipped}
    before = sum(file.size for file in wanted if file.name not in bad_bytes)
    return Compacted(
        len(by_day), count, len(wanted) - len(skipped), before, after, removed, tuple(skipped)
    )


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Keeps other processes from compacting to a folder: both would take up the same sources.

    The lock is the kernel's, of the folder itself: nothing stays behind if a process is killed.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"Another process is compacting to {folder}.", mend="Wait until it ends."
            ) from None
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(opened)


def _is_finished(file: File, now: float) -> bool:
    """AWS's objects are whole when they are there; a client's file is written for a day."""
    if not file.key.endswith(".jsonl") or source.is_remote(file.place):
        return True
    today = datetime.fromtimestamp(now, UTC).date()
    if (day := _day_in(file.key)) is not None and day >= today:
        return False
    try:
        return now - (Path(file.place) / file.key).stat().st_mtime > _QUIET
    except OSError:
        return False


def _day_of(file: File) -> str:
    day = _day_in(file.key)
    return f"{day:%Y/%m/%d}" if day else UNDATED


def _day_in(key: str) -> date | None:
    return source.day_of(key)


def _write_day(
    folder: Path, day: str, files: Sequence[File]
) -> tuple[int, int, list[File], list[tuple[str, str]]]:
    """Writes a day's file; gives its records and size, the sources in it, and those that aren't."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow, parquet = cast("Any", pa), cast("Any", pq)
    sound: list[File] = []
    bad: list[tuple[str, str]] = []
    count = 0
    made_of = "\n".join(f"{file.name} {file.start} {file.size}" for file in files)
    name = hashlib.sha256(made_of.encode()).hexdigest()[:16]
    place = folder / day
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = place / f"outcrop-{name}.parquet"
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    table_schema = schema()
    try:
        writer: Any = parquet.ParquetWriter(
            draft,
            table_schema,
            compression="zstd",
            write_statistics=True,
            use_dictionary=worker.DICTIONARY,
        )
        with writer:
            for columns in _day_columns(files, sound, bad):
                table = arrow.table(columns, schema=table_schema)
                writer.write_table(table, row_group_size=ROW_GROUP)
                count += table.num_rows
            sources = {file.key: file.size for file in sound}
            told = {SOURCES: msgspec.json.encode(sources)}
            if files[0].place != str(folder):
                told[PLACE] = files[0].place.encode()
            writer.add_key_value_metadata(told)
        if not sound:
            draft.unlink()
            return 0, 0, [], bad
        draft.chmod(0o600)
        _sync(draft)
        draft.replace(path)
        _sync(place)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return count, path.stat().st_size, sound, bad


def _sync(path: Path) -> None:
    """Has the disk hold a file or a folder's names: sources may be taken away after that."""
    if os.name != "posix" and path.is_dir():  # Windows opens no folders
        return
    opened = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _day_columns(
    files: Sequence[File], sound: list[File], bad: list[tuple[str, str]]
) -> Iterator[dict[str, list[Any]]]:
    columns = _no_rows()
    held = 0
    for file in files:
        try:
            pieces = _sound_pieces(file)
        except Exception as error:  # noqa: BLE001 - whatever a store raises
            reason = (
                str(error) if isinstance(error, _UnsoundError) else f"it can't be read: {error}"
            )
            bad.append((file.name, reason.partition("\n")[0]))
            continue
        sound.append(file)
        for piece, size in pieces:
            for name, values in piece.items():
                columns[name] += values
            held += size
            if held >= _MOST:
                yield columns
                columns, held = _no_rows(), 0
    if held:
        yield columns


class _UnsoundError(Exception):
    """Why a source isn't taken up."""


def _sound_pieces(file: File) -> Iterator[tuple[dict[str, list[Any]], int]]:
    """The columns of a source, some lines at a time; raises before the first if any is unsound."""
    pieces = _pieces(file)
    found: list[tuple[dict[str, list[Any]], int]] = []
    size = 0
    for piece in pieces:
        found.append(piece)
        size += piece[1]
        if size > _MOST:  # too much to keep: the rest is looked at, and all is read again
            found.clear()
            for _ in pieces:
                pass
            return _pieces(file)
    return iter(found)


def _pieces(file: File) -> Iterator[tuple[dict[str, list[Any]], int]]:
    for _, blocks in source.blocks([file], lines.PIECE):
        # What was appended since the file was listed comes the next time.
        for text, reason in lines.pieces(_first(blocks, file.size - file.start)):
            calls, said = records.read_calls(text), records.read_contents(text)
            if reason or calls.damaged or calls.lost or calls.read != said.read:
                raise _UnsoundError(reason or "not all of its lines are records")
            columns = {name: calls.columns[name] for name in records.COLUMNS}
            columns |= {name: said.columns[name] for name in records.CONTENT}
            columns["source"] = [file.name] * calls.read
            yield columns, len(text)


def _first(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for block in blocks:
        yield block[:size]
        size -= len(block)
        if size <= 0:
            return


def _no_rows() -> dict[str, list[Any]]:
    return {name: [] for name in schema().names}


def _remove(files: Iterable[File]) -> int:
    """Takes files away that are ours, and haven't grown since; gives their number."""
    count = 0
    for file in files:
        path = source.path_of(file)
        if retention.is_ours(path, Path(file.place)) and path.stat().st_size == file.size:
            path.unlink(missing_ok=True)
            count += 1
    return count
