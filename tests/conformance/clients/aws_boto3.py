"""boto3: InvokeModel, Converse, their streams, CountTokens, and what the control plane has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import cases
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Case = Mapping[str, Any]


def client(service: str) -> Any:
    """A client of a session of its own: the default session keeps the keys that it saw first."""
    return boto3.Session().client(service)


def create(case: Case) -> dict[str, Any]:
    reply = client("bedrock-runtime").invoke_model(
        modelId=case["model"], body=json.dumps(case["body"])
    )
    return {
        "message": json.loads(reply["body"].read()),
        "content_type": reply["contentType"],
        "headers": reply["ResponseMetadata"]["HTTPHeaders"],
        "request_id": reply["ResponseMetadata"]["RequestId"],
    }


def stream(case: Case) -> dict[str, Any]:
    reply = client("bedrock-runtime").invoke_model_with_response_stream(
        modelId=case["model"], body=json.dumps(case["body"])
    )
    return {
        "events": [json.loads(event["chunk"]["bytes"]) for event in reply["body"]],
        "content_type": reply["contentType"],
        "headers": reply["ResponseMetadata"]["HTTPHeaders"],
    }


def converse(case: Case) -> dict[str, Any]:
    reply = client("bedrock-runtime").converse(modelId=case["model"], **case["body"])
    return {**reply, "headers": reply["ResponseMetadata"]["HTTPHeaders"]}


def converse_stream(case: Case) -> dict[str, Any]:
    reply = client("bedrock-runtime").converse_stream(modelId=case["model"], **case["body"])
    return {
        "events": list(reply["stream"]),
        "headers": reply["ResponseMetadata"]["HTTPHeaders"],
    }


def tool_loop(case: Case) -> dict[str, Any]:
    """A conversation until no tool is called any more, each tool with the same result."""
    bedrock = client("bedrock-runtime")
    given = dict(case["body"])
    turns = list(given.pop("messages"))
    calls: list[dict[str, Any]] = []
    while True:
        reply = bedrock.converse(modelId=case["model"], messages=turns, **given)
        turns.append(reply["output"]["message"])
        if reply["stopReason"] != "tool_use" or len(turns) > 8:
            return {"calls": calls, "turns": turns, "stop_reason": reply["stopReason"]}
        called = [block["toolUse"] for block in turns[-1]["content"] if "toolUse" in block]
        calls += called
        results = [
            {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": "18 degrees"}]}}
            for call in called
        ]
        turns.append({"role": "user", "content": results})
        given["toolConfig"] = {"tools": given["toolConfig"]["tools"]}  # no longer forced


def count(case: Case) -> dict[str, Any]:
    given = dict(case["body"])
    if "invokeModel" in given:
        given = {"invokeModel": {"body": json.dumps(given["invokeModel"])}}
    reply = client("bedrock-runtime").count_tokens(modelId=case["model"], input=given)
    return {"tokens": reply["inputTokens"]}


def application_profile(case: Case) -> dict[str, Any]:
    """A profile of the account's own, made, called and deleted."""
    control = client("bedrock")
    made = control.create_inference_profile(
        inferenceProfileName="team boto3",
        modelSource={"copyFrom": case["body"]["source"]},
        tags=[{"key": "team", "value": "geology"}],
    )
    arn = made["inferenceProfileArn"]
    reply = client("bedrock-runtime").converse(modelId=arn, **case["body"]["ask"])
    tags = control.list_tags_for_resource(resourceARN=arn)["tags"]
    shown = control.get_inference_profile(inferenceProfileIdentifier=arn)
    control.delete_inference_profile(inferenceProfileIdentifier=arn)
    return {"made": made, "reply": reply, "tags": tags, "shown": shown}


def models(case: Case) -> dict[str, Any]:
    reply = client("bedrock").list_foundation_models(byProvider="anthropic")
    return {"summaries": json.loads(json.dumps(reply["modelSummaries"], default=str))}


def identity(case: Case) -> dict[str, Any]:
    reply = client("sts").get_caller_identity()
    return {name: reply[name] for name in ("Account", "Arn", "UserId")}


def refusal(error: Exception) -> dict[str, Any]:
    if not isinstance(error, ClientError):
        return {"message": str(error)}
    response = error.response
    return {
        "status": response["ResponseMetadata"]["HTTPStatusCode"],
        "name": response["Error"]["Code"],
        "message": response["Error"]["Message"],
        "request_id": response["ResponseMetadata"].get("RequestId"),
    }


cases.run(
    {
        "sync": {
            "create": create,
            "stream": stream,
            "converse": converse,
            "converse_stream": converse_stream,
            "tool_loop": tool_loop,
            "count": count,
            "application_profile": application_profile,
            "models": models,
            "identity": identity,
        }
    },
    refusal,
)
