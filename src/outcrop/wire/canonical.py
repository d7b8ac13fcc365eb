"""What Signature Version 4 signs: the canonical request, its parts, and the signature over it.

Rules: the path and the query are taken raw from the target and never decoded; signing and verifying
both come here, so that they can't differ; every cache is bounded, and the one
that a stranger's request can fill takes no long entries.

Bedrock's path is encoded once more for the signature ("double encoding", every service but
Amazon S3): `/model/…%3A0/invoke` is signed as `…%253A0…`, a raw `:` as `%3A`.

Specification: "Create a signed AWS API request", AWS Identity and Access Management User Guide,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from outcrop.errors import RequestError
from outcrop.wire import uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from outcrop.wire.http import Request

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TERMINATOR: Final = "aws4_request"
#: Seconds: seven days, the most that X-Amz-Expires may say (IAM User Guide, query parameters).
LONGEST_EXPIRES: Final = 604_800

#: Headers that a proxy may change, and that are therefore not signed: botocore's
#: `SIGNED_HEADERS_BLACKLIST`.
UNSIGNED: Final = frozenset(
    {
        "baggage",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)

_WRITTEN_BY_SIGN = frozenset({"authorization", "x-amz-date", "x-amz-security-token"})
_LONGEST_REMEMBERED_PATH = 1024


class Layout(Struct, frozen=True):
    """How the canonical headers are put together from a request whose headers have these names.

    `picked` takes from the values of the request's headers, then host, date and token, those that
    are signed, sorted by name; `template` has a place for each.
    """

    signed: str
    template: str
    picked: Callable[[list[str]], Any]
    joined: tuple[tuple[int, ...], ...]
    payload: int | None

    def canonical(
        self, headers: Iterable[tuple[str, str]], host: str, amz_date: str, token: str
    ) -> str:
        """The canonical headers, a line each; date and token count only if the layout has them."""
        values = [" ".join(value.split()) for _, value in headers]
        for first, *others in self.joined:
            values[first] = ",".join([values[first], *[values[i] for i in others]])
        values += (host.lower(), amz_date, token)
        return self.template % self.picked(values)

    def payload_hash(self, request: Request) -> str:
        """The request's own `x-amz-content-sha256`, or else the SHA-256 of its body."""
        if self.payload is None:
            return hashlib.sha256(request.body).hexdigest()
        return request.headers[self.payload][1]


@lru_cache(maxsize=256)
def layout_of(names: tuple[str, ...], added: tuple[str, ...]) -> Layout:
    """The layout for a request with these header names, to which the `added` ones will be added.

    Args:
        names: As the request has them, in order.
        added: `x-amz-date`, then `x-amz-security-token` if there's a token; none for a presigned
            request, which has them in its query.

    Raises:
        RequestError: The request already has a header that signing writes.
    """
    places: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        lower = name.lower()
        if lower in _WRITTEN_BY_SIGN:
            raise RequestError(
                f"The request already has the header {name!r}.",
                mend="Sign it without: signing writes that header.",
            )
        if lower not in UNSIGNED:
            places.setdefault(lower, []).append(index)
    places.setdefault("host", [len(names)])
    for offset, name in enumerate(added, 1):
        places[name] = [len(names) + offset]
    order = sorted(places)
    template = "".join([name.replace("%", "%%") + ":%s\n" for name in order])
    return Layout(
        signed=";".join(order),
        template=template,
        picked=itemgetter(*[places[name][0] for name in order]),
        joined=tuple([tuple(indices) for indices in places.values() if len(indices) > 1]),
        payload=places.get("x-amz-content-sha256", [None])[0],
    )


class Begun(Struct, frozen=True):
    """A signature as far as it doesn't depend on the body.

    Attributes:
        canonical: SHA-256 state that has taken in the canonical request up to the payload hash.
        inner: HMAC's inner state that has taken in the string to sign up to its last line.
        outer: HMAC's outer state.
    """

    canonical: Any
    inner: Any
    outer: Any

    def signature(self, payload: str) -> str:
        """The signature, 64 hexadecimal digits.

        Args:
            payload: SHA-256 of the body in hexadecimal, or what stands for it.
        """
        canonical, inner, outer = self.canonical.copy(), self.inner.copy(), self.outer.copy()
        canonical.update(payload.encode("utf-8", "surrogatepass"))
        inner.update(canonical.hexdigest().encode())
        outer.update(inner.digest())
        return outer.hexdigest()


def begin(
    method: str,
    path: str,
    *,
    query: str,
    headers: str,
    signed: str,
    amz_date: str,
    scope: str,
    key: tuple[Any, Any],
) -> Begun:
    """A signature that lacks the payload hash.

    Args:
        method: Such as `POST`.
        path: As on the wire.
        query: As on the wire, without the question mark.
        headers: The canonical headers, each line with its end.
        signed: Their names, joined by semicolons.
        amz_date: `YYYYMMDDThhmmssZ`.
        scope: `YYYYMMDD/region/service/aws4_request`.
        key: From `signing_key`.
    """
    encode = _remembered_path if len(path) <= _LONGEST_REMEMBERED_PATH else canonical_path
    canonical = (
        f"{method.upper()}\n{encode(path)}\n{canonical_query(query) if query else ''}\n"
        f"{headers}\n{signed}\n"
    )
    # HMAC with its two halves begun in advance: FIPS 198-1, section 6.
    inner = key[0].copy()
    inner.update(f"{ALGORITHM}\n{amz_date}\n{scope}\n".encode("utf-8", "surrogatepass"))
    return Begun(hashlib.sha256(canonical.encode("utf-8", "surrogatepass")), inner, key[1])


def canonical_path(path: str) -> str:
    """The path without dot segments and doubled slashes (RFC 3986, 5.2.4), encoded once more."""
    if "//" in path or "/." in path:
        kept: list[str] = []
        for segment in path.split("/"):
            if segment == "..":
                del kept[-1:]
            elif segment and segment != ".":
                kept.append(segment)
        path = "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")
    return uri.encode(path, safe="/") or "/"


_remembered_path = lru_cache(maxsize=256)(canonical_path)


def canonical_query(query: str) -> str:
    """The pairs sorted by name, then value, as they stand on the wire; a bare name gets its `=`."""
    pairs = [pair.partition("=") for pair in query.split("&")]
    return "&".join([f"{name}={value}" for name, value in sorted([(p[0], p[2]) for p in pairs])])


@lru_cache(maxsize=64)
def signing_key(secret: str, date: str, region: str, service: str) -> tuple[Any, Any]:
    """The day's key as SHA-256 states that have taken in its inner and outer pads."""
    key = f"AWS4{secret}".encode("utf-8", "surrogatepass")
    for step in (date, region, service, TERMINATOR):
        key = hmac.digest(key, step.encode("utf-8", "surrogatepass"), "sha256")
    block = key.ljust(64, b"\0")
    return (
        hashlib.sha256(bytes([byte ^ 0x36 for byte in block])),
        hashlib.sha256(bytes([byte ^ 0x5C for byte in block])),
    )


@lru_cache(maxsize=16)
def moment(now: int) -> tuple[str, str]:
    """`YYYYMMDDThhmmssZ` and `YYYYMMDD`."""
    basic = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    return basic, basic[:8]


class Gathered(dict[str, str]):
    """Headers by name, as they are signed; from `gather`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Gathered({list(self)})"  # a value may be a secret


def gather(headers: Iterable[tuple[str, str]] | Gathered) -> Gathered:
    """Names in lower case; values trimmed, runs of spaces folded, repeated headers joined.

    What is gathered already stays as it is.
    """
    if isinstance(headers, Gathered):
        return headers
    found = Gathered()
    for name, value in headers:
        lower, folded = name.lower(), " ".join(value.split())
        found[lower] = f"{found[lower]},{folded}" if lower in found else folded
    return found
