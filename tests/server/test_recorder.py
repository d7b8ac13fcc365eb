"""Claims about the recorder: what it writes, and that a script answers by it as was answered."""

from __future__ import annotations

import asyncio
import logging
import stat
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3
import pytest
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given, settings, strategies as st

from outcrop import AnthropicBedrock, APIStatusError
from outcrop.errors import ConfigurationError, ThrottlingException, ValidationException
from outcrop.server import recorder as recorder_module
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
)
from outcrop.server.actors.function import Function
from outcrop.server.actors.script import Script
from outcrop.server.recorder import Recorder, Recording
from outcrop.server.serve import LocalBedrock, Options
from outcrop.testing import local_bedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}


@pytest.fixture
def anyio_backend():
    return "asyncio"


def ask(prompt: object = "Hi", *more: object, **fields) -> Ask:
    messages = [
        {"role": "assistant" if at % 2 else "user", "content": turn}
        for at, turn in enumerate((prompt, *more))
    ]
    return Ask({"messages": messages, "max_tokens": 64, **fields}, model="claude")


def results(*texts: object) -> list:
    return [{"type": "tool_result", "tool_use_id": "t", "content": text} for text in texts]


async def listen(actor, request: Ask) -> list:
    return [piece async for piece in actor.answer(request)]


def joined(pieces: list) -> list:
    """The pieces with texts put together, and without the IDs of tool calls and empty texts."""
    whole: list = []
    for piece in pieces:
        if whole and type(piece) is type(whole[-1]) and isinstance(piece, Text | Thinking):
            whole[-1] = type(piece)(whole[-1].text + piece.text)
        elif isinstance(piece, ToolUse):
            whole.append(ToolUse(piece.name, piece.input))
        elif isinstance(piece, Refuse):
            whole.append((type(piece.error), piece.error.message, piece.error.retry_after))
        elif piece != Text(""):
            whole.append(piece)
    return whole


def record(path: Path, *calls: tuple[Ask, object]) -> None:
    """Records that one request after the other was answered so."""

    async def main() -> None:
        said = iter([answer for _, answer in calls])
        recording = Recording(Function(lambda ask: next(said)), Recorder(path))
        await recording.start()
        for request, _ in calls:
            await listen(recording, request)
        await recording.close()

    asyncio.run(main())


def replay(path: Path, *requests: Ask) -> list:
    async def main() -> list:
        script = Script.load(path)
        return [joined(await listen(script, request)) for request in requests]

    return asyncio.run(main())


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def rules(path: Path) -> list:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


# A session, recorded and played ──────────────────────────────────────────────────────────────────


def without_ids(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: without_ids(part)
            for key, part in value.items()
            if key not in ("id", "toolUseId", "signature", "latencyMs", "ResponseMetadata")
        }
    return [without_ids(part) for part in value] if isinstance(value, list) else value


def invoke_session(bedrock) -> list:
    """Texts, a tool loop, thinking, a stream, an answer that is cut, and errors, by InvokeModel."""
    seen: list = []
    with AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region=bedrock.region,
        base_url=bedrock.url,
        max_retries=0,
    ) as client:

        def create(messages, **fields):
            fields = {"model": MODEL, "max_tokens": 300, "messages": messages, **fields}
            try:
                message = client.messages.create(**fields)
            except APIStatusError as error:
                seen.append((error.aws_name, error.status_code, error.message))
                return None
            seen.append((message.stop_reason, without_ids(message.to_dict()["content"])))
            return message

        hello = [{"role": "user", "content": "Hello there,\n\nhow are you? 日本"}]
        create(hello, max_tokens=3)
        create(hello)
        create(hello, system="Talk like a pirate.")
        create([{"role": "user", "content": "throttle me"}])
        create([{"role": "user", "content": "throttle me"}])
        create([{"role": "user", "content": "Hello"}], temperature=7)
        prompt = "What is the weather in Paris?"
        messages: list = [{"role": "user", "content": prompt}]
        call = create(messages, tools=[WEATHER])
        assert call is not None
        used = next(block for block in call.content if block.type == "tool_use")
        messages.append({"role": "assistant", "content": call.to_dict()["content"]})
        result = {"type": "tool_result", "tool_use_id": used.id, "content": "sunny, 20 °C"}
        messages.append({"role": "user", "content": [result]})
        create(messages, tools=[WEATHER])
        budget = {"type": "enabled", "budget_tokens": 1024}
        create([{"role": "user", "content": "Think."}], thinking=budget, max_tokens=2000)
        with client.messages.stream(
            model=MODEL, max_tokens=99, messages=[{"role": "user", "content": "Count."}]
        ) as stream:
            seen.append("".join(stream.text_stream))
    return seen


def converse_session(bedrock) -> list:
    """Much the same by Converse, as boto3 sees it."""
    seen: list = []
    config = Config(retries={"total_max_attempts": 1})
    with closing(
        boto3.client(
            "bedrock-runtime",
            config=config,
            endpoint_url=bedrock.url,
            region_name=bedrock.region,
            aws_access_key_id=bedrock.access_key,
            aws_secret_access_key=bedrock.secret_key,
        )
    ) as client:

        def converse(messages, **fields):
            try:
                reply = client.converse(modelId=MODEL, messages=messages, **fields)
            except ClientError as error:
                seen.append(error.response["Error"])
                return None
            seen.append((reply["stopReason"], without_ids(reply["output"])))
            return reply["output"]["message"]

        said = [{"role": "user", "content": [{"text": "Hello, Converse."}]}]
        converse(said)
        converse(said, system=[{"text": "Talk like a pirate."}])
        converse([{"role": "user", "content": [{"text": "throttle me"}]}])
        tools = {
            "tools": [
                {
                    "toolSpec": {
                        "name": WEATHER["name"],
                        "description": WEATHER["description"],
                        "inputSchema": {"json": WEATHER["input_schema"]},
                    }
                }
            ]
        }
        messages = [{"role": "user", "content": [{"text": "What is the weather in Paris?"}]}]
        call = converse(messages, toolConfig=tools)
        assert call is not None
        used = next(block["toolUse"] for block in call["content"] if "toolUse" in block)
        result = {"toolUseId": used["toolUseId"], "content": [{"text": "sunny, 20 °C"}]}
        messages += [call, {"role": "user", "content": [{"toolResult": result}]}]
        converse(messages, toolConfig=tools)
        for messages in (said, [{"role": "user", "content": [{"text": "break off"}]}]):
            texts = []
            try:
                reply = client.converse_stream(modelId=MODEL, messages=messages)
                with closing(reply["stream"]) as stream:
                    events = (event.get("contentBlockDelta", {}) for event in stream)
                    texts.extend(event.get("delta", {}).get("text") for event in events)
            except ClientError as error:
                seen.append(error.response["Error"])
            seen.append("".join(text or "" for text in texts))
    return seen


class Moody:
    """The parrot, but for a few prompts."""

    name = "moody"

    def __init__(self):
        from outcrop.server.actors.parrot import Parrot

        self.parrot = Parrot()
        self.throttled = 0

    async def start(self):
        pass

    async def answer(self, ask):
        prompt = str(ask.document["messages"][0]["content"])
        if "throttle" in prompt and not self.throttled:
            self.throttled += 1
            yield Refuse(ThrottlingException("Too many requests", retry_after=2))
        elif "break off" in prompt:
            yield Text("So ")
            yield Text("far")
            yield Refuse(ThrottlingException("and no further"))
        else:
            async for piece in self.parrot.answer(ask):
                yield piece

    async def close(self):
        pass


@pytest.mark.parametrize("session", [invoke_session, converse_session])
def test_a_session_gets_the_same_from_its_recording(session, tmp_path):
    path = tmp_path / "session.yaml"
    with local_bedrock(actor=Moody(), record=path) as bedrock:
        assert bedrock.actor_name == "moody"
        first = session(bedrock)
    with local_bedrock(script=path) as bedrock:
        assert session(bedrock) == first


def test_what_one_dialect_recorded_answers_in_the_other(tmp_path):
    path = tmp_path / "session.yaml"
    with local_bedrock(actor=Moody(), record=path) as bedrock:
        first = converse_session(bedrock)
    assert first
    with (
        local_bedrock(script=path) as bedrock,
        AnthropicBedrock(
            aws_access_key=bedrock.access_key,
            aws_secret_key=bedrock.secret_key,
            aws_region=bedrock.region,
            base_url=bedrock.url,
        ) as client,
    ):
        message = client.messages.create(
            model=MODEL, max_tokens=99, messages=[{"role": "user", "content": "Hello, Converse."}]
        )
    assert message.content[0].text == first[0][1]["message"]["content"][0]["text"]


def test_a_recording_holds_no_key_and_no_header(tmp_path):
    path = tmp_path / "session.yaml"
    with local_bedrock(actor=Moody(), record=path) as bedrock:
        invoke_session(bedrock)
        text = path.read_text(encoding="utf-8")
        for secret in (bedrock.access_key, bedrock.secret_key, bedrock.api_key, "uthorization"):
            assert secret not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["session.yaml"]


# The rules ───────────────────────────────────────────────────────────────────────────────────────


def test_a_rule_reads_as_a_person_would_write_it(tmp_path):
    path = tmp_path / "r.yaml"
    record(
        path,
        (ask("Hi there,\nyou", system="Be kind."), ["Hello ", "you.\n", "And you?"]),
        (ask("Weather?"), ["Let me see.", ToolUse("now", {"zone": "UTC"}, id="toolu_1")]),
        (ask("Weather?", "…", results("sun", "rain")), "Mixed."),
    )
    head, _, written = path.read_text(encoding="utf-8").partition("they were sent.\n")
    assert all(line.startswith("# ") for line in head.splitlines())
    assert written == (
        "- when:\n"
        "    prompt_is: |-\n"
        "      Hi there,\n"
        "      you\n"
        "    system_is: Be kind.\n"
        "    turn: 1\n"
        "  reply: |-\n"
        "    Hello you.\n"
        "    And you?\n"
        "- when:\n"
        "    prompt_is: Weather?\n"
        "    turn: 1\n"
        "  reply:\n"
        "    - text: Let me see.\n"
        "    - tool_use:\n"
        "        name: now\n"
        "        input:\n"
        "          zone: UTC\n"
        "- when:\n"
        "    turn: 2\n"
        "    tool_result_is: |-\n"
        "      sun\n"
        "      rain\n"
        "  reply: Mixed.\n"
    )


def test_every_kind_of_piece_is_recorded(tmp_path):
    path = tmp_path / "r.yaml"
    answers = [
        [Thinking("Twice"), Thinking(" two."), RedactedThinking("Hm."), Text("Four"), Text(".")],
        [CitedText("Green.", ({"type": "char_location", "document_title": None},)), Text("So.")],
        [CitedText("Green.", ())],
        [Wait(0.25), ToolUse("now", {"deep": [1, 2.5, None, True, "\u2028", {}]}), ToolUse("then")],
        ["No.", Stop("refusal")],
        [Stop("pause_turn")],
        "",
        [Refuse(ThrottlingException("Too many", retry_after=1.5))],
        ["one ", "two", Refuse(ValidationException("Enough"))],
        [Thinking(""), "Hm"],
    ]
    requests = [ask(f"Case {at}") for at, _ in enumerate(answers)]
    record(path, *zip(requests, answers, strict=True))
    expected = [
        joined([Text(part) if isinstance(part, str) else part for part in answer])
        for answer in answers
    ]
    assert replay(path, *requests) == expected


def test_the_same_answer_to_the_same_request_is_one_rule(tmp_path):
    path = tmp_path / "r.yaml"
    record(path, *[(ask("Hi"), "Hello")] * 3, (ask("Ho"), "Hello"))
    assert [rule["reply"] for rule in rules(path)] == ["Hello", "Hello"]
    assert "times" not in path.read_text(encoding="utf-8")


def test_other_answers_to_the_same_request_come_in_the_order_of_calls(tmp_path):
    path = tmp_path / "r.yaml"
    throttled = [Refuse(ThrottlingException("Too many"))]
    said = [throttled, throttled, "one", throttled, "two", "two"]
    record(path, *[(ask("Hi"), answer) for answer in said])
    assert [rule.get("times") for rule in rules(path)] == [2, 1, 1, None]
    refusal = (ThrottlingException, "Too many", None)
    one, two = Text("one"), Text("two")
    assert replay(path, *[ask("Hi")] * 7) == [
        [answer] for answer in (refusal, refusal, one, refusal, two, two, two)
    ]


def test_a_request_is_told_from_every_other_whatever_the_order(tmp_path):
    """Each is the same as the first but for one condition, which the first doesn't have."""
    calls = [
        (ask("Hi"), "bare"),
        (ask("Hi", system="pirate"), "system"),
        (ask("Hi there"), "longer"),
        (ask("Hi", "…", "Hi"), "turn"),
        (ask("Hi", "…", [*results("4"), {"type": "text", "text": "Hi"}]), "result and text"),
        (ask("Hi", "…", results("4")), "result"),
        (ask("Hi", "…", results("42")), "longer result"),
        (ask("Hi", "…", results([{"type": "image"}])), "image"),
        (ask("Hi", "…", [{"type": "image"}]), "nothing"),
        (ask("Hi", thinking={"type": "enabled", "budget_tokens": 1024}), "thinking"),
        (ask("x" * 5000), "long"),
    ]
    for number, order in enumerate((calls, calls[::-1])):
        path = tmp_path / f"{number}.yaml"
        record(path, *order)
        assert len(rules(path)) == len(calls)
        for request, answer in calls:
            assert replay(path, request) == [joined([Text(answer)])]


def test_a_long_prompt_is_matched_by_its_beginning(tmp_path):
    path = tmp_path / "r.yaml"
    record(path, (ask("x" * 100_000), "long"))
    assert path.stat().st_size < 5_000
    assert replay(path, ask("x" * 4_500)) == [[Text("long")]]


@pytest.mark.anyio
async def test_rules_stand_in_the_order_of_calls_though_a_later_one_ends_first(tmp_path):
    async def slowly(ask):
        yield ask.document["messages"][0]["content"]
        yield "!"

    recording = Recording(Function(slowly), Recorder(tmp_path / "r.yaml"))
    await recording.start()
    first, second = recording.answer(ask("first")), recording.answer(ask("second"))
    await anext(first)
    assert [piece async for piece in second] == [Text("second"), Text("!")]
    assert [piece async for piece in first] == [Text("!")]
    assert [rule["reply"] for rule in rules(tmp_path / "r.yaml")] == ["first!", "second!"]


@pytest.mark.anyio
async def test_an_answer_cut_at_its_end_is_no_other_answer(tmp_path):
    path = tmp_path / "r.yaml"
    recording = Recording(Function(lambda ask: "one two three"), Recorder(path))
    await recording.start()
    for whole in (False, True, False):
        answer = recording.answer(ask("Hi"))
        if whole:
            await listen(recording, ask("Hi"))
        else:
            await anext(answer)
            await answer.aclose()  # as the server does when `max_tokens` is reached
            expected = "one two three" if len(rules(path)[0]["reply"]) > 4 else "one "
            assert [rule["reply"] for rule in rules(path)] == [expected]
    assert [rule["reply"] for rule in rules(path)] == ["one two three"]
    assert "times" not in path.read_text(encoding="utf-8")


@pytest.mark.anyio
async def test_an_answer_that_the_client_broke_off_is_not_recorded(tmp_path):
    path = tmp_path / "r.yaml"
    begun = asyncio.Event()

    async def slowly(ask):
        yield "one"
        begun.set()
        await asyncio.Event().wait()

    async def between(ask):
        yield "one"
        yield "two"

    for function in (slowly, between):
        recording = Recording(Function(function), Recorder(path))
        await recording.start()

        async def client(recording=recording, waits=function is between):
            answer = recording.answer(ask("Hi"))
            try:
                async for _ in answer:
                    if waits:
                        begun.set()
                        await asyncio.Event().wait()
            finally:
                await answer.aclose()

        begun.clear()
        task = asyncio.create_task(client())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert rules(path) == []
        await recording.close()


def test_what_a_script_cannot_say_is_left_out_and_logged(tmp_path, caplog):
    deep: dict = {}
    for _ in range(200):
        deep = {"deeper": deep}
    path = tmp_path / "r.yaml"
    with caplog.at_level(logging.WARNING, logger="outcrop.server"):
        record(path, (ask("Hi"), [ToolUse("now", deep)]), (ask("Ho"), "Hello"))
    assert "isn't recorded" in caplog.text
    assert replay(path, ask("Ho")) == [[Text("Hello")]]


texts = st.text(
    st.one_of(
        st.characters(codec="utf-8"), st.sampled_from(" \n\t:#-|>'\"%@`&*!?{}[],=~\r\x85\u2028")
    ),
    max_size=40,
)
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        texts,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
said = st.lists(
    st.one_of(
        st.builds(Text, texts),
        st.builds(Thinking, texts),
        st.builds(RedactedThinking, texts),
        st.builds(
            CitedText, texts, st.lists(st.dictionaries(texts, values), max_size=2).map(tuple)
        ),
        st.builds(ToolUse, texts.filter(bool), st.dictionaries(texts, values, max_size=3)),
    ),
    max_size=4,
)
prompts = st.one_of(st.sampled_from(["a", "b"]), texts)
systems = st.one_of(st.sampled_from(["", "c"]), texts)


@settings(max_examples=50)
@given(calls=st.lists(st.tuples(prompts, systems, said), min_size=1, max_size=5))
def test_whatever_was_asked_and_answered_is_played_back(calls):
    requests = [ask(prompt, system=system) for prompt, system, _ in calls]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "r.yaml"
        record(path, *zip(requests, [answer for _, _, answer in calls], strict=True))
        assert replay(path, *requests) == [joined(answer) for _, _, answer in calls]


# The file ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.anyio
async def test_the_file_is_a_script_after_every_answer(tmp_path):
    path = tmp_path / "r.yaml"
    recording = Recording(Function(lambda ask: "Hello"), Recorder(path))
    await recording.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for count in range(1, 5):
        await listen(recording, ask(f"Hi {count}"))
        assert len(Script.load(path).rules) == count
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert names(tmp_path) == ["r.yaml"]


def test_a_file_that_is_there_is_never_overwritten(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("- reply: Mine\n")
    with pytest.raises(ConfigurationError, match=r"mine\.yaml exists.*Remove it, or record"):
        LocalBedrock(Options(record=path)).start()
    assert path.read_text() == "- reply: Mine\n"
    link = tmp_path / "link.yaml"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match=r"link\.yaml exists"):
        Recorder(link).open(actor="parrot")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"r\.yaml can't be written: No such file"):
        LocalBedrock(Options(record=tmp_path / "nowhere" / "r.yaml")).start()


def test_a_recording_that_would_be_taken_for_python_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"Name it \*\.yaml"):
        LocalBedrock(Options(record=tmp_path / "r.py"))


def test_nothing_recorded_leaves_no_file(tmp_path):
    with local_bedrock(record=tmp_path / "r.yaml"):
        assert names(tmp_path) == ["r.yaml"]
    assert names(tmp_path) == []


def test_a_full_file_stays_as_it_is_and_requests_are_answered(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(recorder_module, "LARGEST", 600)
    path = tmp_path / "r.yaml"
    with caplog.at_level(logging.WARNING, logger="outcrop.server"):
        record(path, (ask("Hi"), "Hello"), (ask("Ho"), "x" * 999), (ask("He"), "Hello"))
    assert caplog.text.count("is full") == 1
    assert [rule["reply"] for rule in rules(path)] == ["Hello"]


def test_a_file_that_cannot_be_written_any_more_is_told_of_and_requests_are_answered(
    tmp_path, caplog
):
    folder = tmp_path / "folder"
    folder.mkdir()

    async def main():
        recording = Recording(Function(lambda ask: "Hello"), Recorder(folder / "r.yaml"))
        await recording.start()
        (folder / "r.yaml").unlink()
        folder.rmdir()
        return await listen(recording, ask("Hi"))

    with caplog.at_level(logging.WARNING, logger="outcrop.server"):
        assert asyncio.run(main()) == [Text("Hello")]
    assert "can't be written" in caplog.text


def test_it_goes_on_where_it_was_when_the_server_is_started_again(tmp_path):
    async def main():
        recording = Recording(Function(lambda ask: "Hello"), Recorder(tmp_path / "r.yaml"))
        for prompt in ("Hi", "Ho"):
            await recording.start()
            await listen(recording, ask(prompt))
            await recording.close()

    asyncio.run(main())
    assert [rule["when"]["prompt_is"] for rule in rules(tmp_path / "r.yaml")] == ["Hi", "Ho"]
