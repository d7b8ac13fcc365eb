"""Who may call the local Bedrock: AWS's documented example identities, and those that are added.

Rules: an identity is known by its access key, an API key by its whole text; what is added later
replaces what has the same access key; no secret stands in a repr or an error.

Sources: AWS's documentation, which gives these keys as its examples ("Managing access keys", IAM
User Guide; "AssumeRole" and "GetCallerIdentity", AWS STS API Reference); Amazon Bedrock User Guide,
"API keys" (short-term and long-term keys, the user `BedrockAPIKey-…` that owns a long-term key).
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from outcrop.errors import ConfigurationError
from outcrop.wire import api_keys
from outcrop.wire.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.wire.credentials import ApiKey

#: The account of AWS's examples.
ACCOUNT: Final = "123456789012"

ACCESS_KEY: Final = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's documented example

SESSION_ACCESS_KEY: Final = "ASIAIOSFODNN7EXAMPLE"
SESSION_SECRET_KEY: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY"  # noqa: S105 - AWS's documented example
#: The example of "AssumeRole".
SESSION_TOKEN: Final = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMic"  # noqa: S105 - AWS's documented example
    "RXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKs"
    "burEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0"
    "iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls.

    Attributes:
        account: Twelve digits.
        arn: Of the user, or of the role's session.
        user_id: AWS's unique ID, such as `AIDA…`.
        credentials: The keys, None for who is known by a long-term API key only.
    """

    account: str
    arn: str
    user_id: str
    credentials: Credentials | None = None

    @property
    def access_key(self) -> str | None:
        """The access key ID, None for who is known by an API key only."""
        return self.credentials and self.credentials.access_key


ALICE: Final = Identity(
    ACCOUNT,
    f"arn:aws:iam::{ACCOUNT}:user/Alice",
    "AIDACKCEVSQ6C2EXAMPLE",
    Credentials(ACCESS_KEY, SECRET_KEY),
)

ROLE_SESSION: Final = Identity(
    ACCOUNT,
    f"arn:aws:sts::{ACCOUNT}:assumed-role/my-role-name/my-role-session-name",
    "ARO123EXAMPLE123:my-role-session-name",
    Credentials(SESSION_ACCESS_KEY, SESSION_SECRET_KEY, SESSION_TOKEN),
)


class Identities:
    """Everyone who may call."""

    def __init__(self) -> None:
        self._by_access_key: dict[str, Identity] = {}
        self._by_digest: dict[bytes, Identity] = {}
        self.add(ALICE)
        self.add(ROLE_SESSION)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Identities:
        """The examples, and the keys in an environment, so that a shell's own keys work.

        Reads `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, and
        `AWS_BEARER_TOKEN_BEDROCK` if it is a long-term key; a short-term one proves itself by the
        keys that it was made with.
        """
        identities = cls()
        access_key = environ.get("AWS_ACCESS_KEY_ID")
        secret_key = environ.get("AWS_SECRET_ACCESS_KEY")
        # A shell that points at a local Bedrock has the example keys, maybe beside a stale token.
        if access_key and secret_key and access_key not in (ACCESS_KEY, SESSION_ACCESS_KEY):
            token = environ.get("AWS_SESSION_TOKEN") or None
            identities.add(described(Credentials(access_key, secret_key, token)))
        key = environ.get("AWS_BEARER_TOKEN_BEDROCK")
        if key and not key.startswith(api_keys.PREFIX):
            identities.add_api_key(key)
        return identities

    def __repr__(self) -> str:
        return f"Identities({sorted(self._by_access_key)}, {len(self._by_digest)} API keys)"

    def add(self, identity: Identity) -> None:
        """Lets an identity with keys in.

        Raises:
            ConfigurationError: If it has none.
        """
        if identity.access_key is None:
            raise ConfigurationError(f"{identity.arn} has no keys.", mend="Use add_api_key.")
        self._by_access_key[identity.access_key] = identity

    def add_keys(self, text: str) -> None:
        """Lets in who signs with these keys, `ACCESS_KEY:SECRET` or `ACCESS_KEY:SECRET:TOKEN`.

        Raises:
            ConfigurationError: If the text has another form; it is never repeated.
        """
        parts = text.split(":")
        if len(parts) not in (2, 3) or not all(parts):
            raise ConfigurationError(
                "An identity lacks its access key or its secret key, or has too many parts.",
                mend="Give ACCESS_KEY:SECRET, or ACCESS_KEY:SECRET:TOKEN for temporary keys.",
            )
        if not re.fullmatch(r"\w{4,128}", parts[0], re.ASCII):
            raise ConfigurationError(
                "An identity's access key isn't one.",
                mend="Give ACCESS_KEY:SECRET; access keys have 4 to 128 letters and digits.",
            )
        self.add(described(Credentials(*parts)))

    def add_api_key(self, token: str) -> None:
        """Lets in who sends this long-term API key.

        Raises:
            ConfigurationError: If it is empty or has blanks in it; it isn't repeated.
        """
        if not token or not token.isprintable() or " " in token:
            raise ConfigurationError(
                "An API key was given that is empty, or has blanks in it.",
                mend="Give the key itself, without 'Bearer'.",
            )
        digest = _digest(token)
        mark = _mark(digest, 4).lower()
        self._by_digest[digest] = Identity(
            ACCOUNT,
            f"arn:aws:iam::{ACCOUNT}:user/BedrockAPIKey-{mark}",
            f"AIDA{_mark(digest, 17)}",
        )

    def find(self, access_key: str) -> Identity | None:
        """Who has this access key."""
        return self._by_access_key.get(access_key)

    def find_api_key(self, token: str) -> Identity | None:
        """Who has this long-term API key; looked up by digest, so that time tells nothing."""
        return self._by_digest.get(_digest(token))

    def mint_api_key(self, *, region: str, now: float) -> ApiKey:
        """A short-term API key of the example identity, good for twelve hours in one region."""
        found = self._by_access_key[ACCESS_KEY].credentials
        assert found is not None  # `add` takes nobody without keys
        return api_keys.mint(found, region=region, now=now)


def described(credentials: Credentials) -> Identity:
    """An identity of the example account, with an ARN that its access key leads to."""
    mark = _mark(_digest(credentials.access_key), 17)
    if credentials.session_token:
        session = f"session-{mark[:6].lower()}"
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/outcrop/{session}"
        return Identity(ACCOUNT, arn, f"AROA{mark}:{session}", credentials)
    arn = f"arn:aws:iam::{ACCOUNT}:user/outcrop-{mark[:6].lower()}"
    return Identity(ACCOUNT, arn, f"AIDA{mark}", credentials)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _mark(digest: bytes, length: int) -> str:
    return b32encode(digest).decode("ascii")[:length]
