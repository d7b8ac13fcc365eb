"""Thinking: whether a request lets the model think, how that is shown, and what is refused of it.

Rules: which kinds a model takes, whether it thinks unasked and what it shows are columns of the
catalog; a refusal is in Anthropic's words; signatures aren't looked at here, who answers keeps the
key (`outcrop.server.signatures`).

Sources: Anthropic, "Troubleshooting thinking", "Errors", "Extended thinking" and "Adaptive
thinking" (https://platform.claude.com/docs/en/build-with-claude/thinking-troubleshooting), "Migrate
to Claude Sonnet 5.5"; fields and values as in anthropic 2.12.0; refusals as publicly reported, or
after the like of pydantic's: those are marked (?).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from outcrop.bedrock.conversation import fields, items, unknown_tag
from outcrop.errors import ValidationException

if TYPE_CHECKING:
    from outcrop.catalog.models import Model

Document = dict[str, Any]

#: Whether the model thinks before what it says next; `if-needed` leaves that to itself.
Due = Literal["always", "if-needed", "never"]

LEAST_BUDGET: Final = 1024
LEAST_TOP_P: Final = 0.95
#: Lets a model with a budget think between tool calls too; the budget may exceed `max_tokens`.
INTERLEAVED: Final = "interleaved-thinking-2025-05-14"
#: Lets `display` be "updates".
UPDATES: Final = "thinking-display-updates-2026-08-18"

#: Fields of `thinking` beside `type`, by kind.
FIELDS: Final = {
    "adaptive": ("block_binding", "display"),
    "between_tools": (),
    "disabled": (),
    "enabled": ("block_binding", "budget_tokens", "display"),
}

_CONSULT: Final = (
    "Please consult our documentation at "
    "https://platform.claude.com/docs/en/build-with-claude/extended-thinking"
)
_EFFORT: Final = (
    'Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
)
_FORCED: Final = "Thinking may not be enabled when tool_choice forces tool use."
_TURN: Final = (
    "{path}.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. When `thinking` "
    "is enabled, a final `assistant` message must start with a thinking block (preceeding the "
    "lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking "
    "blocks from previous turns. To avoid this requirement, disable `thinking`. Please consult our "
    "documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
)


def due(document: Document, *, model: Model) -> Due:
    """Whether the model thinks before what it says next.

    A budget makes it think at the start of its turn, and between tool calls with the beta
    `interleaved-thinking-2025-05-14`; adaptive thinking, asked for or by default, is left to the
    model, anywhere; `between_tools` is thinking after tool results only. A model that thinks by
    default doesn't if a tool is forced (?).

    Args:
        document: A Messages request that is in order.
        model: Which model it is for.
    """
    match fields(document.get("thinking")).get("type"):
        case "enabled":
            anywhere = _has_beta(document, INTERLEAVED) or not _is_between(document)
            return "always" if anywhere else "never"
        case "adaptive":
            return "if-needed"
        case "between_tools":
            return "if-needed" if _is_between(document) else "never"
        case None if model.thinking_by_default and not _is_forced(document):
            return "if-needed"
        case _:
            return "never"


def is_shown(document: Document, *, model: Model) -> bool:
    """Whether the reader gets the text of thinking, and not only its signature.

    With `display: "updates"` reasoning stays hidden too.
    """
    display = fields(document.get("thinking")).get("display") or model.thinking_display
    return display == "summarized"


def check(document: Document, *, model: Model) -> None:
    """Nothing, if the field `thinking` and those that go with it are in order.

    Args:
        document: The body, the types of its top level checked already.
        model: Which model it is for.

    Raises:
        ValidationException: The model would refuse it.
    """
    if document.get("thinking") is None:
        return
    thinking = fields(document["thinking"])
    if "type" not in thinking:
        raise ValidationException("thinking.type: Field required")  # (?)
    kind = thinking["type"]
    if not isinstance(kind, str) or kind not in FIELDS:
        raise ValidationException(unknown_tag("thinking", kind, tuple(FIELDS)))
    _check_fields(thinking, kind, document)
    _check_kind(kind, model)
    if kind not in ("adaptive", "enabled"):
        return
    budget = thinking.get("budget_tokens", 0)
    if budget >= document["max_tokens"] and not _has_beta(document, INTERLEAVED):
        raise ValidationException("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if _is_forced(document):
        raise ValidationException(_FORCED)
    _check_sampling(document)


def check_turn(document: Document) -> None:
    """Nothing, if Claude's unfinished turn begins with thinking, where that is demanded.

    Demanded with a budget only: "When using adaptive thinking, previous assistant turns don't need
    to start with thinking blocks" ("Adaptive thinking").

    Args:
        document: The body, its conversation checked already.

    Raises:
        ValidationException: The model would refuse it.
    """
    if fields(document.get("thinking")).get("type") != "enabled":
        return
    messages = items(document["messages"])
    at = _turn_at(document)
    content = messages[at]["content"] if at < len(messages) else ()
    if not content:
        return
    found = "text" if isinstance(content, str) else content[0]["type"]
    if found not in ("thinking", "redacted_thinking"):
        raise ValidationException(_TURN.format(path=f"messages.{at}.content.0", found=found))


def _check_fields(thinking: Document, kind: str, document: Document) -> None:
    path = f"thinking.{kind}"
    for key in thinking:
        if key != "type" and key not in FIELDS[kind]:
            raise ValidationException(f"{path}.{key}: Extra inputs are not permitted")
    display = thinking.get("display")
    if display is not None:
        names = ["summarized", "omitted"]
        if _has_beta(document, UPDATES):
            names.append("updates")
        if display not in names:
            *firsts, last = [repr(name) for name in names]
            allowed = f"{', '.join(firsts)} or {last}"
            raise ValidationException(f"{path}.display: Input should be {allowed}")  # (?)
    if kind != "enabled":
        return
    if "budget_tokens" not in thinking:
        raise ValidationException(f"{path}.budget_tokens: Field required")
    budget = thinking["budget_tokens"]
    if not isinstance(budget, int) or isinstance(budget, bool):
        raise ValidationException(f"{path}.budget_tokens: Input should be a valid integer")
    if budget < LEAST_BUDGET:
        raise ValidationException(
            f"{path}.budget_tokens: Input should be greater than or equal to {LEAST_BUDGET}"
        )


def _check_kind(kind: str, model: Model) -> None:
    kinds = model.thinking
    if kind in kinds or (kind == "disabled" and not kinds):
        return
    if not kinds:
        raise ValidationException(f"'{model.first_party}' does not support thinking")
    unsupported = f'"thinking.type.{kind}" is not supported for this model.'
    match kind:
        case "adaptive":
            message = "adaptive thinking is not supported on this model"
        case "disabled" if "between_tools" in kinds:
            message = (
                'To turn thinking off on this model, send "thinking": {"type": "between_tools"} '
                'instead of {"type": "disabled"}. The model does not think before responding. The '
                "short updates it writes between tool calls come back as thinking blocks."
            )
        case "disabled" if "enabled" in kinds:
            message = (
                f"{unsupported} Thinking defaults to adaptive mode when not specified; use "
                '"thinking.type.enabled" with "budget_tokens" for extended thinking.'
            )
        case "between_tools":
            message = unsupported
        case _:
            message = f"{unsupported} {_EFFORT}"
    raise ValidationException(message)


def _check_sampling(document: Document) -> None:
    temperature, top_p = document.get("temperature"), document.get("top_p")
    if temperature is not None and temperature != 1:
        raise ValidationException(
            "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode. "
            + _CONSULT
        )
    if top_p is not None and top_p < LEAST_TOP_P:
        raise ValidationException(
            f"`top_p` must be greater than or equal to {LEAST_TOP_P} or unset when thinking is "
            f"enabled or in adaptive mode. {_CONSULT}"
        )
    if document.get("top_k") is not None:
        raise ValidationException(
            f"`top_k` must be unset when thinking is enabled or in adaptive mode. {_CONSULT}"
        )


def _is_forced(document: Document) -> bool:
    return fields(document.get("tool_choice")).get("type") in ("any", "tool")


def _has_beta(document: Document, flag: str) -> bool:
    return flag in items(document.get("anthropic_beta"))


def _is_between(document: Document) -> bool:
    """Whether Claude has begun its turn, and goes on after tool results."""
    return _turn_at(document) < len(items(document.get("messages")))


def _turn_at(document: Document) -> int:
    """Where Claude's unfinished turn begins: after the last message that a user wrote.

    That is the number of messages if Claude hasn't said anything since. Tool results alone belong
    to Claude's turn, and so do system messages inside it.
    """
    messages = items(document.get("messages"))
    at = len(messages)
    for back in range(len(messages) - 1, -1, -1):
        message = fields(messages[back])
        content = message.get("content")
        results = not isinstance(content, str) and all(
            fields(block).get("type") == "tool_result" for block in items(content)
        )
        if message.get("role") == "user" and not results:
            break
        if message.get("role") == "assistant":
            at = back
    return at
