"""Which models `outcrop doctor` finds open to an account, and which of them answer.

Source: botocore `bedrock/2023-04-20/service-2.json` (GetFoundationModelAvailability); Amazon
Bedrock User Guide, "Access Amazon Bedrock foundation models".
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from outcrop.cli.findings import Finding, failure
from outcrop.errors import OutcropError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outcrop.catalog.resolve import Resolution
    from outcrop.cli.findings import Patient

#: Seconds that a model may take to say one token.
ANSWER: Final = 30
#: Models that are examined at a time.
AT_A_TIME: Final = 6

_SUBSCRIBE: Final = "the first call subscribes, if the caller may aws-marketplace:Subscribe"


def models(patient: Patient) -> Iterator[Finding]:
    """Which models can be called from here, by the catalog, by the account, and by trying."""
    yield from _resolve(patient)
    if not patient.routes:
        return
    if patient.identity is None:
        yield Finding("models", "skip", "no credentials to ask with")
        return
    # Waiting for one doesn't help another; each has its own time-outs.
    with (
        patient.client("bedrock") as bedrock,
        ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="outcrop-doctor") as pool,
    ):
        access = list(pool.map(partial(_access, bedrock=bedrock), patient.routes))
        called = patient.routes if patient.call and patient.reached else []
        calls = list(pool.map(partial(_call, patient=patient), called))
    yield from access
    yield from calls
    if patient.call and not patient.reached:
        yield Finding("call", "skip", "the endpoint doesn't answer")


def _resolve(patient: Patient) -> Iterator[Finding]:
    from outcrop.catalog.resolve import resolve

    if patient.edition is None:
        yield Finding("models", "skip", "no catalog to know them by")
        return
    region, today = patient.region.name, time.strftime("%Y-%m-%d", time.gmtime())
    for spelling in patient.spellings or [model.id for model in patient.edition.models]:
        try:
            route = resolve(spelling, region=region, today=today, edition=patient.edition)
        except OutcropError as error:
            if patient.spellings:
                yield failure(spelling, error)
            continue
        if patient.spellings or (route.lifecycle == "active" and route.model):
            patient.routes.append(route)
    if not patient.routes and not patient.spellings:
        mend = "Choose another region: 'outcrop models' lists them."
        yield Finding("models", "fail", f"no active model can be called from {region}", mend)


def _access(route: Resolution, *, bedrock: Any) -> Finding:
    """What GetFoundationModelAvailability says of a model."""
    from outcrop.cli import aws

    name = route.model_id
    if route.model is None:
        return Finding("access", "skip", f"{name}: the catalog doesn't know its model")
    try:
        with aws.translated():
            said = bedrock.get_foundation_model_availability(modelId=route.model.id)
    except OutcropError as error:
        found = failure("access", error, state="warn")
        return Finding("access", "warn", f"{name}: {found.found}", found.mend)
    if said.get("authorizationStatus") == "NOT_AUTHORIZED":
        mend = "Ask AWS for access, or look at the organization's policies."
        return Finding("access", "fail", f"{name}: the account isn't authorized", mend)
    if said.get("regionAvailability") == "NOT_AVAILABLE":
        mend = f"'outcrop models show {route.model.id}' lists its regions."
        return Finding("access", "fail", f"{name}: not in this region", mend)
    agreement: dict[str, Any] = said.get("agreementAvailability", {})
    status = agreement.get("status")
    if status == "ERROR":
        found = f"{name}: {agreement.get('errorMessage') or 'its agreement has an error'}"
        return Finding("access", "fail", found, "Look at it in the Bedrock console, Model catalog.")
    later = "" if status == "AVAILABLE" else f"; {_SUBSCRIBE}"
    if status == "PENDING":
        later = "; its agreement is being made, which takes minutes"
    return Finding("access", "ok", f"{name}: open{later}")


def _call(route: Resolution, *, patient: Patient) -> Finding:
    """Whether a model answers with a token."""
    import warnings

    from outcrop import AnthropicBedrock

    began = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they stand above
            client = AnthropicBedrock(
                aws_region=patient.region.name,
                aws_profile=patient.profile,
                timeout=ANSWER,
                max_retries=0,
            )
        with client:
            client.messages.create(
                model=route.model_id,
                max_tokens=1,
                messages=[{"role": "user", "content": "Hi"}],
            )
    except OutcropError as error:
        found = failure("call", error)
        return Finding("call", "fail", f"{route.model_id}: {found.found}", found.mend)
    return Finding("call", "ok", f"{route.model_id} answers after {time.monotonic() - began:.1f} s")
