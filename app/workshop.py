"""What the worker works with, put together. Google's SDK takes most of a second to load, so the API does without it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.settings import Settings
from app.wiring import open_storages
from db.engine.database import Database
from providers.mock.generator import MockGenerator
from providers.veo.generator import VeoAccess, VeoGenerator
from worker.workshop import Workshop


def veo_access(settings: Settings) -> VeoAccess:
    """Return how Veo is reached."""
    return VeoAccess(
        project=settings.google_cloud_project,
        location=settings.google_cloud_location,
        api_key=settings.google_api_key,
        base_url=settings.google_vertex_base_url,
        poll_seconds=settings.veo_poll_seconds,
        output_gcs_uri=settings.veo_output_gcs_uri,
        scratch=settings.scratch_folder,
    )


@asynccontextmanager
async def open_workshop(settings: Settings, database: Database) -> AsyncIterator[Workshop]:
    """Yield what the worker works with, and close its connections afterwards."""
    storages = open_storages(settings)
    veo = VeoGenerator(veo_access(settings)) if settings.real_generation else None
    try:
        yield Workshop(
            database=database,
            mock_generator=MockGenerator(settings.mock_seconds),
            real_generator=veo,
            storage=storages,
            catalogue=settings.catalogue(),
            scratch=settings.scratch_folder,
            refund_failed_jobs=settings.refund_failed_jobs,
            stopping=asyncio.Event(),
            most_jobs=settings.generations_per_worker,
        )
    finally:
        await storages.aclose()
        if veo is not None:
            await veo.aclose()
