"""Views show the document, all of it, and change nothing."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given, strategies as st

from outcrop.messages import events, results, views
from outcrop.messages.fields import Items
from outcrop.messages.view import View, json_default, plain
from outcrop.messages.views import Message, TextBlock, ToolUseBlock, UnknownBlock, content_block

USAGE = {"input_tokens": 10, "output_tokens": 2, "cache_creation": None, "wisdom_tokens": 7}
DOCUMENT = {
    "model": "claude-sonnet-4-5-20250929",
    "id": "msg_bdrk_01",
    "type": "message",
    "role": "assistant",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {
            "type": "text",
            "text": "Hello",
            "citations": [
                {
                    "type": "char_location",
                    "cited_text": "Hello",
                    "document_index": 0,
                    "document_title": None,
                    "start_char_index": 0,
                    "end_char_index": 5,
                }
            ],
        },
        {"type": "tool_use", "id": "toolu_bdrk_01", "name": "weather", "input": {"city": None}},
        {"type": "hologram", "text": {"beams": [1, 2]}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": USAGE,
    "amazon-bedrock-guardrailAction": "NONE",
}


@pytest.fixture
def message():
    return Message.of(copy.deepcopy(DOCUMENT))


def test_attributes_are_the_fields_of_the_document(message):
    assert message.id == "msg_bdrk_01"
    assert message.stop_reason == "tool_use"
    assert message.usage.input_tokens == 10
    assert message.content[1].text == "Hello"
    assert message.content[1].citations[0].cited_text == "Hello"
    assert message.content[0].signature == "c2ln"


def test_the_class_follows_the_type(message):
    assert [type(block) for block in message.content] == [
        views.ThinkingBlock,
        views.TextBlock,
        views.ToolUseBlock,
        views.UnknownBlock,
    ]
    assert isinstance(message.content[1].citations[0], views.CitationCharLocation)
    assert isinstance(message.usage, views.Usage)


def test_a_tool_input_is_a_plain_dict(message):
    assert type(message.content[2].input) is dict
    assert message.content[2].input == {"city": None}


def test_an_optional_field_that_is_absent_is_none(message):
    assert message.container is None
    assert message.stop_details is None
    assert TextBlock.of({"type": "text", "text": ""}).citations is None
    assert message.usage.cache_creation is None


def test_an_unknown_field_is_there_by_attribute_and_by_name(message):
    assert message.usage.wisdom_tokens == 7
    assert message.usage["wisdom_tokens"] == 7
    assert message["amazon-bedrock-guardrailAction"] == "NONE"
    assert "amazon-bedrock-guardrailAction" in message
    assert message.get("amazon-bedrock-trace") is None
    assert message.get("amazon-bedrock-trace", "off") == "off"
    assert "usage" in message
    assert "usages" not in message


def test_a_subscript_gives_what_the_attribute_gives(message):
    assert message["content"][1]["text"] == "Hello"
    assert isinstance(message["usage"], views.Usage)


def test_a_block_of_an_unknown_type_keeps_its_document(message):
    block = message.content[3]
    assert isinstance(block, UnknownBlock)
    assert block.type == "hologram"
    assert block.text == {"beams": [1, 2]}
    assert block.to_dict() == DOCUMENT["content"][3]


def test_a_field_that_is_not_there_says_what_is():
    with pytest.raises(AttributeError, match=r"TextBlock has no field 'txt' .*has type, text\)"):
        _ = content_block({"type": "text", "text": "x"}).txt
    with pytest.raises(AttributeError, match="no field 'text'"):
        _ = content_block({"type": "text"}).text


@pytest.mark.parametrize("document", [{}, {"type": None}, {"type": ["text"]}, {"type": {}}])
def test_a_block_without_a_usable_type_is_unknown_and_whole(document):
    assert isinstance(content_block(document), UnknownBlock)
    assert content_block(document).to_dict() == document


@pytest.mark.parametrize("value", ["text", 3, None, ["x"]])
def test_a_value_of_another_shape_comes_out_as_it_came_in(value):
    assert content_block(value) == value
    assert Message.of({"usage": value}).usage == value
    assert TextBlock.of({"citations": "none"}).citations == "none"
    assert Message.of({"content": [value]}).content == [value]


def test_writing_is_refused_with_the_mend(message):
    with pytest.raises(AttributeError, match=r"Message\.id can't be set.*to_dict\(\)"):
        message.id = "x"
    with pytest.raises(AttributeError, match="can't be set"):
        message.brand_new = "x"
    with pytest.raises(AttributeError, match="can't be deleted"):
        del message.id
    with pytest.raises(TypeError, match=r"\['id'\] can't be set"):
        message["id"] = "x"
    with pytest.raises(TypeError, match=r"\['id'\] can't be deleted"):
        del message["id"]
    assert message.to_dict() == DOCUMENT


@pytest.mark.parametrize(
    "change",
    [
        lambda blocks: blocks.append(1),
        lambda blocks: blocks.extend([1]),
        lambda blocks: blocks.insert(0, 1),
        lambda blocks: blocks.pop(),
        lambda blocks: blocks.remove(blocks[0]),
        lambda blocks: blocks.clear(),
        lambda blocks: blocks.sort(),
        lambda blocks: blocks.reverse(),
        lambda blocks: blocks.__setitem__(0, 1),
        lambda blocks: blocks.__delitem__(0),
        lambda blocks: blocks.__iadd__([1]),
        lambda blocks: blocks.__imul__(2),
    ],
)
def test_a_list_of_views_refuses_every_change(message, change):
    with pytest.raises(TypeError, match="read-only"):
        change(message.content)


def test_a_copy_of_a_list_of_views_is_a_list_to_change(message):
    assert isinstance(message.content, list)
    for mine in (list(message.content), copy.copy(message.content), message.content[:]):
        mine.append("x")
        assert not isinstance(mine, Items)
        assert len(mine) == 5
    assert pickle.loads(pickle.dumps(message.content)) == message.content


def test_the_repr_reads_like_the_official_one_in_document_order():
    assert repr(TextBlock.of({"text": "Hello", "type": "text"})) == (
        "TextBlock(text='Hello', type='text')"
    )
    assert repr([content_block({"type": "text", "text": "Hello"})]) == (
        "[TextBlock(type='text', text='Hello')]"
    )


def test_the_repr_makes_the_view_again(message):
    names = {**vars(views), **vars(results)}
    assert eval(repr(message), names) == message  # the claim


def test_views_are_equal_if_their_documents_are(message):
    assert message == Message.of(copy.deepcopy(DOCUMENT))
    assert message != Message.of({**DOCUMENT, "id": "other"})
    assert message != DOCUMENT
    with pytest.raises(TypeError, match="unhashable"):
        hash(message)


def test_a_view_is_no_dict_but_makes_one(message):
    assert not isinstance(message, dict)
    assert dict(message.usage) == USAGE
    assert message.to_dict() == DOCUMENT


def test_to_dict_is_a_deep_copy(message):
    mine = message.to_dict()
    mine["content"][2]["input"]["city"] = "Rome"
    mine["usage"]["input_tokens"] = 0
    assert message.to_dict() == DOCUMENT


def test_to_dict_leaves_out_what_it_is_told_to(message):
    assert "stop_sequence" not in message.to_dict(exclude_none=True)
    assert "cache_creation" not in message.to_dict(exclude_none=True)["usage"]
    assert "stop_sequence" not in message.to_dict(exclude_defaults=True)
    # null is a value that the tool was given
    assert message.to_dict(exclude_none=True)["content"][2]["input"] == {"city": None}


def test_to_json_is_the_document(message):
    assert json.loads(message.to_json()) == DOCUMENT
    assert message.to_json().startswith('{\n  "model": "claude')
    assert message.to_json(indent=None).startswith('{"model":"claude')
    assert "é" in TextBlock(type="text", text="é").to_json()


def test_model_dump_fills_in_what_is_known_but_absent(message):
    dumped = message.model_dump()
    assert dumped["container"] is None
    assert dumped["content"][1]["citations"][0]["file_id"] is None
    assert dumped["usage"]["service_tier"] is None
    assert dumped["usage"]["wisdom_tokens"] == 7
    assert message.model_dump(exclude_unset=True, mode="json", by_alias=True) == DOCUMENT
    assert message.model_dump(exclude_unset=True, include={"id"}) == {"id": "msg_bdrk_01"}
    assert "id" not in message.model_dump(exclude={"id"})


def test_model_dump_json_is_model_dump_as_text(message):
    assert json.loads(message.model_dump_json()) == message.model_dump()
    assert json.loads(message.model_dump_json(exclude_unset=True, indent=1)) == DOCUMENT
    assert "\\u00e9" in TextBlock(type="text", text="é").model_dump_json(ensure_ascii=True)


def test_copies_and_pickles_are_equal_views(message):
    for twin in (copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert type(twin) is Message
        assert twin == message
    twin = copy.deepcopy(message)
    twin.content[2].input["city"] = "Rome"
    assert message.content[2].input == {"city": None}


def test_what_came_by_wire_stands_beside_the_document():
    headers = {"x-amzn-requestid": "r"}
    message = Message.received(DOCUMENT, request_id="r", route="way", headers=headers)
    assert message._request_id == "r"
    assert message.route == "way"
    assert message.headers["x-amzn-requestid"] == "r"
    assert message.to_dict() == DOCUMENT
    assert "route" not in repr(message)
    assert message == Message.of(DOCUMENT)
    assert pickle.loads(pickle.dumps(message)).headers == headers
    assert copy.deepcopy(message)._request_id == "r"


def test_a_message_that_did_not_come_by_wire_has_nothing_beside_it(message):
    assert message._request_id is None
    assert message.route is None
    assert message.headers == {}


def test_a_view_can_be_made_by_keywords_as_with_the_official_classes():
    block = ToolUseBlock(type="tool_use", id="t", name="n", input={"x": 1})
    usage = views.Usage(input_tokens=1, output_tokens=2)
    message = Message(
        id="m", type="message", role="assistant", model="c", content=[block], usage=usage
    )
    assert message.content[0].name == "n"
    assert message.to_dict()["usage"] == {"input_tokens": 1, "output_tokens": 2}
    with pytest.raises(TypeError, match="TextBlock needs text"):
        TextBlock(type="text", txt="x")


def test_a_saved_document_becomes_a_view_again(message):
    again = Message.model_validate(json.loads(message.to_json()))
    assert again == message
    assert Message.model_validate(message) == message


def test_a_view_has_no_room_for_anything_else(message):
    assert not hasattr(message, "__dict__")
    assert not hasattr(message.content[0], "__dict__")


def test_class_patterns_match(message):
    found = []
    for block in message.content:
        match block:
            case TextBlock(text=text):
                found.append(text)
            case ToolUseBlock(name=name, input={"city": city}):
                found.append((name, city))
            case _:
                pass
    assert found == ["Hello", ("weather", None)]


def test_a_web_search_result_is_a_list_or_an_error():
    found = {"type": "web_search_result", "title": "t", "url": "u", "encrypted_content": "e"}
    fault = {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    block = {"type": "web_search_tool_result", "tool_use_id": "s"}
    assert content_block({**block, "content": [found]}).content[0].title == "t"
    assert content_block({**block, "content": fault}).content.error_code == "unavailable"


def test_a_container_knows_when_it_expires():
    container = results.Container.of({"id": "c", "expires_at": "2026-10-21T10:00:00Z"})
    assert container.expires_at.isoformat() == "2026-10-21T10:00:00+00:00"
    assert container.to_dict()["expires_at"] == "2026-10-21T10:00:00Z"
    assert results.Container.of({"id": "c", "expires_at": "soon"}).expires_at == "soon"
    again = results.Container(id="c", expires_at=container.expires_at)
    assert again.expires_at == container.expires_at
    assert "2026-10-21T10:00:00" in again.to_json()


def test_json_encoders_write_views_and_iterables(message):
    request = {
        "messages": (
            {"role": role, "content": content}
            for role, content in (("user", "Hi"), ("assistant", message.content))
        ),
        "whole": message,
    }
    assert json.loads(json.dumps(request, default=json_default)) == {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": DOCUMENT["content"]},
        ],
        "whole": DOCUMENT,
    }


def test_json_encoders_are_not_given_secrets_or_bytes():
    with pytest.raises(TypeError, match="a value of type bytes has no JSON form"):
        json.dumps({"data": b"hunter2"}, default=json_default)


# A wire event of each kind survives its view.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
KINDS = sorted({*"text thinking tool_use message_start content_block_delta text_delta".split()})
FIELDS = st.sampled_from(
    [*"type text content usage delta citations input index message content_block".split(), "é-1"]
)


@given(st.dictionaries(FIELDS, JSON | st.sampled_from(KINDS), max_size=5))
def test_any_document_passes_through_any_view(document):
    for wrap in (content_block, views.citation, events.raw_event, Message.of, views.Usage.of):
        view = wrap(copy.deepcopy(document))
        assert isinstance(view, View)
        assert view.to_dict() == document
        assert json.loads(view.to_json()) == document
        assert plain(view) == document
        assert repr(view).startswith(type(view).__name__)
        assert pickle.loads(pickle.dumps(view)) == view
        assert all(view[name] is not ... for name in document)
