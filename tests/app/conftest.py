"""What commands are given."""

import pytest

from app.settings import Settings


@pytest.fixture
def environment(settings: Settings) -> dict[str, object]:
    """The settings of a command on the tests' own database."""
    return {
        "DATABASE_URL": settings.database_url,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "DATA_DIR": settings.data_dir,
    }
