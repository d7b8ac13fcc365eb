"""Reads files of records in a process of its own: `python -m outcrop.activity.worker`.

Rules: files come in as JSON on standard input, their records go out as Parquet files, each told in
a line of JSON on standard output; nothing else is said there. Parsing holds Python's lock, so that
threads wouldn't help.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import msgspec

from outcrop.activity import lines, records, source
from outcrop.activity.source import File  # noqa: TC001 - msgspec reads it

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

#: Rows that are handed over at once, at least, unless the files end.
ROWS: Final = 50_000
#: Rows that become columns of Arrow at once: few enough to be in the processor's cache.
BATCH: Final = 1_000
#: Bytes of unpacked records that are, where bodies are wanted.
BODY_BYTES: Final = 32 * 1024 * 1024
#: Columns with few values; the others, IDs and bodies, would only fill a dictionary in vain.
DICTIONARY: Final = [
    "account",
    "region",
    "inference_region",
    "operation",
    "model_id",
    "identity",
    "stop_reason",
    "error",
    "metadata",
    "source",
]

READERS: Final[dict[str, Callable[[bytes], records.Batch]]] = {
    "calls": records.read_calls,
    "contents": records.read_contents,
}


class Told(msgspec.Struct):
    """What is told of a file.

    Attributes:
        file: Its path or URL.
        bytes: Its size.
        records: Calls in it.
        damaged: Lines that are no records, and whatever couldn't be read at the end.
        lost: Calls that their recorder has said to be lost.
        reason: What is wrong with it, empty if nothing is.
    """

    file: str
    bytes: int
    records: int
    damaged: int
    lost: int
    reason: str = ""


class Job(msgspec.Struct):
    """What a worker is to do.

    Attributes:
        what: `calls` or `contents`.
        files: Of these files.
        needle: Only records that have this in them, in lower case, maybe across the pieces of a
            stream; empty for all.
        folder: Where `parts` writes them, for `calls` and `contents` to be read from.
    """

    what: str
    files: list[File]
    needle: str = ""
    folder: str = ""


class Part(msgspec.Struct):
    """Some files' records, as a Parquet file of their own.

    Attributes:
        told: What is told of the files.
        path: The Parquet file, empty if there was no record.
    """

    told: list[Told]
    path: str


def tables(job: Job) -> Iterator[tuple[list[Told], pa.Table]]:
    """The records of files, some files at a time.

    Args:
        job: Which.
    """
    import pyarrow as pa

    arrow: Any = pa  # its stubs know fewer arguments than it takes
    schema = schema_of(job.what)
    columns = _no_rows(schema)
    batches: list[Any] = []
    told: list[Told] = []
    rows = size = 0
    for file, blocks in source.blocks(job.files, lines.PIECE):
        one = Told(file.name, file.size, 0, 0, 0)
        for batch, unpacked in _read(blocks, job, one):
            for name, values in batch.columns.items():
                columns[name] += values
            columns["source"] += [file.name] * batch.read
            rows += batch.read
            size += unpacked if job.what == "contents" else 0
            whole = rows >= ROWS or size >= BODY_BYTES
            if whole or len(columns["source"]) >= BATCH:
                batches.append(arrow.record_batch(columns, schema=schema))
                columns = _no_rows(schema)
            if whole:
                yield told, arrow.Table.from_batches(batches, schema)
                batches, told, rows, size = [], [], 0, 0
        told.append(one)
    if told:
        batches.append(arrow.record_batch(columns, schema=schema))
        yield told, arrow.Table.from_batches(batches, schema)


def _no_rows(schema: pa.Schema) -> dict[str, list[Any]]:
    return {name: [] for name in schema.names}


def _read(blocks: Iterator[bytes], job: Job, told: Told) -> Iterator[tuple[records.Batch, int]]:
    """A file's records, a piece at a time, each with the bytes that it took; tells of them."""
    try:
        for text, reason in lines.pieces(blocks):
            kept = lines.having(text, job.needle.encode()) if job.needle else text
            batch = READERS[job.what](kept)
            told.records += batch.read
            told.damaged += batch.damaged + bool(reason)
            told.lost += batch.lost
            told.reason = reason
            yield batch, len(kept)
    except Exception as error:  # noqa: BLE001 - whatever a store raises; what came before it counts
        told.damaged += 1
        told.reason = f"it can't be read: {error}".partition("\n")[0]
    if told.damaged and not told.reason:
        told.reason = f"{told.damaged} lines are no records"


def schema_of(what: str) -> pa.Schema:
    """The columns of `calls` or `contents`, as Arrow has them."""
    import pyarrow as pa

    kinds = {"VARCHAR": pa.string(), "BIGINT": pa.int64()}
    if what == "calls":
        names = records.COLUMNS
    else:
        names = {
            **dict.fromkeys(("request_id", "timestamp", "operation", "model_id"), "VARCHAR"),
            **records.CONTENT,
        }
    fields = [(name, kinds[kind]) for name, kind in names.items()]
    return pa.schema([*fields, ("source", pa.string())])


def parts(job: Job) -> Iterator[Part]:
    """The records of files as Parquet files, some files at a time.

    A row of calls takes 60 bytes there, and DuckDB needs no copy of its own: handing tables over
    and having DuckDB keep them takes four times as long.

    Args:
        job: Which, and where to.
    """
    import pyarrow.parquet as pq

    parquet: Any = pq
    for told, table in tables(job):
        if not table.num_rows:
            yield Part(told, "")
            continue
        path = str(Path(job.folder) / f"{job.what}-{uuid4().hex}.parquet")
        parquet.write_table(table, path, compression="lz4", use_dictionary=DICTIONARY)
        yield Part(told, path)


def main() -> None:
    """Does one job."""
    gc.disable()  # what is made here has no cycles, and the process ends soon
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    for part in parts(job):
        sys.stdout.buffer.write(msgspec.json.encode(part) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
