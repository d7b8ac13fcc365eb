"""Signatures: botocore's signer is the judge of ours, our `verify` of both."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import assume, given, strategies as st
from msgspec.structs import replace

from outcrop.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    RequestError,
    RequestExpired,
    UnrecognizedClientException,
)
from outcrop.wire.canonical import UNSIGNED, canonical_path, gather
from outcrop.wire.credentials import Credentials
from outcrop.wire.http import Request
from outcrop.wire.sigv4 import presign, sign
from outcrop.wire.sigv4_verify import read_claim, verify

if TYPE_CHECKING:
    from botocore.compat import HTTPHeaders

# AWS's documented example keys.
KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SESSION = Credentials("ASIAIOSFODNN7EXAMPLE", KEYS.secret_key, "IQoJb3JpZ2luX2VjEXAMPLE+/=")
NOW = 1795348800.0  # 2026-11-22T12:00:00Z
AMZ_DATE = "20261122T120000Z"
REGION, SERVICE = "us-east-1", "bedrock"
ORIGIN = "https://bedrock-runtime.us-east-1.amazonaws.com"
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fabc123def456"
EMPTY = hashlib.sha256(b"").hexdigest()
MISMATCH = "The request signature we calculated does not match the signature you provided."


def message(**changes: Any) -> Request:
    return replace(
        Request(
            "POST",
            ORIGIN,
            f"/model/{MODEL}/invoke?trace=on&b",
            [
                ("Content-Type", "application/json"),
                ("X-Amzn-Bedrock-Request-Metadata", '{"team": "a"}'),
                ("User-Agent", "test"),
            ],
            b'{"max_tokens": 16}',
        ),
        **changes,
    )


class Arrived:
    """A request as the server sees it, to be tampered with."""

    def __init__(self, request: Request, added: list[tuple[str, str]]) -> None:
        self.method, self.target, self.body = request.method, request.target, request.body
        host = [] if any(n.lower() == "host" for n, _ in request.headers) else [request.host]
        self.headers = [*[("Host", h) for h in host], *request.headers, *added]

    def header(self, name: str, value: str | None) -> Arrived:
        """With another value of that header, or without it."""
        self.headers = [(n, v) for n, v in self.headers if n.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))
        return self

    def edit(self, name: str, old: str, new: str) -> Arrived:
        (value,) = [v for n, v in self.headers if n.lower() == name.lower()]
        assert old in value
        return self.header(name, value.replace(old, new))

    def verify(self, credentials: Credentials = KEYS, now: float = NOW, **options: Any) -> None:
        claim = read_claim(self.method, self.target, self.headers)
        verify(
            claim,
            credentials,
            method=self.method,
            target=self.target,
            headers=self.headers,
            body=self.body,
            now=now,
            **options,
        )


def signed(
    request: Request | None = None, credentials: Credentials = KEYS, now: float = NOW
) -> Arrived:
    request = message() if request is None else request
    return Arrived(request, sign(request, credentials, region=REGION, service=SERVICE, now=now))


def presigned(request: Request | None = None, credentials: Credentials = KEYS) -> Arrived:
    request = message() if request is None else request
    arrived = Arrived(request, [])
    arrived.target = presign(
        request, credentials, region=REGION, service=SERVICE, now=NOW, expires=900
    )
    return arrived


def botocore_signed(
    request: Request,
    credentials: Credentials,
    signer: type[botocore.auth.SigV4Auth] = botocore.auth.SigV4Auth,
    **options: Any,
) -> AWSRequest:
    """What botocore's `add_auth` does, at our time instead of the clock's."""
    aws = AWSRequest(request.method, request.url, data=request.body)
    for name, value in request.headers:
        aws.headers[name] = value
    keys = BotoCredentials(
        credentials.access_key, credentials.secret_key, credentials.session_token
    )
    auth = signer(keys, SERVICE, REGION, **options)
    aws.context["timestamp"] = AMZ_DATE
    auth._modify_request_before_signing(aws)
    to_sign = auth.string_to_sign(aws, auth.canonical_request(aws))
    auth._inject_signature_to_request(aws, auth.signature(to_sign, aws))
    return aws


# The family. ─────────────────────────────────────────────────────────────────────────────────────

visible = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])
segments = st.one_of(
    st.sampled_from([MODEL, MODEL.replace(":", "%3A"), ARN, ARN.replace(":", "%3A"), "é", "a b"]),
    st.text("abcXYZ019-_.~:;@!$&'()*+,=%é漢", min_size=1, max_size=12),
)
paths = st.lists(segments, max_size=4).map(lambda parts: "/" + "/".join(parts))
queries = st.lists(
    st.builds(
        lambda name, equals, value: name + (equals + value if equals else ""),
        st.text("abAB09-_.~%2F:", max_size=4),
        st.sampled_from(["", "="]),
        st.text("abAB09-_.~%2F:/=+é", max_size=6),
    ),
    max_size=4,
).map("&".join)
names = st.one_of(
    st.sampled_from(
        [
            "Content-Type",
            "Accept",
            "accept-encoding",
            "anthropic-beta",
            "User-Agent",
            "Expect",
            "X-Amzn-Trace-Id",
            "X-Amzn-Bedrock-Trace",
            "x-stainless-lang",
            "amz-sdk-request",
        ]
    ),
    st.text("abcXYZ0-%_", min_size=1, max_size=6),
).filter(lambda name: name.lower() != "date")
header_values = st.lists(
    st.one_of(st.text(visible, max_size=8), st.sampled_from([" ", "  ", "\t", " , "])), max_size=4
).map("".join)
requests = st.builds(
    Request,
    st.sampled_from(["POST", "GET", "DELETE"]),
    st.sampled_from(
        [ORIGIN, "http://127.0.0.1:8080", "https://h.example:443", "http://h.example:80"]
    ),
    st.builds(lambda path, query: path + ("?" + query if query else ""), paths, queries),
    st.lists(st.tuples(names, header_values), max_size=5),
    st.binary(max_size=40),
)
credentials_ = st.builds(
    Credentials,
    st.from_regex(r"A[KS]IA[A-Z0-9]{16}", fullmatch=True),
    st.text(visible, min_size=1, max_size=40),
    st.none() | st.from_regex(r"[A-Za-z0-9+/]{1,40}={0,2}", fullmatch=True),
)


@given(requests, credentials_)
def test_our_signature_is_botocores(request, credentials):
    ours = dict(sign(request, credentials, region=REGION, service=SERVICE, now=NOW))
    theirs = botocore_signed(request, credentials)
    assert ours["Authorization"] == theirs.headers["Authorization"]
    assert ours["X-Amz-Date"] == theirs.headers["X-Amz-Date"]
    assert ours.get("X-Amz-Security-Token") == theirs.headers["X-Amz-Security-Token"]


@given(requests, credentials_)
def test_verify_accepts_what_sign_and_botocore_sign(request, credentials):
    ours = signed(request, credentials)
    ours.verify(credentials)
    theirs = Arrived(request, [])
    theirs.headers = [
        ("Host", request.host),
        *botocore_signed(request, credentials).headers.items(),
    ]
    theirs.verify(credentials)
    presigned(request, credentials).verify(credentials)


@given(requests, requests, credentials_, st.sampled_from(["method", "origin", "target", "body"]))
def test_a_signature_is_good_for_no_other_request(request, donor, credentials, part):
    other = replace(request, **{part: getattr(donor, part)})
    judge = botocore.auth.SigV4Auth(None, SERVICE, REGION)

    def said(one: Request) -> tuple[object, ...]:
        aws = AWSRequest(one.method, one.url)
        path = judge._normalize_url_path(urlsplit(one.url).path)
        return one.method, path, judge.canonical_query_string(aws), one.host, one.body

    assume(said(request) != said(other))
    arrived = Arrived(other, sign(request, credentials, region=REGION, service=SERVICE, now=NOW))
    with pytest.raises(InvalidSignatureException, match=MISMATCH):
        arrived.verify(credentials)


def test_the_headers_that_are_not_signed_are_botocores():
    assert frozenset(botocore.auth.SIGNED_HEADERS_BLACKLIST) == UNSIGNED


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("", "/"),
        (f"/model/{MODEL}/invoke", f"/model/{MODEL.replace(':', '%3A')}/invoke"),
        ("/model/v1%3A0/invoke", "/model/v1%253A0/invoke"),
        ("/model/profile%2Fabc/invoke", "/model/profile%252Fabc/invoke"),
        ("/a//b/../c/./", "/a/c/"),
        ("/é~", "/%C3%A9~"),
        ("/" + "x:" * 2000, "/" + "x%3A" * 2000),
    ],
)
def test_the_path_is_encoded_once_more(path, canonical):
    assert canonical_path(path) == canonical
    assert botocore.auth.SigV4Auth(None, SERVICE, REGION)._normalize_url_path(path) == canonical


def test_the_host_is_signed_as_the_client_will_send_it():
    arrived = signed(message(origin="https://H.Example:443"))
    assert ("Host", "H.Example") in arrived.headers
    arrived.header("Host", "h.example").verify()


def test_a_body_hash_that_the_request_states_is_signed():
    digest = hashlib.sha256(message().body).hexdigest()
    request = message(headers=[("x-amz-content-sha256", digest)])
    arrived = signed(request)
    assert "x-amz-content-sha256" in dict(arrived.headers)["Authorization"]
    assert (
        dict(arrived.headers)["Authorization"]
        == (botocore_signed(request, KEYS).headers["Authorization"])
    )
    arrived.verify()


@pytest.mark.parametrize("name", ["Authorization", "X-AMZ-DATE", "x-amz-security-token"])
def test_a_request_is_not_signed_twice(name):
    with pytest.raises(RequestError, match=name):
        signed(message(headers=[(name, "x")]))


def test_gathered_headers_show_no_value_and_are_not_gathered_again():
    found = gather([("Authorization", "a  secret "), ("X-A", "1"), ("x-a", "2")])
    assert found == {"authorization": "a secret", "x-a": "1,2"}
    assert gather(found) is found
    assert "secret" not in repr(found)


def test_neither_token_nor_signature_show_in_a_claim():
    arrived = signed(credentials=SESSION)
    claim = read_claim(arrived.method, arrived.target, arrived.headers)
    assert claim.session_token == SESSION.session_token
    assert str(claim.session_token) not in repr(claim)
    assert claim.signature not in repr(claim)


# Tampering. ──────────────────────────────────────────────────────────────────────────────────────

TAMPERED = {
    "method": lambda a: setattr(a, "method", "PUT"),
    "path": lambda a: setattr(a, "target", a.target.replace("sonnet", "opus")),
    "path encoding": lambda a: setattr(a, "target", a.target.replace(":", "%3A")),
    "query value": lambda a: setattr(a, "target", a.target.replace("=on", "=off")),
    "query added": lambda a: setattr(a, "target", a.target + "&c=1"),
    "header": lambda a: a.edit("X-Amzn-Bedrock-Request-Metadata", "a", "b"),
    "header repeated": lambda a: a.headers.append(("content-type", "text/plain")),
    "header gone": lambda a: a.header("Content-Type", None),
    "host": lambda a: a.header("Host", "elsewhere.example"),
    "host gone": lambda a: a.header("Host", None),
    "body": lambda a: setattr(a, "body", a.body.replace(b"16", b"17")),
    "body gone": lambda a: setattr(a, "body", b""),
}
IN_HEADER = {
    "signature": lambda a: a.edit("Authorization", "Signature=", "Signature=0"),
    "signature not ASCII": lambda a: a.edit("Authorization", "Signature=", "Signature=é"),
    "region": lambda a: a.edit("Authorization", "us-east-1", "us-west-2"),
    "signed headers": lambda a: a.edit("Authorization", "content-type;", ""),
    "time": lambda a: a.edit("X-Amz-Date", "120000", "120001"),
}


@pytest.mark.parametrize("tamper", (TAMPERED | IN_HEADER).values(), ids=TAMPERED | IN_HEADER)
@pytest.mark.parametrize("keys", [KEYS, SESSION], ids=["keys", "session"])
def test_a_tampered_request_is_refused(tamper, keys):
    arrived = signed(credentials=keys)
    arrived.verify(keys)
    tamper(arrived)
    with pytest.raises(InvalidSignatureException) as caught:
        arrived.verify(keys)
    assert caught.value.message.startswith(MISMATCH)


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_a_tampered_presigned_request_is_refused(tamper):
    arrived = presigned()
    arrived.verify()
    tamper(arrived)
    with pytest.raises(InvalidSignatureException, match=MISMATCH):
        arrived.verify()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("%2Fus-east-1%2F", "%2Fus-west-2%2F"),
        ("X-Amz-Expires=900", "X-Amz-Expires=901"),
        ("T120000Z", "T120001Z"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
        ("SignedHeaders=content-type%3Bhost", "SignedHeaders=host"),
    ],
)
def test_tampered_presigned_parameters_are_refused(old, new):
    arrived = presigned()
    assert old in arrived.target
    arrived.target = arrived.target.replace(old, new)
    with pytest.raises(InvalidSignatureException, match=MISMATCH):
        arrived.verify()


def test_the_wrong_secret_is_refused():
    with pytest.raises(InvalidSignatureException, match=MISMATCH):
        signed().verify(replace(KEYS, secret_key="another"))


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        (SESSION, replace(SESSION, session_token="another")),
        (SESSION, replace(SESSION, session_token=None)),
        (replace(SESSION, session_token=None), SESSION),
        (KEYS, replace(KEYS, access_key="AKIAI44QH8DHBEXAMPLE")),
    ],
    ids=["wrong token", "unexpected token", "missing token", "access key"],
)
@pytest.mark.parametrize("form", [signed, presigned])
def test_a_wrong_token_or_access_key_is_refused(form, sent, known):
    arrived = form(credentials=sent)
    with pytest.raises(UnrecognizedClientException) as caught:
        arrived.verify(known)
    assert caught.value.message == "The security token included in the request is invalid."


# Scope and time. ─────────────────────────────────────────────────────────────────────────────────


def refusal(arrived: Arrived, **options: Any) -> str:
    with pytest.raises(InvalidSignatureException) as caught:
        arrived.verify(**options)
    return caught.value.message


def test_the_region_must_be_served():
    signed().verify(regions={"us-east-1"})
    assert refusal(signed(), regions={"us-west-2"}) == (
        "Credential should be scoped to a valid region."
    )


def test_the_service_must_be_served():
    signed().verify(services=("sts", "bedrock"))
    assert refusal(signed(), services=("sts",)) == (
        "Credential should be scoped to correct service: 'sts'."
    )
    assert refusal(signed().edit("Authorization", "/bedrock/", "/s3/")) == (
        "Credential should be scoped to correct service: 'bedrock'."
    )


def test_the_terminator_must_be_aws4_request():
    assert refusal(signed().edit("Authorization", "aws4_request", "aws5_request")) == (
        "Credential should be scoped with a valid terminator: 'aws4_request'."
    )


def test_the_day_in_the_scope_must_be_that_of_the_time():
    assert refusal(signed().edit("Authorization", "/20261122/", "/20261121/")) == (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        "'20261121' != '20261122', from '20261122T120000Z'."
    )


@pytest.mark.parametrize("form", [signed, presigned])
def test_a_signature_from_the_future_is_refused(form):
    form().verify(now=NOW - 300)
    assert refusal(form(), now=NOW - 301) == (
        "Signature not yet current: 20261122T120000Z is still later than "
        "20261122T115959Z (20261122T115459Z + 5 min.)"
    )


def test_an_old_signature_is_refused():
    signed().verify(now=NOW + 300)
    assert refusal(signed(), now=NOW + 3600) == (
        "Signature expired: 20261122T120000Z is now earlier than "
        "20261122T125500Z (20261122T130000Z - 5 min.)"
    )
    signed().verify(now=NOW + 900, skew=900)


def test_a_presigned_request_is_good_until_it_expires():
    presigned().verify(now=NOW + 900)
    with pytest.raises(RequestExpired, match=r"Request has expired\."):
        presigned().verify(now=NOW + 901)


@pytest.mark.parametrize("expires", [0, -1, 604_801])
def test_nothing_is_presigned_for_longer_than_a_week(expires):
    with pytest.raises(RequestError, match=f"{expires} seconds"):
        presign(message(), KEYS, region=REGION, service=SERVICE, now=NOW, expires=expires)


# What must be signed. ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name",
    [
        "X-Amzn-Bedrock-Request-Metadata",
        "X-Amzn-Bedrock-GuardrailIdentifier",
        "x-amz-security-token",
        "x-amz-content-sha256",
    ],
)
@pytest.mark.parametrize("form", [signed, presigned])
def test_awss_own_headers_must_be_signed(form, name):
    arrived = form(message(headers=[]))
    arrived.headers.append((name, EMPTY))
    assert refusal(arrived) == (
        f"There were headers present in the request which were not signed: {name.lower()}"
    )


def test_the_time_must_be_signed():
    arrived = signed().edit("Authorization", ";x-amz-date", "")
    assert "not signed: x-amz-date" in refusal(arrived)


@pytest.mark.parametrize(
    "name",
    [
        "amz-sdk-invocation-id",
        "amz-sdk-request",
        "x-amz-user-agent",
        "x-amzn-trace-id",
        "user-agent",
    ],
)
def test_headers_that_sdks_send_unsigned_may_be_added(name):
    arrived = signed()
    arrived.headers.append((name, "x"))
    arrived.verify()


def test_the_host_must_be_signed():
    assert refusal(signed().edit("Authorization", "host;", "")) == (
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    )


class OverHTTP2(botocore.auth.SigV4Auth):
    """Signs `:authority` in place of `host`, as the AWS SDK for JavaScript v3 does."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = super().headers_to_sign(request)
        headers[":authority"] = headers["host"]
        del headers["host"]
        return headers


@pytest.mark.parametrize("seen_as", ["host", ":authority"])
@pytest.mark.parametrize("signer", [OverHTTP2, botocore.auth.SigV4Auth])
def test_authority_and_host_stand_for_each_other(seen_as, signer):
    request = message(origin="http://127.0.0.1:8080")
    arrived = Arrived(request, [])
    arrived.headers = [
        (seen_as, "127.0.0.1:8080"),
        *botocore_signed(request, KEYS, signer).headers.items(),
    ]
    arrived.verify()
    with pytest.raises(InvalidSignatureException, match=MISMATCH):
        arrived.header(seen_as, "127.0.0.1:8081").verify()


@pytest.mark.parametrize(
    "digest", [EMPTY, "UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"]
)
def test_a_stated_body_hash_must_be_that_of_the_body(digest):
    arrived = signed(message(headers=[("x-amz-content-sha256", digest)]))
    assert refusal(arrived) == (
        "The provided 'x-amz-content-sha256' header does not match what was computed."
    )


def test_botocores_unsigned_payload_is_refused():
    aws = AWSRequest("POST", ORIGIN + "/", data=b"x")
    aws.context.update(timestamp=AMZ_DATE, payload_signing_enabled=False)
    auth = botocore.auth.SigV4Auth(
        BotoCredentials(KEYS.access_key, KEYS.secret_key), SERVICE, REGION
    )
    auth._modify_request_before_signing(aws)
    to_sign = auth.string_to_sign(aws, auth.canonical_request(aws))
    auth._inject_signature_to_request(aws, auth.signature(to_sign, aws))
    arrived = Arrived(message(target="/", headers=[], body=b"x"), list(aws.headers.items()))
    assert "x-amz-content-sha256" in refusal(arrived)


def test_a_date_header_does_where_there_is_no_amz_date():
    request = message(headers=[("Date", "Sun, 22 Nov 2026 12:00:00 GMT")])
    arrived = Arrived(request, [])
    headers = botocore_signed(request, KEYS).headers
    assert "X-Amz-Date" not in headers
    arrived.headers = [("Host", request.host), *headers.items()]
    arrived.verify()
    with pytest.raises(InvalidSignatureException, match=MISMATCH):
        arrived.edit("Date", "12:00:00", "12:00:01").verify()


def test_presigned_requests_of_botocore_are_accepted():
    request = message(method="GET", body=b"", headers=[])
    for keys in (KEYS, SESSION):
        aws = botocore_signed(request, keys, botocore.auth.SigV4QueryAuth, expires=900)
        arrived = Arrived(request, [])
        arrived.target = aws.url.removeprefix(ORIGIN)
        arrived.verify(keys)


@pytest.mark.parametrize("keys", [KEYS, SESSION], ids=["keys", "session"])
def test_our_presigned_request_is_botocores(keys):
    request = message(method="GET", target="/foundation-models?byProvider=a", body=b"", headers=[])
    theirs = botocore_signed(request, keys, botocore.auth.SigV4QueryAuth, expires=900).url
    assert ORIGIN + presigned(request, keys).target == theirs


# Claims that can't be read. ──────────────────────────────────────────────────────────────────────


def unreadable(authorization: str | None = None, date: str | None = AMZ_DATE) -> str:
    headers = [("authorization", authorization)] if authorization else []
    headers += [("x-amz-date", date)] if date else []
    with pytest.raises(IncompleteSignatureException) as caught:
        read_claim("POST", "/", headers)
    return caught.value.message


def test_an_unsigned_request_has_no_claim():
    with pytest.raises(MissingAuthenticationTokenException) as caught:
        read_claim("POST", "/model/x/invoke?a=X-Amz-Signature=1", [("host", "h")])
    assert caught.value.message == "Missing Authentication Token"


def test_missing_parameters_are_all_named():
    assert unreadable("AWS4-HMAC-SHA256 SignedHeaders=", None) == (
        "Authorization header requires 'Credential' parameter. "
        "Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter. "
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        "Authorization=AWS4-HMAC-SHA256"
    )


def test_only_the_name_of_a_known_scheme_is_echoed():
    assert unreadable("Basic dXNlcjpzZWNyZXQ=").endswith("Authorization=Basic")
    assert "wJalrXUtnFEMI" not in unreadable(KEYS.secret_key)


def test_a_credential_has_five_elements_and_is_not_echoed():
    said = unreadable(
        f"AWS4-HMAC-SHA256 Credential={KEYS.secret_key}/20261122/us-east-1/bedrock/aws4_request, "
        "SignedHeaders=host, Signature=0"
    )
    assert said.startswith("Credential must have exactly 5 slash-delimited elements")
    assert "wJalr" not in said


@pytest.mark.parametrize(
    "parameters",
    [
        "Credential=a/20261122/r/bedrock/aws4_request, SignedHeaders=host, Signature=0, Signature=",
        "Credential=a/20261122/r/bedrock/aws4_request, SignedHeaders=host, Signature=0, Bearer x",
        "Credential=a/20261122/r/bedrock/aws4_request; SignedHeaders=host",
        "rubbish",
    ],
)
def test_an_authorization_header_holds_its_three_parameters_once_each(parameters):
    unreadable("AWS4-HMAC-SHA256 " + parameters)


def test_two_authorization_headers_are_refused():
    arrived = signed()
    arrived.headers.append(("Authorization", "Bearer x"))
    with pytest.raises(IncompleteSignatureException):
        arrived.verify()


def test_a_header_and_a_query_at_once_are_refused():
    arrived = presigned()
    arrived.headers.append(("Authorization", "AWS4-HMAC-SHA256 x"))
    assert refusal(arrived).startswith("Found both 'X-Amz-Algorithm' as a query-string param")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("X-Amz-Algorithm", "Y", "must include 'X-Amz-Algorithm'"),
        ("X-Amz-Credential", "Y", "must include 'X-Amz-Credential'"),
        ("X-Amz-SignedHeaders", "Y", "must include 'X-Amz-SignedHeaders'"),
        ("X-Amz-Signature", "Y", "must include 'X-Amz-Signature'"),
        ("X-Amz-Date", "Y", "must include 'X-Amz-Date'"),
        ("X-Amz-Expires", "Y", "must include 'X-Amz-Expires'"),
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "must be 'AWS4-HMAC-SHA256'"),
        ("Expires=900", "Expires=604801", "from 1 to 604800"),
        ("Expires=900", "Expires=0", "from 1 to 604800"),
        ("Expires=900", "Expires=-1", "from 1 to 604800"),
        ("Expires=900", "Expires=٣", "from 1 to 604800"),
        ("Expires=900", "Expires=900&X-Amz-Expires=1", "twice"),
        ("T120000Z", "T12:00:00Z", "ISO-8601"),
        ("T120000Z", "T250000Z", "ISO-8601"),
    ],
)
def test_a_presigned_request_has_each_parameter_once_and_right(old, new, said):
    arrived = presigned()
    arrived.target = arrived.target.replace(old, new)
    with pytest.raises(IncompleteSignatureException, match=said):
        arrived.verify()


@pytest.mark.parametrize(
    "date", ["rubbish", "Sun, 22 Nov 2026 12:00:00 +0100", "Sun, 22 Foo 2026 12:00:00 GMT"]
)
def test_a_date_that_is_none_is_refused(date):
    arrived = signed().header("X-Amz-Date", None).header("Date", date)
    with pytest.raises(IncompleteSignatureException, match="ISO-8601"):
        arrived.verify()


def test_the_key_schedule_is_that_of_the_specification():
    # The same from RFC 2104 and "Create a signed AWS API request", without our code or botocore's.
    def mac(key: bytes, text: str) -> bytes:
        return hmac.new(key, text.encode(), "sha256").digest()

    key = b"AWS4" + KEYS.secret_key.encode()
    for part in ("20261122", REGION, SERVICE, "aws4_request"):
        key = mac(key, part)
    canonical = f"GET\n/\n\nhost:h.example\nx-amz-date:{AMZ_DATE}\n\nhost;x-amz-date\n{EMPTY}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    scope = f"20261122/{REGION}/{SERVICE}/aws4_request"
    expected = mac(key, f"AWS4-HMAC-SHA256\n{AMZ_DATE}\n{scope}\n{digest}").hex()
    request = Request("GET", "https://h.example", "/")
    added = dict(sign(request, KEYS, region=REGION, service=SERVICE, now=NOW))
    assert added["Authorization"] == (
        f"AWS4-HMAC-SHA256 Credential={KEYS.access_key}/{scope}, "
        f"SignedHeaders=host;x-amz-date, Signature={expected}"
    )
