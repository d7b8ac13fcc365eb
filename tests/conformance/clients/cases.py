"""Runs the cases that a test wrote down, with one client, and tells what became of each.

Rules: a case's `environ` is set while it runs, so that a client is configured the way people do
it; what a body's marks stand for (features.py) is put in before; one line of JSON a case goes to
stdout, `{"voice", "name", "reply"}` or `{"voice", "name", "refusal"}`; a client's error is an
outcome, never the end of the run. Standard library only: this runs in the environment of each
foreign client.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
from base64 import b64decode
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
    replies: dict[str, Answer] = {}
    for case in cases:
        operation = voices[case["voice"]][case["operation"]]
        told = _outcome(operation, case, replies, refusal)
        replies[f"{case['voice']} {case['name']}"] = told.get("reply", {})
        print(
            json.dumps({"voice": case["voice"], "name": case["name"], **told}, default=str),
            flush=True,
        )


def _outcome(
    operation: Operation,
    case: Case,
    replies: Mapping[str, Answer],
    refusal: Callable[[Any], Answer],
) -> Answer:
    with _environ(case["environ"]):
        try:
            reply = operation({**case, "body": _filled(case["body"], case, replies)})
            if inspect.iscoroutine(reply):
                reply = asyncio.run(reply)
        # Whatever a client raises is what it has to say.
        except Exception as error:  # noqa: BLE001
            return {"refusal": {"error": type(error).__name__, **refusal(error)}}
    return {"reply": reply}


def _filled(value: Any, case: Case, replies: Mapping[str, Answer]) -> Any:
    """A body with what its marks stand for."""
    if isinstance(value, list):
        return [_filled(item, case, replies) for item in value]
    if not isinstance(value, dict):
        return value
    if "$bytes" in value:
        return b64decode(value["$bytes"])
    if "$json" in value:
        return json.dumps(value["$json"])
    for mark in ("$content_of", "$tool_id_of"):
        if mark in value:
            _, _, way = case["name"].partition(":")
            whole = way.removesuffix("-stream")
            reply = replies[f"{case['voice']} {value[mark]}:{whole}"]
            message = reply["message"] if "message" in reply else reply["output"]["message"]
            content = message["content"]
            return content if mark == "$content_of" else _tool_id(content)
    return {key: _filled(item, case, replies) for key, item in value.items()}


def _tool_id(content: Any) -> str:
    """The ID of the tool call in a message."""
    for block in content:
        if block.get("type") == "tool_use":
            return block["id"]
        if "toolUse" in block:
            return block["toolUse"]["toolUseId"]
    raise LookupError("no tool call")


@contextmanager
def _environ(changes: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
