"""AWS Signature Version 4: `sign` and `presign` make, `read_claim` and `verify` judge.

Rules: what is signed is what goes on the wire, as `canonical` puts it; the time is an argument;
neither a secret, a session token, a signature nor an Authorization header ever stands in an error.

Specification: "Create a signed AWS API request", AWS Identity and Access Management User Guide,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html; error
texts from its page "Troubleshoot Signature Version 4 signing" and as AWS's services are seen to
send them. Judge: botocore's `auth.SigV4Auth`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from outcrop.errors import (
    InvalidSignatureException,
    RequestError,
    RequestExpired,
    UnrecognizedClientException,
)
from outcrop.wire.canonical import (
    ALGORITHM,
    TERMINATOR,
    begin,
    gather,
    layout_of,
    moment,
    signing_key,
)
from outcrop.wire.claim import LONGEST_EXPIRES, Claim, epoch, read_claim
from outcrop.wire.http import host_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from outcrop.wire.canonical import Begun, Gathered, Layout
    from outcrop.wire.credentials import Credentials
    from outcrop.wire.http import Headers, Request

__all__ = ["Claim", "presign", "read_claim", "sign", "verify"]

# AWS's SDKs send `amz-sdk-*`, `x-amz-user-agent` and `x-amzn-trace-id` unsigned; these, never:
_MUST_BE_SIGNED = frozenset({"x-amz-content-sha256", "x-amz-date", "x-amz-security-token"})
_MUST_BE_SIGNED_PREFIX = "x-amzn-bedrock-"
_HOST_NAMES = frozenset({"host", ":authority"})
_DATE = ("x-amz-date",)
_DATE_AND_TOKEN = ("x-amz-date", "x-amz-security-token")
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)


# Signing. ────────────────────────────────────────────────────────────────────────────────────────


def sign(
    request: Request, credentials: Credentials, *, region: str, service: str, now: float
) -> Headers:
    """The headers to add to the request: X-Amz-Date, X-Amz-Security-Token if any, Authorization.

    Signs `host` and every header of the request outside `UNSIGNED`. The payload hash is that of the
    body, or the value of `x-amz-content-sha256` where the request has that header.

    Args:
        request: What will be sent, `target` exactly as on the wire.
        credentials: The keys to sign with.
        region: Such as `us-east-1`.
        service: The signing name: `bedrock` for the runtime and the control plane.
        now: Seconds since the epoch.

    Raises:
        RequestError: The request already has one of the three headers.
    """
    head = (request.method, request.target, request.origin, tuple(request.headers))
    signing = _begin_signing(head, credentials, region, service, int(now))
    signature = signing.begun.signature(signing.layout.payload_hash(request))
    authorization = ("Authorization", signing.opening + signature)
    token = credentials.session_token
    if not token:
        return [signing.date, authorization]
    return [signing.date, ("X-Amz-Security-Token", token), authorization]


class _Signing(NamedTuple):
    """What the signatures of a head have in common within a second, whatever the body.

    Attributes:
        begun: The signature, which lacks the payload hash.
        layout: Tells where that is.
        date: The header X-Amz-Date.
        opening: The value of Authorization up to the signature.
    """

    begun: Begun
    layout: Layout
    date: tuple[str, str]
    opening: str


@lru_cache(maxsize=16)
def _begin_signing(
    head: tuple[str, str, str, tuple[tuple[str, str], ...]],
    credentials: Credentials,
    region: str,
    service: str,
    now: int,
) -> _Signing:
    """All of a signature that can be had without the body.

    Args:
        head: Method, target, origin and headers.
        credentials: The keys to sign with.
        region: Such as `us-east-1`.
        service: The signing name.
        now: Seconds since the epoch.
    """
    method, target, origin, headers = head
    token = credentials.session_token
    amz_date, date = moment(now)
    layout = layout_of(tuple([name for name, _ in headers]), _DATE_AND_TOKEN if token else _DATE)
    path, _, query = target.partition("?")
    scope = f"{date}/{region}/{service}/{TERMINATOR}"
    begun = begin(
        method,
        path,
        query=query,
        headers=layout.canonical(headers, host_of(origin), amz_date, token or ""),
        signed=layout.signed,
        amz_date=amz_date,
        scope=scope,
        key=signing_key(credentials.secret_key, date, region, service),
    )
    opening = (
        f"{ALGORITHM} Credential={credentials.access_key}/{scope}, "
        f"SignedHeaders={layout.signed}, Signature="
    )
    return _Signing(begun, layout, ("X-Amz-Date", amz_date), opening)


def presign(
    request: Request,
    credentials: Credentials,
    *,
    region: str,
    service: str,
    now: float,
    expires: int,
) -> str:
    """The target to send in place of the request's own: its path and query, and the signature.

    Signs `host`, the request's headers outside `UNSIGNED` and the body: whoever sends it has to
    send the same ones.

    Args:
        request: What will be sent.
        credentials: The keys to sign with.
        region: Such as `us-east-1`.
        service: The signing name.
        now: Seconds since the epoch.
        expires: For how many seconds the signature is good, 1 to 604,800.

    Raises:
        RequestError: `expires` is out of range, or the request already has a header of `sign`.
    """
    if not 1 <= expires <= LONGEST_EXPIRES:
        raise RequestError(
            f"expires is {expires} seconds.", mend=f"Choose 1 to {LONGEST_EXPIRES} (seven days)."
        )
    amz_date, date = moment(int(now))
    layout = layout_of(tuple([name for name, _ in request.headers]), ())
    scope = f"{date}/{region}/{service}/{TERMINATOR}"
    parameters = [
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{credentials.access_key}/{scope}"),
        ("X-Amz-Date", amz_date),
        ("X-Amz-Expires", str(expires)),
        ("X-Amz-SignedHeaders", layout.signed),
    ]
    if credentials.session_token:
        parameters.append(("X-Amz-Security-Token", credentials.session_token))
    path, _, query = request.target.partition("?")
    proof = "&".join([f"{name}={quote(value, safe='')}" for name, value in parameters])
    query = f"{query}&{proof}" if query else proof
    begun = begin(
        request.method,
        path,
        query=query,
        headers=layout.canonical(request.headers, request.host, amz_date, ""),
        signed=layout.signed,
        amz_date=amz_date,
        scope=scope,
        key=signing_key(credentials.secret_key, date, region, service),
    )
    signature = begun.signature(layout.payload_hash(request))
    return f"{path}?{query}&X-Amz-Signature={signature}"


# Judging. ────────────────────────────────────────────────────────────────────────────────────────


def verify(
    claim: Claim,
    credentials: Credentials,
    *,
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]] | Gathered,
    body: bytes | bytearray | memoryview,
    now: float,
    skew: float = 300.0,
    services: Sequence[str] = ("bedrock",),
    regions: Collection[str] | None = None,
) -> None:
    """Nothing, if the request is what the owner of the credentials signed, and in time.

    Args:
        claim: What `read_claim` found in the same request.
        credentials: Those of `claim.access_key`.
        method: Such as `POST`.
        target: Path and query as on the wire, never decoded.
        headers: Name and value pairs, values decoded as UTF-8, or what `gather` made of them. Under
            HTTP/2 `:authority` and `host` stand for each other.
        body: The whole body.
        now: Seconds since the epoch.
        skew: How many seconds the signer's clock may be off, either way.
        services: Signing names that are served; the first is named in the refusal.
        regions: Regions that are served; None for every one.

    Raises:
        InvalidSignatureException: The signature doesn't match the request, the scope or the time.
        UnrecognizedClientException: The access key or the session token isn't that of the
            credentials.
        RequestExpired: A presigned request after its time.
        IncompleteSignatureException: The time of signing doesn't exist.
    """
    _check_scope(claim, services, regions)
    _check_time(claim, now, skew)
    found = gather(headers)
    _check_signed_headers(claim, found)
    payload = hashlib.sha256(body).hexdigest()
    if found.get("x-amz-content-sha256", payload) != payload:
        # Amazon S3's text; also said of UNSIGNED-PAYLOAD, which only S3 takes.
        raise InvalidSignatureException(
            "The provided 'x-amz-content-sha256' header does not match what was computed."
        )
    if not (
        _same(claim.access_key, credentials.access_key)
        and _same(claim.session_token or "", credentials.session_token or "")
    ):
        raise UnrecognizedClientException("The security token included in the request is invalid.")

    lines: list[str] = []
    for name in sorted(set(claim.signed_headers)):
        value = found.get(name)
        if value is None and name in _HOST_NAMES:
            value = found.get("host") or found.get(":authority")
        if value is None:
            raise InvalidSignatureException(_MISMATCH)
        lines.append(f"{name}:{value}\n")
    path, _, query = target.partition("?")
    if claim.expires is not None:
        kept = [pair for pair in query.split("&") if not pair.startswith("X-Amz-Signature=")]
        query = "&".join(kept)
    begun = begin(
        method,
        path,
        query=query,
        headers="".join(lines),
        signed=";".join(claim.signed_headers),
        amz_date=claim.amz_date,
        scope=f"{claim.date}/{claim.region}/{claim.service}/{TERMINATOR}",
        key=signing_key(credentials.secret_key, claim.date, claim.region, claim.service),
    )
    if not _same(begun.signature(payload), claim.signature):
        raise InvalidSignatureException(_MISMATCH)


def _check_scope(claim: Claim, services: Sequence[str], regions: Collection[str] | None) -> None:
    if regions is not None and claim.region not in regions:
        raise InvalidSignatureException("Credential should be scoped to a valid region.")
    if claim.service not in services:
        raise InvalidSignatureException(
            f"Credential should be scoped to correct service: '{services[0]}'."
        )


def _check_time(claim: Claim, now: float, skew: float) -> None:
    signed_at = epoch(claim.amz_date)
    if claim.date != claim.amz_date[:8]:
        shown = claim.date if re.fullmatch("[0-9]{8}", claim.date) else "…"
        raise InvalidSignatureException(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{shown}' != '{claim.amz_date[:8]}', from '{claim.amz_date}'."
        )
    if signed_at > now + skew:
        raise InvalidSignatureException(
            f"Signature not yet current: {claim.amz_date} is still later than "
            f"{moment(int(now + skew))[0]} ({moment(int(now))[0]} + {skew / 60:g} min.)"
        )
    if claim.expires is not None:
        if now > signed_at + claim.expires:
            raise RequestExpired("Request has expired.")
    elif signed_at < now - skew:
        raise InvalidSignatureException(
            f"Signature expired: {claim.amz_date} is now earlier than "
            f"{moment(int(now - skew))[0]} ({moment(int(now))[0]} - {skew / 60:g} min.)"
        )


def _check_signed_headers(claim: Claim, found: dict[str, str]) -> None:
    signed = claim.signed_headers
    if not _HOST_NAMES.intersection(signed):
        raise InvalidSignatureException(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )
    unsigned = [
        name
        for name in found
        if (name in _MUST_BE_SIGNED or name.startswith(_MUST_BE_SIGNED_PREFIX))
        and name not in signed
    ]
    if unsigned:
        # That request metadata must be signed: Amazon Bedrock User Guide. The text is Amazon S3's.
        raise InvalidSignatureException(
            "There were headers present in the request which were not signed: "
            + ", ".join(sorted(unsigned))
        )


def _same(one: str, other: str) -> bool:
    """Whether they are equal, in a time that doesn't tell where they differ."""
    return hmac.compare_digest(
        one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
    )
