"""Keyset paging, newest first: a page costs the same however far down it is, and inserts do not shift it."""

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import Integer, Select, bindparam, func, literal_column, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from db.engine import statements
from db.engine.statements import MOST, Number, Reader, Statement

# Turkish has an i with a dot and one without, in both cases; people of all countries search with the one they have.
_DOTLESS, _DOT_ABOVE = "\u0131", "\u0307"


def searchable(text: str) -> str:
    """Return a text without regard to case and composition (Unicode, section 3.13, D145), in NFC."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFD", text).casefold().replace(_DOTLESS, "i").replace("i" + _DOT_ABOVE, "i")
    return unicodedata.normalize("NFC", folded)


ESCAPE = "/"
# Where counting ends: more than people page through, and a fraction of a second.
MOST_COUNTED = 100_000
# How many rows of lists inside lists are read at once for all parents of a page; one more shows that there are more.
MOST_NESTED = 20_000
NESTED_LIMIT = MOST_NESTED + 1

Row = TypeVar("Row", bound=statements.Row)

# The columns that put a table newest first: created_at, then id.
Order = tuple[InstrumentedAttribute[datetime], InstrumentedAttribute[UUID]]


class Position(NamedTuple):
    """Where a row stands in the newest-first order: by creation, then by id where two were created at once."""

    created_at: datetime
    id: UUID


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows in order, and whether more follow."""

    rows: Sequence[Row]
    has_next: bool


@dataclass(frozen=True)
class OffsetPage(Generic[Row]):
    """Some rows in order, and how many there are, up to `MOST_COUNTED`."""

    rows: Sequence[Row]
    total: int


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """What to list, by which columns it is newest first, and what its rows are; its parameters come with each read.

    `is_slow` as in `statements.Statement`.
    """

    query: Select[*tuple[Any, ...]]
    order: Order
    row: type[Row]
    is_slow: bool = False

    @cached_property
    def first(self) -> Statement[Row]:
        """The page at the beginning."""
        return self._page(self.query)

    @cached_property
    def following(self) -> Statement[Row]:
        """The page after a position."""
        position = tuple_(bindparam("after_created_at"), bindparam("after_id"))
        return self._page(self.query.where(tuple_(*self.order) < position))

    @cached_property
    def skipping(self) -> Statement[Row]:
        """The page after so many rows, which an index tells more cheaply than the table."""
        keys = self.query.with_only_columns(*self.order, maintain_column_froms=True)
        page = self._ordered(keys).offset(bindparam("skipped", type_=Integer)).limit(MOST)
        found = page.cte("page")
        rows = select(*self.query.selected_columns).join(found, self.order[1] == found.c.id)
        return Statement(self._ordered(rows), self.row, is_slow=self.is_slow)

    @cached_property
    def counted(self) -> Statement[Number]:
        """How many rows there are, but no more than `MOST_COUNTED`."""
        some: Select[*tuple[Any, ...]] = self.query.with_only_columns(literal_column("1"), maintain_column_froms=True)
        return Statement(
            select(func.count()).select_from(some.limit(MOST_COUNTED).subquery()), Number, is_slow=self.is_slow
        )

    def _page(self, query: Select[*tuple[Any, ...]]) -> Statement[Row]:
        limited = self._ordered(query).limit(MOST)
        return Statement(limited, self.row, is_slow=self.is_slow)

    def _ordered(self, query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        return query.order_by(*(column.desc() for column in self.order))


class Selection(ABC, Generic[Row]):
    """Which rows are wanted: a listing with its parameters."""

    @abstractmethod
    async def listing(self, reader: Reader) -> Listing[Row] | None:
        """Return the listing; None where there is nothing to ask for."""

    @abstractmethod
    def values(self) -> dict[str, object]:
        """Return the listing's parameters."""

    async def page(self, reader: Reader, *, first: int, after: Position | None = None) -> Page[Row]:
        """Read the `first` rows that come after a position, newest first."""
        listing = await self.listing(reader)
        if listing is None:
            return Page((), has_next=False)
        # One row more than asked for tells whether there is a next page.
        values = self.values() | {"most": first + 1}
        if after is None:
            rows = await reader.fetch(listing.first, **values)
        else:
            position = {"after_created_at": after.created_at, "after_id": after.id}
            rows = await reader.fetch(listing.following, **values, **position)
        return Page(rows[:first], has_next=len(rows) > first)

    async def total(self, reader: Reader) -> int:
        """Count the rows, up to `MOST_COUNTED`."""
        listing = await self.listing(reader)
        if listing is None:
            return 0
        return await reader.number(listing.counted, **self.values())

    async def offset_page(self, reader: Reader, *, skip: int, limit: int) -> OffsetPage[Row]:
        """Read `limit` rows after the first `skip`, with the total: what the REST contract asks for."""
        listing = await self.listing(reader)
        if listing is None:
            return OffsetPage((), 0)
        total = await self.total(reader)
        return OffsetPage(await reader.fetch(listing.skipping, **self.values(), skipped=skip, most=limit), total)


def containing(text: str) -> str:
    """Return the LIKE pattern of whatever contains a text, to be used with `ESCAPE`."""
    for special in (ESCAPE, "%", "_"):
        text = text.replace(special, ESCAPE + special)
    return f"%{text}%"
