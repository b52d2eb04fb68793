"""Connections and transactions: the edges open them here, nothing below one commits, and wake-ups tell of a commit."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from uuid import UUID

import asyncpg
from sqlalchemy import ARRAY, Text, bindparam, func, select

from db.engine.background import is_cancelled, is_unexpected
from db.engine.connections import Server
from db.engine.limits import FOR_HEALTH, FOR_QUEUES, FOR_REQUESTS, Limits, PoolerMode
from db.engine.pool import Pool
from db.engine.statements import Reader, Row, Statement, Writer, spelled

WAKE_UP_CHANNEL = "lookreel_video_jobs"
# Where much changes, wake-ups come so much later, which nobody sees: with four workers, this saves a fifth of
# PostgreSQL's time for a job.
REST_SECONDS = 0.1

logger = logging.getLogger("lookreel.db")


class _Sent(Row):
    pg_notify: None


_wake_up = func.unnest(bindparam("wake_ups", type_=ARRAY(Text))).column_valued("wake_up")
_NOTIFY = Statement(select(func.pg_notify(spelled(WAKE_UP_CHANNEL), _wake_up)), _Sent)


class WakeUps:
    """Sends in the background, what has come together meanwhile at once.

    NOTIFY serialises commits and wakes every listener, so it has a statement of its own, and a process sends one at a
    time, with a rest between them. Nobody waits for it here either: followers also look by themselves now and then, so
    a lost wake-up costs them latency only.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._waiting: list[str] = []
        self._sending: asyncio.Task[None] | None = None

    def send(self, wake_ups: Sequence[str]) -> None:
        """Have these sent."""
        self._waiting += wake_ups
        if self._waiting and (self._sending is None or self._sending.done()):
            self._sending = asyncio.create_task(self._send_all())

    async def close(self) -> None:
        """Wait until nothing waits any more."""
        if self._sending is not None:
            await self._sending

    async def _send_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._reader.fetch(_NOTIFY, wake_ups=batch)
            except (Exception, asyncio.CancelledError) as error:
                if is_cancelled(error):
                    raise
                logger.warning("Wake-ups could not be sent", exc_info=is_unexpected(error))
            await asyncio.sleep(REST_SECONDS)


WAIT_SECONDS = 10.0
# For health, and to listen or to take jobs.
CONNECTIONS_BESIDES = 2


def wake_up_after_commit(writer: Writer, video_job_id: UUID, version: int, user_id: UUID) -> None:
    """Tell followers of the job and of its owner's jobs once the running transaction has committed."""
    writer.wake_ups.append(f"{video_job_id}:{version}:{user_id}")


class Database:
    """The connections of one process, all opened when they are needed, and closed where they do not answer in time.

    Half of `pool_size` is for single reads, half for transactions: whoever waits for a lock takes no connection from
    those who read. Health has one of its own. Whoever gets none within `wait_seconds` gets `DatabaseBusy`. `url` is any
    that libpq understands (`db.engine.address`), also a pooler's in that mode; `direct_url` goes around a pooler.
    `tokens` counts what the transactions of this process have moved, by the kind of the ledger's entry; `connections`
    is how many a process opens at most.

    Raises InvalidDatabaseUrl.
    """

    def __init__(  # noqa: PLR0913 - what an operator sets
        self,
        url: str,
        *,
        direct_url: str | None = None,
        mode: PoolerMode = PoolerMode.SESSION,
        pool_size: int = 10,
        wait_seconds: float = WAIT_SECONDS,
        limits: Limits = FOR_REQUESTS,
        application_name: str = "lookreel",
    ) -> None:
        self.server = Server(direct_url or url, application_name)
        self.pooled = Server(url, application_name, mode)
        self.connections = pool_size + CONNECTIONS_BESIDES
        capabilities: dict[str, bool] = {}
        connect = partial(self.pooled.connect, limits)
        readers = max(1, pool_size // 2)
        self.reader = Pool(connect, readers, capabilities, wait_seconds)
        self.health = Pool(partial(self.pooled.connect, FOR_HEALTH), 1, capabilities, FOR_HEALTH.connect)
        self.tokens: Counter[str] = Counter()
        self.writers = Pool(connect, max(1, pool_size - readers), capabilities, wait_seconds, limits.beginning(mode))
        self._wake_ups = WakeUps(self.reader)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Writer]:
        """Commit what happens inside, or none of it, then send the wake-ups that were asked for.

        Wake-ups go out after the commit, on their own: NOTIFY inside a busy transaction serialises commits.

        Raises DatabaseUnavailable when there is no connection to be had, it was lost, or the database refuses.
        """
        async with self.writers.transaction() as transaction:
            yield transaction
        self._committed(transaction)

    @asynccontextmanager
    async def lone_statement(self) -> AsyncIterator[Writer]:
        """Be a transaction of one statement, in one round trip.

        Raises DatabaseUnavailable, and RuntimeError: there is a second statement.
        """
        statement = self.writers.lone_statement()
        yield statement
        self._committed(statement)

    def raw_connection(self, limits: Limits = FOR_QUEUES) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """Lend an asyncpg connection of its own, around any pooler and in autocommit: for LISTEN and for PgQueuer.

        Raises DatabaseUnavailable.
        """
        return self.server.opened(limits)

    async def close(self) -> None:
        """Close every connection, within some seconds."""
        await self._wake_ups.close()
        await asyncio.gather(self.reader.close(), self.writers.close(), self.health.close())

    def _committed(self, transaction: Writer) -> None:
        self.tokens.update(transaction.tokens)
        self._wake_ups.send(transaction.wake_ups)
