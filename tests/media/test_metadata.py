"""What is left of an image: its pixels, upright, and their colour profile."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from io import BytesIO

import PIL.Image
import pytest

from media.images import Image, InvalidImage, verified_image
from media.metadata import MOST_PIECES, without_metadata
from media.redrawing import redrawn
from tests.media.photographs import AS_HELD, FORMATS, PLACES, PROFILE, SECRET, UPRIGHT, photograph, seen_corners

SHOWN = ("image/jpeg", "image/png", "image/webp", "image/gif")
FOR_VIDEOS = ("image/jpeg", "image/png")


def fit(data: bytes, media_types: tuple[str, ...] = SHOWN) -> Image:
    image = verified_image(data)
    clean = without_metadata(image)
    is_fit = clean.orientation == 1 and image.media_type in media_types
    return clean.image if is_fit else redrawn(image, media_types)


def pixels(data: bytes) -> bytes:
    with PIL.Image.open(BytesIO(data)) as picture:
        return picture.convert("RGBA").tobytes()


@pytest.mark.parametrize("orientation", AS_HELD)
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("media_types", [SHOWN, FOR_VIDEOS])
def test_a_photograph_is_upright_and_says_no_more(kind: str, orientation: int, media_types: tuple[str, ...]) -> None:
    data = photograph(kind, orientation)

    image = fit(data, media_types)

    assert SECRET in data
    assert SECRET not in image.data
    assert seen_corners(image.data) == UPRIGHT
    with PIL.Image.open(BytesIO(image.data)) as picture:
        assert PIL.Image.MIME[str(picture.format)] == image.media_type
        assert image.media_type in media_types
        assert (dict(picture.getexif()), picture.info.get("icc_profile")) == ({}, PROFILE)
        assert picture.size == (64, 32)
    assert verified_image(image.data) == image
    assert without_metadata(image).image == image


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_said_in_any_other_place(place: str) -> None:
    data = PLACES[place]()

    image = fit(data)

    assert data.count(SECRET)
    assert SECRET not in image.data
    assert verified_image(image.data) == image
    assert pixels(image.data) == pixels(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_an_upright_photograph_keeps_its_very_pixels(kind: str) -> None:
    data = photograph(kind)

    assert pixels(fit(data).data) == pixels(data)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_an_animation_stays_one(kind: str) -> None:
    target = BytesIO()
    frames = [PIL.Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    frames[0].save(target, kind, save_all=True, append_images=frames[1:], loop=0, duration=100)

    image = fit(target.getvalue())

    assert image.data == target.getvalue()


@pytest.mark.parametrize(("kind", "expected"), [("WEBP", "image/png"), ("AVIF", "image/png")])
def test_what_can_be_seen_through_stays_so(kind: str, expected: str) -> None:
    target = BytesIO()
    PIL.Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(target, kind)

    image = fit(target.getvalue(), FOR_VIDEOS)

    assert image.media_type == expected
    with PIL.Image.open(BytesIO(image.data)) as picture:
        assert picture.convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_an_animation_is_no_picture(kind: str) -> None:
    target = BytesIO()
    frames = [PIL.Image.new("RGB", (16, 16), color) for color in ("red", "lime")]
    frames[0].save(target, kind, save_all=True, append_images=frames[1:])

    with pytest.raises(InvalidImage, match="is an animation, where a single picture is wanted"):
        fit(target.getvalue(), FOR_VIDEOS)


def test_colours_of_print_stay_what_they_are() -> None:
    target = BytesIO()
    PIL.Image.new("CMYK", (32, 16), (0, 255, 255, 0)).save(target, "JPEG", exif=b"Exif\x00\x00" + exif_turned())

    image = fit(target.getvalue())

    with PIL.Image.open(BytesIO(image.data)) as picture:
        assert (picture.mode, picture.size) == ("CMYK", (16, 32))
        assert picture.convert("RGB").getpixel((8, 8))[0] > 200  # type: ignore[index]


def exif_turned() -> bytes:
    tags = PIL.Image.Exif()
    tags[0x0112] = 6
    return tags.tobytes().removeprefix(b"Exif\x00\x00")


@pytest.mark.parametrize("garbage", [b"", b"Exif\x00\x00", b"Exif\x00\x00MM", b"Exif\x00\x00rubbish"])
def test_broken_exif_is_dropped(garbage: bytes) -> None:
    data = photograph("JPEG")
    broken = data[:2] + b"\xff\xe1" + (len(garbage) + 2).to_bytes(2, "big") + garbage + data[2:]

    assert seen_corners(fit(broken).data) == UPRIGHT


@pytest.mark.parametrize("kind", FORMATS)
def test_broken_pixels_are_no_image(kind: str) -> None:
    data = bytearray(photograph(kind, 6))
    data[len(data) - 60 : len(data) - 20] = b"\x00" * 40

    try:
        image = fit(bytes(data), FOR_VIDEOS)
    except InvalidImage as refused:
        assert str(refused) == "is not an image"  # noqa: PT017 - both outcomes are fine, another error is not
    else:
        assert SECRET not in image.data


def test_every_cut_is_an_image_or_a_refusal() -> None:
    for place in PLACES.values():
        data = place()
        for length in range(10, len(data), 97):
            for media_type in ("image/jpeg", "image/png", "image/webp", "image/gif"):
                try:
                    without_metadata(Image(data[:length], media_type, "x"))
                except InvalidImage as refused:
                    assert str(refused) == "is not an image"  # noqa: PT017 - see above


def test_a_file_of_too_many_pieces_is_refused() -> None:
    empty = b"\x00\x00\x00\x00tEXt\x00\x00\x00\x00"

    with pytest.raises(InvalidImage, match="is put together from too many pieces"):
        without_metadata(Image(b"\x89PNG\r\n\x1a\n" + empty * (MOST_PIECES + 2), "image/png", "png"))


PEAK = """
import re, sys
from pathlib import Path
from media.images import verified_image
from media.redrawing import redrawn

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

image = verified_image(sys.stdin.buffer.read())
before = peak()
redrawn(image, ("image/webp",))
print(peak() - before)
"""


async def test_a_decoder_is_gone_before_a_picture_is_encoded() -> None:
    file = BytesIO()
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.new("RGBA", (4000, 4000)).save(file, "WEBP", lossless=True, method=0, exif=exif)
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", PEAK, stdin=PIPE, stdout=PIPE)

    printed, _ = await child.communicate(file.getvalue())

    # Of each pixel 4 bytes: twice in the decoder, once on the way, once in the picture; with the encoder's, 22.
    assert int(printed) / (4000 * 4000) < 18
