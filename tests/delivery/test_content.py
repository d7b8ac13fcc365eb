"""What of a record's content isn't delivered."""

from __future__ import annotations

import copy

from outcrop.delivery import content

RAW = "iVBORw0KGgo="
INVOKE = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": RAW},
                },
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "words"},
                },
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [
                        {"type": "document", "source": {"type": "base64", "data": RAW}},
                    ],
                },
            ],
        }
    ]
}
CONVERSE = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"image": {"format": "png", "source": {"bytes": RAW}}},
                {"document": {"format": "pdf", "name": "n", "source": {"bytes": RAW}}},
                {"toolResult": {"content": [{"image": {"source": {"bytes": RAW}}}]}},
            ],
        }
    ]
}


def record(body):
    return {
        "requestId": "r",
        "input": {"inputBodyJson": copy.deepcopy(body), "inputTokenCount": 9},
        "output": {"outputBodyJson": [{"type": "message_start"}], "outputTokenCount": 1},
    }


def test_without_text_only_the_counts_stay():
    row = record(INVOKE)
    content.leave_out_text(row)
    assert row == {
        "requestId": "r",
        "input": {"inputTokenCount": 9},
        "output": {"outputTokenCount": 1},
    }


def test_without_images_the_bytes_of_images_and_documents_are_gone_and_words_stay():
    for body in (INVOKE, CONVERSE):
        row = record(body)
        content.leave_out_images(row)
        assert RAW not in str(row)
        assert row["output"] == record(body)["output"]
    row = record(INVOKE)
    content.leave_out_images(row)
    blocks = row["input"]["inputBodyJson"]["messages"][0]["content"]
    assert blocks[0]["text"] == "What is this?"
    assert blocks[1] == {"type": "image", "source": {"type": "base64", "media_type": "image/png"}}
    assert blocks[2]["source"]["data"] == "words"


def test_bodies_that_arent_json_are_left_as_they_are():
    for row in ({}, record("no JSON"), record(None), {"input": {}}, record([1, [2, {"image": 3}]])):
        before = copy.deepcopy(row)
        content.leave_out_images(row)
        assert row == before


def test_a_body_nested_however_deep_is_walked():
    body = deep = {}
    for _ in range(5000):
        deep["content"] = {}
        deep = deep["content"]
    deep["image"] = {"source": {"bytes": RAW}}
    row = {"input": {"inputBodyJson": body}}
    content.leave_out_images(row)
    assert deep["image"] == {"source": {}}
