"""The local Bedrock as an ASGI application: which operation a request is for, and its answer.

Rules: the path is matched raw and the model ID decoded afterwards (an ARN's slash comes as `%2F`);
who calls is recognised before the body is read; every response has AWS's request ID and a header
that says which stand-in answers; what goes wrong here is told to the log with the request ID, to
the client without any inside; prompts, replies and secrets are never logged.

Served: InvokeModel, Converse, both as streams too, CountTokens, the token counter of the Messages
route, the control plane (`outcrop.server.control`), STS GetCallerIdentity and `/_outcrop/health`.
Another operation that AWS has is refused by its name; every other path is AWS's 404 for an unknown
operation.
Source: botocore `bedrock-runtime`, `bedrock` and `sts` service-2.json (methods and paths).
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, unquote

import orjson

from outcrop import errors
from outcrop.bedrock import count, faults, invoke_stream, messages_count
from outcrop.catalog import models
from outcrop.server import control, deadline, messages_count as counter, operations, runtime, sts
from outcrop.server.accounts.access import Terms
from outcrop.server.accounts.state import Accounts
from outcrop.server.auth import BEDROCK, MESSAGES, STS, Gate, Head
from outcrop.server.dialects import Converse, InvokeModel
from outcrop.server.exchange import Exchange, Gone, Limits, new_request_id
from outcrop.server.invocations import Note
from outcrop.server.prompt_cache import PromptCache
from outcrop.server.trail import Heard

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from outcrop.server.actors import Actor
    from outcrop.server.auth import Caller, Recognised
    from outcrop.server.exchange import Receive, Scope, Send
    from outcrop.server.logs import InvocationLogs
    from outcrop.server.operations import Operation
    from outcrop.server.runtime import Accepted
    from outcrop.wire.http import Headers

T = TypeVar("T")
Document = dict[str, Any]

_log = logging.getLogger("outcrop.server")

HEALTH: Final = "/_outcrop/health"
#: Seconds that an answer may take to end when the server stops.
CLOSE_SECONDS: Final = 5.0
_MODEL_PATH: Final = re.compile(r"/model/([^/]+)/([a-z-]+)")
_LONGEST_REMEMBERED_PATH: Final = 512
_COUNT: Final = "count-tokens"


class _Operation(NamedTuple):
    """An operation that a model answers."""

    name: str
    converse: bool = False
    stream: bool = False


_OPERATIONS: Final = {
    "invoke": _Operation("InvokeModel"),
    "invoke-with-response-stream": _Operation("InvokeModelWithResponseStream", stream=True),
    "converse": _Operation("Converse", converse=True),
    "converse-stream": _Operation("ConverseStream", converse=True, stream=True),
}
#: Bodies from this size on are judged in a thread, as are those with documents: hashing and
#: decoding them takes a while.
_LARGE: Final = 256 * 1024
_ESCAPED_LETTERS: Final = (b"\\u004", b"\\u005", b"\\u006", b"\\u007")

INTERNAL: Final = (
    "The system encountered an unexpected error during processing. Try your request again."
)


class App:
    """The application.

    Args:
        actor: Who answers; started already.
        gate: Who may call.
        limits: Bounds.
        today: ISO 8601; the day by which models are legacy or ended.
        health: What `/_outcrop/health` shows beside its status.
        accounts: What accounts have; nothing yet, and in memory only, if None.
        terms: On which accounts can call models.
        logs: Where invocations are logged if an account wants them to be; nowhere if None.
        clock: Seconds since the epoch, by which signatures and cached prompts expire.
    """

    def __init__(
        self,
        actor: Actor,
        gate: Gate,
        *,
        limits: Limits | None = None,
        today: str | None = None,
        health: dict[str, str] | None = None,
        accounts: Accounts | None = None,
        terms: Terms | None = None,
        logs: InvocationLogs | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._actor = actor
        self._gate = gate
        self._limits = limits or Limits()
        self._today = today or models.as_of()
        self._health = health or {}
        self._logs = logs
        self._clock = clock
        self._cache = PromptCache(clock)
        self._control = control.ControlPlane(
            accounts or Accounts(), terms=terms or Terms(), today=self._today, logs=logs
        )
        self._slots = _Slots(self._limits.in_flight)
        self._marks: Headers = [
            ("x-outcrop-actor", quote(actor.name, safe=" :/.")),
            ("server", "outcrop"),
        ]
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    @property
    def in_flight(self) -> int:
        """Requests that are worked on now."""
        return self._slots.taken

    async def close(self) -> None:
        """Breaks off whatever is still being answered; whoever calls from now on is turned away."""
        self._closing = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:  # an actor that won't be cancelled holds nobody up for long
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        task = asyncio.current_task()
        assert task is not None  # ASGI applications run in tasks
        self._tasks.add(task)
        began = time.perf_counter()
        request_id = new_request_id()
        exchange = Exchange(
            scope,
            receive,
            send,
            task=task,
            limits=self._limits,
            marks=[("x-amzn-requestid", request_id), *self._marks],
        )
        outcome = ""
        try:
            if self._closing:
                raise errors.ServiceUnavailableException("The local Bedrock is stopping.")
            await self._route(exchange, request_id, began)
        except Gone:
            outcome = ", client gone"
        except asyncio.CancelledError:
            outcome = ", broken off"
            raise
        finally:
            exchange.close()
            self._tasks.discard(task)
            if _log.isEnabledFor(logging.INFO):
                _log.info(
                    "%s %s: %d%s, %.0f ms [request %s]",
                    exchange.head.method,
                    exchange.head.target.partition("?")[0],  # a query may hold a signature
                    exchange.status,
                    outcome,
                    (time.perf_counter() - began) * 1000,
                    request_id,
                )

    async def _route(self, exchange: Exchange, request_id: str, began: float) -> None:
        head = exchange.head
        path, _, query = head.target.partition("?")
        write_fault: Callable[[errors.APIStatusError], tuple[int, Headers, bytes]]
        write_fault = faults.write_fault
        work: Coroutine[Any, Any, None]
        model_id, at_model = _at_model(head.method, path)
        if operation := _OPERATIONS.get(at_model):
            note = Note(
                self._logs,
                exchange,
                operation=operation.name,
                model_id=model_id,
                request_id=request_id,
                began=self._clock(),
            )
            work = self._answer(exchange, model_id, operation, note, began=began)
        elif at_model == _COUNT:
            work = self._count_tokens(exchange, model_id)
        elif head.method == "POST" and path == messages_count.TARGET:
            work = self._count_messages(exchange)
            write_fault = partial(messages_count.write_fault, request_id=request_id)
        elif head.method == "POST" and path == "/":
            work = self._get_caller_identity(exchange, request_id)
            write_fault = partial(sts.write_fault, request_id=request_id)
        elif head.method == "GET" and path == HEALTH:
            work = self._tell_health(exchange)
        elif found := operations.find(head.method, path):
            work = self._ask_control_plane(exchange, found, query, request_id)
        else:
            work = _know_nothing(head)
        try:
            await work
        except errors.APIStatusError as error:
            await exchange.reply(*write_fault(error))
        except Gone:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a reply
            _log.error("%s", _told(error, request_id))
            if exchange.status == 0:
                await exchange.reply(*write_fault(errors.InternalServerException(INTERNAL)))

    # Runtime ─────────────────────────────────────────────────────────────────────────────────────

    async def _answer(
        self,
        exchange: Exchange,
        model_id: str,
        operation: _Operation,
        note: Note,
        *,
        began: float,
    ) -> None:
        recognised = self._gate.recognise(exchange.head)

        def judge(caller: Caller, body: bytes) -> Accepted:
            note.receive(caller, body)
            dialect = Converse() if operation.converse else InvokeModel(exchange.header)
            return runtime.accept(
                body,
                model_id,
                dialect=dialect,
                account=caller.identity.account,
                region=caller.region,
                today=self._today,
                operation=operation.name,
                access=self._control.access(caller, now=self._clock()),
            )

        with self._slots, note:
            accepted = await self._judged(exchange, recognised, judge)
            with exchange.watching():
                if operation.stream:
                    await self._stream(exchange, accepted, began, note)
                else:
                    await self._reply(exchange, accepted, began, note)

    async def _judged(
        self,
        exchange: Exchange,
        recognised: Recognised,
        judge: Callable[[Caller, bytes], T],
        *,
        services: Sequence[str] = BEDROCK,
        limit: int | None = None,
        slow: bool = False,
    ) -> T:
        """What is made of a body, once it is proved who calls."""
        body = await exchange.read(limit)

        def proved() -> T:
            caller = self._gate.prove(
                recognised, exchange.head, body, now=self._clock(), services=services
            )
            return judge(caller, body)

        if _takes_long(body):
            return await deadline.within(proved)
        return await asyncio.to_thread(proved) if slow else proved()

    async def _reply(
        self, exchange: Exchange, accepted: Accepted, began: float, note: Note
    ) -> None:
        message = await runtime.answer(accepted, self._actor, self._cache)
        latency = round((time.perf_counter() - began) * 1000)
        headers, body = accepted.dialect.write_reply(message, latency=latency)
        note.send(body)
        await exchange.reply(200, headers, body)

    async def _stream(
        self, exchange: Exchange, accepted: Accepted, began: float, note: Note
    ) -> None:
        framer = accepted.dialect.framer(began)

        async def write(events: list[Document]) -> None:
            if not exchange.status:
                await exchange.begin(accepted.dialect.stream_headers())
            frames = framer.write(events, now=time.perf_counter())
            note.send(frames)
            await exchange.write(frames)

        try:
            await runtime.stream(accepted, self._actor, self._cache, write)
        except Gone:
            raise
        except errors.APIStatusError as error:
            if not exchange.status:  # a refusal before the first event is an HTTP error
                raise
            note.error = error.aws_name
            await exchange.write(invoke_stream.write_exception(error))
        except Exception:
            if exchange.status:
                error = errors.InternalServerException(INTERNAL)
                await exchange.write(invoke_stream.write_exception(error))
                await exchange.end()
            raise
        await exchange.end()

    async def _count_tokens(self, exchange: Exchange, model_id: str) -> None:
        recognised = self._gate.recognise(exchange.head)

        def judge(caller: Caller, body: bytes) -> int:
            return runtime.count_tokens(body, model_id, region=caller.region, today=self._today)

        with self._slots:
            counted = await self._judged(exchange, recognised, judge)
            await exchange.reply(200, *count.write_reply(counted))

    async def _count_messages(self, exchange: Exchange) -> None:
        recognised = self._gate.recognise(exchange.head)

        def judge(caller: Caller, body: bytes) -> int:
            return counter.count_tokens(body, exchange.header, region=caller.region)

        with self._slots:
            counted = await self._judged(exchange, recognised, judge, services=MESSAGES)
            await exchange.reply(200, *messages_count.write_reply(counted))

    # The rest ────────────────────────────────────────────────────────────────────────────────────

    async def _ask_control_plane(
        self, exchange: Exchange, operation: Operation, query: str, request_id: str
    ) -> None:
        recognised = self._gate.recognise(exchange.head)
        heard = Heard(
            request_id=request_id,
            source_ip=exchange.peer,
            user_agent=exchange.header("user-agent") or "",
        )

        def judge(caller: Caller, body: bytes) -> tuple[int, Headers, bytes]:
            return self._control.answer(
                operation, query, body, caller=caller, now=self._clock(), heard=heard
            )

        slow = operation.name in control.SLOW
        with self._slots:
            reply = await self._judged(
                exchange, recognised, judge, limit=control.MAX_BODY, slow=slow
            )
            await exchange.reply(*reply)

    async def _get_caller_identity(self, exchange: Exchange, request_id: str) -> None:
        body = await exchange.read(sts.MAX_BODY)
        sts.check_action(body)
        recognised = self._gate.recognise(exchange.head, api_key=False)
        with self._slots:
            caller = self._gate.prove(
                recognised, exchange.head, body, now=self._clock(), services=STS
            )
            reply = sts.write_identity(caller.identity, request_id=request_id)
            await exchange.reply(200, *reply)

    async def _tell_health(self, exchange: Exchange) -> None:
        state = {
            "status": "ok",
            "actor": self._actor.name,
            "catalog": models.as_of(),
            **self._health,
        }
        headers: Headers = [("Content-Type", "application/json")]
        await exchange.reply(200, headers, orjson.dumps(state))


def _told(error: Exception, request_id: str) -> str:
    """An unexpected error by its kind and its place: its words may be a prompt's."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"Unexpected {type(error).__name__} [request {request_id}]\n{frames}"


async def _know_nothing(head: Head) -> None:
    raise errors.UnknownOperationException(f"{head.method} {head.target.partition('?')[0]}")


class _Slots:
    """How many requests are worked on at once; to be entered for each."""

    __slots__ = ("_most", "taken")

    def __init__(self, most: int) -> None:
        self._most = most
        self.taken = 0

    def __enter__(self) -> None:
        if self.taken >= self._most:
            raise errors.ThrottlingException(faults.TOO_MANY_REQUESTS)
        self.taken += 1

    def __exit__(self, *exc_info: object) -> None:
        self.taken -= 1


def _takes_long(body: bytes) -> bool:
    # What CountTokens counts for InvokeModel is in base64, and what is in there isn't looked for;
    # nor is a name some letters of which are escaped.
    return (
        len(body) > _LARGE
        or b'"document"' in body
        or b'"invokeModel"' in body
        or (b"\\u00" in body and any(mark in body for mark in _ESCAPED_LETTERS))
    )


def _read_model_path(path: str) -> tuple[str, str]:
    """The model ID and what is to be done there; empty for any other path."""
    match = _MODEL_PATH.fullmatch(path)
    return (unquote(match[1]), match[2]) if match else ("", "")


_remembered_model_path = lru_cache(maxsize=256)(_read_model_path)


def _at_model(method: str, path: str) -> tuple[str, str]:
    """The model ID and what is to be done there; empty for any other request."""
    if method != "POST":
        return "", ""
    read = _remembered_model_path if len(path) <= _LONGEST_REMEMBERED_PATH else _read_model_path
    return read(path)
