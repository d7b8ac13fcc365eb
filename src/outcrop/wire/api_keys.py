"""Amazon Bedrock API keys: `mint` makes short-term ones, `read` and `verify` judge them.

Rules: a short-term key is a presigned request that says who may call, base64 of its URL without
the scheme; it holds for one region, at most twelve hours, and no longer than the session that
signed it. A long-term key is opaque: only whoever issued it can tell. Every refusal has the same
text, which tells a guesser nothing.

Sources: "Generate an Amazon Bedrock API key", Amazon Bedrock User Guide,
https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html; `token_generator.py` of
aws-bedrock-token-generator 1.1.0, which is what `mint` equals.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Final

from outcrop.errors import APIStatusError, AuthorizationDenied, ConfigurationError
from outcrop.wire import sigv4, sigv4_verify
from outcrop.wire.credentials import ApiKey
from outcrop.wire.http import Request

if TYPE_CHECKING:
    from collections.abc import Collection

    from outcrop.wire.credentials import Credentials

PREFIX: Final = "bedrock-api-key-"
HOST: Final = "bedrock.amazonaws.com"
SERVICE: Final = "bedrock"
#: Seconds: "TOKEN_DURATION: int = 43200  # 12 hours in seconds".
LONGEST_EXPIRES: Final = 43_200
#: A session token has no stated limit; this is several times the longest that is seen.
LONGEST_KEY: Final = 16_384

_METHOD = "POST"
_ACTION = "/?Action=CallWithBearerToken"
_VERSION = "&Version=1"  # goes behind the signature, which doesn't cover it
_DENIED = "Authentication failed: Please make sure your API Key is valid."


def mint(
    credentials: Credentials, *, region: str, now: float, expires: int = LONGEST_EXPIRES
) -> ApiKey:
    """A short-term API key, which may do what the credentials may do in that region.

    Args:
        credentials: The keys to sign with; the API key ends with their session.
        region: Such as `us-east-1`.
        now: Seconds since the epoch.
        expires: Seconds, 1 to 43,200.

    Raises:
        ConfigurationError: No region, or `expires` out of range.
    """
    if not region:
        raise ConfigurationError("An API key needs a region.", mend="Give one, such as us-east-1.")
    if not 1 <= expires <= LONGEST_EXPIRES:
        raise ConfigurationError(
            f"expires is {expires} seconds.", mend=f"Choose 1 to {LONGEST_EXPIRES} (12 hours)."
        )
    request = Request(_METHOD, f"https://{HOST}", _ACTION)
    target = sigv4.presign(
        request, credentials, region=region, service=SERVICE, now=now, expires=expires
    )
    return ApiKey(PREFIX + b64encode(f"{HOST}{target}{_VERSION}".encode()).decode())


def read(token: str) -> sigv4_verify.Claim | None:
    """The claim of a short-term key; None for any other token, such as a long-term key.

    Raises:
        AuthorizationDenied: It begins like a short-term key and isn't one.
    """
    if not token.startswith(PREFIX):
        return None
    return _claim(_target(token))


def verify(
    token: str,
    credentials: Credentials,
    *,
    now: float,
    skew: float = 300.0,
    regions: Collection[str] | None = None,
) -> None:
    """Nothing, if the short-term key was signed with these credentials and is in time.

    Args:
        token: What followed `Bearer `.
        credentials: Those of the access key in `read(token)`.
        now: Seconds since the epoch.
        skew: How many seconds the minter's clock may be ahead.
        regions: Regions that are served; None for every one.

    Raises:
        AuthorizationDenied: It isn't, or it isn't a short-term key.
    """
    if not token.startswith(PREFIX):
        raise AuthorizationDenied(_DENIED)
    target = _target(token)
    try:
        sigv4_verify.verify(
            _claim(target),
            credentials,
            method=_METHOD,
            target=target,
            headers=[("host", HOST)],
            body=b"",
            now=now,
            skew=skew,
            services=(SERVICE,),
            regions=regions,
        )
    except APIStatusError:
        raise AuthorizationDenied(_DENIED) from None


def _target(token: str) -> str:
    """The target of the presigned request in the token."""
    try:
        if len(token) > LONGEST_KEY:
            raise ValueError  # noqa: TRY301 - one way out for whatever isn't a key
        url = b64decode(token.removeprefix(PREFIX), validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        raise AuthorizationDenied(_DENIED) from None
    if not (url.startswith(f"{HOST}{_ACTION}&") and url.endswith(_VERSION)):
        raise AuthorizationDenied(_DENIED)
    return url.removeprefix(HOST).removesuffix(_VERSION)


def _claim(target: str) -> sigv4_verify.Claim:
    try:
        claim = sigv4_verify.read_claim(_METHOD, target, ())
    except APIStatusError:
        raise AuthorizationDenied(_DENIED) from None
    if claim.signed_headers != ("host",) or (claim.expires or 0) > LONGEST_EXPIRES:
        raise AuthorizationDenied(_DENIED)
    return claim
