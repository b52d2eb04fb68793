"""A plugin of tests with commands: an empty database, and a role that is asked for its password."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from db.engine.database import Database
from tests.app.database_commands import RIGHT


@pytest.fixture
def passworded(socket_folder: str) -> Iterator[str]:
    """Have the tests' server ask those users for a password whose name begins so."""
    rules = Path(socket_folder) / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all /^asked_ scram-sha-256\n{before}")
    yield f"asked_{uuid4().hex}"
    rules.write_text(before)


@pytest.fixture
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    async with database.raw_connection() as connection:
        yield connection


@pytest.fixture
async def role(passworded: str, admin: asyncpg.Connection) -> AsyncIterator[str]:
    """A role that is asked for its password and may do nothing yet."""
    await admin.execute("SELECT pg_reload_conf()")
    await admin.execute(f"CREATE ROLE {passworded} LOGIN PASSWORD '{RIGHT}'")
    yield passworded
    await admin.execute(f"DROP ROLE {passworded}")


@pytest.fixture
async def empty(admin: asyncpg.Connection, role: str) -> AsyncIterator[str]:
    """An empty database, whose owner is somebody else."""
    await admin.execute(f"CREATE DATABASE {role}")
    yield role
    await admin.execute(f"DROP DATABASE {role} WITH (FORCE)")
