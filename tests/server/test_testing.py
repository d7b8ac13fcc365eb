"""`outcrop.testing` and what it stands on: starting, stopping, ports, certificates, variables."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import stat
import subprocess
import sys
import threading
from contextlib import closing

import boto3
import pytest
from botocore.config import Config

from outcrop.errors import ConfigurationError
from outcrop.server import address, tls
from outcrop.server.actors import Text
from outcrop.server.serve import LocalBedrock, Options
from outcrop.testing import local_bedrock

MODEL = "global.anthropic.claude-opus-4-8"
HELLO = (
    b'{"anthropic_version":"bedrock-2023-05-31","max_tokens":99,'
    b'"messages":[{"role":"user","content":"Hello"}]}'
)


CLIENT = (
    "endpoint_url",
    "region_name",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
)


class Tells:
    """Answers, and tells when it is started and closed."""

    name = "tells"

    def __init__(self):
        self.told = []

    async def start(self):
        self.told.append("start")

    async def answer(self, ask):
        yield Text("Hello")

    async def close(self):
        self.told.append("close")


def call(service, operation, **more):
    """What boto3 gets, with all that it needs from the environment but what is given."""
    given = {name: more.pop(name) for name in list(more) if name in CLIENT}
    config = Config(retries={"total_max_attempts": 1})
    with closing(boto3.client(service, config=config, **given)) as client:
        reply = getattr(client, operation)(**more)
        return {**reply, "body": reply["body"].read()} if "body" in reply else reply


def test_the_fixture_is_a_running_local_bedrock(bedrock, monkeypatch):
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in bedrock.environ().items():
        monkeypatch.setenv(name, value)
    reply = call("bedrock-runtime", "invoke_model", modelId=MODEL, body=HELLO)
    assert b"stand-in" in reply["body"]
    assert reply["ResponseMetadata"]["HTTPHeaders"]["x-outcrop-actor"] == "parrot"
    assert call("bedrock", "list_foundation_models")["modelSummaries"]
    assert call("sts", "get_caller_identity")["Account"] == "123456789012"


def test_the_fixtures_module_imports_nothing_heavy():
    script = (
        "import sys, outcrop.testing.plugin\n"
        "heavy = {'h2', 'orjson', 'msgspec', 'botocore', 'trustme', 'outcrop.server'}\n"
        "print(sorted(heavy & sys.modules.keys()))\n"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert told.stdout.strip() == b"[]"


def test_it_starts_the_actor_first_and_closes_it_last_and_leaves_no_thread():
    actor = Tells()
    before = threading.enumerate()
    with local_bedrock(actor=actor):
        assert actor.told == ["start"]
        assert threading.enumerate() != before
    assert actor.told == ["start", "close"]
    assert threading.enumerate() == before


def test_two_run_side_by_side():
    with local_bedrock(actor=Tells()) as one, local_bedrock(actor=Tells()) as other:
        assert one.url != other.url


def test_it_runs_in_an_event_loop_until_told():
    actor = Tells()

    async def main():
        stop = asyncio.Event()
        server = LocalBedrock(Options(actor=actor))
        seen = []

        def ready():
            seen.append(server.port)
            stop.set()

        await server.run(until=stop, ready=ready)
        return seen

    (port,) = asyncio.run(main())
    assert port > 0
    assert actor.told == ["start", "close"]


def test_a_cancelled_run_closes_everything():
    actor = Tells()

    async def main():
        task = asyncio.current_task()
        assert task is not None
        await LocalBedrock(Options(actor=actor)).run(ready=task.cancel)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert actor.told == ["start", "close"]


def test_a_port_in_use_is_refused_with_the_mend():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"port {port}.*another port"):
            LocalBedrock(Options(actor=Tells(), port=port)).start()


def test_a_port_of_another_local_bedrock_is_refused():
    with (
        local_bedrock(actor=Tells()) as first,
        pytest.raises(ConfigurationError, match="stop it, or choose another port"),
    ):
        LocalBedrock(Options(actor=Tells(), port=first.port)).start()


def test_a_port_can_be_used_again_at_once():
    with local_bedrock(actor=Tells()) as first:
        call(
            "sts",
            "get_caller_identity",
            endpoint_url=first.url,
            region_name="us-east-1",
            aws_access_key_id=first.access_key,
            aws_secret_access_key=first.secret_key,
        )
        port = first.port
    with LocalBedrock(Options(actor=Tells(), port=port)) as again:
        assert again.port == port


def test_an_actor_that_cant_start_is_told_to_whoever_starts():
    class Ill(Tells):
        async def start(self):
            raise ConfigurationError("no weights", mend="Install them.")

    before = threading.enumerate()
    with pytest.raises(ConfigurationError, match="no weights"):
        LocalBedrock(Options(actor=Ill())).start()
    assert threading.enumerate() == before


def test_it_can_be_started_again_after_it_was_stopped():
    server = LocalBedrock(Options(actor=Tells()))
    for _ in range(2):
        with server:
            pass
    server.stop()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"actor": "nobody"}, "parrot, small, script:FILE"),
        ({"actor": "script:"}, "parrot, small, script:FILE"),
        ({"region": "mars-north-1"}, "mars-north-1"),
        ({"port": 70000}, "70000"),
        ({"identities": ("hush",)}, "ACCESS_KEY:SECRET"),
    ],
)
def test_options_that_cant_be_right_are_refused_at_once(options, text):
    with pytest.raises(ConfigurationError, match=text) as caught:
        LocalBedrock(Options(**options))
    assert "hush" not in str(caught.value)


def test_options_dont_show_secrets():
    shown = repr(Options(identities=("AKID:hush",), api_keys=("hush",)))
    assert "hush" not in shown


def test_the_logging_of_the_process_stays_as_it_is():
    handler = logging.StreamHandler()
    closed = []
    handler.close = lambda: closed.append(True)
    with local_bedrock(actor=Tells()):
        assert closed == []


def test_listening_to_others_is_warned_of(caplog):
    with LocalBedrock(Options(actor=Tells(), host="0.0.0.0")) as server:
        assert server.url.startswith("http://127.0.0.1:")
    assert "whoever reaches this machine" in caplog.text


def test_ipv6_works():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("no IPv6 here")
    with LocalBedrock(Options(actor=Tells(), host="::1")) as server:
        assert server.url == f"http://[::1]:{server.port}"


def test_boto3_sends_an_api_key_over_tls(monkeypatch):
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    with local_bedrock(actor=Tells(), tls=True, region="eu-west-1") as server:
        for name, value in server.environ().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", server.api_key)
        reply = call("bedrock-runtime", "invoke_model", modelId=MODEL, body=HELLO)
        assert b"Hello" in reply["body"]
        ca = server.ca_bundle
        assert ca is not None
        assert ca.is_file()
    assert not ca.exists()


def test_session_credentials_work():
    with local_bedrock(actor=Tells()) as server:
        access, secret, token = server.session_credentials
        reply = call(
            "bedrock-runtime",
            "invoke_model",
            modelId=MODEL,
            body=HELLO,
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            aws_session_token=token,
        )
        assert b"Hello" in reply["body"]


def test_a_certificates_key_is_its_owners_alone(tmp_path):
    made = tls.make_certificate(tmp_path / "made")
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert b"PRIVATE" not in made.ca.read_bytes() + made.chain.read_bytes()
    again = tls.make_certificate(tmp_path / "made")
    assert again == made


def test_the_variables_name_every_endpoint_and_leave_out_what_isnt_asked_for(tmp_path):
    plain = address.environ(port=8484, region="us-west-2")
    assert plain == {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_REGION": "us-west-2",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://127.0.0.1:8484",
        "AWS_ENDPOINT_URL_BEDROCK": "http://127.0.0.1:8484",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:8484",
        "ANTHROPIC_BEDROCK_BASE_URL": "http://127.0.0.1:8484",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    keyed = address.environ(port=8484, api_key=True)
    assert keyed["AWS_BEARER_TOKEN_BEDROCK"].startswith("bedrock-api-key-")
    assert "AWS_ACCESS_KEY_ID" not in keyed
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        address.environ(port=8484, tls=True, tls_dir=tmp_path)
    tls.make_certificate(tmp_path)
    secure = address.environ(port=8484, tls=True, tls_dir=tmp_path)
    assert secure["AWS_CA_BUNDLE"] == os.fspath(tmp_path / "ca.pem")
    assert secure["ANTHROPIC_BEDROCK_BASE_URL"] == "https://127.0.0.1:8484"
