"""The local Bedrock's control plane: requests in, replies out.

Rules: what is answered is decided in `outcrop.server.accounts` and `outcrop.bedrock.control`; here
it gets its name, its checks and its HTTP. An operation that AWS's service model has and that isn't
here is refused by its name, with a status that AWS's clients don't try again.
Source: botocore `bedrock/2023-04-20/service-2.json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from outcrop.bedrock import control
from outcrop.errors import APIStatusError, InternalServerError
from outcrop.server import operations, trail
from outcrop.server.accounts import (
    agreements,
    forms,
    invocation_logging,
    profiles,
    retention,
    tagging,
)
from outcrop.server.accounts.access import Access
from outcrop.server.operations import CONTROL_PLANE, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from outcrop.server.accounts.access import Terms
    from outcrop.server.accounts.state import Accounts
    from outcrop.server.auth import Caller
    from outcrop.server.logs import InvocationLogs
    from outcrop.server.operations import Operation
    from outcrop.server.trail import Heard
    from outcrop.wire.http import Headers

Document = dict[str, Any]

#: The longest body that is read.
MAX_BODY: Final = 1024 * 1024

NOT_HERE: Final = "The operation {name} isn't there in this local Bedrock."

_HEADERS: Final[Headers] = [("Content-Type", "application/json")]


def _list_foundation_models(request: Request) -> Document:
    return control.list_foundation_models(request.given, region=request.region, today=request.today)


def _get_foundation_model(request: Request) -> Document:
    return control.get_foundation_model(
        request.given["modelIdentifier"], region=request.region, today=request.today
    )


_ANSWERS: Final[Mapping[str, Callable[[Request], Document]]] = {
    "ListFoundationModels": _list_foundation_models,
    "GetFoundationModel": _get_foundation_model,
    "GetFoundationModelAvailability": agreements.get_foundation_model_availability,
    "ListFoundationModelAgreementOffers": agreements.list_foundation_model_agreement_offers,
    "CreateFoundationModelAgreement": agreements.create_foundation_model_agreement,
    "DeleteFoundationModelAgreement": agreements.delete_foundation_model_agreement,
    "PutUseCaseForModelAccess": forms.put_use_case_for_model_access,
    "GetUseCaseForModelAccess": forms.get_use_case_for_model_access,
    "GetAccountDataRetention": retention.get_account_data_retention,
    "PutAccountDataRetention": retention.put_account_data_retention,
    "PutModelInvocationLoggingConfiguration": (
        invocation_logging.put_model_invocation_logging_configuration
    ),
    "GetModelInvocationLoggingConfiguration": (
        invocation_logging.get_model_invocation_logging_configuration
    ),
    "DeleteModelInvocationLoggingConfiguration": (
        invocation_logging.delete_model_invocation_logging_configuration
    ),
    "ListInferenceProfiles": profiles.list_inference_profiles,
    "GetInferenceProfile": profiles.get_inference_profile,
    "CreateInferenceProfile": profiles.create_inference_profile,
    "DeleteInferenceProfile": profiles.delete_inference_profile,
    "TagResource": tagging.tag_resource,
    "UntagResource": tagging.untag_resource,
    "ListTagsForResource": tagging.list_tags_for_resource,
}
#: The operations that are answered.
ANSWERED: Final = frozenset(_ANSWERS)
#: Those that write to a store before they answer: to be answered in a thread.
SLOW: Final = frozenset({"PutModelInvocationLoggingConfiguration"})


class ControlPlane:
    """Answers the operations of the control plane.

    Args:
        accounts: What they work on.
        terms: On which accounts can call models.
        today: ISO 8601; the day by which models are legacy or ended.
        logs: Where invocations and these operations are logged, None if they can't be.
    """

    def __init__(
        self, accounts: Accounts, *, terms: Terms, today: str, logs: InvocationLogs | None = None
    ) -> None:
        self._accounts = accounts
        self._terms = terms
        self._today = today
        self._logs = logs

    def answer(
        self,
        operation: Operation,
        query: str,
        body: bytes,
        *,
        caller: Caller,
        now: float,
        heard: Heard | None = None,
    ) -> tuple[int, Headers, bytes]:
        """Status, headers and body of a reply.

        Args:
            operation: What is asked.
            query: As on the wire.
            body: As on the wire.
            caller: Who asks.
            now: Seconds since the epoch.
            heard: What CloudTrail's event tells of the request beside that.

        Raises:
            APIStatusError: The operation refuses, or isn't there (status 501).
        """
        answer = _ANSWERS.get(operation.name) if operation.service == CONTROL_PLANE else None
        if answer is None:
            raise InternalServerError(
                NOT_HERE.format(name=operation.name),
                aws_name="NotImplementedException",
                status_code=501,
            )
        account, region = caller.identity.account, caller.region
        before = self._logs and self._logs.configuration(account, region)
        given: Document | None = None

        def tell(result: Document | None, refusal: APIStatusError | None) -> None:
            if self._logs is None:
                return
            # What turns logging off is told where it was on.
            config = self._logs.configuration(account, region) or before
            if config is None:
                return
            event = trail.write_event(
                operation,
                caller,
                given=given,
                result=result,
                refusal=refusal,
                now=now,
                heard=heard or trail.Heard(),
            )
            self._logs.deliver_event(config, event, account=account, region=region)

        try:
            given = operations.read(operation, query, body)
            request = Request(
                given=given,
                account=account,
                region=region,
                accounts=self._accounts,
                terms=self._terms,
                today=self._today,
                now=now,
                logs=self._logs,
            )
            result = answer(request)
        except APIStatusError as error:
            tell(None, error)
            raise
        tell(result, None)
        return operation.status, _HEADERS, orjson.dumps(result)

    def access(self, caller: Caller, *, now: float) -> Access:
        """A caller's access to models.

        Args:
            caller: Who calls.
            now: Seconds since the epoch.
        """
        return Access(
            account=caller.identity.account,
            region=caller.region,
            accounts=self._accounts,
            terms=self._terms,
            today=self._today,
            now=now,
        )
