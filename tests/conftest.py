"""A running house for the tests: real PostgreSQL built by the migrations, a real HTTP server, a worker on demand."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import httpx
import pytest

from app.settings import Settings
from db import migrations
from db.embedded.server import embedded_server
from db.engine.pool import Pool
from tests.house import House, http_client
from tests.inspected import InspectedDatabase
from tests.servers import serving
from tests.wires import GraphQLWire, RestWire, Wire
from tests.workers import at_work

HERE = Path(__file__).parent
MOCK_SECONDS = 0.5
LONGEST = {"worker", "app", "db", "test_following.py", "test_restarts.py", "test_client_tools.py"}
# Folders and files that `make test-fast` leaves out: what needs more than an API, or takes or waits seconds. Whatever
# asks for a worker is left out as well.
SLOW = LONGEST | {
    "providers",  # real SDKs against doubles
    "test_database_refusals.py",
    "test_event_stream_ends.py",
    "test_examples.py",
    "test_execution.py",
    "test_execution_errors.py",
    "test_image_parts.py",
    "test_images.py",
    "test_js_clients.py",
    "test_key_set.py",
    "test_large_answers.py",
    "test_ledger_property.py",
    "test_lock_order.py",
    "test_locked_account.py",
    "test_locked_tables.py",
    "test_long_polls.py",
    "test_look_videos_migration.py",
    "test_nothing_blocks.py",
    "test_pages.py",
    "test_permissions.py",
    "test_poolers.py",
    "test_query_plans.py",
    "test_races.py",
    "test_raw_forms.py",
    "test_retries.py",
    "test_slow_searches.py",
    "test_stopped_database.py",
    "test_storage_quotas.py",
    "test_suspended_accounts.py",
    "test_time_limits.py",
    "test_two_versions.py",
    "test_understood_requests.py",
    "test_videos.py",
    "test_wallet_migration.py",
    "test_whole_forms.py",
    "test_wrong_types.py",
}


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder that PostgreSQL's own user can reach; pytest closes its own folders to everybody else."""
    with TemporaryDirectory(prefix="lookreel-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder for processes that start a database of their own."""
    with temporary_folder() as folder:
        yield folder / "data"


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    with temporary_folder() as folder, embedded_server(folder) as url:
        yield url


@pytest.fixture
def socket_folder(database: InspectedDatabase) -> str:
    """Where the tests' server has its socket, and its data."""
    return database.server.address.hosts[0][0]


@pytest.fixture(scope="session")
def settings(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        database_url=server_url,
        data_dir=tmp_path_factory.mktemp("data"),
        jwt_secret_key="a key that only the tests know, long enough",
        mock_seconds=MOCK_SECONDS,
        media_urls="plain",  # two answers are compared as they are; tests/test_media_addresses.py has a signing house
    )


@pytest.fixture(scope="session")
async def database(server_url: str) -> AsyncIterator[InspectedDatabase]:
    await migrations.upgrade(server_url)
    database = InspectedDatabase(server_url)
    async with database.raw_connection() as connection:
        # The tests' data need not survive a power cut; this makes each commit some milliseconds faster.
        await connection.execute("ALTER SYSTEM SET fsync = off")
        await connection.execute("SELECT pg_reload_conf()")
    yield database
    await database.close()


@pytest.fixture
async def empty_database(database: InspectedDatabase) -> AsyncIterator[str]:
    """Yield the URL of an empty database on the tests' server."""
    async with database.beside() as empty:
        yield empty.url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
async def base_url(settings: Settings, database: InspectedDatabase) -> AsyncIterator[str]:
    async with serving(settings, database) as url:
        yield url


@pytest.fixture
async def http(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """One client a test: a request that is cancelled while it closes idle connections of others leaves them open."""
    async with http_client(base_url) as client:
        yield client


@pytest.fixture
async def house(settings: Settings, database: InspectedDatabase, http: httpx.AsyncClient) -> AsyncIterator[House]:
    house = House(settings, database, http)
    yield house
    await house.clear()


@pytest.fixture(params=["rest", "graphql"])
def wire(request: pytest.FixtureRequest, house: House) -> Wire:
    return RestWire(house) if request.param == "rest" else GraphQLWire(house)


@pytest.fixture
async def working(house: House, settings: Settings) -> AsyncIterator[None]:
    """A worker in this process, for as long as the test lasts."""
    async with at_work(settings, house.database):
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no process is left alone with one of them in the end."""
    parts = {item: set(item.path.relative_to(HERE).parts) for item in items}
    items.sort(key=lambda item: not LONGEST & parts[item])
    for item in items:
        if SLOW & parts[item] or "working" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what is sent by pools that are made from now on."""
    statements: list[str] = []
    make = Pool.__init__

    def made(pool: Pool, connect: Callable[[], Awaitable[asyncpg.Connection]], *more: Any) -> None:
        async def listened_to() -> asyncpg.Connection:
            connection = await connect()
            connection.add_query_logger(lambda query: statements.append(query.query))
            return connection

        make(pool, listened_to, *more)

    monkeypatch.setattr(Pool, "__init__", made)
    return statements
