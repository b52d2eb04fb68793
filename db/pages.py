"""Keyset paging, newest first: a page costs the same however far down it is, and inserts do not shift it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from db.session import Session

Row = TypeVar("Row")

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


async def newest_first(
    session: Session,
    query: Select[Row],
    order: Order,
    *,
    first: int,
    after: Position | None,
) -> Page[Row]:
    """Read the `first` rows of the query that come after a position."""
    created_at, id_ = order
    if after is not None:
        query = query.where(tuple_(created_at, id_) < tuple_(after.created_at, after.id))
    # One row more than asked for tells whether there is a next page.
    rows = (await session.scalars(query.order_by(created_at.desc(), id_.desc()).limit(first + 1))).all()
    return Page(rows[:first], has_next=len(rows) > first)


async def skipping(session: Session, query: Select[Row], order: Order, *, skip: int, limit: int) -> OffsetPage[Row]:
    """Read `limit` rows after the first `skip`, with the total: what the REST contract asks for."""
    created_at, id_ = order
    total = await session.scalar(select(func.count()).select_from(query.subquery()))
    rows = await session.scalars(query.order_by(created_at.desc(), id_.desc()).offset(skip).limit(limit))
    return OffsetPage(rows.all(), total or 0)
