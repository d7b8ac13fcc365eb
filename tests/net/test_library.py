"""The HTTP library, first asked for by a thread that ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

CALLS = """
import threading


def call():
    from outcrop import APIConnectionError, AnthropicBedrock

    keys = {"aws_access_key": "a", "aws_secret_key": "b", "aws_region": "us-east-1"}
    with AnthropicBedrock(**keys, base_url="http://127.0.0.1:9", max_retries=0) as client:
        try:
            client.messages.create(model="opus-4.8", max_tokens=1, messages=[])
        except APIConnectionError:
            print("reached nobody")


for _ in range(10):
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
"""


@pytest.mark.usefixtures("transport")
def test_threads_that_come_and_go_can_call():
    done = subprocess.run(
        [sys.executable, "-c", CALLS],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()) == (0, ["reached nobody"] * 10), done.stderr
