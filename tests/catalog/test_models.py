from __future__ import annotations

import re

import pytest

from outcrop.catalog import ids, models
from outcrop.catalog.reach import profiles_from, reach

TODAY = models.as_of()
SONNET_45 = "anthropic.claude-sonnet-4-5-20250929-v1:0"
ACCOUNT = "123456789012"


def test_every_model_has_an_id_that_parses_as_a_base_id():
    for model in models.models():
        assert ids.parse(model.id).kind == "base"
        assert ids.parse(model.id).base_id == model.id


def test_ids_are_unique():
    every = [model.id for model in models.models()]
    assert len(every) == len(set(every))


def test_every_row_names_its_sources_and_day():
    for model in models.models():
        assert model.source
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", model.as_of)


def test_every_region_of_a_profile_is_a_region_with_bedrock():
    known = set(models.regions())
    for model in models.models():
        assert set(model.in_region) <= known
        for prefix in model.profiles:
            routes = model.routes(prefix)
            assert routes, (model.id, prefix)
            assert set(routes) <= known, (model.id, prefix)
            for destinations in routes.values():
                assert set(destinations) <= known, (model.id, prefix)


def test_a_first_party_name_is_part_of_the_base_id():
    for model in models.models():
        assert model.id.startswith(f"anthropic.{model.first_party}")


@pytest.mark.parametrize("prefix", ["global", "us", "us-gov", "eu", "jp", "apac", "au", "in"])
def test_a_profile_id_has_its_prefix_and_base_id(prefix: str):
    address = ids.parse(f"{prefix}.{SONNET_45}")
    assert (address.kind, address.prefix, address.base_id) == ("profile", prefix, SONNET_45)


def test_arns_tell_region_account_and_model():
    profile = ids.parse(f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.{SONNET_45}")
    assert profile.kind == "profile"
    assert (profile.region, profile.account) == ("us-east-1", ACCOUNT)
    assert (profile.prefix, profile.base_id) == ("us", SONNET_45)
    model = ids.parse(f"arn:aws:bedrock:us-east-1::foundation-model/{SONNET_45}")
    assert (model.kind, model.base_id, model.account) == ("foundation-model", SONNET_45, None)
    hidden = ids.parse(
        f"arn:aws-us-gov:bedrock:us-gov-west-1:{ACCOUNT}:application-inference-profile/abc"
    )
    assert (hidden.kind, hidden.base_id) == ("application-profile", None)


@pytest.mark.parametrize("text", ["", "claude", "gpt", "us.meta.llama", "arn:aws:s3:::bucket"])
def test_what_is_no_claude_id_is_kept_as_other(text: str):
    assert ids.parse(text).kind == "other"
    assert ids.parse(text).text == text


@pytest.mark.parametrize(
    ("model_id", "region", "problem"),
    [
        (f"global.{SONNET_45}", "us-west-2", None),
        (f"us.{SONNET_45}", "us-west-2", None),
        (f"eu.{SONNET_45}", "us-west-2", "unknown"),
        (SONNET_45, "us-west-2", "needs-profile"),
        ("anthropic.claude-nothing", "us-west-2", "unknown"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "us-west-2", "ended"),
        ("anthropic.claude-opus-4-6-v1", "eu-west-2", None),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", "us-east-1", "ended"),
        (
            f"arn:aws:bedrock:us-west-2:{ACCOUNT}:inference-profile/us.{SONNET_45}",
            "us-west-2",
            None,
        ),
        (
            f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/eu.{SONNET_45}",
            "us-west-2",
            "unknown",
        ),
    ],
)
def test_reach_says_what_is_in_the_way(model_id: str, region: str, problem: str | None):
    assert reach(model_id, region=region, today=TODAY).problem == problem


def test_a_model_ends_on_its_day():
    end = models.find(SONNET_45).lifecycle.end
    assert reach(f"global.{SONNET_45}", region="us-west-2", today="2027-04-07").problem is None
    assert reach(f"global.{SONNET_45}", region="us-west-2", today=end).problem == "ended"


def test_the_destinations_of_a_regional_profile_are_those_of_its_source_region():
    found = reach(f"us.{SONNET_45}", region="us-west-2", today=TODAY)
    assert found.destinations == ("us-east-1", "us-east-2", "us-west-2")


def test_profiles_from_a_region_start_with_global():
    assert profiles_from(models.find(SONNET_45), "eu-west-1") == ["global", "eu"]


def test_only_models_from_4_7_on_take_the_api_version_of_2026():
    # Anthropic's notes on API version 2026-10-21: Claude Opus 4.7 and later, not ARN-versioned IDs.
    for model in models.models():
        if re.search(r"-v\d", model.id):
            assert model.api_versions == ["bedrock-2023-05-31"]
    assert models.find("anthropic.claude-opus-4-7").api_versions[0] == "2026-10-21"
