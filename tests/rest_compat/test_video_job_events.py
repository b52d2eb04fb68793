"""A job's events over HTTP: everything once and in order, wherever a client comes back."""

from typing import Any

import httpx
import pytest

from app.settings import Settings
from auth.caller import Caller
from db.enums import VideoJobStatus
from db.video_job_changes import NOW
from resolvers import generation
from tests.house import House
from tests.rest_compat.event_stream import Event, EventStream, followed, following, log_of, states_of
from tests.rest_compat.test_contract import NOBODYS, well_formed
from tests.workers import at_work

# What happens to a job, one version each: a line for its log or none, and what changes.
STEPS: list[tuple[str | None, dict[str, Any]]] = [
    ("Started", {"status": VideoJobStatus.RUNNING, "started_at": NOW}),
    ("Progress 20%", {"progress_percentage": 20}),
    (None, {"progress_percentage": 30, "progress_is_estimated": True}),
    ("Progress 40%", {"progress_percentage": 40, "progress_is_estimated": False}),
    ("Cancelled", {"status": VideoJobStatus.CANCELLED, "completed_at": NOW}),
]


async def step(house: House, job_id: str, log: str | None, values: dict[str, Any]) -> None:
    async with house.database.transaction() as session:
        await generation.change(session, await house.job(job_id), log, **values)


async def read(house: House, caller: Caller, job_id: str) -> dict[str, Any]:
    body: dict[str, Any] = (await house.http.get(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))).json()
    return body


async def ended(house: House, caller: Caller) -> str:
    """Return a job that has gone through all the steps."""
    job_id = await house.create(caller)
    for log, values in STEPS:
        await step(house, job_id, log, values)
    return job_id


async def all_steps(house: House, job_id: str, stream: EventStream) -> list[Event]:
    """Let a job go through all the steps while it is followed; return the events up to each of them."""
    events = await stream.until("status")
    for log, values in STEPS:
        await step(house, job_id, log, values)
        events += await stream.until("status" if "status" in values else "progress")
    return events


async def events_answer(house: House, caller: Caller, job_id: str, **headers: str) -> httpx.Response:
    """Ask for events that are not expected to begin."""
    sent = house.headers(caller) | headers
    return await house.http.get(f"/api/v1/video-jobs/{job_id}/events", headers=sent, timeout=10)


async def test_a_follower_sees_everything_from_waiting_to_stored(house: House, settings: Settings) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    waiting = await read(house, caller, job_id)

    async with following(house, caller, job_id) as stream:
        events = await stream.until("status")
        async with at_work(settings, house.database):
            events += await stream.rest()

    states = states_of(events)
    versions = [event.version for event in states]
    stored = await read(house, caller, job_id)
    assert versions == sorted(set(versions))
    assert versions[-1] == (await house.job(job_id)).version
    assert [event.data["status"] for event in events if event.name == "status"] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert [event.data for event in states if event.name == "status"][::2] == [waiting, stored]
    percentages = [event.data["progressPercentage"] for event in states]
    assert percentages == sorted(percentages)
    assert set(percentages) <= {0, 20, 40, 60, 80, 100}
    assert log_of(events) == stored["logs"]
    assert events[-1] is states[-1]


async def test_the_stream_says_that_it_is_one(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    async with following(house, caller, job_id) as stream:
        await stream.until("status")

    assert stream.retry == "2000"
    assert stream.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert stream.response.headers["Cache-Control"] == "no-cache, no-store"
    assert stream.response.headers["X-Accel-Buffering"] == "no"


async def test_each_change_is_told_with_the_lines_that_came_before_it(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    async with following(house, caller, job_id) as stream:
        events = await all_steps(house, job_id, stream)
        assert await stream.rest() == []

    assert [(event.name, event.version) for event in events] == [
        ("log", 0),
        ("status", 1),
        ("log", 1),
        ("status", 2),
        ("log", 2),
        ("progress", 3),
        ("progress", 4),
        ("log", 4),
        ("progress", 5),
        ("log", 5),
        ("status", 6),
    ]
    assert events[6].data == {
        "version": 4,
        "status": "RUNNING",
        "statusMessage": "Waiting for a worker (Mock Mode)",
        "progressPercentage": 30,
        "progressIsEstimated": True,
    }
    assert [len(event.data["logs"]) for event in events if event.name == "status"] == [1, 2, 5]


async def test_who_goes_and_comes_back_sees_what_a_full_follower_saw(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    pieces: list[Event] = []

    async with following(house, caller, job_id) as full:
        seen = await full.until("status")
        for log, values in STEPS:
            after = pieces[-1].id if pieces else None
            async with following(house, caller, job_id, after=after) as stream:
                pieces += await stream.until("status")
            await step(house, job_id, log, values)
        pieces += await followed(house, caller, job_id, after=pieces[-1].id)
        seen += await full.rest()

    assert log_of(pieces) == log_of(seen) == (await read(house, caller, job_id))["logs"]
    assert [event.version for event in states_of(pieces)] == [1, 2, 3, 4, 5, 6]
    assert pieces[-1] == seen[-1]


async def test_who_comes_back_to_an_unchanged_job_is_told_what_comes(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    async with following(house, caller, job_id) as stream:
        last = (await stream.until("status"))[-1]

    async with following(house, caller, job_id, after=last.id) as stream:
        await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))
        told = await stream.rest()

    assert [(event.name, event.data.get("status")) for event in told] == [("log", None), ("status", "CANCELLED")]


async def test_every_event_is_a_place_to_come_back_to(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    async with following(house, caller, job_id) as stream:
        seen = await all_steps(house, job_id, stream)

    rests = [await followed(house, caller, job_id, after=event.id) for event in seen[:-1]]

    for number, rest in enumerate(rests, start=1):
        assert log_of(rest) == log_of(seen[number:])
        assert rest[-1] == seen[-1]
        assert len(states_of(rest)) == 1


async def test_who_has_seen_the_end_is_to_come_no_more(house: House) -> None:
    caller = await house.user()
    job_id = await ended(house, caller)
    seen = await followed(house, caller, job_id)

    answer = await events_answer(house, caller, job_id, **{"Last-Event-ID": str(seen[-1].id)})

    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    "after",
    ["", "rubbish", "6", "-6", "6-", "6-0", "0-0", "7-{line}", "6-{foreign}", "6-{line}-1", "6 -{line}", "9" * 5000],
)
async def test_an_id_that_the_job_never_had_starts_from_the_beginning(house: House, after: str) -> None:
    caller, other = await house.user(), await house.user()
    foreign = (await followed(house, other, await ended(house, other)))[-1]
    job_id = await ended(house, caller)
    seen = await followed(house, caller, job_id)
    ids = {"line": str(seen[-1].id).partition("-")[2], "foreign": str(foreign.id).partition("-")[2]}

    assert await followed(house, caller, job_id, after=after.format(**ids)) == seen


@pytest.mark.parametrize("whose", ["another's", "nobody's"])
async def test_a_job_that_is_not_the_callers_is_refused_in_json(house: House, whose: str) -> None:
    job_id = await house.create(await house.user()) if whose == "another's" else NOBODYS

    answer = await events_answer(house, await house.user(), job_id)

    assert (answer.status_code, well_formed(answer)["detail"]) == (404, "Video job not found")


async def test_who_leaves_in_the_middle_is_no_fault(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    for number in range(30):
        await step(house, job_id, f"Line {number}", {"progress_percentage": number})
    for _ in range(10):
        async with house.http.stream(
            "GET", f"/api/v1/video-jobs/{job_id}/events", headers=house.headers(caller)
        ) as answer:
            await anext(answer.aiter_raw())
    assert (await house.http.get("/livez")).status_code == 200

    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
