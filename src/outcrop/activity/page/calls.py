"""Lists of calls, and one call in full: what a page drills down to.

Rules: a list is bounded and has figures only, never a word of a prompt; a conversation is read when
it is asked for; filters mean here what they mean in the page's charts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from outcrop.activity import turns
from outcrop.activity.page.summary import DIMENSIONS, IN_WINDOW, OTHERS, iso
from outcrop.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outcrop.activity.engine import Activity
    from outcrop.activity.page.summary import Window

#: Calls in one answer.
MOST_CALLS: Final = 100
#: Calls that can be paged through; filters reach the rest.
DEEPEST: Final = 10_000

_ORDERS: Final = {
    "newest": "time DESC, request_id",
    "oldest": "time, request_id",
    "dearest": "cost DESC NULLS LAST, time DESC, request_id",
    "slowest": "latency_ms DESC NULLS LAST, time DESC, request_id",
    "longest": "input_tokens + output_tokens + cache_read_tokens + cache_write_tokens DESC, "
    "time DESC, request_id",
}

_COLUMNS: Final = f"""time, request_id AS id, operation, stream, {DIMENSIONS["model"]} AS model,
    model_id, endpoint, identity, {DIMENSIONS["identity"]} AS who,
    {DIMENSIONS["region"]} AS region, inference_region,
    input_tokens AS input, output_tokens AS output,
    cache_read_tokens AS cache_read, cache_write_tokens AS cache_write, cost, latency_ms AS latency,
    first_byte_ms AS first_byte, stop_reason AS stop, error"""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which calls are listed; an empty string is all of them.

    Attributes:
        model: Base ID.
        identity: ARN, a role's without its session, or access key ID; `OTHERS` for all that the
            summary has no name for.
        region: As called.
        first: First day.
        last: Last day.
        errors: Only calls that failed.
        order: `newest`, `oldest`, `dearest`, `slowest` or `longest`.
        offset: How many to skip.
    """

    model: str = ""
    identity: str = ""
    region: str = ""
    first: date | None = None
    last: date | None = None
    errors: bool = False
    order: str = "newest"
    offset: int = 0


def read_filters(query: Mapping[str, str]) -> Filters:
    """Filters from the parameters of a URL.

    Raises:
        RequestError: A value that can't be, named.
    """
    order = query.get("order", "newest")
    if order not in _ORDERS:
        raise RequestError(f"order={order!r} isn't one of {', '.join(_ORDERS)}.")
    offset = query.get("offset", "0")
    if not (offset.isascii() and offset.isdigit() and len(offset) < 6):
        raise RequestError(f"offset={offset!r} isn't a number from 0 to {DEEPEST}.")
    return Filters(
        model=query.get("model", ""),
        identity=query.get("identity", ""),
        region=query.get("region", ""),
        first=_day(query, "from"),
        last=_day(query, "to"),
        errors=query.get("errors", "") == "1",
        order=order,
        offset=min(int(offset), DEEPEST),
    )


def _day(query: Mapping[str, str], name: str) -> date | None:
    text = query.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise RequestError(f"{name}={text!r} isn't a day such as 2026-04-07.") from None


@dataclass(slots=True)
class _Where:
    parts: list[str] = field(default_factory=list[str])
    params: dict[str, Any] = field(default_factory=dict[str, Any])


def list_calls(
    log: Activity, window: Window, *, filters: Filters, names: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Calls of a window: `calls`, at most 100, and `more`, whether there are others after them.

    Args:
        log: The records.
        window: The days of the page.
        filters: Which of them.
        names: Of the summary: what `OTHERS` isn't.
    """
    where = _Where([IN_WINDOW], window.params)
    for column in DIMENSIONS:
        _narrow(where, column, getattr(filters, column), names[column])
    if filters.first:
        where.parts.append("day >= $from")
        where.params["from"] = filters.first
    if filters.last:
        where.parts.append("day <= $to")
        where.params["to"] = filters.last
    if filters.errors:
        where.parts.append("error IS NOT NULL")
    rows = log.rows(
        f"""SELECT {_COLUMNS} FROM calls WHERE {" AND ".join(where.parts)}
        ORDER BY {_ORDERS[filters.order]} LIMIT $limit OFFSET $offset""",  # noqa: S608 - values are parameters
        {**where.params, "limit": MOST_CALLS + 1, "offset": filters.offset},
    )
    return {
        "calls": [_listed(row) for row in rows[:MOST_CALLS]],
        "more": len(rows) > MOST_CALLS and filters.offset + MOST_CALLS < DEEPEST,
    }


def _narrow(where: _Where, column: str, value: str, names: Sequence[str]) -> None:
    if not value:
        return
    if value == OTHERS:
        where.parts.append(f"NOT list_contains(${column}::VARCHAR[], {DIMENSIONS[column]})")
        where.params[column] = list(names)
    else:
        where.parts.append(f"{DIMENSIONS[column]} = ${column}")
        where.params[column] = value


def choose_calls(
    log: Activity, window: Window, *, most: int, ids: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The calls that a report has with it: those of findings, then failed ones, then the dearest.

    Args:
        log: The records.
        window: The days of the page.
        most: How many.
        ids: Request IDs of findings.
    """
    rows = log.rows(
        f"""SELECT {_COLUMNS} FROM calls WHERE {IN_WINDOW}
        ORDER BY list_contains($ids::VARCHAR[], request_id) DESC,
            row_number() OVER (PARTITION BY error IS NULL ORDER BY cost DESC NULLS LAST, time DESC),
            request_id
        LIMIT $most""",  # noqa: S608 - constants
        {**window.params, "ids": list(ids)[:most], "most": most},
    )
    return sorted((_listed(row) for row in rows), key=lambda row: (row["time"], row["id"]))[::-1]


def _listed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "time": iso(row["time"])}


def read_call(log: Activity, request_id: str, *, most_characters: int) -> dict[str, Any] | None:
    """One call in full: `call`, its figures, and `conversation`, as `words.conversation` gives it.

    Args:
        log: The records.
        request_id: AWS's ID of the request.
        most_characters: Of the conversation's text.

    Returns:
        None if there's no such call.
    """
    rows = log.rows(
        f"SELECT {_COLUMNS} FROM calls WHERE request_id = $id LIMIT 1",  # noqa: S608 - constants
        {"id": request_id},
    )
    if not rows:
        return None
    said = _said(log, request_id, most_characters=most_characters)
    return {"call": _listed(rows[0]), "conversation": said}


def _said(log: Activity, request_id: str, *, most_characters: int) -> dict[str, Any]:
    from outcrop.activity import words  # which reads turns as this package does

    said = words.conversation(log, request_id, most_characters=most_characters)
    del said["call"]
    return said


def read_conversations(
    log: Activity, request_ids: Sequence[str], *, most_characters: int
) -> dict[str, dict[str, Any]]:
    """What was asked and answered: request ID → conversation, as `words.conversation` gives it.

    The records are read once for all of them, and bodies that lie beside their record one by one.
    """
    rows = log.rows(
        """SELECT request_id, input, output, input_path IS NOT NULL OR output_path IS NOT NULL
            AS beside FROM contents WHERE list_contains($ids::VARCHAR[], request_id)""",
        {"ids": list(request_ids)},
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = row["request_id"]
        if row["beside"]:
            found[name] = _said(log, name, most_characters=most_characters)
        else:
            found[name] = turns.read_turns(
                row["input"], row["output"], most_characters=most_characters
            )
    return found
