"""Passing on to a generator that nobody waits for a video any more; best effort, since it may be billed either way."""

import logging
from uuid import UUID

from db import video_jobs
from db.engine.errors import DatabaseUnavailable
from db.enums import VideoJobStatus
from db.video_jobs import JobRow
from worker.context import WorkerContext

logger = logging.getLogger("lookreel.worker")


async def cancel_upstream(context: WorkerContext, job: JobRow, operation_name: str | None = None) -> None:
    """Cancel a job's generation; `operation_name` is its name where the row does not have it."""
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
        async with context.database.transaction() as transaction:
            job = await video_jobs.get(transaction, job_id)
    except DatabaseUnavailable:
        return
    if job is None and last_seen is not None:
        await cancel_upstream(context, last_seen)
    elif job is not None and job.status == VideoJobStatus.CANCELLED:
        await cancel_upstream(context, job)
