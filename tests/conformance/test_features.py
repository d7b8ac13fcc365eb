"""Tools, thinking, structured outputs, documents and the prompt cache, through every client.

Each claim is made of InvokeModel and of Converse, whole and streamed: what a stream adds up to is
computed here, from what the client gave.
"""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from features import CITED_LINE, SCHEMA

Blocks = list[dict[str, Any]]

# What was said, in one form ──────────────────────────────────────────────────────────────────────


def of_message(message: dict[str, Any]) -> tuple[Blocks, str, dict[str, int]]:
    """Blocks, stop reason and usage of a Messages reply."""
    return message["content"], message["stop_reason"], message["usage"]


def of_events(events: list[dict[str, Any]]) -> tuple[Blocks, str, dict[str, int]]:
    """The same, of the events of a Messages stream."""
    blocks: Blocks = []
    usage = dict(events[0]["message"]["usage"])
    stop = ""
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append(dict(event["content_block"]))
            if blocks[-1]["type"] == "tool_use":
                blocks[-1]["input"] = ""
        elif event["type"] == "content_block_delta":
            delta = {key: value for key, value in event["delta"].items() if key != "type"}
            ((name, piece),) = delta.items()
            if name == "citation":
                blocks[-1].setdefault("citations", [])
                blocks[-1]["citations"] = [*(blocks[-1]["citations"] or []), piece]
            else:
                name = "input" if name == "partial_json" else name
                blocks[-1][name] = (blocks[-1].get(name) or "") + piece
        elif event["type"] == "message_delta":
            stop = event["delta"]["stop_reason"]
            usage |= event["usage"]
    for block in blocks:
        if block["type"] == "tool_use":
            block["input"] = json.loads(block["input"] or "{}")
    return blocks, stop, usage


def of_converse(reply: dict[str, Any]) -> tuple[Blocks, str, dict[str, int]]:
    """The same, of a Converse reply."""
    blocks = [as_messages(block) for block in reply["output"]["message"]["content"]]
    return blocks, reply["stopReason"], of_usage(reply["usage"])


def of_usage(usage: dict[str, int]) -> dict[str, int]:
    return {
        "input_tokens": usage["inputTokens"],
        "output_tokens": usage["outputTokens"],
        "cache_read_input_tokens": usage.get("cacheReadInputTokens", 0),
        "cache_creation_input_tokens": usage.get("cacheWriteInputTokens", 0),
    }


def as_messages(block: dict[str, Any]) -> dict[str, Any]:
    ((kind, value),) = ((k, v) for k, v in block.items() if not k.startswith("$"))
    match kind:
        case "text":
            return {"type": "text", "text": value}
        case "toolUse":
            return {"type": "tool_use", "name": value["name"], "input": value["input"]}
        case "reasoningContent":
            text = value["reasoningText"]
            return {"type": "thinking", "thinking": text["text"], "signature": text["signature"]}
        case "citationsContent":
            citations = [
                {
                    "cited_text": citation["sourceContent"][0]["text"],
                    "start_page_number": citation["location"]["documentPage"]["start"],
                    "end_page_number": citation["location"]["documentPage"]["end"],
                }
                for citation in value["citations"]
            ]
            text = "".join(part["text"] for part in value["content"])
            return {"type": "text", "text": text, "citations": citations}
        case _:
            raise AssertionError(kind)


def of_converse_events(events: list[dict[str, Any]]) -> tuple[Blocks, str, dict[str, int]]:
    """The same, of the events of ConverseStream."""
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        if start := event.get("contentBlockStart"):
            use = start["start"]["toolUse"]
            blocks[start["contentBlockIndex"]] = {"toolUse": {**use, "input": ""}}
        if not (given := event.get("contentBlockDelta")):
            continue
        block = blocks.setdefault(given["contentBlockIndex"], {})
        delta = given["delta"]
        if "text" in delta:
            block["text"] = block.get("text", "") + delta["text"]
        elif "toolUse" in delta:
            block["toolUse"]["input"] += delta["toolUse"]["input"]
        elif "citation" in delta:
            block.setdefault("citations", []).append(delta["citation"])
        else:
            ((name, piece),) = (
                (k, v) for k, v in delta["reasoningContent"].items() if not k.startswith("$")
            )
            inner = block.setdefault("reasoningContent", {"reasoningText": {}})["reasoningText"]
            inner[name] = inner.get(name, "") + piece
    whole = []
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
        if "citations" in block:
            given = block.pop("citations")
            content = {"content": [{"text": block["text"]}], "citations": given}
            whole.append(as_messages({"citationsContent": content}))
        else:
            whole.append(as_messages(block))
    stop = next(event["messageStop"]["stopReason"] for event in events if "messageStop" in event)
    usage = next(event["metadata"]["usage"] for event in events if "metadata" in event)
    return whole, stop, of_usage(usage)


READ = {
    "invoke": lambda reply: of_message(reply["message"]),
    "invoke-stream": lambda reply: of_events(reply["events"]),
    "converse": of_converse,
    "converse-stream": lambda reply: of_converse_events(reply["events"]),
}


def read(told):
    """Blocks, stop reason and usage of what was told in some way."""
    way, reply = told
    return READ[way](reply)


def texts(blocks):
    return "".join(block["text"] for block in blocks if block["type"] == "text")


# Claims ──────────────────────────────────────────────────────────────────────────────────────────


def test_an_image_is_looked_at(binary_answer):
    blocks, stop, usage = read(binary_answer("image"))
    assert texts(blocks)
    assert stop in ("end_turn", "max_tokens")
    assert usage["input_tokens"] > 4  # "Vision": 2 by 2 patches of 28 pixels


def test_a_forced_tool_is_called_with_input_that_is_valid(answer):
    blocks, stop, _ = read(answer("tool_call"))
    (call,) = (block for block in blocks if block["type"] == "tool_use")
    assert call["name"] == "get_weather"
    jsonschema.validate(call["input"], SCHEMA)
    assert call["input"] == {"city": "Paris", "days": 3}
    assert stop == "tool_use"


def test_after_the_results_comes_text_that_uses_them(answer):
    blocks, stop, _ = read(answer("tool_answer"))
    assert "18 degrees" in texts(blocks)
    assert stop == "end_turn"


def test_thinking_comes_before_the_answer_and_is_signed(answer):
    (thought, said), stop, _ = read(answer("thinking"))
    assert thought["type"] == "thinking"
    assert thought["thinking"]
    assert thought["signature"]
    assert "144" in said["text"]
    assert stop == "end_turn"


def test_what_was_thought_is_taken_back(whole_answer):
    blocks, _, _ = read(whole_answer("thinking_goes_on"))
    assert "169" in texts(blocks)


def test_structured_output_is_json_of_the_schema(structured_answer):
    blocks, stop, _ = read(structured_answer("structured"))
    jsonschema.validate(json.loads(texts(blocks)), SCHEMA)
    assert stop == "end_turn"


def test_a_cited_pdf_is_quoted_with_its_page(answer):
    blocks, _, _ = read(answer("pdf_cited"))
    cited = [block for block in blocks if block.get("citations")]
    assert cited
    for block in cited:
        for citation in block["citations"]:
            assert citation["cited_text"].strip() in CITED_LINE
            assert (citation["start_page_number"], citation["end_page_number"]) == (2, 3)


def test_a_pdf_without_citations_is_answered_in_plain_text(whole_answer):
    way, reply = whole_answer("pdf_plain")
    blocks, _, usage = read((way, reply))
    assert texts(blocks)
    assert not any(block.get("citations") for block in blocks)
    _, _, cited = read(whole_answer("pdf_cited"))
    if way.startswith("converse"):  # text only
        assert usage["input_tokens"] * 3 < cited["input_tokens"]
    else:
        assert usage["input_tokens"] * 2 > cited["input_tokens"]


def test_a_cached_prompt_is_written_then_read(whole_answer):
    _, _, written = read(whole_answer("cache_written"))
    _, _, again = read(whole_answer("cache_read"))
    size = written["cache_creation_input_tokens"]
    assert size >= 1024  # the least that Sonnet 4.5 caches
    assert written["cache_read_input_tokens"] == 0
    assert (again["cache_read_input_tokens"], again["cache_creation_input_tokens"]) == (size, 0)
    assert written["input_tokens"] == again["input_tokens"]
