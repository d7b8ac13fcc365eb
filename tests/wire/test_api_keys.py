"""API keys: botocore, called as aws-bedrock-token-generator calls it, is the judge."""

from __future__ import annotations

from base64 import b64decode, b64encode

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given, strategies as st
from msgspec.structs import replace

from outcrop.errors import AuthorizationDenied, ConfigurationError
from outcrop.wire import api_keys
from outcrop.wire.credentials import Credentials

KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SESSION = Credentials("ASIAIOSFODNN7EXAMPLE", KEYS.secret_key, "IQoJb3JpZ2luX2VjEXAMPLE+/=")
BOTH = pytest.mark.parametrize("keys", [KEYS, SESSION], ids=["keys", "session"])
NOW = 1795348800.0  # 2026-11-22T12:00:00Z
DENIED = "Authentication failed: Please make sure your API Key is valid."


def minted(keys: Credentials = KEYS, region: str = "us-east-1", expires: int = 43_200) -> str:
    return api_keys.mint(keys, region=region, now=NOW, expires=expires).token


def generated(keys: Credentials, region: str, expires: int) -> str:
    """What aws-bedrock-token-generator 1.1.0 does in `_generate_token`, at our time."""
    request = AWSRequest(
        method="POST",
        url="https://bedrock.amazonaws.com/",
        headers={"host": "bedrock.amazonaws.com"},
        params={"Action": "CallWithBearerToken"},
    )
    boto = BotoCredentials(keys.access_key, keys.secret_key, keys.session_token)
    auth = botocore.auth.SigV4QueryAuth(boto, "bedrock", region, expires=expires)
    request.context["timestamp"] = "20261122T120000Z"
    auth._modify_request_before_signing(request)
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(to_sign, request))
    url = request.url.replace("https://", "") + "&Version=1"
    return "bedrock-api-key-" + b64encode(url.encode("utf-8")).decode("utf-8")


def opened(token: str) -> str:
    return b64decode(token.removeprefix("bedrock-api-key-")).decode()


def closed(url: str) -> str:
    return "bedrock-api-key-" + b64encode(url.encode()).decode()


def denied(token: str, keys: Credentials = KEYS, **options: object) -> None:
    with pytest.raises(AuthorizationDenied) as caught:
        api_keys.verify(token, keys, **{"now": NOW, **options})
    assert caught.value.message == DENIED
    assert caught.value.message_key == "Message"
    assert caught.value.__cause__ is None


@given(
    st.builds(
        Credentials,
        st.from_regex(r"A[KS]IA[A-Z0-9]{16}", fullmatch=True),
        st.from_regex(r"[A-Za-z0-9+/]{40}", fullmatch=True),
        st.none() | st.from_regex(r"[A-Za-z0-9+/]{1,80}={0,2}", fullmatch=True),
    ),
    st.sampled_from(["us-east-1", "us-west-2", "eu-central-1"]),
    st.integers(1, 43_200),
)
def test_a_minted_key_is_the_generators_and_both_verify(keys, region, expires):
    token = minted(keys, region, expires)
    assert token == generated(keys, region, expires)
    api_keys.verify(token, keys, now=NOW, regions={region})
    claim = api_keys.read(token)
    assert claim is not None
    assert (claim.access_key, claim.region, claim.service) == (keys.access_key, region, "bedrock")
    assert (claim.session_token, claim.expires) == (keys.session_token, expires)


def test_a_key_does_not_show_its_token():
    key = api_keys.mint(KEYS, region="us-east-1", now=NOW)
    assert key.token not in repr(key)


@pytest.mark.parametrize("token", ["ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl", "", "sk-ant-x", "Bearer x"])
def test_any_other_token_is_opaque(token):
    assert api_keys.read(token) is None
    denied(token)


def test_a_key_holds_until_it_expires():
    api_keys.verify(minted(expires=60), KEYS, now=NOW + 60)
    denied(minted(expires=60), now=NOW + 61)


def test_a_key_from_the_future_is_denied():
    api_keys.verify(minted(), KEYS, now=NOW - 300)
    denied(minted(), now=NOW - 301)


def test_a_key_holds_for_its_region():
    api_keys.verify(minted(), KEYS, now=NOW, regions={"us-east-1"})
    denied(minted(), regions={"us-west-2"})


@BOTH
def test_a_key_of_other_credentials_is_denied(keys):
    denied(minted(keys), replace(keys, secret_key="another"))
    denied(minted(keys), replace(keys, session_token="another"))
    denied(minted(keys), replace(keys, access_key="AKIAI44QH8DHBEXAMPLE"))


@BOTH
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bedrock.amazonaws.com/", "sts.amazonaws.com/"),
        ("bedrock.amazonaws.com/", "bedrock.amazonaws.com/model"),
        ("bedrock.amazonaws.com", "https://bedrock.amazonaws.com"),
        ("Action=CallWithBearerToken", "Action=GetCallerIdentity"),
        ("Action=CallWithBearerToken&", ""),
        ("us-east-1", "us-west-2"),
        ("%2Fbedrock%2F", "%2Fsts%2F"),
        ("%2F20261122%2F", "%2F20261123%2F"),
        ("T120000Z", "T120001Z"),
        ("Expires=43200", "Expires=43199"),
        ("Expires=43200", "Expires=604800"),
        ("Expires=43200", ""),
        ("SignedHeaders=host", "SignedHeaders=host%3Bx"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
        ("&Version=1", ""),
        ("&Version=1", "&Version=2"),
        ("&Version=1", "&Version=1&Version=1"),
        ("&Version=1", "&Extra=1&Version=1"),
    ],
)
def test_a_tampered_key_is_denied(keys, old, new):
    url = opened(minted(keys))
    assert old in url
    denied(closed(url.replace(old, new)), keys)


@pytest.mark.parametrize(
    "token",
    [
        "bedrock-api-key-",
        "bedrock-api-key-!",
        "bedrock-api-key-abc",
        closed(""),
        closed("bedrock.amazonaws.com/"),
        closed("é"),
        closed("bedrock.amazonaws.com/?Action=CallWithBearerToken&Version=1"),
        minted() + "\n",
        minted()[:-4],
        minted().replace("bedrock-api-key-", "bedrock-api-key- "),
        "bedrock-api-key-é",
        "bedrock-api-key-\ud800",
        "bedrock-api-key-" + "A" * 20_000,
    ],
)
def test_what_begins_like_a_key_and_is_none_is_denied(token):
    with pytest.raises(AuthorizationDenied):
        api_keys.read(token)
    denied(token)


@pytest.mark.parametrize(
    ("region", "expires"), [("", 60), ("us-east-1", 0), ("us-east-1", -1), ("us-east-1", 43_201)]
)
def test_no_key_is_minted_without_region_or_for_more_than_twelve_hours(region, expires):
    with pytest.raises(ConfigurationError):
        minted(region=region, expires=expires)
