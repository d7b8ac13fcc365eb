"""Python's annotations as JSON Schema, and JSON as values of them: what tools and `parse` share.

Rules: msgspec knows the types (scalars, collections, Literal, Enum, TypedDict, dataclasses, its own
Structs, attrs' classes); pydantic's models are asked by their own methods, wherever they stand, and
pydantic is never imported here; what can't be described is an error that names it.

Source: msgspec, "Supported types" and "JSON Schema" (https://jcristharif.com/msgspec/).
"""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from outcrop.errors import ConfigurationError

Schema = dict[str, Any]

_REF: Final = "#/$defs/"


def describe(annotation: Any, *, what: str) -> Schema:
    """The JSON Schema of a type; its root says `type` or the like, never `$ref` alone.

    Args:
        annotation: Anything that msgspec knows, or that holds pydantic's models.
        what: What it is the type of, for errors.

    Raises:
        ConfigurationError: There is no JSON Schema for it.
    """
    try:
        schema = msgspec.json.schema(annotation, schema_hook=_describe_foreign)
    except (TypeError, NameError) as error:
        told = str(error).partition("\n\n")
        raise ConfigurationError(
            f"{what}: no JSON Schema for it: {told[2] or told[0]}.",
            mend="Use str, int, float, bool, list, dict, Literal, Enum, a TypedDict, a dataclass, "
            "a msgspec.Struct or a pydantic model.",
        ) from error
    schema = _hoist(schema)
    return _inline(schema)


def read(value: object, annotation: Any) -> Any:
    """Decoded JSON as a value of a type.

    Raises:
        msgspec.ValidationError: It is none; the error names the place.
    """
    return msgspec.convert(value, annotation, dec_hook=_read_foreign)


def read_json(text: str, annotation: Any) -> Any:
    """JSON text as a value of a type.

    Raises:
        msgspec.DecodeError: It isn't JSON; or `msgspec.ValidationError`, it is no such value.
    """
    return msgspec.json.decode(text, type=annotation, dec_hook=_read_foreign)


def write_json(value: object) -> str:
    """A value as JSON text.

    Raises:
        TypeError: It holds something that JSON doesn't have.
    """
    return msgspec.json.encode(value, enc_hook=_write_foreign).decode()


def is_pydantic(annotation: object) -> bool:
    """Whether a type is one of pydantic's models."""
    return isinstance(annotation, type) and hasattr(annotation, "model_json_schema")


def _describe_foreign(annotation: type) -> Schema:
    if not is_pydantic(annotation):
        raise NotImplementedError
    return cast("Any", annotation).model_json_schema()


def _read_foreign(annotation: type, value: object) -> object:
    if not is_pydantic(annotation):
        raise NotImplementedError
    model = cast("Any", annotation)
    try:
        return model.model_validate_json(msgspec.json.encode(value))
    except ValueError as error:
        errors = getattr(error, "errors", None)
        if errors is None:
            raise
        told = [
            f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg']}"
            for fault in errors(include_url=False)
        ]
        raise ValueError("; ".join(told)) from error


def _write_foreign(value: object) -> object:
    if is_pydantic(type(value)):
        return cast("Any", value).model_dump(mode="json")
    whole = getattr(value, "to_dict", None)  # a view of ours
    if callable(whole):
        return whole()
    raise TypeError(f"a {type(value).__name__} has no JSON form")


def _hoist(schema: Schema) -> Schema:
    """The same with all definitions at its root: those of models stand inside."""
    definitions: Schema = {}

    def move(part: Any) -> Any:
        if isinstance(part, list):
            return [move(item) for item in cast("list[Any]", part)]
        if not isinstance(part, dict):
            return part
        own = cast("Schema", part)
        renamed: dict[str, str] = {}
        for name, definition in own.get("$defs", {}).items():
            free = name
            while free in definitions and definitions[free] != definition:
                free += "_"
            definitions[free] = definition
            if free != name:
                renamed[_REF + name] = _REF + free
        if renamed:
            own = _rename(own, renamed)
        return {key: move(value) for key, value in own.items() if key != "$defs"}

    root = move(schema)
    done: Schema = {}
    while len(done) < len(definitions):  # a definition may bring more of them
        for name in [name for name in definitions if name not in done]:
            done[name] = move(definitions[name])
    return {**root, "$defs": done} if done else root


def _rename(part: Any, renamed: dict[str, str]) -> Any:
    if isinstance(part, list):
        return [_rename(item, renamed) for item in cast("list[Any]", part)]
    if isinstance(part, dict):
        given = cast("Schema", part)
        return {
            key: renamed.get(value, value)
            if key == "$ref" and isinstance(value, str)
            else _rename(value, renamed)
            for key, value in given.items()
        }
    return part


def _inline(schema: Schema) -> Schema:
    """The same with the definition that its root refers to in the root's place."""
    ref = schema.get("$ref")
    if not isinstance(ref, str):
        return schema
    definitions: Schema = dict(schema["$defs"])
    name = ref.removeprefix(_REF)
    root: Schema = definitions[name]
    rest = {key: part for key, part in definitions.items() if key != name}
    if _mentions([root, *rest.values()], ref):
        rest = definitions
    return {**root, "$defs": rest} if rest else root


def _mentions(part: Any, ref: str) -> bool:
    if isinstance(part, list):
        return any(_mentions(item, ref) for item in cast("list[Any]", part))
    if isinstance(part, dict):
        given = cast("Schema", part)
        return given.get("$ref") == ref or any(_mentions(item, ref) for item in given.values())
    return False
