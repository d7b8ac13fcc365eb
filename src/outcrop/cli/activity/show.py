"""`outcrop activity show`: one call as a conversation."""

from __future__ import annotations

import sys
from typing import Any

from outcrop.cli import DONE
from outcrop.cli.activity.place import Where, milliseconds, money, number, opened
from outcrop.cli.connection import note
from outcrop.cli.table import print_facts, print_json


def show(request_id: str, /, *, where: Where = Where()) -> int:  # noqa: B008 - never changed
    """Show one call: what it was, what it cost, and what was said, streams put together.

    Parameters
    ----------
    request_id
        AWS's ID of the request, as replies, errors and the other commands tell it.
    """
    from outcrop.activity import words

    with opened(where) as log:
        told = words.conversation(log, request_id)
    if where.json:
        print_json(told)
        return DONE
    print_facts(_facts(told))
    bold, end = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
    for turn in told["turns"]:
        print(f"\n{bold}{_plain(turn['role'])}{' (reply)' if turn['reply'] else ''}{end}")
        for block in turn["blocks"]:
            head = " ".join(
                filter(None, ["" if block["kind"] == "text" else block["kind"], block["note"]])
            )
            if head:
                print(f"[{_plain(head)}]")
            if block["text"]:
                print(_plain(block["text"]))
    for line in told["missing"]:
        note(f"outcrop: {line}")
    if told["cut"]:
        note(f"outcrop: {number(told['cut'])} characters aren't shown; --json has no more either.")
    return DONE


def _facts(told: dict[str, Any]) -> list[tuple[str, str]]:
    call = told["call"]
    cost = "no price" if call["cost"] is None else f"${money(call['cost'])}"
    latency = milliseconds(call["latency_ms"])
    tokens = (
        f"{number(call['input_tokens'])} in, {number(call['output_tokens'])} out, "
        f"{number(call['cache_read_tokens'])} read from and "
        f"{number(call['cache_write_tokens'])} written to the cache; {cost}"
    )
    facts = [
        ("Request", call["request_id"]),
        (
            "Time",
            f"{call['time']:%Y-%m-%d %H:%M:%S} UTC" + (f", took {latency}" if latency else ""),
        ),
        ("Call", f"{call['operation']} of {call['model_id']} in {call['region']}"),
        ("Identity", call["identity"] or ""),
        ("Tokens", tokens),
        ("Ended", call["error"] or call["stop_reason"] or ""),
        ("Metadata", str(call["metadata"] or "")),
        ("Settings", ", ".join(f"{name}={value}" for name, value in told["settings"].items())),
        ("Tools", ", ".join(told["tools"])),
    ]
    return [(name, " ".join(_plain(said).split())) for name, said in facts if said]


def _plain(text: str) -> str:
    """A stranger's text without what a terminal would obey."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")
