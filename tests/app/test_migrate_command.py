"""What `lookreel migrate` cannot migrate is said in a sentence, and left as it was."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from db.engine.limits import UNLIMITED
from db.revisions import HEADS
from tests.app.database_commands import execute, run, tables, url_of
from tests.conftest import temporary_folder
from tests.db.connecting import at, opened
from tests.doubles.postgres_proxy import proxied

pytest_plugins = ["tests.app.empty_database"]


SLOW_WHERE_LIMITED = """
CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('statement_timeout') <> '0' THEN PERFORM pg_sleep(60); END IF;
END $$;
CREATE EVENT TRIGGER slow ON ddl_command_start EXECUTE FUNCTION slow();
"""


def refused(url: str, data_dir: Path) -> str:
    """Migrate in vain; return the sentences."""
    done = run(("migrate", "--wait", "0"), url, data_dir)
    assert (done.returncode, done.stdout) == (os.EX_UNAVAILABLE, "")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


async def test_a_missing_right_is_named(data_dir: Path, socket_folder: str, empty: str) -> None:
    sentence = refused(url_of(socket_folder, empty), data_dir)

    assert "permission denied for schema public. Nothing was changed. Give the user" in sentence
    assert await tables(socket_folder, empty) == 0


@pytest.mark.parametrize("found", ["CREATE TABLE users (id int)", "CREATE TABLE pgqueuer (id int)",
                                   "CREATE TYPE pgqueuer_status AS ENUM ('odd')"])  # fmt: skip
async def test_a_database_that_belongs_to_something_else_is_left_alone(
    data_dir: Path, socket_folder: str, empty: str, found: str
) -> None:
    await execute(socket_folder, empty, found)
    before = await tables(socket_folder, empty)

    sentence = refused(at(socket_folder, database=empty), data_dir)

    assert "that Lookreel did not make" in sentence
    assert "Nothing was changed." in sentence
    assert await tables(socket_folder, empty) == before


async def test_the_migrations_of_something_else_are_left_alone(data_dir: Path, socket_folder: str, empty: str) -> None:
    await execute(socket_folder, empty, "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    await execute(socket_folder, empty, "INSERT INTO alembic_version VALUES ('1975ea83b712')")

    sentence = refused(at(socket_folder, database=empty), data_dir)

    assert "'1975ea83b712'. The database was migrated by a newer release, or by something else." in sentence
    assert await tables(socket_folder, empty) == 1


async def test_a_read_only_database_is_named(data_dir: Path, socket_folder: str, empty: str) -> None:
    await execute(socket_folder, empty, f"ALTER DATABASE {empty} SET default_transaction_read_only = on")

    sentence = refused(at(socket_folder, database=empty), data_dir)

    assert "read-only transaction. Nothing was changed. Migrate where writing is allowed." in sentence


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_new_database_that_cannot_hold_every_text_is_left_alone(
    data_dir: Path, socket_folder: str, empty: str, encoding: str
) -> None:
    await execute(socket_folder, "postgres", f"DROP DATABASE {empty}")
    await execute(
        socket_folder,
        "postgres",
        f"CREATE DATABASE {empty} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0",
    )

    sentence = refused(at(socket_folder, database=empty), data_dir)

    assert sentence.startswith(f"The database's encoding is {encoding}, which cannot hold every text. Nothing was")
    assert await tables(socket_folder, empty) == 0


async def test_a_limit_of_somebody_elses_is_named(data_dir: Path, socket_folder: str, empty: str) -> None:
    for sql in (SLOW_WHERE_LIMITED, f"ALTER DATABASE {empty} SET statement_timeout = '2s'"):
        await execute(socket_folder, empty, sql)

    sentence = refused(at(socket_folder, database=empty), data_dir)
    migrated = run(("migrate",), at(socket_folder, "statement_timeout=0", database=empty), data_dir)

    assert "statement timeout. Nothing was changed. Add `statement_timeout=0` to the parameters" in sentence
    assert migrated.returncode == 0


async def test_a_table_that_is_in_use_is_named(data_dir: Path, socket_folder: str, empty: str) -> None:
    assert run(("migrate",), at(socket_folder, database=empty), data_dir).returncode == 0
    await execute(socket_folder, empty, "DELETE FROM alembic_version WHERE version_num <> '0003'")
    await execute(socket_folder, empty, "INSERT INTO alembic_version VALUES ('0004')")
    async with opened(at(socket_folder, database=empty), UNLIMITED) as holder:
        await holder.execute("BEGIN; LOCK TABLE video_jobs")
        sentence = refused(at(socket_folder, database=empty), data_dir)

    assert "lock timeout. Nothing was changed. Something else uses a table" in sentence


async def test_tls_that_is_refused_is_named(data_dir: Path, socket_folder: str) -> None:
    async with proxied(socket_folder) as proxy:
        url = f"postgres://u:hush@127.0.0.1:{proxy.port}/db?sslmode=require"

        assert "rejected SSL upgrade" in await asyncio.to_thread(refused, url, data_dir)


async def test_a_setting_that_the_server_does_not_know_is_named(data_dir: Path, socket_folder: str) -> None:
    assert 'unrecognized configuration parameter "lookreel"' in refused(
        at(socket_folder, "options=-clookreel=1"), data_dir
    )


@contextmanager
def extension(script: str) -> Iterator[str]:
    """Offer a pg_trgm of our own, of which the tests' server has none; yield where."""
    with temporary_folder() as place:
        place.chmod(0o755)
        (place / "extension").mkdir()
        (place / "extension/pg_trgm.control").write_text("default_version = '1.0'\n")
        (place / "extension/pg_trgm--1.0.sql").write_text(script)
        yield f"{place}:$system"


@pytest.mark.parametrize(
    ("script", "allowed", "why"),
    [
        ("SELECT 1;", "NOSUPERUSER", "permission denied to create extension"),
        ("SELECT 1;", "SUPERUSER", "gin_trgm_ops"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE c AS '$libdir/nothing';", "SUPERUSER", "could not access file"),
    ],
)
async def test_without_the_right_extension_there_is_no_index_and_everything_else(  # noqa: PLR0913, PLR0917 - as above
    data_dir: Path, socket_folder: str, empty: str, script: str, allowed: str, why: str
) -> None:
    await execute(socket_folder, empty, f"GRANT ALL ON SCHEMA public TO {empty}")
    await execute(socket_folder, empty, f"ALTER ROLE {empty} {allowed}")
    with extension(script) as path:
        await execute(socket_folder, empty, f"ALTER DATABASE {empty} SET extension_control_path = '{path}'")
        done = run(("migrate",), url_of(socket_folder, empty), data_dir)

    assert done.returncode == 0, done.stderr
    assert "Searches go without an index, since pg_trgm cannot be had: " in done.stderr
    assert why in done.stderr
    async with opened(at(socket_folder, database=empty), UNLIMITED) as connection:
        revisions = {row[0] for row in await connection.fetch("SELECT version_num FROM alembic_version")}
        assert revisions == HEADS
        assert await connection.fetchval("SELECT to_regclass('ix_looks_search_text')") is None
