"""Data retention: what may be kept of prompts and answers in a region, and which models need that.

Rules: modes are ordered; a model that needs one can be called with that or a more permissive one.
`inherit` defers to the models' own, which is `default`; it is what holds until a mode is set.
Sources: Amazon Bedrock User Guide, "Data retention"; botocore `bedrock/2023-04-20/service-2.json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outcrop.server.accounts.state import Retention

if TYPE_CHECKING:
    from outcrop.catalog.models import Model
    from outcrop.server.accounts.state import Account
    from outcrop.server.operations import Request

Document = dict[str, Any]

#: From least to most permissive ("How modes are ordered").
MODES: Final = ("none", "default", "aws_review", "provider_data_share")
#: What models need whose row says `data_retention`.
_REVIEWED: Final = "aws_review"


def get_account_data_retention(request: Request) -> Document:
    """The mode as it was set; `inherit` if it never was."""
    retention = request.accounts.find(request.account).region(request.region).retention
    return _retention(retention) if retention else {"mode": "inherit"}


def put_account_data_retention(request: Request) -> Document:
    """The mode, which counts at once in this region."""
    retention = Retention(request.given["mode"], request.timestamp)

    def work(account: Account) -> None:
        account.change_region(request.region).retention = retention

    request.accounts.change(request.account, work)
    return _retention(retention)


def _retention(retention: Retention) -> Document:
    return {"mode": retention.mode, "updatedAt": retention.updated}


def effective_mode(account: Account, region: str) -> str:
    """The mode that counts: the account's, or else the models' own."""
    retention = account.region(region).retention
    return "default" if retention is None or retention.mode == "inherit" else retention.mode


def allows(mode: str, model: Model) -> bool:
    """Whether a model can be called in a mode."""
    return not model.data_retention or MODES.index(mode) >= MODES.index(_REVIEWED)
