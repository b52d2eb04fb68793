"""Statements on the whole fleet: what waits and runs, who is alive, and what a scraper reads of it."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Double, Interval, bindparam, cast, exists, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from db.engine.statements import MOST, Flag, Reader, Row, Statement, Writer, spelled
from db.queue import PGQUEUER
from db.tables import CreationPause, FileRemoval, SubmissionPace, VideoJob, Worker
from db.video_jobs import IS_ACTIVE, IS_WAITING, SHOWN, VideoJobRow

# Who has given none for longer is not alive; a sign is due every few seconds.
ALIVE = timedelta(seconds=30)
# How many kinds of jobs, and how many workers, are told of.
MOST_KINDS, MOST_WORKERS = 1000, 200


class Alive(Row):
    """How many workers are alive, and for how many seconds none has given a sign of life.

    Where none ever did, that is for how long a job has waited for one; None where there is no such job either.
    """

    count: int
    silent_seconds: float | None


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


class Figures(Row):
    """Jobs in progress and what they wait for, in numbers and seconds."""

    pending: int
    running: int
    oldest_pending_seconds: float
    queued: int
    deferred: int
    picked: int
    oldest_queued_seconds: float
    workers_alive: int
    removals_due: int
    removals_failed: int
    providers_refusing: int
    is_paused: bool


_last_sign = func.coalesce(
    select(func.max(Worker.seen_at)).scalar_subquery(),
    # Each of the two is one look at an index.
    select(VideoJob.created_at)
    .where(IS_WAITING)
    .order_by(VideoJob.queue_at, VideoJob.id)
    .limit(literal_column("1"))
    .scalar_subquery(),
)
SILENT_SECONDS = cast(func.extract("epoch", func.now() - _last_sign), Double)
_is_alive = Worker.seen_at > func.now() - bindparam("alive", type_=Interval)
ALIVE_COUNT = select(func.count()).where(_is_alive).select_from(Worker).scalar_subquery()
_ALIVE = Statement(select(ALIVE_COUNT, SILENT_SECONDS), Alive)
_IS_FIRST = Statement(select(~exists().where(_is_alive, Worker.id < bindparam("worker"))), Flag)
_BEAT = Statement(
    insert(Worker)
    .values(id=bindparam("worker"))
    .on_conflict_do_update(index_elements=["id"], set_={"seen_at": func.now()})
)
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
_MANAGER = PGQUEUER.c.queue_manager_id
_WORKERS = Statement(
    select(_MANAGER, func.count(), func.max(PGQUEUER.c.heartbeat))
    .where(PGQUEUER.c.status == spelled("picked"), _MANAGER.is_not(None))
    .group_by(_MANAGER)
    .order_by(_MANAGER)
    .limit(MOST_WORKERS),
    WorkerRow,
    is_slow=True,
)
_ACTIVE_JOBS = Statement(
    select(*SHOWN).where(IS_ACTIVE).order_by(VideoJob.created_at.desc()).limit(MOST),
    VideoJobRow,
    is_slow=True,
)


_IS_QUEUED = PGQUEUER.c.status == spelled("queued")
# Such as mock videos that were told to wait, and jobs that a provider wants later: no worker is to take them yet.
_IS_DEFERRED = PGQUEUER.c.execute_after > func.now()


def _age(since: ColumnElement[datetime]) -> ColumnElement[float]:
    return cast(func.coalesce(func.extract("epoch", func.now() - since), 0), Double)


_jobs = (
    select(
        func.count().filter(IS_WAITING).label("pending"),
        func.count().filter(~IS_WAITING).label("running"),
        _age(func.min(VideoJob.created_at).filter(IS_WAITING)).label("age"),
    )
    .where(IS_ACTIVE)
    .subquery("jobs")
)
_places = select(
    func.count().filter(_IS_QUEUED, ~_IS_DEFERRED).label("queued"),
    func.count().filter(_IS_QUEUED, _IS_DEFERRED).label("deferred"),
    func.count().filter(~_IS_QUEUED).label("picked"),
    _age(func.min(PGQUEUER.c.created).filter(_IS_QUEUED, ~_IS_DEFERRED)).label("age"),
).subquery("places")
_removals = select(
    func.count().filter(FileRemoval.due_at <= func.now()).label("due"),
    func.count().filter(FileRemoval.failures > 0).label("failed"),
).subquery("removals")
_refusing = select(func.count()).where(SubmissionPace.trouble.is_not(None)).scalar_subquery()
_FIGURES = Statement(
    select(
        *(_jobs.c.pending, _jobs.c.running, _jobs.c.age),
        *(_places.c.queued, _places.c.deferred, _places.c.picked, _places.c.age),
        ALIVE_COUNT,
        *(_removals.c.due, _removals.c.failed),
        *(_refusing, exists(select(CreationPause.scope))),
    ),
    Figures,
)


async def alive(reader: Reader) -> Alive:
    """Read whether there are workers."""
    return await reader.only(_ALIVE, alive=ALIVE)


async def is_first(reader: Reader, worker_id: UUID, alive: timedelta) -> bool:
    """Whether none with a lower id has given a sign of life for so long: true of one worker, for a moment of two."""
    return await reader.is_so(_IS_FIRST, worker=worker_id, alive=alive)


async def beat(writer: Writer, worker_id: UUID) -> None:
    """Give a sign of life."""
    await writer.fetch(_BEAT, worker=worker_id)


async def jobs_by_kind(reader: Reader) -> list[JobsOfKind]:
    """Count the jobs that wait or run, and those of the last day that have ended within the last hour, by kind."""
    return [*await reader.fetch(_ACTIVE), *await reader.fetch(_ENDED)]


async def newest_active(reader: Reader, *, limit: int) -> list[VideoJobRow]:
    """Read the jobs in progress, the newest ones where there are more than `limit`."""
    return await reader.fetch(_ACTIVE_JOBS, most=limit)


async def workers(reader: Reader) -> list[WorkerRow]:
    """Read which workers hold jobs; one without a job is not known to the database."""
    return await reader.fetch(_WORKERS)


async def figures(reader: Reader) -> Figures:
    """Read what a scraper is told, as it is now."""
    return await reader.only(_FIGURES, alive=ALIVE)
