"""`outcrop activity tail`: calls as they are recorded."""

from __future__ import annotations

import json as json_of
from itertools import chain
from typing import Annotated, Any

from cyclopts import Parameter

from outcrop.cli import DONE
from outcrop.cli.activity.place import Where, milliseconds, number, opened, places
from outcrop.errors import ConfigurationError


def tail(
    *,
    follow: Annotated[bool, Parameter(name=("--follow", "-f"), negative=())] = False,
    lines: Annotated[int, Parameter(name=("--lines", "-n"))] = 10,
    where: Where = Where(),  # noqa: B008 - never changed
) -> int:
    """Print the last calls, and with -f new ones as they come.

    Parameters
    ----------
    follow
        Go on until Ctrl-C.
    lines
        How many of the last calls.
    """
    from outcrop.activity import source, tail as following

    if lines < 0:
        raise ConfigurationError(f"--lines {lines}: that isn't a number of calls.")
    found = [source.check(place) for place in places(where)]
    if follow and len(found) != 1:
        raise ConfigurationError("-f follows one place.", mend="Give one --place.")
    with opened(where) as log:
        last = log.rows(
            "SELECT strftime(time, '%Y-%m-%dT%H:%M:%SZ') AS timestamp, * EXCLUDE (time) "
            "FROM calls ORDER BY time DESC LIMIT $limit",
            {"limit": lines},
        )
    new = following.follow(found[0]) if follow else iter(())
    for row in chain(reversed(last), new):
        print(json_of.dumps(row, default=str) if where.json else _line(row), flush=True)
    return DONE


def _line(row: dict[str, Any]) -> str:
    tokens = f"{number(row['input_tokens'])} in, {number(row['output_tokens'])} out"
    parts = [
        row["timestamp"] or "",
        row["request_id"] or "",
        row["operation"] or "",
        row["model_id"] or "",
        row["error"] or tokens,
        milliseconds(row["latency_ms"]),
        row["identity"] or "",
    ]
    return "  ".join("".join(filter(str.isprintable, part)) for part in parts if part)
