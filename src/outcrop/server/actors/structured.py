"""Answers that are JSON under a schema (`output_config.format`): by rules, and judged.

Rules: what comes out is valid under the schema; what a generated value is judged by is a short list
of keywords, and a schema with any other is answered by rules alone.

Source: Anthropic, "Structured outputs"; JSON Schema, draft 2020-12.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from outcrop.server.actors.reading import fields_of, text_of
from outcrop.server.actors.samples import sample
from outcrop.server.actors.schemas import is_in, is_of, kinds_of, list_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.server.actors.reading import Reading

Schema = dict[str, Any]

#: Keywords that a grammar holds a small model to, and that `fits` judges.
_PLAIN: Final = frozenset(
    {
        *("$defs", "$ref", "additionalProperties", "anyOf", "const", "default", "description"),
        *("enum", "items", "minItems", "properties", "required", "title", "type"),
    }
)
_PIECE: Final = 16  # characters
_LONGEST: Final = 8_000  # characters of a schema that a grammar is made of
_DEEPEST: Final = 40


def schema_of(document: Mapping[str, Any]) -> Schema | None:
    """The schema that the answer has to be valid under, if the request gives one."""
    wanted = fields_of(fields_of(document.get("output_config")).get("format"))
    schema = wanted.get("schema")
    return fields_of(schema) if wanted.get("type") == "json_schema" else None


def sample_json(schema: Schema, reading: Reading) -> str:
    """The answer by rules, from the prompt and what tools gave."""
    given = [text_of(block.get("content")) for block in reading.results]
    return write(sample(schema, "\n".join([reading.prompt, *given])))


def write(value: object) -> str:
    """JSON as Claude writes it: on one line, and without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def pieces(text: str) -> list[str]:
    """JSON text in the pieces that it is streamed in."""
    return [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]


def is_plain(schema: Schema) -> bool:
    """Whether a grammar can be made of a schema, and `fits` knows all that it says."""
    return len(json.dumps(schema)) <= _LONGEST and _is_plain(schema, 0)


def _is_plain(schema: object, depth: int) -> bool:
    if isinstance(schema, bool):
        return True
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return False
    given = cast("Schema", schema)
    if not given.keys() <= _PLAIN or not str(given.get("$ref", "#/$defs/")).startswith("#/$defs/"):
        return False
    if given.get("minItems", 0) not in (0, 1):
        return False
    named = [*fields_of(given.get("properties")).values(), *fields_of(given.get("$defs")).values()]
    inner = [given[key] for key in ("items", "additionalProperties") if key in given]
    return all(
        _is_plain(part, depth + 1) for part in [*named, *inner, *list_of(given.get("anyOf"))]
    )


def fits(schema: Schema, value: object) -> bool:
    """Whether a value is valid under a schema that is plain."""
    return _fits(schema, value, schema, 0)


def _fits(schema: object, value: object, root: Schema, depth: int) -> bool:
    if isinstance(schema, bool):
        return schema
    given = fields_of(schema)
    if depth > _DEEPEST:
        return False
    if isinstance(ref := given.get("$ref"), str):
        name = ref.removeprefix("#/$defs/").replace("~1", "/").replace("~0", "~")
        if not _fits(fields_of(root.get("$defs")).get(name), value, root, depth + 1):
            return False
    if "type" in given and not is_of(value, kinds_of(given)):
        return False
    if "enum" in given and not is_in(value, list_of(given["enum"])):
        return False
    if "const" in given and not is_in(value, [given["const"]]):
        return False
    alternatives = list_of(given.get("anyOf"))
    if alternatives and not any(_fits(part, value, root, depth + 1) for part in alternatives):
        return False
    if isinstance(value, list):
        items = cast("list[object]", value)
        if len(items) < given.get("minItems", 0):
            return False
        return all(_fits(given.get("items", True), item, root, depth + 1) for item in items)
    if not isinstance(value, dict):
        return True
    properties, members = fields_of(given.get("properties")), fields_of(cast("object", value))
    others = given.get("additionalProperties", True)
    return all(str(name) in members for name in list_of(given.get("required"))) and all(
        _fits(properties.get(name, others), part, root, depth + 1) for name, part in members.items()
    )
