"""How many tokens a text costs: the one estimator of the house; requests are in `prompt_tokens`.

Rules: it is an estimate, never Claude's tokenizer, which isn't public for Claude 3 and later; a
text costs the same however it is cut into pieces, and never less than its own beginning; all that
counts tokens (usage, headers, `max_tokens`, CountTokens) asks here, so that those agree.

The rates were fitted on 2026-11-22 on a proxy, the `ctok` 1.3.0 reconstruction of both tokenizers,
over 38 kinds of text (prose in 20 languages, code, data; `bench/tokens` does it anew). Mean error
against the proxy: 7 % for models up to 4.6, 6 % from 4.7; on kinds left out of the fit 13 % and
11 %, with nine kinds in ten within 32 % and 27 %: worst are base64 and a script that no other kind
has.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

#: The last model version before the tokenizer changed, and the first one after.
Generation = Literal["4.6", "4.7"]


@dataclass(frozen=True, slots=True)
class Rates:
    """What each feature of a text costs, in hundredths of a token: whole numbers add up exactly."""

    word: int  # a run of ASCII letters
    letter: int  # each of its letters after the fourth
    hump: int  # each capital after a small letter in it, and two capitals at its start
    latin: int  # each other Latin letter, such as é: it breaks the word around it
    cyrillic: int  # each Cyrillic letter
    ideograph: int  # each Chinese character, wherever it is used
    kana: int  # each Japanese syllable, and CJK punctuation
    hangul: int  # each Korean syllable
    script: int  # each letter or mark of any other script
    digit: int
    lines: int  # a run of blanks with a line break in it
    blanks: int  # any other run of two blanks or more; a single one belongs to the word after it
    punctuation: int  # each ASCII punctuation mark
    byte: int  # each UTF-8 byte of any other character


# Fitted on 2026-11-22; see above. One figure is ours: every 16 further blanks of a run cost a
# token, so that no run is endless.
RATES: Final[dict[Generation, Rates]] = {
    "4.6": Rates(
        word=100,
        letter=9,
        hump=66,
        latin=168,
        cyrillic=41,
        ideograph=114,
        kana=75,
        hangul=134,
        script=75,
        digit=57,
        lines=217,
        blanks=97,
        punctuation=71,
        byte=52,
    ),
    "4.7": Rates(
        word=100,
        letter=44,
        hump=267,
        latin=219,
        cyrillic=42,
        ideograph=113,
        kana=76,
        hangul=135,
        script=75,
        digit=67,
        lines=222,
        blanks=0,
        punctuation=71,
        byte=52,
    ),
}
_BLANKS_PER_TOKEN: Final = 16

#: How far off an estimate may be, as a part of the true count: nine kinds of text in ten that the
#: fit hadn't seen were within it.
ERRORS: Final[dict[Generation, float]] = {"4.6": 0.32, "4.7": 0.27}

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BLANKS = " \t\n\r\v\f"
_PUNCTUATION = b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_CONTROLS = bytes(code for code in (*range(32), 127) if chr(code) not in _BLANKS)

_DIGITS = b"0123456789"
_WORDS_AND_SPACES = _LETTERS.encode() + b" "
_LETTERS_ALONE = bytes(code if chr(code) in _LETTERS else 32 for code in range(256))  # else a space
_HUMPS = re.compile(rb"[A-Z](?:(?<=[a-z][A-Z])|(?<![A-Za-z][A-Z])(?=[A-Z]))")
_LONG_BLANKS = re.compile(rb"[ \t\n\r\v\f]{2,}|[\n\r]")
_WORD_START = re.compile(r"[A-Za-z]+")
_BLANKS_START = re.compile(r"[ \t\n\r\v\f]+")
_HUMP_INSIDE = re.compile(r"[a-z](?=[A-Z])")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


@lru_cache(maxsize=1 << 16)
def _other(char: str, generation: Generation) -> int:
    """The price of one character that isn't ASCII."""
    rates = RATES[generation]
    code = ord(char)
    if char.isalpha() and (code < 0x250 or 0x1E00 <= code < 0x1F00):
        return rates.latin
    if 0x400 <= code < 0x530:
        return rates.cyrillic
    if 0x3000 <= code < 0x3100 or 0xFF00 <= code < 0xFFF0:
        return rates.kana
    if 0x3400 <= code < 0xA000 or 0xF900 <= code < 0xFB00 or 0x20000 <= code < 0x32000:
        return rates.ideograph
    if 0xAC00 <= code < 0xD7B0:
        return rates.hangul
    if char.isalpha() or unicodedata.category(char).startswith("M"):
        return rates.script
    return rates.byte * len(char.encode("utf-8", "surrogatepass"))


def _blanks(size: int, *, broken: bool, rates: Rates) -> int:
    """The price of a run of blanks."""
    price = rates.lines if broken else rates.blanks if size > 1 else 0
    return price + 100 * (size // _BLANKS_PER_TOKEN)


def _word(size: int, humps: int, *, rates: Rates) -> int:
    """The price of a run of ASCII letters."""
    return rates.word + rates.letter * max(0, size - 4) + rates.hump * humps


def _whole(text: str, generation: Generation) -> int:
    """The price of a text in which no run continues what stood before or goes on after it."""
    rates = RATES[generation]
    price = 0
    if text.isascii():
        data = text.encode()
    else:
        data = _NOT_ASCII.sub("\x80", text).encode("latin-1")
        others = Counter("".join(_NOT_ASCII.findall(text)))
        price += sum(_other(char, generation) * count for char, count in others.items())
    words = data.translate(_LETTERS_ALONE).split()
    price += rates.word * len(words)
    price += rates.letter * sum([size - 4 for size in map(len, words) if size > 4])
    if not data.islower():
        price += rates.hump * len(_HUMPS.findall(data))
    others = data.translate(None, _WORDS_AND_SPACES)
    if others or b"  " in data:
        for run in _LONG_BLANKS.findall(data):
            price += _blanks(len(run), broken=b"\n" in run or b"\r" in run, rates=rates)
    for kind, each in ((_DIGITS, rates.digit), (_PUNCTUATION, rates.punctuation)) if others else ():
        price += each * (len(others) - len(others.translate(None, kind)))
    return price + rates.byte * (len(others) - len(others.translate(None, _CONTROLS)))


def _dearest(rates: Rates) -> int:
    """More than any character adds to the price of what stands before it."""
    letters = max(rates.word, rates.letter + rates.hump)
    others = max(rates.latin, rates.cyrillic, rates.ideograph, rates.kana, rates.hangul)
    marks = max(rates.script, rates.digit, rates.punctuation, 4 * rates.byte)
    return max(letters, others, marks, rates.lines, rates.blanks) + 100 // _BLANKS_PER_TOKEN + 1


def _dearest_plain(rates: Rates) -> int:
    """The same for ASCII without capitals and line breaks."""
    marks = max(rates.digit, rates.punctuation, rates.byte, rates.blanks)
    return max(rates.word, rates.letter, marks) + 100 // _BLANKS_PER_TOKEN + 1


_DEAREST: Final[dict[Generation, tuple[int, int]]] = {
    name: (_dearest(rates), _dearest_plain(rates)) for name, rates in RATES.items()
}
#: Characters that may wait to be counted together.
_MOST_WAITING: Final = 16_384


class Meter:
    """Counts a text that comes in pieces: the same total however it is cut, in linear time.

    Small pieces wait until the total is asked for, or might reach a limit: counting them together
    costs a fraction. Of what is counted only figures about the unfinished run (a word or a gap)
    are kept, never the text.
    """

    __slots__ = (
        "_blank_broken",
        "_blank_size",
        "_humps",
        "_known",
        "_last",
        "_letters",
        "_most",
        "_settled",
        "_started",
        "_waiting",
        "_waits",
        "generation",
    )

    def __init__(self, *, generation: Generation) -> None:
        self.generation: Generation = generation
        self._started = False
        self._settled = 0  # hundredths of a token, for all finished runs
        self._letters = 0  # the unfinished word: its letters and humps, and its last letter
        self._humps = 0
        self._last = ""
        self._blank_size = 0  # the unfinished gap: its blanks, and whether one breaks the line
        self._blank_broken = False
        self._known = 0  # the total when it was last counted
        self._waiting: tuple[str, ...] = ()  # pieces that aren't counted yet
        self._waits = 0  # their characters
        self._most = 0  # no less than they add to the total, in hundredths of a token

    @property
    def total(self) -> int:
        """Tokens so far; 0 only before any text."""
        if self._waiting:
            text = "".join(self._waiting)
            self._waiting, self._waits, self._most = (), 0, 0
            self._count(text)
        self._known = max(int(self._started), (self._settled + self._unfinished() + 50) // 100)
        return self._known

    def put(self, piece: str) -> None:
        """Take the next piece of the text."""
        if piece:
            self._put(piece, self._most_of(piece))

    def _put(self, piece: str, most: int) -> None:
        self._started = True
        self._most += most
        self._waiting += (piece,)
        self._waits += len(piece)
        if self._waits > _MOST_WAITING or len(self._waiting) > 64:
            self._waiting = ("".join(self._waiting),)
        if self._waits > _MOST_WAITING:
            _ = self.total

    def add(self, piece: str) -> int:
        """Take the next piece of the text, and give the total so far."""
        self.put(piece)
        return self.total

    def _most_of(self, piece: str) -> int:
        """No less than a piece adds to the total, in hundredths of a token."""
        dearest, plain = _DEAREST[self.generation]
        if piece.islower() and piece.isascii() and "\n" not in piece and "\r" not in piece:
            return len(piece) * plain
        return len(piece) * dearest

    def _count(self, piece: str) -> None:
        piece = piece[self._go_on(piece) :]
        if piece:
            self._finish()
            body = piece.rstrip(_LETTERS)
            if len(body) == len(piece):
                body = piece.rstrip(_BLANKS)
            self._settled += _whole(body, self.generation)
            self._go_on(piece[len(body) :])

    def take(self, piece: str, *, limit: int) -> int:
        """Take as much of the next piece as keeps the total within a limit; how many characters."""
        if not piece:
            return 0
        most = self._most_of(piece)
        if self._known + (self._most + most) // 100 + 2 > limit:
            if self.total > limit:  # with which all that waited is counted
                return 0
            if self._known + most // 100 + 2 > limit:
                return self._take_counted(piece, limit)
        self._put(piece, most)
        return len(piece)

    def _take_counted(self, piece: str, limit: int) -> int:
        before = self._state()
        if self.add(piece) <= limit:
            return len(piece)
        # The price of a prefix grows with its length: look for the longest that fits, by halves.
        # Each half is counted from where the last one fitted, so that the search is linear.
        self._restore(before)
        fits, fails = 0, len(piece)
        while fails - fits > 1:
            middle = (fits + fails) // 2
            before = self._state()
            if self.add(piece[fits:middle]) <= limit:
                fits = middle
            else:
                self._restore(before)
                fails = middle
        return fits

    def _state(self) -> tuple[Any, ...]:
        """All that `put` and `total` change."""
        return (
            self._started,
            self._settled,
            self._letters,
            self._humps,
            self._last,
            self._blank_size,
            self._blank_broken,
            self._known,
            self._waiting,
            self._waits,
            self._most,
        )

    def _restore(self, state: tuple[Any, ...]) -> None:
        (
            self._started,
            self._settled,
            self._letters,
            self._humps,
            self._last,
            self._blank_size,
            self._blank_broken,
            self._known,
            self._waiting,
            self._waits,
            self._most,
        ) = state

    def _go_on(self, piece: str) -> int:
        """Let the unfinished run, or a new one, take what belongs to it; how much that is."""
        if not self._blank_size and (more := _WORD_START.match(piece)):
            run = more[0]
            if self._letters < 2 and len(opening := self._last + run) > 1:
                self._humps += opening[:2].isupper()
            self._humps += len(_HUMP_INSIDE.findall(self._last + run))
            self._letters += len(run)
            self._last = run[-1]
            return len(run)
        if not self._letters and (more := _BLANKS_START.match(piece)):
            run = more[0]
            self._blank_size += len(run)
            self._blank_broken = self._blank_broken or "\n" in run or "\r" in run
            return len(run)
        return 0

    def _unfinished(self) -> int:
        rates = RATES[self.generation]
        if self._letters:
            return _word(self._letters, self._humps, rates=rates)
        if self._blank_size:
            return _blanks(self._blank_size, broken=self._blank_broken, rates=rates)
        return 0

    def _finish(self) -> None:
        self._settled += self._unfinished()
        self._letters = self._humps = self._blank_size = 0
        self._last = ""
        self._blank_broken = False


def estimate(text: str, *, generation: Generation) -> int:
    """Tokens of a text, estimated: at least 1 unless it is empty; a prefix never costs more.

    Args:
        text: Any text; a lone surrogate counts as its three bytes.
        generation: "4.6" for Claude models up to 4.6, "4.7" for 4.7 and later.
    """
    return max(int(bool(text)), (_whole(text, generation) + 50) // 100)
