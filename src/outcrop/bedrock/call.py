"""A whole call as a generator of plain steps; `outcrop.net` performs them, sync or async.

Rules: every decision of a call is taken here: what is signed, what is retried, when credentials are
renewed, what counts as an answer. Nothing waits, reads a clock or throws dice: it yields a step,
and the reply (or an `APIError`) is sent in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec import Struct

from outcrop.bedrock import faults, invoke
from outcrop.errors import APIError, APIStatusError, ExpiredTokenException, RateLimitError
from outcrop.wire import sigv4
from outcrop.wire.credentials import ApiKey, Credentials
from outcrop.wire.http import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from outcrop.bedrock.frames import FrameReader
    from outcrop.bedrock.retry import Policy
    from outcrop.bedrock.routes import Route
    from outcrop.wire.http import HeaderMap


class Timeout(Struct, frozen=True):
    """Seconds to wait; None waits for ever.

    Attributes:
        connect: For a connection.
        read: For the next bytes, the first ones included.
    """

    connect: float | None = 5.0
    read: float | None = 600.0


class Instant(Struct, frozen=True):
    """A moment: seconds since the epoch, and on a clock that never jumps."""

    wall: float
    steady: float


class Response(Protocol):
    """What came back: whole, or (for a streamed send) with its body still to be read."""

    status: int
    headers: HeaderMap
    body: bytes
    request: Any
    reader: Any


# Steps ───────────────────────────────────────────────────────────────────────────────────────────


class Now(Struct, frozen=True):
    """The time, please; the reply is an `Instant`."""


class Roll(Struct, frozen=True):
    """A random number in [0, 1), please."""


class Sleep(Struct, frozen=True):
    """Wait some seconds."""

    seconds: float


class Identify(Struct, frozen=True):
    """Credentials, please; fetched anew if `renew`. The reply is an `Identified`."""

    renew: bool = False


class Identified(Struct, frozen=True):
    """Who asks, and the time: a signature needs both.

    Attributes:
        identity: Credentials or an API key.
        asked: When they were asked for, on a clock that never jumps.
        now: Seconds since the epoch, when they were there.
    """

    identity: Credentials | ApiKey
    asked: float
    now: float


class Send(Struct, frozen=True):
    """Send a request; the reply is a Response."""

    request: Request
    timeout: Timeout
    streamed: bool


class ReadAll(Struct, frozen=True):
    """Read the rest of a streamed response and close it; the reply is its bytes."""

    response: Response


class ReadSome(Struct, frozen=True):
    """Read what has come of a streamed response; the reply is bytes, None at the end."""

    response: Response


class Close(Struct, frozen=True):
    """Be done with a streamed response, read or not."""

    response: Response


Step = Now | Roll | Sleep | Identify | Send | ReadAll | ReadSome | Close


# The call ────────────────────────────────────────────────────────────────────────────────────────


class Dialect(Struct, frozen=True):
    """How the replies of a call are read.

    Attributes:
        read_reply: A whole response → the Anthropic message document.
        open_reader: A streamed response → what reads its events.
    """

    read_reply: Callable[[Response], dict[str, Any]]
    open_reader: Callable[[Response], FrameReader]


def _read_reply(response: Response) -> dict[str, Any]:
    return invoke.read_reply(response.body)


def _open_reader(_response: Response) -> FrameReader:
    from outcrop.bedrock.invoke_stream import EventReader

    return EventReader()


INVOKE = Dialect(_read_reply, _open_reader)


class Call(Struct, frozen=True):
    """One call, ready but for its signature.

    Attributes:
        request: Everything but the headers that prove who asks.
        route: Where it goes; its region is the one that the signature is scoped to.
        policy: How far retries may go.
        timeout: How long each wait may take.
        dialect: How its replies are read.
        service: Signing name (botocore: `signingName`).
        fallbacks: The same call by other routes, tried in order when this one is throttled,
            unavailable or too slow to begin.
    """

    request: Request
    route: Route
    policy: Policy
    timeout: Timeout
    dialect: Dialect = INVOKE
    service: str = "bedrock"
    fallbacks: tuple[Call, ...] = ()


class Attempt(Struct, frozen=True):
    """One try of a call.

    Attributes:
        route: Which way it went.
        error: Why it failed: AWS's name of the error, or the class's; None if it didn't.
        status: The HTTP status of the refusal, if there was one.
        message: What was said.
    """

    route: Route
    error: str | None = None
    status: int | None = None
    message: str = ""


class Tape(Protocol):
    """Takes down a stream as it comes over the wire."""

    def add(self, data: bytes) -> None:
        """More of it."""
        ...

    def end(self, error: BaseException | None, *, usage: Any) -> None:
        """No more of it; what is said after the first time doesn't count.

        Args:
            error: Why it broke off, None if it didn't.
            usage: Of the message so far.
        """
        ...


class Completed(Struct, frozen=True):
    """A whole reply.

    Attributes:
        response: What came.
        document: What was read of it.
        attempts: All of them, the one that succeeded last.
    """

    response: Response
    document: dict[str, Any]
    attempts: tuple[Attempt, ...] = ()

    @property
    def retries(self) -> int:
        """Attempts that failed before."""
        return len(self.attempts) - 1

    @property
    def route(self) -> Route:
        """Which way the reply came."""
        return self.attempts[-1].route


class Opened(Struct):
    """A stream whose first events have come.

    Attributes:
        response: Still to be read.
        reader: Has read up to the first events.
        first: Those events.
        read: The bytes that they were read from.
        dialect: How the stream is read.
        attempts: All of them, the one that succeeded last.
        tape: Takes down what comes, None if nothing does.
    """

    response: Response
    reader: FrameReader
    first: list[dict[str, Any]]
    read: list[bytes]
    dialect: Dialect
    attempts: tuple[Attempt, ...] = ()
    tape: Tape | None = None

    @property
    def retries(self) -> int:
        """Attempts that failed before."""
        return len(self.attempts) - 1

    @property
    def route(self) -> Route:
        """Which way the stream comes."""
        return self.attempts[-1].route


def complete(call: Call) -> Generator[Step, Any, Completed]:
    """The steps of a call whose reply comes whole."""
    tries = _Tries(call)
    while True:
        try:
            response = yield from _send(tries, streamed=False)
            document = tries.leg.dialect.read_reply(response)
        except APIError as error:
            if not (yield from tries.go_on(error)):
                raise
        else:
            return Completed(response, document, tries.made())


def open_stream(call: Call) -> Generator[Step, Any, Opened]:
    """The steps of a call whose reply is streamed, up to its first event.

    An exception in the very first frame is met here, while a retry is still possible.
    """
    tries = _Tries(call)
    while True:
        try:
            response = yield from _send(tries, streamed=True)
            opened = yield from _open(response, tries.leg.dialect)
        except APIError as error:
            if not (yield from tries.go_on(error)):
                raise
        else:
            opened.attempts = tries.made()
            return opened


def _open(response: Response, dialect: Dialect) -> Generator[Step, Any, Opened]:
    """Reads up to the first events."""
    reader = dialect.open_reader(response)
    read: list[bytes] = []
    try:
        while True:
            data: bytes | None = yield ReadSome(response)
            events: list[dict[str, Any]] = []
            if data is not None:
                read.append(data)
                events = reader.feed(data)
            if events:
                return Opened(response, reader, events, read, dialect)
            reader.raise_fault(ended=data is None)
    except APIError:
        yield Close(response)
        raise


def _send(tries: _Tries, *, streamed: bool) -> Generator[Step, Any, Response]:
    """One attempt: prove who asks, send, and raise what the service refuses."""
    call = tries.leg
    asked: Identified = yield tries.identify
    if tries.began is None:
        tries.began = asked.asked
    request, identity = call.request, asked.identity
    if isinstance(identity, Credentials):
        proof = sigv4.sign(
            request, identity, region=call.route.region, service=call.service, now=asked.now
        )
    else:
        proof = [("Authorization", f"Bearer {identity.token}")]
    proved = Request(
        request.method, request.origin, request.target, request.headers + proof, request.body
    )
    response: Response = yield Send(proved, call.timeout, streamed)
    if 200 <= response.status < 300:
        return response
    body: bytes = (yield ReadAll(response)) if streamed else response.body
    raise faults.read_fault(response.status, response.headers, body)


_AT_HAND: Final = Identify()


class _Tries:
    """The attempts of a call, route by route, until one succeeds or nothing is left to try.

    Attributes:
        leg: The call by the route that is tried now.
        identify: Asks for the credentials of the next attempt.
        began: When the first attempt was made, on the steady clock.
    """

    __slots__ = ("_failed", "_renewed", "_retries", "_waiting", "began", "identify", "leg")

    def __init__(self, call: Call) -> None:
        self.leg = call
        self.identify = _AT_HAND
        self.began: float | None = None
        self._waiting = call.fallbacks
        self._failed: tuple[Attempt, ...] = ()
        self._retries = 0
        self._renewed = False

    def made(self) -> tuple[Attempt, ...]:
        """All of them; the last one succeeded."""
        return (*self._failed, Attempt(self.leg.route))

    def go_on(self, error: APIError) -> Generator[Step, Any, bool]:
        """Gets ready for another attempt; False if there's none, and the error has what was tried.

        It isn't raised here, where its traceback would lead back to it.
        """
        self.identify = _AT_HAND
        if isinstance(error, ExpiredTokenException) and not self._renewed:
            self._renewed = True
            self.identify = Identify(renew=True)
            return True
        leg = self.leg
        self._failed += (_failed(leg.route, error),)
        moment: Instant = yield Now()
        wait = leg.policy.delay(
            error,
            retries=self._retries,
            elapsed=0.0 if self.began is None else moment.steady - self.began,
            roll=(yield Roll()),
        )
        if wait is not None:
            self._retries += 1
            yield Sleep(wait)
        elif self._waiting and _moves_on(error):
            self.leg, *rest = self._waiting
            self._waiting = tuple(rest)
            self._retries, self._renewed = 0, False
        else:
            error.attempts = self._failed
            return False
        return True


def _moves_on(error: APIError) -> bool:
    """Whether another route may do better: throttling of any kind, unavailability, time-outs."""
    return error.retryable or isinstance(error, RateLimitError)


def _failed(route: Route, error: APIError) -> Attempt:
    name = status = None
    if isinstance(error, APIStatusError):
        name, status = error.aws_name, error.status_code
    return Attempt(route, name or type(error).__name__, status, error.message)
