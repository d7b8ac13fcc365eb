"""Speed, measured beside what people use today: `.venv/bin/python bench/speed/run.py`.

See README.md beside this file for what is measured, how, and the traps.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cases import (
    BEFORE,
    BESIDE,
    CASES,
    COLD,
    EVENTS,
    LARGE,
    LOCAL,
    LOCAL_TIMES_BARE,
    MICRO,
    MORE_PORTS,
    REQUEST_COPIES,
    STALL_MS,
    TURNS,
    Case,
)
from processes import CLIENTS, HERE, OUTCROP, Client, Process, Upstream
from report import Row, about, plot, save, show
from rounds import Crew, cold, compare, growth, memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REFERENCE = HERE / "reference.json"
#: A ratio that has become so many times worse fails the short run.
TOO_MUCH = 2.0
SHORT_ROUNDS = 3
PARTS = ("clients", "cold", "micro", "local", "servers", "stall", "memory", "growth")


def client_rows(case: Case, found: dict[str, Any]) -> Iterator[Row]:
    """The rows of a comparison: one for each client beside us."""
    us = found["us"]
    ours = case.clients[0]
    for name in us:
        if name in (ours, "floor"):
            continue
        low, high = found["spread"][name]
        yield Row(
            what=f"{case.name}: {name}",
            measured=found["times_ours"][name],
            target=case.targets.get(name),
            unit="x",
            better="more",
            note=f"{us[ours]:.3g} : {us[name]:.4g} µs"
            + (f", floor {us['floor']:.2g}" if "floor" in us else "")
            + f" ({low:.3g}-{high:.3g}x)",
        )


def cold_rows(found: dict[str, Any]) -> Iterator[Row]:
    """The rows of cold processes."""
    least, rss = found["least_us"], found["rss_mb"]
    beside = ", ".join(f"{name} {value / 1e3:.0f}" for name, value in found["us"].items())
    for name in ("official", "boto3"):
        yield Row(
            what=f"cold process: {name}",
            measured=found["times_ours"][name],
            target=COLD.get(name),
            unit="x",
            better="more",
            note=f"ms: {beside}",
        )
    yield Row(
        what="cold process, CPU, least",
        measured=least["outcrop"] / 1e3,
        target=COLD["cpu_ms"],
        unit="ms",
        note=f"bare interpreter and a socket {least['floor'] / 1e3:.0f} ms",
    )
    yield Row(
        what="cold process, memory",
        measured=rss["outcrop"],
        target=COLD["rss_mb"],
        unit="MB",
        note=", ".join(f"{name} {value:.0f}" for name, value in rss.items()),
    )


def micro_rows(found: dict[str, dict[str, float]]) -> Iterator[Row]:
    """The rows of the pieces alone."""
    for name, piece in found.items():
        note = ""
        if "botocore_us" in piece:
            note = f"botocore {piece['botocore_us']:.3g} µs, {piece['times_ours']:.3g}x"
        yield Row(what=name, measured=piece["us"], target=MICRO[name], unit="µs", note=note)


def local_rows(found: dict[str, dict[str, float]]) -> Iterator[Row]:
    """The rows of the local Bedrock."""
    for name, figures in found.items():
        what = "a call" if name == "invoke" else f"an event, {figures['writes']:.0f} of them"
        yield Row(
            what=f"local Bedrock, {what}",
            measured=figures["least_us"],
            target=LOCAL[name],
            unit="µs",
            note=f"median {figures['us']:.4g}",
        )
        yield Row(
            what=f"local Bedrock, {what}: bare server",
            measured=figures["times_bare"],
            target=LOCAL_TIMES_BARE,
            unit="x",
            note=f"{figures['us']:.4g} : {figures['bare_us']:.4g} µs",
        )


def server_rows(found: dict[str, Any]) -> Iterator[Row]:
    """The rows of the local Bedrock beside another server, and over HTTP/2."""
    if moto := found.get("moto"):
        yield Row(
            what="local Bedrock, GetCallerIdentity: moto's server",
            measured=moto["times_ours"]["moto"],
            target=None,
            unit="x",
            better="more",
            note=f"{moto['us']['local']:.4g} : {moto['us']['moto']:.4g} µs, a connection each",
        )
    if http2 := found.get("http2"):
        yield Row(
            what="local Bedrock, a call by HTTP/2 in clear text",
            measured=http2["least_us"]["HTTP/2"],
            target=LOCAL["invoke"],
            unit="µs",
            note=f"median {http2['us']['HTTP/2']:.4g}, HTTP/1.1 {http2['us']['HTTP/1.1']:.4g}",
        )


def stall_rows(found: dict[str, dict[str, float]]) -> Iterator[Row]:
    """The rows of event loops that stand still."""
    for name, figures in found.items():
        yield Row(
            what=f"event loop, longest callback: {name}",
            measured=figures["longest_cpu_ms"],
            target=STALL_MS,
            unit="ms",
            note=f"CPU; {figures['longest_wall_ms']:.3g} by the clock",
        )


def memory_rows(found: dict[str, Any]) -> Iterator[Row]:
    """The rows of memory."""
    small, large = (found["stream"]["outcrop"][name] for name in LARGE)
    yield Row(
        what="stream of 100 MB, memory more than for 10 MB",
        measured=max(0.0, large - small) / 1e6,
        target=1.0,
        unit="MB",
        note=", ".join(
            f"{name} {sizes['10 MB'] / 1e6:.3g} and {sizes['100 MB'] / 1e6:.3g} MB"
            for name, sizes in found["stream"].items()
        ),
    )
    request = found["request"]
    yield Row(
        what="request of 20 MB, copies",
        measured=request["outcrop"] / 20e6,
        target=REQUEST_COPIES,
        unit="copies",
        note=", ".join(f"{name} {each / 20e6:.2g}" for name, each in request.items()),
    )


def growth_rows(found: dict[str, list[dict[str, Any]]]) -> Iterator[Row]:
    """The rows of growth: cost of the last stretch against that of the one before, by size."""
    for name, points in found.items():
        ours = [point for point in points if point["client"] == "outcrop"]
        before, last = ours[-2:]
        yield Row(
            what=f"growth, {before['count']:,} to {last['count']:,} {name}: cost by size",
            measured=last["ms"] / before["ms"] / (last["count"] / before["count"]),
            target=1.25,
            unit="x",
            note=", ".join(f"{p['client']} {p['count']:,}: {p['ms']:.3g} ms" for p in points[-4:]),
        )


def script(name: str, *arguments: str) -> dict[str, Any]:
    """What a script of this folder prints."""
    with Process(Path(sys.executable), [name, *arguments]) as process:
        return process.answer()


def ports(cases: list[Case]) -> list[str]:
    """What the upstream has to serve."""
    found = [
        CLIENTS[name].port + case.port for case in cases for name in case.clients if name in CLIENTS
    ]
    return list(dict.fromkeys([*found, *MORE_PORTS]))


def measure(
    parts: list[str], *, rounds: int, only: str, tell: Callable[[str], None]
) -> tuple[list[Row], dict[str, Any], dict[str, Any]]:
    """Measures the parts that are wanted: rows, all figures, and what was measured where."""
    rows: list[Row] = []
    raw: dict[str, Any] = {}
    wanted = [case for case in CASES if "clients" in parts and only in case.name]
    with Upstream(*ports(wanted)) as upstream, Upstream(BESIDE, beside=True) as beside:
        crew = Crew(upstream, beside)
        try:
            for case in wanted:
                if case.clients[0] not in CLIENTS:
                    tell(f"{case.name}: left out, h2 isn't installed")
                    continue
                tell(case.name)
                found = compare(crew, case.among(CLIENTS), rounds)
                raw.setdefault("clients", {})[case.name] = found
                rows += client_rows(case, found)
            if "growth" in parts:
                tell("growth")
                raw["growth"] = growth(crew, TURNS, EVENTS)
                rows += growth_rows(raw["growth"])
        finally:
            crew.close()
        facts = about(upstream)
        url = beside.url(BESIDE)
        ways: dict[str, tuple[Callable[[], Any], Callable[[Any], Iterator[Row]]]] = {
            "cold": (lambda: cold(beside, min(rounds, 9)), cold_rows),
            "micro": (lambda: script("micro.py"), micro_rows),
            "local": (lambda: script("local.py"), local_rows),
            "servers": (lambda: script("servers.py"), server_rows),
            "stall": (lambda: script("stall.py", url, "10000"), stall_rows),
            "memory": (lambda: memory(upstream, LARGE), memory_rows),
        }
        for part, (take, tabulate) in ways.items():
            if part in parts:
                tell(part)
                raw[part] = take()
                rows += tabulate(raw[part])
                for missing in raw[part].get("left_out", ()):
                    tell(f"left out: {missing}")
    return rows, raw, facts


def short(tell: Callable[[str], None]) -> int:
    """A few rounds of the main cases, against the reference.

    Returns:
        How many ratios are twice worse than the reference's.
    """
    reference: dict[str, float] = json.loads(REFERENCE.read_text())["times"]
    worse = 0
    with Upstream("bulk:500") as upstream, Upstream(BESIDE, beside=True) as beside:
        crew = Crew(upstream, beside)
        try:
            for case in CASES:
                if not case.short:
                    continue
                ratio = compare(crew, case.briefly(), SHORT_ROUNDS)["times_ours"]["official"]
                known = reference[case.name]
                failed = ratio * TOO_MUCH < known
                worse += failed
                verdict = "WORSE" if failed else "well"
                tell(
                    f"{case.name}: {ratio:.1f}x less than the official SDK, was {known}: {verdict}"
                )
        finally:
            crew.close()
    return worse


def keep(raw: dict[str, Any], facts: dict[str, Any]) -> None:
    """Writes the reference: how many times more CPU the official SDK takes, case by case."""
    times = {
        case.name: round(raw["clients"][case.name]["times_ours"]["official"], 1)
        for case in CASES
        if case.short
    }
    REFERENCE.write_text(json.dumps({"about": facts, "times": times}, indent=1) + "\n")


def main() -> None:
    """Reads the command line, measures, shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="for CI: main cases, by reference")
    parser.add_argument("--json", type=Path, help="file to write all figures to")
    parser.add_argument("--plot", type=Path, help="file to write a picture to (SVG)")
    parser.add_argument("--keep", action="store_true", help="make this run the reference")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--only", default="", help="only cases with this in their name")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--before", type=Path, help="another src folder, to compare ours with")
    given = parser.parse_args()
    if given.before:
        CLIENTS[BEFORE] = Client(OUTCROP, {"PYTHONPATH": str(given.before.resolve())})
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {text}", file=sys.stderr, flush=True)

    if given.short:
        if worse := short(tell):
            sys.exit(f"{worse} ratios are less than half of bench/speed/reference.json.")
        return
    rows, raw, facts = measure(given.parts, rounds=given.rounds, only=given.only, tell=tell)
    show(rows, facts)
    if given.json:
        save(given.json, rows, facts, raw)
    if given.keep:
        keep(raw, facts)
    if given.plot:
        plot(given.plot, rows, facts, raw)


if __name__ == "__main__":
    main()
