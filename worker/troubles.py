"""What stops a worker's loops, told apart: an outage takes a line in the log, a fault of ours its traceback as well."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from pgqueuer import Queries
from pgqueuer.errors import FailingListenerError
from pgqueuer.models import Job

from db.engine.error_names import is_lost
from db.engine.errors import DatabaseUnavailable
from resolvers.ports import StorageUnavailable

# Classes of PostgreSQL's errors (its documentation, appendix A) that are about the server and the way to it: broken
# connections, refused credentials, a missing database, too few resources, an operator's intervention; and of class 25
# that it takes no changes, as a standby does.
_OUTAGES = ("08", "25006", "28", "3D", "53", "57")

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
    """Calls `on_failure` when no jobs can be taken: PgQueuer waits for those that it holds before it says so."""

    on_failure: Callable[[], None] = lambda: None

    async def dequeue(self, *arguments: Any, **values: Any) -> list[Job]:  # noqa: ANN401 - PgQueuer's own
        """See `pgqueuer.Queries`; a lost race for jobs is no failure."""
        try:
            return await super().dequeue(*arguments, **values)
        except Exception:
            self.on_failure()
            raise


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
