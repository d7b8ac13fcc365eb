"""AWS STS, as much of it as proves that keys work: GetCallerIdentity in the query protocol.

Rules: the reply and the errors are XML, with STS's own names for what Bedrock calls otherwise.
Sources: botocore `sts/2011-06-15/service-2.json` (protocol `query`), AWS STS API Reference,
"GetCallerIdentity" and "Common Errors".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from outcrop.bedrock import faults
from outcrop.errors import BadRequestError, UnknownOperationException

if TYPE_CHECKING:
    from outcrop.errors import APIStatusError
    from outcrop.server.identities import Identity
    from outcrop.wire.http import Headers

VERSION: Final = "2011-06-15"
NAMESPACE: Final = f"https://sts.amazonaws.com/doc/{VERSION}/"

#: The longest body that GetCallerIdentity can have.
MAX_BODY: Final = 8192

#: Bedrock's name → STS's.
_NAMES: Final = {
    "UnrecognizedClientException": "InvalidClientTokenId",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "ExpiredTokenException": "ExpiredToken",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "ThrottlingException": "Throttling",
    "InternalServerException": "InternalFailure",
    "ValidationException": "ValidationError",
}

_HEADERS: Final[Headers] = [("Content-Type", "text/xml")]


class _InvalidAction(BadRequestError):  # noqa: N818 - AWS's name
    """The action is none that is served here."""

    name = "InvalidAction"


def check_action(body: bytes | bytearray) -> None:
    """Nothing, if the body asks for GetCallerIdentity.

    Raises:
        UnknownOperationException: The body isn't the query protocol's at all.
        BadRequestError: It asks for another action.
    """
    try:
        given = dict(parse_qsl(body.decode("ascii"), max_num_fields=64))
    except ValueError:
        raise UnknownOperationException("No action.") from None
    action, version = given.get("Action"), given.get("Version", VERSION)
    if action is None:
        raise UnknownOperationException("No action.")
    if action != "GetCallerIdentity" or version != VERSION:
        raise _InvalidAction(f"Could not find operation {action} for version {version}")


def write_identity(identity: Identity, *, request_id: str) -> tuple[Headers, bytes]:
    """Headers and body that tell callers who they are."""
    return _HEADERS, (
        f'<GetCallerIdentityResponse xmlns="{NAMESPACE}">\n'
        "  <GetCallerIdentityResult>\n"
        f"    <Arn>{escape(identity.arn)}</Arn>\n"
        f"    <UserId>{escape(identity.user_id)}</UserId>\n"
        f"    <Account>{escape(identity.account)}</Account>\n"
        "  </GetCallerIdentityResult>\n"
        "  <ResponseMetadata>\n"
        f"    <RequestId>{escape(request_id)}</RequestId>\n"
        "  </ResponseMetadata>\n"
        "</GetCallerIdentityResponse>\n"
    ).encode()


def write_fault(error: APIStatusError, *, request_id: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a refusal, in STS's words."""
    if isinstance(error, UnknownOperationException):
        return faults.write_fault(error)
    name = _NAMES.get(error.aws_name or "", error.aws_name or "InternalFailure")
    blame = "Sender" if error.status_code < 500 else "Receiver"
    body = (
        f'<ErrorResponse xmlns="{NAMESPACE}">\n'
        "  <Error>\n"
        f"    <Type>{blame}</Type>\n"
        f"    <Code>{escape(name)}</Code>\n"
        f"    <Message>{escape(error.message)}</Message>\n"
        "  </Error>\n"
        f"  <RequestId>{escape(request_id)}</RequestId>\n"
        "</ErrorResponse>\n"
    )
    return error.status_code, _HEADERS, body.encode()
