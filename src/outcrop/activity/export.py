"""The calls as a file for other tools: CSV or Parquet.

Rules: columns are those of the view `calls`; a file appears whole or not at all, and only its owner
may read it; a cell of a CSV file that a spreadsheet would take for a formula is quoted as text.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from outcrop.activity.engine import Activity

#: What spreadsheets take for the beginning of a formula.
_FORMULA: Final = "^[=+@\\t\\r-]"


def export(
    log: Activity, path: Path, *, kind: Literal["csv", "parquet"], content: bool = False
) -> int:
    """Writes the calls, in order of time; gives their number.

    Args:
        log: The records.
        path: The file.
        kind: Of the file.
        content: Whether prompts and completions go in, as JSON.

    Raises:
        OSError: It can't be written.
    """
    columns = {
        row["column_name"]: row["column_type"] for row in log.rows("DESCRIBE SELECT * FROM calls")
    }
    said = ["contents.input AS input", "contents.output AS output"] if content else []
    told = [_cell(name, of, kind) for name, of in columns.items()] + [
        f"{_safe(part.partition(' AS ')[0], kind)} AS {part.partition(' AS ')[2]}" for part in said
    ]
    join = "LEFT JOIN contents USING (request_id, source)" if content else ""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    form = "FORMAT csv, HEADER" if kind == "csv" else "FORMAT parquet, COMPRESSION zstd"
    quoted = str(draft).replace("'", "''")
    try:
        connection: Any = log.connection
        [[count]] = connection.execute(
            f"COPY (SELECT {', '.join(told)} FROM calls {join} ORDER BY calls.time) "  # noqa: S608
            f"TO '{quoted}' ({form})"
        ).fetchall()
        draft.chmod(0o600)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return count


def _cell(name: str, of: str, kind: str) -> str:
    texts = ("VARCHAR", "JSON")
    return f"{_safe(f'calls.{name}', kind)} AS {name}" if of in texts else f"calls.{name}"


def _safe(column: str, kind: str) -> str:
    if kind != "csv":
        return column
    return (
        f"CASE WHEN regexp_matches({column}::VARCHAR, '{_FORMULA}') "
        f"THEN '''' || {column}::VARCHAR ELSE {column}::VARCHAR END"
    )
