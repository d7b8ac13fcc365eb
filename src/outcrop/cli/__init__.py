"""The `outcrop` command: one file a command, and here what they share.

Rules: an error is one clear line on standard error (a traceback with `--debug`); `--json` is for
machines; exit codes: 0 done, 1 refused by the service, 2 wrong usage or configuration, 3 no
connection, 130 interrupted.
"""

from __future__ import annotations

import sys
import warnings
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclopts import App, CycloptsError

DONE, REFUSED, USAGE, UNREACHED, INTERRUPTED = 0, 1, 2, 3, 130

#: What `outcrop message` and `outcrop chat` call unless told otherwise.
DEFAULT_MODEL = "global.anthropic.claude-sonnet-5"

#: Name → where it stands (imported only when it is run), and what it does.
COMMANDS = {
    "message": ("outcrop.cli.message:message", "Send a message to Claude and print the answer."),
    "chat": ("outcrop.cli.chat:chat", "Talk with Claude in the terminal."),
    "serve": ("outcrop.cli.serve:serve", "Run a local Bedrock that every client can call."),
    "env": ("outcrop.cli.env:env", "Print the exports that point clients at it."),
    "models": ("outcrop.cli.models:app", "List the Claude models on Bedrock, or show one."),
    "resolve": ("outcrop.cli.resolve:resolve", "Say which ID a model is called by, and why."),
    "activity": ("outcrop.cli.activity.commands:app", "Ask what was asked, spent and misused."),
    "doctor": ("outcrop.cli.doctor:doctor", "Examine credentials, region, access and models."),
}
MODEL_COMMANDS = {
    "status": ("outcrop.cli.model:status", "Say whether the small model is installed."),
    "install": ("outcrop.cli.model:install", "Install the small model's engine and weights."),
}
CATALOG_COMMANDS = {
    "check": ("outcrop.cli.catalog:check", "Compare the catalog with what your account lists."),
    "refresh": ("outcrop.cli.catalog:refresh", "Write what your account has beyond it."),
}


def _app() -> App:
    from cyclopts import App

    from outcrop import __version__

    app = App(
        name="outcrop",
        help="Claude on Amazon Bedrock: a client, and a local Bedrock to develop against.",
        help_epilogue="--debug before or after a command shows tracebacks.",
        version=__version__,
        print_error=False,
        exit_on_error=False,
        result_action="return_int_as_exit_code_else_zero",
    )
    model = App(name="model", help="The small model that writes real text offline.")
    catalog = App(name="catalog", help="The catalog of models against your account.")
    for group, commands in (
        (app, COMMANDS),
        (model, MODEL_COMMANDS),
        (catalog, CATALOG_COMMANDS),
    ):
        for name, (place, summary) in commands.items():
            group.command(place, name=name, help=summary)
    app.command(catalog)
    app.command(model)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, TextIOWrapper):  # a terminal that lacks a letter is no failure
            output.reconfigure(errors="backslashreplace")
    options = words[: words.index("--")] if "--" in words else words
    debug = "--debug" in options
    if debug:
        words.remove("--debug")
    with warnings.catch_warnings():
        warnings.simplefilter("once")
        warnings.showwarning = _note
        return _run(words, debug=debug)


def _note(message: Warning | str, *_: object) -> None:
    """A warning as one line for people."""
    print(f"outcrop: {message}", file=sys.stderr)


def _run(words: list[str], *, debug: bool) -> int:
    from cyclopts import CycloptsError

    from outcrop import errors

    try:
        return int(_app()(words))
    except CycloptsError as error:
        return _fail(_usage(error), USAGE, debug=debug)
    except errors.APIConnectionError as error:
        return _fail(str(error), UNREACHED, debug=debug)
    except errors.APIError as error:
        return _fail(str(error), REFUSED, debug=debug)
    except errors.OutcropError as error:
        return _fail(str(error), USAGE, debug=debug)
    except (KeyboardInterrupt, EOFError):
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stderr.close()
        return DONE
    except OSError as error:  # a full disk behind standard output, for instance
        return _fail(str(error), USAGE, debug=debug)


def _fail(line: str, code: int, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    print(f"outcrop: {' '.join(line.split())}", file=sys.stderr)
    return code


def _usage(error: CycloptsError) -> str:
    chain = " ".join(error.command_chain or ())
    return f"{error} Try 'outcrop {chain} --help'.".replace("  ", " ")
