"""What a creation asks of the database and writes to it, each in one statement: its account is locked meanwhile."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Interval, Text, Uuid, bindparam, exists, func, select, true
from sqlalchemy.dialects.postgresql import insert

from db.engine.database import wake_up_after_commit
from db.engine.paging import searchable
from db.engine.statements import Reader, Row, Statement, Writer
from db.enums import LogLevel, PauseScope
from db.fleet import SILENT_SECONDS
from db.ledger import Entry, balance_changed
from db.look_videos import TABLE_EXISTS
from db.pauses import reason_of
from db.specification import SPECIFIED, Specification
from db.tables import Look, LookVideo, VideoJob, VideoJobLog
from db.video_jobs import IS_ACTIVE, IS_WAITING, SHOWN, VideoJobRow


class Standing(Row):
    """What decides about a creation besides the balance: slots, look, pauses, everybody's queue, and workers.

    `active` are the jobs that hold a slot, oldest first; a pause is told by its reason. `waiting` are the jobs of all
    that wait, as many as were to be counted; `silent_seconds` is as in `db.fleet.Alive`.
    """

    active: list[UUID]
    looks_show_videos: bool
    owns_look: bool
    paused: str | None
    paused_real: str | None
    waiting: int
    silent_seconds: float | None


class NewVideoJob(VideoJobRow):
    """What is shown of a job that was created a moment ago, when its log began, and its place in the queue."""

    logged_at: datetime
    queue_at: datetime


@dataclass(frozen=True)
class Creation:
    """A job to be written. `charge` is what is paid, `look_id` a look of the user's, `message` its log's first line.

    `handicap` is how much later than now it counts as asked for in the queue.
    """

    job_id: UUID
    user_id: UUID
    specification: Specification
    status_message: str
    charge: Entry
    message: str
    look_id: UUID | None
    handicap: timedelta = timedelta(0)


_USER = bindparam("user", type_=Uuid)
_LOOK = bindparam("look", type_=Uuid)
_ACTIVE = (
    select(VideoJob.id).where(VideoJob.user_id == _USER, IS_ACTIVE).order_by(VideoJob.created_at, VideoJob.id)
).scalar_subquery()
# The look is kept from being deleted until the transaction ends.
_OWNS_LOOK = exists(
    select(Look.id).where(Look.id == _LOOK, Look.user_id == _USER).with_for_update(read=True, key_share=True)
)
_WAITING = select(VideoJob.id).where(IS_WAITING).limit(bindparam("most_waiting", type_=Integer)).subquery()
_STANDING = Statement(
    select(
        func.array(_ACTIVE, type_=ARRAY(Uuid)),
        TABLE_EXISTS,
        _OWNS_LOOK,
        reason_of(PauseScope.ALL),
        reason_of(PauseScope.REAL),
        select(func.count()).select_from(_WAITING).scalar_subquery(),
        SILENT_SECONDS,
    ),
    Standing,
)
# Whole seconds, as the queue's priorities have them; of jobs with the same, the one with the lower id goes first.
_QUEUE_AT = func.date_trunc("second", func.now()) + bindparam("handicap", type_=Interval)


def _written(*, in_look: bool) -> Statement[NewVideoJob]:
    """Put the job first: what needs its id is written from what its row returns."""
    values = {"id": bindparam("job"), "user_id": _USER} | {
        name: bindparam(name) for name in (*SPECIFIED, "search_text", "status_message", "tokens_consumed")
    }
    job = insert(VideoJob).values(values | {"queue_at": _QUEUE_AT}).returning(*SHOWN, VideoJob.queue_at).cte("job")
    charge = balance_changed(select(job.c.id).scalar_subquery())
    first = select(job.c.id, bindparam("level", type_=Text), bindparam("message", type_=Text))
    line = (
        insert(VideoJobLog)
        .from_select(["video_job_id", "level", "message"], first)
        .returning(VideoJobLog.timestamp)
        .cte("line")
    )
    shown = [job.c[name] for name in VideoJobRow.columns()]
    query = select(*shown, line.c.timestamp, job.c.queue_at).select_from(job).join(line, true()).join(charge, true())
    link = insert(LookVideo).from_select(["look_id", "video_job_id"], select(_LOOK, job.c.id)).cte("link")
    return Statement(query.add_cte(link) if in_look else query, NewVideoJob)


_WRITE = _written(in_look=False)
_WRITE_WITH_LOOK = _written(in_look=True)


async def standing(reader: Reader, user_id: UUID, look_id: UUID | None, most_waiting: int = 0) -> Standing:
    """Read what decides besides the balance; of all waiting jobs, that many are counted.

    Read after the account was locked, in the same transaction, it stays good: meanwhile a job may end, but none begins.
    """
    return await reader.only(_STANDING, user=user_id, look=look_id, most_waiting=most_waiting)


async def write(writer: Writer, new: Creation) -> NewVideoJob:
    """Write a job, its place in a look, the charge with its ledger entry, and the first line of its log.

    Raises asyncpg.IntegrityConstraintViolationError when the balance would go below zero.
    """
    values = new.charge.parameters(new.user_id) | {"job": new.job_id, "level": LogLevel.INFO, "message": new.message}
    values |= {"tokens_consumed": -new.charge.amount, "handicap": new.handicap}
    prompt = new.specification.prompt
    # Where the database's own small letters will do, there is none.
    values["search_text"] = None if prompt is None or prompt.isascii() else searchable(prompt)
    values |= {name: getattr(new.specification, name) for name in SPECIFIED} | {"status_message": new.status_message}
    if new.look_id is not None:
        values["look"] = new.look_id
    statement = _WRITE if new.look_id is None else _WRITE_WITH_LOOK
    job = await writer.only(statement, **values)
    writer.tokens[new.charge.kind] += -new.charge.amount
    wake_up_after_commit(writer, job.id, job.version, job.user_id)
    return job
