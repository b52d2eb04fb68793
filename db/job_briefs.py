"""What tells whether a client still has the newest of a job, in one statement: nothing is asked as often."""

from uuid import UUID

from sqlalchemy import Uuid, cast, null, select

from db import look_videos
from db.engine.statements import Reader, Row, Statement, among
from db.tables import Look, LookVideo, VideoJob


class BriefRow(Row):
    """A job with one of the looks that show it; their columns are None where no look does."""

    id: UUID
    user_id: UUID
    version: int
    status: str
    look_id: UUID | None
    look_title: str | None
    look_image_url: str | None


_JOB = (VideoJob.id, VideoJob.user_id, VideoJob.version, VideoJob.status)
_IS_ASKED = VideoJob.id == among("ids")
_WITH_LOOKS = Statement(
    select(*_JOB, Look.id, Look.title, Look.generated_image_url)
    .outerjoin(LookVideo, LookVideo.video_job_id == VideoJob.id)
    .outerjoin(Look, Look.id == LookVideo.look_id)
    .where(_IS_ASKED)
    # As `look_videos.looks_of_jobs` sorts them.
    .order_by(LookVideo.created_at, Look.id),
    BriefRow,
)
_ALONE = Statement(select(*_JOB, cast(null(), Uuid), null(), null()).where(_IS_ASKED), BriefRow)


async def get(reader: Reader, job_id: UUID) -> list[BriefRow]:
    """Read a job, whoever owns it, with each look that shows it; nothing where there is no such job."""
    return await reader.rows_of(_WITH_LOOKS if await look_videos.exist(reader) else _ALONE, job_id)
