"""Statements on files that are to go (see `db.tables.FileRemoval`)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, Interval, Select, Text, Uuid, and_, bindparam, cast, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import Insert, insert

from db.engine.statements import MOST, Number, Reader, Row, Statement, Writer, texts
from db.tables import FileRemoval, VideoJob
from db.video_jobs import IS_ACTIVE

# A file that was stored for a row that never came to be is removed after this long: no store is tried for longer.
UNOWNED_FILES_LAST = timedelta(hours=24)
# A store that was given up or broken off may go on at the storage: a file that is removed before it comes would stay.
STORES_END_WITHIN = timedelta(minutes=10)


class DueRemoval(Row):
    """A file whose time has come, how often its removal has failed, and until when the claim on it holds."""

    address: str
    failures: int
    due_at: datetime


_IS_ONE = FileRemoval.address == texts("addresses")
_DUE_AFTER = func.now() + bindparam("after", type_=Interval)


def scheduled(due: Select[*tuple[Any, ...]]) -> Insert:
    """Return what has files removed then, given by their addresses and times, to be part of a statement."""
    removal = insert(FileRemoval).from_select(["address", "due_at"], due)
    return removal.on_conflict_do_update(index_elements=["address"], set_={"due_at": removal.excluded.due_at})


_SCHEDULE = Statement(scheduled(select(func.unnest(bindparam("addresses", type_=ARRAY(Text))), _DUE_AFTER)))
_EXPEDITE = Statement(update(FileRemoval).where(_IS_ONE).values(due_at=func.now() + STORES_END_WITHIN))
_WITHDRAW = Statement(delete(FileRemoval).where(_IS_ONE))
_due = (
    select(FileRemoval.address)
    .where(FileRemoval.due_at <= func.now())
    .order_by(FileRemoval.due_at)
    .limit(MOST)
    .with_for_update(skip_locked=True)
)
_CLAIM = Statement(
    update(FileRemoval)
    .where(FileRemoval.address.in_(_due.scalar_subquery()))
    .values(due_at=func.now() + bindparam("lease", type_=Interval))
    .returning(*DueRemoval.columns_of(FileRemoval)),
    DueRemoval,
)
# A file that was scheduled anew meanwhile, or is somebody's by now, is no longer the claimant's to remove.
_IS_CLAIMED = and_(FileRemoval.address == bindparam("file"), FileRemoval.due_at == bindparam("claimed"))
# Videos are stored under their jobs' ids. A job in progress may begin to store its video at any moment, anew, and one
# that has ended never does.
_video_job = cast(func.substring(FileRemoval.address, "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})[.]mp4$"), Uuid)
_MAY_COME_ANEW = exists().where(VideoJob.id == _video_job, IS_ACTIVE)
_RENEW = Statement(
    update(FileRemoval)
    .where(_IS_CLAIMED, ~_MAY_COME_ANEW)
    .values(due_at=func.now() + bindparam("lease", type_=Interval))
    .returning(*DueRemoval.columns_of(FileRemoval)),
    DueRemoval,
)
_REMOVED = Statement(delete(FileRemoval).where(_IS_CLAIMED))
_FAILED = Statement(select(func.count()).where(FileRemoval.failures > 0), Number)
_DEFER = Statement(update(FileRemoval).where(_IS_CLAIMED).values(due_at=_DUE_AFTER, failures=FileRemoval.failures + 1))


async def schedule(writer: Writer, addresses: Collection[str], after: timedelta = timedelta(0)) -> None:
    """Have files removed in the background, `after` from now; a later call moves the time."""
    if addresses:
        await writer.fetch(_SCHEDULE, addresses=sorted(set(addresses)), after=after)


async def schedule_unless_owned(writer: Writer, addresses: Collection[str]) -> None:
    """Have files that are about to be stored removed later, unless `withdraw` comes first."""
    await schedule(writer, addresses, after=UNOWNED_FILES_LAST)


async def expedite(writer: Writer, addresses: Collection[str]) -> None:
    """Have those of the files removed soon, once their stores have ended, that are still to go."""
    await writer.fetch(_EXPEDITE, addresses=list(addresses))


async def withdraw(writer: Writer, addresses: Collection[str]) -> None:
    """Keep files after all: they are somebody's now."""
    await writer.fetch(_WITHDRAW, addresses=list(addresses))


async def claim_due(writer: Writer, *, limit: int, lease: timedelta) -> list[DueRemoval]:
    """Claim files whose time has come: for as long as the lease lasts, no other process gets the same ones."""
    return await writer.fetch(_CLAIM, most=limit, lease=lease)


async def renew(writer: Writer, claim: DueRemoval, lease: timedelta) -> DueRemoval | None:
    """Claim a file once more, right before it is removed; None where it is not to go, or another's business by now."""
    return await writer.first(_RENEW, file=claim.address, claimed=claim.due_at, lease=lease)


async def removed(writer: Writer, claim: DueRemoval) -> None:
    """Note that a claimed file is gone."""
    await writer.fetch(_REMOVED, file=claim.address, claimed=claim.due_at)


async def defer(writer: Writer, claim: DueRemoval, after: timedelta) -> None:
    """Try a removal that has failed again later."""
    await writer.fetch(_DEFER, file=claim.address, claimed=claim.due_at, after=after)


async def failed(reader: Reader) -> int:
    """Count the files whose removal has failed and is still to be tried again."""
    return await reader.number(_FAILED)
