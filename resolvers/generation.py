"""A job's life after its creation: every transition, each a compare-and-set on the row's version.

A transition is one short transaction: the row, a log line, a wake-up. It raises `VideoJobChanged` where the row is no
longer what the caller read; the caller reads it again and decides anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from db import generation_costs, ledger, video_job_changes, video_jobs
from db.engine.statements import Writer
from db.enums import ContentCredentials, LogLevel, VideoJobStatus
from db.generation_costs import Cost
from db.video_job_changes import NOW, Parts, file_owned, file_scheduled, images_scheduled, line
from db.video_jobs import JobRow
from media.video_properties import VideoProperties
from resolvers.accounts import refund as give_back
from resolvers.models import status_message
from resolvers.ports import StoredVideo

NOTHING: Parts = MappingProxyType({})


class VideoJobChanged(Exception):
    """Somebody else has changed the job since it was read."""


@dataclass(frozen=True)
class KeptVideo:
    """A stored video: where it is, what it is, what its owner should know, and what `begin_storing` was given.

    `cost` is what it has used, None where it cost nothing.
    """

    stored: StoredVideo
    properties: VideoProperties
    address: str
    content_credentials: ContentCredentials = ContentCredentials.NONE
    cost: Cost | None = None
    warnings: Sequence[str] = ()


async def take(writer: Writer, job: JobRow, run_id: UUID) -> JobRow:
    """Make a run the one that follows the job, wherever it stands."""
    message = "Another worker has taken over" if job.status == VideoJobStatus.RUNNING else None
    return await change(writer, job, message, run_id=run_id)


async def report_progress(writer: Writer, job: JobRow, percentage: int, *, is_estimated: bool) -> JobRow:
    """Show how far the generator has got; progress never goes back, and 100 is for stored videos."""
    if not job.progress_percentage < percentage < 100:  # noqa: PLR2004 - percent
        return job
    message = None if is_estimated else f"Progress {percentage}%"
    return await change(writer, job, message, progress_percentage=percentage, progress_is_estimated=is_estimated)


async def note_fault(writer: Writer, job: JobRow, message: str) -> JobRow:
    """Count a fault of ours that has stopped a run; the job goes on."""
    return await change(writer, job, message, level=LogLevel.WARNING, faults=job.faults + 1)


async def begin_storing(writer: Writer, job: JobRow, address: str) -> JobRow:
    """Note that the video is about to be stored under an address, to be removed should the job never come to own it."""
    text = status_message("Storing the video", mock_mode=job.mock_mode)
    # Each time by the row: a run that is no longer the job's would schedule the removal of what another has stored.
    return await change(writer, job, None, also={file_scheduled: {"file": address}}, status_message=text)


async def succeed(writer: Writer, job: JobRow, video: KeptVideo) -> JobRow:
    """End the job with its stored video."""
    succeeded = await change(
        writer,
        job,
        "Video stored",
        status=VideoJobStatus.SUCCEEDED,
        status_message=status_message("Video ready", mock_mode=job.mock_mode),
        progress_percentage=100,
        progress_is_estimated=False,
        cloudinary_url=video.stored.url,
        thumbnail_url=video.stored.poster_url,
        video_duration_seconds=video.properties.duration_seconds,
        video_size_bytes=video.properties.size_bytes,
        video_width=video.properties.width,
        video_height=video.properties.height,
        content_credentials=video.content_credentials,
        also={file_owned: {"file": video.address}, images_scheduled: {}},
        completed_at=NOW,
    )
    for warning in video.warnings:
        await video_jobs.add_log(writer, job.id, LogLevel.WARNING, warning)
    if video.cost is not None:
        await generation_costs.add(writer, job.id, job.user_id, job.model, video.cost)
    return succeeded


async def fail(writer: Writer, job: JobRow, code: str, message: str, *, refund: bool) -> JobRow:
    """End the job without a video; `message` is what its owner reads.

    The tokens come back where the operator has switched that on: `refund`.
    """
    if refund:
        # The account first, as in a creation and a cancellation: one order of locks for everybody.
        await ledger.lock(writer, job.user_id)
    failed = await change(
        writer,
        job,
        message,
        level=LogLevel.ERROR,
        status=VideoJobStatus.FAILED,
        status_message=status_message("Video generation failed", mock_mode=job.mock_mode),
        error_code=code,
        error_message=message,
        also={images_scheduled: {}},
        completed_at=NOW,
    )
    refunded = await give_back(writer, failed) if refund else 0
    if refunded:
        await video_jobs.add_log(writer, failed.id, LogLevel.INFO, f"{refunded} tokens refunded")
    return failed


async def change(
    writer: Writer,
    job: JobRow,
    log: str | None,
    *,
    level: LogLevel = LogLevel.INFO,
    also: Parts = NOTHING,
    **values: object,
) -> JobRow:
    """Set columns of the job as it was read, with a line in its log where there is something to tell: one statement.

    `also` is what else is written. Raises VideoJobChanged.
    """
    parts = also if log is None else {line: {"level": level, "message": log}, **also}
    changed = await video_job_changes.change(writer, job, values, parts)
    if changed is None:
        raise VideoJobChanged
    return changed
