"""What the upstream answers: the writes of each port's stream, and replies that aren't streamed.

Rules: all bytes are made before the first request comes, by Python; whoever serves them
(`upstream.c` or `upstream.py`) only sends them. A stream is named by its port: `bulk:EVENTS` is one
write, `large:EVENTS:BYTES` a write each event, as fast as they are taken, `paced:EVENTS` one each
millisecond.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import IO, TYPE_CHECKING, NamedTuple

from payloads import converse_reply, frames, http_chunk, message, reply_head, stream_head

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The operation whose answer depends on the port.
STREAM = "invoke-with-response-stream"
#: The end of a body in chunked transfer coding.
_LAST = b"0\r\n\r\n"

#: How many times something comes in a row, and its bytes.
Repeated = tuple[int, bytes]


class Stream(NamedTuple):
    """What a port streams.

    Attributes:
        events: Its frames of `application/vnd.amazon.eventstream`.
        writes: The whole answer over HTTP/1.1, each event a chunk.
        paced: Whether the writes come one a millisecond.
    """

    events: list[Repeated]
    writes: list[Repeated]
    paced: bool


def stream(spec: str) -> Stream:
    """The stream of a port such as `bulk:500`; what `tls+` or `h2+` before it means isn't ours."""
    kind, *sizes = spec.rpartition("+")[2].split(":")
    count = int(sizes[0])
    if kind == "large":  # one event again and again, or it would fill the memory
        *start, piece, stop, delta, end = frames(6, text="x" * int(sizes[1]))
        events = [*[(1, each) for each in start], (count - 5, piece)]
        events += [(1, each) for each in (stop, delta, end)]
    else:
        events = [(1, each) for each in frames(count)]
    writes = [(times, http_chunk(event)) for times, event in events]
    writes = [(1, stream_head()), *writes, (1, _LAST)]
    if kind == "bulk":
        writes = [(1, b"".join(in_turn(writes)))]
    return Stream(events, writes, kind == "paced")


def replies() -> dict[str, bytes]:
    """The answers over HTTP/1.1 to operations that don't stream."""
    made = {"invoke": message(), "converse": converse_reply()}
    return {name: reply_head(len(body)) + body for name, body in made.items()}


def in_turn(repeated: list[Repeated]) -> Iterator[bytes]:
    """One after the other, as often as they come."""
    return chain.from_iterable(repeat(data, times) for times, data in repeated)


def write_for_c(specs: list[str], file: IO[bytes]) -> None:
    """Writes the answers of some ports as `upstream.c` reads them; see there."""
    for name, reply in replies().items():
        file.write(b"reply %s\nwrite 1 %d\n%s\n" % (name.encode(), len(reply), reply))
    for spec in specs:
        found = stream(spec)
        file.write(b"port %s %s\n" % (spec.encode(), b"pace" if found.paced else b"flow"))
        for times, data in found.writes:
            file.write(b"write %d %d\n%s\n" % (times, len(data), data))
