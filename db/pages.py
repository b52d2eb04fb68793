"""Keyset paging, newest first: a page costs the same however far down it is, and inserts do not shift it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from db.session import Session

Row = TypeVar("Row")


class Position(NamedTuple):
    """Where a row stands in the newest-first order: by creation, then by id where two were created at once."""

    created_at: datetime
    id: UUID


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows in order, and whether more follow."""

    rows: Sequence[Row]
    has_next: bool


async def newest_first(
    session: Session,
    query: Select[Row],
    order: tuple[InstrumentedAttribute[datetime], InstrumentedAttribute[UUID]],
    *,
    first: int,
    after: Position | None,
) -> Page[Row]:
    """Read the `first` rows of the query that come after a position; `order` names its created_at and id columns."""
    created_at, id_ = order
    if after is not None:
        query = query.where(tuple_(created_at, id_) < tuple_(after.created_at, after.id))
    # One row more than asked for tells whether there is a next page.
    rows = (await session.scalars(query.order_by(created_at.desc(), id_.desc()).limit(first + 1))).all()
    return Page(rows[:first], has_next=len(rows) > first)
