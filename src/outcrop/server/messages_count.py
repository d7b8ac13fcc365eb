"""The token counter of the Messages route, as `bedrock-mantle` has it.

Rules: it counts with the same estimator as everything else, so that its number is the one that the
request is charged with; it serves the models that the catalog knows on that route in the caller's
region, by the names that they have there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from outcrop.bedrock import checks, messages_count
from outcrop.bedrock.count import room
from outcrop.catalog import models
from outcrop.catalog.models import LATEST
from outcrop.errors import ValidationException

if TYPE_CHECKING:
    from collections.abc import Callable

    from outcrop.catalog.models import Model


def count_tokens(body: bytes, header: Callable[[str], str | None], *, region: str) -> int:
    """The input tokens that a Messages request would be charged with.

    A prompt that is longer than the model's context is counted all the same (?).

    Args:
        body: The JSON.
        header: Looks up a header of the request, by its name in lower case.
        region: Whose endpoint is called.

    Raises:
        ValidationException: It isn't a request that can be counted, or the model would refuse it.
        NotFoundError: The route doesn't have the model in that region.
    """

    def find(name: object) -> Model | None:
        model = models.find_on_messages_route(name)
        return model if model and region in model.messages_regions else None

    model, document = messages_count.read_ask(body, header, find=find)
    _check_betas(document)
    # On this route every model speaks Anthropic's words and takes both versions (?).
    model = replace(model, context=sys.maxsize, api_versions=[LATEST, messages_count.OLD])
    return checks.check({"max_tokens": room(document), **document}, model=model)


def _check_betas(document: dict[str, Any]) -> None:
    """Here, unlike InvokeModel, the refusal names the flag."""
    for flag in document.get("anthropic_beta", ()):
        if flag not in models.betas():
            raise ValidationException(
                f"Unexpected value(s) `{flag}` for the `anthropic-beta` header. Please consult our "
                "documentation at docs.anthropic.com or try again without the header."
            )
