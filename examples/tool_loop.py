"""The tool loop: Claude calls functions of yours, several at once, until it can answer.

    python examples/tool_loop.py [--api invoke|converse] [question]

Runs against a local Bedrock that lives as long as this script. Against real AWS, leave out the line
marked so, and give your own keys or none.
"""

import argparse
from typing import Literal

import outcrop
from outcrop.testing import local_bedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
SKY = {"Paris": "sunny", "Rome": "cloudy"}


@outcrop.tool
def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """Tells the weather of a city.

    Args:
        city: Its name, such as "Paris".
        unit: Of the temperature.
    """
    if city not in SKY:
        raise outcrop.ToolError(f"No station in {city}. There are stations in {', '.join(SKY)}.")
    return f"{SKY[city]}, {21 if unit == 'celsius' else 70}° {unit}"


parser = argparse.ArgumentParser(description="Asks Claude about the weather.")
parser.add_argument("--api", choices=["invoke", "converse"], default="invoke")
parser.add_argument("question", nargs="?", default="What is the weather in Paris and in Rome?")
options = parser.parse_args()

with local_bedrock() as bedrock:
    client = outcrop.AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region="us-west-2",
        base_url=bedrock.url,  # real AWS: leave this line out
        api=options.api,
    )
    runner = client.messages.run_tools(
        model=MODEL,
        max_tokens=512,
        tools=[get_weather],
        messages=[{"role": "user", "content": options.question}],
        max_turns=5,
    )
    for message in runner:
        for block in message.content:
            if block.type == "tool_use":
                print("call:", block.name, block.input)
            elif block.type == "text":
                print("answer:", block.text)
    print(len(runner.messages), "messages to continue from")
    client.close()
