"""Many mock generations in one worker at once, and what each of them keeps in memory."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import psutil
from sqlalchemy import func, select

from app.parent import SUPERVISED
from bench import data
from bench.figures import Comparison, Effort, Failed, Section, at_most
from bench.harness import Harness, launched
from bench.places import SERVER, pin
from db import queue
from db.engine.limits import UNLIMITED
from db.enums import Submission
from db.tables import VideoJob
from tests.inspected import InspectedDatabase

NAME = "in_flight"
# Nothing ends while it is looked at; a step's progress takes a fifth of it.
MOCK_SECONDS = 36_000
MOST_SECONDS = 600.0
# Over all that a worker loads but once.
FIRST_SHARE = 0.05
PORTION = 500
LOOK_SECONDS = 0.2
SETTLE_SECONDS = 3.0
ADD_JOBS = f"""
INSERT INTO video_jobs (id, user_id, prompt, model, resolution, aspect_ratio, duration_seconds, generate_audio,
    mock_mode, status_message, tokens_consumed)
SELECT {data.ID.format("n")}, {data.ID.format(f"1 + n % {data.USERS}")}, 'The model turns slowly in the evening light',
    'veo-3.1-generate-preview', '720p', '16:9', 8, false, true, 'Waiting for a worker (Mock Mode)', 50
FROM generate_series($1::bigint, $2::bigint) n
"""


async def measure(harness: Harness, effort: Effort) -> Section:
    """Hold a few, then many; the difference is what the many need."""
    section = Section("In flight", "Mock generations held by one worker; measured is its resident memory (RSS).")
    few = int(effort.flights * FIRST_SHARE)
    most = dict.fromkeys(("GENERATIONS_AT_ONCE", "GENERATIONS_PER_WORKER"), 2 * effort.flights)
    async with (
        without_jobs(harness, NAME) as database,
        worker(harness, NAME, most | {"MOCK_SECONDS": MOCK_SECONDS}) as process,
    ):
        began = time.monotonic()
        before = await _held(database, process, 1, few)
        after = await _held(database, process, few + 1, effort.flights)
        seconds = time.monotonic() - began
    kilobytes = (after - before) / (effort.flights - few) / 1024
    what = f"memory a job, {effort.flights:,} in flight"
    section.comparisons.append(Comparison(what, "", "KB", [(kilobytes, 1.0)], at_most(20)))
    section.notes.append(
        f"RSS {before / 2**20:.0f} MB with {few:,} in flight, {after / 2**20:.0f} MB with {effort.flights:,}; "
        f"all were in flight after {seconds:.0f} s."
    )
    return section


@asynccontextmanager
async def without_jobs(harness: Harness, name: str) -> AsyncIterator[InspectedDatabase]:
    """Make a database with users and nothing else; it goes afterwards."""
    await data.filled_beside(harness.database, name, 0)
    database = InspectedDatabase(harness.url(name).render_as_string(hide_password=False))
    try:
        yield database
    finally:
        await database.close()
        await data.drop(harness.database, name)


@asynccontextmanager
async def worker(
    harness: Harness, database: str, settings: Mapping[str, int], module: str = "app.worker"
) -> AsyncIterator[psutil.Process]:
    """Run a worker, and kill it afterwards: to hand thousands of jobs back would take long."""
    environment = harness.environment(database) | {SUPERVISED: "1"} | {key: str(n) for key, n in settings.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *launched(module)), env=environment, stdin=asyncio.subprocess.PIPE
    )
    pin(SERVER, process.pid)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        await process.wait()


async def _held(database: InspectedDatabase, worker: psutil.Process, first: int, last: int) -> int:
    """Let the worker take jobs, a portion at a time, until it holds them all; return its memory in bytes.

    Not all at once: those that wait for a database connection for too long would go back to the queue.

    Raises:
        Failed: it takes too long.

    """
    deadline = time.monotonic() + MOST_SECONDS
    for start in range(first, last + 1, PORTION):
        end = min(start + PORTION - 1, last)
        await add_jobs(database, start, end)
        while (held := await _in_flight(database)) < end:
            if time.monotonic() > deadline:
                raise Failed(f"Only {held:,} of {last:,} jobs were in flight after {MOST_SECONDS:.0f} s")
            await asyncio.sleep(LOOK_SECONDS)
    await asyncio.sleep(SETTLE_SECONDS)
    return int(worker.memory_info().rss)


async def add_jobs(database: InspectedDatabase, first: int, last: int) -> None:
    """Have the jobs of these numbers wait in the queue."""
    async with database.raw_connection(UNLIMITED) as connection:
        await connection.execute(ADD_JOBS, first, last)
    async with database.transaction() as session:
        await queue.enqueue(session, [data.numbered(n) for n in range(first, last + 1)])


async def _in_flight(database: InspectedDatabase) -> int:
    async with database.session() as session:
        query = select(func.count()).select_from(VideoJob).where(VideoJob.submission == Submission.SENT)
        return int(await session.scalar(query) or 0)
