"""An edition of the catalog: its rows as one value, the shipped ones or with an overlay's on top.

Rules: an edition is never changed; whoever has another one hands it on as an argument. The document
of an edition is plain JSON, so that an overlay can be merged into it (`outcrop.catalog.overlay`).
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec import Struct, field

from outcrop.catalog import aliases, models, prices, quotas
from outcrop.catalog.models import Model
from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]
T = TypeVar("T")

#: The beginning of msgspec's place of an error: a list, perhaps in an object, and its row.
_ROW: Final = r"(?:\.(\w+))?\[(\d+)\]"


class Edition(Struct, frozen=True, eq=False, dict=True):
    """What is known of models, prices and quotas.

    Two editions are equal if they are the same object, so one can be a key.

    Attributes:
        as_of: The day whose facts these are, ISO 8601.
        models: All models, newest family first.
        prices: The price list.
        quotas: The quotas.
        application_profiles: ARN of an application inference profile → ID or ARN that it was made
            from. Only an account knows its own, so the shipped edition has none.
    """

    as_of: str
    models: tuple[Model, ...]
    prices: prices.Prices
    quotas: quotas.Quotas
    application_profiles: Mapping[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def _by_id(self) -> dict[str, Model]:
        return {model.id: model for model in self.models}

    @cached_property
    def _by_name(self) -> dict[str, tuple[Model, ...]]:
        return aliases.index(self.models)

    def find(self, base_id: str | None) -> Model | None:
        """The model of a base ID, or None."""
        return self._by_id.get(base_id) if base_id else None

    def named(self, spelling: str) -> tuple[Model, ...]:
        """The models that a name may mean, newest first; none for a name that isn't known."""
        return self._by_name.get(aliases.normalize(spelling), ())

    def similar(self, spelling: str) -> list[str]:
        """Names that are spelt much like an unknown one, the most alike first."""
        from difflib import get_close_matches

        return get_close_matches(aliases.normalize(spelling), self._by_name, 2, cutoff=0.8)


@lru_cache(maxsize=1)
def shipped() -> Edition:
    """The edition that comes with this release."""
    # Its rows are read as what they are: by way of `document()`, that takes ten times as long.
    return Edition(
        as_of=models.as_of(),
        models=tuple(models.models()),
        prices=prices.shipped(),
        quotas=quotas.shipped(),
    )


def document() -> Document:
    """The shipped edition as JSON, a copy for the caller's own use."""
    whole: Document = msgspec.json.decode(models.read_data("models.json"))
    for section in ("prices", "quotas"):
        whole[section] = msgspec.json.decode(models.read_data(f"{section}.json"))
    return {**whole, "application_profiles": {}}


def read(document: Document) -> Edition:
    """The edition that a document describes.

    Args:
        document: As `document()` gives it, perhaps with an overlay merged in.

    Raises:
        ConfigurationError: A row lacks a column, or has a value that can't be.
    """
    try:
        return Edition(
            as_of=_convert(document, "as_of", str),
            models=tuple(_convert(document, "models", list[Model])),
            prices=_convert(document, "prices", prices.Prices),
            quotas=_convert(document, "quotas", quotas.Quotas),
            application_profiles=_convert(
                {"application_profiles": {}, **document}, "application_profiles", dict[str, str]
            ),
        )
    except KeyError as error:
        raise ConfigurationError(
            f"The catalog has no {error.args[0]!r}.", mend="Merge overlays into `document()`."
        ) from None


def _convert(document: Document, section: str, kind: type[T]) -> T:
    """A section as its type; an error names the section, the row and the column."""
    value = document[section]
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        place = place.rstrip("`")
        if row := re.match(_ROW, place):
            rows = value if row[1] is None else value[row[1]]
            name = rows[int(row[2])].get("id", row[2])
            place = f".{row[1] or ''}[{name!r}]{place[row.end() :]}".replace(".[", "[")
        raise ConfigurationError(
            f"The catalog has a row that can't be: {section}{place}: {what}.",
            mend="Rows need the columns of the shipped ones; 'like' takes them from another model.",
        ) from None
