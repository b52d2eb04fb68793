"""What opens the generator of mock videos. Not in `app.generators`: the SDKs take as long to load as all else does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.settings import Settings
from providers.mock.generator import MockGenerator


@asynccontextmanager
async def open_mock(settings: Settings) -> AsyncIterator[MockGenerator]:
    """Yield what hands out mock videos."""
    yield MockGenerator(settings.mock_seconds)
