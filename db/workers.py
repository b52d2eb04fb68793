"""Statements on workers' signs of life (see `db.tables.Worker`)."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Double, Interval, Uuid, bindparam, cast, delete, exists, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from db.engine.statements import Flag, NoRow, Reader, Row, Statement, Writer, is_so
from db.tables import VideoJob, Worker
from db.video_jobs import IS_WAITING

# Who has given none for longer is not alive; a sign is due every few seconds.
ALIVE = timedelta(seconds=30)


class Alive(Row):
    """How many workers are alive, and for how many seconds none has given a sign of life.

    Where none ever did, that is for how long a job has waited for one; None where there is no such job either.
    """

    count: int
    silent_seconds: float | None


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
_IS_FIRST = Statement(select(~exists().where(_is_alive, Worker.id < bindparam("worker", type_=Uuid))), Flag)
_BEAT = Statement(
    insert(Worker)
    .values(id=bindparam("worker", type_=Uuid))
    .on_conflict_do_update(index_elements=["id"], set_={"seen_at": func.now()}),
    NoRow,
)
_PRUNE = Statement(delete(Worker).where(Worker.seen_at < func.now() - bindparam("keep", type_=Interval)), NoRow)


async def alive(reader: Reader) -> Alive:
    """Read whether there are workers."""
    (found,) = await reader.fetch(_ALIVE, alive=ALIVE)
    return found


async def is_first(reader: Reader, worker_id: UUID, alive: timedelta) -> bool:
    """Whether none with a lower id has given a sign of life for so long: true of one worker, for a moment of two."""
    return await is_so(reader, _IS_FIRST, worker=worker_id, alive=alive)


async def beat(writer: Writer, worker_id: UUID) -> None:
    """Give a sign of life."""
    await writer.fetch(_BEAT, worker=worker_id)


async def prune(writer: Writer, keep: timedelta) -> None:
    """Forget workers that have given none for so long."""
    await writer.fetch(_PRUNE, keep=keep)
