"""Tags of application inference profiles, the one kind of resource here that has any.

Source: botocore `bedrock/2023-04-20/service-2.json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from outcrop.errors import ResourceNotFoundException
from outcrop.server.accounts import profiles, tags

if TYPE_CHECKING:
    from outcrop.server.accounts.state import Account, Profile
    from outcrop.server.operations import Request

Document = dict[str, Any]


def tag_resource(request: Request) -> Document:
    """Nothing; the tags are there, those of the same keys replaced.

    Raises:
        ResourceNotFoundException: There is no such resource.
        BadRequestError: There would be too many.
        ValidationException: A key is reserved, or comes twice.
    """
    resource: str = request.given["resourceARN"]

    def work(account: Account) -> None:
        profile = _find(account, request)
        profile.tags = tags.merge(profile.tags, request.given["tags"], resource=resource)

    request.accounts.change(request.account, work)
    return {}


def untag_resource(request: Request) -> Document:
    """Nothing; the tags aren't there any more.

    Raises:
        ResourceNotFoundException: There is no such resource.
    """
    gone = set(request.given["tagKeys"])

    def work(account: Account) -> None:
        profile = _find(account, request)
        profile.tags = {key: value for key, value in profile.tags.items() if key not in gone}

    request.accounts.change(request.account, work)
    return {}


def list_tags_for_resource(request: Request) -> Document:
    """The tags.

    Raises:
        ResourceNotFoundException: There is no such resource.
    """
    found = _find(request.accounts.find(request.account), request)
    return {"tags": [{"key": key, "value": value} for key, value in found.tags.items()]}


def _find(account: Account, request: Request) -> Profile:
    arn: str = request.given["resourceARN"]
    profile = profiles.own(arn, account, request=request) if arn.startswith("arn:") else None
    if profile is None:
        raise ResourceNotFoundException(f"The resource {arn} was not found.")
    return profile
