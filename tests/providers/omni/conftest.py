"""An Omni of its own for each test, and a generator that asks it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from providers.omni.generator import OmniAccess, OmniGenerator
from tests.doubles.omni import OmniDouble
from tests.providers.front import Front


@pytest.fixture
def omni(front: Front) -> OmniDouble:
    omni = OmniDouble()
    omni.url, front.app = front.url, omni.app
    return omni


@pytest.fixture(scope="package")
def access(front: Front, tmp_path_factory: pytest.TempPathFactory) -> OmniAccess:
    """With an API key. The scratch folder is not there yet: whoever writes first makes it."""
    scratch = tmp_path_factory.mktemp("omni") / "not" / "yet"
    return OmniAccess(
        api_key="the key", base_url=front.url, api_version="v1beta", poll_seconds=0.02, labelled=False, scratch=scratch
    )


@pytest.fixture(scope="package")
async def shared_generator(access: OmniAccess) -> AsyncIterator[OmniGenerator]:
    """One for most tests: each new one reads the system's certificates."""
    generator = OmniGenerator(access)
    yield generator
    await generator.aclose()


@pytest.fixture
def generator(shared_generator: OmniGenerator, omni: OmniDouble) -> OmniGenerator:
    assert omni.url
    return shared_generator


@pytest.fixture
async def impatient(access: OmniAccess, omni: OmniDouble) -> AsyncIterator[OmniGenerator]:
    """A generator that does not wait long for an answer."""
    assert omni.url
    generator = OmniGenerator(replace(access, timeout_seconds=0.3))
    yield generator
    await generator.aclose()
