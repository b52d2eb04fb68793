"""What commands are given, and an API process of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.settings import Settings
from tests.app.processes import Server, api_process
from tests.house import House
from tests.inspected import InspectedDatabase


@pytest.fixture
def environment(settings: Settings) -> dict[str, object]:
    """The settings of a command on the tests' own database."""
    return {
        "DATABASE_URL": settings.database_url,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "DATA_DIR": settings.data_dir,
    }


@pytest.fixture
def installation(house: House, environment: dict[str, object], tmp_path: Path) -> dict[str, object]:
    """The same with a data folder in which nothing is yet."""
    assert house.http
    return environment | {"DATA_DIR": tmp_path / "data"}


@pytest.fixture(scope="module")
async def server(
    settings: Settings, database: InspectedDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    """One for all tests of a module, on the tests' database."""
    async with api_process(settings, database, tmp_path_factory.mktemp("data")) as running:
        yield running
