"""Two small loops that perform the steps of a call: one blocks, one awaits. They decide nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from outcrop.bedrock.call import (
    Close,
    Identified,
    Identify,
    Instant,
    Now,
    ReadAll,
    ReadSome,
    Roll,
    Send,
    Sleep,
    Step,
)
from outcrop.errors import APIError

if TYPE_CHECKING:
    from collections.abc import Generator

    from outcrop.net.credentials import Source
    from outcrop.net.dial import Answer, AsyncDialer, SyncDialer

T = TypeVar("T")


def perform(steps: Generator[Step, Any, T], dialer: SyncDialer, source: Source) -> T:
    """What the steps come to, blocking."""
    reply: Any = None
    failure: APIError | None = None
    opened: Answer | None = None
    try:
        while True:
            step = steps.send(reply) if failure is None else steps.throw(failure)
            reply = failure = None
            try:
                match step:
                    case Identify():
                        renew = step.renew
                        asked = time.monotonic()
                        identity = None if renew else source.at_hand()
                        if identity is None:
                            identity = source.fetch(renew=renew)
                        reply = Identified(identity, asked, time.time())
                    case Send():
                        reply = opened = dialer.send(step)
                    case Now() | Roll():
                        reply = _instantly(step)
                    case ReadSome(response):
                        reply = dialer.read_some(response)
                    case ReadAll(response):
                        reply = dialer.read_all(response)
                    case Close(response):
                        dialer.release(response)
                    case Sleep(seconds):
                        time.sleep(seconds)
            except APIError as error:
                failure = error
    except StopIteration as stop:
        return stop.value
    except BaseException:
        if opened is not None:
            dialer.release(opened)
        raise
    finally:
        steps.close()


async def perform_async(steps: Generator[Step, Any, T], dialer: AsyncDialer, source: Source) -> T:
    """What the steps come to, without blocking the event loop."""
    import asyncio  # whoever calls blocking shouldn't pay for it

    reply: Any = None
    failure: APIError | None = None
    opened: Answer | None = None
    try:
        while True:
            step = steps.send(reply) if failure is None else steps.throw(failure)
            reply = failure = None
            try:
                match step:
                    case Identify():
                        renew = step.renew
                        asked = time.monotonic()
                        identity = None if renew else source.at_hand()
                        if identity is None:
                            identity = await asyncio.to_thread(source.fetch, renew=renew)
                        reply = Identified(identity, asked, time.time())
                    case Send():
                        reply = opened = await dialer.send(step)
                    case Now() | Roll():
                        reply = _instantly(step)
                    case ReadSome(response):
                        reply = await dialer.read_some(response)
                    case ReadAll(response):
                        reply = await dialer.read_all(response)
                    case Close(response):
                        await dialer.release(response)
                    case Sleep(seconds):
                        await asyncio.sleep(seconds)
            except APIError as error:
                failure = error
    except StopIteration as stop:
        return stop.value
    except BaseException:
        if opened is not None:
            await dialer.release(opened)
        raise
    finally:
        steps.close()


def _instantly(step: Now | Roll) -> Instant | float:
    if isinstance(step, Now):
        return Instant(time.time(), time.monotonic())
    import random  # only for retries

    return random.random()  # noqa: S311 - jitter, no secret
