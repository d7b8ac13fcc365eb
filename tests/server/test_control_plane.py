"""The control plane as boto3 sees it: models, inference profiles, tags, and what isn't there."""

from __future__ import annotations

import json

import botocore.session
import pytest
from botocore.exceptions import ClientError

from outcrop.catalog import models, reach
from outcrop.server import control, operations
from outcrop.testing import local_bedrock

TODAY = models.as_of()
MODEL = botocore.session.get_session().get_service_model("bedrock")
ACCOUNT = "123456789012"

SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
OPUS = "anthropic.claude-opus-4-8"
BODY = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 16,
        "messages": [{"role": "user", "content": "Hello!"}],
    }
)


@pytest.fixture(scope="module")
def server():
    with local_bedrock() as running:
        yield running


@pytest.fixture
def bedrock(server, client_of):
    return client_of(server)


def refused(call, **given):
    """Name and text of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


# Foundation models ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "identifier", [OPUS, f"arn:aws:bedrock:us-east-1::foundation-model/{OPUS}"]
)
def test_a_model_is_shown_as_it_is_listed(bedrock, identifier):
    listed = bedrock.list_foundation_models()["modelSummaries"]
    details = bedrock.get_foundation_model(modelIdentifier=identifier)["modelDetails"]
    assert details in listed
    assert details["modelId"] == OPUS


@pytest.mark.parametrize(
    "identifier",
    [
        "anthropic.claude-nonesuch",
        f"us.{OPUS}",
        f"arn:aws:bedrock:us-west-2::foundation-model/{OPUS}",
        "amazon.nova-pro-v1:0",
    ],
)
def test_what_is_no_model_there_is_an_invalid_identifier(bedrock, identifier):
    assert refused(bedrock.get_foundation_model, modelIdentifier=identifier) == (
        "ValidationException",
        "The provided model identifier is invalid.",
    )


def test_a_model_that_has_ended_is_refused_as_such(bedrock):
    assert refused(
        bedrock.get_foundation_model, modelIdentifier="anthropic.claude-sonnet-4-20250514-v1:0"
    ) == (
        "ResourceNotFoundException",
        (
            "This model version has reached the end of its life. "
            "Please refer to the AWS documentation for more details."
        ),
    )


# AWS's own inference profiles ────────────────────────────────────────────────────────────────────


def summary(client, identifier):
    rows = client.list_inference_profiles()["inferenceProfileSummaries"]
    return next(row for row in rows if row["inferenceProfileId"] == identifier)


def test_a_geographys_profile_has_the_words_of_a_real_one(bedrock):
    row = summary(bedrock, f"us.{SONNET}")
    for key in ("createdAt", "updatedAt"):
        assert row.pop(key).isoformat() == "2025-09-29T00:00:00+00:00"
    assert row == {
        "inferenceProfileName": "US Anthropic Claude Sonnet 4.5",
        "description": "Routes requests to Anthropic Claude Sonnet 4.5 in "
        "us-east-1, us-east-2 and us-west-2.",
        "inferenceProfileArn": f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.{SONNET}",
        "models": [
            {"modelArn": f"arn:aws:bedrock:{region}::foundation-model/{SONNET}"}
            for region in ("us-east-1", "us-east-2", "us-west-2")
        ],
        "inferenceProfileId": f"us.{SONNET}",
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }


@pytest.mark.parametrize(
    ("model", "name"),
    [(SONNET, "Claude Sonnet 4.5"), ("anthropic.claude-opus-4-6-v1", "Anthropic Claude Opus 4.6")],
)
def test_a_global_profile_names_no_region_and_the_source_region(bedrock, model, name):
    row = summary(bedrock, f"global.{model}")
    assert row["inferenceProfileName"] == f"Global {name}"
    assert row["description"] == (
        f"Routes requests to {name} globally across all supported AWS Regions."
    )
    assert [each["modelArn"] for each in row["models"]] == [
        f"arn:aws:bedrock:::foundation-model/{model}",
        f"arn:aws:bedrock:us-east-1::foundation-model/{model}",
    ]


@pytest.mark.parametrize("region", models.regions())
def test_exactly_the_profiles_that_can_be_called_are_listed_in_every_region(
    server, client_of, region
):
    rows = client_of(server, region).list_inference_profiles()["inferenceProfileSummaries"]
    callable_ = {
        f"{prefix}.{model.id}"
        for model in models.models()
        for prefix in model.profiles
        if reach.reach(f"{prefix}.{model.id}", region=region, today=TODAY).problem is None
    }
    assert {row["inferenceProfileId"] for row in rows} == callable_
    assert all(f":{region}:{ACCOUNT}:" in row["inferenceProfileArn"] for row in rows)


@pytest.mark.parametrize("day", ["2024-11-01", "2025-09-01", "2026-06-01"])
def test_profiles_of_other_days_are_as_the_model_says_too(client_of, day):
    with local_bedrock(today=day) as server:
        for region in ("us-west-1", "ca-central-1", "eu-west-2", "ap-northeast-1", "us-gov-west-1"):
            assert client_of(server, region).list_inference_profiles()["inferenceProfileSummaries"]


def test_a_profile_is_got_by_id_and_by_arn(bedrock):
    row = summary(bedrock, f"us.{SONNET}")
    for identifier in (row["inferenceProfileId"], row["inferenceProfileArn"]):
        got = bedrock.get_inference_profile(inferenceProfileIdentifier=identifier)
        del got["ResponseMetadata"]
        assert got == row


@pytest.mark.parametrize(
    "identifier",
    [
        f"eu.{SONNET}",
        "abcdefghijkl",
        f"arn:aws:bedrock:us-west-2:{ACCOUNT}:inference-profile/us.{SONNET}",
        f"arn:aws:bedrock:us-east-1:999999999999:inference-profile/us.{SONNET}",
        f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/us.{SONNET}",
    ],
)
def test_a_profile_of_elsewhere_isnt_found(bedrock, identifier):
    name, text = refused(bedrock.get_inference_profile, inferenceProfileIdentifier=identifier)
    assert name == "ResourceNotFoundException"
    assert identifier in text
    name, _ = refused(bedrock.delete_inference_profile, inferenceProfileIdentifier=identifier)
    assert name == "ResourceNotFoundException"


def test_awss_own_profiles_cant_be_deleted(bedrock):
    name, text = refused(
        bedrock.delete_inference_profile, inferenceProfileIdentifier=f"us.{SONNET}"
    )
    assert (name, "system-defined" in text) == ("ValidationException", True)


# Pages ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pages_bring_each_profile_once_in_the_same_order(bedrock, size):
    whole = bedrock.list_inference_profiles()
    assert "nextToken" not in whole
    pages = bedrock.get_paginator("list_inference_profiles").paginate(maxResults=size)
    paged = [page["inferenceProfileSummaries"] for page in pages]
    assert [row for page in paged for row in page] == whole["inferenceProfileSummaries"]
    assert all(len(page) == size for page in paged[:-1])
    assert paged[-1]


@pytest.mark.parametrize("token", ["x", "bm8=", "AAAA", "é"])
def test_a_token_that_ended_no_page_is_refused(bedrock, token):
    assert refused(bedrock.list_inference_profiles, nextToken=token)[0] == "ValidationException"


def test_a_token_is_good_for_its_own_type_only(bedrock):
    token = bedrock.list_inference_profiles(maxResults=1)["nextToken"]
    name, _ = refused(bedrock.list_inference_profiles, nextToken=token, typeEquals="APPLICATION")
    assert name == "ValidationException"


def test_a_number_out_of_bounds_is_refused_in_awss_words(bedrock):
    assert refused(bedrock.list_inference_profiles, maxResults=1001, typeEquals="MINE") == (
        "ValidationException",
        (
            "2 validation errors detected: Value '1001' at 'maxResults' failed to satisfy "
            "constraint: Member must have value less than or equal to 1000; Value 'MINE' at "
            "'typeEquals' failed to satisfy constraint: Member must satisfy enum value set: "
            "[SYSTEM_DEFINED, APPLICATION]"
        ),
    )


def test_what_is_no_number_is_refused(bedrock):
    name, text = refused(bedrock.list_inference_profiles, maxResults="many")
    assert (name, text) == (
        "SerializationException",
        "STRING_VALUE can not be converted to an Integer",
    )


# Application inference profiles ──────────────────────────────────────────────────────────────────


def create(client, source, **given):
    given = {"inferenceProfileName": "Claims desk", **given}
    return client.create_inference_profile(modelSource={"copyFrom": source}, **given)


def system_arn(identifier, region="us-east-1"):
    return f"arn:aws:bedrock:{region}:{ACCOUNT}:inference-profile/{identifier}"


def test_an_application_profile_can_be_called_at_once(server, client_of):
    bedrock = client_of(server, "us-west-2")
    runtime = client_of(server, "us-west-2", "bedrock-runtime")
    made = create(bedrock, system_arn(f"us.{SONNET}", "us-west-2"))
    assert made["status"] == "ACTIVE"
    arn = made["inferenceProfileArn"]
    reply = runtime.invoke_model(modelId=arn, body=BODY)
    assert json.load(reply["body"])["model"] == "claude-sonnet-4-5-20250929"
    turns = [{"role": "user", "content": [{"text": "Hello!"}]}]
    assert runtime.converse(modelId=arn, messages=turns)["output"]["message"]["content"]
    stream = runtime.converse_stream(modelId=arn, messages=turns)["stream"]
    assert "messageStop" in {name for event in stream for name in event}


def test_an_application_profile_of_a_foundation_model_stays_in_the_region(server, client_of):
    model = "anthropic.claude-opus-4-6-v1"
    source = f"arn:aws:bedrock:eu-west-2::foundation-model/{model}"
    bedrock = client_of(server, "eu-west-2")
    arn = create(bedrock, source)["inferenceProfileArn"]
    got = bedrock.get_inference_profile(inferenceProfileIdentifier=arn)
    assert got["models"] == [{"modelArn": source}]
    runtime = client_of(server, "eu-west-2", "bedrock-runtime")
    reply = runtime.invoke_model(modelId=arn, body=BODY)
    assert json.load(reply["body"])["model"] == "claude-opus-4-6"


def test_an_application_profile_has_the_models_of_its_source(bedrock):
    source = summary(bedrock, f"global.{OPUS}")
    arn = create(bedrock, source["inferenceProfileArn"], description="Costs of the desk")
    arn = arn["inferenceProfileArn"]
    got = bedrock.get_inference_profile(inferenceProfileIdentifier=arn)
    assert got["models"] == source["models"]
    assert got["inferenceProfileName"] == "Claims desk"
    assert got["description"] == "Costs of the desk"
    assert got["type"] == "APPLICATION"
    assert got["inferenceProfileArn"] == arn
    assert arn.endswith(f":application-inference-profile/{got['inferenceProfileId']}")
    by_id = bedrock.get_inference_profile(inferenceProfileIdentifier=got["inferenceProfileId"])
    assert by_id["inferenceProfileArn"] == arn


def test_only_awss_own_are_listed_unless_a_type_is_asked(server, client_of):
    bedrock = client_of(server, "us-east-2")
    arns = [
        create(bedrock, system_arn(f"us.{SONNET}", "us-east-2"))["inferenceProfileArn"]
        for _ in range(3)
    ]

    def listed(**given):
        pages = bedrock.get_paginator("list_inference_profiles").paginate(maxResults=2, **given)
        return [row for page in pages for row in page["inferenceProfileSummaries"]]

    assert {row["type"] for row in listed()} == {"SYSTEM_DEFINED"}
    assert {row["inferenceProfileArn"] for row in listed(typeEquals="APPLICATION")} == set(arns)
    assert listed(typeEquals="SYSTEM_DEFINED") == listed()


def test_a_deleted_profile_is_gone_everywhere(server, client_of):
    bedrock = client_of(server)
    runtime = client_of(server, service="bedrock-runtime")
    arn = create(bedrock, system_arn(f"us.{SONNET}"))["inferenceProfileArn"]
    bedrock.delete_inference_profile(inferenceProfileIdentifier=arn)
    gone = refused(bedrock.get_inference_profile, inferenceProfileIdentifier=arn)
    assert gone[0] == "ResourceNotFoundException"
    assert refused(runtime.invoke_model, modelId=arn, body=BODY) == (
        "ValidationException",
        "The provided model identifier is invalid.",
    )


def test_a_profile_is_its_regions_and_its_accounts(server, client_of):
    arn = create(client_of(server), system_arn(f"us.{SONNET}"))["inferenceProfileArn"]
    elsewhere = client_of(server, "us-west-2", "bedrock-runtime")
    name, _ = refused(elsewhere.invoke_model, modelId=arn, body=BODY)
    assert name == "ValidationException"
    moved = arn.replace("us-east-1", "us-west-2")
    name, _ = refused(elsewhere.invoke_model, modelId=moved, body=BODY)
    assert name == "ValidationException"
    foreign = arn.replace(ACCOUNT, "999999999999")
    name, _ = refused(
        client_of(server, service="bedrock-runtime").invoke_model, modelId=foreign, body=BODY
    )
    assert name == "ValidationException"


@pytest.mark.parametrize(
    ("source", "name", "text"),
    [
        (
            system_arn("us.anthropic.claude-nonesuch"),
            "ValidationException",
            "identifier is invalid",
        ),
        (system_arn(f"eu.{SONNET}"), "ValidationException", "identifier is invalid"),
        (system_arn(f"us.{SONNET}", "us-west-2"), "ValidationException", "identifier is invalid"),
        (
            f"arn:aws:bedrock:us-east-1:999999999999:inference-profile/us.{SONNET}",
            "ValidationException",
            "identifier is invalid",
        ),
        (
            f"arn:aws:bedrock:us-east-1::foundation-model/{SONNET}",
            "ValidationException",
            f"Invocation of model ID {SONNET} with on-demand throughput",
        ),
        (
            system_arn("us.anthropic.claude-sonnet-4-20250514-v1:0"),
            "ResourceNotFoundException",
            "reached the end of its life",
        ),
        (f"us.{SONNET}", "ValidationException", "regular expression pattern"),
    ],
)
def test_a_source_that_cant_be_called_is_refused(bedrock, source, name, text):
    found = refused(
        bedrock.create_inference_profile,
        inferenceProfileName="Claims desk",
        modelSource={"copyFrom": source},
    )
    assert found[0] == name
    assert text in found[1]


def test_a_request_that_is_sent_twice_makes_one_profile(bedrock):
    source = system_arn(f"us.{SONNET}")
    first = create(bedrock, source, clientRequestToken="once-1")
    again = create(bedrock, source, clientRequestToken="once-1")
    assert again["inferenceProfileArn"] == first["inferenceProfileArn"]
    name, _ = refused(
        bedrock.create_inference_profile,
        inferenceProfileName="Another desk",
        modelSource={"copyFrom": source},
        clientRequestToken="once-1",
    )
    assert name == "ConflictException"


def test_what_is_missing_in_a_body_is_told(bedrock):
    # boto3 itself would refuse this; other clients don't.
    request = {"inferenceProfileName": "_", "modelSource": {}}
    name, text = refused(bedrock.create_inference_profile, **request)
    assert name == "ValidationException"
    assert "must set one of the following keys: copyFrom" in text
    name, text = refused(bedrock.tag_resource, tags=[])
    assert (name, text) == (
        "ValidationException",
        (
            "1 validation error detected: Value at 'resourceARN' failed to satisfy constraint: "
            "Member must not be null"
        ),
    )


def test_there_are_no_more_profiles_than_the_quota(client_of, monkeypatch):
    monkeypatch.setattr("outcrop.server.accounts.profiles.MOST", 2)
    with local_bedrock() as server:
        bedrock = client_of(server)
        for _ in range(2):
            create(bedrock, system_arn(f"us.{SONNET}"))
        name, text = refused(
            bedrock.create_inference_profile,
            inferenceProfileName="One more",
            modelSource={"copyFrom": system_arn(f"us.{SONNET}")},
        )
    assert name == "ServiceQuotaExceededException"
    assert "2" in text


# Tags ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def tagged(bedrock):
    made = create(bedrock, system_arn(f"us.{SONNET}"), tags=[{"key": "desk", "value": "claims"}])
    return made["inferenceProfileArn"]


def tags(client, arn):
    listed = client.list_tags_for_resource(resourceARN=arn)["tags"]
    return {tag["key"]: tag["value"] for tag in listed}


def test_tags_are_put_replaced_and_taken_off(bedrock, tagged):
    assert tags(bedrock, tagged) == {"desk": "claims"}
    new = [{"key": "desk", "value": "legal"}, {"key": "team", "value": ""}]
    bedrock.tag_resource(resourceARN=tagged, tags=new)
    assert tags(bedrock, tagged) == {"desk": "legal", "team": ""}
    bedrock.untag_resource(resourceARN=tagged, tagKeys=["desk", "unknown"])
    assert tags(bedrock, tagged) == {"team": ""}


def test_a_resource_has_fifty_tags_at_most(bedrock, tagged):
    many = [{"key": f"k{at}", "value": "v"} for at in range(50)]
    with pytest.raises(bedrock.exceptions.TooManyTagsException):
        bedrock.tag_resource(resourceARN=tagged, tags=many)
    bedrock.tag_resource(resourceARN=tagged, tags=many[1:])
    assert len(tags(bedrock, tagged)) == 50


@pytest.mark.parametrize(
    "new",
    [
        [{"key": "aws:desk", "value": "x"}],
        [{"key": "a", "value": "x"}, {"key": "a", "value": "y"}],
        [{"key": "a!", "value": "x"}],
        [{"key": "a"}],
    ],
)
def test_a_tag_that_cant_be_is_refused_and_none_is_put(bedrock, tagged, new):
    good = [{"key": "good", "value": "x"}]
    name, _ = refused(bedrock.tag_resource, resourceARN=tagged, tags=[*good, *new])
    assert name == "ValidationException"
    assert tags(bedrock, tagged) == {"desk": "claims"}


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/abcdefghijkl",
        f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.{SONNET}",
    ],
)
def test_what_has_no_tags_isnt_found(bedrock, arn):
    name, text = refused(bedrock.list_tags_for_resource, resourceARN=arn)
    assert name == "ResourceNotFoundException"
    assert arn in text


# Operations that aren't there ────────────────────────────────────────────────────────────────────


def test_an_operation_that_isnt_there_is_refused_by_its_name_and_not_tried_again(server, client_of):
    bedrock = client_of(server, attempts=3)
    with pytest.raises(ClientError) as caught:
        bedrock.list_guardrails(maxResults=5)
    reply = caught.value.response
    assert reply["Error"] == {
        "Code": "NotImplementedException",
        "Message": "The operation ListGuardrails isn't there in this local Bedrock.",
    }
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert reply["ResponseMetadata"]["RetryAttempts"] == 0


def test_so_is_one_of_the_runtime(server, client_of):
    runtime = client_of(server, service="bedrock-runtime")
    name, text = refused(
        runtime.apply_guardrail,
        guardrailIdentifier="abc",
        guardrailVersion="1",
        source="INPUT",
        content=[{"text": {"text": "x"}}],
    )
    assert name == "NotImplementedException"
    assert "ApplyGuardrail" in text


@pytest.mark.parametrize("service", operations.SERVICES)
def test_every_operation_of_awss_models_is_found_by_its_request(service):
    model = botocore.session.get_session().get_service_model(service)
    for name in model.operation_names:
        http = model.operation_model(name).http
        path = http["requestUri"].replace("{", "a%2F{").replace("{", "").replace("}", "")
        found = operations.find(http["method"], path)
        assert found is not None
        assert (found.service, found.name) == (service, name)
        assert all(value.startswith("a/") for value in found.labels.values())


def test_every_operation_is_answered_or_refused_by_name(server, client_of):
    client = client_of(server)
    for method, name in client.meta.method_to_api_mapping.items():
        shape = MODEL.operation_model(name).input_shape
        uri = {
            member: "x"
            for member, value in (shape.members.items() if shape else ())
            if value.serialization.get("location") == "uri"
        }
        code = text = ""
        try:
            getattr(client, method)(**uri)
        except ClientError as error:
            code, text = error.response["Error"]["Code"], error.response["Error"]["Message"]
        assert (code == "NotImplementedException") == (name not in control.ANSWERED), name
        assert name in control.ANSWERED or name in text


def test_whoever_isnt_known_learns_nothing(server, client_of):
    class Stranger:
        url, access_key, secret_key = server.url, "AKIDUNKNOWN", "secret"

    client = client_of(Stranger, service="bedrock-runtime")  # its replies aren't judged
    name, _ = refused(client.list_async_invokes)
    assert name == "UnrecognizedClientException"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nonesuch"),
        ("POST", "/foundation-models"),
        ("GET", "/foundation-models/a/b"),
        ("GET", "/foundation-models/"),
        ("DELETE", "/use-case-for-model-access"),
    ],
)
def test_what_aws_has_not_is_no_operation(method, path):
    assert operations.find(method, path) is None
