"""A short rest at the end of the process, for the native threads of the HTTP libraries.

The libraries' threads hand results to Python and then let go of the interpreter. If the interpreter
is being taken down at that very moment, CPython ends such a thread by force, and the native runtime
aborts the process for it ("PyGILState_Release: thread state must be current"; "panic in a function
that cannot unwind"). While the main thread sleeps, they let go.
"""

from __future__ import annotations

import atexit
import time
from functools import lru_cache

#: Seconds. A native thread needs microseconds to let go, plus its turn on a busy machine.
REST = 0.05


@lru_cache(maxsize=1)
def rest_at_exit() -> None:
    """Has the process rest once before it ends; called by whatever starts native threads."""
    atexit.register(time.sleep, REST)
