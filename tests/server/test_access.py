"""Who may call a model (form, agreement, legacy, invitation, retention), and what is kept."""

from __future__ import annotations

import base64
import json
import stat
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from outcrop.catalog import lifecycle, models
from outcrop.errors import ConfigurationError, ResourceNotFoundException
from outcrop.server.accounts import access, retention
from outcrop.server.accounts.folder import Folder
from outcrop.server.accounts.state import Account, Accounts, Profile
from outcrop.server.auth import Caller
from outcrop.server.control import ControlPlane
from outcrop.server.identities import Identity
from outcrop.server.operations import Operation
from outcrop.testing import local_bedrock

OPUS = "anthropic.claude-opus-4-8"
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"  # legacy
FABLE = "anthropic.claude-fable-5"  # wants data retention
MYTHOS = "anthropic.claude-mythos-5-1"  # by invitation
FORM = json.dumps(
    {
        "companyName": "Example Ltd",
        "companyWebsite": "https://example.com",
        "intendedUsers": "1",
        "industryOption": "Education",
        "otherIndustryOption": "",
        "useCases": "Summaries of lectures",
    }
)
TURNS = [{"role": "user", "content": [{"text": "Hello!"}]}]


def refused(call, **given):
    """Status, name and text of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**given)
    reply = caught.value.response
    status = reply["ResponseMetadata"]["HTTPStatusCode"]
    return status, reply["Error"]["Code"], reply["Error"]["Message"]


def invoke(runtime, model=f"global.{OPUS}"):
    body = {"max_tokens": 16, "messages": [{"role": "user", "content": "Hello!"}]}
    body["anthropic_version"] = "bedrock-2023-05-31"
    return runtime.invoke_model(modelId=model, body=json.dumps(body))["body"].read()


@contextmanager
def both(client_of, region="us-east-1", **options):
    """Clients of the control plane and of the runtime."""
    with local_bedrock(**options) as server:
        yield client_of(server, region), client_of(server, region, "bedrock-runtime")


# Form ────────────────────────────────────────────────────────────────────────────────────────────


def test_models_are_open_unless_the_form_is_demanded(client_of):
    with both(client_of) as (bedrock, runtime):
        assert invoke(runtime)
        name = refused(bedrock.get_use_case_for_model_access)[1]
        assert name == "ResourceNotFoundException"


def test_without_the_form_every_call_is_refused_and_with_it_at_once_none(client_of):
    missing = (
        404,
        "ResourceNotFoundException",
        (
            "Model use case details have not been submitted for this account. Fill out the "
            "Anthropic use case details form before using the model. If you have already filled "
            "out the form, try again in 15 minutes."
        ),
    )
    with both(client_of, access="form") as (bedrock, runtime):
        assert refused(invoke, runtime=runtime) == missing
        for call in (runtime.converse, runtime.converse_stream):
            assert refused(call, modelId=f"global.{OPUS}", messages=TURNS) == missing
        bedrock.put_use_case_for_model_access(formData=FORM)
        assert invoke(runtime)
        assert runtime.converse(modelId=f"global.{OPUS}", messages=TURNS)["usage"]
        assert bedrock.get_use_case_for_model_access()["formData"] == FORM.encode()


def test_a_form_counts_in_all_regions_but_those_to_opt_in_to(client_of):
    with local_bedrock(access="form") as server:
        client_of(server, "us-east-1").put_use_case_for_model_access(formData=FORM)
        assert invoke(client_of(server, "eu-west-1", "bedrock-runtime"))
        zurich = client_of(server, "eu-central-2", "bedrock-runtime")
        assert refused(invoke, runtime=zurich)[1] == "ResourceNotFoundException"
        client_of(server, "eu-central-2").put_use_case_for_model_access(formData=FORM)
        assert invoke(zurich)


def test_a_model_is_judged_before_the_form(client_of):
    with both(client_of, access="form") as (_, runtime):
        _, name, text = refused(invoke, runtime=runtime, model="anthropic.claude-nonesuch")
        assert (name, text) == (
            "ValidationException",
            "The provided model identifier is invalid.",
        )


def test_a_form_may_be_in_base64_as_the_guide_has_it_for_the_cli(client_of):
    encoded = base64.b64encode(FORM.encode())
    with both(client_of, access="form") as (bedrock, runtime):
        bedrock.put_use_case_for_model_access(formData=encoded)
        assert bedrock.get_use_case_for_model_access()["formData"] == encoded
        assert invoke(runtime)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ("not a form at all", "JSON object"),
        (base64.b64encode(b"not a form at all").decode(), "JSON object"),
        ("Größe: " + FORM, "JSON object"),
        (json.dumps(["a", "list", "of", "things"]), "JSON object"),
        (json.dumps({"companyName": "x" * 129}), "companyName"),
        (json.dumps({"useCases": ["x"]}), "useCases"),
        (json.dumps({"companyName": "x", "intendedUsers": "3"}), "intendedUsers"),
        ("short", "formData"),
        ("x" * 16385, "formData"),
    ],
)
def test_what_is_no_form_is_refused_by_its_field(client_of, form, field):
    with both(client_of) as (bedrock, _):
        _, name, text = refused(bedrock.put_use_case_for_model_access, formData=form)
    assert name == "ValidationException"
    assert field in text
    assert form not in text


# Agreements ──────────────────────────────────────────────────────────────────────────────────────


def available(bedrock, model=OPUS):
    reply = bedrock.get_foundation_model_availability(modelId=model)
    return (
        reply["agreementAvailability"]["status"],
        reply["authorizationStatus"],
        reply["entitlementAvailability"],
        reply["regionAvailability"],
    )


def agree(bedrock, model=OPUS):
    (offer,) = bedrock.list_foundation_model_agreement_offers(modelId=model)["offers"]
    return bedrock.create_foundation_model_agreement(modelId=model, offerToken=offer["offerToken"])


def test_the_first_call_subscribes_and_deleting_lasts_until_the_next(client_of):
    with both(client_of) as (bedrock, runtime):
        assert available(bedrock) == ("NOT_AVAILABLE", "AUTHORIZED", "NOT_AVAILABLE", "AVAILABLE")
        invoke(runtime)
        assert available(bedrock) == ("AVAILABLE", "AUTHORIZED", "AVAILABLE", "AVAILABLE")
        bedrock.delete_foundation_model_agreement(modelId=OPUS)
        assert available(bedrock)[0] == "NOT_AVAILABLE"
        invoke(runtime)
        assert available(bedrock)[0] == "AVAILABLE"


def test_where_agreements_are_demanded_each_model_needs_its_own(client_of):
    with both(client_of, access="agreement") as (bedrock, runtime):
        assert refused(agree, bedrock=bedrock)[1] == "ResourceNotFoundException"  # no form
        bedrock.put_use_case_for_model_access(formData=FORM)
        no_access = (
            403,
            "AccessDeniedException",
            "You don't have access to the model with the specified model ID.",
        )
        assert refused(invoke, runtime=runtime) == no_access
        assert agree(bedrock)["modelId"] == OPUS
        assert invoke(runtime)
        assert refused(invoke, runtime=runtime, model=f"global.{SONNET}") == no_access
        bedrock.delete_foundation_model_agreement(modelId=OPUS)
        assert refused(invoke, runtime=runtime) == no_access


def test_an_agreement_is_made_once_and_deleted_once(client_of):
    with both(client_of) as (bedrock, _):
        agree(bedrock)
        assert refused(agree, bedrock=bedrock)[:2] == (400, "ConflictException")
        bedrock.delete_foundation_model_agreement(modelId=OPUS)
        again = refused(bedrock.delete_foundation_model_agreement, modelId=OPUS)
        assert again[:2] == (404, "ResourceNotFoundException")


def test_an_offers_token_is_good_for_its_model_only(client_of):
    with both(client_of) as (bedrock, _):
        (offer,) = bedrock.list_foundation_model_agreement_offers(modelId=OPUS)["offers"]
        found = refused(
            bedrock.create_foundation_model_agreement,
            modelId=SONNET,
            offerToken=offer["offerToken"],
        )
        assert found[1] == "ValidationException"


@pytest.mark.parametrize("model", [row.id for row in models.models()])
def test_every_model_has_an_offer_and_availability_or_has_ended(client_of, model):
    row = models.find(model)
    with both(client_of) as (bedrock, _):
        if lifecycle.ended(row, models.as_of(), served_here="us-east-1" in lifecycle.sources(row)):
            for call in (
                bedrock.get_foundation_model_availability,
                bedrock.list_foundation_model_agreement_offers,
            ):
                assert refused(call, modelId=model)[1] == "ResourceNotFoundException"
            return
        assert available(bedrock, model)[3] == "AVAILABLE"
        offers = bedrock.list_foundation_model_agreement_offers(modelId=model, offerType="ALL")
        assert len(offers["offers"]) == 1


def test_a_model_of_other_regions_isnt_available_here(client_of):
    with both(client_of, "ap-northeast-2") as (bedrock, _):
        assert available(bedrock, "anthropic.claude-opus-4-1-20250805-v1:0")[3] == "NOT_AVAILABLE"


# Legacy, invitation ──────────────────────────────────────────────────────────────────────────────


def test_a_new_account_cant_start_with_a_legacy_model(client_of):
    with both(client_of, account="new") as (_, runtime):
        assert refused(invoke, runtime=runtime, model=f"us.{SONNET}") == (
            404,
            "ResourceNotFoundException",
            (
                "Access denied. This Model is marked by provider as Legacy and you have not been "
                "actively using the model in the last 30 days. Please upgrade to an active model "
                "on Amazon Bedrock"
            ),
        )
        assert invoke(runtime)
    with both(client_of, account="new", today="2026-10-07") as (_, runtime):
        assert invoke(runtime, f"us.{SONNET}")  # legacy from the 8th on
    with both(client_of) as (_, runtime):
        assert invoke(runtime, f"us.{SONNET}")


def test_a_model_by_invitation_is_there_for_the_invited(client_of):
    with both(client_of) as (bedrock, runtime):
        status, name, text = refused(invoke, runtime=runtime, model=f"global.{MYTHOS}")
        assert (status, name) == (403, "AccessDeniedException")
        assert text == f"{MYTHOS} is not available for this account."
        assert refused(agree, bedrock=bedrock, model=MYTHOS)[2] == text
        assert available(bedrock, MYTHOS)[1] == "NOT_AUTHORIZED"
    with both(client_of, account="invited") as (bedrock, runtime):
        bedrock.put_account_data_retention(mode="aws_review")
        assert invoke(runtime, f"global.{MYTHOS}")
        assert available(bedrock, MYTHOS)[1] == "AUTHORIZED"


# Data retention ──────────────────────────────────────────────────────────────────────────────────


def test_a_model_that_is_reviewed_needs_a_mode_that_allows_it(client_of):
    says = (
        "data retention mode '{}' is not available for this model See https://docs.aws.amazon.com/"
        "bedrock/latest/userguide/data-retention.html for supported data retention modes."
    )
    with both(client_of) as (bedrock, runtime):
        assert bedrock.get_account_data_retention()["mode"] == "inherit"
        for mode in (None, "inherit", "default", "none"):
            if mode:
                bedrock.put_account_data_retention(mode=mode)
            text = says.format("none" if mode == "none" else "default")
            found = refused(invoke, runtime=runtime, model=f"global.{FABLE}")
            assert found == (400, "ValidationException", text)
            found = refused(runtime.converse, modelId=f"global.{FABLE}", messages=TURNS)
            assert found[2] == f"The model returned the following errors: {text}"
            assert invoke(runtime)  # models before Fable 5 don't mind
        for mode in ("aws_review", "provider_data_share"):
            put = bedrock.put_account_data_retention(mode=mode)
            got = bedrock.get_account_data_retention()
            assert (got["mode"], got["updatedAt"]) == (mode, put["updatedAt"])
            assert invoke(runtime, f"global.{FABLE}")


def test_a_mode_is_its_regions(client_of):
    with local_bedrock() as server:
        client_of(server, "us-east-1").put_account_data_retention(mode="aws_review")
        assert client_of(server, "us-west-2").get_account_data_retention()["mode"] == "inherit"


def test_modes_are_those_of_the_service_model(client_of):
    with both(client_of) as (bedrock, _):
        shape = bedrock.meta.service_model.shape_for("DataRetentionMode")
        assert {*retention.MODES, "inherit"} == set(shape.enum)
        assert refused(bedrock.put_account_data_retention, mode="all")[1] == "ValidationException"


# State ───────────────────────────────────────────────────────────────────────────────────────────


def test_what_accounts_have_survives_a_restart(client_of, tmp_path):
    folder = tmp_path / "made" / "for it"
    with both(client_of, access="form", state=folder) as (bedrock, runtime):
        bedrock.put_use_case_for_model_access(formData=FORM)
        source = bedrock.list_inference_profiles()["inferenceProfileSummaries"][0]
        arn = bedrock.create_inference_profile(
            inferenceProfileName="Claims desk",
            modelSource={"copyFrom": source["inferenceProfileArn"]},
            tags=[{"key": "desk", "value": "claims"}],
        )["inferenceProfileArn"]
        bedrock.put_account_data_retention(mode="aws_review")
        assert invoke(runtime, arn)
        before = bedrock.get_inference_profile(inferenceProfileIdentifier=arn)
    with both(client_of, access="form", state=folder) as (bedrock, runtime):
        after = bedrock.get_inference_profile(inferenceProfileIdentifier=arn)
        for reply in (before, after):
            del reply["ResponseMetadata"]
        assert after == before
        assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"]
        assert bedrock.get_account_data_retention()["mode"] == "aws_review"
        assert bedrock.get_use_case_for_model_access()["formData"] == FORM.encode()
        assert invoke(runtime, arn)
    (file,) = folder.iterdir()
    assert file.name == "123456789012.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_without_a_folder_nothing_survives(client_of):
    for _ in range(2):
        with both(client_of, access="form") as (bedrock, _):
            assert refused(bedrock.get_use_case_for_model_access)
            bedrock.put_use_case_for_model_access(formData=FORM)


def test_accounts_know_nothing_of_each_other():
    plane = ControlPlane(Accounts(), terms=access.Terms(opening="form"), today=models.as_of())

    def ask(account, name, **body):
        caller = Caller(Identity(account, f"arn:aws:iam::{account}:user/A", "AIDA"), "us-east-1")
        operation = Operation("bedrock", name, 200, {})
        return plane.answer(operation, "", json.dumps(body).encode(), caller=caller, now=0.0)

    form = base64.b64encode(FORM.encode()).decode()
    ask("111111111111", "PutUseCaseForModelAccess", formData=form)
    assert json.loads(ask("111111111111", "GetUseCaseForModelAccess")[2]) == {"formData": form}
    with pytest.raises(ResourceNotFoundException):
        ask("222222222222", "GetUseCaseForModelAccess")


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b'{"regions": {"us-east-1": {"profiles": 3}}}', b"\xff"]
)
def test_a_file_that_isnt_a_state_stops_the_start_and_stays(tmp_path, data):
    file = tmp_path / "123456789012.json"
    file.write_bytes(data)
    with (
        pytest.raises(ConfigurationError, match=r"123456789012\.json"),
        local_bedrock(state=tmp_path),
    ):
        pass
    assert file.read_bytes() == data


def test_a_folder_that_cant_be_one_is_told(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigurationError, match="state="), local_bedrock(state=file):
        pass


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes.json").write_text("mine")
    assert Folder(tmp_path).load() == {}
    assert (tmp_path / "notes.json").read_text() == "mine"


def test_a_change_that_fails_leaves_nothing_behind():
    accounts = Accounts()

    def work(account):
        account.agreements[OPUS] = "2026-11-22T00:00:00Z"
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        accounts.change("123456789012", work)
    assert accounts.find("123456789012") == Account()


def test_a_change_that_cant_be_kept_isnt_made(tmp_path):
    folder = Folder(tmp_path / "gone")
    accounts = Accounts(folder)
    (tmp_path / "gone").rmdir()

    def work(account):
        account.change_region("us-east-1").profiles["a"] = Profile("a", "A", "arn", "2026")

    with pytest.raises(OSError, match="gone"):
        accounts.change("123456789012", work)
    assert accounts.find("123456789012") == Account()


@pytest.mark.parametrize("option", ["access", "account"])
def test_an_option_that_isnt_known_is_refused_with_those_that_are(option):
    with (
        pytest.raises(ConfigurationError, match=rf"{option}='closed'.*Choose"),
        local_bedrock(**{option: "closed"}),
    ):
        pass


def test_the_terms_are_those_of_the_options():
    assert set(access.Opening.__args__) == {"open", "form", "agreement"}
    assert set(access.Standing.__args__) == {"active", "new", "invited"}
