"""A job's life after its creation: every transition, each a compare-and-set on the row's version.

A transition is one short transaction: the row, a log line, a wake-up. It raises `VideoJobChanged` where the row is no
longer what the caller read; the caller reads it again and decides anew.
"""

from uuid import UUID

from sqlalchemy import func

from db import accounts, video_jobs
from db.models import LogLevel, Submission, VideoJob, VideoJobStatus
from db.session import Session
from resolvers.accounts import refund as give_back
from resolvers.video_jobs import status_message


class VideoJobChanged(Exception):
    """Somebody else has changed the job since it was read."""


async def take(session: Session, job: VideoJob, run_id: UUID) -> VideoJob:
    """Make a run the one that follows the job: a waiting job starts, a running one is taken over where it stands."""
    if job.status == VideoJobStatus.PENDING:
        return await _change(
            session,
            job,
            "Generation started",
            status=VideoJobStatus.RUNNING,
            status_message=status_message("Generating the video", mock_mode=job.mock_mode),
            started_at=func.now(),
            run_id=run_id,
        )
    return await _change(session, job, "Another worker has taken over", run_id=run_id)


async def begin_submission(session: Session, job: VideoJob) -> VideoJob:
    """Note that the job is about to be sent: from here on a crash leaves open whether it was."""
    return await _change(session, job, None, submission=Submission.SENDING)


async def record_operation(session: Session, job: VideoJob, operation_name: str) -> VideoJob:
    """Keep the name under which the generator knows the job, so that any worker can go on from here."""
    message = f"Accepted by the generator as {operation_name}"
    return await _change(session, job, message, submission=Submission.SENT, operation_name=operation_name)


async def report_progress(session: Session, job: VideoJob, percentage: int) -> VideoJob:
    """Show how far the generator has got; progress never goes back, and 100 is for stored videos."""
    if not job.progress_percentage < percentage < 100:  # noqa: PLR2004 - percent
        return job
    return await _change(session, job, f"Progress {percentage}%", progress_percentage=percentage)


async def note_fault(session: Session, job: VideoJob) -> VideoJob:
    """Count a fault of ours that has stopped a run; the job goes on."""
    message = "A fault on our side interrupted the generation, trying again"
    return await _change(session, job, message, level=LogLevel.WARNING, faults=job.faults + 1)


async def succeed(session: Session, job: VideoJob, url: str) -> VideoJob:
    """End the job with its stored video."""
    return await _change(
        session,
        job,
        "Video stored",
        status=VideoJobStatus.SUCCEEDED,
        status_message=status_message("Video ready", mock_mode=job.mock_mode),
        progress_percentage=100,
        cloudinary_url=url,
        completed_at=func.now(),
    )


async def fail(session: Session, job: VideoJob, code: str, message: str, *, refund: bool) -> VideoJob:
    """End the job without a video; `message` is what its owner reads.

    The tokens come back where the operator has switched that on: `refund`.
    """
    if refund:
        # The account first, as in a creation and a cancellation: one order of locks for everybody.
        await accounts.lock(session, job.user_id)
    failed = await _change(
        session,
        job,
        message,
        level=LogLevel.ERROR,
        status=VideoJobStatus.FAILED,
        status_message=status_message("Video generation failed", mock_mode=job.mock_mode),
        error_code=code,
        error_message=message,
        completed_at=func.now(),
    )
    if refund and failed.tokens_consumed:
        await give_back(session, failed)
        await video_jobs.add_log(session, failed.id, LogLevel.INFO, f"{failed.tokens_consumed} tokens refunded")
    return failed


async def _change(
    session: Session, job: VideoJob, log: str | None, *, level: LogLevel = LogLevel.INFO, **values: object
) -> VideoJob:
    changed = await video_jobs.change(session, job, **values)
    if changed is None:
        raise VideoJobChanged
    if log is not None:
        await video_jobs.add_log(session, job.id, level, log)
    return changed
