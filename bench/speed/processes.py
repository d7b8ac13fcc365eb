"""The processes of a measurement: the upstream, and clients that wait for their turn.

Rules: every process that is started is ended by its own handle; clients are pinned to the first CPU
and the upstream to the last; what a client prints on its way to failure stands in the error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OFFICIAL = ROOT / ".venvs/anthropic-current/bin/python"
#: Has what Outcrop needs and no more, as a user's environment: what else is installed is looked
#: through at every start of Python.
OUTCROP = ROOT / ".venvs/outcrop/bin/python"
SRC = {"PYTHONPATH": str(ROOT / "src")}
PYREQWEST = {**SRC, "OUTCROP_TRANSPORT": "pyreqwest"}
_H2 = find_spec("h2")


class Client(NamedTuple):
    """How a client is started.

    Attributes:
        python: Its interpreter.
        variables: What its environment says.
        port: What stands before the name of a case's port: `tls+` or `h2+`, see `upstream.py`.
    """

    python: Path
    variables: Mapping[str, str] = MappingProxyType({})
    port: str = ""


#: Every client by its name, of which the first word is what `client.py` is told.
CLIENTS = {
    "outcrop": Client(OUTCROP, SRC),
    "outcrop over pyreqwest": Client(OUTCROP, PYREQWEST),
    "outcrop over HTTP/1.1": Client(OUTCROP, SRC, "tls+"),
    "official": Client(OFFICIAL),
    "official over HTTP/1.1": Client(OFFICIAL, port="tls+"),
    "boto3": Client(Path(sys.executable)),
    "floor": Client(OUTCROP),
}
if _H2 is not None and _H2.origin is not None:
    http2 = {"OUTCROP_SPEED_HTTP2": str(Path(_H2.origin).parents[1])}  # see client.py
    CLIENTS["outcrop over HTTP/2"] = Client(OUTCROP, {**SRC, "OUTCROP_TRANSPORT": "http2"}, "h2+")
    CLIENTS["official over HTTP/2"] = Client(OFFICIAL, http2, "h2+")
#: Left to the clients; everything else that points a client somewhere is kept from them.
_KEPT = ("PATH", "PYTHONPATH", "HOME", "LANG", "TMPDIR")


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables for a process that is measured: none of AWS's, nor anything of the user's."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true"} | (dict(more) if more else {})


class Process:
    """A Python process that is asked line by line."""

    def __init__(
        self, python: Path, arguments: list[str], *, variables: Mapping[str, str] | None = None
    ) -> None:
        self._what = " ".join(arguments)
        self._process = subprocess.Popen(  # noqa: S603 - our own scripts
            [python, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(variables),
            text=True,
            cwd=HERE,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def answer(self, line: str = "") -> dict[str, Any]:
        """The line of JSON that it prints, once asked (or by itself).

        Raises:
            RuntimeError: It ended instead.
        """
        if line:
            stdin = cast("IO[str]", self._process.stdin)
            try:
                stdin.write(line + "\n")
                stdin.flush()
            except BrokenPipeError:
                pass  # the error is told below
        found = cast("IO[str]", self._process.stdout).readline()
        if not found:
            error = cast("IO[str]", self._process.stderr).read()
            raise RuntimeError(f"{self._what} ended: {error[-2000:]}")
        return json.loads(found)

    def close(self) -> None:
        """Ends it."""
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


class Upstream(Process):
    """`upstream.py` with some ports; see there.

    Args:
        specs: Its ports.
        beside: Whether it runs on the clients' CPU; else on another, if there is one.
    """

    def __init__(self, *specs: str, beside: bool = False) -> None:
        cpus = sorted(os.sched_getaffinity(0))
        cpu = cpus[0 if beside else -1]
        super().__init__(Path(sys.executable), ["upstream.py", str(cpu), *specs])
        told = self.answer()
        self._ports: dict[str, int] = told["ports"]
        self.ca: str = told["ca"]
        #: Who serves plain ports: `C` or `Python`.
        self.plain: str = told["plain"]

    def url(self, spec: str) -> str:
        """The base URL of a port."""
        if "+" in spec:
            return f"https://localhost:{self._ports[spec]}"
        return f"http://127.0.0.1:{self._ports[spec]}"

    def trust(self) -> dict[str, str]:
        """Variables by which every client trusts its certificate."""
        return dict.fromkeys(("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), self.ca)


def client(name: str, upstream: Upstream, *cold: str) -> Process:
    """A client that waits for its turn; with a case and a URL, one that makes one call."""
    known = CLIENTS[name]
    return Process(
        known.python,
        ["client.py", name.split(maxsplit=1)[0], *cold],
        variables={**upstream.trust(), **known.variables},
    )
