"""What one user keeps, as quotas count it."""

from uuid import UUID

from sqlalchemy import BigInteger, Uuid, bindparam, cast, func, select

from db.engine.statements import Reader, Row, Statement
from db.tables import Look, VideoJob, VideoJobImage
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
    (found,) = await reader.fetch(_KEPT, user=user_id)
    return found
