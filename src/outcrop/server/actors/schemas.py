"""JSON Schemas made flat: references followed, parts joined, alternatives chosen.

Rules: the result holds what a value has to meet, in one object without `$ref`, `allOf`, `anyOf`
and `oneOf`; a reference that leads nowhere demands nothing; work is bounded, also on schemas that
refer to themselves.

Not read: `not`, `if`, `dependentSchemas`, `unevaluated…`, `$dynamicRef`, and references to other
documents or to `$id` and `$anchor`. Of the alternatives of `oneOf` one is met; that the others are
not isn't checked.

Source: JSON Schema, draft 2020-12, "Core" and "Validation"; `definitions` and boolean
`exclusiveMinimum` from draft 4.
"""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

from outcrop.server.actors.reading import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

Schema = dict[str, Any]

NEVER: Final[Schema] = {"type": [], "enum": []}  # what no value meets

_JOINED: Final = ("$ref", "allOf", "anyOf", "oneOf")
_STEPS: Final = 4000
_KINDS: Final = {
    "object": ("properties", "required", "additionalProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_LARGER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_SMALLER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


class Flattener:
    """Makes the schemas of one document flat.

    Args:
        root: The document that references start from.
        likes: How well an alternative fits the occasion; of those that can be met, the best liked
            is chosen, and of equals the first.
    """

    def __init__(self, root: Schema, *, likes: Callable[[Schema], int]) -> None:
        self.root = root
        self.likes = likes
        self._steps = 0
        self._within: set[int] = set()

    def flatten(self, schema: object, *, shallow: bool = False) -> Schema:
        """What a value has to meet, in one object.

        Args:
            schema: A schema, or a boolean in the place of one.
            shallow: Whether to choose the alternatives whose values nest least, liked or not.
        """
        self._steps = 0
        return self._flat(schema, frozenset(), shallow=shallow)

    def _flat(self, schema: object, seen: frozenset[str], *, shallow: bool) -> Schema:
        self._steps += 1
        if schema is False or self._steps > _STEPS:
            return NEVER
        given = fields_of(schema)
        flat = {key: value for key, value in given.items() if key not in _JOINED}
        if "const" in flat:
            flat = join(
                {**flat, "enum": flat.get("enum", [flat["const"]])}, {"enum": [flat["const"]]}
            )
            del flat["const"]
        if isinstance(ref := given.get("$ref"), str) and ref not in seen:
            flat = join(flat, self._flat(self._target(ref), seen | {ref}, shallow=shallow))
        for part in list_of(given.get("allOf")):
            flat = join(flat, self._flat(part, seen, shallow=shallow))
        for key in ("anyOf", "oneOf"):
            if alternatives := list_of(given.get(key)):
                flat = self._choose(flat, alternatives, seen, shallow=shallow)
        return flat

    def _choose(
        self, flat: Schema, alternatives: list[Any], seen: frozenset[str], *, shallow: bool
    ) -> Schema:
        ranked: list[tuple[float, int, Schema]] = []
        for alternative in alternatives:
            joined = join(flat, self._flat(alternative, seen, shallow=shallow))
            depth = self.depth(alternative) if possible(joined) else math.inf
            if depth < math.inf:
                ranked.append((depth if shallow else 0, -self.likes(joined), joined))
        return min(ranked, key=lambda rank: rank[:2])[2] if ranked else NEVER

    def _target(self, ref: str) -> Any:
        """The schema that a reference within the document means (RFC 6901)."""
        if not ref.startswith("#"):
            return {}
        target: Any = self.root
        for part in unquote(ref[1:]).split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(target, list) and key.isdecimal() and len(key) < 6:
                items = list_of(cast("object", target))
                target = items[int(key)] if int(key) < len(items) else {}
            else:
                target = fields_of(cast("object", target)).get(key, {})
        return target

    def depth(self, schema: object) -> float:
        """How deep the least value of a schema nests; infinite if it would have to hold itself."""
        given = fields_of(schema)
        self._steps += 1
        if id(given) in self._within or self._steps > _STEPS:
            return math.inf
        if "enum" in given or "const" in given:
            return 0
        if isinstance(schema, dict):
            self._within.add(id(given))
        try:
            depth: float = 0
            if isinstance(ref := given.get("$ref"), str):
                depth = self.depth(self._target(ref))
            for part in list_of(given.get("allOf")):
                depth = max(depth, self.depth(part))
            for key in ("anyOf", "oneOf"):
                if alternatives := list_of(given.get(key)):
                    depth = max(depth, min(self.depth(part) for part in alternatives))
            return max(depth, self._depth_inside(given))
        finally:
            self._within.discard(id(given))

    def _depth_inside(self, given: Schema) -> float:
        kinds = kinds_of(given)
        if "object" in kinds[:1]:
            properties = fields_of(given.get("properties"))
            needed = [properties.get(str(name)) for name in list_of(given.get("required"))]
            return max((1 + self.depth(part) for part in needed), default=0)
        if "array" in kinds[:1] and number_of(given.get("minItems"), 0) > 0:
            return 1 + self.depth(given.get("items"))
        return 0


def join(one: Schema, other: Schema) -> Schema:
    """A schema that demands what both demand; `NEVER`'s marks if nothing can meet both."""
    joined = {**other, **one}
    for key in one.keys() & other.keys():
        a, b = one[key], other[key]
        if a == b and key != "enum":
            continue
        if key == "type":
            joined[key] = _both_kinds(kinds_of(one), kinds_of(other))
        elif key == "enum":
            joined[key] = [value for value in list_of(a) if is_in(value, list_of(b))]
        elif key in ("properties", "patternProperties", "$defs", "definitions"):
            left, right = fields_of(a), fields_of(b)
            both = {
                name: {"allOf": [left[name], right[name]]} for name in left.keys() & right.keys()
            }
            joined[key] = {**left, **right, **both}
        elif key == "required":
            joined[key] = [*list_of(a), *(name for name in list_of(b) if name not in list_of(a))]
        elif key in ("items", "contains", "additionalProperties", "propertyNames"):
            joined[key] = False if False in (a, b) else {"allOf": [a, b]}
        elif key in (*_LARGER, *_SMALLER):
            if not isinstance(a, bool) and not isinstance(b, bool):
                least = key in _LARGER
                joined[key] = max(a, b, key=fraction) if least else min(a, b, key=fraction)
        elif key == "multipleOf":
            joined[key] = _common_multiple(a, b)
        elif key == "uniqueItems":
            joined[key] = True
    return joined


def possible(schema: Schema) -> bool:
    """Whether a flat schema can be met, as far as its types and its enum tell."""
    if "enum" in schema:
        return any(is_of(value, kinds_of(schema)) for value in list_of(schema["enum"]))
    return schema.get("type") != []


def kinds_of(schema: Schema) -> list[str]:
    """The types that a schema allows, in its order; guessed from its keywords if it names none."""
    kinds = schema.get("type")
    if isinstance(kinds, str):
        return [kinds]
    if isinstance(kinds, list):
        return [str(kind) for kind in cast("list[object]", kinds)]
    return [kind for kind, keys in _KINDS.items() if any(key in schema for key in keys)]


def is_of(value: object, kinds: list[str]) -> bool:
    """Whether a value is of one of some types; no types allow all."""
    match value:
        case None:
            names = {"null"}
        case bool():
            names = {"boolean"}
        case int():
            names = {"integer", "number"}
        case float():
            names = {"integer", "number"} if value.is_integer() else {"number"}
        case str():
            names = {"string"}
        case list():
            names = {"array"}
        case _:
            names = {"object"}
    return not kinds or not names.isdisjoint(kinds)


def is_in(value: object, values: list[Any]) -> bool:
    """Whether a JSON value is among others; `1` isn't `true`, as it is in Python."""
    written = json.dumps(value, sort_keys=True, default=str)
    return any(json.dumps(other, sort_keys=True, default=str) == written for other in values)


def fraction(value: object) -> Fraction:
    """A number exactly as it is written; zero for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return Fraction(0)
    return Fraction(str(value))


def number_of(value: object, default: int) -> int:
    """A number that counts something (characters, items), or the default."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return default
    return max(0, int(value))


def list_of(value: object) -> list[Any]:
    """The value if it is a JSON array, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def _both_kinds(ours: list[str], theirs: list[str]) -> list[str]:
    kinds = [kind for kind in ours if kind in theirs]
    if "integer" not in kinds and {"integer", "number"} <= {*ours, *theirs}:
        kinds.append("integer")
    return kinds


def _common_multiple(one: object, other: object) -> object:
    a, b = fraction(one), fraction(other)
    if not a or not b:
        return one if a else other
    below = a.denominator * b.denominator
    multiple = Fraction(math.lcm(int(a * below), int(b * below)), below)
    return int(multiple) if multiple.denominator == 1 else float(multiple)
