"""A dataloader that loads for a whole list in one go, without a future for each of its objects."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from strawberry.dataloader import DataLoader

Item = TypeVar("Item")
Key = TypeVar("Key")


class Loader(DataLoader[Key, Item]):
    """Loads for one object after the other, in batches, or for all objects of a list in one go."""

    def __init__(self, load: Callable[[list[Key]], Awaitable[list[Item]]]) -> None:
        super().__init__(load_fn=load)
        self._load = load
        self._whole: dict[tuple[Key, ...], asyncio.Future[list[Item]]] = {}

    def load(self, key: Key) -> Awaitable[Item]:
        """Load for one object; what was loaded for a whole list is there for each object of it, too."""
        for keys, whole in list(self._whole.items()):
            if whole.done():
                self.prime_many(dict(zip(keys, whole.result(), strict=True)))
                del self._whole[keys]
        return super().load(key)

    async def load_all(self, keys: list[Key]) -> list[Item]:
        """Return what belongs to each key; what several fields of a list need is read once."""
        if len(keys) <= 1:
            # Shielded: who asks may be given up for another's error, while others wait for the same.
            return [await asyncio.shield(self.load(key)) for key in keys]
        known = self._whole.get(tuple(keys))
        return await (self._loaded(keys) if known is None else asyncio.shield(known))

    async def _loaded(self, keys: list[Key]) -> list[Item]:
        self._whole[tuple(keys)] = future = self.loop.create_future()
        try:
            items = await self._load(keys)
        except BaseException:
            # Whoever waits for the same tries again, for one object after the other.
            del self._whole[tuple(keys)]
            future.cancel()
            raise
        future.set_result(items)
        return items
