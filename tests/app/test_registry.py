"""The registry: what it opens, and what it costs those who only read what is offered."""

import subprocess
import sys

from app.registry import MOCK_OPENER, REGISTRY, catalogue, open_generators
from app.settings import Settings
from providers.mock.generator import MockGenerator
from providers.veo.generator import VeoGenerator

WITH_KEY = {"google_api_key": "key", "google_cloud_project": None}
NEITHER = {"google_api_key": None, "google_cloud_project": None}


async def test_what_can_be_used_here_is_opened_by_its_name(settings: Settings) -> None:
    async with open_generators(settings.model_copy(update=WITH_KEY)) as generators:
        opened = {name: type(generator) for name, generator in generators.items()}
    async with open_generators(settings.model_copy(update=NEITHER)) as generators:
        without = {name: type(generator) for name, generator in generators.items()}

    assert opened == {"mock": MockGenerator, "veo": VeoGenerator}
    assert without == {"mock": MockGenerator}


def test_what_cannot_be_used_says_what_to_do(settings: Settings) -> None:
    with_key, without = (catalogue(settings.model_copy(update=changes)) for changes in (WITH_KEY, NEITHER))

    assert with_key.providers["veo"].unavailable is None
    assert without.providers["veo"].unavailable == "For real videos, set GOOGLE_CLOUD_PROJECT or GOOGLE_API_KEY."
    assert with_key.models == without.models


def test_every_model_leads_to_a_provider_that_is_registered(settings: Settings) -> None:
    offered = catalogue(settings)

    assert {model.provider for model in offered.models.values()} == set(offered.providers) == set(REGISTRY)
    for name, entry in REGISTRY.items():
        assert entry.provider(settings).name == name
        assert {model.provider for model in entry.models(settings)} == {name}
    assert MOCK_OPENER not in {entry.opener for entry in REGISTRY.values()}


def test_settings_are_the_providers_limits(settings: Settings) -> None:
    veo = catalogue(settings.model_copy(update={"submits_per_minute": 7, "generations_at_once": 9})).providers["veo"]

    assert (veo.submits_per_minute, veo.generations_at_once) == (7, 9)


def test_reading_what_is_offered_loads_no_sdk() -> None:
    code = (
        "import sys; from app.registry import catalogue; from app.settings import Settings; catalogue(Settings())\n"
        "print([name for name in ('google.genai', 'google.cloud.storage', 'av') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert run.stdout.strip() == "[]"
