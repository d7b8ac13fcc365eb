"""`outcrop model`: the small model that lets the local Bedrock write real text."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from outcrop.cli import DONE, REFUSED
from outcrop.cli.connection import note


def status(*, json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Say whether the small model is installed, and where; exit code 1 if it isn't.

    Parameters
    ----------
    json
        Print JSON.
    """
    from dataclasses import asdict

    from outcrop.server.actors import weights

    found = weights.status()
    if json:
        import orjson

        print(orjson.dumps(asdict(found), default=str, option=orjson.OPT_INDENT_2).decode())
    elif found.usable:
        print(f"{found.model}: ready. Engine {found.engine}; weights {found.weights}, {found.path}")
    else:
        print(f"{found.model}: not ready. {found.why_not}")
    return DONE if found.usable else REFUSED


def install() -> int:
    """Install the small model's engine and weights (about 130 MB to download)."""
    from rich.console import Console

    from outcrop.server.actors import weights

    with Console(stderr=True).status("Downloading the engine and the weights (about 130 MB) …"):
        path = weights.install()
    note(f"Installed: {path}")
    return DONE
