"""What an examination is given and what it gives: the patient, and findings with their mends.

Rules: every examination ends, in time or as failed; no secret is shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from outcrop.errors import APIStatusError, OutcropError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from outcrop.catalog.edition import Edition
    from outcrop.catalog.resolve import Resolution
    from outcrop.net.environment import Region
    from outcrop.wire.credentials import ApiKey, Credentials

State = Literal["ok", "warn", "fail", "skip"]

#: Seconds that an examination may take.
LONGEST: Final = 45


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the report.

    Attributes:
        name: What was examined.
        state: `ok`, `warn`, `fail`, or `skip` for what couldn't be examined.
        found: What was found.
        mend: What to do about it.
    """

    name: str
    state: State
    found: str
    mend: str = ""


@dataclass(slots=True)
class Patient:
    """What the examinations have learnt so far.

    Attributes:
        profile: Of the shared configuration, if one was named.
        region: Where calls go.
        spellings: The models to examine, as they were named; none for all.
        call: Whether to call them.
        edition: The catalog.
        identity: What proves who asks.
        routes: How each model is reached.
        reached: Whether the runtime endpoint answers.
    """

    profile: str | None
    region: Region
    spellings: list[str]
    call: bool
    edition: Edition | None = None
    identity: Credentials | ApiKey | None = None
    routes: list[Resolution] = field(default_factory=list["Resolution"])
    reached: bool = False

    def client(self, service: str) -> AbstractContextManager[Any]:
        """A client of AWS's for the identity, which has to be there."""
        from outcrop.cli import aws

        assert self.identity is not None  # who asks has looked
        return aws.client(
            service, region=self.region.name, identity=self.identity, profile=self.profile
        )


def in_time(name: str, work: Callable[[], list[Finding]], seconds: float) -> list[Finding]:
    """What an examination finds; a failure if it raises, or doesn't end in time."""
    from queue import Empty, Queue
    from threading import Thread

    found: Queue[list[Finding]] = Queue()

    def run() -> None:
        try:
            found.put(work())
        except OutcropError as error:
            found.put([failure(name, error)])
        except Exception as error:  # noqa: BLE001 - the others are examined all the same
            found.put([Finding(name, "fail", f"{type(error).__name__} in the examination itself")])

    # A name server or a credential process may never answer: the thread is left behind then.
    Thread(target=run, name=f"outcrop-doctor-{name}", daemon=True).start()
    try:
        return found.get(timeout=seconds)
    except Empty:
        mend = "Look at the network, the proxy, or the credential process."
        return [Finding(name, "fail", f"no answer within {seconds:g} seconds", mend)]


def failure(name: str, error: OutcropError, *, state: State = "fail") -> Finding:
    """An error as a finding, with its mend."""
    if isinstance(error, APIStatusError):
        said = f"{error.aws_name or type(error).__name__} ({error.status_code}): {error.message}"
    else:
        said = error.message
    return Finding(name, state, " ".join(said.split()), " ".join(error.mend.split()))
