"""Many jobs that wait: workers share them, none holds more than it may, and a stopping one gives back what it holds."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from operator import le
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pgqueuer import Queries
from pgqueuer.models import Job
from sqlalchemy import insert, select, text

from app.settings import Settings
from db import queue
from db.enums import VideoJobStatus
from db.tables import VideoJob
from tests.app.forks import EXIT_SECONDS
from tests.house import House, eventually
from tests.worker.processes import worker_process
from tests.workers import at_work
from worker.troubles import FULL_SECONDS

PICKED = text(
    "SELECT queue_manager_id, count(*) AS jobs FROM pgqueuer WHERE status = 'picked' GROUP BY queue_manager_id"
)


async def backlog(house: House, jobs: int) -> None:
    """Let so many mock jobs of one user wait, more than the API would let one have."""
    user_id = (await house.user()).user_id
    row = {"user_id": user_id, "prompt": "The model turns slowly", "model": "veo-3.1-generate-preview"}
    row |= {"resolution": "720p", "aspect_ratio": "16:9", "duration_seconds": 8, "generate_audio": False}
    row |= {"mock_mode": True, "status_message": "Waiting for a worker (Mock Mode)", "tokens_consumed": 50}
    ids = [uuid4() for _ in range(jobs)]
    async with house.database.session() as session:
        await session.execute(insert(VideoJob), [row | {"id": id_} for id_ in ids])
    async with house.database.transaction() as transaction:
        await queue.enqueue(transaction, ids)


async def held(house: House) -> dict[UUID, int]:
    """Count the jobs that each worker holds."""
    async with house.database.session() as session:
        rows = await session.execute(PICKED)
        return {row.queue_manager_id: row.jobs for row in rows}


@asynccontextmanager
async def watched(house: House) -> AsyncIterator[Counter[UUID]]:
    """Keep what each worker held at most."""
    most: Counter[UUID] = Counter()

    async def watch() -> None:
        while True:
            for worker, count in (await held(house)).items():
                most[worker] = max(most[worker], count)
            await asyncio.sleep(0.03)

    task = asyncio.create_task(watch())
    try:
        yield most
    finally:
        task.cancel()


@pytest.mark.parametrize("most_jobs", [2, 3, 5])
@pytest.mark.usefixtures("hurried")
async def test_two_workers_share_a_backlog_and_neither_holds_more_than_it_may(
    house: House, settings: Settings, most_jobs: int
) -> None:
    limited = settings.model_copy(update={"generations_per_worker": most_jobs, "mock_seconds": 0.3})

    async with at_work(limited, house.database), at_work(limited, house.database), watched(house) as most:
        await backlog(house, 6 * most_jobs)
        await eventually(lambda: succeeded(house), lambda count: count == 6 * most_jobs)

    assert list(most.values()) == [most_jobs] * 2


async def succeeded(house: House) -> int:
    return await house.count(VideoJob.status == VideoJobStatus.SUCCEEDED)


async def test_a_worker_before_a_long_backlog_holds_its_share_and_ends_at_once(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    """The limit over all workers lets this one take everything."""
    changes = {"generations_at_once": 20_000, "generations_per_worker": 200, "mock_seconds": 3600.0}
    await backlog(house, 5_000)

    with worker_process(settings.model_copy(update=changes), tmp_path / "log") as worker:
        await eventually(lambda: running(house), lambda count: count >= 200)
        counts = [await held(house) for _ in range(20)]
        told_at = time.monotonic()
        code, log = await worker.stop()
        took_seconds = time.monotonic() - told_at

    assert {count for of_workers in counts for count in of_workers.values()} == {200}
    assert (code, "Traceback" in log) == (0, False), log
    assert took_seconds < EXIT_SECONDS
    assert await held(house) == {}
    async with house.database.session() as session:
        assert await session.scalar(select(text("count(*) FROM pgqueuer"))) == 5_000


async def running(house: House) -> int:
    return await house.count(VideoJob.status == VideoJobStatus.RUNNING)


async def test_a_worker_that_may_take_none_does_not_look_at_each_that_comes(
    house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    dequeue = Queries.dequeue

    async def looked(*arguments: Any, **values: Any) -> list[Job]:
        looks.append(time.monotonic())
        return await dequeue(*arguments, **values)

    monkeypatch.setattr(Queries, "dequeue", looked)
    full = settings.model_copy(update={"generations_at_once": 1, "mock_seconds": 3600.0})
    async with at_work(full, house.database):
        await backlog(house, 2)
        await eventually(lambda: running(house), bool)
        before = len(looks)
        for number in range(1, 4):
            await backlog(house, 1)
            await eventually(partial(number_of, looks), partial(le, before + number))

    assert all(later - earlier >= FULL_SECONDS for earlier, later in pairwise(looks[before:]))


async def number_of(looks: list[float]) -> int:
    return len(looks)
