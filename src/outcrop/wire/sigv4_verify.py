"""The judge of AWS Signature Version 4: `read_claim` and `verify`.

Rules: as for `sigv4`, whose canonical form it shares; error texts from "Troubleshoot Signature
Version 4 signing", AWS Identity and Access Management User Guide, and as AWS's services are seen to
send them. Judge: botocore's `auth.SigV4Auth`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING

from outcrop.errors import (
    InvalidSignatureException,
    RequestExpired,
    UnrecognizedClientException,
)
from outcrop.wire.canonical import TERMINATOR, begin, gather, moment, signing_key
from outcrop.wire.claim import Claim, epoch, read_claim

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from outcrop.wire.canonical import Gathered
    from outcrop.wire.credentials import Credentials

__all__ = ["Claim", "read_claim", "verify"]

# AWS's SDKs send `amz-sdk-*`, `x-amz-user-agent` and `x-amzn-trace-id` unsigned; these, never:
_MUST_BE_SIGNED = frozenset({"x-amz-content-sha256", "x-amz-date", "x-amz-security-token"})
_MUST_BE_SIGNED_PREFIX = "x-amzn-bedrock-"
_HOST_NAMES = frozenset({"host", ":authority"})
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)


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
