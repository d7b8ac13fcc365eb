"""Prompt caching: the usage that boto3 sees, and when a prefix is there no more."""

from __future__ import annotations

import json
import re
import runpy
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given, strategies as st

from outcrop.catalog import models
from outcrop.errors import ThrottlingException
from outcrop.messages.prompt_tokens import count_request, parts
from outcrop.server.actors import Refuse, Text
from outcrop.server.app import App
from outcrop.server.auth import Gate
from outcrop.server.prompt_cache import PromptCache, Scope, Usage, read_prompt
from outcrop.server.serve import LocalBedrock, Options

VERSIONED = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
LATER = "global.anthropic.claude-opus-4-8"
HAIKU_3 = "anthropic.claude-3-haiku-20240307-v1:0"
HAIKU_45 = "global.anthropic.claude-haiku-4-5-20251001-v1:0"

#: What the catalog knows of it.
ROW = models.find(VERSIONED.removeprefix("global."))

EXAMPLE = Path(__file__).parents[2] / "examples" / "prompt_caching.py"
MINUTE = 60
NOW = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}


class Says:
    """Answers with two words, or refuses if it is asked to."""

    name = "says"

    async def start(self):
        pass

    async def answer(self, ask):
        if "refuse" in json.dumps(ask.document["messages"]):
            yield Refuse(ThrottlingException("Too many requests"))
        yield Text("Well, yes.")

    async def close(self):
        pass


class Clocked(LocalBedrock):
    """A local Bedrock whose clock the test moves; it takes any signature."""

    now = 1_800_000_000.0

    def _app(self):
        gate = Gate(None, region=self.options.region)
        return App(self._actor, gate, clock=lambda: self.now)


@contextmanager
def connected(server):
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=server.url,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )
    with closing(client):
        yield client


@pytest.fixture(scope="module")
def running():
    with Clocked(Options(actor=Says())) as server, connected(server) as client:
        yield server, client


@pytest.fixture
def client(running):
    return running[1]


@pytest.fixture
def server(running):
    return running[0]


_numbers = count()


@pytest.fixture
def long():
    """Some 2,000 tokens that no other test has sent."""
    return f"Chapter {next(_numbers)}. " + "The quick brown fox jumps over the lazy dog. " * 200


def text(content, cache=None):
    block = {"type": "text", "text": content}
    return block if cache is None else {**block, "cache_control": cache}


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks):
    return {"role": "assistant", "content": list(blocks)}


def document(**changes):
    return {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 64,
        "messages": [user(text("Is it so?"))],
        **changes,
    }


def invoke(client, model=VERSIONED, **changes):
    """The usage of a reply, and its headers."""
    reply = client.invoke_model(modelId=model, body=json.dumps(document(**changes)))
    return json.loads(reply["body"].read())["usage"], reply["ResponseMetadata"]["HTTPHeaders"]


def cached(client, model=VERSIONED, **changes):
    """Tokens read, written for five minutes, and written for an hour."""
    usage, _ = invoke(client, model, **changes)
    made = usage["cache_creation"]
    assert usage["cache_creation_input_tokens"] == sum(made.values())
    return (
        usage["cache_read_input_tokens"],
        made["ephemeral_5m_input_tokens"],
        made["ephemeral_1h_input_tokens"],
    )


def refusal(client, model=VERSIONED, **changes):
    with pytest.raises(ClientError) as caught:
        invoke(client, model, **changes)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


# What the first call writes, the second reads ────────────────────────────────────────────────────


@pytest.mark.parametrize("model", [VERSIONED, LATER])
def test_the_first_call_writes_and_the_second_reads(client, long, model):
    plain, _ = invoke(client, model, system=[text(long)])
    first, headers = invoke(client, model, system=[text(long, NOW)])
    written = first["cache_creation_input_tokens"]
    assert written > 1024
    assert first["cache_read_input_tokens"] == 0
    assert first["cache_creation"] == {
        "ephemeral_5m_input_tokens": written,
        "ephemeral_1h_input_tokens": 0,
    }
    assert first["input_tokens"] + written == plain["input_tokens"]
    assert headers["x-amzn-bedrock-cache-write-input-token-count"] == str(written)
    assert headers["x-amzn-bedrock-cache-read-input-token-count"] == "0"
    second, headers = invoke(client, model, system=[text(long, NOW)])
    assert second["cache_read_input_tokens"] == written
    assert second["cache_creation_input_tokens"] == 0
    assert second["input_tokens"] == first["input_tokens"]
    assert headers["x-amzn-bedrock-cache-read-input-token-count"] == str(written)
    assert headers["x-amzn-bedrock-input-token-count"] == str(first["input_tokens"])


def test_usage_of_a_versioned_model_has_the_counts_before_the_output(client, long):
    usage, _ = invoke(client, system=[text(long, NOW)])
    assert list(usage) == [
        "input_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "cache_creation",
        "output_tokens",
    ]


def test_a_stream_counts_the_same_in_its_first_event_and_its_metrics(client, long):
    _, written, _ = cached(client, system=[text(long, NOW)])
    body = json.dumps(document(system=[text(long, NOW)]))
    reply = client.invoke_model_with_response_stream(modelId=VERSIONED, body=body)
    with closing(reply["body"]) as stream:
        events = [json.loads(event["chunk"]["bytes"]) for event in stream]
    assert events[0]["message"]["usage"]["cache_read_input_tokens"] == written
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    assert metrics["cacheReadInputTokenCount"] == written
    assert metrics["cacheWriteInputTokenCount"] == 0
    assert metrics["inputTokenCount"] == events[0]["message"]["usage"]["input_tokens"]


def converse(client, long, point, model=VERSIONED):
    return client.converse(
        modelId=model,
        system=[{"text": long}, {"cachePoint": point}],
        messages=[{"role": "user", "content": [{"text": "Is it so?"}]}],
    )["usage"]


def test_converse_counts_its_cache_points(client, long):
    first = converse(client, long, {"type": "default"})
    written = first["cacheWriteInputTokens"]
    assert written > 1024
    assert first["cacheReadInputTokens"] == 0
    assert first["cacheDetails"] == [{"ttl": "5m", "inputTokens": written}]
    second = converse(client, long, {"type": "default"})
    assert (second["cacheReadInputTokens"], second["cacheWriteInputTokens"]) == (written, 0)
    assert "cacheDetails" not in second
    assert (
        second["totalTokens"]
        == first["totalTokens"]
        == second["inputTokens"] + written + (second["outputTokens"])
    )


def test_converse_tells_what_is_kept_for_an_hour(client, long):
    usage = converse(client, long, {"type": "default", "ttl": "1h"})
    assert usage["cacheDetails"] == [{"ttl": "1h", "inputTokens": usage["cacheWriteInputTokens"]}]


def test_a_stream_of_converse_tells_in_its_metadata(client, long):
    written = converse(client, long, {"type": "default"})["cacheWriteInputTokens"]
    reply = client.converse_stream(
        modelId=VERSIONED,
        system=[{"text": long}, {"cachePoint": {"type": "default"}}],
        messages=[{"role": "user", "content": [{"text": "Is it so?"}]}],
    )
    with closing(reply["stream"]) as stream:
        (metadata,) = [event["metadata"] for event in stream if "metadata" in event]
    assert metadata["usage"]["cacheReadInputTokens"] == written


def test_a_document_in_text_mode_is_cached_as_its_text(client, long):
    """Converse reads it as text, so that the parts must add up to the price of that."""

    def usage(*points):
        document = {"format": "txt", "name": "it", "source": {"bytes": long.encode()}}
        content = [{"text": "Is it so?"}, {"document": document}, *points]
        messages = [{"role": "user", "content": [*content, {"text": "Say."}]}]
        return client.converse(modelId=VERSIONED, messages=messages)["usage"]

    plain, first, second = usage(), *(usage({"cachePoint": {"type": "default"}}) for _ in range(2))
    assert first["cacheWriteInputTokens"] == second["cacheReadInputTokens"] > 1024
    for marked in (first, second):
        assert marked["totalTokens"] == plain["totalTokens"]


def test_both_operations_share_a_prompt(client, long):
    written = converse(client, long, {"type": "default"})["cacheWriteInputTokens"]
    assert cached(client, system=[text(long, NOW)]) == (written, 0, 0)


def test_a_prompt_without_cache_control_is_neither_read_nor_written(client, long):
    cached(client, system=[text(long, NOW)])
    usage, headers = invoke(client, system=[text(long)])
    assert (usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (0, 0)
    assert not [name for name in headers if "cache" in name]


def test_what_was_refused_is_not_written(client, long):
    error = refusal(client, system=[text(long, NOW)], messages=[user(text("refuse"))])
    assert error == ("ThrottlingException", "Too many requests")
    read, written, _ = cached(client, system=[text(long, NOW)])
    assert read == 0
    assert written


def test_the_context_is_bounded_by_all_tokens_read_or_not(client):
    content = "word " * 230_000
    code, message = refusal(client, system=[text(content, NOW)])
    assert (code, message.split(":")[0]) == ("ValidationException", "prompt is too long")


# How long ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_prefix_expires_five_minutes_after_its_last_use(server, client, long):
    system = [text(long, NOW)]
    _, written, _ = cached(client, system=system)
    for _ in range(3):
        server.now += 5 * MINUTE - 1
        assert cached(client, system=system) == (written, 0, 0)
    server.now += 5 * MINUTE
    assert cached(client, system=system) == (0, written, 0)


def test_an_hour_is_an_hour(server, client, long):
    system = [text(long, HOUR)]
    _, _, written = cached(client, system=system)
    server.now += 60 * MINUTE - 1
    assert cached(client, system=system) == (written, 0, 0)
    server.now += 60 * MINUTE
    assert cached(client, system=system) == (0, 0, written)


def test_an_hour_before_five_minutes_is_written_and_expires_apart(server, client, long):
    changes = {
        "system": [text("System. " + long, HOUR)],
        "messages": [user(text("Message. " + long, NOW), text("And now?"))],
    }
    read, short, hour = cached(client, **changes)
    assert read == 0
    assert short
    assert hour
    assert cached(client, **changes) == (hour + short, 0, 0)
    server.now += 6 * MINUTE
    assert cached(client, **changes) == (hour, short, 0)


def test_an_hour_after_five_minutes_is_refused(client):
    changes = {
        "system": [text("Be brief.", NOW)],
        "messages": [user(text("Hello"), text("there", HOUR))],
    }
    said = (
        "messages.0.content.1.cache_control.ttl: a ttl='1h' cache_control block must not come "
        "after a ttl='5m' cache_control block. Note that blocks are processed in the following "
        "order: `tools`, `system`, `messages`."
    )
    assert refusal(client, **changes) == ("ValidationException", said)
    with pytest.raises(ClientError) as caught:
        client.converse(
            modelId=VERSIONED,
            system=[{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
            messages=[
                {
                    "role": "user",
                    "content": [
                        {"text": "Hello"},
                        {"text": "there"},
                        {"cachePoint": {"type": "default", "ttl": "1h"}},
                    ],
                }
            ],
        )
    error = caught.value.response["Error"]
    assert error["Message"] == f"The model returned the following errors: {said}"


# Which prefixes ──────────────────────────────────────────────────────────────────────────────────


# The minimum is that of the model cards.
@pytest.mark.parametrize(("model", "minimum"), [(VERSIONED, 1024), (HAIKU_45, 4096)])
def test_less_than_the_minimum_is_not_cached(client, long, model, minimum):
    row = models.find(model.removeprefix("global."))

    def costs(content):
        (part,) = parts({"system": [text(content)]}, row.tokenizer)
        return part.tokens

    # the word that makes the difference, found by the estimate
    words = f"{long} {long} {long}".split()
    enough = next(n for n in range(len(words)) if costs(" ".join(words[:n])) >= minimum)
    for _ in range(2):
        system = [text(" ".join(words[: enough - 1]), NOW)]
        assert cached(client, model, system=system) == (0, 0, 0)
    system = [text(" ".join(words[:enough]), NOW)]
    _, written, _ = cached(client, model, system=system)
    assert written >= minimum
    assert cached(client, model, system=system) == (written, 0, 0)


def test_the_longest_prefix_that_was_written_is_read(client, long):
    """A conversation that grows: each call reads what the one before has written."""
    messages = [user(text(long, NOW))]
    before = 0
    for turn in range(3):
        read, written, _ = cached(client, messages=messages)
        assert read == before
        assert written
        before = read + written
        messages[-1]["content"][0].pop("cache_control")
        messages += [assistant(text("Well, yes.")), user(text(f"And {turn}?", NOW))]


def blocks(long, size, *marked):
    """A message of that many blocks, the marked ones (counted from 1) with a point."""
    names = [long, *(f"Block {at}." for at in range(2, size + 1))]
    return [user(*(text(name, NOW if at in marked else None) for at, name in enumerate(names, 1)))]


def test_nothing_is_found_more_than_20_blocks_back(client, long):
    """As in Anthropic's example: from 35 one looks at 35 to 16, so that 15 is found from 34."""
    _, written, _ = cached(client, messages=blocks(long, 15, 15))
    read, _, _ = cached(client, messages=blocks(long, 35, 35))
    assert read == 0
    read, _, _ = cached(client, messages=blocks(long, 34, 34))
    assert read == written


def test_a_second_point_looks_back_from_where_it_stands(client, long):
    _, written, _ = cached(client, messages=blocks(long, 15, 15))
    read, more, _ = cached(client, messages=blocks(long, 35, 15, 35))
    assert read == written
    assert more


def test_what_was_not_marked_is_not_found(client, long):
    changes = {"system": [text(long)]}
    cached(client, **changes, messages=[user(text("It is 10:01.", NOW))])
    read, written, _ = cached(client, **changes, messages=[user(text("It is 10:02.", NOW))])
    assert read == 0
    assert written


def test_four_points_are_taken_and_a_fifth_is_refused(client, long):
    messages = blocks(long, 6, 1, 2)
    changes = {
        "tools": [{**TOOL, "cache_control": NOW}],
        "system": [text("Be brief.", NOW)],
    }
    _, written, _ = cached(client, **changes, messages=messages)
    assert written
    messages[0]["content"][4]["cache_control"] = NOW
    assert refusal(client, **changes, messages=messages) == (
        "ValidationException",
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    )


def test_a_block_inside_a_tool_result_ends_a_prefix(client, long):
    def result(cache, *, whole=None):
        block = {
            "type": "tool_result",
            "tool_use_id": "toolu_1",
            "content": [text(long, cache), text("Today.")],
        }
        return block if whole is None else {**block, "cache_control": whole}

    use = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
    talk = [user(text("Look.")), assistant(use)]
    changes = {"tools": [TOOL]}
    _, inner, _ = cached(client, **changes, messages=[*talk, user(result(NOW))])
    assert inner > 1024
    read, more, _ = cached(client, **changes, messages=[*talk, user(result(None, whole=NOW))])
    assert read == inner
    assert more
    assert cached(client, **changes, messages=[*talk, user(result(None, whole=NOW))])[0] == (
        inner + more
    )


# What changes a prefix ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kept", "changes"),
    [
        (3, {}),
        (3, {"temperature": 0.5, "max_tokens": 65, "stop_sequences": ["END"]}),
        (2, {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}),
        (2, {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048}),
        (2, {"message": "Another message. "}),
        (1, {"system": "Another system prompt. "}),
        (0, {"tool": "Looks elsewhere. "}),
        (
            2,
            {
                "end": {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/gif", "data": "R0lGODlhAQAB"},
                }
            },
        ),
        (
            1,
            {
                "end": {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "Grass."},
                    "citations": {"enabled": True},
                }
            },
        ),
    ],
)
def test_a_change_invalidates_its_level_and_those_after_it(client, long, kept, changes):
    def request(tool="", system="", message="", end=None, **more):
        return {
            "tools": [{**TOOL, "description": tool + long, "cache_control": NOW}],
            "system": [text(system + long, NOW)],
            "messages": [user(text(message + long, NOW), end or text("Is it so?"))],
            **more,
        }

    # a tool, a system prompt, a message
    costs = [part.tokens for part in parts(request(), ROW.tokenizer)]
    cached(client, **request())
    read, written, _ = cached(client, **request(**changes))
    assert read == sum(costs[:kept])
    assert bool(written) == (kept < 3)


def test_a_string_is_the_block_that_it_is_short_for(client, long):
    _, written, _ = cached(client, messages=[user(text(long, NOW))])
    messages = [{"role": "user", "content": long}, assistant(text("Yes.")), user(text("No?", NOW))]
    assert cached(client, messages=messages)[0] == written


def test_a_model_has_its_own_prefixes_under_all_its_profiles(client, long):
    system = [text(long, NOW)]
    _, written, _ = cached(client, system=system)
    assert cached(client, HAIKU_45, system=system)[0] == 0
    us = VERSIONED.replace("global.", "us.")
    assert cached(client, us, system=system) == (written, 0, 0)


# Automatic caching ───────────────────────────────────────────────────────────────────────────────


def test_automatic_caching_marks_the_last_block(client, long):
    messages = [user(text(long))]
    usage, _ = invoke(client, LATER, messages=messages, cache_control=NOW)
    written = usage["cache_creation_input_tokens"]
    assert written > 1024
    messages += [assistant(text("Well, yes.")), user(text("And now?"))]
    read, more, _ = cached(client, LATER, messages=messages, cache_control=NOW)
    assert read == written
    assert more


def test_models_with_a_version_know_no_automatic_caching(client):
    assert refusal(client, cache_control=NOW) == (
        "ValidationException",
        "cache_control: Extra inputs are not permitted",
    )


def test_automatic_caching_takes_one_of_the_four(client, long):
    messages = blocks(long, 5, 1, 2, 3, 4)
    assert refusal(client, LATER, messages=messages, cache_control=NOW) == (
        "ValidationException",
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    )
    messages = blocks(long, 4, 1, 2, 3, 4)
    assert cached(client, LATER, messages=messages, cache_control=NOW)[1]


def test_automatic_caching_must_not_contradict_the_mark_of_its_block(client, long):
    changes = {"messages": [user(text(long, HOUR))]}
    assert cached(client, LATER, **changes, cache_control=HOUR)[2]
    code, _ = refusal(client, LATER, **changes, cache_control=NOW)
    assert code == "ValidationException"


# Refusals ────────────────────────────────────────────────────────────────────────────────────────

THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "x", "cache_control": NOW}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"system": [text("Be brief.", {"type": "ephemeral", "ttl": 3600})]},
            "system.0.cache_control.ephemeral.ttl: Input should be '5m' or '1h'",
        ),
        (
            {"messages": [user(text("Hello", {"type": "ephemeral", "ttl": 300}))]},
            "messages.0.content.0.text.cache_control.ephemeral.ttl: Input should be '5m' or '1h'",
        ),
        (
            {"system": [text("One."), text("Two.", {"type": "ephemeral", "scope": "global"})]},
            "system.1.cache_control.ephemeral.scope: Extra inputs are not permitted",
        ),
        (
            {"messages": [user(text("Hello"), text("", NOW))]},
            "messages.0.content.1.text: cache_control cannot be set for empty text blocks",
        ),
        (
            {"messages": [user(text("Hello")), assistant(THOUGHT), user(text("Go on"))]},
            "messages.1.content.0.thinking.cache_control: Extra inputs are not permitted",
        ),
    ],
)
def test_the_text_is_the_one_that_was_seen(client, changes, message):
    assert refusal(client, **changes) == ("ValidationException", message)


def test_a_model_that_caches_nothing_says_so():
    """As Bedrock says it of Claude 3, which this region has to this day."""
    options = Options(actor=Says(), region="ap-south-1")
    with (
        LocalBedrock(options) as server,
        connected(server) as there,
        pytest.raises(ClientError) as caught,
    ):
        there.converse(
            modelId=HAIKU_3,
            messages=[
                {"role": "user", "content": [{"text": "Hi"}, {"cachePoint": {"type": "default"}}]}
            ],
        )
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert error["Message"] == (
        "You invoked an unsupported model or your request did not allow prompt caching. "
        "See the documentation for more information."
    )


# The cache itself ────────────────────────────────────────────────────────────────────────────────

HERE = Scope("123456789012", "us-east-1", ROW.id)
PROMPT = document(system=[text("The quick brown fox jumps over the lazy dog. " * 200, NOW)])


def prompt(request, scope=HERE):
    total = count_request(request, generation=ROW.tokenizer)
    return read_prompt(request, model=ROW, scope=scope, total=total)


@pytest.mark.parametrize(
    "elsewhere",
    [
        HERE._replace(account="210987654321"),
        HERE._replace(region="eu-central-1"),
        HERE._replace(model="anthropic.claude-sonnet-4-6"),
    ],
)
def test_a_prefix_is_only_there_for_its_account_region_and_model(elsewhere):
    cache = PromptCache(lambda: 0.0)
    cache.keep(cache.look(prompt(PROMPT)))
    assert cache.look(prompt(PROMPT)).usage.cache_read
    assert not cache.look(prompt(PROMPT, elsewhere)).usage.cache_read


def test_a_prefix_is_there_once_the_answer_has_begun():
    cache = PromptCache(lambda: 0.0)
    first, second = cache.look(prompt(PROMPT)), cache.look(prompt(PROMPT))
    assert first.usage == second.usage
    assert second.usage.cache_read == 0
    cache.keep(first)
    cache.keep(second)
    assert len(cache) == 1
    assert cache.look(prompt(PROMPT)).usage.cache_read == first.usage.written_5m


def test_a_written_message_strips_thinking_and_with_it_what_came_after():
    """ "Cache remains valid when only tool results are provided", "gets invalidated when …"."""

    def call(number, cache=None):
        use = {"type": "tool_use", "id": f"toolu_{number}", "name": "look", "input": {}}
        result = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": "Grass."}
        return use, result if cache is None else {**result, "cache_control": cache}

    thought = {"type": "thinking", "thinking": "Let me look.", "signature": "x"}
    asked = user(text("The quick brown fox jumps over the lazy dog. " * 200))
    (use, result), (use_again, result_again) = call(1), call(2, NOW)
    loop = [asked, assistant(thought, use)]
    cache = PromptCache(lambda: 0.0)
    first = cache.look(prompt(document(messages=[*loop, user(call(1, NOW)[1])])))
    cache.keep(first)
    loop.append(user(result))
    more = [*loop, assistant(use_again), user(result_again)]
    assert cache.look(prompt(document(messages=more))).usage.cache_read == first.usage.written_5m
    written = [*loop, assistant(text("Grass it is.")), user(text("And now?", NOW))]
    assert cache.look(prompt(document(messages=written))).usage.cache_read == 0


def test_the_cache_is_bounded_and_forgets_what_was_used_longest_ago():
    cache = PromptCache(lambda: 0.0, most=3)
    several = [
        prompt(document(system=[text(f"{n} " + PROMPT["system"][0]["text"], NOW)]))
        for n in range(4)
    ]
    for one in (*several[:3], several[0], several[3]):
        cache.keep(cache.look(one))
    assert len(cache) == 3
    assert [bool(cache.look(one).usage.cache_read) for one in several] == [True, False, True, True]


controls = st.sampled_from([None, None, NOW, HOUR])
words = st.integers(min_value=1, max_value=400).map(lambda n: "lorem ipsum " * n)
some = st.builds(text, words, controls)
results = st.builds(
    lambda inner, cache: {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "content": inner,
        **({"cache_control": cache} if cache else {}),
    },
    st.lists(some, max_size=3),
    controls,
)
requests = st.fixed_dictionaries(
    {
        "tools": st.lists(
            st.builds(lambda cache: {**TOOL, "cache_control": cache}, controls), max_size=2
        ),
        "system": st.lists(some, max_size=2),
        "messages": st.lists(
            st.builds(
                lambda role, content: {"role": role, "content": content},
                st.sampled_from(["user", "assistant"]),
                st.one_of(words, st.lists(st.one_of(some, results), max_size=3)),
            ),
            max_size=4,
        ),
    }
)


@given(st.lists(requests, min_size=1, max_size=4))
def test_read_written_and_the_rest_are_the_total(several):
    cache = PromptCache(lambda: 0.0)
    for request in [*several, *several]:
        total = count_request(request, generation=ROW.tokenizer)
        if (one := prompt(request)) is None:
            continue
        look = cache.look(one)
        usage = look.usage
        assert total == sum(
            (usage.input_tokens, usage.cache_read, usage.written_5m, usage.written_1h)
        )
        assert min(usage.input_tokens, usage.cache_read, usage.written_5m, usage.written_1h) >= 0
        cache.keep(look)
        # What has just been written is read: nothing is left to write.
        again = cache.look(one).usage
        assert again == Usage(usage.input_tokens, total - usage.input_tokens)


# The example ─────────────────────────────────────────────────────────────────────────────────────


def test_the_example_reads_in_its_second_call_what_it_has_written(capsys):
    runpy.run_path(str(EXAMPLE))
    first, second = re.findall(r"written: (\d+), read: (\d+)", capsys.readouterr().out)
    assert first == (second[1], "0")
    assert second[0] == "0"
    assert int(first[0]) > 1024
