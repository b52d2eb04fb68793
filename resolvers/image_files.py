"""The images of requests: refused by the name of their field, made fit to be shown, and stored."""

import asyncio
from collections.abc import Callable, Collection
from functools import partial
from typing import TypeVar

from media.images import NAMES, Image, InvalidImage, UnknownImage, decoded_image, media_type_of, verified_image
from media.metadata import UPRIGHT, without_metadata
from media.redrawing import ANIMATION, redrawn
from resolvers.errors import ImagesNotStored, InvalidInput
from resolvers.models import either
from resolvers.ports import Storage, StorageRefused, StorageUnavailable

SHOWN = ("image/jpeg", "image/png", "image/webp", "image/gif")
"""What all browsers show, and looks are stored as."""

Source = TypeVar("Source")
Result = TypeVar("Result")
# Of the largest image, pixels take up to 800 MB while it is drawn.
_drawing = asyncio.Semaphore(1)


async def decode_image(text: str, *, field: str) -> Image:
    """Return the image in a field's base64 (see `media.images.decoded_image`) as it is to be shown.

    Raises InvalidInput.
    """
    image = await asyncio.to_thread(_or_refused, decoded_image, text, field=field)
    return await fit_image(image, SHOWN, field=field)


def decoded_length(text: str) -> int:
    """Return how many bytes base64 of that length stands for, a few more with the head of a data URI."""
    return len(text) * 3 // 4


async def checked_image(data: bytes, *, field: str) -> Image:
    """Return the image in a field's file (see `media.images.verified_image`) as it is to be shown.

    Raises InvalidInput.
    """
    return await fit_image(await verify_image(data, field=field), SHOWN, field=field)


async def verify_image(data: bytes, *, field: str, formats: Collection[str] = tuple(NAMES)) -> Image:
    """Return the image in a field's file as it came, which is of one of these formats, given by their media types.

    Raises InvalidInput.
    """
    image = await asyncio.to_thread(_or_refused, verified_image, data, field=field, formats=formats)
    _check_format(image.media_type, field, formats)
    return image


def signed_media_type(data: bytes, *, field: str, formats: Collection[str] = tuple(NAMES)) -> str:
    """Return what a file's first bytes say that it is, which `verify_image` may still find broken.

    Raises InvalidInput: they are of none of these formats.
    """
    media_type = _or_refused(media_type_of, data, field=field, formats=formats)
    _check_format(media_type, field, formats)
    return media_type


def _check_format(media_type: str, field: str, formats: Collection[str]) -> None:
    if media_type not in formats:
        raise InvalidInput(f"{field} must be a {_named(formats)} image", field=field)


async def fit_image(
    image: Image, media_types: Collection[str], *, field: str, formats: Collection[str] = tuple(NAMES)
) -> Image:
    """Return a verified image upright, without metadata but its colour profile, as one of these media types.

    Raises InvalidInput.
    """
    clean = await asyncio.to_thread(_or_refused, without_metadata, image, field=field)
    # Who takes no GIF takes no animation of another format either.
    if clean.is_animation and "image/gif" not in media_types:
        raise InvalidInput(f"{field} {ANIMATION}", field=field)
    if clean.orientation == UPRIGHT and image.media_type in media_types:
        return clean.image
    async with _drawing:
        draw = partial(redrawn, media_types=media_types)
        return await asyncio.to_thread(_or_refused, draw, image, field=field, formats=formats)


def _or_refused(
    read: Callable[[Source], Result], source: Source, *, field: str, formats: Collection[str] = tuple(NAMES)
) -> Result:
    try:
        return read(source)
    except UnknownImage as error:
        raise InvalidInput(f"{field} {error} ({_named(formats)})", field=field) from error
    except InvalidImage as error:
        raise InvalidInput(f"{field} {error}", field=field) from error


def _named(formats: Collection[str]) -> str:
    return either([NAMES[media_type] for media_type in formats])


async def stored_image(storage: Storage, name: str, image: Image) -> str:
    """Store an image for a request that is refused where that fails; return its address; raises ImagesNotStored."""
    try:
        return await storage.store_image(name, image)
    except (StorageUnavailable, StorageRefused) as error:
        raise ImagesNotStored from error
