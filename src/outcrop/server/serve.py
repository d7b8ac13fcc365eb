"""The local Bedrock as something that runs: in the current event loop, in a thread, or in `with`.

Rules: ready means that connections are accepted; stopping breaks off what is being answered, then
ends the actor; nothing is left behind: no thread, no socket, no file; what clients
need to find it (URL, keys, variables) is said here and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Self, cast

from outcrop import __version__
from outcrop.errors import ConfigurationError
from outcrop.server.address import ANY, check_region, exports, url
from outcrop.server.identities import (
    ACCESS_KEY,
    SECRET_KEY,
    SESSION_ACCESS_KEY,
    SESSION_SECRET_KEY,
    SESSION_TOKEN,
    Identities,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from outcrop.server.accounts.access import Opening, Standing
    from outcrop.server.accounts.state import Accounts
    from outcrop.server.actors import Actor
    from outcrop.server.actors.function import Answer
    from outcrop.server.app import App
    from outcrop.server.logs import InvocationLogs
    from outcrop.server.tls import Certificate

_log = logging.getLogger("outcrop.server")

ACTORS: Final = ("parrot", "small", "script:FILE")
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run.

    Attributes:
        host: Address to listen on; others than loopback are open to the network.
        port: Port; 0 takes a free one.
        actor: Who answers: an actor, a function that gives answers, or `parrot`, `small` or
            `script:FILE`.
        record: File to write a script to, which answers later as is answered now.
        region: For callers whose request names no region, and in `environ()`.
        auth: Whether to verify who calls.
        identities: More keys to accept, as `ACCESS_KEY:SECRET` or `ACCESS_KEY:SECRET:TOKEN`.
        api_keys: Long-term API keys to accept.
        tls: Whether to serve https, with a certificate that is made for it.
        tls_dir: Folder for the certificate; a temporary one if None.
        today: Day by which models are legacy or ended, ISO 8601; the catalog's if None.
        access: What an account needs for its first call: nothing (`open`), the use-case form
            (`form`), or an agreement for each model as well (`agreement`).
        account: What kind of account calls: one that may go on with legacy models (`active`), a
            `new` one that can't start with them, or one that is `invited` to those that are by
            invitation only.
        state: Folder that keeps what accounts have; in memory only if None.
        s3: Where buckets are, for logs of invocations: a folder whose subfolders are the buckets,
            or the URL of an S3-compatible endpoint; `s3` in the folder of `state` if None.
        cloudwatch: URL of an endpoint that answers CloudWatch Logs' operations.
        log_to: `s3://BUCKET` or `s3://BUCKET/PREFIX`, where the invocations of all accounts are
            logged that don't say otherwise.
        max_in_flight: Requests that are worked on at once; more are throttled.
        body_seconds: How long a request's body may take.
        write_seconds: How long a client may take nothing of a reply before it is dropped.
    """

    host: str = "127.0.0.1"
    port: int = 0
    actor: Actor | Answer | str = "parrot"
    record: Path | None = None
    region: str = "us-east-1"
    auth: bool = True
    identities: tuple[str, ...] = field(default=(), repr=False)
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    tls: bool = False
    tls_dir: Path | None = None
    today: str | None = None
    access: Opening = "open"
    account: Standing = "active"
    state: Path | None = None
    s3: str | os.PathLike[str] | None = None
    cloudwatch: str | None = None
    log_to: str | None = None
    max_in_flight: int = 64
    body_seconds: float = 60.0
    write_seconds: float = 60.0


class LocalBedrock:
    """A Bedrock on this machine: `await run()` it, `start()` and `stop()` it, or use it in `with`.

    Args:
        options: How to run.

    Raises:
        ConfigurationError: An option that can't be right.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options = options or Options()
        check_region(options.region)
        if options.today is not None and not _is_day(options.today):
            raise ConfigurationError(
                f"today={options.today!r} isn't a day.", mend="Give one like '2026-11-22'."
            )
        _check_choice("access", options.access, ("open", "form", "agreement"))
        _check_choice("account", options.account, ("active", "new", "invited"))
        if not 0 <= options.port <= 65535:
            raise ConfigurationError(f"port={options.port} isn't a port.", mend="Use 0 to 65535.")
        self.port = options.port
        self._accounts, self._logs = _accounts(options)
        self._identities = Identities.from_environment(os.environ)
        for keys in options.identities:
            self._identities.add_keys(keys)
        for key in options.api_keys:
            self._identities.add_api_key(key)
        self._actor = _recorded(choose_actor(options.actor), options.record)
        self._certificate: Certificate | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._until: asyncio.Event | None = None

    def __repr__(self) -> str:
        return f"LocalBedrock({self.url!r}, actor={self.actor_name!r})"

    # What clients need ───────────────────────────────────────────────────────────────────────────

    @property
    def url(self) -> str:
        """Its base URL."""
        return url(self.options.host, self.port, tls=self.options.tls)

    @property
    def region(self) -> str:
        """The region to name, if none is wanted in particular: it stands for every region."""
        return self.options.region

    @property
    def actor_name(self) -> str:
        """Who answers."""
        return self._actor.name

    @property
    def access_key(self) -> str:
        """Access key of the example user."""
        return ACCESS_KEY

    @property
    def secret_key(self) -> str:
        """Secret key of the example user."""
        return SECRET_KEY

    @property
    def session_credentials(self) -> tuple[str, str, str]:
        """Access key, secret key and session token of the example role."""
        return SESSION_ACCESS_KEY, SESSION_SECRET_KEY, SESSION_TOKEN

    @cached_property
    def api_key(self) -> str:
        """A short-term API key of the example user, good in `region` for twelve hours."""
        return self.mint_api_key(self.region)

    def mint_api_key(self, region: str) -> str:
        """A short-term API key of the example user, good in a region for twelve hours."""
        return self._identities.mint_api_key(region=region, now=time.time()).token

    @property
    def ca_bundle(self) -> Path | None:
        """File of the certificate to trust, None without TLS."""
        return self._certificate and self._certificate.ca

    def environ(self) -> dict[str, str]:
        """Variables that point AWS's and Anthropic's clients here; see `environ`."""
        return exports(self.url, self.region, self.ca_bundle)

    @property
    def logs(self) -> InvocationLogs:
        """What is logged of invocations, where accounts or `log_to` want it."""
        return self._logs

    # Running ─────────────────────────────────────────────────────────────────────────────────────

    async def run(
        self, *, until: asyncio.Event | None = None, ready: Callable[[], None] | None = None
    ) -> None:
        """Serves until an event is set, or the task is cancelled.

        Args:
            until: The event; None serves until cancelled, or until `stop`.
            ready: Called once connections are accepted.

        Raises:
            ConfigurationError: The port is in use, or the actor can't start.
        """
        from outcrop.server.connections import Bounds
        from outcrop.server.listen import Listener, reserve

        self._loop = asyncio.get_running_loop()
        self._until = until = until or asyncio.Event()
        async with AsyncExitStack() as stack:
            reserved = stack.enter_context(reserve(self.options.host, self.options.port))
            self.port = reserved.getsockname()[1]
            if self.options.tls:
                self._certificate = self._make_certificate(stack)
            stack.push_async_callback(self._actor.close)
            await self._actor.start()
            stack.push_async_callback(asyncio.to_thread, self._logs.close)
            app = self._app()
            listener = Listener(
                app,
                reserved,
                certificate=self._certificate,
                bounds=Bounds(connections=max(1024, 4 * self.options.max_in_flight)),
            )
            # From below: nobody is accepted, answers are broken off, connections end.
            stack.push_async_callback(listener.wait_closed)
            stack.push_async_callback(app.close)
            stack.callback(listener.close)
            await listener.start()
            self._warn()
            if ready is not None:
                ready()
            await until.wait()

    def start(self) -> Self:
        """Runs it in a thread; returns when it accepts connections.

        Raises:
            ConfigurationError: It can't run, or runs already.
        """
        if self._thread is not None:
            raise ConfigurationError("It runs already.", mend="Make another LocalBedrock.")
        ready = threading.Event()
        failure: list[BaseException] = []

        def work() -> None:
            try:
                asyncio.run(self.run(ready=ready.set))
            except BaseException as error:  # noqa: BLE001 - raised in the thread that started it
                failure.append(error)
            finally:
                ready.set()

        self._thread = threading.Thread(target=work, name="outcrop-local-bedrock", daemon=True)
        self._thread.start()
        ready.wait()
        if failure:
            self._thread.join()
            self._thread = None
            raise failure[0]
        return self

    def stop(self) -> None:
        """Stops it; without effect if it doesn't run. Returns when all is released."""
        if self._loop is not None and self._until is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._until.set)
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _app(self) -> App:
        from outcrop.server.accounts.access import Terms
        from outcrop.server.app import App
        from outcrop.server.auth import Gate
        from outcrop.server.exchange import Limits

        options = self.options
        return App(
            self._actor,
            Gate(self._identities if options.auth else None, region=options.region),
            limits=Limits(
                in_flight=options.max_in_flight,
                body_seconds=options.body_seconds,
                write_seconds=options.write_seconds,
            ),
            today=options.today,
            health={"version": __version__},
            accounts=self._accounts,
            terms=Terms(opening=options.access, standing=options.account),
            logs=self._logs,
        )

    def _make_certificate(self, stack: AsyncExitStack) -> Certificate:
        from outcrop.server.tls import make_certificate

        folder = self.options.tls_dir
        if folder is None:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="outcrop-tls-")))
        host = self.options.host
        return make_certificate(folder, names=() if host in ANY else (host,))

    def _warn(self) -> None:
        if self.options.host not in _LOOPBACK:
            _log.warning(
                "Listening on %s: whoever reaches this machine can call it; "
                "its example keys are public.",
                self.options.host,
            )


def _accounts(options: Options) -> tuple[Accounts, InvocationLogs]:
    """What accounts have, and where they want their invocations logged."""
    from outcrop.server.accounts.folder import Folder
    from outcrop.server.accounts.state import Accounts
    from outcrop.server.logs import InvocationLogs, Places

    accounts = Accounts(Folder(options.state) if options.state else None)
    s3 = options.s3
    if s3 is None and options.state is not None:
        s3 = options.state / "s3"
    places = Places(s3=s3, cloudwatch=options.cloudwatch)
    return accounts, InvocationLogs(accounts, places, log_to=options.log_to)


# The parts ───────────────────────────────────────────────────────────────────────────────────────


def choose_actor(spec: Actor | Answer | str) -> Actor:
    """The actor that is given, or that a specification names: `parrot`, `small` or `script:FILE`.

    Raises:
        ConfigurationError: There is no such actor, or its file can't be used.
    """
    if not isinstance(spec, str):
        return _actor_of(spec)
    kind, _, argument = spec.partition(":")
    if kind == "parrot" and not argument:
        from outcrop.server.actors.parrot import Parrot

        return Parrot()
    if kind == "small" and not argument:
        from outcrop.server.actors.small import Small

        return Small()
    if kind == "script" and argument:
        from outcrop.server.actors.function import Function
        from outcrop.server.actors.script import Script

        path = Path(argument)
        return Function.load(path) if path.suffix == ".py" else Script.load(path)
    raise ConfigurationError(
        f"actor={spec!r} is none that answers.", mend=f"Choose {', '.join(ACTORS)}."
    )


def _actor_of(given: Actor | Answer) -> Actor:
    if hasattr(given, "answer"):
        return cast("Actor", given)
    if not callable(given):
        raise ConfigurationError(
            f"actor={given!r} can't answer.",
            mend=f"Give a function, an actor, or one of {', '.join(ACTORS)}.",
        )
    from outcrop.server.actors.function import Function

    return Function(given)


def _recorded(actor: Actor, path: Path | None) -> Actor:
    if path is None:
        return actor
    from outcrop.server.recorder import Recorder, Recording

    return Recording(actor, Recorder(path))


def small_available() -> str | None:
    """None if the actor `small` can answer here, else why not and what would mend it."""
    from outcrop.server.actors import weights

    return weights.status().why_not or None


def _check_choice(name: str, given: str, choices: tuple[str, ...]) -> None:
    if given not in choices:
        raise ConfigurationError(
            f"{name}={given!r} isn't known.", mend=f"Choose {', '.join(choices)}."
        )


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
