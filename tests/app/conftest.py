"""What commands are given."""

from pathlib import Path

import pytest

from app.settings import Settings
from tests.house import House


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
