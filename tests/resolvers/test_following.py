"""Following jobs while the database is away."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from auth.caller import Caller, Role
from db import video_jobs
from db.engine.errors import DatabaseUnavailable
from db.engine.feed import JobFeed
from resolvers.following import Position, follow, follow_all, follow_deletions, follow_everybody, follow_with_log
from tests.house import House, eventually


@asynccontextmanager
async def running(feed: JobFeed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def take_away(monkeypatch: pytest.MonkeyPatch, read: str) -> list[int]:
    """Let a statement fail twice; return how often it will still do."""
    does, left = getattr(video_jobs, read), [2]

    async def away(*arguments: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise DatabaseUnavailable
        return await does(*arguments)

    monkeypatch.setattr(video_jobs, read, away)
    monkeypatch.setattr("resolvers.following.RETRY_SECONDS", 0.01)
    return left


async def cancel(house: House, caller: Caller, job_id: str) -> None:
    await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))


async def next_of(stream: AsyncGenerator[Any, None], feed: JobFeed) -> Any:
    """Listen from now on, and wait: everybody looks what they have missed."""
    async with running(feed), asyncio.timeout(20):
        return await anext(stream)


async def test_who_follows_all_jobs_is_told_once_it_is_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    feed = JobFeed(house.database)
    async with aclosing(follow_all(house.database, feed, caller)) as stream:
        first = await anext(stream)
        left = take_away(monkeypatch, "active_or_newer")
        await cancel(house, caller, job_id)
        last = await next_of(stream, feed)

    assert (first.status, last.status, left) == ("PENDING", "CANCELLED", [0])


async def test_an_end_is_told_once_however_often_everybody_looks(house: House) -> None:
    caller = await house.user()
    first = await house.create(caller)
    feed = JobFeed(house.database)
    async with aclosing(follow_all(house.database, feed, caller)) as stream:
        told = [await anext(stream)]
        await cancel(house, caller, first)
        told.append(await next_of(stream, feed))
        second = await house.create(caller)
        told.append(await next_of(stream, feed))

    assert [(str(job.id), job.version) for job in told] == [(first, 1), (first, 2), (second, 1)]


async def test_who_follows_a_log_is_told_once_it_is_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    feed = JobFeed(house.database)
    async with aclosing(follow_with_log(house.database, feed, caller, UUID(job_id))) as stream:
        first = await anext(stream)
        left = take_away(monkeypatch, "logs_after")
        await cancel(house, caller, job_id)
        last = await next_of(stream, feed)

    assert (first.job.status, last.job.status, left) == ("PENDING", "CANCELLED", [0])
    assert [line.message for line in last.lines] == ["Cancelled by the user, 50 tokens refunded"]


async def aged(house: House, job_id: str, minutes: int) -> None:
    """Let the job have changed that long ago."""
    async with house.database.transaction() as transaction:
        since = timedelta(minutes=minutes)
        statement = "UPDATE video_jobs SET updated_at = now() - $2::interval WHERE id = $1"
        await transaction.send(statement, UUID(job_id), since)


async def test_who_leaves_amid_the_jobs_in_progress_comes_back_for_the_others(house: House) -> None:
    caller = await house.user(tokens=1000)
    ids = [await house.create(caller) for _ in range(3)]
    await aged(house, ids[1], 20)
    await aged(house, ids[2], 10)
    feed = JobFeed(house.database)
    async with aclosing(follow_all(house.database, feed, caller)) as stream:
        begun = await anext(stream)
    again = follow_all(house.database, feed, caller, updated_after=begun.updated_at)
    async with aclosing(again) as stream, asyncio.timeout(20):
        told = [begun, *[await anext(stream) for _ in range(3)]]

    assert [str(job.id) for job in told] == [ids[1], ids[1], ids[2], ids[0]]


async def test_who_leaves_amid_what_came_together_has_been_told_the_older_changes(house: House) -> None:
    caller = await house.user(tokens=1000)
    ids = [await house.create(caller) for _ in range(2)]
    feed = JobFeed(house.database)
    async with aclosing(follow_all(house.database, feed, caller)) as stream, asyncio.timeout(20):
        for _ in ids:
            await anext(stream)
        for job_id in ids:
            await cancel(house, caller, job_id)
        await aged(house, ids[1], 5)
        told = [await next_of(stream, feed), await anext(stream)]

    assert [(str(job.id), job.status) for job in told] == [(ids[1], "CANCELLED"), (ids[0], "CANCELLED")]


@pytest.mark.parametrize("line_of", ["another job's", "to come"])
async def test_a_line_that_is_not_in_the_log_leaves_nothing_out(house: House, line_of: str) -> None:
    caller, other = await house.user(), await house.user()
    job_id = await house.create(caller)
    await cancel(house, caller, job_id)
    [begun, ended] = await video_jobs.logs_of(house.database.reader, [UUID(job_id)])
    later = await video_jobs.logs_of(house.database.reader, [UUID(await house.create(other))])
    line = later[0].id if line_of == "another job's" else 10**18 - 1
    feed = JobFeed(house.database)

    def follow_from(line: int) -> AsyncGenerator[Any, None]:
        return follow_with_log(house.database, feed, caller, UUID(job_id), after=Position(line=line))

    from_another_world = [change.lines async for change in follow_from(line)]
    from_the_first = [change.lines async for change in follow_from(begun.id)]

    assert (from_another_world, from_the_first) == ([[begun, ended]], [[ended]])


async def written(house: House, statement: str, **values: Any) -> None:
    """Change something without a wake-up, as where it is lost."""
    async with house.database.session() as session:
        await session.execute(text(statement), values)


END = "UPDATE video_jobs SET status = 'CANCELLED', version = version + 1, completed_at = now() WHERE id = :id"


async def test_who_follows_all_jobs_looks_now_and_then_though_no_wake_up_comes(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    feed = JobFeed(house.database, poll_seconds=0.01)

    async def is_listening() -> bool:
        return feed.is_listening

    async with running(feed), aclosing(follow_all(house.database, feed, caller)) as stream, asyncio.timeout(20):
        # Who follows before that looks because of it.
        await eventually(is_listening, bool)
        told = [await anext(stream)]
        await written(house, END, id=UUID(job_id))
        told.append(await anext(stream))

    assert [(str(job.id), job.status) for job in told] == [(job_id, "PENDING"), (job_id, "CANCELLED")]


async def test_a_deletion_that_nobody_listened_for_is_told(house: House) -> None:
    caller, ids = await house.user(), [uuid4(), uuid4()]
    feed, since = JobFeed(house.database), datetime.now(UTC) - timedelta(hours=1)
    statement = "INSERT INTO video_job_deletions (video_job_id, user_id) VALUES (:id, :user)"
    async with aclosing(follow_deletions(house.database, feed, caller, deleted_after=since)) as stream:
        await written(house, statement, id=ids[0], user=caller.user_id)
        told = [(await anext(stream)).video_job_id]
        await written(house, statement, id=ids[1], user=caller.user_id)
        told.append((await next_of(stream, feed)).video_job_id)

    assert told == ids


async def test_who_follows_everybody_is_told_of_an_end_that_nobody_listened_for(house: House) -> None:
    job_id, admin = await house.create(await house.user()), await house.user(role=Role.ADMIN)
    feed = JobFeed(house.database)
    async with aclosing(follow_everybody(house.database, feed, admin)) as stream:
        told = [await anext(stream)]
        await written(house, END, id=UUID(job_id))
        told.append(await next_of(stream, feed))

    assert [(str(job.id), job.status) for job in told] == [(job_id, "PENDING"), (job_id, "CANCELLED")]


@pytest.mark.parametrize(("ahead", "told"), [(-1, True), (0, False), (1, True), (2**31 - 2, True)])
async def test_who_has_seen_what_never_was_is_told_how_the_job_is(house: House, ahead: int, *, told: bool) -> None:
    caller = await house.user()
    job_id = UUID(await house.create(caller))
    await cancel(house, caller, str(job_id))
    version = (await house.job(str(job_id))).version

    stream = follow(house.database, JobFeed(house.database), caller, job_id, after_version=version + ahead)

    assert [job.version async for job in stream] == [version] * told
