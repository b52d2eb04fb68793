"""Batched reads: whatever a list of parents asks for is read in one statement for all of them."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from db.look_videos import VideoInLook
from db.looks import ProductRow
from db.models import LedgerEntry, Look, User, VideoJobLog
from db.session import Database, Session
from resolvers import look_videos, looks, video_jobs
from resolvers.models import FleetLimits
from resolvers.queue_places import QueuePlace, queue_places

Item = TypeVar("Item")
Read = Callable[[Session, Sequence[UUID]], Awaitable[dict[UUID, list[Item]]]]


class Loaders:
    """The loaders of one operation, made when first used. Each batch is a transaction of its own."""

    def __init__(self, database: Database, limits: FleetLimits) -> None:
        self._database = database
        self._limits = limits

    @cached_property
    def products_of_look(self) -> DataLoader[UUID, list[ProductRow]]:
        """Products by look id."""
        return self._loader(looks.products_by_look)

    @cached_property
    def videos_of_look(self) -> DataLoader[UUID, list[VideoInLook]]:
        """Videos by look id."""
        return self._loader(look_videos.videos_by_look)

    @cached_property
    def shared_with_of_look(self) -> DataLoader[UUID, list[User]]:
        """Users whom a look is shared with, by look id."""
        return self._loader(looks.shared_with_by_look)

    @cached_property
    def logs_of_job(self) -> DataLoader[UUID, list[VideoJobLog]]:
        """Log lines by job id."""
        return self._loader(video_jobs.logs_by_job)

    @cached_property
    def ledger_of_job(self) -> DataLoader[UUID, list[LedgerEntry]]:
        """Charges and refunds by job id."""
        return self._loader(video_jobs.ledger_by_job)

    @cached_property
    def looks_of_job(self) -> DataLoader[UUID, list[Look]]:
        """Looks that show a job, by job id."""
        return self._loader(video_jobs.looks_by_job)

    @cached_property
    def queue_place_of_job(self) -> DataLoader[UUID, QueuePlace | None]:
        """The place in the queue by job id; None for jobs that do not wait."""

        async def load(ids: list[UUID]) -> list[QueuePlace | None]:
            async with self._database.transaction() as session:
                found = await queue_places(session, ids, self._limits)
            return [found.get(id_) for id_ in ids]

        return DataLoader(load_fn=load)

    def _loader(self, read: Read[Item]) -> DataLoader[UUID, list[Item]]:
        async def load(ids: list[UUID]) -> list[list[Item]]:
            async with self._database.reading() as session:
                found = await read(session, ids)
            return [found.get(id_, []) for id_ in ids]

        return DataLoader(load_fn=load)
