"""The user's overlay of the catalog: a file whose rows win over the shipped ones.

Rules: the file is `OUTCROP_CATALOG`, else `~/.outcrop/catalog.json`; without it the catalog is the
shipped one; it is read anew when it has changed; it is written whole or not at all. A file that
can't be right is an error that names it and the place in it, never a catalog that quietly lacks
rows. Its form is that of `outcrop.catalog.overlay`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from outcrop.catalog import edition as editions, ids, overlay
from outcrop.errors import ConfigurationError
from outcrop.net.environment import variable

if TYPE_CHECKING:
    from pathlib import Path

    from outcrop.catalog.edition import Edition
    from outcrop.catalog.models import Model

Document = dict[str, Any]

VARIABLE: Final = "OUTCROP_CATALOG"
#: The shipped catalog has a hundredth of it.
MAX_BYTES: Final = 8 * 1024 * 1024

_MEND: Final = "Mend the file, or move it away to use the shipped catalog."


def path() -> Path:
    """Where the overlay is, or would be.

    Raises:
        ConfigurationError: There is no home folder to look in.
    """
    from pathlib import Path

    name = _name()
    if name is None:
        raise ConfigurationError(
            "There is no home folder, where the catalog's overlay would be.",
            mend=f"Set {VARIABLE} to a file's path, or HOME.",
        )
    return Path(name)


def _name() -> str | None:
    """The same as text, None without a home folder: most have no overlay, and need no `pathlib`."""
    name = os.path.expanduser(variable(VARIABLE) or "~/.outcrop/catalog.json")  # noqa: PTH111
    return None if name.startswith("~") else name


def edition() -> Edition:
    """The catalog as this user has it: the shipped one, with the overlay's rows if there is one.

    The same object as long as the file doesn't change.

    Raises:
        ConfigurationError: The file can't be read, or can't be right.
    """
    name = _name()
    if name is None:  # nobody has to have a home to call Claude
        return editions.shipped()
    try:
        found = os.stat(name)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return editions.shipped()
    except OSError as error:
        raise _unreadable(path(), error) from error
    return _edition(path(), (found.st_mtime_ns, found.st_size, found.st_ino))


@lru_cache(maxsize=2)
def _edition(file: Path, _version: tuple[int, int, int]) -> Edition:
    return merged(_read(file), file)


def read() -> Document:
    """The overlay itself, an empty one if there is no file; the caller's own to change.

    Raises:
        ConfigurationError: The file can't be read, or can't be right.
    """
    file = path()
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _unreadable(file, error) from error
    document = _read(file)
    merged(document, file)
    return document


def merged(document: Document, file: Path) -> Edition:
    """The shipped catalog with an overlay on top.

    Args:
        document: The overlay.
        file: Where it is from, for errors.

    Raises:
        ConfigurationError: The overlay can't be right.
    """
    try:
        _check_rows(document)
        made = editions.read(overlay.merge(editions.document(), document))
        for model in made.models:
            _check_model(model)
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error.message}", mend=error.mend or _MEND) from error
    except (AttributeError, TypeError, ValueError) as error:  # values of types that no row has
        raise ConfigurationError(f"{file}: it isn't an overlay: {error}.", mend=_MEND) from error
    return made


def write(document: Document) -> Path:
    """Where the overlay is, after it was written; whoever reads it meanwhile has the old one.

    Args:
        document: The whole overlay.

    Raises:
        ConfigurationError: It can't be written, or can't be right.
    """
    from pathlib import Path

    import orjson

    file = path().resolve()  # of a link, the file that it leads to
    merged(document, file)
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    temporary = ""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        from tempfile import NamedTemporaryFile  # only to write

        with NamedTemporaryFile(
            dir=file.parent, prefix=f".{file.name}-", delete=False
        ) as written:  # readable by its owner only: it may name accounts
            temporary = written.name
            written.write(text)
            written.flush()
            os.fsync(written.fileno())
        Path(temporary).replace(file)
    except OSError as error:
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink()
        raise ConfigurationError(
            f"{file} can't be written: {error.strerror}.",
            mend=f"Set {VARIABLE} to a path that can.",
        ) from error
    return file


def _unreadable(file: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"{file} can't be read: {error.strerror}.", mend=_MEND)


def _read(file: Path) -> Document:
    import msgspec

    try:
        with file.open("rb") as opened:
            text = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(file, error) from error
    if len(text) > MAX_BYTES:
        raise ConfigurationError(f"{file} is longer than {MAX_BYTES} bytes.", mend=_MEND)
    try:
        document: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{file} isn't JSON: {error}.", mend=_MEND) from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{file} isn't a JSON object.", mend=_MEND)
    return cast("Document", document)


def _check_model(model: Model) -> None:
    """Refuses what a row's types allow and no model can have."""
    place = f"models[{model.id!r}]"
    if len(model.name.split()) < 3:
        raise ConfigurationError(
            f"{place}.name: {model.name!r} isn't a model's name.",
            mend="Names look like 'Claude Opus 4.8'.",
        )
    for prefix, routes in model.profiles.items():
        if prefix not in ids.PREFIXES:
            raise ConfigurationError(
                f"{place}.profiles: {prefix!r} is no prefix of a profile.",
                mend=f"Prefixes are {', '.join(ids.PREFIXES)}.",
            )
        try:
            known = not isinstance(routes, str) or (routes == "common" and model.routes(prefix))
        except KeyError:
            known = False
        if not known:
            raise ConfigurationError(
                f"{place}.profiles.{prefix}: {routes!r} isn't a map of regions.",
                mend='Give {"source region": ["destination", …]}, or "common" where there is one.',
            )


def _check_rows(document: Document) -> None:
    """Refuses a section that isn't of its type, and a column that no model has.

    A misspelt column would otherwise do nothing.
    """
    from msgspec.structs import fields

    from outcrop.catalog.models import Model

    for section, kind, name in (
        ("models", list, "a list"),
        ("prices", dict, "an object"),
        ("quotas", dict, "an object"),
        ("application_profiles", dict, "an object"),
    ):
        if section in document and not isinstance(document[section], kind):
            raise ConfigurationError(f"{section} isn't {name}.", mend=_MEND)
    columns = [*(field.name for field in fields(Model)), "like"]
    rows: list[Any] = document.get("models", [])
    for at, row in enumerate(rows):
        if not isinstance(row, dict):
            raise ConfigurationError(f"models[{at}] isn't an object.", mend=_MEND)
        for column in cast("Document", row):
            if column not in columns:
                from difflib import get_close_matches  # only for errors

                near = get_close_matches(column, columns, 1)
                raise ConfigurationError(
                    f"models[{at}] has {column!r}, which no model has.",
                    mend=f"Did you mean {near[0]!r}?" if near else "Leave it out.",
                )
