"""Every error that Outcrop raises, on one page; the class table is the error table.

Rules: each class states AWS's name, the HTTP status and whether a retry can help; the client finds
the class by name to raise it, the local Bedrock raises the same class to refuse. No message ever
holds a secret. The tree, with statuses and AWS's names::

    OutcropError                              (also importable as AnthropicError)
    ├── ConfigurationError                    an argument, variable or file that can't be right
    │   └── CredentialsError                  no credentials, or a sign-in that ran out
    ├── RequestError                          a request that no route could carry
    ├── ToolError                             raised by your tools: what Claude is told
    ├── ToolTurnsError                        the tools took more turns than allowed
    └── APIError
        ├── APIConnectionError                no reply, or it broke off
        │   ├── APITimeoutError
        │   └── StreamTruncatedError          the stream ended before message_stop
        ├── APIResponseValidationError        a reply that isn't what it claims to be
        │   ├── EventStreamError              a frame with a bad length or checksum
        │   └── OutputError                   no value of the type that was asked for
        └── APIStatusError
            ├── BadRequestError          400  ValidationException, ServiceQuotaExceededException,
            │                                 IncompleteSignatureException, RequestExpired
            ├── AuthenticationError      401
            ├── PermissionDeniedError    403  AccessDeniedException, UnrecognizedClientException,
            │                                 InvalidSignatureException, ExpiredTokenException,
            │                                 MissingAuthenticationTokenException
            ├── NotFoundError            404  ResourceNotFoundException, UnknownOperationException
            ├── RequestTimeoutError      408  ModelTimeoutException
            ├── ConflictError            409  ConflictException (Bedrock sends it with 400)
            ├── RequestTooLargeError     413
            ├── UnprocessableEntityError 422
            ├── ModelError               424  ModelErrorException, ModelStreamErrorException
            ├── RateLimitError           429  ThrottlingException, ModelNotReadyException
            └── InternalServerError      5xx  InternalServerException, ServiceUnavailableException

Sources: botocore's `bedrock-runtime/2023-09-30/service-2.json` (names, statuses), the Amazon
Bedrock User Guide "Troubleshooting API error codes" (front door), the official SDK (names of the
parents).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class OutcropError(Exception):
    """Whatever Outcrop raises on purpose.

    Attributes:
        message: What was wrong, in one line.
        mend: What would put it right, if that is known; else an empty string.
    """

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message} {self.mend}".rstrip()


AnthropicError = OutcropError


class ConfigurationError(OutcropError, ValueError):
    """An argument, an environment variable or a file that can't be right."""


class CredentialsError(ConfigurationError):
    """No credentials were found, or they can't be renewed."""


class RequestError(OutcropError, ValueError):
    """A request that no route could carry; raised before anything is sent."""


class ToolError(OutcropError):
    """For your tools to raise: Claude is told its content, as the result of a failed call.

    Attributes:
        content: A text, or content blocks such as images.
    """

    def __init__(self, content: str | Sequence[Mapping[str, Any]]) -> None:
        self.content: str | list[Mapping[str, Any]] = (
            content if isinstance(content, str) else list(content)
        )
        parts = [] if isinstance(content, str) else [str(part.get("text", "")) for part in content]
        super().__init__(" ".join(filter(None, parts)) if parts else str(content))


class ToolTurnsError(OutcropError):
    """Claude still calls tools after as many turns as were allowed; the last calls haven't run.

    Attributes:
        messages: The conversation so far; `run_tools(messages=error.messages, …)` goes on from
            there, beginning with the calls.
        reply: Claude's last message.
    """

    def __init__(
        self, message: str, *, mend: str = "", messages: list[Any], reply: Any = None
    ) -> None:
        super().__init__(message, mend=mend)
        self.messages = messages
        self.reply = reply


class APIError(OutcropError):
    """Something between sending a request and having its whole reply.

    Attributes:
        request_id: AWS's ID of the request (`x-amzn-RequestId`), None if no reply came.
        retryable: Whether the same call may succeed later without a change.
        body: The decoded body of the reply, if one came.
        partial: The message received so far (same type as the whole reply), for errors in a stream.
        attempts: What was tried before this was raised, each with its route and its error.
    """

    retryable: bool = False
    attempts: tuple[Any, ...] = ()

    def __init__(
        self,
        message: str,
        *,
        mend: str = "",
        request_id: str | None = None,
        retryable: bool | None = None,
        body: object = None,
        partial: Any = None,
    ) -> None:
        super().__init__(message, mend=mend)
        self.request_id = request_id
        self.body = body
        self.partial = partial
        if retryable is not None:
            self.retryable = retryable


class APIConnectionError(APIError):
    """The service could not be reached, or the connection broke."""

    retryable = True


class APITimeoutError(APIConnectionError):
    """No answer within the time-out."""


class StreamTruncatedError(APIConnectionError):
    """The stream ended before `message_stop`; `.partial` holds what had come."""


class APIResponseValidationError(APIError):
    """The reply isn't what it claims to be."""


class EventStreamError(APIResponseValidationError):
    """An event-stream frame with an impossible length, a bad checksum or an unknown header type."""

    retryable = True


class OutputError(APIResponseValidationError):
    """The reply holds no value of the type that was asked for.

    Attributes:
        reply: The whole message.
    """

    def __init__(self, message: str, *, reply: Any, mend: str = "") -> None:
        super().__init__(message, mend=mend, request_id=getattr(reply, "_request_id", None))
        self.reply = reply


class APIStatusError(APIError):
    """The service refused; subclasses say why.

    Attributes:
        status_code: The HTTP status; 200 where the refusal came inside a stream.
        aws_name: AWS's name of the exception, such as `ThrottlingException`; None if not given.
        headers: The headers of the reply, names in lower case.
        retry_after: Seconds that the service asked to wait, or None.
    """

    status: ClassVar[int] = 500
    name: ClassVar[str | None] = None
    message_key: ClassVar[str] = "message"

    def __init__(
        self,
        message: str,
        *,
        aws_name: str | None = None,
        status_code: int | None = None,
        headers: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.aws_name = aws_name or self.name
        self.status_code = self.status if status_code is None else status_code
        self.headers: Mapping[str, str] = headers or {}
        self.retry_after = retry_after
        if self.request_id is None:
            self.request_id = self.headers.get("x-amzn-requestid")

    @property
    def response(self) -> APIStatusError:
        """The error itself: `status_code` and `headers`, where the official SDK has a response."""
        return self

    def __str__(self) -> str:
        name = self.aws_name or type(self).__name__
        trail = f" [request {self.request_id}]" if self.request_id else ""
        mend = f" {self.mend}" if self.mend else ""
        return f"{name} ({self.status_code}): {self.message}{mend}{trail}"


class BadRequestError(APIStatusError):
    """400: something in the request."""

    status = 400


class AuthenticationError(APIStatusError):
    """401: who are you?"""

    status = 401


class PermissionDeniedError(APIStatusError):
    """403: a wrong or expired key, or a right that is missing."""

    status = 403


class NotFoundError(APIStatusError):
    """404: no such model, resource or operation."""

    status = 404


class RequestTimeoutError(APIStatusError):
    """408: the model took too long."""

    status = 408
    retryable = True


class ConflictError(APIStatusError):
    """409: the resource is in another state."""

    status = 409
    retryable = True


class RequestTooLargeError(APIStatusError):
    """413: the body is too large."""

    status = 413


class UnprocessableEntityError(APIStatusError):
    """422: understood, but impossible."""

    status = 422


class ModelError(APIStatusError):
    """424: the model failed on this request."""

    status = 424


class RateLimitError(APIStatusError):
    """429: too much, too soon."""

    status = 429
    retryable = True


class InternalServerError(APIStatusError):
    """5xx: the service failed."""

    status = 500
    retryable = True


# AWS's exceptions, by their own names. ───────────────────────────────────────────────────────────


class ValidationException(BadRequestError):
    """The input fails to satisfy the constraints of the service or the model."""

    name = "ValidationException"


class ServiceQuotaExceededException(BadRequestError):
    """A quota of the account."""

    name = "ServiceQuotaExceededException"


class IncompleteSignatureException(BadRequestError):
    """The Authorization header lacks a part, or isn't AWS Signature Version 4."""

    name = "IncompleteSignatureException"


class RequestExpired(BadRequestError):
    """A presigned request after its time."""

    name = "RequestExpired"


class AccessDeniedException(PermissionDeniedError):
    """No right to the action or the model."""

    name = "AccessDeniedException"


class AuthorizationDenied(AccessDeniedException):
    """A denial by IAM or of an API key, which Bedrock words as `{"Message": …}`, capital M."""

    message_key = "Message"


class UnrecognizedClientException(PermissionDeniedError):
    """The access key or the session token is unknown."""

    name = "UnrecognizedClientException"


class InvalidSignatureException(PermissionDeniedError):
    """The signature doesn't match the request, the scope or the time."""

    name = "InvalidSignatureException"


class ExpiredTokenException(PermissionDeniedError):
    """The session token has expired: fresh credentials can help."""

    name = "ExpiredTokenException"


class MissingAuthenticationTokenException(PermissionDeniedError):
    """Neither a signature nor a key."""

    name = "MissingAuthenticationTokenException"


class ResourceNotFoundException(NotFoundError):
    """The model or resource doesn't exist, has ended, or isn't open to the account yet."""

    name = "ResourceNotFoundException"


class UnknownOperationException(NotFoundError):
    """The path or method is none of the service's."""

    name = "UnknownOperationException"


class ModelTimeoutException(RequestTimeoutError):
    """The model took too long."""

    name = "ModelTimeoutException"


class ConflictException(ConflictError):
    """The resource is in another state; Bedrock sends status 400."""

    status = 400
    name = "ConflictException"


class ModelErrorException(ModelError):
    """The model failed on this request."""

    name = "ModelErrorException"


class ModelStreamErrorException(ModelError):
    """The model failed in the midst of a stream."""

    name = "ModelStreamErrorException"


class ThrottlingException(RateLimitError):
    """Too many requests or tokens; `retryable` is False for the daily quota."""

    name = "ThrottlingException"


class ModelNotReadyException(RateLimitError):
    """The model is warming up."""

    name = "ModelNotReadyException"


class InternalServerException(InternalServerError):
    """The service failed."""

    name = "InternalServerException"


class ServiceUnavailableException(InternalServerError):
    """No capacity just now."""

    status = 503
    name = "ServiceUnavailableException"


def _tree(cls: type[APIStatusError]) -> list[type[APIStatusError]]:
    return [cls, *(leaf for child in cls.__subclasses__() for leaf in _tree(child))]


#: AWS's name → class. Built from the classes above, so that none can be forgotten.
BY_NAME: dict[str, type[APIStatusError]] = {
    cls.__dict__["name"]: cls for cls in _tree(APIStatusError) if cls.__dict__.get("name")
}

#: HTTP status → class, for replies that don't name an exception.
BY_STATUS: dict[int, type[APIStatusError]] = {
    cls.status: cls for cls in reversed(APIStatusError.__subclasses__())
}


def for_refusal(name: str | None, status: int) -> type[APIStatusError]:
    """The class that stands for an AWS exception name, or else for an HTTP status."""
    if name and (known := BY_NAME.get(name)):
        return known
    if status >= 500:
        return InternalServerError
    return BY_STATUS.get(status, APIStatusError)
