"""The connections for single reads: each statement sees its own moment, and leaves nothing behind on its connection."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
from sqlalchemy import URL

from db.error_names import errors_named, is_lost
from db.errors import DatabaseUnavailable
from db.statements import DIALECT, SomeRow, Statement

Result = TypeVar("Result")


class ReadPool:
    """A `db.statements.Reader` outside of any transaction. A read is safe to repeat, so a lost connection is replaced.

    `facts` is what this process has learnt about the database and will not change, such as that a table is there.
    """

    def __init__(self, url: URL, size: int, facts: dict[str, bool]) -> None:
        self.facts = facts
        self._url = url
        self._size = size
        self._pool: asyncpg.Pool | None = None

    async def fetch(self, statement: Statement[SomeRow], **values: object) -> list[SomeRow]:
        """See `db.statements.Reader`."""
        arguments = statement.arguments(values)

        async def send(connection: asyncpg.Connection) -> list[SomeRow]:
            rows: list[SomeRow] = await connection.fetch(statement.sql, *arguments, record_class=statement.row)
            return rows

        with errors_named():
            try:
                return await self._with_connection(send)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if not is_lost(error) or self._pool is None:
                    raise
            try:
                # The server has been restarted: the other connections are no better.
                await self._pool.expire_connections()
                return await self._with_connection(send)
            except OSError as error:
                raise DatabaseUnavailable from error

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await self._pool.close()

    async def _with_connection(self, work: Callable[[asyncpg.Connection], Awaitable[Result]]) -> Result:
        if self._pool is None:
            self._pool = await self._opened()
        try:
            connection = await self._pool.acquire()
        except (OSError, asyncpg.PostgresError) as error:
            raise DatabaseUnavailable from error
        try:
            return await work(connection)
        finally:
            await self._pool.release(connection)

    async def _opened(self) -> asyncpg.Pool:
        """Make the pool; with no connection to begin with, that does not wait, and so is done once."""
        arguments, options = DIALECT.create_connect_args(self._url)  # type: ignore[no-untyped-call]
        return await asyncpg.create_pool(
            *arguments, **options, min_size=0, max_size=self._size, reset=_nothing_to_reset
        )


async def _nothing_to_reset(_connection: asyncpg.Connection) -> None:
    """Save the round trip that a pool takes by default to undo what a session has set."""
