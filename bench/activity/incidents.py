"""What goes wrong at Larkfield Parcels in a month, and the truth about it.

Rules: an `Incident` names the detector that should find it, those that may find it too, and the
requests it consists of; nobody has two incidents within two days, so that one isn't taken for
another; sizes are stated here, small ones among them, so that some are hard to find.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import control_plane
import speech
from company import (
    COMPANY,
    DEVELOPMENT,
    PEOPLE,
    PRODUCTION,
    SERVICES,
    Identity,
    busy_hour,
    geography,
    quiet_hour,
)
from records import Call, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

#: The first day of an incident: before it, detectors learn what is usual.
FIRST_DAY: Final = 9
_BASE: Final = "anthropic."
_DEAR: Final = ("claude-opus-5-5", "claude-fable-5-1", "claude-opus-5")
_TRIED: Final = (
    "claude-opus-5-5",
    "claude-opus-5",
    "claude-opus-4-8",
    "claude-opus-4-7",
    "claude-fable-5-1",
    "claude-fable-5",
    "claude-sonnet-5-5",
    "claude-sonnet-5",
    "claude-sonnet-4-6",
    "claude-3-opus-20240229-v1:0",
    "claude-3-5-sonnet-20240620-v1:0",
)


@dataclass(slots=True, kw_only=True)
class Incident:
    """One thing that happened.

    Attributes:
        detector: Which should find it.
        identity: Of whom.
        also: Which detectors may rightly find it too.
        begin: Of its first request.
        end: Of its last.
        request_ids: Of its requests, or of its events in the trail.
        note: In words.
    """

    detector: str
    identity: str
    note: str
    also: list[str] = field(default_factory=list[str])
    begin: datetime | None = None
    end: datetime | None = None
    request_ids: list[str] = field(default_factory=list[str])

    def as_json(self) -> dict[str, Any]:
        """For the truth file."""
        return {
            "detector": self.detector,
            "also": self.also,
            "identity": self.identity,
            "begin": f"{self.begin:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{self.end:%Y-%m-%dT%H:%M:%SZ}",
            "note": self.note,
            "request_ids": self.request_ids,
        }


Planned = tuple[datetime, Call]


@dataclass(slots=True)
class Planner:
    """Plants the incidents of a month.

    Attributes:
        start: The month's beginning, UTC.
        days: How long it is.
        rng: Its dice.
        per_hour: Calls in a busy hour, by identity's name; what a spike is measured by.
        held_out: Which half of the phrases is used.
        calls: What was planned, unordered.
        events: Of the trail: time, identity ARN, name, address, error, request ID.
        incidents: The truth.
    """

    start: datetime
    days: int
    rng: Random
    per_hour: dict[str, float]
    held_out: bool
    calls: list[Planned] = field(default_factory=list[Planned])
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    incidents: list[Incident] = field(default_factory=list[Incident])
    _taken: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    _used: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def plant(self) -> None:
        """Plants all of them; those that need most room first."""
        kinds: tuple[tuple[Callable[[], None], int], ...] = (
            (self._stolen_key, 2),
            (self._new_identity, 3),
            (self._volume_spike, 3),
            (self._cost_spike, 3),
            (self._night_burst, 3),
            (self._two_regions, 3),
            (self._new_region, 3),
            (self._new_model, 3),
            (self._refusals, 3),
            (self._injection, 4),
            (self._secrets, 4),
            (self._personal, 4),
            (lambda: control_plane.probe(self), 2),
            (lambda: control_plane.switch_off(self), 1),
        )
        for kind, times in kinds:
            for _ in range(times):
                kind()
        for incident in self.incidents:
            if incident.begin is None or incident.end is None:
                raise RuntimeError(f"{incident.detector} has no requests")

    # How it is planted ───────────────────────────────────────────────────────────────────────────

    def day(self, name: str, *, workday: bool = True) -> datetime:
        """A day on which nothing else happens to this identity."""
        taken = self._taken.setdefault(name, [])
        for near in (2, 1, 0):
            days = [
                day
                for day in range(FIRST_DAY, self.days - 1)
                if all(abs(day - other) > near for other in taken)
                and not (workday and (self.start + timedelta(days=day)).weekday() > 4)
            ]
            if days:
                break
        else:
            days = [self.days - 2]
        day = self.rng.choice(days)
        taken.append(day)
        return self.start + timedelta(days=day)

    def _freest(self, among: tuple[Identity, ...]) -> Identity:
        """One to whom little has happened."""
        least = min(len(self._taken.get(who.name, ())) for who in among)
        return self.rng.choice(
            [who for who in among if len(self._taken.get(who.name, ())) == least]
        )

    def _within(self, begin: datetime, minutes: float) -> datetime:
        return begin + timedelta(seconds=self.rng.randrange(max(1, int(minutes * 60))))

    def _add(self, incident: Incident, moments: Iterator[datetime], **call: Any) -> None:
        """Plans a call at each moment; the identity's habits stand for what isn't said."""
        for moment in moments:
            made: dict[str, Any] = {
                name: value() if callable(value) else value for name, value in call.items()
            }
            planned = Call(request_id=new_id(self.rng), **made)
            self.note(incident, planned.request_id, moment)
            self.calls.append((moment, planned))

    def note(self, incident: Incident, request_id: str, moment: datetime) -> None:
        """Counts a request to an incident."""
        incident.request_ids.append(request_id)
        incident.begin = min(incident.begin or moment, moment)
        incident.end = max(incident.end or moment, moment)

    def new(self, detector: str, who: str, note: str, *also: str) -> Incident:
        """A new incident, without requests yet."""
        incident = Incident(detector=detector, identity=who, note=note, also=list(also))
        self.incidents.append(incident)
        return incident

    # The kinds ───────────────────────────────────────────────────────────────────────────────────

    def _new_identity(self) -> None:
        rng = self.rng
        number = rng.randrange(100, 999)
        kind = rng.choice(("user", "role", "person"))
        like = rng.choice(PEOPLE)
        arn = {
            "user": f"arn:aws:iam::{DEVELOPMENT}:user/trial-{number}",
            "role": f"arn:aws:sts::{DEVELOPMENT}:assumed-role/prototype-{number}/i-0{number}a7c5",
            "person": like.arn.replace(like.name, f"new.colleague{number}"),
        }[kind]
        day = self.day(f"new {number}")
        incident = self.new("new-identity", arn, f"a {kind} nobody has seen before")
        begin = busy_hour(like, day, rng)
        moments = (self._within(begin, 180) for _ in range(rng.randrange(4, 60)))
        self._add(incident, moments, who=like, arn=arn)

    def _new_region(self) -> None:
        rng = self.rng
        who = self._freest((*PEOPLE, *(one for one in SERVICES if one.name != "router")))
        usual = {*who.places, *(place for name, place in self._used if name == who.name)}
        region = rng.choice(
            [
                one
                for one in ("sa-east-1", "eu-west-3", "us-east-2", "us-west-2")
                if one not in usual
            ]
        )
        self._used.add((who.name, region))
        day = self.day(who.name)
        incident = self.new("new-region", who.arn, f"{who.name} in {region}", "two-regions")
        begin = busy_hour(who, day, rng)
        self._add(
            incident,
            (self._within(begin, 60) for _ in range(rng.randrange(4, 25))),
            who=who,
            region=region,
            model=f"{geography(region)}.{_BASE}claude-haiku-4-5-20251001-v1:0"
            if who in PEOPLE
            else f"{geography(region)}.{_own(who)}",
        )

    def _new_model(self) -> None:
        rng = self.rng
        who = self._freest((*PEOPLE, *SERVICES))
        # Another version of a family that is in use isn't what is meant.
        used = [model for name, model in self._used if name == who.name] + list(who.models)
        options = [name for name in _DEAR if not any(name.split("-")[1] in model for model in used)]
        if not options:
            return
        model = rng.choice(options)
        self._used.add((who.name, model))
        region = max(who.places, key=lambda place: who.places[place])
        incident = self.new("new-model", who.arn, f"{who.name} calls {model}", "cost-spike")
        begin = busy_hour(who, self.day(who.name), rng)
        self._add(
            incident,
            (self._within(begin, 90) for _ in range(rng.randrange(3, 25))),
            who=who,
            region=region,
            model=f"global.{_BASE}{model}",
        )

    def _volume_spike(self) -> None:
        rng = self.rng
        who = self._freest(tuple(one for one in (*SERVICES, *PEOPLE) if one.name != "backup"))
        size = int(max(45.0, self.per_hour[who.name] * rng.uniform(2.5, 9.0)))
        hours = rng.randrange(1, 4)
        also = ("cost-spike", "refusals")
        incident = self.new("volume-spike", who.arn, f"{size} calls an hour, {hours} h", *also)
        begin = busy_hour(who, self.day(who.name), rng)
        self._add(incident, (self._within(begin, hours * 60) for _ in range(size * hours)), who=who)

    def _cost_spike(self) -> None:
        rng = self.rng
        who = self._freest((*SERVICES, *PEOPLE))
        written = rng.randrange(12_000, 60_000)
        count = int(max(12.0, self.per_hour[who.name] * rng.uniform(0.2, 0.6)))
        incident = self.new("cost-spike", who.arn, f"{count} answers of {written} tokens")
        begin = busy_hour(who, self.day(who.name), rng)
        self._add(
            incident,
            (self._within(begin, 60) for _ in range(count)),
            who=who,
            tokens=lambda: (rng.randrange(3_000, 90_000), int(written * rng.uniform(0.7, 1.3))),
        )

    def _night_burst(self) -> None:
        rng = self.rng
        who = self._freest(
            (*PEOPLE, *(one for one in SERVICES if one.name in ("analyst", "claims")))
        )
        size = rng.randrange(18, 120)
        incident = self.new(
            "night-burst", who.arn, f"{size} calls at night", "volume-spike", "cost-spike"
        )
        begin = quiet_hour(who, self.day(who.name), rng)
        self._add(incident, (self._within(begin, 50) for _ in range(size)), who=who)

    def _refusals(self) -> None:
        rng = self.rng
        who = self._freest((*SERVICES, *PEOPLE))
        size = rng.randrange(5, 25)
        incident = self.new("refusals", who.arn, f"{size} refusals and guardrail stops")
        begin = busy_hour(who, self.day(who.name), rng)
        self._add(
            incident,
            (self._within(begin, 240) for _ in range(size)),
            who=who,
            stop=lambda: rng.choice(("refusal", "guardrail_intervened")),
        )

    def _said(self, detector: str, make: Callable[[], str], note: str, most: int) -> None:
        who = self._freest((*SERVICES, *PEOPLE))
        incident = self.new(detector, who.arn, note)
        begin = busy_hour(who, self.day(who.name), self.rng)
        moments = (self._within(begin, 120) for _ in range(self.rng.randrange(1, most)))
        self._add(incident, moments, who=who, prompt=make)

    def _injection(self) -> None:
        self._said(
            "injection",
            lambda: speech.injection(self.rng, held_out=self.held_out),
            "phrases that try to turn the model",
            6,
        )

    def _secrets(self) -> None:
        self._said("secrets", lambda: speech.secret(self.rng), "keys and tokens in prompts", 4)

    def _personal(self) -> None:
        make = lambda: speech.personal(self.rng)  # noqa: E731 - as its neighbours
        self._said("personal-data", make, "cards, accounts and numbers of persons", 4)

    def _two_regions(self) -> None:
        """Used here and far away within the same half hour; a copy of the credentials."""
        rng = self.rng
        who = self._freest(
            tuple(
                one
                for one in (*PEOPLE, *SERVICES)
                if one in PEOPLE or one.name in ("analyst", "backup", "claims")
            )
        )
        home = max(who.places, key=lambda place: who.places[place])
        far = "us-west-2" if home != "us-west-2" else "eu-central-1"
        self._used.add((who.name, far))
        day = self.day(who.name)
        also = ["new-region", "volume-spike"]
        if rng.random() < 0.5:  # the other region isn't new: it was used once, weeks before
            early = quiet_hour(who, self.start + timedelta(days=rng.randrange(2, 5)), rng)
            for _ in range(3):
                used = Call(
                    who=who,
                    request_id=new_id(rng),
                    region=far,
                    model=f"{geography(far)}.{_own(who)}",
                )
                self.calls.append((self._within(early, 5), used))
        incident = self.new("two-regions", who.arn, f"{who.name} in {home} and {far}", *also)
        begin = busy_hour(who, day, rng)
        each = rng.randrange(4, 20)
        for region in (home, far):
            self._add(
                incident,
                (self._within(begin, 30) for _ in range(each)),
                who=who,
                region=region,
                model=f"{geography(region)}.{_own(who)}",
            )

    def _stolen_key(self) -> None:
        """Many models tried in vain, then one that works, as much as it gives."""
        rng = self.rng
        known = rng.random() < 0.5
        name = rng.choice(("backup", "ci-evals"))
        who = next(one for one in COMPANY if one.name == name)
        arn = who.arn if known else f"arn:aws:iam::{PRODUCTION}:user/svc-old-{rng.randrange(99)}"
        day = self.day(who.name if known else arn, workday=False)
        incident = self.new(
            "model-enumeration",
            arn,
            f"{'a known' if known else 'an unknown'} key tries models, then a burst",
            *("new-identity", "new-region", "new-model", "volume-spike", "cost-spike"),
            *("night-burst", "two-regions", "access-probing", "refusals"),
        )
        begin = day + timedelta(hours=rng.randrange(24))
        for region in rng.sample(("us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1"), 2):
            for model in rng.sample(_TRIED, rng.randrange(4, len(_TRIED))):
                self._used.add((who.name, model))
                self._add(
                    incident,
                    (self._within(begin, 8) for _ in range(rng.randrange(1, 3))),
                    who=who,
                    arn=arn,
                    region=region,
                    model=rng.choice(("us.", "global.", "")) + _BASE + model,
                    operation="InvokeModel",
                    prompt="Hi",
                    error=lambda: rng.choice(
                        (
                            "AccessDeniedException",
                            "ResourceNotFoundException",
                            "ValidationException",
                        )
                    ),
                )
        self._add(
            incident,
            (
                self._within(begin + timedelta(minutes=10), 100)
                for _ in range(rng.randrange(80, 400))
            ),
            who=who,
            arn=arn,
            region="us-west-2",
            model=f"us.{_BASE}claude-sonnet-5",
            operation="InvokeModelWithResponseStream",
            tokens=lambda: (rng.randrange(2_000, 20_000), rng.randrange(300, 1_500)),
        )


def _own(who: Identity) -> str:
    """The base ID of the model that an identity calls most."""
    spelling = max(who.models, key=lambda model: who.models[model])
    return spelling.partition(".")[2] if not spelling.startswith(_BASE) else spelling


def planned_on(calls: list[Planned], start: datetime) -> dict[int, list[Planned]]:
    """Planned calls by hour of the month."""
    found: dict[int, list[Planned]] = {}
    for moment, call in calls:
        hour = int((moment.astimezone(UTC) - start).total_seconds() // 3600)
        found.setdefault(hour, []).append((moment.astimezone(UTC), call))
    return found
