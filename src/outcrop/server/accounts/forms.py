"""The use-case form that Anthropic wants filled in once, before an account's first call.

A form counts for an account in all its regions, except those that have to be opted in to: there it
is filled in again.
Sources: Amazon Bedrock User Guide, "Access Amazon Bedrock foundation models" (fields, lengths,
where it counts); AWS Account Management Reference Guide, "AWS Regions" (opt-in). What AWS says to
other forms, and where there is none to get, isn't published (?).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

import msgspec

from outcrop.errors import ResourceNotFoundException, ValidationException

if TYPE_CHECKING:
    from outcrop.server.accounts.state import Account
    from outcrop.server.operations import Request

Document = dict[str, Any]

#: Regions that an account has to opt in to.
OPT_IN: Final = frozenset(
    {
        "af-south-1",
        "ap-east-1",
        "ap-east-2",
        "ap-south-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "ca-west-1",
        "eu-central-2",
        "eu-south-1",
        "eu-south-2",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "mx-central-1",
    }
)

_LENGTHS: Final = {
    "companyName": 128,
    "companyWebsite": 128,
    "industryOption": 128,
    "otherIndustryOption": 128,
    "useCases": 8192,
}
_USERS: Final = ("0", "1", "2")  # internal, external, both


def put_use_case_for_model_access(request: Request) -> Document:
    """Nothing; the form counts at once.

    Raises:
        ValidationException: It isn't the JSON object that the User Guide describes.
    """
    form: str = request.given["formData"]
    _check(form)

    def work(account: Account) -> None:
        account.forms[place(request.region)] = form

    request.accounts.change(request.account, work)
    return {}


def get_use_case_for_model_access(request: Request) -> Document:
    """The form as it was filled in.

    Raises:
        ResourceNotFoundException: It wasn't.
    """
    form = request.accounts.find(request.account).forms.get(place(request.region))
    if form is None:
        raise ResourceNotFoundException(
            "Use case details have not been submitted for this account."
        )
    return {"formData": form}


def _check(form: str) -> None:
    fields = _read(form)
    if fields is None:
        raise ValidationException("formData isn't a JSON object in base64.")
    for name, longest in _LENGTHS.items():
        value = fields.get(name, "")
        if not isinstance(value, str) or len(value) > longest:
            raise ValidationException(
                f"{name} in formData must be a string of at most {longest} characters."
            )
    if str(fields.get("intendedUsers", _USERS[0])) not in _USERS:
        raise ValidationException(
            "intendedUsers in formData must be 0 (internal), 1 (external) or 2 (both)."
        )


def place(region: str) -> str:
    """Where a form counts that is filled in in a region: there only, or in the whole account."""
    return region if region in OPT_IN else "account"


def _read(form: str) -> dict[str, object] | None:
    """The fields of a form.

    The User Guide has it given to the AWS CLI in base64, which version 1 of it encodes once more.
    """
    data = form.encode("ascii", "replace")
    for _ in range(2):
        try:
            data = base64.b64decode(data, validate=True)
            return msgspec.json.decode(data, type=dict[str, object])
        except binascii.Error:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return None
