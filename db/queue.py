"""The way into PgQueuer: a job's place in the queue is written by the transaction that writes the job."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Integer, Select, String, and_, cast, column, exists, func, select, table, text
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.orm import InstrumentedAttribute

from db.engine.statements import Flag, Number, Reader, Statement, Writer, spelled

if TYPE_CHECKING:
    from pgqueuer import Queries

GENERATE_VIDEO = "generate_video"
# From when priorities count seconds: PgQueuer's are 32 bits wide.
PRIORITIES_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
# Of fewer, any plan is good.
FEW_ROWS = 200
# As PgQueuer calls it.
_TRIGGER = "tg_pgqueuer_changed"

_COLUMNS = ("dedupe_key", "slot", "status", "queue_manager_id", "heartbeat", "created", "execute_after")
PGQUEUER = table("pgqueuer", *(column(name) for name in _COLUMNS))


class _WriterDriver:
    """Lets PgQueuer enqueue inside a transaction of ours."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        return [dict(row) for row in await self._writer.send(query, *args)]

    @staticmethod
    @cache
    def queries() -> "Queries":
        """Load PgQueuer when a job is first enqueued: it is 4% of what an API process loads before its first answer.

        Kept, since to make one reads PgQueuer's settings, which takes longer than to enqueue.
        """
        made: Queries = resolve_name("pgqueuer:Queries")(None)
        return made


_REQUIRE = Statement(select(PGQUEUER.c.dedupe_key.is_(None)).limit(0), Flag)
_statistics = table("pg_stat_user_tables", column("relid"), column("n_live_tup"), column("n_mod_since_analyze"))
_changed = _statistics.c.n_mod_since_analyze
_HAS_OUTGROWN = Statement(
    select(and_(_changed > FEW_ROWS, _changed > _statistics.c.n_live_tup / 2)).where(
        _statistics.c.relid == cast(PGQUEUER.name, REGCLASS)
    ),
    Flag,
)
_HIGHEST_SLOT = Statement(
    select(cast(func.coalesce(func.max(PGQUEUER.c.slot), -1), Integer)).where(PGQUEUER.c.status == spelled("picked")),
    Number,
)
_triggers = table("pg_trigger", column("tgrelid"), column("tgname"), column("tgenabled"))
_ANNOUNCES = Statement(
    select(
        exists().where(
            _triggers.c.tgrelid == cast(PGQUEUER.name, REGCLASS),
            _triggers.c.tgname == _TRIGGER,
            _triggers.c.tgenabled != spelled("D"),
        )
    ),
    Flag,
)
_ANALYZE = Statement(text(f"ANALYZE {PGQUEUER.name}"))


async def require_tables(reader: Reader) -> None:
    """Raise `DatabaseNotMigrated` where there is no queue yet; PgQueuer itself would name a command of its own."""
    await reader.fetch(_REQUIRE)


async def enqueue(writer: Writer, job_ids: Collection[UUID], queue_at: Sequence[datetime] = ()) -> None:
    """Give each job a place in the queue, once: a job that has one keeps it.

    `queue_at` is each one's (see `db.tables.VideoJob`): the earliest goes first, behind jobs that came without one.
    """
    ids = [str(job_id) for job_id in job_ids]
    priorities = [-int((time - PRIORITIES_BEGIN).total_seconds()) for time in queue_at]
    driver = _WriterDriver(writer)  # `fetch` is all that is needed of it
    queries = replace(driver.queries(), driver=driver)  # type: ignore[arg-type]
    await queries.enqueue(
        [GENERATE_VIDEO] * len(ids),
        [job_id.encode() for job_id in ids],
        priorities or [0] * len(ids),
        dedupe_key=list(ids),
        on_conflict="skip",
    )


async def has_outgrown_statistics(reader: Reader) -> bool:
    """Whether half of the queue, and more than a few rows, have come or changed since the planner's statistics."""
    return await reader.is_so(_HAS_OUTGROWN)


async def renew_statistics(writer: Writer) -> None:
    """Let PostgreSQL look at a sample of the queue."""
    await writer.fetch(_ANALYZE)


async def highest_slot(reader: Reader) -> int:
    """Return the highest of the slots that taken jobs hold, which PgQueuer counts from 0; -1 where there are none."""
    return await reader.number(_HIGHEST_SLOT)


async def announces_jobs(reader: Reader) -> bool:
    """Whether PgQueuer's trigger wakes workers up for new jobs."""
    return await reader.is_so(_ANNOUNCES)


def is_queued(job_id: InstrumentedAttribute[UUID]) -> Select[Any]:
    """Select the job's place in the queue: waiting, or taken by a worker."""
    return select(PGQUEUER.c.dedupe_key).where(PGQUEUER.c.dedupe_key == cast(job_id, String))
