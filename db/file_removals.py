"""Statements on files that are to go (see `db.models.FileRemoval`)."""

from collections.abc import Collection
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import ARRAY, Text, any_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from db.models import FileRemoval
from db.session import Session
from db.statements import Row, Statement, Writer

# A file that was stored for a row that never came to be is removed after this long: no store is tried for longer.
UNOWNED_FILES_LAST = timedelta(hours=24)


class DueRemoval(NamedTuple):
    """A file whose time has come, and how often its removal has failed."""

    address: str
    failures: int


class _Withdrawn(Row):
    address: str


_WITHDRAW = Statement(
    delete(FileRemoval)
    .where(FileRemoval.address == any_(bindparam("addresses", type_=ARRAY(Text))))
    .returning(FileRemoval.address),
    _Withdrawn,
)


async def schedule(session: Session, addresses: Collection[str], after: timedelta = timedelta(0)) -> None:
    """Have files removed in the background, `after` from now; a later call moves the time."""
    if not addresses:
        return
    rows = [{"address": address, "due_at": func.now() + after} for address in sorted(set(addresses))]
    statement = insert(FileRemoval).values(rows)
    due_at = {"due_at": statement.excluded.due_at}
    await session.execute(statement.on_conflict_do_update(index_elements=["address"], set_=due_at))


async def schedule_unless_owned(session: Session, addresses: Collection[str]) -> None:
    """Have files that are about to be stored removed later, unless `withdraw` comes first."""
    await schedule(session, addresses, after=UNOWNED_FILES_LAST)


async def expedite(session: Session, addresses: Collection[str]) -> None:
    """Have those of the files removed now that are still to go."""
    await session.execute(update(FileRemoval).where(FileRemoval.address.in_(addresses)).values(due_at=func.now()))


async def withdraw(writer: Writer, addresses: Collection[str]) -> None:
    """Keep files after all: they are somebody's now."""
    await writer.fetch(_WITHDRAW, addresses=list(addresses))


async def take_due(session: Session, *, limit: int, lease: timedelta) -> list[DueRemoval]:
    """Claim files whose time has come: for as long as the lease lasts, no other process gets the same ones."""
    due = (
        select(FileRemoval.address)
        .where(FileRemoval.due_at <= func.now())
        .order_by(FileRemoval.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = (
        update(FileRemoval)
        .where(FileRemoval.address.in_(due.scalar_subquery()))
        .values(due_at=func.now() + lease)
        .returning(FileRemoval.address, FileRemoval.failures)
    )
    return [DueRemoval(*row) for row in await session.execute(claimed)]


async def put_off(session: Session, address: str, after: timedelta) -> None:
    """Try a removal that has failed again later."""
    values = {"due_at": func.now() + after, "failures": FileRemoval.failures + 1}
    await session.execute(update(FileRemoval).where(FileRemoval.address == address).values(values))
