"""Statements on the images that videos are made from."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from db.engine.statements import Reader, Row, Statement, Writer, among, given_columns
from db.file_removals import scheduled
from db.tables import FileRemoval, VideoJob, VideoJobImage


class ImageRow(Row):
    """An image of a job."""

    video_job_id: UUID
    role: str
    position: int
    address: str
    media_type: str
    size_bytes: int


_IS_OF_JOB = VideoJobImage.video_job_id == bindparam("job")
_ADD = Statement(insert(VideoJobImage).values(given_columns(VideoJobImage)))
_OF_JOB = Statement(
    select(*ImageRow.columns_of(VideoJobImage))
    .where(VideoJobImage.video_job_id == among("ids"))
    .order_by(VideoJobImage.role, VideoJobImage.position),
    ImageRow,
)
_KEPT = Statement(
    select(*ImageRow.columns_of(VideoJobImage))
    .join(VideoJob, VideoJob.id == VideoJobImage.video_job_id)
    .outerjoin(FileRemoval, FileRemoval.address == VideoJobImage.address)
    .where(
        _IS_OF_JOB,
        or_(
            and_(VideoJob.completed_at.is_(None), FileRemoval.address.is_(None)),
            and_(FileRemoval.due_at > func.now(), FileRemoval.failures == 0),
        ),
    )
    .order_by(VideoJobImage.role, VideoJobImage.position),
    ImageRow,
)


_REMOVE = Statement(
    scheduled(select(VideoJobImage.address, func.now()).where(VideoJobImage.video_job_id == among("jobs")))
)


async def add(writer: Writer, video_job_id: UUID, images: Iterable[Mapping[str, object]]) -> None:
    """Write a new job's images, each given by its columns, and for how long its file is kept after the job's end."""
    for image in images:
        await writer.fetch(_ADD, video_job_id=video_job_id, **image)


async def of_job(reader: Reader, video_job_id: UUID) -> list[ImageRow]:
    """Read a job's images, the reference images in their order."""
    return await reader.rows_of(_OF_JOB, video_job_id)


async def kept(reader: Reader, video_job_id: UUID) -> list[ImageRow]:
    """Read those of a job's images whose files are not to go yet, the reference images in their order."""
    return await reader.fetch(_KEPT, job=video_job_id)


async def remove(writer: Writer, job_ids: Sequence[UUID]) -> None:
    """Have the files of jobs that are being deleted removed in the background, kept for long or not."""
    await writer.fetch(_REMOVE, jobs=job_ids)
