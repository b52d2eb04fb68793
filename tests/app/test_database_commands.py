"""What is wrong with the database is said in a sentence by every command, with no password and no traceback."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from uuid import uuid4

import asyncpg
import httpx
import pytest

from db.engine.connections import Server
from db.engine.database import Database
from db.engine.limits import UNLIMITED
from db.revisions import HEADS
from tests.app.processes import lookreel, running
from tests.app.test_doctor import line
from tests.conftest import temporary_folder
from tests.db.test_connections import at
from tests.doubles.postgres_proxy import proxied
from tests.house import House, eventually

KEY = "a key that only this test knows, long enough"
RIGHT = "right"
COMMANDS = [
    ("serve",),
    ("worker",),
    ("migrate",),
    ("token", "--email", "a@b.example"),
    ("grant", "--email", "a@b.example", "--tokens", "5"),
    ("sample", "--email", "a@b.example"),
    ("doctor",),
]
ONCE = [command for command in COMMANDS if command[0] not in {"serve", "worker", "doctor"}]


def run(command: tuple[str, ...], url: str, data_dir: Path) -> CompletedProcess[str]:
    done = lookreel(*command, DATABASE_URL=url, JWT_SECRET_KEY=KEY, DATA_DIR=data_dir, PORT=0)
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stdout + done.stderr
    return done


@pytest.mark.parametrize(
    ("command", "url", "named"),
    [(command, "postgres://u:hush@h/db?sslmod=require", "'sslmod'") for command in COMMANDS]
    + [
        (("migrate",), "mysql://u:hush@h/db", "postgresql://"),
        (("migrate",), "postgres://u:hush@h/db?sslmode=on", "sslmode"),
        (("migrate",), "postgres://u:hush@h/db?sslrootcert=/no/such/file", "sslrootcert"),
        (("migrate",), "postgres://u:hush@h:99999/db", "port"),
    ],
)
def test_what_cannot_be_understood_ends_in_78(data_dir: Path, command: tuple[str, ...], url: str, named: str) -> None:
    refused = run(command, url, data_dir)

    assert (refused.returncode, refused.stdout) == (78, "")
    assert refused.stderr.startswith("DATABASE_URL cannot be used: ")
    assert named in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.fixture
def passworded(database: Database) -> Iterator[str]:
    """Have the tests' server ask those users for a password whose name begins so."""
    pgdata = Path(database.server.address.hosts[0][0])
    rules = pgdata / "pg_hba.conf"
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
async def folder(database: Database) -> str:
    return database.server.address.hosts[0][0]


@pytest.fixture
async def empty(admin: asyncpg.Connection, role: str) -> AsyncIterator[str]:
    """An empty database, whose owner is somebody else."""
    await admin.execute(f"CREATE DATABASE {role}")
    yield role
    await admin.execute(f"DROP DATABASE {role} WITH (FORCE)")


def url_of(folder: str, role: str, password: str = RIGHT) -> str:
    return at(folder, user=f"{role}:{password}", database=role)


@pytest.mark.parametrize("command", ONCE)
async def test_a_wrong_password_is_named(data_dir: Path, folder: str, empty: str, command: tuple[str, ...]) -> None:
    refused = run(command, url_of(folder, empty, "hush"), data_dir)

    assert refused.returncode == os.EX_UNAVAILABLE
    assert "refuses the user or the password. Correct DATABASE_URL." in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ONCE)
async def test_a_missing_database_is_named(data_dir: Path, folder: str, command: tuple[str, ...]) -> None:
    refused = run(command, at(folder, database="nothing"), data_dir)

    assert refused.returncode == os.EX_UNAVAILABLE
    assert 'database "nothing" does not exist. Create it, or correct DATABASE_URL.' in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "url", "named"),
    [(command, "postgres://u:hush@127.0.0.1:1/db", "127.0.0.1, port 1, refuses: ") for command in ONCE]
    + [(("migrate",), "postgres://u:hush@nowhere.invalid/db", "nowhere.invalid, port 5432, cannot be found")],
)
def test_nobody_there_is_named(data_dir: Path, command: tuple[str, ...], url: str, named: str) -> None:
    refused = run(command, url, data_dir)

    assert refused.returncode == os.EX_UNAVAILABLE
    assert "The database cannot be reached: " in refused.stderr
    assert named in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ONCE[1:])
async def test_a_database_that_is_not_migrated_is_named(
    data_dir: Path, folder: str, empty: str, command: tuple[str, ...]
) -> None:
    refused = run(command, at(folder, database=empty), data_dir)

    assert refused.returncode == os.EX_UNAVAILABLE
    assert "`lookreel migrate`" in refused.stderr


async def test_doctor_names_a_wrong_password(data_dir: Path, folder: str, empty: str) -> None:
    report = run(("doctor",), url_of(folder, empty, "hush"), data_dir)

    assert report.returncode == 1
    assert "refuses the user or the password" in line(report, "database")


async def test_a_server_and_a_worker_say_it_and_go_on_once_it_is_mended(  # noqa: PLR0913, PLR0917 - what it takes
    data_dir: Path, folder: str, empty: str, admin: asyncpg.Connection, database: Database, tmp_path: Path
) -> None:
    settings = {
        "DATABASE_URL": url_of(folder, empty, "late"), "JWT_SECRET_KEY": KEY, "DATA_DIR": data_dir, "PORT": 0,
    }  # fmt: skip
    owned = lookreel("migrate", **{**settings, "DATABASE_URL": at(folder, database=empty)})
    assert owned.returncode == 0
    with running("serve", log=tmp_path / "log", **settings) as server:
        address = await eventually(server.address, bool)
        async with httpx.AsyncClient(base_url=address) as http:
            before = await eventually(lambda: health(http), lambda answer: answer[0] == 503)
            await eventually(lambda: said(server.log), lambda log: "queue cannot be reached" in log)
            await admin.execute(f"ALTER ROLE {empty} PASSWORD 'late' SUPERUSER")
            after = await eventually(lambda: health(http), lambda answer: answer[0] == 200)
            log = server.log
            names = await eventually(lambda: names_of(admin, empty), lambda names: len(names) == 2)

    assert (before, after) == ((503, "DATABASE_ACCESS_DENIED"), (200, None))
    assert "refuses the user or the password" in log
    assert names == {"lookreel api", "lookreel worker"}
    assert database


async def health(http: httpx.AsyncClient) -> tuple[int, str | None]:
    try:
        answer = await http.get("/healthz")
    except httpx.TransportError:
        return 0, None
    return answer.status_code, answer.json().get("code")


async def said(log: str) -> str:
    return log


async def names_of(admin: asyncpg.Connection, role: str) -> set[str]:
    rows = await admin.fetch("SELECT DISTINCT application_name FROM pg_stat_activity WHERE usename = $1", role)
    return {row[0] for row in rows}


# What only `migrate` meets


@asynccontextmanager
async def connected(folder: str, database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await Server(at(folder, database=database)).connect(UNLIMITED)
    try:
        yield connection
    finally:
        await connection.close()


async def tables(folder: str, database: str) -> int:
    async with connected(folder, database) as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        return count


async def execute(folder: str, database: str, sql: str) -> None:
    async with connected(folder, database) as connection:
        await connection.execute(sql)


def refused(url: str, data_dir: Path) -> str:
    """Migrate in vain; return the sentences."""
    done = run(("migrate", "--wait", "0"), url, data_dir)
    assert (done.returncode, done.stdout) == (os.EX_UNAVAILABLE, "")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


async def test_a_missing_right_is_named(data_dir: Path, folder: str, empty: str) -> None:
    sentence = refused(url_of(folder, empty), data_dir)

    assert "permission denied for schema public. Nothing was changed. Give the user" in sentence
    assert await tables(folder, empty) == 0


@pytest.mark.parametrize("found", ["CREATE TABLE users (id int)", "CREATE TABLE pgqueuer (id int)",
                                   "CREATE TYPE pgqueuer_status AS ENUM ('odd')"])  # fmt: skip
async def test_a_database_that_belongs_to_something_else_is_left_alone(
    data_dir: Path, folder: str, empty: str, found: str
) -> None:
    await execute(folder, empty, found)
    before = await tables(folder, empty)

    sentence = refused(at(folder, database=empty), data_dir)

    assert "that Lookreel did not make" in sentence
    assert "Nothing was changed." in sentence
    assert await tables(folder, empty) == before


async def test_the_migrations_of_something_else_are_left_alone(data_dir: Path, folder: str, empty: str) -> None:
    await execute(folder, empty, "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    await execute(folder, empty, "INSERT INTO alembic_version VALUES ('1975ea83b712')")

    sentence = refused(at(folder, database=empty), data_dir)

    assert "'1975ea83b712'. The database was migrated by a newer release, or by something else." in sentence
    assert await tables(folder, empty) == 1


async def test_a_read_only_database_is_named(data_dir: Path, folder: str, empty: str) -> None:
    await execute(folder, empty, f"ALTER DATABASE {empty} SET default_transaction_read_only = on")

    sentence = refused(at(folder, database=empty), data_dir)

    assert "read-only transaction. Nothing was changed. Migrate where writing is allowed." in sentence


async def test_a_table_that_is_in_use_is_named(data_dir: Path, folder: str, empty: str) -> None:
    assert run(("migrate",), at(folder, database=empty), data_dir).returncode == 0
    await execute(folder, empty, "DELETE FROM alembic_version WHERE version_num <> '0003'")
    await execute(folder, empty, "INSERT INTO alembic_version VALUES ('0004')")
    async with connected(folder, empty) as holder:
        await holder.execute("BEGIN; LOCK TABLE video_jobs")
        sentence = refused(at(folder, database=empty), data_dir)

    assert "lock timeout. Nothing was changed. Something else uses a table" in sentence


async def test_tls_that_is_refused_is_named(data_dir: Path, folder: str) -> None:
    async with proxied(folder) as proxy:
        url = f"postgres://u:hush@127.0.0.1:{proxy.port}/db?sslmode=require"

        assert "rejected SSL upgrade" in await asyncio.to_thread(refused, url, data_dir)


async def test_a_setting_that_the_server_does_not_know_is_named(data_dir: Path, folder: str) -> None:
    assert 'unrecognized configuration parameter "lookreel"' in refused(at(folder, "options=-clookreel=1"), data_dir)


# The extension that makes searches fast


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
    data_dir: Path, folder: str, empty: str, script: str, allowed: str, why: str
) -> None:
    await execute(folder, empty, f"GRANT ALL ON SCHEMA public TO {empty}")
    await execute(folder, empty, f"ALTER ROLE {empty} {allowed}")
    with extension(script) as path:
        await execute(folder, empty, f"ALTER DATABASE {empty} SET extension_control_path = '{path}'")
        done = run(("migrate",), url_of(folder, empty), data_dir)

    assert done.returncode == 0, done.stderr
    assert "Searches go without an index, since pg_trgm cannot be had: " in done.stderr
    assert why in done.stderr
    async with connected(folder, empty) as connection:
        revisions = {row[0] for row in await connection.fetch("SELECT version_num FROM alembic_version")}
        assert revisions == HEADS
        assert await connection.fetchval("SELECT to_regclass('ix_looks_search_text')") is None


# The owner's own backend: its tables have names of ours, and anything in them.
FOREIGN = {
    "its migrations": """CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
        INSERT INTO alembic_version VALUES ('1975ea83b712')""",
    "no migrations": "",
    "migrations of another kind": "CREATE TABLE alembic_version (version int)",
}
TABLES = """
    CREATE TABLE users (id serial PRIMARY KEY, email varchar NOT NULL, hashed_password varchar NOT NULL);
    CREATE TABLE looks (id serial PRIMARY KEY, user_id int, title varchar);
    CREATE TABLE video_jobs (id serial PRIMARY KEY, user_id int, status varchar);
    CREATE TABLE submission_pace (id int);
"""


@pytest.mark.parametrize("kind", FOREIGN)
async def test_somebody_elses_tables_are_told_by_every_command_in_a_sentence(
    data_dir: Path, folder: str, empty: str, kind: str
) -> None:
    await execute(folder, empty, TABLES + FOREIGN[kind])
    before, url = await tables(folder, empty), at(folder, database=empty)

    for command in ONCE:
        done = run(command, url, data_dir)
        assert (done.returncode, done.stdout) == (os.EX_UNAVAILABLE, "")
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "database of its own" in done.stderr or "`lookreel migrate`" in done.stderr
    report = run(("doctor",), url, data_dir)

    assert report.returncode == 1
    assert "database of its own" in line(report, "migrations") or "`lookreel migrate`" in line(report, "migrations")
    assert await tables(folder, empty) == before


async def test_somebody_elses_tables_are_told_by_a_server(
    data_dir: Path, folder: str, empty: str, tmp_path: Path
) -> None:
    await execute(folder, empty, TABLES + FOREIGN["its migrations"])
    before, url = await tables(folder, empty), at(folder, database=empty)
    settings = {"DATABASE_URL": url, "JWT_SECRET_KEY": KEY, "DATA_DIR": data_dir, "PORT": 0}

    with running("serve", log=tmp_path / "log", **settings) as server:
        address = await eventually(server.address, bool)
        async with httpx.AsyncClient(base_url=address) as http:
            status, code = await eventually(lambda: health(http), lambda answer: answer[0] != 0)
            await eventually(lambda: said(server.log), lambda log: "queue" in log)
        log = server.log

    assert (status, code) == (503, "DATABASE_NOT_MIGRATED")
    assert "Traceback" not in log
    assert await tables(folder, empty) == before


async def test_an_answer_that_nobody_expected_is_503_to_a_health_check(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def odd(_reader: object) -> None:
        raise asyncpg.DataError("a number was expected")

    monkeypatch.setattr("db.submission_pace.troubles", odd)

    assert await health(house.http) == (503, "DATABASE_FOREIGN")
    assert "a number was expected" in caplog.text
