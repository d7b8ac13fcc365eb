"""Questions about recorded calls: `open` a place of records, and ask.

Rules: records are AWS's (`ModelInvocationLog` 1.0), whoever wrote them: a client with `activity=…`,
a local Bedrock, or AWS; they are read, never changed; figures are exact, costs are list prices.

```python
import outcrop.activity

with outcrop.activity.open("~/.outcrop/activity", since="30d") as log:
    table = log.query("SELECT model, sum(cost) AS cost FROM calls GROUP BY model")
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence
    from datetime import date, datetime

    from outcrop.activity.engine import Activity, Damaged

__all__ = ["Activity", "Damaged", "open"]


def open(  # noqa: A001 - as in gzip.open: it opens what this module is about
    place: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    since: datetime | date | str | None = None,
    until: datetime | date | str | None = None,
    trail: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    progress: Callable[[int, int], object] | None = None,
) -> Activity:
    """Recorded calls, to be asked.

    Args:
        place: A folder, a file, a bucket as `s3://BUCKET/PREFIX`, or several of them.
        since: The first moment: a datetime or date (UTC), ISO 8601, or a time ago as `30d`, `12h`.
        until: The moment before which calls count, the same.
        trail: Where CloudTrail's events lie, if not in the same place.
        progress: Is told bytes that were read, and all there are.

    Raises:
        ConfigurationError: A place isn't there, a time isn't one, or a library is missing.
    """
    from outcrop.activity import engine, source

    return engine.Activity(
        [source.check(one) for one in _several(place)],
        trails=[source.check(one) for one in _several(trail)],
        since=engine.moment(since, "since"),
        until=engine.moment(until, "until"),
        progress=progress,
    )


def _several(places: Any) -> list[Any]:
    return list(cast("Sequence[Any]", places)) if isinstance(places, list | tuple) else [places]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'outcrop.activity' has no attribute {name!r}")
    from outcrop.activity import engine

    return getattr(engine, name)
