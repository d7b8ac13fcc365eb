"""The claim that a signed request makes, as Signature Version 4 writes it in a header or a query.

Rules: reading believes nothing, judging is the business of `sigv4_verify`; a header or query that
holds a part twice, or a part that doesn't belong there, is refused; nothing is echoed that might be
a secret in the wrong place.

Specification: "Elements of an AWS API request signature", AWS Identity and Access Management User
Guide, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html; error
texts as AWS's services are seen to send them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from msgspec import Struct

from outcrop.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
)
from outcrop.wire.canonical import ALGORITHM, LONGEST_EXPIRES, TERMINATOR, gather

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outcrop.wire.canonical import Gathered

_SCHEMES = frozenset({ALGORITHM, "AWS", "AWS3-HTTPS", "Basic", "Bearer", "Digest", "Negotiate"})
_PARAMETERS = ("Credential", "Signature", "SignedHeaders")
_BASIC_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
# RFC 9110 section 5.6.7, such as `Sun, 22 Nov 2026 12:00:00 GMT`; botocore ends it with `-0000`.
_HTTP_DATE = re.compile(
    r"[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) "
    r"(?:GMT|[+-]0000)"
)
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_IN_QUERY = re.compile(r"(?:^|&)X-Amz-(?:Algorithm|Signature)=")
_QUERY_PARAMETERS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "X-Amz-Date",
    "X-Amz-Expires",
)
_BAD_DATE = "Date must be in ISO-8601 'basic format'. See http://en.wikipedia.org/wiki/ISO_8601"


class Claim(Struct, frozen=True):
    """Who a request says it is from, and by what proof; nothing of it is believed yet.

    Attributes:
        access_key: The access key ID, to look the secret up by.
        date: Day in the credential scope, `YYYYMMDD`.
        region: Region in the credential scope.
        service: Service in the credential scope.
        amz_date: Time of signing, `YYYYMMDDThhmmssZ`.
        signed_headers: Names of the signed headers, as listed.
        signature: 64 hexadecimal digits, if it's right.
        session_token: The session token sent along, or None.
        expires: Seconds for which a presigned request is good; None if signed by a header.
    """

    access_key: str
    date: str
    region: str
    service: str
    amz_date: str
    signed_headers: tuple[str, ...]
    signature: str
    session_token: str | None = None
    expires: int | None = None

    def __repr__(self) -> str:
        scope = f"{self.access_key}/{self.date}/{self.region}/{self.service}"
        return f"Claim({scope!r}, {self.amz_date!r}, signature=…, expires={self.expires!r})"


def read_claim(method: str, target: str, headers: Iterable[tuple[str, str]] | Gathered) -> Claim:  # noqa: ARG001 - reading and verifying are given the same request
    """The claim in a request's Authorization header, or else in its X-Amz-* query parameters.

    Args:
        method: Such as `POST`.
        target: Path and query as on the wire.
        headers: Name and value pairs, values decoded as UTF-8; or what `gather` made of them.

    Raises:
        MissingAuthenticationTokenException: The request isn't signed at all.
        IncompleteSignatureException: A part is missing or can't be read.
        InvalidSignatureException: It is signed twice, or with another terminator.
    """
    found = gather(headers)
    query = target.partition("?")[2]
    authorization = found.get("authorization")
    in_query = _IN_QUERY.search(query) is not None
    if authorization:
        if in_query:
            raise InvalidSignatureException(
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP "
                "header."
            )
        return _claim_of_header(authorization, found)
    if in_query:
        return _claim_of_query(query)
    raise MissingAuthenticationTokenException("Missing Authentication Token")


def _claim_of_header(authorization: str, found: dict[str, str]) -> Claim:
    scheme, _, rest = authorization.partition(" ")
    given: dict[str, str] = {}
    if scheme == ALGORITHM:
        for part in rest.split(","):
            name, _, value = part.strip().partition("=")
            if name in given or name not in _PARAMETERS:
                raise IncompleteSignatureException(
                    "The Authorization header must hold Credential, SignedHeaders and Signature, "
                    "once each, and nothing else."
                )
            given[name] = value
    lacks = [
        f"Authorization header requires '{name}' parameter."
        for name in _PARAMETERS
        if not given.get(name)
    ]
    amz_date = found.get("x-amz-date") or _basic_date(found.get("date"))
    if not amz_date:
        lacks.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    if lacks or not amz_date:
        # AWS echoes the first word of the header; a word that isn't a scheme may be a secret.
        echo = f" Authorization={scheme}" if scheme in _SCHEMES else ""
        raise IncompleteSignatureException(" ".join(lacks) + echo)
    return _claim(given, amz_date, found.get("x-amz-security-token"), None)


def _claim_of_query(query: str) -> Claim:
    given: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name.startswith("X-Amz-"):
            if name in given:
                raise IncompleteSignatureException(
                    "An X-Amz- parameter stands twice in the query string."
                )
            given[name] = unquote(value)
    lacks = [
        f"AWS query-string parameters must include '{name}'."
        for name in _QUERY_PARAMETERS
        if not given.get(name)
    ]
    if lacks:
        raise IncompleteSignatureException(
            " ".join([*lacks, "Re-examine the query-string parameters."])
        )
    if given["X-Amz-Algorithm"] != ALGORITHM:
        raise IncompleteSignatureException(f"X-Amz-Algorithm must be '{ALGORITHM}'.")
    expires = given["X-Amz-Expires"]
    if not re.fullmatch("[0-9]{1,6}", expires) or not 1 <= int(expires) <= LONGEST_EXPIRES:
        raise IncompleteSignatureException(
            f"X-Amz-Expires must be a number of seconds from 1 to {LONGEST_EXPIRES}."
        )
    parts = {name.removeprefix("X-Amz-"): value for name, value in given.items()}
    return _claim(parts, given["X-Amz-Date"], given.get("X-Amz-Security-Token"), int(expires))


def _claim(parts: dict[str, str], amz_date: str, token: str | None, expires: int | None) -> Claim:
    scope = parts["Credential"].split("/")
    if len(scope) != 5:
        # AWS goes on with ", got '…'". A secret key in the wrong place often has a slash: no echo.
        raise IncompleteSignatureException(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term."
        )
    access_key, date, region, service, terminator = scope
    if terminator != TERMINATOR:
        raise InvalidSignatureException(
            f"Credential should be scoped with a valid terminator: '{TERMINATOR}'."
        )
    return Claim(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        amz_date=amz_date,
        signed_headers=tuple(parts["SignedHeaders"].split(";")),
        signature=parts["Signature"],
        session_token=token or None,
        expires=expires,
    )


@lru_cache(maxsize=64)
def epoch(amz_date: str) -> float:
    """Seconds since the epoch, of a time such as `20261122T120000Z`.

    Raises:
        IncompleteSignatureException: There is no such time.
    """
    if match := _BASIC_DATE.fullmatch(amz_date):
        year, month, day, hour, minute, second = map(int, match.groups())
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
        except ValueError:
            pass  # such as the 30th of February
    raise IncompleteSignatureException(_BAD_DATE)


def _basic_date(date: str | None) -> str | None:
    """A Date header in the form of X-Amz-Date, which is how it is signed."""
    if date is None or _BASIC_DATE.fullmatch(date):
        return date
    match = _HTTP_DATE.fullmatch(date)
    if match is None:
        raise IncompleteSignatureException(_BAD_DATE)
    day, month, year, hour, minute, second = match.groups()
    # A month that doesn't exist becomes 00, which `epoch` refuses.
    return f"{year}{_MONTHS.find(month) // 3 + 1:02}{day}T{hour}{minute}{second}Z"
