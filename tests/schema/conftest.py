"""One house for all comparisons of the fast path with the stock executor."""

import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from app.settings import Settings
from tests.house import House
from tests.inspected import InspectedDatabase
from tests.schema.twins import Twins, furnished


@pytest.fixture(scope="module")
async def furnished_house(
    settings: Settings, database: InspectedDatabase, http: httpx.AsyncClient
) -> AsyncIterator[Twins]:
    house = House(settings, database, http)
    twins = await furnished(house)
    yield twins
    await house.clear()


@pytest.fixture
def twins(furnished_house: Twins, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Twins:
    """The schemas, which note errors as they were raised; the fast ones log what they hand back."""
    caplog.set_level(logging.DEBUG, "lookreel.execution")
    for each in (furnished_house.plain, furnished_house.fast, furnished_house.lists):
        monkeypatch.setattr(each, "process_errors", furnished_house.note(each))
    return furnished_house
