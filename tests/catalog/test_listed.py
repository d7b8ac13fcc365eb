"""The catalog against lists that AWS's API gave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from outcrop.catalog import models
from outcrop.catalog.reach import reach

LISTED: dict[str, Any] = json.loads(
    Path(__file__).with_name("listed-2026-10-09.json").read_text("utf-8")
)["models"]
DAY = "2026-10-09"
NOT_ASKED = {"eu-south-2", "il-central-1"}


@pytest.mark.parametrize("model_id", LISTED)
def test_every_profile_that_aws_listed_is_reached_or_is_disputed(model_id: str):
    model = models.find(model_id)
    for prefix, regions in LISTED[model_id]["INFERENCE_PROFILE"].items():
        for region in regions:
            reached = reach(f"{prefix}.{model_id}", region=region, today=DAY)
            assert reached.problem is None or prefix in model.disputed, (prefix, region)


@pytest.mark.parametrize("model_id", LISTED)
def test_every_source_region_of_the_catalog_was_listed_or_came_later(model_id: str):
    # The catalog's other list is of 2026-10-25: Sonnet 5.5 came to Australia in between.
    later = {("anthropic.claude-sonnet-5-5", "au")}
    model = models.find(model_id)
    for prefix in model.profiles:
        listed = LISTED[model_id]["INFERENCE_PROFILE"].get(prefix)
        if listed is None:
            assert (model_id, prefix) in later
        else:
            assert set(model.routes(prefix)) - NOT_ASKED <= set(listed), prefix


@pytest.mark.parametrize("model_id", LISTED)
def test_a_base_id_is_served_where_aws_listed_it_on_demand(model_id: str):
    model = models.find(model_id)
    undisputed = [region for region in model.in_region if region not in model.disputed]
    assert undisputed == LISTED[model_id]["ON_DEMAND"]
