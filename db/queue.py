"""The way into PgQueuer: a job's place in the queue is written by the transaction that writes the job."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any
from typing import cast as cast_type
from uuid import UUID

from pgqueuer import Queries
from pgqueuer.domain.settings import db_settings
from pgqueuer.ports.driver import Driver
from sqlalchemy import Select, String, and_, cast, column, delete, func, literal_column, select, table, text
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.orm import InstrumentedAttribute

from db.session import Session
from db.statements import Id, Writer

GENERATE_VIDEO = "generate_video"
# Of fewer, any plan is good.
FEW_ROWS = 200

_pgqueuer = table("pgqueuer", column("dedupe_key"), column("slot"), column("status"))
_log = table("pgqueuer_log", column("created"))


class _WriterDriver:
    """Lets PgQueuer enqueue inside a transaction of ours; `fetch` is all that enqueueing needs of a driver."""

    def __init__(self, writer: Writer | None = None) -> None:
        self._writer = writer

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        if self._writer is None:
            raise TypeError("There is no transaction to enqueue in")
        return [dict(row) for row in await self._writer.send(query, *args)]


# To make one reads PgQueuer's settings, which takes longer than to enqueue.
_queries = Queries(cast_type("Driver", _WriterDriver()))


async def require_tables(session: Session) -> None:
    """Raise `DatabaseNotMigrated` where there is no queue yet; PgQueuer itself would name a command of its own."""
    await session.execute(select(_pgqueuer.c.dedupe_key).limit(0))


async def enqueue(writer: Writer, job_ids: Collection[Id]) -> None:
    """Give each job a place in the queue, once: a job that has one keeps it."""
    ids = [str(job_id) for job_id in job_ids]
    await replace(_queries, driver=cast_type("Driver", _WriterDriver(writer))).enqueue(
        [GENERATE_VIDEO] * len(ids),
        [job_id.encode() for job_id in ids],
        [0] * len(ids),
        dedupe_key=list(ids),
        on_conflict="skip",
    )


async def prune_log(session: Session, keep: timedelta) -> None:
    """Delete what PgQueuer wrote down longer ago; it never does so itself."""
    await session.execute(delete(_log).where(_log.c.created < func.now() - keep))


async def has_outgrown_statistics(session: Session) -> bool:
    """Whether half of the queue, and more than a few rows, have come or changed since the planner's statistics."""
    queued = table("pg_stat_user_tables", column("relid"), column("n_live_tup"), column("n_mod_since_analyze"))
    changed = queued.c.n_mod_since_analyze
    query = select(and_(changed > FEW_ROWS, changed > queued.c.n_live_tup / 2))
    return bool(await session.scalar(query.where(queued.c.relid == cast(_pgqueuer.name, REGCLASS))))


async def renew_statistics(session: Session) -> None:
    """Let PostgreSQL look at a sample of the queue."""
    await session.execute(text(f"ANALYZE {_pgqueuer.name}"))


async def highest_slot(session: Session) -> int:
    """Return the highest of the slots that taken jobs hold, which PgQueuer counts from 0; -1 where there are none."""
    query = select(func.max(_pgqueuer.c.slot)).where(_pgqueuer.c.status == literal_column("'picked'"))
    return -1 if (highest := await session.scalar(query)) is None else int(highest)


async def announces_jobs(session: Session) -> bool:
    """Whether PgQueuer's trigger wakes workers up for new jobs."""
    triggers = table("pg_trigger", column("tgrelid"), column("tgname"), column("tgenabled"))
    query = select(triggers.c.tgname).where(
        triggers.c.tgrelid == cast(_pgqueuer.name, REGCLASS),
        triggers.c.tgname == db_settings().trigger,
        triggers.c.tgenabled != literal_column("'D'"),
    )
    return await session.scalar(query) is not None


def is_queued(job_id: InstrumentedAttribute[UUID]) -> Select[Any]:
    """Select the job's place in the queue: waiting, or taken by a worker."""
    return select(_pgqueuer.c.dedupe_key).where(_pgqueuer.c.dedupe_key == cast(job_id, String))
