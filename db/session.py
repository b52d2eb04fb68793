"""Connections and transactions. The edges open transactions here; nothing below an edge commits."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Engine, event, func, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from db.error_names import errors_named
from db.errors import DatabaseUnavailable
from db.read_pool import ReadPool
from db.statements import SomeRow, Statement

WAKE_UP_CHANNEL = "lookreel_video_jobs"
REST_SECONDS = 1.0
_RETURNED_AT = "returned_at"
_WAKE_UPS = "wake_ups"

logger = logging.getLogger("lookreel.db")


class Session(AsyncSession):
    """A transaction; also a `db.statements.Reader`, that sends on the transaction's own connection."""

    def __init__(self, engine: AsyncEngine, facts: dict[str, bool], *, autocommit: bool = False) -> None:
        super().__init__(engine, expire_on_commit=False)
        self.facts = facts
        self._autocommit = autocommit
        self._driver: asyncpg.Connection | None = None

    async def fetch(self, statement: Statement[SomeRow], **values: object) -> list[SomeRow]:
        """See `db.statements.Reader`. What the session has not flushed yet is not seen."""
        driver = self._driver or await self._begun()
        try:
            rows: list[SomeRow] = await driver.fetch(
                statement.sql, *statement.arguments(values), record_class=statement.row
            )
        except OSError as error:
            raise DatabaseUnavailable from error
        return rows

    async def _begun(self) -> asyncpg.Connection:
        connection = await self.connection()
        driver: Any = (await connection.get_raw_connection()).driver_connection
        if not self._autocommit and not driver.is_in_transaction():
            # SQLAlchemy begins with its first statement; on a connection without one the driver would commit at once.
            await connection.execute(select(1))
        self._driver = driver
        return driver


def wake_up_after_commit(session: Session, video_job_id: UUID, version: int, user_id: UUID) -> None:
    """Tell followers of the job and of its owner's jobs once the running transaction has committed."""
    session.info.setdefault(_WAKE_UPS, []).append(f"{video_job_id}:{version}:{user_id}")


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

    `url` is any PostgreSQL URL; the asyncpg driver is put in whatever the scheme says. All are opened when needed.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = make_url(url).set(drivername="postgresql+asyncpg")
        readers = max(1, pool_size // 2)
        self.reader = ReadPool(self.url, readers, {})
        self._engine = create_async_engine(self.url, pool_size=max(1, pool_size - readers), max_overflow=0)
        event.listen(self._engine.sync_engine, "checkin", _note_return)
        event.listen(self._engine.sync_engine, "checkout", partial(_require_life, self._engine.sync_engine))
        self._autocommitting = self._engine.execution_options(isolation_level="AUTOCOMMIT")

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
            wake_ups: list[str] = session.info.pop(_WAKE_UPS, [])
            if wake_ups:
                await self._notify(session, wake_ups)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Session]:
        """Yield a session for reads that need no transaction around them: each statement sees its own moment.

        Saves two round trips. Writing in it is a mistake: nothing would be rolled back, nobody woken up.

        Raises:
            DatabaseUnavailable: as for `transaction`

        """
        async with Session(self._autocommitting, self.reader.facts, autocommit=True) as session:
            with errors_named():
                await self._connect(session)
                yield session

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
        await self.reader.close()
        await self._engine.dispose()

    async def _connect(self, session: Session) -> None:
        try:
            await session.connection()
        except (OSError, DBAPIError, asyncpg.PostgresError, PoolTimeout) as error:
            raise DatabaseUnavailable from error

    async def _notify(self, session: Session, wake_ups: list[str]) -> None:
        try:
            async with session.begin():
                for wake_up in wake_ups:
                    await session.execute(select(func.pg_notify(WAKE_UP_CHANNEL, wake_up)))
        except (SQLAlchemyError, OSError):
            # Followers also look by themselves now and then, so a lost wake-up costs them latency only.
            logger.warning("A wake-up could not be sent", exc_info=True)
