"""GetCallerIdentity, as boto3 sees it."""

from __future__ import annotations

from contextlib import closing

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from outcrop.server.actors import Text
from outcrop.testing import local_bedrock


class Mute:
    name = "mute"

    async def start(self):
        pass

    async def answer(self, ask):
        yield Text("…")

    async def close(self):
        pass


@pytest.fixture(scope="module")
def server():
    with local_bedrock(actor=Mute()) as running:
        yield running


def sts(server, access_key=None, secret_key=None, token=None, operation="get_caller_identity"):
    """What STS tells boto3."""
    client = boto3.client(
        "sts",
        endpoint_url=server.url,
        region_name="eu-west-1",
        aws_access_key_id=access_key or server.access_key,
        aws_secret_access_key=secret_key or server.secret_key,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}),
    )
    with closing(client):
        return getattr(client, operation)()


def test_it_tells_the_example_user_who_that_is(server):
    told = sts(server)
    # "GetCallerIdentity", AWS STS API Reference, example 1
    assert told["Arn"] == "arn:aws:iam::123456789012:user/Alice"
    assert told["Account"] == "123456789012"
    assert told["UserId"] == "AIDACKCEVSQ6C2EXAMPLE"
    assert (
        told["ResponseMetadata"]["RequestId"]
        == (told["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"])
    )


def test_it_tells_a_session_who_that_is(server):
    told = sts(server, *server.session_credentials)
    assert told["Arn"].startswith("arn:aws:sts::123456789012:assumed-role/")


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        (("AKIDNOBODY", "x"), "InvalidClientTokenId"),
        ((None, "wrong"), "SignatureDoesNotMatch"),
        (("ASIAIOSFODNN7EXAMPLE", "wrong", "token"), "InvalidClientTokenId"),
    ],
)
def test_it_refuses_wrong_keys_by_stss_own_names(server, keys, code):
    with pytest.raises(ClientError) as caught:
        sts(server, *keys)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_other_actions_are_refused_by_name(server):
    with pytest.raises(ClientError) as caught:
        sts(server, operation="get_session_token")
    assert caught.value.response["Error"] == {
        "Type": "Sender",
        "Code": "InvalidAction",
        "Message": "Could not find operation GetSessionToken for version 2011-06-15",
    }
