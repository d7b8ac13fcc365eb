"""What is told before a call is what the local Bedrock refuses in it, and nothing else."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, strategies as st

from outcrop.bedrock import checks, converse, preflight
from outcrop.catalog import models
from outcrop.errors import RequestError, ValidationException
from outcrop.server.dialects import CONVERSE_VERSION

TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
SOUND = {
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Hello"}],
    "tools": [TOOL],
}
PREFILLED = [*SOUND["messages"], {"role": "assistant", "content": "Well"}]
FORMAT = {"type": "json_schema", "schema": {"type": "object", "additionalProperties": False}}

changes = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0.5, 1, 1.0]),
        "top_p": st.sampled_from([0.5, 0.99, 1]),
        "top_k": st.just(5),
        "max_tokens": st.sampled_from([4096, 64_000, 128_000, 10**6]),
        "thinking": st.sampled_from(
            [
                {"type": "enabled", "budget_tokens": 1024},
                {"type": "adaptive"},
                {"type": "disabled"},
                {"type": "between_tools"},
            ]
        ),
        "tool_choice": st.sampled_from(
            [{"type": "auto"}, {"type": "any"}, {"type": "tool", "name": "look"}, {"type": "none"}]
        ),
        "output_config": st.sampled_from(
            [{"effort": level} for level in ("low", "medium", "high", "xhigh", "max")]
        ),
        "messages": st.just(PREFILLED),
        "anthropic_beta": st.lists(
            st.sampled_from(sorted(models.betas() | models.refused_betas())), max_size=2
        ),
        "cache_control": st.just({"type": "ephemeral"}),
        **{name: st.just("auto") for name in preflight.NOT_ON_BEDROCK},
    },
)

#: What is refused of a combination rather than of a field, and is the service's to tell.
COMBINED = (
    "`temperature` may only be set to 1",
    "`top_p` must be greater",
    "`top_k` must be unset",
    "`max_tokens` must be greater",
    "prompt is too long",
    "output_config.effort: Extra inputs",  # a level that needs a flag
    "This model does not support effort level",  # fewer levels without thinking
)


def refusal(document, model):
    try:
        checks.check(copy.deepcopy(document), model=model)
    except ValidationException as error:
        return error.message
    return None


@given(changes, st.sampled_from(models.models()))
def test_what_is_told_is_what_would_be_refused(change, model):
    document = SOUND | change
    found = list(preflight.findings(document, model=model, api="invoke"))
    said = refusal({"anthropic_version": model.api_versions[0], **document}, model)
    if found:
        assert said is not None, found
    elif said is not None:
        assert said.startswith(COMBINED), said


@given(changes, st.sampled_from(models.models()))
def test_over_converse_too(change, model):
    document = SOUND | change
    if any(preflight.findings(document, model=model, api="converse")):
        given, _ = converse.read_ask(converse.write_fields(document))
        flags = [flag for flag in given.get("anthropic_beta", ()) if flag in models.betas()]
        if flags != given.get("anthropic_beta", []):
            return  # the local Bedrock knows InvokeModel's list of flags
        assert refusal({"anthropic_version": CONVERSE_VERSION, **given}, model) is not None


@given(changes, st.sampled_from(models.models()))
def test_what_is_left_after_dropping_is_taken(change, model):
    document = SOUND | change
    before = copy.deepcopy(document)
    try:
        left, dropped = preflight.apply(document, model=model, api="invoke", on_unsupported="drop")
    except RequestError:
        return
    assert document == before
    assert not list(preflight.findings(left, model=model, api="invoke"))
    assert (left == document) == (not dropped)


@pytest.mark.parametrize("model", models.models(), ids=lambda model: model.id)
def test_an_ordinary_request_is_taken_by_every_model(model):
    assert list(preflight.findings(SOUND, model=model, api="invoke")) == []


def test_an_error_names_each_field_and_what_to_do():
    model = models.find("anthropic.claude-opus-4-8")
    document = {**SOUND, "temperature": 0.5, "speed": "fast", "messages": PREFILLED}
    with pytest.raises(RequestError) as caught:
        preflight.apply(document, model=model, api="invoke", on_unsupported="raise")
    said = str(caught.value)
    for words in ("temperature: Claude Opus 4.8", "speed: Bedrock", "messages: ", "'send'"):
        assert words in said
    assert preflight.apply(document, model=model, api="invoke", on_unsupported="send") == (
        document,
        [],
    )


def test_what_passes_unseen_is_not_used_up():
    model = models.find("anthropic.claude-opus-4-8")
    messages = iter(SOUND["messages"])
    document = {"max_tokens": 64, "messages": messages}
    preflight.apply(document, model=model, api="invoke", on_unsupported="raise")
    assert list(messages) == SOUND["messages"]
