"""What one user keeps, and how many tokens are used: by one user, by all, and by all on each day."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Text, Uuid, bindparam, case, cast, func, select

from db.engine.statements import Number, Reader, Row, Statement, spelled
from db.enums import LedgerEntryKind
from db.ledger import IS_USE
from db.tables import LedgerEntry, Look, VideoJob, VideoJobImage
from db.video_jobs import IS_ACTIVE


class Kept(Row):
    """Looks, and the bytes of their images and of those of jobs in progress, whose files go when the job ends."""

    looks: int
    stored_bytes: int


_USER = bindparam("user", type_=Uuid)


_of_jobs = (
    select(func.coalesce(func.sum(VideoJobImage.size_bytes), 0))
    .join(VideoJob, VideoJob.id == VideoJobImage.video_job_id)
    .where(VideoJob.user_id == _USER, IS_ACTIVE)
    .scalar_subquery()
)
_KEPT = Statement(
    select(
        func.count(),
        cast(func.coalesce(func.sum(Look.stored_bytes), 0) + _of_jobs, BigInteger),
    ).where(Look.user_id == _USER),
    Kept,
)


async def kept_by(reader: Reader, user_id: UUID) -> Kept:
    """Read it all; counted by rows each time, so that it cannot drift."""
    return await reader.only(_KEPT, user=user_id)


class DaySum(Row):
    """What all have used on a day (UTC), such as `2026-11-28`."""

    day: str
    tokens: int


# What was used: paid or not, less what came back.
_USED = cast(
    func.coalesce(
        func.sum(
            case(
                (LedgerEntry.kind == spelled(LedgerEntryKind.CHARGE), LedgerEntry.uncharged),
                else_=-LedgerEntry.uncharged,
            )
            - LedgerEntry.amount
        ),
        0,
    ),
    BigInteger,
)
_SINCE = LedgerEntry.created_at >= bindparam("since")
# Ids begin with their time (RFC 9562, version 7), so that the primary key finds a day's entries.
_OF_ALL = (LedgerEntry.id >= bindparam("first"), _SINCE, IS_USE)
_DAY = func.to_char(func.timezone("UTC", LedgerEntry.created_at), "YYYY-MM-DD", type_=Text)
_USED_BY = Statement(select(_USED).where(LedgerEntry.user_id == bindparam("owner"), _SINCE, IS_USE), Number)
_USED_BY_ALL = Statement(select(_USED).where(*_OF_ALL), Number)
_BY_DAY = Statement(select(_DAY, _USED).where(*_OF_ALL).group_by(_DAY).order_by(_DAY), DaySum, is_slow=True)


async def used_by(reader: Reader, user_id: UUID, since: datetime) -> int:
    """Add up what a user has used since a time, paid or not, less refunds."""
    return await reader.number(_USED_BY, owner=user_id, since=since)


async def used_by_all(reader: Reader, since: datetime) -> int:
    """Add up what everybody has used since a time, as `used_by` does."""
    return await reader.number(_USED_BY_ALL, first=_first_id(since), since=since)


async def by_day(reader: Reader, since: datetime) -> list[DaySum]:
    """Add up the same by day, oldest first; a day on which nothing was used is left out."""
    return await reader.fetch(_BY_DAY, first=_first_id(since), since=since)


def _first_id(since: datetime) -> UUID:
    return UUID(int=int(since.timestamp() * 1000) << 80)
