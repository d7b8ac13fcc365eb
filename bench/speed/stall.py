"""How long an event loop stands still while 10,000 calls are made in it.

Every callback of the loop is timed: by the CPU time of its thread, for whoever else uses the
machine would make wall time meaningless, and by wall time where it waits (a blocking call takes no
CPU). The second part begins with credentials that a process gives after 0.3 seconds, through a
profile: the loop must not wait for it.

Started by `run.py` as `stall.py URL NUMBER`; prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import client
from outcrop import AsyncAnthropicBedrock

#: Calls under way at once.
LANES = 16
_KEYS = {
    "Version": 1,
    "AccessKeyId": client.ACCESS_KEY,
    "SecretAccessKey": client.SECRET_KEY,
}


class Stalls:
    """The longest callbacks of every event loop in the process."""

    def __init__(self) -> None:
        self.cpu: list[float] = []
        self.wall: list[float] = []
        run = asyncio.Handle._run  # noqa: SLF001 - asyncio has no other place to time callbacks

        def timed(handle: Any) -> None:
            wall, cpu = time.perf_counter(), time.thread_time()
            run(handle)
            self.cpu.append(time.thread_time() - cpu)
            self.wall.append(time.perf_counter() - wall)

        asyncio.Handle._run = timed  # type: ignore[method-assign] # noqa: SLF001

    def take(self) -> dict[str, float]:
        """The longest in milliseconds; forgets all."""
        found = {
            "longest_cpu_ms": max(self.cpu) * 1e3,
            "longest_wall_ms": max(self.wall) * 1e3,
            "callbacks": len(self.cpu),
        }
        self.cpu, self.wall = [], []
        return found


async def calls(made: AsyncAnthropicBedrock, times: int) -> None:
    """So many calls."""
    left = [times]
    given: Any = {
        "model": client.MODEL,
        "max_tokens": 256,
        "messages": [{"role": "user", "content": "Hello, world"}],
    }

    async def lane() -> None:
        while left[0] > 0:
            left[0] -= 1
            client.look_at_message(await made.messages.create(**given))

    await asyncio.gather(*[lane() for _ in range(LANES)])
    await made.close()


def main() -> None:
    """Measures on CPU 0."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    url, times = sys.argv[1], int(sys.argv[2])
    stalls = Stalls()
    found: dict[str, Any] = {}

    def measure(name: str, times: int, **keys: Any) -> None:
        made = AsyncAnthropicBedrock(base_url=url, aws_region=client.REGION, **keys)
        asyncio.run(calls(made, times))
        found[name] = stalls.take()

    keys = {"aws_access_key": client.ACCESS_KEY, "aws_secret_key": client.SECRET_KEY}
    measure("first call", 1, **keys)
    measure("explicit keys", times, **keys)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        said = f"import time; time.sleep(0.3); print({json.dumps(_KEYS)!r})"
        command = shlex.join([sys.executable, "-c", said])
        config.write_text(f"[profile slow]\ncredential_process = {command}\n")
        os.environ["AWS_CONFIG_FILE"] = str(config)
        measure("credentials of a slow process", LANES, aws_profile="slow")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
