"""Who sent a request and for which region, or AWS's refusal; the order of refusals is AWS's.

Rules: a key is recognised before a body is read (an unknown caller costs no memory) and proved
afterwards, over the raw target and the whole body; the region is the one that the signature or the
API key is bound to, since the local Bedrock stands for every region; the time is an argument.

Sources: Amazon Bedrock User Guide, "API keys" and "Troubleshooting API error codes"; AWS STS API
Reference; texts as AWS's front door is seen to send them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from outcrop.bedrock import faults
from outcrop.catalog import models
from outcrop.errors import AuthorizationDenied, UnrecognizedClientException
from outcrop.server.identities import ALICE
from outcrop.wire import api_keys, sigv4_verify
from outcrop.wire.canonical import Gathered, gather

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outcrop.server.identities import Identities, Identity
    from outcrop.wire.http import Headers
    from outcrop.wire.sigv4_verify import Claim

#: Signing name of the runtime and of the control plane (botocore: `signingName`).
BEDROCK: Final = ("bedrock",)
STS: Final = ("sts",)
#: Signing name of the Messages route; behind one base URL, clients may sign for either.
MESSAGES: Final = ("bedrock-mantle", "bedrock")

#: Regions that the local Bedrock stands for: all that have Bedrock.
REGIONS: Final = frozenset(models.regions())


class Head(NamedTuple):
    """What precedes the body.

    Attributes:
        method: Such as `POST`.
        target: Path and query as on the wire.
        headers: Names in lower case, values decoded.
    """

    method: str
    target: str
    headers: Headers


class Caller(Struct, frozen=True):
    """Who calls, proved.

    Attributes:
        identity: Whose keys they are.
        region: Which region's endpoint the request is meant for.
    """

    identity: Identity
    region: str


class _Signed(Struct, frozen=True):
    """A signature of somebody known, still to be proved."""

    claim: Claim
    identity: Identity
    headers: Gathered


class _ShortTerm(Struct, frozen=True):
    """A short-term API key of somebody known, still to be proved."""

    token: str
    claim: Claim
    identity: Identity

    def __repr__(self) -> str:
        return f"_ShortTerm({self.claim!r})"  # the token is a secret


Recognised = Caller | _Signed | _ShortTerm


class Gate:
    """Tells who calls.

    Args:
        identities: Who may; None lets everyone in, as the example identity.
        region: The region of callers whose request names none.
    """

    def __init__(self, identities: Identities | None, *, region: str) -> None:
        self._identities = identities
        self._region = region

    def recognise(self, head: Head, *, api_key: bool = True) -> Recognised:
        """Who the caller claims to be, if that is somebody known.

        Args:
            head: All of the request but its body.
            api_key: Whether an API key counts here: it does on Bedrock, not on STS.

        Raises:
            MissingAuthenticationTokenException: There is neither a signature nor a key.
            IncompleteSignatureException: A part of the signature is missing.
            UnrecognizedClientException: The access key is unknown.
            AuthorizationDenied: The API key is unknown.
        """
        if self._identities is None:
            return Caller(ALICE, self._region)
        scheme, _, token = _authorization(head.headers).partition(" ")
        if api_key and scheme.lower() == "bearer":
            return self._recognise_api_key(token.strip(), self._identities)
        headers = gather(head.headers)
        claim = sigv4_verify.read_claim(head.method, head.target, headers)
        identity = self._identities.find(claim.access_key)
        if identity is None:
            raise UnrecognizedClientException(faults.UNKNOWN_KEY)
        return _Signed(claim, identity, headers)

    def _recognise_api_key(self, token: str, identities: Identities) -> Caller | _ShortTerm:
        if identity := identities.find_api_key(token):
            return Caller(identity, self._region)
        claim = api_keys.read(token)
        identity = identities.find(claim.access_key) if claim else None
        if claim is None or identity is None:
            raise AuthorizationDenied(faults.BAD_API_KEY)
        return _ShortTerm(token, claim, identity)

    def prove(
        self,
        recognised: Recognised,
        head: Head,
        body: bytes | bytearray,
        *,
        now: float,
        services: Sequence[str] = BEDROCK,
    ) -> Caller:
        """The caller, if the claim holds.

        Args:
            recognised: What `recognise` made of the same head.
            head: All of the request but its body.
            body: The whole body.
            now: Seconds since the epoch.
            services: Signing names that are served.

        Raises:
            InvalidSignatureException: The signature doesn't match the request, the scope or time.
            UnrecognizedClientException: The session token isn't that of the keys.
            RequestExpired: A presigned request after its time.
            AuthorizationDenied: The API key is forged or has expired.
        """
        if isinstance(recognised, Caller):
            return recognised
        credentials = recognised.identity.credentials
        assert credentials is not None  # found by its access key
        claim = recognised.claim
        if isinstance(recognised, _ShortTerm):
            api_keys.verify(recognised.token, credentials, now=now, regions=REGIONS)
        else:
            sigv4_verify.verify(
                claim,
                credentials,
                method=head.method,
                target=head.target,
                headers=recognised.headers,
                body=body,
                now=now,
                services=services,
                regions=REGIONS,
            )
        return Caller(recognised.identity, claim.region)


def _authorization(headers: Headers) -> str:
    return next((value for name, value in headers if name == "authorization"), "")
