"""What a GraphQL operation is given: the application's services, who calls, and loaders that batch its reads."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import itemgetter
from typing import Any, TypeVar
from urllib.parse import urljoin

import strawberry

from auth.caller import Caller
from auth.errors import InvalidCredentials
from db.engine.database import Database
from db.engine.feed import JobFeed
from db.engine.pool import Transaction
from db.engine.statements import Reader
from resolvers.models import Catalogue
from resolvers.ports import Storage
from resolvers.streams import Streams, until_expiry
from schema.dataloaders import Loaders
from schema.fan_out import Groups

Item = TypeVar("Item")
# How a path of this site begins; whatever else is stored is a URL.
PATH = "/"


@dataclass(frozen=True)
class GraphQLServices:
    """The database, the feed of changes, the open streams, where files go, what is offered, who admits callers."""

    database: Database
    feed: JobFeed
    streams: Streams
    storage: Storage
    catalogue: Catalogue
    admit: Callable[[str | None], Awaitable[Caller]]
    groups: Groups = field(default_factory=Groups)


@dataclass
class RequestContext:
    """One HTTP request or one WebSocket connection. `connection_params` is what `connection_init` brought."""

    services: GraphQLServices
    find_base_url: Callable[[], str]
    authorization: str | None
    caller: Caller | None = None
    is_websocket: bool = False
    is_shared: bool = False
    connection_params: dict[str, Any] | None = None

    @cached_property
    def loaders(self) -> Loaders:
        """The loaders of one operation."""
        return Loaders(self.services.database, self.services.catalogue)

    def forget(self) -> None:
        """Let the loaders read again: on a long connection each event shows its own time."""
        vars(self).pop("loaders", None)

    @property
    def admitted_caller(self) -> Caller:
        """Return the caller, or raise the error of a missing token."""
        if self.caller is None:
            raise InvalidCredentials
        return self.caller

    def shared(self) -> "RequestContext":
        """Return a context for an execution that other connections of the same caller are told of, too."""
        return replace(self, connection_params=None, is_shared=True)

    def stream(self) -> AbstractContextManager[None]:
        """Hold one of the caller's streams open; a shared one is counted by those who are told of it.

        Raises:
            TooManyStreams

        """
        return nullcontext() if self.is_shared else self.services.streams.opened(self.admitted_caller)

    def lasting(self, stream: AsyncGenerator[Item, None]) -> AsyncIterator[Item]:
        """Return the stream, ended by an error when the token expires; a WebSocket is closed then, with all in it."""
        return stream if self.is_websocket else until_expiry(self.admitted_caller, stream)

    def absolute_urls(self, urls: list[str | None]) -> list[str | None]:
        """Turn stored paths of this site into URLs; URLs stay as they are."""
        # Most often there are none, which their first letters tell in a third of the time.
        if PATH not in set(map(itemgetter(0), filter(None, urls))):
            return urls
        return [self._origin + url if url and url[0] == PATH else url for url in urls]

    @cached_property
    def base_url(self) -> str:
        """The URL under which the request came, as HTTP; found when it is needed, which not every answer does."""
        return self.find_base_url()

    @cached_property
    def _origin(self) -> str:
        """Return scheme and host: to join hundreds of paths one by one takes as long as all the rest of an answer."""
        return urljoin(self.base_url, "/").removesuffix("/")

    @property
    def reader(self) -> Reader:
        """What a root field that needs no transaction reads with."""
        return self.services.database.reader

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open the transaction of one root field."""
        return self.services.database.transaction()


Info = strawberry.Info[RequestContext, None]

# Every mutation takes one argument of that name, as Relay's clients expect.
INPUT = strawberry.argument(description="What to do")
