"""One house for all comparisons of batch execution with the default executor."""

import logging
from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.house import House
from tests.inspected import InspectedDatabase
from tests.schema.twins import Twins, furnished


@pytest.fixture(scope="module")
async def furnished_house(settings: Settings, database: InspectedDatabase, base_url: str) -> AsyncIterator[Twins]:
    async with House.opened(settings, database, base_url) as house:
        twins = await furnished(house)
        yield twins
        await house.clear()


@pytest.fixture
def twins(furnished_house: Twins, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Twins:
    """The schemas, which note errors as they were raised; the fast one counts from zero what it falls back for."""
    caplog.set_level(logging.DEBUG, "graphql_server.execution")
    furnished_house.batching.fallbacks.clear()
    for each in (furnished_house.plain, furnished_house.fast):
        monkeypatch.setattr(each, "process_errors", furnished_house.note(each))
    return furnished_house
