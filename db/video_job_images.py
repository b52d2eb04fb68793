"""Statements on the images that videos are made from."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from db.models import FileRemoval, VideoJobImage
from db.session import Session
from db.statements import Row, Statement, Writer


class ImageRow(Row):
    """An image of a job."""

    video_job_id: UUID
    role: str
    position: int
    address: str
    media_type: str


_ADD = Statement(
    insert(VideoJobImage)
    .values({name: bindparam(name) for name in ImageRow.columns()})
    .returning(*(getattr(VideoJobImage, name) for name in ImageRow.columns())),
    ImageRow,
)


async def add(writer: Writer, images: Sequence[VideoJobImage]) -> None:
    """Write a new job's images."""
    for image in images:
        await writer.fetch(_ADD, **{name: getattr(image, name) for name in ImageRow.columns()})


async def of_job(session: Session, video_job_id: UUID) -> Sequence[VideoJobImage]:
    """Read a job's images, the reference images in their order."""
    query = select(VideoJobImage).where(VideoJobImage.video_job_id == video_job_id)
    return (await session.scalars(query.order_by(VideoJobImage.role, VideoJobImage.position))).all()


async def schedule_removal(session: Session, video_job_id: UUID) -> None:
    """Have the files of a job's images removed in the background; the rows stay."""
    images = select(VideoJobImage.address, func.now()).where(VideoJobImage.video_job_id == video_job_id)
    statement = insert(FileRemoval).from_select(["address", "due_at"], images)
    await session.execute(statement.on_conflict_do_nothing())
