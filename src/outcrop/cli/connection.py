"""What `message` and `chat` share: a client of AWS, or of a local Bedrock made for the occasion."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from outcrop.errors import ConfigurationError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Generator

    from outcrop import AnthropicBedrock


def note(line: str) -> None:
    """A line for people, on standard error."""
    print(line, file=sys.stderr)


@contextmanager
def connect(
    *, region: str | None, profile: str | None, local: bool, actor: str | None
) -> Generator[AnthropicBedrock]:
    """A client; with `local`, of a local Bedrock that lives as long as it."""
    from outcrop import AnthropicBedrock

    for option, value, wants_local in (("--actor", actor, True), ("--profile", profile, False)):
        if value is not None and local is not wants_local:
            raise ConfigurationError(
                f"{option} {value} doesn't go {'without' if wants_local else 'with'} --local.",
                mend="Leave one of them out." if local else "Add --local, or leave it out.",
            )
    if not local:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            client = AnthropicBedrock(aws_region=region, aws_profile=profile)
        for warning in caught:
            note(f"outcrop: {warning.message}")
        with client:
            try:
                yield client
            except CredentialsError as error:
                raise CredentialsError(
                    error.message, mend=f"{error.mend} Without an account: add --local."
                ) from error
        return

    from outcrop.cli.serve import default_actor
    from outcrop.server.serve import LocalBedrock, Options

    options = Options(port=0, actor=actor or default_actor(note), region=region or "us-west-2")
    with (
        LocalBedrock(options) as bedrock,
        AnthropicBedrock(
            aws_access_key=bedrock.access_key,
            aws_secret_key=bedrock.secret_key,
            aws_region=bedrock.region,
            base_url=bedrock.url,
        ) as client,
    ):
        note(f"outcrop: {bedrock.actor_name} answers, a stand-in, not Claude.")
        yield client
