"""What stops a worker's loops, told apart: an outage takes a line in the log, a fault of ours its traceback as well."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from pgqueuer import Queries
from pgqueuer.errors import FailingListenerError
from pgqueuer.models import Job
from pgqueuer.types import QueueEntrypoint

from db.engine.error_names import is_lost
from db.engine.errors import DatabaseUnavailable
from resolvers.ports import StorageUnavailable

# Classes of PostgreSQL's errors (its documentation, appendix A) that are about the server and the way to it: broken
# connections, refused credentials, a missing database, too few resources, an operator's intervention; and of class 25
# that it takes no changes, as a standby does.
_OUTAGES = ("08", "25006", "28", "3D", "53", "57")

# How long a slot may stay free while jobs wait for one; a small part of a video's time.
FULL_SECONDS = 1.0

logger = logging.getLogger("lookreel.worker")


class QueueIncomplete(Exception):
    """PgQueuer misses something in its tables; the message says what."""


def is_outage(error: Exception) -> bool:
    """Whether an error of the loop that reads the queue means that the database is not to be had."""
    named = isinstance(error, (DatabaseUnavailable, FailingListenerError)) or is_lost(error)
    return named or (getattr(error, "sqlstate", None) or "").startswith(_OUTAGES)


def report_queue(error: Exception, seconds: float) -> None:
    """Log what has ended the reading of the queue, which begins again after so many seconds."""
    if isinstance(error, QueueIncomplete):
        logger.error(
            "The queue is not set up as it has to be, trying again in %.0f s. Run `lookreel migrate`, as for each new "
            "release; where that changes nothing, do as PgQueuer says: %s",
            seconds,
            error,
        )
    elif is_outage(error):
        logger.warning("The queue cannot be reached, trying again in %.0f s: %s", seconds, error)
    else:
        logger.error("A fault of ours has stopped the queue, trying again in %.0f s", seconds, exc_info=error)


def report_chore(name: str, error: BaseException, seconds: float) -> None:
    """Log why something that a worker does beside its jobs was not done; it is tried again after so many seconds."""
    if isinstance(error, (DatabaseUnavailable, StorageUnavailable)):
        logger.warning("A chore was not done (%s), trying again in %.0f s: %s", name, seconds, error)
    else:
        logger.error("A fault of ours has stopped a chore (%s), trying again in %.0f s", name, seconds, exc_info=error)


@dataclass
class WatchedQueries(Queries):
    """Calls `on_failure` when no jobs can be taken: PgQueuer waits for those that it holds before it says so.

    While jobs wait that may not be taken yet, it looks again after a rest: PgQueuer wakes each worker at each change of
    the queue, and to find all slots taken costs the server as much as to take a job. Nor does it look once more right
    after it has taken all that there was: what has come since is found by `eligible_queued_work`.
    """

    on_failure: Callable[[], None] = lambda: None
    _looks_again_at: float = 0.0
    _has_taken_all: bool = False

    async def eligible_queued_work(self, entrypoints: list[QueueEntrypoint]) -> int:
        """See `pgqueuer.Queries`; asked after nothing could be taken."""
        waiting = await super().eligible_queued_work(entrypoints)
        self._looks_again_at = time.monotonic() + FULL_SECONDS if waiting else 0.0
        return waiting

    async def dequeue(self, batch_size: int, *arguments: Any, **values: Any) -> list[Job]:  # noqa: ANN401 - PgQueuer's own
        """See `pgqueuer.Queries`; a lost race for jobs is no failure."""
        if self._has_taken_all:
            self._has_taken_all = False
            return []
        await asyncio.sleep(self._looks_again_at - time.monotonic())
        try:
            jobs = await super().dequeue(batch_size, *arguments, **values)
        except Exception:
            self.on_failure()
            raise
        self._has_taken_all = 0 < len(jobs) < batch_size
        return jobs


@contextmanager
def quiet_about_loss(connection: asyncpg.Connection) -> Iterator[None]:
    """Keep PgQueuer from telling of a lost connection too, with a traceback for each job that the worker holds."""

    def tells_more(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not (is_outage(error) if isinstance(error, Exception) else connection.is_closed())

    library = logging.getLogger("pgqueuer")
    library.addFilter(tells_more)
    try:
        yield
    finally:
        library.removeFilter(tells_more)
