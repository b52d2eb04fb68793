"""Keyset paging, newest first: a page costs the same however far down it is, and inserts do not shift it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import sqlalchemy
from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from db.session import Session

Row = TypeVar("Row")
SomeRow = sqlalchemy.Row[Any]

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
    """Some rows in order, and how many there are in all."""

    rows: Sequence[Row]
    total: int


def entity(row: SomeRow) -> Any:  # noqa: ANN401 - whatever entity the query selects
    """Return the one entity of a row."""
    return row[0]


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """What to list, by which columns it is newest first, and what to make of each row."""

    query: Select[Any]
    order: Order
    make: Callable[[SomeRow], Row] = entity


async def newest_first(session: Session, listing: Listing[Row], *, first: int, after: Position | None) -> Page[Row]:
    """Read the `first` rows of a listing that come after a position."""
    created_at, id_ = listing.order
    query = listing.query.order_by(created_at.desc(), id_.desc())
    if after is not None:
        query = query.where(tuple_(created_at, id_) < tuple_(after.created_at, after.id))
    # One row more than asked for tells whether there is a next page.
    rows = (await session.execute(query.limit(first + 1))).all()
    return Page([listing.make(row) for row in rows[:first]], has_next=len(rows) > first)


async def skipping(session: Session, listing: Listing[Row], *, skip: int, limit: int) -> OffsetPage[Row]:
    """Read `limit` rows after the first `skip`, with the total: what the REST contract asks for."""
    created_at, id_ = listing.order
    total = await session.scalar(select(func.count()).select_from(listing.query.subquery()))
    rows = await session.execute(listing.query.order_by(created_at.desc(), id_.desc()).offset(skip).limit(limit))
    return OffsetPage([listing.make(row) for row in rows], total or 0)
