from __future__ import annotations

from copy import deepcopy
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from outcrop.catalog import edition
from outcrop.catalog.overlay import merge
from outcrop.catalog.prices import price
from outcrop.catalog.resolve import resolve
from outcrop.errors import ConfigurationError

OPUS_5 = "anthropic.claude-opus-5"
OPUS_9 = "anthropic.claude-opus-9"
NEW = {
    "id": OPUS_9,
    "like": "anthropic.claude-opus-5-5",
    "name": "Claude Opus 9",
    "first_party": "claude-opus-9",
    "launch": "2027-01-05",
    "profiles": {"global": "common"},
}


def test_an_empty_overlay_changes_nothing():
    document = edition.document()
    assert merge(document, {}) == document


def test_neither_side_is_changed_or_shared():
    document = edition.document()
    before, above = deepcopy(document), {"models": [deepcopy(NEW)]}
    merged = merge(document, above)
    merged["models"][0]["profiles"]["us"] = "common"
    merged["models"][1]["profiles"].clear()
    merged["sources"].clear()
    assert document == before
    assert above == {"models": [NEW]}


def test_the_overlay_wins_and_the_rest_stays():
    merged = merge(edition.document(), {"models": [{"id": OPUS_5, "max_output": 1}]})
    (row,) = (row for row in merged["models"] if row["id"] == OPUS_5)
    (old,) = (row for row in edition.document()["models"] if row["id"] == OPUS_5)
    assert row == {**old, "max_output": 1}
    assert [row["id"] for row in merged["models"]] == [
        row["id"] for row in edition.document()["models"]
    ]


def test_null_takes_a_key_away():
    merged = edition.read(
        merge(edition.document(), {"models": [{"id": OPUS_5, "profiles": {"eu": None}}]})
    )
    assert "eu" not in merged.find(OPUS_5).profiles
    assert "us" in merged.find(OPUS_5).profiles


def test_a_new_model_can_do_what_another_can_but_is_not_where_that_is():
    merged = edition.read(merge(edition.document(), {"models": [NEW]}))
    model, sibling = merged.models[0], merged.find("anthropic.claude-opus-5-5")
    assert model.id == OPUS_9
    assert (model.context, model.thinking) == (sibling.context, sibling.thinking)
    assert sibling.in_region
    assert (list(model.profiles), model.in_region) == (["global"], [])
    found = resolve("opus", region="eu-west-2", today="2027-02-01", edition=merged)
    assert found.model_id == f"global.{OPUS_9}"


def test_prices_and_quotas_are_overlaid_too():
    merged = edition.read(
        merge(
            edition.document(),
            {
                "prices": {
                    "premiums": [{"endpoint": "in-region", "factor": "1", "uncertain": None}],
                    "models": [{"id": OPUS_5, "input": "4"}],
                },
                "quotas": {"models": [{"id": OPUS_5, "burndown": 1}]},
            },
        )
    )
    found = price(OPUS_5, endpoint="in-region", region="ap-northeast-2", prices=merged.prices)
    assert (found.input, found.output, found.notes) == (Decimal(4), Decimal(25), ())
    assert merged.quotas.row(OPUS_5).burndown == 1
    assert len(merged.quotas.models) == len(edition.shipped().quotas.models)


def test_overlays_can_be_stacked():
    once = merge(edition.document(), {"models": [NEW]})
    twice = merge(once, {"models": [{"id": OPUS_9, "context": 5}]})
    assert twice["models"][0]["context"] == 5
    assert twice["models"][0]["name"] == "Claude Opus 9"


@pytest.mark.parametrize(
    ("above", "message"),
    [
        ({"model": []}, "'model'"),
        ({"models": [{"name": "nameless"}]}, r"models\[0\] has no 'id'"),
        ({"models": ["opus"]}, r"models\[0\]"),
        ({"models": [{**NEW, "like": "opus"}]}, "'opus'"),
    ],
)
def test_an_overlay_that_cannot_be_merged_says_where(above: dict, message: str):
    with pytest.raises(ConfigurationError, match=message):
        merge(edition.document(), above)


@pytest.mark.parametrize(
    ("above", "message"),
    [
        ({"models": [{"id": OPUS_9}]}, "name"),
        ({"models": [{"id": OPUS_5, "context": "large"}]}, "context"),
        ({"prices": None}, "'prices'"),
        ({"application_profiles": {"arn": 1}}, "str"),
    ],
)
def test_an_edition_that_cannot_be_read_says_why(above: dict, message: str):
    with pytest.raises(ConfigurationError, match=message):
        edition.read(merge(edition.document(), above))


JSON = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=3),
    # Without the names by which rows are told apart: a list with those is no list of values.
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", max_size=3), inner),
    max_leaves=8,
)


@given(JSON)
def test_what_is_merged_is_there(value: object):
    once = merge({"sources": {"a": "b"}}, {"sources": {"x": value}})
    assert once["sources"] == {"a": "b", "x": value}
    assert merge(once, {"sources": {"x": value}}) == once
