"""How event streams end, and that nothing of them stays behind."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from app.settings import Settings
from db.engine.errors import DatabaseUnavailable
from tests.house import House, eventually
from tests.inspected import InspectedDatabase
from tests.rest_compat.event_stream import followed, following
from tests.rest_compat.test_contract import well_formed
from tests.rest_compat.test_video_job_events import STEPS, events_answer, read, step
from tests.servers import serving


async def test_a_deletion_ends_the_stream(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    async with following(house, caller, job_id) as stream:
        await stream.until("status")
        await house.http.delete(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))
        last = (await stream.rest())[-1]

    assert (last.name, last.id) == ("deleted", None)
    assert last.data == {
        "detail": "Video job not found",
        "code": "VIDEO_JOB_NOT_FOUND",
        "requestId": stream.response.headers["X-Request-ID"],
    }


async def test_the_tokens_expiry_ends_the_stream(house: House, followers: Counter[str]) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    async with following(house, caller, job_id, headers=house.headers(caller, timedelta(seconds=3))) as stream:
        events = await stream.rest()

    assert [event.name for event in events] == ["log", "status", "expired"]
    assert (events[-1].data["code"], events[-1].id) == ("UNAUTHENTICATED", None)
    assert followers == {job_id: 0}


async def test_a_silent_stream_is_kept_alive(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.05)
    caller = await house.user()
    job_id = await house.create(caller)

    async with following(house, caller, job_id) as stream, asyncio.timeout(10):
        await stream.until("status")
        pings = [await anext(stream.lines) for _ in range(3)]

    assert pings == [": ping"] * 3


async def test_a_client_that_goes_away_leaves_nothing_behind(house: House, followers: Counter[str]) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(following(house, caller, job_id)) for _ in range(5)]
        for stream in streams:
            await stream.until("status")
        assert followers == {job_id: 5}

    async def left() -> int:
        return followers[job_id]

    assert await eventually(left, lambda number: number == 0, seconds=5) == 0


async def test_one_stream_too_many_is_refused_until_another_is_closed(
    settings: Settings, database: InspectedDatabase, house: House
) -> None:
    caller, other = await house.user(), await house.user()
    job_id, others_job_id = await house.create(caller), await house.create(other)

    two_each = settings.model_copy(update={"streams_per_user": 2})
    async with (
        serving(two_each, database) as base_url,
        House.opened(two_each, database, base_url) as small,
        following(small, caller, job_id),
    ):
        async with following(small, caller, job_id):
            refusal = await events_answer(small, caller, job_id)
            async with following(small, other, others_job_id) as stream:
                await stream.until("status")

        async def opened() -> int:
            path = f"/api/v1/video-jobs/{job_id}/events"
            async with small.http.stream("GET", path, headers=small.headers(caller)) as response:
                return response.status_code

        again = await eventually(opened, lambda status: status == 200, seconds=5)

    assert (refusal.status_code, well_formed(refusal)["code"]) == (429, "TOO_MANY_STREAMS")
    assert again == 200


async def test_streams_hold_no_connection_of_the_pool(settings: Settings, house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    narrow = InspectedDatabase(settings.database_url or "", pool_size=1)

    async with (
        serving(settings, narrow) as base_url,
        House.opened(settings, narrow, base_url) as small,
        AsyncExitStack() as stack,
    ):
        streams = [await stack.enter_async_context(following(small, caller, job_id)) for _ in range(5)]
        seen = [await stream.until("status") for stream in streams]
        assert (await read(small, caller, job_id))["id"] == job_id
    await narrow.close()

    assert seen == [seen[0]] * 5


async def _lost(*_: object) -> None:
    raise DatabaseUnavailable


async def test_a_lost_database_ends_the_stream_without_an_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client then comes back with the last id, and is told the rest."""
    caller = await house.user()
    job_id = await house.create(caller)

    async with following(house, caller, job_id) as stream:
        seen = await stream.until("status")
        with monkeypatch.context() as patched:
            patched.setattr("rest_compat.video_job_events._whole", _lost)
            await step(house, job_id, *STEPS[0])
            seen += await stream.rest()
    await step(house, job_id, *STEPS[-1])
    rest = await followed(house, caller, job_id, after=seen[-1].id)

    assert [event.name for event in seen] == ["log", "status", "log"]
    assert [event.data["message"] for event in rest if event.name == "log"] == ["Cancelled"]
    assert (rest[-1].data["id"], rest[-1].data["status"]) == (job_id, "CANCELLED")
