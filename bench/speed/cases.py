"""The cases that clients are compared in, and the targets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Container

BEFORE = "outcrop before"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A comparison of clients.

    Attributes:
        name: What it is called in tables and files.
        case: What `client.py` does.
        port: Which port of the upstream answers.
        beside: Whether the upstream has the client's own CPU. Where they take turns anyway, this
            keeps the waking of another CPU out of the figures: on a virtual machine it costs
            whoever wakes it 20 to 40 µs, as much as a good client itself.
        unit: What is counted.
        clients: Who takes part; the others are compared with the first.
        targets: How many times less than another client Outcrop is to take.
        seconds: CPU seconds a batch should take.
        rounds: Rounds at most.
        short: Whether the short run has it.
    """

    name: str
    case: str
    port: str = "bulk:500"
    beside: bool = False
    unit: str = "call"
    clients: tuple[str, ...] = ("outcrop", "official", "floor")
    targets: dict[str, float] = field(default_factory=dict[str, float])
    seconds: float = 0.15
    rounds: int = 15
    short: bool = False

    def among(self, known: Container[str]) -> Self:
        """The same with the clients that there are, and the tree from before if it's one of them.

        Where h2 isn't installed, there are none for HTTP/2.
        """
        ours = self.clients[0]
        wanted = (ours, BEFORE, *self.clients[1:]) if ours == "outcrop" else self.clients
        return replace(self, clients=tuple(name for name in wanted if name in known))

    def briefly(self) -> Self:
        """The same for the short run: only the official SDK beside us, in small batches."""
        return replace(self, clients=WITHOUT_FLOOR, seconds=0.08)


WITH_BOTO3 = ("outcrop", "official", "boto3", "floor")
WITHOUT_FLOOR = ("outcrop", "official")
#: All over TLS; the first is what the others are compared with.
BY_HTTP2 = (
    "outcrop over HTTP/2",
    "outcrop over HTTP/1.1",
    "official over HTTP/1.1",
    "official over HTTP/2",
)

CASES = (
    Case(
        name="call",
        case="call",
        beside=True,
        clients=("outcrop", "official", "boto3", "outcrop over pyreqwest", "floor"),
        targets={"official": 18, "boto3": 10},
        short=True,
    ),
    Case(
        name="call, async",
        case="call-async",
        beside=True,
        clients=("outcrop", "official", "outcrop over pyreqwest"),
        targets={"official": 15},
        short=True,
    ),
    Case(
        name="stream, 500 events in one write",
        case="stream",
        unit="event",
        clients=("outcrop", "official", "boto3", "outcrop over pyreqwest", "floor"),
        targets={"official": 7},
        short=True,
    ),
    Case(
        name="stream, async",
        case="stream-async",
        unit="event",
        clients=("outcrop", "official", "outcrop over pyreqwest"),
        targets={"official": 7},
        short=True,
    ),
    Case(
        name="stream with assembly",
        case="assembly",
        unit="event",
        clients=WITHOUT_FLOOR,
        targets={"official": 9},
        short=True,
    ),
    Case(
        name="stream with assembly, async",
        case="assembly-async",
        unit="event",
        clients=WITHOUT_FLOOR,
        targets={"official": 9},
    ),
    Case(
        name="100 KB request",
        case="request-100k",
        beside=True,
        clients=WITH_BOTO3,
        targets={"official": 7},
    ),
    Case(
        name="64 calls at once, async",
        case="calls-64",
        clients=("outcrop", "official", "outcrop over pyreqwest"),
        targets={"official": 15},
        seconds=0.3,
        short=True,
    ),
    Case(
        name="paced stream, an event a millisecond",
        case="stream",
        port="paced:200",
        unit="event",
        clients=("outcrop", "official", "boto3", "outcrop over pyreqwest", "floor"),
        targets={"official": 2.5},
        seconds=0.03,
        rounds=9,
    ),
    Case(
        name="paced stream, async",
        case="stream-async",
        port="paced:200",
        unit="event",
        clients=("outcrop", "official", "outcrop over pyreqwest"),
        targets={"official": 2.5},
        seconds=0.03,
        rounds=9,
    ),
    Case(
        name="64 paced streams at once",
        case="streams-64",
        port="paced:200",
        unit="event",
        clients=("outcrop", "official", "outcrop over pyreqwest"),
        targets={"official": 8},
        seconds=0.05,
        rounds=5,
    ),
    Case(name="call, upstream on another CPU", case="call", clients=WITH_BOTO3),
    Case(name="call, async, upstream on another CPU", case="call-async", clients=WITHOUT_FLOOR),
    Case(name="call over TLS", case="call", port="tls+bulk:500", clients=WITH_BOTO3[:3]),
    Case(
        name="call over TLS, async", case="call-async", port="tls+bulk:500", clients=WITHOUT_FLOOR
    ),
    Case(
        name="stream over TLS",
        case="stream",
        port="tls+bulk:500",
        unit="event",
        clients=WITH_BOTO3[:3],
    ),
    Case(name="call by HTTP/2", case="call", clients=BY_HTTP2),
    Case(name="call by HTTP/2, async", case="call-async", clients=BY_HTTP2),
    Case(name="stream by HTTP/2", case="stream", unit="event", clients=BY_HTTP2),
    Case(name="stream by HTTP/2, async", case="stream-async", unit="event", clients=BY_HTTP2),
)
#: A process from its start to its first reply: times less CPU than the official SDK's, CPU
#: milliseconds and megabytes at most.
COLD = {"official": 18.0, "cpu_ms": 90.0, "rss_mb": 40.0}

# Growth: what a call takes with so many turns in it, and a stream of so many events.
TURNS = (1, 125, 250, 500, 1000)
EVENTS = (1_000, 10_000, 100_000)

#: 2,500 events of 40 KB: a stream of 100 MB; and a tenth of it.
LARGE = {"10 MB": "large:250:30000", "100 MB": "large:2500:30000"}

BESIDE = "bulk:500"
#: What is streamed outside of cases.
MORE_PORTS = (BESIDE, *[f"bulk:{count}" for count in EVENTS], *LARGE.values())
#: What the pieces alone may take, in µs; the local Bedrock too.
MICRO = {
    "sigv4 sign, 1 KB": 12.0,
    "sigv4 verify, 1 KB": 25.0,
    "event-stream decode": 1.5,
    "event-stream encode": 2.0,
}
LOCAL = {"invoke": 200.0, "invoke-with-response-stream": 12.0}
LOCAL_TIMES_BARE = 2.0
STALL_MS = 2.0
REQUEST_COPIES = 2.0
