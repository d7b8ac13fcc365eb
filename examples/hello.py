"""The documented sample, against a local Bedrock that lives as long as this script.

`make run` runs this. Against real AWS only the lines marked so differ.
"""

from outcrop import AnthropicBedrock
from outcrop.server.serve import LocalBedrock, Options, small_available

why_not = small_available()
actor = "small" if why_not is None else "parrot"
if why_not:
    print(f"The parrot answers. {why_not}")

with LocalBedrock(Options(port=0, actor=actor, region="us-west-2")) as bedrock:
    print(
        f"Local Bedrock at {bedrock.url}; answering: {bedrock.actor_name} (a stand-in, not Claude)"
    )
    access_key, secret_key, session_token = bedrock.session_credentials

    client = AnthropicBedrock(
        # explicit keys, or the default AWS provider chain (environment, ~/.aws/credentials, …)
        aws_access_key=access_key,
        aws_secret_key=secret_key,
        aws_session_token=session_token,
        aws_region="us-west-2",
        base_url=bedrock.url,  # real AWS: leave this line out
    )
    message = client.messages.create(
        model="global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        max_tokens=256,
        messages=[{"role": "user", "content": "Hello, world"}],
    )
    print(message.content)
    print(message.usage)
    print(message.route)
    client.close()

print(
    """
Stopped. What next:
  keep a server running   .venv/bin/outcrop serve
  point clients at it     eval "$(.venv/bin/outcrop env)"
  talk to it              .venv/bin/outcrop chat --local
  use real AWS            leave base_url out; keys come from your AWS configuration
  read on                 docs/tutorial.md"""
)
