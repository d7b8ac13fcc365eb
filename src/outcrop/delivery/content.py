"""What of a record's content isn't delivered: bodies, or the bytes of images and documents.

Rules: counts, identity and the rest stay; records are changed in place.
Sources: Amazon Bedrock API Reference, "LoggingConfig" (`textDataDeliveryEnabled`,
`imageDataDeliveryEnabled`); Amazon Bedrock User Guide, "Monitor model invocation using CloudWatch
Logs and Amazon S3": images *and documents* are logged where image logging is enabled. What AWS
leaves in their place isn't published (?): here the block stays, without its bytes.
"""

from __future__ import annotations

from typing import Any, Final, cast

Record = dict[str, Any]

#: Kinds of blocks that hold bytes: Anthropic's `type`, and Converse's name of the member.
_KINDS: Final = ("image", "document", "video")


def leave_out_text(record: Record) -> None:
    """Takes the bodies out."""
    for side in ("input", "output"):
        record.get(side, {}).pop(f"{side}BodyJson", None)


def leave_out_images(record: Record) -> None:
    """Takes the bytes of images and documents out of the bodies."""
    stack: list[Any] = [record.get(side, {}).get(f"{side}BodyJson") for side in ("input", "output")]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            block = cast("dict[str, Any]", value)
            _empty(block)
            stack += block.values()
        elif isinstance(value, list):
            stack += cast("list[Any]", value)


def _empty(block: dict[str, Any]) -> None:
    """Takes the bytes out of a block that has some."""
    if block.get("type") in _KINDS and isinstance(source := block.get("source"), dict):
        source = cast("dict[str, Any]", source)
        if source.get("type") == "base64":  # a document may be plain text, which isn't meant
            source.pop("data", None)
    for kind in _KINDS:
        if isinstance(member := block.get(kind), dict):
            source = cast("dict[str, Any]", member).get("source")
            if isinstance(source, dict):
                cast("dict[str, Any]", source).pop("bytes", None)
