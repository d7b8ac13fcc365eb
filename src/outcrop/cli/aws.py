"""What `catalog` and `doctor` ask of an account: clients of AWS's control plane and of STS.

Rules: keys and region are those that the client of Messages would take; the endpoint is as AWS's
tools find it (`AWS_ENDPOINT_URL_BEDROCK`, `AWS_ENDPOINT_URL`, …), so that a local Bedrock is asked
in the same way; every wait ends; AWS's errors become ours, with what mends them.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from outcrop.errors import APIConnectionError, APITimeoutError, ConfigurationError, for_refusal

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from outcrop.wire.credentials import ApiKey, Credentials

Document = dict[str, Any]

#: Seconds.
CONNECT: Final = 5
READ: Final = 15
#: Pages of a list that are read at most: far more than there are.
MOST_PAGES: Final = 100

_HTTPS: Final = "Use access keys, or an https endpoint ('outcrop serve --tls')."
_RENEW: Final = (
    "Renew the credentials ('aws sso login', or new keys), and look at the clock of this machine."
)


@contextmanager
def client(
    service: str, *, region: str, identity: Credentials | ApiKey, profile: str | None = None
) -> Generator[Any]:
    """A botocore client whose waits are bounded, closed at the end.

    Args:
        service: `bedrock` or `sts`.
        region: Whose endpoint.
        identity: What proves who asks; an API key has to be in the environment too, where botocore
            looks for it.
        profile: For what else the shared configuration file says.
    """
    from botocore.config import Config
    from botocore.session import Session

    from outcrop.wire.credentials import Credentials

    keys: Document = {}
    if isinstance(identity, Credentials):
        keys = {
            "aws_access_key_id": identity.access_key,
            "aws_secret_access_key": identity.secret_key,
            "aws_session_token": identity.session_token,
        }
    config = Config(
        connect_timeout=CONNECT,
        read_timeout=READ,
        retries={"total_max_attempts": 2, "mode": "standard"},
    )
    with translated():
        # botocore's stub has a type for each of hundreds of services.
        session: Any = Session(profile=profile)
        made: Any = session.create_client(service, region_name=region, config=config, **keys)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def translated() -> Generator[None]:
    """AWS's errors as Outcrop's.

    Raises:
        APIStatusError: The service refused.
        APIConnectionError: It wasn't reached.
        ConfigurationError: Anything else that botocore objects to.
    """
    from botocore import exceptions as aws

    try:
        yield
    except aws.ClientError as error:
        refused: Document = dict(error.response.get("Error", {}))
        meta: Document = dict(error.response.get("ResponseMetadata", {}))
        name, status = refused.get("Code"), int(meta.get("HTTPStatusCode", 500))
        raise for_refusal(name, status)(
            f"{error.operation_name}: {refused.get('Message') or 'refused'}",
            aws_name=name,
            status_code=status,
            request_id=meta.get("RequestId"),
            mend=_mend(name or "", error.operation_name),
        ) from error
    except (aws.ConnectTimeoutError, aws.ReadTimeoutError) as error:
        raise APITimeoutError(f"{_line(error)}") from error
    except (aws.HTTPClientError, aws.ConnectionError) as error:
        raise APIConnectionError(f"{_line(error)}") from error
    except aws.BotoCoreError as error:
        said = _line(error)
        mend = _HTTPS if "requires an HTTPS endpoint" in said else ""
        raise ConfigurationError(said, mend=mend) from error
    except ValueError as error:  # an endpoint that isn't a URL
        raise ConfigurationError(f"{_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _mend(name: str, operation: str) -> str:
    if name in {"AccessDeniedException", "AccessDenied"}:
        return f"Allow the caller bedrock:{operation} in its IAM policy."
    if name in {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "ExpiredTokenException",
        "ExpiredToken",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
    }:
        return _RENEW
    return ""


def pages(asked: Any, operation: str, rows: str, **given: Any) -> Iterator[Document]:
    """The rows of all pages of a list.

    Args:
        asked: The client.
        operation: Its method.
        rows: The member that has them.
        given: The request's members.
    """
    token: Document = {}
    for _ in range(MOST_PAGES):
        with translated():
            page: Document = getattr(asked, operation)(**given, **token)
        yield from page.get(rows, [])
        if not page.get("nextToken"):
            return
        token = {"nextToken": page["nextToken"]}
