"""The actor `parrot`: answers by rules, at once, and says that it is a stand-in.

Rules: the standard library only; the same request gives the same answer on every machine, whatever
its `temperature`, `top_p` or `top_k`; nothing runs that a prompt could make slow. It writes no
prose of its own: it is there so that a program has somebody to talk to, and a test something to
assert.

What it does, first match first:

1.  `tool_choice` "any" or "tool": a call whose input is valid under the tool's schema; several for
    several things (`tool_calls`).
2.  `[[reply: …]]` in the last prompt, else in the system prompt: that text, as it is.
3.  Tool results: says what the tools gave.
4.  Tools, and a prompt that plainly asks for one: a call, as above.
5.  A format (`output_config.format`): JSON that is valid under its schema.
6.  "Say exactly …", "repeat after me: …", "reply with only …", in either prompt: that text.
7.  Documents and search results with citations enabled: sentences of theirs, cited.
8.  A sum, a question about what the user told earlier or about a document, a summary, a greeting;
    else an echo.

The texts of 3 and 8 follow the system prompt and the prompt in "upper case", "lower case", "one
word", "only the answer", "as JSON", "start (end) every reply with …"; a system prompt that asks for
none of that is quoted. Before it answers it thinks where Claude would: see `thoughts`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from outcrop.messages.media import image_size, pdf_pages
from outcrop.server.actors import Text, citing, structured, sums
from outcrop.server.actors.dictation import dictated, edges
from outcrop.server.actors.memory import recall, remember, sentences
from outcrop.server.actors.reading import Block, Reading, blocks_of, fields_of, read, text_of
from outcrop.server.actors.samples import words_of
from outcrop.server.actors.thoughts import thoughts
from outcrop.server.actors.tool_calls import called

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence

    from outcrop.server.actors import Ask, Piece, ToolUse
    from outcrop.server.documents import Source

_READ: Final = 20_000  # characters of a text that rules look at
_MATERIAL: Final = 200_000  # characters of a text to summarise
_LONG: Final = 100_000  # characters of documents that are searched in a thread
_QUOTE: Final = 300
_RESULT: Final = 600
_PIECE: Final = 60  # characters of a piece, if there is no blank before
_LABEL: Final = "(Offline stand-in.)"

_CONDITION = re.compile(r"\b(?:if|when|unless|otherwise|whenever|in case)\b", re.IGNORECASE)
_UPPER = re.compile(r"\b(?:upper ?-?case|all[ -]caps|capital letters)\b", re.IGNORECASE)
_LOWER = re.compile(r"\blower ?-?case\b", re.IGNORECASE)
_ONE_WORD = re.compile(r"\b(?:one|a single|1)[ -]word\b", re.IGNORECASE)
_SHORT = re.compile(
    r"\b(?:only|just)(?: with)? the (?:answer|number|result|name|value)\b", re.IGNORECASE
)
_AS_JSON = re.compile(r"\b(?:in|as|valid|only|with) json\b", re.IGNORECASE)
_HELLO = re.compile(
    r"^\W*(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening))\b", re.IGNORECASE
)
_WHO = re.compile(r"\b(?:who|what) are you\b|\bare you (?:claude|an? \w+)\b", re.IGNORECASE)
_SUMMARY = re.compile(
    r"\b(?:summari[sz]e|summary|sum up|tl;?dr|main point)\b"
    r"(?:[^.:\n]{0,80}?\b(?P<count>\d) sentences)?",
    re.IGNORECASE,
)


class Parrot:
    """Answers by rules; see the module."""

    name = "parrot"

    async def start(self) -> None:
        """Nothing to make ready."""

    async def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """The answer: a tool call, or a text word by word."""
        reading = read(ask.document)
        calls = tool_calls(ask.document, reading)
        for thought in thoughts(ask, reading, calls=calls):
            yield thought
        for call in calls:
            yield call
        if calls:
            return

        def say() -> list[Piece]:
            if cited := _cited(reading, ask.sources):
                return cited
            schema = structured.schema_of(ask.document)
            if schema is not None and _override(reading) is None:
                text = structured.sample_json(schema, reading)
                return [Text(piece) for piece in structured.pieces(text)]
            text = reply(reading, model=ask.model, sources=ask.sources)
            return [Text(piece) for piece in words(_continue(reading, text))]

        long = sum(len(part) for source in ask.sources for part in source.parts) > _LONG
        for piece in await asyncio.to_thread(say) if long else say():
            yield piece

    async def close(self) -> None:
        """Nothing to release."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer: the sentence, and the shortest form of what it says."""

    long: str
    short: str


def words(text: str) -> Iterator[str]:
    """A text in pieces: words, each with the blanks after it."""
    for word in re.findall(r"\S+\s*|\s+", text):
        for at in range(0, len(word), _PIECE):
            yield word[at : at + _PIECE]


def tool_calls(document: Mapping[str, Any], reading: Reading) -> list[ToolUse]:
    """The tool calls that the request demands or plainly asks for."""
    return called(document, reading, spoken=_override(reading) is not None)


def _cited(reading: Reading, sources: Sequence[Source]) -> list[Piece]:
    """The answer from what is to be cited; nothing if there's none, or other rules come first."""
    if reading.results:  # which are answered from, unless they are to be cited themselves
        sources = [source for source in sources if source.last]
    if not any(source.cite for source in sources) or reading.prefill:
        return []
    if _override(reading) is not None or _exactly(reading) is not None:
        return []
    found = citing.answer(reading.prompt, sources)
    return [*found, Text(f" {_LABEL}")] if found else []


def reply(reading: Reading, *, model: str = "Claude", sources: Sequence[Source] = ()) -> str:
    """The text that answers."""
    if (given := _override(reading)) is not None:
        return given
    if not reading.results and (exact := _exactly(reading)) is not None:
        return exact
    return _styled(reading, _answer(reading, model, sources))


def _override(reading: Reading) -> str | None:
    for text in (reading.prompt, reading.system):
        # Looked for from the end: an expression would try every opening again.
        _, opened, rest = text[:_READ].rpartition("[[reply:")
        if opened and "]]" in rest:
            return rest.partition("]]")[0].strip()
    return None


def _exactly(reading: Reading) -> str | None:
    """The text that the prompt or the system prompt asks to be given back."""
    lines = [reading.prompt[:_READ]]
    lines += [part for part in sentences(reading.system[:_READ]) if not _CONDITION.search(part)]
    for line in lines:
        if (said := dictated(line)) is not None:
            return said
    return None


def _answer(reading: Reading, model: str, sources: Sequence[Source]) -> _Answer:
    prompt = reading.prompt[:_READ]
    if reading.results:
        given = [_result(block, reading) for block in reading.results]
        return _Answer(" ".join(given), given[-1])
    if sum_and_value := sums.answer(prompt):
        written, value = sum_and_value
        return _Answer(f"{written} = {value}.", value)
    facts = remember(reading.said)
    if found := recall(prompt, facts):
        return _Answer(" ".join(said for _, said in found), ", ".join(value for value, _ in found))
    if found := citing.find(prompt, sources):
        said = " ".join(passage.said for passage in found)
        return _Answer(" ".join([*_attachments(reading.last), f"The source says: {said}"]), said)
    if (asked := _SUMMARY.search(prompt)) and (gist := _summary(asked, reading)):
        return _Answer(f"In short: {gist}", gist)
    quote = _quoted(prompt, _QUOTE)
    sent = _attachments(reading.last)
    if _WHO.search(prompt):
        who = f"I am the parrot, Outcrop's offline stand-in for {model}: rules answer, no model."
        return _Answer(who, "Parrot")
    if told := remember([prompt]):
        name = told.pop("name", None)
        parts = [f"Nice to meet you, {name[0]}."] if name else []
        parts += [f"Noted: {said[0].lower()}{said[1:]}" for _, said in told.values()]
        return _Answer(" ".join(parts + sent), "Noted")
    hello = "Hello! " if _HELLO.search(prompt) else ""
    said = f"You said: {quote}" if prompt else "You said nothing."
    whole = " ".join([f"{hello}This is the offline stand-in.", *sent, said])
    return _Answer(whole, "Hello" if hello else quote)


def _result(block: Block, reading: Reading) -> str:
    name = fields_of(reading.calls.get(str(block.get("tool_use_id")))).get("name", "The tool")
    content = block.get("content")
    text = " ".join(text_of(content).split())
    others = [part for part in blocks_of(content) if part.get("type") != "text"]
    parts = [_cut(text, _RESULT), *_attachments(others)] if text or others else ["nothing"]
    verb = "failed" if block.get("is_error") is True else "answered"
    said = " ".join(part for part in parts if part)
    return f"{name} {verb}: {said}" + ("" if said.endswith((".", "!", "?")) else ".")


def _summary(asked: re.Match[str], reading: Reading) -> str:
    """The first sentences of what there is to summarise."""
    rest = reading.prompt[asked.end() : _MATERIAL]
    _, colon, after = rest.partition(":")
    lines = after if colon and after.strip() else rest.partition("\n")[2]
    documents = [_document_text(block) for block in reading.last if block.get("type") == "document"]
    earlier = max(reading.said[:-1], key=len, default="")
    for material in (*documents, lines, earlier):
        if found := sentences(material[:_MATERIAL]):
            return " ".join(found[: int(asked["count"] or 1)])
    return ""


def _document_text(block: Block) -> str:
    source = fields_of(block.get("source"))
    if source.get("type") == "text":
        return str(source.get("data"))
    return text_of(source.get("content"))


def _attachments(blocks: list[Block]) -> list[str]:
    """A sentence for each document and image."""
    said: list[str] = []
    for block in blocks:
        kind, source = block.get("type"), fields_of(block.get("source"))
        if kind not in ("document", "image"):
            continue
        title = f" “{_cut(str(block['title']), 80)}”" if block.get("title") else ""
        data = _decoded(source.get("data")) if source.get("type") == "base64" else b""
        if kind == "image":
            size = image_size(data)
            said.append(f"You sent an image{f' of {size[0]}×{size[1]} pixels' if size else ''}.")  # noqa: RUF001 - the sign for dimensions
        elif data.startswith(b"%PDF-"):
            pages = pdf_pages(data)
            said.append(f"You sent a PDF{title} of {pages} page{'s' * (pages > 1)}.")
        else:
            count = len(words_of(_document_text(block)[:_MATERIAL]))
            said.append(f"You sent a document{title}{f' of {count} words' if count else ''}.")
    return said


def _decoded(data: object) -> bytes:
    if not isinstance(data, str):
        return b""
    try:
        return base64.b64decode(data[: 1 << 26])
    except ValueError:
        return b""


def _styled(reading: Reading, answer: _Answer) -> str:
    """The answer as the system prompt and the prompt want it."""
    system, both = reading.system[:_READ], f"{reading.system[:_READ]}\n{reading.prompt[:_READ]}"
    short = bool(_SHORT.search(both))
    text = answer.short if short else answer.long
    if not short and "stand-in" not in text:
        text += f" {_LABEL}"
    if _ONE_WORD.search(both):
        text = (words_of(answer.short) or ["nothing"])[0].capitalize()
    rules = (_UPPER, _LOWER, _SHORT, _ONE_WORD, _AS_JSON)
    followed = any(rule.search(system) for rule in rules) or bool(edges(system))
    if system.strip() and not followed and not short:
        text += f" (System prompt: {_quoted(system, 120)}.)"
    for edge in edges(both):
        text = f"{edge.mark} {text}" if edge.begins else f"{text} {edge.mark}"
    if _UPPER.search(both):
        text = text.upper()
    elif _LOWER.search(both):
        text = text.lower()
    return json.dumps({"reply": text}, ensure_ascii=False) if _AS_JSON.search(both) else text


def _continue(reading: Reading, text: str) -> str:
    """What is still to be said after the beginning that the request gave."""
    begun = reading.prefill
    if not begun or text.startswith(begun):
        return text[len(begun) :]
    if begun.strip() == "{":
        return json.dumps({"reply": text}, ensure_ascii=False)[1:]
    return text if begun[-1:].isspace() else f" {text}"


def _quoted(text: str, room: int) -> str:
    return f'"{_cut(" ".join(text.split()), room)}"'


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[:room].rstrip() + "…"
