"""The images of requests: refused by the name of their field, made fit to be shown, and stored.

Some are in the storage already, such as the pictures of a look for a video, and stand where uploads do.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID

from auth.caller import Caller
from db import creations
from db import looks as look_rows
from db.engine.database import Database
from media.images import NAMES, Image, InvalidImage, UnknownImage, decoded_image, media_type_of, verified_image
from media.metadata import UPRIGHT, without_metadata
from media.redrawing import ANIMATION, redrawn
from resolvers.errors import ImagesNotStored, InvalidInput, InvalidLook, Refusal
from resolvers.models import Catalogue, either
from resolvers.ports import FileMissing, Storage, StorageRefused, StorageUnavailable
from resolvers.texts import uuid_of, uuid_or
from resolvers.video_job_input import INITIAL, UNUSED, VideoJobInput

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


@dataclass(frozen=True)
class StoredImage:
    """An image in the storage, which stands where an uploaded file does; each reading fetches it.

    `missing` is what is raised where the storage has it no more. Its size in bytes is not known beforehand; where an
    empty file counts as none, it is said to be 1.
    """

    storage: Storage
    address: str
    missing: Refusal
    size: int | None = None

    async def read(self, size: int = -1, /) -> bytes:
        """Return the whole image, whatever `size` is.

        Raises:
            Refusal: `missing`
            ImagesNotStored: the storage cannot be reached

        """
        _ = size
        try:
            return await self.storage.read_image(self.address)
        except FileMissing as error:
            raise self.missing from error
        except StorageUnavailable as error:
            raise ImagesNotStored from error

    async def seek(self, offset: int, /) -> None:
        """Do nothing: each reading begins at the start."""


async def pictures_of_look(
    database: Database, storage: Storage, catalogue: Catalogue, caller: Caller, asked: VideoJobInput
) -> tuple[StoredImage | None, list[StoredImage]]:
    """Return the first frame and the references that a request asks for by `useLookImage` and `productIds`, unread.

    The look's own picture comes before its products'.

    Raises:
        InvalidInput: another field is wrong, or the look has no such product or no such picture
        InvalidLook: as for a creation

    """
    request = asked.normalised()
    for violation in request.violations(catalogue):
        raise violation
    image, thumbnails = await _addresses(database, caller, request)
    try:
        chosen = [thumbnails[uuid_of(product_id)] for product_id in request.product_ids]
    except (ValueError, KeyError):
        raise InvalidInput("productIds must be ids of the look's products", field="productIds") from None
    products = [_picture(storage, address, "productIds") for address in chosen]
    if request.use_look_image == UNUSED:
        return None, products
    whole = _picture(storage, image, "useLookImage")
    return (whole, products) if request.use_look_image == INITIAL else (None, [whole, *products])


async def _addresses(database: Database, caller: Caller, request: VideoJobInput) -> tuple[str, dict[UUID, str | None]]:
    """Return where the picture of the caller's own look is, and those of its products by their ids."""
    look_id = uuid_or(request.look_id or "", InvalidLook)
    async with database.transaction() as transaction:
        standing = await creations.standing(transaction, caller.user_id, look_id)
        look = await look_rows.get_visible(transaction, look_id, caller.user_id, to_admin=False)
        products = await look_rows.products_of(transaction, [look_id])
    if look is None or not standing.owns_look:
        raise InvalidLook
    return look.generated_image_url, {product.id: product.thumbnail_url for product in products}


def _picture(storage: Storage, address: str | None, field: str) -> StoredImage:
    """Refuse what is kept elsewhere: nothing is fetched from an address that somebody else has chosen."""
    if not address or not storage.keeps(address):
        raise _not_there(field)
    return StoredImage(storage, address, _not_there(field), size=1)


def _not_there(field: str) -> InvalidInput:
    whose = "The look's" if field == "useLookImage" else "A product's"
    return InvalidInput(f"{whose} picture is not in the storage; upload it instead", field=field)
