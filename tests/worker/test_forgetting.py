"""What an operator wants forgotten is, and nothing else: off by default, a batch at a time."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from auth.caller import Caller
from db.tables import AuditEntry, FileRemoval, LedgerEntry, LookVideo, VideoJob, VideoJobLog
from resolvers.retention import Retention
from tests.house import House
from tests.rest_compat.event_stream import following
from tests.worker.scripted import ScriptedGenerator
from tests.worker.test_generate import context
from worker.context import WorkerContext
from worker.housekeeping import forget

MONTH = timedelta(days=30)
ENDED = """
UPDATE video_jobs SET status = 'SUCCEEDED', cloudinary_url = '/media/' || id || '.mp4', progress_percentage = 100,
    created_at = now() - CAST(:age AS interval) - interval '1 hour', completed_at = now() - CAST(:age AS interval)
WHERE id = :id"""
OLD_LINES = "UPDATE video_job_logs SET timestamp = now() - CAST(:age AS interval) WHERE video_job_id = :id"
ACT = """
INSERT INTO audit_log (id, action, actor, created_at)
VALUES (:id, 'DELETE_VIDEO_JOB', 'OPERATOR', now() - CAST(:age AS interval))
"""


def keeping(house: House, **kept: timedelta | None) -> WorkerContext:
    working = context(house, ScriptedGenerator())
    return WorkerContext(**{**vars(working), "retention": Retention(**kept)})


async def run(house: House, statement: str, **values: Any) -> Any:
    async with house.database.session() as session:
        return await session.execute(text(statement), values)


async def ended(house: House, caller: Caller, age: timedelta, **fields: Any) -> UUID:
    job_id = UUID(await house.create(caller, **fields))
    await run(house, ENDED, id=job_id, age=age)
    await run(house, OLD_LINES, id=job_id, age=age)
    return job_id


async def test_by_default_only_the_queue_forgets(house: House) -> None:
    job_id = await ended(house, await house.user(), 100 * MONTH)
    await run(house, "UPDATE pgqueuer_log SET created = now() - interval '2 d'")
    await run(
        house,
        "INSERT INTO pgqueuer_statistics (priority, created, count, status, entrypoint)"
        " VALUES (0, now() - interval '2 d', 1, 'successful', 'e'), (0, now(), 1, 'successful', 'e')",
    )

    await forget(keeping(house))

    counts = await run(house, "SELECT (SELECT count(*) FROM pgqueuer_log), (SELECT count(*) FROM pgqueuer_statistics)")
    assert tuple(counts.one()) == (0, 1)
    assert await house.count(VideoJob.id == job_id) == 1
    assert await house.count(VideoJobLog.video_job_id == job_id, table=VideoJobLog) == 1
    await run(house, "DELETE FROM pgqueuer_statistics")


async def test_jobs_go_with_what_is_theirs_and_the_ledger_stays(house: House) -> None:
    caller = await house.user(tokens=300)
    look = await house.look(caller)
    gone = await ended(house, caller, 2 * MONTH, lookId=look.id)
    young = await ended(house, caller, MONTH / 2)
    waiting = UUID(await house.create(caller))
    for old in (young, waiting):  # it is kept from its end, not from when it was asked for
        await run(house, "UPDATE video_jobs SET created_at = now() - interval '1 year' WHERE id = :id", id=old)
    linked = await house.count(LookVideo.video_job_id == gone, table=LookVideo)

    async with following(house, caller, str(gone)) as stream:
        await stream.until("status")
        await forget(keeping(house, jobs=MONTH))
        last = await stream.rest()

    answer = await house.http.get(f"/api/v1/video-jobs/{gone}", headers=house.headers(caller))
    assert answer.status_code == 404
    assert last == []
    assert {job.id for job in (await jobs_of(house))} == {young, waiting}
    assert linked == 1
    assert await house.count(LookVideo.video_job_id == gone, table=LookVideo) == 0
    assert await house.count(VideoJobLog.video_job_id == gone, table=VideoJobLog) == 0
    assert await house.count(FileRemoval.address == f"/media/{gone}.mp4", table=FileRemoval) == 1
    assert await house.count(LedgerEntry.video_job_id == gone, table=LedgerEntry) == 1
    told = await run(house, "SELECT user_id FROM video_job_deletions WHERE video_job_id = :id", id=gone)
    assert told.scalar_one() == caller.user_id


async def jobs_of(house: House) -> list[Any]:
    return list(await run(house, "SELECT id FROM video_jobs"))


async def test_lines_and_acts_go_by_their_own_age(house: House) -> None:
    caller = await house.user(tokens=300)
    old, young = await ended(house, caller, 2 * MONTH), await ended(house, caller, timedelta(0))
    for age in (2 * MONTH, timedelta(0)):
        await run(house, ACT, id=uuid4(), age=age)

    await forget(keeping(house, job_logs=MONTH, audit=MONTH))

    lines = await run(house, "SELECT video_job_id FROM video_job_logs")
    assert list(lines.scalars()) == [young]
    assert await house.count(table=AuditEntry) == 1
    assert await house.count(VideoJob.id == old) == 1


async def test_it_goes_on_batch_after_batch_and_waits_for_nobody(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("resolvers.retention.JOBS", 2)
    caplog.set_level("INFO", "lookreel.worker")
    caller = await house.user(tokens=300)
    jobs = [await ended(house, caller, 2 * MONTH) for _ in range(6)]

    async with house.database.transaction() as holder:
        await holder.send("SELECT FROM video_jobs WHERE id = $1 FOR UPDATE", jobs[0])
        await forget(keeping(house, jobs=MONTH))

    assert [job.id for job in await jobs_of(house)] == [jobs[0]]
    assert [record.getMessage() for record in caplog.records] == ["Deleted 5 video jobs that were kept for long enough"]


async def test_two_workers_that_both_take_it_for_theirs_do_nothing_twice(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("resolvers.retention.JOBS", 2)
    caplog.set_level("INFO", "lookreel.worker")
    caller = await house.user(tokens=300)
    jobs = {await ended(house, caller, 2 * MONTH) for _ in range(6)}
    working = keeping(house, jobs=MONTH, job_logs=MONTH)

    await asyncio.gather(forget(working), forget(working))

    counts = [record.args for record in caplog.records if "video jobs" in record.getMessage()]
    assert sum(count for count, _ in counts) == len(jobs)  # type: ignore[misc]
    assert await jobs_of(house) == []
    videos = FileRemoval.address.in_([f"/media/{job_id}.mp4" for job_id in jobs])
    assert await house.count(videos, table=FileRemoval) == len(jobs)
