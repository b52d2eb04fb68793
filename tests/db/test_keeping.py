"""Whether connections keep their sessions, and what they have prepared, told from poolers that no package has here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import pytest

from db.engine.database import Database
from db.engine.poolers import keeps


class Pooler:
    """Real sessions, the one that was left last lent first, each for a transaction, and each knows all statements."""

    def __init__(self, sessions: list[asyncpg.Connection]) -> None:
        self.idle = sessions

    def client(self) -> asyncpg.Connection:
        return cast("asyncpg.Connection", _Client(self))


class _Client:
    def __init__(self, pooler: Pooler) -> None:
        self._pooler = pooler
        self._session: asyncpg.Connection | None = None

    async def fetchval(self, query: str) -> Any:
        if self._session is not None:
            return await self._session.fetchval(query)
        session = self._pooler.idle.pop()
        try:
            return await session.fetchval(query)
        finally:
            self._pooler.idle.append(session)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self._session = self._pooler.idle.pop()
        yield
        self._pooler.idle.append(self._session)
        self._session = None


@pytest.mark.parametrize("sessions", [True, False])
async def test_postgresql_keeps_both(database: Database, *, sessions: bool) -> None:
    async with database.raw_connection() as one, database.raw_connection() as other:
        assert await keeps(one, other, sessions=sessions)


async def test_a_pooler_in_transaction_mode_may_keep_statements(database: Database) -> None:
    async with database.raw_connection() as one, database.raw_connection() as other:
        pooler = Pooler([one, other])
        assert await keeps(pooler.client(), pooler.client(), sessions=False)
        assert not await keeps(pooler.client(), pooler.client(), sessions=True)


@pytest.mark.parametrize("error", [asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError])
async def test_a_statement_that_another_session_has_is_lost(error: type[Exception]) -> None:
    class Lost:
        async def fetchval(self, _query: str) -> None:
            raise error("prepared statement")

    lost = cast("asyncpg.Connection", Lost())
    assert not await keeps(lost, lost, sessions=False)
