"""Who is let in, and in which words others are refused; botocore signs."""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from outcrop import errors
from outcrop.server import identities
from outcrop.server.auth import STS, Gate, Head
from outcrop.server.identities import ALICE, ROLE_SESSION, Identities
from outcrop.wire import api_keys
from outcrop.wire.credentials import Credentials as Keys

NOW = dt.datetime(2026, 11, 22, 12, 0, 0, tzinfo=dt.UTC).timestamp()
TARGET = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"
BODY = b'{"max_tokens":16}'
USER = (identities.ACCESS_KEY, identities.SECRET_KEY)
ROLE = (identities.SESSION_ACCESS_KEY, identities.SESSION_SECRET_KEY, identities.SESSION_TOKEN)


def signed(
    keys=USER, *, region="us-west-2", service="bedrock", at=NOW, body=BODY, signer=SigV4Auth, **more
):
    """The head of a request that botocore has signed."""
    request = AWSRequest("POST", f"http://127.0.0.1:8484{TARGET}", data=body)
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    with patch("botocore.auth.get_current_datetime", lambda **_: moment.replace(tzinfo=None)):
        signer(Credentials(*keys), service, region, **more).add_auth(request)
    target = request.url.removeprefix("http://127.0.0.1:8484")
    prepared = [(name.lower(), value) for name, value in request.headers.items()]
    return Head("POST", target, [("host", "127.0.0.1:8484"), *prepared])


def let_in(head, *, gate=None, body=BODY, now=NOW, **more):
    gate = gate or Gate(Identities(), region="us-east-1")
    return gate.prove(gate.recognise(head), head, body, now=now, **more)


def bearer(token):
    return Head("POST", TARGET, [("host", "h"), ("authorization", f"Bearer {token}")])


@pytest.mark.parametrize(("keys", "who"), [(USER, ALICE), (ROLE, ROLE_SESSION)])
def test_whoever_signs_with_the_documented_example_keys_is_let_in(keys, who):
    assert let_in(signed(keys)).identity == who


@pytest.mark.parametrize("region", ["us-west-2", "eu-central-1", "us-gov-west-1"])
def test_the_region_is_that_of_the_signatures_scope(region):
    assert let_in(signed(region=region)).region == region


def test_the_presigned_form_is_accepted_too():
    head = signed(signer=SigV4QueryAuth, expires=300, body=b"")
    assert let_in(head, body=b"").identity == ALICE
    with pytest.raises(errors.RequestExpired):
        let_in(head, body=b"", now=NOW + 301)


@pytest.mark.parametrize(
    ("head", "error", "text"),
    [
        (
            lambda: signed(region="us-west-9"),
            errors.InvalidSignatureException,
            "Credential should be scoped to a valid region.",
        ),
        (
            lambda: signed(("AKIDNOBODY", "x")),
            errors.UnrecognizedClientException,
            "The security token included in the request is invalid.",
        ),
        (
            lambda: signed((identities.ACCESS_KEY, "wrong")),
            errors.InvalidSignatureException,
            (
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method. Consult the service "
                "documentation for details."
            ),
        ),
        (
            lambda: signed((*ROLE[:2], "another token")),
            errors.UnrecognizedClientException,
            "The security token included in the request is invalid.",
        ),
        (
            lambda: signed(ROLE[:2]),
            errors.UnrecognizedClientException,
            "The security token included in the request is invalid.",
        ),
        (
            lambda: signed(at=NOW - 3600),
            errors.InvalidSignatureException,
            (
                "Signature expired: 20261122T110000Z is now earlier than 20261122T115500Z "
                "(20261122T120000Z - 5 min.)"
            ),
        ),
        (
            lambda: Head("POST", TARGET, [("host", "h")]),
            errors.MissingAuthenticationTokenException,
            "Missing Authentication Token",
        ),
        (
            lambda: Head("POST", TARGET, [("host", "h"), ("x-api-key", "ABSK")]),
            errors.MissingAuthenticationTokenException,
            "Missing Authentication Token",
        ),
        (
            lambda: bearer("ABSKnobodys"),
            errors.AuthorizationDenied,
            "Authentication failed: Please make sure your API Key is valid.",
        ),
    ],
)
def test_others_are_refused_in_awss_words(head, error, text):
    with pytest.raises(error) as caught:
        let_in(head())
    assert type(caught.value) is error
    assert caught.value.message == text


def test_a_tampered_body_is_refused():
    with pytest.raises(errors.InvalidSignatureException, match="does not match"):
        let_in(signed(), body=BODY + b" ")


def test_the_path_is_verified_as_it_was_sent_not_decoded():
    head = signed()
    with pytest.raises(errors.InvalidSignatureException, match="does not match"):
        let_in(head._replace(target=head.target.replace("%3A", ":")))


def test_bedrocks_signature_is_none_for_sts_and_the_reverse():
    with pytest.raises(errors.InvalidSignatureException, match="correct service: 'sts'"):
        let_in(signed(), services=STS)
    with pytest.raises(errors.InvalidSignatureException, match="correct service: 'bedrock'"):
        let_in(signed(service="sts"))
    assert let_in(signed(service="sts"), services=STS).identity == ALICE


def test_an_api_key_is_none_for_sts():
    gate = Gate(Identities(), region="us-east-1")
    key = Identities().mint_api_key(region="us-east-1", now=NOW)
    with pytest.raises(errors.IncompleteSignatureException):
        gate.recognise(bearer(key.token), api_key=False)


def test_a_short_term_key_names_its_region_and_its_owner():
    key = Identities().mint_api_key(region="eu-west-1", now=NOW)
    caller = let_in(bearer(key.token), body=b"anything")
    assert (caller.identity, caller.region) == (ALICE, "eu-west-1")


def test_a_short_term_key_of_a_session_is_let_in():
    key = api_keys.mint(Keys(*ROLE), region="us-east-1", now=NOW)
    assert let_in(bearer(key.token)).identity == ROLE_SESSION


@pytest.mark.parametrize(
    ("token", "now"),
    [
        (lambda: Identities().mint_api_key(region="us-east-1", now=NOW).token, NOW + 43201),
        (lambda: api_keys.mint(Keys(USER[0], "x"), region="us-east-1", now=NOW).token, NOW),
        (lambda: api_keys.mint(Keys("AKIDNOBODY", "x"), region="us-east-1", now=NOW).token, NOW),
        (lambda: api_keys.PREFIX + b64encode(b"nonsense").decode(), NOW),
    ],
    ids=["expired", "forged", "nobody's", "nonsense"],
)
def test_a_bad_short_term_key_is_refused_in_the_words_of_iam(token, now):
    with pytest.raises(errors.AuthorizationDenied, match="make sure your API Key is valid"):
        let_in(bearer(token()), now=now)


def test_a_long_term_key_that_was_added_is_let_in_with_the_default_region():
    known = Identities()
    known.add_api_key("ABSKQmVkcm9jaw==")
    caller = let_in(bearer("ABSKQmVkcm9jaw=="), gate=Gate(known, region="eu-west-3"))
    assert caller.region == "eu-west-3"
    assert caller.identity.arn.startswith("arn:aws:iam::123456789012:user/BedrockAPIKey-")


def test_keys_that_were_added_are_let_in():
    known = Identities()
    known.add_keys("AKIDADDED:se/cret")
    known.add_keys("ASIAADDED:se/cret:to/ken")
    gate = Gate(known, region="us-east-1")
    assert ":user/" in let_in(signed(("AKIDADDED", "se/cret")), gate=gate).identity.arn
    caller = let_in(signed(("ASIAADDED", "se/cret", "to/ken")), gate=gate)
    assert ":assumed-role/" in caller.identity.arn


def test_keys_in_the_environment_are_let_in():
    known = Identities.from_environment(
        {
            "AWS_ACCESS_KEY_ID": "ASIAOURS",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_SESSION_TOKEN": "t",
            "AWS_BEARER_TOKEN_BEDROCK": "ABSKours",
        }
    )
    gate = Gate(known, region="us-east-1")
    let_in(signed(("ASIAOURS", "s", "t")), gate=gate)
    let_in(bearer("ABSKours"), gate=gate)
    let_in(signed(), gate=gate)


def test_the_example_keys_in_the_environment_stay_the_examples():
    known = Identities.from_environment(
        {"AWS_ACCESS_KEY_ID": USER[0], "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "stale"}
    )
    assert let_in(signed(), gate=Gate(known, region="us-east-1")).identity == ALICE


def test_without_verification_everyone_is_the_example_user():
    gate = Gate(None, region="ap-south-1")
    caller = let_in(Head("POST", TARGET, []), gate=gate)
    assert (caller.identity, caller.region) == (ALICE, "ap-south-1")


@pytest.mark.parametrize("text", ["AKID", "AKID:", ":secret", "A:b:c:d", "not a key!:hush-hush"])
def test_an_identity_that_cant_be_one_is_refused_without_repeating_its_secret(text):
    with pytest.raises(errors.ConfigurationError) as caught:
        Identities().add_keys(text)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "Bearer hush", "hush\n"])
def test_an_api_key_that_cant_be_one_is_refused_without_repeating_it(token):
    with pytest.raises(errors.ConfigurationError) as caught:
        Identities().add_api_key(token)
    assert "hush" not in str(caught.value)


def test_no_repr_shows_a_secret():
    known = Identities()
    known.add_keys("AKIDADDED:hush-hush")
    known.add_api_key("ABSKhush")
    gate = Gate(known, region="us-east-1")
    head = signed(("AKIDADDED", "hush-hush"))
    shown = repr((known, ALICE, ROLE_SESSION, gate, let_in(head, gate=gate)))
    for secret in ("hush", USER[1], *ROLE[1:]):
        assert secret not in shown
