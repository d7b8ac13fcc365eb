"""Prompt caching: what the first call writes, the second reads for a tenth of the price.

Runs against a local Bedrock that lives as long as this script. Against real AWS, leave out the line
marked so, and give your own keys or none.
"""

from typing import Any

from outcrop import AnthropicBedrock
from outcrop.testing import local_bedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
# This model caches nothing shorter than 1,024 tokens.
HANDBOOK = "\n".join(f"Rule {n}: whoever arrives as number {n} sits in row {n}." for n in range(99))
SYSTEM: list[Any] = [{"type": "text", "text": HANDBOOK, "cache_control": {"type": "ephemeral"}}]

with local_bedrock() as bedrock:
    client = AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region="us-west-2",
        base_url=bedrock.url,  # real AWS: leave this line out
    )
    for question in ("Who sits in row 7?", "And in row 8?"):
        message = client.messages.create(
            model=MODEL,
            max_tokens=256,
            system=SYSTEM,
            messages=[{"role": "user", "content": question}],
        )
        usage = message.usage
        print(
            f"{question} "
            f"written: {usage.cache_creation_input_tokens}, "
            f"read: {usage.cache_read_input_tokens}, "
            f"neither: {usage.input_tokens}"
        )
    client.close()
