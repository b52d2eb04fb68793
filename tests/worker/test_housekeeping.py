"""What a worker does beside its jobs."""

import asyncio
import os
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, text

from db import file_removals, queue
from db.tables import FileRemoval, IdempotencyKey, VideoJobDeletion, Worker
from resolvers.ports import StorageUnavailable
from tests.house import House, eventually
from tests.worker.scripted import ScriptedGenerator, ScriptedStorage
from tests.worker.test_generate import context
from worker.context import WorkerContext
from worker.housekeeping import (
    SCRATCH_SECONDS,
    by_first,
    give_sign_of_life,
    prune,
    reconcile,
    remove_files,
    renew_statistics,
    run_maintenance,
)

FILES = ["https://images.example/a.png", "https://images.example/b.png"]
LATER = "https://images.example/later.png"


async def schedule(house: House) -> None:
    async with house.database.transaction() as session:
        await file_removals.schedule(session, FILES)
        await file_removals.schedule_unless_owned(session, [LATER])


async def test_files_are_removed_when_their_time_has_come(house: House) -> None:
    storage = ScriptedStorage()
    await schedule(house)

    await remove_files(context(house, ScriptedGenerator(), storage))

    assert sorted(storage.deleted) == FILES
    assert await house.count(FileRemoval.address == LATER, table=FileRemoval) == 1
    assert await house.count(table=FileRemoval) == 1


async def test_a_removal_that_fails_is_put_off_and_tried_again(house: House) -> None:
    storage = ScriptedStorage([StorageUnavailable("down")])
    working = context(house, ScriptedGenerator(), storage)
    await schedule(house)

    await remove_files(working)
    failed = FileRemoval.failures == 1
    defer = await house.count(failed, FileRemoval.due_at > func.now(), table=FileRemoval)
    async with house.database.session() as session:
        await session.execute(text("UPDATE file_removals SET due_at = now() WHERE failures = 1"))
    await remove_files(working)

    assert defer == 1
    assert sorted(storage.deleted) == FILES


@pytest.mark.parametrize(("failures", "minutes"), [(0, 0.5), (1, 1), (9, 256), (10, 360), (99, 360)])
async def test_a_removal_that_fails_again_waits_twice_as_long_and_six_hours_at_most(
    house: House, failures: int, minutes: float
) -> None:
    await schedule(house)
    async with house.database.session() as session:
        await session.execute(text("UPDATE file_removals SET failures = :failures"), {"failures": failures})
    working = context(house, ScriptedGenerator(), ScriptedStorage([StorageUnavailable("down")] * 2))

    await remove_files(working)

    late, latest = (func.now() + timedelta(minutes=minutes / part) for part in (2, 1))
    is_put_off = FileRemoval.due_at.between(late, latest)
    assert await house.count(FileRemoval.failures == failures + 1, is_put_off, table=FileRemoval) == len(FILES)


async def test_more_than_a_batch_is_removed_in_one_go(house: House) -> None:
    storage = ScriptedStorage()
    async with house.database.transaction() as session:
        await file_removals.schedule(session, [f"https://images.example/{number}.png" for number in range(120)])

    await remove_files(context(house, ScriptedGenerator(), storage))

    assert len(set(storage.deleted)) == len(storage.deleted) == 120


async def test_two_workers_do_not_take_the_same_file(house: House) -> None:
    await schedule(house)

    async with house.database.transaction() as one, house.database.transaction() as other:
        first = await file_removals.claim_due(one, limit=1, lease=file_removals.UNOWNED_FILES_LAST)
        second = await file_removals.claim_due(other, limit=9, lease=file_removals.UNOWNED_FILES_LAST)

    assert sorted(found.address for found in first + second) == FILES


async def test_old_keys_and_scratch_files_are_pruned_and_young_ones_stay(house: House) -> None:
    caller = await house.user(tokens=200)
    for key in ("old", "young"):
        answer = await house.http.post(
            "/graphql",
            json={"query": CREATE, "variables": {"key": key}},
            headers=house.headers(caller),
        )
        assert answer.json()["data"]["createVideoJob"]["errors"] == []
    scratch = house.settings.scratch_folder
    scratch.mkdir(parents=True, exist_ok=True)
    old, young = scratch / "old.mp4", scratch / "young.mp4"
    for file in (old, young):
        file.write_bytes(b"video")
    os.utime(old, (time.time() - SCRATCH_SECONDS - 10,) * 2)
    async with house.database.session() as session:
        await session.execute(
            text("UPDATE idempotency_keys SET created_at = now() - interval '25 h' WHERE key = 'old'")
        )
        # What it made is not made again for a whole day.
        await session.execute(
            text("UPDATE idempotency_keys SET created_at = now() - interval '23 h' WHERE key = 'young'")
        )

    await prune(context(house, ScriptedGenerator()))

    assert await house.count(IdempotencyKey.key == "young", table=IdempotencyKey) == 1
    assert await house.count(table=IdempotencyKey) == 1
    assert (old.exists(), young.exists()) == (False, True)
    young.unlink()


async def test_deletions_are_remembered_for_as_long_as_a_follower_may_be_away(house: House) -> None:
    caller, young, old = await house.user(), uuid4(), uuid4()
    async with house.database.session() as session:
        for job_id, age in ((young, "7 d 30 s"), (old, "7 d 90 s")):
            await session.execute(
                text(
                    "INSERT INTO video_job_deletions (video_job_id, user_id, deleted_at)"
                    " VALUES (:job, :user, now() - CAST(CAST(:age AS text) AS interval))"
                ),
                {"job": job_id, "user": caller.user_id, "age": age},
            )

    await prune(context(house, ScriptedGenerator()))

    assert await house.count(VideoJobDeletion.video_job_id == young, table=VideoJobDeletion) == 1
    assert await house.count(table=VideoJobDeletion) == 1


async def test_workers_and_what_the_storage_has_left_over_are_pruned(house: House) -> None:
    young, old, storage = uuid4(), uuid4(), ScriptedStorage()
    async with house.database.session() as session:
        for worker_id, hours in ((young, 23), (old, 25)):
            seen = {"id": worker_id, "hours": hours}
            statement = "INSERT INTO workers VALUES (:id, now(), now() - :hours * interval '1 h')"
            await session.execute(text(statement), seen)

    await prune(context(house, ScriptedGenerator(), storage))

    assert await house.count(Worker.id == young, table=Worker) == 1
    assert await house.count(table=Worker) == 1
    assert storage.pruned == [SCRATCH_SECONDS]


async def test_an_active_job_without_a_place_in_the_queue_gets_one(house: House) -> None:
    job_id = UUID(await house.create(await house.user()))
    async with house.database.session() as session:
        await session.execute(text("DELETE FROM pgqueuer"))

    await reconcile(context(house, ScriptedGenerator()))
    await reconcile(context(house, ScriptedGenerator()))

    async with house.database.session() as session:
        queued = (await session.execute(text("SELECT dedupe_key FROM pgqueuer"))).scalars().all()
    assert queued == [str(job_id)]


async def test_one_of_the_workers_that_are_alive_does_what_one_does_for_all(house: House) -> None:
    contexts = [replace(context(house, ScriptedGenerator()), worker_id=UUID(int=number)) for number in (1, 2, 3)]
    done: list[UUID] = []

    async def chore(working: WorkerContext) -> None:
        done.append(working.worker_id)

    async def all_try() -> list[UUID]:
        done.clear()
        for working in contexts:
            await by_first(chore)(working)
        return list(done)

    for working in contexts:
        await give_sign_of_life(working)
    alive = await all_try()
    async with house.database.session() as session:
        await session.execute(text("UPDATE workers SET seen_at = now() - interval '16 s'"))
    await give_sign_of_life(contexts[1])

    assert alive == [UUID(int=1)]
    # The first one, which is cut off from the queue, and the one that stands in for it.
    assert await all_try() == [UUID(int=1), UUID(int=2)]


CREATE = """mutation ($key: String) { createVideoJob(input: { prompt: "She turns", model: "veo-3.1-generate-preview",
  resolution: "720p", aspectRatio: "16:9", mockMode: true, idempotencyKey: $key }) { errors { __typename } } }"""


async def test_the_planner_is_told_of_a_queue_that_has_grown(house: House) -> None:
    working = context(house, ScriptedGenerator())

    async def known_rows() -> int:
        await renew_statistics(working)
        async with house.database.session() as session:
            return int(await session.scalar(text("SELECT reltuples FROM pg_class WHERE relname = 'pgqueuer'")) or 0)

    async with house.database.session() as session:
        await session.execute(text("ANALYZE pgqueuer"))
    before = await known_rows()
    async with house.database.transaction() as transaction:
        await queue.enqueue(transaction, [uuid4() for _ in range(queue.FEW_ROWS + 1)])

    assert await eventually(known_rows, lambda rows: rows > before) >= queue.FEW_ROWS
    async with house.database.session() as session:
        await session.execute(text("DELETE FROM pgqueuer"))


@pytest.mark.parametrize(
    "error",
    [OSError("gone"), KeyError("a fault of ours"), asyncio.CancelledError("a library's own")],
    ids=lambda error: type(error).__name__,
)
async def test_no_error_ends_a_chore(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    rounds = {"reconcile": 0, "remove_files": 0, "renew_statistics": 0, "prune": 0}

    def failing(name: str) -> Any:
        async def chore(_shop: WorkerContext) -> None:
            rounds[name] += 1
            raise error

        return chore

    for name in rounds:
        monkeypatch.setattr(f"worker.housekeeping.{name}", failing(name))
    for period in ("RECONCILE", "REMOVE", "STATISTICS", "PRUNE"):
        monkeypatch.setattr(f"worker.housekeeping.{period}_SECONDS", 0.01)

    async def fewest() -> int:
        return min(rounds.values())

    keeping = asyncio.create_task(run_maintenance(context(house, ScriptedGenerator())))
    await eventually(fewest, lambda number: number >= 3)
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping

    assert {record.getMessage().partition(",")[0] for record in caplog.records} == {
        "A fault of ours has stopped a chore (chore)"
    }
