"""What was measured, as rows of a table, as JSON and as a plot."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from subprocess import run
from typing import Any, Literal

from processes import OFFICIAL, Upstream, environment
from rich.console import Console
from rich.table import Table

COLOURS = {"yes": "#2a7f62", "no": "#b5452c", "none": "#7f7f7f"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure beside what it is to be.

    Attributes:
        what: Case and, where there's one, the other client.
        measured: The figure.
        target: What it is to be; None where it is only measured.
        better: Whether it is to be at least (`more`) or at most (`less`) the target.
        unit: Of both.
        note: Microseconds of both sides, for orientation.
    """

    what: str
    measured: float
    target: float | None
    unit: str
    better: Literal["more", "less"] = "less"
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there's none."""
        if self.target is None:
            return None
        return (
            self.measured >= self.target
            if self.better == "more"
            else (self.measured <= self.target)
        )


def about(upstream: Upstream) -> dict[str, Any]:
    """The machine, the date, the versions, and in what the upstream of plain ports is written."""
    asked = "import importlib.metadata as m; print(m.version('anthropic'))"
    official = run(  # noqa: S603 - our own environment
        [OFFICIAL, "-c", asked], capture_output=True, text=True, check=True, env=environment()
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{_processor()}, {os.cpu_count()} CPUs, {platform.system()}",
        "python": platform.python_version(),
        "versions": {
            "outcrop": version("outcrop"),
            "anthropic": official.stdout.strip(),
            "boto3": version("boto3"),
        },
        "upstream": upstream.plain,
        "load": [round(each, 1) for each in os.getloadavg()],
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def show(rows: list[Row], facts: dict[str, Any]) -> None:
    """Prints the table."""
    table = Table(title=_title(facts), title_justify="left")
    for name in ("what", "target", "measured", "met"):
        table.add_column(name, justify="right" if name in ("target", "measured") else "left")
    table.add_column("beside it", style="dim")
    for row in rows:
        sign = "≥" if row.better == "more" else "≤"
        target = "" if row.target is None else f"{sign} {row.target:g} {row.unit}"
        met = {None: "", True: "[green]yes[/]", False: "[red]no[/]"}[row.met]
        table.add_row(row.what, target, f"{row.measured:.3g} {row.unit}", met, row.note)
    Console(width=None if sys.stdout.isatty() else 150).print(table)


def _title(facts: dict[str, Any]) -> str:
    names = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    where = f"{facts['date']}, {facts['machine']}, Python {facts['python']}"
    return f"{where}; {names}; upstream in {facts['upstream']}"


def save(file: Path, rows: list[Row], facts: dict[str, Any], raw: dict[str, Any]) -> None:
    """Writes all as JSON."""
    told = [{**asdict(row), "met": row.met} for row in rows]
    file.write_text(json.dumps({"about": facts, "rows": told, "raw": raw}, indent=1) + "\n")


def plot(file: Path, rows: list[Row], facts: dict[str, Any], raw: dict[str, Any]) -> None:
    """Writes a picture (SVG): ratios with their targets, and growth."""
    import altair as alt  # noqa: PLC0415 - a second of CPU

    ratios = [row for row in rows if row.unit == "x" and row.better == "more"]
    order = [row.what for row in ratios]
    data = alt.Data(
        values=[
            {
                "what": row.what,
                "measured": row.measured,
                "target": row.target,
                "met": {None: "none", True: "yes", False: "no"}[row.met],
            }
            for row in ratios
        ]
    )
    y = alt.Y("what:N", sort=order, title=None, axis=alt.Axis(labelLimit=400))
    bars = (
        alt.Chart(data)
        .mark_bar(height=11)
        .encode(
            x=alt.X("measured:Q", title="times less CPU than the other client"),
            y=y,
            color=alt.Color(
                "met:N",
                title="target met",
                scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
            ),
        )
    )
    ticks = (
        alt.Chart(data)
        .transform_filter("isValid(datum.target)")
        .mark_tick(thickness=2, size=15, color="black")
        .encode(x="target:Q", y=y)
    )
    text = bars.mark_text(align="left", dx=4, fontSize=10).encode(
        text=alt.Text("measured:Q", format=".3g"), color=alt.value("#333")
    )
    picture: Any = (bars + ticks + text).properties(width=460)
    if growth := raw.get("growth"):
        picture = alt.vconcat(picture, _growth(growth)).resolve_scale(color="independent")
    picture.properties(
        title=alt.TitleParams(
            "Outcrop beside the official SDK and boto3: CPU time, bars to the black mark or longer",
            subtitle=_title(facts),
            anchor="start",
        )
    ).save(str(file))


def _growth(growth: dict[str, list[dict[str, Any]]]) -> Any:
    import altair as alt  # noqa: PLC0415 - see above

    titles = {
        "turns": ("turns in the request", "ms a call"),
        "events": ("events in the stream, assembled", "ms a stream"),
    }
    return alt.hconcat(
        *[
            alt.Chart(alt.Data(values=points))
            .mark_line(point=True)
            .encode(
                x=alt.X("count:Q", title=titles[name][0], scale=alt.Scale(type="log")),
                y=alt.Y("ms:Q", title=titles[name][1], scale=alt.Scale(type="log")),
                color=alt.Color("client:N", title="client"),
            )
            .properties(width=270, height=180)
            for name, points in growth.items()
        ]
    )
