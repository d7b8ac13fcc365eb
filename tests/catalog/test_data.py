"""The data agrees with itself, and with the rules that its sources state."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest

from outcrop.catalog import aliases, edition, ids, models, prices, quotas
from outcrop.catalog.lifecycle import stage

DAY = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
SONNET_45_LAUNCH = "2025-09-29"


def load(name: str) -> Any:
    return json.loads(files("outcrop.catalog").joinpath("data", f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("name", ["models", "prices", "quotas"])
def test_the_same_models_stand_in_each_file_once(name: str):
    found = [row["id"] for row in load(name)["models"]]
    assert sorted(found) == sorted({model.id for model in models.models()})


def test_every_row_names_sources_that_are_spelled_out_and_its_day():
    known = models.sources()
    rows = [
        *load("models")["models"],
        *load("prices")["models"],
        *load("prices")["premiums"],
        load("prices")["batch"],
        *load("quotas")["models"],
        load("quotas")["reserved"],
        load("quotas")["settled"],
    ]
    for row in rows:
        named = re.findall(r"\b[A-Z][A-Z-]+\b", re.sub(r"\(.*?\)", "", row["source"]))
        assert named, row
        assert set(named) & set(known), row
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", row["as_of"]), row


def test_the_days_of_a_life_follow_each_other():
    for model in models.models():
        life = model.lifecycle
        days = [model.launch, life.legacy, life.extended_access, life.end]
        known = [day for day in days if day is not None]
        assert known == sorted(known), model.id
        assert all(DAY.fullmatch(day) for day in known), model.id


def test_the_status_of_a_life_is_that_of_the_catalogs_day():
    for model in models.models():
        life = model.lifecycle
        if life.status == "GATED":
            assert model.access == "invitation"
        elif life.end is not None and life.end <= models.as_of() and not life.leftovers:
            assert life.status == "EOL"
        elif life.legacy is not None:
            assert life.status == "LEGACY"
        if life.status == "LEGACY":
            assert stage(model, models.as_of()) in ("legacy", "extended-access")
        if life.status == "ACTIVE":
            assert stage(model, models.as_of()) == "active"


def test_a_model_has_not_ended_where_it_is_listed():
    for model in models.models():
        listed = {region for prefix in model.profiles for region in model.routes(prefix)}
        assert not (listed | set(model.in_region)) & set(model.lifecycle.ended_in), model.id


def test_what_is_disputed_is_a_prefix_or_a_region_and_what_is_uncertain_a_prefix():
    for model in models.models():
        assert set(model.disputed) <= {*ids.PREFIXES, *models.regions()}, model.id
        assert set(model.uncertain_profiles) <= set(model.profiles), model.id


def test_a_modern_model_has_one_geography_at_most_in_a_region():
    # Amazon Bedrock User Guide: each geography has source regions of its own.
    for model in models.models():
        if model.launch < "2026":
            continue
        for region in models.regions():
            geographies = [p for p in model.profiles if p != "global" and region in model.routes(p)]
            assert len(geographies) <= 1, (model.id, region)


def test_no_route_leaves_its_partition():
    for model in models.models():
        for prefix in model.profiles:
            for source, destinations in model.routes(prefix).items():
                for region in destinations:
                    assert models.partition(region) == models.partition(source)


@pytest.mark.parametrize("prefix", ["us", "eu", "jp", "in", "apac"])
def test_regions_that_serve_are_in_the_area_of_the_prefix_or_are_the_source_itself(prefix: str):
    # Sources outside (Canada, Zurich, London, Israel) serve their own calls too, and no others.
    inside = set(models.areas()[prefix])
    for model in models.models():
        for source, destinations in model.routes(prefix).items():
            assert set(destinations) - {source} <= inside, (model.id, source)


def test_sizes_and_capabilities_fit_each_other():
    for model in models.models():
        assert model.max_output <= model.context
        assert (model.context == 1_000_000) == (model.one_million == "native")
        assert model.computer_tool in (None, "computer_20250124", "computer_20251124")
        assert set(model.messages_regions) <= set(models.regions())
        assert not (model.automatic_caching and re.search(r"-v\d", model.id))
        # Cards say yes for 4.5 and 4.6 only.
        assert (model.structured_outputs == "yes") == (aliases.version(model) in ("4.5", "4.6"))
        # Extended thinking replaced sampling: who refuses one always takes the other.
        assert model.sampling or "adaptive" in model.thinking


def test_effort_has_its_levels_in_order_and_betas_that_are_listed():
    # Anthropic, "Effort".
    order = ["low", "medium", "high", "xhigh", "max"]
    for model in models.models():
        assert model.effort == [level for level in order if level in model.effort]
        assert set(model.effort_without_thinking) <= set(model.effort)
        assert model.effort_beta is None or model.effort_beta in models.betas()


def test_areas_have_regions_with_bedrock_and_europe_includes_the_union():
    for name, regions in models.areas().items():
        assert set(regions) <= set(models.regions()), name
    assert set(models.areas()["eu"]) < set(models.areas()["europe"])
    assert not {"eu-west-2", "eu-central-2"} & set(models.areas()["eu"])


def test_the_messages_route_is_in_regions_with_bedrock():
    assert set(models.messages_regions()) <= set(models.regions())


def test_a_flag_is_listed_once():
    flags = [row["flag"] for row in load("betas")["betas"]]
    assert len(flags) == len(set(flags))


def test_each_api_path_has_betas_of_its_own():
    assert "computer-use-2025-11-24" in models.betas("converse")
    # litellm removes it for Converse and sends it to the others.
    assert "context-management-2025-06-27" not in models.betas("converse")
    assert "context-management-2025-06-27" in models.betas("messages") & models.betas("invoke")


# Prices ──────────────────────────────────────────────────────────────────────────────────────────


def test_cache_writes_cost_the_published_multiples_of_input():
    # Anthropic, "Pricing": 1.25 times the input price for five minutes, twice for an hour.
    for row in prices.shipped().models:
        if row.cache_write_5m is not None:
            assert row.cache_write_5m == row.input * Decimal("1.25"), row.id
        if row.cache_write_1h is not None:
            assert row.cache_write_1h == row.input * 2, row.id


def test_cache_reads_cost_a_tenth_a_twentieth_or_a_fortieth_of_input():
    known = {Decimal("0.1"), Decimal("0.05"), Decimal("0.025")}
    for row in prices.shipped().models:
        if row.cache_read is not None:
            assert row.cache_read / row.input in known, row.id


def test_the_premium_begins_with_sonnet_4_5():
    for row in prices.shipped().models:
        model = models.find(row.id)
        assert row.premium == (model.launch >= SONNET_45_LAUNCH), row.id


def test_a_price_for_an_hour_and_the_life_of_an_hour_come_together():
    for row in load("models")["models"]:
        if "cache_ttl_1h" in row:
            price = prices.shipped().row(row["id"])
            if price.cache_write_1h is not None:
                assert row["cache_ttl_1h"], row["id"]


# Quotas ──────────────────────────────────────────────────────────────────────────────────────────


def test_codes_are_those_of_service_quotas():
    for row in quotas.shipped().models:
        for codes in row.codes.values():
            assert set(codes) <= {"rpm", "tpm", "tpd"}
            assert all(re.fullmatch(r"L-[0-9A-F]{8}", code) for code in codes.values())


def test_a_burndown_that_aws_does_not_name_says_so():
    # Amazon Bedrock User Guide: 15 for Opus 4.8; 10 for Sonnet 5, Opus 5 and Fable 5.1; 5 for
    # Claude 3.7 to 4.7; 1 for all others.
    named = {"Opus 4.8": 15, "Sonnet 5": 10, "Opus 5": 10, "Fable 5.1": 10}
    for row in quotas.shipped().models:
        name = models.find(row.id).name.removeprefix("Claude ")
        number = re.search(r"\d[\d.]*", name)
        if name in named:
            assert (row.burndown, row.burndown_uncertain) == (named[name], None)
        elif number and Decimal("3.7") <= Decimal(number[0]) <= Decimal("4.7"):
            assert (row.burndown, row.burndown_uncertain) == (5, None)
        elif number and Decimal(number[0]) < Decimal("3.7"):
            assert (row.burndown, row.burndown_uncertain) == (1, None)
        else:
            assert row.burndown_uncertain


# Names ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_with_a_version_means_one_model():
    shared = {"sonnet-3-5", "claude-sonnet-3-5", "3-5-sonnet", "claude-3-5-sonnet"}
    families = {aliases.family(model) for model in models.models()}
    for name, found in aliases.index(models.models()).items():
        if name.removeprefix("claude-") not in families and name not in shared:
            assert len(found) == 1, name


def test_no_name_of_a_model_begins_like_a_prefix_of_profiles():
    for model in models.models():
        for name in aliases.names(model):
            assert aliases.split_prefix(name) == (None, name)


def test_the_shipped_edition_is_the_shipped_data():
    assert list(edition.shipped().models) == models.models()
    assert edition.shipped().as_of == models.as_of()
