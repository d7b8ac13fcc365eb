"""`outcrop activity errors`: which calls failed, and whose."""

from __future__ import annotations

from outcrop.cli import DONE
from outcrop.cli.activity.place import Where, number, opened, percent
from outcrop.cli.table import print_json, print_table


def errors(*, where: Where = Where()) -> int:  # noqa: B008 - never changed
    """Tell which calls were refused or failed, by error, model and identity, most first."""
    from outcrop.activity import questions

    with opened(where) as log:
        rows = questions.errors(log)
    if where.json:
        print_json(rows)
        return DONE
    if not rows:
        print("No errors.")
        return DONE
    print_table(
        ("ERROR", "CALLS", "SHARE", "MODEL", "IDENTITY", "LAST", "REQUEST ID"),
        (
            (
                row["error"],
                number(row["calls"]),
                percent(row["share"]),
                row["model"] or "",
                row["identity"],
                f"{row['last']:%Y-%m-%d %H:%M}",
                row["request_id"] or "",
            )
            for row in rows
        ),
        right=("CALLS", "SHARE"),
    )
    return DONE
