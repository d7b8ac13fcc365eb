"""The embedded model in a process of its own: requests as JSON lines in, events as JSON lines out.

Run as `python -P -m outcrop.server.actors.engine FILE.gguf`; `small` does. Rules: nothing but
events reaches the standard output (native code that prints there is sent to the standard error);
the process ends when its standard input does, so that none outlives its parent; the llama.cpp HTTP
server that xllamacpp insists on starting listens on a Unix socket whose folder is removed at once
(where there are no Unix sockets: on a loopback port, and asks for a key that nobody is told).

Requests, one a line:
    {"op": "generate", "id", "messages", "max_tokens"} and, if wanted, temperature, top_p, top_k,
        seed, stop
    {"op": "fill", "schema", …}     the same, and the text is JSON that fits the schema, if it ends
    {"op": "cancel", "id"}
Events, one a line:
    {"ready": true, "engine", "slots", "context", "prompt", "listening"}        once, first
    {"id", "progress": tokens of the prompt read so far}
    {"id", "text"}
    {"id", "end": "stop" | "length" | "cancel", "prompt_tokens"}                once per request
    {"id", "end": "error", "code", "message", "prompt_tokens"}

Settings are explained where they are made. xllamacpp: https://github.com/xorbitsai/xllamacpp;
requests and events inside: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
"""

from __future__ import annotations

import importlib
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable

#: Requests that run at the same time. Two, so that a short question needn't wait for a long
#: answer; each takes 95 MB for its context, and they share the same threads.
SLOTS: Final = 2
#: Tokens of a prompt and its reply together, in the model's own tokens. llama.cpp divides `n_ctx`
#: by the slots.
CONTEXT: Final = 4096
#: The longest prompt. One thread reads about 100 tokens a second: more would look like a hang.
PROMPT: Final = 2048

_LINE_BYTES: Final = 8 * 1024 * 1024
_SOCKET_PATH: Final = 100  # `sun_path` has 104 bytes on macOS, 108 on Linux

Json = dict[str, Any]


class Native(Protocol):
    """What is used of xllamacpp's `Server`; it has no types of its own."""

    listening_address: str

    def handle_chat_completions(self, request: Json, callback: Callable[[Json], bool], /) -> object:
        """Answer; the callback gets each chunk, and ends the generation by returning True."""
        ...


def load(model: str, *, tcp: bool = False) -> tuple[Native, str]:
    """The model, loaded and warm, and the version of the engine."""
    # OpenMP's threads otherwise spin while they wait: on busy cores that costs a hundredfold.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    native: Any = importlib.import_module("xllamacpp")
    params: Any = native.CommonParams()
    params.model.path = model
    params.offline = True
    params.verbosity = 2  # warnings; 3 would tell of each request
    params.n_parallel = SLOTS
    params.n_ctx = CONTEXT * SLOTS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _threads()
    # A cancel is noticed between batches; 64 tokens take about 0.6 s on one thread.
    params.n_batch = params.n_ubatch = 64
    params.fit_params = False
    # The same request gives the same text only without the prompt cache.
    params.cache_prompt = params.cache_idle_slots = False
    params.cache_ram_mib = params.n_ctx_checkpoints = 0
    # llama.cpp's HTTP server: as little of it as can be.
    params.api_keys = [secrets.token_urlsafe(32)]
    params.ui = params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
    params.n_threads_http = 1
    params.port = 0
    folder = tempfile.mkdtemp(prefix="outcrop-")
    try:
        path = os.path.join(folder, "engine.sock")  # noqa: PTH118 - xllamacpp takes a str
        if not tcp and hasattr(socket, "AF_UNIX") and len(os.fsencode(path)) <= _SOCKET_PATH:
            params.hostnames = [path]
        else:
            params.hostnames = ["127.0.0.1"]
        server = cast("Native", native.Server(params))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return server, str(native.__version__)


def _threads() -> int:
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, cores // 2)


class Job:
    """One generation: calls the model, says what comes, stops when it is told to."""

    def __init__(self, request: Json, say: Callable[[Json], None]) -> None:
        self.request = request
        self.id = request["id"]
        self.cancelled = False
        self._say = say
        self._end: Json = {}
        self._prompt_tokens = 0

    def run(self, server: Native) -> None:
        """Generate to the end; always says one `end`, whatever happens."""
        try:
            if not self.cancelled:
                server.handle_chat_completions(self._body(), self._heard)
        except Exception as error:  # noqa: BLE001 - native code raises what it likes
            self._end = {"end": "error", "code": type(error).__name__, "message": str(error)[:500]}
        if self.cancelled:
            self._end = {"end": "cancel"}
        if not self._end:
            self._end = {"end": "error", "code": "no_end", "message": "The engine broke off."}
        self._say({"id": self.id, **self._end, "prompt_tokens": self._prompt_tokens})

    def _body(self) -> Json:
        asked = self.request
        names = (
            "messages",
            "max_tokens",
            "temperature",
            "top_p",
            "top_k",
            "seed",
            "stop",
            "repeat_penalty",
        )
        body = {name: asked[name] for name in names if asked.get(name) is not None}
        body |= {"stream": True, "cache_prompt": False, "return_progress": True}
        if asked["op"] == "fill":
            schema = {"name": "reply", "schema": asked["schema"]}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    def _heard(self, chunk: Json) -> bool:
        """Pass a chunk on; True ends the generation."""
        if error := chunk.get("error"):
            code, message = str(error.get("type")), str(error.get("message"))[:500]
            if code == "exceed_context_size_error":
                self._prompt_tokens = int(error.get("n_prompt_tokens") or 0)
                code = "prompt_too_long"
            self._end = {"end": "error", "code": code, "message": message}
            return True
        if progress := chunk.get("prompt_progress"):
            self._prompt_tokens = int(progress["total"])
            if self._prompt_tokens > PROMPT:
                message = f"{self._prompt_tokens} tokens, more than {PROMPT}"
                self._end = {"end": "error", "code": "prompt_too_long", "message": message}
                return True
            self._say({"id": self.id, "progress": int(progress["processed"])})
        for choice in chunk.get("choices") or ():
            if text := choice["delta"].get("content"):
                self._say({"id": self.id, "text": text})
            if reason := choice.get("finish_reason"):
                self._end = {"end": "length" if reason == "length" else "stop"}
        return self.cancelled


class Wire:
    """Events to the standard output, whole lines, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def say(self, event: Json) -> None:
        """Write one event; if nobody reads any more, the process ends."""
        left = memoryview(json.dumps(event).encode() + b"\n")
        try:
            with self._lock:
                while left:
                    left = left[os.write(self._descriptor, left) :]
        except OSError:
            _leave(0)


def listen(requests: TextIO, server: Native, wire: Wire) -> None:
    """Start and cancel jobs as asked, until the requests end."""
    jobs: dict[object, Job] = {}

    def work(job: Job) -> None:
        try:
            job.run(server)
        finally:
            jobs.pop(job.id, None)

    pool = ThreadPoolExecutor(SLOTS)
    while line := requests.readline(_LINE_BYTES):
        request: Json = json.loads(line)
        if request["op"] == "cancel":
            if job := jobs.get(request["id"]):
                job.cancelled = True
        elif request["op"] in {"generate", "fill"}:
            job = jobs[request["id"]] = Job(request, wire.say)
            pool.submit(work, job)
        else:
            raise ValueError(f"unknown op {request['op']!r}")


def main(arguments: list[str]) -> NoReturn:
    """Serve the model named first; `--tcp` makes the engine listen as where Unix sockets lack."""
    # Ctrl-C reaches the whole group: it's the parent's to decide, and its end is ours.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wire = Wire(os.dup(1))
    os.dup2(2, 1)
    try:
        server, version = load(arguments[0], tcp="--tcp" in arguments[1:])
        ready = {"engine": version, "slots": SLOTS, "context": CONTEXT, "prompt": PROMPT}
        wire.say({"ready": True, **ready, "listening": server.listening_address})
        with os.fdopen(0, encoding="utf-8", newline="\n", closefd=False) as requests:
            listen(requests, server, wire)
    except BaseException:  # noqa: BLE001 - whatever it is, the process ends, and says why
        traceback.print_exc()
        _leave(1)
    _leave(0)


def _leave(code: int) -> NoReturn:
    """End at once: threads in native code would otherwise be waited for."""
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
