"""Which way a call goes: the resolver, asked for this client, and the routes to fall back on.

Rules: what the caller named goes before what the client was told; an ID that was given whole isn't
judged by its age at another endpoint than AWS's, whose day is its own; a fallback that can't be, or
leaves the area to stay in, is refused before anything is sent.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any, Final, get_args

from outcrop.bedrock import routes
from outcrop.catalog import ids
from outcrop.catalog.options import Wish
from outcrop.catalog.resolve import resolve
from outcrop.errors import ConfigurationError, RequestError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from outcrop.bedrock.routes import Route
    from outcrop.client.request import Settings

ENDPOINTS: Final[tuple[str, ...]] = get_args(Wish)
ON_UNSUPPORTED: Final = ("raise", "drop", "send")

#: A day before any model's end.
_ANY_DAY: Final = "0001-01-01"


def find(
    settings: Settings,
    spelling: str,
    *,
    region: str | None = None,
    endpoint: Wish | None = None,
    stay_in: str | Collection[str] | None = None,
) -> Route:
    """The route of a model from this client, in whatever spelling.

    Args:
        settings: The client's.
        spelling: See `outcrop.catalog.resolve.resolve`.
        region: Another region than the client's.
        endpoint: For this call; the client's otherwise, for a name that has no prefix.
        stay_in: For this call; the client's otherwise.

    Raises:
        RequestError: There is no route, and what would work.
    """
    region = region or settings.region.name
    origin, _ = settings.endpoint or (routes.runtime_origin(region), "")
    address = ids.parse(spelling)
    wish: Wish = endpoint or ("auto" if address.prefix else settings.wish)
    given_whole = address.base_id is not None or spelling.startswith("arn:")
    try:
        resolution = resolve(
            spelling,
            region=region,
            today=_ANY_DAY if settings.endpoint and given_whole else _today(),
            endpoint=wish,
            stay_in=stay_in if stay_in is not None else settings.stay_in,
            edition=settings.edition,
        )
    except RequestError:
        if settings.on_unsupported != "send" or not given_whole:
            raise
        return routes.route(spelling, region, origin)
    return routes.resolved(resolution, origin=origin, edition=settings.edition)


def fallbacks(
    settings: Settings, route: Route, wanted: Sequence[str], stay_in: str | Collection[str] | None
) -> Iterator[Route]:
    """The routes to try after the first, in order.

    Args:
        settings: The client's.
        route: The first.
        wanted: Kinds of endpoint (`global`, `regional`, `in-region`) and regions.
        stay_in: For this call; the client's otherwise.

    Raises:
        RequestError: One of them can't be.
    """
    model = route.resolution.model if route.resolution else None
    for name in wanted:
        if name in ENDPOINTS and name != "auto":
            if model is None:
                raise RequestError(
                    f"fallback={name!r} needs a model that the catalog knows, not "
                    f"{route.model_id!r}.",
                    mend="Leave it out, or name regions.",
                )
            yield find(settings, model.id, endpoint=_wish(name), stay_in=stay_in)
        else:
            spelling = model.id if model and route.endpoint == "regional" else route.model_id
            wish = _wish(route.endpoint) if spelling != route.model_id else None
            yield find(settings, spelling, region=name, endpoint=wish, stay_in=stay_in)


def _wish(name: str) -> Wish:
    return check_endpoint(name)


def warn(route: Route, *, stacklevel: int) -> None:
    """Warns of a model that the catalog lacks, and (as deprecated) of one on its way out.

    What else is to be said of a route stands in its `warnings`.

    Args:
        route: The route.
        stacklevel: Of who called, as `warnings.warn` would take it from here.
    """
    if not route.warnings:
        return
    if route.lifecycle in ("legacy", "extended-access"):
        warnings.warn(route.warnings[0], DeprecationWarning, stacklevel=stacklevel)
    elif route.resolution and route.resolution.model is None:
        warnings.warn(" ".join(route.warnings), stacklevel=stacklevel)


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


# What the client is told ─────────────────────────────────────────────────────────────────────────


def check_endpoint(value: Any) -> Wish:
    """A kind of endpoint.

    Raises:
        ConfigurationError: It is none.
    """
    for wish in get_args(Wish):
        if value == wish:
            return wish
    raise ConfigurationError(
        f"endpoint={value!r} isn't a kind of endpoint.",
        mend=f"It is one of {', '.join(map(repr, ENDPOINTS))}; base_url names a host.",
    )


def check_fallback(value: Any) -> tuple[str, ...]:
    """Kinds of endpoint and regions, in order.

    Raises:
        ConfigurationError: Not a list of names.
    """
    if isinstance(value, str):
        raise ConfigurationError(f"fallback={value!r} isn't a list.", mend=f"Write [{value!r}].")
    given: tuple[Any, ...] = tuple(value or ())
    for name in given:
        if not isinstance(name, str) or not name or name == "auto":
            raise ConfigurationError(
                f"fallback={value!r} has {name!r} in it.",
                mend="Give kinds of endpoint ('global', 'regional', 'in-region') and regions.",
            )
    return given


def check_unsupported(value: Any) -> str:
    """What to do about fields that a model won't take.

    Raises:
        ConfigurationError: None of the three.
    """
    if value not in ON_UNSUPPORTED:
        raise ConfigurationError(
            f"on_unsupported={value!r} isn't something to do.",
            mend="Give 'raise', 'drop' or 'send'.",
        )
    return value
