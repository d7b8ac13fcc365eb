"""Object stores by the names that people give them: a folder, `s3://…`, an S3-compatible endpoint.

Rules: obstore and botocore are imported when a store is opened, not before; keys come from
botocore's chain, and are asked for again as they run out; whoever opens a store bounds how long it
may hang. A name that can't be right is refused with the name and the mend, credentials never shown.

What is written to a folder appears whole: obstore writes `<key>#1` beside it and renames that
(observed with obstore 0.12; its listings leave such files out). It has the disk hold nothing: what
the operating system hasn't written when the power goes is gone.
Sources: obstore, "Store construction"; AWS SDKs and Tools Reference Guide, "Service-specific
endpoints".
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from outcrop.errors import ConfigurationError
from outcrop.net import environment
from outcrop.net.credentials import Chain
from outcrop.wire.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from obstore.store import ClientConfig, LocalStore, ObjectStore, S3Credential, S3Store

#: Seconds that a request to a store may take.
TIMEOUT: Final = 30.0
#: Seconds for which a store keeps keys before it asks again.
KEYS_SECONDS: Final = 300

#: Amazon S3 User Guide, "General purpose bucket naming rules".
_BUCKET: Final = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MEND: Final = (
    "Give a folder, 's3://bucket/prefix', or the URL of an S3-compatible endpoint such as "
    "'http://127.0.0.1:9000'."
)


def open_store(
    place: str | os.PathLike[str],
    *,
    bucket: str | None = None,
    region: str | None = None,
    create: bool = False,
    timeout: float = TIMEOUT,
    retries: int = 0,
) -> ObjectStore:
    """The store that a name stands for; keys of objects begin below it.

    | place | bucket |
    |---|---|
    | a folder, or `file:///folder` | a folder in it, if one is named |
    | `s3://bucket/prefix` | is in the name |
    | `http://127.0.0.1:9000`, any S3-compatible endpoint | named, or the path's first part |

    Args:
        place: The name.
        bucket: As the table says.
        region: That requests are signed for; what the environment says if None.
        create: Whether to make a folder that isn't there, readable by its owner only.
        timeout: Seconds that a request may take.
        retries: How often a request is sent again before it fails.

    Raises:
        ConfigurationError: The place can't be right, isn't there, or obstore isn't installed.
        CredentialsError: No keys for it were found.
    """
    text = os.fspath(place)
    scheme = urlsplit(text).scheme if "://" in text else ""
    match scheme:
        case "" | "file":
            return _open_folder(_folder(text), bucket, create=create)
        case "s3":
            if bucket is not None:
                raise ConfigurationError(
                    f"{text!r} names a bucket already: {bucket!r} is too many."
                )
            parts = urlsplit(text)
            where = _Bucket(parts.netloc, parts.path, endpoint=None)
        case "http" | "https":
            where = _at_endpoint(text, bucket)
        case _:
            raise ConfigurationError(f"{text!r} isn't a place for objects.", mend=_MEND)
    return _open_bucket(where, region, timeout=timeout, retries=retries)


def is_folder(place: str | os.PathLike[str]) -> bool:
    """Whether a place is on this machine's disks."""
    text = os.fspath(place)
    return "://" not in text or text.startswith("file://")


def check_bucket(name: str) -> None:
    """Refuses what can't be a bucket's name.

    Raises:
        ConfigurationError: It breaks AWS's naming rules.
    """
    if not _BUCKET.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} can't be a bucket's name.",
            mend="Use 3 to 63 lower-case letters, digits, hyphens and dots.",
        )


def reason(error: BaseException) -> str:
    """What a store's error says, on one line; of an S3 refusal AWS's code and message."""
    text = str(error)
    found = [re.search(rf"<{tag}>([^<]*)</{tag}>", text) for tag in ("Code", "Message")]
    if told := [match[1] for match in found if match]:
        return ": ".join(told)[:300]
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (text.partition("\n")[0].strip() or type(error).__name__)[:300]


# Folders ─────────────────────────────────────────────────────────────────────────────────────────


def _folder(text: str) -> Path:
    if "://" not in text:
        return Path(text).expanduser()
    parts = urlsplit(text)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise ConfigurationError(f"{text!r} isn't a folder.", mend="Give one as 'file:///folder'.")
    return Path(unquote(parts.path))


def _open_folder(folder: Path, bucket: str | None, *, create: bool) -> LocalStore:
    local_store: type[LocalStore] = _obstore().LocalStore
    if bucket is not None:
        check_bucket(bucket)
        folder /= bucket
    try:
        if create:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The folder {str(folder)!r} can't be made: {error.strerror}.", mend="Name another one."
        ) from error
    if not folder.is_dir():
        what = "isn't a folder" if folder.exists() else "isn't there"
        raise ConfigurationError(f"{str(folder)!r} {what}.", mend=f"Make it: mkdir -p '{folder}'")
    return local_store(folder)


# S3 ──────────────────────────────────────────────────────────────────────────────────────────────


class _Bucket:
    """A bucket, the prefix of the keys in it, and its endpoint; AWS's own if None."""

    def __init__(self, name: str, prefix: str, *, endpoint: str | None) -> None:
        check_bucket(name)
        self.name = name
        self.prefix = prefix.strip("/")
        self.endpoint = endpoint


def _at_endpoint(text: str, bucket: str | None) -> _Bucket:
    endpoint = environment.split_url(text, "place")
    path = unquote(endpoint.prefix).strip("/")
    if bucket is None:
        bucket, _, path = path.partition("/")
        if not bucket:
            raise ConfigurationError(
                f"{text!r} names no bucket.", mend=f"Give '{endpoint.origin}/BUCKET'."
            )
    elif path:
        raise ConfigurationError(
            f"{text!r} has a path.", mend=f"The endpoint alone is {endpoint.origin!r}."
        )
    return _Bucket(bucket, path, endpoint=endpoint.origin)


def _open_bucket(bucket: _Bucket, region: str | None, *, timeout: float, retries: int) -> S3Store:
    s3_store: type[S3Store] = _obstore().S3Store
    region = environment.region(region, None).name
    chain = Chain()
    chain.fetch(renew=False)  # what is wrong with the keys is told here, in words that mend
    options: ClientConfig = {
        # The environment's own endpoint is told by botocore, or is none of ours.
        "allow_http": True,
        "connect_timeout": timedelta(seconds=min(timeout, 5.0)),
        "timeout": timedelta(seconds=timeout),
    }
    if certificates := environment.ca_bundle():
        options["root_certificate"] = certificates
    return s3_store(
        bucket.name,
        prefix=bucket.prefix or None,
        endpoint=bucket.endpoint or _aws_endpoint(region),
        region=region,
        virtual_hosted_style_request=False,
        credential_provider=_provider(chain),
        client_options=options,
        retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=timeout)},
    )


def _aws_endpoint(region: str) -> str:
    """Where S3 is called in a region, in the environment's and the configuration file's words."""
    from botocore.session import Session

    client: Any = Session().create_client("s3", region_name=region)
    return client.meta.endpoint_url


def _provider(chain: Chain) -> Callable[[], S3Credential]:
    def keys() -> S3Credential:
        found = chain.at_hand() or chain.fetch(renew=False)
        assert isinstance(found, Credentials)  # the chain gives no API keys
        return {
            "access_key_id": found.access_key,
            "secret_access_key": found.secret_key,
            "token": found.session_token,
            "expires_at": datetime.now(UTC) + timedelta(seconds=KEYS_SECONDS),
        }

    return keys


def _obstore() -> Any:
    try:
        import obstore.store
    except ImportError as error:
        raise ConfigurationError(
            "Object stores need the package obstore.", mend="pip install 'outcrop[activity]'"
        ) from error
    return obstore.store
