"""Larkfield Parcels, an invented company: who calls which model, from where, and when.

Rules: an `Identity` says all of a caller's habits; what one hour weighs comes from the hours where
it lives (with its daylight saving), so that months have the shape of working weeks; nothing here is
an incident, though some of it looks like one: a role used from two regions all day, jobs that run
at night or once a week, evaluations in bursts, new task IDs with each deployment, a campaign, a
step from one version of a model to the next, a role that lacks a permission.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Final, TypeVar
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

Choice = TypeVar("Choice")

PRODUCTION: Final = "111122223333"
DEVELOPMENT: Final = "444455556666"

#: Share of an hour of the day, of a caller's busiest, on workdays.
_OFFICE: Final = dict(zip(range(7, 20), (1, 5, 9, 10, 9, 5, 7, 10, 9, 8, 5, 2, 1), strict=True))
_CUSTOMERS: Final = dict(
    zip(range(5, 24), (1, 2, 5, 8, 9, 10, 9, 8, 8, 9, 9, 9, 8, 7, 7, 6, 4, 2, 1), strict=True)
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, and how.

    Attributes:
        name: Short, of this generator.
        arn: With `{session}` where the session's name changes.
        topic: What it is about (`speech.SYSTEMS`).
        habit: `office`, `customers`, `always`, `nightly`, `weekly` or `bursts`.
        share: Of all calls, about.
        places: Region → share.
        models: Model ID as called → share; `{geo}` is the region's geography.
        zone: Where its hours are.
        operations: Operation → share.
        account: Whose it is.
        cached: Share of calls that read the prompt cache.
        tokens: Median of what is read and written.
        metadata: What it sends as request metadata.
        sessions: How many tasks run at once; 0 for one fixed name.
        wrong: Share of calls that end in an error of its own making, by error.
        moves: Day from which a model is replaced by another.
        campaign: Days on which it is called more, and how much.
    """

    name: str
    arn: str
    topic: str
    habit: str
    share: float
    places: Mapping[str, float]
    models: Mapping[str, float]
    zone: str = "UTC"
    operations: Mapping[str, float] = field(default_factory=lambda: {"Converse": 1.0})
    account: str = PRODUCTION
    cached: float = 0.0
    tokens: tuple[int, int] = (400, 180)
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    sessions: int = 0
    wrong: Mapping[str, float] = field(
        default_factory=lambda: {"ValidationException": 0.002, "ThrottlingException": 0.004}
    )
    moves: tuple[int, str, str] | None = None
    campaign: tuple[range, float] | None = None

    def session_arn(self, day: int, rng: Random) -> str:
        """The ARN on a day of the month; tasks are replaced every third day."""
        if not self.sessions:
            return self.arn
        task = rng.randrange(self.sessions)
        which = _dice(f"{self.name}/{day // 3}/{task}").getrandbits(128)
        return self.arn.format(session=f"{which:032x}")

    def model(self, day: int, region: str, rng: Random) -> str:
        """The model ID that it calls."""
        spelling = pick(self.models, rng)
        if self.moves and day >= self.moves[0]:
            spelling = spelling.replace(self.moves[1], self.moves[2])
        return spelling.format(geo=geography(region), region=region, account=self.account)


def _dice(seed: str) -> Random:
    return Random(seed)  # noqa: S311 - the same month each time


def pick(shares: Mapping[Choice, float], rng: Random) -> Choice:
    """One of them, by share."""
    return rng.choices(tuple(shares), tuple(shares.values()))[0]


def geography(region: str) -> str:
    """The prefix of inference profiles that a region calls."""
    start = region.split("-", maxsplit=1)[0]
    return {"ap": "jp", "eu": "eu", "us": "us", "sa": "us", "ca": "us"}[start]


def _role(name: str, account: str = PRODUCTION, session: str = "{session}") -> str:
    return f"arn:aws:sts::{account}:assumed-role/{name}/{session}"


def _person(mail: str) -> str:
    role = "AWSReservedSSO_Developer_5f1c0a3b7d9e2468"
    return _role(role, DEVELOPMENT, f"{mail}@larkfield.example")


def _developer(mail: str, zone: str, region: str, *, share: float = 0.012) -> Identity:
    return Identity(
        mail,
        _person(mail),
        "code",
        "office",
        share,
        {region: 1.0},
        {
            "{geo}.anthropic.claude-sonnet-5": 0.8,
            "{geo}.anthropic.claude-haiku-4-5-20251001-v1:0": 0.2,
        },
        zone=zone,
        operations={"InvokeModelWithResponseStream": 0.9, "InvokeModel": 0.1},
        account=DEVELOPMENT,
        cached=0.7,
        tokens=(900, 350),
    )


_STREAM: Final = {"ConverseStream": 0.8, "Converse": 0.2}

COMPANY: Final = (
    Identity(
        "support-us",
        _role("support-assistant"),
        "support",
        "customers",
        0.24,
        {"us-east-1": 1.0},
        {
            "global.anthropic.claude-sonnet-5": 0.7,
            "us.anthropic.claude-haiku-4-5-20251001-v1:0": 0.3,
        },
        zone="America/Chicago",
        operations=_STREAM,
        cached=0.6,
        metadata={"team": "support", "app": "assistant"},
        sessions=4,
        moves=(18, "claude-sonnet-5", "claude-sonnet-5-5"),
    ),
    Identity(
        "support-eu",
        _role("support-assistant-eu"),
        "support",
        "customers",
        0.16,
        {"eu-central-1": 1.0},
        {"eu.anthropic.claude-sonnet-5": 0.7, "eu.anthropic.claude-haiku-4-5-20251001-v1:0": 0.3},
        zone="Europe/Berlin",
        operations=_STREAM,
        cached=0.6,
        metadata={"team": "support", "app": "assistant"},
        sessions=3,
        campaign=(range(12, 15), 1.8),
    ),
    Identity(
        "router",
        _role("model-router"),
        "translation",
        "always",
        0.10,
        {"us-east-1": 0.6, "us-west-2": 0.4},
        {"us.anthropic.claude-haiku-4-5-20251001-v1:0": 1.0},
        sessions=6,
        metadata={"team": "platform"},
    ),
    Identity(
        "claims",
        _role("claims-intake", session="claims-intake"),
        "claims",
        "office",
        0.08,
        {"eu-central-1": 0.98, "eu-west-1": 0.02},
        {"eu.anthropic.claude-sonnet-4-6": 1.0},
        zone="Europe/Berlin",
        operations={"InvokeModel": 1.0},
        tokens=(1500, 220),
        metadata={"team": "claims"},
    ),
    Identity(
        "translation",
        _role("translation"),
        "translation",
        "office",
        0.06,
        {"ap-northeast-1": 1.0},
        {"jp.anthropic.claude-haiku-4-5-20251001-v1:0": 1.0},
        zone="Asia/Tokyo",
        sessions=2,
        metadata={"team": "japan"},
    ),
    Identity(
        "summaries",
        _role("nightly-summaries", session="depot-batch"),
        "summary",
        "nightly",
        0.11,
        {"us-east-1": 1.0},
        {"global.anthropic.claude-haiku-4-5-20251001-v1:0": 1.0},
        operations={"InvokeModel": 1.0},
        wrong={"ThrottlingException": 0.03},
        metadata={"team": "depots", "job": "nightly"},
    ),
    Identity(
        "weekly-report",
        _role("board-report", session="report"),
        "report",
        "weekly",
        0.02,
        {"eu-central-1": 1.0},
        {"eu.anthropic.claude-opus-4-8": 1.0},
        zone="Europe/London",
        tokens=(3000, 900),
        metadata={"team": "finance"},
    ),
    Identity(
        "index",
        _role("document-index", session="index"),
        "index",
        "always",
        0.04,
        {"eu-west-1": 1.0},
        {"eu.anthropic.claude-haiku-4-5-20251001-v1:0": 1.0},
        operations={"InvokeModel": 1.0},
        metadata={"team": "platform", "job": "index"},
    ),
    Identity(
        "ci-evals",
        f"arn:aws:iam::{DEVELOPMENT}:user/ci-evals",
        "report",
        "bursts",
        0.05,
        {"us-east-1": 1.0},
        {
            "us.anthropic.claude-sonnet-5": 0.5,
            "us.anthropic.claude-haiku-4-5-20251001-v1:0": 0.3,
            "us.anthropic.claude-opus-4-8": 0.2,
        },
        account=DEVELOPMENT,
        operations={"InvokeModel": 0.5, "Converse": 0.5},
        wrong={"ThrottlingException": 0.05},
    ),
    Identity(
        "analyst",
        f"arn:aws:iam::{PRODUCTION}:user/analyst",
        "report",
        "office",
        0.02,
        {"eu-central-1": 1.0},
        {"eu.anthropic.claude-sonnet-5": 1.0},
        zone="Europe/Berlin",
    ),
    Identity(
        "security-lab",
        _role("security-lab", DEVELOPMENT, "lab"),
        "security",
        "office",
        0.015,
        {"eu-west-1": 1.0},
        {"eu.anthropic.claude-opus-4-8": 1.0},
        zone="Europe/London",
        account=DEVELOPMENT,
    ),
    Identity(
        "backup",
        f"arn:aws:iam::{PRODUCTION}:user/backup-key",
        "index",
        "office",
        0.005,
        {"us-east-1": 1.0},
        {"us.anthropic.claude-haiku-4-5-20251001-v1:0": 1.0},
        zone="America/New_York",
    ),
    Identity(
        "misconfigured",
        _role("label-reader", session="label-reader"),
        "index",
        "office",
        0.008,
        {"us-east-1": 1.0},
        {"us.anthropic.claude-sonnet-4-6": 1.0},
        zone="America/New_York",
        wrong={"AccessDeniedException": 0.4, "ValidationException": 0.05},
    ),
    _developer("ana.weber", "Europe/Berlin", "eu-central-1"),
    _developer("ben.okafor", "Europe/London", "eu-west-1"),
    _developer("chika.tanaka", "Asia/Tokyo", "ap-northeast-1"),
    _developer("dev.iyer", "Asia/Kolkata", "eu-central-1"),
    _developer("erin.kelly", "America/New_York", "us-east-1", share=0.016),
    _developer("finn.lindqvist", "Europe/Stockholm", "eu-west-1"),
    _developer("gil.rossi", "America/Los_Angeles", "us-west-2", share=0.014),
)

#: Those whose calls at night would be out of the ordinary.
PEOPLE: Final = tuple(who for who in COMPANY if who.habit == "office" and who.topic == "code")
SERVICES: Final = tuple(
    who for who in COMPANY if who.habit in ("office", "customers", "always") and who not in PEOPLE
)


def weight(who: Identity, hour: datetime, *, day: int, seed: int) -> float:
    """What an hour weighs among those of an identity.

    Args:
        who: Whose hour.
        hour: Its beginning, UTC.
        day: Of the month, from 0.
        seed: Of the month: evaluations run at hours that nobody knows beforehand.
    """
    local = hour.astimezone(ZoneInfo(who.zone))
    workday = local.weekday() < 5
    dice = _dice(f"{seed}/{who.name}/{hour:%Y%m%d%H}")
    match who.habit:
        case "office":
            heavy = _OFFICE.get(local.hour, 0.0) * (1.0 if workday else 0.02)
            # A person who works late: seldom, and a few calls.
            late = 0.4 if local.hour in (20, 21, 22) and workday and dice.random() < 0.1 else 0.0
            # And once in a while a night before a release.
            night = _dice(f"{seed}/{who.name}/{day}").random() < 0.02 and local.hour in (23, 0, 1)
            busy = heavy + late + (5.0 if night and who.topic == "code" else 0.0)
        case "customers":
            busy = _CUSTOMERS.get(local.hour, 0.3) * (1.0 if workday else 0.6)
        case "always":
            busy = 6.0
        case "nightly":
            busy = {1: 10.0, 2: 7.0}.get(local.hour, 0.0)
        case "weekly":
            busy = 10.0 if local.weekday() == 0 and local.hour in (6, 7) else 0.0
        case _:
            runs = workday and 8 <= local.hour < 20 and dice.random() < 0.25
            busy = 10.0 * dice.gammavariate(3, 1 / 3) if runs else 0.0  # of any length
    if who.campaign and day in who.campaign[0]:
        busy *= who.campaign[1]
    return busy * dice.gammavariate(12, 1 / 12)


def quiet_hour(who: Identity, day: datetime, rng: Random) -> datetime:
    """An hour on a day at which an office sleeps, UTC."""
    local = datetime(day.year, day.month, day.day, rng.choice((1, 2, 3)), tzinfo=ZoneInfo(who.zone))
    return local.astimezone(UTC)


def busy_hour(who: Identity, day: datetime, rng: Random) -> datetime:
    """An hour on a day at which an office works, UTC."""
    local = datetime(
        day.year, day.month, day.day, rng.choice((9, 10, 13, 14)), tzinfo=ZoneInfo(who.zone)
    )
    return local.astimezone(UTC)


def hours(start: datetime, days: int) -> list[datetime]:
    """The beginnings of all hours of the month."""
    return [start + timedelta(hours=at) for at in range(days * 24)]
