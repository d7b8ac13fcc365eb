"""Where credentials come from: arguments, environment, an API key, or else botocore's chain.

Rules: botocore is imported only if nothing simpler is there; credentials that run out are renewed
in a thread of their own while the old ones still serve; a caller waits only when there are none;
nothing is logged. An API key beats ambient AWS credentials, and doesn't go with explicit ones, as
in the official SDK.
Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers".
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from outcrop.errors import ConfigurationError, CredentialsError
from outcrop.net.environment import variable
from outcrop.wire.credentials import ApiKey, Credentials

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds before expiry at which renewal begins; botocore's own advisory limit.
RENEW_AHEAD = 15 * 60


class Source(Protocol):
    """What gives credentials.

    Attributes:
        source: Where they come from, for people; never a secret.
    """

    source: str

    def at_hand(self) -> Credentials | ApiKey | None:
        """Those that need no waiting, if any."""
        ...

    def fetch(self, *, renew: bool) -> Credentials | ApiKey:
        """Credentials, after whatever it takes; blocks."""
        ...


class Given:
    """Credentials that don't change: from arguments, the environment, or an API key."""

    def __init__(self, identity: Credentials | ApiKey, source: str) -> None:
        self._identity = identity
        self.source = source

    def at_hand(self) -> Credentials | ApiKey:
        """Always there."""
        return self._identity

    def fetch(self, *, renew: bool) -> Credentials | ApiKey:  # noqa: ARG002 - can't be renewed
        """The same ones."""
        return self._identity

    def __repr__(self) -> str:
        return f"Given({self._identity!r}, {self.source!r})"


class Chain:
    """The default AWS chain: profiles, SSO, roles, containers, instance metadata."""

    def __init__(self, profile: str | None = None) -> None:
        self._profile = profile
        self._lock = threading.Lock()
        self._renewing = threading.Lock()
        self._provider: Any = None
        self._frozen: Credentials | None = None
        self.source = f"profile {profile}" if profile else "default AWS chain"

    @property
    def method(self) -> str:
        """Where in the chain they were found, in botocore's words; empty before `fetch`."""
        return getattr(self._provider, "method", "")

    def at_hand(self) -> Credentials | None:
        """The last ones, unless they have run out; renewal starts in the background in time."""
        frozen, provider = self._frozen, self._provider
        if frozen is None:
            return None
        runs_out = getattr(provider, "refresh_needed", None)
        if runs_out is None or not runs_out(refresh_in=RENEW_AHEAD):
            return frozen
        if runs_out(refresh_in=0):
            return None
        if self._renewing.acquire(blocking=False):
            threading.Thread(
                target=self._renew_ahead, name="outcrop-credentials", daemon=True
            ).start()
        return frozen

    def _renew_ahead(self) -> None:
        try:
            self.fetch(renew=False)
        except CredentialsError:
            pass  # the old ones still serve; whoever finds them expired gets the error
        finally:
            self._renewing.release()

    def fetch(self, *, renew: bool) -> Credentials:
        """Credentials from the chain.

        Args:
            renew: Whether what is at hand was refused as expired: the chain is asked from scratch.

        Raises:
            CredentialsError: If there are none, or a sign-in has run out; says how to mend it.
        """
        refused = self._frozen if renew else None
        with self._lock:
            if renew and self._frozen != refused and self._frozen is not None:
                return self._frozen  # another caller renewed them meanwhile
            self._frozen = _translating(lambda: self._ask(renew=renew), self._profile)
            return self._frozen

    def _ask(self, *, renew: bool) -> Credentials:
        from botocore.session import Session

        if self._provider is None or renew:
            self._provider = Session(profile=self._profile).get_credentials()
        if self._provider is None:
            raise CredentialsError(
                "No AWS credentials were found.",
                mend="Pass aws_access_key=… and aws_secret_key=…, set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY or AWS_BEARER_TOKEN_BEDROCK, or run 'aws configure'; "
                "'outcrop serve' needs no account.",
            )
        frozen = self._provider.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    def __repr__(self) -> str:
        return f"Chain({self._profile!r})"


def _translating(ask: Callable[[], Credentials], profile: str | None) -> Credentials:
    """What botocore says of missing or expired sign-ins, with the command that mends it."""
    from botocore import exceptions as aws

    name = profile or variable("AWS_PROFILE") or "default"
    login = f"Run 'aws sso login --profile {name}'."
    try:
        return ask()
    except (aws.SSOError, aws.TokenRetrievalError) as error:
        raise CredentialsError(f"The SSO sign-in has run out: {error}.", mend=login) from error
    except aws.ProfileNotFound as error:
        raise CredentialsError(
            f"{error}.", mend="'aws configure list-profiles' lists the profiles."
        ) from error
    except (aws.BotoCoreError, aws.ClientError) as error:
        mend = login if "login" in str(error).lower() else ""
        raise CredentialsError(f"The AWS credentials chain failed: {error}.", mend=mend) from error
    except CredentialsError:
        raise
    except Exception as error:  # noqa: BLE001 - what a credential process makes botocore raise
        raise CredentialsError(
            f"The AWS credentials chain failed: {type(error).__name__}.",
            mend="'aws sts get-caller-identity' tells more.",
        ) from None  # its text may hold what the process printed


def choose(
    *,
    access_key: str | None = None,
    secret_key: str | None = None,
    session_token: str | None = None,
    profile: str | None = None,
    api_key: str | None = None,
) -> Given | Chain:
    """The source that arguments and environment point to.

    Raises:
        ConfigurationError: For arguments that don't go together.
    """
    given = {
        "aws_access_key": access_key,
        "aws_secret_key": secret_key,
        "aws_session_token": session_token,
        "aws_profile": profile,
    }
    explicit = [name for name, value in given.items() if value is not None]
    empty = [name for name in explicit if not given[name]] + (["api_key"] if api_key == "" else [])
    if empty:
        raise ConfigurationError(f"{empty[0]} is empty.", mend="Give a value, or leave it out.")
    bearer = api_key or variable("AWS_BEARER_TOKEN_BEDROCK")
    if bearer and explicit:
        named = "api_key" if api_key else "AWS_BEARER_TOKEN_BEDROCK"
        raise ConfigurationError(
            f"Cannot specify both {named} and {', '.join(explicit)}.",
            mend=f"Leave out one of them{'' if api_key else ', or unset the variable'}.",
        )
    if bearer:
        return Given(ApiKey(bearer), "api_key argument" if api_key else "AWS_BEARER_TOKEN_BEDROCK")
    if access_key and secret_key:
        return Given(Credentials(access_key, secret_key, session_token or None), "arguments")
    if access_key or secret_key or session_token:
        lacking = "aws_access_key" if not access_key else "aws_secret_key"
        raise ConfigurationError(
            f"{explicit[0]} was given without {lacking}.",
            mend="Give aws_access_key and aws_secret_key together, or neither.",
        )
    if profile is None:
        from_environment = _environment()
        if from_environment:
            return Given(from_environment, "environment")
    return Chain(profile)


def _environment() -> Credentials | None:
    access_key, secret_key = variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret_key:
        return None
    return Credentials(access_key, secret_key, variable("AWS_SESSION_TOKEN"))
