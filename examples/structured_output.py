"""A reply that is a value of a type: a dataclass here; a TypedDict or pydantic model does as well.

Runs against a local Bedrock that lives as long as this script. Against real AWS, leave out the line
marked so, and give your own keys or none.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from outcrop import AnthropicBedrock, OutputError
from outcrop.testing import local_bedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"


@dataclass
class Trip:
    """A trip that somebody wants to book."""

    city: str
    days: Annotated[int, msgspec.Meta(ge=1, description="Whole days in the city")]
    seat: Literal["window", "aisle"]


with local_bedrock() as bedrock:
    client = AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region="us-west-2",
        base_url=bedrock.url,  # real AWS: leave this line out
    )
    for max_tokens in (256, 4):  # 4 are too few: the JSON is cut
        try:
            reply = client.messages.parse(
                output_format=Trip,
                model=MODEL,
                max_tokens=max_tokens,
                messages=[
                    {"role": "user", "content": "Book Paris for 3 days, a window seat please."}
                ],
            )
        except OutputError as error:
            print(error)
        else:
            trip = reply.parsed_output
            print(f"{trip.days} days in {trip.city}, {trip.seat} seat")
    client.close()
