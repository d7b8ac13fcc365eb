"""What each account has: inference profiles, use-case forms, agreements, retention, logging.

Rules: a change is made to a copy, which takes the original's place once it is kept; a change that
fails leaves nothing behind. What a client can make grow has a bound where it is made.
"""

from __future__ import annotations

import threading
from copy import deepcopy
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeVar

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

Mode = Literal["default", "none", "aws_review", "provider_data_share", "inherit"]


class Profile(Struct):
    """An application inference profile.

    Attributes:
        id: Twelve lower-case letters and digits.
        name: As it was given.
        source: ARN that it was made from.
        created: ISO 8601, UTC.
        description: As it was given.
        token: The client's token of the request that made it.
        tags: Key → value.
    """

    id: str
    name: str
    source: str
    created: str
    description: str | None = None
    token: str | None = None
    tags: dict[str, str] = field(default_factory=dict[str, str])


class Retention(Struct):
    """What may be kept of prompts and answers, and since when that holds (ISO 8601)."""

    mode: Mode
    updated: str


class S3Config(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A bucket that is written to, and what its keys begin with."""

    bucket_name: str
    key_prefix: str | None = None


class CloudWatchConfig(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A log group that is written to, and where bodies go that are too long for it."""

    log_group_name: str
    role_arn: str
    large_data_delivery_s3_config: S3Config | None = None


class LoggingConfig(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where invocations are logged, and with how much of them; AWS's members of that name.

    One without any destination turns logging off.
    """

    cloud_watch_config: CloudWatchConfig | None = None
    s3_config: S3Config | None = None
    text_data_delivery_enabled: bool | None = None
    image_data_delivery_enabled: bool | None = None
    embedding_data_delivery_enabled: bool | None = None
    video_data_delivery_enabled: bool | None = None
    audio_data_delivery_enabled: bool | None = None


class Region(Struct):
    """What an account has in one region.

    Attributes:
        profiles: ID → application inference profile, oldest first.
        retention: None where it was never set.
        logging: None where it was never set.
    """

    profiles: dict[str, Profile] = field(default_factory=dict[str, Profile])
    retention: Retention | None = None
    logging: LoggingConfig | None = None


class Account(Struct):
    """What an account has.

    Attributes:
        forms: Where a use-case form counts → the form, in base64.
        agreements: Base ID of a model → since when the account is subscribed to it (ISO 8601).
        regions: By region, as far as there is anything.
    """

    forms: dict[str, str] = field(default_factory=dict[str, str])
    agreements: dict[str, str] = field(default_factory=dict[str, str])
    regions: dict[str, Region] = field(default_factory=dict[str, Region])

    def region(self, name: str) -> Region:
        """What it has in a region, to look at."""
        return self.regions.get(name) or _EMPTY_REGION

    def change_region(self, name: str) -> Region:
        """What it has in a region, to change."""
        return self.regions.setdefault(name, Region())


#: What there is to look at where there's nothing; never changed.
_EMPTY_REGION: Final = Region()
_EMPTY_ACCOUNT: Final = Account()


class Keep(Protocol):
    """Where accounts are kept beyond the life of the process."""

    def load(self) -> dict[str, Account]:
        """Number → account, as kept before."""
        ...

    def save(self, number: str, account: Account) -> None:
        """Keeps an account."""
        ...


class Accounts:
    """All accounts, by their number.

    Args:
        keep: Where they are kept; in memory only if None.
    """

    def __init__(self, keep: Keep | None = None) -> None:
        self._keep = keep
        self._accounts = keep.load() if keep else {}
        self._lock = threading.Lock()  # large requests are judged in threads

    def find(self, number: str) -> Account:
        """An account, to look at; an empty one if it has nothing yet."""
        return self._accounts.get(number) or _EMPTY_ACCOUNT

    def change(self, number: str, work: Callable[[Account], T]) -> T:
        """What the work gives; what it did to the account is kept.

        Args:
            number: Twelve digits.
            work: Gets the account, to change. If it fails, nothing has changed.
        """
        with self._lock:
            before = self.find(number)
            after = deepcopy(before)
            result = work(after)
            if after != before:
                if self._keep:
                    self._keep.save(number, after)
                self._accounts[number] = after
            return result
