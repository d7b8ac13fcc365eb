"""`outcrop message`: one question, one answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from outcrop.cli import DEFAULT_MODEL, DONE
from outcrop.cli.connection import connect, note
from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from outcrop.messages.params import MessageCreateParamsBase


def message(
    prompt: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    model: Annotated[str, Parameter(name=["--model", "-m"])] = DEFAULT_MODEL,
    region: str | None = None,
    profile: str | None = None,
    system: str | None = None,
    max_tokens: int = 1024,
    stream: Annotated[bool, Parameter(negative=())] = False,
    local: Annotated[bool, Parameter(negative=())] = False,
    actor: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Send a message to Claude and print the answer.

    Parameters
    ----------
    prompt
        What to say; "-" reads standard input.
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
    stream
        Print the answer as it comes.
    local
        Ask a local Bedrock, started for this one message: no AWS account needed.
    actor
        Who answers locally: parrot, small or script:FILE.
    json
        Print the whole reply as JSON (with --stream, one event a line).
    """
    text = sys.stdin.read() if prompt == "-" else prompt
    if not text.strip():
        raise ConfigurationError("Nothing to send: the prompt is empty.")
    request: MessageCreateParamsBase = {
        "model": model,
        "max_tokens": max_tokens,
        "messages": [{"role": "user", "content": text}],
    }
    if system is not None:
        request["system"] = system
    with connect(region=region, profile=profile, local=local, actor=actor) as client:
        if stream and json:
            for event in client.messages.create(stream=True, **request):
                print(event.to_json(indent=None), flush=True)
            return DONE
        if stream:
            with client.messages.stream(**request) as answer:
                for piece in answer.text_stream:
                    print(piece, end="", flush=True)
                print()
                reply = answer.get_final_message()
        else:
            reply = client.messages.create(**request)
            if json:
                print(reply.to_json())
                return DONE
            print("".join(block.text for block in reply.content if block.type == "text"))
    usage = reply.usage
    note(
        f"[{usage.input_tokens} tokens in, {usage.output_tokens} out, {reply.stop_reason}; "
        f"{reply.route}]"
    )
    return DONE
