"""`with_raw_response`: the response as it came, and the parsed reply on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from outcrop.wire.http import HeaderMap

T = TypeVar("T")


class APIResponse(Generic[T]):
    """A response with its status and headers.

    Attributes:
        status_code: The HTTP status.
        headers: The headers; looked up without regard to case.
        content: The body's bytes; empty for a stream, which is read by iterating `parse()`.
        retries_taken: Attempts that failed before this one.
    """

    def __init__(
        self, parsed: T, *, status_code: int, headers: HeaderMap, content: bytes, retries_taken: int
    ) -> None:
        self._parsed = parsed
        self.status_code = status_code
        self.headers = headers
        self.content = content
        self.retries_taken = retries_taken

    @property
    def request_id(self) -> str | None:
        """AWS's ID of the request (`x-amzn-RequestId`)."""
        return self.headers.get("x-amzn-requestid")

    def parse(self) -> T:
        """The reply: a `Message`, or a stream of events."""
        return self._parsed

    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8")

    def __repr__(self) -> str:
        return f"<APIResponse {self.status_code} request_id={self.request_id!r}>"
