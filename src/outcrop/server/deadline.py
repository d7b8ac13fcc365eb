"""How long the documents of one request may take, and the threads in which they are read.

Rules: there is one deadline for a whole request, from the time its body has come, waiting included,
however many documents and pages it has; who reads documents asks for what is left of it, and what
isn't read in time is a refusal, never half a document; the threads are a fixed number of their own,
so that nobody who needs one of the event loop's waits for a document.
"""

from __future__ import annotations

import asyncio
import math
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

from outcrop.errors import ServiceUnavailableException

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: For the documents of a request.
SECONDS: Final = 20.0
#: More than may wait for PDFium at once: see `outcrop.server.pdfium`.
THREADS: Final = 16

_until: ContextVar[float] = ContextVar("_until", default=math.inf)


class OverdueError(ServiceUnavailableException):
    """Documents weren't read in time, or too many are being read already."""

    def __init__(self, why: str = "its documents weren't read in time") -> None:
        super().__init__(f"Bedrock is unable to process your request: {why}.")


def left() -> float:
    """Seconds that are left to read documents; infinite outside of a request."""
    return _until.get() - time.monotonic()


def check() -> None:
    """Nothing, if there is time left.

    Raises:
        OverdueError: There's none.
    """
    if left() <= 0:
        raise OverdueError


async def within(work: Callable[[], T], *, seconds: float = SECONDS) -> T:
    """What some work gives that may read documents, done in a thread of theirs.

    Args:
        work: The work; it begins only if there's time left when a thread is free.
        seconds: The deadline.

    Raises:
        OverdueError: It wasn't done in time.
    """

    def begin() -> T:
        check()
        return work()

    context = copy_context()
    context.run(_until.set, time.monotonic() + seconds)
    return await asyncio.get_running_loop().run_in_executor(_threads(), context.run, begin)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="outcrop-documents")
