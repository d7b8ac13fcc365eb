"""`outcrop chat`: a conversation in the terminal."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from outcrop.cli import DEFAULT_MODEL, DONE
from outcrop.cli.connection import connect, note
from outcrop.errors import APIError

if TYPE_CHECKING:
    from outcrop.messages.params import MessageCreateParamsBase, MessageParam


def chat(
    *,
    model: Annotated[str, Parameter(name=["--model", "-m"])] = DEFAULT_MODEL,
    region: str | None = None,
    profile: str | None = None,
    system: str | None = None,
    max_tokens: int = 1024,
    local: Annotated[bool, Parameter(negative=())] = False,
    actor: str | None = None,
) -> int:
    """Talk with Claude; /reset starts over, /exit or Ctrl-D ends.

    Parameters
    ----------
    model
        Model ID, inference profile ID or ARN.
    region
        AWS region; otherwise as the environment and the profile say.
    profile
        Profile of ~/.aws/config.
    system
        System prompt.
    max_tokens
        Longest answer.
    local
        Talk with a local Bedrock, started for this conversation: no AWS account needed.
    actor
        Who answers locally: parrot, small or script:FILE.
    """
    turns: list[MessageParam] = []
    with connect(region=region, profile=profile, local=local, actor=actor) as client:
        note(f"{model} · /reset starts over, /exit or Ctrl-D ends")
        while (said := _ask()) is not None:
            if said == "/exit":
                break
            if said == "/reset":
                turns.clear()
                note("(a new conversation)")
                continue
            if not said:
                continue
            turns.append({"role": "user", "content": said})
            request: MessageCreateParamsBase = {
                "model": model,
                "max_tokens": max_tokens,
                "messages": turns,
            }
            if system is not None:
                request["system"] = system
            try:
                with client.messages.stream(**request) as answer:
                    for piece in answer.text_stream:
                        print(piece, end="", flush=True)
                    print()
                    reply = answer.get_final_message()
            except APIError as error:  # a refused turn needn't end the conversation
                turns.pop()
                note(f"outcrop: {error}")
                continue
            turns.append({"role": "assistant", "content": reply.content})
    return DONE


def _ask() -> str | None:
    """The next line that is said, None at the end of input."""
    try:
        if sys.stdin.isatty():
            import_module("readline")  # line editing and history for input()

            return input("> ").strip()
        line = sys.stdin.readline()
    except EOFError:
        return None
    return line.strip() if line else None
