"""Statements on which look shows which video.

The table is made by the owner's one-time migration. Until then every read finds nothing, as deployed code expects.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from db.models import Look, LookVideo, VideoJob
from db.session import Session
from db.statements import Id, Reader, Row, Statement, among, as_text

_TABLE = LookVideo.__tablename__


class VideoInLook(Row):
    """What a look shows of a job."""

    look_id: str
    is_default: bool
    id: str
    status: str
    progress_percentage: int
    cloudinary_url: str | None
    thumbnail_url: str | None
    created_at: datetime


class LookOfJob(Row):
    """What is shown of a look with one of the jobs that it shows."""

    video_job_id: str
    id: str
    title: str | None
    notes: str | None
    generated_image_url: str
    visibility: str
    created_at: datetime
    updated_at: datetime


class _Found(Row):
    exists: bool


_TABLE_EXISTS = Statement(select(func.to_regclass(bindparam("name", _TABLE, type_=Text)).is_not(None)), _Found)
_VIDEOS = Statement(
    select(
        as_text(LookVideo.look_id),
        LookVideo.is_default,
        as_text(VideoJob.id),
        VideoJob.status,
        VideoJob.progress_percentage,
        VideoJob.cloudinary_url,
        VideoJob.thumbnail_url,
        VideoJob.created_at,
    )
    .join(VideoJob, VideoJob.id == LookVideo.video_job_id)
    .where(LookVideo.look_id == among("looks"))
    .order_by(VideoJob.created_at.desc(), VideoJob.id.desc()),
    VideoInLook,
)
_LOOKS = Statement(
    select(
        as_text(LookVideo.video_job_id), as_text(Look.id), *(getattr(Look, name) for name in LookOfJob.columns()[2:])
    )
    .join(Look, Look.id == LookVideo.look_id)
    .where(LookVideo.video_job_id == among("jobs"))
    .order_by(LookVideo.created_at, Look.id),
    LookOfJob,
)


async def exist(reader: Reader) -> bool:
    """Whether the one-time migration has run. Asked of the database until it has, remembered afterwards."""
    if not reader.facts.get(_TABLE):
        (found,) = await reader.fetch(_TABLE_EXISTS)
        reader.facts[_TABLE] = found.exists
    return reader.facts[_TABLE]


async def add(session: Session, look_id: UUID, video_job_id: UUID) -> None:
    """Show a video in a look; once is enough."""
    await session.execute(insert(LookVideo).values(look_id=look_id, video_job_id=video_job_id).on_conflict_do_nothing())


async def remove(session: Session, look_id: UUID, video_job_id: UUID) -> bool:
    """Take a video out of a look; return whether it was there."""
    statement = delete(LookVideo).where(LookVideo.look_id == look_id, LookVideo.video_job_id == video_job_id)
    return await session.scalar(statement.returning(LookVideo.look_id)) is not None


async def clear_default(session: Session, look_id: UUID) -> None:
    """Leave the look without a default video."""
    await session.execute(
        update(LookVideo).where(LookVideo.look_id == look_id, LookVideo.is_default).values(is_default=False)
    )


async def set_default(session: Session, look_id: UUID, video_job_id: UUID, *, is_default: bool) -> bool:
    """Mark a look's video; return whether the look shows it at all. The index allows one default a look."""
    statement = update(LookVideo).where(LookVideo.look_id == look_id, LookVideo.video_job_id == video_job_id)
    return await session.scalar(statement.values(is_default=is_default).returning(LookVideo.look_id)) is not None


async def of_looks(reader: Reader, look_ids: Sequence[Id]) -> list[VideoInLook]:
    """Read the videos of many looks, newest first."""
    return await reader.fetch(_VIDEOS, looks=look_ids) if await exist(reader) else []


async def looks_of_jobs(reader: Reader, video_job_ids: Sequence[Id]) -> list[LookOfJob]:
    """Read the looks that show each of many jobs."""
    return await reader.fetch(_LOOKS, jobs=video_job_ids) if await exist(reader) else []
