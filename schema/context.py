"""What a GraphQL operation is given, and how it answers: services, who calls, loaders, refusals and rows as they are.

Whatever a list of parents asks for is read in one statement for all of them.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from operator import itemgetter
from typing import Annotated, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast
from uuid import UUID

import strawberry
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from auth.caller import Caller
from auth.errors import InvalidCredentials
from db.engine.statements import Reader, Writer
from graphql_server.fields import Loader
from resolvers.errors import Refusal
from resolvers.services import EdgeServices
from resolvers.streams import seconds_left, until_expiry
from schema.errors import user_error

Found = TypeVar("Found")
Missing = TypeVar("Missing")
Arguments = ParamSpec("Arguments")
Read = Callable[[Reader, Sequence[UUID]], Awaitable[Mapping[UUID, Found]]]
ReadFor = Callable[[Reader, Caller, Sequence[UUID]], Awaitable[Mapping[UUID, Found]]]


def nothing() -> None:
    """Stand for what is not there."""


Item = TypeVar("Item")
Source = TypeVar("Source")
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
    _loaders: dict[Hashable, Loader[UUID, Any]] = field(default_factory=dict, init=False, repr=False)

    async def authenticate(self, authorization: str | None) -> None:
        """Find out who calls; raises auth.errors.AccessDenied, db.engine.errors.DatabaseUnavailable."""
        self.caller = await self.services.authenticate(authorization)

    def seconds_left(self) -> float | None:
        """Return how long the caller's token is still valid."""
        return seconds_left(self.authenticated_caller)

    def loader(
        self, read: Read[Found], missing: Callable[[], Missing], key: Hashable = None
    ) -> Loader[UUID, Found | Missing]:
        """Return the operation's loader by an object's id, made when first used. Each batch reads for itself.

        `missing` makes what stands for an id of which nothing was found; `key` names a `read` that is made for a call.
        """
        known = self._loaders.get(key or read)
        if known is None:
            # Not `self`: without a cycle, what was loaded goes as soon as nobody needs it.
            reader = self.reader

            async def load(ids: list[UUID]) -> list[Found | Missing]:
                found = await read(reader, ids)
                return [found[id_] if id_ in found else missing() for id_ in ids]

            self._loaders[key or read] = known = Loader(load)
        return known

    def readable(self, read: ReadFor[Found], missing: Callable[[], Missing]) -> Loader[UUID, Found | Missing]:
        """Return the loader of what depends on who calls."""
        caller = self.authenticated_caller
        return self.loader(lambda reader, ids: read(reader, caller, ids), missing, read)

    def turn(self, at: str) -> AbstractAsyncContextManager[None]:
        """See `graphql_server.context.Context`; all who name nobody are one, and share what they may ask for."""
        return self.services.turns.of((at, self.caller and self.caller.user_id))

    def forget(self) -> None:
        """Let the loaders read again: on a long connection each event shows its own time."""
        self._loaders.clear()

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
        # Joining hundreds with `urljoin` takes as long as the rest of it all.
        origin, signed = self.base_url, self.services.addresses.signed
        return [origin + signed(url) if url and url[0] == PATH else url for url in urls]

    @cached_property
    def base_url(self) -> str:
        """What paths of this site are below, as HTTP; found when it is needed, which not every answer does."""
        return self.find_base_url().rstrip("/")

    @property
    def reader(self) -> Reader:
        """What a root field that needs no transaction reads with."""
        return self.services.database.reader

    def transaction(self) -> AbstractAsyncContextManager[Writer]:
        """Open the transaction of one root field."""
        return self.services.database.transaction()

    async def write(
        self,
        rule: Callable[Concatenate[Writer, Caller, Arguments], Awaitable[Found]],
        *arguments: Arguments.args,
        **more: Arguments.kwargs,
    ) -> Found:
        """Carry out a rule for the caller in a transaction of its own."""
        caller = self.authenticated_caller
        async with self.transaction() as transaction:
            return await rule(transaction, caller, *arguments, **more)


def _base_url(connection: HTTPConnection) -> str:
    url = str(connection.base_url)
    return url.replace("ws", "http", 1) if isinstance(connection, WebSocket) else url


class Shown(Generic[Source]):
    """Base of the types whose objects are rows themselves, or what else the rules return."""

    @classmethod
    def of(cls, source: Source) -> Self:
        """Show a row."""
        return cast("Self", source)


Info = strawberry.Info[RequestContext, None]


def mutation(change: Callable[[Any, Info, Any], Awaitable[Any]]) -> Any:  # noqa: ANN401 - as `strawberry.mutation`
    """Return the mutation that a method carries out for a caller: what is refused becomes its payload's errors.

    It takes one argument, `input`, as Relay's clients expect.
    """
    types = change.__annotations__

    async def resolve(self: Any, info: Info, input: Any) -> Any:  # noqa: A002, ANN401 - of the method's types
        _ = info.context.authenticated_caller  # raises before anything else is looked at
        try:
            return await change(self, info, input)
        except Refusal as refusal:
            return types["return"](errors=[user_error(refusal)])

    annotated: Any = Annotated
    argument = annotated[types["asked"], strawberry.argument(description="What to do")]
    resolve.__annotations__ = {"info": Info, "input": argument, "return": types["return"]}
    resolve.__name__, resolve.__module__, resolve.__doc__ = change.__name__, change.__module__, change.__doc__
    return strawberry.mutation(resolve)
