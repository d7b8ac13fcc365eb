"""boto3's `bedrock` client with a judge: each reply is held against AWS's own service model."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, asynccontextmanager
from datetime import datetime

import boto3
import pytest
from botocore.config import Config

from outcrop.server.connections import Bounds
from outcrop.server.listen import Listener, reserve

#: What AWS's real replies have, as publicly recorded, though its service model forbids it.
BROKEN_BY_AWS = {
    ("InferenceType", "enum"),  # INFERENCE_PROFILE
    ("InferenceProfileName", "pattern"),  # "US Anthropic Claude Sonnet 4.5": the dot
    ("InferenceProfileDescription", "pattern"),  # the commas
    ("InferenceProfileModels", "max"),  # the eu profiles have six models and more
    ("FoundationModelArn", "pattern"),  # arn:aws:bedrock:::foundation-model/…
}

#: Refusals that no operation declares: of AWS's REST services in general, and our own.
BESIDE_THE_MODEL = {"SerializationException", "NotImplementedException"}


def faults(shape, value, path="$"):
    """What in a JSON value isn't as a botocore shape says."""
    for rule, fault in _faults(shape, value):
        if (shape.name, rule) not in BROKEN_BY_AWS:
            yield f"{path} ({shape.name}): {fault}"
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, item in value.items():
            if name in shape.members:
                yield from faults(shape.members[name], item, f"{path}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for at, item in enumerate(value):
            yield from faults(shape.member, item, f"{path}[{at}]")


TYPES = {"structure": dict, "list": list, "boolean": bool, "integer": int}


def _faults(shape, value):
    kind = TYPES.get(shape.type_name, str)
    if not isinstance(value, kind):
        yield "type", f"{value!r} is no {shape.type_name}"
        return
    if shape.type_name == "structure":
        for name in shape.required_members:
            if name not in value:
                yield "required", f"{name} is missing"
        for name in value:
            if name not in shape.members:
                yield "unknown", f"{name} is unknown"
    meta = shape.metadata
    if "enum" in meta and value not in meta["enum"]:
        yield "enum", f"{value!r} not in {meta['enum']}"
    if "pattern" in meta and not re.fullmatch(meta["pattern"], value):
        yield "pattern", f"{value!r} doesn't match {meta['pattern']}"
    if kind in (str, list) and shape.type_name != "blob":
        if len(value) < meta.get("min", 0):
            yield "min", f"{value!r} is too short"
        if len(value) > meta.get("max", 10**9):
            yield "max", f"{value!r} is too long"
    if shape.type_name == "timestamp":
        assert shape.serialization["timestampFormat"] == "iso8601"
        if datetime.fromisoformat(value).tzinfo is None:
            yield "timestamp", f"{value!r} has no time zone"


def judge(http_response, model, **_):
    """Fails if a reply of the control plane isn't as its operation's model says."""
    expected = model.http.get("responseCode", 200)
    if http_response.status_code >= 300:
        names = {shape.name for shape in model.error_shapes} | BESIDE_THE_MODEL
        assert http_response.headers["x-amzn-errortype"].partition(":")[0] in names
        assert list(json.loads(http_response.content)) == ["message"]
        return
    assert http_response.status_code == expected
    assert http_response.headers["content-type"] == "application/json"
    found = list(faults(model.output_shape, json.loads(http_response.content)))
    assert found == []


@pytest.fixture
def client_of():
    """Makes boto3 clients of a local Bedrock; those of `bedrock` have the judge."""
    with ExitStack() as stack:

        def make(server, region="us-east-1", service="bedrock", *, attempts=1):
            client = boto3.client(
                service,
                endpoint_url=server.url,
                region_name=region,
                aws_access_key_id=server.access_key,
                aws_secret_access_key=server.secret_key,
                config=Config(
                    retries={"mode": "standard", "total_max_attempts": attempts},
                    parameter_validation=False,
                ),
            )
            stack.callback(client.close)
            if service == "bedrock":
                client.meta.events.register("after-call.bedrock", judge)
            return client

        yield make


@pytest.fixture
def listening():
    """Serves an ASGI application, within: gives the port and the listener."""

    @asynccontextmanager
    async def listen(application, *, certificate=None, **bounds):
        held = reserve("127.0.0.1", 0)
        port = held.getsockname()[1]
        listener = Listener(application, held, certificate=certificate, bounds=Bounds(**bounds))
        await listener.start()
        try:
            yield port, listener
        finally:
            await listener.wait_closed()

    return listen
