"""`outcrop activity serve` and `report`: all of it, to look at."""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from outcrop.cli import DONE
from outcrop.cli.activity.place import Where, opened
from outcrop.cli.connection import note
from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from outcrop.activity import Activity

Flag = Annotated[bool, Parameter(negative=())]


def serve(
    *,
    port: int = 0,
    days: int = 30,
    findings: bool = True,
    browser: Flag = False,
    where: Where = Where(),  # noqa: B008 - never changed
) -> int:
    """Show all of it in the browser, with prompts and completions, on this machine only.

    Parameters
    ----------
    port
        Port of 127.0.0.1; 0 takes a free one.
    days
        Days to show, the last ones that have calls.
    findings
        Look for misuse, too.
    browser
        Open the browser.
    """
    from outcrop.activity import page

    with (
        opened(where) as log,
        page.serve(log, days=days, findings=_findings(log, wanted=findings), port=port) as serving,
    ):
        print(f"Activity is shown at {serving.url}", flush=True)
        note("Whoever has this address reads prompts and completions. Ctrl-C stops.")
        if browser:
            webbrowser.open(serving.url)
        serving.wait()
    return DONE


def report(
    *,
    html: Path,
    days: int = 30,
    findings: bool = True,
    calls: int = 200,
    content: Flag = False,
    where: Where = Where(),  # noqa: B008 - never changed
) -> int:
    """Write all of it to one HTML file, which opens offline.

    Parameters
    ----------
    html
        The file; only you may read it.
    days
        Days to show, the last ones that have calls.
    findings
        Look for misuse, too.
    calls
        Calls whose particulars are in the file.
    content
        Put their prompts and completions into the file. Without it, it can be sent around.
    """
    from outcrop.activity import page

    if html.is_dir():
        raise ConfigurationError(f"{html} is a folder.", mend="Name a file: --html report.html.")
    with opened(where) as log:
        written = page.report(
            log, days=days, findings=_findings(log, wanted=findings), calls=calls, content=content
        )
    file = os.open(html, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as opened_file:
        opened_file.write(written)
    note(f"outcrop: the report is in {html}.")
    return DONE


def _findings(log: Activity, *, wanted: bool) -> Any:
    if not wanted:
        return None
    from outcrop.activity import misuse

    return misuse.detect(log)
