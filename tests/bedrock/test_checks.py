"""What an InvokeModel body is refused for, text by text."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from outcrop.bedrock import checks
from outcrop.catalog import models
from outcrop.errors import ValidationException
from outcrop.messages import prompt_tokens

VERSIONED = "anthropic.claude-sonnet-4-5-20250929-v1:0"  # prefill; temperature or top_p
OPUS_4_1 = "anthropic.claude-opus-4-1-20250805-v1:0"  # temperature and top_p
SONNET_4_6 = "anthropic.claude-sonnet-4-6"  # a version in its name, no prefill
HAIKU_3_5 = "anthropic.claude-3-5-haiku-20241022-v1:0"  # reads no images
LATER = "anthropic.claude-opus-4-8"  # API version 2026-10-21, no sampling, no prefill

GIF = b64encode(b"GIF89a" + bytes(32)).decode()


def check(model_id=VERSIONED, *, without=(), **changes):
    document = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "Hi"}],
        **changes,
    }
    model = models.find(model_id)
    assert model is not None
    return checks.check({k: v for k, v in document.items() if k not in without}, model=model)


def refusal(*args, **changes):
    with pytest.raises(ValidationException) as caught:
        check(*args, **changes)
    return caught.value.message


def user(*content):
    return {"role": "user", "content": list(content)}


def assistant(*content):
    return {"role": "assistant", "content": list(content)}


def text(words):
    return {"type": "text", "text": words}


def image(data=GIF, media_type="image/gif"):
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def use(tool_id):
    return {"type": "tool_use", "id": tool_id, "name": "f", "input": {}}


def result(tool_id, content="ok"):
    return {"type": "tool_result", "tool_use_id": tool_id, "content": content}


ASKED = {"role": "user", "content": "Hi"}


# Texts that were seen on Bedrock or on Anthropic's API ───────────────────────────────────────────


@pytest.mark.parametrize(
    ("model_id", "changes", "message"),
    [
        (
            VERSIONED,
            {"without": ["anthropic_version"]},
            (
                "Malformed input request: #: required key [anthropic_version] not found, please "
                "reformat your input and try again."
            ),
        ),
        (
            LATER,
            {"without": ["anthropic_version"]},
            (
                "Malformed input request: #: required key [anthropic_version] not found, please "
                "reformat your input and try again."
            ),
        ),
        (
            VERSIONED,
            {"without": ["max_tokens"]},
            (
                "Malformed input request: #: required key [max_tokens] not found, please reformat "
                "your input and try again."
            ),
        ),
        (
            VERSIONED,
            {"without": ["max_tokens"], "inferenceConfig": {}},
            (
                "Malformed input request: #: required key [max_tokens] not found#: extraneous key "
                "[inferenceConfig] is not permitted, please reformat your input and try again."
            ),
        ),
        (LATER, {"without": ["max_tokens"]}, "max_tokens: Field required"),
        (VERSIONED, {"cache_control": {}}, "cache_control: Extra inputs are not permitted"),
        (
            VERSIONED,
            {"anthropic_version": "2026-10-21"},
            "Invalid API version: 2026-10-21",
        ),
        (LATER, {"anthropic_version": "2023-06-01"}, "Invalid API version: 2023-06-01"),
        (VERSIONED, {"anthropic_beta": ["no-such-flag"]}, "invalid beta flag"),
        (
            VERSIONED,
            {"max_tokens": 999999},
            (
                "max_tokens: 999999 > 64000, which is the maximum allowed number of output tokens "
                "for claude-sonnet-4-5-20250929"
            ),
        ),
        (
            VERSIONED,
            {"temperature": 0.5, "top_p": 0.9},
            (
                "`temperature` and `top_p` cannot both be specified for this model. Please use "
                "only one."
            ),
        ),
        (LATER, {"temperature": 0.5}, "`temperature` is deprecated for this model."),
        (LATER, {"top_k": 5}, "`top_k` is deprecated for this model."),
        (
            VERSIONED,
            {"stop_sequences": ["  "]},
            "stop_sequences: each stop sequence must contain non-whitespace",
        ),
        (VERSIONED, {"messages": []}, "messages: at least one message is required"),
        (
            VERSIONED,
            {"messages": [assistant(text("Hi"))]},
            'messages: first message must use the "user" role',
        ),
        (
            VERSIONED,
            {"messages": [{"role": "system", "content": "x"}, ASKED]},
            (
                'messages: Unexpected role "system". The Messages API accepts a top-level `system` '
                'parameter, not "system" as an input message role.'
            ),
        ),
        (
            VERSIONED,
            {"messages": [user(text(""))]},
            "messages: text content blocks must be non-empty",
        ),
        (
            VERSIONED,
            {"messages": [ASKED, {"role": "assistant", "content": "Sure, "}]},
            "messages: final assistant content cannot end with trailing whitespace",
        ),
        (
            SONNET_4_6,
            {"messages": [ASKED, {"role": "assistant", "content": "Sure,"}]},
            (
                "This model does not support assistant message prefill. The conversation must end "
                "with a user message."
            ),
        ),
        (
            VERSIONED,
            {"messages": [ASKED, assistant(use("toolu_1")), ASKED]},
            (
                "messages.1: `tool_use` ids were found without `tool_result` blocks immediately "
                "after: toolu_1. Each `tool_use` block must have a corresponding `tool_result` "
                "block in the next message."
            ),
        ),
        (
            VERSIONED,
            {"messages": [user(result("toolu_9"))]},
            (
                "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: "
                "toolu_9. Each `tool_result` block must have a corresponding `tool_use` block in "
                "the previous message."
            ),
        ),
        (
            VERSIONED,
            {"messages": [user(image("not base64!"))]},
            "messages.0.content.0.image.source.base64: invalid base64 data",
        ),
        (
            VERSIONED,
            {
                "messages": [
                    ASKED,
                    assistant(use("toolu_1")),
                    user(result("toolu_1", [image("data:image/gif;base64," + GIF)])),
                ]
            },
            "messages.2.content.0.tool_result.content.0.image.source.base64: invalid base64 data",
        ),
        (
            VERSIONED,
            {"messages": [user(image("A" * 7167852))]},
            (
                "messages.0.content.0.image.source.base64: image exceeds 5 MB maximum: 7167852 "
                "bytes > 5242880 bytes"
            ),
        ),
        (
            VERSIONED,
            {"tools": [{"name": "f", "input_schema": {}}] * 2},
            "tools: Tool names must be unique.",
        ),
        (
            VERSIONED,
            {"tool_choice": {"type": "auto"}},
            "tool_choice may only be specified while providing tools.",
        ),
    ],
)
def test_the_text_is_the_one_that_was_seen(model_id, changes, message):
    assert refusal(model_id, **changes) == message


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        (
            {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
            (
                "tools.0: Input tag 'web_search_20250305' found using 'type' does not match any of "
                "the expected tags: "
            ),
        ),
        (
            {"messages": [user({"type": "hologram"})]},
            (
                "messages.0.content.0: Input tag 'hologram' found using 'type' does not match any "
                "of the expected tags: "
            ),
        ),
    ],
)
def test_an_unknown_tag_is_told_with_the_known_ones(changes, start):
    told = refusal(**changes)
    assert told.startswith(start)
    assert told.removeprefix(start).count("'") > 4


# What is refused, whatever the text ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("model_id", [VERSIONED, LATER])
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"anthropic_version": 20230531}, "anthropic_version"),
        ({"max_tokens": "64"}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": ["Hi"]}, "messages.0"),
        ({"messages": [{"content": "Hi"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "robot", "content": "Hi"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": "Hi", "name": "Ada"}]}, "messages.0.name"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0"),
        ({"messages": [user("Hi")]}, "messages.0.content.0"),
        ({"messages": [user({"text": "Hi"})]}, "messages.0.content.0.type"),
        ({"messages": [user({"type": "text"})]}, "messages.0.content.0.text.text"),
        ({"messages": [user(text(7))]}, "messages.0.content.0.text.text"),
        ({"messages": [user(text(" \n"))]}, "text content blocks"),
        ({"messages": [user({"type": ["text"]})]}, "messages.0.content.0"),
        ({"messages": [user({"type": "image"})]}, "messages.0.content.0.image.source"),
        ({"messages": [user(image(media_type="image/bmp"))]}, "media_type"),
        ({"messages": [user({"type": "image", "source": {"type": "url"}})]}, "image.source"),
        ({"messages": [user({"type": "image", "source": {"type": []}})]}, "image.source"),
        ({"messages": [user(use("toolu_1"))]}, "messages.0: `tool_use`"),
        ({"messages": [ASKED, assistant(result("x")), ASKED]}, "messages.1: `tool_result`"),
        ({"messages": [user({**result("x"), "tool_use_id": []})]}, "tool_result.tool_use_id"),
        ({"messages": [ASKED, assistant({**use("x"), "id": 5})]}, "tool_use.id"),
        ({"messages": [ASKED, assistant({**use("x"), "input": "{}"})]}, "tool_use.input"),
        ({"messages": [user({**result("x"), "content": 5})]}, "tool_result.content"),
        ({"system": 5}, "system"),
        ({"system": [text("")]}, "system"),
        ({"system": [{"type": "image"}]}, "system.0"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"stop_sequences": [5]}, "stop_sequences.0"),
        ({"anthropic_beta": "context-1m-2025-08-07"}, "anthropic_beta"),
        ({"anthropic_beta": [["context-1m-2025-08-07"]]}, "invalid beta flag"),
        ({"tools": {}}, "tools"),
        ({"tools": ["f"]}, "tools.0"),
        ({"tools": [{"input_schema": {}}]}, "tools.0.custom.name"),
        ({"tools": [{"name": "f"}]}, "tools.0.custom.input_schema"),
        ({"tools": [{"name": "f f", "input_schema": {}}]}, "tools.0.custom.name"),
        ({"tools": [{"name": [], "input_schema": {}}]}, "tools.0.custom.name"),
        (
            {
                "tools": [{"name": "f", "input_schema": {}}],
                "tool_choice": {"type": "tool", "name": "g"},
            },
            "'g'",
        ),
        (
            {"tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "must"}},
            "tool_choice",
        ),
        ({"thinking": {"type": "enabled", "budget_tokens": 10}}, "budget_tokens"),
        ({"model": "claude"}, "model"),
        ({"stream": True}, "stream"),
    ],
)
def test_a_wrong_field_is_refused_by_name(model_id, changes, named):
    assert named in refusal(model_id, **changes)


@pytest.mark.parametrize("temperature", [-0.1, 1.1, "warm", None])
def test_the_temperature_of_a_versioned_model_has_a_range(temperature):
    assert "#/temperature: " in refusal(VERSIONED, temperature=temperature)


def test_every_violation_of_the_schema_is_told():
    told = refusal(VERSIONED, without=["messages"], max_tokens="x", foo=1, temperature=2)
    for part in (
        "#: required key [messages] not found",
        "#: extraneous key [foo] is not permitted",
        "#/max_tokens: expected type: Integer, found: String",
        "#/temperature: 2 is not less or equal to 1",
    ):
        assert part in told


def test_a_model_that_reads_no_images_has_no_such_blocks():
    assert "Input tag 'image'" in refusal(HAIKU_3_5, messages=[user(image())])


def test_a_prompt_longer_than_the_context_is_told_with_the_estimate():
    words = "word " * 250_000
    told = refusal(VERSIONED, messages=[{"role": "user", "content": words}])
    document = {"messages": [{"role": "user", "content": words}]}
    used = prompt_tokens.count_request(document, generation="4.6")
    assert told == f"prompt is too long: {used} tokens > 200000 maximum"


def test_a_conversation_where_only_a_part_of_the_tools_answered_names_the_rest():
    told = refusal(messages=[ASKED, assistant(use("a"), use("b")), user(result("a"))])
    assert "immediately after: b." in told


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ([{"type": "document", "source": {"type": "text", "data": "x"}}], "`document`"),
    ],
)
def test_api_version_2026_10_21_refuses_documents_of_the_assistant(content, named):
    messages = [ASKED, assistant(*content), ASKED]
    assert check(LATER, messages=messages)
    assert named in refusal(LATER, messages=messages, anthropic_version="2026-10-21")


def test_api_version_2026_10_21_refuses_citations_on_a_users_text_and_default_sampling():
    messages = [user({**text("Hi"), "citations": [{"type": "char_location"}]})]
    assert check(LATER, messages=messages)
    assert "citations" in refusal(LATER, messages=messages, anthropic_version="2026-10-21")
    assert check(LATER, temperature=1)
    assert "temperature" in refusal(LATER, temperature=1, anthropic_version="2026-10-21")


# What passes ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model_id", "changes"),
    [
        (VERSIONED, {}),
        (LATER, {}),
        (LATER, {"anthropic_version": "2026-10-21"}),
        (VERSIONED, {"anthropic_beta": []}),
        (VERSIONED, {"anthropic_beta": ["context-1m-2025-08-07"]}),
        (VERSIONED, {"temperature": 0, "top_k": 3}),
        (VERSIONED, {"temperature": 1.0}),
        (OPUS_4_1, {"temperature": 0.5, "top_p": 0.5}),
        (LATER, {"temperature": 1}),
        (LATER, {"top_p": 0.99}),
        (LATER, {"temperature": None}),
        (VERSIONED, {"max_tokens": 64000}),
        (VERSIONED, {"system": "Be brief."}),
        (VERSIONED, {"system": [{**text("Be brief."), "cache_control": {"type": "ephemeral"}}]}),
        (VERSIONED, {"stop_sequences": ["\n\nHuman:"]}),
        (VERSIONED, {"metadata": {"user_id": "u"}}),
        (VERSIONED, {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}),
        (VERSIONED, {"messages": [ASKED, ASKED]}),  # consecutive turns are combined
        (VERSIONED, {"messages": [ASKED, {"role": "assistant", "content": "Sure,"}]}),
        (VERSIONED, {"messages": [ASKED, {"role": "assistant", "content": ""}]}),
        (VERSIONED, {"messages": [user(image(), text("What is it?"))]}),
        (LATER, {"messages": [ASKED, {"role": "system", "content": "Be brief."}, ASKED]}),
        (
            VERSIONED,
            {
                "tools": [
                    {"name": "f", "input_schema": {"type": "object"}},
                    {"type": "custom", "name": "g", "input_schema": {}},
                    {"type": "bash_20250124", "name": "bash"},
                    {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
                ],
                "tool_choice": {"type": "tool", "name": "f"},
                "messages": [
                    ASKED,
                    assistant({**text("Let me see.")}, use("a"), use("b")),
                    user(result("a")),
                    user(result("b", [text("ok"), image()]), text("Go on.")),
                ],
            },
        ),
        (
            VERSIONED,
            {
                "messages": [
                    ASKED,
                    assistant(
                        {"type": "thinking", "thinking": "…", "signature": "x"},
                        {"type": "redacted_thinking", "data": "x"},
                        text("Yes."),
                    ),
                    ASKED,
                ]
            },
        ),
        (
            VERSIONED,
            {
                "messages": [
                    user(
                        {
                            "type": "document",
                            "title": "T",
                            "source": {
                                "type": "base64",
                                "media_type": "application/pdf",
                                "data": b64encode(
                                    b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj"
                                ).decode(),
                            },
                        },
                        text("Read it."),
                    )
                ]
            },
        ),
    ],
)
def test_what_is_in_order_passes(model_id, changes):
    assert check(model_id, **changes) > 0


def test_every_model_takes_each_of_its_api_versions():
    for model in models.models():
        for version in model.api_versions:
            assert check(model.id, anthropic_version=version) > 0


# Anything at all ─────────────────────────────────────────────────────────────────────────────────

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.sampled_from(
    "type text role content id name input tool_use_id source data media_type input_schema "
    "budget_tokens thinking signature title".split()
)
WORDS = st.sampled_from(
    "user assistant system text image document tool_use tool_result base64 image/png thinking "
    "enabled tool any custom bash_20250124".split()
)
JSON = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        key: (
            st.just("bedrock-2023-05-31") | JSON
            if key == "anthropic_version"
            else st.integers(1, 4000) | JSON
            if key == "max_tokens"
            else JSON
        )
        for key in [*checks.FIELDS, "model"]
    },
)


@given(DOCUMENTS, st.sampled_from([VERSIONED, HAIKU_3_5, LATER]))
def test_whatever_a_body_holds_it_passes_or_is_refused(document, model_id):
    model = models.find(model_id)
    assert model is not None
    with suppress(ValidationException):
        assert checks.check(document, model=model) > 0


@given(st.lists(JSON, max_size=5))
def test_whatever_a_conversation_holds_it_passes_or_is_refused(messages):
    with suppress(ValidationException):
        assert check(messages=messages) > 0
