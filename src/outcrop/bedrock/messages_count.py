"""The Messages route's token counter: Anthropic's own JSON, on the host `bedrock-mantle`.

Both halves side by side. The asker writes what has a price in a Messages request, with the model in
it, and reads a number; the answerer reads the one and writes the other, refusals in Anthropic's
envelope.

Rules: the model goes by its name on this route, never with a profile's prefix; versions and betas
are headers here, not fields; what the counter doesn't know it refuses, so that what can't change
the count stays out.
Sources: Amazon Bedrock User Guide, "Monitor your token usage by counting tokens before running
inference"; Anthropic, "Count tokens in a Message" and "Errors" (https://platform.claude.com/docs);
observed with anthropic 2.12.0 (`AnthropicBedrockMantle`: host, path, signing name, headers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import orjson

from outcrop.bedrock import invoke
from outcrop.catalog.models import LATEST
from outcrop.errors import (
    APIResponseValidationError,
    NotFoundError,
    UnknownOperationException,
    ValidationException,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from outcrop.catalog.models import Model
    from outcrop.errors import APIStatusError
    from outcrop.wire.http import Headers

Document = dict[str, Any]

TARGET: Final = "/anthropic/v1/messages/count_tokens"
#: Signing name.
SERVICE: Final = "bedrock-mantle"
#: The `anthropic-version` that says what `bedrock-2023-05-31` says to InvokeModel.
FIRST: Final = "2023-06-01"
OLD: Final = "bedrock-2023-05-31"

#: What the official SDK's `beta.messages.count_tokens` sends in a body.
FIELDS: Final = frozenset(
    {
        "billing_policy",
        "cache_control",
        "compaction",
        "context_management",
        "mcp_servers",
        "messages",
        "model",
        "output_config",
        "speed",
        "system",
        "thinking",
        "tool_choice",
        "tools",
        "user_profile_id",
        "workspace_id",
    }
)
#: Fields of a request for a reply that can't change the count.
FREE: Final = frozenset(
    {
        "anthropic_beta",
        "anthropic_version",
        "container",
        "diagnostics",
        "inference_geo",
        "max_tokens",
        "metadata",
        "service_tier",
        "stop_sequences",
        "temperature",
        "top_k",
        "top_p",
    }
)

# Asking half ─────────────────────────────────────────────────────────────────────────────────────


def write_ask(
    document: Mapping[str, Any], *, model_id: str, api_version: str
) -> tuple[Headers, bytes]:
    """Headers and body of the question what a Messages request costs.

    Args:
        document: The request, as for a reply; fields that are free are left out.
        model_id: The model's name on this route.
        api_version: The `anthropic_version` that the request would be sent with.

    Raises:
        RequestError: For a value that JSON can't hold.
    """
    body = invoke.with_betas(document)
    betas = body.get("anthropic_beta")
    version: str = body.get("anthropic_version") or api_version
    headers: Headers = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
        ("anthropic-version", FIRST if version == OLD else version),
    ]
    if betas:
        headers.append(("anthropic-beta", ",".join(map(str, betas))))
    counted = {name: value for name, value in body.items() if name not in FREE}
    return headers, invoke.dump({"model": model_id, **counted})


def read_reply(body: bytes) -> Document:
    """The reply: `input_tokens`, and whatever else stands in it.

    Raises:
        APIResponseValidationError: The body isn't a reply of the counter.
    """
    try:
        document = msgspec.json.decode(body, type=Document)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        document = {}
    if type(document.get("input_tokens")) is not int:
        raise APIResponseValidationError(
            f"The reply has no 'input_tokens': {body[:200]!r}.",
            mend="Check base_url: does that endpoint have the Messages route's counter?",
        )
    return document


# Answering half ──────────────────────────────────────────────────────────────────────────────────


def read_ask(
    body: bytes, header: Callable[[str], str | None], *, find: Callable[[object], Model | None]
) -> tuple[Model, Document]:
    """Whose price is asked, and the Messages request as InvokeModel would get it.

    Args:
        body: The JSON.
        header: Looks up a header of the request, by its name in lower case.
        find: The model of a name on this route, if it is served.

    Raises:
        ValidationException: It isn't a request that can be counted.
        NotFoundError: The route doesn't have the model.
    """
    try:
        document = msgspec.json.decode(body, type=Document)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        raise ValidationException("The request body is not valid JSON.") from None
    version = header("anthropic-version")
    if not version:
        raise ValidationException("anthropic-version: header is required")
    if version not in (FIRST, LATEST):
        raise ValidationException(f'anthropic-version: "{version}" is not a valid version')  # (?)
    name = document.pop("model", None)
    if not isinstance(name, str):
        wrong = "Field required" if name is None else "Input should be a valid string"
        raise ValidationException(f"model: {wrong}")
    model = find(name)
    if model is None:
        raise NotFoundError(f"The model '{name[:256]}' does not exist", status_code=404)
    for field in document:
        if field not in FIELDS:
            raise ValidationException(f"{field}: Extra inputs are not permitted")
    document["anthropic_version"] = OLD if version == FIRST else LATEST
    flags = [flag.strip() for flag in (header("anthropic-beta") or "").split(",")]
    if betas := [flag for flag in flags if flag]:
        document["anthropic_beta"] = betas
    return model, document


def write_reply(count: int) -> tuple[Headers, bytes]:
    """Headers and body of a reply."""
    return [("Content-Type", "application/json")], orjson.dumps({"input_tokens": count})


#: HTTP status → the type of an error (Anthropic, "Errors").
TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


def write_fault(error: APIStatusError, *, request_id: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a refusal, in Anthropic's envelope."""
    headers: Headers = [("Content-Type", "application/json")]
    if error.retry_after is not None:
        headers.append(("Retry-After", f"{error.retry_after:g}"))
    kind = TYPES.get(error.status_code, "api_error")
    message = "Not found" if isinstance(error, UnknownOperationException) else error.message
    envelope = {
        "type": "error",
        "error": {"type": kind, "message": message.encode("utf-8", "replace").decode("utf-8")},
        "request_id": request_id,
    }
    return error.status_code, headers, orjson.dumps(envelope)
