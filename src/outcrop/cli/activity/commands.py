"""The commands of `outcrop activity`; without one of them, it tells all at a glance."""

from __future__ import annotations

from typing import Final

from cyclopts import App

from outcrop.cli.activity.overview import overview

#: Name → where it stands (imported only when it is run), and what it does.
COMMANDS: Final = {
    "usage": (
        "outcrop.cli.activity.usage:usage",
        "Tell calls, tokens and cost by one thing or several.",
    ),
    "cost": ("outcrop.cli.activity.cost:cost", "Tell what was spent, and what could be saved."),
    "errors": ("outcrop.cli.activity.errors:errors", "Tell which calls failed, and whose."),
    "throttles": (
        "outcrop.cli.activity.throttles:throttles",
        "Tell how close to the quotas calls came.",
    ),
    "search": ("outcrop.cli.activity.search:search", "Find a text in prompts and completions."),
    "show": ("outcrop.cli.activity.show:show", "Show one call as a conversation."),
    "tail": ("outcrop.cli.activity.tail:tail", "Print calls as they are recorded."),
    "sql": ("outcrop.cli.activity.sql:sql", "Ask in SQL."),
    "export": ("outcrop.cli.activity.export:export", "Write the calls to a CSV or Parquet file."),
    "misuse": ("outcrop.cli.activity.misuse:misuse", "Look for misuse."),
    "serve": ("outcrop.cli.activity.page:serve", "Show all of it in the browser."),
    "report": ("outcrop.cli.activity.page:report", "Write all of it to one HTML file."),
    "compact": ("outcrop.cli.activity.compact:compact", "Rewrite days that are over as Parquet."),
    "prune": ("outcrop.cli.activity.prune:prune", "Take days away that are to be kept no longer."),
}


app = App(name="activity", help="What was asked of Claude, what it cost, and whose it was.")
app.default(overview)
for _name, (_place, _summary) in COMMANDS.items():
    app.command(_place, name=_name, help=_summary)
