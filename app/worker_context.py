"""What the worker works with, put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from app.registry import catalogue, open_generators
from app.settings import Settings
from app.wiring import open_storages
from db.engine.database import Database
from resolvers.retention import Retention
from worker.context import WorkerContext


@asynccontextmanager
async def open_worker_context(settings: Settings, database: Database) -> AsyncIterator[WorkerContext]:
    """Yield what the worker works with, and close its connections afterwards."""
    storages = open_storages(settings)
    try:
        async with open_generators(settings) as generators:
            yield WorkerContext(
                database=database,
                generators=generators,
                storage=storages,
                catalogue=catalogue(settings),
                scratch=settings.scratch_folder,
                refund_failed_jobs=settings.refund_failed_jobs,
                stopping=asyncio.Event(),
                most_jobs=settings.generations_per_worker,
                retention=_retention(settings),
            )
    finally:
        await storages.aclose()


def _retention(settings: Settings) -> Retention:
    return Retention(
        jobs=_days(settings.retain_jobs_days),
        job_logs=_days(settings.retain_job_logs_days),
        queue_statistics=_days(settings.retain_queue_statistics_days),
        audit=_days(settings.retain_audit_days),
    )


def _days(number: int) -> timedelta | None:
    """Return so many days; 0 is for ever."""
    return timedelta(days=number) if number else None
