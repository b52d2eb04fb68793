"""Callers and workers who meet: whatever the order, nothing is counted twice, nothing dangles, nobody gets a 500."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from auth.caller import Caller
from db import ledger
from db.enums import LedgerEntryKind, Submission, VideoJobStatus
from db.looks import LookRow
from db.tables import LedgerEntry, LookVideo, VideoJob
from resolvers import generation, video_jobs
from resolvers.errors import Refusal
from tests.house import House, eventually
from tests.wires import Answer, GraphQLWire, RestWire
from tests.worker.scripted import ScriptedGenerator
from tests.worker.test_generate import context
from worker.service import generate


async def rest(house: House, caller: Caller, method: str, path: str) -> str | None:
    """Send a request; return the refusal's code, if it was refused."""
    answer = await house.http.request(method, f"/api/v1/{path}", headers=house.headers(caller))
    assert answer.status_code < 500, answer.text
    return str(answer.json()["code"]) if answer.is_error else None


async def mutate(house: House, caller: Caller, name: str, input_: str, answer: str, **values: Any) -> str | None:
    """Run a mutation; return the refusal's code, if it was refused."""
    fields = f"{answer} errors {{ ... on UserError {{ code }} }}"
    query = f"mutation ($input: {input_}!) {{ {name}(input: $input) {{ {fields} }} }}"
    body = await house.graphql(caller, query, input=values)
    assert "errors" not in body, body
    errors = body["data"][name]["errors"]
    return errors[0]["code"] if errors else None


async def set_default_by_rest(house: House, caller: Caller, job_id: str, look: LookRow) -> str | None:
    return await rest(house, caller, "PATCH", f"video-jobs/{job_id}/set-default-for-look/{look.id}")


async def set_default_by_graphql(house: House, caller: Caller, job_id: str, look: LookRow) -> str | None:
    answer = "look { videos { id isDefault } defaultThumbnailUrl }"
    ids = {"videoJobId": job_id, "lookId": str(look.id)}
    return await mutate(house, caller, "setDefaultVideo", "LookVideoInput", answer, **ids)


async def cancel_by_rest(house: House, caller: Caller, job_id: str) -> str | None:
    return await rest(house, caller, "POST", f"video-jobs/{job_id}/cancel")


async def cancel_by_graphql(house: House, caller: Caller, job_id: str) -> str | None:
    answer = "videoJob { status logs { message } refund { amount } }"
    return await mutate(house, caller, "cancelVideoJob", "VideoJobIdInput", answer, id=job_id)


async def delete_by_rest(house: House, caller: Caller, job_id: str) -> str | None:
    return await rest(house, caller, "DELETE", f"video-jobs/{job_id}")


async def delete_by_graphql(house: House, caller: Caller, job_id: str) -> str | None:
    return await mutate(house, caller, "deleteVideoJob", "VideoJobIdInput", "deletedVideoJobId", id=job_id)


SET_DEFAULT = (set_default_by_rest, set_default_by_graphql)
CANCEL = (cancel_by_rest, cancel_by_graphql)
DELETE = (delete_by_rest, delete_by_graphql)
Change = Callable[[House, Caller, str], Awaitable[str | None]]


async def links(house: House, look: LookRow) -> dict[str, bool]:
    """Return the videos that a look shows, each with whether it is the default."""
    async with house.database.session() as session:
        rows = await session.scalars(select(LookVideo).where(LookVideo.look_id == look.id))
        return {str(row.video_job_id): row.is_default for row in rows}


async def refunded(house: House) -> set[UUID]:
    """Return the jobs whose tokens came back; a job that got them twice is told."""
    async with house.database.session() as session:
        query = select(LedgerEntry.video_job_id).where(LedgerEntry.kind == LedgerEntryKind.REFUND)
        times = Counter((await session.scalars(query)).all())
    assert set(times.values()) <= {1}, times
    return {job_id for job_id in times if job_id is not None}


async def until_somebody_waits(house: House) -> None:
    """Return when a transaction waits for another one's lock."""

    await eventually(house.waiting_for_locks, lambda count: count > 0)


async def test_fifty_default_videos_set_at_once_leave_one_default(house: House) -> None:
    caller = await house.user(tokens=1000)
    look = await house.look(caller)
    jobs = [await house.create(caller, lookId=look.id) for _ in range(3)]

    codes = await asyncio.gather(
        *(SET_DEFAULT[turn % 2](house, caller, jobs[turn // 2 % 3], look) for turn in range(50))
    )

    assert set(codes) == {None}
    assert Counter((await links(house, look)).values()) == {True: 1, False: 2}


@pytest.mark.parametrize("turn", range(4))
async def test_a_default_video_deleted_while_defaults_are_set_leaves_no_dangling_row(house: House, turn: int) -> None:
    caller = await house.user(tokens=1000)
    look = await house.look(caller)
    goes, stays = [await house.create(caller, lookId=look.id) for _ in range(2)]
    assert await set_default_by_rest(house, caller, goes, look) is None
    requests = [set_default(house, caller, job, look) for job in (goes, stays) * 5 for set_default in SET_DEFAULT]
    requests.insert(turn * 5, DELETE[turn % 2](house, caller, goes))

    codes = await asyncio.gather(*requests)

    assert set(codes) <= {None, "VIDEO_JOB_NOT_FOUND", "VIDEO_NOT_IN_LOOK"}
    assert codes[turn * 5] is None
    left = await links(house, look)
    assert list(left) == [stays]


async def test_twenty_cancellations_of_a_waiting_job_refund_it_once(house: House) -> None:
    caller = await house.user()
    job_id = await house.create(caller)

    codes = await asyncio.gather(*(CANCEL[turn % 2](house, caller, job_id) for turn in range(20)))

    assert set(codes) == {None}
    assert (await house.job(job_id)).status == VideoJobStatus.CANCELLED
    assert await refunded(house) == {UUID(job_id)}
    assert await house.tokens(caller) == 100


async def test_a_job_cancelled_while_a_worker_takes_it_is_either_refunded_or_made(house: House) -> None:
    callers = [await house.user() for _ in range(20)]
    jobs = [await house.create(caller) for caller in callers]
    generator = ScriptedGenerator()
    working = context(house, generator)

    races: list[Awaitable[Any]] = []
    for turn, (caller, job_id) in enumerate(zip(callers, jobs, strict=True)):
        pair: list[Awaitable[Any]] = [
            CANCEL[turn % 2](house, caller, job_id),
            generate(working, UUID(job_id)),
        ]
        races += pair if turn % 4 < 2 else reversed(pair)
    outcomes = await asyncio.gather(*races)

    assert set(outcomes) <= {None, "VIDEO_JOB_NOT_CANCELLABLE"}
    back = await refunded(house)
    assert back.isdisjoint(request.video_job_id for request in generator.submitted)
    for caller, job_id in zip(callers, jobs, strict=True):
        job = await house.job(job_id)
        never_started = job.status == VideoJobStatus.CANCELLED and job.submission == Submission.NEW
        assert job.status in (VideoJobStatus.CANCELLED, VideoJobStatus.SUCCEEDED)
        assert (job.id in back) == never_started
        assert await house.tokens(caller) == (100 if never_started else 50)


@pytest.mark.parametrize("ended", [False, True], ids=["in progress", "ended"])
async def test_ten_deletions_of_a_job_delete_it_once(house: House, *, ended: bool) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    if ended:
        await generate(context(house, ScriptedGenerator()), UUID(job_id))

    codes = await asyncio.gather(*(DELETE[turn % 2](house, caller, job_id) for turn in range(10)))

    assert None in codes
    assert set(codes) <= {None, "VIDEO_JOB_NOT_FOUND"}
    assert await house.count(VideoJob.id == UUID(job_id)) == 0
    assert await refunded(house) == (set() if ended else {UUID(job_id)})


async def test_a_look_deleted_while_videos_are_created_for_it_is_shown_or_refused(house: House) -> None:
    callers = [await house.user(tokens=150) for _ in range(8)]
    looks = [await house.look(caller) for caller in callers]

    async def race(turn: int, caller: Caller, look: LookRow) -> list[Answer]:
        wires = (RestWire(house), GraphQLWire(house), RestWire(house))
        creations: list[Awaitable[Any]] = [wire.create(caller, lookId=str(look.id)) for wire in wires]
        creations.insert(turn % 4, rest(house, caller, "DELETE", f"looks/{look.id}"))
        answers = await asyncio.gather(*creations)
        assert answers.pop(turn % 4) is None
        return answers

    answers = await asyncio.gather(*(race(turn, *pair) for turn, pair in enumerate(zip(callers, looks, strict=True))))

    for caller, of_caller in zip(callers, answers, strict=True):
        assert {answer.code for answer in of_caller} <= {None, "INVALID_LOOK"}
        made = sum(answer.job is not None for answer in of_caller)
        assert made == await house.count(VideoJob.user_id == caller.user_id) == await house.charges(caller)
        assert await house.tokens(caller) == 150 - 50 * made
    assert await house.count(table=LookVideo) == 0


async def test_a_job_deleted_while_its_key_is_used_again_is_replayed_or_refused_but_not_made_anew(house: House) -> None:
    callers = [await house.user(tokens=1000) for _ in range(8)]

    async def race(turn: int, caller: Caller) -> list[Answer]:
        first = await house.create(caller, lookId=(await house.look(caller)).id)
        await cancel_by_rest(house, caller, first)
        keyed = (await RestWire(house).create(caller, idempotencyKey="again")).job
        assert keyed is not None
        wires = (RestWire(house), GraphQLWire(house)) * 3
        requests: list[Awaitable[Any]] = [wire.create(caller, idempotencyKey="again") for wire in wires]
        requests.insert(turn % 7, DELETE[turn % 2](house, caller, keyed["id"]))
        answers = await asyncio.gather(*requests)
        assert answers.pop(turn % 7) is None
        return answers

    answers = await asyncio.gather(*(race(turn, caller) for turn, caller in enumerate(callers)))

    for caller, of_caller in zip(callers, answers, strict=True):
        assert {answer.code for answer in of_caller} <= {None, "VIDEO_JOB_DELETED"}
        assert all(answer.replayed for answer in of_caller if answer.job)
        active = await house.count(VideoJob.user_id == caller.user_id, VideoJob.status == VideoJobStatus.PENDING)
        assert (active, await house.tokens(caller)) == (0, 1000)


async def test_a_video_linked_while_its_job_is_deleted_is_refused(house: House) -> None:
    caller = await house.user()
    look = await house.look(caller)
    job_id = await house.create(caller)
    ids = {"videoJobId": job_id, "lookId": str(look.id)}

    async with house.database.transaction() as session:
        await video_jobs.delete(session, caller, UUID(job_id))
        linking = asyncio.create_task(
            mutate(house, caller, "linkVideoToLook", "LookVideoInput", "look { videos { id } }", **ids)
        )
        await until_somebody_waits(house)

    assert await linking == "VIDEO_JOB_NOT_FOUND"
    assert await links(house, look) == {}


@pytest.mark.parametrize("change", [video_jobs.cancel, video_jobs.delete])
async def test_a_job_that_fails_with_a_refund_while_its_owner_ends_it_meets_no_deadlock(
    house: House, change: Callable[..., Awaitable[Any]]
) -> None:
    caller = await house.user()
    job_id = UUID(await house.create(caller))
    async with house.database.transaction() as session:
        running = await generation.take(session, await house.job(job_id), uuid4())

    async def fail() -> None:
        with suppress(generation.VideoJobChanged):
            async with house.database.transaction() as session:
                await generation.fail(session, running, "STOP", "Stopped by the test", refund=True)

    with suppress(Refusal):
        async with house.database.transaction() as session:
            await ledger.lock(session, caller.user_id)
            failing = asyncio.create_task(fail())
            await until_somebody_waits(house)
            await change(session, caller, job_id)
    await failing

    assert await house.tokens(caller) == (100 if await refunded(house) else 50)
