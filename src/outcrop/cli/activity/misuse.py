"""`outcrop activity misuse`: what somebody should look at."""

from __future__ import annotations

from textwrap import indent
from typing import Annotated

from cyclopts import Parameter

from outcrop.cli import DONE, REFUSED
from outcrop.cli.activity.place import Where, opened
from outcrop.cli.table import print_facts, print_json, print_table
from outcrop.errors import ConfigurationError


def misuse(
    *,
    detector: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    threshold: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    list: Annotated[bool, Parameter(negative=())] = False,  # noqa: A002 - the option's name
    fail: Annotated[bool, Parameter(negative=())] = False,
    where: Where = Where(),  # noqa: B008 - never changed
) -> int:
    """Look for misuse: new identities, spikes, stolen keys, injected prompts, secrets, and more.

    A finding is a reason to look, not a verdict. The first week of the records teaches what is
    usual.

    Parameters
    ----------
    detector
        Only this detector; may be given several times.
    threshold
        Another threshold, as detector.threshold=NUMBER; may be given several times.
    list
        Tell the detectors and their thresholds instead.
    fail
        End with exit code 1 if anything is found.
    """
    from outcrop.activity import misuse as detectors

    if list:
        return _list(json=where.json)
    with opened(where) as log:
        found = detectors.detect(
            log, detectors=detector or None, thresholds=dict(map(_threshold, threshold))
        )
    if where.json:
        print_json([one.to_dict() for one in found])
    elif not found:
        print("Nothing found.")
    else:
        print_table(
            ("SEVERITY", "DETECTOR", "FROM", "IDENTITY", "WHAT", "REQUEST ID"),
            (
                (
                    one.severity,
                    one.detector,
                    f"{one.time:%Y-%m-%d %H:%M}",
                    one.identity,
                    " ".join("".join(filter(str.isprintable, one.summary)).split()),
                    f"{one.request_ids[0]} +{len(one.request_ids) - 1}"
                    if len(one.request_ids) > 1
                    else "".join(one.request_ids),
                )
                for one in found
            ),
        )
    return REFUSED if fail and found else DONE


def _threshold(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise ConfigurationError(
            f"--threshold {text}: that isn't a threshold.",
            mend="Write it as volume-spike.factor=4.",
        ) from None


def _list(*, json: bool) -> int:
    from outcrop.activity import misuse as detectors

    rows = detectors.DETECTORS.values()
    if json:
        print_json(
            [
                {
                    "name": one.name,
                    "title": one.title,
                    "meaning": one.meaning,
                    "thresholds": {name: told.default for name, told in one.thresholds.items()},
                }
                for one in rows
            ]
        )
        return DONE
    for one in rows:
        print_facts([(one.name, " ".join(one.meaning.split()))])
        for name, told in one.thresholds.items():
            print(indent(f"{one.name}.{name}={told.default:g}: {told.meaning}", "    "))
    return DONE
