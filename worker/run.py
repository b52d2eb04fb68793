"""One worker's following of one job, from wherever the job stands to its end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from uuid import UUID, uuid4

from db import video_jobs
from db.models import Submission, VideoJob, VideoJobStatus
from db.session import Database, Session
from resolvers import generation
from resolvers.generation import VideoJobChanged
from resolvers.ports import Generated, GenerationFailed, GenerationRequest, VideoGenerator, VideoStorage

logger = logging.getLogger("lookreel.worker")

Transition = Callable[[Session, VideoJob], Awaitable[VideoJob]]


class Superseded(Exception):
    """Another run follows the job now, or it has ended: this one has no more business with it."""


class HandedOver(Exception):
    """The worker is stopping; another one goes on from what the row says."""


@dataclass(frozen=True)
class Workshop:
    """What every run shares: the database, the outside world, and the event that says that the worker is stopping."""

    database: Database
    mock_generator: VideoGenerator
    real_generator: VideoGenerator | None
    storage: VideoStorage
    refund_failed_jobs: bool
    stopping: asyncio.Event


class Run:
    """Follows one job. All it knows is in the row, so another run can take over after any statement."""

    def __init__(self, workshop: Workshop, job: VideoJob) -> None:
        self._workshop = workshop
        self._run_id = uuid4()
        self._job = job

    @classmethod
    async def of(cls, workshop: Workshop, job_id: UUID) -> "Run":
        """Read the job and become the run that follows it.

        Raises:
            Superseded: when there is no such job, or it has ended.

        """
        run = cls(workshop, await _unfinished(workshop.database, job_id))
        await run._take()
        return run

    async def to_the_end(self) -> None:
        """Submit the job unless it was, wait for the video, store it.

        Raises:
            GenerationFailed: when the generator refused or gave up; the job is still running.
            HandedOver, Superseded

        """
        generator = self._generator()
        operation_name = self._job.operation_name or await self._submit(generator)
        generated = await self._wait_for(generator, operation_name)
        url = await self._workshop.storage.store(self._job.id, generated.video)
        await self._advance(lambda session, job: generation.succeed(session, job, url))

    async def fail(self, code: str, message: str) -> None:
        """End the job without a video."""
        refund = self._workshop.refund_failed_jobs
        await self._advance(lambda session, job: generation.fail(session, job, code, message, refund=refund))

    async def note_fault(self) -> int:
        """Count a fault of ours; return how many the job has met."""
        await self._advance(generation.note_fault)
        return self._job.faults

    async def _take(self) -> None:
        while True:
            with suppress(VideoJobChanged):
                async with self._workshop.database.transaction() as session:
                    self._job = await generation.take(session, self._job, self._run_id)
                    return
            self._job = await _unfinished(self._workshop.database, self._job.id)

    def _generator(self) -> VideoGenerator:
        generator = self._workshop.mock_generator if self._job.mock_mode else self._workshop.real_generator
        if generator is None:
            raise GenerationFailed("GENERATION_UNAVAILABLE", "Real video generation is not configured on this worker.")
        return generator

    async def _submit(self, generator: VideoGenerator) -> str:
        if self._job.submission == Submission.SENDING and generator.submitting_costs:
            raise GenerationFailed(
                "SUBMISSION_UNCERTAIN",
                "The video may or may not have been requested before a fault. It was not requested again, "
                "since that could have been paid for twice. Please create a new video.",
            )
        if self._job.submission == Submission.NEW:
            await self._advance(generation.begin_submission)
        operation_name = await generator.submit(_request(self._job))
        await self._advance(lambda session, job: generation.record_operation(session, job, operation_name))
        return operation_name

    async def _wait_for(self, generator: VideoGenerator, operation_name: str) -> Generated:
        while True:
            answer = await generator.poll(operation_name)
            if isinstance(answer, Generated):
                return answer
            if answer.percentage is not None:
                await self._advance(partial(generation.report_progress, percentage=answer.percentage))
            await self._pause(answer.ask_again_seconds)

    async def _pause(self, seconds: float) -> None:
        """Wait between two questions: the only place where a stopping worker lets go of a job."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._workshop.stopping.wait(), seconds)
            raise HandedOver

    async def _advance(self, transition: Transition) -> None:
        """Make a transition; where the row has changed meanwhile, make it on the new one if the job is still ours."""
        while True:
            with suppress(VideoJobChanged):
                async with self._workshop.database.transaction() as session:
                    self._job = await transition(session, self._job)
                    return
            self._job = await _unfinished(self._workshop.database, self._job.id)
            if self._job.run_id != self._run_id:
                raise Superseded


async def _unfinished(database: Database, job_id: UUID) -> VideoJob:
    async with database.transaction() as session:
        job = await video_jobs.get(session, job_id)
    if job is None or VideoJobStatus(job.status).is_terminal:
        raise Superseded
    return job


def _request(job: VideoJob) -> GenerationRequest:
    return GenerationRequest(
        video_job_id=job.id,
        prompt=job.prompt,
        model=job.model,
        resolution=job.resolution,
        aspect_ratio=job.aspect_ratio,
        duration_seconds=job.duration_seconds,
        generate_audio=job.generate_audio,
    )
