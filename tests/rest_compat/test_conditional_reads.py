"""Polling a job: entity tags and 304s (RFC 9110), when to come again, and how `Prefer` (RFC 7240) is read."""

import re
import time
from typing import Any

import httpx
import pytest

from auth.caller import Caller
from db.enums import VideoJobStatus
from resolvers.limits import QueuePlace
from rest_compat.conditional import JobState, is_named, seconds_to_wait
from tests.house import House
from tests.rest_compat.test_contract import well_formed


async def read(house: House, caller: Caller, job_id: str, **headers: str) -> httpx.Response:
    sent = house.headers(caller) | {name.replace("_", "-"): value for name, value in headers.items()}
    return await house.http.get(f"/api/v1/video-jobs/{job_id}", headers=sent)


async def tag_of(house: House, caller: Caller, job_id: str) -> str:
    return (await read(house, caller, job_id)).headers["ETag"]


async def cancel(house: House, caller: Caller, job_id: str) -> httpx.Response:
    return await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))


async def test_a_read_tells_its_tag_and_when_to_come_again(house: House) -> None:
    caller = await house.user()

    answer = await read(house, caller, await house.create(caller))

    assert re.fullmatch(r'W/"1-[0-9a-f]{16}"', answer.headers["ETag"])
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Retry-After"] == "2"
    assert "Vary" not in answer.headers
    assert "Preference-Applied" not in answer.headers


@pytest.mark.parametrize(
    "condition", ["{tag}", "{strong}", '"a", {tag}', '{strong},"b"', ', ,W/"a",  {tag} ,', "*", 'W/"a" {tag}']
)
async def test_what_the_client_has_is_not_sent_again(house: House, condition: str) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    full = await read(house, caller, job_id)
    tag = full.headers["ETag"]

    answer = await read(house, caller, job_id, If_None_Match=condition.format(tag=tag, strong=tag.removeprefix("W/")))

    assert (answer.status_code, answer.content) == (304, b"")
    for name in ("ETag", "Cache-Control", "Retry-After"):
        assert answer.headers[name] == full.headers[name]
    assert "Content-Type" not in answer.headers


async def test_the_condition_may_come_in_more_than_one_line(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    lines = [("If-None-Match", '"a"'), ("If-None-Match", await tag_of(house, caller, job_id))]

    answer = await house.http.get(f"/api/v1/video-jobs/{job_id}", headers=[*house.headers(caller).items(), *lines])

    assert answer.status_code == 304


@pytest.mark.parametrize("condition", ["", '""', '"1"', "rubbish", "{bare}", 'W/"{bare}', '"{bare}x"', '"*"', "*, *"])
async def test_what_does_not_name_the_tag_is_answered_in_full(house: House, condition: str) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    bare = (await tag_of(house, caller, job_id)).removeprefix("W/").strip('"')

    answer = await read(house, caller, job_id, If_None_Match=condition.format(bare=bare))

    assert (answer.status_code, answer.json()["id"]) == (200, job_id)


async def test_the_tag_of_a_job_tells_strangers_nothing(house: House) -> None:
    owner = await house.user()
    job_id = await house.create(owner)
    tag = await tag_of(house, owner, job_id)

    for condition in (tag, "*"):
        answer = await read(house, await house.user(), job_id, If_None_Match=condition)
        assert (answer.status_code, well_formed(answer)["detail"]) == (404, "Video job not found")


async def test_the_tag_changes_with_all_that_the_body_says(house: House) -> None:
    caller, other = await house.user(), await house.user()
    before_it = await house.create(other)
    look = await house.look(caller)
    job_id = await house.create(caller, lookId=look.id)
    headers = house.headers(caller)

    answers = [await read(house, caller, job_id)]
    await house.http.patch(f"/api/v1/looks/{look.id}", json={"title": "Another"}, headers=headers)
    answers.append(await read(house, caller, job_id))
    await cancel(house, other, before_it)
    answers.append(await read(house, caller, job_id))
    await cancel(house, caller, job_id)
    answers.append(await read(house, caller, job_id))
    await house.http.delete(f"/api/v1/looks/{look.id}", headers=headers)
    answers.append(await read(house, caller, job_id))

    assert len({answer.headers["ETag"] for answer in answers}) == 5
    assert [answer.headers["ETag"][:5] for answer in answers] == ['W/"1-'] * 3 + ['W/"2-'] * 2
    assert await tag_of(house, caller, job_id) == answers[-1].headers["ETag"]


async def test_an_ended_job_names_no_time_to_come_again(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    await cancel(house, caller, job_id)

    full = await read(house, caller, job_id)
    again = await read(house, caller, job_id, If_None_Match=full.headers["ETag"])

    assert (full.status_code, again.status_code) == (200, 304)
    assert "Retry-After" not in full.headers
    assert "Retry-After" not in again.headers


@pytest.mark.parametrize(
    ("position", "seconds"), [(None, 2), (1, 2), (10, 2), (11, 3), (100, 11), (281, 30), (5000, 30)]
)
def test_who_waits_far_back_is_asked_to_come_later(position: int | None, seconds: int) -> None:
    place = None if position is None else QueuePlace(position, None)
    status = VideoJobStatus.PENDING if place else VideoJobStatus.RUNNING

    assert JobState(1, status, [], place).headers()["Retry-After"] == str(seconds)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, 0),
        ([], 0),
        (["wait=25"], 25),
        (["Wait = 25"], 25),
        (['wait="25"'], 25),
        (["wait=25; a=b;; c, d"], 25),
        (["respond-async, wait=10"], 10),
        (["respond-async", "wait=10"], 10),
        (["wait=1, wait=2"], 1),
        (["wait=soon, wait=2"], 0),
        (['a="x, wait=3", wait=4'], 4),
        (["wait=600"], 60),
        ([f"wait={'9' * 5000}"], 60),
        (["wait"], 0),
        (["wait="], 0),
        (["wait=-1"], 0),
        (["wait=1.5"], 0),
        (["wait=²"], 0),
        (["wait=1 0"], 0),
        (['a="x, wait=3'], 0),
        (["waits=3"], 0),
    ],
)
def test_the_preference_is_read_as_the_rfc_says(prefer: list[str] | None, seconds: int) -> None:
    assert seconds_to_wait(prefer) == seconds


@pytest.mark.parametrize("part", ['"', '\\"', '"\\', ";  ", " ,", "a=", "a;", 'W/"', '"a",'])
def test_no_header_takes_long_to_read(part: str) -> None:
    hostile: Any = [f"a{part * 30_000}!", f'a="{part * 30_000}']

    began = time.process_time()
    named, seconds = is_named('W/"1-0"', hostile), seconds_to_wait(hostile)

    assert (named, seconds) == (False, 0)
    assert time.process_time() - began < 1
