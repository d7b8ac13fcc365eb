from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from outcrop.catalog import edition, ids, models, overlay
from outcrop.catalog.lifecycle import successor
from outcrop.catalog.reach import reach
from outcrop.catalog.resolve import Resolution, resolve
from outcrop.errors import ConfigurationError, OutcropError, RequestError

TODAY = "2026-11-22"
ACCOUNT = "123456789012"
SONNET_45 = "anthropic.claude-sonnet-4-5-20250929-v1:0"
SONNET_46 = "anthropic.claude-sonnet-4-6"
OPUS_5 = "anthropic.claude-opus-5"
APPLICATION = f"arn:aws:bedrock:us-west-2:{ACCOUNT}:application-inference-profile/a1b2c3d4e5f6"


def ask(spelling: str, region: str = "us-west-2", **more) -> Resolution:
    return resolve(spelling, **{"region": region, "today": TODAY, **more})


# Spellings ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "spelling",
    [
        SONNET_45,
        "claude-sonnet-4-5-20250929",  # Anthropic's API
        "claude-sonnet-4-5",
        "claude-sonnet-4-5@20250929",  # Vertex AI
        "anthropic/claude-sonnet-4.5",  # OpenRouter
        "anthropic.claude-sonnet-4-5",
        "anthropic.claude-sonnet-4-5-20250929",
        "sonnet-4.5",
        "sonnet-4-5",
        "Sonnet 4.5",
        "Claude Sonnet 4.5",
        " claude_sonnet_4_5 ",
        f"us.{SONNET_45}",
        "us.sonnet-4.5",
        f"arn:aws:bedrock:us-west-2::foundation-model/{SONNET_45}",
        f"arn:aws:bedrock:::foundation-model/{SONNET_45}",
    ],
)
def test_any_spelling_leads_to_the_regional_endpoint(spelling: str):
    found = ask(spelling)
    assert found.model_id == f"us.{SONNET_45}"
    assert (found.endpoint, found.profile) == ("regional", found.model_id)


@pytest.mark.parametrize(
    "spelling", [f"global.{SONNET_45}", "global.sonnet-4.5", "Global.Sonnet-4.5"]
)
def test_global_leads_to_the_global_endpoint(spelling: str):
    found = ask(spelling)
    assert found.model_id == f"global.{SONNET_45}"
    assert (found.endpoint, found.destinations) == ("global", ())


@pytest.mark.parametrize(
    ("spelling", "model_id"),
    [
        # Anthropic, "Models overview" and "Model deprecations": aliases.
        ("claude-opus-4-1", "anthropic.claude-opus-4-1-20250805-v1:0"),
        ("claude-haiku-4-5", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("claude-opus-4-6", "anthropic.claude-opus-4-6-v1"),
        ("anthropic.claude-haiku-4-5", "anthropic.claude-haiku-4-5-20251001-v1:0"),
    ],
)
def test_aliases_of_anthropic_mean_what_they_mean_there(spelling: str, model_id: str):
    assert ask(spelling).model.id == model_id


@pytest.mark.parametrize("spelling", ["claude-opus-4-0", "claude-sonnet-4-0", "sonnet-4"])
def test_an_alias_of_a_version_4_is_no_later_version(spelling: str):
    with pytest.raises(RequestError, match=r"Claude (Opus|Sonnet) 4 has ended"):
        ask(spelling)


def test_every_name_of_every_model_is_one_that_resolve_knows():
    shipped = edition.shipped()
    for model in models.models():
        assert shipped.find(model.id) == model
        assert shipped.named(model.first_party) == (model,)
        assert model in shipped.named(model.name)


@pytest.mark.parametrize("family", ["sonnet", "opus", "haiku", "fable"])
def test_a_family_is_its_newest_model_that_is_open(family: str):
    found = ask(family)
    launched = [
        model.launch
        for model in models.models()
        if f" {family} " in f"{model.name.lower()} " and model.access != "invitation"
    ]
    assert found.model.launch == max(launched)


def test_a_family_is_its_newest_model_that_the_region_has():
    found = ask("sonnet", "us-gov-west-1")
    assert found.model_id == f"us-gov.{SONNET_45}"
    assert any("Claude Sonnet 5.5" in reason for reason in found.reasons)


def test_a_family_is_no_model_that_comes_later():
    assert ask("opus", today="2026-08-01").model.id == OPUS_5
    assert ask("claude-sonnet", today="2026-03-01").model.id == SONNET_46


def test_a_name_that_two_models_share_is_the_newer_one_that_lives_there():
    assert ask("claude-3-5-sonnet", "ap-southeast-1").model.name == "Claude Sonnet 3.5 v2"
    in_gov = ask("claude-3-5-sonnet", "us-gov-west-1")
    assert in_gov.model_id == "anthropic.claude-3-5-sonnet-20240620-v1:0"


# ARNs ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_arn_of_a_profile_is_sent_as_given():
    arn = f"arn:aws:bedrock:us-west-2:{ACCOUNT}:inference-profile/us.{SONNET_45}"
    found = ask(arn)
    assert (found.model_id, found.profile) == (arn, f"us.{SONNET_45}")


def test_the_arn_of_a_model_is_sent_as_given_where_it_is_served_on_demand():
    arn = f"arn:aws:bedrock:eu-west-2::foundation-model/{SONNET_46}"
    assert ask(arn, "eu-west-2", endpoint="in-region").model_id == arn
    assert ask(arn, "eu-west-2").model_id == f"eu.{SONNET_46}"


def test_an_alias_in_an_arn_is_not_taken_for_a_model():
    arn = f"arn:aws:bedrock:us-west-2:{ACCOUNT}:inference-profile/us.anthropic.claude-sonnet-4-5"
    assert (ask(arn).model_id, ask(arn).model) == (arn, None)
    assert reach(arn, region="us-west-2", today=TODAY).problem == "unknown"


def test_an_arn_of_another_region_is_refused_with_that_region():
    arn = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/eu.{SONNET_45}"
    with pytest.raises(RequestError, match="region='eu-west-1'"):
        ask(arn)


@pytest.mark.parametrize(
    ("source", "endpoint"),
    [
        (f"us.{SONNET_45}", "regional"),
        (f"arn:aws:bedrock:us-west-2:{ACCOUNT}:inference-profile/global.{SONNET_45}", "global"),
    ],
)
def test_an_application_profile_is_called_by_its_arn_and_known_by_its_source(
    source: str, endpoint: str
):
    known = {APPLICATION: source}
    found = ask(APPLICATION, application_profiles=known)
    assert (found.model_id, found.endpoint) == (APPLICATION, endpoint)
    assert found.model.id == SONNET_45
    assert found.api_version == "bedrock-2023-05-31"
    reached = reach(APPLICATION, region="us-west-2", today=TODAY, application_profiles=known)
    assert (reached.problem, reached.model.id) == (None, SONNET_45)


def test_an_application_profile_of_a_model_without_throughput_is_refused_by_both():
    known = {APPLICATION: OPUS_5}
    with pytest.raises(RequestError, match="on-demand"):
        ask(APPLICATION, application_profiles=known)
    reached = reach(APPLICATION, region="us-west-2", today=TODAY, application_profiles=known)
    assert reached.problem == "needs-profile"


def test_an_application_profile_that_is_not_known_is_passed_on_with_a_warning():
    found = ask(APPLICATION)
    assert (found.model_id, found.model, found.endpoint) == (APPLICATION, None, "unknown")
    assert "GetInferenceProfile" in found.warnings[0]
    assert found.price.reason


def test_a_cycle_of_application_profiles_ends():
    assert (
        reach(
            APPLICATION,
            region="us-west-2",
            today=TODAY,
            application_profiles={APPLICATION: APPLICATION},
        ).problem
        == "unknown"
    )


# Endpoints ───────────────────────────────────────────────────────────────────────────────────────


def test_without_a_regional_endpoint_the_region_itself_is_next_then_the_global_one():
    assert ask("sonnet-5", "ap-southeast-1").model_id == "anthropic.claude-sonnet-5"
    assert ask("sonnet-5", "sa-east-1").model_id == "global.anthropic.claude-sonnet-5"


def test_the_narrower_of_two_geographies_is_taken():
    found = ask("anthropic.claude-3-haiku-20240307-v1:0", "us-gov-east-1")
    assert found.model_id.startswith("us-gov.")


def test_a_prefix_and_an_endpoint_that_contradict_each_other_are_refused():
    with pytest.raises(RequestError, match="Leave one of them out"):
        ask(f"us.{SONNET_45}", endpoint="global")
    assert ask(f"us.{SONNET_45}", endpoint="regional").endpoint == "regional"


@pytest.mark.parametrize(
    ("spelling", "more", "mend"),
    [
        (f"eu.{SONNET_45}", {}, f"'us.{SONNET_45}'"),
        ("opus-5", {"endpoint": "in-region"}, "endpoint='auto'"),
        ("opus-4.1", {"region": "eu-west-1"}, "us-east-1"),
        ("opus-4.1", {"endpoint": "global"}, "us.anthropic.claude-opus-4-1"),
        ("jp.opus-5", {"region": "ap-northeast-1"}, "disputed"),
        ("opus-5", {"region": "us-west-3"}, "Did you mean region='us-west-2'"),
    ],
)
def test_what_cannot_be_had_is_refused_with_what_can(spelling: str, more: dict, mend: str):
    with pytest.raises(RequestError) as caught:
        ask(spelling, **more)
    assert mend in str(caught.value)


@pytest.mark.parametrize(
    ("more", "mend"),
    [
        ({"endpoint": "local"}, "'auto', 'global', 'regional', 'in-region'"),
        ({"stay_in": "europ"}, "'europe'"),
        ({"stay_in": []}, "'eu'"),
        ({"region": ""}, "'us-west-2'"),
    ],
)
def test_an_argument_that_cannot_be_right_says_what_would(more: dict, mend: str):
    with pytest.raises(ConfigurationError) as caught:
        ask("sonnet", **more)
    assert mend in caught.value.mend


def test_no_name_names_no_model():
    with pytest.raises(RequestError):
        ask("  ")


# Staying ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_guard_refuses_the_global_endpoint():
    with pytest.raises(RequestError, match="any commercial region"):
        ask("global.sonnet-5", "eu-west-1", stay_in="eu")


def test_the_guard_takes_the_route_that_stays():
    # From London the profile eu reaches the Continent; the region itself has the model.
    found = ask("opus-5.5", "eu-west-2", stay_in="uk")
    assert (found.model_id, found.destinations) == ("anthropic.claude-opus-5-5", ("eu-west-2",))
    assert ask("opus-5.5", "eu-west-2", stay_in="eu-west-2").endpoint == "in-region"
    assert ask("opus-5.5", "eu-west-2", stay_in="europe").endpoint == "regional"


def test_the_guard_refuses_a_source_region_outside():
    with pytest.raises(RequestError) as caught:
        ask("sonnet-5", "eu-west-2", stay_in="eu")
    assert "eu-west-1" in caught.value.mend
    with pytest.raises(RequestError, match="ca-central-1"):
        ask("us.sonnet-5", "ca-central-1", stay_in="us")
    assert ask("us.sonnet-5", "ca-central-1", stay_in=["us", "ca"]).endpoint == "regional"


def test_the_guard_lets_a_family_be_an_older_model_that_stays():
    # Fable has no European endpoint but that of 5.2.
    with pytest.raises(RequestError):
        ask("fable-5", "eu-west-1", stay_in="eu")
    assert ask("fable", "eu-west-1", stay_in="eu").model.name == "Claude Fable 5.2"


def test_govcloud_stays_in_govcloud():
    assert ask("sonnet", "us-gov-west-1", stay_in="us-gov").endpoint == "regional"


@pytest.mark.parametrize(
    "spelling", ["eu.anthropic.claude-opus-99", APPLICATION, "amazon.nova-pro-v1:0"]
)
def test_the_guard_refuses_what_is_not_known_to_stay(spelling: str):
    region = "us-west-2" if spelling == APPLICATION else "eu-west-1"
    with pytest.raises(RequestError, match="stay_in="):
        ask(spelling, region, stay_in=region)


def test_a_base_id_that_is_not_known_is_served_in_the_region_or_not_at_all():
    found = ask("anthropic.claude-opus-99", "eu-west-1", stay_in="eu")
    assert found.destinations == ("eu-west-1",)


# Unknown models ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("spelling", "endpoint"),
    [
        ("anthropic.claude-opus-99", "in-region"),
        ("global.anthropic.claude-opus-99", "global"),
        ("us.anthropic.claude-opus-99", "regional"),
        ("claude-opus-99", "unknown"),
        ("amazon.nova-pro-v1:0", "unknown"),
        (f"arn:aws:bedrock:us-west-2:{ACCOUNT}:provisioned-model/abc", "unknown"),
    ],
)
def test_an_unknown_model_is_passed_on_as_given_with_a_warning(spelling: str, endpoint: str):
    found = ask(spelling)
    assert (found.model_id, found.model, found.endpoint) == (spelling, None, endpoint)
    assert spelling in found.warnings[0]
    assert found.api_version == "bedrock-2023-05-31"
    assert found.premium is None


def test_a_misspelt_name_is_passed_on_with_the_likely_one():
    assert "'claude-sonnet-4-5'" in ask("claude-sonet-4-5").warnings[0]


def test_an_endpoint_that_cannot_be_applied_says_so():
    assert any("isn't applied" in w for w in ask("claude-opus-99", endpoint="global").warnings)


# Lives ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_legacy_model_warns_with_its_end_and_its_successor():
    found = ask("sonnet-4.5")
    assert found.lifecycle == "legacy"
    assert "2027-04-08" in found.warnings[0]
    assert "'sonnet-5.5'" in found.warnings[0]
    before = ask("sonnet-4.5", today="2026-10-07")
    assert (before.lifecycle, before.warnings) == ("active", ())
    assert ask("sonnet-4.5", today="2027-01-08").lifecycle == "extended-access"


def test_a_model_is_refused_from_its_last_day_on_with_its_successor():
    assert ask("sonnet-4.5", today="2027-04-07")
    with pytest.raises(RequestError, match=r"ended on 2027-04-08.*'sonnet-5.5'"):
        ask("sonnet-4.5", today="2027-04-08")


def test_a_model_that_is_left_in_a_few_regions_names_them():
    with pytest.raises(RequestError, match=r"us-west-2 on 2026-09-10.*sa-east-1"):
        ask("haiku-3")
    assert ask("haiku-3", "sa-east-1").endpoint == "in-region"
    with pytest.raises(RequestError) as caught:
        ask("haiku-3", "sa-east-1", endpoint="global")
    assert "ended" not in str(caught.value)


def test_the_successor_of_every_model_that_ends_can_be_called():
    for model in models.models():
        if model.lifecycle.status in ("EOL", "LEGACY"):
            other = successor(model, region="us-west-2", today=TODAY)
            assert ask(other.id).lifecycle == "active", model.id


def test_what_an_account_may_lack_is_warned_of():
    assert any("invitation" in warning for warning in ask("mythos").warnings)
    assert any("data-retention" in warning for warning in ask("fable").warnings)
    assert any("every account" in warning for warning in ask("opus-5.5").warnings)
    assert any("No list" in warning for warning in ask("fable-5.2").warnings)
    disputed = ask("haiku-3", "eu-west-3")
    assert any("disagree" in warning for warning in disputed.warnings)


# Reasons ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_reasons_explain_a_base_id():
    assert ask(SONNET_45).reasons == (
        f"'{SONNET_45}' is Claude Sonnet 4.5.",
        "Its base ID alone can't be called from us-west-2, a profile's ID can.",
        (
            f"us.{SONNET_45} is its regional endpoint from us-west-2, served in us-east-1, "
            "us-east-2, us-west-2."
        ),
        f"It costs 10 % more than global.{SONNET_45}.",
    )


def test_a_resolution_prints_its_id_then_why_then_what_to_note():
    lines = str(ask("sonnet-4.5")).splitlines()
    assert lines[0] == f"us.{SONNET_45}"
    assert lines[-1].startswith("Note: ")


def test_the_api_version_is_the_models_own():
    assert ask("opus-4.7").api_version == "2026-10-21"
    assert ask("opus-4.6").api_version == "bedrock-2023-05-31"


# Another edition ─────────────────────────────────────────────────────────────────────────────────


def test_an_overlay_changes_the_answer_and_reach_agrees():
    wider = edition.read(
        overlay.merge(
            edition.document(),
            {"models": [{"id": OPUS_5, "profiles": {"jp": "common"}}]},
        )
    )
    found = ask("opus-5", "ap-northeast-1", edition=wider)
    assert found.model_id == f"jp.{OPUS_5}"
    reached = reach(found.model_id, region="ap-northeast-1", today=TODAY, edition=wider)
    assert reached.problem is None
    assert ask("opus-5", "ap-northeast-1").endpoint == "global"


# Anything ────────────────────────────────────────────────────────────────────────────────────────

PARTS = st.sampled_from(
    "global. us. eu. jp. arn:aws:bedrock:us-west-2: 123456789012: : :: foundation-model/ "
    "inference-profile/ anthropic. claude- sonnet opus-5 -4.5 -20250929 -v1:0 é \x00 haiku".split(
        " "
    )
)


@given(
    st.lists(PARTS, max_size=6).map("".join) | st.text(max_size=30),
    st.sampled_from(["us-west-2", "eu-west-2", "us-gov-west-1", "nowhere-1"]),
    st.sampled_from(["auto", "global", "regional", "in-region"]),
    st.sampled_from([None, "eu", "us"]),
)
def test_whatever_is_asked_the_answer_is_reached_or_unknown_or_an_error_with_a_mend(
    spelling: str, region: str, endpoint: str, area: str | None
):
    found = refused = None
    try:
        found = ask(spelling, region, endpoint=endpoint, stay_in=area)
    except OutcropError as error:
        refused = error
    if found is None:
        assert refused.mend
        return
    reached = reach(found.model_id, region=region, today=TODAY)
    assert (found.model is None) == bool(found.warnings and "know" in found.warnings[0])
    assert found.model is None or reached.problem is None
    assert ids.parse(found.model_id).text == found.model_id
