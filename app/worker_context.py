"""What the worker works with, put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.registry import catalogue, open_generators
from app.settings import Settings
from app.wiring import open_storages
from db.engine.database import Database
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
                retention=settings.retention(),
            )
    finally:
        await storages.aclose()
