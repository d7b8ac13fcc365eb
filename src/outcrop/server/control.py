"""The local Bedrock's control plane: requests in, replies out.

Rules: what is answered is decided in `outcrop.bedrock.control`; here it only gets its HTTP.
Source: botocore `bedrock/2023-04-20/service-2.json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import orjson

from outcrop.bedrock import control
from outcrop.errors import ValidationException

if TYPE_CHECKING:
    from outcrop.wire.http import Headers

_HEADERS: Headers = [("Content-Type", "application/json")]


def list_foundation_models(query: str, *, region: str, today: str) -> tuple[Headers, bytes]:
    """Headers and body of ListFoundationModels' reply.

    Args:
        query: The query as on the wire.
        region: Whose endpoint is asked.
        today: ISO 8601.

    Raises:
        ValidationException: A filter has a value that it can't have.
    """
    try:
        filters = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=64))
    except ValueError:
        raise ValidationException("The query string has too many parameters.") from None
    return _HEADERS, orjson.dumps(
        control.list_foundation_models(filters, region=region, today=today)
    )
