"""Answers from the documents of a request: the sentences that share words with the question.

Rules: nothing is said that doesn't stand in a document; a citation's text stands where it says, to
the character; pages are counted from 1, characters and blocks from 0, ends are exclusive; the same
request gives the same answer. The words that few sentences have weigh most.

Source: Anthropic's API reference, "Citations" and "Search results" (kinds of locations; blocks are
cited whole).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, Final

from outcrop.server.actors import CitedText, Text
from outcrop.server.actors.samples import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from outcrop.server.documents import Source

#: The most sentences of an answer.
MOST: Final = 3
_QUESTION: Final = 4_000  # characters of it that are looked at
_MATERIAL: Final = 3_000_000  # characters of all documents
_SENTENCES: Final = 60_000
_NEAR: Final = 0.6  # of the best sentence's weight is good enough to be said too

# A sentence ends with its mark, an empty line, or where a heading or an item of a list ends. Else
# lines are one text: those of a PDF's page are broken anywhere.
_BREAK: Final = "\x1f"
_SENTENCE = re.compile(r"(?:[^.!?\n\x1f]|[.!?](?!\s|$)|\n(?![ \t]*\n)){1,600}[.!?]*")
_BEGINNING = re.compile(r"\s*(?:[-*•#>|]|\d+[.)]|[^\W\d_])")
_PAGE = re.compile(r"\bpages? (\d{1,4})\b", re.IGNORECASE)
_COUNT = re.compile(r"\b([1-9]) sentences\b", re.IGNORECASE)
_SUMMARY = re.compile(
    r"\b(?:summari[sz]e|summary|sum up|tl;?dr|main points?)\b|"
    r"\bwhat (?:does (?:it|this|the \w+) say|(?:is|are) (?:it|this|these|the \w+) about)\W*$",
    re.IGNORECASE,
)


def _stem(word: str) -> str:
    """A word without the endings that matter little: "pages", "page" and "paged" are one."""
    for ending in ("ing", "ed", "s"):
        if len(word) > len(ending) + 2 and word.endswith(ending):
            word = word.removesuffix(ending)
            break
    return word.removesuffix("e")


#: Words that tell nothing about what is asked.
_IDLE: Final = frozenset(
    map(
        _stem,
        (
            *("a", "about", "according", "all", "an", "and", "answer", "any", "are", "as", "at"),
            *("be", "by", "can", "cite", "could", "did", "do", "document", "does", "file", "find"),
            *("for", "from", "give", "had", "has", "have", "how", "i", "in", "is", "it", "its"),
            *("me", "my", "no", "not", "of", "on", "or", "page", "pdf", "please", "question"),
            *("result", "say", "search", "source", "tell", "that", "the", "their", "them"),
            *("there", "these", "they", "this", "to", "using", "was", "we", "were", "what"),
            *("when", "where", "which", "who", "whose", "why", "will", "with", "would", "you"),
            "your",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence, and where it stands.

    Attributes:
        source: Its document or search result.
        part: Which page or block, from 0.
        start: Where in that part it begins.
        end: Where it ends, exclusive.
    """

    source: Source
    part: int
    start: int
    end: int

    @property
    def text(self) -> str:
        """The sentence as it stands there."""
        return self.source.parts[self.part][self.start : self.end]

    @property
    def said(self) -> str:
        """The sentence on one line."""
        return " ".join(self.text.split())

    def citation(self) -> dict[str, Any]:
        """Where it stands, as Anthropic's API writes it."""
        source, at = self.source, self.part
        if source.kind == "search_result":
            return {
                "type": "search_result_location",
                "cited_text": source.parts[at],
                "source": source.origin,
                "title": source.title,
                "search_result_index": source.index,
                "start_block_index": at,
                "end_block_index": at + 1,
            }
        place: dict[str, Any]
        match source.kind:
            case "pdf":
                kind, cited = "page_location", self.text
                place = {"start_page_number": at + 1, "end_page_number": at + 2}
            case "content":
                kind, cited = "content_block_location", source.parts[at]
                place = {"start_block_index": at, "end_block_index": at + 1}
            case "text":
                kind, cited = "char_location", self.text
                place = {"start_char_index": self.start, "end_char_index": self.end}
        return {
            "type": kind,
            "cited_text": cited,
            "document_index": source.index,
            "document_title": source.title,
            **place,
        }


def answer(question: str, sources: Iterable[Source]) -> list[Text | CitedText]:
    """What the citable sources say about a question, each sentence cited; nothing if they don't.

    A document that came with the question is cited from even if it has none of its words.
    """
    citable = [source for source in sources if source.cite]
    found = find(question, citable)
    if not found:
        fresh = [source for source in citable if source.last]
        found = list(islice(_passages(fresh), 1))
    if not found:
        return []
    pieces: list[Text | CitedText] = [Text("The source says: ")]
    for at, passage in enumerate(found):
        if at:
            pieces.append(Text(" "))
        pieces.append(CitedText(passage.said, (passage.citation(),)))
    return pieces


def find(question: str, sources: Sequence[Source]) -> list[Passage]:
    """The sentences that answer a question, in the order in which they stand; none may."""
    question = question[:_QUESTION]
    pages = {int(number) - 1 for number in _PAGE.findall(question)}
    passages = list(_passages(sources))
    if pages:
        there = [one for one in passages if one.source.kind == "pdf" and one.part in pages]
        passages = there or passages
    if _SUMMARY.search(question):
        count = _COUNT.search(question)
        return _openings(passages, int(count[1]) if count else 1)
    asked = _telling(question)
    scored = _scored(asked, passages)
    best = max((score for score, _ in scored), default=0.0)
    if best:
        near = [(score, at) for score, at in scored if score >= _NEAR * best]
        chosen = sorted(near, key=lambda item: (-item[0], item[1]))[:MOST]
        return [passages[at] for at in sorted(at for _, at in chosen)]
    return _openings(passages, 1) if pages else []


def _openings(passages: list[Passage], count: int) -> list[Passage]:
    """The first sentences of each source."""
    seen: Counter[tuple[str, int]] = Counter()
    found: list[Passage] = []
    for passage in passages:
        key = (passage.source.kind, passage.source.index)
        seen[key] += 1
        if seen[key] <= count and len(found) < MOST * count:
            found.append(passage)
    return found


def _scored(asked: set[str], passages: list[Passage]) -> list[tuple[float, int]]:
    """Each sentence that has a word of the question: its weight, and its number."""
    if not asked:
        return []
    shared: list[tuple[int, set[str]]] = []
    frequency: Counter[str] = Counter()
    for at, passage in enumerate(passages):
        if common := asked & _stems(passage.text):
            shared.append((at, common))
            frequency.update(common)
    weight = {word: math.log(1 + len(passages) / count) for word, count in frequency.items()}
    return [(sum(weight[word] for word in sorted(common)), at) for at, common in shared]


def _passages(sources: Iterable[Source]) -> Iterator[Passage]:
    room, count = _MATERIAL, 0
    for source in sources:
        for at, part in enumerate(source.parts):
            for match in _SENTENCE.finditer(_broken(part[: max(0, room)])):
                text = match[0]
                if not any(char.isalnum() for char in text):
                    continue
                if (count := count + 1) > _SENTENCES:
                    return
                start = match.start() + len(text) - len(text.lstrip())
                yield Passage(source, at, start, match.start() + len(text.rstrip()))
            room -= len(part)


def _broken(part: str) -> str:
    """The text with a break for the line feed after a short line, if the next begins anew."""
    lines = part.split("\n")
    short = 0.6 * max(map(len, lines))
    pieces: list[str] = []
    for line, following in pairwise(lines):
        begins = _BEGINNING.match(following)
        anew = begins is not None and not begins[0][-1].islower()
        pieces += line, _BREAK if len(line) < short and anew else "\n"
    return "".join([*pieces, lines[-1]])


def _telling(question: str) -> set[str]:
    return _stems(question) - _IDLE


def _stems(text: str) -> set[str]:
    """The words of a text without the endings that matter little."""
    return {_stem(word) for word in words_of(text)}
