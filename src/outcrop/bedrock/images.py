"""What the model refuses of the images in a request, in its words.

Rules: no image is decoded, its first bytes tell its type and size; one whose size they don't tell
passes. Base64, media types and length were checked before, in `conversation`.

Sources: refusals of Bedrock and of Anthropic's API as publicly reported, up to September 2026;
Anthropic's documentation, "Vision" (8,000 pixels; 2,000 with more than 20 images; how many there
may be).
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final, cast

from outcrop.bedrock import attachments
from outcrop.errors import ValidationException
from outcrop.messages.media import image_size, image_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.catalog.models import Model

NOT_PROCESSED: Final = "Could not process image"
TOO_LARGE: Final = (
    "At least one of the image dimensions exceed max allowed size{many}: {most} pixels"
)
MISMATCH: Final = (
    "The image was specified using the {given} media type, but the image appears to be a {found} "
    "image"
)
TOO_MANY: Final = "messages: too many images and documents: {images} + {documents} > {most}"

#: Enough of the base64 for the metadata that cameras put before a JPEG's size.
_HEAD: Final = 1 << 18


def check(document: Mapping[str, Any], *, model: Model) -> None:
    """Nothing, if the images of a request are in order.

    Args:
        document: The Messages request, its blocks checked already.
        model: Which model it is for.

    Raises:
        ValidationException: The model would refuse it.
    """
    found = list(attachments.blocks(document, "image", "document"))
    if not found:
        return
    images = [(path, block["source"]) for path, block in found if block.get("type") == "image"]
    documents = sum(block.get("type") == "document" for _, block in found)
    most = attachments.most_images(model)
    if len(images) + documents > most:
        raise ValidationException(
            TOO_MANY.format(images=len(images), documents=documents, most=most)
        )
    many = len(images) > attachments.MANY_IMAGES.most
    limit = (attachments.MANY_IMAGES_PIXELS if many else attachments.IMAGE_PIXELS).most
    for path, given in images:
        source = cast("dict[str, Any]", given)
        head = _head(source.get("data"))
        kind = image_type(head)
        if kind is None:
            raise ValidationException(NOT_PROCESSED)
        if kind != source.get("media_type"):
            words = MISMATCH.format(given=source.get("media_type"), found=kind)
            raise ValidationException(f"{path}.image.source.base64: {words}")
        size = image_size(head)
        if size is not None and max(size) > limit:
            which = " for many-image requests" if many else ""
            words = TOO_LARGE.format(many=which, most=limit)
            raise ValidationException(f"{path}.image.source.base64.data: {words}")


def _head(data: object) -> bytes:
    try:
        return b64decode(data[:_HEAD]) if isinstance(data, str) else b""
    except ValueError:
        return b""
