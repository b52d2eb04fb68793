"""Statements on what is waiting and running in the whole fleet."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, bindparam, column, func, literal_column, select, table

from db.engine.statements import MOST, Reader, Row, Statement, spelled
from db.tables import SubmissionPace, VideoJob
from db.video_jobs import IS_ACTIVE, SHOWN, VideoJobRow

_pgqueuer = table("pgqueuer", column("queue_manager_id"), column("status"), column("heartbeat"))
# How many kinds of jobs, and how many workers, are told of.
MOST_KINDS, MOST_WORKERS = 1000, 200


class JobsOfKind(Row):
    """How many jobs of a kind there are, and since when the oldest one has been there."""

    model: str
    mock_mode: bool
    provider: str | None
    status: str
    count: int
    oldest: datetime


class WorkerRow(Row):
    """A worker that holds jobs."""

    id: UUID
    running: int
    last_heartbeat_at: datetime


class PaceRow(Row):
    """Whether a provider accepts jobs: until when it is left alone, and why."""

    provider: str
    blocked_until: datetime
    trouble: str | None


_KIND = (
    func.coalesce(VideoJob.fallback_model, VideoJob.model).label("model"),
    VideoJob.mock_mode,
    VideoJob.provider,
    VideoJob.status,
)


def _by_kind(*conditions: ColumnElement[bool]) -> Statement[JobsOfKind]:
    jobs = select(*_KIND, func.count(), func.min(VideoJob.created_at)).where(*conditions)
    return Statement(jobs.group_by(*_KIND).order_by(*_KIND).limit(MOST_KINDS), JobsOfKind, is_slow=True)


_ACTIVE = _by_kind(IS_ACTIVE)
# Found by when they were made: jobs that end are seldom a day old, and no index has all ends.
_ENDED = _by_kind(
    VideoJob.completed_at > func.now() - literal_column("interval '1 hour'"),
    VideoJob.created_at > func.now() - literal_column("interval '1 day'"),
)
_MANAGER = _pgqueuer.c.queue_manager_id
_WORKERS = Statement(
    select(_MANAGER, func.count(), func.max(_pgqueuer.c.heartbeat))
    .where(_pgqueuer.c.status == spelled("picked"), _MANAGER.is_not(None))
    .group_by(_MANAGER)
    .order_by(_MANAGER)
    .limit(bindparam("most", MOST_WORKERS, type_=Integer)),
    WorkerRow,
    is_slow=True,
)
_ACTIVE_JOBS = Statement(
    select(*SHOWN).where(IS_ACTIVE).order_by(VideoJob.created_at.desc()).limit(MOST),
    VideoJobRow,
    is_slow=True,
)
_PACES = Statement(select(*PaceRow.columns_of(SubmissionPace)).order_by(SubmissionPace.provider), PaceRow)


async def active_jobs(reader: Reader) -> list[JobsOfKind]:
    """Count the jobs that wait or run, by kind."""
    return await reader.fetch(_ACTIVE)


async def ended_jobs(reader: Reader) -> list[JobsOfKind]:
    """Count the jobs of the last day that have ended within the last hour, by kind."""
    return await reader.fetch(_ENDED)


async def newest_active(reader: Reader, *, limit: int) -> list[VideoJobRow]:
    """Read the jobs in progress, the newest ones where there are more than `limit`."""
    return await reader.fetch(_ACTIVE_JOBS, most=limit)


async def workers(reader: Reader) -> list[WorkerRow]:
    """Read which workers hold jobs; one without a job is not known to the database."""
    return await reader.fetch(_WORKERS)


async def paces(reader: Reader) -> list[PaceRow]:
    """Read which providers are known to be left alone, or were."""
    return await reader.fetch(_PACES)
