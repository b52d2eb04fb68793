"""The providers of videos by name: what each offers, its limits, why it cannot be used here, and how it is opened.

Each process reads what is offered; a worker opens what it can. SDKs take most of a second to load, so what opens a
provider is loaded by its name (decision 16).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from pkgutil import resolve_name

from app.environment import InvalidSettings
from app.settings import Settings
from providers.mock.generator import MockGenerator
from providers.mock.models import ANY_MODEL
from providers.omni import models as omni
from providers.veo import models as veo
from resolvers.models import MOCK, Catalogue, Provider, VideoModel, WorkerWatch
from resolvers.policy import Policy
from resolvers.ports import VideoGenerator

Opener = Callable[[Settings], AbstractAsyncContextManager[VideoGenerator]]


@dataclass(frozen=True)
class Registration:
    """A provider of real videos.

    `unavailable` says why it cannot be used here. `opener` names the function that opens it, as `module:function`.
    """

    unavailable: Callable[[Settings], str | None]
    models: Callable[[Settings], Sequence[VideoModel]]
    opener: str


def _no_veo(settings: Settings) -> str | None:
    sentence = "For videos by Veo, set GOOGLE_CLOUD_PROJECT or GOOGLE_EXPRESS_API_KEY."
    return None if settings.has_veo else sentence


def _no_omni(settings: Settings) -> str | None:
    sentence = "For videos by Omni, set GEMINI_API_KEY or GOOGLE_CLOUD_PROJECT."
    return None if settings.has_omni else sentence


def _models_of_veo(settings: Settings) -> Sequence[VideoModel]:
    return [model for model in veo.offered(settings.veo_models) if model.id not in settings.omni_models]


def _models_of_omni(settings: Settings) -> Sequence[VideoModel]:
    """Return them with the frontend's ids where there is a key alone, but for those that the operator gives to Veo."""
    offered = omni.offered(settings.omni_models, frontend_ids=settings.has_omni and not settings.has_veo)
    return [model for model in offered if model.id not in settings.veo_models]


REGISTRY: Mapping[str, Registration] = {
    veo.NAME: Registration(_no_veo, _models_of_veo, "app.generators:open_veo"),
    omni.NAME: Registration(_no_omni, _models_of_omni, "app.generators:open_omni"),
}
"""Of two that offer the same model id, the later one makes it; new jobs for ids that nobody offers go to the first."""


def catalogue(settings: Settings) -> Catalogue:
    """Return what this installation offers.

    Raises InvalidSettings: FALLBACK_MODELS names what is no other provider's model.
    """
    limits = {"submits_per_minute": settings.submits_per_minute, "generations_at_once": settings.generations_at_once}
    offers = {
        Provider(name, **limits, unavailable=entry.unavailable(settings)): entry.models(settings)
        for name, entry in REGISTRY.items()
    }
    offered = Catalogue.of(ANY_MODEL, offers, settings.generations_at_once, settings.policy())
    _check_fallbacks(offered, settings.fallback_models)
    return replace(
        offered,
        inputs_kept=timedelta(days=settings.inputs_kept_days),
        worker_watch=WorkerWatch(settings.no_worker_seconds),
        fallbacks=settings.fallback_models,
    )


def policy_warnings(settings: Settings, policy: Policy) -> Iterator[str]:
    """Yield a sentence for each rule of a price that is about nothing that is offered: it is mistyped, or was retired.

    Raises InvalidSettings.
    """
    offered = catalogue(settings)

    def is_model(pattern: str) -> bool:
        return any(fnmatchcase(id_, pattern) for id_ in offered.models)

    for part, rules in (("video_prices", policy.video_prices), ("generator_prices", policy.generator_prices)):
        for number, rule in enumerate(rules):
            for name, is_known in (("model", is_model), ("provider", offered.providers.__contains__)):
                wanted = getattr(rule, name, None)
                if wanted is not None and not is_known(wanted):
                    place = f"{part}.{number}.{name}"
                    yield f"{place} names '{wanted}', which is not offered here: no new video falls under the rule"


def express_mode_notice(settings: Settings) -> str | None:
    """Return what an operator has to know who has set GOOGLE_API_KEY for an earlier release (decision 28)."""
    if settings.google_api_key is None or settings.has_veo:
        return None
    return (
        "GOOGLE_API_KEY is taken for a key of the Gemini Developer API, and Omni makes the videos. If it is one "
        "for Veo in express mode, as it was in earlier releases, call it GOOGLE_EXPRESS_API_KEY instead."
    )


def _check_fallbacks(offered: Catalogue, fallbacks: Mapping[str, str]) -> None:
    for asked, other in fallbacks.items():
        if unknown := {asked, other} - offered.models.keys():
            raise InvalidSettings(f"FALLBACK_MODELS: there is no model {min(unknown)!r}; see GET /api/v1/video-models")
        if offered.models[asked].provider == offered.models[other].provider:
            raise InvalidSettings(f"FALLBACK_MODELS: {asked!r} and {other!r} are of the same provider")


@asynccontextmanager
async def open_generators(settings: Settings) -> AsyncIterator[Mapping[str, VideoGenerator]]:
    """Yield the generators that can be used here by their providers' names, and close them afterwards."""
    generators: dict[str, VideoGenerator] = {MOCK: MockGenerator(settings.mock_seconds)}
    async with AsyncExitStack() as opened:
        for name, entry in REGISTRY.items():
            if entry.unavailable(settings) is None:
                # An SDK loads for most of a second, for which the event loop must not stand still.
                opener: Opener = await asyncio.to_thread(resolve_name, entry.opener)
                generators[name] = await opened.enter_async_context(opener(settings))
        yield generators
