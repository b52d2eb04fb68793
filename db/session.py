"""Connections and transactions. The edges open transactions here; nothing below an edge commits."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy import URL, event, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from db.address import DatabaseAddress
from db.connections import CLOSE_SECONDS, Server, close
from db.error_names import errors_named
from db.errors import DatabaseBusy
from db.limits import FOR_HEALTH, FOR_QUEUES, FOR_REQUESTS, Limits
from db.read_pool import ReadPool, ShortTransaction
from db.sending import SendsByDriver
from db.statements import Id, Writer
from db.wake_ups import WakeUps

REST_SECONDS = 1.0
PING_SECONDS = 2.0
WAIT_SECONDS = 10.0
_RETURNED_AT = "returned_at"
DRIVER = "postgresql+asyncpg://"


class Session(AsyncSession, SendsByDriver):
    """A transaction; also a `db.statements.Writer`, which does not see what the session has not flushed yet."""

    def __init__(self, engine: AsyncEngine, facts: dict[str, bool]) -> None:
        super().__init__(engine, expire_on_commit=False)
        self.facts = facts
        self.wake_ups: list[str] = []
        self._own_driver: Any = None

    async def begun(self) -> None:
        """Take a connection.

        Raises:
            DatabaseBusy, or what connecting raises

        """
        try:
            connection = await self.connection()
        except PoolTimeout as error:
            raise DatabaseBusy from error
        self._own_driver = (await connection.get_raw_connection()).driver_connection

    async def rolled_back(self, because_of: BaseException) -> None:
        """Give the connection back: as it is, or lost, where the server does not answer or nobody waits for it."""
        unanswered = isinstance(because_of.__cause__, TimeoutError)
        if unanswered or isinstance(because_of, (TimeoutError, asyncio.CancelledError)):
            self._own_driver.terminate()
        with suppress(DBAPIError):  # lost in this very moment
            await (self.invalidate() if self._own_driver.is_closed() else self.close())

    async def _driver(self) -> asyncpg.Connection:
        driver: asyncpg.Connection = self._own_driver
        if not driver.is_in_transaction():
            # SQLAlchemy begins with its first statement; before it, the driver would commit at once.
            await self.execute(select(1))
        return driver


def wake_up_after_commit(writer: Writer, video_job_id: Id, version: int, user_id: Id) -> None:
    """Tell followers of the job and of its owner's jobs once the running transaction has committed."""
    writer.wake_ups.append(f"{video_job_id}:{version}:{user_id}")


def _note_return(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_RETURNED_AT] = time.monotonic()


def _require_life(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Try a connection before it is lent: a server restart must cost a reconnect, not a failed request.

    What the server has hung up is known without asking; one that has rested is asked. SQLAlchemy's own pre-ping asks
    each time, which is a round trip more for every read, and waits for as long as any statement may take.
    """
    driver: asyncpg.Connection | None = record.driver_connection
    if driver is None or driver.is_closed():
        raise DisconnectionError
    if time.monotonic() - record.info.get(_RETURNED_AT, time.monotonic()) > REST_SECONDS:
        try:
            connection.run_async(partial(_ping, driver))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise DisconnectionError from error


async def _ping(driver: asyncpg.Connection, _: object) -> None:
    try:
        await driver.execute("SELECT 1", timeout=PING_SECONDS)
    except TimeoutError:
        driver.terminate()  # SQLAlchemy would wait for it to close
        raise


class Database:
    """The connections of one process, all opened when they are needed, and closed where they do not answer in time.

    Half of `pool_size` is for single reads, half for short transactions, half for others: whoever waits for a lock
    takes no connection from those who read. Health has one of its own. Whoever gets none within `wait_seconds` gets
    `DatabaseBusy`. `url` is any that libpq understands (`db.address`); the attribute has it as SQLAlchemy writes it.

    Raises:
        InvalidDatabaseUrl

    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        wait_seconds: float = WAIT_SECONDS,
        limits: Limits = FOR_REQUESTS,
        application_name: str = "lookreel",
    ) -> None:
        self.server = Server(url, application_name)
        self.url = _written(self.server.address)
        facts: dict[str, bool] = {}
        connect = partial(self.server.connect, limits)
        readers = max(1, pool_size // 2)
        writers = max(1, pool_size - readers)
        self.reader = ReadPool(connect, readers, facts, wait_seconds)
        self.health = ReadPool(partial(self.server.connect, FOR_HEALTH), 1, facts, FOR_HEALTH.connect)
        self._writers = ReadPool(connect, writers, facts, wait_seconds)
        self._wake_ups = WakeUps(self.reader)
        self._engine = create_async_engine(
            DRIVER, async_creator=connect, pool_size=writers, max_overflow=0, pool_timeout=wait_seconds
        )
        event.listen(self._engine.sync_engine, "checkin", _note_return)
        event.listen(self._engine.sync_engine, "checkout", _require_life)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Commit what happens inside, or none of it, then send the wake-ups that were asked for.

        Wake-ups go out after the commit, on their own: NOTIFY inside a busy transaction serialises commits.

        Raises:
            DatabaseUnavailable: when there is no connection to be had, it was lost, or the database refuses.

        """
        with errors_named():
            async with Session(self._engine, self.reader.facts) as session:
                await session.begun()
                try:
                    yield session
                    await session.commit()
                except BaseException as error:
                    await session.rolled_back(error)
                    raise
        self._wake_ups.send(session.wake_ups)

    @asynccontextmanager
    async def short_transaction(self) -> AsyncIterator[ShortTransaction]:
        """Do as `transaction` does, for statements that are sent by the driver: SQLAlchemy has no share in it.

        Raises:
            DatabaseUnavailable: as for `transaction`

        """
        async with self._writers.transaction() as transaction:
            yield transaction
        self._wake_ups.send(transaction.wake_ups)

    @asynccontextmanager
    async def raw_connection(self, limits: Limits = FOR_QUEUES) -> AsyncIterator[asyncpg.Connection]:
        """Lend an asyncpg connection of its own, outside the pool and in autocommit: for LISTEN and for PgQueuer.

        Raises:
            DatabaseUnavailable

        """
        connection = await self.server.connect(limits)
        try:
            yield connection
        finally:
            await close(connection)

    async def close(self) -> None:
        """Close every connection, within some seconds."""
        await self._wake_ups.close()
        await asyncio.gather(self.reader.close(), self._writers.close(), self.health.close())
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._engine.dispose()


def _written(address: DatabaseAddress) -> URL:
    """Write an address as SQLAlchemy does; sockets, and several hosts, stand among the parameters."""
    query = {**address.driver, **address.server} | {name: str(number) for name, number in address.numbers.items()}
    if address.sessions is not None:
        query["target_session_attrs"] = address.sessions
    hosts, ports = [host for host, _ in address.hosts], [port for _, port in address.hosts]
    alone = len(hosts) == 1 and not hosts[0].startswith("/")
    if hosts and not alone:
        query |= {"host": ",".join(hosts), "port": ",".join(str(port or "") for port in ports)}
    return URL.create(
        DRIVER.removesuffix("://"),
        address.user,
        address.password,
        host=hosts[0] if alone else None,
        port=ports[0] if alone else None,
        database=address.database,
        query=query,
    )
