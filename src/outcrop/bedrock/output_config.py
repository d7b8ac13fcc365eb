"""What is refused of `output_config`, effort and format, and of strict tools.

Rules: which levels of effort and whether structured outputs are taken are columns of the catalog.
Where sources contradict each other (`try`), a format is refused, as Bedrock was last seen to do
with those models, and a strict tool is let through, as has been seen too. Refusals are in
Anthropic's words.

Sources: Anthropic, "Effort", "Structured outputs" (not with citations); litellm 1.109
(`output_config.format: Extra inputs are not permitted`), pydantic-ai 2.68 (strict tools); refusals
as publicly reported, or after the like of pydantic's: those are marked (?).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from outcrop.bedrock import output_schema
from outcrop.bedrock.conversation import fields, items, unknown_tag
from outcrop.errors import ValidationException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outcrop.catalog.models import Model

Document = dict[str, Any]

LEVELS: Final = ("low", "medium", "high", "xhigh", "max")

_EXTRA: Final = "Extra inputs are not permitted"
_FORMAT: Final = "output_config.format"


def check(document: Document, *, model: Model) -> None:
    """Nothing, if the model takes the output's configuration, and tools as strict as they are.

    Args:
        document: The body, the types of its top level and its tools checked already.
        model: Which model it is for.

    Raises:
        ValidationException: The model would refuse it.
    """
    config = fields(document.get("output_config"))
    for key in config:
        if key not in ("effort", "format"):
            raise ValidationException(f"output_config.{key}: {_EXTRA}")
    if config.get("effort") is not None:
        _check_effort(config["effort"], document, model)
    if config.get("format") is not None:
        _check_format(config["format"], document, model)
    _check_strict_tools(document, model)


def _check_effort(level: object, document: Document, model: Model) -> None:
    if level not in LEVELS:
        *firsts, last = [repr(name) for name in LEVELS]
        raise ValidationException(
            f"output_config.effort: Input should be {', '.join(firsts)} or {last}"
        )
    levels: list[str] = list(model.effort)
    if not levels:
        raise ValidationException("This model does not support the effort parameter.")
    if model.effort_beta and model.effort_beta not in items(document.get("anthropic_beta")):
        raise ValidationException(f"output_config.effort: {_EXTRA}")  # (?)
    off = fields(document.get("thinking")).get("type") in ("disabled", "between_tools")
    if off and model.effort_without_thinking:
        levels = list(model.effort_without_thinking)
    if level not in levels:
        raise ValidationException(
            f"This model does not support effort level '{level}'. "
            f"Supported levels: {', '.join(sorted(levels))}."
        )


def _check_format(given: object, document: Document, model: Model) -> None:
    if model.structured_outputs != "yes":
        raise ValidationException(f"{_FORMAT}: {_EXTRA}")
    if not isinstance(given, dict):
        raise ValidationException(f"{_FORMAT}: Input should be a valid dictionary")
    shape = fields(cast("object", given))
    kind = shape.get("type")
    if kind != "json_schema":
        raise ValidationException(unknown_tag(_FORMAT, kind, ("json_schema",)))  # (?)
    for key in shape:
        if key not in ("type", "schema"):
            raise ValidationException(f"{_FORMAT}.{key}: {_EXTRA}")
    if "schema" not in shape:
        raise ValidationException(f"{_FORMAT}.schema: Field required")
    output_schema.check(shape["schema"], path=f"{_FORMAT}.schema")
    if any(_cited(document)):
        raise ValidationException(
            "citations: Citations cannot be enabled when output_config.format is given."  # (?)
        )


def _cited(document: Document) -> Iterator[bool]:
    """Of each document and search result, whether it is to be cited."""
    waiting: list[object] = [
        block
        for message in items(document.get("messages"))
        for block in items(fields(message).get("content"))
    ]
    while waiting:
        block = fields(waiting.pop())
        if block.get("type") in ("document", "search_result"):
            yield fields(block.get("citations")).get("enabled") is True
        elif block.get("type") == "tool_result":
            waiting += items(block.get("content"))


def _check_strict_tools(document: Document, model: Model) -> None:
    strict = 0
    for at, given in enumerate(items(document.get("tools"))):
        tool = fields(given)
        if tool.get("strict") is None:
            continue
        path = f"tools.{at}.{tool.get('type') or 'custom'}"
        if not isinstance(tool["strict"], bool):
            raise ValidationException(f"{path}.strict: Input should be a valid boolean")
        if model.structured_outputs == "no":
            raise ValidationException(f"{path}.strict: {_EXTRA}")
        if tool["strict"] and "input_schema" in tool:
            output_schema.check(tool["input_schema"], path=path)
            strict += 1
    if strict > output_schema.MOST_STRICT_TOOLS:
        raise ValidationException(
            f"Too many strict tools ({strict}). The maximum number of strict tools supported is "
            f"{output_schema.MOST_STRICT_TOOLS}."  # (?)
        )
