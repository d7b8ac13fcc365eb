"""`outcrop serve` with answers of one's own, and with a recording: as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

OUTCROP = [sys.executable, "-c", "import sys; from outcrop.cli import main; sys.exit(main())"]


@pytest.fixture
def environment(tmp_path, bedrock):
    """What a client's process needs, but for the URL."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "COLUMNS": "100",
        **bedrock.environ(),
    }


@pytest.fixture
def serve(environment):
    @contextmanager
    def serve(*words: str):
        """The URL of a server; its two outputs are in the list once it has ended."""
        with subprocess.Popen(
            [*OUTCROP, "serve", "--port", "0", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        ) as server:
            told: list[str] = []
            try:
                ready = server.stdout.readline()
                yield re.search(r"ready at (\S+)", ready)[1], told
            finally:
                server.send_signal(signal.SIGINT)
                told += server.communicate(timeout=30)
        assert server.returncode == 0, told

    return serve


@pytest.fixture
def say(environment):
    def say(url: str, *words: str) -> str:
        done = subprocess.run(
            [*OUTCROP, "message", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**environment, "ANTHROPIC_BEDROCK_BASE_URL": url},
        )
        return done.stdout or done.stderr

    return say


def test_a_recorded_session_is_played_back_and_the_recording_is_announced(serve, say, tmp_path):
    path = tmp_path / "session.yaml"
    prompts = [("Hello",), ("What is 2+3?", "--stream"), ("Hello", "--system", "Upper case!")]
    with serve("--actor", "parrot", "--record", str(path)) as (url, told):
        first = [say(url, *words) for words in prompts]
    assert f"every prompt and every reply is written to {path}." in told[1]
    assert "wJalrXUtnFEMI" not in path.read_text(encoding="utf-8")
    with serve("--actor", f"script:{path}") as (url, told):
        assert [say(url, *words) for words in prompts] == first
    assert "is written to" not in told[1]


def test_a_python_file_answers_and_its_mistakes_are_told(serve, say, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from outcrop.testing import read\n\n"
        "def answer(ask):\n"
        "    return {'Hi': 'Hello.'}[read(ask.document).latest]\n"
    )
    with serve("--actor", f"script:{path}") as (url, told):
        assert say(url, "Hi") == "Hello.\n"
        assert "mine.py, line 4: KeyError: 'Ho'" in say(url, "Ho")
    assert f"{path}, line 4" in told[1]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--actor", "parrot", "--record", "mine.py"), "Name it *.yaml"),
        (("--actor", "parrot", "--record", "there.yaml"), "Remove it, or record to another file"),
        (("--actor", "parrot", "--record", "nowhere/mine.yaml"), "can't be written"),
        (("--actor", "script:empty.py"), "Write `def answer(ask)"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(words, hint, environment, tmp_path):
    Path(tmp_path / "there.yaml").touch()
    Path(tmp_path / "empty.py").touch()
    done = subprocess.run(
        [*OUTCROP, "serve", "--port", "0", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("outcrop: ")
    assert hint in line
