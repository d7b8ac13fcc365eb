"""Hostile JSON for the operations of a model.

    python tests/server/fuzz_requests.py --seconds 20 --seed 1

Sends the features of tests/conformance with values of other types, nulls, deep nests and huge
numbers in odd places. Ends with status 1 at the first answer that is an internal error, or that
doesn't come, and prints the request.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from outcrop.testing import local_bedrock

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
from features import features

MODELS = [
    "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "global.anthropic.claude-opus-4-8",
]
COUNTED = "anthropic.claude-3-7-sonnet-20250219-v1:0"
#: Unverified, since authentication is off; its region still serves the model that is counted for.
SCOPE = (
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/eu-west-2/bedrock/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
STREAMED = {"invoke": "invoke-with-response-stream", "converse": "converse-stream"}
FIELDS = (
    "cache_control citations content extra input name signature source system thinking title "
    "toolUseId tool_choice ttl type"
).split()
ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**30, 1e308, "", " ", "x" * 5000),
    *([], {}, [[]], [None], [{}] * 50),
    *({"type": "text"}, {"type": None}, {"a": {}}, {"type": "ephemeral"}, {"$ref": "#"}),
]


def written(value: Any) -> Any:
    """A body as JSON has it: see `features` for the marks."""
    if isinstance(value, list):
        return [written(item) for item in value]
    if not isinstance(value, dict):
        return value
    for mark, meant in value.items():
        if mark.startswith("$"):
            return {"$bytes": meant, "$json": json.dumps(meant), "$tool_id_of": "tooluse_1"}.get(
                mark
            )
    return {key: written(item) for key, item in value.items()}


def bodies() -> list[tuple[str, Any]]:
    """Operation and sound body."""
    found: list[tuple[str, Any]] = []
    for feature in features(apart="fuzz").values():
        invoke = {"anthropic_version": "bedrock-2023-05-31", **written(feature.invoke)}
        converse = written(feature.converse)
        found += [("invoke", invoke), ("converse", converse)]
        counted = {k: v for k, v in converse.items() if k in ("messages", "system", "toolConfig")}
        found.append(("count-tokens", {"input": {"converse": counted}}))
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(value, dict | list):
        return [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def mutated(dice: random.Random, body: Any) -> Any:
    body = copy.deepcopy(body)
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        path = dice.choice(places(body))
        if not path:
            return copy.deepcopy(dice.choice(ODD))
        holder = body
        for step in path[:-1]:
            holder = holder[step]
        roll, odd = dice.random(), copy.deepcopy(dice.choice(ODD))
        if roll < 0.15 and isinstance(holder, dict):
            del holder[path[-1]]
        elif roll < 0.25 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[path[-1]]))
        elif roll < 0.35 and isinstance(holder, dict):
            holder[dice.choice(FIELDS)] = odd
        else:
            holder[path[-1]] = odd
    return body


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    sound = bodies()
    end, rounds = time.monotonic() + arguments.seconds, 0
    with local_bedrock(auth=False) as bedrock:
        while time.monotonic() < end:
            dice = random.Random(f"{arguments.seed}/{rounds}")
            operation, body = dice.choice(sound)
            model = COUNTED if operation == "count-tokens" else dice.choice(MODELS)
            if dice.random() < 0.2:
                operation = STREAMED.get(operation, operation)
            data = json.dumps(mutated(dice, body)).encode()
            headers = {"Content-Type": "application/json", "Authorization": SCOPE}
            target = f"{bedrock.url}/model/{model}/{operation}"
            try:
                urlopen(Request(target, data, headers), timeout=20).read()
            except HTTPError as error:
                if error.code >= 500:
                    print(f"{error.code} for {operation} of {model}:\n{data.decode()[:4000]}")
                    return 1
            except OSError as error:
                print(f"{error!r} for {operation} of {model}:\n{data.decode()[:4000]}")
                return 1
            rounds += 1
    print(f"{rounds} requests, each answered or refused")
    return 0


if __name__ == "__main__":
    sys.exit(main())
