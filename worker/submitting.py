"""Handing a job to its generator, once."""

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import NoReturn

from db import submission_pace, video_job_images
from db.engine.errors import DatabaseUnavailable
from db.engine.statements import Writer
from db.enums import ImageRole, Submission, VideoJobStatus
from db.specification import values_of
from db.video_jobs import JobRow
from media.images import Image
from resolvers import submission
from resolvers.ports import (
    FileMissing,
    GenerationFailed,
    GenerationRequest,
    GeneratorMisconfigured,
    NotAccepted,
    QuotaExceeded,
    StorageUnavailable,
    SubmissionUncertain,
)
from worker import measures
from worker.run import Later, Run, Superseded, Transition, cancel_upstream

RECORDING_RETRY_SECONDS = 0.5
MOCK = "the mock generator"

logger = logging.getLogger("lookreel.worker")


async def submit(run: Run) -> str:
    """Send the job to its generator unless it was; return the operation's name.

    A job that costs waits for its turn in the queue. Once it is being sent, nothing breaks it off: not a stopping
    worker, not a lost database.

    Raises:
        GenerationFailed: the job cannot be made, or it is open whether it is being made.
        Later: it is to be sent later.
        Superseded, DatabaseUnavailable

    """
    if run.job.operation_name is not None:
        return run.job.operation_name
    if run.job.submission == Submission.SENDING and run.generator_costs:
        raise _uncertain()
    async with AsyncExitStack() as room:
        request = await _request(run, room)
        await _begin(run)
        return await asyncio.shield(asyncio.ensure_future(_send_and_record(run, request)))


async def _begin(run: Run) -> None:
    if not run.generator_costs:
        if run.job.submission == Submission.NEW:
            await run.advance(partial(submission.begin, provider=run.provider), one_statement=True)
        return
    provider = run.context.catalogue.provider(run.provider)
    await run.advance(partial(submission.begin_in_turn, provider=provider, rest=_rest(run)))
    if run.job.submission == Submission.NEW and run.job.submit_not_before is not None:
        wait = (run.job.submit_not_before - run.job.updated_at).total_seconds()
        raise Later(max(wait, 0.05), "it is not the job's turn yet")


async def _send_and_record(run: Run, request: GenerationRequest) -> str:
    try:
        with measures.answered(run.provider, "submit"):
            operation_name = await run.generator.submit(request)
    except NotAccepted as refusal:
        if isinstance(refusal, QuotaExceeded):
            await _note_access(run)
        seconds = await _defer(run, request, refusal)
        # What costs waits for the fleet's pace; the others wait here.
        raise Later(0.05 if run.generator_costs else seconds, str(refusal)) from refusal
    except SubmissionUncertain as doubt:
        logger.exception("It is open whether video job %s was accepted", run.job.id)
        raise _uncertain() from doubt
    except GeneratorMisconfigured as refusal:
        logger.critical("The generator does not let us in: %s", refusal.reason)
        await _refuse(run, refusal)
        raise Later(0.05, refusal.reason) from refusal
    except GenerationFailed as failure:
        await _note_access(run)
        await _fail(run, failure)
    except Exception:
        await _insist(run, submission.take_back, one_statement=True)
        raise
    await _record(run, request, operation_name)
    return operation_name


async def _record(run: Run, request: GenerationRequest, operation_name: str) -> None:
    """Write the operation's name down: what it stands for is paid for."""
    made_by = MOCK if run.job.mock_mode else request.model
    try:
        record = partial(submission.record_operation, operation_name=operation_name, made_by=made_by)
        await _insist(run, record, one_statement=True)
    except DatabaseUnavailable:
        logger.critical("Video job %s runs as %s, which could not be recorded", run.job.id, operation_name)
        raise
    except Superseded:
        # Cancelled while it was being sent: nobody else has the name.
        await cancel_upstream(run.context, run.job, operation_name)
        raise
    await _note_access(run)


async def _insist(run: Run, transition: Transition, *, one_statement: bool = False) -> None:
    """Write down what has become of a submit, however long the database is away: nobody else can ever find it out."""
    deadline = time.monotonic() + run.context.retry_policy.recording_seconds

    async def once(writer: Writer, job: JobRow) -> JobRow:
        # Where only the answer to COMMIT was lost, it is written already.
        return await transition(writer, job) if job.submission == Submission.SENDING else job

    while True:
        try:
            return await run.advance(once, one_statement=one_statement)
        except DatabaseUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(RECORDING_RETRY_SECONDS)


async def _fail(run: Run, failure: GenerationFailed) -> NoReturn:
    """End a job that the generator has refused, however long the database is away; always raises `Superseded`."""
    await _insist(run, run.failing(failure.code, failure.message))
    measures.ended(run.job)
    raise Superseded from failure


async def _defer(run: Run, request: GenerationRequest, refusal: NotAccepted) -> float:
    """Note that the job was not accepted; return after how many seconds it is worth another try.

    Another provider makes it where nothing was accepted for sure, and the operator names one.
    """
    retry_policy = run.context.retry_policy
    if not refusal.is_certain and run.job.submit_errors >= retry_policy.submit_errors:
        sentence = "The video generator had an error of its own, repeatedly. Please try again later."
        await _fail(run, GenerationFailed("GENERATOR_UNAVAILABLE", sentence))
    if refusal.retry_after_seconds is not None:
        seconds = refusal.retry_after_seconds
    elif refusal.is_certain:
        seconds = retry_policy.quota_seconds
    else:
        seconds = retry_policy.retry_seconds(run.job.submit_errors + 1)
    delay, reason, is_certain = timedelta(seconds=seconds), str(refusal), refusal.is_certain
    transition: Transition = partial(submission.defer, reason=reason, delay=delay, is_certain=is_certain)
    other = submission.fallback_for(run.context.catalogue, run.job, request) if is_certain else None
    if other is not None:
        transition = partial(submission.fall_back, model=other, reason=reason, delay=delay)
    await _insist(run, transition)
    return seconds


async def _refuse(run: Run, refusal: GeneratorMisconfigured) -> None:
    """Let the job wait on, or fail with a refund.

    Raises DatabaseUnavailable, and Superseded: it has failed, or somebody has ended it meanwhile.
    """
    rest, is_last = _rest(run), run.job.submit_errors >= run.context.retry_policy.submit_errors
    try:
        await _insist(run, lambda transaction, job: submission.refuse(transaction, job, refusal, rest, is_last=is_last))
    except Superseded:
        # What a job that was cancelled meanwhile has found out is still worth knowing.
        await _note_access(run, refusal.reason)
        raise
    if VideoJobStatus(run.job.status).is_terminal:
        measures.ended(run.job)
        raise Superseded


async def _note_access(run: Run, trouble: str | None = None) -> None:
    """Let creations, readiness and `lookreel doctor` know whether the generator lets us in; the job goes on anyway."""
    if not run.generator_costs:
        return
    try:
        async with run.context.database.transaction() as transaction:
            await submission_pace.set_trouble(transaction, run.provider, trouble, _rest(run))
    except DatabaseUnavailable as error:
        logger.warning("Whether the generator lets us in could not be noted: %s", error)
    except Exception:
        logger.exception("A fault of ours: whether the generator lets us in could not be noted")


def _rest(run: Run) -> timedelta:
    return timedelta(seconds=run.context.retry_policy.refused_seconds)


async def _request(run: Run, room: AsyncExitStack) -> GenerationRequest:
    """Put the request together; its images stay in memory until `room` closes."""
    job = run.job
    images: dict[str, list[Image]] = {role: [] for role in ImageRole}
    rows = await video_job_images.of_job(run.context.database.reader, job.id)
    if rows:
        await room.enter_async_context(run.context.image_room)
    for row in rows:
        images[row.role].append(Image(await _contents(run, row.address), row.media_type, ""))
    asked = job.fallback_model or job.model
    # One that is no longer in the catalogue keeps its name.
    model = run.context.catalogue.models.get(asked)
    return GenerationRequest(
        **values_of(job) | {"model": asked if model is None else model.upstream_id},
        video_job_id=job.id,
        initial_image=next(iter(images[ImageRole.INITIAL]), None),
        end_frame=next(iter(images[ImageRole.END]), None),
        reference_images=images[ImageRole.REFERENCE],
        attempt=job.attempt,
    )


async def _contents(run: Run, address: str) -> bytes:
    try:
        return await run.context.unless_stopping(lambda: run.context.storage.read_image(address))
    except FileMissing as missing:
        raise GenerationFailed(
            "IMAGE_LOST", "An image of this video job is not there any more. Please create a new video."
        ) from missing
    except StorageUnavailable as trouble:
        # Nothing has been sent, so the job can wait for as long as the storage does.
        raise Later(run.context.retry_policy.quota_seconds, f"its images cannot be read: {trouble}") from trouble


def _uncertain() -> GenerationFailed:
    return GenerationFailed(
        "SUBMISSION_UNCERTAIN",
        "The video may or may not have been requested before a fault. It was not requested again, "
        "since that could have been paid for twice. Please create a new video.",
    )
