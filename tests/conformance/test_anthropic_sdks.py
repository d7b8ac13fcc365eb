"""What Anthropic's own SDKs do beyond the plain calls: assembled streams, errors, API versions.

Sources: the changelogs of anthropic 2.0.0 (Python) and @anthropic-ai/bedrock-sdk 1.0.0, where
`anthropic_version` became `2026-10-21`; the Bedrock pages of Anthropic's documentation, which say
that ARN-versioned models (Claude 4.6 and older) don't take it.
"""

from __future__ import annotations

import pytest

BAD_VERSION = "Invalid API version: 2026-10-21"

CURRENT = [("anthropic-current", "sync"), ("anthropic-current", "async"), ("anthropic-js", "sync")]
OLDER = [("anthropic-older", "sync"), ("anthropic-older", "async")]


def text_of(message):
    return "".join(block["text"] for block in message["content"])


def test_the_stream_helper_assembles_the_message(sdk):
    reply = sdk.reply("assemble")
    whole = sdk.reply("create")["message"]
    assert "".join(reply["texts"]) == text_of(reply["message"]) == text_of(whole)
    assert reply["message"]["stop_reason"] == "end_turn"
    assert reply["message"]["usage"]["output_tokens"] == whole["usage"]["output_tokens"]


def test_an_sdk_raises_its_own_classes(sdk):
    assert sdk.refusal("unknown_model")["error"] == "BadRequestError"
    assert sdk.refusal("unknown_key")["error"] == "PermissionDeniedError"


@pytest.mark.parametrize(("name", "voice"), CURRENT)
def test_an_arn_versioned_model_refuses_the_version_that_current_sdks_send(hear, name, voice):
    refusal = hear(name, voice).refusal("own_version")
    assert (refusal["status"], refusal["name"]) == (400, "ValidationException")
    assert refusal["message"] == BAD_VERSION


@pytest.mark.parametrize(("name", "voice"), CURRENT)
def test_a_newer_model_takes_the_version_that_current_sdks_send(hear, name, voice):
    message = hear(name, voice).reply("own_version_newer_model")["message"]
    assert message["model"] == "claude-opus-4-8"
    assert text_of(message)


@pytest.mark.parametrize(("name", "voice"), OLDER)
@pytest.mark.parametrize(
    ("case", "model"),
    [
        ("own_version", "claude-sonnet-4-5-20250929"),
        ("own_version_newer_model", "claude-opus-4-8"),
    ],
)
def test_every_model_takes_the_version_that_older_sdks_send(hear, name, voice, case, model):
    assert hear(name, voice).reply(case)["message"]["model"] == model
