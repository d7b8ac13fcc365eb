"""The local Bedrock as an ASGI application: which operation a request is for, and its answer.

Rules: the path is matched raw and the model ID decoded afterwards (an ARN's slash comes as `%2F`);
who calls is recognised before the body is read; every response has AWS's request ID and a header
that says which stand-in answers; what goes wrong here is told to the log with the request ID, to
the client without any inside; prompts, replies and secrets are never logged.

Served: InvokeModel, InvokeModelWithResponseStream, ListFoundationModels, STS GetCallerIdentity and
`/_outcrop/health`. Every other path is AWS's 404 for an unknown operation, Converse and CountTokens
included.
Source: botocore `bedrock-runtime`, `bedrock` and `sts` service-2.json (methods and paths).
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from contextlib import aclosing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

import orjson

from outcrop import errors
from outcrop.bedrock import faults, invoke
from outcrop.catalog import models
from outcrop.server import control, runtime, sts
from outcrop.server.auth import STS, Gate, Head
from outcrop.server.exchange import Exchange, Gone, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from outcrop.server.actors import Actor
    from outcrop.server.auth import Recognised
    from outcrop.server.exchange import Receive, Scope, Send
    from outcrop.server.runtime import Accepted
    from outcrop.wire.http import Headers

_log = logging.getLogger("outcrop.server")

HEALTH: Final = "/_outcrop/health"

#: Seconds that an answer may take to end when the server stops.
CLOSE_SECONDS: Final = 5.0
_MODEL_PATH: Final = re.compile(r"/model/([^/]+)/(invoke|invoke-with-response-stream)")
_OPERATIONS: Final = {
    "invoke": "InvokeModel",
    "invoke-with-response-stream": "InvokeModelWithResponseStream",
}
#: Request headers that come back with the reply: member and values (botocore: `InvokeModel`).
_ECHOED: Final = {
    "x-amzn-bedrock-performanceconfig-latency": (
        "performanceConfigLatency",
        ("standard", "optimized"),
    ),
    "x-amzn-bedrock-service-tier": ("serviceTier", ("priority", "default", "flex", "reserved")),
}
#: Bodies from this size on are judged in a thread: hashing and decoding them takes a while.
_LARGE: Final = 256 * 1024

NO_GUARDRAIL: Final = "The guardrail identifier or version provided in the request does not exist."
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
        clock: Seconds since the epoch, to judge signatures by.
    """

    def __init__(
        self,
        actor: Actor,
        gate: Gate,
        *,
        limits: Limits | None = None,
        today: str | None = None,
        health: dict[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._actor = actor
        self._gate = gate
        self._limits = limits or Limits()
        self._today = today or models.as_of()
        self._health = health or {}
        self._clock = clock
        self._in_flight = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    @property
    def in_flight(self) -> int:
        """Requests that are worked on now."""
        return self._in_flight

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
        request_id = str(uuid.uuid4())
        exchange = Exchange(
            scope,
            receive,
            send,
            limits=self._limits,
            marks=[
                ("x-amzn-requestid", request_id),
                ("x-outcrop-actor", quote(self._actor.name, safe=" :/.")),
                ("server", "outcrop"),
            ],
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
            self._tasks.discard(task)
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
        if head.method == "POST" and (match := _MODEL_PATH.fullmatch(path)):
            work = self._invoke(exchange, *match.groups(), began=began)
        elif head.method == "GET" and path == "/foundation-models":
            work = self._list_models(exchange, query)
        elif head.method == "POST" and path == "/":
            work = self._get_caller_identity(exchange, request_id)
            write_fault = partial(sts.write_fault, request_id=request_id)
        elif head.method == "GET" and path == HEALTH:
            work = self._tell_health(exchange)
        else:
            work = _know_nothing(head)
        try:
            await work
        except errors.APIStatusError as error:
            await exchange.reply(*write_fault(error))
        except Gone:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, the client gets a reply
            _log.exception("Unexpected error [request %s]", request_id)
            if exchange.status == 0:
                await exchange.reply(*write_fault(errors.InternalServerException(INTERNAL)))

    @contextmanager
    def _slot(self) -> Generator[None]:
        if self._in_flight >= self._limits.in_flight:
            raise errors.ThrottlingException(faults.TOO_MANY_REQUESTS)
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    # Runtime ─────────────────────────────────────────────────────────────────────────────────────

    async def _invoke(
        self, exchange: Exchange, encoded_id: str, operation: str, *, began: float
    ) -> None:
        recognised = self._gate.recognise(exchange.head)
        with self._slot():
            accepted = await self._accept(exchange, recognised, unquote(encoded_id), operation)
            with exchange.watching():
                if operation == "invoke":
                    await self._reply(exchange, accepted, began)
                else:
                    await self._stream(exchange, accepted, began)

    async def _accept(
        self, exchange: Exchange, recognised: Recognised, model_id: str, operation: str
    ) -> Accepted:
        body = await exchange.read()

        def judge() -> Accepted:
            caller = self._gate.prove(recognised, exchange.head, body, now=self._clock())
            _check_headers(exchange)
            return runtime.accept(
                body,
                model_id,
                region=caller.region,
                today=self._today,
                operation=_OPERATIONS[operation],
            )

        return await asyncio.to_thread(judge) if len(body) > _LARGE else judge()

    async def _reply(self, exchange: Exchange, accepted: Accepted, began: float) -> None:
        async with aclosing(runtime.answer(accepted, self._actor)) as batches:
            document = await runtime.fold(batches, accepted)
        latency = round((time.perf_counter() - began) * 1000)
        headers, body = invoke.write_reply(document, latency=latency)
        await exchange.reply(200, [*headers, *_echo(exchange)], body)

    async def _stream(self, exchange: Exchange, accepted: Accepted, began: float) -> None:
        framer = runtime.Framer(began)
        async with aclosing(runtime.answer(accepted, self._actor)) as batches:
            first = await anext(batches)  # a refusal before it is an HTTP error
            await exchange.begin([*invoke.stream_headers(), *_echo(exchange)])
            await exchange.write(framer.write(first, now=time.perf_counter()))
            try:
                async for events in batches:
                    await exchange.write(framer.write(events, now=time.perf_counter()))
            except errors.APIStatusError as error:
                await exchange.write(invoke.write_exception(error))
            except Gone:
                raise
            except Exception:
                await exchange.write(
                    invoke.write_exception(errors.InternalServerException(INTERNAL))
                )
                await exchange.end()
                raise
        await exchange.end()

    # The rest ────────────────────────────────────────────────────────────────────────────────────

    async def _list_models(self, exchange: Exchange, query: str) -> None:
        recognised = self._gate.recognise(exchange.head)
        with self._slot():
            body = await exchange.read(sts.MAX_BODY)
            caller = self._gate.prove(recognised, exchange.head, body, now=self._clock())
            reply = control.list_foundation_models(query, region=caller.region, today=self._today)
            await exchange.reply(200, *reply)

    async def _get_caller_identity(self, exchange: Exchange, request_id: str) -> None:
        body = await exchange.read(sts.MAX_BODY)
        sts.check_action(body)
        recognised = self._gate.recognise(exchange.head, api_key=False)
        with self._slot():
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


async def _know_nothing(head: Head) -> None:
    raise errors.UnknownOperationException(f"{head.method} {head.target.partition('?')[0]}")


def _check_headers(exchange: Exchange) -> None:
    """Refuses what AWS would: there are no guardrails here, and modes have fixed names."""
    if exchange.header("x-amzn-bedrock-guardrailidentifier"):
        raise errors.ValidationException(NO_GUARDRAIL)
    for name, (member, allowed) in _ECHOED.items():
        value = exchange.header(name)
        if value and value not in allowed:
            raise errors.ValidationException(
                f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy "
                f"constraint: Member must satisfy enum value set: [{', '.join(allowed)}]"
            )


def _echo(exchange: Exchange) -> Headers:
    return [(name, value) for name in _ECHOED if (value := exchange.header(name))]
