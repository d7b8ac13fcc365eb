"""What the commands print: tables in plain columns, and JSON."""

from __future__ import annotations

import json
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

#: Lines wrap in a narrow terminal rather than lose the end of an ID.
_WIDTH: Final = 1000


def print_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[str] = ()
) -> None:
    """Prints columns, each as wide as it needs.

    Args:
        heads: Of the columns.
        rows: The cells; those of several lines have line breaks.
        right: Heads of the columns whose cells are numbers.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in heads:
        table.add_column(head, no_wrap=True, justify="right" if head in right else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(width=_WIDTH)
    with console.capture() as capture:
        console.print(table)
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Prints names with what is to be said of each, in as many lines as it takes.

    Args:
        facts: Name, and what is said; without a name it is said of the last.
    """
    margin = max((len(name) for name, _ in facts), default=0) + 2
    width = max(get_terminal_size().columns, margin + 40)
    for name, said in facts:
        lines = wrap(said, width - margin, break_long_words=False, break_on_hyphens=False)
        for at, line in enumerate(lines or [""]):
            print(f"{'' if at else name:<{margin}}{line}".rstrip())


def print_json(value: object) -> None:
    """Prints a value as JSON; prices as strings, exactly."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def tokens(count: int) -> str:
    """A size in tokens, such as `200K` and `1M`."""
    return f"{count // 1_000_000}M" if count % 1_000_000 == 0 else f"{count // 1000}K"
