"""Claims about the actor that is a Python function, from a file or given as it is."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from textwrap import dedent

import pytest

from outcrop import AnthropicBedrock, testing
from outcrop.errors import (
    ConfigurationError,
    ModelErrorException,
    ModelStreamErrorException,
    ThrottlingException,
    ValidationException,
)
from outcrop.server.actors import Ask, CitedText, Refuse, Stop, Text, Thinking, ToolUse, Wait
from outcrop.server.actors.function import Function
from outcrop.server.serve import choose_actor
from outcrop.testing import local_bedrock

pytestmark = pytest.mark.anyio

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.fixture
def anyio_backend():
    return "asyncio"


def ask(prompt: str = "Hi") -> Ask:
    return Ask({"messages": [{"role": "user", "content": prompt}]}, model="claude")


async def pieces(subject: Function, prompt: str = "Hi") -> list:
    return [piece async for piece in subject.answer(ask(prompt))]


@pytest.fixture
def load(tmp_path: Path):
    def load(text: str, name: str = "demo.py") -> Function:
        path = tmp_path / name
        path.write_text(dedent(text), encoding="utf-8")
        actor = choose_actor(f"script:{path}")
        assert isinstance(actor, Function)
        return actor

    return load


async def one_text(ask):
    return "Hello you"


async def some(ask):
    yield Thinking("Hm.")
    yield "Hello"


class Called:
    def __call__(self, ask):
        return [ask.model]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda ask: "Hello you", [Text("Hello "), Text("you")]),
        (lambda ask: Text("Hello you"), [Text("Hello you")]),
        (lambda ask: ["Hello you", Stop("refusal")], [Text("Hello you"), Stop("refusal")]),
        (lambda ask: iter([ToolUse("now"), Wait(0)]), [ToolUse("now"), Wait(0)]),
        (lambda ask: "", []),
        (lambda ask: (), []),
        (one_text, [Text("Hello "), Text("you")]),
        (some, [Thinking("Hm."), Text("Hello")]),
        (Called(), [Text("claude")]),
        (functools.partial(lambda word, ask: word, "Hello"), [Text("Hello")]),
    ],
)
async def test_an_answer_can_be_returned_or_yielded_sync_or_async(function, expected):
    assert await pieces(Function(function)) == expected


async def test_a_file_answers_and_is_named_after(load):
    subject = load("""
        from __future__ import annotations
        from dataclasses import dataclass

        from outcrop.testing import ToolUse, read

        @dataclass(slots=True)
        class Count:
            calls: int = 0

        count = Count()

        def answer(ask):
            count.calls += 1
            yield f"{count.calls}: {read(ask.document).latest}"
            yield ToolUse("now", {"zone": "UTC"})
        """)
    assert subject.name == "demo.py"
    await subject.start()
    assert await pieces(subject, "Hi") == [Text("1: Hi"), ToolUse("now", {"zone": "UTC"})]
    assert (await pieces(subject, "Ho"))[0] == Text("2: Ho")
    await subject.close()


async def test_an_exception_names_file_and_line_to_the_client_and_the_traceback_to_the_log(
    load, caplog
):
    subject = load("""
        def answer(ask):
            if ask.document["messages"][0]["content"] == "late":
                yield "Half"
            lookup({}, "rain")

        def lookup(table, key):
            return table[key]
        """)
    with caplog.at_level(logging.ERROR, logger="outcrop.server"):
        (refusal,) = await pieces(subject)
    assert type(refusal.error) is ModelErrorException
    assert refusal.error.message == "demo.py, line 8: KeyError: 'rain'"
    (record,) = caplog.records
    assert str(subject._file) in record.getMessage()
    assert "line 8" in record.getMessage()
    assert "KeyError: 'rain'" in caplog.text
    half, refusal = await pieces(subject, "late")
    assert half == Text("Half")
    assert type(refusal.error) is ModelStreamErrorException


async def test_an_error_of_bedrocks_is_raised_as_such():
    def answer(ask):
        yield Wait(0)
        raise ThrottlingException("Too many requests")

    wait, refusal = await pieces(Function(answer))
    assert wait == Wait(0)
    assert isinstance(refusal, Refuse)
    assert isinstance(refusal.error, ThrottlingException)


async def test_no_answer_is_refused_with_what_was_asked():
    (refusal,) = await pieces(Function(lambda ask: None, name="demo.py"), "How  are\nyou?")
    assert isinstance(refusal.error, ValidationException)
    assert 'demo.py gave nothing for the prompt "How are you?"' in refusal.error.message


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "the answer has a int; give texts"),
        ({"text": "Hi"}, "the answer has a dict"),
        (b"Hi", "the answer has a bytes"),
        ([{"text": "Hi"}], "the answer has a dict"),
        ([ToolUse("now", {"when": {1, 2}})], "a ToolUse's input isn't JSON"),
        ([ToolUse("now", {"x": float("nan")})], "a ToolUse's input isn't JSON"),
        ([ToolUse("now", [])], "a ToolUse's input isn't a dict"),
        ([CitedText("Hi", ({"at": b""},))], "a CitedText's citations isn't JSON"),
        ([CitedText("Hi", ("granite",))], "one of a CitedText's citations isn't a dict"),
        ([CitedText("Hi", 3)], "a CitedText's citations aren't a tuple"),
        ([CitedText("Hi", ({"type": "a", "granite": 2**64},))], "citations isn't JSON: Integer"),
        ([CitedText("Hi", ({"type": "a", 3: "granite"},))], "citations isn't JSON"),
        ([CitedText("granite\ud800", ())], "a CitedText has the surrogate U+D800 at 7"),
        ([ToolUse("now", {"granite": 2**64})], "a ToolUse's input isn't JSON: Integer exceeds"),
        ([ToolUse("now", {"x": "granite\ud800"})], "a ToolUse's input isn't JSON: str is not"),
        ([ToolUse("granite\ud800")], "a ToolUse has the surrogate"),
        ("granite\ud800", "the answer has the surrogate U+D800 at 7"),
        (["granite\ud800"], "a text has the surrogate"),
        ([Text("granite\ud800")], "a Text has the surrogate"),
        ([Thinking("granite\ud800")], "a Thinking has the surrogate"),
        ([Text(3)], "a Text has a int where a text belongs"),
        ([Stop("granite\ud800")], "a Stop has the surrogate"),
        ([Refuse(ValueError("granite"))], "a Refuse's error isn't one of Bedrock's"),
        ([Wait(-1)], "Wait(-1): give it 0 to 600 seconds"),
        ([Wait(float("nan"))], "Wait(nan)"),
    ],
)
async def test_what_is_no_piece_is_refused_with_the_mend(given, said, caplog):
    (refusal,) = await pieces(Function(lambda ask: given))
    assert said in refusal.error.message
    assert "granite" not in refusal.error.message + caplog.text
    assert refusal.error.message.startswith("test_function.py, line ")


async def test_who_stops_listening_ends_the_function():
    ended = []

    def sync(ask):
        try:
            yield "one"
            yield "two"
        finally:
            ended.append("sync")

    async def later(ask):
        try:
            yield "one"
            yield "two"
        finally:
            ended.append("async")

    for function in (sync, later):
        answer = Function(function).answer(ask())
        assert await anext(answer) == Text("one")
        await answer.aclose()
    assert ended == ["sync", "async"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "has no function `answer`. Write `def answer(ask)"),
        ("answer = 'Hi'\n", "has a str as its function `answer`"),
        ("x = 1\ndef answer(ask)\n", "demo.py, line 2: SyntaxError: expected ':'"),
        ("import math\n\nmath.nothing\n", "demo.py, line 3: AttributeError: module 'math'"),
        ("import nowhere_to_be_found\n", "demo.py, line 1: ModuleNotFoundError"),
    ],
)
def test_a_file_that_cannot_answer_is_refused_at_once(load, text, said):
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere\.py can't be read: No such file"):
        choose_actor(f"script:{tmp_path / 'nowhere.py'}")


async def test_files_of_one_name_do_not_meet(load, tmp_path):
    (tmp_path / "other").mkdir()
    one = load("word = 'one'\ndef answer(ask): return word\n")
    other = load("word = 'other'\ndef answer(ask): return word\n", "other/demo.py")
    assert await pieces(one) == [Text("one")]
    assert await pieces(other) == [Text("other")]


def test_a_function_is_an_actor_of_a_local_bedrock():
    def echo(ask):
        return testing.read(ask.document).latest.upper()

    with local_bedrock(actor=echo) as bedrock:
        assert bedrock.actor_name == "echo"
        with AnthropicBedrock(
            aws_access_key=bedrock.access_key,
            aws_secret_key=bedrock.secret_key,
            aws_region=bedrock.region,
            base_url=bedrock.url,
        ) as client:
            message = client.messages.create(
                model=MODEL, max_tokens=99, messages=[{"role": "user", "content": "Hello you"}]
            )
    assert message.content[0].text == "HELLO YOU"


FOUND = {
    "type": "web_search_result_location",
    "url": "https://example.com/",
    "title": "Rocks",
    "encrypted_index": "RW5jcnlwdGVk",
    "cited_text": "Granite is hard.",
}


@pytest.mark.parametrize("api", ["invoke", "converse"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_with_citations_of_a_web_search_is_told_and_not_logged(api, stream, caplog):
    def answer(ask):
        yield CitedText("It is hard.", (FOUND, {"type": "hologram", "cited_text": "Granite"}))

    ask = {"model": MODEL, "max_tokens": 99, "messages": [{"role": "user", "content": "Hello"}]}
    with (
        local_bedrock(actor=answer) as bedrock,
        AnthropicBedrock(
            aws_access_key=bedrock.access_key,
            aws_secret_key=bedrock.secret_key,
            aws_region=bedrock.region,
            base_url=bedrock.url,
            api=api,
        ) as client,
    ):
        if stream:
            with client.messages.stream(**ask) as events:
                message = events.get_final_message()
        else:
            message = client.messages.create(**ask)
    assert message.content[0].text == "It is hard."
    assert message.content[0].citations[0].url == FOUND["url"]
    assert len(message.content[0].citations) == {"invoke": 2, "converse": 1}[api]
    assert "Granite" not in caplog.text
    assert "Unexpected error" not in caplog.text


def test_what_cannot_answer_is_refused():
    with pytest.raises(ConfigurationError, match=r"actor=3 can't answer.*Give a function"):
        choose_actor(3)


@pytest.mark.parametrize("name", testing.__all__)
def test_every_public_name_is_there(name):
    assert getattr(testing, name) is not None
