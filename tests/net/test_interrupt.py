from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading

import pytest

from outcrop.net.interrupt import Aside

SCRIPT = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from outcrop import AnthropicBedrock
client = AnthropicBedrock(aws_access_key="a", aws_secret_key="b", aws_region="us-east-1",
                          base_url=sys.argv[1], max_retries=0)
try:
    stream = sys.argv[2] == "stream"
    client.messages.create(model="m", max_tokens=1, messages=[], stream=stream)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("answer", ["whole", "stream"])
@pytest.mark.usefixtures("transport")
def test_ctrl_c_ends_a_call_that_waits_for_its_reply(answer):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with subprocess.Popen(
            [sys.executable, "-c", SCRIPT, url, answer], stdout=subprocess.PIPE, text=True
        ) as caller:
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(1)  # it has sent its request, and waits
                caller.send_signal(signal.SIGINT)
                assert caller.communicate(timeout=30)[0] == "interrupted\n"
    assert caller.returncode == 0


def test_the_result_and_the_error_of_a_call_come_through():
    aside = Aside()
    assert aside.run(lambda: threading.current_thread().name, abandon=print) == "outcrop-aside"
    with pytest.raises(ZeroDivisionError):
        aside.run(lambda: 1 / 0, abandon=print)
    aside.close()
    assert aside.run(lambda: 3, abandon=print) == 3
    aside.close()


def test_other_threads_call_directly():
    aside = Aside()
    names: list[str] = []
    caller = threading.Thread(
        target=lambda: names.append(
            aside.run(lambda: threading.current_thread().name, abandon=print)
        ),
        name="other",
    )
    caller.start()
    caller.join()
    assert names == ["other"]


def test_what_a_call_gives_after_all_is_taken_care_of():
    aside = Aside()
    go, taken = threading.Event(), threading.Event()

    def wait() -> str:
        go.wait(30)
        return "late"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            aside.run(wait, abandon=lambda result: result == "late" and taken.set())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert aside.run(lambda: 1, abandon=print) == 1  # another thread has taken over
    go.set()
    assert taken.wait(30)
    aside.close()


FORK = """
import os, sys
from outcrop import AnthropicBedrock
client = AnthropicBedrock(aws_access_key=sys.argv[2], aws_secret_key=sys.argv[3],
                          aws_region="us-west-2", base_url=sys.argv[1])
ask = dict(model="global.anthropic.claude-opus-4-8", max_tokens=5,
           messages=[{"role": "user", "content": "hi"}])
client.messages.create(**ask)
if os.fork() == 0:
    try:
        client.messages.create(**ask)
        print("called", flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGCHLD"), reason="no fork here")
def test_a_client_survives_a_fork_or_says_that_it_did_not(bedrock, transport):
    keys = [bedrock.url, bedrock.access_key, bedrock.secret_key]
    done = subprocess.run(
        [sys.executable, "-c", FORK, *keys], capture_output=True, text=True, check=True, timeout=60
    )
    if transport == "sockets":
        assert done.stdout == "called\n"
    else:
        assert done.stdout.startswith("ConfigurationError This process was forked")
