"""The day that `--today` names."""

from __future__ import annotations

from datetime import date

from outcrop.errors import ConfigurationError


def check_day(day: str | None) -> str | None:
    """The same day.

    Raises:
        ConfigurationError: It isn't one.
    """
    if day is None:
        return None
    try:
        sound = date.fromisoformat(day).isoformat() == day
    except ValueError:
        sound = False
    if not sound:
        raise ConfigurationError(
            f"--today {day}: that isn't a day.", mend="Give one like 2026-11-22."
        )
    return day
