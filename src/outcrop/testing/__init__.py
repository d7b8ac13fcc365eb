"""A local Bedrock for tests, in this process: `local_bedrock()`, and the pytest fixture `bedrock`.

Rules: nothing outside this process is started or needed; a free port each time; the parrot answers
the same request with the same words, unless another actor is named; importing this costs nothing.

```python
from outcrop import AnthropicBedrock
from outcrop.testing import local_bedrock

with local_bedrock() as bedrock:
    client = AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region=bedrock.region,
        base_url=bedrock.url,
    )
```
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Generator

    from outcrop.server.actors import Actor
    from outcrop.server.serve import LocalBedrock

__all__ = ["local_bedrock"]


@contextmanager
def local_bedrock(
    *,
    actor: Actor | str = "parrot",
    region: str = "us-east-1",
    tls: bool = False,
    auth: bool = True,
    script: str | os.PathLike[str] | None = None,
    today: str | None = None,
) -> Generator[LocalBedrock]:
    """A running local Bedrock, which stops at the end of the `with`.

    Its attributes: `url`, `environ()`, `region`, `access_key` and `secret_key`, `api_key`,
    `session_credentials`, `ca_bundle` (with TLS).

    Args:
        actor: Who answers: `parrot`, `small`, `script:FILE`, or an actor of your own.
        region: The region to name; every region is served.
        tls: Whether to serve https; boto3 sends API keys only so.
        auth: Whether signatures and keys are verified.
        script: A script's file, the same as `actor="script:FILE"`.
        today: Day by which models are legacy or ended, ISO 8601; the catalog's if None.

    Raises:
        ConfigurationError: Something of this can't be right.
    """
    from outcrop.server.serve import LocalBedrock, Options

    if script is not None:
        actor = f"script:{script}"
    options = Options(actor=actor, region=region, tls=tls, auth=auth, today=today)
    with LocalBedrock(options) as running:
        yield running
