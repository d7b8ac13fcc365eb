"""Who may call a model: what a call needs of the account, in the order in which it is refused.

Rules: a model's needs are columns of the catalog. As on AWS today, models are open: the first call
of one subscribes the account to it, so that deleting an agreement lasts until the next call.
Sources: Amazon Bedrock User Guide, "Access Amazon Bedrock foundation models", "Model lifecycle"
(new accounts) and "Data retention"; refusals as publicly reported. Their order isn't published (?).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from outcrop.catalog import lifecycle
from outcrop.errors import AccessDeniedException, ResourceNotFoundException, ValidationException
from outcrop.server.accounts import forms, profiles, retention
from outcrop.server.dialects import THE_MODEL_SAYS
from outcrop.server.operations import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.catalog.models import Model
    from outcrop.server.accounts.state import Account, Accounts

Opening = Literal["open", "form", "agreement"]
Standing = Literal["active", "new", "invited"]

# AWS's words ─────────────────────────────────────────────────────────────────────────────────────

NO_FORM: Final = (
    "Model use case details have not been submitted for this account. Fill out the Anthropic use "
    "case details form before using the model. If you have already filled out the form, try again "
    "in 15 minutes."
)
NO_ACCESS: Final = "You don't have access to the model with the specified model ID."
NOT_INVITED: Final = "{model_id} is not available for this account."
LEGACY: Final = (
    "Access denied. This Model is marked by provider as Legacy and you have not been actively "
    "using the model in the last 30 days. Please upgrade to an active model on Amazon Bedrock"
)
RETENTION: Final = (
    "data retention mode '{mode}' is not available for this model See "
    "https://docs.aws.amazon.com/bedrock/latest/userguide/data-retention.html for supported data "
    "retention modes."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which accounts can call models.

    Attributes:
        opening: What a first call needs: nothing (`open`), the use-case form (`form`), or an
            agreement for each model as well, as until 2025 (`agreement`).
        standing: `active` accounts may go on with legacy models, `new` ones can't start with them;
            `invited` ones can also call models that are by invitation only.
    """

    opening: Opening = "open"
    standing: Standing = "active"

    def invite(self, model: Model) -> bool:
        """Whether a model is open to accounts, by invitation or otherwise."""
        return model.access != "invitation" or self.standing == "invited"


class Access(Struct, frozen=True, kw_only=True):
    """An account's access to models from a region.

    Attributes:
        account: Who calls.
        region: Whose endpoint is called.
        accounts: All accounts.
        terms: On which they can call models.
        today: ISO 8601.
        now: Seconds since the epoch, noted for an agreement.
    """

    account: str
    region: str
    accounts: Accounts
    terms: Terms
    today: str
    now: float

    def application_profiles(self, model_id: str) -> Mapping[str, str]:
        """ARN → source of the application profile that a model ID names; empty if it names none."""
        return profiles.source_of(
            model_id, accounts=self.accounts, account=self.account, region=self.region
        )

    def admit(self, model: Model, operation: str) -> None:
        """Nothing, if the account may call a model; the first time subscribes it.

        Args:
            model: The catalog's row.
            operation: AWS's name of the operation.

        Raises:
            ResourceNotFoundException: It is legacy, and the account new; or the form is missing.
            AccessDeniedException: The account isn't invited, or has no agreement.
            ValidationException: The account's data retention isn't what the model needs.
        """
        account = self.accounts.find(self.account)
        if self.terms.standing == "new" and _is_legacy(model, self.today):
            raise ResourceNotFoundException(LEGACY)
        check_invitation(model, self.terms)
        check_form(account, self.region, self.terms)
        if model.id not in account.agreements:
            if self.terms.opening == "agreement":
                raise AccessDeniedException(NO_ACCESS)
            since = timestamp(self.now)
            self.accounts.change(
                self.account, lambda changed: agree(changed, model, timestamp=since)
            )
        mode = retention.effective_mode(account, self.region)
        if not retention.allows(mode, model):
            says = THE_MODEL_SAYS if operation.startswith("Converse") else ""
            raise ValidationException(says + RETENTION.format(mode=mode))


def check_invitation(model: Model, terms: Terms) -> None:
    """Nothing, if a model is open to accounts.

    Raises:
        AccessDeniedException: It is by invitation only.
    """
    if not terms.invite(model):
        raise AccessDeniedException(NOT_INVITED.format(model_id=model.id))


def check_form(account: Account, region: str, terms: Terms) -> None:
    """Nothing, if the use-case form isn't needed or has been filled in.

    Raises:
        ResourceNotFoundException: It is missing.
    """
    if terms.opening != "open" and forms.place(region) not in account.forms:
        raise ResourceNotFoundException(NO_FORM)


def agree(account: Account, model: Model, *, timestamp: str) -> None:
    """Subscribes an account to a model.

    Args:
        account: To be changed.
        model: The catalog's row.
        timestamp: Since when, ISO 8601.
    """
    account.agreements[model.id] = timestamp


def _is_legacy(model: Model, today: str) -> bool:
    return lifecycle.stage(model, today) in ("legacy", "extended-access")
