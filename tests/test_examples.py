"""Each program in examples/ runs as it is, in a process of its own, and says what it is for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
#: What each says at least; `hello.py` is what `make run` runs.
SAID = {
    "count_before_you_call.py": ["estimate"],
    "pdf_citations.py": ["page"],
    "pdf_citations.py --api converse": ["page"],
    "prompt_caching.py": ["written: 0, read: "],
    "streaming_chat.py": ["stand-in"],
    "structured_output.py": ["Paris"],
    "thinking.py": ["thinking: ", "call: get_weather", "refused: messages.1.content.0"],
    "tool_loop.py": ["Paris"],
}


def test_every_example_is_tried():
    names = {path.name for path in EXAMPLES.glob("*.py")} - {"hello.py"}
    assert {said.partition(" ")[0] for said in SAID} == names


@pytest.mark.parametrize("command", SAID)
def test_an_example_runs_as_it_is(command, tmp_path):
    name, *arguments = command.split()
    environ = {
        key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANTHROPIC"))
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        env=environ | {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"},
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for said in SAID[command]:
        assert said in done.stdout
