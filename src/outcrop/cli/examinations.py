"""The examinations of `outcrop doctor`, but for those of models: what is here, and whose it is.

Rules: each gives its findings, and puts down in the patient what later ones need; nothing is
changed; what can't be asked is skipped with a line that says so.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from outcrop.cli.findings import Finding, failure
from outcrop.errors import (
    APIConnectionError,
    APIStatusError,
    CredentialsError,
    NotFoundError,
    OutcropError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outcrop.cli.findings import Patient
    from outcrop.net.credentials import Chain, Given
    from outcrop.wire.credentials import ApiKey

_FILL_IN: Final = (
    "Fill in the use case form: in the Bedrock console (Model catalog, any Claude model), or by "
    "PutUseCaseForModelAccess."
)


# What is here ────────────────────────────────────────────────────────────────────────────────────


def catalog(patient: Patient) -> Iterator[Finding]:
    """Which catalog is in use, and whether its overlay can be right."""
    from outcrop.net import overlay
    from outcrop.net.environment import variable

    patient.edition = overlay.edition()
    known = f"{len(patient.edition.models)} models, as of {patient.edition.as_of}"
    file = overlay.path()
    if file.exists():
        known += f"; overlay {file}"
    elif variable(overlay.VARIABLE):
        mend = "'outcrop catalog refresh' writes it; or unset the variable."
        yield Finding("catalog", "warn", f"{known}; {overlay.VARIABLE}={file} isn't there", mend)
        return
    yield Finding("catalog", "ok", known)


def region(patient: Patient) -> Iterator[Finding]:
    """Where calls go, and who said so."""
    from outcrop.catalog import models

    name, source = patient.region
    source = "--region" if source == "aws_region argument" else source
    if source == "default":
        mend = "Set AWS_REGION, or a region for the profile."
        yield Finding("region", "warn", f"{name}, for want of another", mend)
    elif name not in models.regions():
        found = f"{name} ({source}) has no Bedrock that the catalog knows"
        yield Finding("region", "warn", found, "Look at its spelling: 'us-west-2'.")
    else:
        yield Finding("region", "ok", f"{name} ({source})")


def endpoint(patient: Patient) -> Iterator[Finding]:
    """Whether the runtime endpoint answers, whatever it says to a request without a signature."""
    from outcrop.bedrock.call import Send, Timeout
    from outcrop.bedrock.routes import runtime_origin
    from outcrop.net import environment
    from outcrop.net.dial import SyncDialer
    from outcrop.wire.http import Request

    named = environment.base_url(None)
    origin = named.origin if named else runtime_origin(patient.region.name)
    variables = environment.BASE_URL_VARIABLES
    by = next((each for each in variables if environment.variable(each)), "") if named else "AWS's"
    dialer = SyncDialer(ca_pem=environment.ca_bundle())
    request = Request("GET", origin, f"{named.prefix if named else ''}/")
    began = time.monotonic()
    try:
        answer = dialer.send(Send(request, streamed=False, timeout=Timeout(connect=5, read=10)))
    except APIConnectionError as error:
        where = f"{by} points there: unset it, or start what listens there ('outcrop serve')."
        network = "Look at name resolution, proxy, firewall and VPC endpoints."
        yield Finding("endpoint", "fail", error.message, where if named else network)
        return
    finally:
        dialer.close()
    patient.reached = True
    took = f"{(time.monotonic() - began) * 1000:.0f} ms"
    yield Finding("endpoint", "ok", f"{origin} ({by}) answers after {took}: {answer.status}")


def credentials(patient: Patient) -> Iterator[Finding]:
    """Where credentials are found; how long an API key still holds."""
    from outcrop.net import credentials
    from outcrop.wire.credentials import ApiKey

    source = credentials.choose(profile=patient.profile)
    try:
        patient.identity = source.at_hand() or source.fetch(renew=False)
    except CredentialsError as error:
        yield failure("credentials", error)
        return
    if isinstance(patient.identity, ApiKey):
        yield _api_key(patient.identity, patient.region.name, source.source)
        return
    kind = "temporary keys" if patient.identity.session_token else "keys"
    found = f"{kind} {patient.identity.access_key} from {_place(source)}"
    yield Finding("credentials", "ok", found)


def _place(source: Given | Chain) -> str:
    """Where credentials were found, with the chain's own name of it."""
    from outcrop.net.credentials import Chain

    if isinstance(source, Chain) and source.method:
        return f"the {source.source} ({source.method})"
    return f"the {source.source}"


def _api_key(key: ApiKey, region: str, source: str) -> Finding:
    """A short-term key says itself where and how long it holds."""
    from outcrop.wire import api_keys

    try:
        claim = api_keys.read(key.token)
    except APIStatusError as error:
        mend = "Copy the whole key, or make a new one."
        return Finding("credentials", "fail", f"{source}: {error.message}", mend)
    if claim is None:
        return Finding("credentials", "ok", f"long-term API key from {source}")
    made = datetime.strptime(claim.amz_date, "%Y%m%dT%H%M%S%z").timestamp()
    left = made + (claim.expires or 0) - time.time()
    if claim.region != region:
        found = f"API key from {source} holds in {claim.region}, not in {region}"
        mend = f"Use region {claim.region}, or make a key there."
        return Finding("credentials", "fail", found, mend)
    if left <= 0:
        return Finding("credentials", "fail", f"API key from {source} has expired", "Make another.")
    return Finding("credentials", "ok", f"API key from {source}, for {left / 3600:.1f} hours more")


# What the account says ───────────────────────────────────────────────────────────────────────────


def identity(patient: Patient) -> Iterator[Finding]:
    """Whose the credentials are, by STS."""
    from outcrop.cli import aws
    from outcrop.wire.credentials import ApiKey

    if patient.identity is None:
        yield Finding("identity", "skip", "no credentials to ask with")
        return
    if isinstance(patient.identity, ApiKey):
        yield Finding("identity", "skip", "STS doesn't take API keys")
        return
    try:
        with patient.client("sts") as sts, aws.translated():
            caller = sts.get_caller_identity()
    except APIConnectionError as error:
        mend = "Calls don't need it; in a VPC, add an endpoint of STS."
        yield Finding("identity", "warn", error.message, mend)
        return
    yield Finding("identity", "ok", f"{caller['Arn']} (account {caller['Account']})")


def account(patient: Patient) -> Iterator[Finding]:
    """What the control plane lists, and whether the use case form is there."""
    if patient.identity is None:
        yield Finding("account", "skip", "no credentials to ask with")
        return
    with patient.client("bedrock") as bedrock:
        yield _listed(patient, bedrock)
        yield _form(bedrock)


def _listed(patient: Patient, bedrock: Any) -> Finding:
    from outcrop.cli import aws

    try:
        rows = list(
            aws.pages(bedrock, "list_foundation_models", "modelSummaries", byProvider="anthropic")
        )
    except OutcropError as error:  # calls can work without it
        return failure("account", error, state="warn")
    found = f"{len(rows)} Claude models are listed in {patient.region.name}"
    mend = "" if rows else "Choose another region: 'outcrop models' lists them."
    return Finding("account", "ok" if rows else "fail", found, mend)


def _form(bedrock: Any) -> Finding:
    from outcrop.cli import aws

    try:
        with aws.translated():
            bedrock.get_use_case_for_model_access()
    except NotFoundError:
        return Finding("form", "warn", "the use case form hasn't been filled in", _FILL_IN)
    except OutcropError as error:
        return failure("form", error, state="warn")
    return Finding("form", "ok", "the use case form has been filled in")
