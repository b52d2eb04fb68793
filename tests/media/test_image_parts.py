"""Files of millions of parts are refused before anything reads them; what cameras and editors write is not."""

import struct
import time
import tracemalloc
import zlib
from io import BytesIO
from os import urandom
from typing import Any

import PIL.Image
import pytest

from media.image_parts import MOST_PARTS, MOST_SCANS, has_too_many_parts
from media.images import InvalidImage, verified_image

SIZE = 19 * 1024 * 1024
MEGABYTE = 1024 * 1024


def encoded(kind: str, size: int = 16, mode: str = "RGB", **options: Any) -> bytes:
    file = BytesIO()
    PIL.Image.frombytes(mode, (size, size), urandom(len(mode) * size * size)).save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def filled(kind: str, at: int, part: bytes) -> bytes:
    """Return an image with as many of a part in it as go into 19 MB."""
    image = encoded(kind)
    return image[:at] + part * (SIZE // len(part)) + image[at:]


PNG_HEAD, GIF_HEAD = 33, 13 + 3 * 256
COMMENT = b"\x21\xfe" + b"\x01x" * 1000 + b"\x00"
HORDES = {
    "empty JPEG segments": lambda: filled("JPEG", 2, b"\xff\xe0\x00\x02"),
    "JPEG comments": lambda: filled("JPEG", 2, b"\xff\xfe\x00\x03x"),
    "JPEG padding": lambda: filled("JPEG", 2, b"\xff"),
    "JPEG junk": lambda: filled("JPEG", 2, b"\xff\x00"),
    "JPEG without an end": lambda: b"\xff\xd8" + b"\xff" * SIZE,
    "PNG chunks": lambda: filled("PNG", PNG_HEAD, chunk(b"teST")),
    "PNG texts": lambda: filled("PNG", PNG_HEAD, chunk(b"tEXt", b"k\x00v")),
    "empty PNG data": lambda: filled("PNG", PNG_HEAD, chunk(b"IDAT")),
    "GIF comments": lambda: filled("GIF", GIF_HEAD, COMMENT),
    "GIF comments of one byte": lambda: filled("GIF", GIF_HEAD, b"\x21\xfe\x01x\x00"),
    "empty GIF extensions": lambda: filled("GIF", GIF_HEAD, b"\x21\xf9\x00"),
    "GIF junk": lambda: filled("GIF", GIF_HEAD, b"\x01"),
    "WebP chunks": lambda: filled("WEBP", 12, b"ABCD\x00\x00\x00\x00"),
}


@pytest.mark.parametrize("horde", HORDES)
def test_hordes_of_parts_are_refused_before_they_are_read(horde: str) -> None:
    data = HORDES[horde]()
    verified_image(PICTURE)
    begun = time.process_time()
    verified_image(PICTURE)
    usual = time.process_time() - begun
    begun = time.process_time()
    with pytest.raises(InvalidImage):
        verified_image(data)
    taken = time.process_time() - begun
    tracemalloc.start()
    try:
        assert has_too_many_parts(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4 * MEGABYTE
    assert taken < 100 * usual


PICTURE = encoded("PNG", 1000, compress_level=0)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "quality": 95}),
        ("PNG", {"compress_level": 0}),
        ("GIF", {"mode": "L"}),  # choosing a palette takes seconds
        ("WEBP", {"lossless": True, "method": 0}),
    ],
)
def test_large_pictures_are_accepted(kind: str, options: dict[str, Any]) -> None:
    data = encoded(kind, 1500, **options)

    assert not has_too_many_parts(data)
    assert verified_image(data).data == data


def test_some_thousands_of_parts_are_accepted() -> None:
    image = encoded("JPEG")
    data = image[:2] + b"\xff\xe0\x00\x02" * (MOST_PARTS // 2) + image[2:]

    assert verified_image(data).media_type == "image/jpeg"


SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"


def test_hordes_of_scans_are_refused_which_would_keep_a_decoder_busy_for_minutes() -> None:
    image = encoded("JPEG", 1000, "L")
    most = image[:-2] + SCAN * (MOST_SCANS - 1) + image[-2:]

    assert verified_image(most).data == most
    with pytest.raises(InvalidImage, match=r"^consists of too many parts: please save it anew$"):
        verified_image(image[:-2] + SCAN * MOST_SCANS + image[-2:])


def test_what_phones_put_behind_a_picture_has_no_number() -> None:
    image = encoded("JPEG")
    data = image + SCAN * 2 * MOST_PARTS

    assert verified_image(data).data == data
