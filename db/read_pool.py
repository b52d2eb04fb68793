"""The connections for single reads: each statement sees its own moment, and leaves nothing behind on its connection."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
from sqlalchemy import URL

from db.error_names import errors_named, is_lost
from db.errors import DatabaseUnavailable
from db.statements import DIALECT, SomeRow, Statement

CLOSE_SECONDS = 5.0

Result = TypeVar("Result")


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
            try:
                return await self._with_connection(send)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if not is_lost(error):
                    raise
            try:
                return await self._with_connection(send, afresh=True)
            except OSError as error:
                raise DatabaseUnavailable from error

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        while not self._free.empty():
            connection = self._free.get_nowait()
            if connection is not None:
                await connection.close(timeout=CLOSE_SECONDS)

    async def _with_connection(
        self, work: Callable[[asyncpg.Connection], Awaitable[Result]], *, afresh: bool = False
    ) -> Result:
        connection = await self._free.get()
        try:
            if connection is None or connection.is_closed() or afresh:
                connection = await self._opened(connection)
            return await work(connection)
        finally:
            self._free.put_nowait(connection)

    async def _opened(self, old: asyncpg.Connection | None) -> asyncpg.Connection:
        if old is not None:
            old.terminate()
        arguments, options = DIALECT.create_connect_args(self._url)  # type: ignore[no-untyped-call]
        try:
            return await asyncpg.connect(*arguments, **options)
        except (OSError, asyncpg.PostgresError) as error:
            raise DatabaseUnavailable from error
