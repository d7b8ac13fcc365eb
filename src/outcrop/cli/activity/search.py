"""`outcrop activity search`: a text in prompts and completions."""

from __future__ import annotations

import sys
from dataclasses import asdict

from outcrop.cli import DONE
from outcrop.cli.activity.place import Where, opened
from outcrop.cli.table import print_json


def search(text: str, /, *, limit: int = 20, where: Where = Where()) -> int:  # noqa: B008 - the same
    """Find a text in prompts and completions, the newest first; upper and lower case are the same.

    Parameters
    ----------
    text
        What to look for.
    limit
        Calls at most.
    """
    from outcrop.activity import words

    with opened(where) as log:
        found = words.search(log, text, limit=limit)
    if where.json:
        print_json([asdict(one) for one in found])
        return DONE
    mark, end = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
    for one in found:
        who = "reply" if one.reply else one.role
        print(f"{one.time:%Y-%m-%d %H:%M:%S}  {one.request_id}  {one.model_id}")
        print(f"  {who}: …{_plain(one.before)}{mark}{_plain(one.text)}{end}{_plain(one.behind)}…")
    if not found:
        print("Nothing found.")
    elif len(found) == limit:
        print(f"The newest {limit}; --limit shows more.")
    return DONE


def _plain(text: str) -> str:
    """A stranger's text without what a terminal would obey."""
    return "".join(letter for letter in text if letter.isprintable())
