"""Statements on jobs that are no more (see `db.tables.VideoJobDeletion`)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from db.engine.statements import MOST, NoRow, Reader, Row, Statement, Writer
from db.tables import VideoJobDeletion
from db.video_jobs import VideoJobRow


class DeletionRow(Row):
    """A deleted job's id, and when it was deleted."""

    video_job_id: UUID
    deleted_at: datetime


# Of several deletions at once, the first one has it.
_RECORD = Statement(
    insert(VideoJobDeletion)
    .from_select(
        ["video_job_id", "user_id"],
        select(*(func.unnest(bindparam(name, type_=ARRAY(Uuid))) for name in ("jobs", "owners"))),
    )
    .on_conflict_do_nothing(),
    NoRow,
)
_SINCE = Statement(
    select(*DeletionRow.columns_of(VideoJobDeletion))
    .where(
        VideoJobDeletion.user_id == bindparam("owner"),
        tuple_(VideoJobDeletion.deleted_at, VideoJobDeletion.video_job_id)
        > tuple_(bindparam("since"), bindparam("last", type_=Uuid)),
    )
    .order_by(VideoJobDeletion.deleted_at, VideoJobDeletion.video_job_id)
    .limit(MOST),
    DeletionRow,
)


async def record(writer: Writer, jobs: Sequence[VideoJobRow]) -> None:
    """Remember that jobs of these owners are deleted."""
    await writer.fetch(_RECORD, jobs=[job.id for job in jobs], owners=[job.user_id for job in jobs])


async def since(reader: Reader, user_id: UUID, timestamp: datetime, last: UUID, *, limit: int) -> list[DeletionRow]:
    """Read which of a user's jobs were deleted after that, or then and with a greater id; oldest first."""
    return await reader.fetch(_SINCE, owner=user_id, since=timestamp, last=last, most=limit)
