"""Every model, from every region, on every kind of endpoint: facts, `reach` and `resolve` agree.

The facts are read here from the data files themselves, with none of the catalog's code.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import pytest

from outcrop.catalog import ids, models
from outcrop.catalog.reach import reach
from outcrop.catalog.resolve import resolve
from outcrop.errors import RequestError

TODAY = "2026-11-22"
#: The day after the last known end, one before all ends of the dated lives, and the catalog's.
DAYS = ["2026-03-31", TODAY, "2027-04-08"]
PREFIXES = ["global", "us", "us-gov", "eu", "jp", "apac", "au", "in", "ca"]


def load(name: str) -> Any:
    return json.loads(files("outcrop.catalog").joinpath("data", f"{name}.json").read_text("utf-8"))


@cache
def rows() -> dict[str, Any]:
    return {row["id"]: row for row in load("models")["models"]}


@cache
def regions() -> list[str]:
    return [r for part in load("regions")["partitions"].values() for r in part["regions"]]


@cache
def usual(prefix: str) -> Any:
    row = load("regions")["geographies"][prefix]
    return row.get("routes") or row["sources"]


def listed(row: Any, prefix: str, region: str) -> bool:
    """Whether the facts list a profile (or with no prefix the base ID) for a region."""
    if not prefix:
        return region in row["in_region"]
    profile = row["profiles"].get(prefix, [])
    return region in (usual(prefix) if profile == "common" else profile)


def lives(row: Any, day: str) -> bool:
    life = row["lifecycle"]
    if life.get("leftovers"):
        return True  # what is listed is what is left
    return day < life["end"] if "end" in life else life["status"] != "EOL"


def accepted(row: Any, region: str, day: str) -> set[str]:
    """The prefixes (with "" for none) that reach a model from a region."""
    return {p for p in ["", *PREFIXES] if listed(row, p, region) and lives(row, day)}


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("model_id", rows())
def test_reach_accepts_exactly_what_the_facts_list(model_id: str, day: str):
    for region in [*regions(), "xx-new-1"]:
        taken = {
            prefix
            for prefix in ["", *PREFIXES]
            if reach(
                f"{prefix}.{model_id}" if prefix else model_id, region=region, today=day
            ).problem
            is None
        }
        assert taken == accepted(rows()[model_id], region, day), region


def kinds(prefixes: set[str]) -> set[str]:
    return {
        "global" if prefix == "global" else "regional" if prefix else "in-region"
        for prefix in prefixes
    }


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("model_id", rows())
def test_resolve_gives_an_id_on_each_kind_of_endpoint_that_there_is_and_reach_takes_it(
    model_id: str, day: str
):
    for region in regions():
        open_ways = kinds(accepted(rows()[model_id], region, day))
        for endpoint in ("global", "regional", "in-region"):
            if endpoint not in open_ways:
                with pytest.raises(RequestError):
                    resolve(model_id, region=region, today=day, endpoint=endpoint)
                continue
            found = resolve(model_id, region=region, today=day, endpoint=endpoint)
            assert found.endpoint == endpoint
            assert reach(found.model_id, region=region, today=day).problem is None
            assert found.model is not None
            assert found.model.id == model_id


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("model_id", rows())
def test_a_base_id_reaches_the_regional_endpoint_else_the_region_else_the_global_one(
    model_id: str, day: str
):
    for region in regions():
        open_ways = kinds(accepted(rows()[model_id], region, day))
        if not open_ways:
            with pytest.raises(RequestError):
                resolve(model_id, region=region, today=day)
            continue
        best = next(kind for kind in ("regional", "in-region", "global") if kind in open_ways)
        found = resolve(model_id, region=region, today=day)
        assert found.endpoint == best
        assert reach(found.model_id, region=region, today=day).problem is None


@pytest.mark.parametrize("model_id", rows())
def test_the_id_of_a_profile_is_sent_as_it_is_or_refused(model_id: str):
    for region in regions():
        ways = accepted(rows()[model_id], region, TODAY)
        for prefix in PREFIXES:
            asked = f"{prefix}.{model_id}"
            if prefix in ways:
                assert resolve(asked, region=region, today=TODAY).model_id == asked
            else:
                with pytest.raises(RequestError):
                    resolve(asked, region=region, today=TODAY)


@pytest.mark.parametrize("model_id", rows())
def test_destinations_are_those_of_the_facts(model_id: str):
    for region in regions():
        for prefix in accepted(rows()[model_id], region, TODAY):
            asked = f"{prefix}.{model_id}" if prefix else model_id
            endpoint = "auto" if prefix else "in-region"
            found = resolve(asked, region=region, today=TODAY, endpoint=endpoint)
            profile = rows()[model_id]["profiles"].get(prefix)
            routes = usual(prefix) if profile == "common" else profile
            expected = routes[region] if isinstance(routes, dict) else []
            assert list(found.destinations) == (expected if prefix else [region])


@pytest.mark.parametrize("area", ["eu", "us", "jp", "europe", "apac", "us-gov"])
def test_no_route_of_a_guarded_call_leaves_the_area(area: str):
    inside = set(load("regions")["areas"]["regions"][area])
    stayed = 0
    for model_id in rows():
        for region in regions():
            try:
                found = resolve(model_id, region=region, today=TODAY, stay_in=area)
            except RequestError:
                continue
            stayed += 1
            assert region in inside
            assert found.endpoint != "global"
            assert set(found.destinations) <= inside
            assert found.destinations or region.startswith("us-gov-")
    assert stayed


def test_a_guarded_call_is_refused_only_where_no_route_stays():
    inside = set(load("regions")["areas"]["regions"]["eu"])
    for model_id, row in rows().items():
        for region in inside:
            stays = any(
                set(models.find(model_id).routes(prefix)[region] if prefix else [region]) <= inside
                for prefix in accepted(row, region, TODAY) - {"global"}
            )
            if stays:
                assert resolve(model_id, region=region, today=TODAY, stay_in="eu")
            else:
                with pytest.raises(RequestError):
                    resolve(model_id, region=region, today=TODAY, stay_in="eu")


def test_the_walk_knows_every_prefix():
    assert set(PREFIXES) == set(ids.PREFIXES)
