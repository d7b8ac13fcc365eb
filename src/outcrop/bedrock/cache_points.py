"""Where a request wants its prefix cached (`cache_control`), and what is refused about that.

Rules: points are told in the order in which the model reads them: tools, system, messages; a fault
of one point's own form is told before those of all together; what a model takes is a column of the
catalog.

Sources: Anthropic, "Prompt caching" (https://platform.claude.com/docs); Amazon Bedrock User Guide,
"Prompt caching for faster model inference"; refusals as publicly reported. Texts that no report
shows are marked (?).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from outcrop.bedrock.conversation import fields, items, unknown_tag
from outcrop.errors import AccessDeniedException, ValidationException

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from outcrop.catalog.models import Model

Document = dict[str, Any]

MOST: Final = 4

NOT_CACHED: Final = (
    "You invoked an unsupported model or your request did not allow prompt caching. "
    "See the documentation for more information."
)
TOO_MANY: Final = f"A maximum of {MOST} blocks with cache_control may be provided. Found {{found}}."
TOO_LONG_LIFE: Final = (
    "{path}.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' "
    "cache_control block. Note that blocks are processed in the following order: `tools`, "
    "`system`, `messages`."
)
OTHER_LIFE: Final = (
    "cache_control.ttl: the ttl differs from that of the cache_control of the last block"  # (?)
)
_EXTRA: Final = "Extra inputs are not permitted"
_THOUGHTS: Final = ("thinking", "redacted_thinking")


class Point(NamedTuple):
    """A block or tool that has a `cache_control`.

    Attributes:
        path: Of the block, such as `messages.0.content.1`.
        schema_path: The same as a fault of the block's form names it, with the types in it.
        block: The block.
    """

    path: str
    schema_path: str
    block: Document


def points(document: Mapping[str, Any]) -> Iterator[Point]:
    """The blocks of a request that have a `cache_control`, in the order of reading."""
    for at, tool in enumerate(items(document.get("tools"))):
        if _is_point(tool):
            tag = tool.get("type") or "custom"
            yield Point(f"tools.{at}", f"tools.{at}.{tag}", tool)
    for at, block in enumerate(items(document.get("system"))):
        if _is_point(block):
            yield Point(f"system.{at}", f"system.{at}", block)
    for at, message in enumerate(items(document.get("messages"))):
        for number, block in enumerate(items(fields(message).get("content"))):
            tag = fields(block).get("type")
            if tag == "tool_result":
                for inner, part in enumerate(items(block.get("content"))):
                    if _is_point(part):
                        path = f"messages.{at}.content.{number}.content.{inner}"
                        schema_path = (
                            f"messages.{at}.content.{number}.tool_result.content.{inner}."
                            f"{part.get('type')}"
                        )
                        yield Point(path, schema_path, part)
            if _is_point(block):
                path = f"messages.{at}.content.{number}"
                yield Point(path, f"{path}.{tag}", block)


def _is_point(block: object) -> bool:
    return fields(block).get("cache_control") is not None


def is_cacheable(block: Document) -> bool:
    """Whether a prefix may end with this block ("What cannot be cached")."""
    kind = block.get("type")
    return kind not in _THOUGHTS and (kind != "text" or bool(block.get("text")))


def check(document: Mapping[str, Any], *, model: Model) -> None:
    """Nothing, if the model takes what a request says about caching.

    Args:
        document: The body.
        model: Which model it is for.

    Raises:
        ValidationException: The model would refuse it.
        AccessDeniedException: The model caches no prompts at all.
    """
    automatic = document.get("cache_control")
    if automatic is not None:
        if not model.automatic_caching:
            raise ValidationException(f"cache_control: {_EXTRA}")
        _check_form("cache_control", automatic, model)
    given = list(points(document))
    if not given:
        return
    if model.cache_minimum is None:
        raise AccessDeniedException(NOT_CACHED)
    for point in given:
        _check_point(point, model)
    # Automatic caching takes one of the four; it is a no-op where its block has a point of its own.
    last = None if automatic is None else _last_control(document)
    if automatic is not None and last is not None and _ttl(automatic) != _ttl(last):
        raise ValidationException(OTHER_LIFE)
    found = len(given) + (automatic is not None and last is None)
    if found > MOST:
        raise ValidationException(TOO_MANY.format(found=found))
    shorter = False
    for point in given:
        if _ttl(point.block["cache_control"]) == "5m":
            shorter = True
        elif shorter:
            raise ValidationException(TOO_LONG_LIFE.format(path=point.path))
    if shorter and automatic is not None and _ttl(automatic) == "1h":
        raise ValidationException(TOO_LONG_LIFE.format(path="messages"))  # (?)


def _check_point(point: Point, model: Model) -> None:
    if point.block.get("type") in _THOUGHTS:
        raise ValidationException(f"{point.schema_path}.cache_control: {_EXTRA}")
    if not is_cacheable(point.block):
        raise ValidationException(
            f"{point.schema_path}: cache_control cannot be set for empty text blocks"
        )
    path = f"{point.schema_path}.cache_control"
    _check_form(path, point.block["cache_control"], model)


def _check_form(path: str, control: Any, model: Model) -> None:
    if not isinstance(control, dict):
        raise ValidationException(f"{path}: Input should be a valid dictionary")  # (?)
    given = cast("Document", control)
    if given.get("type") != "ephemeral":
        raise ValidationException(unknown_tag(path, given.get("type"), ("ephemeral",)))
    for name in given:
        if name not in ("type", "ttl"):
            raise ValidationException(f"{path}.ephemeral.{name}: {_EXTRA}")
    life = given.get("ttl")
    if life is not None and life not in ("5m", "1h"):
        raise ValidationException(f"{path}.ephemeral.ttl: Input should be '5m' or '1h'")
    if life == "1h" and not model.cache_ttl_1h:
        raise ValidationException(f"{path}.ephemeral.ttl: {_EXTRA}")  # (?)


def _ttl(control: Document) -> str:
    return control.get("ttl") or "5m"


def _last_control(document: Mapping[str, Any]) -> Document | None:
    """The `cache_control` of the block that automatic caching would mark; None if it has none."""
    for message in reversed(items(document.get("messages"))):
        content = fields(message).get("content")
        if isinstance(content, str) and content:
            return None
        for block in reversed(items(content)):
            if is_cacheable(fields(block)):
                return fields(block).get("cache_control")
    return None
