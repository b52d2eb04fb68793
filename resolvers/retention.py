"""What an operator wants forgotten after a while (decision 46). The ledger, and what generations cost, never are."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from db import retention
from db.engine.statements import Writer
from resolvers import video_jobs

# Rows of one transaction. Jobs have logs, links and files that go with them.
JOBS = 200
ROWS = 2000

Batch = Callable[[Writer], Awaitable[int]]
"""Deletes one batch; returns how many rows there were."""


@dataclass(frozen=True)
class Retention:
    """For how long things are kept: jobs from their end, everything else from when it was written; None for ever."""

    jobs: timedelta | None = None
    job_logs: timedelta | None = None
    queue_statistics: timedelta | None = timedelta(days=1)
    audit: timedelta | None = None

    def batches(self) -> Iterator[tuple[str, int, Batch]]:
        """Yield what is to be deleted by name, with how many rows are a full batch, and what deletes one."""
        for name, statement, age in (
            ("lines of jobs' logs", retention.JOB_LOGS, self.job_logs),
            ("lines of the queue's log", retention.QUEUE_LOG, self.queue_statistics),
            ("counts of the queue", retention.QUEUE_STATISTICS, self.queue_statistics),
            ("entries of the audit log", retention.AUDIT, self.audit),
        ):
            if age is not None:
                yield name, ROWS, partial(retention.prune, oldest=statement, age=age, limit=ROWS)
        if self.jobs is not None:
            yield "video jobs", JOBS, partial(_remove_jobs, age=self.jobs)


async def _remove_jobs(writer: Writer, age: timedelta) -> int:
    jobs = await retention.ended_jobs(writer, age, limit=JOBS)
    if jobs:
        await video_jobs.remove(writer, jobs)
    return len(jobs)
