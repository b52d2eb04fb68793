"""All rows are copied into an empty database: each table's, in an order that references allow."""

from pathlib import Path
from typing import Any

import asyncpg
import pytest

from db import migrations, transfer, video_jobs
from db.engine.connections import Server
from db.engine.database import Database
from db.engine.errors import DatabaseUnavailable
from db.engine.limits import UNLIMITED
from tests.house import House

NAMES = {table.name for table in transfer.TABLES}
OTHERS = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
AND relname NOT LIKE 'pgqueuer%' AND relname <> 'alembic_version'
"""


async def contents(connection: asyncpg.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {name: [tuple(row) for row in await connection.fetch(f"TABLE {name} ORDER BY 1")] for name in NAMES}


async def test_all_rows_are_there_and_go_on_as_they_would_have(
    house: House, empty_database: str, tmp_path: Path
) -> None:
    source = house.database.server.url
    caller = await house.user()
    look = await house.look(caller)
    job_id = await house.create(caller, lookId=look.id)
    await migrations.upgrade(empty_database)
    assert await transfer.filled_table(empty_database) is None

    await transfer.copy_rows(source, empty_database, tmp_path)

    async with Server(source).opened(UNLIMITED) as ours, Server(empty_database).opened(UNLIMITED) as theirs:
        expected = await contents(ours)
        assert await contents(theirs) == expected
        assert {row["relname"] for row in await theirs.fetch(OTHERS)} == NAMES
        next_id = await theirs.fetchval("SELECT nextval(pg_get_serial_sequence('video_job_logs', 'id'))")
        assert next_id == max(row[0] for row in expected["video_job_logs"]) + 1
    assert {name for name, rows in expected.items() if rows} >= {
        "users", "looks", "products", "video_jobs", "look_videos", "video_job_logs", "token_ledger",
    }  # fmt: skip
    moved = Database(empty_database)
    async with moved.transaction() as transaction:
        lost = await video_jobs.active_but_not_queued(transaction, limit=2)
    await moved.close()
    assert [str(job.id) for job in lost] == [job_id], "workers queue it"


async def test_what_cannot_be_copied_leaves_an_empty_database(
    house: House, empty_database: str, tmp_path: Path
) -> None:
    await house.user()
    await migrations.upgrade(empty_database)
    async with Server(empty_database).opened(UNLIMITED) as theirs:
        await theirs.execute("ALTER TABLE video_jobs RENAME TO others")
        with pytest.raises(DatabaseUnavailable, match='could not be copied: relation "video_jobs" does not exist'):
            await transfer.copy_rows(house.database.server.url, empty_database, tmp_path)
        await theirs.execute("ALTER TABLE others RENAME TO video_jobs")

    assert await transfer.filled_table(empty_database) is None
