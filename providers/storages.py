"""Several storages as one, so that files of an earlier configuration are still found."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from resolvers.ports import FileMissing, Storage


@runtime_checkable
class _Closable(Protocol):
    async def aclose(self) -> None: ...


class Storages:
    """Stores in the first one; each address is a matter of the first one that keeps it. At least one is needed."""

    def __init__(self, storages: Sequence[Storage]) -> None:
        self._storages = tuple(storages)
        first = self._storages[0]
        self.store, self.store_image = first.store, first.store_image
        self.address_of_video, self.address_of_image = first.address_of_video, first.address_of_image

    async def aclose(self) -> None:
        """Close those that can be closed."""
        for storage in self._storages:
            if isinstance(storage, _Closable):
                await storage.aclose()

    async def prune(self, older_than_seconds: float) -> None:
        """Remove what broken-off writes have left for that long; raises StorageUnavailable."""
        for storage in self._storages:
            await storage.prune(older_than_seconds)

    async def read_image(self, address: str) -> bytes:
        """Read from the one that keeps the address.

        Raises StorageUnavailable, and FileMissing: there is none, or it has no such file.
        """
        if (keeper := self._keeper(address)) is None:
            raise FileMissing(f"{address} is no address of any storage")
        return await keeper.read_image(address)

    def keeps(self, address: str) -> bool:
        """Return whether the address is of one of them."""
        return self._keeper(address) is not None

    def as_download(self, address: str) -> str:
        """Return what the one that keeps the address makes of it; the address itself where there is none."""
        keeper = self._keeper(address)
        return address if keeper is None else keeper.as_download(address)

    async def delete(self, address: str) -> None:
        """Remove from the one that keeps the address; nothing where there is none; raises StorageUnavailable."""
        if (keeper := self._keeper(address)) is not None:
            await keeper.delete(address)

    def _keeper(self, address: str) -> Storage | None:
        return next((storage for storage in self._storages if storage.keeps(address)), None)
