"""Thinking, shown, handed back with a tool's result, and refused when it was altered.

Runs against a local Bedrock that lives as long as this script. Against real AWS, leave out the line
marked so, and give your own keys or none.
"""

from typing import Any

from outcrop import AnthropicBedrock, BadRequestError
from outcrop.testing import local_bedrock

ASK: dict[str, Any] = {
    "model": "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "max_tokens": 4096,
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "tools": [
        {
            "name": "get_weather",
            "description": "Tells the weather of a city.",
            "input_schema": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        }
    ],
}

with local_bedrock() as bedrock:
    client = AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region="us-west-2",
        base_url=bedrock.url,  # real AWS: leave this line out
    )
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    with client.messages.stream(**ASK, messages=messages) as stream:
        print("thinking: ", end="")
        for event in stream:
            if event.type == "thinking":
                print(event.thinking, end="", flush=True)
        print()
        message = stream.get_final_message()

    # The whole reply goes back, thinking and its signature included.
    results: list[Any] = []
    for block in message.content:
        if block.type == "tool_use":
            print("call:", block.name, block.input)
            results.append(
                {"type": "tool_result", "tool_use_id": block.id, "content": "Sunny, 21 °C."}
            )
    messages += [
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": results},
    ]
    answer = client.messages.create(**ASK, messages=messages, stream=False)
    for block in answer.content:
        if block.type == "text":
            print("answer:", block.text)

    # Thinking is signed: put other words into Claude's head, and they are refused.
    thought = {**message.content[0].to_dict(), "thinking": "I know it without asking."}
    messages[1] = {"role": "assistant", "content": [thought, *message.content[1:]]}
    try:
        client.messages.create(**ASK, messages=messages)
    except BadRequestError as error:
        print("refused:", error.message)
    client.close()
