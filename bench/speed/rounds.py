"""Rounds: every client in turn, again and again, and what is made of them.

Rules: a ratio is taken between two clients of the same round, a fraction of a second apart, and the
median of the rounds' ratios is what counts: whoever else uses the machine, or however its clock
changes, meets both. Times are given as medians too, for orientation only.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from cases import Case
from processes import CLIENTS, Process, Upstream, client

#: Calls of the first batch, which isn't counted: it warms caches and tells how many fill a batch.
FIRST = 4
MOST = 20_000


class Crew:
    """The clients, each started when it is first needed.

    Args:
        upstream: On another CPU.
        beside: On theirs.
    """

    def __init__(self, upstream: Upstream, beside: Upstream | None = None) -> None:
        self._upstream = upstream
        self._beside = beside
        self._waiting: dict[str, Process] = {}

    def batch(self, name: str, case: Case, times: int) -> dict[str, Any]:
        """What so many calls cost a client."""
        if name not in self._waiting:
            self._waiting[name] = client(name, self._upstream)
        upstream = self._beside if case.beside and self._beside else self._upstream
        url = upstream.url(CLIENTS[name].port + case.port)
        return self._waiting[name].answer(f"{case.case} {url} {times}")

    def close(self) -> None:
        """Ends all."""
        for process in self._waiting.values():
            process.close()
        self._waiting.clear()


def compare(crew: Crew, case: Case, rounds: int) -> dict[str, Any]:
    """A case, measured: µs a unit of each client, ratios to ours, and the rounds themselves."""
    first = 64 if case.case.endswith("-64") else FIRST
    times: dict[str, int] = {}
    for name in case.clients:
        crew.batch(name, case, first)
        each = crew.batch(name, case, first)["cpu"] / first
        wanted = max(1, min(MOST, int(case.seconds / max(each, 1e-6))))
        times[name] = max(first, wanted) if first == 64 else wanted
    taken = [
        {name: crew.batch(name, case, times[name]) for name in _turned(case.clients, at)}
        for at in range(min(rounds, case.rounds))
    ]
    return summary(case.clients, taken)


def cold(upstream: Upstream, rounds: int) -> dict[str, Any]:
    """A process from its start to its first reply: CPU and memory of each client."""
    url = upstream.url("bulk:500")
    clients = ("outcrop", "official", "boto3", "floor")

    def one(name: str) -> dict[str, Any]:
        with client(name, upstream, "call", url) as process:
            return process.answer()

    for name in clients:
        one(name)  # the page cache, and compiled modules
    taken = [{name: one(name) for name in _turned(clients, at)} for at in range(rounds)]
    found = summary(clients, taken)
    found["rss_mb"] = {name: median(r[name]["rss"] for r in taken) / 1e6 for name in clients}
    found["least_us"] = {name: min(r[name]["cpu"] for r in taken) * 1e6 for name in clients}
    return found


def growth(
    crew: Crew, turns: tuple[int, ...], events: tuple[int, ...]
) -> dict[str, list[dict[str, Any]]]:
    """What calls with long conversations and long streams cost, of which one round is enough."""
    points: dict[str, list[dict[str, Any]]] = {"turns": [], "events": []}
    for count in turns:
        case = Case(name="turns", case=f"call:{count}", beside=True)
        _grow(crew, case, {"outcrop": 60, "official": 10}, count, points["turns"])
    for count in events:
        case = Case(name="events", case="assembly", port=f"bulk:{count}")
        _grow(crew, case, {"outcrop": 1, "official": 1}, count, points["events"])
    return points


def _grow(
    crew: Crew, case: Case, times: dict[str, int], count: int, points: list[dict[str, Any]]
) -> None:
    for name, number in times.items():
        crew.batch(name, case, 1)
        rounds = 3 if name == "outcrop" else 1
        spent = min(crew.batch(name, case, number)["cpu"] for _ in range(rounds)) / number
        points.append({"client": name, "count": count, "ms": spent * 1e3})


def memory(upstream: Upstream, large: dict[str, str]) -> dict[str, Any]:
    """By how many bytes a process grows at most while it reads a large stream, sends 20 MB."""
    found: dict[str, Any] = {"stream": {}, "request": {}}
    clients = ("outcrop", "official", "boto3")
    for name in clients:
        crew = Crew(upstream)
        try:
            crew.batch(name, Case(name="warm", case="stream"), 1)
            found["stream"][name] = {
                size: crew.batch(name, Case(name=size, case="stream", port=port), 1)["grown"]
                for size, port in large.items()
            }
            # No call at first: the client, and the text that it is to send, are there before.
            request = Case(name="request", case="request-20m")
            crew.batch(name, request, 0)
            found["request"][name] = crew.batch(name, request, 1)["grown"]
        finally:
            crew.close()
    return found


def summary(clients: tuple[str, ...], taken: list[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Medians over rounds."""
    us = {
        name: [each[name]["cpu"] / each[name]["units"] * 1e6 for each in taken] for name in clients
    }
    ratios = {
        name: [theirs / ours for theirs, ours in zip(values, us[clients[0]], strict=True)]
        for name, values in us.items()
    }
    return {
        "us": {name: median(values) for name, values in us.items()},
        "least_us": {name: min(values) for name, values in us.items()},
        "times_ours": {name: median(values) for name, values in ratios.items()},
        "spread": {name: _quartiles(values) for name, values in ratios.items()},
        "rounds": len(taken),
    }


def _quartiles(values: list[float]) -> tuple[float, float]:
    ordered = sorted(values)
    return ordered[len(ordered) // 4], ordered[(3 * len(ordered)) // 4]


def _turned(clients: tuple[str, ...], by: int) -> tuple[str, ...]:
    at = by % len(clients)
    return clients[at:] + clients[:at]
