"""AWS Signature Version 4: `sign` and `presign`; `sigv4_verify` judges what they make.

Rules: what is signed is what goes on the wire, as `canonical` puts it; the time is an argument;
neither a secret, a session token, a signature nor an Authorization header ever stands in an error.

Specification: "Create a signed AWS API request", AWS Identity and Access Management User Guide,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. Judge:
botocore's `auth.SigV4Auth`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from outcrop.errors import RequestError
from outcrop.wire import uri
from outcrop.wire.canonical import (
    ALGORITHM,
    LONGEST_EXPIRES,
    TERMINATOR,
    begin,
    layout_of,
    moment,
    signing_key,
)
from outcrop.wire.http import host_of

if TYPE_CHECKING:
    from outcrop.wire.canonical import Begun, Layout
    from outcrop.wire.credentials import Credentials
    from outcrop.wire.http import Headers, Request

__all__ = ["presign", "sign"]

_DATE = ("x-amz-date",)
_DATE_AND_TOKEN = ("x-amz-date", "x-amz-security-token")


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


class _Signing(Struct, frozen=True):
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
    proof = "&".join([f"{name}={uri.encode(value)}" for name, value in parameters])
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
