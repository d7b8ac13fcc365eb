"""What Bedrock or the model refuses in an InvokeModel body, in their words.

Rules: the first fault in the order below is the one that is told; what a model takes is a column of
the catalog, never guessed from its name; what we don't know well is let through, not refused.
Models whose ID carries a version (`…-v1:0`, `…-4-6`: those that don't take API version 2026-10-21)
have a JSON schema before them, which speaks everit's language ("Malformed input request: #/…"); the
later ones answer in Anthropic's (?).

Sources: refusals of Bedrock and of Anthropic's API as publicly reported; where no report was found
the text is Anthropic's for the like case, or pydantic's or everit's own: those are marked (?).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from outcrop.bedrock import (
    attachments,
    cache_points,
    conversation,
    images,
    output_config,
    pdfs,
    thinking,
)
from outcrop.bedrock.conversation import fields, items, unknown_tag
from outcrop.catalog import models
from outcrop.catalog.models import LATEST
from outcrop.errors import ValidationException
from outcrop.messages import prompt_tokens

if TYPE_CHECKING:
    from outcrop.catalog.models import Model

Document = dict[str, Any]


class Field(NamedTuple):
    """A field at the top of the body: its JSON type, and the range of a number."""

    kind: str | None = None
    low: float | None = None
    high: float | None = None
    required: bool = False


MOST_STOP_SEQUENCES: Final = 2500
LONGEST_STOP_SEQUENCE: Final = 8192

FIELDS: Final[dict[str, Field]] = {
    "anthropic_version": Field("String", required=True),
    "anthropic_beta": Field("JSONArray"),
    "max_tokens": Field("Integer", low=1, required=True),
    "messages": Field("JSONArray", required=True),
    "system": Field(),  # a string or a list of text blocks
    "stop_sequences": Field("JSONArray"),
    "temperature": Field("Number", low=0, high=1),
    "top_p": Field("Number", low=0, high=1),
    "top_k": Field("Integer", low=0),
    "tools": Field("JSONArray"),
    "tool_choice": Field("JSONObject"),
    "thinking": Field("JSONObject"),
    "metadata": Field("JSONObject"),
    "output_config": Field("JSONObject"),
    "cache_control": Field(),  # not every model takes it
    "context_management": Field("JSONObject"),
    "user_profile_id": Field("String"),
    "amazon-bedrock-guardrailConfig": Field("JSONObject"),
}
_REQUIRED: Final = {key for key, field in FIELDS.items() if field.required}
#: Everit's words for the types that JSON decodes to.
_EVERIT: Final = {
    "bool": "Boolean",
    "int": "Integer",
    "float": "BigDecimal",
    "str": "String",
    "list": "JSONArray",
    "dict": "JSONObject",
}
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "String": (str,),
    "Integer": (int,),
    "Number": (int, float),
    "JSONArray": (list,),
    "JSONObject": (dict,),
}
#: Anthropic's words for the JSON types (pydantic's).
_PYDANTIC: Final = {
    "String": "string",
    "Integer": "integer",
    "Number": "number",
    "JSONArray": "list",
    "JSONObject": "dictionary",
}


#: Anthropic's own tools that Bedrock serves, without their dates.
_TOOL_TAGS: Final = ("bash", "computer", "custom", "memory", "text_editor", "tool_search_tool")


def check(document: Document, *, model: Model) -> int:
    """The estimated input tokens of a request that is in order.

    Args:
        document: The body, decoded.
        model: Which model it is for.

    Raises:
        ValidationException: Bedrock, or the model, would refuse it.
    """
    _check_version(document, model)
    _check_fields(document, model)
    _check_betas(document)
    _check_limits(document, model)
    thinking.check(document, model=model)
    _check_sampling(document, model)
    _check_system(document)
    _check_tools(document, model)
    output_config.check(document, model=model)
    cache_points.check(document, model=model)
    conversation.check(document, model=model)
    images.check(document, model=model)
    pdfs.check(document, most=attachments.most_pages(model))
    thinking.check_turn(document)
    used = prompt_tokens.count_request(document, generation=model.tokenizer)
    if used > model.context:
        raise ValidationException(f"prompt is too long: {used} tokens > {model.context} maximum")
    return used


def _malformed(*violations: str) -> ValidationException:
    return ValidationException(
        f"Malformed input request: {''.join(violations)}, please reformat your input and try again."
    )


# The top of the body ─────────────────────────────────────────────────────────────────────────────


def _check_version(document: Document, model: Model) -> None:
    version = document.get("anthropic_version")
    if version is None:
        if LATEST not in model.api_versions:
            return  # told together with whatever else the schema finds
        raise _malformed("#: required key [anthropic_version] not found")
    if not isinstance(version, str):
        raise _malformed(_everit_type("anthropic_version", "String", version))
    if version not in model.api_versions:
        raise ValidationException(f"Invalid API version: {version}")


def _check_fields(document: Document, model: Model) -> None:
    missing, extra = [], []
    if not document.keys() >= _REQUIRED:
        missing = [key for key in FIELDS if key in _REQUIRED and key not in document]
    if not document.keys() <= FIELDS.keys():
        extra = [key for key in document if key not in FIELDS]
    if LATEST in model.api_versions:
        for key in missing:
            raise ValidationException(f"{key}: Field required")
        for key in extra:
            raise ValidationException(f"{key}: Extra inputs are not permitted")
        for key, value in document.items():
            given = value is not None or FIELDS[key].required
            if given and (fault := _anthropic_fault(key, value)):
                raise ValidationException(f"{key}: {fault}")
        return
    violations = [f"#: required key [{key}] not found" for key in missing]
    violations += [f"#: extraneous key [{key}] is not permitted" for key in extra]
    violations += [
        fault
        for key, value in document.items()
        if key in FIELDS and (fault := _everit_fault(key, value))
    ]
    if violations:
        raise _malformed(*violations)


def _anthropic_fault(key: str, value: object) -> str | None:
    field = FIELDS[key]
    if field.kind and not _is_kind(value, field.kind):
        return f"Input should be a valid {_PYDANTIC[field.kind]}"
    if field.low is not None and cast("float", value) < field.low:
        return f"Input should be greater than or equal to {field.low:g}"
    if field.high is not None and cast("float", value) > field.high:
        return f"Input should be less than or equal to {field.high:g}"
    return None


def _everit_fault(key: str, value: object) -> str | None:
    field = FIELDS[key]
    if field.kind and not _is_kind(value, field.kind):
        return _everit_type(key, field.kind, value)
    if field.low is not None and cast("float", value) < field.low:
        return f"#/{key}: {value} is not greater or equal to {field.low:g}"
    if field.high is not None and cast("float", value) > field.high:
        return f"#/{key}: {value} is not less or equal to {field.high:g}"
    return None


def _everit_type(key: str, wanted: str, value: object) -> str:
    found = _EVERIT.get(type(value).__name__, "Null")
    return f"#/{key}: expected type: {wanted}, found: {found}"


def _is_kind(value: object, kind: str) -> bool:
    return isinstance(value, _KINDS[kind]) and not isinstance(value, bool)


def _check_betas(document: Document) -> None:
    for flag in items(document.get("anthropic_beta")):
        # Bedrock doesn't say which. What it says of a number isn't known (?).
        if not isinstance(flag, str) or flag not in models.betas():
            raise ValidationException("invalid beta flag")


def _check_limits(document: Document, model: Model) -> None:
    wanted: int = document["max_tokens"]
    if wanted > model.max_output:
        raise ValidationException(
            f"max_tokens: {wanted} > {model.max_output}, which is the maximum allowed number of "
            f"output tokens for {model.first_party}"
        )
    sequences = items(document.get("stop_sequences"))
    if len(sequences) > MOST_STOP_SEQUENCES:  # Converse's limit; InvokeModel's isn't known (?)
        raise ValidationException(
            f"stop_sequences: List should have at most {MOST_STOP_SEQUENCES} items after "
            f"validation, not {len(sequences)}"
        )
    for at, sequence in enumerate(sequences):
        if not isinstance(sequence, str):
            raise ValidationException(f"stop_sequences.{at}: Input should be a valid string")
        if len(sequence) > LONGEST_STOP_SEQUENCE:  # a bound of ours (?)
            raise ValidationException(
                f"stop_sequences.{at}: String should have at most {LONGEST_STOP_SEQUENCE} "
                "characters"
            )
        if not sequence.strip():
            raise ValidationException(
                "stop_sequences: each stop sequence must contain non-whitespace"
            )


def _check_sampling(document: Document, model: Model) -> None:
    given = {
        key: document[key]
        for key in ("temperature", "top_p", "top_k")
        if document.get(key) is not None
    }
    if model.sampling:
        if model.one_of_temperature_and_top_p and {"temperature", "top_p"} <= given.keys():
            raise ValidationException(
                "`temperature` and `top_p` cannot both be specified for this model. "
                "Please use only one."
            )
        return
    for key, value in given.items():
        # API version 2026-10-21 has none of them; before it, the defaults pass (model cards).
        default = value == 1 if key == "temperature" else key == "top_p" and value >= 0.99
        if not default or document["anthropic_version"] == LATEST:
            raise ValidationException(f"`{key}` is deprecated for this model.")


def _check_system(document: Document) -> None:
    system = document.get("system")
    if system is None or isinstance(system, str):
        return
    if not isinstance(system, list):
        raise ValidationException("system: Input should be a valid list")
    for at, block in enumerate(cast("list[object]", system)):
        part = fields(block)
        if part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise ValidationException(f"system.{at}.text: Input should be a valid string")  # (?)
        if not part["text"]:
            raise ValidationException("system: text content blocks must be non-empty")


def _check_tools(document: Document, model: Model) -> None:
    names: set[str] = set()
    for at, given in enumerate(items(document.get("tools"))):
        tool = fields(given)
        tag = tool.get("type") or "custom"
        kind = re.sub(r"(_(regex|bm25))?_\d{8}$", "", str(tag))
        if kind not in _TOOL_TAGS:
            raise ValidationException(unknown_tag(f"tools.{at}", tag, _TOOL_TAGS))
        for key in ("name", "input_schema") if kind == "custom" else ("name",):
            if key not in tool:
                raise ValidationException(f"tools.{at}.{tag}.{key}: Field required")
        name = tool["name"]
        if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", name):
            raise ValidationException(
                f"tools.{at}.{tag}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )
        if name in names:
            raise ValidationException("tools: Tool names must be unique.")
        names.add(name)
    choice = fields(document.get("tool_choice"))
    if not choice:
        return
    if choice.get("type") not in ("any", "auto", "none", "tool"):
        tags = ("any", "auto", "none", "tool")
        raise ValidationException(unknown_tag("tool_choice", choice.get("type"), tags))
    if choice["type"] in ("any", "tool") and not model.forced_tools:
        raise ValidationException(
            'tool_choice: type "tool" and "any" are not supported for this model.'
        )
    if not names:
        raise ValidationException("tool_choice may only be specified while providing tools.")
    wanted = choice.get("name")
    if choice["type"] == "tool" and not (isinstance(wanted, str) and wanted in names):
        raise ValidationException(f"Tool '{choice.get('name')}' not found in provided tools")
