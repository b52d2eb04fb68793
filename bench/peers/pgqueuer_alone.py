"""PgQueuer with jobs that do nothing, set as our workers set it: what taking and ending a job costs by itself."""

import asyncio
import os

import asyncpg
import uvloop
from pgqueuer import AsyncpgDriver, PgQueuer
from pgqueuer.models import Job

from db.queue import GENERATE_VIDEO
from worker.service import BATCH, DEQUEUE_TIMEOUT, HEARTBEAT_TIMEOUT


async def run() -> None:
    """Work until killed."""
    pgqueuer = PgQueuer(AsyncpgDriver(await asyncpg.connect()))

    @pgqueuer.entrypoint(GENERATE_VIDEO, concurrency_limit=int(os.environ["GENERATIONS_AT_ONCE"]))
    async def nothing(_job: Job) -> None:
        """Be done."""

    most = int(os.environ["GENERATIONS_PER_WORKER"])
    await pgqueuer.run(
        dequeue_timeout=DEQUEUE_TIMEOUT,
        batch_size=min(BATCH, most // 2),
        max_concurrent_tasks=most,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
    )


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
