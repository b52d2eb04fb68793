"""Statements on video jobs, their logs, and those that are no more (see `db.tables.VideoJobDeletion`)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import SQLColumnExpression, Text, Uuid, bindparam, case, cast, delete, exists, null, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from db.engine.database import wake_up_after_commit
from db.engine.paging import NESTED_LIMIT
from db.engine.statements import MOST, Counted, Id, Reader, Row, Statement, Writer, among, spelled
from db.enums import ACTIVE_STATUSES, LogLevel, VideoJobStatus
from db.queue import is_queued
from db.specification import SPECIFIED, Specification, declares
from db.tables import VideoJob, VideoJobDeletion, VideoJobLog

# Spelled out in the statement: a plan made for any list of statuses could not use the index of the active ones.
IS_WAITING = VideoJob.status == spelled(VideoJobStatus.PENDING)
IS_ACTIVE = VideoJob.status.in_([spelled(status) for status in ACTIVE_STATUSES])


@declares(Specification)
class VideoJobRow(Row):
    """What is shown of a job."""

    id: UUID
    user_id: UUID
    prompt: str | None
    model: str
    resolution: str
    aspect_ratio: str
    duration_seconds: int
    generate_audio: bool
    mock_mode: bool
    status: str
    status_message: str
    error_code: str | None
    error_message: str | None
    progress_percentage: int
    progress_is_estimated: bool
    cloudinary_url: str | None
    thumbnail_url: str | None
    video_duration_seconds: float | None
    video_size_bytes: int | None
    video_width: int | None
    video_height: int | None
    content_credentials: str | None
    tokens_consumed: int
    version: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime


class JobRow(VideoJobRow):
    """All of a job: what is shown, and how far handing it to the generator has got."""

    submission: str
    provider: str | None
    fallback_model: str | None
    operation_name: str | None
    submit_not_before: datetime | None
    submitted_at: datetime | None
    submit_errors: int
    attempt: int
    run_id: UUID | None
    faults: int


class UnqueuedJob(Row):
    """A job without a place in the queue, and which it is to have."""

    id: UUID
    queue_at: datetime


class DeletionRow(Row):
    """A deleted job's id, and when it was deleted."""

    video_job_id: UUID
    deleted_at: datetime


class LogLine(Row):
    """What is shown of a line of a job's log."""

    video_job_id: UUID
    id: int
    timestamp: datetime
    level: str
    message: str


SHOWN = VideoJobRow.columns_of(VideoJob)
_ALL = JobRow.columns_of(VideoJob)
# What a job's columns hold when it is created, where they change later.
_FIRST: dict[str, SQLColumnExpression[Any]] = {
    column.name: cast(getattr(column.server_default, "arg", null()), column.type)
    for column in VideoJob.__table__.columns
    if (column.nullable or column.server_default) and column.name not in {*SPECIFIED, "created_at"}
} | {
    "status_message": case(
        (VideoJob.mock_mode, bindparam("mock_status_message", type_=Text)),
        else_=bindparam("status_message", type_=Text),
    ),
    "updated_at": VideoJob.created_at,
}
_ORDER = (VideoJob.created_at, VideoJob.id)
_OWNER = bindparam("owner", type_=Uuid)
_IS_JOB = VideoJob.id == bindparam("job")
_WHOLE = Statement(select(*_ALL).where(VideoJob.id == among("ids")), JobRow)
_KEEP = Statement(select(VideoJob.id).where(_IS_JOB).with_for_update(read=True, key_share=True), Id)
_removed = delete(VideoJob).where(VideoJob.id == among("jobs")).returning(VideoJob.id, VideoJob.user_id).cte("removed")
_REMOVE = Statement(
    insert(VideoJobDeletion).from_select(["video_job_id", "user_id"], select(_removed)).on_conflict_do_nothing()
)
_AS_CREATED = Statement(
    select(*(_FIRST.get(name, getattr(VideoJob, name)) for name in VideoJobRow.columns())).where(
        _IS_JOB, VideoJob.user_id == _OWNER
    ),
    VideoJobRow,
)
_SHOWN = Statement(select(*SHOWN).where(VideoJob.id == among("ids")), VideoJobRow)
_VERSIONS = Statement(select(VideoJob.id, VideoJob.version).where(VideoJob.id == among("jobs")), Counted)
_ACTIVE_OR_NEWER = Statement(
    select(*SHOWN)
    .where(
        VideoJob.user_id == _OWNER,
        or_(IS_ACTIVE, VideoJob.created_at >= bindparam("since"), VideoJob.id == among("jobs")),
    )
    .order_by(*_ORDER),
    VideoJobRow,
)
_LAST_SEEN = tuple_(bindparam("since"), bindparam("last", type_=Uuid))
_CHANGED_SINCE = Statement(
    select(*SHOWN)
    .where(VideoJob.user_id == _OWNER, tuple_(VideoJob.updated_at, VideoJob.id) > _LAST_SEEN)
    .order_by(VideoJob.updated_at, VideoJob.id)
    .limit(MOST),
    VideoJobRow,
)
_DELETED_SINCE = Statement(
    select(*DeletionRow.columns_of(VideoJobDeletion))
    .where(
        VideoJobDeletion.user_id == _OWNER,
        tuple_(VideoJobDeletion.deleted_at, VideoJobDeletion.video_job_id) > _LAST_SEEN,
    )
    .order_by(VideoJobDeletion.deleted_at, VideoJobDeletion.video_job_id)
    .limit(MOST),
    DeletionRow,
)
_LINE = LogLine.columns_of(VideoJobLog)
_ADD_LOG = Statement(
    insert(VideoJobLog).values(video_job_id=bindparam("job"), level=bindparam("level"), message=bindparam("message"))
)
_NOT_QUEUED = Statement(
    select(VideoJob.id, VideoJob.queue_at)
    .where(IS_ACTIVE, ~exists(is_queued(VideoJob.id)))
    .order_by(VideoJob.created_at)
    .limit(MOST),
    UnqueuedJob,
)
_LOGS = Statement(
    select(*_LINE)
    .where(VideoJobLog.video_job_id == among("jobs"))
    .order_by(VideoJobLog.video_job_id, VideoJobLog.id)
    .limit(NESTED_LIMIT),
    LogLine,
)
_LOGS_AFTER = Statement(
    select(*_LINE)
    .where(VideoJobLog.video_job_id == bindparam("job"), VideoJobLog.id > bindparam("after"))
    .order_by(VideoJobLog.id),
    LogLine,
)


async def get(reader: Reader, job_id: UUID) -> JobRow | None:
    """Read all of one job, whoever owns it."""
    return next(iter(await reader.rows_of(_WHOLE, job_id)), None)


async def get_shown(reader: Reader, job_id: UUID) -> VideoJobRow | None:
    """Read what is shown of a job, whoever owns it."""
    return next(iter(await reader.rows_of(_SHOWN, job_id)), None)


async def get_many(reader: Reader, job_ids: Sequence[UUID]) -> list[VideoJobRow]:
    """Read those of the jobs that there are, whoever owns them."""
    return await reader.fetch(_SHOWN, ids=job_ids)


async def versions(reader: Reader, job_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Read the versions of those of the jobs that there are."""
    return await reader.numbers(_VERSIONS, jobs=job_ids)


async def active_or_newer(reader: Reader, user_id: UUID, since: datetime, known: Sequence[UUID]) -> list[VideoJobRow]:
    """Read a user's jobs that may have changed lately: in progress, created since, or known to be worth a look."""
    return await reader.fetch(_ACTIVE_OR_NEWER, owner=user_id, since=since, jobs=known)


async def changed_since(
    reader: Reader, user_id: UUID, timestamp: datetime, last: UUID, *, limit: int
) -> list[VideoJobRow]:
    """Read a user's jobs that were changed after that, or at that time and with a greater id; oldest change first."""
    return await reader.fetch(_CHANGED_SINCE, owner=user_id, since=timestamp, last=last, most=limit)


async def deleted_since(
    reader: Reader, user_id: UUID, timestamp: datetime, last: UUID, *, limit: int
) -> list[DeletionRow]:
    """Read which of a user's jobs were deleted after that, or then and with a greater id; oldest first."""
    return await reader.fetch(_DELETED_SINCE, owner=user_id, since=timestamp, last=last, most=limit)


async def keep(writer: Writer, job_id: UUID) -> None:
    """Keep a job from being deleted until the transaction ends."""
    await writer.fetch(_KEEP, job=job_id)


async def get_as_created(
    reader: Reader, job_id: UUID, user_id: UUID, status_message: str, mock_status_message: str
) -> VideoJobRow | None:
    """Read a user's job as its creation left it: what never changes, and the first values of the rest."""
    values = {"status_message": status_message, "mock_status_message": mock_status_message}
    return await reader.first(_AS_CREATED, job=job_id, owner=user_id, **values)


async def remove(writer: Writer, jobs: Sequence[VideoJobRow]) -> None:
    """Delete jobs with their logs and links, and remember that; what they cost stays in the ledger."""
    await writer.fetch(_REMOVE, jobs=[job.id for job in jobs])
    for job in jobs:
        wake_up_after_commit(writer, job.id, job.version + 1, job.user_id)


async def add_log(writer: Writer, job_id: UUID, level: LogLevel, message: str) -> None:
    """Append a line to a job's log."""
    await writer.fetch(_ADD_LOG, job=job_id, level=level, message=message)


async def logs_of(reader: Reader, job_ids: Sequence[UUID]) -> list[LogLine]:
    """Read the logs of many jobs, oldest line first."""
    return await reader.fetch(_LOGS, jobs=job_ids)


async def logs_after(reader: Reader, job_id: UUID, after: int) -> list[LogLine]:
    """Read the lines of a job's log behind the one of that id, oldest line first."""
    return await reader.fetch(_LOGS_AFTER, job=job_id, after=after)


async def active_but_not_queued(reader: Reader, *, limit: int) -> list[UnqueuedJob]:
    """Find jobs that no worker will ever take, since their place in the queue is gone."""
    return await reader.fetch(_NOT_QUEUED, most=limit)
