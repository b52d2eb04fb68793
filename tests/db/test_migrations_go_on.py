"""Migrations beside a running service: they wait for no table for long, and hold no large one."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from io import StringIO
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import op
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from app.settings import Settings
from db import migrations, revisions
from db.engine.errors import DatabaseLocked
from tests.app.processes import lookreel
from tests.house import eventually
from tests.inspected import InspectedDatabase

VERSIONS = Path(__file__).parent.parent.parent / "alembic/versions"
# Those before are what installations have: they are as they are.
LAST_FREE = 12
LARGE = r'"?(?:video_jobs|video_job_logs|token_ledger)"?'
STOPS = {
    "an index that is not made concurrently": rf"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)[^;]* ON {LARGE}[ (]",
    "an index that is not dropped concurrently": r"DROP INDEX (?!CONCURRENTLY)[^;]*(?:video_job|token_ledger)",
    "a constraint that looks at every row": rf"ALTER TABLE {LARGE} ADD CONSTRAINT (?:(?!NOT VALID|USING INDEX)[^;])*;",
    "a column whose rows are written anew": rf"ALTER TABLE {LARGE} ALTER COLUMN \S+ TYPE",
    "a column that every row is looked at for": rf"ALTER TABLE {LARGE} ALTER COLUMN \S+ SET NOT NULL",
    "a default that every row gets anew": rf"ALTER TABLE {LARGE} ADD COLUMN [^;]*DEFAULT (?:gen_random|random|clock_)",
    "all rows in one statement": rf"UPDATE {LARGE} SET (?:(?!WHERE)[^;])*;",  # noqa: S608 - it is looked for
}


def sql_of(upgrade: object) -> str:
    """Return what a migration sends, without sending it."""
    output = StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": output, "literal_binds": True}
    )
    with Operations.context(context):
        upgrade()  # type: ignore[operator]
    return output.getvalue()


def stops(sql: str) -> list[str]:
    return [what for what, pattern in STOPS.items() if re.search(pattern, sql, re.IGNORECASE)]


def newer() -> Iterator[Path]:
    for file in sorted(VERSIONS.glob("*.py")):
        if int(file.name[:4]) > LAST_FREE:
            yield file


def test_no_migration_stops_the_service() -> None:
    for file in newer():
        spec = spec_from_file_location(file.stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        assert stops(sql_of(module.upgrade)) == [], file.name


@pytest.mark.parametrize(
    ("migration", "found"),
    [
        (lambda: op.create_index("i", "video_jobs", ["status"]), [*STOPS][0:1]),
        (lambda: op.create_index("i", "video_job_logs", ["id"], unique=True), [*STOPS][0:1]),
        (lambda: op.create_index("i", "video_jobs", ["status"], postgresql_concurrently=True), []),
        (lambda: op.create_index("i", "looks", ["title"]), []),
        (lambda: op.drop_index("ix_video_jobs_active"), [*STOPS][1:2]),
        (lambda: op.create_check_constraint("c", "video_jobs", "true"), [*STOPS][2:3]),
        (lambda: op.create_check_constraint("c", "video_jobs", "true", postgresql_not_valid=True), []),
        (lambda: op.create_foreign_key("f", "video_jobs", "users", ["user_id"], ["id"]), [*STOPS][2:3]),
        (lambda: op.alter_column("token_ledger", "amount", type_=sa.BigInteger()), [*STOPS][3:4]),
        (lambda: op.alter_column("video_jobs", "prompt", nullable=False), [*STOPS][4:5]),
        (lambda: op.add_column("video_jobs", sa.Column("a", sa.Text(), server_default="x", nullable=False)), []),
        (
            lambda: op.add_column("video_jobs", sa.Column("a", sa.Uuid(), server_default=sa.text("gen_random_uuid()"))),
            [*STOPS][5:6],
        ),
        (lambda: op.execute("UPDATE video_jobs SET provider = 'veo'"), [*STOPS][6:7]),
        (lambda: op.execute("UPDATE video_jobs SET provider = 'veo' WHERE id = '1'"), []),
    ],
)
def test_what_stops_it_is_found(migration: object, found: list[str]) -> None:
    assert stops(sql_of(migration)) == found


@pytest.fixture
async def empty(database: InspectedDatabase) -> AsyncIterator[str]:
    """The URL of a database of its own on the tests' server."""
    async with database.beside() as empty:
        yield empty.url.set(drivername="postgresql").render_as_string(hide_password=False)


async def test_a_table_that_is_held_is_tried_again_until_it_is_free(
    empty: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(migrations, "LOCKED_PAUSES", (0.05,))
    await migrations.upgrade(empty, "0007")
    holder = await asyncpg.connect(empty)
    held = holder.transaction()
    await held.start()
    await holder.execute("LOCK TABLE users IN ACCESS SHARE MODE")

    with pytest.raises(DatabaseLocked):
        await migrations.upgrade(empty)
    assert [record.levelname for record in caplog.records if "trying again" in record.message] == ["WARNING"]
    assert await holder.fetchval("SELECT version_num FROM alembic_version WHERE version_num <> '0003'") == "0007"

    monkeypatch.setattr(migrations, "LOCKED_PAUSES", (0.05,) * 20)
    migrating = asyncio.create_task(migrations.upgrade(empty))

    async def tries() -> int:
        return len([record for record in caplog.records if "trying again" in record.message])

    await eventually(tries, lambda number: number >= 2)
    await held.rollback()
    await migrating

    found = {row["version_num"] for row in await holder.fetch("SELECT version_num FROM alembic_version")}
    await holder.close()
    assert found == revisions.HEADS


async def test_what_would_be_done_is_listed_and_not_done(empty: str, settings: Settings) -> None:
    environment = {"DATABASE_URL": empty, "JWT_SECRET_KEY": settings.jwt_secret_key, "DATA_DIR": settings.data_dir}
    fresh = lookreel("migrate", "--check", **environment)
    again = lookreel("migrate", "--check", **environment)
    await migrations.upgrade(empty)
    migrated = lookreel("migrate", "--check", **environment)

    assert (fresh.returncode, again.stdout) == (1, fresh.stdout)
    lines = fresh.stdout.splitlines()
    assert {line.partition(": ")[0] for line in lines} == revisions.KNOWN
    assert lines[0].startswith("0001: ")
    assert (migrated.returncode, migrated.stdout, migrated.stderr) == (0, "", "")


def test_names_of_migrations_begin_with_their_number() -> None:
    assert [file.name for file in VERSIONS.glob("*.py") if not file.name[:4].isdigit()] == []
