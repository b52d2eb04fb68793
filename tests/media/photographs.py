"""Images as phones, cameras and shops make them: with a position of the camera, and much else that is nobody's."""

import struct
from collections.abc import Callable
from io import BytesIO

import PIL.Image
import PIL.ImageCms
from PIL.PngImagePlugin import PngInfo

SECRET = b"5246.1234N"
PROFILE = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
_TURN = PIL.Image.Transpose
# How the pixels of a camera that was held so lie in its file.
AS_HELD = {
    1: None,
    2: _TURN.FLIP_LEFT_RIGHT,
    3: _TURN.ROTATE_180,
    4: _TURN.FLIP_TOP_BOTTOM,
    5: _TURN.TRANSPOSE,
    6: _TURN.ROTATE_90,
    7: _TURN.TRANSVERSE,
    8: _TURN.ROTATE_270,
}
SIZE = (64, 32)
FORMATS = ["JPEG", "PNG", "WEBP", "AVIF"]


def corners() -> PIL.Image.Image:
    """Return a picture each corner of which has another colour: red, green, blue, white."""
    picture = PIL.Image.new("RGB", SIZE)
    for number, color in enumerate(((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))):
        left, top = SIZE[0] // 2 * (number % 2), SIZE[1] // 2 * (number // 2)
        picture.paste(color, (left, top, left + SIZE[0] // 2, top + SIZE[1] // 2))
    return picture


def exif(orientation: int) -> PIL.Image.Exif:
    tags = PIL.Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = SECRET.decode()
    tags[0x8825] = {1: "N", 2: (52.0, 46.0, 12.34), 0x1D: SECRET.decode()}
    return tags


def photograph(kind: str, orientation: int = 1) -> bytes:
    """Return that picture as a camera has it that was held so, with a position and a colour profile."""
    held = AS_HELD[orientation]
    picture = corners() if held is None else corners().transpose(held)
    target = BytesIO()
    picture.save(target, kind, exif=exif(orientation), icc_profile=PROFILE, **_more(kind))
    return target.getvalue()


def _more(kind: str) -> dict[str, object]:
    xmp = b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>"
    texts = PngInfo()
    texts.add_text("Comment", SECRET.decode())
    texts.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=False)
    options: dict[str, dict[str, object]] = {
        "JPEG": {"comment": SECRET, "xmp": xmp, "quality": 95},
        "PNG": {"pnginfo": texts},
        "WEBP": {"xmp": xmp, "quality": 95},
        "AVIF": {"xmp": xmp, "quality": 95},
    }
    return options[kind]


def seen_corners(data: bytes) -> list[str]:
    """Return what is seen in the corners, as a browser shows the pixels."""
    with PIL.Image.open(BytesIO(data)) as picture:
        width, height = picture.size
        shown = picture.convert("RGB")
    spots = [(2, 2), (width - 3, 2), (2, height - 3), (width - 3, height - 3)]
    return ["".join("x" if value > 128 else "-" for value in shown.getpixel(spot)) for spot in spots]  # type: ignore[union-attr]


UPRIGHT = ["x--", "-x-", "--x", "xxx"]


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def _with_jpeg_segment(marker: int, content: bytes) -> bytes:
    data = photograph("JPEG")
    return data[:2] + _segment(marker, content) + data[2:]


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\x00" * (len(content) % 2)


def _webp_with(chunk: bytes) -> bytes:
    data = photograph("WEBP") + chunk
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


def _gif(extension: bytes) -> bytes:
    target = BytesIO()
    corners().save(target, "GIF", save_all=True, append_images=[corners().rotate(180)], loop=3, comment=SECRET)
    data = target.getvalue()
    return data[:-1] + extension + data[-1:]


# Places in which a file says more than what is seen, each with something of it.
PLACES: dict[str, Callable[[], bytes]] = {
    "JPEG Photoshop": lambda: _with_jpeg_segment(0xED, b"Photoshop 3.0\x00" + SECRET),
    "JPEG Ducky": lambda: _with_jpeg_segment(0xEC, b"Ducky" + SECRET),
    "JPEG a maker's own": lambda: _with_jpeg_segment(0xE5, SECRET),
    "JPEG second EXIF": lambda: _with_jpeg_segment(0xE1, b"Exif\x00\x00" + SECRET),
    "JPEG JFIF thumbnail": lambda: _with_jpeg_segment(0xE0, b"JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x04\x01" + SECRET),
    "JPEG JFXX": lambda: _with_jpeg_segment(0xE0, b"JFXX\x00\x10" + SECRET),
    "JPEG no profile": lambda: _with_jpeg_segment(0xE2, b"FPXR\x00" + SECRET),
    "JPEG film behind": lambda: photograph("JPEG") + b"\x00\x00ftypmp42" + SECRET,
    "JPEG picture behind": lambda: photograph("JPEG") + photograph("JPEG"),
    "PNG behind": lambda: photograph("PNG") + SECRET,
    "WebP behind": lambda: photograph("WEBP") + SECRET,
    "WebP unknown": lambda: _webp_with(_chunk(b"note", SECRET + b"!")),
    "GIF comment": lambda: _gif(b""),
    "GIF XMP": lambda: _gif(b"\x21\xff\x0bXMP DataXMP" + bytes([len(SECRET)]) + SECRET + b"\x00"),
    "GIF plain text": lambda: _gif(b"\x21\x01\x0c" + b"\x00" * 12 + bytes([len(SECRET)]) + SECRET + b"\x00"),
    "GIF behind": lambda: _gif(b"") + SECRET,
}
