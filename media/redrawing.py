"""Images drawn anew from their pixels: turned upright, or in another format."""

from collections.abc import Collection
from io import BytesIO
from typing import Any

from PIL.Image import Image as Picture
from PIL.ImageFile import ImageFile
from PIL.ImageOps import exif_transpose

from media.images import LARGEST_IMAGE_BYTES, Image, InvalidImage, no_image, opened
from media.metadata import without_metadata

ANIMATION = "is an animation, where a single picture is wanted"
# Where the eye sees no difference to the original.
QUALITY = 95
_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "image/jpeg": {"format": "JPEG", "quality": QUALITY, "subsampling": 0},
    "image/png": {"format": "PNG"},
    "image/webp": {"format": "WEBP", "quality": QUALITY},
}


def redrawn(image: Image, media_types: Collection[str]) -> Image:
    """Return a verified image upright and in one of these formats, its own where that is one; without metadata.

    Raises InvalidImage: broken, an animation, or too large once it is drawn.
    """
    try:
        upright, media_type = _upright(image, media_types)
        # What is not seen, WebP's lossless kind keeps; that any other file holds its name is rare, and no harm.
        options = {"lossless": b"VP8L" in image.data} if media_type == "image/webp" else {}
        data = _encoded(upright, media_type, options)
    except InvalidImage:
        raise
    except Exception as error:  # as in `media.images`
        raise no_image() from error
    if len(data) > LARGEST_IMAGE_BYTES:
        raise InvalidImage(f"is larger than {LARGEST_IMAGE_BYTES // 1024**2} MB as {_OPTIONS[media_type]['format']}")
    return without_metadata(Image(data, media_type, _EXTENSIONS[media_type])).image


def _format_for(picture: ImageFile, media_types: Collection[str]) -> str:
    if getattr(picture, "n_frames", 1) > 1:
        raise InvalidImage(ANIMATION)
    is_opaque = not picture.has_transparency_data
    return "image/jpeg" if is_opaque and "image/jpeg" in media_types else "image/png"


def _upright(image: Image, media_types: Collection[str]) -> tuple[Picture, str]:
    """Decode it; the decoder, which may take more memory than the picture, is gone before anything is encoded."""
    with opened(image) as picture:
        media_type = image.media_type if image.media_type in media_types else _format_for(picture, media_types)
        return exif_transpose(picture), media_type


def _encoded(upright: Picture, media_type: str, options: dict[str, Any]) -> bytes:
    if media_type == "image/jpeg" and upright.mode not in {"RGB", "L", "CMYK"}:
        upright = upright.convert("RGB")
    target = BytesIO()
    upright.save(target, icc_profile=upright.info.get("icc_profile"), **_OPTIONS[media_type], **options)
    return target.getvalue()
