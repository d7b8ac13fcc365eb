"""`outcrop activity export`: the calls as a file for other tools."""

from __future__ import annotations

import os
from pathlib import Path

from outcrop.cli import DONE
from outcrop.cli.activity.place import Where, number, opened
from outcrop.cli.connection import note
from outcrop.errors import ConfigurationError


def export(
    *,
    csv: Path | None = None,
    parquet: Path | None = None,
    content: bool = False,
    where: Where = Where(),  # noqa: B008 - never changed
) -> int:
    """Write the calls, with their costs, to a new file that only you may read.

    Parameters
    ----------
    csv
        A CSV file.
    parquet
        A Parquet file.
    content
        With prompts and completions, as JSON.
    """
    from outcrop.activity import export as exporting

    if (csv is None) == (parquet is None):
        raise ConfigurationError(
            "Name one file to write.", mend="Give --csv FILE or --parquet FILE."
        )
    path = csv or parquet
    assert path is not None  # one of them is
    if path.exists():
        raise ConfigurationError(f"{path} is there already.", mend="Name a new file, or remove it.")
    with opened(where) as log:
        count = exporting.export(log, path, kind="csv" if csv else "parquet", content=content)
    note(f"outcrop: {number(count)} calls in {os.fspath(path)}.")
    return DONE
