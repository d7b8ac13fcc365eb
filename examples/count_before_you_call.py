"""Count before you call: estimate for nothing, ask where it matters, then send what fits.

Runs against a local Bedrock that lives as long as this script. Against real AWS, leave out the line
marked so, and give your own keys or none.
"""

from typing import Any

from outcrop import AnthropicBedrock, estimate_tokens
from outcrop.testing import local_bedrock

MODEL = "global.anthropic.claude-opus-4-8"
BUDGET = 2_000  # input tokens that one answer may cost
notes = [
    f"Note {n}: the pump in hall {n % 7} ran {n * 3} hours without a fault." for n in range(400)
]

with local_bedrock() as bedrock:
    client = AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region="us-east-1",
        base_url=bedrock.url,  # real AWS: leave this line out
    )
    while True:
        prompt = "Which hall needs a look first?\n\n" + "\n".join(notes)
        request: dict[str, Any] = {
            "model": MODEL,
            "messages": [{"role": "user", "content": prompt}],
        }
        estimate = estimate_tokens(request["messages"], model=MODEL)
        if estimate.low > BUDGET:  # too long for certain: no need to ask
            print(f"{len(notes)} notes: {estimate!r}, too many")
            notes = notes[len(notes) // 2 :]
            continue
        counted = client.messages.count_tokens(**request).input_tokens
        print(f"{len(notes)} notes: estimate {estimate}, counted {counted:,}")
        if counted <= BUDGET:
            break
        notes = notes[len(notes) // 4 :]

    message = client.messages.create(max_tokens=256, **request)
    print(f"charged: {message.usage.input_tokens:,}")
    client.close()
