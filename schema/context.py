"""What a GraphQL operation is given: the application's services, who calls, and loaders that batch its reads.

Whatever a list of parents asks for is read in one statement for all of them.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from operator import itemgetter
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from auth.caller import Caller
from auth.errors import InvalidCredentials
from db import look_videos as video_rows
from db.accounts import Profile
from db.engine.database import Database
from db.engine.paging import MOST_NESTED
from db.engine.statements import Reader, Writer
from db.enums import VideoJobStatus
from db.generation_costs import CostRow
from db.ledger import LedgerRow
from db.look_videos import LookOfJob, VideoDetails, VideoInLook
from db.looks import LookRow, ProductRow, SharedWith
from db.video_jobs import LogLine, VideoJobRow
from graphql_server.fields import Loader
from resolvers import accounts, admin_lists, generation_costs, looks, video_jobs
from resolvers.limits import QueuePlace, queue_places
from resolvers.models import Catalogue
from resolvers.services import EdgeServices
from resolvers.streams import seconds_left, until_expiry

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
        return self._loader(looks.videos_by_look, list)

    def first_videos_of_look(
        self, first: int | None, statuses: tuple[VideoJobStatus, ...] | None
    ) -> Loader[UUID, list[VideoInLook]]:
        """Return the loader of the newest videos by look id, of these statuses if any are given."""
        most = MOST_NESTED if first is None else first
        if (most, statuses) not in self._first_videos:
            read = partial(video_rows.first_of_looks, first=most, statuses=statuses)
            self._first_videos[most, statuses] = self._loader(video_jobs.reading_by_parent(read), list)
        return self._first_videos[most, statuses]

    @cached_property
    def details_of_video(self) -> Loader[UUID, VideoDetails | None]:
        """What else looks show of a job, by its id; None for jobs that have been deleted meanwhile."""
        return self._loader(looks.details_by_video, _nothing)

    @cached_property
    def video_count_of_look(self) -> Loader[UUID, int]:
        """How many videos it shows, by look id."""
        return self._loader(video_rows.counts_of_looks, int)

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


Item = TypeVar("Item")
# How a path of this site begins; whatever else is stored is a URL.
PATH = "/"


@dataclass(frozen=True)
class GraphQLServices(EdgeServices):
    """What the GraphQL API is given."""

    def context(self, connection: HTTPConnection) -> "RequestContext":
        """Return the context of a request or a WebSocket."""
        return RequestContext(
            services=self,
            find_base_url=partial(_base_url, connection),
            authorization=connection.headers.get("authorization"),
            is_websocket=isinstance(connection, WebSocket),
        )


@dataclass
class RequestContext:
    """See `graphql_server.context.Context`."""

    services: GraphQLServices
    find_base_url: Callable[[], str]
    authorization: str | None
    caller: Caller | None = None
    is_websocket: bool = False
    is_shared: bool = False
    connection_params: dict[str, Any] | None = None

    async def authenticate(self, authorization: str | None) -> None:
        """Find out who calls; raises auth.errors.AccessDenied, db.engine.errors.DatabaseUnavailable."""
        self.caller = await self.services.authenticate(authorization)

    def seconds_left(self) -> float | None:
        """Return how long the caller's token is still valid."""
        return seconds_left(self.authenticated_caller)

    @cached_property
    def loaders(self) -> Loaders:
        """The loaders of one operation."""
        return Loaders(self.services.database, self.services.catalogue, self.authenticated_caller)

    def turn(self, at: str) -> AbstractAsyncContextManager[None]:
        """See `graphql_server.context.Context`; all who name nobody are one, and share what they may ask for."""
        return self.services.turns.of((at, self.caller and self.caller.user_id))

    def forget(self) -> None:
        """Let the loaders read again: on a long connection each event shows its own time."""
        vars(self).pop("loaders", None)

    def anew(self) -> "RequestContext":
        """See `graphql_server.context.Context`."""
        return replace(self)

    def ended_by(self, locked_out: Callable[[], None], demoted: Callable[[], None]) -> AbstractContextManager[None]:
        """Have one called when the caller may not act any more, the other when not with the same rights."""
        return self.services.streams.ended_by(self.authenticated_caller, locked_out, demoted)

    def until_shutdown(self, stream: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
        """Return the stream, for as long as the process lets streams last and the caller may act."""
        return self.services.streams.until_end(stream, self.caller)

    @property
    def authenticated_caller(self) -> Caller:
        """Return the caller, or raise the error of a missing token."""
        if self.caller is None:
            raise InvalidCredentials
        return self.caller

    def shared(self) -> "RequestContext":
        """Return a context for an execution that other connections of the same caller are told of, too."""
        return replace(self, connection_params=None, is_shared=True)

    @property
    def sharing_key(self) -> Hashable:
        """Who calls, with what rights, and under which URL this site is known to them."""
        return self.authenticated_caller, self.base_url

    def subscribed(self) -> AbstractContextManager[None]:
        """Count one who is told of a shared execution; raises TooManyStreams."""
        return self.services.streams.opened(self.authenticated_caller)

    def stream(self) -> AbstractContextManager[None]:
        """Hold one of the caller's streams open; a shared one is counted by those who are told of it.

        Raises TooManyStreams.
        """
        return nullcontext() if self.is_shared else self.subscribed()

    def lasting(self, stream: AsyncGenerator[Item, None]) -> AsyncIterator[Item]:
        """Return the stream, ended by an error when the token expires; a WebSocket is closed then, with all in it."""
        return stream if self.is_websocket else until_expiry(self.authenticated_caller, stream)

    def absolute_urls(self, urls: Sequence[str | None]) -> Sequence[str | None]:
        """Turn stored paths of this site into URLs for whoever may see them; URLs stay as they are."""
        # Most often there are none, which their first letters tell in a third of the time.
        if PATH not in set(map(itemgetter(0), filter(None, urls))):
            return urls
        origin, signed = self._origin, self.services.addresses.signed
        return [origin + signed(url) if url and url[0] == PATH else url for url in urls]

    @cached_property
    def base_url(self) -> str:
        """The URL under which the request came, as HTTP; found when it is needed, which not every answer does."""
        return self.find_base_url()

    @cached_property
    def _origin(self) -> str:
        """Return what paths of this site are below: joining hundreds one by one takes as long as the rest of it all."""
        return self.base_url.rstrip("/")

    @property
    def reader(self) -> Reader:
        """What a root field that needs no transaction reads with."""
        return self.services.database.reader

    def transaction(self) -> AbstractAsyncContextManager[Writer]:
        """Open the transaction of one root field."""
        return self.services.database.transaction()


def _base_url(connection: HTTPConnection) -> str:
    url = str(connection.base_url)
    return url.replace("ws", "http", 1) if isinstance(connection, WebSocket) else url


Info = strawberry.Info[RequestContext, None]

# Every mutation takes one argument of that name, as Relay's clients expect.
INPUT = strawberry.argument(description="What to do")
