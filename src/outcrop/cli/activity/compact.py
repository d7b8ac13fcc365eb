"""`outcrop activity compact`: days that are over, as Parquet."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from outcrop.cli import DONE
from outcrop.cli.activity.place import Where, number, places
from outcrop.cli.connection import note
from outcrop.cli.table import print_json
from outcrop.errors import ConfigurationError


def compact(
    *,
    to: Path | None = None,
    remove: Annotated[bool, Parameter(negative=())] = False,
    place: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Rewrite days that are over as Parquet, which is a tenth of the time to ask.

    Parameters
    ----------
    to
        A folder for the files; otherwise the place itself.
    remove
        Take the files away that are in a Parquet file now; only from a folder of Outcrop's.
    place
        A folder or s3://BUCKET/PREFIX with records; otherwise OUTCROP_ACTIVITY, otherwise
        ~/.outcrop/activity.
    json
        Print JSON.
    """
    from dataclasses import asdict

    from outcrop.activity import compacted, source

    found = places(Where(place=place))
    if len(found) != 1:
        raise ConfigurationError("One place is compacted at a time.", mend="Give one --place.")
    done = compacted.compact(
        source.check(found[0]), to=None if to is None else str(to), remove=remove, now=time.time()
    )
    if json:
        print_json(asdict(done))
        return DONE
    before = f"{number(done.bytes_before / 1e6)} MB in {number(done.files)} files"
    print(
        f"{number(done.records)} calls of {done.days} days: {before} became "
        f"{number(done.bytes_after / 1e6)} MB."
        + (f" {number(done.removed)} files were taken away." if remove else "")
    )
    for name, reason in done.skipped:
        note(f"outcrop: left as it is: {name} ({reason}).")
    return DONE
