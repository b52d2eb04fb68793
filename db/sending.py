"""What sends statements inside a transaction by the driver itself: see `db.statements.Writer`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

import asyncpg

from db.error_names import errors_named
from db.statements import SomeRow, Statement

AnyRow = TypeVar("AnyRow", bound=asyncpg.Record)


class SendsByDriver(ABC):
    """A transaction on one of the driver's connections."""

    async def fetch(self, statement: Statement[SomeRow], **values: object) -> list[SomeRow]:
        """See `db.statements.Reader`."""
        return await self._fetch(statement.sql, statement.arguments(values), statement.row)

    async def send(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """See `db.statements.Writer`."""
        return await self._fetch(sql, arguments, asyncpg.Record)

    @abstractmethod
    async def _driver(self) -> asyncpg.Connection:
        """Return the connection, on which the transaction has begun."""

    async def _fetch(self, sql: str, arguments: Sequence[object], row: type[AnyRow]) -> list[AnyRow]:
        driver = await self._driver()
        with errors_named(OSError):
            return await driver.fetch(sql, *arguments, record_class=row)
