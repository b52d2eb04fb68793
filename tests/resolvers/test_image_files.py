"""A refused image is named by the field that it came in."""

import base64
from collections.abc import Awaitable
from functools import partial
from io import BytesIO

import PIL.Image
import pytest

from resolvers.errors import InvalidInput
from resolvers.image_files import checked_image, decode_image


@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (partial(decode_image, ""), "generatedImageBase64 is empty"),
        (partial(decode_image, "?"), "generatedImageBase64 is not valid base64"),
        (partial(checked_image, b"GIF"), "generatedImageBase64 is not an image (JPEG, PNG, WebP, GIF or AVIF)"),
    ],
)
async def test_a_refusal_names_the_field(read: "partial[Awaitable[object]]", sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await read(field="generatedImageBase64")

    assert (caught.value.field, caught.value.message) == ("generatedImageBase64", sentence)


async def test_both_ways_lead_to_the_same_image() -> None:
    file = BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(file, "PNG")
    data = file.getvalue()

    text = base64.b64encode(data).decode()
    assert await checked_image(data, field="image") == await decode_image(text, field="image")
