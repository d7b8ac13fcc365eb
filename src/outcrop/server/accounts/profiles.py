"""Inference profiles: AWS's own, from the catalog, and an account's application profiles.

Rules: an application profile is known by its ARN wherever a model ID is taken, in its account and
region only, from the moment that it is made; the model is that of the source it was copied from.

AWS's own replies break its own service model in three places, and so do these: names and
descriptions have dots and commas, a profile has more than five models, and one of a global
profile's ARNs names no region.
Sources: botocore `bedrock/2023-04-20/service-2.json`; replies of ListInferenceProfiles and
GetInferenceProfile as publicly recorded; aws-cli #9728 (without a type, only AWS's own are
listed); Amazon Bedrock User Guide, "Create an application inference profile". What AWS says of a
profile that isn't there, or that can't be deleted, isn't published (?).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from outcrop.bedrock import control, faults
from outcrop.catalog import ids, models, reach
from outcrop.errors import (
    ConflictException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ValidationException,
)
from outcrop.server.accounts import tags
from outcrop.server.accounts.state import Profile
from outcrop.server.dialects import letters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from outcrop.catalog.models import Model
    from outcrop.server.accounts.state import Account, Accounts, Region
    from outcrop.server.operations import Request

Document = dict[str, Any]

#: Application inference profiles in an account and region (Amazon Bedrock quotas).
MOST: Final = 1000
#: What a page has if nothing is asked, and at most (botocore: `MaxResults`).
PAGE: Final = 1000

_KIND: Final = "application-inference-profile"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_ID_LENGTH: Final = 12
_LONGEST_DESCRIPTION: Final = 200  # botocore: `InferenceProfileDescription`
#: Global profiles of models launched before are named without the provider, as in "Global Claude
#: Sonnet 4.5".
_GLOBAL_WITH_PROVIDER_SINCE: Final = "2025-10"


# Operations ──────────────────────────────────────────────────────────────────────────────────────


def list_inference_profiles(request: Request) -> Document:
    """A page of the summaries of AWS's own profiles, or of the account's.

    Raises:
        ValidationException: The token is none that a page ended with.
    """
    kind = request.given.get("typeEquals", "SYSTEM_DEFINED")
    rows = _system_rows(request) if kind == "SYSTEM_DEFINED" else _application_rows(request)
    if token := request.given.get("nextToken"):
        after = _read_token(token, kind)
        rows = [row for row in rows if row[0] > after]
    size = request.given.get("maxResults", PAGE)
    page = rows[:size]
    reply: Document = {"inferenceProfileSummaries": [summary for _, summary in page]}
    if len(rows) > size:
        reply["nextToken"] = _write_token(page[-1][0], kind)
    return reply


def get_inference_profile(request: Request) -> Document:
    """One profile.

    Raises:
        ResourceNotFoundException: There is none.
    """
    given: str = request.given["inferenceProfileIdentifier"]
    if profile := own(given, request.accounts.find(request.account), request=request):
        return _application_summary(profile, request)
    identifier = _local_id(given, request, "inference-profile")
    for _, summary in _system_rows(request):
        if summary["inferenceProfileId"] == identifier:
            return summary
    raise _not_found(given)


def create_inference_profile(request: Request) -> Document:
    """The ARN of a new application profile; the same as before if a client asks again.

    Raises:
        ValidationException: The source isn't to be had there, or a tag can't be.
        ResourceNotFoundException: The source's model has ended.
        ConflictException: The client's token was used for another request.
        ServiceQuotaExceededException: There are too many already.
    """
    source = request.given["modelSource"]["copyFrom"]
    _check_source(source, request)
    tagged = tags.merge({}, request.given.get("tags", ()), resource=source)

    def work(account: Account) -> str:
        region = account.change_region(request.region)
        profile = Profile(
            id=_new_id(region),
            name=request.given["inferenceProfileName"],
            source=source,
            created=request.timestamp,
            description=request.given.get("description"),
            token=request.given.get("clientRequestToken"),
            tags=tagged,
        )
        if before := _asked_before(profile, region):
            return before.id
        if len(region.profiles) >= MOST:
            raise ServiceQuotaExceededException(
                f"You have reached the quota of {MOST} application inference profiles."
            )
        region.profiles[profile.id] = profile
        return profile.id

    made = request.accounts.change(request.account, work)
    return {"inferenceProfileArn": _arn(_KIND, made, request), "status": "ACTIVE"}


def delete_inference_profile(request: Request) -> Document:
    """Nothing; the profile isn't there any more.

    Raises:
        ResourceNotFoundException: It wasn't there.
        ValidationException: It is one of AWS's own.
    """
    given: str = request.given["inferenceProfileIdentifier"]

    def work(account: Account) -> bool:
        profile = own(given, account, request=request)
        if profile is not None:
            del account.change_region(request.region).profiles[profile.id]
        return profile is not None

    if not request.accounts.change(request.account, work):
        get_inference_profile(request)  # raises if there is no such
        raise ValidationException(f"{given} is a system-defined inference profile.")
    return {}


# Look-ups ────────────────────────────────────────────────────────────────────────────────────────


def source_of(model_id: str, *, accounts: Accounts, account: str, region: str) -> Mapping[str, str]:
    """ARN → source of the account's application profile that a model ID names; empty if none."""
    if not model_id.startswith("arn:"):
        return {}
    profile = accounts.find(account).region(region).profiles.get(model_id.rpartition("/")[2])
    if profile is None or model_id != _profile_arn(_KIND, profile.id, account, region):
        return {}
    return {model_id: profile.source}


def own(given: str, account: Account, *, request: Request) -> Profile | None:
    """The account's application profile of an ID or ARN, None if it has no such in the region."""
    identifier = _local_id(given, request, _KIND)
    return account.region(request.region).profiles.get(identifier)


def _local_id(given: str, request: Request, kind: str) -> str:
    """The ID of a profile that is given by ID or ARN; empty if the ARN is another account's."""
    if not given.startswith("arn:"):
        return given
    identifier = given.rpartition("/")[2]
    return identifier if given == _arn(kind, identifier, request) else ""


def _not_found(given: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"The inference profile {given} was not found.")


# AWS's own ───────────────────────────────────────────────────────────────────────────────────────


def _system_rows(request: Request) -> list[tuple[str, Document]]:
    """Sort key → summary, in the catalog's order."""
    rows = [
        _system_summary(model, prefix, request)
        for model in models.models()
        for prefix in reach.profiles_from(model, request.region)
        if _leads_somewhere(f"{prefix}.{model.id}", request)
    ]
    return [(f"{at:06}", row) for at, row in enumerate(rows)]


def _leads_somewhere(profile_id: str, request: Request) -> bool:
    return reach.reach(profile_id, region=request.region, today=request.today).problem is None


def _system_summary(model: Model, prefix: str, request: Request) -> Document:
    profile_id = f"{prefix}.{model.id}"
    name = f"{control.PROVIDER} {model.name}"
    if prefix == "global":
        if model.launch < _GLOBAL_WITH_PROVIDER_SINCE:
            name = model.name
        where = "globally across all supported AWS Regions"
        place = "Global"
    else:
        where = f"in {_enumerate(_destinations(model, prefix, request.region))}"
        place = prefix.upper()
    described = f"Routes requests to {name} {where}."
    launched = f"{model.launch}T00:00:00Z" if len(model.launch) == 10 else None
    return {
        "inferenceProfileName": f"{place} {name}",
        # A list of regions that is longer than AWS's own limit isn't known (?).
        **({"description": described} if len(described) <= _LONGEST_DESCRIPTION else {}),
        **({"createdAt": launched, "updatedAt": launched} if launched else {}),
        "inferenceProfileArn": _arn("inference-profile", profile_id, request),
        "models": _models(model, prefix, request.region),
        "inferenceProfileId": profile_id,
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }


def _destinations(model: Model, prefix: str, region: str) -> list[str]:
    # Where it isn't published, at least the region itself serves its profile (?).
    return model.routes(prefix).get(region) or [region]


def _models(model: Model, prefix: str | None, region: str) -> list[Document]:
    if prefix == "global":
        anywhere = f"arn:{models.partition(region)}:bedrock:::foundation-model/{model.id}"
        arns = [anywhere, control.model_arn(model.id, region=region)]
    else:
        where = _destinations(model, prefix, region) if prefix else [region]
        arns = [control.model_arn(model.id, region=each) for each in where]
    return [{"modelArn": arn} for arn in arns]


def _enumerate(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


# Application profiles ────────────────────────────────────────────────────────────────────────────


def _application_rows(request: Request) -> list[tuple[str, Document]]:
    """Sort key → summary, the oldest first."""
    profiles = request.accounts.find(request.account).region(request.region).profiles.values()
    rows = [
        (f"{profile.created} {profile.id}", _application_summary(profile, request))
        for profile in profiles
    ]
    return sorted(rows, key=lambda row: row[0])


def _application_summary(profile: Profile, request: Request) -> Document:
    return {
        "inferenceProfileName": profile.name,
        **({"description": profile.description} if profile.description else {}),
        "createdAt": profile.created,
        "updatedAt": profile.created,
        "inferenceProfileArn": _arn(_KIND, profile.id, request),
        "models": list(_source_models(profile.source, request.region)),
        "inferenceProfileId": profile.id,
        "status": "ACTIVE",
        "type": "APPLICATION",
    }


def _source_models(source: str, region: str) -> Iterator[Document]:
    address = ids.parse(source)
    model = models.find(address.base_id)
    if model is not None:
        yield from _models(model, address.prefix, region)
    elif address.base_id:  # the catalog knew it when the profile was made
        yield {"modelArn": control.model_arn(address.base_id, region=region)}


def _check_source(source: str, request: Request) -> None:
    """Nothing, if a profile can be copied from an ARN; the refusals are those of a call (?)."""
    found = reach.reach(source, region=request.region, today=request.today)
    if found.problem == "ended":
        raise ResourceNotFoundException(faults.MODEL_ENDED)
    if found.problem == "needs-profile":
        raise ValidationException(faults.NEEDS_PROFILE.format(model_id=found.address.base_id))
    if found.problem is not None or found.address.account not in (None, request.account):
        raise ValidationException(faults.UNKNOWN_MODEL)


def _asked_before(profile: Profile, region: Region) -> Profile | None:
    if profile.token is None:
        return None
    for other in region.profiles.values():
        if other.token == profile.token:
            if _content(other) != _content(profile):
                raise ConflictException(
                    "The client request token was used for a request with other parameters."
                )
            return other
    return None


def _content(profile: Profile) -> tuple[object, ...]:
    return profile.name, profile.source, profile.description


def _new_id(region: Region) -> str:
    while (made := letters(_LETTERS, _ID_LENGTH)) in region.profiles:
        pass
    return made


def _arn(kind: str, identifier: str, request: Request) -> str:
    return _profile_arn(kind, identifier, request.account, request.region)


def _profile_arn(kind: str, identifier: str, account: str, region: str) -> str:
    return f"arn:{models.partition(region)}:bedrock:{region}:{account}:{kind}/{identifier}"


# Pages ───────────────────────────────────────────────────────────────────────────────────────────


def _write_token(key: str, kind: str) -> str:
    return base64.urlsafe_b64encode(f"{kind} {key}".encode()).decode()


def _read_token(token: str, kind: str) -> str:
    try:
        given_kind, _, key = base64.urlsafe_b64decode(token).decode("ascii").partition(" ")
    except (binascii.Error, ValueError):
        given_kind, key = "", ""
    if given_kind != kind or not key:
        raise ValidationException("The nextToken is none that ended a page of such profiles.")
    return key
