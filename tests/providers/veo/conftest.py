"""A Veo of its own for each test, and generators that ask it."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from providers.veo.generator import VeoAccess, VeoGenerator
from tests.doubles.google_account import service_account_file
from tests.doubles.veo import VeoDouble
from tests.providers.front import Front


@pytest.fixture
def veo(front: Front) -> Iterator[VeoDouble]:
    veo = VeoDouble()
    veo.url, front.app = front.url, veo.app
    yield veo
    veo.release()


@pytest.fixture(scope="package")
def access(front: Front, tmp_path_factory: pytest.TempPathFactory) -> VeoAccess:
    """With an API key. The scratch folder is not there yet: whoever writes first makes it."""
    scratch = tmp_path_factory.mktemp("veo") / "not" / "yet"
    return VeoAccess(location="us-central1", api_key="the key", base_url=front.url, poll_seconds=10.0, scratch=scratch)


@pytest.fixture(scope="package")
async def shared_generator(access: VeoAccess) -> AsyncIterator[VeoGenerator]:
    """One for most tests: each new one reads the system's certificates."""
    generator = VeoGenerator(access)
    yield generator
    await generator.aclose()


@pytest.fixture
def generator(shared_generator: VeoGenerator, veo: VeoDouble) -> VeoGenerator:
    assert veo.url
    return shared_generator


@pytest.fixture
async def another(access: VeoAccess, veo: VeoDouble) -> AsyncIterator[Callable[..., VeoGenerator]]:
    """Generators whose access differs."""
    made: list[VeoGenerator] = []

    def make(**changes: Any) -> VeoGenerator:
        assert veo.url
        made.append(VeoGenerator(replace(access, **changes)))
        return made[-1]

    yield make
    for generator in made:
        await generator.aclose()


@pytest.fixture
def account(veo: VeoDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = service_account_file(tmp_path / "account.json", f"{veo.url}/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
