"""Sphinx configuration."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version as installed

from outcrop.bedrock.blocks import PAIRS
from outcrop.bedrock.citations import LOCATIONS
from outcrop.bedrock.mapping import ROWS

project = "Outcrop"
author = "The Outcrop developers"
copyright = "2026, the Outcrop developers"
release = version = installed("outcrop")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Outcrop"
myst_enable_extensions = ["colon_fence", "deflist"]
autodoc_typehints = "none"
autodoc_member_order = "bysource"

# Tables of the reference pages, made from those that the code is driven by.


def _table(*heads: str, rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


myst_enable_extensions.append("substitution")
myst_substitutions = {
    "blocks": _table(
        "Messages",
        "Converse",
        "on the way",
        rows=((f"`{pair.messages}`", f"`{pair.converse}`", pair.note) for pair in PAIRS),
    ),
    "citations": _table(
        "Messages",
        "Converse",
        "fields",
        rows=(
            (
                f"`{location.messages}`",
                f"`{location.converse}`",
                ", ".join(f"`{ours}` = `{theirs}`" for ours, theirs in location.members.items()),
            )
            for location in LOCATIONS
        ),
    ),
    "fields": _table("Messages", "Converse", "on the way", rows=ROWS),
}
