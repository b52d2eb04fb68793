"""What a creation asks of the database and writes to it, each in one statement: its account is locked meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CTE, Text, Uuid, bindparam, exists, func, select, true
from sqlalchemy.dialects.postgresql import insert

from db.engine.database import wake_up_after_commit
from db.engine.search import folded
from db.engine.statements import Reader, Row, Statement, Writer
from db.enums import LogLevel, PauseScope
from db.ledger import Entry, balance_changed
from db.pauses import reason_of
from db.specification import SPECIFIED, Specification, values_of
from db.tables import Look, LookVideo, VideoJob, VideoJobLog
from db.video_jobs import IS_ACTIVE, SHOWN, VideoJobRow


class Standing(Row):
    """What decides about a creation besides the balance: slots, look and pauses.

    `active` are the jobs that hold a slot, oldest first; a pause is told by its reason.
    """

    active: list[UUID]
    owns_look: bool
    paused: str | None
    paused_real: str | None


class NewVideoJob(VideoJobRow):
    """What is shown of a job that was created a moment ago, and when its log began."""

    logged_at: datetime


@dataclass(frozen=True)
class Creation:
    """A job to be written. `charge` is what is paid, `look_id` a look of the user's, `message` its log's first line."""

    job_id: UUID
    user_id: UUID
    specification: Specification
    status_message: str
    charge: Entry
    message: str
    look_id: UUID | None


_USER = bindparam("user", type_=Uuid)
_LOOK = bindparam("look", type_=Uuid)
_ACTIVE = (
    select(VideoJob.id).where(VideoJob.user_id == _USER, IS_ACTIVE).order_by(VideoJob.created_at, VideoJob.id)
).scalar_subquery()
# The look is kept from being deleted until the transaction ends.
_OWNS_LOOK = exists(
    select(Look.id).where(Look.id == _LOOK, Look.user_id == _USER).with_for_update(read=True, key_share=True)
)
_PAUSES = (reason_of(PauseScope.ALL), reason_of(PauseScope.REAL))
_STANDING = Statement(select(func.array(_ACTIVE, type_=ARRAY(Uuid)), _OWNS_LOOK, *_PAUSES), Standing)


def _written(*more: Callable[[CTE], CTE]) -> Statement[NewVideoJob]:
    """Put the job first: what needs its id is written from what its row returns."""
    values = {"id": bindparam("job"), "user_id": _USER} | {
        name: bindparam(name) for name in (*SPECIFIED, "search_text", "status_message", "tokens_consumed")
    }
    job = insert(VideoJob).values(values).returning(*SHOWN).cte("job")
    charge = balance_changed(select(job.c.id).scalar_subquery())
    first = select(job.c.id, bindparam("level", type_=Text), bindparam("message", type_=Text))
    line = (
        insert(VideoJobLog)
        .from_select(["video_job_id", "level", "message"], first)
        .returning(VideoJobLog.timestamp)
        .cte("line")
    )
    shown = [job.c[name] for name in VideoJobRow.columns()]
    query = select(*shown, line.c.timestamp).select_from(job).join(line, true()).join(charge, true())
    return Statement(query.add_cte(*(part(job) for part in more)), NewVideoJob)


def _link(job: CTE) -> CTE:
    return insert(LookVideo).from_select(["look_id", "video_job_id"], select(_LOOK, job.c.id)).cte("link")


_WRITE = _written()
_WRITE_WITH_LOOK = _written(_link)


async def standing(reader: Reader, user_id: UUID, look_id: UUID | None) -> Standing:
    """Read what decides besides the balance.

    Read after the account was locked, in the same transaction, it stays good: meanwhile a job may end, but none begins.
    """
    (found,) = await reader.fetch(_STANDING, user=user_id, look=look_id)
    return found


async def write(writer: Writer, new: Creation) -> NewVideoJob:
    """Write a job, its place in a look, the charge with its ledger entry, and the first line of its log.

    Raises:
        asyncpg.IntegrityConstraintViolationError: when the balance would go below zero.

    """
    values = new.charge.parameters(new.user_id) | {"job": new.job_id, "level": LogLevel.INFO, "message": new.message}
    values["tokens_consumed"] = -new.charge.amount
    values["search_text"] = folded(new.specification.prompt)
    values |= values_of(new.specification) | {"status_message": new.status_message}
    if new.look_id is not None:
        values["look"] = new.look_id
    statement = _WRITE if new.look_id is None else _WRITE_WITH_LOOK
    (job,) = await writer.fetch(statement, **values)
    wake_up_after_commit(writer, job.id, job.version, job.user_id)
    return job
