"""The images of requests: refused by the name of their field, and stored."""

from media.images import Image, InvalidImage, decoded_image, verified_image
from resolvers.errors import ImagesNotStored, InvalidInput
from resolvers.ports import Storage, StorageRefused, StorageUnavailable


def decode_image(text: str, *, field: str) -> Image:
    """Return the image in a field's base64 (see `media.images.decoded_image`); busy for a while, so run in a thread.

    Raises:
        InvalidInput

    """
    try:
        return decoded_image(text)
    except InvalidImage as error:
        raise InvalidInput(f"{field} {error}", field=field) from error


def checked_image(data: bytes, *, field: str) -> Image:
    """Return the image in a field's file (see `media.images.verified_image`); busy for a while, so run in a thread.

    Raises:
        InvalidInput

    """
    try:
        return verified_image(data)
    except InvalidImage as error:
        raise InvalidInput(f"{field} {error}", field=field) from error


async def stored_image(storage: Storage, name: str, image: Image) -> str:
    """Store an image for a request that is refused where that fails; return its address.

    Raises:
        ImagesNotStored

    """
    try:
        return await storage.store_image(name, image)
    except (StorageUnavailable, StorageRefused) as error:
        raise ImagesNotStored from error
