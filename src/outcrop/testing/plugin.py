"""The pytest fixture `bedrock`: a local Bedrock for the session, started when first asked for.

Rules: this module is imported by every run of pytest where Outcrop is installed, so it imports
nothing of Outcrop until a test asks for the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outcrop.server.serve import LocalBedrock


@pytest.fixture(scope="session")
def bedrock() -> Iterator[LocalBedrock]:
    """A running local Bedrock in which the parrot answers; see `outcrop.testing.local_bedrock`."""
    from outcrop.testing import local_bedrock

    with local_bedrock() as running:
        yield running
