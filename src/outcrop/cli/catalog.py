"""`outcrop catalog`: the catalog against an account, and the overlay that mends it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from outcrop.cli import DONE, REFUSED
from outcrop.cli.table import print_json, print_table

if TYPE_CHECKING:
    from outcrop.catalog.edition import Edition
    from outcrop.cli.drift import Drift, Listed

Flag = Annotated[bool, Parameter(negative=())]


def check(
    *,
    region: str | None = None,
    profile: str | None = None,
    today: str | None = None,
    json: Flag = False,
) -> int:
    """Compare the catalog with what your account lists in a region; exit code 1 if they differ.

    Parameters
    ----------
    region
        AWS region; otherwise as the environment and the profile say.
    profile
        Profile of ~/.aws/config.
    today
        The day that it is at the other end (as of 'outcrop serve --today'), such as 2026-11-22.
    json
        Print JSON.
    """
    edition, listed, drifts = _compare(region, profile, today)
    if json:
        print_json(_report(edition, listed, drifts))
        return REFUSED if drifts else DONE
    if not drifts:
        print(f"No drift in {listed.region}: {_counts(listed)}, catalog of {edition.as_of}.")
        return DONE
    _print_drifts(drifts)
    print(
        f"{len(drifts)} differences in {listed.region}, catalog of {edition.as_of}. "
        f"'outcrop catalog refresh' makes up for {sum(bool(each.patch) for each in drifts)}."
    )
    return REFUSED


def refresh(
    *,
    region: str | None = None,
    profile: str | None = None,
    today: str | None = None,
    dry_run: Flag = False,
    json: Flag = False,
) -> int:
    """Write what your account lists in a region, and the catalog lacks, to your overlay of it.

    Parameters
    ----------
    region
        AWS region; otherwise as the environment and the profile say.
    profile
        Profile of ~/.aws/config.
    today
        The day that it is at the other end (as of 'outcrop serve --today'), such as 2026-11-22.
    dry_run
        Say what would be written, and write nothing.
    json
        Print JSON.
    """
    from outcrop.cli.drift import patch
    from outcrop.net import overlay

    edition, listed, drifts = _compare(region, profile, today)
    mended = [drift for drift in drifts if drift.patch]
    rest = len(drifts) - len(mended)
    file = overlay.path()
    document = patch(overlay.read(), mended)
    if not dry_run and mended:
        file = overlay.write(document)
    if json:
        written = {"file": str(file), "written": bool(mended) and not dry_run, "overlay": document}
        print_json({**_report(edition, listed, mended), "left": rest, **written})
        return DONE
    if mended:
        _print_drifts(mended)
    if dry_run:
        print(f"{len(mended)} changes would be written to {file}.")
    elif mended:
        print(f"{len(mended)} changes were written to {file}.")
    else:
        print(f"Nothing to write: the catalog has all that is listed in {listed.region}.")
    if rest:
        print(f"{rest} differences stay: see 'outcrop catalog check'.")
    return DONE


def _compare(
    region: str | None, profile: str | None, today: str | None
) -> tuple[Edition, Listed, list[Drift]]:
    from outcrop.cli.day import check_day
    from outcrop.cli.drift import compare
    from outcrop.net import environment, overlay

    day = check_day(today) or time.strftime("%Y-%m-%d", time.gmtime())
    edition = overlay.edition()
    listed = _list(environment.region(region, profile).name, profile)
    return edition, listed, compare(edition, listed, today=day)


def _list(region: str, profile: str | None) -> Listed:
    from outcrop.cli import aws
    from outcrop.cli.drift import Listed
    from outcrop.net import credentials

    source = credentials.choose(profile=profile)
    identity = source.at_hand() or source.fetch(renew=False)
    with aws.client("bedrock", region=region, identity=identity, profile=profile) as bedrock:
        models = list(
            aws.pages(bedrock, "list_foundation_models", "modelSummaries", byProvider="anthropic")
        )
        profiles = [
            row
            for kind in ("SYSTEM_DEFINED", "APPLICATION")
            for row in aws.pages(
                bedrock, "list_inference_profiles", "inferenceProfileSummaries", typeEquals=kind
            )
        ]
    return Listed(region, models, profiles)


def _report(edition: Edition, listed: Listed, drifts: list[Drift]) -> dict[str, Any]:
    return {
        "region": listed.region,
        "as_of": edition.as_of,
        "models": len(listed.models),
        "profiles": len(listed.profiles),
        "drift": [
            {
                "kind": drift.kind,
                "id": drift.id,
                "account": drift.account,
                "catalog": drift.catalog,
                "overlay": drift.patch or None,
            }
            for drift in drifts
        ],
    }


def _counts(listed: Listed) -> str:
    return f"{len(listed.models)} models and {len(listed.profiles)} profiles listed"


def _print_drifts(drifts: list[Drift]) -> None:
    print_table(
        ("WHAT", "ID", "ACCOUNT", "CATALOG"),
        ((drift.kind, drift.id, drift.account, drift.catalog) for drift in drifts),
    )
