"""What recording costs a call, in CPU time of the thread that calls.

    python bench/activity/recording.py [--calls 2000] [--rounds 15]

Two clients, one that records and one that doesn't, call the same local endpoint in turns; told is
the median of the differences. The thread that writes isn't counted, as it isn't the caller's; what
it takes is told beside, from the CPU time of the whole process.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import socket
import tempfile
import threading
import time
from statistics import median
from typing import Any

from outcrop import AnthropicBedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
REPLY = json.dumps(
    {
        "id": "msg_bdrk_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": "Granite, most likely. " * 20}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 17},
    }
).encode()
HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    "x-amzn-RequestId: 5d2f4c1e-0000-4000-8000-000000000000\r\n"
    f"Content-Length: {len(REPLY)}\r\n\r\n"
).encode()


def serve(ports: Any) -> None:
    """Answers every request with the same bytes."""
    listener = socket.create_server(("127.0.0.1", 0))
    ports.put(listener.getsockname()[1])
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection: socket.socket) -> None:
    """Answers on one connection."""
    held = b""
    while True:
        while b"\r\n\r\n" not in held:
            data = connection.recv(65536)
            if not data:
                return
            held += data
        head, _, rest = held.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields[b"content-length"])
        while len(rest) < length:
            rest += connection.recv(65536)
        held = rest[length:]
        connection.sendall(HEAD + REPLY)


def spend(client: AnthropicBedrock, calls: int) -> tuple[float, float]:
    """CPU microseconds a call: of this thread, and of the process."""
    messages = [{"role": "user", "content": "Which rock is this? " * 40}]
    thread, process = time.thread_time(), time.process_time()
    for _ in range(calls):
        client.messages.create(model=MODEL, max_tokens=64, messages=messages)
    took = time.thread_time() - thread
    if client.activity is not None:
        client.activity.flush()
    return took / calls * 1e6, (time.process_time() - process) / calls * 1e6


def main() -> None:
    """Measures and tells."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    ports = multiprocessing.Queue()
    upstream = multiprocessing.Process(target=serve, args=(ports,), daemon=True)
    upstream.start()
    keys: dict[str, Any] = {
        "aws_access_key": "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "aws_region": "us-east-1",
        "base_url": f"http://127.0.0.1:{ports.get()}",
    }
    with tempfile.TemporaryDirectory() as folder:
        plain = AnthropicBedrock(**keys, activity=False)
        recording = AnthropicBedrock(**keys, activity=folder)
        spend(plain, 200)
        spend(recording, 200)
        rounds = [
            (spend(plain, given.calls), spend(recording, given.calls)) for _ in range(given.rounds)
        ]
        log = recording.activity
        assert log is not None
        log.close()
        caller = median(there[0] - without[0] for without, there in rounds)
        whole = median(there[1] - without[1] for without, there in rounds)
        alone = median(without[0] for without, _ in rounds)
        print(f"a call without recording   {alone:7.1f} µs of its thread")
        print(f"recording, on that thread  {caller:7.1f} µs   (target: under 50)")
        print(f"recording, all threads     {whole:7.1f} µs")
        print(f"{log.written} written, {log.lost} lost")
    upstream.terminate()


if __name__ == "__main__":
    main()
