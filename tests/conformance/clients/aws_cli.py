"""The AWS command line: the commands of the Bedrock guides, word for word where they are given."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cases

if TYPE_CHECKING:
    from collections.abc import Mapping

    Case = Mapping[str, Any]

AWS = Path(sys.executable).with_name("aws")


class CommandFailedError(Exception):
    """`aws` ended with another exit status than 0."""

    def __init__(self, status: int, stderr: str) -> None:
        super().__init__(stderr)
        self.status = status
        self.stderr = stderr


def aws(*arguments: str) -> str:
    """What `aws` prints."""
    done = subprocess.run(
        [str(AWS), *arguments], capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    if done.returncode:
        raise CommandFailedError(done.returncode, done.stderr.strip())
    return done.stdout


def create(case: Case) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        body, out = Path(folder, "body.json"), Path(folder, "out.json")
        body.write_text(json.dumps(case["body"]), encoding="utf-8")
        printed = aws(
            *("bedrock-runtime", "invoke-model", "--model-id", case["model"]),
            *("--body", f"file://{body}", str(out)),
        )
        return {"message": json.loads(out.read_bytes()), "printed": json.loads(printed)}


def _as_given(data: bytes) -> str:
    """The command takes bytes inside JSON as the text that they are."""
    return data.decode("ascii")


def converse(case: Case) -> dict[str, Any]:
    members = [
        part
        for name, value in case["body"].items()
        for part in (
            "--" + re.sub("[A-Z]", r"-\g<0>", name).lower(),
            json.dumps(value, default=_as_given),
        )
    ]
    return json.loads(aws("bedrock-runtime", "converse", "--model-id", case["model"], *members))


def application_profile(case: Case) -> dict[str, Any]:
    """A profile of the account's own, made, called and deleted."""
    made = json.loads(
        aws(
            *("bedrock", "create-inference-profile", "--inference-profile-name", "team cli"),
            *("--model-source", f"copyFrom={case['body']['source']}"),
            *("--tags", "key=team,value=geology"),
        )
    )
    arn = made["inferenceProfileArn"]
    reply = converse({"model": arn, "body": case["body"]["ask"]})
    tags = json.loads(aws("bedrock", "list-tags-for-resource", "--resource-arn", arn))["tags"]
    shown = aws(*("bedrock", "get-inference-profile", "--inference-profile-identifier", arn))
    aws("bedrock", "delete-inference-profile", "--inference-profile-identifier", arn)
    return {"made": made, "reply": reply, "tags": tags, "shown": json.loads(shown)}


def models(case: Case) -> dict[str, Any]:
    printed = aws(
        *("bedrock", "list-foundation-models", "--region=us-west-2"),
        *("--by-provider", "anthropic", "--query", "modelSummaries[*].modelId"),
    )
    return {"printed": json.loads(printed)}


def identity(case: Case) -> dict[str, Any]:
    return json.loads(aws("sts", "get-caller-identity"))


def refusal(error: Exception) -> dict[str, Any]:
    if not isinstance(error, CommandFailedError):
        return {"message": str(error)}
    said = re.search(
        r"An error occurred \((\w+)\) when calling the (\w+) operation: (.*)", str(error)
    )
    return {
        "exit": error.status,
        "stderr": error.stderr,
        "name": said and said[1],
        "operation": said and said[2],
        "message": said and said[3],
    }


cases.run(
    {
        "sync": {
            "create": create,
            "converse": converse,
            "application_profile": application_profile,
            "models": models,
            "identity": identity,
        }
    },
    refusal,
)
