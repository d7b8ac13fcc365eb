"""`outcrop catalog`, against a local Bedrock, and drift against lists with news in them."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime

import pytest
from botocore.session import Session

from outcrop.catalog import edition as editions, models, overlay as layers
from outcrop.catalog.reach import reach
from outcrop.catalog.resolve import resolve
from outcrop.cli.drift import Listed, compare, patch
from outcrop.net import overlay

pytestmark = pytest.mark.usefixtures("there")

DAY = "2026-11-22"
REGIONS = ["us-east-1", "eu-west-2", "ap-southeast-1", "ap-northeast-1", "us-gov-west-1"]
OPUS = "anthropic.claude-opus-4-8"


@pytest.fixture
def control(bedrock):
    """Gives a client of the control plane in a region."""
    made = []

    def control(region):
        made.append(
            Session().create_client(
                "bedrock",
                region_name=region,
                endpoint_url=bedrock.url,
                aws_access_key_id=bedrock.access_key,
                aws_secret_access_key=bedrock.secret_key,
            )
        )
        return made[-1]

    yield control
    for client in made:
        client.close()


@pytest.fixture
def lists(control):
    def lists(region="us-east-1"):
        client = control(region)
        return Listed(
            region,
            client.list_foundation_models()["modelSummaries"],
            client.list_inference_profiles()["inferenceProfileSummaries"],
        )

    return lists


@pytest.fixture
def application_profile(control):
    client = control("us-east-1")
    source = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{OPUS}"
    arn = client.create_inference_profile(
        inferenceProfileName="Claims desk", modelSource={"copyFrom": source}
    )["inferenceProfileArn"]
    yield arn
    client.delete_inference_profile(inferenceProfileIdentifier=arn)


def edition_with(document):
    return editions.read(layers.merge(editions.document(), document))


# The commands ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("region", REGIONS)
def test_a_local_bedrock_has_no_drift(outcrop, there, region):
    done = outcrop("catalog", "check", "--region", region, "--today", DAY)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"No drift in {region}: ")


def test_drift_is_a_table_and_exit_code_1(outcrop, there, own_catalog):
    own_catalog.write_text(json.dumps({"models": [{"id": OPUS, "profiles": {"us": None}}]}))
    done = outcrop("catalog", "check", "--region", "us-east-1", "--today", DAY)
    assert done.code == 1
    assert f"us.{OPUS}" in done.out
    found = outcrop("catalog", "check", "--region", "us-east-1", "--today", DAY, "--json").json
    assert [(each["kind"], each["id"]) for each in found["drift"]] == [("profile", f"us.{OPUS}")]


def test_refresh_makes_up_for_it(outcrop, there, own_catalog, application_profile):
    words = ("--region", "us-east-1", "--today", DAY)
    own_catalog.write_text(
        json.dumps(
            {
                "models": [
                    {"id": OPUS, "profiles": {"us": None}, "cache_note": "mine"},
                    {"id": "anthropic.claude-opus-5-5", "lifecycle": {"end": "2026-01-01"}},
                ]
            }
        )
    )
    before = own_catalog.read_text()
    dry = outcrop("catalog", "refresh", *words, "--dry-run")
    assert (dry.code, own_catalog.read_text()) == (0, before)
    assert "3 changes would be written" in dry.out
    done = outcrop("catalog", "refresh", *words)
    assert done.code == 0
    assert f"3 changes were written to {own_catalog}" in done.out
    assert outcrop("catalog", "check", *words).code == 0
    assert "Nothing to write" in outcrop("catalog", "refresh", *words).out
    mine = overlay.edition()
    assert mine.find(OPUS).cache_note == "mine"
    assert reach(f"us.{OPUS}", region="us-east-1", today=DAY, edition=mine).problem is None
    found = resolve(application_profile, region="us-east-1", today=DAY, edition=mine)
    assert found.model.id == OPUS
    assert found.destinations == tuple(models.find(OPUS).routes("us")["us-east-1"])


def test_what_the_account_lacks_is_said_and_stays(outcrop, there, own_catalog):
    # A map of regions that isn't AWS's: Japan's profile, called from Virginia.
    row = {"id": OPUS, "profiles": {"jp": {"us-east-1": ["us-east-1"]}}}
    own_catalog.write_text(json.dumps({"models": [row]}))
    words = ("--region", "us-east-1", "--today", DAY)
    (drift,) = outcrop("catalog", "check", *words, "--json").json["drift"]
    assert (drift["kind"], drift["id"]) == ("not-listed", f"jp.{OPUS}")
    done = outcrop("catalog", "refresh", *words)
    assert "Nothing to write" in done.out
    assert "1 differences stay" in done.out


def test_a_refusal_is_one_line(outcrop, there, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    done = outcrop("catalog", "check")
    (line,) = done.err.splitlines()
    assert done.code == 1
    assert "InvalidSignatureException (403)" in line


def test_no_connection_is_exit_code_3(outcrop, there, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", "http://127.0.0.1:9")
    done = outcrop("catalog", "check")
    assert done.code == 3
    assert len(done.err.splitlines()) == 1


def test_no_credentials_are_exit_code_2(outcrop, here, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    done = outcrop("catalog", "check")
    assert done.code == 2
    assert "aws configure" in done.err


# Lists with news ─────────────────────────────────────────────────────────────────────────────────


def with_news(listed):
    """Lists as they might be when a model of the next generation is out."""
    summary = deepcopy(next(row for row in listed.models if row["modelId"] == OPUS))
    profile = deepcopy(
        next(row for row in listed.profiles if row["inferenceProfileId"] == f"us.{OPUS}")
    )
    summary |= {"modelId": "anthropic.claude-opus-9-v1:0", "modelName": "Claude Opus 9"}
    summary["modelLifecycle"] = {
        "status": "ACTIVE",
        "startOfLifeTime": datetime(2026, 11, 20, tzinfo=UTC),
    }
    profile["inferenceProfileId"] = "us.anthropic.claude-opus-9-v1:0"
    for row in profile["models"]:
        row["modelArn"] = row["modelArn"].replace(OPUS, "anthropic.claude-opus-9-v1:0")
    return Listed(listed.region, [*listed.models, summary], [*listed.profiles, profile])


def test_a_new_model_can_be_called_by_its_name_after_a_refresh(lists):
    shipped = editions.shipped()
    (drift,) = compare(shipped, with_news(lists()), today=DAY)
    assert (drift.kind, drift.id) == ("model", "anthropic.claude-opus-9-v1:0")
    fresh = edition_with(patch({}, [drift]))
    found = resolve("opus-9", region="us-east-1", today=DAY, edition=fresh)
    assert found.model_id == "us.anthropic.claude-opus-9-v1:0"
    assert found.model.launch == "2026-11-20"
    assert found.price.input is None
    assert compare(fresh, with_news(lists()), today=DAY) == []


def test_another_region_adds_to_the_overlay(lists):
    document: dict = {}
    for region in ("us-east-1", "us-west-2"):
        drifts = compare(edition_with(document), with_news(lists(region)), today=DAY)
        document = patch(document, drifts)
    fresh = edition_with(document)
    for region in ("us-east-1", "us-west-2"):
        assert resolve("opus-9", region=region, today=DAY, edition=fresh).endpoint == "regional"
        assert compare(fresh, with_news(lists(region)), today=DAY) == []


def test_a_model_that_is_legacy_now_is_warned_of_after_a_refresh(lists):
    listed = lists()
    (row,) = (row for row in listed.models if row["modelId"] == OPUS)
    row["modelLifecycle"] |= {
        "status": "LEGACY",
        "endOfLifeTime": datetime(2027, 6, 1, tzinfo=UTC),
    }
    (drift,) = compare(editions.shipped(), listed, today=DAY)
    assert drift.kind == "lifecycle"
    fresh = edition_with(patch({}, [drift]))
    found = resolve(OPUS, region="us-east-1", today=DAY, edition=fresh)
    assert found.lifecycle == "legacy"
    assert "2027-06-01" in found.warnings[0]
    assert compare(fresh, listed, today=DAY) == []


def test_new_destinations_count_for_residency_after_a_refresh(lists):
    listed = lists()
    (row,) = (row for row in listed.profiles if row["inferenceProfileId"] == f"us.{OPUS}")
    arn = f"arn:aws:bedrock:us-west-1::foundation-model/{OPUS}"
    row["models"].append({"modelArn": arn})
    (drift,) = compare(editions.shipped(), listed, today=DAY)
    assert drift.kind == "destinations"
    fresh = edition_with(patch({}, [drift]))
    found = reach(f"us.{OPUS}", region="us-east-1", today=DAY, edition=fresh)
    assert "us-west-1" in found.destinations
    # The other source regions are as they were.
    there = fresh.find(OPUS).routes("us")
    assert there["us-west-2"] == models.find(OPUS).routes("us")["us-west-2"]


def test_on_demand_somewhere_new_is_in_region_after_a_refresh(lists):
    listed = lists()
    (row,) = (row for row in listed.models if row["modelId"] == OPUS)
    row["inferenceTypesSupported"].append("ON_DEMAND")
    (drift,) = compare(editions.shipped(), listed, today=DAY)
    fresh = edition_with(patch({}, [drift]))
    found = resolve(OPUS, region="us-east-1", today=DAY, endpoint="in-region", edition=fresh)
    assert found.model_id == OPUS


def test_a_prefix_that_this_release_lacks_is_drift_without_a_row(lists):
    listed = lists()
    row = deepcopy(listed.profiles[0])
    row["inferenceProfileId"] = f"mars.{OPUS}"
    drifts = compare(
        editions.shipped(), Listed("us-east-1", listed.models, [*listed.profiles, row]), today=DAY
    )
    assert [(drift.id, drift.patch) for drift in drifts] == [(f"mars.{OPUS}", {})]


def test_variants_with_provisioned_throughput_are_no_news(lists):
    listed = lists()
    (row,) = (deepcopy(row) for row in listed.models if row["modelId"] == OPUS)
    variant = row | {"modelId": f"{OPUS}:0:200k", "inferenceTypesSupported": ["PROVISIONED"]}
    with_it = Listed("us-east-1", [*listed.models, variant], listed.profiles)
    assert compare(editions.shipped(), with_it, today=DAY) == []


# The file ────────────────────────────────────────────────────────────────────────────────────────


def test_an_edition_lasts_until_the_file_changes(own_catalog):
    assert overlay.edition() is editions.shipped()
    row = {"id": OPUS, "max_output": 7}
    overlay.write({"models": [row]})
    first = overlay.edition()
    assert first is overlay.edition()
    assert first.find(OPUS).max_output == 7
    overlay.write({"models": [row | {"max_output": 70}]})
    assert overlay.edition().find(OPUS).max_output == 70
    own_catalog.unlink()
    assert overlay.edition() is editions.shipped()


def test_what_cant_be_right_isnt_written(own_catalog):
    overlay.write({"models": [{"id": OPUS, "max_output": 7}]})
    before = own_catalog.read_bytes()
    with pytest.raises(ValueError, match="max_output"):
        overlay.write({"models": [{"id": OPUS, "max_output": "many"}]})
    assert own_catalog.read_bytes() == before
    assert [file.name for file in own_catalog.parent.glob("*catalog*")] == ["catalog.json"]


def test_a_link_stays_a_link(own_catalog, tmp_path):
    target = tmp_path / "elsewhere" / "mine.json"
    own_catalog.symlink_to(target)
    overlay.write({"models": [{"id": OPUS, "max_output": 7}]})
    assert own_catalog.is_symlink()
    assert overlay.edition().find(OPUS).max_output == 7


def test_a_folder_that_cant_be_is_an_error_with_a_mend(monkeypatch):
    monkeypatch.setenv("OUTCROP_CATALOG", "/dev/null/catalog.json")
    with pytest.raises(ValueError, match="OUTCROP_CATALOG"):
        overlay.write({})
