"""Are the members of a request as AWS's own service model has them? Told in AWS's words.

Rules: the model is botocore's, so nothing of it is repeated here; a value of the wrong JSON type
is a SerializationException (the first one), what is out of bounds is a ValidationException that
lists all; members that are null or that the model doesn't know are as if they weren't there, as
at AWS; free JSON is free.
`check` is for a body alone, `read` for operations whose path and query have members too.

Sources: botocore `service-2.json`; refusals as publicly reported: lists are counted from 1 in
constraints (`messages.1.member.role`) and from 0 in Bedrock's own words (`messages.0.content.1`).
Texts of the wrong JSON type are those of AWS's other REST services (?), as is that of a blob that
isn't base64 (?).
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from outcrop.errors import ValidationException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from botocore.model import ServiceModel, Shape

    Path = tuple[str | int, ...]
    Check = Callable[[Any, Path, list[str]], None]

Document = dict[str, Any]

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (str,),
    "timestamp": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
}
_WANTED: Final = {
    "structure": "an Object",
    "map": "a Map",
    "list": "a List",
    "string": "a String",
    "blob": "a Blob",
    "timestamp": "a Timestamp",
    "integer": "an Integer",
    "long": "a Long",
    "float": "a Float",
    "double": "a Double",
    "boolean": "a Boolean",
}
_FOUND: Final = {
    "dict": "START_OBJECT",
    "list": "START_ARRAY",
    "str": "STRING_VALUE",
    "int": "NUMBER_VALUE",
    "float": "DECIMAL_VALUE",
    "bool": "BOOLEAN_VALUE",
}
#: Enumerations that Converse itself leaves: it answers with the type `tool_use`, and what it says
#: comes back in the next turn.
_OPEN: Final = {"ToolUseType"}
#: Violations that are told, of however many; and characters of a value that are shown. Ours.
_MOST_TOLD: Final = 20
_MOST_SHOWN: Final = 100
METADATA: Final = "Request metadata contains a value that violates the regular expression"
#: Longer values than this, or than what is allowed, fit no pattern: some patterns take their time.
_LONGEST_MATCHED: Final = 4096


class _Limit(NamedTuple):
    """A bound of a shape, and what is said where it doesn't hold."""

    holds: Callable[[Any], object]
    constraint: str


def check(service: str, operation: str, given: Document) -> None:
    """Nothing, if the body of a request fits its operation.

    Args:
        service: As botocore names it, such as `bedrock-runtime`.
        operation: AWS's name of it, such as `Converse`.
        given: The body's members; those that are null or not known are taken out, inside others
            too.

    Raises:
        ValidationException: It doesn't; its `aws_name` is SerializationException for wrong types.
    """
    _check(given, _body_members(service, operation))


def read(
    service: str,
    operation: str,
    body: Document,
    *,
    labels: Mapping[str, str],
    query: Iterable[tuple[str, str]],
) -> Document:
    """The members of a request, wherever they stand, if they fit its operation.

    Args:
        service: As botocore names it, such as `bedrock`.
        operation: AWS's name of it, such as `ListInferenceProfiles`.
        body: The body's members.
        labels: What the path says, decoded, by the names that the operation's URI has.
        query: The query's parameters, decoded.

    Returns:
        Members by the names that the service model gives them (`typeEquals`, which is `type` in the
        query), of the types that they have in JSON.

    Raises:
        ValidationException: They don't; its `aws_name` is SerializationException for wrong types.
    """
    members = _members(service, operation)
    parameters = dict(query)
    given = {row.name: body[row.name] for row in members if not row.location and row.name in body}
    for row in members:
        place = {"uri": labels, "querystring": parameters}.get(row.location or "", {})
        if row.wire in place:
            given[row.name] = _convert(place[row.wire], row.type_name)
    _check(given, members)
    return given


def _check(given: Document, members: Iterable[_Member]) -> None:
    violations: list[str] = []
    _drop_nulls(given)
    for row in members:
        if row.name in given:
            row.look(given[row.name], (row.name,), violations)
        elif row.required:
            violations.append(_null((row.name,)))
    if not violations:
        return
    if any("'requestMetadata" in violation for violation in violations):
        raise ValidationException(METADATA)
    count = f"{len(violations)} validation error{'s' if len(violations) > 1 else ''} detected: "
    raise ValidationException(count + "; ".join(violations[:_MOST_TOLD]))


def _convert(text: str, wanted: str) -> Any:
    """What a text of the path or the query stands for."""
    if wanted in ("integer", "long"):
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise _wrong_type(text, wanted)
        return int(text)
    if wanted == "boolean":
        if text not in ("true", "false"):
            raise _wrong_type(text, wanted)
        return text == "true"
    return text


@cache
def service_model(service: str) -> ServiceModel:
    """AWS's model of a service, as botocore has it."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


class _Member(NamedTuple):
    """A member of an operation's input.

    Attributes:
        name: The model's name.
        required: Whether it has to be there.
        look: What looks at its value.
        location: `uri`, `querystring`, `header`; None in the body.
        wire: Its name there.
        type_name: Its type.
    """

    name: str
    required: bool
    look: Check
    location: str | None
    wire: str
    type_name: str


@cache
def _members(service: str, operation: str) -> list[_Member]:
    """The members of an operation's input."""
    shape = cast("Any", service_model(service).operation_model(operation).input_shape)
    if shape is None:
        return []
    compiled: dict[str, Check] = {}
    return [
        _Member(
            name,
            name in shape.required_members,
            _compile(member, compiled),
            member.serialization.get("location"),
            member.serialization.get("name", name),
            member.type_name,
        )
        for name, member in shape.members.items()
    ]


@cache
def _body_members(service: str, operation: str) -> list[_Member]:
    """Those of them that stand in the body."""
    return [row for row in _members(service, operation) if row.location is None]


def _compile(shape: Shape, compiled: dict[str, Check]) -> Check:
    """What looks at a value of a shape; shapes may hold themselves."""
    if shape.name not in compiled:

        def look_later(value: Any, path: Path, found: list[str]) -> None:
            compiled[shape.name](value, path, found)

        compiled[shape.name] = look_later  # for where the shape is met again inside itself
        compiled[shape.name] = _make(shape, compiled)
    return compiled[shape.name]


def _make(shape: Shape, compiled: dict[str, Check]) -> Check:
    if getattr(shape, "is_document_type", False):
        return lambda _value, _path, _found: None
    inside = _look_at_base64 if shape.type_name == "blob" else _look_inside(shape, compiled)
    limits = list(_limits(shape))
    kinds = _TYPES[shape.type_name]
    shown = not shape.metadata.get("sensitive") and shape.type_name in (
        "string",
        "integer",
        "long",
        "float",
        "double",
    )

    def look(value: Any, path: Path, found: list[str]) -> None:
        if value is None:
            return
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise _wrong_type(value, shape.type_name)
        for limit in limits:
            if not limit.holds(value):
                what = f"Value '{_cut(value)}' at" if shown else "Value at"
                found.append(
                    f"{what} '{_counted(path)}' failed to satisfy constraint: {limit.constraint}"
                )
        inside(value, path, found)

    return look


def _look_at_base64(value: Any, _path: Path, _found: list[str]) -> None:
    try:
        a2b_base64(value, strict_mode=True)
    except ValueError:  # what isn't ASCII too
        raise _wrong_type(value, "blob") from None
    if len(value) % 4:  # a `=` too many, which is let pass
        raise _wrong_type(value, "blob")


def _look_inside(shape: Any, compiled: dict[str, Check]) -> Check:
    if shape.type_name == "list":
        each = _compile(shape.member, compiled)

        def look_at_items(value: Any, path: Path, found: list[str]) -> None:
            for at, item in enumerate(value):
                if item is None:
                    found.append(_null((*path, at)))
                each(item, (*path, at), found)

        return look_at_items
    if shape.type_name == "map":
        key, each = _compile(shape.key, compiled), _compile(shape.value, compiled)

        def look_at_entries(value: Any, path: Path, found: list[str]) -> None:
            for name, item in value.items():
                if item is None:
                    found.append(_null((*path, name)))
                key(name, path, found)
                each(item, (*path, name), found)

        return look_at_entries
    if shape.type_name == "structure":
        members = {name: _compile(member, compiled) for name, member in shape.members.items()}
        required: list[str] = list(shape.required_members)
        union = bool(shape.metadata.get("union"))

        def look_at_members(value: Any, path: Path, found: list[str]) -> None:
            _drop_nulls(value)
            if union and len(value.keys() & members.keys()) != 1:
                raise ValidationException(
                    f"{shape.name} object at {'.'.join(map(str, path))} must set one of the "
                    f"following keys: {', '.join(members)}."
                )
            found.extend([_null((*path, name)) for name in required if name not in value])
            for name, item in list(value.items()):
                if name in members:
                    members[name](item, (*path, name), found)
                else:
                    del value[name]

        return look_at_members
    return lambda _value, _path, _found: None


def _limits(shape: Any) -> list[_Limit]:
    bounds: dict[str, Any] = shape.metadata
    limits: list[_Limit] = []
    if (values := bounds.get("enum")) and shape.name not in _OPEN:
        among = f"Member must satisfy enum value set: [{', '.join(values)}]"
        limits.append(_Limit(set(values).__contains__, among))
    number = shape.type_name in ("integer", "long", "float", "double")
    measure: Callable[[Any], float] = _blob_size if shape.type_name == "blob" else len
    if number:
        measure = _itself
    noun = "value" if number else "length"
    if "min" in bounds:
        limits.append(_least(measure, bounds["min"], noun))
    if "max" in bounds:
        limits.append(_most(measure, bounds["max"], noun))
    if "pattern" in bounds:
        constraint = f"Member must satisfy regular expression pattern: {bounds['pattern']}"
        longest = max(bounds.get("max", 0), _LONGEST_MATCHED)
        limits.append(_Limit(_matcher(bounds["pattern"], longest), constraint))
    if shape.type_name == "timestamp":
        limits.append(_Limit(_is_time, "Member must be a timestamp of ISO 8601"))
    return limits


def _matcher(pattern: str, longest: int) -> Callable[[str], bool]:
    compiled = re.compile(pattern)

    def matches(value: str) -> bool:
        return len(value) <= longest and compiled.fullmatch(value) is not None

    return matches


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _least(measure: Callable[[Any], float], low: float, noun: str) -> _Limit:
    def holds(value: Any) -> bool:
        return measure(value) >= low

    return _Limit(holds, f"Member must have {noun} greater than or equal to {low}")


def _most(measure: Callable[[Any], float], high: float, noun: str) -> _Limit:
    def holds(value: Any) -> bool:
        return measure(value) <= high

    return _Limit(holds, f"Member must have {noun} less than or equal to {high}")


def _drop_nulls(members: Document) -> None:
    """A member that is null is one that isn't there."""
    if None in members.values():
        for name in [name for name, value in members.items() if value is None]:
            del members[name]


def _cut(value: object) -> str:
    text = str(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _itself(value: Any) -> float:
    return value


def _blob_size(value: str) -> int:
    return len(value) * 3 // 4 - value[-2:].count("=")


def _counted(path: Path) -> str:
    """A place as constraints name it: lists from 1."""
    return ".".join(f"{step + 1}.member" if isinstance(step, int) else step for step in path)


def _null(path: Path) -> str:
    return f"Value at '{_counted(path)}' failed to satisfy constraint: Member must not be null"


def _wrong_type(value: object, wanted: str) -> ValidationException:
    return ValidationException(
        f"{_FOUND[type(value).__name__]} can not be converted to {_WANTED[wanted]}",
        aws_name="SerializationException",
    )
