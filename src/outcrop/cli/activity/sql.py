"""`outcrop activity sql`: any question, in SQL."""

from __future__ import annotations

from outcrop.cli import DONE
from outcrop.cli.activity.place import Where, cell, opened
from outcrop.cli.table import print_json, print_table


def sql(question: str, /, *, where: Where = Where()) -> int:  # noqa: B008 - never changed
    """Ask in SQL (DuckDB's) over the views calls, contents, trail and files.

    Parameters
    ----------
    question
        Such as "SELECT model, sum(cost) FROM calls GROUP BY model".
    """
    with opened(where) as log:
        table = log.query(question)
    names, rows = table.column_names, table.to_pylist()
    if where.json:
        print_json(rows)
        return DONE
    numeric = [
        name
        for name in names
        if all(isinstance(row[name], int | float | None) for row in rows) and rows
    ]
    heads = [name.upper() for name in names]
    print_table(
        heads,
        ([" ".join(cell(row[name]).split()) for name in names] for row in rows),
        right=[name.upper() for name in numeric],
    )
    return DONE
