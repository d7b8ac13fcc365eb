"""`outcrop activity throttles`: how close calls came to the quotas."""

from __future__ import annotations

from outcrop.cli import DONE
from outcrop.cli.activity.place import Where, number, opened, percent
from outcrop.cli.table import print_json, print_table


def throttles(*, where: Where = Where()) -> int:  # noqa: B008 - never changed
    """Tell how close the busiest minutes came to the quota of tokens a minute.

    Held back is what calls reserve as they begin: prompt and max_tokens. Taken is what they use in
    the end, output counted as often as the model's burndown rate says. Quotas are AWS's defaults.
    """
    from outcrop.activity import throttles as quotas

    with opened(where) as log:
        rows = quotas.throttles(log)
    if where.json:
        print_json(rows)
        return DONE
    numbers = ("CALLS", "THROTTLED", "HELD BACK", "TAKEN", "QUOTA", "SHARE")
    print_table(
        ("MODEL", "ENDPOINT", "REGION", *numbers, "BUSIEST MINUTE", "NOTE"),
        (
            (
                row["model"] or "",
                row["endpoint"],
                row["region"] or "",
                number(row["calls"]),
                number(row["throttled"]),
                number(row["reserved"]),
                number(row["settled"]),
                number(row["quota"]),
                percent(row["share"]),
                f"{row['at']:%Y-%m-%d %H:%M}" if row["at"] else "",
                row["note"].partition(";")[0],
            )
            for row in rows
        ),
        right=numbers,
    )
    return DONE
