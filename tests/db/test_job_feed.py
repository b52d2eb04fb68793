"""The source of events about jobs goes on after anything, and says when it is behind."""

import asyncio
import gc
import logging
import os
import signal
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text

from db import video_jobs
from db.engine.background import BackgroundLoop
from db.engine.database import Database, wake_up_after_commit
from db.engine.errors import DatabaseUnavailable
from db.engine.feed import Inbox, JobFeed
from tests.house import House, eventually

# A poll that no test lives to see.
NEVER = 600.0
OFTEN = 0.05
LISTENER = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> ALL(:others)"
ERRORS = [
    asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
    asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
    asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.UndefinedColumnError("column does not exist"),
    DatabaseUnavailable(),
    OSError("no route to host"),
    TimeoutError(),
    KeyError("a fault of ours"),
    asyncio.CancelledError("a library's own"),
]


class Failing:
    """Raises twice, then does as it should."""

    def __init__(self, does: Callable[..., Any], error: BaseException) -> None:
        self.does = does
        self.error = error
        self.left = 2

    def __call__(self, *arguments: Any, **more: Any) -> Any:
        if self.left:
            self.left -= 1
            raise self.error
        return self.does(*arguments, **more)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.engine.background.FIRST_PAUSE_SECONDS", 0.01)


@asynccontextmanager
async def fed(database: Database, poll_seconds: float) -> AsyncIterator[JobFeed]:
    feed = JobFeed(database, poll_seconds=poll_seconds)
    running = asyncio.create_task(feed.run())
    try:
        yield feed
        assert not running.done()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def change(house: House, job_id: str, *, tell: bool = True) -> None:
    """Change the job, and tell those who listen."""
    job = await house.job(job_id)
    async with house.database.transaction() as transaction:
        await transaction.send("UPDATE video_jobs SET version = 2 WHERE id = $1", job.id)
        if tell:
            wake_up_after_commit(transaction, job.id, 2, job.user_id)


async def version_in(inbox: Inbox, job_id: str) -> int:
    """Wait until a change of the job is told."""
    async with asyncio.timeout(20):
        while (job := (await inbox.fetch())[0].get(UUID(job_id))) is None or job.version == 1:
            pass
    return job.version


async def listening(feed: JobFeed) -> None:
    async def is_listening() -> bool:
        return feed.is_listening

    await eventually(is_listening, bool)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("what", ["get_many", "versions", "raw_connection"])
async def test_no_error_ends_it(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    what: str,
    error: BaseException,
) -> None:
    job_id = await house.create(await house.user())
    where: Any = house.database if what == "raw_connection" else video_jobs
    failing = Failing(getattr(where, what), error)
    monkeypatch.setattr(where, what, failing)
    async with fed(house.database, OFTEN if what == "versions" else NEVER) as feed:
        with feed.following(UUID(job_id)) as inbox:
            await listening(feed)
            await change(house, job_id, tell=what != "versions")
            assert await version_in(inbox, job_id) == 2

    told = [record for record in caplog.records if record.name == "lookreel.db"]
    assert failing.left == 0
    assert len(told) == 2
    assert all(type(error).__name__ in record.getMessage() for record in told)
    assert {bool(record.exc_info) for record in told} == {
        not isinstance(error, DatabaseUnavailable | OSError | asyncpg.PostgresError)
    }


async def test_a_deletion_right_after_the_beginning_is_seen_without_a_wake_up(house: House) -> None:
    caller = await house.user()
    async with fed(house.database, 2.0) as feed, asyncio.timeout(20):
        await listening(feed)
        with feed.following_user(caller.user_id) as creations:
            job_id = UUID(await house.create(caller))
            while job_id not in (await creations.fetch())[0]:
                pass
        with feed.following(job_id) as inbox:
            async with house.database.transaction() as transaction:
                await transaction.send("DELETE FROM video_jobs WHERE id = $1", job_id)
            news, _ = await inbox.fetch()

    assert news == {job_id: None}


async def test_who_leaves_too_much_unread_is_told_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.engine.feed.MOST_NEWS", 2)
    inbox, ids = Inbox(), [UUID(int=number) for number in range(3)]

    for job_id in ids[:2]:
        inbox.put(job_id, None)
    as_much_as_there_may_be = await inbox.fetch()
    for job_id in ids:
        inbox.put(job_id, None)

    assert as_much_as_there_may_be == (dict.fromkeys(ids[:2]), False)
    assert await inbox.fetch() == ({ids[2]: None}, True)


async def test_nothing_of_a_job_is_kept_that_nobody_follows_any_more(house: House) -> None:
    job_id = UUID(await house.create(await house.user()))
    key = weakref.ref(job_id)

    async def is_kept() -> bool:
        gc.collect()
        return key() is not None

    async with fed(house.database, OFTEN) as feed:
        with feed.following(job_id) as one, feed.following(job_id) as other:
            told = [job_id in (await inbox.fetch())[0] for inbox in (one, other)]
        del job_id
        kept = await eventually(is_kept, lambda kept: not kept, seconds=10)

    assert (told, kept) == ([True, True], False)


async def test_it_says_when_it_is_behind_and_when_not_any_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.engine.feed.BEHIND_SECONDS", 0.1)
    job_id = await house.create(await house.user())
    failing = Failing(video_jobs.get_many, asyncpg.QueryCanceledError("canceling statement"))
    failing.left = 1_000_000
    monkeypatch.setattr(video_jobs, "get_many", failing)

    async with fed(house.database, NEVER) as feed:

        async def is_behind() -> bool:
            return feed.is_behind

        with feed.following(UUID(job_id)) as inbox:
            await listening(feed)
            await eventually(is_behind, lambda behind: not behind)
            await change(house, job_id)
            await eventually(is_behind, bool)
            late = feed.is_listening, feed.seconds_behind
            failing.left = 0
            assert await version_in(inbox, job_id) == 2
        await eventually(is_behind, lambda behind: not behind)
        current = feed.is_listening, feed.seconds_behind

    assert late[0]
    assert late[1] > 0.1
    assert current == (True, 0.0)


async def test_it_is_behind_while_it_cannot_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.engine.feed.BEHIND_SECONDS", 0.1)
    async with fed(Database("postgresql://nobody@127.0.0.1:1/nothing"), NEVER) as feed:

        async def is_behind() -> bool:
            return feed.is_behind

        await eventually(is_behind, bool)
        assert not feed.is_listening


async def test_a_listening_connection_whose_other_end_is_silent_is_replaced(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.engine.feed.ANSWER_SECONDS", 0.3)
    job_id = await house.create(await house.user())
    async with house.database.session() as session:
        others = [row.pid for row in await session.execute(text(LISTENER), {"others": []})]

    async def listener() -> list[int]:
        async with house.database.session() as session:
            return [row.pid for row in await session.execute(text(LISTENER), {"others": others})]

    async with fed(house.database, 0.3) as feed:
        [silent] = await eventually(listener, lambda pids: len(pids) == 1)
        os.kill(silent, signal.SIGSTOP)
        try:
            with feed.following(UUID(job_id)) as inbox:
                await eventually(listener, lambda pids: len(pids) == 2)
                await listening(feed)
                await change(house, job_id)
                assert await version_in(inbox, job_id) == 2
        finally:
            os.kill(silent, signal.SIGCONT)


async def test_the_wait_after_an_error_grows_and_starts_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("db.engine.background.FIRST_PAUSE_SECONDS", 1.0)
    waits: list[float] = []

    really_sleep = asyncio.sleep

    async def sleep(seconds: float) -> None:
        # Others in this process go on sleeping, the server's own loop above all.
        is_counted = asyncio.current_task() is running
        if is_counted:
            waits.append(seconds)
        await really_sleep(0 if is_counted else seconds)

    monkeypatch.setattr("db.engine.background.asyncio.sleep", sleep)
    outcomes = iter(["bad"] * 5 + ["good"] + ["bad"] * 2 + ["end"])
    loop = BackgroundLoop("Counting", logging.getLogger("lookreel.db"))

    async def step() -> None:
        outcome = next(outcomes)
        if outcome == "good":
            loop.done()
        elif outcome == "bad":
            raise OSError("gone")
        else:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.Event().wait()

    running = asyncio.create_task(loop.run(step))
    with pytest.raises(asyncio.CancelledError):
        await running

    assert waits == [1, 2, 4, 5, 5, 1, 2]
    assert caplog.messages[0] == "Counting failed, trying again in 1 s: OSError: gone"
