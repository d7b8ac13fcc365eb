"""A value that is valid under a JSON Schema, taken from a prompt where it has something fitting.

Rules: the same schema and prompt give the same value; what the schema demands comes before what
the prompt says; no regular expression of the schema is run, and work is bounded.

What isn't looked at is in `outcrop.server.actors.schemas` and `.patterns`; besides, a `format`
that isn't in the table below, `patternProperties` and `propertyNames`. Lists end at 2,000 items,
200 if those have to differ. A schema that no value meets gives some value.

Source: JSON Schema, draft 2020-12, "Validation".
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any, Final

from outcrop.server.actors.patterns import matching
from outcrop.server.actors.reading import fields_of
from outcrop.server.actors.schemas import (
    Flattener,
    Schema,
    fraction,
    is_in,
    is_of,
    kinds_of,
    list_of,
    number_of,
)

_PROMPT: Final = 20_000  # characters that are read
_TEXT: Final = 2000  # characters of the prompt in a value, unless the schema wants more
_ROOMY: Final = 3  # levels in which optional properties and items are made
_DEEPEST: Final = 60
_VALUES: Final = 2000  # in one sample
_WEIGHT: Final = 100  # characters of a text that count as a value more
_VARIED: Final = 50  # items of a list that differ without having to
_UNIQUE: Final = 200  # items of a list that have to
_STRETCH: Final = 100_000  # characters of a string that has to be long

_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
#: Example of each format, and what it looks like in a prompt.
_FORMATS: Final[dict[str, tuple[str, str]]] = {
    "date": ("2026-01-31", r"\b\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])\b"),
    "time": ("12:00:00Z", r"\b(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ"),
    "date-time": (
        "2026-01-31T12:00:00Z",
        r"\b\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ",
    ),
    "duration": ("P1D", r"\bP\d{1,4}D\b"),
    "email": ("ada@example.com", r"\b[A-Za-z0-9]{1,40}@[A-Za-z0-9]{1,40}\.[A-Za-z]{2,9}\b"),
    "idn-email": ("ada@example.com", r"\b[A-Za-z0-9]{1,40}@[A-Za-z0-9]{1,40}\.[A-Za-z]{2,9}\b"),
    "hostname": ("example.com", r"\b[a-z0-9]{1,40}\.(?:com|org|net|io|dev|eu)\b"),
    "idn-hostname": ("example.com", r"\b[a-z0-9]{1,40}\.(?:com|org|net|io|dev|eu)\b"),
    "ipv4": ("192.0.2.1", rf"\b(?:{_BYTE}\.){{3}}{_BYTE}\b"),
    "ipv6": ("2001:db8::1", r"\b2001:db8::[0-9a-f]{1,4}\b"),
    "uri": ("https://example.com/", r"\bhttps?://[A-Za-z0-9./_-]{1,200}[A-Za-z0-9/]"),
    "url": ("https://example.com/", r"\bhttps?://[A-Za-z0-9./_-]{1,200}[A-Za-z0-9/]"),
    "iri": ("https://example.com/", r"\bhttps?://[A-Za-z0-9./_-]{1,200}[A-Za-z0-9/]"),
    "uri-reference": ("/example", r"\bhttps?://[A-Za-z0-9./_-]{1,200}[A-Za-z0-9/]"),
    "iri-reference": ("/example", r"\bhttps?://[A-Za-z0-9./_-]{1,200}[A-Za-z0-9/]"),
    "uri-template": ("https://example.com/{id}", r"(?!)"),
    "uuid": (
        "00000000-0000-4000-8000-000000000000",
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    ),
    "json-pointer": ("/example", r"(?!)"),
    "relative-json-pointer": ("0", r"(?!)"),
    "regex": (".*", r"(?!)"),
}
_COUNTED: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_WHOLE_PROMPT: Final = frozenset(
    ("query", "question", "prompt", "text", "message", "content", "input", "body", "description")
)
_NUMBER = re.compile(
    r"(?<![\w.])-?\d{1,15}(?:\.\d{1,10})?(?![\w]|\.\d)|\b(?:" + "|".join(_COUNTED) + r")\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"""(?<!\w)["“`]([^"“”`\n]{1,500})["”`](?!\w)""")
_NAME = r"[A-Z][\w'-]{0,40}(?: [A-Z][\w'-]{0,40}){0,4}"
_NAMES = re.compile(r"(?<=[a-z,;:(] )" + _NAME)
_WORDS = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NEGATION: Final = ("no", "not", "without", "don't", "dont", "never", "disable")


def sample(schema: Schema, prompt: str) -> Any:
    """A value that is valid under the schema.

    Enums and booleans follow what the prompt mentions; numbers are the prompt's if they are in
    range; texts are those in quotes, after the property's name, or names in it. Properties that
    aren't required are there if the prompt mentions them.
    """
    try:
        return _Sampler(schema, prompt[:_PROMPT]).value(schema, name="")
    except RecursionError:  # a schema that nests deeper than Python's stack
        return {}


class _Sampler:
    def __init__(self, root: Schema, prompt: str) -> None:
        self.prompt = prompt
        words = words_of(prompt)
        self.vocabulary = frozenset(words)
        self.spoken = f" {' '.join(words)} "
        self.numbers = [_spelled(number) for number in _NUMBER.findall(prompt)]
        self.quoted = [str(found[1]) for found in _QUOTED.finditer(prompt)]
        self.names = [name.removesuffix("'s") for name in _NAMES.findall(prompt) if name != "I"]
        self.flattener = Flattener(root, likes=self.likes)
        self.made = 0

    def mentions(self, phrase: str) -> bool:
        """Whether the prompt has these words, in this order."""
        words = words_of(phrase)
        if not words or not (self.vocabulary >= {*words[:-1]}):
            return False
        if words[-1] not in self.vocabulary and f"{words[-1]}s" not in self.vocabulary:
            return False
        spoken = " ".join(words)
        return f" {spoken} " in self.spoken or f" {spoken}s " in self.spoken

    def likes(self, schema: Schema) -> int:
        """How well an alternative fits the prompt; null is what nobody asks for."""
        if "enum" in schema:
            return 2 * any(self.mentions(str(value)) for value in list_of(schema["enum"]))
        if kinds_of(schema)[:1] == ["null"]:
            return -1
        return int(any(self.mentions(name) for name in fields_of(schema.get("properties"))))

    def value(
        self, schema: object, *, name: str, depth: int = 0, avoid: list[Any] | None = None
    ) -> Any:
        """A value for the property of that name, other than those to avoid."""
        self.made += 1
        if depth > _DEEPEST or self.made > _VALUES:
            return None
        flat = self.flattener.flatten(schema, shallow=depth >= _ROOMY)
        if "enum" in flat:
            return self.choice(flat, avoid or [])
        match self.kind(flat):
            case "object":
                return self.object(flat, depth)
            case "array":
                return self.array(flat, name, depth)
            case "integer" | "number" as kind:
                return self.number(flat, avoid or [], whole=kind == "integer")
            case "boolean":
                return self.boolean(flat, name, avoid or [])
            case "null":
                return None
            case _:
                text = self.text(flat, name, avoid or [])
                self.made += len(text) // _WEIGHT
                return text

    def kind(self, flat: Schema) -> str:
        kinds = kinds_of(flat)
        return next((kind for kind in kinds if kind != "null"), kinds[0] if kinds else "string")

    def choice(self, flat: Schema, avoid: list[Any]) -> Any:
        kinds = kinds_of(flat) if "type" in flat else []
        values = [value for value in list_of(flat["enum"]) if is_of(value, kinds)]
        values = [value for value in values if not is_in(value, avoid)] or values
        said = [value for value in values if value is not None and self.mentions(str(value))]
        usual = [flat["default"]] if "default" in flat and is_in(flat["default"], values) else []
        return next(iter([*said, *usual, *values]), None)

    def boolean(self, flat: Schema, name: str, avoid: list[Any]) -> bool:
        words = " ".join(words_of(name))
        if not self.mentions(name):
            value = flat.get("default") is True
        else:
            value = not any(f" {no} {words} " in self.spoken for no in _NEGATION)
        return not value if value in avoid else value

    def object(self, flat: Schema, depth: int) -> dict[str, Any]:
        properties = fields_of(flat.get("properties"))
        names = [str(name) for name in list_of(flat.get("required"))]
        most = number_of(flat.get("maxProperties"), len(properties) + len(names))
        if depth < _ROOMY:
            asked = [name for name, part in properties.items() if self.asks_for(name, part)]
            names = list(dict.fromkeys([*names, *asked[: max(0, most - len(names))]]))
        for name in names:  # grows as it goes
            wanted = list_of(fields_of(flat.get("dependentRequired")).get(name))
            names += [str(other) for other in wanted if other not in names]
        least = min(number_of(flat.get("minProperties"), 0), _VALUES)
        names += [name for name in properties if name not in names][: max(0, least - len(names))]
        others = flat.get("additionalProperties", True)
        if others is not False:
            names += [f"extra{number}" for number in range(1, 1 + max(0, least - len(names)))]
        ordered = [name for name in properties if name in names]
        ordered += [name for name in names if name not in properties]
        return {
            name: self.value(properties.get(name, others), name=name, depth=depth + 1)
            for name in dict.fromkeys(ordered)
        }

    def asks_for(self, name: str, schema: object) -> bool:
        """Whether the prompt has something for a property that may be left out."""
        if self.flattener.depth(schema) == math.inf:
            return False
        flat = self.flattener.flatten(schema)
        if any(self.mentions(str(value)) for value in list_of(flat.get("enum"))):
            return True
        return self.mentions(name) and flat.get("type") != []

    def array(self, flat: Schema, name: str, depth: int) -> list[Any]:
        least = min(number_of(flat.get("minItems"), 0), _VALUES)
        most = number_of(flat.get("maxItems"), _VALUES)
        first = list_of(flat.get("prefixItems"))
        parts = flat.get("items", True)
        if isinstance(parts, list):  # draft 4 to 2019-09
            first, parts = list_of(flat.get("items")), flat.get("additionalItems", True)
        items = [self.value(part, name=name, depth=depth + 1) for part in first[:most]]
        if "contains" in flat:
            wanted = {"allOf": [flat["contains"], parts]}
            for _ in range(min(number_of(flat.get("minContains"), 1), _VALUES)):
                items.append(self.value(wanted, name=name, depth=depth + 1, avoid=items))
        if depth < _ROOMY and parts is not False and self.flattener.depth(parts) < math.inf:
            least = max(least, min(most, max(1, self.listed(parts))))
        unique = flat.get("uniqueItems") is True
        least = min(least, _UNIQUE) if unique else least
        while len(items) < least and parts is not False:
            avoid = items if unique or len(items) < _VARIED else None
            item = self.value(parts, name=name, depth=depth + 1, avoid=avoid)
            if unique and is_in(item, items):
                break
            items.append(item)
        return items

    def listed(self, parts: object) -> int:
        """How many of the items' enum the prompt mentions, or texts in quotes it has."""
        flat = self.flattener.flatten(parts)
        if "enum" in flat:
            return sum(self.mentions(str(value)) for value in list_of(flat["enum"]))
        return min(len(self.quoted), 20) if self.kind(flat) == "string" else 0

    def number(self, flat: Schema, avoid: list[Any], *, whole: bool) -> int | float:
        low, high, step = _range(flat, whole=whole)

        def fits(number: Fraction) -> bool:
            if (low is not None and number < low[0]) or (high is not None and number > high[0]):
                return False
            edge = (low and low[1] and number == low[0]) or (high and high[1] and number == high[0])
            exact = not step or (number / step).denominator == 1
            return exact and not edge

        for at, number in enumerate(self.numbers):
            if fits(number) and _plain(number) not in avoid:
                del self.numbers[at]
                return _plain(number)
        usual = [flat.get("default"), *list_of(flat.get("examples"))]
        tries = [fraction(value) for value in usual if is_of(value, ["number"])]
        tries += [Fraction(1), Fraction(0), *_within(low, high, step, len(avoid) + 2)]
        numbers = [_plain(number) for number in tries if fits(number)] or [0]
        return next((number for number in numbers if number not in avoid), numbers[0])

    def text(self, flat: Schema, name: str, avoid: list[Any]) -> str:
        least = min(number_of(flat.get("minLength"), 0), _STRETCH)
        most = number_of(flat.get("maxLength"), max(least, _TEXT))
        if known := _FORMATS.get(str(flat.get("format"))):
            found = [match[0] for match in re.finditer(known[1], self.prompt)]
            return next((text for text in found if text not in avoid), known[0])
        if isinstance(pattern := flat.get("pattern"), str):
            for variant in (len(avoid), len(avoid) + 1, 0):
                text = matching(pattern, min_length=least, max_length=most, variant=variant)
                if text is not None and (text not in avoid or not variant):
                    return text
        found = next((text for text in self.texts(flat, name) if text not in avoid), "")
        for pool in (self.quoted, self.names):  # what is used is used once
            if found in pool:
                pool.remove(found)
        text = found[:most].strip() or "text"[:most]
        text = text.ljust(least, "x")
        number = max(2, len(avoid))
        while text in avoid and number < _VALUES and most:
            mark = str(number)
            text = text[: max(0, min(len(text), most - len(mark)))] + mark
            number += 1
        return text

    def texts(self, flat: Schema, name: str) -> list[str]:
        """What a text may be, best first."""
        words = words_of(name)
        label = "[ _-]?".join(map(re.escape, words))
        label = rf"\b(?i:{label})(?:(?: is|:| =|=) ?([^\s,;]{{1,200}})| ({_NAME}))"
        labelled = re.search(label, self.prompt) if words else None
        texts = [(labelled[1] or labelled[2]).strip("\"'`.?!")] if labelled else []
        if words and (known := _FORMATS.get(words[-1])):  # a property that is called "email"
            texts += [match[0] for match in re.finditer(known[1], self.prompt)]
        texts += self.quoted
        whole = " ".join(self.prompt.split())
        if words and words[-1] in _WHOLE_PROMPT:
            texts.append(whole)
        texts += self.names
        usual = [flat.get("default"), *list_of(flat.get("examples"))]
        texts += [value for value in usual if isinstance(value, str)]
        return [text for text in [*texts, whole] if text]


def words_of(text: str) -> list[str]:
    """The words of a text or of a name such as `get_weather` or `unitPrice`, in small letters."""
    return _WORDS.findall(_HUMP.sub(" ", text).lower())


Bound = tuple[Fraction, bool]  # and whether the bound itself is excluded


def _range(flat: Schema, *, whole: bool) -> tuple[Bound | None, Bound | None, Fraction]:
    """The least and largest value, and what it has to be a multiple of (0: of nothing)."""
    step = abs(fraction(flat.get("multipleOf")))
    if whole:
        step = Fraction(step.numerator or 1)  # the integers among the multiples of p/q
    bounds: list[Bound | None] = []
    for closed, opened, pick in (
        ("minimum", "exclusiveMinimum", max),
        ("maximum", "exclusiveMaximum", min),
    ):
        some: list[Bound] = []
        if is_of(flat.get(closed), ["number"]) and flat.get(closed) is not None:
            some.append((fraction(flat[closed]), flat.get(opened) is True))  # True: draft 4
        if is_of(flat.get(opened), ["number"]) and flat.get(opened) is not None:
            some.append((fraction(flat[opened]), True))
        if some:
            limit = pick(bound[0] for bound in some)
            bounds.append((limit, any(out for value, out in some if value == limit)))
        else:
            bounds.append(None)
    return bounds[0], bounds[1], step


def _within(low: Bound | None, high: Bound | None, step: Fraction, count: int) -> list[Fraction]:
    """Some numbers from within a range, the least first."""
    if low is None and high is not None:
        if not step:
            return [high[0] - number for number in range(count)]
        top = high[0] // step
        return [(top - number) * step for number in range(count)]
    start = low[0] if low else Fraction(0)
    if step:
        first = -(-start // step)
        return [(first + number) * step for number in range(count)]
    if high is None:
        return [start + number for number in range(count)]
    return [start + (high[0] - start) * part / (count + 1) for part in range(count + 1)] + [high[0]]


def _plain(number: Fraction) -> int | float:
    return int(number) if number.denominator == 1 else float(number)


def _spelled(text: str) -> Fraction:
    word = text.lower()
    return Fraction(_COUNTED.index(word) + 1) if word in _COUNTED else Fraction(text)
