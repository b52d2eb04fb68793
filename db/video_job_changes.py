"""Changes of a job, each with all that goes with it in one statement."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from sqlalchemy import CTE, Text, bindparam, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from db.engine.database import wake_up_after_commit
from db.engine.statements import Statement, Writer, first_row
from db.file_removals import UNOWNED_FILES_LAST
from db.tables import FileRemoval, VideoJob, VideoJobImage, VideoJobLog
from db.video_jobs import JobRow, VideoJobRow

# Makes what is written besides if the row has changed; its parameters come with the change.
Part = Callable[[CTE], CTE]
Parts = Mapping[Part, Mapping[str, object]]
# In the place of a column's value: the time of the transaction.
NOW = func.now()


async def change(writer: Writer, job: VideoJobRow, values: Mapping[str, object], parts: Parts) -> JobRow | None:
    """Set columns if the row still has the version that was read, count the version up, and wake the followers.

    Return the row as it has become, or None where somebody else has changed it since it was read: then nothing is
    written.
    """
    now = frozenset(name for name, value in values.items() if value is NOW)
    statement = _change(frozenset(values) - now, now, tuple(parts))
    parameters = {name: value for each in (values, *parts.values()) for name, value in each.items() if value is not NOW}
    changed = await first_row(writer, statement, job=job.id, read_version=job.version, **parameters)
    if changed is not None:
        wake_up_after_commit(writer, changed.id, changed.version, changed.user_id)
    return changed


@lru_cache(maxsize=64)
def _change(names: frozenset[str], now: frozenset[str], parts: tuple[Part, ...]) -> Statement[JobRow]:
    """Put together what sets these columns: there are as many combinations as kinds of transitions."""
    changed = (
        update(VideoJob)
        .where(VideoJob.id == bindparam("job"), VideoJob.version == bindparam("read_version"))
        .values({name: bindparam(name) for name in sorted(names)})
        .values(dict.fromkeys((*sorted(now), "updated_at"), NOW))
        .values(version=VideoJob.version + 1)
        .returning(*JobRow.columns_of(VideoJob))
        .cte("changed")
    )
    return Statement(select(changed).add_cte(*(part(changed) for part in parts)), JobRow)


def line(changed: CTE) -> CTE:
    """Append a line to the job's log; takes `level` and `message`."""
    written = select(changed.c.id, bindparam("level", type_=Text), bindparam("message", type_=Text))
    return insert(VideoJobLog).from_select(["video_job_id", "level", "message"], written).cte("line")


def file_scheduled(changed: CTE) -> CTE:
    """Have a file that is about to be stored removed later, unless `file_owned` comes first; takes `file`."""
    removal = insert(FileRemoval).from_select(
        ["address", "due_at"],
        select(bindparam("file", type_=Text), func.now() + UNOWNED_FILES_LAST).select_from(changed),
    )
    due = {"due_at": removal.excluded.due_at}
    return removal.on_conflict_do_update(index_elements=["address"], set_=due).cte("scheduled")


def file_owned(changed: CTE) -> CTE:
    """Keep a file after all; takes `file`."""
    is_it = FileRemoval.address == bindparam("file", type_=Text)
    return delete(FileRemoval).where(is_it, exists(select(changed.c.id))).cte("withdrawn")


def images_scheduled(changed: CTE) -> CTE:
    """Have the files of a job that has ended removed in the background, once they were kept for long enough."""
    removal = insert(FileRemoval).from_select(
        ["address", "due_at"],
        select(VideoJobImage.address, func.now() + VideoJobImage.kept_for).join(
            changed, changed.c.id == VideoJobImage.video_job_id
        ),
    )
    due = {"due_at": removal.excluded.due_at}
    return removal.on_conflict_do_update(index_elements=["address"], set_=due).cte("images")
