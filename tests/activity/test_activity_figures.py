"""Figures: each is what the catalog's own price list, or plain counting, makes of the records."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest

from outcrop.activity import costs, questions, throttles
from outcrop.catalog import models, prices, quotas
from outcrop.errors import RequestError

SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
OPUS = "anthropic.claude-opus-4-8"
HAIKU = "anthropic.claude-haiku-5-5"
OLD = "anthropic.claude-3-haiku-20240307-v1:0"


def exact(record, **more):
    """What a record's call cost by the catalog, to the last digit."""
    prefix, _, base = record["modelId"].partition("anthropic.")
    given = record["input"]
    usage = {
        "input_tokens": given["inputTokenCount"],
        "cache_read_input_tokens": given["cacheReadInputTokenCount"],
        "cache_creation_input_tokens": given["cacheWriteInputTokenCount"],
        "output_tokens": record["output"]["outputTokenCount"],
        **more,
    }
    price = prices.price(
        f"anthropic.{base}",
        endpoint={"global.": "global", "": "in-region"}.get(prefix, "regional"),
        region=record["region"],
        context_tokens=prices.prompt_tokens(usage),
    )
    return prices.cost(usage, price), price


@pytest.mark.parametrize("prefix", ["global.", "us."])
@pytest.mark.parametrize("counts", [(1000, 0, 0, 100), (0, 5000, 70, 3), (250_001, 1, 1, 9000)])
@pytest.mark.parametrize("model", [SONNET, OPUS])
def test_a_call_costs_what_the_catalog_says(prefix, model, counts, *, record, write, opened):
    one = record(1, modelId=prefix + model, counts=counts)
    write([one])
    [row] = opened().rows("SELECT * FROM calls")
    cost, price = exact(one)
    assert row["cost"] == pytest.approx(float(cost.amount))
    assert row["cost_input"] == pytest.approx(float(cost.input))
    assert row["cost_output"] == pytest.approx(float(cost.output))
    assert row["cost_cache_read"] == pytest.approx(float(cost.cache_read))
    assert row["cost_cache_write"] == pytest.approx(float(cost.cache_write))
    without = cost.amount / (1 + price.premium)
    assert row["regional_premium"] == pytest.approx(float(cost.amount - without))


@pytest.mark.parametrize(
    "counts", [(100_000, 0, 0, 100), (100_001, 0, 0, 100), (90_000, 5000, 5001, 100)]
)
def test_a_long_prompt_costs_more_where_the_catalog_says_so(counts, record, write, opened):
    one = record(1, modelId=f"global.{HAIKU}", counts=counts)
    write([one])
    cost, _ = exact(one)
    assert opened().rows("SELECT cost FROM calls")[0]["cost"] == pytest.approx(float(cost.amount))


def test_what_is_written_for_an_hour_costs_more(record, write, opened):
    split = {"ephemeral_1h_input_tokens": 300, "ephemeral_5m_input_tokens": 200}
    one = record(1, counts=(10, 0, 500, 10), said={"usage": {"cache_creation": split}})
    write([one])
    cost, _ = exact(one, cache_creation=split)
    plain, _ = exact(one)
    assert cost.amount > plain.amount
    assert opened().rows("SELECT cost FROM calls")[0]["cost"] == pytest.approx(float(cost.amount))


def test_govcloud_has_prices_of_its_own(record, write, opened):
    one = record(1, modelId=f"us-gov.{SONNET}", region="us-gov-west-1")
    write([one])
    price = prices.price(SONNET, endpoint="regional", region="us-gov-west-1")
    row = opened().rows("SELECT cost, endpoint FROM calls")[0]
    usage = {"input_tokens": 1000, "output_tokens": 100}
    assert row["cost"] == pytest.approx(float(prices.cost(usage, price).amount))
    assert row["endpoint"] == "us-gov"


def test_a_call_without_a_price_is_counted_apart_not_taken_for_free(record, write, opened):
    cached = record(3, modelId=OLD, counts=(10, 10, 0, 10))  # no price for its cache is published
    write([record(1), record(2, modelId="amazon.nova-lite-v1:0"), cached])
    log = opened()
    assert [
        row["cost"] is None for row in log.rows("SELECT cost FROM calls ORDER BY request_id")
    ] == [
        False,
        True,
        True,
    ]
    assert questions.overview(log).unpriced == costs.costs(log).unpriced == 2


@pytest.mark.parametrize(
    ("model", "region"),
    [(f"us-gov.{SONNET}", "us-gov-west-1"), ("us.anthropic.claude-mythos-preview", "us-east-1")],
)
def test_where_there_is_no_global_endpoint_it_saves_nothing(model, region, record, write, opened):
    write([record(1, modelId=model, region=region)])
    [row] = opened().rows("SELECT cost, regional_premium FROM calls")
    assert row["cost"] > 0
    assert row["regional_premium"] == 0


@pytest.mark.parametrize(
    "model_id", ["nova-lite", f"arn:aws:bedrock:us-east-1:1:inference-profile/us.{SONNET}"]
)
def test_a_refused_call_needs_no_price(model_id, record, write, opened):
    write([record(1, modelId=model_id, errorCode="AccessDeniedException", counts=(0, 0, 0, 0))])
    assert questions.overview(opened()).unpriced == 0


@pytest.fixture
def month(record, write):
    """Records of every model, endpoint, day and kind of outcome."""
    cases = product(
        (f"global.{SONNET}", f"us.{SONNET}", f"us.{OPUS}", OLD), range(18, 22), range(6)
    )
    records = []
    for number, (model, day, kind) in enumerate(cases, 1):
        given = {
            "modelId": model,
            "timestamp": f"2026-11-{day}T{10 + kind}:00:{number % 60:02}Z",
            "identity": {"arn": f"arn:aws:iam::123456789012:user/{'AB'[number % 2]}"},
            "requestMetadata": {"team": ("rocks", "soil")[day % 2]} if kind else None,
            "counts": (100 * number, 0, 0, 7 * number),
        }
        if kind == 1:
            given |= {"errorCode": "ThrottlingException", "counts": (0, 0, 0, 0)}
        if kind == 2 and model != OLD:
            given["counts"] = (number, 2000, 300, number)
        records.append(record(number, **given))
    write(records)
    return records


def total(records, of=lambda cost: cost.amount):
    return float(sum((of(exact(one)[0]) for one in records), Decimal(0)))


def test_the_overview_sums_all_calls(month, opened):
    seen = questions.overview(opened())
    assert (seen.calls, seen.errors) == (len(month), sum("errorCode" in one for one in month))
    assert seen.input_tokens == sum(one["input"]["inputTokenCount"] for one in month)
    assert seen.cache_read_tokens == sum(one["input"]["cacheReadInputTokenCount"] for one in month)
    assert seen.cache_write_tokens == sum(
        one["input"]["cacheWriteInputTokenCount"] for one in month
    )
    assert seen.output_tokens == sum(one["output"]["outputTokenCount"] for one in month)
    assert seen.cost == pytest.approx(total(month))
    assert (seen.models, seen.identities) == (3, 2)
    assert [row["day"].day for row in seen.by_day] == [18, 19, 20, 21]
    assert sum(row["calls"] for row in seen.by_day) == len(month)
    assert sum(row["cost"] for row in seen.by_day) == pytest.approx(seen.cost)


def test_a_day_without_calls_is_told_as_one(record, write, opened):
    write([record(day, timestamp=f"2026-11-{day:02}T10:00:00Z") for day in (1, 4)])
    assert [row["calls"] for row in questions.overview(opened()).by_day] == [1, 0, 0, 1]


def test_an_empty_log_has_an_overview(logs, opened):
    seen = questions.overview(opened())
    assert (seen.calls, seen.cost, seen.first, seen.by_day) == (0, 0.0, None, [])
    assert costs.costs(opened()).total == 0
    assert (
        questions.usage(opened())
        == questions.errors(opened())
        == throttles.throttles(opened())
        == []
    )


def test_percentiles_are_those_of_the_calls_whose_latency_is_known(record, write, opened):
    said = [{"metrics": {"latencyMs": ms}, "stopReason": "end_turn"} for ms in range(1, 1001)]
    write(
        [record(at, operation="Converse", said=one) for at, one in enumerate(said)] + [record(2000)]
    )
    seen = questions.overview(opened())
    assert seen.latency_p50 == pytest.approx(500, rel=0.02)
    assert seen.latency_p95 == pytest.approx(950, rel=0.02)
    assert seen.first_byte_p50 is None


@pytest.mark.parametrize(
    "by",
    [
        ["model"],
        ["identity"],
        ["region"],
        ["endpoint"],
        ["day"],
        ["hour"],
        ["operation"],
        ["account"],
        ["error"],
        ["stop_reason"],
        ["metadata.team"],
        ["day", "model", "metadata.team"],
    ],
)
def test_usage_by_anything_adds_up_to_all(by, month, opened):
    rows = questions.usage(opened(), by=by)
    assert sum(row["calls"] for row in rows) == len(month)
    assert sum(row["cost"] for row in rows) == pytest.approx(total(month))
    keys = [tuple(row[name] for name in by) for row in rows]
    assert len(set(keys)) == len(keys)


def test_usage_by_a_key_of_metadata_knows_who_gave_none(month, opened):
    rows = {
        row["metadata.team"]: row["calls"]
        for row in questions.usage(opened(), by=["metadata.team"])
    }
    teams = [one.get("requestMetadata", {}).get("team", "") for one in month]
    assert rows == {team: teams.count(team) for team in ("rocks", "soil", "")}


@pytest.mark.parametrize(
    "key",
    [
        "a.b",
        "a b",
        "é",
        "$x",
        "a'b",
        "a[0]",
        "*",
        "a'); DROP TABLE files; --",
        "?",
        "%",
        "a`b",
        "a/b",
        "a~1b",
        "0",
    ],
)
def test_any_key_of_metadata_can_be_asked_for(key, record, write, opened):
    write([record(1, requestMetadata={key: "rocks", "a": {"b": "wrong"}})])
    [row] = questions.usage(opened(), by=[f"metadata.{key}"])
    assert row[f"metadata.{key}"] == "rocks"


def test_values_of_metadata_that_are_no_texts_are_told_as_json(record, write, opened):
    write(
        [
            record(1, requestMetadata={"n": 5}),
            record(2, requestMetadata=["odd"]),
            record(3, requestMetadata="odd"),
        ]
    )
    rows = questions.usage(opened(), by=["metadata.n"])
    assert {row["metadata.n"] for row in rows} == {"5", ""}


@pytest.mark.parametrize("by", [["nothing"], ["metadata."], ["model; DROP TABLE files"], [""]])
def test_what_usage_cannot_be_told_by_is_refused_with_the_choice(by, logs, opened):
    with pytest.raises(RequestError, match="isn't something to tell usage by"):
        questions.usage(opened(), by=by)


def test_costs_by_kind_add_up(month, opened):
    told = costs.costs(opened())
    assert told.total == pytest.approx(total(month))
    assert told.input == pytest.approx(total(month, lambda cost: cost.input))
    assert told.output == pytest.approx(total(month, lambda cost: cost.output))
    assert told.cache_read == pytest.approx(total(month, lambda cost: cost.cache_read))
    assert told.cache_write == pytest.approx(total(month, lambda cost: cost.cache_write))
    for rows in (told.by_endpoint, told.by_model):
        assert sum(row["cost"] for row in rows) == pytest.approx(told.total)
        assert sum(row["premium"] for row in rows) == pytest.approx(told.premium)


def test_the_premium_is_what_global_would_save(month, opened):
    told = costs.costs(opened())
    saved = 0.0
    for one in month:
        if one["modelId"].startswith("us."):
            elsewhere = one | {"modelId": one["modelId"].replace("us.", "global.")}
            saved += float(exact(one)[0].amount - exact(elsewhere)[0].amount)
    assert told.premium == pytest.approx(saved)
    paid = [one for one in month if one["modelId"].startswith("us.") and "errorCode" not in one]
    assert told.premium_calls == len(paid)


def test_the_cache_saves_what_reading_anew_would_have_cost(month, opened):
    told = costs.costs(opened())
    saved = Decimal(0)
    for one in month:
        cost, price = exact(one)
        read, written = (
            one["input"]["cacheReadInputTokenCount"],
            one["input"]["cacheWriteInputTokenCount"],
        )
        anew = (read + written) * price.input / 1_000_000
        saved += anew - cost.cache_read - cost.cache_write
    assert told.cache_saving == pytest.approx(float(saved))
    assert (
        told.cache_reads
        == told.cache_writes
        == sum(one["input"]["cacheReadInputTokenCount"] > 0 for one in month)
    )


def test_writing_to_a_cache_that_nobody_reads_is_a_loss(record, write, opened):
    one = record(1, counts=(10, 0, 10_000, 10))
    write([one])
    told = costs.costs(opened())
    cost, price = exact(one)
    lost = float(cost.cache_write - 10_000 * price.input / 1_000_000)
    assert told.unread_writes == pytest.approx(lost)
    assert told.cache_saving == pytest.approx(-lost)


def test_a_batch_would_have_saved_half_of_what_looks_like_one(record, write, opened):
    burst = [record(at, timestamp=f"2026-11-20T10:{at:02}:00Z") for at in range(40)]
    streamed = [
        one | {"operation": "InvokeModelWithResponseStream", "timestamp": "2026-11-20T12:00:00Z"}
        for one in burst
    ]
    lonely = record(99, timestamp="2026-11-20T15:00:00Z")
    write([*burst, *streamed, lonely])
    told = costs.costs(opened())
    assert told.batch_calls == len(burst)
    assert told.batch_cost == pytest.approx(total(burst))
    assert told.batch_saving == pytest.approx(total(burst) / 2)


def test_errors_are_told_with_their_share_and_an_example(record, write, opened):
    refused = [
        record(at, errorCode="ThrottlingException", timestamp=f"2026-11-20T10:00:0{at}Z")
        for at in (1, 2)
    ]
    write([*refused, record(3), record(4)])
    [row] = questions.errors(opened())
    assert (row["error"], row["calls"], row["share"]) == ("ThrottlingException", 2, 0.5)
    assert row["request_id"].endswith("2")
    assert row["first"] < row["last"]


def test_errors_of_calls_that_name_nothing_are_told_too(record, write, opened):
    """A refusal may come before anything is known: no model, no identity, no region."""
    write([record(1, errorCode="ValidationException", modelId=None, identity=None, region=None)])
    log = opened()
    assert [row["calls"] for row in questions.errors(log)] == [1]
    assert questions.overview(log).errors == 1
    assert sum(row["calls"] for row in throttles.throttles(log)) == 1


def test_a_minute_holds_back_prompt_and_max_tokens_and_settles_by_burndown(record, write, opened):
    row = quotas.shipped().row(OPUS)
    model = models.find(OPUS)
    counts = (1000, 2000, 300, 50)
    given = [record(at, modelId=f"global.{OPUS}", counts=counts) for at in (1, 2)]
    unset = record(3, modelId=f"global.{OPUS}", counts=counts, asked={"messages": []})
    other = record(4, modelId=f"global.{OPUS}", counts=counts, timestamp="2026-11-20T10:01:00Z")
    refused = record(
        5, modelId=f"global.{OPUS}", errorCode="ThrottlingException", counts=(0, 0, 0, 0)
    )
    write([*given, unset, other, refused])
    [told] = throttles.throttles(opened())
    reserved = 2 * quotas.reserved(model, prompt=3300, max_tokens=1024)
    reserved += quotas.reserved(model, prompt=3300, max_tokens=None)
    usage = {
        "input_tokens": 1000,
        "cache_read_input_tokens": 2000,
        "cache_creation_input_tokens": 300,
        "output_tokens": 50,
    }
    assert told["reserved"] == reserved
    assert told["settled"] == 3 * quotas.settled(usage, burndown=row.burndown)
    assert told["quota"] == row.tokens_per_minute["global"]
    assert told["share"] == reserved / told["quota"]
    assert (told["calls"], told["throttled"], told["max_tokens_unset"]) == (5, 1, 1)
    assert told["at"].minute == 0


def test_an_accounts_own_quota_takes_the_defaults_place(record, write, opened):
    write([record(1, modelId=f"global.{OPUS}")])
    [told] = throttles.throttles(opened(), given={OPUS: 1000})
    assert (told["quota"], told["share"]) == (1000, told["reserved"] / 1000)


def test_figures_of_millions_of_tokens_do_not_run_over(record, write, opened):
    write([record(at, counts=(2**40, 2**40, 2**40, 2**40)) for at in range(50)])
    log = opened()
    assert questions.overview(log).input_tokens == 50 * 2**40
    assert costs.costs(log).total > 0
    assert throttles.throttles(log)[0]["reserved"] > 0
