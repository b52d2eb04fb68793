"""Changes of a job, each with all that goes with it in one statement."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import CTE, Integer, Text, Uuid, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import TypeEngine

from db.engine.database import wake_up_after_commit
from db.engine.statements import Statement, Writer, listed
from db.file_removals import UNOWNED_FILES_LAST, scheduled
from db.tables import FileRemoval, VideoJob, VideoJobImage, VideoJobLog
from db.video_jobs import JobRow, VideoJobRow

# Makes what is written besides, of the rows that have changed and of what was given for each: texts by their names.
Part = Callable[[CTE, CTE], CTE]
Parts = Mapping[Part, Mapping[str, object]]
# In the place of a column's value: the time of the transaction.
NOW = func.now()


async def change(writer: Writer, job: VideoJobRow, values: Mapping[str, object], parts: Parts) -> JobRow | None:
    """Set columns if the row still has the version that was read, count the version up, and wake the followers.

    Return the row as it has become, or None where somebody else has changed it since it was read: then nothing is
    written.
    """
    now = frozenset(name for name, value in values.items() if value is NOW)
    statement = _change(frozenset(values) - now, now, tuple((part, tuple(taken)) for part, taken in parts.items()))
    parameters = {name: value for each in (values, *parts.values()) for name, value in each.items() if value is not NOW}
    found = await writer.changed(statement, job.id, {"job": job.id, "read_version": job.version, **parameters})
    changed = next(iter(found), None)
    if changed is not None:
        wake_up_after_commit(writer, changed.id, changed.version, changed.user_id)
    return changed


@lru_cache(maxsize=64)
def _change(
    names: frozenset[str], now: frozenset[str], parts: tuple[tuple[Part, tuple[str, ...]], ...]
) -> Statement[JobRow]:
    """Put together what sets these columns of many jobs: there are as many combinations as kinds of transitions."""
    types: dict[str, TypeEngine[Any]] = {"job": Uuid(), "read_version": Integer()}
    types |= {name: _TYPES[name] for name in sorted(names)} | {name: Text() for _, taken in parts for name in taken}
    lists = func.unnest(*(listed(name, type_) for name, type_ in types.items()))
    given = select(lists.table_valued(*types).render_derived("lists")).cte("given")
    changed = (
        update(VideoJob)
        .where(VideoJob.id == given.c.job, VideoJob.version == given.c.read_version)
        .values({name: given.c[name] for name in sorted(names)})
        .values(dict.fromkeys((*sorted(now), "updated_at"), NOW))
        .values(version=VideoJob.version + 1)
        .returning(*JobRow.columns_of(VideoJob))
        .cte("changed")
    )
    also = (part(changed, given) for part, _ in parts)
    return Statement(select(changed).add_cte(*also), JobRow)


def line(changed: CTE, given: CTE) -> CTE:
    """Append a line to each job's log; takes `level` and `message`."""
    written = select(changed.c.id, given.c.level, given.c.message).join(given, given.c.job == changed.c.id)
    return insert(VideoJobLog).from_select(["video_job_id", "level", "message"], written).cte("line")


def file_scheduled(changed: CTE, given: CTE) -> CTE:
    """Have a file that is about to be stored removed later, unless `file_owned` comes first; takes `file`."""
    due = select(given.c.file, NOW + UNOWNED_FILES_LAST).join(changed, changed.c.id == given.c.job)
    return scheduled(due).cte("scheduled")


def file_owned(changed: CTE, given: CTE) -> CTE:
    """Keep a file after all; takes `file`."""
    owned = select(given.c.file).join(changed, changed.c.id == given.c.job)
    return delete(FileRemoval).where(FileRemoval.address.in_(owned)).cte("withdrawn")


def images_scheduled(changed: CTE, _given: CTE) -> CTE:
    """Have the files of a job that has ended removed in the background, once they were kept for long enough."""
    due = select(VideoJobImage.address, NOW + VideoJobImage.kept_for).join(
        changed, changed.c.id == VideoJobImage.video_job_id
    )
    return scheduled(due).cte("images")


_TYPES: Mapping[str, TypeEngine[Any]] = {name: column.type for name, column in VideoJob.__table__.columns.items()}
