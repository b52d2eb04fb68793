"""Real jobs that wait: for the pace of submits, and for other generations to end."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import httpx

from app.settings import Settings
from auth.caller import Caller
from db.enums import VideoJobStatus
from db.tables import VideoJob
from tests.house import eventually
from tests.inspected import InspectedDatabase
from tests.worker.studio import Studio, another_studio, ended


async def test_jobs_wait_for_the_pace_and_say_where_they_stand(
    studio: Studio, real_settings: Settings, database: InspectedDatabase
) -> None:
    callers = [await studio.house.user() for _ in range(4)]
    async with another_studio(studio, real_settings, database, submits_per_minute=60) as paced:
        async with paced.working():
            await paced.house.finished(await paced.created(callers[0]))
        job_ids = [await paced.created(caller) for caller in callers[1:]]
        bodies = [await paced.read(caller, id_) for caller, id_ in zip(callers[1:], job_ids, strict=True)]
        async with paced.working():
            jobs = [await paced.house.finished(job_id) for job_id in job_ids]

    assert [body["status"] for body in bodies] == ["PENDING"] * 3
    assert [body["queuePosition"] for body in bodies] == [1, 2, 3]
    assert [body["estimatedWaitSeconds"] for body in bodies] == [0, 1, 2]
    assert all(body["startedAt"] is None for body in bodies)
    assert [job.status for job in jobs] == [VideoJobStatus.SUCCEEDED] * 3
    turns = sorted(job.submit_not_before for job in jobs if job.submit_not_before)
    assert len(turns) == len(studio.veo.submits) - 1 == 3
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in pairwise(turns))
    for job in jobs:
        assert job.submit_not_before is not None
        assert job.started_at is not None
        assert job.started_at >= job.submit_not_before
    for caller, job_id in zip(callers[1:], job_ids, strict=True):
        body = await studio.read(caller, job_id)
        assert (body["queuePosition"], body["estimatedWaitSeconds"]) == (None, None)


async def test_a_job_that_waits_is_cancelled_without_a_submit(
    studio: Studio, real_settings: Settings, database: InspectedDatabase
) -> None:
    callers = [await studio.house.user() for _ in range(2)]
    async with another_studio(studio, real_settings, database, submits_per_minute=1) as paced, paced.working():
        await paced.house.finished(await paced.created(callers[0]))
        waiting = await paced.created(callers[1])
        await eventually(lambda: paced.house.job(waiting), lambda job: job.submit_not_before is not None)
        answer = await cancelled(paced, callers[1], waiting)

    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    assert len(studio.veo.submits) == 1
    assert (await studio.house.tokens(callers[1]), (await studio.money(callers[1])).refunds) == (100, 1)


async def cancelled(studio: Studio, caller: Caller, job_id: str) -> httpx.Response:
    return await studio.house.http.post(f"/api/v1/video-jobs/{job_id}/cancel", headers=studio.house.headers(caller))


async def test_no_more_generations_run_at_once_than_allowed(
    studio: Studio, real_settings: Settings, database: InspectedDatabase
) -> None:
    callers = [await studio.house.user() for _ in range(5)]
    studio.veo.polls_until_done = 3
    async with another_studio(studio, real_settings, database, generations_at_once=2) as small:
        for caller in callers:
            await small.created(caller)
        async with small.working():
            jobs = await ended(small)

    assert [job.status for job in jobs] == [VideoJobStatus.SUCCEEDED] * 5
    assert len(studio.veo.submits) == 5
    assert max(running_at(job, jobs) for job in jobs) == 2


def running_at(job: VideoJob, jobs: Sequence[VideoJob]) -> int:
    """Count the jobs that ran when one began."""
    begun = job.started_at
    assert begun is not None
    return sum(
        bool(other.started_at and other.completed_at and other.started_at <= begun < other.completed_at)
        for other in jobs
    )
