"""What a scraper reads from the database: one statement over what is in progress, whose parts have indexes."""

from datetime import datetime

from sqlalchemy import ColumnElement, Double, cast, column, exists, func, select, table

from db.engine.statements import Reader, Row, Statement, spelled
from db.tables import CreationPause, FileRemoval, SubmissionPace, VideoJob
from db.video_jobs import IS_ACTIVE, IS_WAITING
from db.workers import ALIVE, ALIVE_COUNT

_queue = table("pgqueuer", column("status"), column("created"), column("execute_after"))
_IS_QUEUED = _queue.c.status == spelled("queued")
# Such as mock videos that were told to wait, and jobs that a provider wants later: no worker is to take them yet.
_IS_DEFERRED = _queue.c.execute_after > func.now()
_NOW = func.now()


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


def _age(since: ColumnElement[datetime]) -> ColumnElement[float]:
    return cast(func.coalesce(func.extract("epoch", _NOW - since), 0), Double)


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
    _age(func.min(_queue.c.created).filter(_IS_QUEUED, ~_IS_DEFERRED)).label("age"),
).subquery("places")
_removals = select(
    func.count().filter(FileRemoval.due_at <= _NOW).label("due"),
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


async def read(reader: Reader) -> Figures:
    """Read all of them as they are now."""
    (row,) = await reader.fetch(_FIGURES, alive=ALIVE)
    return row
