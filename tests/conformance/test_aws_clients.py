"""What AWS's own clients show beyond the plain calls: headers, HTTP/2, the command line's manners.

Sources: headers as in recorded replies of Amazon Bedrock; `FoundationModelSummary` in botocore's
`bedrock/2023-04-20/service-2.json`.
"""

from __future__ import annotations

import re
from uuid import UUID

import pytest

UNKNOWN_MODEL = "The provided model identifier is invalid."


@pytest.fixture
def boto3(hear):
    return hear("boto3")


@pytest.fixture
def aws_cli(hear):
    return hear("aws-cli")


def test_headers_tell_the_tokens_that_the_body_tells(boto3):
    reply = boto3.reply("create")
    usage = reply["message"]["usage"]
    assert reply["content_type"] == "application/json"
    assert reply["headers"]["x-amzn-bedrock-input-token-count"] == str(usage["input_tokens"])
    assert reply["headers"]["x-amzn-bedrock-output-token-count"] == str(usage["output_tokens"])
    assert int(reply["headers"]["x-amzn-bedrock-invocation-latency"]) >= 0


def test_a_stream_says_what_it_is_made_of(boto3):
    headers = boto3.reply("stream")["headers"]
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert headers["x-amzn-bedrock-content-type"] == "application/json"


def test_replies_and_refusals_carry_a_request_id(boto3):
    assert UUID(boto3.reply("create")["request_id"])
    assert UUID(boto3.refusal("unknown_model")["request_id"])


def test_boto3_knows_a_modelled_exception(boto3):
    assert boto3.refusal("unknown_model")["error"] == "ValidationException"


def test_a_model_summary_is_whole(boto3):
    summaries = {row["modelId"]: row for row in boto3.reply("models")["summaries"]}
    summary = summaries["anthropic.claude-sonnet-4-5-20250929-v1:0"]
    assert (
        summary["modelArn"] == f"arn:aws:bedrock:us-west-2::foundation-model/{summary['modelId']}"
    )
    assert (summary["providerName"], summary["modelName"]) == ("Anthropic", "Claude Sonnet 4.5")
    assert summary["inputModalities"] == ["TEXT", "IMAGE"]
    assert summary["outputModalities"] == ["TEXT"]
    assert summary["responseStreamingSupported"] is True
    assert summary["inferenceTypesSupported"] == ["INFERENCE_PROFILE"]


def test_the_javascript_sdk_speaks_http2_without_tls(hear):
    speaker = hear("aws-js-h2c")
    assert speaker.reply("create")["protocol"] == "h2"
    assert speaker.reply("stream")["protocol"] == "h2"
    assert speaker.reply("models")["protocol"] == "http/1.1"


def test_the_javascript_sdk_speaks_http2_over_tls(hear):
    speaker = hear("aws-js-tls")
    assert speaker.reply("create")["protocol"] == "h2"
    assert speaker.reply("stream")["protocol"] == "h2"


def test_the_command_line_prints_the_content_type(aws_cli):
    assert aws_cli.reply("create")["printed"] == {"contentType": "application/json"}


@pytest.mark.parametrize(
    ("case", "operation"),
    [("unknown_model", "InvokeModel"), ("identity_unknown_key", "GetCallerIdentity")],
)
def test_the_command_line_names_the_exception_and_the_operation(aws_cli, case, operation):
    refusal = aws_cli.refusal(case)
    assert refusal["exit"] not in (0, 2)
    assert refusal["operation"] == operation


def test_the_command_line_says_it_in_one_line(aws_cli):
    stderr = aws_cli.refusal("unknown_model")["stderr"]
    said = (
        "An error occurred (ValidationException) when calling the InvokeModel operation: "
        f"{UNKNOWN_MODEL}"
    )
    assert re.fullmatch(rf"(aws: \[ERROR\]: )?{re.escape(said)}", stderr)
    assert aws_cli.refusal("unknown_model")["exit"] == 255


def test_a_profile_of_the_accounts_own_can_be_made_called_and_deleted(account_holder):
    told = account_holder.reply("application_profile")
    arn = told["made"]["inferenceProfileArn"]
    assert ":application-inference-profile/" in arn
    assert told["reply"]["stopReason"] == "end_turn"
    assert told["tags"] == [{"key": "team", "value": "geology"}]
    assert (told["shown"]["inferenceProfileArn"], told["shown"]["status"]) == (arn, "ACTIVE")


def test_what_invoke_model_refuses_has_awss_class_and_words(raw_speaker, refused):
    case, (_, _, name, text) = refused
    told = raw_speaker.refusal(f"refused_{case}")
    assert told["name"] == name
    assert told["message"].startswith(text)
