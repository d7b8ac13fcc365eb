"""`outcrop.estimate_tokens`: what it says of itself, and that the bench says the same."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import pytest

import outcrop
from outcrop import AnthropicBedrock, Estimate, RequestError, estimate_tokens
from outcrop.catalog import models
from outcrop.messages import tokens
from outcrop.testing import local_bedrock

BENCH = Path(__file__).parents[2] / "bench" / "tokens"
RESULTS = json.loads((BENCH / "results.json").read_text())
RECORDED = json.loads((BENCH / "recorded.json").read_text())["requests"]
TURNS = [{"role": "user", "content": "What is in the sky?"}]
TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}


@pytest.mark.parametrize("generation", ["4.6", "4.7"])
def test_the_stated_error_and_the_rates_are_those_that_the_bench_measured(generation):
    measured = RESULTS["generations"][generation]
    assert measured["shipped_rates"] == dataclasses.asdict(tokens.RATES[generation])
    held_out = measured["summary"]["held out"]["nine_in_ten"]
    assert tokens.ERRORS[generation] == pytest.approx(held_out, abs=0.005)


@pytest.mark.parametrize("generation", ["4.6", "4.7"])
def test_the_estimator_beats_the_rules_of_thumb_on_texts_that_it_hasnt_seen(generation):
    summary = RESULTS["generations"][generation]["summary"]
    for rule in ("characters / 4", "bytes / 3"):
        assert summary["held out"]["mean"] < 0.6 * summary[rule]["mean"]


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: row["name"])
def test_counts_that_aws_has_told_lie_in_the_stated_range(row):
    request = {name: value for name, value in row["request"].items() if name != "thinking"}
    about = estimate_tokens(request.pop("messages"), model=row["model"], **request)
    assert about.low <= row["input_tokens"] <= about.high


def test_an_estimate_says_that_it_is_one():
    about = estimate_tokens("The quick brown fox jumps over the lazy dog. " * 100)
    assert str(about) == f"about {about.tokens:,} tokens"
    assert repr(about).startswith(f"<Estimate: about {about.tokens:,} tokens (")
    assert int(about) == about.tokens
    assert about.low < about.tokens < about.high
    with pytest.raises(dataclasses.FrozenInstanceError):
        about.tokens = 1


def test_the_range_holds_every_true_count_within_the_error():
    dice = random.Random(1)
    for _ in range(1000):
        true, error = dice.randrange(1, 10**6), dice.uniform(0, 0.5)
        for off in (-error, error):
            about = Estimate(round(true * (1 + off)), error, "4.7")
            assert about.low - 1 <= true <= about.high + 1


def test_nothing_costs_nothing():
    assert estimate_tokens("") == Estimate(0, tokens.ERRORS["4.7"], "4.7")


def test_each_models_own_tokenizer_counts_however_it_is_spelt():
    for model in models.models():
        for spelling in (model.id, f"global.{model.id}", model.first_party):
            assert estimate_tokens("Hi", model=spelling).generation == model.tokenizer
    hidden = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl"
    for unknown in (None, "anthropic.claude-of-tomorrow", hidden):
        assert estimate_tokens("Hi", model=unknown).generation == "4.7"


def test_all_that_has_a_price_is_counted():
    bare = estimate_tokens(TURNS).tokens
    with_system = estimate_tokens(TURNS, system="Be brief.").tokens
    with_tools = estimate_tokens(TURNS, tools=[TOOL]).tokens
    assert bare < with_system < with_tools
    assert estimate_tokens(TURNS[0]["content"]).tokens < bare
    forced = estimate_tokens(TURNS, tools=[TOOL], tool_choice={"type": "any"}).tokens
    assert forced != with_tools


@pytest.mark.parametrize("api", ["invoke", "converse"])
@pytest.mark.parametrize(
    "model", ["global.anthropic.claude-opus-4-8", "global.anthropic.claude-haiku-4-5-20251001-v1:0"]
)
def test_the_local_bedrock_charges_what_is_estimated(model, api):
    request = {"messages": TURNS, "system": "Be brief.", "tools": [TOOL]}
    with (
        local_bedrock() as bedrock,
        AnthropicBedrock(
            aws_access_key=bedrock.access_key,
            aws_secret_key=bedrock.secret_key,
            aws_region="us-west-2",
            base_url=bedrock.url,
            api=api,
        ) as client,
    ):
        message = client.messages.create(model=model, max_tokens=32, **request)
        turns = [*TURNS, {"role": "assistant", "content": message.content}, *TURNS]
        again = client.messages.create(model=model, max_tokens=32, **{**request, "messages": turns})
    priced = {"model": model, "api": api, "system": "Be brief.", "tools": [TOOL]}
    assert message.usage.input_tokens == estimate_tokens(iter(TURNS), **priced).tokens
    assert again.usage.input_tokens == estimate_tokens(turns, **priced).tokens


def test_what_couldnt_be_sent_isnt_estimated():
    with pytest.raises(RequestError, match="can't go with a bare text"):
        estimate_tokens("Hi", system="Be brief.")
    with pytest.raises(RequestError, match="what JSON can't"):
        estimate_tokens([{"role": "user", "content": object()}])


def test_it_stands_at_the_front_door():
    assert {"Estimate", "estimate_tokens"} <= set(dir(outcrop))
