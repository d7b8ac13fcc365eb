from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from outcrop.catalog import models
from outcrop.catalog.prices import KINDS, Cost, Price, cost, price, prompt_tokens

SONNET_45 = "anthropic.claude-sonnet-4-5-20250929-v1:0"
SONNET_4 = "anthropic.claude-sonnet-4-20250514-v1:0"
HAIKU_55 = "anthropic.claude-haiku-5-5"
OPUS_3 = "anthropic.claude-3-opus-20240229-v1:0"


def numbers(found: Price) -> list[Decimal | None]:
    return [getattr(found, kind) for kind in KINDS]


def decimals(text: str) -> list[Decimal]:
    return [Decimal(number) for number in text.split()]


@pytest.mark.parametrize(
    ("model", "regional"),
    [
        # litellm 1.109.1, model_prices_and_context_window_backup.json, rows "us.anthropic…", USD
        # per million tokens: input, output, cache write for 5 minutes and 1 hour, cache read.
        ("anthropic.claude-fable-5-1", "11 55 13.75 22 0.275"),
        ("anthropic.claude-mythos-preview", "27.5 137.5 34.375 55 2.75"),
        ("anthropic.claude-opus-5-5", "4.4 22 5.5 8.8 0.22"),
        ("anthropic.claude-opus-4-8", "5.5 27.5 6.875 11 0.55"),
        ("anthropic.claude-sonnet-5-5", "2.2 11 2.75 4.4 0.11"),
        ("anthropic.claude-sonnet-4-6", "3.3 16.5 4.125 6.6 0.33"),
        (SONNET_45, "3.3 16.5 4.125 6.6 0.33"),
        (HAIKU_55, "0.11 0.55 0.1375 0.22 0.011"),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", "1.1 5.5 1.375 2.2 0.11"),
    ],
)
def test_the_regional_premium_gives_the_published_regional_prices(model: str, regional: str):
    found = price(model, endpoint="regional", region="us-west-2")
    assert numbers(found) == decimals(regional)
    assert found.premium == Decimal("0.1")


@pytest.mark.parametrize(
    ("model", "gov"),
    [
        # The same, rows "us-gov.anthropic…".
        ("anthropic.claude-opus-5-5", "4.8 24 6 9.6 0.24"),
        (SONNET_45, "3.6 18 4.5 7.2 0.36"),
        ("anthropic.claude-sonnet-5", "2.4 12 3 4.8 0.24"),
    ],
)
def test_govcloud_has_a_premium_of_its_own(model: str, gov: str):
    found = price(model, endpoint="regional", region="us-gov-west-1")
    assert numbers(found) == decimals(gov)
    assert found.premium == Decimal("0.2")


def test_models_before_sonnet_4_5_cost_the_same_everywhere():
    for endpoint in ("global", "regional", "in-region"):
        found = price(SONNET_4, endpoint=endpoint, region="eu-west-1")
        assert numbers(found)[:3] == decimals("3 15 3.75")
        assert found.premium == 0


@pytest.mark.parametrize(("tokens", "input_price"), [(100_000, "0.1"), (100_001, "0.5")])
def test_a_long_prompt_to_haiku_5_5_makes_the_whole_request_dearer(tokens: int, input_price: str):
    # genai-prices 0.2.3: five times beyond 100,000 tokens.
    found = price(HAIKU_55, context_tokens=tokens)
    factor = Decimal(input_price) * 10
    assert numbers(found) == [n * factor for n in decimals("0.1 0.5 0.125 0.2 0.01")]


def test_a_long_prompt_to_sonnet_4_5_cost_twice_and_one_and_a_half_times():
    # litellm 1.109.1: above 200,000 tokens.
    found = price(SONNET_45, context_tokens=200_001)
    assert numbers(found) == decimals("6 22.5 7.5 12 0.6")


def test_batch_halves_input_and_output_and_has_no_prices_for_caching():
    found = price(SONNET_45, endpoint="regional", region="us-west-2", batch=True)
    assert (found.input, found.output) == (Decimal("1.65"), Decimal("8.25"))
    assert found.cache_read is None
    assert "caching" in found.reason


def test_what_has_no_price_says_why():
    for found in (
        price("anthropic.claude-nothing"),
        price(SONNET_45, endpoint="unknown"),
        price(SONNET_45, region="us-iso-east-1"),
    ):
        assert numbers(found) == [None] * 5
        assert found.reason


def test_a_price_that_sources_dispute_says_so():
    found = price("anthropic.claude-opus-5-5", endpoint="in-region", region="eu-west-2")
    assert any("uncertain" in note for note in found.notes)


USAGE = {
    "input_tokens": 1000,
    "output_tokens": 200,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 4000,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
}


def test_a_cost_is_split_by_what_it_is_for():
    # By hand, at 3, 15, 3.75, 6 and 0.3 USD per million.
    found = cost(USAGE, price(SONNET_45))
    assert found == Cost(
        Decimal("0.008775"),
        "USD",
        Decimal("0.003"),
        Decimal("0.003"),
        Decimal("0.000375") + Decimal("0.0012"),
        Decimal("0.0012"),
    )


def test_cache_writes_without_a_split_are_those_of_five_minutes():
    usage = {key: value for key, value in USAGE.items() if key != "cache_creation"}
    assert cost(usage, price(SONNET_45)).cache_write == 300 * Decimal("3.75") / 1_000_000
    assert (
        cost({**usage, "cache_creation": None}, price(SONNET_45)).cache_write
        == cost(usage, price(SONNET_45)).cache_write
    )


def test_the_prompt_is_all_that_was_read():
    assert prompt_tokens(USAGE) == 1000 + 300 + 4000
    assert prompt_tokens({}) == 0


def test_a_missing_price_matters_only_where_it_is_needed():
    found = price(OPUS_3)
    assert cost({"input_tokens": 10, "output_tokens": 10}, found).amount == Decimal("0.0009")
    lacking = cost({**USAGE}, found)
    assert lacking.amount is None
    assert "cache_read" in lacking.reason
    assert lacking.input == Decimal("0.015")


def test_without_a_price_there_is_no_amount_but_a_reason():
    found = cost(USAGE, price("anthropic.claude-nothing"))
    assert found.amount is None
    assert "claude-nothing" in found.reason


def test_odd_usage_costs_nothing_rather_than_failing():
    odd = {"input_tokens": None, "output_tokens": "7", "cache_read_input_tokens": -1}
    assert cost(odd, price(SONNET_45)).amount == 0


COUNTS = st.integers(min_value=0, max_value=10**7)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_a_cost_is_the_sum_of_its_parts_and_grows_with_tokens(
    fresh: int, written: int, read: int, output: int
):
    usage = {
        "input_tokens": fresh,
        "output_tokens": output,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
    }
    for model in models.models()[:3]:
        at = price(model.id, endpoint="regional", region="us-east-1")
        found = cost(usage, at)
        assert found.amount == (found.input + found.output + found.cache_write + found.cache_read)
        more = cost({**usage, "output_tokens": output + 1}, at)
        assert more.amount - found.amount == at.output / 1_000_000
