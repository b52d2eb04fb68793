"""PostgreSQL goes down and comes up again under traffic: whoever follows a job hears its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from itertools import cycle
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from auth.caller import Caller
from db import migrations
from db.embedded.guardian import PGDATA
from db.embedded.server import embedded_server
from db.engine.feed import JobFeed
from tests.conftest import temporary_folder
from tests.house import FORM, House, multipart
from tests.inspected import InspectedDatabase
from tests.servers import serving
from tests.test_following import ENDED, Followers, State
from tests.worker.test_survival import crash_and_restart
from tests.workers import at_work

RESTARTS = ("immediate", "fast") * 5
JOBS = 12
BETWEEN_SECONDS = 1.0
LONGEST_SECONDS = 60.0


@asynccontextmanager
async def houses(settings: Settings, pgdata: Path) -> AsyncIterator[list[House]]:
    """Two API servers and a worker on a database of their own."""
    with embedded_server(pgdata) as url:
        await migrations.upgrade(url)
        own = settings.model_copy(update={"database_url": url})
        one, two = InspectedDatabase(url), InspectedDatabase(url)
        async with (
            serving(own, one) as first,
            serving(own, two) as second,
            House.opened(own, one, first) as house,
            House.opened(own, two, second) as other,
        ):
            async with house.database.raw_connection() as connection:
                await connection.execute("ALTER SYSTEM SET fsync = off")
            async with at_work(own, one):
                yield [house, other]
        await one.close()
        await two.close()


async def created(house: House, caller: Caller) -> str:
    """Create a job, however often that takes."""
    headers = house.headers(caller) | {"Idempotency-Key": "once"}
    while True:
        with suppress(httpx.HTTPError):
            answer = await house.http.post("/api/v1/video-jobs", files=multipart(FORM), headers=headers)
            if answer.status_code == 202:
                return str(answer.json()["id"])
        await asyncio.sleep(0.1)


async def followed(house: House, caller: Caller, number: int) -> dict[str, list[State]]:
    """Create a job when its turn comes, and follow it to its end in four ways."""
    await asyncio.sleep(number * len(RESTARTS) * BETWEEN_SECONDS / JOBS)
    followers = Followers(house, caller, await created(house, caller))
    ways = [followers.websocket, followers.graphql_events, followers.rest_events, followers.long_poll]
    seen = await asyncio.gather(*map(followers.seen_by, ways))
    return dict(zip([way.__name__ for way in ways], seen, strict=True))


async def test_every_follower_hears_every_end_however_often_the_database_restarts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("worker.service.HEARTBEAT_TIMEOUT", timedelta(seconds=2))
    monkeypatch.setattr("worker.service.LONGEST_RECONNECT_SECONDS", 0.2)
    # So that the server goes down in the middle of a read.
    monkeypatch.setattr("app.asgi.JobFeed", partial(JobFeed, poll_seconds=0.01))
    with temporary_folder() as folder:
        async with houses(settings, folder) as open_houses:
            callers = [await open_houses[0].user() for _ in range(JOBS)]
            jobs = [
                asyncio.create_task(followed(house, caller, number))
                for number, (house, caller) in enumerate(zip(cycle(open_houses), callers, strict=False))
            ]
            for mode in RESTARTS:
                await asyncio.sleep(BETWEEN_SECONDS)
                await asyncio.to_thread(crash_and_restart, folder / PGDATA, mode)
            async with asyncio.timeout(LONGEST_SECONDS):
                states = await asyncio.gather(*jobs)

    for seen in states:
        ends = {way: versions[-1] for way, versions in seen.items()}
        assert len(set(map(str, ends.values()))) == 1, ends
        assert ends["websocket"]["status"] in ENDED
    assert "Task exception was never retrieved" not in caplog.text
