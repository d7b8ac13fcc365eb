"""Sphinx configuration."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version as installed

from outcrop.bedrock.blocks import PAIRS
from outcrop.bedrock.citations import LOCATIONS
from outcrop.bedrock.mapping import ROWS
from outcrop.catalog import aliases, models, prices
from outcrop.catalog.models import Model

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


def _life(model: Model) -> str:
    ends = f", ends {model.lifecycle.end}" if model.lifecycle.end else ""
    return f"{model.lifecycle.status.lower()}{ends}"


def _tokens(count: int) -> str:
    return f"{count // 1_000_000}M" if count % 1_000_000 == 0 else f"{count // 1000}K"


def _money(row: prices.Row, kind: str) -> str:
    number = getattr(row, kind)
    return "" if number is None else f"{number.normalize():f}"


_prices = prices.shipped()
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
    "as_of": models.as_of(),
    "models": _table(
        "model",
        "name",
        "base ID",
        "prefixes",
        "on demand in",
        "context",
        "output",
        "life",
        rows=(
            (
                model.name,
                f"`{aliases.short(model)}`",
                f"`{model.id}`",
                ", ".join(model.profiles),
                ", ".join(model.in_region),
                _tokens(model.context),
                _tokens(model.max_output),
                _life(model),
            )
            for model in models.models()
        ),
    ),
    "prices": _table(
        "model",
        *(kind.replace("_", " ") for kind in prices.KINDS),
        rows=(
            (f"`{row.id}`", *(_money(row, kind) for kind in prices.KINDS)) for row in _prices.models
        ),
    ),
    "prices_as_of": _prices.as_of,
    "premiums": ", ".join(
        f"{rule.endpoint} {(rule.factor - 1) * 100:+.0f} %"
        for rule in _prices.premiums
        if rule.endpoint != "global"
    ),
}
