"""What happens on the control plane in the month, for CloudTrail: administration and misuse.

Rules: an event is added with its time, who, its name and where from; `month.py` writes it as
CloudTrail does.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from company import PEOPLE, PRODUCTION, busy_hour
from records import new_id

if TYPE_CHECKING:
    from datetime import datetime

    from incidents import Planner


def add(planner: Planner, moment: datetime, arn: str, name: str, **more: Any) -> str:
    """Adds an event of the control plane to the trail."""
    request_id = new_id(planner.rng)
    planner.events.append(
        {"time": moment, "arn": arn, "name": name, "request_id": request_id, **more}
    )
    return request_id


def probe(planner: Planner) -> None:
    """Plants a stranger who asks which models there are, and for access."""
    rng = planner.rng
    known = rng.random() < 0.5
    arn = f"arn:aws:iam::{PRODUCTION}:user/{'backup-key' if known else f'x-{rng.randrange(99)}'}"
    incident = planner.new("access-probing", arn, "asks which models there are, and for access")
    begin = planner.day(arn, workday=False) + timedelta(hours=rng.randrange(23))
    address = f"203.0.113.{rng.randrange(2, 250)}"
    names = ["ListFoundationModels"] * rng.randrange(2)
    names += ["GetFoundationModelAvailability"] * rng.randrange(2, 12)
    names += ["PutUseCaseForModelAccess", "CreateFoundationModelAgreement"][: rng.randrange(3)]
    for at, name in enumerate(names):
        moment = begin + timedelta(seconds=20 * at + rng.randrange(20))
        error = "AccessDenied" if rng.random() < 0.4 else None
        sent = {"address": address, "agent": "python-requests/2.34.2", "error": error}
        planner.note(incident, add(planner, moment, arn, name, **sent), moment)


def switch_off(planner: Planner) -> None:
    """Plants somebody who switches the log off."""
    rng = planner.rng
    arn = rng.choice((f"arn:aws:iam::{PRODUCTION}:user/backup-key", PEOPLE[0].arn))
    incident = planner.new("logging-change", arn, "switches the log off", "access-probing")
    moment = planner.day(arn, workday=False) + timedelta(minutes=rng.randrange(1400))
    name = "DeleteModelInvocationLoggingConfiguration"
    planner.note(incident, add(planner, moment, arn, name, address="198.51.100.7"), moment)


def ordinary(planner: Planner) -> None:
    """What administrators and deployments do all month."""
    rng = planner.rng
    admin = PEOPLE[0].arn.replace("Developer", "PlatformAdmin")
    terraform = f"arn:aws:sts::{PRODUCTION}:assumed-role/terraform/plan"
    for day in range(planner.days):
        begin = planner.start + timedelta(days=day)
        if begin.weekday() < 5:
            for hour in (6, 12):
                moment = begin + timedelta(hours=hour, minutes=rng.randrange(50))
                sent = {"address": "10.20.0.9", "agent": "terraform/1.13"}
                add(planner, moment, terraform, "GetModelInvocationLoggingConfiguration", **sent)
                if rng.random() < 0.1 or day == 0:
                    name = "PutModelInvocationLoggingConfiguration"
                    add(planner, moment, terraform, name, **sent)
            for _ in range(rng.randrange(4) + (day < 3)):
                moment = begin + timedelta(hours=8, minutes=rng.randrange(500))
                name = rng.choice(("ListFoundationModels", "GetFoundationModelAvailability"))
                add(planner, moment, admin, name, address="192.0.2.44", agent="aws-cli/2.31")
            for who in PEOPLE:  # looking at the list of models is nothing special
                if rng.random() < 0.05:
                    moment = busy_hour(who, begin, rng)
                    sent = {"address": "192.0.2.60", "agent": "aws-cli/2.31"}
                    add(planner, moment, who.arn, "ListInferenceProfiles", **sent)
