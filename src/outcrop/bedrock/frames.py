"""The asking end of a stream, whatever dialect its frames carry: bytes in, what they say out.

Rules: no more than an unfinished frame is held; what went wrong is raised only after what came
before it was handed out: `feed` returns that, `raise_fault` (to be called when it is used up, and
at the end) raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec

from outcrop.bedrock.faults import read_stream_fault
from outcrop.errors import APIResponseValidationError, EventStreamError, StreamTruncatedError
from outcrop.wire import eventstream

if TYPE_CHECKING:
    from outcrop.errors import APIStatusError

Document = dict[str, Any]

#: What reading a payload of another shape than its frame's name says may raise.
_NOT_THAT: Final = (
    msgspec.DecodeError,
    UnicodeDecodeError,
    RecursionError,
    LookupError,
    TypeError,
    AttributeError,
    StopIteration,
    APIResponseValidationError,
)


class FrameReader:
    """Reads the frames of a stream; a dialect says what they mean and which one is the last.

    Attributes:
        complete: Whether the last one was seen.
        fault: What went wrong, if anything did: see `raise_fault`.
        last: What it is called, for errors.
    """

    __slots__ = ("_frames", "_headers", "_kind", "complete", "fault")

    last: ClassVar[str]

    def __init__(self) -> None:
        self._frames = eventstream.Decoder()
        self.fault: APIStatusError | EventStreamError | APIResponseValidationError | None = None
        self._headers: object = None  # of the last frame
        self._kind = ""
        self.complete = False

    def feed(self, data: bytes) -> list[Document]:
        """What these bytes complete."""
        read: list[Document] = []
        if self.fault is not None:
            return read
        try:
            frames = self._frames.feed(data)
            self.fault = self._frames.failure
        except EventStreamError as error:
            self.fault = error
            return read
        for headers, payload in frames:
            if headers is not self._headers:  # frames share theirs if those are the same
                if headers.get(":message-type") in ("exception", "error"):
                    self.fault = read_stream_fault(headers, payload)
                    break
                self._headers, self._kind = headers, str(headers.get(":event-type"))
            kind = self._kind
            try:
                read += self._read(kind, payload)
            except _NOT_THAT as error:
                self.fault = APIResponseValidationError(
                    f"The frame {kind!r} of the stream can't be read: {error!r}."
                )
                break
        return read

    def _read(self, kind: str, payload: bytes) -> list[Document]:
        """What a frame says; the last one sets `complete`."""
        raise NotImplementedError

    def raise_fault(self, *, ended: bool = False) -> None:
        """Raises what went wrong, if anything did.

        Args:
            ended: Whether the response has ended.

        Raises:
            APIStatusError: An exception frame came.
            EventStreamError: A frame was broken.
            APIResponseValidationError: A frame holds what it shouldn't.
            StreamTruncatedError: The response ended before the last event.
        """
        if self.fault is not None:
            raise self.fault
        if ended and not self.complete:
            raise StreamTruncatedError(f"The stream ended before {self.last}.")
