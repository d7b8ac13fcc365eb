"""`outcrop env`: exports that point every AWS and Anthropic client at the local Bedrock."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from outcrop.cli import DONE

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PORT = 8484

Shell = Literal["sh", "fish", "powershell", "dotenv"]

#: What would go before the exported keys in a client's search, or quarrel with them.
UNSET = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK", "AWS_ENDPOINT_URL")


def env(
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    region: str = "us-west-2",
    tls: Annotated[bool, Parameter(negative=())] = False,
    tls_dir: Path | None = None,
    api_key: Annotated[bool, Parameter(negative=())] = False,
    shell: Shell = "sh",
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Print the exports for a shell: eval "$(outcrop env)".

    Parameters
    ----------
    host
        Where 'outcrop serve' listens.
    port
        Where 'outcrop serve' listens.
    region
        The region to name.
    tls
        For 'outcrop serve --tls --tls-dir DIR'.
    tls_dir
        The folder that 'outcrop serve --tls-dir' keeps its certificate in.
    api_key
        Name a Bedrock API key instead of access keys; it lives twelve hours.
    shell
        Whose syntax.
    json
        Print JSON.
    """
    from outcrop.server.address import environ

    values = environ(host=host, port=port, region=region, tls=tls, tls_dir=tls_dir, api_key=api_key)
    if json:
        import orjson

        print(orjson.dumps(values, option=orjson.OPT_INDENT_2).decode())
    else:
        print(export(values, shell))
    return DONE


def export(values: Mapping[str, str], shell: Shell) -> str:
    """The lines that set these variables, and unset those that would quarrel with them."""
    unset = [name for name in UNSET if name not in values]
    if shell == "dotenv":
        return "\n".join(f"{name}={value}" for name, value in values.items())
    if shell == "fish":
        lines = [f"set -e {name};" for name in unset]
        lines += [f"set -gx {name} {shlex.quote(value)};" for name, value in values.items()]
    elif shell == "powershell":
        lines = [f"Remove-Item Env:{name} -ErrorAction Ignore" for name in unset]
        lines += [
            "$Env:{} = '{}'".format(name, value.replace("'", "''"))
            for name, value in values.items()
        ]
    else:
        lines = [f"unset {' '.join(unset)}"]
        lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join(lines)
