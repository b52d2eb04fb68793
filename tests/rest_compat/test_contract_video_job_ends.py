"""`/api/v1/video-jobs` row by row: how users end their jobs, by deletion and by cancellation, and what comes back."""

import pytest

from auth.caller import Role
from db.tables import LedgerEntry, LookVideo, VideoJob, VideoJobLog
from tests.house import House, eventually
from tests.rest_compat.test_contract import call, refused
from tests.rest_compat.test_contract_video_jobs import (
    ENDED,
    NOT_FOUND,
    PATH,
    defaults,
    end,
    listed,
    read,
    running,
    worker,
)
from tests.rest_compat.test_video_jobs import JOB_MEMBERS


@pytest.mark.parametrize("by_admin", [False, True])
async def test_a_waiting_job_is_cancelled_and_refunded_before_it_is_deleted(house: House, *, by_admin: bool) -> None:
    caller = await house.user()
    look = await house.look(caller)
    job_id = await house.create(caller, lookId=look.id)
    deleter = await house.user(role=Role.ADMIN) if by_admin else caller

    answer = await call(house, deleter, "DELETE", f"{PATH}/{job_id}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert await house.tokens(caller) == 100
    of_job = LedgerEntry.video_job_id == job_id
    assert await house.count(of_job, LedgerEntry.amount == -50, table=LedgerEntry) == 1
    assert await house.count(of_job, LedgerEntry.amount == 50, table=LedgerEntry) == 1
    for table in (VideoJob, VideoJobLog, LookVideo):
        assert await house.count(table=table) == 0
    assert await defaults(house, caller, look.id) == {}
    for method in ("GET", "DELETE"):
        assert await refused(house, caller, method, f"{PATH}/{job_id}") == NOT_FOUND


async def test_a_running_job_is_deleted_without_a_refund(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    async with worker(house, 600):
        await running(house, job_id)
        answer = await call(house, caller, "DELETE", f"{PATH}/{job_id}")

    assert answer.status_code == 204
    assert await house.tokens(caller) == 50
    assert await house.charges(caller) == 1
    assert await refused(house, caller, "GET", f"{PATH}/{job_id}") == NOT_FOUND


@pytest.mark.parametrize("status", ENDED)
async def test_a_job_that_has_ended_is_deleted_and_stays_paid(house: House, status: str) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    await end(house, job_id, status)

    answer = await call(house, caller, "DELETE", f"{PATH}/{job_id}")

    assert answer.status_code == 204
    assert (await house.tokens(caller), await house.charges(caller)) == (50, 1)
    assert await listed(house, caller) == []


async def test_a_worker_passes_over_a_deleted_job(house: House) -> None:
    caller = await house.user()
    await call(house, caller, "DELETE", f"{PATH}/{await house.create(caller)}")
    job_id = await house.create(caller)

    async with worker(house, 0.1):
        job = await house.finished(job_id)
        traces = await eventually(lambda: house.traces(caller), lambda traces: traces.queued == 0)

    assert job.status == "SUCCEEDED"
    assert (traces.jobs, traces.tokens) == (1, 50)


@pytest.mark.parametrize(("method", "path"), [("DELETE", ""), ("POST", "/cancel")])
async def test_nobody_ends_a_strangers_job(house: House, method: str, path: str) -> None:
    owner, unknown_caller = await house.user(), await house.user()
    job_id = await house.create(owner)

    assert await refused(house, unknown_caller, method, f"{PATH}/{job_id}{path}") == NOT_FOUND
    assert (await read(house, owner, f"/{job_id}"))["status"] == "PENDING"
    assert await house.tokens(owner) == 50


@pytest.mark.parametrize("by_admin", [False, True])
async def test_a_waiting_job_is_cancelled_once_with_a_refund(house: House, *, by_admin: bool) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    canceller = await house.user(role=Role.ADMIN) if by_admin else caller

    first, second = [await call(house, canceller, "POST", f"{PATH}/{job_id}/cancel") for _ in range(2)]

    job = first.json()
    assert (first.status_code, second.status_code) == (200, 200)
    assert set(job) == JOB_MEMBERS
    assert first.json() == second.json() == await read(house, caller, f"/{job_id}")
    assert (job["status"], job["errorMessage"], job["cloudinaryUrl"]) == ("CANCELLED", None, None)
    assert job["statusMessage"] == "Cancelled (Mock Mode)"
    assert job["completedAt"].endswith("Z")
    assert await house.tokens(caller) == 100


async def test_a_running_job_is_cancelled_without_a_refund(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    async with worker(house, 600):
        await running(house, job_id)
        answers = [await call(house, caller, "POST", f"{PATH}/{job_id}/cancel") for _ in range(2)]

    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "CANCELLED")] * 2
    assert await house.tokens(caller) == 50
    assert (await house.job(job_id)).status == "CANCELLED"


@pytest.mark.parametrize("status", ENDED)
async def test_a_job_that_has_ended_cannot_be_cancelled(house: House, status: str) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    await end(house, job_id, status)

    assert await refused(house, caller, "POST", f"{PATH}/{job_id}/cancel") == (
        409,
        f"This video job cannot be cancelled any more. Current status: {status}",
    )
