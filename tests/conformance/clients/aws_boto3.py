"""boto3: InvokeModel, InvokeModelWithResponseStream, ListFoundationModels, GetCallerIdentity."""

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
    {"sync": {"create": create, "stream": stream, "models": models, "identity": identity}}, refusal
)
