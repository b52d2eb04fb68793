"""Who changes an account and a job locks the account first, and whoever comes second finds what the first has left.

The account or the job is held by a transaction of the test until the others wait: so each order happens, not by luck.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from auth.caller import Caller, Role
from db import ledger
from db import video_jobs as rows
from db.enums import VideoJobStatus
from db.tables import SubmissionPace, VideoJob
from db.video_jobs import JobRow
from resolvers import submission, video_job_creation, video_jobs
from resolvers.generation import VideoJobChanged
from resolvers.ports import GeneratorMisconfigured
from resolvers.video_job_input import VideoJobInput
from tests.house import CATALOGUE, House, eventually
from tests.resolvers.stages import (
    SENT,
    Stage,
    Transition,
    begin,
    books,
    busy,
    interrupt,
    job_at,
    keep_charge,
    record,
    refund,
    succeed,
    take,
    wait_for_turn,
)
from tests.resolvers.test_races import CANCEL, DELETE, Change, cancel_by_rest, delete_by_rest

ASKED = VideoJobInput(
    model="veo-3.1-generate-preview",
    resolution="720p",
    aspect_ratio="16:9",
    mock_mode=True,
    prompt="The model turns slowly",
)
TAKEN = Stage("taken", VideoJobStatus.PENDING, (take,))
SENDING = Stage("being sent", VideoJobStatus.PENDING, (take, begin))
RUNNING = Stage("being generated", VideoJobStatus.RUNNING, SENT)


async def until_waiting(house: House, number: int) -> None:
    """Return when so many transactions wait for locks."""
    await eventually(house.waiting_for_locks, lambda count: count == number)


async def fail_with_refund(house: House, _caller: Caller, job_id: str) -> str | None:
    """Fail the job as its worker does; return a code as the requests do where somebody was faster."""
    job = await found(house, UUID(job_id))
    return "VIDEO_JOB_NOT_FOUND" if job is None else await transitioned(house, job, refund)


async def transitioned(house: House, job: JobRow, transition: Transition) -> str | None:
    try:
        async with house.database.transaction() as session:
            await transition(session, job)
    except VideoJobChanged:
        return "CHANGED"
    return None


async def refuse_credentials(house: House, _caller: Caller, job_id: str) -> str | None:
    """Let the generator refuse our credentials for the job."""
    job = await found(house, UUID(job_id))
    refusal = GeneratorMisconfigured("GENERATOR_MISCONFIGURED", "Not set up", "403")
    refuse = partial(submission.refuse, refusal=refusal, is_last=True)
    return "VIDEO_JOB_NOT_FOUND" if job is None else await transitioned(house, job, refuse)


REFUNDING = [*CANCEL, *DELETE, fail_with_refund, refuse_credentials]


@pytest.mark.parametrize("change", REFUNDING)
@pytest.mark.parametrize("role", Role)
async def test_whoever_refunds_a_job_waits_for_its_owners_account_and_leaves_the_job_alone_till_then(
    house: House, change: Change, role: Role
) -> None:
    caller = await house.user(tokens=200)
    actor = caller if role == Role.USER else await house.user(role=role)
    job = await job_at(house, caller, TAKEN)

    async with house.database.transaction() as creation:
        await video_job_creation.create(creation, caller, ASKED, CATALOGUE)
        changing = asyncio.ensure_future(change(house, actor, str(job.id)))
        await until_waiting(house, 1)
        async with house.database.session() as other:
            # Both raise where anybody has locked the row.
            await other.execute(select(SubmissionPace).with_for_update(nowait=True))
            found = await other.scalar(select(VideoJob).where(VideoJob.id == job.id).with_for_update(nowait=True))

    assert found is not None
    assert (found.status, found.version) == (job.status, job.version)
    assert await changing is None
    assert await books(house, caller) == (2, 1)


@pytest.mark.parametrize(
    "pair",
    list(permutations((cancel_by_rest, delete_by_rest, fail_with_refund, refuse_credentials), 2)),
    ids=lambda pair: " then ".join(change.__name__ for change in pair),
)
async def test_two_who_refund_a_job_at_once_meet_no_deadlock_and_refund_it_once(
    house: House, pair: tuple[Change, Change]
) -> None:
    caller = await house.user()
    job = await job_at(house, caller, TAKEN)

    async with house.database.transaction() as session:
        await ledger.lock(session, caller.user_id)
        changing = []
        for number, change in enumerate(pair, start=1):
            changing.append(asyncio.ensure_future(change(house, caller, str(job.id))))
            await until_waiting(house, number)
    first, second = await asyncio.gather(*changing)

    assert first is None
    assert second in {None, "VIDEO_JOB_NOT_FOUND", "VIDEO_JOB_NOT_CANCELLABLE", "CHANGED"}
    assert await books(house, caller) == (1, 1)


async def test_creations_cancellations_and_failures_at_once_meet_no_deadlock(house: House) -> None:
    callers = [await house.user(tokens=150) for _ in range(6)]

    async def story(caller: Caller, number: int) -> None:
        jobs = [await house.create(caller) for _ in range(2)]
        changes = [CANCEL[number % 2], fail_with_refund, DELETE[number % 2], fail_with_refund]
        await asyncio.gather(
            *(change(house, caller, jobs[turn // 2]) for turn, change in enumerate(changes)), house.create(caller)
        )

    await asyncio.gather(*(story(caller, number) for number, caller in enumerate(callers)))

    assert [await books(house, caller) for caller in callers] == [(3, 2)] * 6


@dataclass(frozen=True)
class Meeting:
    """A worker's transition that meets a cancellation; how many refunds there are, by who comes first."""

    name: str
    stage: Stage
    transition: Transition
    refunds_after_it: int
    refunds_before_it: int
    code: str | None = None


NOT_CANCELLABLE = "VIDEO_JOB_NOT_CANCELLABLE"
MEETINGS = [
    Meeting("take", Stage("waiting", VideoJobStatus.PENDING, ()), take, 1, 1),
    Meeting("wait for a turn", TAKEN, wait_for_turn, 1, 1),
    Meeting("begin", TAKEN, begin, 0, 1),
    Meeting("record", SENDING, record, 0, 0),
    Meeting("put off", SENDING, busy, 1, 0),
    Meeting("take back", SENDING, submission.take_back, 1, 0),
    Meeting("interrupt", RUNNING, interrupt, 0, 0),
    Meeting("succeed", RUNNING, succeed, 0, 0, NOT_CANCELLABLE),
    Meeting("fail", RUNNING, keep_charge, 0, 0, NOT_CANCELLABLE),
    Meeting("fail with a refund", RUNNING, refund, 1, 0, NOT_CANCELLABLE),
    Meeting("fail with a refund before it was sent", TAKEN, refund, 1, 1, NOT_CANCELLABLE),
]
meetings = pytest.mark.parametrize("meeting", MEETINGS, ids=[meeting.name for meeting in MEETINGS])


@meetings
@pytest.mark.parametrize("cancel", CANCEL, ids=["rest", "graphql"])
async def test_a_cancellation_that_comes_second_decides_by_what_the_worker_has_left(
    house: House, cancel: Change, meeting: Meeting
) -> None:
    caller = await house.user()
    job = await job_at(house, caller, meeting.stage)

    async with house.database.transaction() as session:
        changed = await meeting.transition(session, job)
        cancelling = asyncio.ensure_future(cancel(house, caller, str(job.id)))
        await until_waiting(house, 1)

    assert await cancelling == meeting.code
    ended = await house.job(job.id)
    if meeting.code is None:
        assert (ended.status, ended.version) == (VideoJobStatus.CANCELLED, changed.version + 1)
    else:
        assert (ended.status, ended.version) == (changed.status, changed.version)
    assert await books(house, caller) == (1, meeting.refunds_after_it)


@meetings
@pytest.mark.parametrize("end", [video_jobs.cancel, video_jobs.delete])
async def test_a_worker_that_comes_second_finds_the_job_ended_and_changes_nothing(
    house: House, end: Callable[..., Awaitable[Any]], meeting: Meeting
) -> None:
    caller = await house.user()
    job = await job_at(house, caller, meeting.stage)

    async with house.database.transaction() as session:
        await end(session, caller, job.id)
        working = asyncio.create_task(transitioned(house, job, meeting.transition))
        await until_waiting(house, 1)

    assert await working == "CHANGED"
    left = await found(house, job.id)
    if end is video_jobs.cancel:
        assert left is not None
        assert (left.status, left.version) == (VideoJobStatus.CANCELLED, job.version + 1)
    else:
        assert left is None
    assert await books(house, caller) == (1, meeting.refunds_before_it)


async def found(house: House, job_id: UUID) -> JobRow | None:
    return await rows.get(house.database.reader, job_id)
