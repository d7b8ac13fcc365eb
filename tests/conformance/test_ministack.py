"""Our client against an endpoint that we didn't write: MiniStack, a local AWS emulator.

MiniStack verifies Signature Version 4 and session tokens (AUTH=true), evaluates IAM policies,
answers InvokeModel with a canned text and streams it in AWS's frames. It knows no API keys, looks
at no model ID beyond its provider, and sends no invocation metrics: what it can't judge isn't asked
here.
Source: ministack 1.5 (PyPI), `services/bedrock_runtime.py`, `core/iam_evaluator.py`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from typing import NamedTuple
from urllib.error import URLError

import pytest

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
HELLO = [{"role": "user", "content": "Hello, world"}]
ALLOWED = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]


class Account(NamedTuple):
    """An endpoint, and what opens it."""

    url: str
    user: dict[str, str]
    session: dict[str, str]
    bystander: dict[str, str]


@pytest.fixture(scope="module")
def url(python_of, scratch_environ, tmp_path_factory):
    """Where MiniStack listens: a free port of this machine, no other."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("ministack")
    environ = scratch_environ | {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "bedrock-runtime,iam,sts",
        "S3_DATA_DIR": str(folder),
        "TMPDIR": str(folder),
    }
    log = folder / "log"
    command = [str(python_of("ministack")), "-m", "ministack"]
    with (
        log.open("wb") as out,
        subprocess.Popen(command, env=environ, stdout=out, stderr=out, cwd=folder) as process,
    ):
        try:
            wait_until_ready(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_until_ready(url, process, log):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            opener.open(f"{url}/_ministack/health", timeout=5).close()
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"MiniStack isn't ready:\n{log.read_text()[-2000:]}", pytrace=False)


def forget_environ(patch):
    """No keys, profiles, endpoints or proxies of the developer's."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "ANTHROPIC_"))]:
        patch.delenv(name)
    patch.setenv("AWS_CONFIG_FILE", os.devnull)
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    patch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def account(url):
    """An account with a user who may invoke, the user's temporary keys, and one who may not."""
    with pytest.MonkeyPatch.context() as patch:
        forget_environ(patch)
        import boto3

        def client(service, access, secret):
            return boto3.Session(access, secret, region_name="us-west-2").client(
                service, endpoint_url=url
            )

        iam = client("iam", "test", "test")  # MiniStack's root, whose signature it doesn't check
        statement = {"Effect": "Allow", "Action": ALLOWED, "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        keys = {}
        for name in ("user", "bystander"):
            iam.create_user(UserName=name)
            keys[name] = iam.create_access_key(UserName=name)["AccessKey"]
        iam.put_user_policy(UserName="user", PolicyName="invoke", PolicyDocument=policy)
        sts = client("sts", keys["user"]["AccessKeyId"], keys["user"]["SecretAccessKey"])
        session = sts.get_session_token()["Credentials"]
    return Account(
        url,
        user=arguments(keys["user"]),
        session=arguments(session),
        bystander=arguments(keys["bystander"]),
    )


def arguments(keys):
    given = {
        "aws_access_key": keys["AccessKeyId"],
        "aws_secret_key": keys["SecretAccessKey"],
        "aws_region": "us-west-2",
    }
    return given | ({"aws_session_token": keys["SessionToken"]} if "SessionToken" in keys else {})


@pytest.fixture
def ask(account, monkeypatch):
    """The documented call, by a client with the keys that are named."""
    from outcrop import AnthropicBedrock

    forget_environ(monkeypatch)

    def ask(whose="user", *, model=MODEL, messages=HELLO, **changes):
        keys = getattr(account, whose) | changes
        with AnthropicBedrock(**keys, base_url=account.url, max_retries=0) as client:
            return client.messages.create(model=model, max_tokens=256, messages=messages)

    return ask


def test_a_message_comes_back(ask):
    message = ask()
    assert message.role == "assistant"
    assert message.content[0].type == "text"
    assert "ministack" in message.content[0].text
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


def test_temporary_keys_are_signed_with_their_session_token(ask):
    assert ask("session").content[0].text == ask().content[0].text


@pytest.mark.parametrize("text", ["Grüß Gott, 世界", 'a\u0000b \\ " \u2028', "🦜" * 1000])
def test_the_signature_covers_any_text(ask, text):
    assert ask(messages=[{"role": "user", "content": text}]).content[0].text


@pytest.mark.parametrize(
    "model",
    [
        "anthropic.claude-opus-4-8",
        "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
        f"arn:aws:bedrock:us-west-2:000000000000:inference-profile/{MODEL}",
    ],
)
def test_the_signature_covers_every_kind_of_model_id(ask, model):
    # What needs a profile is called by it; an ARN that says enough is sent as it is.
    message = ask(model=model)
    assert message.route.model_id in message.content[0].text


def test_a_stream_says_what_a_whole_message_says(ask, account):
    from outcrop import AnthropicBedrock

    with (
        AnthropicBedrock(**account.user, base_url=account.url) as client,
        client.messages.stream(model=MODEL, max_tokens=256, messages=HELLO) as stream,
    ):
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    assert len(pieces) > 1
    assert "".join(pieces) == message.content[0].text == ask().content[0].text
    assert message.stop_reason == "end_turn"


def test_raw_events_come_in_order(ask, account):
    from outcrop import AnthropicBedrock

    with AnthropicBedrock(**account.user, base_url=account.url) as client:
        events = client.messages.create(model=MODEL, max_tokens=256, messages=HELLO, stream=True)
        kinds = [event.type for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


@pytest.mark.anyio
async def test_the_async_client_is_understood_as_well(ask, account):
    from outcrop import AsyncAnthropicBedrock

    async with AsyncAnthropicBedrock(**account.session, base_url=account.url) as client:
        message = await client.messages.create(model=MODEL, max_tokens=256, messages=HELLO)
        async with client.messages.stream(model=MODEL, max_tokens=256, messages=HELLO) as stream:
            pieces = [piece async for piece in stream.text_stream]
    assert "".join(pieces) == message.content[0].text


@pytest.mark.parametrize(
    ("whose", "changes", "name"),
    [
        ("user", {"aws_secret_key": "wrong"}, "InvalidSignatureException"),
        ("user", {"aws_access_key": "AKIAIOSFODNN7NOBODYS"}, "UnrecognizedClientException"),
        ("session", {"aws_session_token": "wrong"}, "UnrecognizedClientException"),
        ("bystander", {}, "AccessDeniedException"),
    ],
)
def test_a_refusal_at_the_door_is_permission_denied(ask, whose, changes, name):
    from outcrop import PermissionDeniedError

    with pytest.raises(PermissionDeniedError) as refused:
        ask(whose, **changes)
    assert refused.value.status_code == 403
    assert refused.value.aws_name == name


def test_a_refused_request_is_a_bad_request(ask):
    from outcrop import BadRequestError

    elsewhere = f"arn:aws:bedrock:eu-west-1:000000000000:inference-profile/{MODEL}"
    with pytest.raises(BadRequestError, match="Invalid modelId ARN") as refused:
        ask(model=elsewhere, on_unsupported="send")
    assert refused.value.aws_name == "ValidationException"
