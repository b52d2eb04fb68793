"""The providers of videos by name: what each offers, its limits, why it cannot be used here, and how it is opened.

Each process reads what is offered; a worker opens what it can. SDKs take most of a second to load, so what opens a
provider is loaded by its name (decision 16).
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pkgutil import resolve_name

from app.settings import Settings
from providers.mock.models import ANY_MODEL
from providers.veo import models as veo
from resolvers.models import MOCK, Catalogue, Provider, VideoModel
from resolvers.ports import VideoGenerator

Opener = Callable[[Settings], AbstractAsyncContextManager[VideoGenerator]]


@dataclass(frozen=True)
class Registration:
    """A provider of real videos.

    `opener` names the function that opens it, as `module:function`.
    """

    provider: Callable[[Settings], Provider]
    models: Callable[[Settings], Sequence[VideoModel]]
    opener: str


def _veo(settings: Settings) -> Provider:
    sentence = "For real videos, set GOOGLE_CLOUD_PROJECT or GOOGLE_API_KEY."
    return Provider(
        veo.NAME,
        submits_per_minute=settings.submits_per_minute,
        generations_at_once=settings.generations_at_once,
        unavailable=None if settings.has_google_access else sentence,
    )


REGISTRY: Mapping[str, Registration] = {
    veo.NAME: Registration(_veo, lambda settings: veo.offered(settings.veo_models), "app.generators:open_veo"),
}
"""Of two that offer the same model id, the later one makes it; new jobs for ids that nobody offers go to the first."""

MOCK_OPENER = "app.generators:open_mock"


def catalogue(settings: Settings) -> Catalogue:
    """Return what this installation offers."""
    offers = {entry.provider(settings): entry.models(settings) for entry in REGISTRY.values()}
    return Catalogue.of(ANY_MODEL, offers, settings.generations_at_once, settings.policy())


@asynccontextmanager
async def open_generators(settings: Settings) -> AsyncIterator[Mapping[str, VideoGenerator]]:
    """Yield the generators that can be used here by their providers' names, and close them afterwards."""
    openers = {MOCK: MOCK_OPENER}
    openers |= {name: entry.opener for name, entry in REGISTRY.items() if entry.provider(settings).unavailable is None}
    async with AsyncExitStack() as opened:
        yield {name: await opened.enter_async_context(_loaded(opener)(settings)) for name, opener in openers.items()}


def _loaded(name: str) -> Opener:
    opener: Opener = resolve_name(name)
    return opener
