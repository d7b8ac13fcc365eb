"""The logs of a local Bedrock: which account wants what logged where, and the way there.

Rules: whoever hands a record in never waits; records are made, stripped of what isn't wanted, and
written in threads of their own (see `outcrop.delivery.batches`); buckets are folders of this
machine or of an S3-compatible endpoint, log groups those of an endpoint, and all are opened when
they are first needed. Nothing here ever fails an invocation.
Sources: Amazon Bedrock User Guide, "Monitor model invocation using CloudWatch Logs and Amazon S3";
Amazon Bedrock API Reference, "LoggingConfig". That a switch that isn't given counts as on isn't
published (?).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from outcrop.bedrock import invocation_log
from outcrop.delivery import content, stores
from outcrop.delivery.batches import Batches
from outcrop.delivery.cloudwatch import LogEvents, LogGroup, connector
from outcrop.delivery.objects import Folder, Objects
from outcrop.errors import ConfigurationError, ValidationException
from outcrop.server.accounts.state import LoggingConfig, S3Config

if TYPE_CHECKING:
    import os

    from outcrop.bedrock.invocation_log import Invocation
    from outcrop.delivery.batches import Bounds
    from outcrop.delivery.objects import Store
    from outcrop.server.accounts.state import Accounts

Record = dict[str, Any]

#: Seconds that a store or log group may take to answer.
TIMEOUT: Final = 10.0
#: As publicly reported.
LOG_GROUP_REFUSED: Final = (
    "Failed to validate permissions for log group: {group}, with role: {role}. Verify the IAM role "
    "permissions are correct."
)
#: Ours (?).
BUCKET_REFUSED: Final = (
    "Failed to validate permissions for S3 bucket: {bucket}. Verify the bucket exists and can be "
    "written: {reason}"
)
NO_BUCKETS: Final = (
    "This local Bedrock has no place for buckets. Start it with --s3 DIR, a folder whose "
    "subfolders are the buckets, or with --s3 URL of an S3-compatible endpoint."
)
NO_LOG_GROUPS: Final = (
    "This local Bedrock has no place for log groups. Start it with --cloudwatch URL, an endpoint "
    "that answers CloudWatch Logs' operations."
)
#: Open stores that are kept.
_MOST_OPEN: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where buckets and log groups are.

    Attributes:
        s3: A folder whose subfolders are the buckets, or the URL of an S3-compatible endpoint.
        cloudwatch: URL of an endpoint that answers CloudWatch Logs' operations.

    Raises:
        ConfigurationError: One of them is something else.
    """

    s3: str | os.PathLike[str] | None = None
    cloudwatch: str | None = None

    def __post_init__(self) -> None:
        if self.s3 is not None and not stores.is_folder(self.s3):
            _check_url("s3", str(self.s3), "a folder or a URL such as 'http://127.0.0.1:9000'")
        if self.cloudwatch is not None:
            _check_url("cloudwatch", self.cloudwatch, "a URL such as 'http://127.0.0.1:5000'")


def _check_url(name: str, url: str, wanted: str) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        parts, sound = urlsplit(""), False
    if not sound or parts.path.strip("/") or parts.query or "@" in parts.netloc:
        shown = url if "@" not in url else "(a URL with credentials in it)"
        raise ConfigurationError(f"{name}={shown!r} can't be used.", mend=f"Give {wanted}.")


class InvocationLogs:
    """Delivers records of invocations, and CloudTrail's events, to where accounts want them.

    Args:
        accounts: What accounts have, their configurations among it.
        places: Where buckets and log groups are.
        log_to: `s3://BUCKET` or `s3://BUCKET/PREFIX`: where invocations of accounts and regions are
            logged that never put a configuration. A bucket that is to be a folder is made.
        bounds: How much may wait to be written.
        timeout: Seconds that a store or log group may take to answer.

    Raises:
        ConfigurationError: `log_to` can't be right, or can't be opened.

    Attributes:
        s3: Records on their way to buckets: `written`, `lost`, `waiting`, `failed`, `last_error`.
        cloudwatch: The same for log groups.
        trail: The same for CloudTrail's events.
    """

    def __init__(
        self,
        accounts: Accounts,
        places: Places,
        *,
        log_to: str | None = None,
        bounds: Bounds | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._accounts = accounts
        self._places = places
        self._timeout = timeout
        self._stores: dict[tuple[str, str], Store] = {}
        self._lock = threading.Lock()
        self._objects = Objects(self._open_bucket)
        self._events = LogEvents(
            connector(places.cloudwatch, timeout=timeout) if places.cloudwatch else _nowhere,
            self._objects,
        )
        self.s3 = Batches("invocation logs to S3", self._objects.pack, bounds=bounds)
        self.cloudwatch = Batches("invocation logs to CloudWatch", self._events.pack, bounds=bounds)
        self.trail = Batches("CloudTrail events to S3", self._objects.pack_trail, bounds=bounds)
        self._default = self._open_default(log_to) if log_to is not None else None

    def __repr__(self) -> str:
        return f"<InvocationLogs {self.s3!r} {self.cloudwatch!r} {self.trail!r}>"

    @property
    def lost(self) -> int:
        """Records and events that weren't delivered and won't be."""
        return sum(batches.lost for batches in self._all())

    @property
    def last_error(self) -> str | None:
        """Why the last attempt to deliver failed, None if none did."""
        return next((row.last_error for row in self._all() if row.last_error), None)

    def _all(self) -> tuple[Batches[Folder], Batches[LogGroup], Batches[Folder]]:
        return self.s3, self.cloudwatch, self.trail

    # Configurations ──────────────────────────────────────────────────────────────────────────────

    def configuration(self, account: str, region: str) -> LoggingConfig | None:
        """What an account wants logged of a region, None if nothing; costs two look-ups."""
        found = self._accounts.find(account).region(region).logging
        if found is None:
            return self._default
        return found if found.s3_config or found.cloud_watch_config else None

    def check(self, config: LoggingConfig, *, account: str, region: str, now: float) -> None:
        """Nothing, if all destinations can be written; leaves there what Bedrock leaves there.

        Args:
            config: To be put.
            account: Whose it is.
            region: Whose invocations are to be logged.
            now: Seconds since the epoch.

        Raises:
            ValidationException: One of them can't be written.
        """
        group = config.cloud_watch_config
        buckets = [config.s3_config, group and group.large_data_delivery_s3_config]
        for bucket in filter(None, buckets):
            self._check_bucket(_folder(bucket, account, region))
        if group is None:
            return
        if self._places.cloudwatch is None:
            raise ValidationException(NO_LOG_GROUPS)
        try:
            self._events.check(LogGroup(group.log_group_name, region), now=now)
        except Exception as error:  # whatever botocore raises
            said = LOG_GROUP_REFUSED.format(group=group.log_group_name, role=group.role_arn)
            raise ValidationException(said) from error

    def _check_bucket(self, folder: Folder) -> None:
        if self._places.s3 is None:
            raise ValidationException(NO_BUCKETS)
        key = invocation_log.permission_check_key(
            prefix=folder.prefix, account=folder.account, region=folder.region
        )
        self._forget(folder)  # it may have been removed since it was opened
        try:
            self._objects.put(folder, key, b"")
        except Exception as error:  # whatever a store raises
            said = BUCKET_REFUSED.format(bucket=folder.bucket, reason=stores.reason(error))
            raise ValidationException(said) from error

    def _open_default(self, log_to: str) -> LoggingConfig:
        parts = urlsplit(log_to)
        if parts.scheme != "s3" or not parts.netloc:
            raise ConfigurationError(
                f"log_to={log_to!r} isn't a bucket.",
                mend="Give 's3://BUCKET' or 's3://BUCKET/PREFIX'.",
            )
        stores.check_bucket(parts.netloc)
        if self._places.s3 is None:
            raise ConfigurationError(
                f"log_to={log_to!r} needs a place for buckets.", mend="Give --s3 or --state, too."
            )
        if stores.is_folder(self._places.s3):
            stores.open_store(self._places.s3, bucket=parts.netloc, create=True)
        prefix = parts.path.strip("/") or None
        return LoggingConfig(s3_config=S3Config(parts.netloc, prefix))

    # Delivery ────────────────────────────────────────────────────────────────────────────────────

    def deliver(
        self, config: LoggingConfig, invocation: Invocation, *, account: str, region: str
    ) -> None:
        """Hands an invocation in to be recorded; never waits, never fails.

        Args:
            config: As it was when the invocation began.
            invocation: As it went over the wire.
            account: Whose it is.
            region: Whose endpoint was called.
        """
        size = len(invocation.request) + _length(invocation.response)
        record = _Once(invocation, config)
        if bucket := config.s3_config:
            self.s3.put(_folder(bucket, account, region), record.copy, size=size)
        if group := config.cloud_watch_config:
            large = group.large_data_delivery_s3_config
            where = LogGroup(
                group.log_group_name, region, large and _folder(large, account, region)
            )
            self.cloudwatch.put(where, record.copy, size=size)

    def deliver_event(
        self, config: LoggingConfig, event: Record, *, account: str, region: str
    ) -> None:
        """Hands an event of CloudTrail in, if invocations are logged to a bucket; never waits.

        Args:
            config: Of the account and region.
            event: The event; not to be changed any more.
            account: Whose it is.
            region: Whose endpoint was called.
        """
        if config.s3_config is not None:
            where = _folder(config.s3_config, account, region)
            self.trail.put(where, lambda: event, size=len(invocation_log.dump(event)))

    def flush(self, timeout: float | None = None) -> bool:
        """Writes now what waits; False if `timeout` seconds were too few for one of the places."""
        done = [batches.flush(timeout) for batches in self._all()]
        return all(done)

    def close(self) -> None:
        """Writes what waits, for some seconds at most; the rest is lost and counted."""
        threads = [threading.Thread(target=batches.close) for batches in self._all()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _open_bucket(self, bucket: str, region: str) -> Store:
        place = self._places.s3
        if place is None:  # a state folder has a configuration, and this server no place for it
            raise ConfigurationError(NO_BUCKETS)
        with self._lock:
            store = self._stores.get((bucket, region))
        if store is None:
            opened = stores.open_store(place, bucket=bucket, region=region, timeout=self._timeout)
            store = cast("Store", opened)
            with self._lock:
                if len(self._stores) >= _MOST_OPEN:
                    self._stores.clear()
                self._stores[bucket, region] = store
        return store

    def _forget(self, folder: Folder) -> None:
        with self._lock:
            self._stores.pop((folder.bucket, folder.region), None)


class _Once:
    """The record of an invocation, made when it is first wanted, without what isn't."""

    def __init__(self, invocation: Invocation, config: LoggingConfig) -> None:
        self._invocation = invocation
        self._config = config
        self._record: Record | None = None
        self._lock = threading.Lock()

    def copy(self) -> Record:
        """The record; who gets it may take bodies out, not change them."""
        with self._lock:
            if self._record is None:
                self._record = self._make()
            record = self._record
        sides = {side: dict(record[side]) for side in ("input", "output") if side in record}
        return record | sides

    def _make(self) -> Record:
        record = invocation_log.write_record(self._invocation)
        if self._config.text_data_delivery_enabled is False:
            content.leave_out_text(record)
        elif self._config.image_data_delivery_enabled is False:
            content.leave_out_images(record)
        return record


def _folder(bucket: S3Config, account: str, region: str) -> Folder:
    return Folder(bucket.bucket_name, bucket.key_prefix or "", account, region)


def _length(response: bytes | Any) -> int:
    return len(response) if isinstance(response, bytes) else sum(map(len, response))


def _nowhere(region: str) -> Any:
    raise ConfigurationError(f"{NO_LOG_GROUPS} ({region})")
