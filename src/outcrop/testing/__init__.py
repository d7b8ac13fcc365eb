"""A local Bedrock for tests, in this process: `local_bedrock()`, and the pytest fixture `bedrock`.

Rules: nothing outside this process is started or needed; a free port each time; the parrot answers
the same request with the same words, unless another actor is named; importing this costs nothing.

For answers of your own there are `Ask`, what is asked; `read`, which takes its document apart; and
the pieces of an answer: `Text`, `CitedText`, `Thinking`, `RedactedThinking`, `ToolUse`, `Wait`,
`Refuse` and `Stop`.

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
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import os
    from collections.abc import Generator

    from outcrop.server.accounts.access import Opening, Standing
    from outcrop.server.actors import (
        Actor,
        Ask,
        CitedText,
        Piece,
        RedactedThinking,
        Refuse,
        Stop,
        Text,
        Thinking,
        ToolUse,
        Wait,
    )
    from outcrop.server.actors.function import Answer
    from outcrop.server.actors.reading import Reading, read
    from outcrop.server.serve import LocalBedrock

__all__ = [
    "Actor",
    "Answer",
    "Ask",
    "CitedText",
    "Piece",
    "Reading",
    "RedactedThinking",
    "Refuse",
    "Stop",
    "Text",
    "Thinking",
    "ToolUse",
    "Wait",
    "local_bedrock",
    "read",
]

_ELSEWHERE: Final = {
    "Answer": "outcrop.server.actors.function",
    "Reading": "outcrop.server.actors.reading",
    "read": "outcrop.server.actors.reading",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'outcrop.testing' has no attribute {name!r}")
    value = getattr(import_module(_ELSEWHERE.get(name, "outcrop.server.actors")), name)
    globals()[name] = value
    return value


@contextmanager
def local_bedrock(
    *,
    actor: Actor | Answer | str = "parrot",
    region: str = "us-east-1",
    tls: bool = False,
    auth: bool = True,
    script: str | os.PathLike[str] | None = None,
    record: str | os.PathLike[str] | None = None,
    today: str | None = None,
    access: Opening = "open",
    account: Standing = "active",
    state: str | os.PathLike[str] | None = None,
    s3: str | os.PathLike[str] | None = None,
    cloudwatch: str | None = None,
    log_to: str | None = None,
) -> Generator[LocalBedrock]:
    """A running local Bedrock, which stops at the end of the `with`.

    Its attributes: `url`, `environ()`, `region`, `access_key` and `secret_key`, `api_key`,
    `session_credentials`, `ca_bundle` (with TLS).

    Args:
        actor: Who answers: `parrot`, `small`, `script:FILE`, a function of your own (it gets an
            `Ask`, and gives a text, or pieces), or an actor.
        region: The region to name; every region is served.
        tls: Whether to serve https; boto3 sends API keys only so.
        auth: Whether signatures and keys are verified.
        script: A script's file, YAML or Python, the same as `actor="script:FILE"`.
        record: A new file to write a script to, which answers later as is answered now.
        today: Day by which models are legacy or ended, ISO 8601; the catalog's if None.
        access: What an account needs for its first call: nothing (`open`), the use-case form
            (`form`), or an agreement for each model as well (`agreement`).
        account: `active`, `new` (which can't start with legacy models) or `invited` (to models that
            are by invitation only).
        state: Folder that keeps what accounts have; in memory only if None.
        s3: Where buckets are, for logs of invocations: a folder whose subfolders are the buckets,
            or the URL of an S3-compatible endpoint.
        cloudwatch: URL of an endpoint that answers CloudWatch Logs' operations.
        log_to: `s3://BUCKET` or `s3://BUCKET/PREFIX`, where every invocation is logged.

    Raises:
        ConfigurationError: Something of this can't be right.
    """
    from outcrop.server.serve import LocalBedrock, Options

    if script is not None:
        actor = f"script:{script}"
    options = Options(
        actor=actor,
        record=None if record is None else Path(record),
        region=region,
        tls=tls,
        auth=auth,
        today=today,
        access=access,
        account=account,
        state=None if state is None else Path(state),
        s3=s3,
        cloudwatch=cloudwatch,
        log_to=log_to,
    )
    with LocalBedrock(options) as running:
        yield running
