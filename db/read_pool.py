"""The driver's own connections, for single reads, and for transactions that are short.

A single read sees its own moment, and leaves nothing behind on its connection.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg
from asyncpg.transaction import Transaction
from sqlalchemy import URL

from db.error_names import errors_named, is_lost
from db.errors import DatabaseUnavailable
from db.sending import SendsByDriver
from db.statements import DIALECT, SomeRow, Statement

CLOSE_SECONDS = 5.0

Result = TypeVar("Result")


class ShortTransaction(SendsByDriver):
    """A `db.statements.Writer` on one of the driver's connections. `facts` is its pool's."""

    def __init__(self, connection: asyncpg.Connection, facts: dict[str, bool]) -> None:
        self.facts = facts
        self.wake_ups: list[str] = []
        self._connection = connection

    async def _driver(self) -> asyncpg.Connection:
        return self._connection


class ReadPool:
    """A `db.statements.Reader` outside of any transaction. A read is safe to repeat, so a lost connection is replaced.

    `facts` is what this process has learnt about the database and will not change, such as that a table is there.
    """

    def __init__(self, url: URL, size: int, facts: dict[str, bool]) -> None:
        self.facts = facts
        self._url = url
        # The one that was used last comes first; None is one that is still to be opened. Not asyncpg's pool, whose
        # task and clean-up for each release take as long as a small read.
        self._free: asyncio.LifoQueue[asyncpg.Connection | None] = asyncio.LifoQueue()
        for _ in range(size):
            self._free.put_nowait(None)

    async def fetch(self, statement: Statement[SomeRow], **values: object) -> list[SomeRow]:
        """See `db.statements.Reader`."""
        arguments = statement.arguments(values)

        async def send(connection: asyncpg.Connection) -> list[SomeRow]:
            rows: list[SomeRow] = await connection.fetch(statement.sql, *arguments, record_class=statement.row)
            return rows

        with errors_named():
            connection = await self._free.get()
            try:
                rows, connection = await self._again_if_lost(connection, send)
            finally:
                self._free.put_nowait(connection)
        return rows

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[ShortTransaction]:
        """Commit what happens inside, or none of it.

        Raises:
            DatabaseUnavailable

        """
        with errors_named():
            connection = await self._free.get()
            try:
                transaction, connection = await self._again_if_lost(connection, _begun)
                try:
                    yield ShortTransaction(connection, self.facts)
                except BaseException:
                    await _ended(transaction.rollback)
                    raise
                await _ended(transaction.commit)
            finally:
                self._free.put_nowait(connection)

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        while not self._free.empty():
            connection = self._free.get_nowait()
            if connection is not None:
                await connection.close(timeout=CLOSE_SECONDS)

    async def _again_if_lost(
        self, connection: asyncpg.Connection | None, work: Callable[[asyncpg.Connection], Awaitable[Result]]
    ) -> tuple[Result, asyncpg.Connection]:
        """Do what is safe to repeat, once more where the connection was lost since its last use; return it, too."""
        if connection is not None and not connection.is_closed():
            try:
                return await work(connection), connection
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                if not is_lost(error):
                    raise
            connection.terminate()
        connection = await self._opened()
        try:
            return await work(connection), connection
        except BaseException as error:
            # Nobody has seen it yet, who would put it back.
            connection.terminate()
            if isinstance(error, OSError):
                raise DatabaseUnavailable from error
            raise

    async def _opened(self) -> asyncpg.Connection:
        arguments, options = DIALECT.create_connect_args(self._url)  # type: ignore[no-untyped-call]
        try:
            return await asyncpg.connect(*arguments, **options)
        except (OSError, asyncpg.PostgresError) as error:
            raise DatabaseUnavailable from error


async def _begun(connection: asyncpg.Connection) -> Transaction:
    transaction = connection.transaction()
    await transaction.start()
    return transaction


async def _ended(end: Callable[[], Awaitable[None]]) -> None:
    try:
        await end()
    except OSError as error:
        raise DatabaseUnavailable from error
