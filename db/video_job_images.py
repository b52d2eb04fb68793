"""Statements on the images that videos are made from."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from db.models import FileRemoval, VideoJobImage
from db.session import Session


async def add(session: Session, images: Sequence[VideoJobImage]) -> None:
    """Write a new job's images."""
    session.add_all(images)
    await session.flush()


async def of_job(session: Session, video_job_id: UUID) -> Sequence[VideoJobImage]:
    """Read a job's images, the reference images in their order."""
    query = select(VideoJobImage).where(VideoJobImage.video_job_id == video_job_id)
    return (await session.scalars(query.order_by(VideoJobImage.role, VideoJobImage.position))).all()


async def schedule_removal(session: Session, video_job_id: UUID) -> None:
    """Have the files of a job's images removed in the background; the rows stay."""
    images = select(VideoJobImage.address, func.now()).where(VideoJobImage.video_job_id == video_job_id)
    statement = insert(FileRemoval).from_select(["address", "due_at"], images)
    await session.execute(statement.on_conflict_do_nothing())
