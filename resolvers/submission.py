"""Handing a job to the generator: `NEW → SENDING → SENT`, each a compare-and-set like those of `resolvers.generation`.

A job that costs waits here for the fleet's pace. It stays PENDING until the generator has accepted it, or another
provider's where the operator names one, and nothing was accepted for sure.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from db import ledger, submission_pace
from db.engine.statements import Writer
from db.enums import ImageRole, LogLevel, Submission, VideoJobStatus
from db.specification import values_of
from db.video_job_changes import NOW
from db.video_jobs import JobRow
from resolvers.errors import GenerationSuspended
from resolvers.generation import change, fail
from resolvers.models import Catalogue, Provider, VideoModel, sent_to, status_message
from resolvers.ports import GenerationRequest, GeneratorMisconfigured
from resolvers.video_job_input import JobImage, VideoJobInput

MINUTE = timedelta(minutes=1)
# How soon a job looks again whether one of a provider's generations has ended.
FULL_WAIT = timedelta(seconds=3)
# How long the generator is left alone after it has refused our credentials.
REST = timedelta(seconds=GenerationSuspended.retry_after_seconds)
# What is known of a job that is to be sent anew, in a turn that is still to be given to it.
NOT_SENT: Mapping[str, Any] = MappingProxyType(
    {"submission": Submission.NEW, "provider": None, "submit_not_before": None}
)


async def begin(writer: Writer, job: JobRow, provider: str) -> JobRow:
    """Note that the job is about to be sent there: from here on a crash leaves open whether it was."""
    return await change(writer, job, None, submission=Submission.SENDING, provider=provider)


async def begin_in_turn(writer: Writer, job: JobRow, provider: Provider, rest: timedelta = REST) -> JobRow:
    """Begin if it is the job's turn, else note when it will be: `submit_not_before` of the returned row.

    A turn that has come is lost where the generator has asked everybody to wait; the job then gets a new one. It comes
    again a little later where the generator makes as many videos as it may. While our credentials are known to be
    refused, one job after each `rest` tries them.

    Only the database's clock counts, which `job` was read by: workers' may differ.
    """
    if job.submit_not_before is None or await submission_pace.is_blocked(writer, provider.name):
        turn, now = await submission_pace.reserve(writer, provider.name, MINUTE / provider.submits_per_minute)
    else:
        turn, now = job.submit_not_before, job.updated_at
    if turn <= now:
        if await submission_pace.generations(writer, provider.name) >= provider.generations_at_once:
            return await change(writer, job, None, submit_not_before=now + FULL_WAIT)
        await submission_pace.block_in_trouble(writer, provider.name, rest)
        return await change(
            writer, job, None, submission=Submission.SENDING, provider=provider.name, submit_not_before=turn
        )
    return await change(writer, job, None, submit_not_before=turn)


async def record_operation(writer: Writer, job: JobRow, operation_name: str, made_by: str) -> JobRow:
    """Keep the name under which the generator knows the job, so that any worker can go on from here."""
    operation = operation_name.rpartition("/")[2]
    return await change(
        writer,
        job,
        f"Generation started by {made_by}, operation {operation}",
        status=VideoJobStatus.RUNNING,
        status_message=status_message("Generating the video", mock_mode=job.mock_mode),
        submission=Submission.SENT,
        operation_name=operation_name,
        submitted_at=NOW,
        started_at=job.started_at or NOW,
    )


async def defer(writer: Writer, job: JobRow, reason: str, delay: timedelta, *, is_certain: bool) -> JobRow:
    """Note that the generator did not take the job, which waits for another turn; till then nobody submits there."""
    await submission_pace.block(writer, sent_to(job), delay)
    text = status_message("Waiting for the generator", mock_mode=job.mock_mode)
    return await change(
        writer,
        job,
        # A quota's refusal once: an outage of hours would fill the log.
        None if is_certain and job.status_message == text else f"The generator did not accept the video yet: {reason}",
        level=LogLevel.WARNING,
        status_message=text,
        submit_errors=job.submit_errors + (not is_certain),
        **NOT_SENT,
    )


async def refuse(
    writer: Writer, job: JobRow, refusal: GeneratorMisconfigured, rest: timedelta = REST, *, is_last: bool
) -> JobRow:
    """Note that the generator has refused our credentials, so that no real job is created or sent for a while.

    Whoever finds that out fails, and the tokens come back: it was our fault, and costs nothing. Where it was known, the
    job tried whether it is over, and waits on, unless it has done so for the last time.
    """
    # The account first, as wherever tokens come back; nobody else's submit waits for it.
    await ledger.lock(writer, job.user_id)
    was_known = await submission_pace.set_trouble(writer, sent_to(job), refusal.reason, rest)
    if not was_known or is_last:
        return await fail(writer, job, refusal.code, refusal.message, refund=True)
    text = status_message("Waiting for the generator", mock_mode=job.mock_mode)
    return await change(
        writer,
        job,
        None if job.status_message == text else "Video generation is not set up correctly on our side yet, waiting",
        level=LogLevel.WARNING,
        status_message=text,
        submit_errors=job.submit_errors + 1,
        **NOT_SENT,
    )


async def take_back(writer: Writer, job: JobRow) -> JobRow:
    """Note that the job was not sent after all, because of a fault of ours."""
    return await change(writer, job, None, submission=Submission.NEW, provider=None)


async def begin_anew(writer: Writer, job: JobRow, reason: str) -> JobRow:
    """Give up the first generation, which the generator could not finish, for a second and last one."""
    return await change(
        writer,
        job,
        f"The generator gave up, trying once more: {reason}",
        level=LogLevel.WARNING,
        operation_name=None,
        attempt=job.attempt + 1,
        **NOT_SENT,
    )


def fallback_for(catalogue: Catalogue, job: JobRow, request: GenerationRequest) -> VideoModel | None:
    """Return the model that is to make a job's video instead, if the operator names one and it can."""
    model = catalogue.fallback(job)
    if model is None:
        return None
    images = [
        (ImageRole.INITIAL, request.initial_image),
        (ImageRole.END, request.end_frame),
        *((ImageRole.REFERENCE, image) for image in request.reference_images),
    ]
    named = [JobImage(role, 0, "", image.media_type, "", "") for role, image in images if image]
    # What was accepted before needs no prompt beside the look's picture here, either.
    asked = VideoJobInput(**values_of(job) | {"model": model.id}, images=tuple(named), is_retry=True)
    takes_all = all(image.media_type in model.image_media_types for image in named)
    return model if takes_all and not any(asked.violations(catalogue)) else None


async def fall_back(writer: Writer, job: JobRow, model: VideoModel, reason: str, delay: timedelta) -> JobRow:
    """Note that a job goes to that model's provider, and once only; its own is left alone for a while."""
    first = sent_to(job)
    await submission_pace.block(writer, first, delay)
    return await change(
        writer,
        job,
        f"{first} did not accept the video ({reason}): {model.provider} makes it instead, with {model.id}",
        level=LogLevel.WARNING,
        fallback_model=model.id,
        **NOT_SENT,
    )
