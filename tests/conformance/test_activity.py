"""The round trip: foreign clients call a local Bedrock that logs, and the figures are theirs.

What each client was told in its replies is summed here; what the log's questions answer has to be
the same, call by call and in sum.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter

import pytest

from outcrop import cli
from outcrop.testing import local_bedrock

ACCOUNT = "123456789012"
REGION = "us-west-2"
MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
REGIONAL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
UNKNOWN = "global.anthropic.claude-nonexistent-v1:0"
INVOKE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Which rock is this: grey, coarse, with quartz?"}],
}
CONVERSE = {
    "messages": [{"role": "user", "content": [{"text": "Which rock is this: black, with glass?"}]}],
    "inferenceConfig": {"maxTokens": 64},
}
OPERATIONS = {
    "create": "InvokeModel",
    "stream": "InvokeModelWithResponseStream",
    "converse": "Converse",
    "converse_stream": "ConverseStream",
}


def cases(voices, *, converses):
    for voice in voices:
        wanted = [("create", INVOKE, MODEL), ("create", INVOKE, REGIONAL)]
        wanted += [("stream", INVOKE, MODEL), ("create", INVOKE, UNKNOWN)]
        if converses:
            wanted += [("converse", CONVERSE, MODEL), ("converse_stream", CONVERSE, REGIONAL)]
        for at, (operation, body, model) in enumerate(wanted):
            yield {
                "voice": voice,
                "name": f"{operation}-{at}",
                "operation": operation,
                "model": model,
                "body": body,
                "environ": {},
            }


def usage_of(reply):
    """Input and output tokens that a client was told, whatever its operation."""
    if "message" in reply:
        usage = reply["message"]["usage"]
        return usage["input_tokens"], usage["output_tokens"]
    if "usage" in reply:
        return reply["usage"]["inputTokens"], reply["usage"]["outputTokens"]
    found = {}
    for event in reply["events"]:
        if "metadata" in event:
            usage = event["metadata"]["usage"]
            return usage["inputTokens"], usage["outputTokens"]
        found |= (event.get("message") or {}).get("usage") or {}
        found |= event.get("usage") or {}
    return found["input_tokens"], found["output_tokens"]


def lines_of(path):
    return gzip.decompress(path.read_bytes()).splitlines()


@pytest.fixture
def ask(capsys, tmp_path):
    """What `outcrop activity` answers to a question, as JSON."""

    def ask(*words):
        place = ("--place", str(tmp_path / "s3"), "--since", "all", "--json")
        assert cli.main(["activity", *words, *place]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


@pytest.mark.parametrize("name", ["boto3", "anthropic-current", "anthropic-older", "anthropic-js"])
def test_the_figures_are_what_the_clients_were_told(name, ask_client, ask, tmp_path, capsys):
    voices = ("sync", "async") if name.startswith("anthropic-") and "js" not in name else ("sync",)
    wanted = list(cases(voices, converses=name == "boto3"))
    with local_bedrock(region=REGION, s3=tmp_path / "s3", log_to="s3://activity/here") as bedrock:
        heard = ask_client(name, bedrock, tmp_path, wanted)
    told = [heard[case["voice"]][case["name"]] for case in wanted]
    answered = [
        (case, usage_of(said["reply"]))
        for case, said in zip(wanted, told, strict=True)
        if "reply" in said
    ]
    assert len(wanted) - len(answered) == len(voices)  # the unknown model

    files = sorted((tmp_path / "s3" / "activity" / "here").rglob("*.json.gz"))
    start = f"AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/{REGION}"
    layout = start + r"/\d{4}/\d\d/\d\d/\d\d/\d{8}T\d{9}Z_[0-9a-f]+\.json\.gz"
    assert files
    assert all(re.search(layout, path.as_posix()) for path in files)
    records = [json.loads(line) for path in files for line in lines_of(path)]
    assert Counter(record["operation"] for record in records) == Counter(
        OPERATIONS[case["operation"]] for case in wanted
    )

    overview = ask()
    assert overview["calls"] == len(wanted)
    assert overview["errors"] == len(voices)
    assert overview["input_tokens"] == sum(usage[0] for _, usage in answered)
    assert overview["output_tokens"] == sum(usage[1] for _, usage in answered)

    by_operation = {row["operation"]: row for row in ask("usage", "--by", "operation")}
    for operation, row in by_operation.items():
        of_it = [u for case, u in answered if OPERATIONS[case["operation"]] == operation]
        assert row["input_tokens"] == sum(usage[0] for usage in of_it)
        assert row["output_tokens"] == sum(usage[1] for usage in of_it)
    by_endpoint = {row["endpoint"]: row for row in ask("usage", "--by", "endpoint")}
    regional = [u for case, u in answered if case["model"] == REGIONAL]
    assert by_endpoint["us"]["output_tokens"] == sum(usage[1] for usage in regional)

    [failed] = ask("errors")
    assert failed["error"] == "ValidationException"
    assert failed["calls"] == len(voices)
    assert ask("cost")["premium_calls"] == len(regional)
    found = ask("search", "GREY, coarse")
    assert {row["request_id"] for row in found} <= {record["requestId"] for record in records}
    assert found
    shown = ask("show", found[0]["request_id"])
    assert "Which rock is this" in json.dumps(shown["turns"])
    identity = ask("usage", "--by", "identity")
    assert [row["identity"] for row in identity] == [f"arn:aws:iam::{ACCOUNT}:user/Alice"]


def test_a_reply_of_boto3_names_the_record_that_shows_it(ask_client, ask, tmp_path):
    [case] = [{**next(cases(("sync",), converses=False)), "name": "one"}]
    with local_bedrock(region=REGION, s3=tmp_path / "s3", log_to="s3://activity") as bedrock:
        heard = ask_client("boto3", bedrock, tmp_path, [case])
    reply = heard["sync"]["one"]["reply"]
    shown = ask("show", reply["request_id"])
    assert shown["call"]["input_tokens"] == reply["message"]["usage"]["input_tokens"]
    answer = [turn for turn in shown["turns"] if turn["reply"]]
    assert answer[0]["blocks"][0]["text"] == reply["message"]["content"][0]["text"]


def test_every_question_takes_what_a_client_recorded_itself(ask, tmp_path, capsys):
    from outcrop import ActivityFolder, AnthropicBedrock

    folder = ActivityFolder(tmp_path / "s3")
    with local_bedrock() as bedrock:
        client = AnthropicBedrock(
            aws_access_key=bedrock.access_key,
            aws_secret_key=bedrock.secret_key,
            aws_region=bedrock.region,
            base_url=bedrock.url,
            activity=folder,
        )
        messages = INVOKE["messages"]
        message = client.messages.create(model=MODEL, max_tokens=64, messages=messages)
        with client.messages.stream(model=REGIONAL, max_tokens=64, messages=messages) as stream:
            streamed = stream.get_final_message()
    folder.close()
    overview = ask()
    both = [message.usage, streamed.usage]
    assert overview["output_tokens"] == sum(usage.output_tokens for usage in both)
    assert overview["latency_p50"] is not None
    cost = ask("cost")
    assert cost["total"] == pytest.approx(float(message.cost.amount + streamed.cost.amount))
    shown = ask("show", message._request_id)
    assert shown["call"]["identity"] == bedrock.access_key
