"""`outcrop serve`: the local Bedrock, until Ctrl-C."""

from __future__ import annotations

import asyncio
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from outcrop.cli import DONE
from outcrop.cli.connection import note
from outcrop.cli.env import DEFAULT_PORT, Shell, export
from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from outcrop.server.serve import LocalBedrock


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    actor: str | None = None,
    record: Path | None = None,
    region: str = "us-west-2",
    auth: Literal["on", "off"] = "on",
    identity: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    api_key: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    tls: Annotated[bool, Parameter(negative=())] = False,
    tls_dir: Path | None = None,
    today: str | None = None,
    access: Literal["open", "form", "agreement"] = "open",
    account: Literal["active", "new", "invited"] = "active",
    state: Path | None = None,
    s3: str | None = None,
    cloudwatch: str | None = None,
    log_to: str | None = None,
    print_env: Annotated[bool, Parameter(negative=())] = False,
    shell: Shell = "sh",
) -> int:
    """Run a Bedrock on this machine that every client can call, without an AWS account.

    A stand-in answers, not Claude: the banner and the header x-outcrop-actor say which.

    Parameters
    ----------
    host
        Address to listen on; anything but loopback is open to others.
    port
        Port to listen on; 0 takes a free one.
    actor
        Who answers: small (real text of a small model; the default where installed), parrot
        (deterministic), or script:FILE, a YAML or Python file of your own.
    record
        Write prompts and replies to this new YAML file, as a script that answers the same later.
    region
        The region that 'outcrop env' names and that API keys of no region count for.
    auth
        "off" accepts every caller.
    identity
        Another caller to accept, as ACCESS_KEY:SECRET_KEY or ACCESS_KEY:SECRET_KEY:TOKEN; may be
        given several times.
    api_key
        A long-term Bedrock API key to accept; may be given several times.
    tls
        Serve https with a certificate made for the occasion (boto3 sends API keys only so).
    tls_dir
        Folder that keeps the certificate; otherwise a temporary one.
    today
        The day by which models are legacy or ended, as 2026-11-22; otherwise the catalog's.
    access
        What an account needs for its first call: nothing (open, as on AWS today), the use-case form
        (form), or an agreement for each model as well (agreement).
    account
        What kind of account calls: active, new (can't start with legacy models), or invited (to
        models that are by invitation only).
    state
        Folder that keeps what accounts have: inference profiles, tags, forms, agreements, data
        retention, logging. Otherwise all that ends with the server.
    s3
        Where buckets are, for logs of invocations: a folder whose subfolders are the buckets, or
        the URL of an S3-compatible endpoint. Otherwise the folder s3 in that of --state.
    cloudwatch
        URL of an endpoint that answers CloudWatch Logs' operations.
    log_to
        Log every invocation from the start, to s3://BUCKET or s3://BUCKET/PREFIX; accounts can
        still put a configuration of their own.
    print_env
        Print the exports for clients when ready.
    shell
        Whose syntax the exports have.
    """
    from outcrop.server.serve import LocalBedrock, Options

    if tls_dir is not None and not tls:
        raise ConfigurationError("--tls-dir was given without --tls.", mend="Give both.")
    options = Options(
        host=host,
        port=port,
        actor=actor or default_actor(note),
        record=record,
        region=region,
        auth=auth == "on",
        identities=identity,
        api_keys=api_key,
        tls=tls,
        tls_dir=tls_dir,
        today=today,
        access=access,
        account=account,
        state=state,
        s3=s3,
        cloudwatch=cloudwatch,
        log_to=log_to,
    )
    if not options.auth:
        note("outcrop: --auth off: every caller is accepted, signed or not.")
    bedrock = LocalBedrock(options)
    asyncio.run(_run(bedrock, lambda: _announce(bedrock, print_env=print_env, shell=shell)))
    return DONE


async def _run(bedrock: LocalBedrock, announce: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def end(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # event loops of Windows have none
            signal.signal(number, end)
    await bedrock.run(until=stop, ready=announce)


def _announce(bedrock: LocalBedrock, *, print_env: bool, shell: Shell) -> None:
    print(f"Local Bedrock ready at {bedrock.url} (actor: {bedrock.actor_name})", flush=True)
    if bedrock.options.record is not None:
        note(f"outcrop: every prompt and every reply is written to {bedrock.options.record}.")
    if bedrock.options.log_to is not None:
        note(f"outcrop: every prompt and every reply is logged to {bedrock.options.log_to}.")
    if print_env:
        print(export(bedrock.environ(), shell), flush=True)
        return
    note(f"A stand-in answers, not Claude. Point clients here: {_hint(bedrock)}")
    note("Ctrl-C stops.")


def _hint(bedrock: LocalBedrock) -> str:
    port = f" --port {bedrock.port}" if bedrock.port != DEFAULT_PORT else ""
    folder = bedrock.options.tls_dir
    if bedrock.options.tls and folder is None:
        return "run it with --print-env, or with --tls-dir DIR to use 'outcrop env --tls'"
    tls = f" --tls --tls-dir {shlex.quote(str(folder))}" if folder else ""
    return f'eval "$(outcrop env{port}{tls})"'


def default_actor(say: Callable[[str], None]) -> str:
    """`small` where it can run, else `parrot` with a line that says why."""
    from outcrop.server.serve import small_available

    why_not = small_available()
    if why_not is None:
        return "small"
    say(f"outcrop: the parrot answers. {why_not}")
    return "parrot"
