"""CloudTrail's event of an operation of the control plane.

Rules: who asked for what and what came of it, the refused too; what only reads tells no result, as
at AWS; blobs and what AWS's service model calls sensitive are hidden.
Sources: AWS CloudTrail User Guide, "CloudTrail record contents for management, data, and network
activity events" and "CloudTrail userIdentity element"; botocore `bedrock/2023-04-20/service-2.json`
(`sensitive`). Which parameters AWS hides isn't published (?).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from outcrop.server import shapes

if TYPE_CHECKING:
    from outcrop.errors import APIStatusError
    from outcrop.server.auth import Caller
    from outcrop.server.identities import Identity
    from outcrop.server.operations import Operation

Document = dict[str, Any]

HIDDEN: Final = "HIDDEN_DUE_TO_SECURITY_REASONS"
_READS: Final = ("Get", "List")
_LONGEST_AGENT: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is known of a request beside what it asks.

    Attributes:
        request_id: As the reply's header has it; a new one if empty.
        source_ip: Whence it came.
        user_agent: As the client said.
    """

    request_id: str = ""
    source_ip: str = "127.0.0.1"
    user_agent: str = ""


def write_event(
    operation: Operation,
    caller: Caller,
    *,
    given: Document | None,
    result: Document | None,
    refusal: APIStatusError | None,
    now: float,
    heard: Heard,
) -> Document:
    """The event.

    Args:
        operation: What was asked.
        caller: Who asked.
        given: The members of its input, None if they couldn't be read.
        result: The reply's, None for a refusal.
        refusal: Why it was refused, None if it wasn't.
        now: Seconds since the epoch.
        heard: What is known beside that.
    """
    reads = operation.name.startswith(_READS)
    event: Document = {
        "eventVersion": "1.11",
        "userIdentity": _identity(caller.identity),
        "eventTime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "bedrock.amazonaws.com",
        "eventName": operation.name,
        "awsRegion": caller.region,
        "sourceIPAddress": heard.source_ip,
        "userAgent": heard.user_agent[:_LONGEST_AGENT],
    }
    if refusal is not None:
        event |= {"errorCode": refusal.aws_name, "errorMessage": refusal.message}
    return event | {
        "requestParameters": _shown(operation, given) if given else None,
        "responseElements": None if reads or not result else result,
        "requestID": heard.request_id or str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": reads,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": caller.identity.account,
        "eventCategory": "Management",
    }


def _identity(identity: Identity) -> Document:
    role = ":assumed-role/" in identity.arn
    element: Document = {
        "type": "AssumedRole" if role else "IAMUser",
        "principalId": identity.user_id,
        "arn": identity.arn,
        "accountId": identity.account,
    }
    if identity.access_key is not None:
        element["accessKeyId"] = identity.access_key
    if not role:
        return element | {"userName": identity.arn.rpartition("/")[2]}
    name = identity.arn.split("/")[1]
    issuer = {
        "type": "Role",
        "principalId": identity.user_id.partition(":")[0],
        "arn": f"arn:aws:iam::{identity.account}:role/{name}",
        "accountId": identity.account,
        "userName": name,
    }
    return element | {"sessionContext": {"sessionIssuer": issuer}}


def _shown(operation: Operation, given: Document) -> Document:
    hidden = _hidden(operation.service, operation.name)
    return {name: HIDDEN if name in hidden else value for name, value in given.items()}


@cache
def _hidden(service: str, operation: str) -> frozenset[str]:
    shape: Any = shapes.service_model(service).operation_model(operation).input_shape
    if shape is None:
        return frozenset()
    return frozenset(
        name
        for name, member in shape.members.items()
        if member.type_name == "blob" or member.metadata.get("sensitive")
    )
