"""Jobs that wait while Google refuses our credentials: one at a time tries, and what ends it lets the others go on."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text

from auth.caller import Caller
from db import submission_pace
from db.enums import LogLevel, Submission, VideoJobStatus
from db.tables import VideoJob
from db.video_jobs import JobRow
from resolvers import generation, submission
from resolvers.models import Provider
from resolvers.ports import GeneratorMisconfigured
from tests.doubles.answers import Answer, error, quota_exceeded
from tests.house import eventually
from tests.worker.messages import MISCONFIGURED
from tests.worker.refused_credentials import (
    DEGRADED,
    PATIENT,
    REFUSED,
    WELL,
    found_out,
    health,
    is_suspended,
    refusal_is_known,
    rest_is_over,
)
from tests.worker.studio import CHARGED, HASTE, REFUNDED, Studio, WireName, ended, wires


def waiting_again(jobs: Sequence[VideoJob]) -> bool:
    """Whether all jobs but the first have their turns to come, and none is being sent."""
    return all(job.submit_not_before and job.submission == Submission.NEW for job in jobs[1:])


async def test_jobs_that_were_there_wait_and_are_made_once_it_is_over(studio: Studio) -> None:
    callers = [await studio.house.user() for _ in range(4)]
    owners = {await studio.created(caller): caller for caller in callers}
    studio.veo.script_submit(*[REFUSED] * 3)
    async with studio.working():
        jobs = await ended(studio)

    (found_it_out,) = [job for job in jobs if job.status == VideoJobStatus.FAILED]
    waited = [job for job in jobs if job.status == VideoJobStatus.SUCCEEDED]
    assert (found_it_out.error_code, len(waited)) == ("GENERATOR_MISCONFIGURED", 3)
    assert await studio.money(owners[str(found_it_out.id)]) == REFUNDED
    assert [await studio.money(owners[str(job.id)]) for job in waited] == [CHARGED] * 3
    assert (len(studio.veo.submits), len(studio.veo.accepted)) == (3 + 3, 3)
    assert await health(studio) == WELL
    lines = {line for job in waited for line in await studio.log(str(job.id)) if line[0] == LogLevel.WARNING}
    assert lines == {("WARNING", "Video generation is not set up correctly on our side yet, waiting")}


async def test_a_job_that_waits_is_pending_and_cancelled_with_its_tokens(studio: Studio) -> None:
    await found_out(studio)
    callers = [await studio.house.user() for _ in range(2)]
    await rest_is_over(studio)
    studio.veo.script_submit(*[REFUSED] * 99)
    job_ids = [await created_beside(studio, caller) for caller in callers]
    async with studio.working(PATIENT):
        # One finds out that it is not over yet, the other one is not tried.
        jobs = await ended(studio, is_wanted=waiting_again)
        headers = [studio.house.headers(caller) for caller in callers]
        answers = [
            await studio.house.http.post(f"/api/v1/video-jobs/{id_}/cancel", headers=header)
            for id_, header in zip(job_ids, headers, strict=True)
        ]

    assert [job.status for job in jobs[1:]] == [VideoJobStatus.PENDING] * 2
    assert [answer.json()["status"] for answer in answers] == ["CANCELLED"] * 2
    assert len(studio.veo.submits) == 2
    assert [await studio.money(caller) for caller in callers] == [REFUNDED] * 2


async def created_beside(studio: Studio, caller: Caller) -> str:
    """Create a real job as if it had been there before the trouble."""
    async with studio.house.database.session() as session:
        await session.execute(text("UPDATE submission_pace SET trouble = NULL"))
    job_id = await studio.created(caller)
    async with studio.house.database.session() as session:
        await session.execute(text("UPDATE submission_pace SET trouble = '403'"))
    return job_id


@wires
async def test_it_ends_by_itself_where_nobody_waits(studio: Studio, over: WireName) -> None:
    await refusal_is_known(studio)
    await is_suspended(studio, over)
    await rest_is_over(studio)
    caller = await studio.house.user()

    async with studio.working(PATIENT):
        job = await studio.house.finished(await studio.created(caller, over=over))

    assert (job.status, await health(studio)) == (VideoJobStatus.SUCCEEDED, WELL)
    assert await studio.money(caller) == CHARGED
    await studio.created(await studio.house.user(), over=over)


@wires
async def test_while_one_waits_to_try_nobody_else_is_let_in(studio: Studio, over: WireName) -> None:
    await refusal_is_known(studio)
    await rest_is_over(studio)
    first = await studio.created(await studio.house.user(), over=over)

    await is_suspended(studio, over)

    async with studio.working(PATIENT):
        job = await studio.house.finished(first)
    assert (job.status, len(studio.veo.submits)) == (VideoJobStatus.SUCCEEDED, 1)
    await studio.created(await studio.house.user(), over=over)


@pytest.mark.parametrize("change", ["fallback_model = 'gemini-omni-1.2-flash'", "mock_mode = true"])
async def test_a_job_that_waits_for_another_provider_is_none_that_tries(studio: Studio, change: str) -> None:
    await refusal_is_known(studio)
    await rest_is_over(studio)
    first = await studio.created(await studio.house.user())
    async with studio.house.database.session() as session:
        await session.execute(text(f"UPDATE video_jobs SET {change} WHERE id = :id"), {"id": first})  # noqa: S608 - ours

    await studio.created(await studio.house.user())
    await is_suspended(studio, "rest")


async def test_one_job_at_a_time_tries_whether_it_is_over(studio: Studio) -> None:
    await refusal_is_known(studio)
    await rest_is_over(studio)
    house, veo = studio.house, Provider("veo", 600_000)
    jobs = [await house.job(await created_beside(studio, await house.user())) for _ in range(3)]
    await rest_is_over(studio)

    async def begin(job: JobRow) -> JobRow:
        async with house.database.transaction() as session:
            return await submission.begin_in_turn(session, job, veo)

    begun = await asyncio.gather(*map(begin, jobs))

    assert sorted(job.submission for job in begun) == [Submission.NEW, Submission.NEW, Submission.SENDING]
    waiting = [job.submit_not_before for job in begun if job.submission == Submission.NEW]
    async with house.database.session() as session:
        rest = await session.scalar(text("SELECT blocked_until - now() FROM submission_pace WHERE provider = 'veo'"))
        turns = [await session.scalar(text("SELECT :turn - now()"), {"turn": turn}) for turn in waiting]
    assert 50 < rest.total_seconds() <= 60
    assert all(50 < turn.total_seconds() <= 61 for turn in turns)


async def test_a_job_that_has_tried_often_enough_fails_with_its_tokens(studio: Studio) -> None:
    """So neither is anybody's money kept for ever, nor is a refusal that concerns one model everybody's."""
    callers = [await studio.house.user() for _ in range(3)]
    for caller in callers:
        await studio.created(caller)
    studio.veo.script_submit(*[REFUSED] * 99)
    async with studio.working(replace(HASTE, submit_errors=2, refused_seconds=0.05)):
        jobs = await ended(studio)

    assert {(job.status, job.error_code) for job in jobs} == {(VideoJobStatus.FAILED, "GENERATOR_MISCONFIGURED")}
    assert sorted(job.submit_errors for job in jobs) == [0, 2, 2]
    assert [await studio.money(caller) for caller in callers] == [REFUNDED] * 3
    assert (len(studio.veo.submits), await health(studio)) == (1 + 3 + 3, DEGRADED)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (quota_exceeded("3600s"), None),
        (error(400, "The prompt names a person.", reason="INVALID_ARGUMENT"), "REJECTED_BY_GENERATOR"),
        (error(404, "Publisher model was not found."), "MODEL_NOT_AVAILABLE"),
    ],
    ids=["quota", "rejected", "no such model"],
)
async def test_any_answer_of_google_that_is_not_about_us_ends_it(
    studio: Studio, answer: Answer, code: str | None
) -> None:
    await refusal_is_known(studio)
    await rest_is_over(studio)
    caller = await studio.house.user()
    job_id = await studio.created(caller)
    studio.veo.script_submit(answer)
    async with studio.working(PATIENT):
        await eventually(lambda: health(studio), lambda seen: seen == WELL)
        job = await eventually(
            lambda: studio.house.job(job_id), lambda job: job.submission == Submission.NEW or bool(job.error_code)
        )

    assert (job.error_code, await studio.money(caller)) == (code, CHARGED)
    await studio.created(await studio.house.user())


@pytest.mark.parametrize("answer", [error(503, "Try later"), error(500, "Internal error")], ids=["503", "500"])
async def test_an_answer_that_says_nothing_about_us_does_not_end_it(studio: Studio, answer: Answer) -> None:
    await refusal_is_known(studio)
    await rest_is_over(studio)
    job_id = await studio.created(await studio.house.user())
    studio.veo.script_submit(answer)
    async with studio.working(PATIENT):
        await studio.logged(job_id, "did not accept")

    assert await health(studio) == DEGRADED
    await is_suspended(studio, "rest")


async def test_a_second_generation_that_is_refused_comes_back_as_well(studio: Studio) -> None:
    caller = await studio.house.user()
    job = await studio.house.job(await studio.created(caller))
    async with studio.house.database.transaction() as session:
        job = await submission.begin(session, job, "veo")
        job = await submission.record_operation(session, job, "operations/1", "the test")
        job = await submission.begin_anew(session, job, "a fault of its own")
    studio.veo.script_submit(REFUSED)
    async with studio.working(PATIENT):
        job = await studio.house.finished(str(job.id))

    assert (job.status, job.error_code) == (VideoJobStatus.FAILED, "GENERATOR_MISCONFIGURED")
    assert await studio.money(caller) == REFUNDED


async def test_a_refusal_for_a_job_that_somebody_else_has_changed_notes_nothing(studio: Studio) -> None:
    """The trouble and the job's end are one transaction."""
    refusal = GeneratorMisconfigured("GENERATOR_MISCONFIGURED", MISCONFIGURED, "403")
    outdated = await studio.house.job(await studio.created(await studio.house.user()))
    async with studio.house.database.transaction() as session:
        await generation.take(session, outdated, outdated.id)

    with pytest.raises(generation.VideoJobChanged):
        async with studio.house.database.transaction() as session:
            await submission.refuse(session, outdated, refusal, is_last=False)

    async with studio.house.database.transaction() as session:
        assert await submission_pace.troubles(session) == {}
