"""What is wrong with the database is said in a sentence by every command, with no password and no traceback."""

import os
from pathlib import Path

import asyncpg
import httpx
import pytest

from db.engine.database import Database
from tests.app.database_commands import COMMANDS, KEY, ONCE, execute, health, run, said, tables, url_of
from tests.app.doctor import line
from tests.app.processes import lookreel, running
from tests.db.connecting import at
from tests.house import House, eventually

pytest_plugins = ["tests.app.empty_database"]


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


@pytest.mark.parametrize("command", ONCE)
async def test_a_wrong_password_is_named(
    data_dir: Path, socket_folder: str, empty: str, command: tuple[str, ...]
) -> None:
    refused = run(command, url_of(socket_folder, empty, "hush"), data_dir)

    assert refused.returncode == os.EX_UNAVAILABLE
    assert "refuses the user or the password. Correct DATABASE_URL." in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ONCE)
async def test_a_missing_database_is_named(data_dir: Path, socket_folder: str, command: tuple[str, ...]) -> None:
    refused = run(command, at(socket_folder, database="nothing"), data_dir)

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
    data_dir: Path, socket_folder: str, empty: str, command: tuple[str, ...]
) -> None:
    refused = run(command, at(socket_folder, database=empty), data_dir)

    assert refused.returncode == os.EX_UNAVAILABLE
    assert "`lookreel migrate`" in refused.stderr


async def test_doctor_names_a_wrong_password(data_dir: Path, socket_folder: str, empty: str) -> None:
    report = run(("doctor",), url_of(socket_folder, empty, "hush"), data_dir)

    assert report.returncode == 1
    assert "refuses the user or the password" in line(report, "database")


async def test_doctor_tells_of_a_database_that_cannot_hold_every_text(
    data_dir: Path, socket_folder: str, empty: str
) -> None:
    utf8 = run(("doctor",), at(socket_folder, database=empty), data_dir)
    await execute(socket_folder, "postgres", f"DROP DATABASE {empty}")
    await execute(socket_folder, "postgres", f"CREATE DATABASE {empty} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")

    latin1 = run(("doctor",), at(socket_folder, database=empty), data_dir)

    assert line(utf8, "database").startswith("ok ")
    assert line(latin1, "database").startswith("warning ")
    assert "The database's encoding is LATIN1, which cannot hold every text." in line(latin1, "database")


async def test_a_server_and_a_worker_say_it_and_go_on_once_it_is_mended(  # noqa: PLR0913, PLR0917 - what it takes
    data_dir: Path, socket_folder: str, empty: str, admin: asyncpg.Connection, database: Database, tmp_path: Path
) -> None:
    settings = {
        "DATABASE_URL": url_of(socket_folder, empty, "late"), "JWT_SECRET_KEY": KEY, "DATA_DIR": data_dir, "PORT": 0,
    }  # fmt: skip
    owned = lookreel("migrate", **{**settings, "DATABASE_URL": at(socket_folder, database=empty)})
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


async def names_of(admin: asyncpg.Connection, role: str) -> set[str]:
    rows = await admin.fetch("SELECT DISTINCT application_name FROM pg_stat_activity WHERE usename = $1", role)
    return {row[0] for row in rows}


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
    data_dir: Path, socket_folder: str, empty: str, kind: str
) -> None:
    await execute(socket_folder, empty, TABLES + FOREIGN[kind])
    before, url = await tables(socket_folder, empty), at(socket_folder, database=empty)

    for command in ONCE:
        done = run(command, url, data_dir)
        assert (done.returncode, done.stdout) == (os.EX_UNAVAILABLE, "")
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "database of its own" in done.stderr or "`lookreel migrate`" in done.stderr
    report = run(("doctor",), url, data_dir)

    assert report.returncode == 1
    assert "database of its own" in line(report, "migrations") or "`lookreel migrate`" in line(report, "migrations")
    assert await tables(socket_folder, empty) == before


async def test_somebody_elses_tables_are_told_by_a_server(
    data_dir: Path, socket_folder: str, empty: str, tmp_path: Path
) -> None:
    await execute(socket_folder, empty, TABLES + FOREIGN["its migrations"])
    before, url = await tables(socket_folder, empty), at(socket_folder, database=empty)
    settings = {"DATABASE_URL": url, "JWT_SECRET_KEY": KEY, "DATA_DIR": data_dir, "PORT": 0}

    with running("serve", log=tmp_path / "log", **settings) as server:
        address = await eventually(server.address, bool)
        async with httpx.AsyncClient(base_url=address) as http:
            status, code = await eventually(lambda: health(http), lambda answer: answer[0] != 0)
            await eventually(lambda: said(server.log), lambda log: "queue" in log)
        log = server.log

    assert (status, code) == (503, "DATABASE_NOT_MIGRATED")
    assert "Traceback" not in log
    assert await tables(socket_folder, empty) == before


async def test_an_answer_that_nobody_expected_is_503_to_a_health_check(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def odd(_reader: object) -> None:
        raise asyncpg.DataError("a number was expected")

    monkeypatch.setattr("db.submission_pace.troubles", odd)

    assert await health(house.http) == (503, "DATABASE_FOREIGN")
    assert "a number was expected" in caplog.text
