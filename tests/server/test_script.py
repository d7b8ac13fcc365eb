"""Claims about the actor that answers by the rules of a file."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path
from textwrap import dedent

import pytest

from outcrop.errors import BY_NAME, ConfigurationError, ThrottlingException, ValidationException
from outcrop.server.actors import (
    Ask,
    CitedText,
    RedactedThinking,
    Refuse,
    Stop,
    Text,
    Thinking,
    ToolUse,
    Wait,
    script as script_module,
)
from outcrop.server.actors.script import Script
from outcrop.server.actors.script_rules import When

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


def ask(*turns, model="claude-sonnet-4-5-20250929", **fields) -> Ask:
    messages = [
        {"role": "assistant" if at % 2 else "user", "content": turn}
        for at, turn in enumerate(turns)
    ]
    document = {"messages": messages, "max_tokens": 64, **fields}
    return Ask(document, model=model, model_id=f"global.anthropic.{model}-v1:0")


def script(text: str) -> Script:
    return Script.parse(dedent(text), name="demo.yaml")


async def answer(subject: Script, request: Ask) -> list:
    return [piece async for piece in subject.answer(request)]


async def text(subject: Script, request: Ask) -> str:
    pieces = await answer(subject, request)
    assert all(isinstance(piece, Text) for piece in pieces), pieces
    return "".join(piece.text for piece in pieces)


async def test_a_text_is_streamed_word_by_word():
    subject = script("- reply: The quick  brown\n")
    asked = replace(ask("Hi"), operation="ConverseStream")
    assert await answer(subject, asked) == [Text("The "), Text("quick  "), Text("brown")]


async def test_a_text_that_nobody_reads_as_it_comes_is_one_piece():
    subject = script("- reply: [The quick, {wait: 0}, ' brown ', fox]\n")
    assert await answer(subject, ask("Hi")) == [Text("The quick"), Wait(0), Text(" brown fox")]


async def test_a_list_of_pieces_comes_as_it_is():
    subject = script("""
        - reply:
          - Hello there
          - wait: 0.5
          - {text: "!"}
          - tool_use: {name: now, input: {zone: UTC, deep: [1, 2.5, null, true]}, id: toolu_1}
        """)
    assert await answer(subject, ask("Hi")) == [
        Text("Hello there"),
        Wait(0.5),
        Text("!"),
        ToolUse("now", {"zone": "UTC", "deep": [1, 2.5, None, True]}, id="toolu_1"),
    ]


async def test_thinking_and_cited_texts_are_pieces_too():
    subject = script("""
        - reply:
          - thinking: Twice two.
          - redacted_thinking: Hm.
          - text: Grass is green.
            citations: [{type: char_location, document_index: 0, document_title: null}]
          - {text: Roses are red., citations: []}
        """)
    assert await answer(subject, ask("Hi")) == [
        Thinking("Twice two."),
        RedactedThinking("Hm."),
        CitedText(
            "Grass is green.",
            ({"type": "char_location", "document_index": 0, "document_title": None},),
        ),
        CitedText("Roses are red.", ()),
    ]


async def test_a_text_can_be_matched_whole():
    subject = script("""
        - when: {prompt_is: Hi, system_is: ""}
          reply: bare
        - when: {prompt_is: Hi, system_is: pirate}
          reply: Arr
        - else: other
        """)
    assert await text(subject, ask("Hi")) == "bare"
    assert await text(subject, ask("Hi", system="pirate")) == "Arr"
    assert await text(subject, ask("Hi", system="pirates")) == "other"
    assert await text(subject, ask("Hi you")) == "other"


async def test_tool_results_are_matched_by_their_text():
    def result(*texts):
        content = [{"type": "tool_result", "tool_use_id": "t", "content": said} for said in texts]
        return ask("The weather?", [{"type": "tool_use", "id": "t", "name": "w"}], content)

    subject = script("""
        - when: {tool_result_is: "4"}
          reply: four
        - when: {tool_result_is: ""}
          reply: nothing
        - when: {tool_result: rain}
          reply: umbrella
        - when: {tool_result: true}
          reply: something
        - else: no result
        """)
    assert await text(subject, result("4")) == "four"
    assert await text(subject, result("42")) == "something"
    assert await text(subject, result("")) == "nothing"
    assert await text(subject, result("sun", [{"type": "text", "text": "then rain"}])) == "umbrella"
    assert await text(subject, ask("4")) == "no result"


async def test_tools_thinking_and_operation_are_conditions():
    subject = script("""
        - when: {tools: [now, then]}
          reply: both
        - when: {tools: [now]}
          reply: now
        - when: {thinking: true}
          reply: thought
        - when: {operation: "Converse*"}
          reply: converse
        - when: {tools: [], thinking: false}
          reply: bare
        - else: other
        """)
    now, then, other = ({"name": name} for name in ("now", "then", "other"))
    assert await text(subject, ask("Hi", tools=[then, other, now])) == "both"
    assert await text(subject, ask("Hi", tools=[now, other])) == "now"
    assert await text(subject, ask("Hi", thinking={"type": "adaptive"})) == "thought"
    assert await text(subject, ask("Hi", thinking={"type": "enabled"}, tools=[])) == "thought"
    assert await text(subject, ask("Hi", thinking={"type": "disabled"})) == "bare"
    assert await text(subject, ask("Hi", tools=[other])) == "other"
    request = Ask(ask("Hi").document, model="claude", operation="ConverseStream")
    assert await text(subject, request) == "converse"


async def test_a_refusal_after_tool_results_quotes_them():
    result = [{"type": "tool_result", "tool_use_id": "t", "content": "sun"}]
    call = [{"type": "tool_use", "id": "t", "name": "w", "input": {}}]
    (refusal,) = await answer(
        script("- {when: {turn: 9}, reply: a}"), ask("Weather?", call, result)
    )
    assert 'matches the tool result "sun" (turn 2,' in refusal.error.message


async def test_an_error_can_say_when_to_come_back():
    subject = script("- error: {name: ThrottlingException, retry_after: 1.5}\n")
    (refusal,) = await answer(subject, ask("Hi"))
    assert refusal.error.retry_after == 1.5


async def test_the_first_rule_that_matches_answers():
    subject = script("""
        - when: {prompt: weather}
          reply: Sunny.
        - when: {regex: "(?i)^hello\\\\b"}
          reply: Hi.
        - when: {model: "claude-opus-*"}
          reply: Opus.
        - when: {system: pirate, turn: 2}
          reply: Arr again.
        - when: {system: pirate}
          reply: Arr.
        - else: Whatever.
        """)
    assert await text(subject, ask("Hello, how is the weather?")) == "Sunny."
    assert await text(subject, ask("HELLO you")) == "Hi."
    assert await text(subject, ask("Weather?", model="claude-opus-4-1")) == "Opus."
    assert await text(subject, ask("Who?", system="You are a pirate.")) == "Arr."
    assert await text(subject, ask("Who?", "Arr.", "Who?", system="pirate")) == "Arr again."
    assert await text(subject, ask("Who?")) == "Whatever."


async def test_a_model_is_matched_by_its_id_too():
    subject = script("""
        - when: {model: "global.*"}
          reply: Global.
        """)
    assert await text(subject, ask("Hi")) == "Global."


async def test_the_prompt_is_the_text_of_the_last_user_message_only():
    subject = script("""
        - when: {prompt: weather}
          reply: [{tool_use: {name: get_weather, input: {}}}]
        - when: {tool_result: true}
          reply: Sunny.
        - when: {tool_result: false}
          reply: Nothing.
        """)
    call = [{"type": "tool_use", "id": "t", "name": "get_weather", "input": {}}]
    result = [{"type": "tool_result", "tool_use_id": "t", "content": "sun"}]
    assert await answer(subject, ask("The weather?")) == [ToolUse("get_weather", {})]
    assert await text(subject, ask("The weather?", call, result)) == "Sunny."
    assert await text(subject, ask("The weather?", call, result, "Ok.", "Thanks")) == "Nothing."


async def test_a_rule_applies_only_so_many_times():
    subject = script("""
        - error: {name: ThrottlingException, message: Too many requests}
          times: 2
        - reply: Ok.
        """)
    for _ in range(2):
        (refusal,) = await answer(subject, ask("Hi"))
        assert isinstance(refusal.error, ThrottlingException)
        assert refusal.error.message == "Too many requests"
        assert refusal.error.status_code == 429
    assert await text(subject, ask("Hi")) == "Ok."


async def test_an_error_can_come_after_some_pieces():
    subject = script("""
        - reply: one two three
          error: {name: ModelStreamErrorException, message: Broken, after: 2}
        """)
    *sent, refusal = await answer(subject, ask("Hi"))
    assert sent == [Text("one "), Text("two ")]
    assert isinstance(refusal, Refuse)
    assert refusal.error.aws_name == "ModelStreamErrorException"


async def test_each_refusal_is_an_error_of_its_own():
    subject = script("- error: {name: InternalServerException}\n")
    (first,) = await answer(subject, ask("Hi"))
    (second,) = await answer(subject, ask("Hi"))
    assert first.error is not second.error


@pytest.mark.parametrize("name", sorted(BY_NAME))
async def test_every_error_of_the_table_can_be_scripted(name):
    (refusal,) = await answer(script(f"- error: {{name: {name}}}\n"), ask("Hi"))
    assert type(refusal.error) is BY_NAME[name]


async def test_an_answer_can_end_for_another_reason_and_start_late():
    subject = script("""
        - when: {prompt: bomb}
          reply: "No."
          stop_reason: refusal
          delay: 0.25
        - stop_reason: stop_sequence
        """)
    assert await answer(subject, ask("A bomb?")) == [Wait(0.25), Text("No."), Stop("refusal")]
    stopped = await answer(subject, ask("Go on", stop_sequences=["END", "STOP"]))
    assert stopped == [Stop("stop_sequence", "END")]
    assert await answer(subject, ask("Go on")) == [Stop("stop_sequence", None)]


async def test_a_request_that_no_rule_matches_is_refused_by_name():
    subject = script("""
        - when: {prompt: weather}
          reply: Sunny.
        """)
    (refusal,) = await answer(subject, ask("Hi", "Hello", "How  are\nyou?"))
    assert isinstance(refusal.error, ValidationException)
    assert refusal.error.status_code == 400
    assert refusal.error.message == (
        'No rule of demo.yaml matches the prompt "How are you?" '
        "(turn 2, model claude-sonnet-4-5-20250929)."
    )


async def test_a_regular_expression_sees_the_beginning_of_a_long_prompt():
    subject = script("""
        - when: {regex: "needle"}
          reply: Found.
        - else: Not found.
        """)
    assert await text(subject, ask("hay" * 3000 + "needle")) == "Found."
    assert await text(subject, ask("hay" * 5000 + "needle")) == "Not found."


async def test_odd_requests_do_not_break_a_script():
    subject = script("""
        - when: {prompt: weather, tool_result: true, system: pirate}
          reply: Sunny.
        - else: Whatever.
        """)
    for document in ({}, {"messages": 3}, {"messages": [7, {"role": "user", "content": [None]}]}):
        assert await text(subject, Ask(document, model="claude")) == "Whatever."


async def test_the_example_in_the_documentation_is_a_script():
    document = script_module.__doc__
    lines = document.partition("matches:\n\n")[2].partition("\n\nThe prompt")[0]
    subject = script(lines)
    assert await answer(subject, ask("hi there")) == [Text("Hel"), Wait(0.5), Text("lo")]
    assert await text(subject, ask("Hm.", model="claude-sonnet")) == "Whatever else is asked."
    *_, refusal = await answer(subject, ask("Hm.", model="claude-opus-5"))
    assert isinstance(refusal.error, ThrottlingException)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("- {reply: [}", ["line 1", "isn't YAML"]),
        ("hello", ["a list of rules, not str"]),
        ("{}", ["a list of rules, not dict"]),
        ("[]", ["the script has no rules"]),
        ("", ["a list of rules, not NoneType"]),
        ("- 3", ["line 1", "rule 1", "the rule is 3", "a mapping with when, reply"]),
        ("- reply: a\n- answer: b", ["line 2", "rule 2", "'answer'", "Known are when, reply"]),
        ("- when: {prompt: a}", ["doesn't say what to answer"]),
        ("- when: {promt: a}\n  reply: b", ["when has the field 'promt'", "prompt, regex"]),
        ("- when: {prompt: 3}\n  reply: b", ["when.prompt is 3", "a text"]),
        ("- when: {regex: '('}\n  reply: b", ["when.regex is '('", "unterminated"]),
        ("- when: {turn: 0}\n  reply: b", ["when.turn is 0", "a whole number from 1"]),
        ("- when: {tool_result: 3}\n  reply: b", ["tool_result is 3", "true, false or a text"]),
        ("- when: {tool_result: ''}\n  reply: b", ["tool_result is ''", "true, false or a text"]),
        ("- when: {tool_result_is: 3}\n  reply: b", ["tool_result_is is 3", "a text (in quotes"]),
        ("- when: {tools: now}\n  reply: b", ["when.tools is 'now'", "a list of names"]),
        ("- when: {tools: [3]}\n  reply: b", ["when.tools[0] is 3", "a text"]),
        ("- when: {thinking: hard}\n  reply: b", ["when.thinking is 'hard'", "true or false"]),
        ("- when: {operation: 3}\n  reply: b", ["when.operation is 3", "a text"]),
        ("- reply: 3", ["reply is 3", "a text, or a list of pieces"]),
        ("- reply: [{wait: -1}]", ["reply[0].wait is -1", "seconds from 0 to 600"]),
        ("- reply: [{wait: .nan}]", ["reply[0].wait is nan"]),
        ("- reply: [{text: a, wait: 1}]", ["reply[0] is", "one of text, thinking"]),
        ("- reply: [{thinking: 3}]", ["reply[0].thinking is 3", "a text"]),
        ("- reply: [{citations: []}]", ["reply[0] is", "or text and citations"]),
        ("- reply: [{text: a, citations: b}]", ["reply[0].citations is 'b'", "a list"]),
        ("- reply: [{text: a, citations: [b]}]", ["citations[0] is 'b'", "a JSON object"]),
        (
            "- error: {name: ThrottlingException, retry_after: soon}",
            ["error.retry_after is 'soon'", "seconds from 0"],
        ),
        ("- reply: [{tool_use: {input: {}}}]", ["reply[0].tool_use.name is None"]),
        ("- reply: [{tool_use: {name: a, input: 3}}]", ["tool_use.input is 3", "a JSON object"]),
        (
            "- reply: [{tool_use: {name: a, input: {day: 2026-01-31}}}]",
            ["input.day is datetime.date(2026, 1, 31)", "in quotes"],
        ),
        ("- reply: [{tool_use: {name: a, input: {x: [.inf]}}}]", ["input.x[0] is inf"]),
        ("- reply: [{tool_use: {name: a, input: {1: b}}}]", ["a key in", "is 1"]),
        (f"- reply: [{{tool_use: {{name: a, input: {{x: {2**64}}}}}}}]", ["x is a number of 65"]),
        (f"- reply: [{{tool_use: {{name: a, input: {{x: {-(2**63) - 1}}}}}}}]", ["64 bits"]),
        (f"- reply: [{{tool_use: {{name: a, input: {{x: 0x{'f' * 9999}}}}}}}]", ["of 39996 bits"]),
        (f"- when: {{turn: -0x{'f' * 9999}}}\n  reply: a", ["when.turn is a number of 39996 bits"]),
        (r'- reply: "gran\ud800ite"', ["reply has the surrogate U+D800 at 4"]),
        (r'- reply: ["gran\ud800ite"]', ["reply[0] has the surrogate U+D800 at 4"]),
        (r'- reply: [{thinking: "\udfff"}]', ["reply[0].thinking has the surrogate U+DFFF"]),
        (r'- reply: [{tool_use: {name: "\ud800"}}]', ["tool_use.name has the surrogate"]),
        (r'- reply: [{tool_use: {name: a, input: {x: ["\ud800"]}}}]', ["input.x[0] has the"]),
        (r'- reply: [{tool_use: {name: a, input: {"\ud800": 1}}}]', ["a key in", "surrogate"]),
        (r'- error: {name: ThrottlingException, message: "\ud800"}', ["error.message has the"]),
        ("- reply: [{text: a, citations: [{x: .nan}]}]", ["citations[0].x is nan"]),
        ("- error: {name: Throttling}", ["error.name is 'Throttling'", "ThrottlingException"]),
        ("- error: {name: ThrottlingException, after: -1}", ["error.after is -1"]),
        ("- {reply: a, error: {name: ThrottlingException}}", ["error.after is 0", "1 or more"]),
        ("- {error: {name: ConflictException}, stop_reason: refusal}", ["stop_reason is"]),
        ("- stop_reason: tired", ["stop_reason is 'tired'", "end_turn, max_tokens"]),
        ("- {reply: a, times: 0}", ["times is 0", "from 1"]),
        ("- {reply: a, delay: soon}", ["delay is 'soon'", "seconds"]),
        ("- else: a\n- reply: b", ["line 1", "`else` stands alone"]),
        ("- {else: a, when: {prompt: b}}", ["`else` stands alone"]),
    ],
)
def test_a_bad_file_is_refused_with_place_field_value_and_mend(text, parts):
    with pytest.raises(ConfigurationError) as caught:
        script(text)
    said = str(caught.value)
    assert said.startswith("demo.yaml")
    assert "gran" not in said  # what couldn't be sent couldn't be shown either
    for part in parts:
        assert part in said


def test_a_file_that_grows_by_aliases_is_refused_in_few_words():
    lines = ["- reply:", "  - tool_use:", "      name: a", "      input:", "        a0: &a0 [x]"]
    lines += [f"        a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(ConfigurationError, match="at most"):
        script("\n".join(lines))
    endless = "- reply: &a [*a]"
    with pytest.raises(ConfigurationError) as caught:
        script(endless)
    assert len(str(caught.value)) < 400


async def test_a_script_is_loaded_from_a_file_and_named_after_it(tmp_path):
    path = tmp_path / "weather.yaml"
    path.write_text("\ufeff- when: {prompt: é}\n  reply: Été.\n", encoding="utf-8")
    subject = Script.load(path)
    await subject.start()
    assert await text(subject, ask("é?")) == "Été."
    (refusal,) = await answer(subject, ask("e?"))
    assert refusal.error.message.startswith("No rule of weather.yaml matches")
    await subject.close()


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml can't be read: No such file"):
        Script.load(tmp_path / "nowhere.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"- reply: \xe9")
    with pytest.raises(ConfigurationError, match=r"latin\.yaml can't be read: it isn't UTF-8"):
        Script.load(path)


def test_the_pieces_in_the_how_to_are_a_script():
    page = Path(__file__).parents[2] / "docs/how-to/scripted-replies.md"
    (example,) = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (rule,) = script(example).rules
    assert [type(piece) for piece in rule.pieces] == [
        Thinking,
        RedactedThinking,
        CitedText,
        Wait,
        ToolUse,
    ]


def test_the_how_to_names_every_condition():
    page = Path(__file__).parents[2] / "docs/how-to/scripted-replies.md"
    conditions = page.read_text(encoding="utf-8").partition("| `when` |")[2].partition("## ")[0]
    for field in fields(When):
        assert re.search(rf"`{field.name}\b", conditions), field.name
