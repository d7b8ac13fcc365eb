"""Runs the examples of the README and the docs, against a local Bedrock; settles Hypothesis."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

# No test is timed, and a busy machine is no failure. In CI the same examples are tried each time,
# so that a change is judged by itself.
settings.register_profile(
    "house",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("house")


@pytest.fixture
def anyio_backend() -> str:
    """What awaited tests run on; trio is there too, but only because another library wants it."""
    return "asyncio"


@pytest.fixture
def examples_environment(bedrock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Examples find what they would find after `eval "$(outcrop env)"`, and nothing else."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "ANTHROPIC_", "OUTCROP_ACTIVITY")):
            monkeypatch.delenv(name)
    for name, value in bedrock.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OUTCROP_CATALOG", str(tmp_path / "no overlay.json"))
    monkeypatch.chdir(tmp_path)


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/*.md", "docs/how-to/*.md"],
    fixtures=["examples_environment"],
).pytest()
