"""Connections and transactions. The edges open transactions here; nothing below an edge commits."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy import Engine, event, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from db.error_names import errors_named
from db.errors import DatabaseUnavailable
from db.read_pool import ReadPool, ShortTransaction
from db.sending import SendsByDriver
from db.statements import Id, Writer
from db.wake_ups import WakeUps

REST_SECONDS = 1.0
_RETURNED_AT = "returned_at"


class Session(AsyncSession, SendsByDriver):
    """A transaction; also a `db.statements.Writer`, which does not see what the session has not flushed yet."""

    def __init__(self, engine: AsyncEngine, facts: dict[str, bool]) -> None:
        super().__init__(engine, expire_on_commit=False)
        self.facts = facts
        self.wake_ups: list[str] = []
        self._own_driver: asyncpg.Connection | None = None

    async def _driver(self) -> asyncpg.Connection:
        if self._own_driver is None:
            connection = await self.connection()
            driver: Any = (await connection.get_raw_connection()).driver_connection
            if not driver.is_in_transaction():
                # SQLAlchemy begins with its first statement; before it, the driver would commit at once.
                await connection.execute(select(1))
            self._own_driver = driver
        return self._own_driver


def wake_up_after_commit(writer: Writer, video_job_id: Id, version: int, user_id: Id) -> None:
    """Tell followers of the job and of its owner's jobs once the running transaction has committed."""
    writer.wake_ups.append(f"{video_job_id}:{version}:{user_id}")


def _note_return(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_RETURNED_AT] = time.monotonic()


def _require_life(engine: Engine, connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Try a connection before it is lent: a server restart must cost a reconnect, not a failed request.

    What the server has hung up is known without asking; one that has rested is asked. SQLAlchemy's own pre-ping asks
    each time, which is a round trip more for every read.
    """
    if record.driver_connection is None or record.driver_connection.is_closed():
        raise DisconnectionError
    if time.monotonic() - record.info.get(_RETURNED_AT, time.monotonic()) > REST_SECONDS:
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error


class Database:
    """The connections of one process: `pool_size` in all, half of them for transactions, half for single reads.

    Short transactions take the readers' connections.

    `url` is any PostgreSQL URL; the asyncpg driver is put in whatever the scheme says. All are opened when needed.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = make_url(url).set(drivername="postgresql+asyncpg")
        readers = max(1, pool_size // 2)
        self.reader = ReadPool(self.url, readers, {})
        self._wake_ups = WakeUps(self.reader)
        self._engine = create_async_engine(self.url, pool_size=max(1, pool_size - readers), max_overflow=0)
        event.listen(self._engine.sync_engine, "checkin", _note_return)
        event.listen(self._engine.sync_engine, "checkout", partial(_require_life, self._engine.sync_engine))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Commit what happens inside, or none of it, then send the wake-ups that were asked for.

        Wake-ups go out after the commit, on their own: NOTIFY inside a busy transaction serialises commits.

        Raises:
            DatabaseUnavailable: when there is no connection to be had, or it was lost.

        """
        async with Session(self._engine, self.reader.facts) as session:
            with errors_named():
                async with session.begin():
                    await self._connect(session)
                    yield session
        self._wake_ups.send(session.wake_ups)

    @asynccontextmanager
    async def short_transaction(self) -> AsyncIterator[ShortTransaction]:
        """Do as `transaction` does, for statements that are sent by the driver: SQLAlchemy has no share in it.

        Raises:
            DatabaseUnavailable: as for `transaction`

        """
        async with self.reader.transaction() as transaction:
            yield transaction
        self._wake_ups.send(transaction.wake_ups)

    @asynccontextmanager
    async def raw_connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend an asyncpg connection of its own, outside the pool and in autocommit: for LISTEN and for PgQueuer."""
        dialect = self._engine.dialect
        arguments, options = dialect.create_connect_args(self.url)
        connection = await asyncpg.connect(*arguments, **options)
        try:
            yield connection
        finally:
            await connection.close(timeout=5)

    async def close(self) -> None:
        """Close every connection."""
        await self._wake_ups.close()
        await self.reader.close()
        await self._engine.dispose()

    async def _connect(self, session: Session) -> None:
        try:
            await session.connection()
        except (OSError, DBAPIError, asyncpg.PostgresError, PoolTimeout) as error:
            raise DatabaseUnavailable from error
