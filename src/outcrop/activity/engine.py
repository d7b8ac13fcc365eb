"""Records of invocations as tables: where they lie, how they are read, what is asked of them.

Rules: what is in a place when it is opened is what is asked; figures are read once, when they are
first asked for, and what was said only by whoever asks for that; memory is bounded, what is more
goes to a temporary folder; what couldn't be read is told, by `damaged` and the view `files`.
DuckDB reads the compacted files by itself; for lines of JSON it takes five times as long as
`outcrop.activity.records`, which looks at a few members only.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from outcrop.activity import lines, records, source, trail, views, worker, workers
from outcrop.errors import ConfigurationError, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Self

    import pyarrow as pa

    from outcrop.activity.source import File
    from outcrop.activity.worker import Part, Told

#: Memory that DuckDB may take; reading takes some beside it.
MEMORY: Final = "600MB"
#: Bytes of files from which on they are read by several processes.
PARALLEL_BYTES: Final = 16 * 1024 * 1024
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file that couldn't be read whole.

    Attributes:
        file: Its path or URL.
        records_read: Calls that could be read.
        reason: What is wrong.
    """

    file: str
    records_read: int
    reason: str


class Activity:
    """Recorded calls, to be asked; see `outcrop.activity.open`."""

    def __init__(
        self,
        places: Sequence[str],
        *,
        trails: Sequence[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> None:
        """Lists the files; reads none yet.

        Args:
            places: From `outcrop.activity.source.check`.
            trails: The same, for CloudTrail's events.
            since: The first moment, UTC, None for the oldest.
            until: The moment before which calls count, UTC, None for the newest.
            progress: Is told bytes that were read, and all there are.
        """
        self.places = tuple(places)
        self.since, self.until = since, until
        self._progress = progress
        first, last = since and since.date(), until and until.date()
        found = source.once(
            file
            for place in (*places, *trails)
            for file in source.list_files(place, first=first, last=last, since=since)
        )
        self._lines = [file for file in found if file.kind == "lines"]
        self._parquet = [file for file in found if file.kind == "parquet"]
        self._trail = [file for file in found if file.kind == "trail"]
        self._folder = tempfile.mkdtemp(prefix="outcrop-activity-")
        self._lock = threading.RLock()
        self._connection = self._connect()
        self._loaded: set[str] = set()
        self._paths: list[tuple[File, str]] | None = None  # of compacted files, once they are here
        self._sound: list[str] | None = None  # those of them that can be read
        self._compacted_told: list[Told] = []

    def _connect(self) -> Any:
        try:
            import duckdb
        except ImportError:
            raise ConfigurationError(
                "Questions about activity need DuckDB.", mend="pip install 'outcrop[activity]'"
            ) from None
        connection: Any = duckdb.connect(
            config={
                "memory_limit": MEMORY,
                "temp_directory": self._folder,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": False,
            }
        )
        connection.execute("ATTACH ':memory:' AS store (COMPRESS)")
        connection.execute("USE store")
        connection.execute(views.FILES)
        return connection

    # Asking ──────────────────────────────────────────────────────────────────────────────────────

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """The answer to a question in SQL, as an Arrow table.

        Args:
            sql: DuckDB's, over the views `calls`, `contents`, `files` and `trail`; values as
                `$name`.
            params: The values.

        Raises:
            RequestError: It isn't SQL, or names what isn't there.
        """
        import pyarrow as pa

        arrow: Any = pa
        with self._lock:
            found = self._execute(sql, params, relation=True)
            return arrow.table({}) if found is None else found.to_arrow_table()

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The same as dicts of plain values."""
        with self._lock:
            found = self._execute(sql, params)
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _execute(
        self, sql: str, params: Mapping[str, Any] | None, *, relation: bool = False
    ) -> Any:
        import duckdb

        self._load_for(sql)
        ask = self._connection.sql if relation else self._connection.execute
        given = dict(params) if params else None
        try:
            return ask(sql, params=given) if relation else ask(sql, given)
        except duckdb.Error as error:
            raise RequestError(f"The question can't be answered: {error}") from error

    def containing(self, text: str) -> Iterator[dict[str, Any]]:
        """What was said in the calls in which a text may stand, the newest first.

        Columns are those of `contents`; not every one has the text as a person would read it.

        Args:
            text: Looked for without regard to case.
        """
        needle = lines.needle(text)
        with self._lock:
            names = worker.schema_of("contents").names
            sources, paths = self._read("found", names, needle=needle)
            cursor = self._connection.cursor()  # other questions may come between its rows
            cursor.execute("USE store")
            found = cursor.execute(
                f"""SELECT request_id, try_cast(timestamp AS TIMESTAMP) AS time,
                operation, model_id, input, output, input_path, output_path, source
                FROM ({sources}) {self._window()} ORDER BY time DESC, request_id"""  # noqa: S608
            )
            heads = [column[0] for column in found.description]
        try:
            while rows := found.fetchmany(100):
                for row in rows:
                    yield dict(zip(heads, row, strict=True))
        finally:
            cursor.close()
            for path in paths:  # the next search has its own
                Path(path).unlink(missing_ok=True)

    def said(self, name: str, request_id: str) -> list[dict[str, Any]]:
        """What was said in a call, from its file: `input`, `output`, `input_path`, `output_path`.

        Args:
            name: Of the file, as in the column `source`.
            request_id: AWS's ID of the request.
        """
        files = [file for file in self._lines if file.name == name]
        for _, table in worker.tables(worker.Job("contents", files)):
            rows: list[dict[str, Any]] = cast("Any", table).to_pylist()
            if kept := [row for row in rows if row["request_id"] == request_id]:
                return kept[:1]
        names = ", ".join(worker.schema_of("contents").names)
        if not self._parquet or not (compacted := self._compacted(names)):
            return []
        sql = f"SELECT * FROM ({compacted}) WHERE request_id = $id LIMIT 1"  # noqa: S608 - ours
        with self._lock:
            found = self._connection.execute(sql, {"id": request_id})
            heads = [column[0] for column in found.description]
            return [dict(zip(heads, row, strict=True)) for row in found.fetchall()]

    @property
    def damaged(self) -> list[Damaged]:
        """The files that couldn't be read whole."""
        found = self.rows("SELECT * FROM files WHERE damaged > 0 ORDER BY file")
        return [Damaged(row["file"], row["records"], row["reason"]) for row in found]

    @property
    def lost(self) -> int:
        """Calls that their recorder has said to be lost."""
        return self.rows("SELECT coalesce(sum(lost), 0)::BIGINT AS lost FROM files")[0]["lost"]

    @property
    def connection(self) -> Any:
        """DuckDB's connection, with all views made; for what has no method here."""
        self._load_for("calls contents trail files")
        return self._connection

    def close(self) -> None:
        """Lets go of what was read."""
        with self._lock:
            self._connection.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def __repr__(self) -> str:
        files = len(self._lines) + len(self._parquet)
        return f"<Activity {', '.join(self.places)}: {files} files>"

    # Reading ─────────────────────────────────────────────────────────────────────────────────────

    def _load_for(self, sql: str) -> None:
        """Makes the views that a question may name."""
        words = sql.lower()
        with self._lock:
            for name, load in (
                ("calls", self._load_calls),
                ("contents", self._load_contents),
                ("trail", self._load_trail),
            ):
                wanted = name in words or (name == "calls" and "files" in words)
                if wanted and name not in self._loaded:
                    load()
                    self._loaded.add(name)

    def _load_calls(self) -> None:
        self._connection.execute(views.ROUTES)
        sources, _ = self._read("calls", worker.schema_of("calls").names)
        where = self._window()
        self._connection.execute(
            f"CREATE OR REPLACE VIEW recorded AS SELECT * FROM ({sources}) {where}"  # noqa: S608 - ours
        )
        pairs = self._connection.execute(
            "SELECT DISTINCT model_id, region FROM recorded ORDER BY ALL"
        ).fetchall()
        self._insert("routes", views.routes(pairs))
        self._connection.execute(views.CALLS)

    def _load_contents(self) -> None:
        names = worker.schema_of("contents").names
        sources, _ = self._read("contents", names)
        self._connection.execute(
            f"""CREATE OR REPLACE VIEW contents AS
            SELECT request_id, try_cast(timestamp AS TIMESTAMP) AS time, operation,
                model_id, input, output, input_path, output_path, source
            FROM ({sources}) {self._window()}"""  # noqa: S608 - ours
        )

    def _load_trail(self) -> None:
        self._connection.execute(views.TRAIL)
        told, rows = trail.read(self._trail)
        self._tell(told)
        self._insert("trail", rows)

    def _window(self) -> str:
        bounds: list[str] = []
        for moment, sign in ((self.since, ">="), (self.until, "<")):
            if moment is not None:
                # Records tell whole seconds: a bound within one lies before the next.
                whole = moment.astimezone(UTC) + timedelta(microseconds=999_999)
                text = whole.strftime("%Y-%m-%dT%H:%M:%SZ")
                bounds.append(f"timestamp {sign} '{text}'")
        return f"WHERE {' AND '.join(bounds)}" if bounds else ""

    def _read(
        self, what: str, names: Sequence[str], *, needle: str | None = None
    ) -> tuple[str, list[str]]:
        """Reads lines; gives the SQL of all there is, compacted files too, and the paths of parts.

        Args:
            what: `calls`, `contents`, or `found` for contents with something in them.
            names: The columns.
            needle: What they have in them, in lower case; empty where that can't be told by bytes.
        """
        kind = "contents" if what == "found" else what
        paths: list[str] = []
        told: list[Told] = []
        for part in self._parts(kind, needle or ""):
            told += part.told
            if part.path:
                paths.append(part.path)
        if what == "calls":
            self._tell(told)
        columns = ", ".join(names)
        sources: list[str] = []
        if paths:
            files = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
            sources.append(f"SELECT {columns} FROM read_parquet([{files}])")  # noqa: S608 - ours
        if self._parquet and (more := self._compacted(columns, needle or "", tell=what == "calls")):
            sources.append(more)
        if not sources:
            kinds = records.COLUMNS | records.CONTENT
            nothing = ", ".join(f"NULL::{kinds.get(name, 'VARCHAR')} AS {name}" for name in names)
            sources.append(f"SELECT {nothing} WHERE false")
        return " UNION ALL ".join(sources), paths

    def _compacted_paths(self) -> list[tuple[File, str]]:
        if self._paths is None:
            from outcrop.activity import compacted_files

            self._paths = compacted_files.local(self._parquet, self._folder)
        return self._paths

    def _compacted(self, columns: str, needle: str = "", *, tell: bool = False) -> str:
        """The SQL of what the compacted files have, empty if none of them is sound."""
        from outcrop.activity import compacted_files

        if self._sound is None:
            self._sound, self._compacted_told = compacted_files.examine(self._compacted_paths())
        if tell:
            self._tell(self._compacted_told)
        if not self._sound:
            return ""
        names = ", ".join("'" + path.replace("'", "''") + "'" for path in self._sound)
        where = compacted_files.having(needle) if needle else ""
        files = f"read_parquet([{names}], union_by_name = true)"
        return f"SELECT {columns} FROM {files} {where}"  # noqa: S608 - our own names

    def _tell(self, told: Sequence[Told]) -> None:
        self._insert("files", [msgspec.structs.astuple(one) for one in told])

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Adds rows to a table of ours, by columns: row by row takes DuckDB a millisecond each."""
        if not rows:
            return
        import pyarrow as pa

        arrow: Any = pa
        columns = [list(column) for column in zip(*rows, strict=True)]
        names = [f"c{at}" for at in range(len(columns))]
        self._connection.register("given", arrow.table(columns, names=names))
        self._connection.execute(f"INSERT INTO {table} SELECT * FROM given")  # noqa: S608 - ours
        self._connection.unregister("given")

    def _parts(self, what: str, needle: str) -> Iterator[Part]:
        from outcrop.activity import compacted_files

        files = compacted_files.without_sources(self._lines, self._compacted_paths())
        whole = sum(file.size for file in files)
        several = whole > PARALLEL_BYTES and sys.executable  # a program that embeds Python has none
        count = os.cpu_count() or 1 if several else 1
        shares = workers.share(files, count)
        jobs = [worker.Job(what, part, needle, self._folder) for part in shares]
        found = (
            workers.parts(jobs)
            if len(jobs) > 1
            else chain.from_iterable(worker.parts(job) for job in jobs)
        )
        done = 0
        for part in found:
            done += sum(one.bytes for one in part.told)
            if self._progress is not None:
                self._progress(done, whole)
            yield part


def moment(value: object, name: str, *, now: datetime | None = None) -> datetime | None:
    """A moment as people give it: a datetime, a date, ISO 8601, or a time ago such as `30d`.

    Args:
        value: The moment; None for none.
        name: What it is called, for errors.
        now: What `30d` counts back from; the clock's time if None.

    Raises:
        ConfigurationError: It is none of these.
    """
    if value is None:
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    text = str(value)
    if text[:-1].isdecimal() and len(text) < 8 and text[-1:] in _UNITS:
        return (now or datetime.now(UTC)) - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{name}={text!r} isn't a time.", mend="Give one as '30d', '12h' or '2026-11-22'."
        ) from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
