"""The JSON Schemas that Claude can be held to: made acceptable by who asks, checked by who answers.

Rules: what grammar-constrained sampling can't hold is moved into the description, where the model
may still read it, or refused if the schema would then mean something else; both halves read the
same tables; a keyword that isn't in them is let through by the answerer.

Sources: Anthropic, "Structured outputs" (JSON Schema limitations); the transformation is that of
anthropic 2.12.0 (`transform_schema`), with errors where that one would change the meaning: free
keys, tuples, recursion. Refusals as publicly reported; the others, marked (?), after the like.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from outcrop.errors import RequestError, ValidationException

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Schema = dict[str, Any]

#: The values of `format` that a string can be held to.
FORMATS: Final = frozenset(
    {
        *("date", "date-time", "duration", "email", "hostname"),
        *("ipv4", "ipv6", "time", "uri", "uuid"),
    }
)
#: What Claude can't be held to, by type; told together, in alphabetical order.
UNSUPPORTED: Final[dict[str, tuple[str, ...]]] = {
    "array": ("contains", "maxItems", "prefixItems", "uniqueItems"),
    "integer": ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"),
    "number": ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"),
    "object": ("maxProperties", "minProperties", "patternProperties", "propertyNames"),
    "string": ("maxLength", "minLength"),
}
#: Strict tools in one request (pydantic-ai 2.68).
MOST_STRICT_TOOLS: Final = 20

_KEPT: Final = ("description", "title")
_DROPPED: Final = ("$schema", "discriminator")  # nothing that the model could follow
_JOINED: Final = ("anyOf", "oneOf", "allOf")
_DEFINITIONS: Final = ("$defs", "definitions")
_DEEPEST: Final = 60


# Who asks ────────────────────────────────────────────────────────────────────────────────────────


def restrict(schema: Mapping[str, Any]) -> Schema:
    """A schema that Claude can be held to, with what it can't be held to in its descriptions.

    Args:
        schema: Any JSON Schema; it isn't changed.

    Raises:
        RequestError: It says what can't be said otherwise: keys that aren't named, tuples, itself.
    """
    if loop := _recursion(schema):
        raise RequestError(
            f"{loop!r} holds itself, which Claude's structured outputs can't follow.",
            mend="Say how deep it goes: a type for each level.",
        )
    return _restrict(schema, "the schema")


def _restrict(schema: object, path: str) -> Schema:
    if not isinstance(schema, dict) or not schema:
        raise RequestError(
            f"{path}: any value would do, which Claude's structured outputs can't follow.",
            mend="Give it a type.",
        )
    left: Schema = {k: v for k, v in cast("Schema", schema).items() if k not in _DROPPED}
    made: Schema = {}
    for key in _DEFINITIONS:
        if definitions := left.pop(key, None):
            made["$defs"] = {
                name: _restrict(part, f"{path}, {name}") for name, part in definitions.items()
            }
    if isinstance(ref := left.pop("$ref", None), str):
        return {**made, "$ref": ref.replace("#/definitions/", "#/$defs/")}
    if isinstance(kinds := left.get("type"), list):
        return {**made, **_restrict(_split(left, cast("list[str]", kinds)), path)}
    _choose(left, made, path)
    made |= {key: left.pop(key) for key in _KEPT if left.get(key) is not None}
    match made.get("type"):
        case "object":
            _restrict_object(left, made, path)
        case "array":
            _restrict_array(left, made, path)
        case "string" if left.get("format") in FORMATS:
            made["format"] = left.pop("format")
        case _:
            pass
    if left:
        told = ", ".join(f"{key}: {_write(value)}" for key, value in left.items())
        made["description"] = "\n\n".join([*filter(None, [made.get("description")]), f"{{{told}}}"])
    return made


def _choose(left: Schema, made: Schema, path: str) -> None:
    """Moves over what says which values there are: literals, alternatives, or a type."""
    kind = left.pop("type", None)
    enum = left.get("enum")
    if isinstance(enum, list) and enum and all(map(_is_scalar, cast("list[object]", enum))):
        made["enum"] = left.pop("enum")
    if "const" in left and _is_scalar(left["const"]):
        made["const"] = left.pop("const")
    literal = "enum" in made or "const" in made
    for key in _JOINED:
        if isinstance(parts := left.get(key), list):
            del left[key]
            wanted = "anyOf" if key == "oneOf" else key
            made[wanted] = [_restrict(part, path) for part in cast("list[object]", parts)]
            return
    if literal:
        return
    if kind is None:
        raise RequestError(
            f"{path}: no type, which Claude's structured outputs need.",
            mend="Give it a type, or literals that are texts, numbers, booleans or null.",
        )
    made["type"] = kind


def _split(schema: Schema, kinds: list[str]) -> Schema:
    """The same schema with an alternative for each of its types."""
    about = {key: schema[key] for key in _KEPT if key in schema}
    rest = {key: value for key, value in schema.items() if key not in (*_KEPT, "type")}
    if isinstance(enum := rest.get("enum"), list) and enum:
        return {**about, "enum": enum}
    own = [{**(rest if kind != "null" else {}), "type": kind} for kind in kinds]
    return {**about, "anyOf": own}


def _restrict_object(left: Schema, made: Schema, path: str) -> None:
    others = left.pop("additionalProperties", False)
    properties = left.pop("properties", {})
    if not properties and others is not False:
        raise RequestError(
            f"{path}: keys that aren't named, which Claude's structured outputs can't follow.",
            mend="Use a list of objects with a name and a value in place of a dict.",
        )
    made["properties"] = {
        name: _restrict(part, name if path == "the schema" else f"{path}.{name}")
        for name, part in properties.items()
    }
    made["additionalProperties"] = False
    if (required := left.pop("required", None)) is not None:
        made["required"] = list(required)


def _restrict_array(left: Schema, made: Schema, path: str) -> None:
    if "prefixItems" in left:
        raise RequestError(
            f"{path}: a tuple, which Claude's structured outputs can't follow.",
            mend="Use an object with a name for each of its places.",
        )
    if (items := left.pop("items", None)) is not None:
        made["items"] = _restrict(items, f"{path}[]")
    if left.get("minItems") in (0, 1):
        made["minItems"] = left.pop("minItems")


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _write(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


# Who answers ─────────────────────────────────────────────────────────────────────────────────────


def check(schema: object, *, path: str) -> None:
    """Nothing, if Claude can be held to a schema.

    Args:
        schema: The schema, as it came.
        path: What holds it, such as `output_config.format.schema`.

    Raises:
        ValidationException: It can't, in Anthropic's words.
    """
    if not isinstance(schema, dict):
        raise ValidationException(f"{path}: Input should be a valid dictionary")
    root = cast("Schema", schema)
    for part in _parts(root):
        if fault := _fault(part):
            raise ValidationException(f"{path}: {fault}")
    for part in _parts(root):
        ref = part.get("$ref")
        if isinstance(ref, str) and _target(root, ref) is None:
            raise ValidationException(f"{path}: Unresolvable reference: {ref}")  # (?)
    if loop := _recursion(root):
        raise ValidationException(
            f"{path}: Circular reference detected in schema definitions: {loop}"  # (?)
        )


def _fault(schema: Schema) -> str | None:
    """What is wrong with a schema itself, its parts aside."""
    kinds = schema.get("type")
    for kind in cast("list[object]", kinds) if isinstance(kinds, list) else [kinds]:
        if kind == "object" and schema.get("additionalProperties") is not False:
            return "For 'object' type, 'additionalProperties' must be explicitly set to false"
        if kind == "array" and schema.get("minItems", 0) not in (0, 1):
            return "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
        if not isinstance(kind, str):
            continue
        found = sorted(key for key in UNSUPPORTED.get(kind, ()) if key in schema)
        if len(found) == 1:
            return f"For '{kind}' type, property '{found[0]}' is not supported"
        if found:
            return f"For '{kind}' type, properties {', '.join(found)} are not supported"
        if kind == "string" and "format" in schema and schema["format"] not in FORMATS:
            return f"For 'string' type, format '{schema['format']}' is not supported"  # (?)
    return None


def _parts(schema: Schema) -> Iterator[Schema]:
    """A schema and all those in it, the outer ones first."""
    waiting: list[tuple[object, int]] = [(schema, 0)]
    while waiting:
        part, depth = waiting.pop(0)
        if not isinstance(part, dict) or depth > _DEEPEST:
            continue
        given = cast("Schema", part)
        yield given
        waiting += [(inner, depth + 1) for inner in _inner(given)]


def _inner(schema: Schema) -> Iterator[object]:
    for key in ("properties", *_DEFINITIONS):
        if isinstance(named := schema.get(key), dict):
            yield from cast("dict[str, object]", named).values()
    yield from _inner_values(schema)


def _inner_values(schema: Schema) -> Iterator[object]:
    """The schemas that a value of the schema meets at once or in its items."""
    for key in _JOINED:
        if isinstance(listed := schema.get(key), list):
            yield from cast("list[object]", listed)
    for key in ("items", "additionalProperties"):
        yield schema.get(key)


# Both ────────────────────────────────────────────────────────────────────────────────────────────


def _recursion(root: Mapping[str, Any]) -> str | None:
    """The name of a definition that leads back to itself, if there is one."""
    open_refs: list[str] = []
    safe: set[str] = set()

    def visit(schema: object, depth: int) -> str | None:
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return None
        given = cast("Schema", schema)
        ref = given.get("$ref")
        if isinstance(ref, str) and ref not in safe:
            if ref in open_refs:
                return ref.rpartition("/")[2] or "#"
            open_refs.append(ref)
            if found := visit(_target(root, ref), depth + 1):
                return found
            open_refs.pop()
            safe.add(ref)
        properties = given.get("properties")
        named = cast("dict[str, object]", properties) if isinstance(properties, dict) else {}
        for inner in (*named.values(), *_inner_values(given)):
            if found := visit(inner, depth + 1):
                return found
        return None

    return visit(dict(root), 0)


def _target(root: Mapping[str, Any], ref: str) -> object:
    """The schema that a reference within the document means (RFC 6901); None if there's none."""
    if not ref.startswith("#"):
        return None
    target: object = dict(root)
    for part in ref.split("/")[1:]:
        if not isinstance(target, dict):
            return None
        key = part.replace("~1", "/").replace("~0", "~")
        target = cast("dict[str, object]", target).get(key)
    return cast("object", target) if isinstance(target, dict) else None
