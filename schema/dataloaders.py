"""Batched reads: whatever a list of parents asks for is read in one statement for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from db.engine.database import Database
from db.engine.statements import Reader
from db.ledger import LedgerRow
from db.look_videos import LookOfJob, VideoInLook
from db.looks import ProductRow, SharedWith
from db.video_jobs import LogLine
from resolvers import look_videos, looks, video_jobs
from resolvers.models import FleetLimits
from resolvers.queue_places import QueuePlace, queue_places

Item = TypeVar("Item")
Key = TypeVar("Key")
Read = Callable[[Reader, Sequence[UUID]], Awaitable[dict[UUID, list[Item]]]]


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


class Loaders:
    """The loaders of one operation by an object's id, made when first used. Each batch reads for itself."""

    def __init__(self, database: Database, limits: FleetLimits) -> None:
        self._database = database
        self._limits = limits

    @cached_property
    def products_of_look(self) -> Loader[UUID, list[ProductRow]]:
        """Products by look id."""
        return self._loader(looks.products_by_look)

    @cached_property
    def videos_of_look(self) -> Loader[UUID, list[VideoInLook]]:
        """Videos by look id."""
        return self._loader(look_videos.videos_by_look)

    @cached_property
    def shared_with_of_look(self) -> Loader[UUID, list[SharedWith]]:
        """Users whom a look is shared with, by look id."""
        return self._loader(looks.shared_with_by_look)

    @cached_property
    def logs_of_job(self) -> Loader[UUID, list[LogLine]]:
        """Log lines by job id."""
        return self._loader(video_jobs.logs_by_job)

    @cached_property
    def ledger_of_job(self) -> Loader[UUID, list[LedgerRow]]:
        """Charges and refunds by job id."""
        return self._loader(video_jobs.ledger_by_job)

    @cached_property
    def looks_of_job(self) -> Loader[UUID, list[LookOfJob]]:
        """Looks that show a job, by job id."""
        return self._loader(video_jobs.looks_by_job)

    @cached_property
    def queue_place_of_job(self) -> Loader[UUID, QueuePlace | None]:
        """The place in the queue by job id; None for jobs that do not wait."""
        reader, limits = self._database.reader, self._limits

        async def load(ids: list[UUID]) -> list[QueuePlace | None]:
            found = await queue_places(reader, ids, limits)
            return [found.get(id_) for id_ in ids]

        return Loader(load)

    def _loader(self, read: Read[Item]) -> Loader[UUID, list[Item]]:
        # Not `self`: without a cycle, what was loaded goes as soon as nobody needs it.
        reader = self._database.reader

        async def load(ids: list[UUID]) -> list[list[Item]]:
            found = await read(reader, ids)
            return [found.get(id_, []) for id_ in ids]

        return Loader(load)
