"""What every foreign client has to find at the local Bedrock, whichever language it speaks.

Texts of refusals: real replies of Amazon Bedrock, as publicly reported; statuses and names:
botocore's `bedrock-runtime/2023-09-30/service-2.json` and the Amazon Bedrock User Guide,
"Troubleshooting Amazon Bedrock API Error Codes".
"""

from __future__ import annotations

from itertools import groupby

BASE_ID = "anthropic.claude-sonnet-4-5-20250929-v1:0"


def text_of(message):
    return "".join(block["text"] for block in message["content"])


def test_a_whole_message_arrives(speaker):
    message = speaker.reply("create")["message"]
    assert (message["type"], message["role"]) == ("message", "assistant")
    assert message["stop_reason"] == "end_turn"
    assert message["stop_sequence"] is None
    assert text_of(message)


def test_a_reply_names_the_model_as_anthropic_does(speaker):
    assert speaker.reply("create")["message"]["model"] == "claude-sonnet-4-5-20250929"


def test_a_message_id_is_one_of_bedrocks(speaker):
    assert speaker.reply("create")["message"]["id"].startswith("msg_bdrk_01")


def test_a_reply_counts_what_was_read_and_written(speaker):
    usage = speaker.reply("create")["message"]["usage"]
    assert usage["input_tokens"] > 0
    assert 0 < usage["output_tokens"] <= 256


def test_a_session_token_goes_with_temporary_keys(speaker):
    assert text_of(speaker.reply("session")["message"])


# Streams


def test_a_stream_is_anthropics_events_in_order_with_the_text_in_pieces(streamer):
    kinds = [
        event["type"] for event in streamer.reply("stream")["events"] if event["type"] != "ping"
    ]
    assert [kind for kind, _ in groupby(kinds)] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert kinds.count("content_block_delta") > 1


def test_a_stream_says_what_a_whole_reply_says(streamer):
    events = streamer.reply("stream")["events"]
    pieces = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(pieces) == text_of(streamer.reply("create")["message"])


def test_a_stream_counts_as_a_whole_reply_does(streamer):
    events = {event["type"]: event for event in streamer.reply("stream")["events"]}
    usage = streamer.reply("create")["message"]["usage"]
    start = events["message_start"]["message"]["usage"]
    assert start["input_tokens"] == usage["input_tokens"]
    assert events["message_delta"]["usage"]["output_tokens"] == usage["output_tokens"]
    assert events["message_delta"]["delta"]["stop_reason"] == "end_turn"


def test_the_last_event_of_a_stream_carries_the_invocation_metrics(streamer):
    last = streamer.reply("stream")["events"][-1]
    usage = streamer.reply("create")["message"]["usage"]
    metrics = last["amazon-bedrock-invocationMetrics"]
    assert last["type"] == "message_stop"
    assert metrics["inputTokenCount"] == usage["input_tokens"]
    assert metrics["outputTokenCount"] == usage["output_tokens"]
    assert metrics["invocationLatency"] >= metrics["firstByteLatency"] >= 0


# Refusals


def test_a_model_that_bedrock_does_not_know_is_refused(speaker):
    refusal = speaker.refusal("unknown_model")
    assert refusal["name"] == "ValidationException"
    assert refusal["message"] == "The provided model identifier is invalid."
    assert refusal.get("status", 400) == 400


def test_a_streamed_call_is_refused_like_a_plain_one(streamer):
    plain, streamed = streamer.refusal("unknown_model"), streamer.refusal("unknown_model_streamed")
    for said in ("status", "name", "message", "error"):
        assert streamed[said] == plain[said]


def test_a_base_id_that_needs_an_inference_profile_is_refused(speaker):
    refusal = speaker.refusal("base_id")
    assert refusal["name"] == "ValidationException"
    assert refusal["message"] == (
        # The apostrophe is a typographic one.
        f"Invocation of model ID {BASE_ID} with on-demand throughput isn\u2019t supported. "
        "Retry your request with the ID or ARN of an inference profile that contains this model."
    )
    assert refusal.get("status", 400) == 400


def test_a_body_without_max_tokens_is_refused(raw_speaker):
    refusal = raw_speaker.refusal("no_max_tokens")
    assert refusal["name"] == "ValidationException"
    assert refusal["message"] == (
        "Malformed input request: #: required key [max_tokens] not found, "
        "please reformat your input and try again."
    )
    assert refusal.get("status", 400) == 400


def test_an_access_key_that_nobody_has_is_refused(speaker):
    refusal = speaker.refusal("unknown_key")
    assert refusal["name"] == "UnrecognizedClientException"
    assert refusal["message"] == "The security token included in the request is invalid."
    assert refusal.get("status", 403) == 403


def test_a_wrong_secret_is_refused(speaker):
    refusal = speaker.refusal("wrong_secret")
    assert refusal["name"] == "InvalidSignatureException"
    assert refusal["message"].startswith(
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method. "
    )
    assert refusal.get("status", 403) == 403


def test_temporary_keys_without_their_session_token_are_refused(speaker):
    refusal = speaker.refusal("session_without_token")
    assert refusal["name"] == "UnrecognizedClientException"
    assert refusal["message"] == "The security token included in the request is invalid."


def test_temporary_keys_with_another_session_token_are_refused(speaker):
    refusal = speaker.refusal("wrong_session_token")
    assert refusal["name"] == "UnrecognizedClientException"
    assert refusal["message"] == "The security token included in the request is invalid."


# API keys


def test_a_short_term_api_key_opens_the_door(api_key_bearer):
    assert text_of(api_key_bearer.reply("api_key")["message"])


def test_a_wrong_api_key_is_refused(api_key_bearer):
    refusal = api_key_bearer.refusal("wrong_api_key")
    assert refusal["name"] == "AccessDeniedException"
    assert refusal["message"] == "Authentication failed: Please make sure your API Key is valid."
    assert refusal.get("status", 403) == 403


# Control plane


def listed(reply):
    """Model IDs, as the CLI prints them or as an SDK hands over whole summaries."""
    return reply.get("printed") or [summary["modelId"] for summary in reply["summaries"]]


def test_the_models_of_anthropic_are_listed(lister):
    ids = listed(lister.reply("models"))
    assert BASE_ID in ids
    assert "anthropic.claude-opus-4-8" in ids
    assert all(model_id.startswith("anthropic.claude-") for model_id in ids)
    assert len(ids) == len(set(ids))


def test_the_account_and_the_user_are_told(account_holder):
    identity = account_holder.reply("identity")
    assert len(identity["Account"]) == 12
    assert identity["Account"].isdigit()
    assert identity["Arn"].startswith(f"arn:aws:iam::{identity['Account']}:")
    assert identity["UserId"]


def test_sts_has_a_name_of_its_own_for_an_unknown_key(account_holder):
    refusal = account_holder.refusal("identity_unknown_key")
    assert refusal["name"] == "InvalidClientTokenId"
    assert refusal["message"] == "The security token included in the request is invalid."
