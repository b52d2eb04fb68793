"""Batched reads: whatever a list of parents asks for is read in one statement for all of them."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import cached_property, partial
from typing import TypeVar
from uuid import UUID

from auth.caller import Caller
from db.accounts import Profile
from db.engine.database import Database
from db.engine.paging import MOST_NESTED
from db.engine.statements import Reader
from db.enums import VideoJobStatus
from db.generation_costs import CostRow
from db.ledger import LedgerRow
from db.look_videos import LookOfJob, VideoDetails, VideoInLook
from db.looks import LookRow, ProductRow, SharedWith
from db.video_jobs import LogLine, VideoJobRow
from graphql_server.dataloader import Loader
from resolvers import accounts, admin_lists, generation_costs, look_videos, looks, video_jobs
from resolvers.limits import QueuePlace, queue_places
from resolvers.models import Catalogue

Found = TypeVar("Found")
Read = Callable[[Reader, Sequence[UUID]], Awaitable[Mapping[UUID, Found]]]
ReadFor = Callable[[Reader, Caller, Sequence[UUID]], Awaitable[Mapping[UUID, Found]]]


class Loaders:
    """The loaders of one operation by an object's id, made when first used. Each batch reads for itself."""

    def __init__(self, database: Database, catalogue: Catalogue, caller: Caller) -> None:
        self._database = database
        self._caller = caller
        self._catalogue = catalogue
        self._first_videos: dict[Hashable, Loader[UUID, list[VideoInLook]]] = {}

    @cached_property
    def job(self) -> Loader[UUID, VideoJobRow | None]:
        """Jobs that the caller may read, by id; None for others."""
        return self._readable(video_jobs.read_many)

    @cached_property
    def look(self) -> Loader[UUID, LookRow | None]:
        """Looks that the caller may see, by id; None for others."""
        return self._readable(looks.read_many)

    @cached_property
    def products_of_look(self) -> Loader[UUID, list[ProductRow]]:
        """Products by look id."""
        return self._loader(looks.products_by_look, list)

    @cached_property
    def videos_of_look(self) -> Loader[UUID, list[VideoInLook]]:
        """Videos by look id."""
        return self._loader(look_videos.videos_by_look, list)

    def first_videos_of_look(
        self, first: int | None, statuses: tuple[VideoJobStatus, ...] | None
    ) -> Loader[UUID, list[VideoInLook]]:
        """Return the loader of the newest videos by look id, of these statuses if any are given."""
        most = MOST_NESTED if first is None else first
        if (most, statuses) not in self._first_videos:
            read = partial(look_videos.first_by_look, first=most, statuses=statuses)
            self._first_videos[most, statuses] = self._loader(read, list)
        return self._first_videos[most, statuses]

    @cached_property
    def details_of_video(self) -> Loader[UUID, VideoDetails | None]:
        """What else looks show of a job, by its id; None for jobs that have been deleted meanwhile."""
        return self._loader(look_videos.details_by_video, _nothing)

    @cached_property
    def video_count_of_look(self) -> Loader[UUID, int]:
        """How many videos it shows, by look id."""
        return self._loader(look_videos.counts_by_look, int)

    @cached_property
    def job_count_of_user(self) -> Loader[UUID, int]:
        """How many jobs a user has, by id; for admins."""
        caller = self._caller
        return self._loader(lambda reader, ids: admin_lists.job_counts(reader, caller, ids), int)

    @cached_property
    def profile(self) -> Loader[UUID, Profile | None]:
        """Who a user is, by id; None for those of whom the caller may not know it."""
        return self._readable(accounts.profiles)

    @cached_property
    def shared_with_of_look(self) -> Loader[UUID, list[SharedWith]]:
        """Users whom a look is shared with, by look id."""
        return self._loader(looks.shared_with_by_look, list)

    @cached_property
    def logs_of_job(self) -> Loader[UUID, list[LogLine]]:
        """Log lines by job id."""
        return self._loader(video_jobs.logs_by_job, list)

    @cached_property
    def ledger_of_job(self) -> Loader[UUID, list[LedgerRow]]:
        """Charges and refunds by job id."""
        return self._loader(video_jobs.ledger_by_job, list)

    @cached_property
    def cost_of_job(self) -> Loader[UUID, CostRow | None]:
        """What videos have cost by job id; None for whoever is no admin."""
        return self._readable(generation_costs.by_job)

    @cached_property
    def looks_of_job(self) -> Loader[UUID, list[LookOfJob]]:
        """Looks that show a job, by job id."""
        return self._loader(video_jobs.looks_by_job, list)

    @cached_property
    def queue_place_of_job(self) -> Loader[UUID, QueuePlace | None]:
        """The place in the queue by job id; None for jobs that do not wait."""
        return self._loader(partial(queue_places, catalogue=self._catalogue), _nothing)

    def _readable(self, read: ReadFor[Found]) -> Loader[UUID, Found | None]:
        caller = self._caller
        return self._loader(lambda reader, ids: read(reader, caller, ids), _nothing)

    def _loader(self, read: Read[Found], missing: Callable[[], Found]) -> Loader[UUID, Found]:
        """Return what loads by id; `missing` makes what stands for an id of which nothing was found."""
        # Not `self`: without a cycle, what was loaded goes as soon as nobody needs it.
        reader = self._database.reader

        async def load(ids: list[UUID]) -> list[Found]:
            found = await read(reader, ids)
            return [found[id_] if id_ in found else missing() for id_ in ids]

        return Loader(load)


def _nothing() -> None:
    """Stand for what is not there."""
