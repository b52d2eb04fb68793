"""Where waiting jobs stand, and how submits are spaced over the fleet."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import text

from db import submission_pace
from db.enums import Submission
from resolvers import generation, submission
from resolvers.limits import queue_places
from resolvers.models import Provider
from tests.house import CATALOGUE, House

JOB = "query ($id: ID!) { videoJob(id: $id) { queuePosition estimatedWaitSeconds } }"


async def waiting(house: House, number: int) -> list[str]:
    return [await house.create(await house.user()) for _ in range(number)]


async def run_times(house: House, *seconds: float) -> None:
    """Let videos have been made that took so long."""
    for job_id, length in zip(await waiting(house, len(seconds)), seconds, strict=True):
        statement = f"""UPDATE video_jobs SET status = 'SUCCEEDED', cloudinary_url = '/media/x.mp4',
            submitted_at = now(), completed_at = now() + interval '{length} s' WHERE id = '{job_id}'"""  # noqa: S608 - ours
        async with house.database.session() as session:
            await session.execute(text(statement))


async def test_both_wires_show_the_place_and_an_estimate(house: House) -> None:
    await run_times(house, 10, 70, 30)
    caller = await house.user()
    await waiting(house, 2)
    job_id = await house.create(caller)

    over_rest = (await house.http.get(f"/api/v1/video-jobs/{job_id}", headers=house.headers(caller))).json()
    over_graphql = (await house.graphql(caller, JOB, id=job_id))["data"]["videoJob"]

    assert over_graphql == {"queuePosition": 3, "estimatedWaitSeconds": 0}
    assert {name: over_rest[name] for name in over_graphql} == over_graphql


@pytest.mark.parametrize(("at_once", "waits"), [(100, [0, 0, 0, 0]), (2, [0, 0, 30, 30]), (1, [0, 30, 60, 90])])
async def test_the_estimate_reckons_in_rounds_of_recent_run_times(house: House, at_once: int, waits: list[int]) -> None:
    await run_times(house, 10, 70, 30)
    jobs = [(await house.job(job_id)).id for job_id in await waiting(house, 4)]

    async with house.database.transaction() as session:
        places = await queue_places(session, jobs, replace(CATALOGUE, generations_at_once=at_once))

    assert [places[job].position for job in jobs] == [1, 2, 3, 4]
    assert [places[job].estimated_wait_seconds for job in jobs] == waits


async def test_without_recent_videos_there_is_no_estimate_and_without_waiting_no_place(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    first = (await house.graphql(caller, JOB, id=job_id))["data"]["videoJob"]
    await house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=house.headers(caller))
    second = (await house.graphql(caller, JOB, id=job_id))["data"]["videoJob"]

    assert first == {"queuePosition": 1, "estimatedWaitSeconds": None}
    assert second == {"queuePosition": None, "estimatedWaitSeconds": None}


async def test_places_are_counted_so_far_and_no_further(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await run_times(house, 10)
    jobs = [(await house.job(job_id)).id for job_id in await waiting(house, 4)]
    monkeypatch.setattr("resolvers.limits.MOST_AHEAD", 2)

    places = await queue_places(house.database.reader, jobs, CATALOGUE)

    assert [places[job].position for job in jobs] == [1, 2, 3, 3]
    assert [places[job].estimated_wait_seconds for job in jobs] == [0, 0, None, None]


async def test_submits_are_spaced_and_a_reserved_turn_is_kept(house: House) -> None:
    veo = Provider("veo", 6)
    jobs = [await house.job(job_id) for job_id in await waiting(house, 3)]

    turns = []
    for job in jobs:
        async with house.database.transaction() as session:
            turns.append(await submission.begin_in_turn(session, job, veo))
    async with house.database.transaction() as session:
        again = await submission.begin_in_turn(session, turns[1], veo)

    assert [job.submission for job in turns] == [Submission.SENDING, Submission.NEW, Submission.NEW]
    moments = [job.submit_not_before for job in turns if job.submit_not_before is not None]
    gaps = [(later - earlier) / timedelta(seconds=1) for earlier, later in pairwise(moments)]
    assert gaps == [10.0, 10.0]
    assert (again.submission, again.submit_not_before) == (Submission.NEW, turns[1].submit_not_before)


async def test_a_turn_that_has_come_while_its_transaction_waited_is_taken(house: House) -> None:
    veo = Provider("veo", 60_000_000)
    first, second = [await house.job(job_id) for job_id in await waiting(house, 2)]

    async with house.database.transaction() as late:
        async with house.database.transaction() as session:
            await submission.begin_in_turn(session, first, veo)
        taken = await submission.begin_in_turn(late, second, veo)

    assert taken.submission == Submission.SENDING


async def test_a_refusal_for_quota_makes_everybody_wait_and_gives_reserved_turns_anew(house: House) -> None:
    veo = Provider("veo", 60)
    refused, reserved = [await house.job(job_id) for job_id in await waiting(house, 2)]
    async with house.database.transaction() as session:
        refused = await submission.begin_in_turn(session, refused, veo)
        reserved = await submission.begin_in_turn(session, reserved, veo)

    async with house.database.transaction() as session:
        refused = await submission.defer(session, refused, "quota", timedelta(seconds=30), is_certain=True)
    async with house.database.transaction() as session:
        turns = [await submission.begin_in_turn(session, job, veo) for job in (reserved, refused)]

    assert (refused.submission, refused.status, refused.submit_errors) == (Submission.NEW, "PENDING", 0)
    for turn, seconds in zip(turns, (30, 31), strict=True):
        assert turn.submit_not_before is not None
        assert (turn.submit_not_before - datetime.now(UTC)).total_seconds() == pytest.approx(seconds, abs=1)


async def test_a_short_wait_does_not_end_a_longer_one(house: House) -> None:
    veo = Provider("veo", 6000)
    jobs = [await house.job(job_id) for job_id in await waiting(house, 2)]

    for seconds, job in zip((30, 1), jobs, strict=True):
        async with house.database.transaction() as session:
            sent = await submission.begin(session, job, veo.name)
            jobs[0] = await submission.defer(session, sent, "quota", timedelta(seconds=seconds), is_certain=True)
    async with house.database.transaction() as session:
        turn = (await submission.begin_in_turn(session, jobs[0], veo)).submit_not_before

    assert turn is not None
    assert (turn - datetime.now(UTC)).total_seconds() == pytest.approx(30, abs=2)


async def test_what_keeps_the_generator_from_us_is_noted_once_and_forgotten(house: House) -> None:
    async with house.database.transaction() as session:
        await submission_pace.set_trouble(session, "veo", "403 no permission")
    degraded = await house.http.get("/healthz")
    async with house.database.transaction() as session:
        await submission_pace.set_trouble(session, "veo", None)
    well = await house.http.get("/healthz")
    [job_id] = await waiting(house, 1)
    async with house.database.transaction() as session:
        next_one = await submission.begin_in_turn(session, await house.job(job_id), Provider("veo"))

    assert (degraded.status_code, degraded.json()["status"]) == (200, "degraded")
    assert "403" not in degraded.text
    assert (well.status_code, well.json()) == (200, {"status": "ok"})
    assert next_one.submission == Submission.SENDING


async def test_progress_is_marked_where_it_is_estimated(house: House) -> None:
    job = await house.job((await waiting(house, 1))[0])

    seen = []
    for percentage, is_estimated in ((40, True), (60, False), (50, True)):
        async with house.database.transaction() as session:
            job = await generation.report_progress(session, job, percentage, is_estimated=is_estimated)
        seen.append((job.version, job.progress_percentage, job.progress_is_estimated))

    assert seen == [(2, 40, True), (3, 60, False), (3, 60, False)]
