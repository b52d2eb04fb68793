"""Long polls of a job by `Prefer: wait` (RFC 7240): what ends them, and when there is none."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from app.settings import Settings
from auth.caller import Caller
from tests.house import House, eventually
from tests.inspected import InspectedDatabase
from tests.rest_compat.test_conditional_reads import cancel, read, tag_of
from tests.rest_compat.test_contract import NOBODYS, well_formed
from tests.servers import serving

# A wait that no test lasts as long as.
WAIT = {"Prefer": "wait=50"}
SOON = 20.0


@asynccontextmanager
async def waiting(
    house: House, caller: Caller, job_id: str, followers: Counter[str]
) -> AsyncIterator[asyncio.Task[httpx.Response]]:
    """Wait for a change of the job's current state, in the background."""
    tag = await tag_of(house, caller, job_id)
    task = asyncio.create_task(read(house, caller, job_id, If_None_Match=tag, **WAIT))

    async def number() -> int:
        return followers[job_id]

    await eventually(number, lambda number: number == 1, seconds=SOON)
    yield task
    await eventually(number, lambda number: number == 0, seconds=SOON)


async def test_a_long_poll_is_answered_when_the_job_changes(house: House, followers: Counter[str]) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    async with asyncio.timeout(SOON), waiting(house, caller, job_id, followers) as poll:
        await cancel(house, caller, job_id)
        answer = await poll

    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    assert answer.headers["Preference-Applied"] == "wait=50"
    assert answer.headers["ETag"] == await tag_of(house, caller, job_id)


async def test_a_deletion_ends_a_long_poll(house: House, followers: Counter[str]) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    async with asyncio.timeout(SOON), waiting(house, caller, job_id, followers) as poll:
        await house.http.delete(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))
        answer = await poll

    assert (answer.status_code, well_formed(answer)["detail"]) == (404, "Video job not found")


async def test_a_client_that_goes_away_ends_its_long_poll(house: House, followers: Counter[str]) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    async with asyncio.timeout(SOON), waiting(house, caller, job_id, followers) as poll:
        poll.cancel()

    assert followers == {job_id: 0}


async def test_a_long_poll_is_answered_when_its_time_is_up(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    tag = await tag_of(house, caller, job_id)

    began = time.monotonic()
    answer = await read(house, caller, job_id, If_None_Match=tag, Prefer="wait=1")
    lasted = time.monotonic() - began

    assert (answer.status_code, answer.headers["ETag"]) == (304, tag)
    assert answer.headers["Preference-Applied"] == "wait=1"
    assert 1 <= lasted < SOON


async def test_no_long_poll_outlives_its_token(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    condition = {"If-None-Match": await tag_of(house, caller, job_id)}

    async with asyncio.timeout(SOON):
        answer = await house.http.get(
            f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller, timedelta(seconds=3)) | condition | WAIT
        )

    assert answer.status_code == 304


@pytest.mark.parametrize(
    ("condition", "prefer", "status"),
    [
        (None, "wait=50", 200),
        ('W/"1-0"', "wait=50", 200),
        ("{tag}", "wait=soon", 304),
        ("{tag}", "respond-async", 304),
        ("{tag}", "wait=0", 304),
    ],
)
async def test_there_is_no_wait_without_a_reason(house: House, condition: str | None, prefer: str, status: int) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    sent = {} if condition is None else {"If_None_Match": condition.format(tag=await tag_of(house, caller, job_id))}

    async with asyncio.timeout(SOON):
        answer = await read(house, caller, job_id, Prefer=prefer, **sent)

    assert answer.status_code == status
    assert "Preference-Applied" not in answer.headers


async def test_nobody_waits_for_an_ended_job(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    await cancel(house, caller, job_id)
    tag = await tag_of(house, caller, job_id)

    async with asyncio.timeout(SOON):
        answer = await read(house, caller, job_id, If_None_Match=tag, **WAIT)

    assert answer.status_code == 304
    assert "Preference-Applied" not in answer.headers


async def test_nobody_waits_for_a_strangers_job(house: House) -> None:
    async with asyncio.timeout(SOON):
        answer = await read(house, await house.user(), NOBODYS, If_None_Match="*", **WAIT)

    assert answer.status_code == 404


async def test_who_follows_too_much_already_polls(
    settings: Settings, database: InspectedDatabase, house: House, followers: Counter[str]
) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    one_each = settings.model_copy(update={"streams_per_user": 1})

    async with (
        asyncio.timeout(SOON),
        serving(one_each, database) as base_url,
        House.opened(one_each, database, base_url) as small,
        waiting(small, caller, job_id, followers) as poll,
    ):
        at_once = await read(small, caller, job_id, If_None_Match=await tag_of(small, caller, job_id), **WAIT)
        await cancel(small, caller, job_id)
        waited = await poll

    assert (at_once.status_code, at_once.headers["Retry-After"]) == (304, "2")
    assert "Preference-Applied" not in at_once.headers
    assert (waited.status_code, waited.headers["Preference-Applied"]) == (200, "wait=50")
