"""What the model refuses of images, text by text; Pillow makes the images."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from outcrop.bedrock import checks
from outcrop.catalog import models
from outcrop.errors import ValidationException

SONNET_4_5 = "anthropic.claude-sonnet-4-5-20250929-v1:0"  # 200,000 tokens of context
OPUS_4_8 = "anthropic.claude-opus-4-8"  # a million
KINDS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}


def picture(width=8, height=8, kind="image/png"):
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, KINDS[kind])
    return file.getvalue()


def block(data, media_type="image/png"):
    source = {"type": "base64", "media_type": media_type}
    return {"type": "image", "source": {**source, "data": base64.b64encode(data).decode()}}


def check(*content, model=SONNET_4_5):
    document = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": [*content, {"type": "text", "text": "Hi"}]}],
    }
    found = models.find(model)
    assert found is not None
    checks.check(document, model=found)


def refusal(*content, model=SONNET_4_5):
    with pytest.raises(ValidationException) as caught:
        check(*content, model=model)
    return caught.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_of_each_type_passes(kind):
    check(block(picture(kind=kind), kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("width", "height"), [(8001, 1), (1, 8001)])
def test_neither_side_of_an_image_may_have_more_than_8000_pixels(kind, width, height):
    check(block(picture(8000, 8000 if kind == "image/png" else 2, kind), kind))
    assert refusal({"type": "text", "text": "."}, block(picture(width, height, kind), kind)) == (
        "messages.0.content.1.image.source.base64.data: At least one of the image dimensions "
        "exceed max allowed size: 8000 pixels"
    )


def test_of_more_than_20_images_none_may_have_more_than_2000_pixels():
    large, small = block(picture(2001, 4)), block(picture(2000, 4))
    check(*[large] * 20)
    check(*[small] * 21)
    assert refusal(*[small] * 20, large) == (
        "messages.0.content.20.image.source.base64.data: At least one of the image dimensions "
        "exceed max allowed size for many-image requests: 2000 pixels"
    )


def test_images_in_tool_results_count_too():
    use = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    inner = [block(picture(2001, 4)), *[block(picture())] * 20]
    document = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 64,
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [use]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": inner}],
            },
        ],
    }
    model = models.find(SONNET_4_5)
    assert model is not None
    with pytest.raises(ValidationException) as caught:
        checks.check(document, model=model)
    assert caught.value.message == (
        "messages.2.content.0.tool_result.content.0.image.source.base64.data: At least one of the "
        "image dimensions exceed max allowed size for many-image requests: 2000 pixels"
    )


def test_images_in_system_messages_are_looked_at_too():
    model = models.find("anthropic.claude-opus-4-8")
    assert model is not None
    document = {
        "anthropic_version": "2026-10-21",
        "max_tokens": 64,
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "system", "content": [block(b"no image at all")]},
        ],
    }
    with pytest.raises(ValidationException, match="Could not process image"):
        checks.check(document, model=model)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("said", KINDS)
def test_an_image_must_be_what_it_is_said_to_be(kind, said):
    if kind == said:
        check(block(picture(kind=kind), said))
    else:
        assert refusal(block(picture(kind=kind), said)) == (
            f"messages.0.content.0.image.source.base64: The image was specified using the {said} "
            f"media type, but the image appears to be a {kind} image"
        )


@pytest.mark.parametrize("data", [b"", b"not an image", b"%PDF-1.7", b"BM" + bytes(64)])
def test_what_is_no_image_is_not_processed(data):
    assert refusal(block(data)) == "Could not process image"


@pytest.mark.parametrize(("model", "most"), [(SONNET_4_5, 100), (OPUS_4_8, 600)])
def test_images_and_documents_are_counted_together(model, most):
    text = {"type": "text", "media_type": "text/plain", "data": "Grass is green."}
    document = {"type": "document", "source": text}
    image = block(picture())
    check(*[image] * (most - 1), document, model=model)
    assert refusal(*[image] * most, document, model=model) == (
        f"messages: too many images and documents: {most} + 1 > {most}"
    )
