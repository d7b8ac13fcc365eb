"""Whether to try again, and when: decided here once, for sync, async and gateway.

Rules: only what the error table calls retryable; never after the first event was handed out (the
caller of `delay` sees to that); waits double from half a second to eight with up to a quarter of
jitter off, as the official SDK's do; `retry-after` goes before that if it asks for a minute at
most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from outcrop.errors import APIStatusError

if TYPE_CHECKING:
    from outcrop.errors import APIError

FIRST_WAIT = 0.5
LONGEST_WAIT = 8.0
LONGEST_RETRY_AFTER = 60.0


class Policy(Struct, frozen=True):
    """How far retries may go.

    Attributes:
        max_retries: Attempts after the first.
        deadline: Seconds since the call began after which no new attempt starts; None for no limit.
    """

    max_retries: int = 2
    deadline: float | None = 600.0

    def delay(self, error: APIError, *, retries: int, elapsed: float, roll: float) -> float | None:
        """Seconds to wait before the next attempt, None to give up.

        Args:
            error: What the last attempt met.
            retries: Retries made so far.
            elapsed: Seconds since the call began.
            roll: A random number in [0, 1).
        """
        if not error.retryable or retries >= self.max_retries:
            return None
        asked = error.retry_after if isinstance(error, APIStatusError) else None
        if asked is not None and asked <= LONGEST_RETRY_AFTER:
            wait = asked
        else:
            wait = min(FIRST_WAIT * 2**retries, LONGEST_WAIT) * (1 - roll / 4)
        if self.deadline is not None and elapsed + wait >= self.deadline:
            return None
        return wait
