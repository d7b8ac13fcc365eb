"""What all questions about activity are given: where the records are, and of what time."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from outcrop.cli.connection import note
from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from outcrop.activity import Activity

#: Where the documentation has clients record.
DEFAULT: Final = "~/.outcrop/activity"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Where:
    """Where the records are, and of what time.

    Attributes:
        place: A folder, a file or s3://BUCKET/PREFIX with records; may be given several times.
            Otherwise OUTCROP_ACTIVITY, otherwise ~/.outcrop/activity.
        since: From when on: 30d, 12h, 2026-11-01, 2026-11-01T08:00, or all.
        until: Until when; otherwise now.
        trail: Where CloudTrail's events lie, if not in the same place.
        json: Print JSON.
    """

    place: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = ()
    since: str = "30d"
    until: str | None = None
    trail: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = ()
    json: Annotated[bool, Parameter(negative=())] = False


def places(where: Where) -> tuple[str, ...]:
    """Where the records are.

    Raises:
        ConfigurationError: Nobody says, and nothing is recorded where it would be.
    """
    given = where.place or tuple(filter(None, [os.environ.get("OUTCROP_ACTIVITY")]))
    if given:
        return given
    if not Path(DEFAULT).expanduser().is_dir():
        raise ConfigurationError(
            "Nothing is recorded yet in ~/.outcrop/activity.",
            mend="Record with AnthropicBedrock(activity='~/.outcrop/activity') or "
            "OUTCROP_ACTIVITY, or name records with --place.",
        )
    return (DEFAULT,)


@contextmanager
def opened(where: Where) -> Generator[Activity]:
    """The records, with a bar while they are read, and a word on what couldn't be."""
    from outcrop import activity

    since = None if where.since == "all" else where.since
    with (
        _bar() as progress,
        activity.open(
            places(where), since=since, until=where.until, trail=where.trail, progress=progress
        ) as log,
    ):
        yield log
        if damaged := log.damaged:
            first = damaged[0]
            more = f", and {len(damaged) - 1} more" if len(damaged) > 1 else ""
            note(f"outcrop: not read whole: {first.file} ({first.reason}){more}.")
        if log.lost:
            note(f"outcrop: {log.lost} calls were lost by their recorder.")


@contextmanager
def _bar() -> Generator[Callable[[int, int], object] | None]:
    """A progress bar on a terminal, for what takes long enough to see one."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task: Any = None

        def tell(done: int, whole: int) -> None:
            nonlocal task
            if task is None:
                task = bar.add_task("Reading", total=whole)
            bar.update(task, completed=done)

        yield tell


# Words for numbers ───────────────────────────────────────────────────────────────────────────────


def money(amount: float) -> str:
    """Dollars, with as many places as the amount needs to be seen."""
    return f"{amount:,.2f}" if abs(amount) >= 1 or amount == 0 else f"{amount:.4f}"


def number(count: float | None) -> str:
    """A whole number with separators; nothing for none."""
    return "" if count is None else f"{count:,.0f}"


def percent(share: float | None) -> str:
    """A share of one as per cent."""
    return "" if share is None else f"{share:.1%}"


def milliseconds(value: float | None) -> str:
    """A latency, in seconds from one on."""
    if value is None:
        return ""
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.0f} ms"


def cell(value: object) -> str:
    """Any value as a table shows it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return str(value)
