"""Runs the cases that a test wrote down, with one client, and tells what became of each.

Rules: a case's `environ` is set while it runs, so that a client is configured the way people do
it; one line of JSON a case goes to stdout, `{"voice", "name", "reply"}` or `{"voice", "name",
"refusal"}`; a client's error is an outcome, never the end of the run. Standard library only: this
runs in the environment of each foreign client.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Case = Mapping[str, Any]
    Operation = Callable[[Case], Any]

Answer = dict[str, Any]


def run(voices: Mapping[str, Mapping[str, Operation]], refusal: Callable[[Any], Answer]) -> None:
    """Runs every case of the file that the command line names.

    Args:
        voices: Voice (`sync`, `async`) → operation (`create`, `stream`) → what does it. A coroutine
            function runs in an event loop of its own.
        refusal: What the client's error says: `status`, `name`, `message`.
    """
    cases = json.loads(Path(sys.argv[1]).read_bytes())
    for case in cases:
        told = _outcome(voices[case["voice"]][case["operation"]], case, refusal)
        print(json.dumps({"voice": case["voice"], "name": case["name"], **told}), flush=True)


def _outcome(operation: Operation, case: Case, refusal: Callable[[Any], Answer]) -> Answer:
    with _environ(case["environ"]):
        try:
            reply = operation(case)
            if inspect.iscoroutine(reply):
                reply = asyncio.run(reply)
        # Whatever a client raises is what it has to say.
        except Exception as error:  # noqa: BLE001
            return {"refusal": {"error": type(error).__name__, **refusal(error)}}
    return {"reply": reply}


@contextmanager
def _environ(changes: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
