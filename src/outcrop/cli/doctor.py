"""`outcrop doctor`: whether Claude can be called from here, and if not, what to do about it.

Rules: each finding is a line, and what isn't well says its mend; nothing is changed, and nothing
that costs is called without `--call`. What is examined stands in `outcrop.cli.examinations` and
`outcrop.cli.model_access`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from outcrop.cli import DONE, REFUSED, examinations, model_access
from outcrop.cli.findings import LONGEST, Finding, Patient, in_time

if TYPE_CHECKING:
    from collections.abc import Iterator

Flag = Annotated[bool, Parameter(negative=())]


def doctor(
    *,
    region: str | None = None,
    profile: str | None = None,
    model: Annotated[list[str] | None, Parameter(name=["--model", "-m"])] = None,
    call: Flag = False,
    json: Flag = False,
) -> int:
    """Examine credentials, region, endpoint, access and models; exit code 1 if something fails.

    Parameters
    ----------
    region
        AWS region; otherwise as the environment and the profile say.
    profile
        Profile of ~/.aws/config.
    model
        Only this model (several times for several); otherwise every active one of the region.
    call
        Call each model for one token, which costs a little.
    json
        Print JSON.
    """
    from outcrop.cli.table import print_json
    from outcrop.net import environment

    patient = Patient(profile, environment.region(region, profile), model or [], call)
    findings: list[Finding] = []
    for finding in _examine(patient):
        findings.append(finding)
        if not json:
            _print(finding)
    failed = [finding for finding in findings if finding.state == "fail"]
    if json:
        print_json({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
    else:
        warned = sum(finding.state == "warn" for finding in findings)
        well = "Nothing fails" if not failed else f"{len(failed)} of {len(findings)} fail"
        print(f"{well}, {warned} warnings.")
    return REFUSED if failed else DONE


def _print(finding: Finding) -> None:
    print(f"{finding.state:<4}  {finding.name:<12}  {finding.found}", flush=True)
    if finding.mend:
        print(f"{'':<4}  {'':<12}  → {finding.mend}", flush=True)


def _examine(patient: Patient) -> Iterator[Finding]:
    """The findings, each as soon as it is there."""
    for name, examination, seconds in (
        ("catalog", examinations.catalog, LONGEST),
        ("region", examinations.region, LONGEST),
        ("endpoint", examinations.endpoint, LONGEST),
        ("credentials", examinations.credentials, LONGEST),
        ("identity", examinations.identity, LONGEST),
        ("account", examinations.account, LONGEST),
        # Each model has time-outs of its own.
        ("models", model_access.models, 20 * LONGEST),
    ):
        yield from in_time(name, lambda each=examination: list(each(patient)), seconds)
