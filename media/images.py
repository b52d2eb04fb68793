"""Images that arrive in requests. The content alone says what an image is: declared types and names are ignored.

The functions here work on up to 20 MB at once and wait for nothing: an event loop runs them in a thread.
"""

import binascii
import re
import time
from dataclasses import dataclass
from io import BytesIO

from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Image import DecompressionBombError, DecompressionBombWarning
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from media.image_parts import JPEG_END, JPEG_SCAN, JPEG_SEGMENT, has_too_many_parts

LARGEST_IMAGE_BYTES = 20 * 1024 * 1024
LARGEST_IMAGE_PIXELS = 50_000_000

# Base64 needs 4/3 of the image's size. The rest is for line breaks and the head of a data URI.
_LONGEST_TEXT = LARGEST_IMAGE_BYTES * 3 // 2

# Pillow's classes are used without `Image.open`, which warns of large images by itself, has a limit of its own, and
# takes a JPEG with a second picture behind the first, as phones make them, for another format.
_FORMATS: dict[type[ImageFile], tuple[str, str]] = {
    JpegImageFile: ("image/jpeg", "jpg"),
    PngImageFile: ("image/png", "png"),
    WebPImageFile: ("image/webp", "webp"),
    GifImageFile: ("image/gif", "gif"),
    # The last one: it reads whatever it is given, to see whether it can.
    AvifImageFile: ("image/avif", "avif"),
}
_OPENERS = {media_type: opener for opener, (media_type, _) in _FORMATS.items()}
NAMES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WebP", "image/gif": "GIF", "image/avif": "AVIF"}
"""What people call the formats, by their media types."""

_DATA_URI_HEAD = re.compile(r"\s*data:[^,]{0,1000};base64\s*,", re.IGNORECASE)
_URI_ESCAPES = {"%2B": "+", "%2b": "+", "%2F": "/", "%2f": "/", "%3D": "=", "%3d": "="}
_STANDARD_ALPHABET = bytes.maketrans(b"-_", b"+/")
_WHITESPACE = b" \t\r\n\f\v"
_PADDING = b"="
_SLICE = 64 * 1024

# How files of the formats begin: in WebP's, four bytes of its own stand in between; AVIF's say so from the fifth on.
_SIGNATURES = {
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/avif": re.compile(rb".{4}ftyp", re.DOTALL),
}


@dataclass(frozen=True)
class Image:
    """A whole JPEG, PNG, WebP, GIF or AVIF file, with its media type and its extension, which has no dot."""

    data: bytes
    media_type: str
    extension: str


class InvalidImage(Exception):
    """A file that is not accepted as an image. The message goes on from a name for it: "is empty"."""


class UnknownImage(InvalidImage):
    """A file of no accepted format, or a broken one: "is not an image"."""


def decoded_image(text: str) -> Image:
    """Return the image in a data URI (`data:image/png;base64,...`) or in bare base64 of either alphabet.

    White space is skipped, and padding may be missing.

    Raises InvalidImage: empty, not base64, or refused by `verified_image`.
    """
    if len(text) > _LONGEST_TEXT:
        raise _too_large()
    return verified_image(_base64_decoded(_payload(text)))


def verified_image(data: bytes) -> Image:
    """Return the file as an image, once it is known to be whole and of acceptable size.

    Pixels are not decoded, except for the first frame of a GIF, whose container does not tell whether it is whole.
    Those of an AVIF may still be broken.

    Raises InvalidImage: empty, over 20 MB, of too many parts, over 50 million pixels, broken, or of another format.
    """
    if not data:
        raise InvalidImage("is empty")
    if len(data) > LARGEST_IMAGE_BYTES:
        raise _too_large()
    if has_too_many_parts(data):
        raise InvalidImage("consists of too many parts: please save it anew")
    try:
        found = _recognised(data)
    except (DecompressionBombError, DecompressionBombWarning):
        millions = LARGEST_IMAGE_PIXELS // 1_000_000
        raise InvalidImage(f"has more than {millions} million pixels") from None
    except Exception as error:  # Pillow answers broken files with a dozen kinds of errors, and lists none of them
        raise no_image() from error
    if found is None:
        raise no_image()
    return found


def media_type_of(data: bytes) -> str:
    """Return what a file's first bytes say that it is.

    Raises InvalidImage: empty, or of another format.
    """
    if not data:
        raise InvalidImage("is empty")
    media_type = next((name for name, signature in _SIGNATURES.items() if signature.match(data)), None)
    if media_type is None:
        raise no_image()
    return media_type


def opened(image: Image) -> ImageFile:
    """Open a verified image by the format that it is of."""
    return _OPENERS[image.media_type](BytesIO(image.data))


def _payload(text: str) -> str:
    head = _DATA_URI_HEAD.match(text)
    if head is None:
        return text
    payload = text[head.end() :]
    if "%" not in payload:
        return payload
    for escape, character in _URI_ESCAPES.items():
        payload = payload.replace(escape, character)
    return payload


def _base64_decoded(text: str) -> bytes:
    """Decode a slice at a time, and let others have the interpreter in between, which these functions do not."""
    decoded, rest = [], b""
    try:
        for begin in range(0, len(text), _SLICE):
            piece = text[begin : begin + _SLICE].encode("ascii")
            compact = rest + piece.translate(_STANDARD_ALPHABET, delete=_WHITESPACE)
            # The last characters, which alone may be padding, are left for the end.
            whole = max(0, len(compact) - 5) // 4 * 4
            if _PADDING in compact[:whole]:
                raise ValueError("padding before the end")  # noqa: TRY301 - as the decoder does
            decoded.append(binascii.a2b_base64(compact[:whole], strict_mode=True))
            rest = compact[whole:]
            time.sleep(0)
        decoded.append(binascii.a2b_base64(rest + _PADDING * (-len(rest) % 4), strict_mode=True))
    except ValueError:  # binascii.Error and UnicodeEncodeError are of this kind
        raise InvalidImage("is not valid base64") from None
    return b"".join(decoded)


def _recognised(data: bytes) -> Image | None:
    """Return None for a file of another format; let Pillow's errors through."""
    for opener, (media_type, extension) in _FORMATS.items():
        try:
            picture = opener(BytesIO(data))
        except SyntaxError:  # how Pillow says that a file is of another format
            continue
        with picture:
            if picture.width * picture.height > LARGEST_IMAGE_PIXELS:
                raise DecompressionBombError
            return Image(data, media_type, extension) if _is_whole(picture, data) else None
    return None


def _is_whole(picture: ImageFile, data: bytes) -> bool:
    """Return whether the file goes on to its end; what Pillow finds broken, it raises."""
    match picture:
        case JpegImageFile():
            return _jpeg_is_whole(data)  # Pillow's `verify` does nothing for JPEG
        case GifImageFile():
            picture.load()
        case AvifImageFile():
            pass  # its decoder has read the container; pixels are decoded when it is converted, which it always is
        case _:
            picture.verify()  # PNG's check sums; a WebP that does not fill its container was not even opened
    return True


def _jpeg_is_whole(data: bytes) -> bool:
    """Walk from segment to segment, past thumbnails that have an end of their own, to the end of the picture.

    Decoding would tell as well, but a few megabytes of progressive scans can keep a decoder busy for minutes.
    """
    scanned = False
    position = 2
    while segment := JPEG_SEGMENT.search(data, position):
        if segment[1] == JPEG_END:
            return scanned
        scanned = scanned or segment[1] == JPEG_SCAN
        position = segment.end() + int.from_bytes(data[segment.end() : segment.end() + 2], "big")
    return False


def _too_large() -> InvalidImage:
    return InvalidImage(f"is larger than {LARGEST_IMAGE_BYTES // 1024**2} MB")


def no_image() -> UnknownImage:
    """Return the error for a file of no accepted format, and for a broken one."""
    return UnknownImage("is not an image")
