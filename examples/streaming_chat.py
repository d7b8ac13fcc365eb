"""A chat that shows what Claude says as it comes, and remembers what was said.

    python examples/streaming_chat.py [line …]

Says the lines that it is given, or what you type, to an empty line. Runs against a local Bedrock
that lives as long as this script. Against real AWS, leave out the line marked so, and give your own
keys or none.
"""

import sys
from collections.abc import Iterator

from outcrop import AnthropicBedrock
from outcrop.testing import local_bedrock
from outcrop.types import MessageParam

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"


def lines() -> Iterator[str]:
    """What the user says."""
    if sys.argv[1:] or not sys.stdin.isatty():
        yield from sys.argv[1:] or ["Hello, my name is Ada.", "What is my name?"]
        return
    while line := input("you: ").strip():
        yield line


with local_bedrock() as bedrock:
    client = AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region="us-west-2",
        base_url=bedrock.url,  # real AWS: leave this line out
    )
    turns: list[MessageParam] = []
    for line in lines():
        turns.append({"role": "user", "content": line})
        with client.messages.stream(model=MODEL, max_tokens=512, messages=turns) as stream:
            for text in stream.text_stream:
                print(text, end="", flush=True)
            message = stream.get_final_message()
        print(f"  [{message.usage.input_tokens} + {message.usage.output_tokens} tokens]")
        turns.append({"role": "assistant", "content": message.content})
    client.close()
