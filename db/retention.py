"""Statements that delete what is older than an operator wants to keep, a batch at a time."""

from datetime import timedelta
from typing import Any, cast

from sqlalchemy import ColumnClause, Interval, bindparam, column, delete, func, literal_column, select, table
from sqlalchemy.orm import InstrumentedAttribute

from db.engine.statements import MOST, NoRow, Number, Reader, Statement, Writer
from db.tables import AuditEntry, IdempotencyKey, VideoJob, VideoJobDeletion, VideoJobLog, Worker
from db.video_jobs import SHOWN, VideoJobRow

_BEFORE = func.now() - bindparam("age", type_=Interval)
# By creation, which an index has, and before which no job has ended.
_ENDED_JOBS = Statement(
    select(*SHOWN)
    .where(VideoJob.created_at < _BEFORE, VideoJob.completed_at < _BEFORE)
    .order_by(VideoJob.created_at, VideoJob.id)
    .limit(MOST)
    .with_for_update(skip_locked=True),
    VideoJobRow,
)


Of = ColumnClause[Any] | InstrumentedAttribute[Any]


def _oldest(key: Of, time: Of, order: Of) -> Statement[Number]:
    """Delete of the first rows in that order, which an index has, those that are old enough; count them."""
    first = select(key.label("key"), time.label("time")).order_by(order).limit(MOST).subquery()
    gone = (
        delete(cast("Any", key.table))
        .where(key.in_(select(first.c.key).where(first.c.time < _BEFORE)))
        .returning(literal_column("1"))
        .cte("gone")
    )
    return Statement(select(func.count()).select_from(gone), Number)


_queue_log, _queue_statistics = (
    table(name, column("id"), column("created")) for name in ("pgqueuer_log", "pgqueuer_statistics")
)
JOB_LOGS = _oldest(VideoJobLog.id, VideoJobLog.timestamp, VideoJobLog.id)
AUDIT = _oldest(AuditEntry.id, AuditEntry.created_at, AuditEntry.created_at)
QUEUE_LOG = _oldest(_queue_log.c.id, _queue_log.c.created, _queue_log.c.created)
QUEUE_STATISTICS = _oldest(_queue_statistics.c.id, _queue_statistics.c.created, _queue_statistics.c.id)

KEYS, DELETIONS, SIGNS_OF_LIFE = (
    Statement(delete(time.table).where(time < _BEFORE))
    for time in (IdempotencyKey.created_at, VideoJobDeletion.deleted_at, Worker.seen_at)
)


async def ended_jobs(reader: Reader, age: timedelta, *, limit: int) -> list[VideoJobRow]:
    """Lock and return the oldest of the jobs that ended so long ago, but for those that others hold."""
    return await reader.fetch(_ENDED_JOBS, age=age, most=limit)


async def prune(writer: Writer, oldest: Statement[Number], age: timedelta, *, limit: int) -> int:
    """Delete one batch by one of the statements above; return how many rows there were."""
    return await writer.number(oldest, age=age, most=limit)


async def forget(writer: Writer, older: Statement[NoRow], age: timedelta) -> None:
    """Delete all that is older by one of the last statements above: there is never much."""
    await writer.fetch(older, age=age)
