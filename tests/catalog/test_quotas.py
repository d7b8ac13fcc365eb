from __future__ import annotations

from hypothesis import given, strategies as st

from outcrop.catalog import models, quotas

OPUS_48 = "anthropic.claude-opus-4-8"
COUNTS = st.integers(min_value=0, max_value=10**6)


def test_a_call_without_max_tokens_holds_back_the_models_largest_answer():
    model = models.find(OPUS_48)
    assert quotas.reserved(model, prompt=1000, max_tokens=None) == 1000 + model.max_output
    assert quotas.reserved(model, prompt=1000, max_tokens=50) == 1050


def test_output_counts_by_the_burndown_and_cache_reads_not_at_all():
    # Amazon Bedrock User Guide: InputTokenCount + CacheWriteInputTokens + OutputTokenCount by rate.
    usage = {
        "input_tokens": 1000,
        "output_tokens": 100,
        "cache_creation_input_tokens": 200,
        "cache_read_input_tokens": 5000,
    }
    rate = quotas.shipped().row(OPUS_48).burndown
    assert quotas.settled(usage, burndown=rate) == 1000 + 200 + 15 * 100


@given(COUNTS, COUNTS, COUNTS)
def test_without_burndown_no_more_is_settled_than_was_held_back(fresh: int, read: int, output: int):
    model = models.find(OPUS_48)
    usage = {
        "input_tokens": fresh,
        "output_tokens": output,
        "cache_read_input_tokens": read,
    }
    held = quotas.reserved(model, prompt=fresh + read, max_tokens=output)
    assert quotas.settled(usage, burndown=1) <= held


def test_a_day_has_as_much_as_all_its_minutes():
    assert quotas.tokens_per_day(1000) == 1000 * 60 * 24


def test_every_model_has_a_rate():
    assert all(quotas.shipped().row(model.id) for model in models.models())
    assert quotas.shipped().row("anthropic.claude-nothing") is None
