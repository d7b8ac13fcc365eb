"""The command line as a person uses it: a process, its two outputs, its exit code."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from outcrop.catalog import models
from outcrop.cli.env import UNSET, export

OUTCROP = [sys.executable, "-c", "import sys; from outcrop.cli import main; sys.exit(main())"]


def bare(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "100", **more}


@pytest.fixture
def run(tmp_path, bedrock):
    def run(*arguments: str, said: str = "", local: bool = True, **environment: str):
        reach = bedrock.environ() if local else {"AWS_EC2_METADATA_DISABLED": "true"}
        return subprocess.run(
            [*OUTCROP, *arguments],
            input=said,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=bare(tmp_path, **{**reach, **environment}),
        )

    return run


def test_message_prints_the_answer_and_on_the_side_what_it_took(run):
    done = run("message", "[[reply: forty-two]]")
    assert done.returncode == 0
    assert done.stdout == "forty-two\n"
    assert re.search(r"\d+ tokens in, \d+ out, end_turn; global\.anthropic\.", done.stderr)


def test_message_streams(run):
    done = run("message", "[[reply: forty-two]]", "--stream")
    assert (done.returncode, done.stdout) == (0, "forty-two\n")


def test_message_reads_standard_input(run):
    assert run("message", "-", said="[[reply: from a pipe]]").stdout == "from a pipe\n"


def test_message_as_json_is_the_whole_reply(run):
    reply = json.loads(run("message", "[[reply: forty-two]]", "--json").stdout)
    # The default model thinks by itself, and leaves out what it thought.
    assert reply["content"][-1] == {"type": "text", "text": "forty-two"}
    lines = run("message", "[[reply: forty-two]]", "--json", "--stream").stdout.splitlines()
    kinds = [json.loads(line)["type"] for line in lines]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")


def test_message_local_needs_no_account_and_no_server(run):
    done = run("message", "[[reply: alone]]", "--local", "--actor", "parrot", local=False)
    assert (done.returncode, done.stdout) == (0, "alone\n")


def test_a_refusal_is_one_line_with_the_mend_and_exit_code_1(run):
    done = run("message", "hi", "--max-tokens", "0")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("outcrop: ValidationException (400): max_tokens: Input should be")


def test_a_model_that_the_catalog_lacks_is_a_line_before_what_comes_of_it(run):
    done = run("message", "hi", "--model", "global.anthropic.claude-nobody")
    assert done.returncode == 1
    note, line = done.stderr.splitlines()
    assert note.startswith("outcrop: The catalog of ")
    assert "The provided model identifier is invalid." in line


def test_a_base_id_or_a_name_is_enough(run):
    for model in ("anthropic.claude-opus-4-8", "opus-4.8"):
        done = run("message", "[[reply: here]]", "--model", model)
        assert done.stdout == "here\n"
        assert "us.anthropic.claude-opus-4-8" in done.stderr


def test_no_connection_is_exit_code_3(run):
    done = run("message", "hi", ANTHROPIC_BEDROCK_BASE_URL="http://127.0.0.1:9")
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1


def test_no_credentials_is_exit_code_2_and_says_what_helps(run):
    done = run("message", "hi", "--region", "us-west-2", local=False)
    assert done.returncode == 2
    assert "outcrop serve" in done.stderr


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("nonsense",), "message, chat, serve"),
        (("serve", "--prot", "1"), "--port"),
        (("serve", "--port", "x"), "port"),
        (("models", "--region", "atlantis"), "atlantis"),
        (("message",), "PROMPT"),
        (("serve", "--actor", "cat"), "parrot, small, script:FILE"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(run, words, hint):
    done = run(*words)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("outcrop: ")
    assert hint in line


def test_debug_shows_the_traceback(run):
    done = run("message", "hi", "--max-tokens", "0", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_chat_goes_on_after_a_refusal_and_remembers(run):
    done = run("chat", said="My name is Ada.\nWhat is my name?\n/reset\n/exit\n")
    assert done.returncode == 0
    assert "Ada" in done.stdout.splitlines()[-1]


def test_models_lists_what_a_region_can_call(run):
    done = run("models", "--region", "eu-west-2", "--json", local=False)
    listed = {row["id"]: row["ids"] for row in json.loads(done.stdout)}
    opus = "anthropic.claude-opus-4-6-v1"
    assert listed[opus] == [f"global.{opus}", f"eu.{opus}", opus]
    table = run("models", "--region", "eu-west-2", local=False).stdout
    assert f"eu.{opus}" in table


def test_models_lists_all_of_the_catalog_on_request(run):
    every = json.loads(run("models", "--all", "--json", local=False).stdout)
    assert [row["id"] for row in every] == [model.id for model in models.models()]


def test_env_prints_exports_that_a_shell_takes(run, tmp_path):
    lines = run("env", "--port", "1234", "--region", "eu-west-1", local=False).stdout
    shell = subprocess.run(
        ["/bin/sh", "-c", f"{lines}\nenv"],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
        env=bare(tmp_path, AWS_SESSION_TOKEN="old"),
    ).stdout
    assert "ANTHROPIC_BEDROCK_BASE_URL=http://127.0.0.1:1234" in shell
    assert "AWS_REGION=eu-west-1" in shell
    assert "AWS_SESSION_TOKEN" not in shell


def test_env_can_name_an_api_key_instead(run):
    values = json.loads(run("env", "--api-key", "--json", local=False).stdout)
    assert values["AWS_BEARER_TOKEN_BEDROCK"].startswith("bedrock-api-key-")
    assert "AWS_ACCESS_KEY_ID" not in values


def test_exports_are_quoted_in_every_shell():
    values = {"A": "it's $HOME"}
    assert shlex.split(export(values, "sh").splitlines()[-1])[-1] == "A=it's $HOME"
    assert export(values, "powershell").endswith("$Env:A = 'it''s $HOME'")
    assert export(values, "dotenv") == "A=it's $HOME"
    assert all(name in export(values, "fish") for name in UNSET)


def test_serve_says_when_it_is_ready_and_stops_cleanly(tmp_path, run):
    command = [*OUTCROP, "serve", "--port", "0", "--actor", "parrot", "--print-env"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=bare(tmp_path)
    ) as server:
        try:
            ready = server.stdout.readline()
            url = re.search(r"ready at (http://127\.0\.0\.1:\d+) \(actor: parrot\)", ready)[1]
            exports = [server.stdout.readline() for _ in range(9)]
            assert any(url in line for line in exports)
            done = run("message", "[[reply: served]]", ANTHROPIC_BEDROCK_BASE_URL=url)
            assert done.stdout == "served\n"
            in_use = run("serve", "--port", url.rpartition(":")[2], "--actor", "parrot")
            assert in_use.returncode == 2
            assert url.rpartition(":")[2] in in_use.stderr
        finally:
            server.send_signal(signal.SIGINT)
            _, errors = server.communicate(timeout=30)
    assert server.returncode == 0
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("message", "hi", "--actor", "parrot"), "--local"),
        (("message", " "), "empty"),
        (("serve", "--today", "yesterday"), "2026-11-22"),
        (("serve", "--region", "us-wst-2"), "us-west-2"),
        (("serve", "--tls-dir", "x"), "--tls"),
        (("env", "--region", "mars"), "mars"),
        (("env", "--tls"), "--tls-dir"),
    ],
)
def test_options_that_would_have_no_effect_are_refused(run, words, hint):
    done = run(*words)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert hint in line


def test_output_to_a_closed_pipe_or_a_poor_terminal_is_no_traceback(run, tmp_path):
    command = " ".join(shlex.quote(word) for word in [*OUTCROP, "models"])
    done = subprocess.run(
        ["/bin/bash", "-c", f"set -o pipefail; {command} | head -n 1"],
        capture_output=True, text=True, check=False, timeout=60, env=bare(tmp_path),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    said = run("message", "[[reply: snow ☃]]", PYTHONIOENCODING="ascii")
    assert (said.returncode, said.stdout) == (0, "snow \\u2603\n")


def test_a_local_answer_says_who_gave_it(run):
    done = run("message", "hi", "--local", "--actor", "parrot", local=False)
    assert "parrot answers, a stand-in, not Claude" in done.stderr
