"""Thinking in the local Bedrock, as boto3 and our client see it.

Expected texts and defaults: Anthropic, "Troubleshooting thinking", "Extended thinking", "Thinking"
and "Migrate to Claude Sonnet 5.5"; refusals of its API as publicly reported.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given, strategies as st

from outcrop import AnthropicBedrock, errors
from outcrop.messages.tokens import estimate
from outcrop.server import signatures
from outcrop.server.actors import Ask
from outcrop.server.actors.reading import read
from outcrop.server.actors.thoughts import REDACT, thoughts
from outcrop.testing import local_bedrock

BUDGET = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
BOTH = "global.anthropic.claude-opus-4-6-v1"
ADAPTIVE = "global.anthropic.claude-opus-4-8"
BY_DEFAULT = "global.anthropic.claude-opus-5"
ALWAYS = "global.anthropic.claude-opus-5-5"
BETWEEN = "global.anthropic.claude-sonnet-5-5"
NEVER = "anthropic.claude-3-haiku-20240307-v1:0"

ENABLED = {"type": "enabled", "budget_tokens": 1024}
SUMMARIZED = {"type": "adaptive", "display": "summarized"}
INTERLEAVED = "interleaved-thinking-2025-05-14"
THE_MODEL_SAYS = "The model returned the following errors: "
QUESTION = "What is 12 * 12?"
WEATHER = {
    "name": "get_weather",
    "description": "Tells the weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
ASK_WEATHER = {"role": "user", "content": "What is the weather in Paris?"}


@pytest.fixture(scope="module")
def runtime(bedrock):
    made = boto3.client(
        "bedrock-runtime",
        endpoint_url=bedrock.url,
        region_name="us-east-1",
        aws_access_key_id=bedrock.access_key,
        aws_secret_access_key=bedrock.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )
    with closing(made):
        yield made


@pytest.fixture(scope="module")
def client(bedrock):
    with AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region="us-east-1",
        base_url=bedrock.url,
        max_retries=0,
    ) as made:
        yield made


def body(model: str, **fields) -> dict:
    later = model not in (BUDGET, BOTH, NEVER)
    ask = {
        "anthropic_version": "2026-10-21" if later else "bedrock-2023-05-31",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": QUESTION}],
        **fields,
    }
    return {key: value for key, value in ask.items() if value is not None}


def invoke(runtime, model: str, **fields) -> dict:
    reply = runtime.invoke_model(modelId=model, body=json.dumps(body(model, **fields)))
    return json.loads(reply["body"].read())


def invoke_stream(runtime, model: str, **fields) -> list[dict]:
    reply = runtime.invoke_model_with_response_stream(
        modelId=model, body=json.dumps(body(model, **fields))
    )
    return [json.loads(event["chunk"]["bytes"]) for event in reply["body"]]


def refusal(runtime, model: str, **fields) -> str:
    with pytest.raises(ClientError) as caught:
        invoke(runtime, model, **fields)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return caught.value.response["Error"]["Message"]


def kinds(message: dict) -> list[str]:
    return [block["type"] for block in message["content"]]


def changed(text: str) -> str:
    """The text with one letter of its middle changed."""
    at = len(text) // 2
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


# Who thinks, and what of it is shown ─────────────────────────────────────────────────────────────


def test_with_a_budget_thinking_comes_before_the_answer_and_is_paid_for(runtime):
    message = invoke(runtime, BUDGET, thinking=ENABLED)
    thinking, text = message["content"]
    assert list(thinking) == ["type", "thinking", "signature"]
    assert QUESTION in thinking["thinking"]
    assert signatures.unseal("thinking", thinking["signature"]) == thinking["thinking"]
    assert "144" in text["text"]
    thought, said = (
        estimate(part, generation="4.6") for part in (thinking["thinking"], text["text"])
    )
    assert thought <= ENABLED["budget_tokens"]
    assert message["usage"]["output_tokens"] == thought + said


def test_thinking_is_streamed_in_several_deltas_and_then_signed(runtime):
    events = invoke_stream(runtime, BUDGET, thinking=ENABLED)
    first = [event for event in events if event.get("index") == 0]
    assert first[0]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
    *deltas, signature = [event["delta"] for event in first[1:-1]]
    assert len(deltas) > 2
    assert {delta["type"] for delta in deltas} == {"thinking_delta"}
    whole = "".join(delta["thinking"] for delta in deltas)
    assert signatures.unseal("thinking", signature["signature"]) == whole
    assert first[-1] == {"type": "content_block_stop", "index": 0}
    (again, _) = invoke(runtime, BUDGET, thinking=ENABLED)["content"]
    assert (again["thinking"], again["signature"]) == (whole, signature["signature"])


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        (BUDGET, {}, ["text"]),
        (BUDGET, {"thinking": {"type": "disabled"}}, ["text"]),
        (BUDGET, {"thinking": ENABLED, "tools": [WEATHER]}, ["thinking", "text"]),
        (BOTH, {"thinking": ENABLED}, ["thinking", "text"]),
        (BOTH, {"thinking": {"type": "adaptive"}}, ["thinking", "text"]),
        (ADAPTIVE, {}, ["text"]),
        (ADAPTIVE, {"thinking": {"type": "adaptive"}}, ["thinking", "text"]),
        (ADAPTIVE, {"thinking": SUMMARIZED}, ["thinking", "text"]),
        (BY_DEFAULT, {}, ["thinking", "text"]),
        (BY_DEFAULT, {"thinking": {"type": "disabled"}}, ["text"]),
        (
            BY_DEFAULT,
            {"tools": [WEATHER], "tool_choice": {"type": "any"}},
            ["tool_use"],
        ),
        (ALWAYS, {}, ["thinking", "text"]),
        (BETWEEN, {"thinking": {"type": "between_tools"}}, ["text"]),
    ],
)
def test_a_model_thinks_where_its_page_says(runtime, model, fields, expected):
    assert kinds(invoke(runtime, model, **fields)) == expected


@pytest.mark.parametrize("model", [BOTH, ADAPTIVE, BY_DEFAULT])
def test_adaptive_thinking_is_not_wasted_on_a_greeting(runtime, model):
    hello = [{"role": "user", "content": "Hello, world"}]
    asked = invoke(runtime, model, thinking={"type": "adaptive"}, messages=hello)
    assert kinds(asked) == ["text"]


@pytest.mark.parametrize(
    ("model", "thinking", "shown"),
    [
        (BUDGET, ENABLED, True),
        (BUDGET, {**ENABLED, "display": "omitted"}, False),
        (BOTH, {"type": "adaptive"}, True),
        (ADAPTIVE, {"type": "adaptive"}, False),
        (ADAPTIVE, {"type": "adaptive", "display": None}, False),
        (ADAPTIVE, SUMMARIZED, True),
        (BY_DEFAULT, None, False),
    ],
)
def test_omitted_thinking_comes_empty_with_its_signature(runtime, model, thinking, shown):
    message = invoke(runtime, model, thinking=thinking)
    block = message["content"][0]
    signed = signatures.unseal("thinking", block["signature"])
    assert signed
    assert block["thinking"] == (signed if shown else "")
    events = invoke_stream(runtime, model, thinking=thinking)
    deltas = [
        event["delta"]["type"]
        for event in events
        if event["type"] == "content_block_delta" and event["index"] == 0
    ]
    assert ("thinking_delta" in deltas) is shown
    assert deltas[-1] == "signature_delta"


def test_our_client_reads_thinking_whole_and_streamed(client):
    ask = {
        "model": BUDGET,
        "max_tokens": 4096,
        "thinking": ENABLED,
        "messages": [{"role": "user", "content": QUESTION}],
    }
    message = client.messages.create(**ask)
    assert message.content[0].type == "thinking"
    with client.messages.stream(**ask) as stream:
        pieces = [event.thinking for event in stream if event.type == "thinking"]
        final = stream.get_final_message()
    assert len(pieces) > 2
    assert "".join(pieces) == final.content[0].thinking
    assert [block.to_dict() for block in final.content] == [
        block.to_dict() for block in message.content
    ]


# Back again ──────────────────────────────────────────────────────────────────────────────────────


def result_of(message: dict, *, text: str = "Sunny.") -> dict:
    calls = [block for block in message["content"] if block["type"] == "tool_use"]
    return {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": call["id"], "content": text} for call in calls
        ],
    }


def loop(runtime, model: str, **fields) -> tuple[dict, list[dict]]:
    """A first reply that calls a tool, and the messages that go on from there."""
    message = invoke(runtime, model, tools=[WEATHER], messages=[ASK_WEATHER], **fields)
    assert kinds(message)[-1] == "tool_use"
    said = {"role": "assistant", "content": message["content"]}
    return message, [ASK_WEATHER, said, result_of(message)]


@pytest.mark.parametrize(
    ("model", "fields", "again"),
    [
        (BUDGET, {"thinking": ENABLED}, ["text"]),
        (BUDGET, {"thinking": ENABLED, "anthropic_beta": [INTERLEAVED]}, ["thinking", "text"]),
        (BUDGET, {"thinking": {**ENABLED, "display": "omitted"}}, ["text"]),
        (BOTH, {"thinking": {"type": "adaptive"}}, ["thinking", "text"]),
        (ADAPTIVE, {"thinking": SUMMARIZED}, ["thinking", "text"]),
        (BY_DEFAULT, {}, ["thinking", "text"]),
    ],
)
def test_thinking_with_a_tool_call_is_taken_back_with_the_result(runtime, model, fields, again):
    message, messages = loop(runtime, model, **fields)
    assert kinds(message) == ["thinking", "tool_use"]
    after = invoke(runtime, model, tools=[WEATHER], messages=messages, **fields)
    assert kinds(after) == again
    assert "Sunny" in after["content"][-1]["text"]
    streamed = invoke_stream(runtime, model, tools=[WEATHER], messages=messages, **fields)
    begun = [event["content_block"]["type"] for event in streamed if "content_block" in event]
    assert begun == again
    # And so is the whole of it with the next question.
    messages += [
        {"role": "assistant", "content": after["content"]},
        {"role": "user", "content": "Thanks. And what is 2 + 2?"},
    ]
    assert "4" in invoke(runtime, model, messages=messages, **fields)["content"][-1]["text"]


def test_between_tools_thinks_after_tool_results_only(runtime):
    fields = {"thinking": {"type": "between_tools"}}
    message, messages = loop(runtime, BETWEEN, **fields)
    assert kinds(message) == ["tool_use"]
    after = invoke(runtime, BETWEEN, tools=[WEATHER], messages=messages, **fields)
    assert kinds(after) == ["thinking", "text"]


def test_our_client_goes_round_a_tool_loop_with_the_reply_itself(client):
    ask = {"model": BUDGET, "max_tokens": 4096, "thinking": ENABLED, "tools": [WEATHER]}
    for streamed in (False, True):
        if streamed:
            with client.messages.stream(**ask, messages=[ASK_WEATHER]) as stream:
                message = stream.get_final_message()
        else:
            message = client.messages.create(**ask, messages=[ASK_WEATHER])
        assert [block.type for block in message.content] == ["thinking", "tool_use"]
        messages = [
            ASK_WEATHER,
            {"role": "assistant", "content": message.content},
            result_of(message.to_dict()),
        ]
        assert "Sunny" in client.messages.create(**ask, messages=messages).content[-1].text


def test_thinking_is_good_after_a_restart(runtime):
    _, messages = loop(runtime, BUDGET, thinking=ENABLED)
    with (
        local_bedrock() as another,
        AnthropicBedrock(
            aws_access_key=another.access_key,
            aws_secret_key=another.secret_key,
            aws_region="us-east-1",
            base_url=another.url,
        ) as client,
    ):
        reply = client.messages.create(
            model=BUDGET, max_tokens=4096, thinking=ENABLED, tools=[WEATHER], messages=messages
        )
    assert "Sunny" in reply.content[-1].text


# Thinking that is refused ────────────────────────────────────────────────────────────────────────

INVALID = "messages.1.content.0: Invalid `signature` in `thinking` block"
MODIFIED = (
    "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant "
    "message cannot be modified. These blocks must remain as they were in the original response."
)
REQUIRED = "messages.1.content.0.thinking.signature: Field required"
EMPTY = "messages.1.content.0.thinking: each thinking block must contain thinking"
#: A signature of Claude's own shape, made elsewhere.
FOREIGN = base64.b64encode(b"\x12\x48" + bytes(72) + b"\x18\x01").decode()


def altered(block: dict, how: str) -> dict:
    match how:
        case "signature":
            return {**block, "signature": changed(block["signature"])}
        case "truncated":
            return {**block, "signature": block["signature"][:-8]}
        case "foreign":
            return {**block, "signature": FOREIGN}
        case "another's":
            return {**block, "signature": signatures.sign("Other thinking.")}
        case "text":
            return {**block, "thinking": block["thinking"] + "!"}
        case "unsigned":
            return {**block, "signature": ""}
        case "empty":
            return {**block, "thinking": "", "signature": ""}
        case _:
            return {key: value for key, value in block.items() if key != "signature"}


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("signature", INVALID),
        ("truncated", INVALID),
        ("foreign", INVALID),
        ("another's", MODIFIED),
        ("text", MODIFIED),
        ("unsigned", INVALID),
        ("empty", EMPTY),
        ("missing", REQUIRED),
    ],
)
def test_altered_thinking_is_refused(runtime, how, told):
    _, messages = loop(runtime, BUDGET, thinking=ENABLED)
    content = messages[1]["content"]
    messages[1] = {"role": "assistant", "content": [altered(content[0], how), *content[1:]]}
    fields = {"thinking": ENABLED, "tools": [WEATHER], "messages": messages}
    assert refusal(runtime, BUDGET, **fields) == told


def test_altered_thinking_of_an_earlier_turn_is_refused_too(runtime):
    _, messages = loop(runtime, BUDGET, thinking=ENABLED)
    messages[1]["content"][0]["thinking"] += "!"
    messages += [{"role": "assistant", "content": "It is sunny."}, ASK_WEATHER]
    fields = {"thinking": ENABLED, "tools": [WEATHER], "messages": messages}
    assert refusal(runtime, BUDGET, **fields) == INVALID


def test_our_client_raises_on_altered_thinking_before_a_stream_begins(client, runtime):
    _, messages = loop(runtime, BUDGET, thinking=ENABLED)
    messages[1]["content"][0] = altered(messages[1]["content"][0], "signature")
    ask = {"model": BUDGET, "max_tokens": 4096, "thinking": ENABLED, "tools": [WEATHER]}
    with pytest.raises(errors.BadRequestError) as caught:
        client.messages.create(**ask, messages=messages)
    assert caught.value.message == INVALID
    with (
        pytest.raises(errors.BadRequestError, match="Invalid `signature`"),
        client.messages.stream(**ask, messages=messages) as stream,
    ):
        stream.get_final_message()


def test_a_turn_with_a_budget_must_begin_with_its_thinking(runtime):
    _, messages = loop(runtime, BUDGET, thinking=ENABLED)
    call = messages[1]["content"][1]
    messages[1] = {"role": "assistant", "content": [{"type": "text", "text": "Hm."}, call]}
    fields = {"tools": [WEATHER], "messages": messages}
    told = refusal(runtime, BUDGET, thinking=ENABLED, **fields)
    assert told == (
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`. "
        "When `thinking` is enabled, a final `assistant` message must start with a thinking block "
        "(preceeding the lastmost set of `tool_use` and `tool_result` blocks). We recommend you "
        "include thinking blocks from previous turns. To avoid this requirement, disable "
        "`thinking`. Please consult our documentation at "
        "https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
    )
    # Neither without thinking, nor with adaptive thinking, nor of a turn that has ended.
    assert invoke(runtime, BUDGET, **fields)
    assert invoke(runtime, BOTH, thinking={"type": "adaptive"}, **fields)
    messages += [{"role": "assistant", "content": "Sunny."}, {"role": "user", "content": "Ok."}]
    assert invoke(runtime, BUDGET, thinking=ENABLED, **fields)


def test_a_later_call_of_the_same_turn_needs_no_thinking_of_its_own(runtime):
    _, messages = loop(runtime, BUDGET, thinking=ENABLED)
    second = {**messages[1]["content"][1], "id": "toolu_bdrk_02"}
    messages += [
        {"role": "assistant", "content": [second]},
        result_of({"content": [second]}),
    ]
    assert invoke(runtime, BUDGET, thinking=ENABLED, tools=[WEATHER], messages=messages)


def test_an_answer_that_is_begun_for_a_thinking_model_is_refused(runtime):
    begun = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "It is"}]
    told = refusal(runtime, BUDGET, thinking=ENABLED, messages=begun)
    assert told.startswith("messages.1.content.0.type: Expected `thinking`")


# Redacted thinking ───────────────────────────────────────────────────────────────────────────────


def test_the_magic_string_gets_redacted_thinking_which_is_taken_back(runtime):
    question = {"role": "user", "content": f"{REDACT} What is the weather in Paris?"}
    fields = {"thinking": ENABLED, "tools": [WEATHER]}
    message = invoke(runtime, BUDGET, messages=[question], **fields)
    assert kinds(message) == ["redacted_thinking", "tool_use"]
    block = message["content"][0]
    assert list(block) == ["type", "data"]
    assert b"weather" not in base64.b64decode(block["data"])
    messages = [
        question,
        {"role": "assistant", "content": message["content"]},
        result_of(message),
    ]
    assert "Sunny" in invoke(runtime, BUDGET, messages=messages, **fields)["content"][-1]["text"]
    for data in (changed(block["data"]), "EvAF", signatures.sign("Hm.")):
        messages[1]["content"][0] = {**block, "data": data}
        assert refusal(runtime, BUDGET, messages=messages, **fields) == (
            "messages.1.content.0: Invalid `data` in `redacted_thinking` block"
        )


def test_redacted_thinking_is_streamed_without_deltas(runtime):
    question = {"role": "user", "content": f"{QUESTION} {REDACT}"}
    events = invoke_stream(runtime, BUDGET, thinking=ENABLED, messages=[question])
    first = [event for event in events if event.get("index") == 0]
    assert [event["type"] for event in first] == ["content_block_start", "content_block_stop"]
    assert first[0]["content_block"]["type"] == "redacted_thinking"


# The field itself ────────────────────────────────────────────────────────────────────────────────

EFFORT = 'Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
CONSULT = (
    " Please consult our documentation at "
    "https://platform.claude.com/docs/en/build-with-claude/extended-thinking"
)
OFF = (
    'To turn thinking off on this model, send "thinking": {"type": "between_tools"} instead of '
    '{"type": "disabled"}. The model does not think before responding. The short updates it writes '
    "between tool calls come back as thinking blocks."
)
FORCED = {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "get_weather"}}


@pytest.mark.parametrize(
    ("model", "fields", "told"),
    [
        (
            BUDGET,
            {"thinking": {"type": "adaptive"}},
            "adaptive thinking is not supported on this model",
        ),
        (
            ADAPTIVE,
            {"thinking": ENABLED},
            f'"thinking.type.enabled" is not supported for this model. {EFFORT}',
        ),
        (
            ALWAYS,
            {"thinking": {"type": "disabled"}},
            f'"thinking.type.disabled" is not supported for this model. {EFFORT}',
        ),
        (
            BETWEEN,
            {"thinking": {"type": "disabled"}},
            OFF,
        ),
        (
            BUDGET,
            {"thinking": {"type": "enabled", "budget_tokens": 1023}},
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        ),
        (
            BUDGET,
            {"thinking": {"type": "enabled"}},
            "thinking.enabled.budget_tokens: Field required",
        ),
        (
            BUDGET,
            {"thinking": ENABLED, "max_tokens": 1024},
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ),
        (
            BOTH,
            {"thinking": {"type": "adaptive", "budget_tokens": 2000}},
            "thinking.adaptive.budget_tokens: Extra inputs are not permitted",
        ),
        (
            BETWEEN,
            {"thinking": {"type": "between_tools", "display": "omitted"}},
            "thinking.between_tools.display: Extra inputs are not permitted",
        ),
        (
            BUDGET,
            {"thinking": ENABLED, **FORCED},
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
        (
            BOTH,
            {"thinking": {"type": "adaptive"}, "tools": [WEATHER], "tool_choice": {"type": "any"}},
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
        (
            BUDGET,
            {"thinking": ENABLED, "temperature": 0.5},
            "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode."
            + CONSULT,
        ),
        (
            ADAPTIVE,  # reported of this model
            {
                "thinking": {"type": "adaptive"},
                "temperature": 0.5,
                "anthropic_version": "bedrock-2023-05-31",
            },
            "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode."
            + CONSULT,
        ),
        (
            BUDGET,
            {"thinking": ENABLED, "top_p": 0.9},
            "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled or in "
            "adaptive mode." + CONSULT,
        ),
        (
            BUDGET,
            {"thinking": ENABLED, "top_k": 5},
            "`top_k` must be unset when thinking is enabled or in adaptive mode." + CONSULT,
        ),
    ],
)
def test_what_a_model_refuses_of_thinking_is_told_in_its_words(runtime, model, fields, told):
    assert refusal(runtime, model, **fields) == told


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (BUDGET, {"thinking": ENABLED, "temperature": 1}),
        (BUDGET, {"thinking": ENABLED, "top_p": 0.95}),
        (BUDGET, {"thinking": ENABLED, "tools": [WEATHER], "tool_choice": {"type": "auto"}}),
        (BUDGET, {"thinking": {"type": "disabled"}, "temperature": 0.5, "max_tokens": 5}),
        (BUDGET, {"thinking": {"type": "disabled"}, **FORCED}),
        (
            BUDGET,
            {
                "thinking": {"type": "enabled", "budget_tokens": 10_000},
                "anthropic_beta": [INTERLEAVED],
            },
        ),
    ],
)
def test_what_goes_with_thinking_is_accepted(runtime, model, fields):
    assert invoke(runtime, model, **fields)["content"]


def test_progress_updates_need_their_beta(runtime):
    thinking = {"type": "adaptive", "display": "updates"}
    assert "display" in refusal(runtime, ALWAYS, thinking=thinking)
    beta = ["thinking-display-updates-2026-08-18"]
    message = invoke(runtime, ALWAYS, thinking=thinking, anthropic_beta=beta)
    assert message["content"][0]["thinking"] == ""  # reasoning stays hidden


def test_a_model_that_cannot_think_says_so(runtime):
    with local_bedrock(region="ap-south-1", auth=False) as server:
        far = boto3.client(
            "bedrock-runtime",
            endpoint_url=server.url,
            region_name="ap-south-1",
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
        )
        with closing(far):
            told = refusal(far, NEVER, thinking=ENABLED)
    assert told == "'claude-3-haiku-20240307' does not support thinking"


# Converse ────────────────────────────────────────────────────────────────────────────────────────


def converse(runtime, messages: list[dict], *, text: str = "", **fields) -> dict:
    asked = messages or [{"role": "user", "content": [{"text": text}]}]
    return runtime.converse(
        modelId=BUDGET,
        messages=asked,
        inferenceConfig={"maxTokens": 4096},
        additionalModelRequestFields={"thinking": ENABLED},
        **fields,
    )


def test_converse_gives_reasoning_and_takes_it_back(runtime):
    reply = converse(runtime, [], text=QUESTION)["output"]["message"]
    thought = reply["content"][0]["reasoningContent"]["reasoningText"]
    assert signatures.unseal("thinking", thought["signature"]) == thought["text"]
    question = {"role": "user", "content": [{"text": QUESTION}]}
    messages = [question, reply, question]
    assert converse(runtime, messages)["output"]["message"]["content"]
    thought["signature"] = changed(thought["signature"])
    with pytest.raises(ClientError) as caught:
        converse(runtime, messages)
    assert caught.value.response["Error"]["Message"] == THE_MODEL_SAYS + INVALID


def test_converse_stream_gives_reasoning_and_then_its_signature(runtime):
    reply = runtime.converse_stream(
        modelId=BUDGET,
        messages=[{"role": "user", "content": [{"text": QUESTION}]}],
        inferenceConfig={"maxTokens": 4096},
        additionalModelRequestFields={"thinking": ENABLED},
    )
    deltas = [
        event["contentBlockDelta"]["delta"]["reasoningContent"]
        for event in reply["stream"]
        if event.get("contentBlockDelta", {}).get("contentBlockIndex") == 0
    ]
    *texts, signature = deltas
    assert len(texts) > 2
    whole = "".join(delta["text"] for delta in texts)
    assert signatures.unseal("thinking", signature["signature"]) == whole


def test_converse_gives_redacted_reasoning_and_takes_it_back(runtime):
    reply = converse(runtime, [], text=f"{QUESTION} {REDACT}")["output"]["message"]
    reasoning = reply["content"][0]["reasoningContent"]
    assert signatures.unseal("redacted_thinking", reasoning["redactedContent"].decode())
    question = {"role": "user", "content": [{"text": QUESTION}]}
    messages = [question, reply, question]
    assert converse(runtime, messages)["output"]["message"]["content"]
    reasoning["redactedContent"] = b"EvAF"
    with pytest.raises(ClientError, match="Invalid `data` in `redacted_thinking` block"):
        converse(runtime, messages)


# The parts ───────────────────────────────────────────────────────────────────────────────────────


@given(st.text(max_size=200), st.sampled_from(["thinking", "redacted_thinking"]))
def test_what_was_sealed_is_unsealed_and_nothing_else(text, kind):
    sealed = signatures.seal(kind, text)
    assert signatures.unseal(kind, sealed) == text
    other = "thinking" if kind == "redacted_thinking" else "redacted_thinking"
    assert signatures.unseal(other, sealed) is None
    assert sealed.startswith("E")  # as Claude's do: the tag of field 2


@given(st.text(max_size=20), st.integers(min_value=0), st.sampled_from("AQZaz09+/="))
def test_a_sealed_text_with_another_letter_is_refused(text, at, letter):
    sealed = signatures.sign(text)
    at %= len(sealed)
    forged = sealed[:at] + letter + sealed[at + 1 :]
    assert (signatures.unseal("thinking", forged) is None) is (forged != sealed)


@given(
    st.one_of(
        st.text(max_size=60), st.binary(max_size=80).map(lambda b: base64.b64encode(b).decode())
    )
)
def test_what_is_no_signature_is_refused_and_never_breaks(text):
    assert signatures.unseal("thinking", text) is None


@given(st.text(max_size=3000), st.sampled_from(["always", "if-needed", "never"]))
def test_thoughts_are_short_in_pieces_and_the_same_again(prompt, due):
    ask = Ask({"messages": [{"role": "user", "content": prompt}]}, "claude-opus-4-8", thinking=due)
    pieces = list(thoughts(ask, read(ask.document)))
    assert bool(pieces) or due != "always"
    assert not pieces or due != "never"
    assert estimate("".join(piece.text for piece in pieces), generation="4.7") < 1024
    assert pieces == list(thoughts(ask, read(ask.document)))


def test_the_example_runs():
    example = Path(__file__).parents[2] / "examples" / "thinking.py"
    done = subprocess.run(
        [sys.executable, str(example)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "thinking:" in done.stdout
    assert "refused: messages.1.content.0" in done.stdout
