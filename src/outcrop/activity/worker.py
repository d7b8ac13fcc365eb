"""Reads files of records in a process of its own: `python -m outcrop.activity.worker`.

Rules: files come in as JSON on standard input, tables go out as Arrow streams on standard output,
one after the other, each with a line of JSON about its files before it; nothing else is said there.
Parsing holds Python's lock, so that threads wouldn't help.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec

from outcrop.activity import lines, records, source
from outcrop.activity.source import File  # noqa: TC001 - msgspec reads it

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa

#: Rows that are handed over at once, at least, unless the files end.
ROWS: Final = 50_000
#: Bytes of bodies that are.
BODY_BYTES: Final = 32 * 1024 * 1024

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
    """

    what: str
    files: list[File]
    needle: str = ""


def tables(job: Job) -> Iterator[tuple[list[Told], pa.Table]]:
    """The records of files, some files at a time.

    Args:
        job: Which.
    """
    schema = schema_of(job.what)
    columns = _no_rows(schema)
    told: list[Told] = []
    size = 0
    for file, data in source.read(job.files):
        one, batch = _read(file, data, job)
        told.append(one)
        for name, values in batch.columns.items():
            columns[name] += values
        columns["source"] += [file.name] * batch.read
        size += one.bytes
        if len(columns["source"]) >= ROWS or size >= BODY_BYTES:
            yield told, _table(columns, schema)
            columns, told, size = _no_rows(schema), [], 0
    if told:
        yield told, _table(columns, schema)


def _no_rows(schema: pa.Schema) -> dict[str, list[Any]]:
    return {name: [] for name in schema.names}


def _table(columns: dict[str, list[Any]], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    arrow: Any = pa  # its stubs know fewer arguments than it takes
    return arrow.table(columns, schema=schema)


def _read(file: File, data: bytes | Exception, job: Job) -> tuple[Told, records.Batch]:
    if isinstance(data, Exception):
        reason = f"it can't be read: {data}".partition("\n")[0]
        return Told(file.name, file.size, 0, 1, 0, reason), records.Batch({})
    unpacked = lines.unpack(data)
    text = lines.having(unpacked.text, job.needle.encode()) if job.needle else unpacked.text
    batch = READERS[job.what](text)
    damaged = batch.damaged + bool(unpacked.reason)
    reason = unpacked.reason or (f"{damaged} lines are no records" if damaged else "")
    return Told(file.name, file.size, batch.read, damaged, batch.lost, reason), batch


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


def write(found: Iterable[tuple[list[Told], pa.Table]], out: BinaryIO) -> None:
    """Sends tables, each behind a line about its files."""
    import pyarrow as pa

    arrow: Any = pa
    for told, table in found:
        out.write(msgspec.json.encode(told) + b"\n")
        with arrow.ipc.new_stream(out, table.schema) as stream:
            stream.write_table(table)
        out.flush()


def main() -> None:
    """Does one job."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    write(tables(job), sys.stdout.buffer)


if __name__ == "__main__":
    main()
