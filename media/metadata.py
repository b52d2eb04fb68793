"""What an image file says beside its pixels: where and by whom it was taken, in which position the camera was held.

Files are cut and joined, so that not a pixel changes. What stays is what pixels are drawn by: the colour profile,
transparency, animation. Sources: JPEG ITU-T T.81, annex B; PNG, third edition; RFC 9649 (WebP); GIF89a.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from PIL.Image import Exif

from media.image_parts import GIF_EXTENSION, GIF_PICTURE, JPEG_END, JPEG_SEGMENT, colours_bytes
from media.images import Image, InvalidImage, no_image

# An image of 20 MB whose encoder makes small pieces has 80,000. Each piece takes as long as a kilobyte of pixels.
MOST_PIECES = 400_000
UPRIGHT = 1
_ORIENTATION, _ORIENTATIONS = 0x0112, range(1, 9)

_JFIF, _ICC, _ADOBE, _EXIF = 0xE0, 0xE2, 0xEE, 0xE1
_KEPT_IN_JPEG = {_JFIF: b"JFIF\x00", _ICC: b"ICC_PROFILE\x00", _ADOBE: b"Adobe"}
_METADATA = {*range(0xE0, 0xF0), 0xFE}
# With a thumbnail, which may show what was cut out of the picture, it is longer.
_JFIF_BYTES = 18
_KEPT_IN_PNG = frozenset(b"tRNS gAMA cHRM sRGB iCCP cICP mDCV cLLI sBIT bKGD hIST pHYs sPLT acTL fcTL fdAT".split())
_KEPT_IN_WEBP = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_WEBP_HAS_EXIF_OR_XMP = 0x08 | 0x04
_KEPT_IN_GIF = {b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"}
_GIF_CONTROL, _GIF_APPLICATION = 0xF9, 0xFF
_GIF_END = 0x3B


class Clean(NamedTuple):
    """An image without metadata; `orientation` is what its EXIF said: 1 is upright, 2 to 8 are not."""

    image: Image
    orientation: int
    is_animation: bool = False


class _Piece(NamedTuple):
    """A part of a file, what to write in its place (None: itself), and the EXIF in it."""

    begin: int
    end: int
    instead: bytes | None = None
    exif: bytes | None = None
    is_animation: bool = False


def without_metadata(image: Image) -> Clean:
    """Return a verified image without anything but its pixels and their colour profile.

    An animation is upright: no browser turns its pictures.

    Raises InvalidImage: the file is put together in a way that no encoder does.
    """
    walk = _WALKS.get(image.media_type)
    if walk is None:
        return Clean(image, UPRIGHT)
    try:
        data, exif, is_animation = _joined(image.data, walk(image.data))
    except (IndexError, ValueError):
        raise no_image() from None
    if image.media_type == "image/webp" and len(data) != len(image.data):
        data = data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]
    return Clean(
        Image(data, image.media_type, image.extension), UPRIGHT if is_animation else _orientation(exif), is_animation
    )


def _joined(data: bytes, pieces: Iterator[_Piece]) -> tuple[bytes, bytes | None, bool]:
    kept: list[bytes] = []
    copied = end = 0
    exif, is_animation = None, False
    for number, piece in enumerate(pieces):
        if number > MOST_PIECES:
            raise InvalidImage("is put together from too many pieces")
        if piece.instead is not None:
            kept += (data[copied : piece.begin], piece.instead)
            copied = piece.end
        end, exif = piece.end, exif or piece.exif
        is_animation = is_animation or piece.is_animation
    # Behind the end, phones put further pictures and films, each with metadata of its own; zeros only fill up.
    if not kept and not data[end:].strip(b"\x00"):
        return data, exif, is_animation
    return b"".join([*kept, data[copied:end]]), exif, is_animation


def _orientation(exif: bytes | None) -> int:
    if exif is None:
        return UPRIGHT
    tags = Exif()
    try:
        tags.load(exif)
        orientation: object = tags.get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - Pillow answers broken EXIF with several kinds of errors, and lists none of them
        return UPRIGHT
    return orientation if isinstance(orientation, int) and orientation in _ORIENTATIONS else UPRIGHT


def _jpeg(data: bytes) -> Iterator[_Piece]:
    position = 2
    while segment := JPEG_SEGMENT.search(data, position):
        if segment[1] == JPEG_END:
            yield _Piece(segment.start(), segment.end())
            return
        position = segment.end() + int.from_bytes(data[segment.end() : segment.end() + 2], "big")
        yield _jpeg_piece(segment[1][0], segment.start(), position, data[segment.end() + 2 : position])


def _jpeg_piece(marker: int, begin: int, end: int, content: bytes) -> _Piece:
    if marker not in _METADATA:
        return _Piece(begin, end)
    if content.startswith(_KEPT_IN_JPEG.get(marker, b"\xff")):
        if marker == _JFIF and end - begin > _JFIF_BYTES:
            return _Piece(begin, end, b"\xff\xe0\x00\x10" + content[:12] + b"\x00\x00")
        return _Piece(begin, end)
    return _Piece(begin, end, b"", content if marker == _EXIF and content.startswith(b"Exif\x00") else None)


def _png(data: bytes) -> Iterator[_Piece]:
    position, name = 8, b""
    while name != b"IEND":
        name = data[position + 4 : position + 8]
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if end > len(data):
            raise ValueError("cut off")
        is_needed = name[:1].isupper() or name in _KEPT_IN_PNG
        exif = data[position + 8 : end - 4] if name == b"eXIf" else None
        yield _Piece(position, end, None if is_needed else b"", exif, name == b"acTL")
        position = end


def _webp(data: bytes) -> Iterator[_Piece]:
    if data[8:12] != b"WEBP":
        raise ValueError("no container")
    yield _Piece(0, 12)
    position, whole = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while position + 8 <= whole:
        name = data[position : position + 4]
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        content = position + 8
        end = min(whole, content + length + length % 2)
        if name == b"VP8X" and data[content] & _WEBP_HAS_EXIF_OR_XMP:
            flags = bytes([data[content] & ~_WEBP_HAS_EXIF_OR_XMP & 0xFF])
            yield _Piece(position, end, data[position:content] + flags + data[content + 1 : end])
        else:
            exif = data[content : content + length] if name == b"EXIF" else None
            yield _Piece(position, end, None if name in _KEPT_IN_WEBP else b"", exif, name == b"ANIM")
        position = end


def _gif(data: bytes) -> Iterator[_Piece]:
    position = 13 + colours_bytes(data[10:11])
    while data[position] != _GIF_END:
        begin, kind, label = position, data[position], data[position + 1]
        if kind == GIF_PICTURE:
            position = begin + 11 + colours_bytes(data[begin + 9 : begin + 10])
        elif kind == GIF_EXTENSION:
            position = begin + 2
        else:
            raise ValueError("neither a picture nor an extension")
        application = data[begin + 3 : begin + 14] if label == _GIF_APPLICATION else b""
        is_needed = kind == GIF_PICTURE or label == _GIF_CONTROL or application in _KEPT_IN_GIF
        while data[position]:
            # Each is a piece, to be counted as one.
            yield _Piece(begin, position + 1 + data[position], None if is_needed else b"")
            begin = position = position + 1 + data[position]
        position += 1
        yield _Piece(begin, position, None if is_needed else b"")
    yield _Piece(position, position + 1)


_WALKS: dict[str, Callable[[bytes], Iterator[_Piece]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
    "image/gif": _gif,
}
