"""aioboto3: InvokeModel, Converse and their streams, from an event loop."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aioboto3
import cases
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Case = Mapping[str, Any]


async def create(case: Case) -> dict[str, Any]:
    async with aioboto3.Session().client("bedrock-runtime") as client:
        reply = await client.invoke_model(modelId=case["model"], body=json.dumps(case["body"]))
        return {"message": json.loads(await reply["body"].read())}


async def stream(case: Case) -> dict[str, Any]:
    async with aioboto3.Session().client("bedrock-runtime") as client:
        reply = await client.invoke_model_with_response_stream(
            modelId=case["model"], body=json.dumps(case["body"])
        )
        return {"events": [json.loads(event["chunk"]["bytes"]) async for event in reply["body"]]}


async def converse(case: Case) -> dict[str, Any]:
    async with aioboto3.Session().client("bedrock-runtime") as client:
        reply = await client.converse(modelId=case["model"], **case["body"])
        return {**reply, "headers": reply["ResponseMetadata"]["HTTPHeaders"]}


async def converse_stream(case: Case) -> dict[str, Any]:
    async with aioboto3.Session().client("bedrock-runtime") as client:
        reply = await client.converse_stream(modelId=case["model"], **case["body"])
        return {"events": [event async for event in reply["stream"]]}


def refusal(error: Exception) -> dict[str, Any]:
    if not isinstance(error, ClientError):
        return {"message": str(error)}
    return {
        "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
        "name": error.response["Error"]["Code"],
        "message": error.response["Error"]["Message"],
    }


cases.run(
    {
        "async": {
            "create": create,
            "stream": stream,
            "converse": converse,
            "converse_stream": converse_stream,
        }
    },
    refusal,
)
