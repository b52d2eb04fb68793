"""What counts as an image in a request, and the sentence for everything that does not."""

import base64
import struct
import zlib
from io import BytesIO

import PIL.Image
import pytest

from media import images
from media.images import LARGEST_IMAGE_BYTES, LARGEST_IMAGE_PIXELS, Image, InvalidImage, decoded_image, verified_image

NO_IMAGE = "is not an image"
NO_BASE64 = "is not valid base64"
TOO_LARGE = "is larger than 20 MB"
TOO_MANY_PIXELS = "has more than 50 million pixels"
EMPTY = "is empty"

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><script>alert(1)</script></svg>'

FORMATS = {
    "JPEG": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "GIF": ("image/gif", "gif"),
}
every_format = pytest.mark.parametrize("kind", FORMATS)


def noise(width: int = 64, height: int = 48) -> PIL.Image.Image:
    """Return a picture that no format can make small."""
    return PIL.Image.effect_noise((width, height), 80)


def encoded(kind: str, **options: object) -> bytes:
    target = BytesIO()
    noise().save(target, kind, **options)
    return target.getvalue()


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_claiming(width: int, height: int) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"\x00" * 64)) + png_chunk(b"IEND", b"")


def gif_claiming(width: int, height: int) -> bytes:
    whole = bytearray(encoded("GIF"))
    whole[6:10] = struct.pack("<HH", width, height)
    return bytes(whole)


def jpeg_claiming(width: int, height: int) -> bytes:
    whole = bytearray(encoded("JPEG"))
    frame = whole.index(b"\xff\xc0")
    whole[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(whole)


def webp_claiming(width: int, height: int) -> bytes:
    canvas = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    extended = b"VP8X" + struct.pack("<I", 10) + b"\x02\x00\x00\x00" + canvas
    animation = b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    picture = encoded("WEBP")[12:]
    frame = b"\x00" * 6 + struct.pack("<I", 63)[:3] + struct.pack("<I", 47)[:3] + b"\x64\x00\x00\x00" + picture
    body = b"WEBP" + extended + animation + b"ANMF" + struct.pack("<I", len(frame)) + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def as_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def refusal_of(data: bytes) -> str:
    with pytest.raises(InvalidImage) as caught:
        verified_image(data)
    return str(caught.value)


def refusal_of_text(text: str) -> str:
    with pytest.raises(InvalidImage) as caught:
        decoded_image(text)
    return str(caught.value)


@every_format
def test_the_content_says_what_an_image_is(kind: str) -> None:
    data = encoded(kind)

    assert verified_image(data) == Image(data, *FORMATS[kind])


@every_format
@pytest.mark.parametrize("declared", ["image/png", "image/jpeg", "image/svg+xml", "text/html;charset=utf-8", ""])
def test_a_data_uri_may_declare_what_it_likes(kind: str, declared: str) -> None:
    data = encoded(kind)

    assert decoded_image(f"data:{declared};base64,{as_text(data)}") == Image(data, *FORMATS[kind])


def with_lines(data: bytes) -> str:
    return base64.encodebytes(data).decode().replace("\n", "\r\n")


def in_escaped_uri(data: bytes) -> str:
    escaped = as_text(data).replace("+", "%2B").replace("/", "%2f").replace("=", "%3D")
    return f"\n DATA:image/png;BASE64, {escaped}"


@pytest.mark.parametrize(
    "spelled",
    [
        as_text,
        lambda data: base64.urlsafe_b64encode(data).decode(),
        lambda data: as_text(data).rstrip("="),
        lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
        with_lines,
        lambda data: f"data:image/png;base64,\n{with_lines(data)}",
        lambda data: f"  {as_text(data)}\t\n",
        in_escaped_uri,
    ],
    ids=["standard", "url-safe", "no padding", "url-safe, no padding", "lines", "URI, lines", "blanks", "escaped URI"],
)
@pytest.mark.parametrize("more", [b"", b"\xfb", b"\xfb\xff"], ids=["+0", "+1", "+2"])
def test_base64_may_be_spelled_in_many_ways(spelled: object, more: bytes) -> None:
    # Bytes after the end of a JPEG are no harm; here they bring every length of padding and both special characters.
    data = encoded("JPEG") + b"\xfb\xff\xfe" * 3 + more

    assert callable(spelled)
    assert decoded_image(spelled(data)).data == data


@pytest.mark.parametrize("text", ["", "  \n", "data:image/png;base64,", "data:;base64, \n"])
def test_nothing_is_called_empty(text: str) -> None:
    assert refusal_of_text(text) == EMPTY


def test_no_bytes_are_called_empty() -> None:
    assert refusal_of(b"") == EMPTY


@pytest.mark.parametrize(
    "text",
    [
        "not base64!",
        "https://example.com/look.png",
        "data:image/svg+xml,%3Csvg%3E",
        "data:image/png;base64",
        "QUJDR",
        "QQ==QQ==",
        "QUJD\x00",
        "Zürich",
        "\ud800",
    ],
)
def test_what_is_not_base64_is_called_so(text: str) -> None:
    assert refusal_of_text(text) == NO_BASE64


@pytest.mark.parametrize(
    "data",
    [
        b"Just some text, long enough for a header.",
        SVG,
        b'<?xml version="1.0"?>' + SVG,
        b"\x00",
        b"GIF89a",
        b"\xff\xd8",
    ],
    ids=["text", "SVG", "SVG with a prologue", "one byte", "GIF's first bytes", "JPEG's first bytes"],
)
def test_what_is_no_image_is_called_so(data: bytes) -> None:
    assert refusal_of(data) == NO_IMAGE
    assert refusal_of_text(f"data:image/png;base64,{as_text(data)}") == NO_IMAGE


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM", "ICO"])
def test_other_formats_are_refused(kind: str) -> None:
    assert refusal_of(encoded(kind)) == NO_IMAGE


@every_format
@pytest.mark.parametrize("kept", [0.02, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(kind: str, kept: float) -> None:
    data = encoded(kind)

    assert refusal_of(data[: int(len(data) * kept)]) == NO_IMAGE


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_even_the_last_byte_is_missed(kind: str) -> None:
    assert refusal_of(encoded(kind)[:-1]) == NO_IMAGE


def test_every_cut_of_every_format_is_an_image_or_a_refusal() -> None:
    for kind in FORMATS:
        data = encoded(kind)
        for length in range(1, len(data), 7):
            try:
                verified_image(data[:length])
            except InvalidImage as refused:
                assert str(refused) == NO_IMAGE  # noqa: PT017 - both outcomes are fine, another error is not


def test_a_whole_thumbnail_does_not_make_a_truncated_jpeg_whole() -> None:
    data = encoded("JPEG")
    thumbnail = b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data
    nested = data[:2] + thumbnail + data[2:]

    assert verified_image(nested).extension == "jpg"
    assert refusal_of(nested[:-200]) == NO_IMAGE


def test_a_jpeg_without_a_picture_is_refused() -> None:
    data = encoded("JPEG")
    before_scan = data[: data.index(b"\xff\xda")]

    assert refusal_of(before_scan + b"\xff\xd9") == NO_IMAGE


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_blocks": 2}, {"comment": b"\xff\xd9"}])
def test_jpegs_of_every_make_are_accepted(options: dict[str, object]) -> None:
    assert verified_image(encoded("JPEG", **options)).media_type == "image/jpeg"


def test_a_phone_s_jpeg_with_two_pictures_is_a_jpeg() -> None:
    data = encoded("MPO", save_all=True, append_images=[noise()])

    assert verified_image(data) == Image(data, "image/jpeg", "jpg")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_animations_are_accepted(kind: str) -> None:
    data = encoded(kind, save_all=True, append_images=[noise(), noise()])

    assert verified_image(data) == Image(data, *FORMATS[kind])


def test_a_flipped_bit_in_a_png_is_noticed() -> None:
    data = bytearray(encoded("PNG"))
    data[len(data) // 2] ^= 1

    assert refusal_of(bytes(data)) == NO_IMAGE


def test_a_file_of_two_minds_is_what_its_beginning_says() -> None:
    data = encoded("PNG") + b"<html><script>alert(1)</script></html>"

    assert verified_image(data).extension == "png"
    assert refusal_of(b"<html>" + encoded("PNG")) == NO_IMAGE


@pytest.mark.parametrize(
    "data",
    [
        png_claiming(60_000, 60_000),
        png_claiming(2**31 - 1, 2**31 - 1),
        gif_claiming(60_000, 60_000),
        jpeg_claiming(60_000, 60_000),
        webp_claiming(60_000, 60_000),
        png_claiming(10_000, 5_001),
        gif_claiming(10_000, 5_001),
        jpeg_claiming(10_000, 5_001),
        webp_claiming(10_000, 5_001),
    ],
    ids=lambda data: data[:12].hex(),
)
def test_too_many_pixels_are_refused_by_the_header(data: bytes) -> None:
    assert refusal_of(data) == TOO_MANY_PIXELS


def test_the_largest_number_of_pixels_is_accepted() -> None:
    assert LARGEST_IMAGE_PIXELS == 10_000 * 5_000

    assert verified_image(png_claiming(10_000, 5_000)).extension == "png"
    assert verified_image(webp_claiming(10_000, 5_000)).extension == "webp"


def test_the_size_limit_is_exact() -> None:
    data = encoded("JPEG")
    largest = data + b"\x00" * (LARGEST_IMAGE_BYTES - len(data))

    assert decoded_image(f"data:image/jpeg;base64,{with_lines(largest)}").data == largest
    assert refusal_of(largest + b"\x00") == TOO_LARGE
    assert refusal_of_text(as_text(largest + b"\x00")) == TOO_LARGE


def test_huge_text_is_refused_undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_base64_decoded", lambda *_: pytest.fail("was decoded"))

    assert refusal_of_text("A" * (LARGEST_IMAGE_BYTES * 2)) == TOO_LARGE
    assert refusal_of_text("data:image/png;base64," + "A" * (LARGEST_IMAGE_BYTES * 2)) == TOO_LARGE
