"""Foreign clients judge the local Bedrock: who they are, where they live, and how they are asked.

Rules: a client runs as a process of its own, in its own environment (.venvs/), with an environment
made from nothing, so that no profile of the developer's leaks in; one process runs all cases of a
client, since starting it costs more than the cases; what is missing is a failure, never a skip.
A *voice* is one way in which a client speaks: its blocking half or its async half.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fcntl import LOCK_EX, flock
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from features import WAYS, features, refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outcrop.server.serve import LocalBedrock

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

#: The model of the documented sample, a newer one, and IDs that Bedrock refuses.
MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
NEWER_MODEL = "global.anthropic.claude-opus-4-8"
UNKNOWN_MODEL = "global.anthropic.claude-nonexistent-v1:0"
BASE_ID = "anthropic.claude-sonnet-4-5-20250929-v1:0"
REGION = "us-west-2"

VERSION = {"anthropic_version": "bedrock-2023-05-31"}
HELLO = {"max_tokens": 256, "messages": [{"role": "user", "content": "Hello, world"}]}

#: What InvokeModel refuses, for whoever writes bodies himself.
REFUSALS = refusals(MODEL, NEWER_MODEL, VERSION | HELLO)

#: The same as HELLO, in the shapes of Converse; and one that the model refuses, not Bedrock.
CONVERSE_HELLO = {
    "messages": [{"role": "user", "content": [{"text": "Hello, world"}]}],
    "inferenceConfig": {"maxTokens": 256},
}
CONVERSE_MESSAGES = {"messages": CONVERSE_HELLO["messages"]}
UNKNOWN_BETA = CONVERSE_HELLO | {
    "additionalModelRequestFields": {"anthropic_beta": ["nobody-2020-01-01"]}
}
TOOLS = {
    "messages": [{"role": "user", "content": [{"text": "What is the weather in Paris?"}]}],
    "toolConfig": {
        "tools": [
            {
                "toolSpec": {
                    "name": "get_weather",
                    "description": "The weather in a city.",
                    "inputSchema": {
                        "json": {
                            "type": "object",
                            "properties": {"city": {"type": "string"}},
                            "required": ["city"],
                        }
                    },
                }
            }
        ],
        "toolChoice": {"any": {}},
    },
}
#: A model that CountTokens takes, and a region that still serves it.
COUNTED_MODEL = "anthropic.claude-3-7-sonnet-20250219-v1:0"
COUNTED_REGION = {"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-2"}

#: AWS's example key ID, spoiled.
UNKNOWN_KEY = "AKIAIOSFODNN7NOBODYS"

Case = dict[str, Any]
#: Voice → name of the case → what the client's script told.
Heard = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Client:
    """A foreign client.

    Attributes:
        group: Its environment under .venvs; None is the project's own.
        script: Under clients/ or node/.
        voices: Its ways of speaking.
        over: How it reaches the local Bedrock.
        streams: Whether it can stream.
        api_keys: Whether it sends an API key this way.
        raw: Whether the caller writes the body, and so can leave out what an SDK insists on.
        converses: Whether it speaks Converse too.
        binary: Whether it can put any bytes into a Converse request.
        current: Whether its service model is of this year.
        extra: Operations of its own: name of the case → operation and changes.
    """

    group: str | None
    script: str
    voices: tuple[str, ...] = ("sync",)
    over: Literal["http", "https"] = "http"
    streams: bool = True
    api_keys: bool = False
    raw: bool = False
    converses: bool = False
    binary: bool = True
    current: bool = True
    extra: dict[str, tuple[str, Case]] = field(default_factory=dict)


#: What Anthropic's SDKs do beyond the raw calls. No `anthropic_version`: the SDK sends its own.
_SDK = {
    "assemble": ("assemble", {"body": VERSION | HELLO}),
    "own_version": ("create", {"body": HELLO}),
    "own_version_newer_model": ("create", {"body": HELLO, "model": NEWER_MODEL}),
}
_MODELS = {"models": ("models", {})}
_COUNTED = {"model": COUNTED_MODEL, "environ": COUNTED_REGION}
#: What is tried through one of AWS's clients for all: they share the service model.
_ONCE = {
    "tool_loop": ("tool_loop", {"body": TOOLS}),
    "count_converse": ("count", _COUNTED | {"body": {"converse": CONVERSE_MESSAGES}}),
    "counted_converse": ("converse", _COUNTED | {"body": CONVERSE_HELLO}),
    "count_invoke": ("count", _COUNTED | {"body": {"invokeModel": VERSION | HELLO}}),
    "counted_invoke": ("create", _COUNTED),
    "count_profile": ("count", {"body": {"converse": CONVERSE_MESSAGES}}),
}
#: What an application profile is made from, and what it is asked.
_PROFILE = {
    "source": f"arn:aws:bedrock:{REGION}:123456789012:inference-profile/{MODEL}",
    "ask": CONVERSE_HELLO,
}
_ACCOUNT = {
    "application_profile": ("application_profile", {"body": _PROFILE}),
    "identity": ("identity", {}),
    "identity_unknown_key": ("identity", {"environ": {"AWS_ACCESS_KEY_ID": UNKNOWN_KEY}}),
}

CLIENTS = {
    "anthropic-current": Client(
        "anthropic-current", "anthropic_bedrock.py", ("sync", "async"), api_keys=True, extra=_SDK
    ),
    "anthropic-older": Client(
        "anthropic-older", "anthropic_bedrock.py", ("sync", "async"), extra=_SDK
    ),
    "anthropic-js": Client("node", "anthropic_bedrock.mjs", api_keys=True, extra=_SDK),
    "boto3": Client(
        None, "aws_boto3.py", raw=True, converses=True, extra=_MODELS | _ACCOUNT | _ONCE
    ),
    "boto3-tls": Client(None, "aws_boto3.py", over="https", api_keys=True, raw=True),
    "aioboto3": Client(
        "aioboto3", "aws_aioboto3.py", ("async",), raw=True, converses=True, current=False
    ),
    "aws-cli": Client(
        "awscli",
        "aws_cli.py",
        streams=False,
        raw=True,
        converses=True,
        binary=False,
        extra=_MODELS | _ACCOUNT,
    ),
    "aws-js-h2c": Client("node", "aws_sdk.mjs", raw=True, converses=True, extra=_MODELS),
    "aws-js-tls": Client("node", "aws_sdk.mjs", over="https", api_keys=True, raw=True),
}


def _cases(client: Client, bedrock: LocalBedrock) -> Iterator[Case]:
    """What a client is to do, as the scripts read it."""
    access, secret, token = bedrock.session_credentials
    session = {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}
    keys = {"AWS_ACCESS_KEY_ID": bedrock.access_key, "AWS_SECRET_ACCESS_KEY": bedrock.secret_key}
    create: dict[str, Case] = {
        "create": {},
        "unknown_model": {"model": UNKNOWN_MODEL},
        "base_id": {"model": BASE_ID},
        "unknown_key": {"environ": keys | {"AWS_ACCESS_KEY_ID": UNKNOWN_KEY}},
        "wrong_secret": {"environ": keys | {"AWS_SECRET_ACCESS_KEY": "wrong"}},
        "session": {"environ": session | {"AWS_SESSION_TOKEN": token}},
        "session_without_token": {"environ": session},
        "wrong_session_token": {"environ": session | {"AWS_SESSION_TOKEN": token[::-1]}},
    }
    if client.raw:
        for name, (model, body, _, _) in REFUSALS.items():
            create[f"refused_{name}"] = {"model": model, "body": body}
        create["no_max_tokens"] = {"body": VERSION | {"messages": HELLO["messages"]}}
    if client.api_keys:
        create["api_key"] = {"environ": {"AWS_BEARER_TOKEN_BEDROCK": bedrock.api_key}}
        create["wrong_api_key"] = {"environ": {"AWS_BEARER_TOKEN_BEDROCK": "wrong"}}
    named = {name: ("create", changes) for name, changes in create.items()} | client.extra
    if client.streams:
        named["stream"] = ("stream", {})
        named["unknown_model_streamed"] = ("stream", {"model": UNKNOWN_MODEL})
    if client.converses:
        named["converse"] = ("converse", {"body": CONVERSE_HELLO})
        named["converse_refused_by_bedrock"] = (
            "converse",
            {"model": UNKNOWN_MODEL, "body": CONVERSE_HELLO},
        )
        named["converse_refused_by_model"] = ("converse", {"body": UNKNOWN_BETA})
        if client.streams:
            named["converse_stream"] = ("converse_stream", {"body": CONVERSE_HELLO})
            named["converse_stream_refused"] = ("converse_stream", {"body": UNKNOWN_BETA})
    for voice in client.voices:
        talk = named | dict(
            _features(client, apart=f"{client.group} {client.script} {client.over} {voice}")
        )
        for name, (operation, changes) in talk.items():
            case = {"model": MODEL, "body": VERSION | HELLO, "environ": {}} | changes
            yield {"voice": voice, "name": name, "operation": operation} | case


def _features(client: Client, *, apart: str) -> Iterator[tuple[str, tuple[str, Case]]]:
    """The cases of features, in each way that the client has: name → operation and changes."""
    for way in _ways(client):
        for name, feature in features(apart=f"{apart} {way}").items():
            if way.endswith("-stream") and not feature.streamed:
                continue
            if way == "converse" and feature.binary and not client.binary:
                continue
            if way.startswith("converse") and not client.current and name == "structured":
                continue
            body = feature.converse if way.startswith("converse") else VERSION | feature.invoke
            yield f"{name}:{way}", (WAYS[way], {"body": body})


def _ways(client: Client, *, streams: bool = True) -> list[str]:
    """The operations that a client has, as `features.WAYS` names them."""
    return [
        way
        for way in WAYS
        if (client.converses or not way.startswith("converse"))
        and (not way.endswith("-stream") or (streams and client.streams))
    ]


# Asking ──────────────────────────────────────────────────────────────────────────────────────────


def _python_of(group: str | None) -> Path:
    """The interpreter of a client's environment."""
    found = ROOT / ".venvs" / group / "bin" / "python" if group else Path(sys.executable)
    if not found.exists():
        pytest.fail(f"{found.parent.parent} isn't there: run `make conformance`.", pytrace=False)
    return found


def _command(client: Client, cases: Path) -> tuple[list[str], dict[str, Any]]:
    """What to run, and how, to have a client do its cases."""
    if client.script.endswith(".py"):
        script = HERE / "clients" / client.script
        return [str(_python_of(client.group)), str(script), str(cases)], {}
    home = _python_of(client.group).parents[1]
    if not (home / "node_modules").is_dir():
        pytest.fail(f"{home}/node_modules isn't there: run `make conformance`.", pytrace=False)
    # A module on standard input finds its packages from the working directory: so the scripts stay
    # here and node_modules in the environment.
    script = (HERE / "node" / client.script).read_bytes()
    command = [str(home / "bin" / "node"), "--input-type=module", "-", str(cases)]
    return command, {"cwd": home, "input": script}


@dataclass(frozen=True, slots=True)
class Speaker:
    """What one client said in one voice."""

    name: str
    client: Client
    said: dict[str, dict[str, Any]]

    def reply(self, case: str) -> dict[str, Any]:
        """The reply of a case that was to be answered."""
        told = self.said[case]
        assert "reply" in told, f"{self.name} was refused: {told['refusal']}"
        return told["reply"]

    def refusal(self, case: str) -> dict[str, Any]:
        """The refusal of a case that was to be refused."""
        told = self.said[case]
        assert "refusal" in told, f"{self.name} was answered: {told['reply']}"
        return told["refusal"]


@pytest.fixture(scope="session")
def scratch_environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment made from nothing: no profile, no proxy, no instance metadata."""
    home = str(tmp_path_factory.mktemp("home"))
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "LC_ALL": "C.UTF-8",
        "PYTHONUTF8": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "CASES_MODULE": (HERE / "node" / "cases.mjs").as_uri(),
    }


@pytest.fixture(scope="session")
def python_of() -> Callable[[str | None], Path]:
    """The interpreter of an environment under .venvs."""
    return _python_of


@pytest.fixture(scope="session")
def bedrock_over() -> Iterator[Callable[[str], LocalBedrock]]:
    """The local Bedrock over `http` or `https`; each starts when it is first asked for."""
    from outcrop.testing import local_bedrock

    running: dict[str, LocalBedrock] = {}
    with ExitStack() as stack:
        stack.enter_context(_keeping_what_is_proved())

        def start(over: str) -> LocalBedrock:
            if over not in running:
                bedrock = local_bedrock(actor="parrot", region=REGION, tls=over == "https")
                running[over] = stack.enter_context(bedrock)
            return running[over]

        yield start


#: The signed requests that were let in since it was last emptied: what a client has signed.
_PROVED: list[dict[str, Any]] = []


@contextmanager
def _keeping_what_is_proved() -> Iterator[None]:
    """Has the server keep what it lets in, as it came."""
    from outcrop.server.auth import Gate

    prove = Gate.prove

    def keep(gate: Gate, recognised: Any, head: Any, body: bytes, **more: Any) -> Any:
        caller = prove(gate, recognised, head, body, **more)
        if any(value.startswith("AWS4-") for _, value in head.headers):
            _PROVED.append(
                {
                    "method": head.method,
                    "target": head.target,
                    "headers": head.headers,
                    "body": b64encode(body).decode("ascii"),
                    "now": more["now"],
                    "keys": [
                        getattr(recognised.identity.credentials, name)
                        for name in ("access_key", "secret_key", "session_token")
                    ],
                }
            )
        return caller

    Gate.prove = keep
    try:
        yield
    finally:
        Gate.prove = prove


def _ask(
    client: Client,
    bedrock: LocalBedrock,
    environ: dict[str, str],
    folder: Path,
    wanted: list[Case] | None = None,
) -> Heard | str:
    """What a client tells of cases, by default of its own; in plain text why it told nothing."""
    cases = folder / "cases.json"
    wanted = list(_cases(client, bedrock)) if wanted is None else wanted
    cases.write_text(json.dumps(wanted), encoding="utf-8")
    command, options = _command(client, cases)
    environ = environ | bedrock.environ()
    done = subprocess.run(
        command, env=environ, capture_output=True, timeout=100, check=False, **options
    )
    if done.returncode:
        stderr = done.stderr.decode("utf-8", "replace")
        return f"{client.script} ended with exit status {done.returncode}:\n{stderr}"
    voices: Heard = {voice: {} for voice in client.voices}
    for line in done.stdout.splitlines():
        told = json.loads(line)
        voices[told["voice"]][told["name"]] = told
    return voices


@pytest.fixture(scope="session")
def ask_client(scratch_environ: dict[str, str]) -> Callable[..., Heard]:
    """Has a client, by its name, do cases at a local Bedrock; gives what it tells."""

    def ask(name: str, bedrock: LocalBedrock, folder: Path, wanted: list[Case]) -> Heard:
        said = _ask(CLIENTS[name], bedrock, scratch_environ, folder, wanted)
        assert not isinstance(said, str), said
        return said

    return ask


@pytest.fixture(scope="session")
def told(
    bedrock_over: Callable[[str], LocalBedrock],
    scratch_environ: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], tuple[Heard | str, list[dict[str, Any]]]]:
    """What a client told, and the requests that it had signed.

    The first test that asks has the client run, for all workers.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    @cache
    def told(name: str) -> tuple[Heard | str, list[dict[str, Any]]]:
        kept = folder / f"{name}.json"
        with kept.with_suffix(".lock").open("w") as lock:
            flock(lock, LOCK_EX)
            if not kept.exists():
                client = CLIENTS[name]
                own = tmp_path_factory.mktemp(name)
                bedrock = bedrock_over(client.over)
                _PROVED.clear()
                said = _ask(client, bedrock, scratch_environ, own)
                kept.write_text(json.dumps([said, _PROVED]), encoding="utf-8")
        said, signed = json.loads(kept.read_bytes())
        return said, signed

    return told


@pytest.fixture(scope="session")
def hear(told: Callable[[str], tuple[Heard | str, Any]]) -> Callable[[str, str], Speaker]:
    """What a client says in a voice."""

    def hear(name: str, voice: str = "sync") -> Speaker:
        said, _ = told(name)
        if isinstance(said, str):
            pytest.fail(said, pytrace=False)
        return Speaker(f"{name} ({voice})", CLIENTS[name], said[voice])

    return hear


@pytest.fixture(params=sorted(CLIENTS))
def signed(request: pytest.FixtureRequest, told: Callable[[str], tuple[Any, Any]]) -> Any:
    """The requests that a client signed and that were let in, as they came."""
    return told(request.param)[1]


# Claims about every client that can ──────────────────────────────────────────────────────────────

#: Name of the fixture → who is asked.
_WHO: dict[str, Callable[[Client], bool]] = {
    "speaker": lambda client: True,
    "streamer": lambda client: client.streams,
    "api_key_bearer": lambda client: client.api_keys,
    "raw_speaker": lambda client: client.raw,
    "sdk": lambda client: "assemble" in client.extra,
    "converser": lambda client: client.converses,
    "converse_streamer": lambda client: client.converses and client.streams,
    "lister": lambda client: "models" in client.extra,
    "account_holder": lambda client: "identity" in client.extra,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for one of these speaks for all such clients, in all their voices."""
    for fixture, fits in _WHO.items():
        if fixture in metafunc.fixturenames:
            chosen = [
                pytest.param(
                    (name, voice),
                    id=name if len(client.voices) == 1 else f"{name}-{voice}",
                )
                for name, client in CLIENTS.items()
                if fits(client)
                for voice in client.voices
            ]
            metafunc.parametrize(fixture, chosen, indirect=True)
    if "refused" in metafunc.fixturenames:
        metafunc.parametrize("refused", REFUSALS.items(), ids=REFUSALS)
    for fixture, streams in (
        ("answer", True),
        ("structured_answer", True),
        ("whole_answer", False),
        ("binary_answer", False),
    ):
        if fixture in metafunc.fixturenames:
            chosen = [
                pytest.param((name, voice, way), id=f"{name}-{voice}-{way}")
                for name, client in CLIENTS.items()
                for voice in client.voices
                for way in _ways(client, streams=streams)
                if client.binary or fixture != "binary_answer" or way == "invoke"
                if client.current or fixture != "structured_answer" or way.startswith("invoke")
            ]
            metafunc.parametrize(fixture, chosen, indirect=True)


@pytest.fixture
def answer(
    request: pytest.FixtureRequest, hear: Callable[[str, str], Speaker]
) -> Callable[[str], tuple[str, dict[str, Any]]]:
    """What a client was told of a feature, in one way that it has: that way, and the reply."""
    name, voice, way = request.param
    speaker = hear(name, voice)
    return lambda feature: (way, speaker.reply(f"{feature}:{way}"))


whole_answer = binary_answer = structured_answer = answer


@pytest.fixture
def speaker(request: pytest.FixtureRequest, hear: Callable[[str, str], Speaker]) -> Speaker:
    """What the client that a test is about said."""
    return hear(*request.param)


streamer = api_key_bearer = raw_speaker = sdk = lister = account_holder = speaker
converser = converse_streamer = speaker
