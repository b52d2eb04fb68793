"""Connections and transactions. The edges open transactions here; nothing below an edge commits."""

import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from uuid import UUID

import asyncpg
from sqlalchemy import Engine, event, func, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

Session = AsyncSession

WAKE_UP_CHANNEL = "lookreel_video_jobs"
UNDEFINED_TABLE = "42P01"
FACTS = "facts"
REST_SECONDS = 1.0
_RETURNED_AT = "returned_at"
_WAKE_UPS = "wake_ups"

logger = logging.getLogger("lookreel.db")


def wake_up_after_commit(session: Session, video_job_id: UUID, version: int, user_id: UUID) -> None:
    """Tell followers of the job and of its owner's jobs once the running transaction has committed."""
    session.info.setdefault(_WAKE_UPS, []).append(f"{video_job_id}:{version}:{user_id}")


class DatabaseUnavailable(Exception):
    """PostgreSQL cannot be reached, or went away in the middle; nothing of the transaction was kept."""

    code = "DATABASE_UNAVAILABLE"

    def __init__(self, message: str = "The database cannot be reached at the moment. Please try again.") -> None:
        super().__init__(message)


class DatabaseNotMigrated(DatabaseUnavailable):
    """A table is missing: the code is newer than the database."""

    code = "DATABASE_NOT_MIGRATED"

    def __init__(self) -> None:
        super().__init__("The database is not up to date. An operator has to run `lookreel migrate`.")


def _named(error: DBAPIError) -> DatabaseUnavailable | None:
    if error.connection_invalidated:
        return DatabaseUnavailable()
    if getattr(error.orig, "sqlstate", None) == UNDEFINED_TABLE:
        return DatabaseNotMigrated()
    return None


@contextmanager
def _errors_named() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        named = _named(error)
        if named is None:
            raise
        raise named from error


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
    """One pool of connections for the process.

    `url` is any PostgreSQL URL; the asyncpg driver is put in whatever the scheme says.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = make_url(url).set(drivername="postgresql+asyncpg")
        # What this process has learnt about the database and will not change, such as that a table is there.
        self._facts: dict[str, bool] = {}
        self._engine = create_async_engine(self.url, pool_size=pool_size, max_overflow=0)
        event.listen(self._engine.sync_engine, "checkin", _note_return)
        event.listen(self._engine.sync_engine, "checkout", partial(_require_life, self._engine.sync_engine))
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Commit what happens inside, or none of it, then send the wake-ups that were asked for.

        Wake-ups go out after the commit, on their own: NOTIFY inside a busy transaction serialises commits.

        Raises:
            DatabaseUnavailable: when there is no connection to be had, or it was lost.

        """
        async with AsyncSession(self._engine, expire_on_commit=False, info={FACTS: self._facts}) as session:
            with _errors_named():
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
        async with AsyncSession(self._reader, expire_on_commit=False, info={FACTS: self._facts}) as session:
            with _errors_named():
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
        """Close every connection of the pool."""
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
