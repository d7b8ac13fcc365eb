"""`outcrop activity prune`: days that are to be kept no longer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from outcrop.cli import DONE, USAGE
from outcrop.cli.activity.place import Where, number, places
from outcrop.cli.connection import note
from outcrop.cli.table import print_json
from outcrop.errors import ConfigurationError


def prune(
    *,
    days: int = 30,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    place: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Take days away that are to be kept no longer; only files that Outcrop wrote.

    Parameters
    ----------
    days
        Days that stay, today's among them.
    dry_run
        Only tell.
    place
        A folder that clients record in; otherwise OUTCROP_ACTIVITY, otherwise ~/.outcrop/activity.
    json
        Print JSON.
    """
    from outcrop.activity import source
    from outcrop.delivery import retention

    gone: list[str] = []
    size = failures = 0
    for one in places(Where(place=place)):
        folder = Path(source.check(one)) if not source.is_remote(one) else None
        if folder is None or not retention.is_marked(folder):
            raise ConfigurationError(
                f"{one} isn't a folder of Outcrop's: nothing is taken away from there.",
                mend="For a bucket, set a lifecycle rule (S3) or a retention (CloudWatch Logs).",
            )
        pruned = retention.prune(folder, keep=days, now=time.time(), dry_run=dry_run)
        gone += map(str, pruned.files)
        size += pruned.bytes
        failures += len(pruned.failed)
        for path, reason in pruned.failed:
            note(f"outcrop: {path} couldn't be taken away: {reason}.")
    if json:
        print_json({"files": gone, "bytes": size, "dry_run": dry_run})
    else:
        what = "would be" if dry_run else "were"
        print(f"{number(len(gone))} files ({number(size / 1e6)} MB) {what} taken away.")
    return USAGE if failures else DONE
