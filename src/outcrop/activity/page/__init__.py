"""The page: thirty days of calls as figures that a person looks at, in a file or over HTTP.

Rules: both are the same page, and need no other site; a file that is sent around has nobody's
words in it unless that is asked for; what records say is shown as text and never runs.

The charts are SVG by a script of the page's own. With Vega-Lite the file would be 0.9 MB larger,
draw in 0.4 s instead of 0.01 s at every change of a filter, and not follow the reader's colours.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from outcrop.activity.page.calls import choose_calls, read_conversations
from outcrop.activity.page.document import write_document
from outcrop.activity.page.serving import Records, Serving
from outcrop.activity.page.summary import check_days, describe, iso, summarise
from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outcrop.activity.engine import Activity
    from outcrop.activity.misuse.findings import Finding
    from outcrop.activity.page.summary import Window

__all__ = ["Serving", "report", "serve"]

#: Calls that a report may have the particulars of.
_MOST_CALLS = 1_000
#: Characters of each conversation in a report.
_MOST_CHARACTERS = 50_000


def report(
    log: Activity,
    *,
    days: int = 30,
    findings: Sequence[Finding] | None = None,
    calls: int = 200,
    content: bool = False,
) -> str:
    """One HTML document with all figures, which opens without a server and loads nothing.

    Identities and the summaries of findings are in it in any case.

    Args:
        log: What `outcrop.activity.open` gave.
        days: The last so many days that have calls, at most 400.
        findings: Of the misuse detectors; None says that none were asked.
        calls: Of so many calls the document has the particulars, at most 1,000: those of findings,
            then failed ones and the dearest in turn.
        content: Whether their prompts and completions are in the document, the first 50,000
            characters of each. Leave it off for a file that is sent around.

    Raises:
        ConfigurationError: A number that can't be.
    """
    if not 0 <= calls <= _MOST_CALLS:
        raise ConfigurationError(
            f"calls={calls} isn't a number from 0 to {_MOST_CALLS}.", mend="Choose fewer."
        )
    window, data = _gather(log, days, findings)
    wanted = [one for finding in findings or () for one in finding.request_ids]
    data["calls"] = choose_calls(log, window, most=calls, ids=wanted)
    data["content"] = content
    if content:
        data["conversations"] = read_conversations(
            log, [call["id"] for call in data["calls"]], most_characters=_MOST_CHARACTERS
        )
    return write_document(data, offline=True)


def serve(
    log: Activity, *, days: int = 30, findings: Sequence[Finding] | None = None, port: int = 0
) -> Serving:
    """The page on this machine's loopback address, until it is closed; open its `url`.

    It shows prompts and completions to whoever has the address with its token. The records are
    those that were there when the log was opened. They are asked from other threads, by one at a
    time; close the page before the log.

    Args:
        log: What `outcrop.activity.open` gave.
        days: The last so many days that have calls, at most 400.
        findings: Of the misuse detectors; None says that none were asked.
        port: Of 127.0.0.1; 0 is any that is free.

    Raises:
        ConfigurationError: The port is in use, or a number that can't be.
    """
    check_days(days)  # before anything listens
    return Serving(Records(log, lambda: _gather(log, days, findings)), port=port)


def _gather(
    log: Activity, days: int, findings: Sequence[Finding] | None
) -> tuple[Window, dict[str, Any]]:
    """The window, and what the page shows of it."""
    window, figures = summarise(
        log, days=days, named=[one.identity for one in findings or () if one.identity]
    )
    data: dict[str, Any] = {
        "made": iso(datetime.now(UTC)),
        "summary": figures,
        "damaged": len(log.damaged),
        "lost": log.lost,
        "findings": None if findings is None else describe(findings),
        "content": True,
    }
    return window, data
