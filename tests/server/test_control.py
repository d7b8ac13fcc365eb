"""ListFoundationModels, judged by botocore's model of the service."""

from __future__ import annotations

import re
from contextlib import closing

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from outcrop.bedrock import control
from outcrop.catalog import models, reach
from outcrop.server.actors import Text
from outcrop.testing import local_bedrock

TODAY = models.as_of()
MODEL = botocore.session.get_session().get_service_model("bedrock")


class Mute:
    name = "mute"

    async def start(self):
        pass

    async def answer(self, ask):
        yield Text("…")

    async def close(self):
        pass


@pytest.fixture(scope="module")
def server():
    with local_bedrock(actor=Mute()) as running:
        yield running


def listed(server, region="us-west-2", **filters):
    """The rows that boto3 gets."""
    client = boto3.client(
        "bedrock",
        endpoint_url=server.url,
        region_name=region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )
    with closing(client):
        return client.list_foundation_models(**filters)["modelSummaries"]


def faults(shape, value, path="$"):
    """What in a JSON value isn't as a botocore shape says."""
    if shape.type_name == "structure":
        yield from (
            f"{path}.{name} missing" for name in shape.required_members if name not in value
        )
        yield from (f"{path}.{name} unknown" for name in value if name not in shape.members)
        for name, member in value.items():
            if name in shape.members:
                yield from faults(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list":
        for at, item in enumerate(value):
            yield from faults(shape.member, item, f"{path}[{at}]")
    elif shape.type_name == "string":
        meta = shape.metadata
        # AWS sends INFERENCE_PROFILE, which its own model of the service lacks.
        if "enum" in meta and value not in meta["enum"] and value != "INFERENCE_PROFILE":
            yield f"{path}={value} not in {meta['enum']}"
        if not meta.get("min", 0) <= len(value) <= meta.get("max", 10**9):
            yield f"{path}={value} has a length of {len(value)}"
        if "pattern" in meta and not re.fullmatch(meta["pattern"], value):
            yield f"{path}={value} doesn't match {meta['pattern']}"
    elif shape.type_name == "timestamp":
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value):
            yield f"{path}={value} is no ISO 8601 time"
    elif shape.type_name == "boolean" and not isinstance(value, bool):
        yield f"{path}={value} is no boolean"


@pytest.mark.parametrize("region", models.regions())
def test_the_reply_is_as_botocores_model_says_in_every_region(region):
    reply = control.list_foundation_models({}, region=region, today=TODAY)
    shape = MODEL.operation_model("ListFoundationModels").output_shape
    assert list(faults(shape, reply)) == []


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-2", "us-gov-west-1", "ap-south-1"])
def test_exactly_the_models_that_can_be_called_are_listed(region):
    reply = control.list_foundation_models({}, region=region, today=TODAY)
    shown = {row["modelId"] for row in reply["modelSummaries"]}
    callable_ = {
        model.id
        for model in models.models()
        for text in (model.id, *(f"{prefix}.{model.id}" for prefix in model.profiles))
        if reach.reach(text, region=region, today=TODAY).problem is None
    }
    assert shown == callable_


def test_an_entry_has_the_fields_of_a_real_one_in_its_order():
    reply = control.list_foundation_models({}, region="us-east-1", today="2026-01-01")
    row = next(row for row in reply["modelSummaries"] if "sonnet-4-5" in row["modelId"])
    lifecycle = row.pop("modelLifecycle")
    assert list(row.items()) == [
        (
            "modelArn",
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("modelId", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("modelName", "Claude Sonnet 4.5"),
        ("providerName", "Anthropic"),
        ("inputModalities", ["TEXT", "IMAGE"]),
        ("outputModalities", ["TEXT"]),
        ("responseStreamingSupported", True),
        ("customizationsSupported", []),
        ("inferenceTypesSupported", ["INFERENCE_PROFILE"]),
    ]
    assert lifecycle["status"] == "ACTIVE"
    assert lifecycle["startOfLifeTime"].startswith("2025-09-29T")


def test_a_model_turns_legacy_on_its_day():
    model = models.find("anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert model is not None
    day = model.lifecycle.legacy
    assert day is not None
    shown = control.summary(model, region="us-east-1", today=day)
    assert shown["modelLifecycle"]["status"] == "LEGACY"


def test_a_model_that_has_ended_isnt_listed():
    life = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    before = control.list_foundation_models({}, region="us-east-1", today="2027-04-07")
    after = control.list_foundation_models({}, region="us-east-1", today="2027-04-08")
    assert life in {row["modelId"] for row in before["modelSummaries"]}
    assert life not in {row["modelId"] for row in after["modelSummaries"]}


@pytest.mark.parametrize("provider", ["anthropic", "Anthropic", "ANTHROPIC"])
def test_the_provider_is_matched_without_regard_to_case(server, provider):
    assert len(listed(server, byProvider=provider)) > 10


def test_other_providers_have_nothing_here(server):
    assert listed(server, byProvider="amazon") == []


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ({"byOutputModality": "TEXT"}, lambda row: "TEXT" in row["outputModalities"]),
        ({"byOutputModality": "EMBEDDING"}, lambda row: False),
        ({"byCustomizationType": "FINE_TUNING"}, lambda row: False),
        (
            {"byInferenceType": "ON_DEMAND"},
            lambda row: "ON_DEMAND" in row["inferenceTypesSupported"],
        ),
        ({"byInferenceType": "PROVISIONED"}, lambda row: False),
    ],
)
def test_filters_keep_what_they_say(query, holds):
    every = control.list_foundation_models({}, region="eu-west-2", today=TODAY)["modelSummaries"]
    kept = control.list_foundation_models(query, region="eu-west-2", today=TODAY)["modelSummaries"]
    assert kept == [row for row in every if holds(row)]


def test_a_value_outside_the_enum_is_refused_in_awss_words(server):
    with pytest.raises(ClientError) as caught:
        listed(server, byInferenceType="INFERENCE_PROFILE")
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert error["Message"] == (
        "1 validation error detected: Value 'INFERENCE_PROFILE' at 'byInferenceType' failed to "
        "satisfy constraint: Member must satisfy enum value set: [ON_DEMAND, PROVISIONED]"
    )


def test_several_bad_values_are_told_together(server):
    with pytest.raises(
        ClientError, match=r"2 validation errors detected: Value '\(\)' .*; Value 'SMELL'"
    ):
        listed(server, byProvider="()", byOutputModality="SMELL")


def test_the_region_of_the_signature_decides(server):
    def ids(region):
        rows = listed(server, region)
        assert all(f":bedrock:{region}:" in row["modelArn"] for row in rows)
        return {row["modelId"] for row in rows}

    assert ids("us-gov-west-1") != ids("us-east-1")
