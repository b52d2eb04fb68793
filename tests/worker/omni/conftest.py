"""Real generation by Omni: a house for each module, what is behind it fresh for each test."""

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.doubles.cloudinary import CloudinaryDouble
from tests.inspected import InspectedDatabase
from tests.worker.omni.house import OmniStudio, omni_house


@pytest.fixture(scope="module")
async def omni_studio(
    settings: Settings, database: InspectedDatabase, cloudinary: CloudinaryDouble
) -> AsyncIterator[OmniStudio]:
    async with omni_house(settings, database, cloudinary) as studio:
        yield studio


@pytest.fixture
async def studio(omni_studio: OmniStudio, hurried: None) -> AsyncIterator[OmniStudio]:
    assert hurried is None
    omni_studio.renew()
    yield omni_studio
    omni_studio.cloudinary.answering.set()
    await omni_studio.house.clear()
