"""Statements on the images that videos are made from."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from db.engine.statements import NoRow, Reader, Row, Statement, Writer
from db.tables import FileRemoval, VideoJobImage


class ImageRow(Row):
    """An image of a job."""

    video_job_id: UUID
    role: str
    position: int
    address: str
    media_type: str
    size_bytes: int


_IS_OF_JOB = VideoJobImage.video_job_id == bindparam("job")
_ADD = Statement(insert(VideoJobImage).values({name: bindparam(name) for name in ImageRow.columns()}), NoRow)
_OF_JOB = Statement(
    select(*ImageRow.columns_of(VideoJobImage)).where(_IS_OF_JOB).order_by(VideoJobImage.role, VideoJobImage.position),
    ImageRow,
)
_SCHEDULE_REMOVAL = Statement(
    insert(FileRemoval)
    .from_select(["address", "due_at"], select(VideoJobImage.address, func.now()).where(_IS_OF_JOB))
    .on_conflict_do_nothing(),
    NoRow,
)


async def add(writer: Writer, video_job_id: UUID, images: Iterable[Mapping[str, object]]) -> None:
    """Write a new job's images, each given by its columns."""
    for image in images:
        await writer.fetch(_ADD, video_job_id=video_job_id, **image)


async def of_job(reader: Reader, video_job_id: UUID) -> list[ImageRow]:
    """Read a job's images, the reference images in their order."""
    return await reader.fetch(_OF_JOB, job=video_job_id)


async def schedule_removal(writer: Writer, video_job_id: UUID) -> None:
    """Have the files of a job's images removed in the background; the rows stay."""
    await writer.fetch(_SCHEDULE_REMOVAL, job=video_job_id)
