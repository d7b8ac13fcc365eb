"""Which tags a resource can have.

Sources: botocore `bedrock/2023-04-20/service-2.json`; AWS, "Tagging your AWS resources" (fifty tags
a resource, `aws:` is reserved). The refusals' texts aren't published (?).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outcrop.errors import BadRequestError, ValidationException

if TYPE_CHECKING:
    from collections.abc import Iterable

Document = dict[str, Any]

MOST: Final = 50
_RESERVED: Final = "aws:"


def merge(tags: dict[str, str], added: Iterable[Document], *, resource: str) -> dict[str, str]:
    """Tags with others on top.

    Args:
        tags: Key → value.
        added: `Tag` structures.
        resource: What has them.

    Raises:
        BadRequestError: There are too many (TooManyTagsException).
        ValidationException: A key is reserved, or comes twice.
    """
    new: dict[str, str] = {}
    for tag in added:
        key: str = tag["key"]
        if key.lower().startswith(_RESERVED):
            raise ValidationException(
                f"The tag key '{key}' begins with '{_RESERVED}', which is AWS's."
            )
        if key in new:
            raise ValidationException(f"The tag key '{key}' comes twice.")
        new[key] = tag["value"]
    whole = {**tags, **new}
    if len(whole) > MOST:
        raise BadRequestError(
            f"The resource {resource} would have {len(whole)} tags; {MOST} are the most.",
            aws_name="TooManyTagsException",
        )
    return whole
