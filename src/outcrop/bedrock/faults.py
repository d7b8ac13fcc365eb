"""AWS's errors ⇄ our errors: read by the client, written by the local Bedrock.

Rules: the class table is `outcrop.errors`; here stand how a refusal looks on the wire, which texts
change what a client should do, and AWS's words for what the local Bedrock refuses.
Sources: botocore `parsers.py` (where a name stands: `x-amzn-ErrorType` cut at `:`, else `__type` or
`code` cut at `#`), real refusals as publicly reported, Amazon Bedrock User Guide "Troubleshooting".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec
import orjson
from msgspec import Struct

from outcrop import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.wire.http import HeaderMap, Headers

ERROR_TYPE_SUFFIX = ":http://internal.amazon.com/coral/com.amazon.bedrock/"

# AWS's words ─────────────────────────────────────────────────────────────────────────────────────

UNKNOWN_MODEL = "The provided model identifier is invalid."
#: The apostrophe is U+2019 on the wire.
NEEDS_PROFILE = (
    "Invocation of model ID {model_id} with on-demand throughput isn’t supported. "  # noqa: RUF001
    "Retry your request with the ID or ARN of an inference profile that contains this model."
)
MODEL_ENDED = (
    "This model version has reached the end of its life. "
    "Please refer to the AWS documentation for more details."
)
UNKNOWN_KEY = "The security token included in the request is invalid."
BAD_API_KEY = "Authentication failed: Please make sure your API Key is valid."
TOO_MANY_REQUESTS = "Too many requests, please wait before trying again."
TOO_LONG = "Input is too long for requested model."


class Remedy(Struct, frozen=True):
    """What a refusal's text means for the caller."""

    aws_name: str
    fragment: str
    mend: str
    retryable: bool | None = None


#: Texts that say more than the exception's name. The first that matches counts.
REMEDIES: tuple[Remedy, ...] = (
    Remedy(
        "ThrottlingException",
        "tokens per day",
        "The daily token quota is used up: another region or the global profile may have room.",
        retryable=False,
    ),
    Remedy(
        "ValidationException",
        "on-demand throughput isn",
        "Put an inference profile's prefix before the ID, such as 'global.' or 'us.'.",
    ),
    Remedy(
        "ValidationException",
        "model identifier is invalid",
        "'outcrop models --region REGION' lists the IDs that a region serves.",
    ),
    Remedy(
        "ValidationException",
        "Invalid API version",
        "Leave anthropic_version out: Outcrop sends the one that the model accepts.",
    ),
    Remedy(
        "ValidationException",
        "invalid beta flag",
        "Bedrock doesn't say which: take flags out of betas=[…] one by one.",
    ),
    Remedy(
        "ValidationException",
        "support counting tokens",
        "outcrop.estimate_tokens estimates, without asking anybody.",
    ),
    Remedy(
        "ValidationException",
        "output_config.format: Extra inputs",
        "On Bedrock the models of 4.5 and 4.6 take it; for others, use a tool that is forced.",
    ),
    Remedy(
        "ValidationException",
        "data retention mode",
        "PutAccountDataRetention sets the account's mode; the model's card names those it takes.",
    ),
    Remedy(
        "AccessDeniedException",
        "not available for this account",
        "The model is open by invitation: ask AWS, or call another one.",
    ),
    Remedy(
        "ResourceNotFoundException",
        "use case details have not been submitted",
        "Fill in Anthropic's use-case form once for the account, in the Bedrock console or by "
        "PutUseCaseForModelAccess.",
    ),
    Remedy(
        "ResourceNotFoundException",
        "marked by provider as Legacy",
        "'outcrop resolve MODEL' names its successor.",
    ),
    Remedy(
        "ResourceNotFoundException",
        "reached the end of its life",
        "'outcrop models' lists its successors.",
    ),
    Remedy(
        "ExpiredTokenException",
        "expired",
        "Renew the credentials, with 'aws sso login' for instance.",
    ),
    Remedy(
        "UnrecognizedClientException",
        "",
        "Check the access key, and that a session token goes with temporary keys.",
    ),
    Remedy(
        "InvalidSignatureException",
        "does not match",
        "Check the secret key; a proxy that alters headers breaks signatures too.",
    ),
    Remedy("InvalidSignatureException", "Signature expired", "Set this machine's clock."),
    Remedy("InvalidSignatureException", "not yet current", "Set this machine's clock."),
    Remedy("AccessDeniedException", "API Key", "API keys are bound to a region and expire."),
)


def remedy(aws_name: str | None, message: str) -> Remedy | None:
    """The remedy for a refusal, if its text is known."""
    for row in REMEDIES:
        if row.aws_name == aws_name and row.fragment in message:
            return row
    return None


# Asking half: refusals come in ───────────────────────────────────────────────────────────────────


def read_fault(status: int, headers: HeaderMap, body: bytes) -> errors.APIStatusError:
    """The error that a refused call's response stands for."""
    decoded = _decode(body)
    fields = _fields(decoded)
    name = headers.get("x-amzn-errortype") or fields.get("__type") or fields.get("code")
    if isinstance(name, str):
        name = name.partition(":")[0].rpartition("#")[2]
    message = fields.get("message") or fields.get("Message")
    if message is None:  # Anthropic's own envelope
        message = _fields(fields.get("error")).get("message")
    if not isinstance(message, str):
        message = body[:500].decode("utf-8", "replace").strip() or f"HTTP status {status}"
    return _error(
        name if isinstance(name, str) else None, message, status, body=decoded, headers=headers
    )


def read_stream_fault(headers: Mapping[str, Any], payload: bytes) -> errors.APIStatusError:
    """The error that an exception or error frame in a stream stands for."""
    name = headers.get(":exception-type") or headers.get(":error-code")
    aws_name = str(name)[:1].upper() + str(name)[1:] if name else None
    decoded = _decode(payload)
    message = _fields(decoded).get("message")
    if not isinstance(message, str):
        message = str(headers.get(":error-message") or aws_name or "error in the stream")
    return _error(aws_name, message, 200, body=decoded, headers=None)


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "replace")


def _fields(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _error(
    name: str | None, message: str, status: int, *, body: object, headers: HeaderMap | None
) -> errors.APIStatusError:
    known = remedy(name, message)
    return errors.for_refusal(name, status)(
        message,
        aws_name=name,
        status_code=status,
        headers=headers.asdict() if headers else None,
        retry_after=_seconds(headers.get("retry-after")) if headers else None,
        body=body,
        mend=known.mend if known else "",
        retryable=known.retryable if known else None,
    )


def _seconds(text: str | None) -> float | None:
    """`retry-after` in seconds; AWS doesn't send the date form."""
    try:
        seconds = float(text) if text else None
    except ValueError:
        return None
    return seconds if seconds is not None and seconds >= 0 else None


# Answering half: refusals go out ─────────────────────────────────────────────────────────────────


def write_fault(error: errors.APIStatusError) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a refusal, as Bedrock's front door sends it."""
    if isinstance(error, errors.UnknownOperationException):
        return error.status_code, [("Content-Type", "application/xml")], _UNKNOWN_OPERATION
    headers = [
        ("Content-Type", "application/json"),
        ("x-amzn-ErrorType", f"{_name(error)}{ERROR_TYPE_SUFFIX}"),
    ]
    if error.retry_after is not None:
        headers.append(("Retry-After", f"{error.retry_after:g}"))
    return error.status_code, headers, orjson.dumps({error.message_key: _sound(error.message)})


#: What AWS would call an error that has a status only.
_BY_STATUS = {
    cls.status: name for name, cls in reversed(errors.BY_NAME.items()) if name.endswith("Exception")
}


def _name(error: errors.APIStatusError) -> str:
    return error.aws_name or _BY_STATUS.get(error.status_code, "InternalServerException")


def _sound(text: str) -> str:
    """The text without what UTF-8 can't hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


_UNKNOWN_OPERATION = b"<UnknownOperationException/>\n"


def write_stream_fault(error: errors.APIStatusError) -> tuple[dict[str, str], bytes]:
    """Headers and payload of the exception frame that ends a stream."""
    name = _name(error)
    headers = {
        ":exception-type": name[:1].lower() + name[1:],
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return headers, orjson.dumps({"message": _sound(error.message)})
