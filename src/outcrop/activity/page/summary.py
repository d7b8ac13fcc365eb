"""The figures that the page draws: sums by day, model, identity, region and error, in few numbers.

Rules: the log is asked once, whatever its size; one summary answers every filter, so the page
never asks again; sums are exact; latencies are counted in classes, each a tenth wider than the one
before, so percentiles can be taken of any selection; what there is no room for is one name,
"others", and no call is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from outcrop.activity.views import WHO
from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

    from outcrop.activity.engine import Activity
    from outcrop.activity.misuse.findings import Finding

#: A class of latencies is this much wider than the one before.
CLASS_WIDTH: Final = 1.1
#: Rows of sums, and counts of latencies: more, and fewer identities get a name of their own.
MOST_SUMS: Final = 40_000
MOST_LATENCIES: Final = 200_000
#: Days that one page can show.
MOST_DAYS: Final = 400

#: The name of what has none of its own; no model, identity or region is a mere asterisk.
OTHERS: Final = "*"
#: What can be filtered by → SQL for its name.
DIMENSIONS: Final = {
    "model": "coalesce(nullif(model, ''), 'unknown')",
    "identity": WHO,
    "region": "coalesce(nullif(region, ''), 'unknown')",
}

_MOST_MODELS: Final = 40
_MOST_REGIONS: Final = 40
_MOST_ERRORS: Final = 40
#: Identities with a name of their own: the first number for which there's room.
_MOST_IDENTITIES: Final = (200, 60, 20, 5, 0)

_BASE: Final = f"""SELECT day, {", ".join(f"{sql} AS {name}" for name, sql in DIMENSIONS.items())},
        error, CASE WHEN error IS NULL
            THEN floor(ln(greatest(latency_ms, 1)) / ln($width))::INTEGER END AS class,
        count(*) AS calls, sum(input_tokens)::BIGINT AS input, sum(output_tokens)::BIGINT AS output,
        sum(cache_read_tokens)::BIGINT AS cache_read,
        sum(cache_write_tokens)::BIGINT AS cache_write, sum(cost)::DOUBLE AS cost,
        count(*) FILTER (cost IS NULL AND error IS NULL) AS unpriced,
        sum(regional_premium)::DOUBLE AS premium
    FROM calls GROUP BY ALL"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Window:
    """The days that a page shows.

    Attributes:
        first: The first day, UTC.
        last: The last day, UTC.
    """

    first: date
    last: date

    @property
    def params(self) -> dict[str, Any]:
        """For SQL that has `IN_WINDOW` in it."""
        return {"first": self.first, "last": self.last}


#: SQL: whether a call lies in the window.
IN_WINDOW: Final = "day BETWEEN $first AND $last"


def check_days(days: int) -> None:
    """Refuses a number of days that no page can show.

    Raises:
        ConfigurationError: It isn't from 1 to 400.
    """
    if not 1 <= days <= MOST_DAYS:
        raise ConfigurationError(
            f"days={days} can't be shown on one page.", mend=f"Choose 1 to {MOST_DAYS} days."
        )


def summarise(
    log: Activity, *, days: int, named: Iterable[str] = (), today: date | None = None
) -> tuple[Window, dict[str, Any]]:
    """The last days that have calls, and their figures, ready for JSON.

    The window ends with the newest call, so records of another month are shown as they are; calls
    from after tomorrow, as a clock that jumped writes them, don't move it.

    Args:
        log: The records.
        days: How many days.
        named: Identities that get a name of their own before others do: those of findings.
        today: By UTC, the clock's by default.

    Returns:
        The window, and: `first`, `last` (ISO days); `names` (dimension → list of names, `error`
        too); `others` (dimension → how many names are one); `cells`, rows of day, model, identity,
        region and error as places in their lists (error -1: none), then calls, input, output, cache
        read and cache write tokens, cost in USD, calls without a price, and premium in USD;
        `latencies`, rows of day, model, identity and region, then class and count by turns; `width`
        of a class; `outside`, calls before or after the window.
    """
    import duckdb

    check_days(days)
    today = today or datetime.now(UTC).date()
    base = log.query(_BASE, {"width": CLASS_WIDTH})
    with duckdb.connect(config={"memory_limit": "300MB"}) as connection:
        connection.register("base", base)
        window = _window(connection, days=days, today=today)
        known: dict[str, Any] = {"first": window.first, "last": window.last}
        connection.execute(
            f"CREATE TABLE wanted AS FROM base WHERE {IN_WINDOW}",
            known,
        )
        names = {
            "model": _name(connection, "model", most=_MOST_MODELS),
            "region": _name(connection, "region", most=_MOST_REGIONS),
            "error": _name(connection, "error", most=_MOST_ERRORS),
        }
        always = sorted(set(named))
        for most in _MOST_IDENTITIES:
            names["identity"] = _name(connection, "identity", most=most, always=always)
            if _fits(connection):
                break
        sums = _rows(connection, _SUMS, {"first": window.first})
        latencies = _rows(connection, _LATENCIES, {"first": window.first})
        [[outside]] = _rows(
            connection,
            f"SELECT coalesce(sum(calls), 0)::BIGINT FROM base WHERE ({IN_WINDOW}) IS NOT TRUE",  # noqa: S608 - a constant
            known,
        )
    return window, {
        "first": window.first.isoformat(),
        "last": window.last.isoformat(),
        "names": {name: found for name, (found, _) in names.items()},
        "others": {name: count for name, (_, count) in names.items()},
        "cells": sums,
        "latencies": [[*place, *_flat(counts)] for *place, counts in latencies],
        "width": CLASS_WIDTH,
        "outside": outside,
    }


def _rows(
    connection: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, Any] | None = None
) -> list[Any]:
    return connection.execute(sql, dict(params or {})).fetchall()


def _window(connection: duckdb.DuckDBPyConnection, *, days: int, today: date) -> Window:
    [[newest]] = _rows(
        connection,
        "SELECT max(day) FROM base WHERE day <= $limit",
        {"limit": today + timedelta(days=1)},
    )
    last: date = newest or today
    return Window(last - timedelta(days=days - 1), last)


def _name(
    connection: duckdb.DuckDBPyConnection, column: str, *, most: int, always: Sequence[str] = ()
) -> tuple[list[str], int]:
    """The names that stand for themselves, as the table `<column>_names`; and how many don't.

    They are those that cost most, or have most calls where nothing has a cost; `OTHERS` is the last
    where there are others.
    """
    rows = _rows(
        connection,
        f"""SELECT {column} AS name, count(*) OVER () AS names FROM wanted
        WHERE name IS NOT NULL GROUP BY name
        ORDER BY list_contains($always::VARCHAR[], name) DESC,
            sum(cost) DESC NULLS LAST, sum(calls) DESC, name
        LIMIT greatest($most, 1)""",  # noqa: S608 - a column of ours
        {"always": list(always), "most": most},
    )
    names: list[str] = [name for name, _ in rows[:most]]
    others: int = rows[0][1] - len(names) if rows else 0
    connection.execute(
        f"""CREATE OR REPLACE TABLE {column}_names AS
        SELECT unnest($names::VARCHAR[]) AS name, unnest(range(len($names))) AS place""",
        {"names": names},
    )
    return [*names, OTHERS] if others else names, others


#: SQL: names as places, `OTHERS` being the one after the last; no error is -1.
_PLACED: Final = """
    SELECT
        (day - $first::DATE)::INTEGER AS d,
        coalesce(m.place, (SELECT count(*) FROM model_names)) AS m,
        coalesce(i.place, (SELECT count(*) FROM identity_names)) AS i,
        coalesce(r.place, (SELECT count(*) FROM region_names)) AS r,
        CASE WHEN error IS NULL THEN -1
            ELSE coalesce(e.place, (SELECT count(*) FROM error_names)) END AS e,
        wanted.*
    FROM wanted
    LEFT JOIN model_names m ON m.name = model LEFT JOIN identity_names i ON i.name = identity
    LEFT JOIN region_names r ON r.name = region LEFT JOIN error_names e ON e.name = error"""
#: Costs to the billionth of a dollar: the sums of a page stay exact to the cent and beyond.
_SUMS: Final = f"""
    SELECT d, m, i, r, e, sum(calls)::BIGINT, coalesce(sum(input), 0)::BIGINT,
        coalesce(sum(output), 0)::BIGINT, coalesce(sum(cache_read), 0)::BIGINT,
        coalesce(sum(cache_write), 0)::BIGINT, round(coalesce(sum(cost), 0), 9),
        sum(unpriced)::BIGINT, round(coalesce(sum(premium), 0), 9)
    FROM ({_PLACED}) GROUP BY ALL ORDER BY ALL"""  # noqa: S608 - constants
_CLASSES: Final = f"""
    SELECT d, m, i, r, class, sum(calls)::BIGINT AS calls
    FROM ({_PLACED}) WHERE class IS NOT NULL GROUP BY ALL"""  # noqa: S608 - constants
_LATENCIES: Final = f"""
    SELECT d, m, i, r, list([class, calls] ORDER BY class)
    FROM ({_CLASSES}) GROUP BY ALL ORDER BY d, m, i, r"""  # noqa: S608 - constants


def _fits(connection: duckdb.DuckDBPyConnection) -> bool:
    [[sums, latencies]] = _rows(
        connection,
        f"""SELECT (SELECT count(*) FROM (SELECT DISTINCT d, m, i, r, e FROM ({_PLACED}))),
            (SELECT count(*) FROM ({_CLASSES}))""",  # noqa: S608 - constants
        {"first": date(1970, 1, 1)},
    )
    return sums <= MOST_SUMS and latencies <= MOST_LATENCIES


def _flat(pairs: Iterable[Iterable[int]]) -> list[int]:
    return [number for pair in pairs for number in pair]


def describe(findings: Iterable[Finding], *, most: int = 500) -> list[dict[str, Any]]:
    """Findings for JSON, as they come, at most `most`."""
    return [
        {
            "detector": finding.detector,
            "severity": finding.severity,
            "identity": finding.identity,
            "time": iso(finding.time),
            "until": iso(finding.until),
            "summary": finding.summary,
            "ids": list(finding.request_ids)[:50],
            "calls": len(finding.request_ids),
        }
        for finding in list(findings)[:most]
    ]


def iso(moment: datetime | None) -> str | None:
    """A time in UTC to the second, as in `2026-04-07T01:23:45Z`."""
    if moment is None:
        return None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
