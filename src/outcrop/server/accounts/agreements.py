"""Agreements: which models an account is subscribed to, on which terms, and what it lacks.

Rules: there is one offer a model; an agreement counts in all regions ("If the identity has already
subscribed to the model in at least one Region …"). The first call of a model makes one as well
(`outcrop.server.accounts.access`).
Sources: Amazon Bedrock User Guide, "Access Amazon Bedrock foundation models"; botocore
`bedrock/2023-04-20/service-2.json`. The dimensions of a rate card and the texts of refusals aren't
published (?).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from outcrop.bedrock import control
from outcrop.catalog import prices
from outcrop.errors import ConflictException, ResourceNotFoundException, ValidationException
from outcrop.server.accounts import access

if TYPE_CHECKING:
    from outcrop.catalog.models import Model
    from outcrop.server.accounts.state import Account
    from outcrop.server.operations import Request

Document = dict[str, Any]

_RATES: Final = {
    "input": "Input tokens",
    "output": "Output tokens",
    "cache_write_5m": "Tokens written to the prompt cache for 5 minutes",
    "cache_write_1h": "Tokens written to the prompt cache for 1 hour",
    "cache_read": "Tokens read from the prompt cache",
}
_LICENSES: Final = "https://aws.amazon.com/legal/bedrock/third-party-models/"


def get_foundation_model_availability(request: Request) -> Document:
    """Whether the account has access to a model, and if not, what it lacks.

    Raises:
        ValidationException: There is no such model.
        ResourceNotFoundException: It has ended.
    """
    model = _find(request)
    agreed = model.id in request.accounts.find(request.account).agreements
    there = control.is_reachable(model, region=request.region, today=request.today)
    return {
        "modelId": model.id,
        "agreementAvailability": {"status": _available(agreed)},
        "authorizationStatus": "AUTHORIZED" if request.terms.invite(model) else "NOT_AUTHORIZED",
        "entitlementAvailability": _available(agreed),
        "regionAvailability": _available(there),
    }


def list_foundation_model_agreement_offers(request: Request) -> Document:
    """The one offer that there is: the list prices, and AWS's terms.

    Raises:
        ValidationException: There is no such model.
        ResourceNotFoundException: It has ended.
    """
    model = _find(request)
    price = prices.price(model.id, region=request.region)
    rates = [
        {
            "dimension": kind,
            "price": str(number),
            "description": description,
            "unit": "1M tokens",
        }
        for kind, description in _RATES.items()
        if (number := getattr(price, kind)) is not None
    ]
    token = _offer_token(model, request)
    offer = {
        "offerId": f"offer-{token[:13]}",
        "offerToken": token,
        "termDetails": {
            "usageBasedPricingTerm": {"rateCard": rates},
            "legalTerm": {"url": _LICENSES},
            "supportTerm": {"refundPolicyDescription": "Nothing is charged by a local Bedrock."},
        },
    }
    return {"modelId": model.id, "offers": [offer]}


def create_foundation_model_agreement(request: Request) -> Document:
    """The model, which the account is subscribed to now.

    Raises:
        ValidationException: There is no such model, or no such offer.
        ResourceNotFoundException: The model has ended, or the form is missing.
        AccessDeniedException: The account isn't invited.
        ConflictException: There is an agreement already.
    """
    model = _find(request)
    if request.given["offerToken"] != _offer_token(model, request):
        raise ValidationException("offerToken is none of an offer for this model and account.")
    access.check_invitation(model, request.terms)

    def work(account: Account) -> None:
        access.check_form(account, request.region, request.terms)
        if model.id in account.agreements:
            raise ConflictException("Agreement already exists.")
        access.agree(account, model, timestamp=request.timestamp)

    request.accounts.change(request.account, work)
    return {"modelId": model.id}


def delete_foundation_model_agreement(request: Request) -> Document:
    """Nothing; the account isn't subscribed to the model any more.

    Raises:
        ValidationException: There is no such model.
        ResourceNotFoundException: It has ended, or there is no agreement.
    """
    model = _find(request)

    def work(account: Account) -> None:
        if account.agreements.pop(model.id, None) is None:
            raise ResourceNotFoundException(f"There is no agreement for {model.id}.")

    request.accounts.change(request.account, work)
    return {}


def _find(request: Request) -> Model:
    return control.find(request.given["modelId"], region=request.region, today=request.today)


def _available(yes: bool) -> str:  # noqa: FBT001 - what it is of stands at each call
    return "AVAILABLE" if yes else "NOT_AVAILABLE"


def _offer_token(model: Model, request: Request) -> str:
    """The same each time, so that nothing has to be remembered; it guards nothing."""
    return hashlib.sha256(f"offer {request.account} {model.id}".encode()).hexdigest()
