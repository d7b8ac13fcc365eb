"""Days of an activity folder that are over: which files they are, and taking them away.

Rules: only files that Outcrop wrote are touched, told by the marker at the top of the folder and by
their names; what else lies in the folder stays, and so does a directory that isn't empty then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What a folder has at its top when its records are Outcrop's.
MARKER: Final = ".outcrop-activity"
_DAY: Final = re.compile(r"(\d{4})/(\d{2})/(\d{2})")
#: Names of files below a day: records as they come, compacted ones, bodies too long for a record.
_OURS: Final = re.compile(
    r"\d{6}Z_\d+_[0-9a-f]+\.jsonl"
    r"|outcrop-[0-9A-Za-z-]+\.parquet"
    r"|data/[0-9A-Za-z-]+_(?:input|output)\.json\.gz"
)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was taken away, or would be.

    Attributes:
        files: The files.
        bytes: Their sizes together.
        failed: Those that couldn't be taken away, each with the reason.
    """

    files: tuple[Path, ...]
    bytes: int
    failed: tuple[tuple[Path, str], ...] = ()


def mark(folder: Path) -> None:
    """Says that a folder's records are Outcrop's; makes the folder if it isn't there.

    Raises:
        OSError: It can't be made or written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    marker = folder / MARKER
    if not marker.exists():
        marker.write_text("Records of Outcrop. Days that are over are pruned from here.\n")


def is_marked(folder: Path) -> bool:
    """Whether a folder's records are Outcrop's."""
    return (folder / MARKER).is_file()


def is_ours(path: Path, folder: Path) -> bool:
    """Whether a file of a folder is a record of Outcrop's, by its name."""
    key = path.relative_to(folder).as_posix()
    return _DAY.fullmatch(key[:10]) is not None and _OURS.fullmatch(key[11:]) is not None


def day_folder(folder: Path, day: date) -> Path:
    """Where a day's records lie."""
    return folder / f"{day:%Y/%m/%d}"


def days(folder: Path) -> list[date]:
    """The days of which there is anything, the first first."""
    found: list[date] = []
    for path in folder.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]"):
        match = _DAY.fullmatch(path.relative_to(folder).as_posix())
        try:
            if match and path.is_dir():
                found.append(date(int(match[1]), int(match[2]), int(match[3])))
        except ValueError:  # such as 2026/13/45: not ours
            continue
    return sorted(found)


def prune(folder: Path, *, keep: int, now: float, dry_run: bool = False) -> Pruned:
    """Takes away what is older than so many days.

    Args:
        folder: Of records; one without our marker is left as it is.
        keep: Days that stay, today's among them; 1 or more.
        now: Seconds since the epoch.
        dry_run: Only tell.

    Raises:
        ConfigurationError: `keep` isn't a number of days.
    """
    if keep < 1:
        raise ConfigurationError(f"{keep} days can't be kept.", mend="Keep 1 or more.")
    if not is_marked(folder):
        return Pruned((), 0)
    first = datetime.fromtimestamp(now, UTC).date() - timedelta(days=keep - 1)
    gone: list[Path] = []
    failed: list[tuple[Path, str]] = []
    size = 0
    for day in days(folder):
        if day >= first:
            break
        for path in _ours(day_folder(folder, day)):
            try:
                taken = path.stat().st_size
                if not dry_run:
                    path.unlink()
            except OSError as error:
                failed.append((path, error.strerror or str(error)))
                continue
            size += taken
            gone.append(path)
        if not dry_run:
            _remove_empty(day_folder(folder, day), folder)
    return Pruned(tuple(gone), size, tuple(failed))


def _ours(day: Path) -> Iterator[Path]:
    for path in [*day.glob("*"), *day.glob("data/*")]:
        if _OURS.fullmatch(path.relative_to(day).as_posix()) and path.is_file():
            yield path


def _remove_empty(day: Path, folder: Path) -> None:
    for path in (day / "data", day, day.parent, day.parent.parent):
        if path == folder:
            return
        try:
            path.rmdir()
        except OSError:  # not empty, or not there
            continue
