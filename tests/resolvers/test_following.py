"""Following jobs while the database is away."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import pytest

from auth.caller import Caller
from db import video_jobs
from db.engine.errors import DatabaseUnavailable
from db.engine.feed import JobFeed
from resolvers.following import follow_all, follow_with_log
from tests.house import House


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
