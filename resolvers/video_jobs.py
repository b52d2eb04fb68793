"""Video jobs as their owners see them: reading, cancelling, deleting."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import NamedTuple, TypeVar
from uuid import UUID

from auth.caller import Caller
from db import (
    file_removals,
    ledger,
    look_videos,
    video_job_changes,
    video_job_images,
    video_jobs,
)
from db.engine.paging import MOST_NESTED
from db.engine.statements import Reader, SomeRow, Writer
from db.enums import AuditAction, LogLevel, Submission, VideoJobStatus
from db.look_videos import BriefRow
from db.video_jobs import JobRow, LogLine, VideoJobRow
from resolvers.accounts import refund as give_back
from resolvers.audit import Act, record_if_others
from resolvers.errors import AnswerTooLarge, VideoJobNotCancellable, VideoJobNotFound, VideoNotReady
from resolvers.models import status_message

FIRST_VERSION = 1


@dataclass(frozen=True)
class JobInBrief:
    """What tells whether anything that is shown of a job has changed, but for its place in the queue.

    `looks` has id, title and picture of each look that shows it.
    """

    version: int
    status: str
    looks: Sequence[tuple[UUID, str | None, str]]


class FirstLine(NamedTuple):
    """What a new job's log begins with."""

    timestamp: datetime
    level: LogLevel
    message: str


ShownLine = LogLine | FirstLine
Line = TypeVar("Line", bound=ShownLine)
Found = TypeVar("Found", bound=VideoJobRow | BriefRow)


async def get(reader: Reader, caller: Caller, job_id: UUID) -> JobRow:
    """Read one job of the caller's; admins read anybody's; raises VideoJobNotFound."""
    return _readable(caller, await video_jobs.get(reader, job_id))


async def read(reader: Reader, caller: Caller, job_id: UUID) -> VideoJobRow:
    """Read what is shown of one job of the caller's; admins read anybody's; raises VideoJobNotFound."""
    return _readable(caller, await video_jobs.get_shown(reader, job_id))


async def read_many(reader: Reader, caller: Caller, job_ids: Sequence[UUID]) -> dict[UUID, VideoJobRow]:
    """Read those of the jobs that are the caller's; admins read anybody's."""
    found = await video_jobs.get_many(reader, job_ids)
    return {job.id: job for job in found if _may_read(caller, job)}


async def in_brief(reader: Reader, caller: Caller, job_id: UUID) -> JobInBrief:
    """Read as much of one job of the caller's, in one statement; admins read anybody's; raises VideoJobNotFound."""
    rows = await look_videos.brief(reader, job_id)
    job = _readable(caller, next(iter(rows), None))
    looks = [
        (row.look_id, row.look_title, row.look_image_url)
        for row in rows
        if row.look_id is not None and row.look_image_url is not None
    ]
    return JobInBrief(job.version, job.status, looks)


def _may_read(caller: Caller, job: VideoJobRow | BriefRow) -> bool:
    return caller.is_admin or job.user_id == caller.user_id


def _readable(caller: Caller, job: Found | None) -> Found:
    if job is None or not _may_read(caller, job):
        raise VideoJobNotFound
    return job


async def stored_video(reader: Reader, caller: Caller, job_id: UUID) -> str:
    """Return where the job's video is stored: a URL, or a path of this site; raises VideoJobNotFound, VideoNotReady."""
    job = await read(reader, caller, job_id)
    if job.cloudinary_url is None:
        raise VideoNotReady(job.status)
    return job.cloudinary_url


async def cancel(writer: Writer, caller: Caller, job_id: UUID, *, reason: str | None = None) -> JobRow:
    """End a job that has not ended yet; to cancel a cancelled one changes nothing.

    A waiting job's tokens come back, since nothing was spent. Those of one that was sent do not: the worker stops
    following it at its next step, but the generator may go on. Raises VideoJobNotFound, VideoJobNotCancellable.
    """
    job = await get(writer, caller, job_id)
    # The account first, as in a creation: one order of locks for everybody.
    await ledger.lock(writer, job.user_id)
    while not VideoJobStatus(job.status).is_terminal:
        cancelled = await video_job_changes.change(
            writer,
            job,
            {
                "status": VideoJobStatus.CANCELLED,
                "status_message": status_message("Cancelled", mock_mode=job.mock_mode),
                "completed_at": video_job_changes.NOW,
            },
            {video_job_changes.images_scheduled: {}},
        )
        if cancelled is not None:
            waiting = cancelled.started_at is None and cancelled.submission == Submission.NEW
            refunded = await give_back(writer, cancelled) if waiting else 0
            by = "the user" if caller.user_id == job.user_id else "an admin"
            message = f"Cancelled by {by}" + (f", {refunded} tokens refunded" if refunded else "")
            await video_jobs.add_log(writer, job.id, LogLevel.WARNING, message)
            await record_if_others(writer, caller, Act(AuditAction.CANCEL_VIDEO_JOB, job.user_id, job.id, reason))
            return cancelled
        job = await get(writer, caller, job_id)
    if job.status != VideoJobStatus.CANCELLED:
        raise VideoJobNotCancellable(job.status)
    return job


async def delete(writer: Writer, caller: Caller, job_id: UUID) -> None:
    """Delete a job of the caller's, cancelled first where it is still in progress; admins delete anybody's.

    What was stored for it is removed in the background. Raises VideoJobNotFound.
    """
    job = await get(writer, caller, job_id)
    if not VideoJobStatus(job.status).is_terminal:
        try:
            job = await cancel(writer, caller, job_id)
        except VideoJobNotCancellable:
            job = await get(writer, caller, job_id)
    await remove(writer, [job])
    await record_if_others(writer, caller, Act(AuditAction.DELETE_VIDEO_JOB, job.user_id, job.id))


async def remove(writer: Writer, jobs: Sequence[VideoJobRow]) -> None:
    """Delete jobs that have ended, with their files; followers are told, and the ledger keeps what they cost."""
    await video_job_images.remove(writer, [job.id for job in jobs])
    await video_jobs.remove(writer, jobs)
    await file_removals.schedule(writer, [job.cloudinary_url for job in jobs if job.cloudinary_url is not None])


def reading_by_parent(
    read: Callable[[Reader, Sequence[UUID]], Awaitable[Sequence[SomeRow]]],
    parent: Callable[[SomeRow], UUID] = itemgetter(0),
) -> Callable[[Reader, Sequence[UUID]], Awaitable[dict[UUID, list[SomeRow]]]]:
    """Return what reads rows by the ids, mostly their first columns, of parents that the caller was let read.

    A parent without rows reads as an empty list. Raises AnswerTooLarge: there are more rows than are read for one page.
    """

    async def read_by_parent(reader: Reader, parent_ids: Sequence[UUID]) -> dict[UUID, list[SomeRow]]:
        rows = await read(reader, parent_ids)
        if len(rows) > MOST_NESTED:
            raise AnswerTooLarge(MOST_NESTED)
        groups: defaultdict[UUID, list[SomeRow]] = defaultdict(list)
        # Rows that come by parent are looked up once for each: to hash all ids takes 5% of a page of looks.
        for parent_id, found in groupby(rows, parent):
            groups[parent_id].extend(found)
        return groups

    return read_by_parent


logs_by_job = reading_by_parent(video_jobs.logs_of)
looks_by_job = reading_by_parent(look_videos.looks_of_jobs)
# Charges and refunds.
ledger_by_job = reading_by_parent(ledger.of_jobs, attrgetter("video_job_id"))


def logs_of_version(job: VideoJobRow, lines: Sequence[Line]) -> Sequence[Line]:
    """Return a job's log as far as it belongs to the version at hand: a replayed creation shows its first line."""
    return lines[:1] if job.version == FIRST_VERSION else lines
