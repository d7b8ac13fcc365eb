"""Sphinx configuration."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version as installed

from outcrop.activity import misuse
from outcrop.bedrock.blocks import PAIRS
from outcrop.bedrock.citations import LOCATIONS
from outcrop.bedrock.mapping import ROWS
from outcrop.catalog import aliases, ids, models, prices
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
    some = " in most regions" if model.lifecycle.leftovers else ""
    status = model.lifecycle.status
    if status == "EOL":
        return "ended"
    return "by invitation" if status == "GATED" else f"{status.lower()}{some and ', ended' + some}"


def _end(model: Model) -> str:
    life = model.lifecycle
    if life.end:
        return f"{life.end}{' in most regions' if life.leftovers else ''}"
    return f"not before {life.no_end_before}" if life.no_end_before else ""


def _profiles() -> Iterable[Sequence[str]]:
    """Prefix, the models with the same map of regions, from where they are called, where served."""
    alike: dict[tuple[str, str], list[str]] = {}
    for model in models.models():
        for prefix in model.profiles:
            served: dict[str, list[str]] = {}
            for source, targets in sorted(model.routes(prefix).items()):
                served.setdefault(", ".join(targets), []).append(source)
            unknown = "any commercial region" if prefix == "global" else "not published"
            ways = (f"{', '.join(at)} → {to or unknown}" for to, at in served.items())
            alike.setdefault((prefix, "<br>".join(ways)), []).append(aliases.short(model))
    order = {prefix: at for at, prefix in enumerate(ids.PREFIXES)}
    for (prefix, ways), names in sorted(alike.items(), key=lambda row: order[row[0][0]]):
        yield f"`{prefix}`", ", ".join(names), ways


def _tokens(count: int) -> str:
    return f"{count // 1_000_000}M" if count % 1_000_000 == 0 else f"{count // 1000}K"


def _money(row: prices.Row, kind: str) -> str:
    number = getattr(row, kind)
    return "" if number is None else f"{number.normalize():f}"


_prices = prices.shipped()
myst_enable_extensions.append("substitution")


def _detector(one: misuse.Detector) -> str:
    """What is to be said of a detector of misuse."""
    thresholds = (
        (f"`{name}`", f"{told.default:g}", told.meaning) for name, told in one.thresholds.items()
    )
    parts = [
        f"## {one.title} (`{one.name}`)",
        one.meaning,
        f"Severity: {one.severity}.",
        _table("threshold", "default", "", rows=thresholds),
        _table("evidence", "", rows=one.evidence.items()),
    ]
    if one.source:
        parts.append(f"Source: {one.source}")
    return "\n\n".join(parts)


myst_substitutions = {
    "detectors": "\n\n".join(map(_detector, misuse.DETECTORS.values())),
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
        "sources",
        rows=(
            (
                model.name,
                f"`{aliases.short(model)}`",
                f"`{model.id}`",
                ", ".join(model.profiles),
                ", ".join(model.in_region),
                _tokens(model.context),
                _tokens(model.max_output),
                model.source,
            )
            for model in models.models()
        ),
    ),
    "lives": _table(
        "model",
        "life",
        "launch",
        "legacy from",
        "may cost more from",
        "end",
        rows=(
            (
                model.name,
                _life(model),
                model.launch,
                model.lifecycle.legacy or "",
                model.lifecycle.extended_access or "",
                _end(model),
            )
            for model in models.models()
        ),
    ),
    "profiles": _table("prefix", "models", "called from → served in", rows=_profiles()),
    "sources": _table(
        "key", "source", rows=((key, f"{said}") for key, said in models.sources().items())
    ),
    "prices": _table(
        "model",
        *(kind.replace("_", " ") for kind in prices.KINDS),
        "sources",
        "as of",
        rows=(
            (f"`{row.id}`", *(_money(row, kind) for kind in prices.KINDS), row.source, row.as_of)
            for row in _prices.models
        ),
    ),
    "prices_as_of": _prices.as_of,
    "premiums": ", ".join(
        f"{rule.endpoint} {(rule.factor - 1) * 100:+.0f} %"
        for rule in _prices.premiums
        if rule.endpoint != "global"
    ),
}
