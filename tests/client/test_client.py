"""The client against a bare HTTP peer: what it sends, what it makes of replies, sound and not."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import subprocess
import sys
import warnings
import weakref

import pytest

from outcrop import AnthropicBedrock, AsyncAnthropicBedrock, Timeout, errors
from outcrop.bedrock import faults, invoke_stream
from outcrop.client import messages, streams
from outcrop.messages.views import Message, TextBlock
from outcrop.wire import sigv4_verify
from outcrop.wire.credentials import Credentials

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
ASK = {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
REPLY = {
    "id": "msg_bdrk_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hello"}, {"type": "hologram", "of": {"you": 1}}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 8, "output_tokens": 1, "brand_new": 7},
    "nobody_knows": [1],
}
EVENTS = [
    {
        "type": "message_start",
        "message": {**REPLY, "content": [], "stop_reason": None},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    *(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        for text in ("Hel", "lo ", "wörld")
    ),
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 3},
    },
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 8}},
]
FRAMES = [invoke_stream.write_event(event, padding=9) for event in EVENTS]


def refusal(peer, error, **headers):
    status, fields, body = faults.write_fault(error)
    peer.whole(status, body, **dict(fields), **headers)


def test_a_reply_is_a_message_with_everything_that_came(client, peer):
    peer.whole(200, json.dumps(REPLY).encode(), x_amzn_RequestId="r-1")
    message = client.messages.create(**ASK)
    assert isinstance(message, Message)
    assert isinstance(message.content[0], TextBlock)
    assert message.content[0].text == "Hello"
    assert message.to_dict() == REPLY
    assert message.nobody_knows == [1]
    assert message._request_id == "r-1"
    assert message.route.endpoint == "global"
    assert message.route.region == "us-east-1"


def test_what_is_sent_is_what_bedrock_reads(client, peer):
    peer.whole(200, json.dumps(REPLY).encode())
    client.messages.create(**ASK, temperature=0.5, extra_body={"new_field": 1})
    target, headers, body = peer.requests[0]
    assert target == f"/model/{MODEL}/invoke"
    assert json.loads(body) == {
        "max_tokens": 5,
        "messages": ASK["messages"],
        "temperature": 0.5,
        "new_field": 1,
        "anthropic_version": "bedrock-2023-05-31",
    }
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("outcrop/")


def test_the_request_on_the_wire_verifies(client, peer):
    peer.whole(200, json.dumps(REPLY).encode())
    client.messages.create(**ASK, extra_headers={"X-Amzn-Bedrock-Trace": "ENABLED"})
    target, headers, body = peer.requests[0]
    pairs = list(headers.items())
    claim = sigv4_verify.read_claim("POST", target, pairs)
    assert "x-amzn-bedrock-trace" in claim.signed_headers
    from datetime import UTC, datetime

    now = datetime.strptime(claim.amz_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    sigv4_verify.verify(
        claim,
        Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        method="POST",
        target=target,
        headers=pairs,
        body=body,
        now=now,
    )


def test_betas_go_into_the_body(client, peer):
    peer.whole(200, json.dumps(REPLY).encode())
    client.beta.messages.create(**ASK, betas=["context-1m-2025-08-07"])
    _, headers, body = peer.requests[0]
    assert json.loads(body)["anthropic_beta"] == ["context-1m-2025-08-07"]
    assert "anthropic-beta" not in headers


def test_content_of_a_reply_goes_back_as_it_came(client, peer):
    peer.whole(200, json.dumps(REPLY).encode())
    peer.whole(200, json.dumps(REPLY).encode())
    first = client.messages.create(**ASK)
    turns = [*ASK["messages"], {"role": "assistant", "content": first.content}]
    client.messages.create(**{**ASK, "messages": turns})
    assert json.loads(peer.requests[1][2])["messages"][1]["content"] == REPLY["content"]
    assert peer.connections == 1


def test_raw_response_has_status_headers_and_request_id(client, peer):
    peer.whole(200, json.dumps(REPLY).encode(), x_amzn_RequestId="r-2")
    raw = client.messages.with_raw_response.create(**ASK)
    assert (raw.status_code, raw.request_id) == (200, "r-2")
    assert raw.headers["X-Amzn-RequestId"] == "r-2"
    assert raw.parse().content[0].text == "Hello"
    peer.stream(*FRAMES, x_amzn_RequestId="r-3")
    raw = client.messages.with_raw_response.create(**ASK, stream=True)
    assert raw.request_id == "r-3"
    assert len(list(raw.parse())) == len(EVENTS)


def test_a_raw_stream_gives_every_event(client, peer):
    peer.stream(*FRAMES)
    events = list(client.messages.create(**ASK, stream=True))
    assert [event.to_dict() for event in events] == EVENTS


def test_the_helper_gives_text_and_the_final_message(client, peer):
    peer.stream(*FRAMES)
    with client.messages.stream(**ASK) as stream:
        assert list(stream.text_stream) == ["Hel", "lo ", "wörld"]
        assert stream.get_final_text() == "Hello wörld"
        message = stream.get_final_message()
    assert message.content[0].text == "Hello wörld"
    assert message.usage.output_tokens == 3
    assert message.stop_reason == "end_turn"


def test_the_helper_gives_derived_events_after_raw_ones(client, peer):
    peer.stream(*FRAMES)
    with client.messages.stream(**ASK) as stream:
        kinds = [event.type for event in stream]
    assert kinds[2:4] == ["content_block_delta", "text"]
    assert kinds[-1] == "message_stop"


def test_leaving_early_drops_the_connection(client, peer):
    peer.stream(*FRAMES[:3], *[piece for _ in range(200) for piece in (FRAMES[2], 0.02)])
    with client.messages.stream(**ASK) as stream:
        assert next(stream.text_stream) == "Hel"
    assert peer.hung_up.wait(10)


@pytest.mark.parametrize("ending", [(), ("cut",)])
def test_a_truncated_stream_is_an_error_with_what_came(client, peer, ending):
    peer.stream(*FRAMES[:4], *ending, x_amzn_RequestId="r-4")
    stream = client.messages.create(**ASK, stream=True)
    with pytest.raises(errors.APIConnectionError) as caught:
        list(stream)
    assert caught.value.partial.content[0].text == "Hello "
    assert caught.value.request_id == "r-4"
    assert len(peer.requests) == 1


def test_a_bad_checksum_is_an_error_with_what_came(client, peer):
    bad = bytearray(FRAMES[4])
    bad[-5] ^= 1
    peer.stream(*FRAMES[:3], bytes(bad))
    seen = []
    with pytest.raises(errors.EventStreamError) as caught:
        for event in client.messages.create(**ASK, stream=True):
            seen.append(event)  # noqa: PERF402 - what came before the error counts
    assert len(seen) == 3
    assert caught.value.partial.content[0].text == "Hel"


def test_an_exception_in_the_stream_is_raised_with_what_came_and_not_retried(client, peer):
    fault = invoke_stream.write_exception(errors.ModelStreamErrorException("the model broke"))
    peer.stream(*FRAMES[:4], fault)
    with pytest.raises(errors.ModelStreamErrorException, match="the model broke") as caught:
        list(client.messages.create(**ASK, stream=True))
    assert caught.value.partial.content[0].text == "Hello "
    assert len(peer.requests) == 1


def test_an_exception_is_raised_whatever_came_before_it(client, peer):
    odd = {"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "?"}}
    fault = invoke_stream.write_exception(errors.ModelStreamErrorException("the model broke"))
    peer.stream(*FRAMES[:4], invoke_stream.write_event(odd, padding=1), fault)
    with pytest.raises(errors.ModelStreamErrorException, match="the model broke") as caught:
        list(client.messages.create(**ASK, stream=True))
    assert caught.value.partial.content[0].text == "Hello "


def test_a_connection_that_drops_after_message_stop_is_no_error(client, peer):
    peer.stream(*FRAMES, "cut")
    assert len(list(client.messages.create(**ASK, stream=True))) == len(EVENTS)


def test_errors_have_the_official_class_and_awss_name(client, peer):
    refusal(peer, errors.ValidationException("no such thing"), x_amzn_RequestId="r-5")
    with pytest.raises(errors.BadRequestError) as caught:
        client.messages.create(**ASK)
    error = caught.value
    assert (error.aws_name, error.message) == ("ValidationException", "no such thing")
    assert (error.status_code, error.request_id, error.retryable) == (400, "r-5", False)


@pytest.mark.parametrize("stream", [False, True])
def test_a_refused_call_leaves_nothing_for_the_garbage_collector(client, peer, stream):
    def refused():
        refusal(peer, errors.ValidationException("no such thing"))
        try:
            client.messages.create(**ASK, stream=stream)
        except errors.ValidationException as error:
            return weakref.ref(error)

    refused()  # what is loaded for the first one stays
    gc.disable()
    try:
        assert refused()() is None
    finally:
        gc.enable()


def test_throttling_is_retried_and_the_daily_quota_is_not(client, peer):
    refusal(peer, errors.ThrottlingException("Too many requests"), retry_after="0")
    peer.whole(200, json.dumps(REPLY).encode())
    assert client.messages.create(**ASK).id == "msg_bdrk_01"
    refusal(peer, errors.ThrottlingException("Too many tokens per day, please wait …"))
    with pytest.raises(errors.RateLimitError) as caught:
        client.messages.create(**ASK)
    assert not caught.value.retryable
    assert len(peer.requests) == 3


def test_no_retries_when_none_are_wanted(client, peer):
    refusal(peer, errors.ServiceUnavailableException("busy"))
    with pytest.raises(errors.InternalServerError):
        client.with_options(max_retries=0).messages.create(**ASK)
    assert len(peer.requests) == 1


def test_a_time_out_is_the_callers(client, peer):
    peer.replies.append([5.0])
    with pytest.raises(errors.APITimeoutError):
        client.with_options(max_retries=0).messages.create(**ASK, timeout=0.2)


def test_a_stream_that_stalls_times_out_with_what_came(client, peer):
    peer.stream(*FRAMES[:3], 5.0)
    with pytest.raises(errors.APITimeoutError) as caught:
        list(client.messages.create(**ASK, stream=True, timeout=Timeout(1, 0.3)))
    assert caught.value.partial.content[0].text == "Hel"


def test_an_unreachable_endpoint_says_which():
    client = AnthropicBedrock(
        aws_access_key="a", aws_secret_key="b", aws_region="us-east-1",
        base_url="http://127.0.0.1:9", max_retries=0,
    )  # fmt: skip
    with pytest.raises(errors.APIConnectionError, match=r"http://127\.0\.0\.1:9"):
        client.messages.create(**ASK)


def test_an_unknown_keyword_is_named_with_the_nearest_known_one(client):
    with pytest.raises(TypeError, match="Did you mean 'max_tokens'"):
        client.messages.create(**ASK, max_token=3)
    with pytest.raises(TypeError, match=r"client\.beta\.messages"):
        client.messages.create(**ASK, betas=["x"])
    with pytest.raises(TypeError, match="'max_tokens'"):
        client.messages.create(model=MODEL, messages=[])


@pytest.mark.parametrize("name", ["Authorization", "x-amz-date", "Host"])
def test_headers_of_the_signature_cannot_be_set(client, name):
    with pytest.raises(errors.RequestError, match=name):
        client.messages.create(**ASK, extra_headers={name: "x"})


def test_a_header_that_would_break_the_request_is_refused(client):
    with pytest.raises(errors.RequestError, match="X-A"):
        client.messages.create(**ASK, extra_headers={"X-A": "1\r\nX-B: 2"})


def test_default_headers_and_extra_headers_go_together(client, peer):
    peer.whole(200, json.dumps(REPLY).encode())
    other = client.with_options(default_headers={"X-A": "1", "X-B": "2"})
    other.messages.create(**ASK, extra_headers={"x-b": None, "X-C": "3"})
    headers = peer.requests[0][1]
    assert (headers["x-a"], headers.get("x-b"), headers["x-c"]) == ("1", None, "3")


def test_a_closed_client_says_so(client):
    client.close()
    with pytest.raises(errors.ConfigurationError, match="closed"):
        client.messages.create(**ASK)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("timeout", -1),
        ("timeout", "soon"),
        ("max_retries", -1),
        ("max_retries", 1.5),
        ("aws_region", "us west"),
        ("base_url", "ftp://x"),
        ("base_url", "bedrock.example"),
        ("anthropic_version", ""),
        ("deadline", 0),
    ],
)
def test_an_argument_that_cannot_be_right_is_named(argument, value):
    keys = {"aws_access_key": "a", "aws_secret_key": "b", "aws_region": "us-east-1"}
    with pytest.raises(errors.ConfigurationError, match=argument):
        AnthropicBedrock(**{**keys, argument: value})


def test_no_secret_shows_in_a_repr():
    client = AnthropicBedrock(
        aws_access_key="AKIAEXAMPLE", aws_secret_key="s3cr3t", aws_session_token="t0k3n",
        aws_region="us-east-1",
    )  # fmt: skip
    shown = repr(client) + repr(client._settings) + repr(vars(client))
    assert "s3cr3t" not in shown
    assert "t0k3n" not in shown


@pytest.mark.anyio
async def test_async_says_the_same(async_client, peer):
    peer.whole(200, json.dumps(REPLY).encode())
    peer.stream(*FRAMES)
    peer.stream(*FRAMES)
    async with async_client() as client:
        assert (await client.messages.create(**ASK)).to_dict() == REPLY
        stream = await client.messages.create(**ASK, stream=True)
        assert [event.to_dict() async for event in stream] == EVENTS
        async with client.messages.stream(**ASK) as helper:
            assert [text async for text in helper.text_stream] == ["Hel", "lo ", "wörld"]
            assert await helper.get_final_text() == "Hello wörld"


@pytest.mark.anyio
async def test_async_errors_carry_what_came(async_client, peer):
    peer.stream(*FRAMES[:4])
    refusal(peer, errors.ValidationException("no"))
    async with async_client(max_retries=0) as client:
        stream = await client.messages.create(**ASK, stream=True)
        with pytest.raises(errors.StreamTruncatedError) as caught:
            async for _ in stream:
                pass
        assert caught.value.partial.content[0].text == "Hello "
        with pytest.raises(errors.BadRequestError, match="no"):
            await client.messages.create(**ASK, stream=True)


@pytest.mark.anyio
async def test_leaving_an_async_stream_early_drops_the_connection(async_client, peer):
    peer.stream(*FRAMES[:3], *[piece for _ in range(200) for piece in (FRAMES[2], 0.02)])
    async with async_client() as client:
        async with client.messages.stream(**ASK) as stream:
            assert await anext(aiter(stream.text_stream)) == "Hel"
        assert await asyncio.to_thread(peer.hung_up.wait, 10)


@pytest.mark.anyio
async def test_a_cancelled_call_raises_at_once(async_client, peer):
    peer.stream(5.0)
    async with async_client() as client:
        call = asyncio.ensure_future(client.messages.create(**ASK, stream=True))
        await asyncio.sleep(0.2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


PAIRS = [
    (AnthropicBedrock, AsyncAnthropicBedrock),
    (messages.Messages, messages.AsyncMessages),
    (messages.BetaMessages, messages.AsyncBetaMessages),
    (messages.RawMessages, messages.AsyncRawMessages),
    (messages.RawBetaMessages, messages.AsyncRawBetaMessages),
    (messages.Beta, messages.AsyncBeta),
    (streams.Stream, streams.AsyncStream),
    (streams.MessageStream, streams.AsyncMessageStream),
]


@pytest.mark.parametrize(("sync", "asynchronous"), PAIRS)
def test_sync_and_async_have_the_same_names_and_parameters(sync, asynchronous):
    def public(cls):
        return {name for name in dir(cls) if not name.startswith("_")}

    assert public(sync) == public(asynchronous)
    for name in public(sync):
        one, other = getattr(sync, name), getattr(asynchronous, name)
        if callable(one):
            parameters = [list(inspect.signature(f).parameters.values()) for f in (one, other)]
            assert [(p.name, p.kind, p.default) for p in parameters[0]] == [
                (p.name, p.kind, p.default) for p in parameters[1]
            ]


def test_the_keywords_that_are_taken_are_those_that_are_typed():
    from outcrop.client import params, request

    assert set(params.Options.__annotations__) == request.OPTION_NAMES
    assert set(params.CreateParams.__annotations__) == request.NAMES
    assert set(params.BetaCreateParams.__annotations__) == request.BETA_NAMES


def test_importing_the_package_loads_no_heavy_library():
    code = (
        "import sys, outcrop; outcrop.AnthropicBedrock;"
        "print([m for m in ('botocore', 'asyncio', 'rich', 'cyclopts', 'h2', 'yaml')"
        " if m in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", f"import sys, outcrop; print(len(sys.modules)); {code}"],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout.splitlines()  # fmt: skip
    assert "botocore" not in loaded[-1]
    assert "h2" not in loaded[-1]
    assert "cyclopts" not in loaded[-1]


def test_existing_imports_of_the_official_names_work():
    import outcrop

    for name in (
        "AnthropicBedrock AsyncAnthropicBedrock NOT_GIVEN Stream AsyncStream Timeout APIError "
        "APIStatusError APIConnectionError APITimeoutError BadRequestError AuthenticationError "
        "PermissionDeniedError NotFoundError ConflictError UnprocessableEntityError RateLimitError "
        "InternalServerError AnthropicError APIResponseValidationError"
    ).split():
        assert getattr(outcrop, name) is not None
    with pytest.raises(AttributeError, match="nothing_like_it"):
        outcrop.nothing_like_it  # noqa: B018 - the look-up is the claim


def test_a_region_that_nobody_named_is_warned_about():
    with pytest.warns(UserWarning, match="us-east-1") as caught:
        client = AnthropicBedrock(aws_access_key="a", aws_secret_key="b")
    assert client.region_source == "default"
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AnthropicBedrock(aws_access_key="a", aws_secret_key="b", aws_region="eu-west-1")


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("a b", "a%20b"),
        ("a/../b", "a%2F..%2Fb"),
        ("%2e%2e", "%252e%252e"),
        ("ä?b#c\\d", "%C3%A4%3Fb%23c%5Cd"),
        ("a;b'c", "a%3Bb%27c"),
    ],
)
@pytest.mark.filterwarnings("ignore:The catalog of")
def test_what_is_signed_is_what_goes_over_the_wire(peer, model, path):
    peer.whole(200, json.dumps(REPLY).encode())
    base_url = peer.url.replace("127.0.0.1", "LocalHost") + "/Some Prefix/"
    client = AnthropicBedrock(
        aws_access_key="AKIAIOSFODNN7EXAMPLE", aws_secret_key="x", aws_region="us-east-1",
        base_url=base_url,
    )  # fmt: skip
    client.messages.create(**{**ASK, "model": model}, extra_query={"a b": "c+d'é", "x": ""})
    target, headers, body = peer.requests[0]
    assert target.partition("?")[0] == f"/Some%20Prefix/model/{path}/invoke"
    pairs = list(headers.items())
    claim = sigv4_verify.read_claim("POST", target, pairs)
    from datetime import UTC, datetime

    now = datetime.strptime(claim.amz_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    sigv4_verify.verify(
        claim, Credentials("AKIAIOSFODNN7EXAMPLE", "x"), method="POST", target=target,
        headers=pairs, body=body, now=now,
    )  # fmt: skip


def test_a_key_with_a_line_break_is_refused_without_showing_it(peer):
    client = AnthropicBedrock(api_key="s3cr3t\n", aws_region="us-east-1", base_url=peer.url)
    with pytest.raises(errors.RequestError, match="line break") as caught:
        client.messages.create(**ASK)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_half_a_message_is_never_taken_for_a_whole_one(client, peer):
    peer.stream(*FRAMES[:4])
    with client.messages.stream(**ASK) as stream:
        with pytest.raises(errors.StreamTruncatedError):
            list(stream.text_stream)
        with pytest.raises(errors.StreamTruncatedError) as caught:
            stream.get_final_message()
        assert caught.value.partial.content[0].text == "Hello "
    peer.stream(*FRAMES)
    with client.messages.stream(**ASK) as stream:
        stream.close()
        with pytest.raises(errors.StreamTruncatedError):
            stream.get_final_text()


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "X-Amz-Content-Sha256"])
def test_headers_that_frame_or_prove_the_request_cannot_be_set(client, name):
    with pytest.raises(errors.RequestError, match=name):
        client.messages.create(**ASK, extra_headers={name: "5"})


def test_what_json_does_not_have_is_refused(client):
    with pytest.raises(errors.RequestError, match="temperature"):
        client.messages.create(**ASK, temperature=float("nan"))
    with pytest.raises(errors.RequestError, match="betas"):
        client.beta.messages.create(**ASK, betas="context-1m-2025-08-07")


def test_other_time_outs_do_not_break_calls_in_flight(client, peer):
    import threading

    peer.replies.append([1.0])
    peer.whole(200, json.dumps(REPLY).encode())
    peer.replies[0] += peer.replies.pop()
    done = []
    slow = threading.Thread(target=lambda: done.append(client.messages.create(**ASK, timeout=50)))
    slow.start()
    while not peer.requests:
        pass
    for seconds in range(60, 70):
        peer.whole(200, json.dumps(REPLY).encode())
        client.messages.create(**ASK, timeout=seconds)
    slow.join(30)
    assert done[0].id == "msg_bdrk_01"


@pytest.mark.parametrize(
    "url",
    ["http://h:99999", "http://h:x", "http://:80", "http://h?q=1", "http://a%62c", "http://h "],
)
def test_a_base_url_that_cannot_be_called_is_refused_at_once(url):
    with pytest.raises(errors.ConfigurationError, match="base_url"):
        AnthropicBedrock(
            aws_access_key="a", aws_secret_key="b", aws_region="us-east-1", base_url=url
        )


def test_a_request_shows_no_header_in_its_repr():
    from outcrop.wire.http import Request

    assert "s3cr3t" not in repr(Request("POST", "http://h", "/", [("Authorization", "s3cr3t")]))
