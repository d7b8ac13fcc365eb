"""Which model a name means: the names of a model, and the models of a name.

Rules: every name is computed from the catalog's rows, so that a new row brings its names along; a
name that several models share (`sonnet`) stands for each of them, newest first, and who asks takes
the newest that can be called; a name that none has is no error here.
Source: Anthropic, "Models overview" (aliases such as `claude-opus-4-0` and
`claude-3-7-sonnet-latest`); the model IDs of other clouds, which are the first-party name with
other punctuation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from outcrop.catalog import ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outcrop.catalog.models import Model

# Compiled when they are first needed: most calls name a model by its ID.
_DATE = r"-\d{8}"
_VERSION = r"-v\d+(:\d+)?$"
_PUNCTUATION = r"[\s_.@]+"


def family(model: Model) -> str:
    """Such as `sonnet`."""
    return model.name.split()[1].lower()


def version(model: Model) -> str:
    """Such as `4.5`; `preview` of a model without a number."""
    return model.name.split()[2].lower()


def names(model: Model) -> list[str]:
    """All names of a model in normal form (`normalize`); other models may have some of them too."""
    kind, number = family(model), version(model)
    numbers = [number, f"{number}-0"] if number.isdigit() else [number]
    found = [
        model.id,
        re.sub(_VERSION, "", model.id),
        model.first_party,
        re.sub(_DATE, "", model.first_party),
        model.name,
        model.name.removeprefix("Claude "),
        *(f"{kind}-{written}" for written in numbers),
        *(f"claude-{kind}-{written}" for written in numbers),
        *(f"{written}-{kind}" for written in numbers),
        *(f"claude-{written}-{kind}" for written in numbers),
        f"claude-{kind}",
        kind,
    ]
    if model.messages_id is not None:
        found.append(model.messages_id)
    return list(dict.fromkeys(normalize(name) for name in found))


def short(model: Model) -> str:
    """A name to write in a mend, such as `sonnet-4.5`."""
    return "-".join(model.name.removeprefix("Claude ").lower().split())


def normalize(spelling: str) -> str:
    """A name in lower case with hyphens: `Claude Sonnet 4.5` and `claude_sonnet@4.5` alike."""
    text = spelling.strip().lower().removeprefix("anthropic.").removeprefix("anthropic/")
    return re.sub(_PUNCTUATION, "-", text).removesuffix("-latest").removesuffix("-default")


def split_prefix(spelling: str) -> tuple[str | None, str]:
    """The prefix of an inference profile before a name, as in `global.sonnet`, and the name."""
    head, dot, rest = spelling.partition(".")
    if dot and rest and head.lower() in ids.PREFIXES:
        return head.lower(), rest
    return None, spelling


def index(models: Iterable[Model]) -> dict[str, tuple[Model, ...]]:
    """Name in normal form → the models that have it, newest first."""
    found: dict[str, list[Model]] = {}
    for model in models:
        for name in names(model):
            found.setdefault(name, []).append(model)
    return {
        name: tuple(sorted(rows, key=lambda row: row.launch, reverse=True))
        for name, rows in found.items()
    }
