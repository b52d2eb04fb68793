"""One worker's following of one job, from wherever the job stands to its end."""

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from db import video_jobs
from db.engine.errors import DatabaseUnavailable
from db.engine.statements import Writer
from db.enums import Submission, VideoJobStatus
from db.video_jobs import JobRow
from resolvers import generation, observing
from resolvers.generation import VideoJobChanged
from resolvers.ports import GeneratorMisconfigured, VideoGenerator
from resolvers.texts import storable
from worker import measures
from worker.context import WorkerContext

logger = logging.getLogger("lookreel.worker")

Transition = Callable[[Writer, JobRow], Awaitable[JobRow]]


class Superseded(Exception):
    """Another run follows the job now, or it has ended: this one has no more business with it."""


class Later(Exception):
    """The job is to wait in the queue, for that many seconds."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(storable(reason))
        self.seconds = seconds


class Run:
    """Follows one job. All it knows is in the row, so another run can take over after any statement."""

    def __init__(self, context: WorkerContext, job: JobRow) -> None:
        self.context = context
        self.job = job
        self._run_id = uuid4()
        self._clock_began = _beginning(job)

    @classmethod
    async def of(cls, context: WorkerContext, job_id: UUID) -> "Run":
        """Read the job and become the run that follows it.

        Raises:
            Superseded: when there is no such job, or it has ended.
            Later: when whoever sent the job to the generator may still come back with the operation's name.

        """
        run = cls(context, await _unfinished(context, job_id))
        observing.bind(job_id=job_id, run_id=run._run_id, provider=run.provider)
        observing.note(video_job_id=job_id, run_id=run._run_id, provider=run.provider)
        run._leave_to_its_sender()
        while not await run._made(partial(generation.take, run_id=run._run_id), one_statement=True):
            run.job = await _unfinished(context, job_id)
        run._clock_began = _beginning(run.job)
        return run

    @property
    def provider(self) -> str:
        """The name of who makes the video."""
        return self.context.catalogue.provider_of_job(self.job)

    @property
    def generator(self) -> VideoGenerator:
        """Who makes the video.

        Raises GeneratorMisconfigured when that provider is not configured here.
        """
        generator = self.context.generators.get(self.provider)
        if generator is None:
            sentence = "Real video generation is not configured on this worker."
            raise GeneratorMisconfigured("GENERATION_UNAVAILABLE", sentence, sentence)
        return generator

    @property
    def now(self) -> datetime:
        """The database's time, as it has gone on since the run took the job: this machine's clock may differ."""
        return self._clock_began + timedelta(seconds=time.monotonic())

    async def fail(self, code: str, message: str, *, is_our_fault: bool = False) -> None:
        """End the job without a video; its tokens come back where the operator says so, or where we made nothing of it.

        `is_our_fault` says that we are not set up for its provider.
        """
        await self.advance(self.failing(code, message, is_our_fault=is_our_fault))
        measures.ended(self.job)

    def failing(self, code: str, message: str, *, is_our_fault: bool = False) -> Transition:
        """Return the transition of `fail`."""
        refunds = self.context.catalogue.policy.refunds
        refund = is_our_fault or self.context.refund_failed_jobs or code in refunds
        return lambda transaction, job: generation.fail(transaction, job, code, message, refund=refund)

    async def note_fault(self, message: str) -> int:
        """Count what has stopped the job; return how often something has."""
        await self.advance(partial(generation.note_fault, message=message), one_statement=True)
        return self.job.faults

    async def advance(self, transition: Transition, *, one_statement: bool = False) -> None:
        """Make a transition; where the row has changed meanwhile, make it on the new one if the job is still ours.

        One that is of one statement needs no transaction around it.

        Raises Superseded, DatabaseUnavailable.
        """
        while not await self._made(transition, one_statement=one_statement):
            await self.require_ours()

    async def require_ours(self) -> None:
        """Look whether the job is still ours to follow.

        Raises Superseded: it has ended, for example by a cancellation, or another run follows it.
        """
        self.job = await _unfinished(self.context, self.job.id)
        if self.job.run_id != self._run_id:
            raise Superseded

    def _leave_to_its_sender(self) -> None:
        """Wait with a job in the middle of its submit: its sender may be alive, just cut off from the database."""
        if self.job.submission != Submission.SENDING or not self.generator_costs:
            return
        longest = self.context.retry_policy.uncertain_seconds
        remaining = longest - (datetime.now(UTC) - self.job.updated_at).total_seconds()
        if remaining > 0:
            raise Later(min(remaining, longest) + 1, "another worker may still be sending the job")

    @property
    def generator_costs(self) -> bool:
        """Whether a second submit would be paid for; a generator that is not configured here costs, too."""
        generator = self.context.generators.get(self.provider)
        return generator is None or generator.submitting_costs

    async def _made(self, transition: Transition, *, one_statement: bool) -> bool:
        """Make a transition; return False where the row has changed since it was read."""
        database = self.context.database
        with suppress(VideoJobChanged):
            async with database.lone_statement() if one_statement else database.transaction() as writer:
                job = await transition(writer, self.job)
            self.job = job
            return True
        return False


def _beginning(job: JobRow) -> datetime:
    """Return the database's time at which the monotonic clock was zero, of a job that has just been changed."""
    return job.updated_at - timedelta(seconds=time.monotonic())


async def _unfinished(context: WorkerContext, job_id: UUID) -> JobRow:
    job = await video_jobs.get(context.database.reader, job_id)
    if job is None or VideoJobStatus(job.status).is_terminal:
        raise Superseded
    return job


async def cancel_upstream(context: WorkerContext, job: JobRow, operation_name: str | None = None) -> None:
    """Tell the generator that nobody waits for the video; best effort, since it may be billed either way.

    `operation_name` is the operation's name where the row does not have it.
    """
    name = operation_name or job.operation_name
    generator = context.generators.get(context.catalogue.provider_of_job(job))
    if name is None or generator is None:
        return
    try:
        await generator.cancel(name)
    except Exception:
        logger.exception("A fault of ours: the generation of video job %s could not be cancelled", job.id)


async def cancel_if_unwanted(context: WorkerContext, job_id: UUID, last_seen: JobRow | None) -> None:
    """Cancel the generation of a job that its owner has cancelled or deleted; `last_seen` is what a run knew of it."""
    try:
        job = await video_jobs.get(context.database.reader, job_id)
    except DatabaseUnavailable:
        return
    if job is None and last_seen is not None:
        await cancel_upstream(context, last_seen)
    elif job is not None and job.status == VideoJobStatus.CANCELLED:
        await cancel_upstream(context, job)
