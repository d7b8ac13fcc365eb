"""The command line in this process, with an environment of its own."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

import pytest

from outcrop.cli import main


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def own_catalog(monkeypatch, tmp_path):
    """No overlay but a test's own."""
    monkeypatch.setenv("OUTCROP_CATALOG", str(tmp_path / "catalog.json"))
    return tmp_path / "catalog.json"


@pytest.fixture
def here(monkeypatch, tmp_path):
    """An environment without AWS."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "ANTHROPIC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def there(here, monkeypatch, bedrock):
    """The environment after `eval "$(outcrop env)"`."""
    for name, value in bedrock.environ().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def outcrop(capsys, here):
    """Runs a command line."""

    def outcrop(*words: str) -> Done:
        code = main(words)
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return outcrop
