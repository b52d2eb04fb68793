"""Who follows all jobs and was away is told what has changed and what was deleted meanwhile."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, update

from auth.caller import Caller
from db import retention
from db.engine.feed import JobFeed
from db.tables import VideoJob, VideoJobDeletion
from resolvers import video_jobs
from resolvers.following import LONGEST_AWAY, OVERLAP, follow_all
from tests.house import House
from tests.schema.test_streams import Socket, opened

JOBS = "subscription ($since: DateTime) { videoJobs(updatedAfter: $since) { id version status updatedAt } }"
DELETIONS = "subscription ($since: DateTime) { videoJobDeletions(deletedAfter: $since) { videoJobId deletedAt } }"
SILENCE_SECONDS = 0.5


async def deleted(house: House, caller: Caller) -> str:
    job_id = await house.create(caller)
    answer = await house.http.delete(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))
    assert answer.status_code == 204
    return job_id


async def cancel(house: House, caller: Caller, job_id: str) -> None:
    answer = await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))
    assert answer.status_code == 200


async def nothing_more(socket: Socket) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(socket.connection.recv(), SILENCE_SECONDS)


async def grow_old(house: House, age: timedelta) -> None:
    """Let all jobs and deletions have happened that long ago."""
    async with house.database.session() as session:
        await session.execute(update(VideoJob).values(updated_at=func.now() - age))
        await session.execute(update(VideoJobDeletion).values(deleted_at=func.now() - age))
        await session.commit()


def newest(events: list[dict[str, Any]], timestamp: str) -> str:
    return max(str(event[timestamp]) for event in events)


async def test_what_changed_while_a_follower_was_away_comes_first(house: House) -> None:
    caller, other = await house.user(tokens=1000), await house.user()
    long_ago = await house.create(caller)
    await cancel(house, caller, long_ago)
    await grow_old(house, timedelta(hours=1))
    ends, stays = [await house.create(caller) for _ in range(2)]
    async with opened(house, caller) as socket:
        await socket.subscribe(JOBS)
        seen = [await socket.data(), await socket.data()]
    await cancel(house, caller, ends)
    await house.create(other)

    async with opened(house, caller) as socket:
        await socket.subscribe(JOBS, since=newest(seen, "updatedAt"))
        told = [await socket.data(), await socket.data()]
        await cancel(house, caller, stays)
        live = await socket.data()

    assert {job["id"]: (job["version"], job["status"]) for job in told} == {
        stays: (1, "PENDING"),
        ends: (2, "CANCELLED"),
    }
    assert (live["id"], live["status"]) == (stays, "CANCELLED")


async def test_more_changes_than_a_page_are_all_told_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolvers.following.BATCH", 2)
    caller = await house.user(tokens=1000)
    ids = []
    for _ in range(5):
        ids.append(await house.create(caller))
        await cancel(house, caller, ids[-1])
    await grow_old(house, timedelta(hours=1))  # all at the same time
    feed = JobFeed(house.database)

    since = datetime.now(UTC) - timedelta(hours=2)
    async with aclosing(follow_all(house.database, feed, caller, updated_after=since)) as jobs, asyncio.timeout(20):
        told = [str((await anext(jobs)).id) for _ in ids]

    assert sorted(told) == sorted(ids)


async def test_a_deletion_is_an_event_at_once_and_for_who_comes_back(house: House) -> None:
    caller, other = await house.user(tokens=1000), await house.user()
    first = await deleted(house, caller)
    await grow_old(house, timedelta(hours=1))
    async with opened(house, caller) as socket, opened(house, other) as beside:
        await socket.subscribe(DELETIONS)
        await beside.subscribe(DELETIONS)
        await nothing_more(socket)
        second = await deleted(house, caller)
        live = await socket.data()
        await nothing_more(beside)
    third = await deleted(house, caller)

    async with opened(house, caller) as socket:
        await socket.subscribe(DELETIONS, since=live["deletedAt"])
        back = [await socket.data(), await socket.data()]
        await nothing_more(socket)
    async with opened(house, caller) as socket:
        await socket.subscribe(DELETIONS, since=(datetime.now(UTC) - timedelta(days=1)).isoformat())
        everything = [(await socket.data())["videoJobId"] for _ in range(3)]
    others = await deleted(house, other)
    async with opened(house, other) as socket:
        await socket.subscribe(DELETIONS, since=(datetime.now(UTC) - timedelta(days=1)).isoformat())
        of_other = await socket.data()

    assert live["videoJobId"] == second
    assert [deletion["videoJobId"] for deletion in back] == [second, third]
    assert (everything, of_other["videoJobId"]) == ([first, second, third], others)


async def test_a_deletion_that_began_before_one_that_was_told_is_told_too(house: House) -> None:
    caller = await house.user(tokens=1000)
    slow, fast = [await house.create(caller) for _ in range(2)]
    for job_id in (slow, fast):
        await cancel(house, caller, job_id)

    async with opened(house, caller) as socket, asyncio.timeout(30):
        await socket.subscribe(DELETIONS)
        async with house.database.transaction() as transaction:
            await video_jobs.delete(transaction, caller, UUID(slow))
            await nothing_more(socket)
            await house.http.delete(f"/api/v1/video-jobs/{fast}", headers=house.headers(caller))
            told = [await socket.data()]
        told.append(await socket.data())

    assert [deletion["videoJobId"] for deletion in told] == [fast, slow]
    assert told[1]["deletedAt"] < told[0]["deletedAt"]


@pytest.mark.parametrize(("query", "argument"), [(JOBS, "updatedAfter"), (DELETIONS, "deletedAfter")])
@pytest.mark.parametrize("since", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "2020-02-29T12:00:00"])
async def test_who_was_away_for_too_long_is_told_to_read_the_list(
    house: House, query: str, argument: str, since: str
) -> None:
    async with opened(house, await house.user()) as socket:
        await socket.subscribe(query, since=since)
        message = await socket.receive()

    (error,) = message["payload"]["errors"]
    assert error["extensions"]["code"] == "INVALID_INPUT"
    assert error["message"].startswith(f"{argument} must not be more than 7 days ago")


@pytest.mark.parametrize("since", ["9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59"])
async def test_a_time_to_come_is_now(house: House, since: str) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    async with opened(house, caller) as socket:
        await socket.subscribe(JOBS, since=since)
        assert (await socket.data())["id"] == job_id


@pytest.mark.parametrize("offset", [timedelta(hours=20), timedelta(seconds=1, microseconds=3)], ids=str)
async def test_a_time_may_have_any_offset(house: House, offset: timedelta) -> None:
    caller = await house.user()
    job_id = await deleted(house, caller)
    since = (datetime.now(UTC) - timedelta(hours=1)).astimezone(timezone(offset)).isoformat()
    async with opened(house, caller) as socket:
        await socket.subscribe(DELETIONS, since=since)
        assert (await socket.data())["videoJobId"] == job_id
    kept = await house.create(caller)
    async with opened(house, caller) as socket:
        await socket.subscribe(JOBS, since=since)
        assert (await socket.data())["id"] == kept


async def test_deletions_are_forgotten_after_they_can_be_asked_for(house: House) -> None:
    caller = await house.user()
    await deleted(house, caller)
    await grow_old(house, LONGEST_AWAY)
    for age, left in ((timedelta(0), 1), (OVERLAP * 2, 0)):
        await grow_old(house, LONGEST_AWAY + age)
        async with house.database.transaction() as transaction:
            await retention.forget(transaction, retention.DELETIONS, LONGEST_AWAY + OVERLAP)
        assert await house.count(table=VideoJobDeletion) == left
