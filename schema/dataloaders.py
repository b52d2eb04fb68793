"""Batched reads: whatever a list of parents asks for is read in one statement for all of them."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import TypeVar
from uuid import UUID

from db.accounts import LedgerRow
from db.look_videos import LookOfJob, VideoInLook
from db.looks import ProductRow, SharedWith
from db.session import Database
from db.statements import Id, Reader
from db.video_jobs import LogLine
from graphql_server.dataloader import Loader
from resolvers import look_videos, looks, video_jobs
from resolvers.models import FleetLimits
from resolvers.queue_places import QueuePlace, queue_places

Item = TypeVar("Item")
Read = Callable[[Reader, Sequence[Id]], Awaitable[dict[str, list[Item]]]]


class Loaders:
    """The loaders of one operation by an object's id as text, made when first used. Each batch reads for itself."""

    def __init__(self, database: Database, limits: FleetLimits) -> None:
        self._database = database
        self._limits = limits

    @cached_property
    def products_of_look(self) -> Loader[str, list[ProductRow]]:
        """Products by look id."""
        return self._loader(looks.products_by_look)

    @cached_property
    def videos_of_look(self) -> Loader[str, list[VideoInLook]]:
        """Videos by look id."""
        return self._loader(look_videos.videos_by_look)

    @cached_property
    def shared_with_of_look(self) -> Loader[str, list[SharedWith]]:
        """Users whom a look is shared with, by look id."""
        return self._loader(looks.shared_with_by_look)

    @cached_property
    def logs_of_job(self) -> Loader[str, list[LogLine]]:
        """Log lines by job id."""
        return self._loader(video_jobs.logs_by_job)

    @cached_property
    def ledger_of_job(self) -> Loader[str, list[LedgerRow]]:
        """Charges and refunds by job id."""
        return self._loader(video_jobs.ledger_by_job)

    @cached_property
    def looks_of_job(self) -> Loader[str, list[LookOfJob]]:
        """Looks that show a job, by job id."""
        return self._loader(video_jobs.looks_by_job)

    @cached_property
    def queue_place_of_job(self) -> Loader[str, QueuePlace | None]:
        """The place in the queue by job id; None for jobs that do not wait."""
        database, limits = self._database, self._limits

        async def load(ids: list[str]) -> list[QueuePlace | None]:
            job_ids = [UUID(id_) for id_ in ids]
            async with database.transaction() as session:
                found = await queue_places(session, job_ids, limits)
            return [found.get(id_) for id_ in job_ids]

        return Loader(load)

    def _loader(self, read: Read[Item]) -> Loader[str, list[Item]]:
        # Not `self`: without a cycle, what was loaded goes as soon as nobody needs it.
        reader = self._database.reader

        async def load(ids: list[str]) -> list[list[Item]]:
            found = await read(reader, ids)
            return [found.get(id_, []) for id_ in ids]

        return Loader(load)
