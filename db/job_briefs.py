"""What tells whether a client still has the newest of a job, in one statement: nothing is asked as often."""

from uuid import UUID

from sqlalchemy import Boolean, Select, Uuid, bindparam, cast, null, or_, select

from db import look_videos
from db.engine.statements import Reader, Row, Statement
from db.tables import Look, LookVideo, VideoJob


class BriefRow(Row):
    """A job with one of the looks that show it; their columns are None where no look does."""

    version: int
    status: str
    look_id: UUID | None
    look_title: str | None
    look_image_url: str | None


def _of_job(query: Select[*tuple[object, ...]]) -> Select[*tuple[object, ...]]:
    allowed = or_(bindparam("to_admin", type_=Boolean), VideoJob.user_id == bindparam("user", type_=Uuid))
    return query.where(VideoJob.id == bindparam("job"), allowed)


_WITH_LOOKS = Statement(
    _of_job(select(VideoJob.version, VideoJob.status, Look.id, Look.title, Look.generated_image_url))
    .outerjoin(LookVideo, LookVideo.video_job_id == VideoJob.id)
    .outerjoin(Look, Look.id == LookVideo.look_id)
    # As `look_videos.looks_of_jobs` sorts them.
    .order_by(LookVideo.created_at, Look.id),
    BriefRow,
)
_ALONE = Statement(_of_job(select(VideoJob.version, VideoJob.status, cast(null(), Uuid), null(), null())), BriefRow)


async def get(reader: Reader, job_id: UUID, user_id: UUID, *, to_admin: bool) -> list[BriefRow]:
    """Read a job, if it is that user's, with each look that shows it; nothing where there is no such job."""
    statement = _WITH_LOOKS if await look_videos.exist(reader) else _ALONE
    return await reader.fetch(statement, job=job_id, user=user_id, to_admin=to_admin)
