"""`outcrop serve --access --account --state`, as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import closing, contextmanager

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from outcrop.server.identities import ACCESS_KEY, SECRET_KEY

OUTCROP = [sys.executable, "-c", "import sys; from outcrop.cli import main; sys.exit(main())"]
TURNS = [{"role": "user", "content": [{"text": "Hello!"}]}]


@pytest.fixture
def environment(tmp_path):
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "100"}


@contextmanager
def clients(environment, *words):
    """Clients of the control plane and of the runtime of a server."""
    with subprocess.Popen(
        [*OUTCROP, "serve", "--port", "0", "--actor", "parrot", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as server:
        try:
            url = re.search(r"ready at (\S+)", server.stdout.readline())[1]
            options = {
                "endpoint_url": url,
                "region_name": "us-east-1",
                "aws_access_key_id": ACCESS_KEY,
                "aws_secret_access_key": SECRET_KEY,
                "config": Config(retries={"total_max_attempts": 1}),
            }
            with (
                closing(boto3.client("bedrock", **options)) as bedrock,
                closing(boto3.client("bedrock-runtime", **options)) as runtime,
            ):
                yield bedrock, runtime
        finally:
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=30)


def refusal(runtime, model):
    with pytest.raises(ClientError) as caught:
        runtime.converse(modelId=model, messages=TURNS)
    return caught.value.response["Error"]["Message"]


def test_the_options_reach_the_server_and_the_state_outlives_it(environment, tmp_path):
    opus, sonnet = (
        "global.anthropic.claude-opus-4-8",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    )
    words = ("--access", "form", "--account", "new", "--state", str(tmp_path / "state"))
    with clients(environment, *words) as (bedrock, runtime):
        assert "use case details have not been submitted" in refusal(runtime, opus)
        bedrock.put_use_case_for_model_access(formData=b'{"companyName": "Example Ltd"}')
    with clients(environment, *words) as (_, runtime):
        assert runtime.converse(modelId=opus, messages=TURNS)["stopReason"] == "end_turn"
        assert "marked by provider as Legacy" in refusal(runtime, sonnet)


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (("--access", "closed"), "agreement"),
        (("--account", "old"), "invited"),
        (("--state", "/dev/null/state"), "Name a folder"),
    ],
)
def test_an_option_that_cant_be_right_is_mended(environment, words, mend):
    done = subprocess.run(
        [*OUTCROP, "serve", "--port", "0", "--actor", "parrot", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
    )
    assert done.returncode != 0
    assert mend in done.stderr
    assert "Traceback" not in done.stderr
