"""Three API processes and three workers on one PostgreSQL, of which one each is killed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from auth.caller import Caller
from db.enums import LedgerEntryKind, VideoJobStatus
from db.tables import LedgerEntry, VideoJob
from tests.app.forks import Forked, api, quick_worker
from tests.app.processes import environment
from tests.house import House, eventually
from tests.test_following import ENDED, LOST, Followers, State

EACH = 3
JOBS_EACH = 4
WAYS = ("websocket", "rest_events", "long_poll", "poll")


@dataclass
class Fleet:
    """The processes, and the house as it is seen through each API process."""

    apis: list[Forked]
    workers: list[Forked]
    houses: list[House]


@dataclass
class Followed:
    caller: Caller
    job_id: str
    states: list[State] = field(default_factory=list)


@contextmanager
def forked(house: House, folder: Path) -> Iterator[tuple[list[Forked], list[Forked]]]:
    settings = {
        "DATABASE_URL": house.settings.database_url,
        "JWT_SECRET_KEY": house.settings.jwt_secret_key,
        "DATA_DIR": house.settings.data_dir,
        "MOCK_SECONDS": 3,
        # So that each has some of the jobs.
        "GENERATIONS_PER_WORKER": JOBS_EACH,
    }
    apis, workers = (
        [Forked(target, environment(settings), folder / f"{target.__name__}-{number}.log") for number in range(EACH)]
        for target in (api, quick_worker)
    )
    try:
        yield apis, workers
    finally:
        for process in (*apis, *workers):
            process.kill()


@asynccontextmanager
async def fleet(house: House, folder: Path) -> AsyncIterator[Fleet]:
    async def ready() -> bool:
        return all("startup complete" in each.log for each in apis) and all(
            "Waiting for" in each.log for each in workers
        )

    with forked(house, folder) as (apis, workers):
        await eventually(ready, bool)
        ports = [int(each.log.split()[0]) for each in apis]
        opened = [House.opened(house.settings, house.database, f"http://127.0.0.1:{port}") for port in ports]
        async with AsyncExitStack() as stack:
            yield Fleet(apis, workers, [await stack.enter_async_context(each) for each in opened])


async def follow(job: Followed, houses: list[House], number: int) -> None:
    """Follow to the end at one process after another, beginning with one that did not create the job."""
    for house in cycle(houses[number:] + houses[:number]):
        stream = getattr(Followers(house, job.caller, job.job_id), WAYS[number % len(WAYS)])
        with suppress(*LOST):
            async for state in stream(job.states[-1]["version"] if job.states else 0):
                if not job.states or state["version"] > job.states[-1]["version"]:
                    job.states.append(state)
                if state["status"] in ENDED:
                    return
        await asyncio.sleep(0.05)


async def running(house: House) -> int:
    return await house.count(VideoJob.status == VideoJobStatus.RUNNING)


async def runs(house: House) -> dict[UUID, UUID | None]:
    async with house.database.session() as session:
        return {row.id: row.run_id for row in await session.execute(select(VideoJob.id, VideoJob.run_id))}


async def test_a_fleet_of_three_and_three_loses_nothing_and_does_nothing_twice(house: House, tmp_path: Path) -> None:
    async with fleet(house, tmp_path) as there, asyncio.timeout(60):
        callers = [await house.user() for _ in range(EACH * JOBS_EACH)]
        ids = await asyncio.gather(*(at.create(who) for who, at in zip(callers, cycle(there.houses), strict=False)))
        jobs = [Followed(caller, job_id) for caller, job_id in zip(callers, ids, strict=True)]
        following = [asyncio.create_task(follow(job, there.houses, number + 1)) for number, job in enumerate(jobs)]
        await eventually(lambda: running(house), lambda number: number == len(jobs))
        before = await runs(house)
        there.workers[0].kill()
        there.apis[0].kill()
        await asyncio.gather(*following)
        after = await runs(house)

    assert sum(after[job_id] != run for job_id, run in before.items()) >= JOBS_EACH, "what the killed worker had"
    for job in jobs:
        row = await house.job(job.job_id)
        versions = [state["version"] for state in job.states]
        assert (row.status, job.states[-1]["status"], versions) == ("SUCCEEDED", "SUCCEEDED", sorted(set(versions)))
        assert (house.settings.media_folder / f"{job.job_id}.mp4").exists()
        assert (await house.tokens(job.caller), await house.charges(job.caller)) == (50, 1)
    assert await house.count(LedgerEntry.kind == LedgerEntryKind.CHARGE, table=LedgerEntry) == len(jobs)
    assert await house.count() == len(jobs)
