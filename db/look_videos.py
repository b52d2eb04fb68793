"""Statements on which look shows which video.

The table is made by the owner's one-time migration. Until then every read finds nothing, as deployed code expects.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from db.models import Look, LookVideo, VideoJob
from db.session import FACTS, Session

_TABLE = LookVideo.__tablename__


class VideoInLook(NamedTuple):
    """What a look shows of a job. A tuple instead of an entity: pages of looks bring hundreds of them."""

    look_id: UUID
    is_default: bool
    id: UUID
    status: str
    progress_percentage: int
    cloudinary_url: str | None
    thumbnail_url: str | None
    created_at: datetime


_OF_JOB = (
    VideoJob.id,
    VideoJob.status,
    VideoJob.progress_percentage,
    VideoJob.cloudinary_url,
    VideoJob.thumbnail_url,
    VideoJob.created_at,
)


class JobOfLook(NamedTuple):
    """A look beside one of the jobs that it shows."""

    video_job_id: UUID
    look: Look


async def exist(session: Session) -> bool:
    """Whether the one-time migration has run. Asked of the database until it has, remembered afterwards."""
    facts: dict[str, bool] = session.info[FACTS]
    if not facts.get(_TABLE):
        found = await session.scalar(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": _TABLE})
        facts[_TABLE] = bool(found)
    return facts[_TABLE]


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


async def of_looks(session: Session, look_ids: Sequence[UUID]) -> list[VideoInLook]:
    """Read the videos of many looks, newest first."""
    if not await exist(session):
        return []
    query = (
        select(LookVideo.look_id, LookVideo.is_default, *_OF_JOB)
        .join(VideoJob, VideoJob.id == LookVideo.video_job_id)
        .where(LookVideo.look_id.in_(look_ids))
        .order_by(VideoJob.created_at.desc(), VideoJob.id.desc())
    )
    return [VideoInLook._make(row) for row in await session.execute(query)]


async def looks_of_jobs(session: Session, video_job_ids: Sequence[UUID]) -> list[JobOfLook]:
    """Read the looks that show each of many jobs."""
    if not await exist(session):
        return []
    query = (
        select(LookVideo.video_job_id, Look)
        .join(Look, Look.id == LookVideo.look_id)
        .where(LookVideo.video_job_id.in_(video_job_ids))
        .order_by(LookVideo.created_at, Look.id)
    )
    return [JobOfLook(*row) for row in await session.execute(query)]
