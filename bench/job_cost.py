"""What a mock video costs: processor time of the workers and of PostgreSQL, and statements.

Processor time is read from the processes, so a busy machine changes little. Starting a worker is not part of it: the
first jobs are made before anything is read.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import psutil
from sqlalchemy import text

from bench.creation_script import ENTRY, LOGGING, NOT_LOGGING, STATEMENT, log_of, read_from, tell
from bench.data import settle
from bench.figures import Comparison, Effort, Failed, Section, at_most
from bench.harness import Harness, postgres_seconds
from bench.in_flight import add_jobs, without_jobs, worker
from bench.load import cpu_seconds
from bench.report import number
from db.engine.limits import UNLIMITED
from tests.inspected import InspectedDatabase

NAME = "job_cost"
# As a worker is set by default, but twice as fast.
SETTINGS = {"GENERATIONS_AT_ONCE": 100, "GENERATIONS_PER_WORKER": 200, "MOCK_SECONDS": 4}
# For each worker: each of its connections has then sent each statement more often than the server plans it anew.
FIRST_JOBS = 150
PORTION = 5000
LOOK_SECONDS = 0.25
MOST_SECONDS = 180.0
WORKER_MS, SERVER_MS, STATEMENTS = at_most(25), at_most(6), at_most(25)
PEER_TIMES = 100
PEER = "bench.peers.pgqueuer_alone"
ALONE = "PgQueuer alone, jobs that do nothing"


class Case(NamedTuple):
    """How many workers make jobs, and how many wait behind those that are measured."""

    workers: int
    waiting: int
    module: str = "app.worker"

    def __str__(self) -> str:
        workers = "one worker" if self.workers == 1 else f"{self.workers} workers"
        return f"{workers}, {self.waiting:,} waiting"


class Used(NamedTuple):
    """Seconds of processor time: of the workers, of PostgreSQL; and when that was."""

    workers: float
    server: float
    at: float


class Cost(NamedTuple):
    """Milliseconds of processor time of a job, and jobs a second."""

    worker: float
    server: float
    rate: float


async def measure(harness: Harness, effort: Effort) -> Section:
    """Make as many jobs in each case."""
    section = Section(
        "Cost of a job",
        f"{effort.jobs:,} mock jobs in each case, each takes {SETTINGS['MOCK_SECONDS']} s, "
        f"{SETTINGS['GENERATIONS_AT_ONCE']} at once.",
    )
    rows = ["| case | worker | PostgreSQL | jobs a second |", "| --- | --- | --- | --- |"]
    for case in (*(Case(*case) for case in effort.job_cases), Case(1, 0, PEER)):
        cost = await _cost(harness, case, effort.jobs * (PEER_TIMES if case.module == PEER else 1))
        name = ALONE if case.module == PEER else str(case)
        rows.append(f"| {name} | {number(cost.worker)} ms | {number(cost.server)} ms | {number(cost.rate)} |")
        if case.module != PEER:
            section.comparisons += [
                Comparison(f"worker's CPU a mock job, {case}", "", "ms", [(cost.worker, 1.0)], WORKER_MS),
                Comparison(f"PostgreSQL's CPU a mock job, {case}", "", "ms", [(cost.server, 1.0)], SERVER_MS),
            ]
    sent = await _statements(harness, effort.jobs)
    section.comparisons.append(Comparison("statements a mock job", "", "", [(sent, 1.0)], STATEMENTS))
    section.notes.append("\n".join(rows))
    return section


async def _cost(harness: Harness, case: Case, jobs: int) -> Cost:
    async with _at_work(harness, case, jobs) as (database, workers):
        begin = _used(harness, workers)
        first = await _ended(database)
        await _until(database, FIRST_JOBS * case.workers + jobs)
        end = _used(harness, workers)
        made = await _ended(database) - first
    seconds = end.at - begin.at
    return Cost((end.workers - begin.workers) / made * 1000, (end.server - begin.server) / made * 1000, made / seconds)


async def _statements(harness: Harness, jobs: int) -> float:
    """Return how many statements reach the server for a job, those of maintenance among them."""
    log = log_of(harness)
    async with _at_work(harness, Case(1, 0), jobs) as (database, _):
        await tell(harness, LOGGING)
        begin, first = log.stat().st_size, await _ended(database)
        await _until(database, FIRST_JOBS + jobs)
        written = read_from(log, begin)
        made = await _ended(database) - first
        await tell(harness, NOT_LOGGING)
    ours = [sent for _, _, line in ENTRY.findall(written) if (sent := STATEMENT.fullmatch(line))]
    return sum(COUNT not in sent[1] for sent in ours) / made


@asynccontextmanager
async def _at_work(
    harness: Harness, case: Case, jobs: int
) -> AsyncIterator[tuple[InspectedDatabase, Sequence[psutil.Process]]]:
    """Let workers make the first jobs."""
    async with without_jobs(harness, NAME) as database, AsyncExitStack() as running:
        # As many are in progress in the end as in the beginning.
        last = FIRST_JOBS * case.workers + jobs + SETTINGS["GENERATIONS_AT_ONCE"] + case.waiting
        for first in range(1, last + 1, PORTION):
            await add_jobs(database, first, min(first + PORTION - 1, last))
        # Autovacuum would look through all of them while others are made.
        async with database.raw_connection(UNLIMITED) as connection:
            await settle(connection)
        workers = [
            await running.enter_async_context(worker(harness, NAME, SETTINGS, case.module)) for _ in range(case.workers)
        ]
        await _until(database, FIRST_JOBS * case.workers)
        yield database, workers


COUNT = "count(*) FROM pgqueuer_log WHERE status = 'successful'"


async def _ended(database: InspectedDatabase) -> int:
    async with database.session() as session:
        return int(await session.scalar(text(f"SELECT {COUNT}")) or 0)


async def _until(database: InspectedDatabase, number: int) -> None:
    """Wait until so many jobs have ended.

    Raises:
        Failed: it takes too long.

    """
    deadline = time.monotonic() + MOST_SECONDS
    while (ended := await _ended(database)) < number:
        if time.monotonic() > deadline:
            raise Failed(f"Only {ended:,} of {number:,} jobs have ended after {MOST_SECONDS:.0f} s")
        await asyncio.sleep(LOOK_SECONDS)


def _used(harness: Harness, workers: Sequence[psutil.Process]) -> Used:
    by_workers = sum(cpu_seconds(process.pid) for process in workers)
    return Used(by_workers, postgres_seconds(harness.folder), time.monotonic())
