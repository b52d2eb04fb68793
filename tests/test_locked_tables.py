"""Tables that are locked for longer than any statement waits: all goes on as soon as they are free."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from app.settings import Settings
from auth.caller import Caller
from db.engine.database import WAKE_UP_CHANNEL
from db.enums import VideoJobStatus
from tests.house import House, eventually, impatient_database
from tests.servers import serving
from tests.test_following import Followers, State
from tests.workers import at_work

SOON = 20.0


@asynccontextmanager
async def locked(house: House, table: str) -> AsyncIterator[None]:
    async with house.database.session() as session:
        await session.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield


@asynccontextmanager
async def impatient(house: House) -> AsyncIterator[House]:
    """An API server whose statements wait no longer than 0.2 s."""
    async with (
        impatient_database(house.database, statement_timeout="200ms") as database,
        serving(house.settings, database) as base_url,
        House.opened(house.settings, database, base_url) as other,
    ):
        yield other


async def wake(house: House, caller: Caller, job_id: str) -> None:
    """Say that the job has changed, as who changes it does."""
    async with house.database.raw_connection() as connection:
        await connection.execute(f"NOTIFY {WAKE_UP_CHANNEL}, '{job_id}:2:{caller.user_id}'")


async def test_every_follower_hears_the_end_that_comes_after_the_lock(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.engine.feed.BEHIND_SECONDS", 0.5)
    caller = await house.user()
    job_id = await house.create(caller)
    async with impatient(house) as other:

        async def health() -> dict[str, str]:
            body: dict[str, str] = (await other.http.get("/healthz")).raise_for_status().json()
            return body

        followers = Followers(other, caller, job_id)
        ways = (followers.websocket, followers.graphql_events, followers.rest_events, followers.long_poll)
        seen: list[list[State]] = [[] for _ in ways]
        following = [asyncio.create_task(followers.seen_by(*pair)) for pair in zip(ways, seen, strict=True)]

        async def snapshots() -> bool:
            return all(seen)

        await eventually(snapshots, bool)
        async with locked(house, "video_jobs"):
            await wake(house, caller, job_id)
            behind = await eventually(health, lambda body: body["status"] != "ok", SOON)
        await eventually(health, lambda body: body["status"] == "ok", SOON)
        await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))
        async with asyncio.timeout(SOON):
            await asyncio.gather(*following)

    assert behind["status"] == "degraded"
    assert behind["following"].startswith("Changes of video jobs are told ")
    assert [[state["status"] for state in states] for states in seen] == [["PENDING", "CANCELLED"]] * 4


async def waiting(house: House, user: str | None) -> list[tuple[int, object]]:
    """List the statements of a role that wait for a lock: whose, and since when."""
    query = "SELECT pid, query_start FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock'"
    async with house.database.raw_connection() as connection:
        return [(row["pid"], row["query_start"]) for row in await connection.fetch(query, user)]


async def test_a_worker_takes_jobs_again_while_others_are_in_the_making(house: House, settings: Settings) -> None:
    slow = settings.model_copy(update={"mock_seconds": 600.0})

    async def status(job_id: str) -> str:
        return (await house.job(job_id)).status

    async with (
        impatient_database(house.database, statement_timeout="200ms") as database,
        at_work(slow, database),
    ):
        jobs = [await house.create(await house.user())]
        await eventually(lambda: status(jobs[0]), lambda status: status == VideoJobStatus.RUNNING)
        async with locked(house, "pgqueuer"):
            [first, *_] = await eventually(lambda: waiting(house, database.url.username), bool, SOON)
            await eventually(lambda: waiting(house, database.url.username), lambda left: first not in left, SOON)
        jobs.append(await house.create(await house.user()))
        await eventually(lambda: status(jobs[1]), lambda status: status == VideoJobStatus.RUNNING, SOON)
        assert await status(jobs[0]) == VideoJobStatus.RUNNING
