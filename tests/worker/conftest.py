"""Real generation for the tests of this folder: servers once per module, what is behind them fresh for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.settings import Settings
from tests.doubles.cloudinary import CloudinaryDouble
from tests.doubles.google_account import service_account_file
from tests.doubles.serving import serving_app
from tests.house import House
from tests.inspected import InspectedDatabase
from tests.servers import serving
from tests.worker.studio import Front, Studio, hurry


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Front]:
    front = Front()
    async with serving_app(front) as front.url:
        yield front


@pytest.fixture(scope="module")
async def cloudinary(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CloudinaryDouble]:
    async with CloudinaryDouble(tmp_path_factory.mktemp("cloudinary")).serving() as cloudinary:
        yield cloudinary


@pytest.fixture(scope="module")
def account(front: Front) -> Iterator[Path]:
    """Credentials that every library of Google's finds, in this process and in those that it starts."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        file = service_account_file(Path(folder) / "account.json", f"{front.url}/token")
        environment.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        yield file


@pytest.fixture(scope="module")
def real_settings(settings: Settings, front: Front, cloudinary: CloudinaryDouble, account: Path) -> Settings:
    assert account.exists()
    changes = {
        "google_cloud_project": "lookreel-test",
        "google_vertex_base_url": front.url,
        "cloudinary_url": cloudinary.cloudinary_url,
        "veo_poll_seconds": 0.03,
        "submits_per_minute": 600_000,
        "inputs_kept_days": 0,  # tests/worker/omni has a house that keeps them
    }
    return settings.model_copy(update=changes)


@pytest.fixture(scope="module")
async def real_house(real_settings: Settings, database: InspectedDatabase) -> AsyncIterator[House]:
    async with serving(real_settings, database) as url, House.opened(real_settings, database, url) as house:
        yield house


@pytest.fixture
def hurried() -> Iterator[None]:
    """Let workers look after their queue and their files without delay."""
    with hurry():
        yield


@pytest.fixture(scope="module")
def lasting_studio(real_house: House, front: Front, cloudinary: CloudinaryDouble) -> Studio:
    """One for all tests of a module, which no test clears: for jobs that many tests look at."""
    return Studio(real_house, front, cloudinary)


@pytest.fixture
async def studio(real_house: House, front: Front, cloudinary: CloudinaryDouble, hurried: None) -> AsyncIterator[Studio]:
    assert hurried is None
    front.renew()
    cloudinary.reset()
    yield Studio(real_house, front, cloudinary)
    cloudinary.answering.set()
    await real_house.clear()
