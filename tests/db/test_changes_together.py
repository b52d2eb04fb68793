"""Changes of many jobs that go together: each is written or not by itself, whatever becomes of the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

import asyncpg
import pytest

from db import video_job_changes
from db.engine.database import Database
from db.engine.errors import DatabaseLocked, DatabaseUnavailable
from db.engine.limits import FOR_REQUESTS, Limits
from db.engine.pool import Pool
from db.enums import LogLevel
from db.video_job_changes import Parts, line
from db.video_jobs import JobRow
from tests.house import House

SOON = 20.0
CHANGES = "UPDATE video_jobs SET status_message"


@asynccontextmanager
async def opened(house: House) -> AsyncIterator[Database]:
    """Open what a process has, whose statements are seen."""
    database = Database(house.database.server.url)
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def own(house: House, sent: list[str]) -> AsyncIterator[Database]:
    del sent
    async with opened(house) as database:
        yield database


async def jobs_of_somebody(house: House, number: int) -> list[JobRow]:
    return [await house.job(UUID(await house.create(await house.user()))) for _ in range(number)]


async def changed(database: Database, job: JobRow, text: str) -> JobRow | None:
    parts: Parts = {line: {"level": LogLevel.INFO, "message": text}}
    async with database.lone_statement() as writer:
        return await video_job_changes.change(writer, job, {"status_message": text}, parts)


async def state(house: House, job: JobRow) -> tuple[str, int]:
    found = await house.job(job.id)
    return found.status_message, found.version - job.version


async def last_line(house: House, job: JobRow) -> str:
    async with house.database.raw_connection() as connection:
        found = "SELECT message FROM video_job_logs WHERE video_job_id = $1 ORDER BY id DESC LIMIT 1"
        return str(await connection.fetchval(found, job.id))


async def test_what_comes_at_once_is_one_statement(house: House, own: Database, sent: list[str]) -> None:
    jobs = await jobs_of_somebody(house, 3)

    rows = await asyncio.gather(*(changed(own, job, f"at {place}") for place, job in enumerate(jobs)))

    assert [(row.id, row.status_message, row.version) for row in rows if row] == [
        (job.id, f"at {place}", job.version + 1) for place, job in enumerate(jobs)
    ]
    assert [await state(house, job) for job in jobs] == [(f"at {place}", 1) for place in range(3)]
    assert [await last_line(house, job) for job in jobs] == [f"at {place}" for place in range(3)]
    assert sum(CHANGES in statement for statement in sent) == 1


async def test_what_comes_soon_after_goes_together_and_the_first_waits_for_nobody(
    house: House, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = await jobs_of_somebody(house, 3)
    monkeypatch.setattr("db.engine.pool.REST_SECONDS", 1.0)

    async with opened(house) as own:
        async with asyncio.timeout(0.5):
            await changed(own, jobs[0], "first")
        later = [asyncio.create_task(changed(own, jobs[1], "second"))]
        await asyncio.sleep(0.01)
        later.append(asyncio.create_task(changed(own, jobs[2], "third")))
        await asyncio.gather(*later)

    assert [await state(house, job) for job in jobs] == [("first", 1), ("second", 1), ("third", 1)]
    assert sum(CHANGES in statement for statement in sent) == 2


async def test_what_others_have_changed_is_left_out(house: House, own: Database) -> None:
    jobs = await jobs_of_somebody(house, 2)
    assert await changed(own, jobs[0], "newer") is not None

    stale, fresh = await asyncio.gather(*(changed(own, job, "together") for job in jobs))

    assert stale is None
    assert fresh is not None
    assert [await state(house, job) for job in jobs] == [("newer", 1), ("together", 1)]
    assert await last_line(house, jobs[0]) == "newer"


async def test_one_job_is_changed_once(house: House, own: Database) -> None:
    (job,) = await jobs_of_somebody(house, 1)

    rows = await asyncio.gather(changed(own, job, "first"), changed(own, job, "second"))

    (row,) = (row for row in rows if row is not None)
    assert await state(house, job) == (row.status_message, 1)
    assert await last_line(house, job) == row.status_message


@pytest.mark.parametrize("text", ["a \x00 in it", "half a \ud83d"])
async def test_what_the_database_refuses_is_refused_alone(house: House, own: Database, text: str) -> None:
    jobs = await jobs_of_somebody(house, 3)
    texts = ("kept", text, "kept, too")

    found = await asyncio.gather(
        *(changed(own, job, text) for job, text in zip(jobs, texts, strict=True)), return_exceptions=True
    )

    assert isinstance(found[1], asyncpg.PostgresError | asyncpg.InterfaceError)
    assert [(await state(house, job))[1] for job in jobs] == [1, 0, 1]
    assert [await last_line(house, job) for job in (jobs[0], jobs[2])] == ["kept", "kept, too"]


async def test_who_waits_for_a_lock_does_not_keep_the_others(house: House) -> None:
    jobs = await jobs_of_somebody(house, 2)
    pool = Pool(partial(house.database.server.connect, Limits(lock=0.2)), 2, {}, SOON)

    async def change(job: JobRow) -> JobRow | None:
        return await video_job_changes.change(pool.lone_statement(), job, {"status_message": "changed"}, {})

    async with house.database.transaction() as other:
        await other.send("SELECT FROM video_jobs WHERE id = $1 FOR UPDATE", jobs[0].id)
        found = await asyncio.gather(*(change(job) for job in jobs), return_exceptions=True)
    await pool.close()

    assert type(found[0]) is DatabaseLocked
    assert [(await state(house, job))[1] for job in jobs] == [0, 1]


async def test_what_may_have_been_written_is_not_sent_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = await jobs_of_somebody(house, 2)
    pool = Pool(partial(house.database.server.connect, FOR_REQUESTS), 2, {}, SOON)
    tried: list[object] = []

    async def fetch(*arguments: object, **_more: object) -> object:
        tried.append(arguments)
        raise asyncpg.InternalClientError("cannot switch to state 12")

    async def change(job: JobRow) -> JobRow | None:
        return await video_job_changes.change(pool.lone_statement(), job, {"status_message": "changed"}, {})

    with monkeypatch.context() as patched:
        patched.setattr(asyncpg.Connection, "fetch", fetch)
        found = await asyncio.gather(*(change(job) for job in jobs), return_exceptions=True)
    await pool.close()

    assert [type(error) for error in found] == [DatabaseUnavailable] * 2
    assert len(tried) == 1


async def test_who_gives_up_before_it_is_sent_changes_nothing(house: House, own: Database) -> None:
    jobs = await jobs_of_somebody(house, 2)
    first, second = (asyncio.create_task(changed(own, job, "changed")) for job in jobs)
    await asyncio.sleep(0)
    first.cancel()

    assert await second is not None
    with pytest.raises(asyncio.CancelledError):
        await first
    assert [(await state(house, job))[1] for job in jobs] == [0, 1]
    # Nothing keeps the job from being changed later.
    assert await changed(own, jobs[0], "later") is not None
