"""Images that are in the storage already, given to what takes uploaded files."""

from dataclasses import dataclass

from resolvers.errors import ImagesNotStored, Refusal
from resolvers.ports import FileMissing, Storage, StorageUnavailable


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
