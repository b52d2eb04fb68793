"""Statements on how long generations take, and on who waits for one."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import aliased

from db.models import VideoJob, VideoJobStatus
from db.session import Session

RECENT_RUNS = 20


class Waiting(NamedTuple):
    """A waiting job and its place among all that wait: 1 is next."""

    id: UUID
    model: str
    mock_mode: bool
    position: int


async def median_seconds(session: Session, model: str, *, mock_mode: bool) -> float | None:
    """Return how long the model's latest videos took from their submit to their end; None where there are none."""
    run_time = func.extract("epoch", VideoJob.completed_at - func.coalesce(VideoJob.submitted_at, VideoJob.started_at))
    recent = (
        select(run_time.label("seconds"))
        .where(VideoJob.status == VideoJobStatus.SUCCEEDED, VideoJob.model == model, VideoJob.mock_mode == mock_mode)
        .order_by(VideoJob.completed_at.desc())
        .limit(RECENT_RUNS)
        .subquery()
    )
    median = await session.scalar(select(func.percentile_cont(0.5).within_group(recent.c.seconds)))
    return None if median is None else float(median)


async def count_running(session: Session) -> int:
    """Count the generations in progress over all users."""
    return await session.scalar(select(func.count()).where(VideoJob.status == VideoJobStatus.RUNNING)) or 0


async def waiting(session: Session, job_ids: Sequence[UUID]) -> list[Waiting]:
    """Read which of the jobs wait, and how many wait that were created before each, itself included."""
    other = aliased(VideoJob)
    position = (
        select(func.count())
        .where(
            other.status == VideoJobStatus.PENDING,
            tuple_(other.created_at, other.id) <= tuple_(VideoJob.created_at, VideoJob.id),
        )
        .correlate(VideoJob)
        .scalar_subquery()
    )
    query = select(VideoJob.id, VideoJob.model, VideoJob.mock_mode, position)
    found = await session.execute(query.where(VideoJob.id.in_(job_ids), VideoJob.status == VideoJobStatus.PENDING))
    return [Waiting(*row) for row in found]
