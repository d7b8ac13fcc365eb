"""A Messages request, reply or stream goes over Converse and comes back the same; botocore judges.

Documents are generated in the form that comes back: content as blocks, titles as Converse takes
them, custom tools before Anthropic's own. What differs in form only has tests of its own.
"""

from __future__ import annotations

import copy
import json
from base64 import b64decode, b64encode

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.validate import ParamValidator
from hypothesis import given, strategies as st

from outcrop.bedrock import blocks, converse, converse_reply, mapping
from outcrop.bedrock.converse_stream import EventReader, EventWriter
from outcrop.bedrock.names import LONGEST, Names, is_safe
from outcrop.errors import (
    APIResponseValidationError,
    RequestError,
    StreamTruncatedError,
    ThrottlingException,
)
from outcrop.messages.assembly import Assembly
from outcrop.messages.disassembly import events_of
from outcrop.messages.views import Message, TextBlock
from outcrop.wire import eventstream

MODEL = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
ASK = MODEL.operation_model("Converse").input_shape
REPLY = MODEL.operation_model("Converse").output_shape

# What can be said ────────────────────────────────────────────────────────────────────────────────

words = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
names = st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True)
ids = st.from_regex(r"[a-zA-Z0-9_.:-]{1,64}", fullmatch=True)
data = st.binary(min_size=1).map(lambda data: b64encode(data).decode())
numbers = st.integers(0, 10**6)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=5,
)
objects = st.dictionaries(st.text(st.characters(codec="utf-8")), json_values, max_size=3)
caches = st.sampled_from(
    [{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "5m"}, {"type": "ephemeral", "ttl": "1h"}]
)


def fixed(kind, optional=None, **required):
    return st.fixed_dictionaries({"type": st.just(kind), **required}, optional=optional or {})


def located(kind, **indices):
    return fixed(kind, cited_text=words, document_title=words | st.none(), **indices)


texts = fixed("text", text=words)
citations = st.one_of(
    located(
        "char_location", document_index=numbers, start_char_index=numbers, end_char_index=numbers
    ),
    located(
        "page_location", document_index=numbers, start_page_number=numbers, end_page_number=numbers
    ),
    located(
        "content_block_location",
        document_index=numbers,
        start_block_index=numbers,
        end_block_index=numbers,
    ),
    fixed(
        "search_result_location",
        cited_text=words,
        search_result_index=numbers,
        source=words,
        start_block_index=numbers,
        end_block_index=numbers,
        title=words | st.none(),
    ),
)
cited = fixed("text", text=words, citations=st.lists(citations, max_size=3))
thoughts = fixed("thinking", thinking=words, signature=words)
redacted = fixed("redacted_thinking", data=words)
calls = fixed("tool_use", id=ids, name=names, input=objects)
images = fixed(
    "image",
    source=st.one_of(
        fixed(
            "base64",
            media_type=st.sampled_from(["image/png", "image/jpeg", "image/gif", "image/webp"]),
            data=data,
        ),
    ),
)
switch = st.fixed_dictionaries({"enabled": st.booleans()})
#: Titles are made unique afterwards: Converse wants that.
documents = fixed(
    "document",
    {"context": words, "citations": switch},
    title=st.just(""),
    source=st.one_of(
        fixed(
            "base64",
            media_type=st.sampled_from(
                [media_type for name, media_type in blocks.MEDIA_TYPES.items() if name != "txt"]
            ),
            data=data,
        ),
        fixed("text", media_type=st.just("text/plain"), data=words),
        fixed("content", content=st.lists(texts, min_size=1, max_size=3)),
    ),
)
found = fixed(
    "search_result",
    {"citations": switch},
    source=words,
    title=words,
    content=st.lists(texts, min_size=1, max_size=3),
)
results = fixed(
    "tool_result",
    {"is_error": st.just(value=True)},
    tool_use_id=ids,
    content=st.lists(texts | images | documents | found, max_size=3),
)


@st.composite
def cached(draw, block):
    made = draw(block)
    return {**made, "cache_control": draw(caches)} if draw(st.booleans()) else made


user = st.lists(cached(st.one_of(texts, images, documents, found, results)), min_size=1, max_size=4)
assistant = st.lists(st.one_of(cached(texts | cited | calls), thoughts, redacted), max_size=4)
messages = st.lists(
    st.fixed_dictionaries({"role": st.just("user"), "content": user})
    | st.fixed_dictionaries({"role": st.just("assistant"), "content": assistant}),
    min_size=1,
    max_size=4,
)
tools = st.lists(
    cached(
        st.fixed_dictionaries(
            {"name": names, "input_schema": objects},
            optional={"description": words, "strict": st.booleans()},
        )
    ),
    min_size=1,
    max_size=3,
)
requests = st.fixed_dictionaries(
    {"messages": messages, "max_tokens": st.integers(1, 10**6)},
    optional={
        "system": st.lists(cached(texts), min_size=1, max_size=3),
        "temperature": st.floats(0, 1),
        "top_p": st.floats(0, 1),
        "top_k": st.integers(0, 500),
        "stop_sequences": st.lists(words, max_size=3),
        "tools": tools,
        "thinking": st.sampled_from(
            [{"type": "enabled", "budget_tokens": 2048}, {"type": "adaptive"}]
        ),
        "anthropic_beta": st.lists(names, min_size=1, max_size=2),
        "metadata": st.fixed_dictionaries({"user_id": words}),
        "output_config": st.fixed_dictionaries(
            {},
            optional={
                "effort": st.sampled_from(["low", "medium", "high", "xhigh", "max"]),
                "format": st.fixed_dictionaries(
                    {"type": st.just("json_schema"), "schema": objects}
                ),
                "task_budget": st.fixed_dictionaries({"total": numbers}),
            },
        ).filter(bool),
        "something_new": objects,
    },
)
choices = st.one_of(
    st.sampled_from([{"type": "auto"}, {"type": "any"}, {"type": "none"}]),
    st.just({"type": "auto", "disable_parallel_tool_use": True}),
    st.fixed_dictionaries({"type": st.just("tool"), "name": names}),
)


def with_titles(request):
    """The request with a name of its own for each document."""
    count = 0

    def walk(content):
        nonlocal count
        for block in content:
            if block["type"] == "document":
                count += 1
                block["title"] = f"Report {count}"
            elif block["type"] == "tool_result":
                walk(block["content"])

    request = copy.deepcopy(request)
    for message in request["messages"]:
        walk(message["content"])
    return request


def blobs_decoded(value):
    """A request as boto3 takes it: bytes instead of base64."""
    if isinstance(value, list):
        return [blobs_decoded(item) for item in value]
    if isinstance(value, dict):
        return {
            key: b64decode(item) if key in ("bytes", "redactedContent") else blobs_decoded(item)
            for key, item in value.items()
        }
    return value


# Requests ────────────────────────────────────────────────────────────────────────────────────────


@given(requests, choices)
def test_a_request_comes_back_the_same_and_botocore_takes_it(request, choice):
    request = with_titles(request)
    if "tools" in request:
        request["tool_choice"] = choice
    before = copy.deepcopy(request)
    written = json.loads(converse.write_ask({**request, "model": "m", "stream": True}))
    assert request == before
    judged = {"modelId": "m", **blobs_decoded(written)}
    report = ParamValidator().validate(judged, ASK)
    assert not report.has_errors(), report.generate_report()
    read, _ = converse.read_ask(written)
    assert read == request


def test_shorthands_are_written_as_blocks():
    view = Message.model_validate(
        {"role": "assistant", "content": [{"type": "text", "text": "Hi", "citations": None}]}
    )
    written = converse.write_fields(
        {
            "model": "m",
            "max_tokens": 1,
            "system": "Be brief.",
            "messages": (
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": view.content},
                {"role": "user", "content": (TextBlock(type="text", text="And?"),)},
            ),
        }
    )
    assert written == {
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "Hello"}]},
            {"role": "assistant", "content": [{"text": "Hi"}]},
            {"role": "user", "content": [{"text": "And?"}]},
        ],
        "inferenceConfig": {"maxTokens": 1},
    }


def test_betas_and_anthropics_own_tools_go_to_the_model_as_they_are():
    computer = {"type": "computer_20250124", "name": "computer"}
    written = converse.write_fields(
        {
            "betas": ["computer-use-2025-01-24"],
            "tools": [{"name": "now", "input_schema": {}}, computer],
            "messages": [],
        }
    )
    assert written["additionalModelRequestFields"] == {
        "anthropic_beta": ["computer-use-2025-01-24"],
        "tools": [computer],
    }
    assert converse.read_ask(written)[0]["tools"] == [{"name": "now", "input_schema": {}}, computer]


def test_converses_own_fields_and_blocks_stand_in_a_request_as_they_are():
    guarded = {"type": "guardContent", "guardContent": {"text": {"text": "Is it?"}}}
    request = {
        "messages": [{"role": "user", "content": [guarded]}],
        "guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1"},
        "requestMetadata": {"team": "geology"},
        "serviceTier": {"type": "flex"},
    }
    written = converse.write_fields(request)
    assert written["messages"][0]["content"] == [{"guardContent": {"text": {"text": "Is it?"}}}]
    assert "additionalModelRequestFields" not in written
    read, extras = converse.read_ask(written)
    assert read["messages"] == request["messages"]
    assert extras.guardrail_config == request["guardrailConfig"]
    assert extras.request_metadata == {"team": "geology"}


def test_a_document_in_s3_has_its_place():
    source = {"type": "s3", "uri": "s3://bucket/a.pdf", "bucket_owner": "123456789012"}
    block = {
        "type": "document",
        "source": {**source, "media_type": "application/pdf"},
        "title": "Report",
    }
    written = converse.write_fields({"messages": [{"role": "user", "content": [block]}]})
    assert written["messages"][0]["content"][0]["document"] == {
        "format": "pdf",
        "name": "Report",
        "source": {"s3Location": {"uri": "s3://bucket/a.pdf", "bucketOwner": "123456789012"}},
    }
    assert converse.read_ask(written)[0]["messages"][0]["content"] == [block]


@pytest.mark.parametrize(
    ("titles", "names"),
    [
        (["report.pdf"], ["report"]),
        (["Q1/Q2: résumé.PDF"], ["Q1 Q2 r sum"]),
        ([None, None], ["Document 1", "Document 2"]),
        (["a", "a", "a"], ["a", "a (2)", "a (3)"]),
        (["報告"], ["Document 1"]),
        (["x" * 300, "x" * 300], ["x" * 200, "x" * 196 + " (2)"]),
        (["a (2)", "a", "a", "a"], ["a (2)", "a", "a (3)", "a (4)"]),
        (["a"] * 11, ["a", *(f"a ({number})" for number in range(2, 12))]),
    ],
)
def test_titles_become_names_that_converse_takes(titles, names):
    source = {"type": "base64", "media_type": "application/pdf", "data": "AA=="}
    content = [{"type": "document", "source": source, "title": title} for title in titles]
    written = converse.write_fields({"messages": [{"role": "user", "content": content}]})
    made = [block["document"]["name"] for block in written["messages"][0]["content"]]
    assert made == names


@pytest.mark.parametrize(
    "title", ["Report", "x" * 300, None, "x" * 196 + "{:04}"], ids=["short", "long", "none", "stem"]
)
def test_titles_that_are_the_same_again_and_again_are_numbered_in_linear_time(title):
    # By the square of them, this would take an hour.
    names, many = Names(), 100_000
    titles = [title and title.format(number % (many // 2) % 10_000) for number in range(many)]
    made = [names.name(one) for one in titles]
    assert len(set(made)) == many
    assert max(map(len, made)) <= LONGEST
    assert is_safe(made[-1])


def test_ten_paths_of_the_callers_own_do_not_hide_the_stop_sequence():
    paths = [f"/usage/{number}" for number in range(10)]
    request = {"messages": [], "stop_sequences": ["END"]}
    with pytest.raises(
        RequestError, match=r"additionalModelResponseFieldPaths has 10 paths.*place"
    ):
        converse.write_fields({**request, "additionalModelResponseFieldPaths": paths})
    for own in (paths[1:], ["/stop_sequence", *paths[1:]]):
        written = converse.write_fields({**request, "additionalModelResponseFieldPaths": own})
        assert sorted(written["additionalModelResponseFieldPaths"]) == sorted(
            {*own, "/stop_sequence"}
        )
    without = converse.write_fields({"messages": [], "additionalModelResponseFieldPaths": paths})
    assert without["additionalModelResponseFieldPaths"] == paths


def test_stop_sequences_are_asked_for_by_name():
    written = converse.write_fields({"messages": [], "stop_sequences": ["END"]})
    assert written["additionalModelResponseFieldPaths"] == ["/stop_sequence"]
    reply = {
        "output": {"message": {"role": "assistant", "content": []}},
        "stopReason": "stop_sequence",
        "additionalModelResponseFields": {"stop_sequence": "END"},
        "usage": {},
    }
    read = converse_reply.read_reply(json.dumps(reply).encode(), model="m", request_id=None)
    assert read["stop_sequence"] == "END"


def test_headers_of_invoke_model_become_fields():
    body = {}
    left = converse.write_headers(
        {
            "X-Amzn-Bedrock-GuardrailIdentifier": "abc",
            "X-Amzn-Bedrock-GuardrailVersion": "1",
            "X-Amzn-Bedrock-Trace": "ENABLED",
            "X-Amzn-Bedrock-Service-Tier": "flex",
            "X-Amzn-Bedrock-PerformanceConfig-Latency": "optimized",
            "X-Amzn-Bedrock-Request-Metadata": '{"team": "geology"}',
            "X-Other": "stays",
        },
        body,
    )
    assert left == {"X-Other": "stays"}
    assert not ParamValidator().validate({"modelId": "m", **body}, ASK).has_errors()
    assert body == {
        "guardrailConfig": {
            "guardrailIdentifier": "abc",
            "guardrailVersion": "1",
            "trace": "enabled",
        },
        "serviceTier": {"type": "flex"},
        "performanceConfig": {"latency": "optimized"},
        "requestMetadata": {"team": "geology"},
    }


@pytest.mark.parametrize(
    ("points", "attached"),
    [
        (["text", "5m", "1h"], 1),
        (["text", "5m", "5m", "5m"], 1),
        (["5m", "text"], 0),
        (["5m", "1h", "text", "1h"], 1),
    ],
)
def test_a_cache_point_is_never_lost_to_another(points, attached):
    content = [
        {"text": "Hi"} if one == "text" else {"cachePoint": {"type": "default", "ttl": one}}
        for one in points
    ]
    given_ = {"messages": [{"role": "user", "content": content}], "system": content}
    read, _ = converse.read_ask(given_)
    assert sum("cache_control" in block for block in read["system"]) == attached
    written = converse.write_fields(read)
    assert written["messages"][0]["content"] == written["system"] == content


def test_a_cache_point_of_a_tool_is_never_lost_to_another():
    spec = {"toolSpec": {"name": "now", "inputSchema": {"json": {}}}}
    points = [{"cachePoint": {"type": "default", "ttl": ttl}} for ttl in ("5m", "1h")]
    read, _ = converse.read_ask({"messages": [], "toolConfig": {"tools": [spec, *points]}})
    tool, point = read["tools"]
    assert tool["cache_control"] == {"type": "ephemeral", "ttl": "5m"}
    assert point == {"type": "cachePoint", **points[1]}


URL = {"type": "url", "url": "https://example.com/a.png"}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "AA=="}


@pytest.mark.parametrize(
    ("block", "where"),
    [
        ({"type": "image", "source": URL}, "messages.0.content.0.source.type"),
        ({"type": "document", "source": {"type": "file", "file_id": "f"}}, "0.source.type"),
        ({"type": "container_upload", "file_id": "f"}, "messages.0.content.0.type"),
        ({"type": "text", "text": "Hi", "mood": "good"}, "messages.0.content.0.mood='good'"),
        (
            {"type": "image", "source": {**PDF, "media_type": "image/png", "file_id": "f"}},
            "messages.0.content.0.source.file_id='f'",
        ),
        (
            {
                "type": "tool_result",
                "tool_use_id": "t",
                "content": [
                    {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
                ],
            },
            "messages.0.content.0.content.0.cache_control",
        ),
        (
            {
                "type": "document",
                "source": {
                    "type": "content",
                    "content": [{"type": "image", "source": {**PDF, "media_type": "image/png"}}],
                },
            },
            "messages.0.content.0.source.content.0",
        ),
        (
            {
                "type": "text",
                "text": "x",
                "citations": [
                    {
                        "type": "web_search_result_location",
                        "cited_text": "x",
                        "url": "https://example.com",
                        "title": None,
                        "encrypted_index": "e",
                    }
                ],
            },
            "messages.0.content.0.citations.0.encrypted_index='e'",
        ),
        ({"type": "text", "text": "x", "cache_control": {"type": "eternal"}}, "cache_control.type"),
        ("Hello", "messages.0.content.0 is 'Hello'"),
    ],
)
def test_what_has_no_counterpart_is_named(block, where):
    with pytest.raises(RequestError) as caught:
        converse.write_ask({"messages": [{"role": "user", "content": [block]}]})
    assert where in str(caught.value)


# Replies ─────────────────────────────────────────────────────────────────────────────────────────

usages = st.builds(
    lambda read, short, long, given, made: {
        "input_tokens": given,
        "output_tokens": made,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": short + long,
        **(
            {
                "cache_creation": {
                    "ephemeral_5m_input_tokens": short,
                    "ephemeral_1h_input_tokens": long,
                }
            }
            if short + long
            else {}
        ),
    },
    numbers,
    numbers,
    numbers,
    numbers,
    numbers,
)
replies = st.fixed_dictionaries(
    {
        "id": st.just("msg_1"),
        "type": st.just("message"),
        "role": st.just("assistant"),
        "model": st.just("claude-x"),
        "content": st.lists(st.one_of(texts, cited, thoughts, redacted, calls), max_size=5),
        "stop_reason": st.sampled_from(["end_turn", "tool_use", "max_tokens", "refusal"]),
        "stop_sequence": st.none(),
        "usage": usages,
    }
)


@given(replies, numbers)
def test_a_reply_comes_back_the_same_and_botocore_reads_it(message, latency):
    headers, body = converse_reply.write_reply(message, latency=latency, extras=converse.Extras())
    assert body == json.dumps(
        json.loads(body), separators=(",", ":"), sort_keys=True, ensure_ascii=False
    ).encode("utf-8", "surrogatepass")
    response = {"status_code": 200, "headers": dict(headers), "body": body}
    parsed = create_parser("rest-json").parse(response, REPLY)
    assert parsed["metrics"] == {"latencyMs": latency}
    assert len(parsed["output"]["message"]["content"]) == len(message["content"])
    assert all(parsed["output"]["message"]["content"])  # no block that botocore doesn't know
    usage = parsed["usage"]
    assert usage["totalTokens"] == sum(
        usage[name] for name in mapping.USAGE.values() if name in usage
    )
    read = converse_reply.read_reply(body, model="claude-x", request_id="1")
    assert read == {**message, "metrics": {"latencyMs": latency}}


def test_what_was_asked_of_the_models_own_reply_comes_back():
    paths = ["/stop_sequence", "/usage/output_tokens", "/content/0/text", "/nothing", "/a~1b"]
    message = {
        "role": "assistant",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "stop_sequence",
        "stop_sequence": "END",
        "usage": {"input_tokens": 1, "output_tokens": 2},
        "a/b": 3,
    }
    extras = converse.Extras(response_field_paths=paths, service_tier={"type": "flex"})
    _, body = converse_reply.write_reply(message, latency=1, extras=extras)
    reply = json.loads(body)
    assert reply["additionalModelResponseFields"] == {
        "stop_sequence": "END",
        "usage": {"output_tokens": 2},
        "content": {"0": {"text": "Hi"}},
        "a/b": 3,
    }
    assert reply["serviceTier"] == {"type": "flex"}


def test_what_nobody_knows_comes_through_a_reply():
    given = {
        "output": {"message": {"role": "assistant", "content": [{"hologram": {"of": "a stone"}}]}},
        "stopReason": "on_strike",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3, "dust": 4},
        "trace": {"promptRouter": {"invokedModelId": "x"}},
        "weather": "fair",
    }
    read = converse_reply.read_reply(json.dumps(given).encode(), model="m", request_id=None)
    assert read["content"] == [{"type": "hologram", "hologram": {"of": "a stone"}}]
    assert (read["stop_reason"], read["usage"]["dust"]) == ("on_strike", 4)
    assert (read["trace"], read["weather"]) == (given["trace"], "fair")


# Streams ─────────────────────────────────────────────────────────────────────────────────────────


def frames_of(message, split, extras=None):
    writer = EventWriter(extras or converse.Extras())
    events = events_of(message, split=split)
    # A stream tells its usage at the end.
    events[-2]["usage"] = message["usage"]
    frames = [writer.write(event, padding=at % 63) for at, event in enumerate(events)]
    return [frame for frame in [*frames, writer.finish(latency=5, padding=3)] if frame]


@given(replies, st.integers(1, 7), st.integers(1, 400))
def test_a_stream_comes_back_the_same_however_it_is_cut(message, piece, chunk):
    def split(text):
        return [text[at : at + piece] for at in range(0, len(text), piece)]

    for block in message["content"]:
        if block.get("citations") == []:
            del block["citations"]  # a stream of Converse has no event that says so
    wire = b"".join(frames_of(message, split))
    reader, assembly = EventReader(model="claude-x", request_id="1"), Assembly()
    for at in range(0, len(wire), chunk):
        for event in reader.feed(wire[at : at + chunk]):
            assembly.add(event)
    reader.raise_fault(ended=True)
    assert reader.complete
    assert assembly.complete
    assert assembly.unassembled == []
    assert assembly.document == {**message, "metrics": {"latencyMs": 5}}


@given(replies, st.data())
def test_a_stream_without_its_end_is_an_error(message, data):
    wire = b"".join(frames_of(message, None))
    reader = EventReader(model="m", request_id=None)
    reader.feed(wire[: data.draw(st.integers(0, len(wire) - 1))])
    assert not reader.complete
    with pytest.raises(StreamTruncatedError):
        reader.raise_fault(ended=True)


def test_an_exception_in_the_stream_is_raised_after_what_came_before():
    from outcrop.bedrock.invoke_stream import write_exception

    message = {
        "role": "assistant",
        "content": [{"type": "text", "text": "Hel"}],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    start, delta, *_ = frames_of(message, None)
    wire = start + delta + write_exception(ThrottlingException("Too many tokens"))
    reader = EventReader(model="m", request_id=None)
    kinds = [event["type"] for event in reader.feed(wire)]
    assert kinds == ["message_start", "content_block_start", "content_block_delta"]
    with pytest.raises(ThrottlingException, match="Too many tokens"):
        reader.raise_fault()


@pytest.mark.parametrize(
    "more",
    [
        {"usage": {"cacheDetails": [{}]}},
        {"usage": "x"},
        {"additionalModelResponseFields": "x"},
        {"output": {"message": {"content": 5}}},
        {"output": None},
    ],
)
def test_a_reply_of_another_shape_is_our_error(more):
    sound = {"output": {"message": {"role": "assistant", "content": []}}, "usage": {}}
    body = json.dumps(sound | more).encode()
    with pytest.raises(APIResponseValidationError):
        converse_reply.read_reply(body, model="m", request_id=None)


def test_what_came_before_a_frame_of_another_shape_is_handed_out():
    message = {
        "role": "assistant",
        "content": [{"type": "text", "text": "Hel"}],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    start, delta, *_ = frames_of(message, None)
    headers = {":event-type": "contentBlockDelta", ":message-type": "event"}
    wire = start + delta + eventstream.encode(headers, b'{"contentBlockIndex":1,"delta":{}}')
    reader = EventReader(model="m", request_id=None)
    assert len(reader.feed(wire)) == 3
    with pytest.raises(APIResponseValidationError):
        reader.raise_fault()


# Citations ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "citation",
    [
        {"location": {"hologram": {"at": 3}}},
        {"location": {"hologram": {"at": 3}}, "sourceContent": [{"text": "a"}, {"text": "b"}]},
        {"title": "Rock"},
        {},
    ],
)
def test_a_citation_of_an_unknown_kind_comes_through_untouched(citation):
    block = {"citationsContent": {"content": [{"text": "Hi"}], "citations": [citation]}}
    read = blocks.read_block(block)
    (one,) = read["citations"]
    kind = one["type"]
    assert kind == next(iter(citation.get("location", {})), "citation")
    assert one == {"type": kind, **citation}
    request = {"messages": [{"role": "assistant", "content": [read]}]}
    assert converse.write_fields(request)["messages"][0]["content"] == [block]


def test_that_there_are_no_citations_is_said_where_claude_says_it_and_nowhere_else():
    text = {"type": "text", "text": "Hi", "citations": []}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [text]}
    turns = [{"role": "assistant", "content": [text]}, {"role": "user", "content": [text, result]}]
    written = converse.write_fields({"messages": turns, "system": [text]})
    uncited = {"citationsContent": {"content": [{"text": "Hi"}], "citations": []}}
    assert written["messages"][0]["content"] == [uncited]
    assert converse.read_ask(written)[0]["messages"][0] == turns[0]
    user, told = written["messages"][1]["content"]
    assert [user, *told["toolResult"]["content"], *written["system"]] == [{"text": "Hi"}] * 3


FOUND = {
    "type": "web_search_result_location",
    "url": "https://example.com/",
    "title": "Rocks",
    "encrypted_index": "RW5jcnlwdGVk",
    "cited_text": "Granite is hard.",
}
MARKED = {
    "type": "char_location",
    "document_index": 0,
    "document_title": "Rock",
    "start_char_index": 0,
    "end_char_index": 16,
    "cited_text": "Granite is hard.",
    "file_id": "file_1",
}
HOLOGRAM = {"type": "hologram_location", "cited_text": "Granite is hard."}


@pytest.mark.parametrize(
    "citations_", [[FOUND], [MARKED, HOLOGRAM], [HOLOGRAM], [{}], ["Rock"], []]
)
def test_an_answer_is_told_with_as_much_of_its_citations_as_converse_has(citations_):
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [{"type": "text", "text": "It is.", "citations": citations_}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    headers, body = converse_reply.write_reply(message, latency=1, extras=converse.Extras())
    response = {"status_code": 200, "headers": dict(headers), "body": body}
    (block,) = create_parser("rest-json").parse(response, REPLY)["output"]["message"]["content"]
    kept = [one for one in citations_ if one in (FOUND, MARKED)]
    said = block.get("citationsContent", {"content": [block]})
    assert said["content"] == [{"text": "It is."}]
    told_whole = said.get("citations", [])
    assert len(told_whole) == len(kept)
    frames = b"".join(
        EventWriter(converse.Extras()).write(one, padding=2)
        for one in (
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            },
            *(
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "citations_delta", "citation": one},
                }
                for one in citations_
            ),
        )
    )
    events = EventReader(model="m", request_id="1").feed(frames)
    told = [event["delta"]["citation"] for event in events if "delta" in event]
    assert [one["cited_text"] for one in told] == [one["cited_text"] for one in kept]
    assert all(one["sourceContent"] == [{"text": "Granite is hard."}] for one in told_whole)
