"""A schema that has nothing to do with Lookreel: books with their authors, read by every way that fields can have."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from http import HTTPStatus
from typing import Any, NamedTuple, Self, cast
from uuid import UUID

import strawberry
from starlette.requests import HTTPConnection
from strawberry.schema.config import StrawberryConfig

from graphql_server.documents import Documents
from graphql_server.errors import ExpectedError
from graphql_server.execution.batch import Batching
from graphql_server.fields import column
from graphql_server.schema import Policy, Schema

BEGINNING = datetime(2026, 1, 1, 12, tzinfo=UTC)


class ClosedToday(Exception):
    """What this shop expects to go wrong."""


def expected_error(error: BaseException) -> ExpectedError | None:
    if isinstance(error, ClosedToday):
        return ExpectedError("Closed today", "CLOSED_TODAY", HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "9"})
    if isinstance(error, PermissionError):
        return ExpectedError("Who are you?", "UNKNOWN_CUSTOMER", HTTPStatus.UNAUTHORIZED)
    return None


@dataclass
class ShopContext:
    """See `graphql_server.context.Context`."""

    authorization: str | None = None
    connection_params: dict[str, Any] | None = None

    @classmethod
    def of(cls, connection: HTTPConnection) -> "ShopContext":
        return cls(connection.headers.get("authorization"))

    async def authenticate(self, authorization: str | None) -> None:
        if authorization == "closed":
            raise ClosedToday
        if authorization == "broken":
            raise LookupError("the inside")
        if authorization != "customer":
            raise PermissionError

    def seconds_left(self) -> float | None:
        return None

    def anew(self) -> "ShopContext":
        return self

    def turn(self, at: str) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - nobody waits in this shop
        return nullcontext()

    def ended_by(self, locked_out: Callable[[], None], demoted: Callable[[], None]) -> AbstractContextManager[None]:  # noqa: ARG002 - nobody is locked out of this shop
        return nullcontext()

    def until_shutdown(self, stream: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
        return stream

    @property
    def sharing_key(self) -> Hashable:
        return self.authorization

    def shared(self) -> Self:
        return self

    def subscribed(self) -> AbstractContextManager[None]:
        return nullcontext()


class BookRow(NamedTuple):
    """A row as some driver makes it."""

    id: UUID
    title: str | None
    pages: int
    price: float
    printed_at: datetime


def row_types(class_: type) -> dict[str, object]:
    types: dict[str, object] = {"id": UUID, "title": str | None, "pages": int, "price": float, "printed_at": datetime}
    return types if issubclass(class_, BookRow) else {}


@strawberry.enum
class Shelf(Enum):
    LOW = "low"
    HIGH = "high"


@strawberry.type
class Author:
    name: str
    born: date

    @strawberry.field
    def greeting(self, word: str = "Hello") -> str:
        return f"{word}, {self.name}"

    @strawberry.field
    async def rank(self, info: strawberry.Info[ShopContext, None]) -> int:
        await asyncio.sleep(0)
        return len(self.name) + len(info.field_name)


def _shelves(rows: Sequence[BookRow], _context: ShopContext) -> list[Shelf]:
    return [Shelf.LOW if row.pages > 100 else Shelf.HIGH for row in rows]


async def _authors(rows: Sequence[BookRow], _context: ShopContext) -> list[list[Author]]:
    return [[Author(name=f"A{number}", born=date(1900, 1, 1)) for number in range(row.pages % 3)] for row in rows]


@strawberry.type
class Book:
    id: strawberry.ID
    title: str | None
    pages: int
    price: float
    printed_at: datetime
    shelf: Shelf = column(_shelves, "Where it stands")
    authors: list[Author] = column(_authors, "Who wrote it")

    @strawberry.field
    def cents(self) -> Decimal:
        return Decimal(str(self.price)) * 100


@strawberry.type
class Lamp:
    watts: int


def books() -> list[BookRow]:
    titles = ["T0", "T1", None, "T3", "T4"]
    return [
        BookRow(UUID(int=number), title, 50 * number, 1.5, BEGINNING + timedelta(number))
        for number, title in enumerate(titles)
    ]


@strawberry.type
class Query:
    @strawberry.field
    def books(self, first: int = 5) -> list[Book]:
        return cast("list[Book]", books()[:first])

    @strawberry.field
    async def maybe(self, there: bool) -> Book | None:  # noqa: FBT001 - an argument
        return cast("Book", books()[1]) if there else None

    @strawberry.field
    def mixed(self) -> list[Book]:
        zone = timezone(timedelta(hours=1))
        other = ShopBook(strawberry.ID("x"), "T", 7, 2.5, BEGINNING.astimezone(zone))
        return cast("list[Book]", [*books()[:2], other])

    @strawberry.field
    def first(self) -> Lamp | Author:
        return Lamp(watts=5)

    @strawberry.field
    def closed(self) -> int:
        raise ClosedToday

    @strawberry.field
    def broken(self) -> int:
        raise LookupError("the inside")


@dataclass
class ShopBook:
    """What is no row, but has the same attributes."""

    id: strawberry.ID
    title: str
    pages: int
    price: float
    printed_at: datetime


def shop(batching: Batching | None) -> Schema:
    policy = Policy(Documents(), expected_error, lambda: "request-1", batching=batching)
    return Schema(Query, None, None, policy, StrawberryConfig())
