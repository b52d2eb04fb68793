"""What opens the providers of videos. Loads their SDKs; `app.registry` has them by name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.settings import Settings
from providers.mock.generator import MockGenerator
from providers.veo.generator import VeoAccess, VeoGenerator


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
async def open_veo(settings: Settings) -> AsyncIterator[VeoGenerator]:
    """Yield what generates with Veo, and close its connections afterwards."""
    generator = VeoGenerator(veo_access(settings))
    try:
        yield generator
    finally:
        await generator.aclose()


@asynccontextmanager
async def open_mock(settings: Settings) -> AsyncIterator[MockGenerator]:
    """Yield what hands out mock videos."""
    yield MockGenerator(settings.mock_seconds)
