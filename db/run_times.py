"""Statements on how long generations take, and on who waits for one."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Double, ScalarSelect, SQLColumnExpression, bindparam, cast, func, select, tuple_
from sqlalchemy.orm import aliased

from db.engine.statements import MOST, Reader, Row, Statement, among, spelled
from db.enums import VideoJobStatus
from db.tables import VideoJob
from db.video_jobs import IS_WAITING

RECENT_RUNS = 20


class Waiting(Row):
    """A waiting job, and what its wait depends on.

    That is its place among all that wait (1 is next; counted so far and no further), the generations in progress of all
    users, and how long its model's latest videos took from their submit to their end, in seconds; None where there are
    none.
    """

    id: UUID
    model: str
    mock_mode: bool
    position: int
    running: int
    median_seconds: float | None


class Median(Row):
    """How long something usually takes, in seconds; None where it was never done."""

    seconds: float | None


_other, _done = aliased(VideoJob), aliased(VideoJob)
# In order, so that the index of the waiting is read, however few of all jobs wait.
_ahead = (
    select(_other.id)
    .where(
        _other.status == spelled(VideoJobStatus.PENDING),
        tuple_(_other.queue_at, _other.id) <= tuple_(VideoJob.queue_at, VideoJob.id),
    )
    .order_by(_other.queue_at, _other.id)
    .limit(MOST)
    .correlate(VideoJob)
    .subquery()
)
_position = select(func.count()).select_from(_ahead).correlate(VideoJob).scalar_subquery()
_running = select(func.count()).where(_other.status == spelled(VideoJobStatus.RUNNING)).scalar_subquery()


def _median_seconds(
    model: SQLColumnExpression[str], mock_mode: SQLColumnExpression[bool]
) -> ScalarSelect[float | None]:
    """Select how long the latest videos of a model took from their submit to their end."""
    run_time = func.extract("epoch", _done.completed_at - func.coalesce(_done.submitted_at, _done.started_at))
    recent = (
        select(run_time.label("seconds"))
        .where(
            _done.status == spelled(VideoJobStatus.SUCCEEDED),
            _done.model == model,
            _done.mock_mode == mock_mode,
        )
        .order_by(_done.completed_at.desc())
        .limit(RECENT_RUNS)
        .correlate(VideoJob)
        .lateral()
    )
    return select(cast(func.percentile_cont(0.5).within_group(recent.c.seconds), Double)).scalar_subquery()


_WAITING = Statement(
    select(
        VideoJob.id,
        VideoJob.model,
        VideoJob.mock_mode,
        _position,
        _running,
        _median_seconds(VideoJob.model, VideoJob.mock_mode),
    ).where(VideoJob.id == among("jobs"), IS_WAITING),
    Waiting,
)


_MEDIAN = Statement(select(_median_seconds(bindparam("model"), bindparam("mock_mode"))), Median)


async def median_seconds(reader: Reader, model: str, *, mock_mode: bool) -> float | None:
    """Return how long the model's latest videos took from their submit to their end; None where there are none."""
    median = await reader.only(_MEDIAN, model=model, mock_mode=mock_mode)
    return median.seconds


async def waiting(reader: Reader, job_ids: Sequence[UUID], *, most: int) -> list[Waiting]:
    """Read which of the jobs wait, and what their waits depend on; places are counted up to `most`."""
    return await reader.fetch(_WAITING, jobs=job_ids, most=most)
