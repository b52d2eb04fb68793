"""Statements on video jobs, their logs and their idempotency keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    Interval,
    Uuid,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from db.models import ACTIVE_STATUSES, IdempotencyKey, LogLevel, VideoJob, VideoJobLog, VideoJobStatus
from db.pages import Listing, OffsetPage, Page, Position, newest_first, skipping
from db.queue import is_queued
from db.session import Session, wake_up_after_commit
from db.statements import Id, Reader, Row, Statement, Writer, among, as_text, first_row

# Spelled out in the statement: a plan made for any list of statuses could not use the index of the active ones.
IS_ACTIVE = VideoJob.status.in_([literal_column(f"'{status}'") for status in ACTIVE_STATUSES])


class VideoJobRow(Row):
    """What is shown of a job."""

    id: str
    user_id: str
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
    tokens_consumed: int
    version: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime


class KeyRow(Row):
    """What an idempotency key stood for."""

    request_digest: str
    video_job_id: UUID


class VersionRow(Row):
    """A job's version."""

    id: UUID
    version: int


class LogLine(Row):
    """What is shown of a line of a job's log."""

    video_job_id: str
    id: int
    timestamp: datetime
    level: str
    message: str


SHOWN = (
    as_text(VideoJob.id).label("id"),
    as_text(VideoJob.user_id).label("user_id"),
    *(getattr(VideoJob, name) for name in VideoJobRow.columns()[2:]),
)
_ORDER = (VideoJob.created_at, VideoJob.id)
_OWNER = bindparam("owner", type_=Uuid)
_ANY_JOB = Statement(select(*SHOWN).where(VideoJob.id == bindparam("job")), VideoJobRow)
_OWN_JOB = Statement(select(*SHOWN).where(VideoJob.id == bindparam("job"), VideoJob.user_id == _OWNER), VideoJobRow)
_ANY_JOBS = Statement(select(*SHOWN).where(VideoJob.id == among("jobs")), VideoJobRow)
_VERSIONS = Statement(select(VideoJob.id, VideoJob.version).where(VideoJob.id == among("jobs")), VersionRow)
_ACTIVE_OR_NEWER = Statement(
    select(*SHOWN)
    .where(
        VideoJob.user_id == _OWNER,
        or_(IS_ACTIVE, VideoJob.created_at >= bindparam("since"), VideoJob.id == among("jobs")),
    )
    .order_by(*_ORDER),
    VideoJobRow,
)
_OWN_JOBS = Listing(select(*SHOWN).where(VideoJob.user_id == _OWNER), _ORDER, VideoJobRow)
_OWN_JOBS_OF_STATUS = Listing(
    select(*SHOWN).where(VideoJob.user_id == _OWNER, VideoJob.status == bindparam("status")), _ORDER, VideoJobRow
)
_KEY_ROW = (IdempotencyKey.request_digest, IdempotencyKey.video_job_id)
_KEY = Statement(
    select(*_KEY_ROW).where(
        IdempotencyKey.user_id == _OWNER,
        IdempotencyKey.key == bindparam("key"),
        IdempotencyKey.created_at > func.now() - bindparam("keep", type_=Interval),
    ),
    KeyRow,
)
_STANDS_FOR = {"request_digest": bindparam("digest"), "video_job_id": bindparam("job"), "created_at": func.now()}
_PUT_KEY = Statement(
    insert(IdempotencyKey)
    .values({"user_id": _OWNER, "key": bindparam("key")} | _STANDS_FOR)
    .on_conflict_do_update(index_elements=["user_id", "key"], set_=_STANDS_FOR)
    .returning(*_KEY_ROW),
    KeyRow,
)
_LINE = (as_text(VideoJobLog.video_job_id), *(getattr(VideoJobLog, name) for name in LogLine.columns()[1:]))
_LOGS = Statement(
    select(*_LINE).where(VideoJobLog.video_job_id == among("jobs")).order_by(VideoJobLog.video_job_id, VideoJobLog.id),
    LogLine,
)
_LOGS_AFTER = Statement(
    select(*_LINE)
    .where(VideoJobLog.video_job_id == bindparam("job"), VideoJobLog.id > bindparam("after"))
    .order_by(VideoJobLog.id),
    LogLine,
)


async def get(session: Session, job_id: UUID) -> VideoJob | None:
    """Read one job as it is now, whoever owns it."""
    return await session.get(VideoJob, job_id, populate_existing=True)


async def get_many(reader: Reader, job_ids: Sequence[Id]) -> list[VideoJobRow]:
    """Read those of the jobs that there are, whoever owns them."""
    return await reader.fetch(_ANY_JOBS, jobs=job_ids)


async def versions(reader: Reader, job_ids: Sequence[Id]) -> dict[UUID, int]:
    """Read the versions of those of the jobs that there are."""
    return {row.id: row.version for row in await reader.fetch(_VERSIONS, jobs=job_ids)}


async def active_or_newer(reader: Reader, user_id: UUID, since: datetime, known: Sequence[Id]) -> list[VideoJobRow]:
    """Read a user's jobs that may have changed lately: in progress, created since, or known to be worth a look."""
    return await reader.fetch(_ACTIVE_OR_NEWER, owner=user_id, since=since, jobs=known)


async def keep(session: Session, job_id: UUID) -> None:
    """Keep a job from being deleted until the transaction ends."""
    await session.execute(select(VideoJob.id).where(VideoJob.id == job_id).with_for_update(read=True, key_share=True))


async def get_shown(reader: Reader, job_id: UUID, user_id: UUID, *, to_admin: bool) -> VideoJobRow | None:
    """Read what is shown of a job, if it is that user's."""
    if to_admin:
        return await first_row(reader, _ANY_JOB, job=job_id)
    return await first_row(reader, _OWN_JOB, job=job_id, owner=user_id)


async def page_of_owner(
    reader: Reader, user_id: UUID, status: VideoJobStatus | None = None, *, first: int, after: Position | None
) -> Page[VideoJobRow]:
    """Read a page of a user's jobs, of one status where one is given, newest first."""
    listing, values = _owned(user_id, status)
    return await newest_first(reader, listing, values, first=first, after=after)


async def offset_page_of_owner(
    reader: Reader, user_id: UUID, status: VideoJobStatus | None, *, skip: int, limit: int
) -> OffsetPage[VideoJobRow]:
    """Read a page of a user's jobs with the total, newest first."""
    listing, values = _owned(user_id, status)
    return await skipping(reader, listing, values, skip=skip, limit=limit)


async def remove(session: Session, job: VideoJob) -> None:
    """Delete a job with its log and links; what it cost stays in the ledger."""
    await session.execute(delete(VideoJob).where(VideoJob.id == job.id))
    wake_up_after_commit(session, job.id, job.version + 1, job.user_id)


async def change(session: Session, job: VideoJob, **values: object) -> VideoJob | None:
    """Set columns if the row still has the version that was read, count the version up, and wake the followers.

    Return the row as it is now, or None where somebody else has changed it since.
    """
    statement = (
        update(VideoJob)
        .where(VideoJob.id == job.id, VideoJob.version == job.version)
        .values(**values, version=VideoJob.version + 1, updated_at=func.now())
        .returning(VideoJob)
        .execution_options(populate_existing=True)
    )
    changed = await session.scalar(statement)
    if changed is not None:
        wake_up_after_commit(session, changed.id, changed.version, changed.user_id)
    return changed


async def add_log(session: Session, job_id: UUID, level: LogLevel, message: str) -> None:
    """Append a line to a job's log."""
    await session.execute(insert(VideoJobLog).values(video_job_id=job_id, level=level, message=message))


async def logs_of(reader: Reader, job_ids: Sequence[Id]) -> list[LogLine]:
    """Read the logs of many jobs, oldest line first."""
    return await reader.fetch(_LOGS, jobs=job_ids)


async def logs_after(reader: Reader, job_id: UUID, after: int) -> list[LogLine]:
    """Read the lines of a job's log behind the one of that id, oldest line first."""
    return await reader.fetch(_LOGS_AFTER, job=job_id, after=after)


async def get_idempotency_key(reader: Reader, user_id: UUID, key: str, keep: timedelta) -> KeyRow | None:
    """Read what a user's key stood for, unless that is longer ago than `keep`."""
    return await first_row(reader, _KEY, owner=user_id, key=key, keep=keep)


async def put_idempotency_key(writer: Writer, user_id: UUID, key: str, digest: str, job_id: UUID) -> None:
    """Remember what a user's key stands for from now on."""
    await writer.fetch(_PUT_KEY, owner=user_id, key=key, digest=digest, job=job_id)


async def prune_idempotency_keys(session: Session, keep: timedelta) -> None:
    """Delete keys that stand for nothing any more."""
    await session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < func.now() - keep))


async def active_but_not_queued(session: Session, *, limit: int) -> Sequence[UUID]:
    """Find jobs that no worker will ever take, since their place in the queue is gone."""
    query = select(VideoJob.id).where(IS_ACTIVE, ~exists(is_queued(VideoJob.id)))
    return (await session.scalars(query.order_by(VideoJob.created_at).limit(limit))).all()


def _owned(user_id: UUID, status: VideoJobStatus | None) -> tuple[Listing[VideoJobRow], dict[str, object]]:
    if status is None:
        return _OWN_JOBS, {"owner": user_id}
    return _OWN_JOBS_OF_STATUS, {"owner": user_id, "status": status}
