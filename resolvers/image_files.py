"""Storing the images of requests."""

from resolvers.errors import ImagesNotStored
from resolvers.images import Image
from resolvers.ports import Storage, StorageRefused, StorageUnavailable


async def stored_image(storage: Storage, name: str, image: Image) -> str:
    """Store an image for a request that is refused where that fails; return its address.

    Raises:
        ImagesNotStored

    """
    try:
        return await storage.store_image(name, image)
    except (StorageUnavailable, StorageRefused) as error:
        raise ImagesNotStored from error
