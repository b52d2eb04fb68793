"""Whatever PostgreSQL refuses has a name, however a statement was sent, and also where the commit is what fails."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import Text, bindparam, column, func, make_url, select, table

from db.engine import error_names
from db.engine.database import Database
from db.engine.errors import (
    DatabaseAccessDenied,
    DatabaseConflict,
    DatabaseFull,
    DatabaseLocked,
    DatabaseMissing,
    DatabaseNotMigrated,
    DatabaseOutOfMemory,
    DatabaseReadOnly,
    DatabaseTimedOut,
    DatabaseTooManyConnections,
    DatabaseUnavailable,
)
from db.engine.limits import Limits
from db.engine.statements import Row, Statement
from tests.house import eventually
from tests.test_error_tables import descendants

NAMES: dict[str, type[DatabaseUnavailable]] = {
    "08006": DatabaseUnavailable,
    "25006": DatabaseReadOnly,
    "25P03": DatabaseTimedOut,
    "25P04": DatabaseTimedOut,
    "28000": DatabaseAccessDenied,
    "28P01": DatabaseAccessDenied,
    "3D000": DatabaseMissing,
    "3F000": DatabaseNotMigrated,
    "40001": DatabaseConflict,
    "40P01": DatabaseConflict,
    "42501": DatabaseAccessDenied,
    "42703": DatabaseNotMigrated,
    "42883": DatabaseNotMigrated,
    "42P01": DatabaseNotMigrated,
    "53000": DatabaseUnavailable,
    "53100": DatabaseFull,
    "53200": DatabaseOutOfMemory,
    "53300": DatabaseTooManyConnections,
    "53400": DatabaseUnavailable,
    "55P03": DatabaseLocked,
    "57014": DatabaseTimedOut,
    "57P01": DatabaseUnavailable,
    "57P02": DatabaseUnavailable,
    "57P03": DatabaseUnavailable,
    "57P05": DatabaseUnavailable,
    "58030": DatabaseUnavailable,
}
# Faults of ours, which must not look like the database's.
NAMELESS = {"23505": asyncpg.UniqueViolationError, "22012": asyncpg.DivisionByZeroError, "42601": asyncpg.PostgresError}


class Nothing(Row):
    nothing: None


RAISE = Statement(select(func.raise_error(bindparam("state", type_=Text))), Nothing)
NO_COLUMN = Statement(select(column("no_such_column")).select_from(table("users")), Nothing)
NO_FUNCTION = Statement(select(func.no_such_function()), Nothing)
OWN = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
SLEEP = Statement(select(func.pg_sleep(3600)), Nothing)


@pytest.fixture(scope="module")
async def raising(database: Database) -> AsyncIterator[Database]:
    """The tests' database with a function that raises any error, and a table that raises one at the commit."""
    async with database.raw_connection() as admin:
        await admin.execute("""
            CREATE FUNCTION raise_error(state text) RETURNS void LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'as the test wants it' USING ERRCODE = state; END $$;
            CREATE FUNCTION raise_late() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM raise_error(NEW.state); RETURN NULL; END $$;
            CREATE TABLE refused_late (state text);
            CREATE CONSTRAINT TRIGGER late AFTER INSERT ON refused_late DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION raise_late();
        """)
        yield database
        await admin.execute("DROP TABLE refused_late; DROP FUNCTION raise_late; DROP FUNCTION raise_error")


async def read(database: Database, statement: Statement[Nothing], **values: object) -> None:
    await database.reader.fetch(statement, **values)


async def in_transaction(database: Database, statement: Statement[Nothing], **values: object) -> None:
    async with database.transaction() as session:
        await session.fetch(statement, **values)


async def at_commit(database: Database, _: object, **values: object) -> None:
    async with database.transaction() as transaction:
        await transaction.send("INSERT INTO refused_late VALUES ($1)", values["state"])


Way = Callable[..., Awaitable[None]]
WAYS: list[Way] = [read, in_transaction, at_commit]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("state", NAMES)
async def test_every_refusal_has_its_name(raising: Database, way: Way, state: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="as the test wants it") as raised:
        await way(raising, RAISE, state=state)

    assert type(raised.value) is NAMES[state]
    assert "test" not in raised.value.message
    await read_one(raising)


async def read_one(database: Database) -> None:
    """Show that the connections are as good as before."""
    async with database.transaction() as transaction:
        assert len(await transaction.send("SELECT 1")) == 1


@pytest.mark.parametrize("way", [read, in_transaction, at_commit])
@pytest.mark.parametrize("state", NAMELESS)
async def test_a_fault_of_ours_keeps_its_own(raising: Database, way: Way, state: str) -> None:
    with pytest.raises(NAMELESS[state]):
        await way(raising, RAISE, state=state)


@pytest.mark.parametrize("way", [read, in_transaction])
@pytest.mark.parametrize("statement", [NO_COLUMN, NO_FUNCTION])
async def test_what_a_migration_has_not_made_yet_is_named(
    database: Database, way: Way, statement: Statement[Nothing]
) -> None:
    with pytest.raises(DatabaseNotMigrated):
        await way(database, statement)


def test_every_name_has_a_code_of_its_own_and_something_to_say() -> None:
    names: set[Any] = {DatabaseUnavailable, *descendants(DatabaseUnavailable)}

    assert {name.__name__: name.code for name in names} == {
        "DatabaseUnavailable": "DATABASE_UNAVAILABLE",
        "DatabaseNotMigrated": "DATABASE_NOT_MIGRATED",
        "DatabaseBusy": "DATABASE_BUSY",
        "DatabaseTimedOut": "DATABASE_TIMED_OUT",
        "DatabaseLocked": "DATABASE_LOCKED",
        "DatabaseConflict": "DATABASE_CONFLICT",
        "DatabaseReadOnly": "DATABASE_READ_ONLY",
        "DatabaseFull": "DATABASE_FULL",
        "DatabaseOutOfMemory": "DATABASE_OUT_OF_MEMORY",
        "DatabaseTooManyConnections": "DATABASE_TOO_MANY_CONNECTIONS",
        "DatabaseAccessDenied": "DATABASE_ACCESS_DENIED",
        "DatabaseMissing": "DATABASE_MISSING",
        "DatabaseTooOld": "DATABASE_TOO_OLD",
        "DatabaseForeign": "DATABASE_FOREIGN",
        "DatabaseWithoutSessions": "DATABASE_WITHOUT_SESSIONS",
        "InvalidDatabaseUrl": "DATABASE_MISCONFIGURED",
    }
    assert all(name.message.endswith(".") and name.retry_seconds > 0 for name in names)


async def test_operators_read_in_the_log_what_clients_are_not_told(
    raising: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many, one a second."""
    monkeypatch.setattr(error_names, "_logged", {})
    with caplog.at_level(logging.WARNING, "lookreel.db"):
        for _ in range(5):
            with pytest.raises(DatabaseFull):
                await read(raising, RAISE, state="53100")

    lines = [record.getMessage() for record in caplog.records if record.name == "lookreel.db"]
    assert lines[:1] == ["DATABASE_FULL: as the test wants it"]
    assert len(lines) < 5
    assert not any(record.exc_info for record in caplog.records)


@asynccontextmanager
async def limited(database: Database, **limits: Any) -> AsyncIterator[Database]:
    """The same database, with one connection of each kind."""
    url = database.server.url
    short = Database(url, pool_size=1, wait_seconds=0.2, limits=Limits(**limits))
    yield short
    await short.close()


@pytest.mark.parametrize("way", [read, in_transaction])
async def test_a_statement_that_takes_too_long_is_ended_by_the_server(database: Database, way: Way) -> None:
    async with limited(database, statement=0.1) as short:
        with pytest.raises(DatabaseTimedOut, match="statement timeout"):
            await way(short, SLEEP)
        await read_one(short)


@pytest.mark.parametrize("way", [read, in_transaction])
async def test_where_the_server_does_not_end_it_the_driver_does(
    database: Database, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator has switched the server's own limit off."""
    monkeypatch.setattr("db.engine.limits.GRACE_SECONDS", 0.0)
    url = (
        make_url(database.server.url)
        .update_query_dict({"statement_timeout": "0"})
        .render_as_string(hide_password=False)
    )
    short = Database(url, pool_size=1, limits=Limits(statement=0.1))

    with pytest.raises(DatabaseTimedOut):
        await way(short, SLEEP)

    await read_one(short)
    await short.close()


async def test_a_transaction_that_does_nothing_is_ended(database: Database) -> None:
    async def idle() -> None:
        async with short.transaction() as transaction:
            await transaction.send("SELECT 1")
            async with database.raw_connection() as other:
                await eventually(lambda: other.fetchval(OWN, name), lambda number: number == 0)
            await transaction.send("SELECT 1")

    name = f"idle_{uuid4().hex}"
    url = database.server.url
    short = Database(url, limits=Limits(idle_in_transaction=0.2), application_name=name)
    with pytest.raises(DatabaseUnavailable):
        await idle()
    await read_one(short)
    await short.close()
