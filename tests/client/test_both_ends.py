"""Our client against our local Bedrock: the same facts from both ends."""

from __future__ import annotations

import asyncio

import pytest

from outcrop import AnthropicBedrock, AsyncAnthropicBedrock, errors
from outcrop.testing import local_bedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
NEWER = "global.anthropic.claude-opus-4-8"
ASK = {"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": "Hello, world"}]}


def keys(bedrock, **more):
    return {
        "aws_access_key": bedrock.access_key,
        "aws_secret_key": bedrock.secret_key,
        "aws_region": "us-west-2",
        "base_url": bedrock.url,
        "max_retries": 0,
        **more,
    }


@pytest.fixture
def client(bedrock):
    with AnthropicBedrock(**keys(bedrock)) as client:
        yield client


def test_the_documented_sample_works_with_a_session_token(bedrock):
    access_key, secret_key, session_token = bedrock.session_credentials
    client = AnthropicBedrock(
        aws_access_key=access_key,
        aws_secret_key=secret_key,
        aws_session_token=session_token,
        aws_region="us-west-2",
        base_url=bedrock.url,
    )
    message = client.messages.create(**{**ASK, "max_tokens": 256})
    assert "Hello, world" in message.content[0].text
    assert message.model == "claude-sonnet-4-5-20250929"
    assert message.id.startswith("msg_bdrk_")
    assert message.headers["x-outcrop-actor"] == "parrot"


@pytest.mark.parametrize("model", [MODEL, NEWER])
def test_each_generation_gets_the_api_version_that_it_takes(client, model):
    assert client.messages.create(**{**ASK, "model": model}).stop_reason == "end_turn"


def test_another_api_version_is_refused_in_bedrocks_words(client):
    with pytest.raises(errors.BadRequestError) as caught:
        client.messages.create(**ASK, extra_body={"anthropic_version": "2026-10-21"})
    assert caught.value.message == "Invalid API version: 2026-10-21"
    assert "Leave anthropic_version out" in caught.value.mend


def test_a_stream_adds_up_to_the_whole_reply(client):
    whole = client.messages.create(**ASK)
    with client.messages.stream(**ASK) as stream:
        assert stream.get_final_text() == whole.content[0].text
        assert stream.get_final_message().usage.output_tokens == whole.usage.output_tokens


def test_the_million_token_beta_is_taken(client):
    reply = client.beta.messages.create(**ASK, betas=["context-1m-2025-08-07"])
    assert reply.stop_reason == "end_turn"
    with pytest.raises(errors.BadRequestError, match="invalid beta flag"):
        client.beta.messages.create(**ASK, betas=["time-travel-2030-01-01"])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"aws_access_key": "AKIANOBODY"}, "UnrecognizedClientException", "security token"),
        ({"aws_secret_key": "wrong"}, "InvalidSignatureException", "does not match"),
        ({"aws_session_token": "made up"}, "UnrecognizedClientException", "security token"),
    ],
)
def test_wrong_keys_are_refused(bedrock, change, error, words):
    client = AnthropicBedrock(**keys(bedrock, **change))
    with pytest.raises(errors.PermissionDeniedError, match=words) as caught:
        client.messages.create(**ASK)
    assert caught.value.aws_name == error


def test_an_api_key_works_and_a_wrong_one_does_not(bedrock):
    def client(key):
        return AnthropicBedrock(api_key=key, aws_region="us-east-1", base_url=bedrock.url)

    assert client(bedrock.api_key).messages.create(**ASK).stop_reason == "end_turn"
    with pytest.raises(errors.PermissionDeniedError, match="API Key is valid"):
        client(bedrock.api_key[:-2] + "xx").messages.create(**ASK)


def test_tls_with_the_servers_own_certificate(monkeypatch):
    with local_bedrock(tls=True) as bedrock:
        with pytest.raises(errors.APIConnectionError, match="certificate"):
            AnthropicBedrock(**keys(bedrock)).messages.create(**ASK)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(bedrock.ca_bundle))
        client = AnthropicBedrock(**keys(bedrock))
        assert client.messages.create(**ASK).stop_reason == "end_turn"


def test_max_tokens_and_stop_sequences_are_honoured(client):
    cut = client.messages.create(**{**ASK, "max_tokens": 5})
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 5)
    prompt = [{"role": "user", "content": "[[reply: one two three]]"}]
    stopped = client.messages.create(**{**ASK, "messages": prompt}, stop_sequences=["two"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "two")
    assert stopped.content[0].text == "one "


def test_a_script_answers_what_it_says(tmp_path):
    script = tmp_path / "play.yaml"
    script.write_text(
        "- when: {prompt: busy}\n"
        "  error: {name: ThrottlingException, message: Too many requests}\n"
        "  times: 1\n"
        "- when: {prompt: break}\n"
        "  error: {name: ModelStreamErrorException, message: it broke, after: 1}\n"
        "  reply: [part one, part two]\n"
        "- else: fine\n"
    )
    with (
        local_bedrock(script=script) as bedrock,
        AnthropicBedrock(**keys(bedrock, max_retries=2)) as client,
    ):

        def ask(text, **more):
            turns = [{"role": "user", "content": text}]
            return client.messages.create(**{**ASK, "messages": turns, **more})

        assert ask("are you busy?").content[0].text == "fine"
        with pytest.raises(errors.ModelStreamErrorException) as caught:
            list(ask("break", stream=True))
        assert caught.value.partial.content[0].text == "part one"


@pytest.mark.anyio
async def test_many_async_calls_at_once(bedrock):
    async with AsyncAnthropicBedrock(**keys(bedrock)) as client:
        replies = await asyncio.gather(
            *(
                client.messages.create(
                    **{**ASK, "messages": [{"role": "user", "content": f"[[reply: {number}]]"}]}
                )
                for number in range(32)
            )
        )
    assert [reply.content[0].text for reply in replies] == [str(n) for n in range(32)]


def test_a_raw_stream_keeps_no_more_than_its_bound(monkeypatch):
    from outcrop import AnthropicBedrock
    from outcrop.client import streams
    from outcrop.testing import local_bedrock

    monkeypatch.setattr(streams.SyncReading, "_most", 500)
    # More than one read brings: the first, which comes with the head, isn't counted.
    with local_bedrock(actor=lambda ask: "Granite, most likely. " * 2000) as bedrock:
        client = AnthropicBedrock(
            aws_access_key=bedrock.access_key,
            aws_secret_key=bedrock.secret_key,
            aws_region=bedrock.region,
            base_url=bedrock.url,
        )
        asked = {
            "model": "global.anthropic.claude-opus-4-8",
            "max_tokens": 50_000,
            "messages": [{"role": "user", "content": "Which rock?"}],
        }
        stream = client.messages.create(stream=True, **asked)
        events = [event.type for event in stream]
        assert events[-1] == "message_stop"
        assert not stream._so_far().started
        with client.messages.stream(**asked) as helper:  # who wants the message gets all of it
            assert helper.get_final_text() == "Granite, most likely. " * 2000
