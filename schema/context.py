"""What a GraphQL operation is given: the application's services, who calls, and loaders that batch its reads."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import strawberry

from auth.caller import Caller
from auth.errors import AccessDenied, InvalidCredentials
from db.job_feed import JobFeed
from db.session import Database, DatabaseUnavailable, Session
from resolvers.errors import Refusal
from resolvers.ports import ImageStorage
from schema.dataloaders import Loaders
from schema.errors import graphql_error


@dataclass(frozen=True)
class GraphQLServices:
    """The database, the feed of changes, where images go, the gate that admits callers, and what is configured."""

    database: Database
    feed: JobFeed
    images: ImageStorage
    admit: Callable[[str | None], Awaitable[Caller]]
    real_generation: bool


@dataclass
class RequestContext:
    """One HTTP request or one WebSocket connection. `connection_params` is what `connection_init` brought."""

    services: GraphQLServices
    base_url: str
    authorization: str | None
    caller: Caller | None = None
    connection_params: dict[str, Any] | None = None
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Let the loaders read again: on a long connection each event shows its own time."""
        self.loaders = Loaders(self.services.database)

    @property
    def admitted_caller(self) -> Caller:
        """Return the caller, or raise the error of a missing token."""
        if self.caller is None:
            raise graphql_error(InvalidCredentials())
        return self.caller

    def absolute_url(self, url: str | None) -> str | None:
        """Turn a stored path of this site into a URL; URLs stay as they are."""
        return url and urljoin(self.base_url, url)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Open the transaction of one root field; refusals of the rules pass through, for a payload to carry them."""
        try:
            async with self.services.database.transaction() as session:
                yield session
        except (AccessDenied, DatabaseUnavailable) as error:
            raise graphql_error(error) from error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Session]:
        """Open the transaction of a query's root field; what the rules refuse becomes an error with its code."""
        try:
            async with self.transaction() as session:
                yield session
        except Refusal as refusal:
            raise graphql_error(refusal) from refusal


Info = strawberry.Info[RequestContext, None]

# Every mutation takes one argument of that name, as Relay's clients expect.
INPUT = strawberry.argument(description="What to do")
