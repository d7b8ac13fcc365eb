"""Names, endpoints, areas to stay in, costs and fallbacks: which way a call goes, and why."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest

from outcrop import AnthropicBedrock, AsyncAnthropicBedrock, errors
from outcrop.bedrock.invoke_stream import write_event, write_exception
from outcrop.catalog import prices

OPUS = "anthropic.claude-opus-4-8"
KEYS = {
    "aws_access_key": "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}
ASK = {"max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}]}
REPLY = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4-8",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1000, "output_tokens": 200, "cache_read_input_tokens": 50},
}
BODY = json.dumps(REPLY).encode()


def throttle(peer, message="Too many requests, please wait before trying again."):
    body = json.dumps({"message": message}).encode()
    peer.whole(429, body, x_amzn_errortype="ThrottlingException")


def calls(peer):
    """Model and signed region of each request."""
    return [
        (
            re.fullmatch(r"/model/([^/]+)/[a-z-]+", target)[1].replace("%3A", ":"),
            headers["authorization"].split("/")[2],
        )
        for target, headers, _ in peer.requests
    ]


def client(peer=None, region="us-west-2", **options):
    base_url = {} if peer is None else {"base_url": peer.url}
    return AnthropicBedrock(**KEYS, **base_url, aws_region=region, **options)


# Which ID ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "region", "options", "sent"),
    [
        (OPUS, "us-west-2", {}, f"us.{OPUS}"),
        (OPUS, "eu-west-1", {}, f"eu.{OPUS}"),
        ("opus-4.8", "us-west-2", {}, f"us.{OPUS}"),
        ("claude-opus-4-8", "us-west-2", {"endpoint": "global"}, f"global.{OPUS}"),
        (f"global.{OPUS}", "us-west-2", {}, f"global.{OPUS}"),
        (f"global.{OPUS}", "us-west-2", {"client": "regional"}, f"global.{OPUS}"),
        (OPUS, "us-west-2", {"client": "global"}, f"global.{OPUS}"),
        (OPUS, "us-west-2", {"client": "global", "endpoint": "regional"}, f"us.{OPUS}"),
    ],
)
def test_what_is_called_is_what_the_resolver_finds(peer, model, region, options, sent):
    peer.whole(200, BODY)
    options = dict(options)
    told = {"endpoint": options.pop("client")} if "client" in options else {}
    message = client(peer, region, **told).messages.create(model=model, **ASK, **options)
    assert calls(peer) == [(sent, region)]
    assert message.route.model_id == sent
    assert message.route.reasons


def test_a_route_says_where_it_leads_and_why():
    route = client(region="eu-central-1").resolve("opus-4.8")
    assert route.endpoint == "regional"
    assert route.destinations
    assert all(region.startswith("eu-") for region in route.destinations)
    assert route.price.premium == Decimal("0.1")
    assert route.lifecycle == "active"
    assert any("Claude Opus 4.8" in reason for reason in route.reasons)


def test_a_guard_keeps_calls_where_they_belong():
    european = client(region="eu-central-1", stay_in="eu")
    assert european.resolve(OPUS).endpoint in ("regional", "in-region")
    with pytest.raises(errors.RequestError, match="eu"):
        european.messages.create(model=f"global.{OPUS}", **ASK)
    with pytest.raises(errors.RequestError):
        european.messages.create(model=OPUS, **ASK, fallback=["global"])
    with pytest.raises(errors.RequestError):
        client(region="us-west-2").messages.create(model=OPUS, **ASK, stay_in="eu")


def test_a_model_that_has_ended_is_refused_with_its_successor():
    with pytest.raises(errors.RequestError, match=r"(?i)sonnet") as caught:
        client().messages.create(model="anthropic.claude-3-5-sonnet-20241022-v2:0", **ASK)
    assert "ended" in str(caught.value)


def test_a_model_ends_while_a_client_runs(peer, monkeypatch):
    from outcrop.client import request, routing

    peer.whole(200, BODY)
    peer.whole(200, BODY)
    asking = client(peer)
    for day, number in (("2026-10-01", 20_000), ("2026-10-01", 20_000), ("2026-10-15", 20_014)):
        monkeypatch.setattr(request, "time", lambda number=number: number * 86_400.0)
        monkeypatch.setattr(routing, "_today", lambda day=day: day)
        if day < "2026-10-14":
            with pytest.warns(DeprecationWarning, match="2026-10-14"):
                asking.messages.create(model="sonnet-4", **ASK)
        else:
            with pytest.raises(errors.RequestError, match="ended"):
                asking.messages.create(model="sonnet-4", **ASK)


def test_an_unknown_model_is_passed_on_with_a_warning(peer):
    peer.whole(200, BODY)
    with pytest.warns(UserWarning, match="doesn't know 'anthropic.claude-next'") as warned:
        message = client(peer).messages.create(model="anthropic.claude-next", **ASK)
    assert warned[0].filename == __file__
    assert calls(peer)[0][0] == "anthropic.claude-next"
    assert message.cost.amount is None
    assert "no price" in message.cost.reason


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"endpoint": "local"}, "endpoint='local'.*base_url"),
        ({"fallback": "global"}, r"fallback='global'.*\['global'\]"),
        ({"fallback": [7]}, "fallback="),
        ({"on_unsupported": "ignore"}, "on_unsupported='ignore'.*'raise', 'drop' or 'send'"),
    ],
)
def test_what_cannot_be_meant_is_named(options, words):
    with pytest.raises(errors.ConfigurationError, match=words):
        client(**options)


def test_the_users_own_catalog_goes_before_the_shipped_one(peer, tmp_path, monkeypatch):
    file = tmp_path / "catalog.json"
    new = {
        "id": "anthropic.claude-opus-9",
        "like": OPUS,
        "name": "Claude Opus 9",
        "first_party": "claude-opus-9",
        "launch": "2026-01-05",
        "profiles": {"global": "common"},
    }
    row = {"id": OPUS, "input": 1, "output": 2, "source": "our contract", "as_of": "2026-11-22"}
    file.write_text(json.dumps({"models": [new], "prices": {"models": [row]}}))
    monkeypatch.setenv("OUTCROP_CATALOG", str(file))
    peer.whole(200, BODY)
    peer.whole(200, BODY)
    caller = client(peer)
    caller.messages.create(model="opus-9", **ASK)
    assert calls(peer)[0][0] == "global.anthropic.claude-opus-9"
    message = caller.messages.create(model=OPUS, **ASK, endpoint="global")
    assert message.cost.output == Decimal(200) * 2 / 1_000_000


# Cost ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("endpoint", ["global", "regional"])
def test_a_reply_says_what_it_cost_on_its_route(peer, endpoint):
    peer.whole(200, BODY)
    message = client(peer).messages.create(model=OPUS, **ASK, endpoint=endpoint)
    price = prices.price(OPUS, endpoint=endpoint, region="us-west-2")
    million = 1_000_000
    assert message.cost.input == 1000 * price.input / million
    assert message.cost.output == 200 * price.output / million
    assert message.cost.cache_read == 50 * price.cache_read / million
    assert message.cost.amount == sum(
        [message.cost.input, message.cost.output, message.cost.cache_read]
    )
    assert message.cost.currency == "USD"


def test_a_regional_reply_costs_a_tenth_more(peer):
    peer.whole(200, BODY)
    peer.whole(200, BODY)
    both = client(peer)
    world = both.messages.create(model=OPUS, **ASK, endpoint="global").cost
    region = both.messages.create(model=OPUS, **ASK, endpoint="regional").cost
    assert region.amount == world.amount * Decimal("1.1")


def test_a_message_that_came_by_no_wire_cost_nothing():
    from outcrop.types import Message

    assert Message.model_validate(REPLY).cost is None
    assert Message.model_validate(REPLY).attempts == ()


# Fallback ────────────────────────────────────────────────────────────────────────────────────────


def test_throttled_calls_take_the_next_route_and_say_so(peer):
    throttle(peer)
    throttle(peer)
    peer.whole(200, BODY)
    caller = client(peer, max_retries=0, fallback=["global", "us-east-1"])
    message = caller.messages.create(model=OPUS, **ASK)
    assert calls(peer) == [
        (f"us.{OPUS}", "us-west-2"),
        (f"global.{OPUS}", "us-west-2"),
        (f"us.{OPUS}", "us-east-1"),
    ]
    first, second, last = message.attempts
    assert (first.error, first.status) == ("ThrottlingException", 429)
    assert second.route.endpoint == "global"
    assert last.error is None
    assert message.route is last.route
    assert message.route.region == "us-east-1"


def test_a_route_gets_its_retries_before_the_next_one_but_for_the_days_quota(peer):
    throttle(peer)
    throttle(peer, "Too many tokens per day, please wait before trying again.")
    peer.whole(200, BODY)
    caller = client(peer, max_retries=5, fallback=["global"])
    message = caller.messages.create(model=OPUS, **ASK)
    assert [model for model, _ in calls(peer)] == [f"us.{OPUS}", f"us.{OPUS}", f"global.{OPUS}"]
    assert [attempt.error for attempt in message.attempts] == [
        "ThrottlingException",
        "ThrottlingException",
        None,
    ]


def test_what_another_route_would_refuse_too_is_raised_at_once(peer):
    peer.whole(400, b'{"message":"no"}', x_amzn_errortype="ValidationException")
    with pytest.raises(errors.BadRequestError) as caught:
        client(peer, fallback=["global"]).messages.create(model=OPUS, **ASK)
    assert len(peer.requests) == 1
    assert [attempt.error for attempt in caught.value.attempts] == ["ValidationException"]


def test_when_every_route_fails_the_last_error_has_all_attempts(peer):
    throttle(peer)
    throttle(peer)
    with pytest.raises(errors.RateLimitError) as caught:
        client(peer, max_retries=0, fallback=["global"]).messages.create(model=OPUS, **ASK)
    assert [attempt.route.endpoint for attempt in caught.value.attempts] == ["regional", "global"]


START = {"type": "message_start", "message": {**REPLY, "content": []}}


def test_a_stream_falls_back_before_its_first_event_and_never_after(peer):
    busy = write_exception(errors.ThrottlingException("Too many requests"))
    peer.stream(busy)
    peer.stream(write_event(START, padding=2), busy)
    caller = client(peer, max_retries=0, fallback=["global"])
    stream = caller.messages.create(model=OPUS, **ASK, stream=True)
    with pytest.raises(errors.RateLimitError):
        list(stream)
    assert [model for model, _ in calls(peer)] == [f"us.{OPUS}", f"global.{OPUS}"]
    assert stream.route.endpoint == "global"


@pytest.mark.anyio
async def test_async_calls_fall_back_too(peer):
    throttle(peer)
    peer.whole(200, BODY)
    async with AsyncAnthropicBedrock(
        **KEYS, base_url=peer.url, aws_region="us-west-2", max_retries=0, fallback=["global"]
    ) as caller:
        message = await caller.messages.create(model=OPUS, **ASK)
    assert message.route.endpoint == "global"


def test_the_local_bedrock_takes_every_name(bedrock):
    with AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region="eu-west-1",
        base_url=bedrock.url,
    ) as caller:
        for name in ("sonnet", "opus-4.8", "claude-haiku-4-5", OPUS, f"eu.{OPUS}"):
            for api in ("invoke", "converse"):
                assert caller.messages.create(model=name, **ASK, api=api).content


# What a model won't take ─────────────────────────────────────────────────────────────────────────


def test_what_the_model_would_refuse_is_told_before_anything_is_sent(peer):
    with pytest.raises(errors.RequestError, match=r"temperature: Claude Opus 4\.8 takes no"):
        client(peer).messages.create(model=OPUS, **ASK, temperature=0.5)
    assert peer.requests == []


def test_a_route_tells_what_of_a_request_its_model_wont_take():
    route = client().resolve(OPUS)
    (finding,) = route.refuses({**ASK, "temperature": 0.5})
    assert (finding.path, finding.drop) == ("temperature", ("temperature",))
    assert route.refuses(ASK) == []


def test_it_can_be_left_out_or_sent_all_the_same(peer):
    peer.whole(200, BODY)
    peer.whole(200, BODY)
    with pytest.warns(UserWarning, match=r"Left out: temperature") as warned:
        client(peer).messages.create(model=OPUS, **ASK, temperature=0.5, on_unsupported="drop")
    assert warned[0].filename == __file__
    client(peer, on_unsupported="send").messages.create(model=OPUS, **ASK, temperature=0.5)
    bodies = [json.loads(body) for _, _, body in peer.requests]
    assert ["temperature" in body for body in bodies] == [False, True]


def test_what_has_no_keyword_is_not_looked_at(peer):
    peer.whole(200, BODY)
    client(peer).messages.create(model=OPUS, **ASK, extra_body={"temperature": 0.5})
    assert json.loads(peer.requests[0][2])["temperature"] == 0.5
