"""Anthropic's own Python SDK: AnthropicBedrock and AsyncAnthropicBedrock, current and older."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import cases
from anthropic import AnthropicBedrock, APIStatusError, AsyncAnthropicBedrock

if TYPE_CHECKING:
    from collections.abc import Mapping

    Case = Mapping[str, Any]


def keys(case: Case) -> dict[str, str]:
    """Keys of the case's own as arguments: the SDK keeps those of the environment for good."""
    environ = case["environ"]
    if "AWS_ACCESS_KEY_ID" not in environ:
        return {}
    given = {
        "aws_access_key": environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_key": environ["AWS_SECRET_ACCESS_KEY"],
    }
    if token := os.environ.get("AWS_SESSION_TOKEN"):
        given["aws_session_token"] = token
    return given


def fields(case: Case) -> dict[str, Any]:
    """The case's body as arguments; without `anthropic_version` the SDK sends its own."""
    given = {"model": case["model"], **case["body"]}
    # The older SDK knows no output_config.
    beside = {
        name: given.pop(name) for name in ("anthropic_version", "output_config") if name in given
    }
    return given | ({"extra_body": beside} if beside else {})


def create(case: Case) -> dict[str, Any]:
    with AnthropicBedrock(**keys(case), max_retries=0) as client:
        return {"message": client.messages.create(**fields(case)).to_dict(mode="json")}


def stream(case: Case) -> dict[str, Any]:
    with AnthropicBedrock(**keys(case), max_retries=0) as client:
        events = client.messages.create(stream=True, **fields(case))
        return {"events": [event.to_dict(mode="json") for event in events]}


def assemble(case: Case) -> dict[str, Any]:
    with (
        AnthropicBedrock(**keys(case), max_retries=0) as client,
        client.messages.stream(**fields(case)) as events,
    ):
        texts = list(events.text_stream)
        return {"texts": texts, "message": events.get_final_message().to_dict(mode="json")}


async def create_async(case: Case) -> dict[str, Any]:
    async with AsyncAnthropicBedrock(**keys(case), max_retries=0) as client:
        return {"message": (await client.messages.create(**fields(case))).to_dict(mode="json")}


async def stream_async(case: Case) -> dict[str, Any]:
    async with AsyncAnthropicBedrock(**keys(case), max_retries=0) as client:
        events = await client.messages.create(stream=True, **fields(case))
        return {"events": [event.to_dict(mode="json") async for event in events]}


async def assemble_async(case: Case) -> dict[str, Any]:
    async with (
        AsyncAnthropicBedrock(**keys(case), max_retries=0) as client,
        client.messages.stream(**fields(case)) as events,
    ):
        texts = [text async for text in events.text_stream]
        message = await events.get_final_message()
        return {"texts": texts, "message": message.to_dict(mode="json")}


def refusal(error: Exception) -> dict[str, Any]:
    if not isinstance(error, APIStatusError):
        return {"message": str(error)}
    body = error.body if isinstance(error.body, dict) else {}
    return {
        "status": error.status_code,
        "name": error.response.headers.get("x-amzn-errortype", "").partition(":")[0],
        "message": body.get("message") or body.get("Message"),
    }


cases.run(
    {
        "sync": {"create": create, "stream": stream, "assemble": assemble},
        "async": {"create": create_async, "stream": stream_async, "assemble": assemble_async},
    },
    refusal,
)
